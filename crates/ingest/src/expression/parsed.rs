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

    /// Settles the columns' types. `profiles` has one for each column that is text; `typed` the types of the others.
    pub(crate) fn resolve(self, wanted: Wanted, column: impl Fn(&str) -> ColumnKind) -> Result<Evaluator, Error> {
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
        };
        // A column with a few bad values among numbers is still meant as numbers where the expression needs them.
        attempt(TextProfile::strict).or_else(|strict| {
            attempt(TextProfile::mostly)
                .map_err(|_| Error::new(ErrorKind::Expression, format!("{} {:?}: {}", self.flag, self.text, first_line(&strict))))
        })
    }
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
