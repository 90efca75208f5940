//! An exhibit of a table of plain columns, as files have it.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use tenure_model::{CellState, Day, Decimal, Instant};

use crate::error::Error;
use crate::exhibit::{Column, ColumnKind, Datum, Exhibit, Meaning, Row, RowKind, Shown, ShownCell};
use crate::text::plain;
use crate::text_table::Align;

/// Columns of floats that are shares.
const SHARES: [&str; 4] = ["rate", "low", "high", "provisional_rate"];

/// The table as an exhibit; a row whose `state` says that it is in progress is marked.
pub(crate) fn of_batch(batch: &RecordBatch, name: &str, title: String, meaning: Meaning) -> Result<Exhibit, Error> {
    let schema = batch.schema();
    let mut columns = Vec::new();
    let mut data: Vec<Vec<Datum>> = Vec::new();
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let column: Vec<Datum> = (0..array.len()).map(|row| datum(field.name(), array, row)).collect::<Result<_, _>>()?;
        let align = if is_number(field.data_type()) { Align::Right } else { Align::Left };
        columns.push(Column { heading: plain(field.name()).into_owned(), align, kind: ColumnKind::Plain });
        data.push(column);
    }
    let state = schema.index_of("state").ok();
    let in_progress = Datum::Text(CellState::InProgress.name().to_owned());
    let rows = (0..batch.num_rows()).map(|row| {
        let is_so_far = state.is_some_and(|state| data[state][row] == in_progress);
        let shown = if is_so_far { Shown::InProgress } else { Shown::Plain };
        let cells =
            data.iter_mut().map(|column| ShownCell { datum: std::mem::replace(&mut column[row], Datum::Nothing), state: shown });
        Row { kind: RowKind::Body, cells: cells.collect() }
    });
    let rows = rows.collect();
    Ok(Exhibit { name: name.to_owned(), title, columns, rows, meaning, ..Exhibit::default() })
}

fn is_number(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::Float64 | DataType::Decimal128(..))
}

fn datum(name: &str, array: &ArrayRef, row: usize) -> Result<Datum, Error> {
    if array.is_null(row) {
        return Ok(Datum::Nothing);
    }
    Ok(match array.data_type() {
        DataType::Utf8 => Datum::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::Date32 => Datum::Date(Day(array.as_primitive::<Date32Type>().value(row))),
        DataType::Timestamp(..) => Datum::Instant(Instant(array.as_primitive::<TimestampMicrosecondType>().value(row))),
        DataType::Int64 => {
            let number = array.as_primitive::<Int64Type>().value(row);
            u64::try_from(number).map_or_else(|_| Datum::Amount(Decimal::new(number.into(), 0)), Datum::Count)
        }
        DataType::Decimal128(_, scale) => {
            Datum::Amount(Decimal::new(array.as_primitive::<Decimal128Type>().value(row), scale.unsigned_abs()))
        }
        DataType::Float64 => {
            let number = array.as_primitive::<Float64Type>().value(row);
            if SHARES.contains(&name) { Datum::Share(number) } else { Datum::Number(number) }
        }
        DataType::Boolean => Datum::Truth(array.as_boolean().value(row)),
        other => return Err(Error::unsupported(format!("column {name}: {other} has no form for people"))),
    })
}
