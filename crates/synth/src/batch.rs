//! Rows as Arrow columns.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Decimal128Builder, Int64Array, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::rows::Row;
use crate::user_id::{TEXT_LEN, UserIds};

const AMOUNT_PRECISION: u8 = 18;
const AMOUNT_SCALE: i8 = 2;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("user_id", DataType::Utf8, false),
        Field::new("uid", DataType::Int64, false),
        Field::new("event_time", time, false),
        Field::new("event", DataType::Utf8, false),
        Field::new("country", DataType::Utf8, false),
        Field::new("plan", DataType::Utf8, false),
        Field::new("amount", DataType::Decimal128(AMOUNT_PRECISION, AMOUNT_SCALE), true),
    ]))
});

pub(crate) fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// The rows as columns of [`schema`].
pub(crate) fn to_batch(rows: &[Row], user_ids: &UserIds) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(texts(rows, TEXT_LEN, |row, column| {
            let text = user_ids.text(row.customer);
            column.append_value(std::str::from_utf8(&text).expect("hexadecimal digits and hyphens are UTF-8"));
        })),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| i64::from(row.customer) + 1))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.time)).with_timezone("UTC")),
        Arc::new(texts(rows, 6, |row, column| column.append_value(row.kind.name()))),
        Arc::new(texts(rows, 2, |row, column| column.append_value(row.traits.country().code))),
        Arc::new(texts(rows, 4, |row, column| column.append_value(row.traits.plan().name))),
        Arc::new(amounts(rows)),
    ];
    RecordBatch::try_new(schema(), columns).expect("the columns are those of the schema, all of the same length")
}

fn texts(rows: &[Row], mean_len: usize, append: impl Fn(&Row, &mut StringBuilder)) -> StringArray {
    let mut column = StringBuilder::with_capacity(rows.len(), rows.len() * mean_len);
    rows.iter().for_each(|row| append(row, &mut column));
    column.finish()
}

fn amounts(rows: &[Row]) -> arrow::array::Decimal128Array {
    let mut column =
        Decimal128Builder::with_capacity(rows.len()).with_data_type(DataType::Decimal128(AMOUNT_PRECISION, AMOUNT_SCALE));
    for row in rows {
        column.append_option((row.cents != 0).then_some(i128::from(row.cents)));
    }
    column.finish()
}
