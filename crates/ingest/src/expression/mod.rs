//! SQL expressions over an export's columns, evaluated by Polars.

mod evaluator;
mod parsed;
mod profile;
mod rewrite;
#[cfg(test)]
mod tests;

pub(crate) use evaluator::{Evaluator, Outcome};
pub(crate) use parsed::{ColumnKind, Elsewhere, Meant, Operand, Parsed, Wanted};
pub(crate) use profile::TextProfile;

use polars::prelude::PolarsError;

/// Digits of a decimal inside an expression.
const PRECISION: usize = 38;

fn first_line(error: &PolarsError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
