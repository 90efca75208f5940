use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::parquet_pages::Pages;

/// Rows of an export as they came, column by column.
#[derive(Debug)]
pub struct Batch {
    /// The columns that were asked for. Text formats give text, a missing field null. Text of a Parquet file may be codes
    /// into distinct texts, or views.
    pub columns: Vec<ArrayRef>,
    /// Where each row stands in its file: the line for text, the row's number for Parquet.
    pub rows: RowNumbers,
    /// Rows that are damaged as a whole, by index in the batch.
    pub damaged: HashMap<usize, Damage>,
    /// The text of damaged rows, as far as it is text.
    pub texts: HashMap<usize, String>,
}

impl Batch {
    /// The text of a row that could not be taken apart.
    pub fn damaged_text(&self, row: usize) -> Option<&str> {
        self.texts.get(&row).map(String::as_str)
    }
}

/// Where the rows of a batch stand.
#[derive(Debug)]
pub enum RowNumbers {
    /// One after the other from this on.
    From(u64, usize),
    /// These.
    Listed(Vec<u64>),
}

impl RowNumbers {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            RowNumbers::From(_, rows) => *rows,
            RowNumbers::Listed(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the row at this place of the batch stands.
    pub fn get(&self, index: usize) -> u64 {
        match self {
            RowNumbers::From(first, _) => first + index as u64,
            RowNumbers::Listed(rows) => rows[index],
        }
    }
}

/// Why a row can't be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// It has another number of fields than the header.
    FieldCount {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A quote that opens in the row, is never closed. What follows the line is read as rows again.
    UnclosedQuote,
    /// Bytes in it are no text.
    NotUtf8,
    /// The line is no JSON object; why not.
    NotJson(String),
}

/// The type that a column is handed out in: text is text however it is laid out.
pub(crate) fn plain_type(found: &DataType) -> DataType {
    match found {
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    }
}

/// A column in its plain type; names that the file holds as codes into distinct names stay so.
pub(crate) fn plain_array(array: &ArrayRef) -> Result<ArrayRef, arrow::error::ArrowError> {
    if is_coded(array.data_type()) { Ok(array.clone()) } else { flat_array(array) }
}

/// A column in its plain type.
pub fn flat_array(array: &ArrayRef) -> Result<ArrayRef, arrow::error::ArrowError> {
    let wanted = plain_type(array.data_type());
    if &wanted == array.data_type() { Ok(array.clone()) } else { arrow::compute::cast(array, &wanted) }
}

/// Whether a column holds codes into distinct texts.
pub fn is_coded(found: &DataType) -> bool {
    matches!(found, DataType::Dictionary(codes, texts) if **codes == DataType::Int32 && **texts == DataType::Utf8)
}

/// Receives the batches of an export, from many threads and in any order.
/// [`Error::received`](crate::Error::received) ends the reading.
pub type Sink<'a> = &'a (dyn Fn(Batch) -> Result<(), crate::error::Error> + Sync);

/// An export that was opened: its columns are known, its rows can be read, more than once.
pub trait Rows: Sync {
    /// The columns' names.
    fn header(&self) -> &[Arc<str>];

    /// The type of a column. Text formats have text alone.
    fn column_type(&self, _column: usize) -> DataType {
        DataType::Utf8
    }

    /// Whether all values of a text column are text by their format, as JSON strings are, whatever they look like.
    fn is_text(&self, _column: usize) -> bool {
        false
    }

    /// What is worth telling about how the rows were read: a sentence each, without a full stop.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Reads the columns at these places of the header, in parallel.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) where the rest of the file can't be read;
    /// [`ErrorKind::Received`](crate::ErrorKind::Received) where the sink ended the reading.
    fn read(&self, columns: &[usize], sink: Sink<'_>) -> Result<(), crate::error::Error>;

    /// Its pages, where it is a Parquet file.
    fn pages(&self) -> Option<Pages<'_>> {
        None
    }

    /// What the rows are, for the report.
    fn format(&self) -> &'static str;
}
