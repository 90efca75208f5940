use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use polars::prelude::{DataType, Expr, Operator, PolarsError, Schema};

use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};
use tenure_model::Zone;

use crate::error::Error;
use crate::evaluator::Evaluator;
use crate::first_line;
use crate::near::suggestion;
use crate::operand::{ColumnKind, Meant, Operand};
use crate::place;
use crate::profile::{TextProfile, TextType};
use crate::rewrite::{Arithmetic, beside_columns, dates_beside_numbers, exact_literals, polars_type, texts};

const SEVERAL_ROWS: &str = "this looks at several rows at once; expected an expression over the columns of one row";

/// A SQL expression as it was written, its columns known.
#[derive(Debug, Clone)]
pub struct Parsed {
    text: String,
    flag: &'static str,
    expression: Expr,
    columns: BTreeSet<String>,
    zone: Zone,
}

impl Parsed {
    /// Reads an expression and finds its columns in the header.
    pub fn new(flag: &'static str, text: &str, header: &[Arc<str>]) -> Result<Self, Error> {
        let wrong = |message: String| Error::new(format!("{flag} {text:?}: {message}"));
        check_syntax(text).map_err(wrong)?;
        let expression = polars::sql::sql_expr(text)
            .map_err(|error| wrong(format!("cannot read this as a SQL expression ({})", first_line(&error))))?;
        let mut columns = BTreeSet::new();
        for part in &expression {
            match part {
                Expr::Column(name) => {
                    if !header.iter().any(|column| **column == **name) {
                        let near = suggestion(name, header.iter().map(|column| &**column));
                        return Err(wrong(format!("no column \"{name}\"; {near}{}", pointed_at(text, name))));
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
        Ok(Self { text: text.to_owned(), flag, expression, columns, zone: Zone::utc() })
    }

    /// The same, with dates beside instants read as the start of a local day in `zone` (default: UTC).
    pub fn in_zone(mut self, zone: &Zone) -> Self {
        self.zone = zone.clone();
        self
    }

    /// The flag and the text, as they were given.
    pub fn source(&self) -> (&'static str, &str) {
        (self.flag, &self.text)
    }

    pub(crate) fn expression(&self) -> &Expr {
        &self.expression
    }

    /// A part of it, as an expression of its own.
    pub(crate) fn part(&self, part: &Expr) -> Self {
        let columns = part.into_iter().filter_map(|part| match part {
            Expr::Column(name) => Some(name.to_string()),
            _ => None,
        });
        Self { expression: part.clone(), columns: columns.collect(), ..self.clone() }
    }

    /// Whether another expression means the same: case of words and spaces between them do not count.
    pub fn is_same_as(&self, other: &Parsed) -> bool {
        self.expression == other.expression
    }

    /// The texts of `column = 'text'` or `column in ('text', …)`, if it is that.
    pub fn equals_texts(&self, column: &str) -> Option<Vec<String>> {
        let is_column = |part: &Expr| matches!(part, Expr::Column(name) if **name == *column);
        match &self.expression {
            Expr::BinaryExpr { left, op: Operator::Eq, right } if is_column(left) => texts(right),
            Expr::BinaryExpr { left, op: Operator::Eq, right } if is_column(right) => texts(left),
            Expr::Function { input, function } if function.to_string().starts_with("is_in") => match input.as_slice() {
                [first, list] if is_column(first) => texts(list),
                _ => None,
            },
            _ => None,
        }
    }

    /// The columns it reads.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// Where the part stands that reads its columns.
    fn place(&self) -> String {
        let first = self.columns.iter().filter_map(|name| place::of_column(&self.text, name)).min();
        first.map(|at| place::pointed(&self.text, at)).unwrap_or_default()
    }

    /// Settles the columns' types.
    pub fn resolve(self, wanted: Wanted, operand: impl Fn(&str) -> Operand) -> Result<Evaluator, Error> {
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
        Err(Error::new(format!(
            "{} {:?}: {}{}{}",
            self.flag,
            self.text,
            in_our_words(&strict),
            what_there_is(&operands),
            self.place()
        )))
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
        let expression = self.expression.clone().map_expr(|e| beside_columns(exact_literals(e, scale), &schema, &self.zone));
        let evaluator = Evaluator {
            text: self.text.clone(),
            flag: self.flag,
            expression,
            in_floats: self.expression.clone().map_expr(|e| beside_columns(e, &float_schema, &self.zone)),
            divides: arithmetic.divides,
            columns: kinds,
            scale,
            schema: Arc::new(schema),
        };
        if let Some(column) = dates_beside_numbers(&self.expression, &evaluator.schema) {
            let message =
                format!("\"{column}\" holds dates or times and is compared with a number; write it in quotes, as '2024-02-01'");
            return Err(PolarsError::ComputeError(message.into()));
        }
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
    } else if words.starts_with("conversion from `str`") || words.starts_with("casting from Utf8View") {
        "a quoted literal beside a column of numbers, dates or truths must be one itself".to_owned()
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

/// The columns that an expression names, whether or not there are such.
///
/// # Errors
///
/// Where it can't be read.
pub fn column_names(text: &str) -> Result<Vec<String>, Error> {
    check_syntax(text).map_err(Error::new)?;
    let expression = polars::sql::sql_expr(text).map_err(|error| Error::new(first_line(&error)))?;
    let mut names: Vec<String> = Vec::new();
    for part in &expression {
        if let Expr::Column(name) = part
            && !names.iter().any(|known| **known == **name)
        {
            names.push(name.to_string());
        }
    }
    Ok(names)
}

/// Where a part of the expression begins, to be pointed at; nothing for the whole.
fn pointed_at(text: &str, column: &str) -> String {
    place::of_column(text, column).map(|at| place::pointed(text, at)).unwrap_or_default()
}

/// So many parts may be joined: Polars goes down into each by itself.
const MOST_JOINTS: usize = 299;

/// Checks that a text is one SQL expression and nothing more. Polars itself does not say where it is not.
fn check_syntax(text: &str) -> Result<(), String> {
    let tokens = Tokenizer::new(&GenericDialect, text).tokenize().unwrap_or_default();
    let joint = |token: &&Token| matches!(token, Token::Word(word) if matches!(word.keyword, Keyword::AND | Keyword::OR));
    let joints = tokens.iter().filter(joint).count();
    if joints > MOST_JOINTS {
        return Err(format!(
            "it joins {} parts by and, or; at most {} are read: use column in ('a', 'b', …)",
            joints + 1,
            MOST_JOINTS + 1
        ));
    }
    let wrong = |reason: &str, at: Option<usize>| {
        let mark = at.map(|at| place::pointed(text, at)).unwrap_or_default();
        format!("cannot read this as a SQL expression ({reason}){mark}")
    };
    let failed = |error: ParserError| match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            let (reason, at) = place::split_message(text, &message);
            wrong(&reason, at)
        }
        ParserError::RecursionLimitExceeded => wrong("it is nested too deeply", None),
    };
    let mut parser = Parser::new(&GenericDialect).try_with_sql(text).map_err(failed)?;
    parser.parse_expr().map_err(failed)?;
    let rest = parser.peek_token();
    match rest.token {
        Token::EOF => Ok(()),
        token => {
            let start = rest.span.start;
            Err(wrong(&format!("expected the end, found {token}"), place::offset(text, start.line, start.column)))
        }
    }
}

/// What an expression should give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A condition.
    Condition,
    /// A number.
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
