use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use polars::prelude::{DataType, Expr, PolarsError, Schema};

use super::evaluator::Evaluator;
use super::first_line;
use super::profile::{TextProfile, TextType};
use super::rewrite::{Arithmetic, beside_columns, exact_literals, polars_type};
use crate::error::{Error, ErrorKind};
use crate::near::suggestion;

const SEVERAL_ROWS: &str = "this looks at several rows at once; expected an expression over the columns of one row";

/// A SQL expression as it was written, its columns known.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    text: String,
    flag: &'static str,
    expression: Expr,
    columns: BTreeSet<String>,
}

impl Parsed {
    /// Reads an expression and finds its columns in the header.
    pub(crate) fn new(flag: &'static str, text: &str, header: &[Arc<str>]) -> Result<Self, Error> {
        let wrong = |message: String| Error::new(ErrorKind::Expression, format!("{flag} {text:?}: {message}"));
        let expression = polars::sql::sql_expr(text)
            .map_err(|error| wrong(format!("cannot read this as a SQL expression ({})", first_line(&error))))?;
        let mut columns = BTreeSet::new();
        for part in &expression {
            match part {
                Expr::Column(name) => {
                    if !header.iter().any(|column| **column == **name) {
                        return Err(wrong(format!("no column \"{name}\"; {}", suggestion(name, header.iter().map(|c| &**c)))));
                    }
                    columns.insert(name.to_string());
                }
                // A list of literals is an aggregate too, of no column.
                Expr::Len | Expr::Over { .. } => return Err(wrong(SEVERAL_ROWS.to_owned())),
                Expr::Agg(_) if part.into_iter().any(|inside| matches!(inside, Expr::Column(_))) => {
                    return Err(wrong(SEVERAL_ROWS.to_owned()));
                }
                _ => {}
            }
        }
        Ok(Self { text: text.to_owned(), flag, expression, columns })
    }

    /// The columns it reads.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// Settles the columns' types.
    pub(crate) fn resolve(self, wanted: Wanted, operand: impl Fn(&str) -> Operand) -> Result<Evaluator, Error> {
        let operands: Vec<(&String, Operand)> = self.columns.iter().map(|name| (name, operand(name))).collect();
        let attempt = |pick: &dyn Fn(&str, &Operand, &TextProfile) -> TextType| -> Result<Evaluator, PolarsError> {
            let kinds = operands.iter().map(|(name, operand)| match &operand.kind {
                ColumnKind::Text(profile) => ((*name).clone(), Some(pick(name, operand, profile)), ArrowType::Utf8),
                ColumnKind::Typed(data_type) => ((*name).clone(), None, data_type.clone()),
            });
            self.with_types(wanted, kinds.collect())
        };
        let strict = match attempt(&|_, operand, profile| operand.strict(profile)) {
            Ok(evaluator) => return Ok(evaluator),
            Err(strict) => strict,
        };
        // A column with a few bad values among numbers is still meant as numbers where the expression needs them.
        if let Ok(evaluator) = attempt(&|_, _, profile| profile.mostly()) {
            return Ok(evaluator);
        }
        // So is one that is all bad here where it is known from elsewhere what it should be: as few of them as will do.
        for meant in [Meant::Numbers, Meant::Truths] {
            let open = operands.iter().filter(|(_, operand)| operand.may_be(meant)).take(MOST_OPEN);
            let open: Vec<&str> = open.map(|(name, _)| name.as_str()).collect();
            for chosen in 1u32..1 << open.len() {
                let is_chosen = |name: &str| open.iter().position(|open| *open == name).is_some_and(|at| chosen >> at & 1 == 1);
                let pick = |name: &str, _: &Operand, profile: &TextProfile| match meant {
                    _ if !is_chosen(name) => profile.mostly(),
                    Meant::Numbers => profile.as_numbers(),
                    Meant::Truths => TextType::Boolean,
                };
                if let Ok(evaluator) = attempt(&pick) {
                    return Ok(evaluator);
                }
            }
        }
        Err(Error::new(
            ErrorKind::Expression,
            format!("{} {:?}: {}{}", self.flag, self.text, in_our_words(&strict), what_there_is(&operands)),
        ))
    }

    fn with_types(&self, wanted: Wanted, kinds: Vec<(String, Option<TextType>, ArrowType)>) -> Result<Evaluator, PolarsError> {
        let arithmetic = Arithmetic::of(&self.expression);
        let scale = arithmetic.scale(&self.expression, &kinds)?;
        let types = |exact: bool| -> Schema {
            let types = kinds.iter().map(|(name, text, arrow)| {
                let exact_type = polars_type(*text, arrow, scale, arithmetic.exact_integers(wanted));
                let float = !exact && (exact_type.is_primitive_numeric() || exact_type.is_decimal());
                (name.as_str().into(), if float { DataType::Float64 } else { exact_type })
            });
            types.collect()
        };
        let (schema, float_schema) = (types(true), types(false));
        let expression = self.expression.clone().map_expr(|e| beside_columns(exact_literals(e, scale), &schema));
        let evaluator = Evaluator {
            text: self.text.clone(),
            flag: self.flag,
            expression,
            in_floats: self.expression.clone().map_expr(|e| beside_columns(e, &float_schema)),
            divides: arithmetic.divides,
            columns: kinds,
            scale,
            schema: Arc::new(schema),
        };
        let found = evaluator.output_type()?;
        if wanted.accepts(&found) {
            Ok(evaluator)
        } else {
            Err(PolarsError::ComputeError(format!("it gives {}, expected {}", in_words(&found), wanted.name()).into()))
        }
    }
}

/// Columns of an expression whose types are tried out at the most.
const MOST_OPEN: usize = 6;

/// Why an expression does not fit its columns.
fn in_our_words(error: &PolarsError) -> String {
    let words = first_line(error);
    if words.starts_with("arithmetic on") {
        "only numbers can be computed with".to_owned()
    } else if words.starts_with("cannot compare") {
        "values of different types can't be compared".to_owned()
    } else {
        words
    }
}

/// What the columns hold, here and elsewhere, and what can be done about it.
fn what_there_is(operands: &[(&String, Operand)]) -> String {
    let holds = operands.iter().map(|(name, operand)| {
        let here = operand.kind.in_words();
        match &operand.elsewhere.otherwise {
            Some(other) => format!("column \"{name}\" holds {here} here and {other}"),
            None => format!("column \"{name}\" holds {here}"),
        }
    });
    let holds: Vec<String> = holds.collect();
    let differ = operands.iter().any(|(_, operand)| operand.elsewhere.otherwise.is_some());
    let advice =
        if differ { "; mend it, or ingest the files one after the other, each with an expression that fits it" } else { "" };
    if holds.is_empty() { String::new() } else { format!(" ({}{advice})", holds.join(", ")) }
}

/// What an expression should give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Condition,
    Number,
}

impl Wanted {
    fn accepts(self, found: &DataType) -> bool {
        match self {
            Wanted::Condition => matches!(found, DataType::Boolean),
            Wanted::Number => found.is_primitive_numeric() || matches!(found, DataType::Decimal(..) | DataType::Null),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Wanted::Condition => "a condition, such as amount > 0",
            Wanted::Number => "a number, such as quantity * price",
        }
    }
}

/// What a type is called where people read it.
fn in_words(found: &DataType) -> String {
    match found {
        t if Wanted::Number.accepts(t) => "a number".to_owned(),
        DataType::Boolean => "a condition".to_owned(),
        DataType::String => "text".to_owned(),
        other => other.to_string(),
    }
}

/// What is known of a column before rows are read.
#[derive(Debug, Clone)]
pub(crate) enum ColumnKind {
    Text(TextProfile),
    Typed(ArrowType),
}

impl ColumnKind {
    /// What it holds, where people read it.
    pub(crate) fn in_words(&self) -> String {
        let words = match self {
            ColumnKind::Text(profile) if profile.is_blank() => "no values",
            ColumnKind::Text(profile) => match (profile.strict(), profile.mostly()) {
                (TextType::Integer(_) | TextType::Decimal(..), _) => "numbers",
                (TextType::Boolean, _) => "true and false",
                (TextType::Text, TextType::Text | TextType::Boolean) => "text",
                (TextType::Text, _) => "numbers and other text",
            },
            ColumnKind::Typed(t) if t.is_integer() || t.is_floating() || t.is_decimal() => "numbers",
            ColumnKind::Typed(ArrowType::Boolean) => "true and false",
            ColumnKind::Typed(ArrowType::Date32 | ArrowType::Date64) => "dates",
            ColumnKind::Typed(ArrowType::Timestamp(..)) => "times",
            ColumnKind::Typed(ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View) => "text",
            ColumnKind::Typed(other) => return other.to_string(),
        };
        words.to_owned()
    }

    /// Whether nothing is known of its values.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self, ColumnKind::Text(profile) if profile.is_blank())
    }

    /// Whether it holds texts that are no numbers, in a format that does not tell them apart.
    pub(crate) fn is_plain_text(&self) -> bool {
        matches!(self, ColumnKind::Text(profile) if !profile.is_blank() && !profile.is_text() && profile.strict() == TextType::Text)
    }

    /// What its values are taken for where they are of one kind, or nearly.
    pub(crate) fn meant(&self) -> Option<Meant> {
        match self {
            ColumnKind::Text(profile) => match profile.mostly() {
                TextType::Integer(_) | TextType::Decimal(..) => Some(Meant::Numbers),
                TextType::Boolean => Some(Meant::Truths),
                TextType::Text => None,
            },
            ColumnKind::Typed(ArrowType::Boolean) => Some(Meant::Truths),
            ColumnKind::Typed(t) if t.is_integer() || t.is_floating() || t.is_decimal() => Some(Meant::Numbers),
            ColumnKind::Typed(_) => None,
        }
    }
}

/// What a column that does not look like it may be meant as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meant {
    Numbers,
    Truths,
}

/// What the other exports of a load say of a column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Elsewhere {
    /// It holds numbers by its type, and not only by how it looks.
    pub(crate) typed_numbers: bool,
    /// It holds texts that are no numbers, in a format that does not tell them apart.
    pub(crate) texts: bool,
    /// What it may be meant as.
    pub(crate) meant: Vec<Meant>,
    /// What it holds that it does not hold here: `numbers in orders.csv`.
    pub(crate) otherwise: Option<String>,
}

/// A column of an expression: what it holds, here and elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Operand {
    pub(crate) kind: ColumnKind,
    pub(crate) elsewhere: Elsewhere,
}

impl From<ColumnKind> for Operand {
    /// A column of which nothing else is known.
    fn from(kind: ColumnKind) -> Self {
        Self { kind, elsewhere: Elsewhere::default() }
    }
}

impl Operand {
    /// The type that all its texts have, those of the other exports included.
    fn strict(&self, profile: &TextProfile) -> TextType {
        match profile.strict() {
            TextType::Text if self.elsewhere.typed_numbers && !profile.is_text() => profile.as_numbers(),
            TextType::Integer(_) | TextType::Decimal(..) if self.elsewhere.texts && !self.elsewhere.typed_numbers => {
                TextType::Text
            }
            strict => strict,
        }
    }

    fn may_be(&self, meant: Meant) -> bool {
        let ColumnKind::Text(profile) = &self.kind else { return false };
        profile.mostly() == TextType::Text && (profile.is_blank() || self.elsewhere.meant.contains(&meant))
    }
}
