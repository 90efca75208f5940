use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use polars::prelude::{DataType, Expr, Operator, PolarsError, Schema};

use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;
use tenure_model::Zone;

use crate::error::Error;
use crate::evaluator::Evaluator;
use crate::first_line;
use crate::near::suggestion;
use crate::place;
use crate::profile::{TextProfile, TextType};
use crate::rewrite::{Arithmetic, beside_columns, exact_literals, polars_type, texts};

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

    /// Settles the columns' types. `profiles` has one for each column that is text; `typed` the types of the others.
    pub fn resolve(self, wanted: Wanted, column: impl Fn(&str) -> ColumnKind) -> Result<Evaluator, Error> {
        let attempt = |pick: fn(&TextProfile) -> TextType| -> Result<Evaluator, PolarsError> {
            let kinds: Vec<(String, Option<TextType>, ArrowType)> = self
                .columns
                .iter()
                .map(|name| match column(name) {
                    ColumnKind::Text(profile) => (name.clone(), Some(pick(&profile)), ArrowType::Utf8),
                    ColumnKind::Typed(data_type) => (name.clone(), None, data_type),
                })
                .collect();
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
            let found = evaluator.output_type()?;
            if wanted.accepts(&found) {
                Ok(evaluator)
            } else {
                Err(PolarsError::ComputeError(format!("it gives {}, expected {}", in_words(&found), wanted.name()).into()))
            }
        };
        // A column with a few bad values among numbers is still meant as numbers where the expression needs them.
        attempt(TextProfile::strict).or_else(|strict| {
            attempt(TextProfile::mostly)
                .map_err(|_| Error::new(format!("{} {:?}: {}{}", self.flag, self.text, first_line(&strict), self.place())))
        })
    }
}

/// The columns that an expression names, whether or not there are such.
///
/// # Errors
///
/// Where it can't be read.
pub fn column_names(text: &str) -> Result<Vec<String>, Error> {
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

/// Checks that a text is one SQL expression and nothing more. Polars itself does not say where it is not.
fn check_syntax(text: &str) -> Result<(), String> {
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

/// What is known of a column before rows are read.
#[derive(Debug, Clone)]
pub enum ColumnKind {
    /// Texts, and what they turned out to be.
    Text(TextProfile),
    /// Values of a type.
    Typed(ArrowType),
}
