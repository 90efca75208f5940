use std::collections::BTreeMap;
use std::fmt;

use tenure_model::{Instant, Table};

/// How many examples of a reason are kept for each input.
const EXAMPLES: usize = 3;

/// What became of rows. `read` = `kept` + `rejected` + `duplicate` + `filtered`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowCounts {
    /// Rows found in the exports.
    pub read: u64,
    /// Rows added to the history, or that would be if more rejects were tolerated.
    pub kept: u64,
    /// Rows that could not be read.
    pub rejected: u64,
    /// Rows left out because another export has them too.
    pub duplicate: u64,
    /// Rows outside `--where`.
    pub filtered: u64,
}

impl std::ops::AddAssign for RowCounts {
    fn add_assign(&mut self, other: RowCounts) {
        self.read += other.read;
        self.kept += other.kept;
        self.rejected += other.rejected;
        self.duplicate += other.duplicate;
        self.filtered += other.filtered;
    }
}

/// Why a row was rejected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The customer's field is empty.
    NoCustomer,
    /// The time's field is empty.
    NoTime,
    /// The time can't be read; what was expected.
    UnreadableTime(String),
    /// The time is more than a day after the ingest.
    FutureTime,
    /// The time is before the year 1.
    PrehistoricTime,
    /// The amount is no number.
    UnreadableValue,
    /// The amount has more digits than a history stores.
    ValueTooLong,
    /// A column that an expression needs as a number or truth is neither.
    UnreadableOperand,
    /// A date whose day and month can't be told apart.
    AmbiguousTime,
    /// A number whose thousands and decimals can't be told apart.
    AmbiguousValue,
    /// An amount in the smallest unit of a currency that is missing.
    NoCurrency,
    /// The interval is none.
    UnreadableInterval,
    /// A column that every row needs is empty.
    Missing(&'static str),
    /// The row has another number of fields than the header.
    FieldCount,
    /// A quoted field is never closed.
    UnclosedQuote,
    /// The row is not UTF-8 text.
    NotUtf8,
    /// The line is not a JSON object.
    NotJson,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoCustomer => f.write_str("no customer"),
            Reason::NoTime => f.write_str("no time"),
            Reason::UnreadableTime(expected) => write!(f, "cannot read time (expected {expected})"),
            Reason::FutureTime => f.write_str("time is more than a day in the future"),
            Reason::PrehistoricTime => f.write_str("time is before the year 1"),
            Reason::UnreadableValue => f.write_str("cannot read value (expected a number with a decimal point, such as 1234.50)"),
            Reason::ValueTooLong => f.write_str("value has more than 18 digits"),
            Reason::UnreadableOperand => f.write_str("cannot evaluate the expression: not a value of the column's type"),
            Reason::AmbiguousTime => {
                f.write_str("cannot tell day from month (say which comes first: --time-format '%d/%m/%Y' or '%m/%d/%Y')")
            }
            Reason::AmbiguousValue => f.write_str(
                "cannot tell thousands from decimals (write 1234.50, or give --decimal-comma if the comma is the decimal mark)",
            ),
            Reason::NoCurrency => f.write_str("the amount counts the smallest unit of its currency, and there is no currency"),
            Reason::UnreadableInterval => {
                f.write_str("cannot read interval (expected a period, such as month, year or 3 months)")
            }
            Reason::Missing(column) => write!(f, "no {column}"),
            Reason::FieldCount => f.write_str("wrong number of fields"),
            Reason::UnclosedQuote => f.write_str("a quoted field is never closed"),
            Reason::NotUtf8 => f.write_str("not UTF-8 text"),
            Reason::NotJson => f.write_str("not a JSON object"),
        }
    }
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reject {
    /// The line in a text, the number of the row in Parquet; both from 1.
    pub row: u64,
    /// The column at fault, where it is one.
    pub column: String,
    /// What was found there.
    pub value: String,
}

/// The rejected rows of one reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rejects {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Reject>,
}

impl Rejects {
    pub(crate) fn add(&mut self, count: u64, examples: impl IntoIterator<Item = Reject>) {
        self.count += count;
        self.examples.extend(examples);
        self.examples.sort();
        self.examples.truncate(EXAMPLES);
    }
}

/// What became of one export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputReport {
    /// The export's name as it was given.
    pub input: String,
    /// What it was found to be.
    pub format: String,
    /// Its rows.
    pub rows: RowCounts,
    /// Its rejected rows by reason.
    pub rejects: BTreeMap<Reason, Rejects>,
    /// Its bytes.
    pub bytes_in: u64,
    /// What was found without being told: columns detected, names changed.
    pub notes: Vec<String>,
}

/// What an ingest did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The table that the rows are for.
    pub table: Table,
    /// Every export.
    pub inputs: Vec<InputReport>,
    /// First and last activity kept.
    pub span: Option<(Instant, Instant)>,
    /// Distinct customers among the rows kept.
    pub customers: u64,
    /// Distinct events among the rows kept.
    pub events: u64,
    /// Rows of the history that rows kept have replaced.
    pub replaced: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// What may not be what was meant: a sentence each.
    pub warnings: Vec<String>,
}

impl Report {
    /// The rows of all exports.
    pub fn total(&self) -> RowCounts {
        let mut total = RowCounts::default();
        for input in &self.inputs {
            total += input.rows;
        }
        total
    }

    /// The first rejected rows, as messages that name place, value and expectation.
    pub fn first_rejects(&self) -> impl Iterator<Item = String> {
        self.inputs.iter().flat_map(|input| {
            input.rejects.iter().flat_map(move |(reason, rejects)| {
                rejects.examples.iter().map(move |reject| reject.message(&input.input, reason))
            })
        })
    }
}

impl Reject {
    /// `orders.csv:18: cannot read time "31/02/2024" (expected …)`.
    pub fn message(&self, input: &str, reason: &Reason) -> String {
        let Reject { row, column, value } = self;
        let place = format!("{input}:{row}");
        let column = if column.is_empty() { String::new() } else { format!(" in column \"{column}\"") };
        match reason {
            Reason::UnreadableTime(expected) => format!("{place}: cannot read time {value:?}{column} (expected {expected})"),
            Reason::UnreadableValue => {
                format!("{place}: cannot read value {value:?}{column} (expected a number with a decimal point, such as 1234.50)")
            }
            Reason::FutureTime => format!("{place}: time {value:?}{column} is more than a day in the future"),
            Reason::PrehistoricTime => format!("{place}: time {value:?}{column} is before the year 1"),
            Reason::ValueTooLong => format!("{place}: value {value:?}{column} has more than 18 digits"),
            Reason::UnreadableOperand => format!("{place}: cannot evaluate the expression for {value:?}{column}"),
            Reason::FieldCount | Reason::NotJson => format!("{place}: {reason}: {value}"),
            Reason::NoCustomer | Reason::NoTime | Reason::Missing(_) => format!("{place}: {reason}{column}"),
            Reason::AmbiguousTime | Reason::AmbiguousValue | Reason::NoCurrency | Reason::UnreadableInterval => {
                format!("{place}: {value:?}{column}: {reason}")
            }
            Reason::UnclosedQuote | Reason::NotUtf8 => format!("{place}: {reason}"),
        }
    }
}
