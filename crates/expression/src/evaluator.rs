use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type, TimeUnit};
use polars::prelude::{AnyValue, Column, DataFrame, DataType, Expr, IntoLazy, NamedFrom, PolarsError, Schema, Series};
use tenure_exports::NumberReader;
use tenure_model::Decimal;

use crate::error::Error;
use crate::profile::{TextType, boolean};
use crate::{PRECISION, first_line};

/// How far an exact result may be from the same expression in floating point. More means that it has overflowed.
const FLOAT_TOLERANCE: (f64, f64) = (0.5, 1e-6);

/// An expression whose columns have types: it can be evaluated.
#[derive(Debug, Clone)]
pub struct Evaluator {
    pub(crate) text: String,
    pub(crate) flag: &'static str,
    pub(crate) expression: Expr,
    /// The same in floating point, to tell when exact arithmetic has overflowed.
    pub(crate) in_floats: Expr,
    pub(crate) divides: bool,
    pub(crate) columns: Vec<(String, Option<TextType>, ArrowType)>,
    pub(crate) scale: u8,
    pub(crate) schema: Arc<Schema>,
}

/// The value of an expression for one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// The value; none where it is missing.
    Value(Option<T>),
    /// A column's text is not of the type that the expression needs.
    Unreadable {
        /// The column; empty where the expression itself fails.
        column: String,
        /// The text.
        value: String,
    },
}

impl Evaluator {
    /// The columns it reads.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, ..)| name.as_str())
    }

    pub(crate) fn output_type(&self) -> Result<DataType, PolarsError> {
        let schema =
            DataFrame::empty_with_schema(&self.schema).lazy().select([self.expression.clone().alias("result")]).collect()?;
        Ok(schema.columns()[0].dtype().clone())
    }

    /// The rows for which a predicate holds; a missing truth does not hold.
    pub fn conditions(&self, rows: usize, column: impl Fn(&str) -> ArrayRef) -> Result<Vec<Outcome<bool>>, Error> {
        let (frame, unreadable) = self.frame(rows, column)?;
        let mut outcomes = self.evaluate(&frame, &self.expression, &|value| match value {
            AnyValue::Boolean(holds) => Some(holds),
            _ => None,
        });
        mark(&mut outcomes, unreadable);
        Ok(outcomes)
    }

    /// The numbers, exactly where the expression is made of exact columns; quotients have 6 decimals.
    pub fn numbers(&self, rows: usize, column: impl Fn(&str) -> ArrayRef) -> Result<Vec<Outcome<Decimal>>, Error> {
        let (frame, unreadable) = self.frame(rows, column)?;
        let mut outcomes = self.evaluate(&frame, &self.expression, &|value| {
            let number = match value {
                AnyValue::Decimal(units, _, scale) => Decimal::new(units, u8::try_from(scale).ok()?),
                AnyValue::Float64(number) => from_float(number)?,
                AnyValue::Float32(number) => from_float(number.into())?,
                other => Decimal::new(other.extract::<i128>()?, 0),
            };
            Some(if self.divides { number.rounded(tenure_model::DIVISION_SCALE) } else { number }.normalized())
        });
        self.mark_overflows(&frame, &mut outcomes)?;
        mark(&mut outcomes, unreadable);
        Ok(outcomes)
    }

    /// The columns as the expression needs them, and the values that are not of the types it needs.
    fn frame(&self, rows: usize, column: impl Fn(&str) -> ArrayRef) -> Result<(DataFrame, Vec<Misfit>), Error> {
        let mut unreadable = Vec::new();
        let columns = self.columns.iter().map(|(name, text, _)| {
            let array = column(name);
            let wanted = self.schema.get(name.as_str()).cloned().unwrap_or(DataType::String);
            let series = match text {
                Some(text) => text_series(name, &wanted, *text, &array, self.scale, &mut unreadable),
                None => typed_series(name, &wanted, &array, self.scale),
            };
            series.map(Column::from)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| self.failed(&error))?;
        Ok((DataFrame::new(rows, columns).map_err(|error| self.failed(&error))?, unreadable))
    }

    fn failed(&self, error: &PolarsError) -> Error {
        Error::new(format!("{} {:?}: {}", self.flag, self.text, first_line(error)))
    }

    /// The value of an expression for each row. Rows for which it fails are found by halving.
    fn evaluate<T: Clone>(
        &self,
        frame: &DataFrame,
        expression: &Expr,
        convert: &dyn Fn(AnyValue<'_>) -> Option<T>,
    ) -> Vec<Outcome<T>> {
        let rows = frame.height();
        let result = frame.clone().lazy().select([expression.clone().alias("result")]).collect();
        match result {
            Ok(result) => {
                let result = result.columns()[0].as_materialized_series();
                if result.len() == rows {
                    return result.iter().map(|value| Outcome::Value(convert(value))).collect();
                }
                // An expression without columns is the same for every row.
                vec![Outcome::Value(result.get(0).ok().and_then(convert)); rows]
            }
            Err(_) if rows > 1 => {
                let (first, second) = frame.split_at((rows / 2) as i64);
                let mut outcomes = self.evaluate(&first, expression, convert);
                outcomes.extend(self.evaluate(&second, expression, convert));
                outcomes
            }
            Err(_) => vec![self.without_value(); rows],
        }
    }

    fn without_value<T>(&self) -> Outcome<T> {
        Outcome::Unreadable { column: String::new(), value: self.text.clone() }
    }

    /// Finds results that are far from the same expression in floating point, or that are no number although it has one:
    /// overflows, infinities, not-a-number.
    fn mark_overflows(&self, frame: &DataFrame, outcomes: &mut [Outcome<Decimal>]) -> Result<(), Error> {
        let columns = frame.columns().iter().map(|column| {
            let number = column.dtype().is_primitive_numeric() || column.dtype().is_decimal();
            if number { column.cast(&DataType::Float64) } else { Ok(column.clone()) }
        });
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| self.failed(&error))?;
        let frame = DataFrame::new(frame.height(), columns).map_err(|error| self.failed(&error))?;
        let floats = self.evaluate(&frame, &self.in_floats, &|value| value.extract::<f64>());
        for (outcome, float) in outcomes.iter_mut().zip(floats) {
            let (Outcome::Value(exact), Outcome::Value(Some(float))) = (&*outcome, float) else { continue };
            let (least, share) = FLOAT_TOLERANCE;
            let far = |exact: &Decimal| (exact.to_f64() - float).abs() > least + share * float.abs();
            if exact.as_ref().is_none_or(|exact| float.is_finite() && far(exact)) {
                *outcome = self.without_value();
            }
        }
        Ok(())
    }
}

/// A value that is not of the type that the expression needs: row, column, text.
type Misfit = (usize, String, String);

fn mark<T>(outcomes: &mut [Outcome<T>], unreadable: Vec<Misfit>) {
    for (row, column, value) in unreadable {
        outcomes[row] = Outcome::Unreadable { column, value };
    }
}

fn from_float(number: f64) -> Option<Decimal> {
    number.is_finite().then(|| format!("{number:.*}", usize::from(tenure_model::DIVISION_SCALE)).parse().ok())?
}

fn text_series(
    name: &str,
    wanted: &DataType,
    text: TextType,
    array: &ArrayRef,
    scale: u8,
    unreadable: &mut Vec<Misfit>,
) -> Result<Series, PolarsError> {
    let reader = match text {
        TextType::Integer(style) | TextType::Decimal(_, style) => NumberReader::new(style),
        TextType::Boolean | TextType::Text => NumberReader::default(),
    };
    let number = |text: &str, scale: u8| reader.read(text).ok()??.at_scale(scale).map(Decimal::units);
    let texts = array.as_string::<i32>();
    let trimmed = texts.iter().map(|text| text.map(str::trim).filter(|text| !text.is_empty()));
    let mut bad = |row: usize, text: &str| unreadable.push((row, name.to_owned(), text.to_owned()));
    Ok(match wanted {
        DataType::Int64 => Series::new(name.into(), read_texts(trimmed, |text| i64::try_from(number(text, 0)?).ok(), &mut bad)),
        DataType::Boolean => Series::new(name.into(), read_texts(trimmed, boolean, &mut bad)),
        DataType::Decimal(..) => decimal_series(name, &read_texts(trimmed, |text| number(text, scale), &mut bad), scale)?,
        _ => Series::new(name.into(), trimmed.collect::<Vec<_>>()),
    })
}

fn read_texts<'a, T>(
    texts: impl Iterator<Item = Option<&'a str>>,
    read: impl Fn(&str) -> Option<T>,
    bad: &mut dyn FnMut(usize, &str),
) -> Vec<Option<T>> {
    let mut values = Vec::new();
    for (row, text) in texts.enumerate() {
        let value = text.and_then(&read);
        if let (Some(text), None) = (text, &value) {
            bad(row, text);
        }
        values.push(value);
    }
    values
}

fn decimal_series(name: &str, units: &[Option<i128>], scale: u8) -> Result<Series, PolarsError> {
    let values: Vec<AnyValue<'_>> = units
        .iter()
        .map(|units| units.map_or(AnyValue::Null, |units| AnyValue::Decimal(units, PRECISION, scale.into())))
        .collect();
    Series::from_any_values_and_dtype(name.into(), &values, &DataType::Decimal(PRECISION, scale.into()), true)
}

fn typed_series(name: &str, wanted: &DataType, array: &ArrayRef, scale: u8) -> Result<Series, PolarsError> {
    let wrong = |error: arrow::error::ArrowError| PolarsError::ComputeError(format!("column \"{name}\": {error}").into());
    let target = match wanted {
        DataType::Int64 => ArrowType::Int64,
        DataType::Float64 => ArrowType::Float64,
        DataType::Decimal(..) => ArrowType::Decimal128(PRECISION as u8, scale as i8),
        DataType::Boolean => ArrowType::Boolean,
        DataType::Date => ArrowType::Date32,
        DataType::Datetime(..) => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        _ => ArrowType::Utf8,
    };
    let array = cast(array, &target).map_err(wrong)?;
    Ok(match target {
        ArrowType::Int64 => Series::new(name.into(), array.as_primitive::<Int64Type>().iter().collect::<Vec<_>>()),
        ArrowType::Float64 => Series::new(name.into(), array.as_primitive::<Float64Type>().iter().collect::<Vec<_>>()),
        ArrowType::Decimal128(..) => {
            decimal_series(name, &array.as_primitive::<arrow::datatypes::Decimal128Type>().iter().collect::<Vec<_>>(), scale)?
        }
        ArrowType::Boolean => Series::new(name.into(), array.as_boolean().iter().collect::<Vec<_>>()),
        ArrowType::Date32 => {
            Series::new(name.into(), array.as_primitive::<arrow::datatypes::Date32Type>().iter().collect::<Vec<_>>())
                .cast(&DataType::Date)?
        }
        ArrowType::Timestamp(..) => {
            let micros = array.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().iter().collect::<Vec<_>>();
            Series::new(name.into(), micros).cast(&DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None))?
        }
        _ => Series::new(name.into(), array.as_string::<i32>().iter().collect::<Vec<_>>()),
    })
}
