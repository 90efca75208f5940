//! Customers of a bucket in the order of their ids as they are shown.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take};
use tenure_history::Rows;
use tenure_model::column;

use crate::error::Error;
use crate::facts::plain::failed;

/// The bits of a customer's number that say the bucket.
const BUCKET: i64 = !0xffff_ffff;

/// New numbers by the old.
#[derive(Debug, Default)]
pub(crate) struct Anew(HashMap<i64, i64>);

impl Anew {
    /// The customers of a bucket, numbered in the order of their ids as they are shown.
    pub(crate) fn of(customers: &Rows, shown: &dyn Fn(&str) -> String) -> Self {
        let ids = customers.texts(column::CUSTOMER_ID).into_iter().flatten().map(|id| shown(id.unwrap_or_default()));
        let mut known: Vec<(String, i64)> = ids.zip(customers.customers().iter().copied()).collect();
        known.sort_unstable();
        let numbered = known.iter().enumerate().map(|(place, (_, number))| (*number, (number & BUCKET) | place as i64));
        Self(numbered.collect())
    }

    /// Rows of the bucket, whose first column is the customer's number, with the new numbers and in their order; nothing where
    /// there are none.
    pub(crate) fn of_batches(&self, batches: &[RecordBatch]) -> Result<Option<RecordBatch>, Error> {
        let Some(first) = batches.first() else { return Ok(None) };
        let rows = concat_batches(&first.schema(), batches).map_err(failed)?;
        let old = rows.column(0).as_any().downcast_ref::<Int64Array>();
        let old = old.ok_or_else(|| Error::query("the rows do not begin with the customer's number"))?;
        let number = |old: &i64| {
            let new = self.0.get(old).copied();
            new.ok_or_else(|| Error::query(format!("damaged: customer {old} has rows and is not among the customers")))
        };
        let numbers = old.values().iter().map(number).collect::<Result<Vec<i64>, _>>()?;
        let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
        // Rows of a customer stay in their order.
        order.sort_by_key(|&row| numbers[row as usize]);
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(order.iter().map(|&row| numbers[row as usize]).collect::<Int64Array>())];
        let order = UInt32Array::from(order);
        for array in &rows.columns()[1..] {
            arrays.push(take(array, &order, None).map_err(failed)?);
        }
        RecordBatch::try_new(rows.schema(), arrays).map(Some).map_err(failed)
    }
}
