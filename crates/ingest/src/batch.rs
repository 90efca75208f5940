use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

/// Rows of an export as they came, column by column.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The columns that were asked for. Text formats give text, a missing field null.
    pub(crate) columns: Vec<ArrayRef>,
    /// Where each row stands in its file: the line for text, the row's number for Parquet.
    pub(crate) rows: RowNumbers,
    /// Rows that are damaged as a whole, by index in the batch.
    pub(crate) damaged: HashMap<usize, Damage>,
}

/// Where the rows of a batch stand.
#[derive(Debug)]
pub(crate) enum RowNumbers {
    /// One after the other from this on.
    From(u64, usize),
    /// These.
    Listed(Vec<u64>),
}

impl RowNumbers {
    pub(crate) fn len(&self) -> usize {
        match self {
            RowNumbers::From(_, rows) => *rows,
            RowNumbers::Listed(rows) => rows.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> u64 {
        match self {
            RowNumbers::From(first, _) => first + index as u64,
            RowNumbers::Listed(rows) => rows[index],
        }
    }
}

/// Why a row can't be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Damage {
    FieldCount { found: usize, expected: usize },
    UnclosedQuote,
    NotUtf8,
    NotJson(String),
}

/// Receives the batches of an export, from many threads and in any order.
pub(crate) type Sink<'a> = &'a (dyn Fn(Batch) -> Result<(), crate::error::Error> + Sync);

/// An export that was opened: its columns are known, its rows can be read, more than once.
pub(crate) trait Rows: Sync {
    /// The columns' names.
    fn header(&self) -> &[Arc<str>];

    /// The type of a column. Text formats have text alone.
    fn column_type(&self, _column: usize) -> DataType {
        DataType::Utf8
    }

    /// Reads the columns at these places of the header, in parallel.
    fn read(&self, columns: &[usize], sink: Sink<'_>) -> Result<(), crate::error::Error>;

    /// What the rows are, for the report.
    fn format(&self) -> &'static str;
}
