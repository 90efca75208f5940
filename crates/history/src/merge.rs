//! The segments of one bucket, merged by customer.

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
use tenure_model::column;

use crate::error::{Error, internal};

/// Merges segments, each some batches that are ordered by customer and time. All have the same schema, and no segment is
/// empty. Rows of one customer are ordered by time where it was read, else by day; rows that are equal in these stay in
/// the order of their segments.
pub(crate) fn merge(segments: &[Vec<RecordBatch>]) -> Result<RecordBatch, Error> {
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
    let mut order = Vec::with_capacity(all.num_rows());
    while let Some(next) = heads.iter_mut().filter(|(at, end)| at < end).min_by_key(|(at, _)| (customers[*at], times(*at))) {
        order.push(next.0 as u32);
        next.0 += 1;
    }
    drop(times);
    take_record_batch(&all, &UInt32Array::from(order)).map_err(internal)
}

/// Brings a batch to a schema: columns that it lacks are null.
pub(crate) fn conform(batch: &RecordBatch, schema: &arrow::datatypes::SchemaRef) -> Result<RecordBatch, Error> {
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(found) if found.data_type() == field.data_type() => Ok(found.clone()),
        Some(found) => arrow::compute::cast(found, field.data_type()).map_err(internal),
        None => Ok(arrow::array::new_null_array(field.data_type(), batch.num_rows())),
    });
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<Vec<_>, Error>>()?).map_err(internal)
}
