//! Numbers from a history: births, ages, retention, value, intervals. Nothing is printed, no clock is read.
//!
//! A query is data ([`RetentionQuery`]); [`retention`] runs it in one walk over each customer's run of rows and gives a
//! [`RetentionMatrix`] that carries its own [`Definition`]. The words are those of the glossary in `tenure-model`.
//!
//! With `value` there is a block for each currency that a row bears. An event with neither value nor currency counts as an
//! event without value in every block; an amount without currency has a block of its own.

mod error;
mod inspection;
mod interval;
mod matrix;
mod query;
mod retention;
mod tally;
mod timeline;
mod walk;

pub use error::{Error, ErrorKind};
pub use inspection::{AttributeSummary, Inspection, TableSummary, inspect};
pub use interval::{Interval, Wilson};
pub use matrix::{CellValue, CohortCell, CohortRow, CohortStart, Definition, RetentionMatrix, SummaryPoint, Totals};
pub use query::{Ages, Criterion, DEFAULT_LEVEL, Measure, RetentionQuery, Summary};
pub use retention::{MOST_AGES, retention};
