//! Rows of a plan as values.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tenure_synth::{FIRST_YEAR, Plan};

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) user_id: String,
    pub(crate) uid: i64,
    pub(crate) time: i64,
    pub(crate) event: String,
    pub(crate) country: String,
    pub(crate) plan: String,
    pub(crate) cents: Option<i128>,
}

impl Row {
    /// Calendar months since the business began.
    pub(crate) fn month(&self) -> usize {
        let time = Timestamp::from_microsecond(self.time).expect("a time that can be told");
        let date = TimeZone::UTC.to_datetime(time).date();
        (i32::from(date.year() - FIRST_YEAR) * 12 + i32::from(date.month()) - 1) as usize
    }
}

/// The rows of a batch.
pub(crate) fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let text = |column: &str| batch.column_by_name(column).expect("a column of the schema").as_string::<i32>().clone();
    let [user_ids, events, countries, plans] = ["user_id", "event", "country", "plan"].map(text);
    let uids = batch["uid"].as_primitive::<Int64Type>();
    let times = batch["event_time"].as_primitive::<TimestampMicrosecondType>();
    let amounts = batch["amount"].as_primitive::<Decimal128Type>();
    (0..batch.num_rows())
        .map(|row| Row {
            user_id: user_ids.value(row).into(),
            uid: uids.value(row),
            time: times.value(row),
            event: events.value(row).into(),
            country: countries.value(row).into(),
            plan: plans.value(row).into(),
            cents: amounts.is_valid(row).then(|| amounts.value(row)),
        })
        .collect()
}

/// All rows of a plan.
pub(crate) fn all_rows(plan: &Plan) -> Vec<Row> {
    (0..plan.slices()).flat_map(|slice| rows_of(&plan.slice(slice))).collect()
}
