//! The long form: a row for each cell, in plain types that every tool reads.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use tenure_analysis::{CellValue, CohortCell, CohortRow, CohortStart, Measure, RetentionMatrix};
use tenure_model::{DIVISION_SCALE, Decimal};

use crate::error::Error;

/// Digits of decimals in results.
const PRECISION: u8 = 38;

/// The cells of a matrix as a table.
pub(crate) fn batch(matrix: &RetentionMatrix) -> Result<RecordBatch, Error> {
    let mut columns = Columns {
        cells: matrix.cohorts.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell))).collect(),
        fields: Vec::new(),
        arrays: Vec::new(),
    };
    columns.cohort_starts();
    for (place, name) in matrix.definition.by.iter().enumerate() {
        columns.texts(&by_column(name), |row, _| row.segment[place].as_deref());
    }
    if matrix.measure == Measure::Value {
        columns.texts("currency", |row, _| row.currency.as_deref());
    }
    columns.integers("size", |row, _| Some(row.size));
    columns.integers("age", |_, cell| Some(cell.age.from.0.into()));
    columns.integers("age_to", |_, cell| cell.age.to.map(|to| to.0.into()));
    columns.texts("state", |_, cell| Some(cell.cell.state().name()));
    columns.integers("exposed", |_, cell| cell.cell.exposed());
    columns.integers("retained", |_, cell| cell.cell.retained());
    columns.integers("retained_exposed", |_, cell| cell.cell.retained_exposed());
    columns.floats("rate", |cell| cell.cell.rate());
    columns.floats("low", |cell| cell.interval.map(|i| i.low));
    columns.floats("high", |cell| cell.interval.map(|i| i.high));
    columns.floats("provisional_rate", |cell| cell.cell.provisional_rate());
    if matrix.measure != Measure::Customers {
        columns.integers("events", |_, cell| cell.events);
    }
    if matrix.measure == Measure::Value {
        columns.integers("active", |_, cell| cell.value.as_deref().map(|v| v.active));
        columns.decimals("value", None, |v| Some(v.total))?;
        columns.integers("value_missing", |_, cell| cell.value.as_deref().map(|v| v.missing));
        columns.decimals("value_per_member", Some(DIVISION_SCALE), |v| v.per_member)?;
        columns.decimals("value_per_active", Some(DIVISION_SCALE), |v| v.per_active)?;
        columns.decimals("value_cumulative_per_member", Some(DIVISION_SCALE), |v| v.cumulative_per_member)?;
    }
    let definition = serde_json::to_string(&matrix.definition).map_err(|error| Error::encoding("the definition", error))?;
    let schema = Schema::new(columns.fields).with_metadata([("tenure.definition".to_owned(), definition)].into());
    RecordBatch::try_new(Arc::new(schema), columns.arrays).map_err(|error| Error::encoding("the table", error))
}

/// The columns that results have by themselves.
const OWN_COLUMNS: [&str; 23] = [
    "cohort",
    "currency",
    "size",
    "age",
    "age_to",
    "state",
    "exposed",
    "retained",
    "retained_exposed",
    "rate",
    "low",
    "high",
    "provisional_rate",
    "events",
    "active",
    "value",
    "value_missing",
    "value_per_member",
    "value_per_active",
    "value_cumulative_per_member",
    "customer",
    "birth",
    "returns",
];

/// What a column of segments is called in a table of results: `by_age` where the result has an `age` of its own.
pub(crate) fn by_column(name: &str) -> String {
    if OWN_COLUMNS.contains(&name) { format!("by_{name}") } else { name.to_owned() }
}

struct Columns<'a> {
    cells: Vec<(&'a CohortRow, &'a CohortCell)>,
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl<'a> Columns<'a> {
    fn add(&mut self, name: &str, data_type: DataType, array: ArrayRef) {
        self.fields.push(Field::new(name, data_type, true));
        self.arrays.push(array);
    }

    /// A date; for hours the instant as text, since a date would not tell them apart.
    fn cohort_starts(&mut self) {
        let dates: Option<Vec<i32>> = self
            .cells
            .iter()
            .map(|(row, _)| match row.start {
                CohortStart::Day(day) => Some(day.0),
                CohortStart::Hour(..) => None,
            })
            .collect();
        match dates {
            Some(dates) => self.add("cohort", DataType::Date32, Arc::new(Date32Array::from(dates))),
            None => self.texts("cohort", |row, _| Some(row.start.to_string())),
        }
    }

    fn texts<T: AsRef<str>>(&mut self, name: &str, get: impl Fn(&'a CohortRow, &'a CohortCell) -> Option<T>) {
        let array: StringArray = self.cells.iter().map(|(row, cell)| get(row, cell)).collect();
        self.add(name, DataType::Utf8, Arc::new(array));
    }

    fn integers(&mut self, name: &str, get: impl Fn(&CohortRow, &CohortCell) -> Option<u64>) {
        let array: Int64Array = self.cells.iter().map(|(row, cell)| get(row, cell).map(|n| n as i64)).collect();
        self.add(name, DataType::Int64, Arc::new(array));
    }

    fn floats(&mut self, name: &str, get: impl Fn(&CohortCell) -> Option<f64>) {
        let array: Float64Array = self.cells.iter().map(|(_, cell)| get(cell)).collect();
        self.add(name, DataType::Float64, Arc::new(array));
    }

    /// Decimals at one scale: the given one, or that of the values.
    fn decimals(&mut self, name: &str, scale: Option<u8>, get: impl Fn(&CellValue) -> Option<Decimal>) -> Result<(), Error> {
        let values: Vec<Option<Decimal>> = self.cells.iter().map(|(_, cell)| cell.value.as_deref().and_then(&get)).collect();
        let scale = scale.or_else(|| values.iter().flatten().map(|v| v.scale()).max()).unwrap_or_default();
        let array: Decimal128Array = values.iter().map(|v| v.and_then(|v| v.at_scale(scale)).map(Decimal::units)).collect();
        let array = array.with_precision_and_scale(PRECISION, scale as i8).map_err(|error| Error::encoding("decimals", error))?;
        self.add(name, DataType::Decimal128(PRECISION, scale as i8), Arc::new(array));
        Ok(())
    }
}
