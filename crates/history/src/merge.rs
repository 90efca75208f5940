//! The segments of one bucket, merged by customer.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, DictionaryArray, PrimitiveArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Date32Type, Decimal64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use tenure_model::column;

use crate::error::{Error, internal};

/// How rows of one customer and instant are ordered that lie in different segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ties {
    /// In the order of the segments.
    Open,
    /// By all their columns, as within a segment.
    ByAllColumns,
}

/// Merges segments, each some batches that are ordered by customer and time. All have the same schema, and no segment is
/// empty. Rows of one customer are ordered by time where it was read, else by day; of rows that are equal in these, `ties`
/// says the order.
pub(crate) fn merge(segments: &[Vec<RecordBatch>], ties: Ties) -> Result<RecordBatch, Error> {
    let all = concat_batches(&segments[0][0].schema(), segments.iter().flatten()).map_err(internal)?;
    let customers = all.column(0).as_primitive::<Int64Type>().values();
    let times: Box<dyn Fn(usize) -> i64> = if let Some(time) = all.column_by_name(column::TIME) {
        let time = time.as_primitive::<TimestampMicrosecondType>().values();
        Box::new(|row| time[row])
    } else if let Some(day) = all.column_by_name(column::DAY) {
        let day = day.as_primitive::<Date32Type>().values();
        Box::new(|row| i64::from(day[row]))
    } else {
        Box::new(|_| 0)
    };
    let mut heads: Vec<(usize, usize)> = Vec::with_capacity(segments.len());
    let mut at = 0;
    for segment in segments {
        let rows: usize = segment.iter().map(RecordBatch::num_rows).sum();
        heads.push((at, at + rows));
        at += rows;
    }
    let remaining = if ties == Ties::ByAllColumns { RowOrder::of(&all) } else { RowOrder::default() };
    let mut order = Vec::with_capacity(all.num_rows());
    let compare = |a: usize, b: usize| {
        let place = |row: usize| (customers[row], times(row));
        place(a).cmp(&place(b)).then_with(|| remaining.compare(a, b))
    };
    while let Some(next) = heads.iter_mut().filter(|(at, end)| at < end).min_by(|a, b| compare(a.0, b.0)) {
        order.push(next.0 as u32);
        next.0 += 1;
    }
    drop(times);
    take_record_batch(&all, &UInt32Array::from(order)).map_err(internal)
}

/// The order of rows of one customer and instant: by event, amounts, then the other names; a missing amount first, a
/// missing name last.
#[derive(Default)]
struct RowOrder<'a> {
    columns: Vec<OrderedColumn<'a>>,
}

enum OrderedColumn<'a> {
    /// The place of each code's name in the order of names; codes; which rows have none.
    Names(Vec<u32>, &'a DictionaryArray<Int32Type>),
    Amounts(&'a PrimitiveArray<Decimal64Type>),
}

impl<'a> RowOrder<'a> {
    fn of(batch: &'a RecordBatch) -> Self {
        let mut columns: Vec<(u8, OrderedColumn<'a>)> = Vec::new();
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let column = column.as_any();
            if let Some(names) = column.downcast_ref::<DictionaryArray<Int32Type>>() {
                let values = names.values().as_string::<i32>();
                let mut sorted: Vec<usize> = (0..values.len()).collect();
                sorted.sort_unstable_by_key(|&code| values.value(code));
                let mut places = vec![0; values.len()];
                let mut place = 0;
                for (i, &code) in sorted.iter().enumerate() {
                    // Segments bring their own codes for one name.
                    place += u32::from(i > 0 && values.value(sorted[i - 1]) != values.value(code));
                    places[code] = place;
                }
                let rank = if field.name() == column::EVENT { 0 } else { 2 };
                columns.push((rank, OrderedColumn::Names(places, names)));
            } else if let Some(amounts) = column.downcast_ref::<PrimitiveArray<Decimal64Type>>() {
                columns.push((1, OrderedColumn::Amounts(amounts)));
            }
        }
        columns.sort_by_key(|(rank, _)| *rank);
        Self { columns: columns.into_iter().map(|(_, column)| column).collect() }
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        let by = |column: &OrderedColumn<'_>| match column {
            OrderedColumn::Names(places, names) => {
                let place = |row: usize| names.key(row).map_or(u32::MAX, |code| places[code]);
                place(a).cmp(&place(b))
            }
            OrderedColumn::Amounts(amounts) => {
                let units = |row: usize| amounts.is_valid(row).then(|| amounts.value(row));
                units(a).cmp(&units(b))
            }
        };
        self.columns.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// Brings a batch to a schema: columns that it lacks are null.
pub(crate) fn conform(batch: &RecordBatch, schema: &arrow::datatypes::SchemaRef) -> Result<RecordBatch, Error> {
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(found) if found.data_type() == field.data_type() => Ok(found.clone()),
        Some(found) => arrow::compute::cast(found, field.data_type()).map_err(internal),
        None => Ok(arrow::array::new_null_array(field.data_type(), batch.num_rows())),
    });
    // A scan of the customers alone has no other column.
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<Vec<_>, Error>>()?, &options).map_err(internal)
}
