//! Tables put together column by column, in types that do not depend on what stands in them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use tenure_model::{Day, Decimal};

use crate::error::Error;

/// Digits of sums.
const PRECISION: u8 = 38;

#[derive(Default)]
pub(crate) struct TableColumns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl TableColumns {
    fn add(mut self, name: &str, array: ArrayRef) -> Self {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
        self
    }

    pub(crate) fn dates(self, name: &str, values: impl Iterator<Item = Option<Day>>) -> Self {
        self.add(name, Arc::new(values.map(|day| day.map(|day| day.0)).collect::<Date32Array>()))
    }

    pub(crate) fn texts<T: AsRef<str>>(self, name: &str, values: impl Iterator<Item = Option<T>>) -> Self {
        self.add(name, Arc::new(values.collect::<StringArray>()))
    }

    pub(crate) fn integers(self, name: &str, values: impl Iterator<Item = Option<u64>>) -> Self {
        self.add(name, Arc::new(values.map(|n| n.map(|n| n as i64)).collect::<Int64Array>()))
    }

    pub(crate) fn floats(self, name: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        self.add(name, Arc::new(values.collect::<Float64Array>()))
    }

    /// Decimals at a scale; what has more digits after the point is an error, unless it is a quotient.
    pub(crate) fn decimals(self, name: &str, scale: u8, values: impl Iterator<Item = Option<Decimal>>) -> Result<Self, Error> {
        let mut units = Vec::new();
        for value in values {
            units.push(match value.map(|value| (value, value.normalized().at_scale(scale))) {
                None => None,
                Some((_, Some(exact))) => Some(exact.units()),
                Some((value, None)) => {
                    return Err(Error::unsupported(format!("{name}: {value} has more than {scale} digits after the point")));
                }
            });
        }
        let array = Decimal128Array::from(units).with_precision_and_scale(PRECISION, scale as i8);
        Ok(self.add(name, Arc::new(array.map_err(|error| Error::encoding("decimals", error))?)))
    }

    pub(crate) fn finish(self) -> Result<RecordBatch, Error> {
        let schema = Arc::new(Schema::new(self.fields));
        RecordBatch::try_new(schema, self.arrays).map_err(|error| Error::encoding("the table", error))
    }
}
