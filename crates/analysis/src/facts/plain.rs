//! Columns of a history in the types that every tool reads.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field};
use tenure_history::Rows;
use tenure_model::{MAX_STORED_DIGITS, column};

use crate::error::Error;

/// A column of a table, and what facts call it.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    pub(crate) source: String,
    pub(crate) name: String,
    pub(crate) data_type: DataType,
    pub(crate) is_attribute: bool,
}

/// What the fields of attributes bear, with the name that exports give them.
pub const ATTRIBUTE: &str = "tenure.attribute";

impl Plain {
    pub(crate) fn field(&self) -> Field {
        let field = Field::new(&self.name, self.data_type.clone(), true);
        if !self.is_attribute {
            return field;
        }
        field.with_metadata([(ATTRIBUTE.to_owned(), self.source.clone())].into())
    }

    /// The column of some rows; nulls where they have none.
    pub(crate) fn of(&self, rows: &Rows) -> Result<ArrayRef, Error> {
        match rows.array(&self.source) {
            Some(array) => plain_array(array, &self.data_type),
            None => Ok(new_null_array(&self.data_type, rows.len())),
        }
    }
}

pub(crate) fn failed(error: arrow::error::ArrowError) -> Error {
    Error::query(format!("the rows cannot be laid out as facts: {error}"))
}

/// An array in another type; a value that does not fit is an error.
pub(crate) fn plain_array(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, Error> {
    if array.data_type() == data_type {
        return Ok(Arc::clone(array));
    }
    cast_with_options(array, data_type, &CastOptions { safe: false, ..CastOptions::default() }).map_err(failed)
}

/// The type that facts give to a column of a history.
pub(crate) fn plain_type(name: &str, scale: u8) -> DataType {
    match name {
        column::VALUE => DataType::Decimal128(MAX_STORED_DIGITS, scale as i8),
        // Room for any digits that a history stores, before the point and after it.
        column::SCORE | column::WEIGHT => DataType::Decimal128(2 * MAX_STORED_DIGITS, MAX_STORED_DIGITS as i8),
        column::SIGNED_UP => DataType::Date32,
        _ => DataType::Utf8,
    }
}

/// A name for an attribute that no other column has, for tools that do not tell small letters from capitals either.
pub(crate) fn own_name(name: &str, taken: &[String]) -> String {
    let is_taken = |name: &str| taken.iter().any(|taken| taken.to_lowercase() == name.to_lowercase());
    if !is_taken(name) {
        return name.to_owned();
    }
    let numbered = (1..).map(|n| if n == 1 { format!("attribute_{name}") } else { format!("attribute_{name}_{n}") });
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_do_not_take_names_of_columns() {
        let taken = ["date", "attribute_time", "Time"].map(str::to_owned);
        assert_eq!(own_name("Date", &taken), "attribute_Date");
        assert_eq!(own_name("time", &taken), "attribute_time_2");
        assert_eq!(own_name("plan", &taken), "plan");
    }
}
