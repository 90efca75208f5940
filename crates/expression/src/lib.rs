//! SQL expressions over columns, evaluated by Polars: conditions and exact numbers.
//!
//! An expression is read against the names of the columns there are ([`Parsed`]), gets types by what its columns hold
//! ([`Parsed::resolve`]), and is then evaluated on rows ([`Evaluator`]). Columns of text that hold nothing but numbers are
//! numbers ([`TextProfile`]); a quoted literal beside a number, a date or a boolean is read as that type. Errors point at the
//! place in the expression.

mod error;
mod evaluator;
mod near;
mod operand;
mod parsed;
mod place;
mod profile;
mod rewrite;
#[cfg(test)]
mod tests;
mod tree;

pub use error::Error;
pub use evaluator::{Evaluator, Outcome};
pub use near::{near, plain, suggestion};
pub use operand::{ColumnKind, Elsewhere, Meant, Operand};
pub use parsed::{Parsed, Wanted, column_names};
pub use place::pointed;
pub use profile::TextProfile;
pub use tree::Tree;

use polars::prelude::PolarsError;

/// Digits of a decimal inside an expression.
const PRECISION: usize = 38;

fn first_line(error: &PolarsError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
