use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Field, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use tenure_model::{ColumnKind, MAX_STORED_DIGITS, Table, column};

use crate::chunk::RowLayout;
use crate::runs::Runs;

/// A column of the activity table that a scan can be asked for, beside the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column<'a> {
    /// The local date in the home zone.
    Day,
    /// The instant.
    Time,
    /// The event's name.
    Event,
    /// The amount.
    Value,
    /// The amount's currency.
    Currency,
    /// Whether the customer and the instant are those of the row before.
    Tied,
    /// An attribute.
    Attribute(&'a str),
}

impl<'a> Column<'a> {
    /// The column's name in the files.
    pub const fn name(self) -> &'a str {
        match self {
            Column::Day => column::DAY,
            Column::Time => column::TIME,
            Column::Event => column::EVENT,
            Column::Value => column::VALUE,
            Column::Currency => column::CURRENCY,
            Column::Tied => column::TIED,
            Column::Attribute(name) => name,
        }
    }
}

/// The type of names in memory: codes into the distinct names.
pub(crate) fn name_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

pub(crate) fn value_type(scale: u8) -> DataType {
    DataType::Decimal64(MAX_STORED_DIGITS, scale as i8)
}

pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A table in memory: customer, the table's columns, attributes, and the key where rows have one. `scales` are the decimals
/// of its amounts.
pub(crate) fn table_schema(layout: &RowLayout, scales: &[u8]) -> SchemaRef {
    let mut fields = vec![Field::new(column::CUSTOMER, DataType::Int64, false)];
    if layout.table == Table::Activity {
        fields.push(Field::new(column::DAY, DataType::Date32, false));
    }
    let mut scales = scales.iter();
    for column in layout.table.columns() {
        let data_type = match column.kind {
            ColumnKind::Time => time_type(),
            ColumnKind::Date => DataType::Date32,
            ColumnKind::Name => name_type(),
            ColumnKind::Amount => value_type(scales.next().copied().unwrap_or_default()),
        };
        fields.push(Field::new(column.name, data_type, !column.required));
    }
    fields.extend(layout.attributes.iter().map(|name| Field::new(name, name_type(), true)));
    if layout.keyed {
        fields.push(Field::new(column::KEY, DataType::FixedSizeBinary(KEY_BYTES), true));
    }
    Arc::new(Schema::new(fields))
}

/// Bytes of a stored key.
pub(crate) const KEY_BYTES: i32 = 16;

/// The customers of a history: their numbers and ids.
pub(crate) fn ids_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(column::CUSTOMER, DataType::Int64, false),
        Field::new(column::CUSTOMER_ID, DataType::Utf8, false),
    ]))
}

/// Whether each row has the same customer and instant as the one before it.
pub(crate) fn tied(customers: &[i64], times: &[i64]) -> BooleanBuffer {
    BooleanBuffer::collect_bool(times.len(), |row| {
        row > 0 && times[row] == times[row - 1] && customers[row] == customers[row - 1]
    })
}

/// Names as codes into the distinct names of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Codes<'a> {
    codes: &'a [i32],
    nulls: Option<&'a NullBuffer>,
    names: &'a ArrayRef,
}

impl<'a> Codes<'a> {
    /// The code of a row, where it has a name.
    #[inline]
    pub fn get(&self, row: usize) -> Option<usize> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) { None } else { Some(self.codes[row] as usize) }
    }

    /// The codes of all rows, where each has a name.
    pub fn without_gaps(&self) -> Option<&'a [i32]> {
        self.nulls.is_none_or(|nulls| nulls.null_count() == 0).then_some(self.codes)
    }

    /// The distinct names as an array. Batches that come one after the other often share it.
    pub fn dictionary(&self) -> &'a ArrayRef {
        self.names
    }

    /// How many distinct names there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// The name of a code.
    pub fn name(&self, code: usize) -> &'a str {
        self.names.as_string::<i32>().value(code)
    }

    /// The distinct names, by code.
    pub fn names(&self) -> Vec<&'a str> {
        let names = self.names.as_string::<i32>();
        (0..names.len()).map(|i| names.value(i)).collect()
    }
}

/// Amounts, at one scale.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    units: &'a [i64],
    nulls: Option<&'a NullBuffer>,
    scale: u8,
}

impl<'a> Values<'a> {
    /// For which rows there is an amount; nothing where there is for all.
    pub fn present(&self) -> Option<&'a BooleanBuffer> {
        self.nulls.map(NullBuffer::inner)
    }

    /// The amount of a row in units of `10^-scale`, where it has one.
    #[inline]
    pub fn get(&self, row: usize) -> Option<i64> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) { None } else { Some(self.units[row]) }
    }

    /// How many digits of the units stand after the point.
    pub fn scale(&self) -> u8 {
        self.scale
    }
}

/// Rows of a scan, ordered by customer and time. Columns that were not asked for are not there.
#[derive(Debug, Clone)]
pub struct Rows {
    batch: RecordBatch,
    /// Whose the rows are, where the batch has no column of it, or it has been asked for.
    runs: OnceLock<Runs>,
    customers: OnceLock<Vec<i64>>,
}

impl Rows {
    /// Rows with a column of customers.
    pub(crate) fn new(batch: RecordBatch) -> Self {
        Self { batch, runs: OnceLock::new(), customers: OnceLock::new() }
    }

    /// Rows of some customers.
    pub(crate) fn of(runs: Runs, batch: RecordBatch) -> Self {
        Self { batch, runs: runs.into(), customers: OnceLock::new() }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The customer's number of each row.
    pub fn customers(&self) -> &[i64] {
        match self.batch.column_by_name(column::CUSTOMER) {
            Some(customers) => customers.as_primitive::<Int64Type>().values(),
            None => self.customers.get_or_init(|| self.runs().by_row()),
        }
    }

    /// Where each customer's rows begin.
    pub fn runs(&self) -> &Runs {
        self.runs.get_or_init(|| match self.batch.column_by_name(column::CUSTOMER) {
            Some(customers) => Runs::of(customers.as_primitive::<Int64Type>().values()),
            None => Runs::default(),
        })
    }

    /// Whether each row has the same customer and instant as the one before it.
    pub fn tied(&self) -> Option<BooleanBuffer> {
        if let Some(tied) = self.batch.column_by_name(column::TIED) {
            return Some(tied.as_boolean_opt()?.values().clone());
        }
        Some(tied(self.customers(), self.times()?))
    }

    /// Local dates in the home zone, as days since 1970-01-01.
    pub fn days(&self) -> Option<&[i32]> {
        Some(self.batch.column_by_name(column::DAY)?.as_primitive::<Date32Type>().values())
    }

    /// Instants, microseconds UTC.
    pub fn times(&self) -> Option<&[i64]> {
        Some(self.batch.column_by_name(column::TIME)?.as_primitive::<TimestampMicrosecondType>().values())
    }

    /// A column of texts that are not names: the customers' ids.
    pub fn texts(&self, name: &str) -> Option<impl Iterator<Item = Option<&str>>> {
        Some(self.batch.column_by_name(name)?.as_string_opt::<i32>()?.iter())
    }

    /// A column of dates, as days since 1970-01-01.
    pub fn dates(&self, name: &str) -> Option<impl Iterator<Item = Option<i32>>> {
        Some(self.batch.column_by_name(name)?.as_primitive_opt::<Date32Type>()?.iter())
    }

    /// A column of instants, microseconds UTC.
    pub fn instants(&self, name: &str) -> Option<impl Iterator<Item = Option<i64>>> {
        Some(self.batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()?.iter())
    }

    /// Whether customers exports list each customer; only of customers.
    pub fn listed(&self) -> Option<impl Iterator<Item = bool>> {
        let listed = self.batch.column_by_name(column::LISTED)?.as_boolean_opt()?;
        Some(listed.iter().map(|listed| listed.unwrap_or_default()))
    }

    /// A column as an Arrow array.
    pub fn array(&self, name: &str) -> Option<&ArrayRef> {
        self.batch.column_by_name(name)
    }

    /// Rows in which a column is missing.
    pub fn missing(&self, name: &str) -> Option<usize> {
        Some(self.batch.column_by_name(name)?.null_count())
    }

    /// Amounts of activity.
    pub fn values(&self) -> Option<Values<'_>> {
        self.amounts(column::VALUE)
    }

    /// A column of amounts.
    pub fn amounts(&self, name: &str) -> Option<Values<'_>> {
        let array = self.batch.column_by_name(name)?.as_primitive_opt::<Decimal64Type>()?;
        Some(Values { units: array.values(), nulls: array.nulls(), scale: array.scale() as u8 })
    }

    /// A column of names: the event, the currency or an attribute.
    pub fn codes(&self, name: &str) -> Option<Codes<'_>> {
        let array = self.batch.column_by_name(name)?.as_dictionary_opt::<Int32Type>()?;
        Some(Codes { codes: array.keys().values(), nulls: array.nulls(), names: array.values() })
    }
}
