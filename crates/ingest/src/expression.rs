//! SQL expressions over an export's columns, evaluated by Polars.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type, TimeUnit};
use polars::prelude::{
    AnyValue, Column, DataFrame, DataType, Expr, IntoLazy, NamedFrom, Operator, PolarsError, Schema, Series, lit,
};
use tenure_model::{Day, Decimal, TimePoint, Zone};

use crate::error::{Error, ErrorKind};
use crate::near::suggestion;

/// Digits of a decimal inside an expression.
const PRECISION: usize = 38;

/// The least decimals inside an expression: those of a quotient.
const LEAST_SCALE: u8 = tenure_model::DIVISION_SCALE;

/// The most decimals inside an expression, so that whole numbers keep enough room beside them.
const MOST_SCALE: u8 = 18;

/// How far an exact result may be from the same expression in floating point. More means that it has overflowed.
const FLOAT_TOLERANCE: (f64, f64) = (0.5, 1e-6);

const SEVERAL_ROWS: &str = "this looks at several rows at once; expected an expression over the columns of one row";

/// What the texts of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextType {
    Integer,
    /// With at most so many decimals.
    Decimal(u8),
    Boolean,
    Text,
}

/// What the texts of a column turned out to be, over all its rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextProfile {
    values: u64,
    integers: u64,
    decimals: u64,
    booleans: u64,
    /// Numbers written with leading zeros, as ids are.
    padded: u64,
    scale: u8,
}

impl TextProfile {
    pub(crate) fn add(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.values += 1;
        let digits = text.trim_start_matches(['-', '+']);
        if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
            self.padded += 1;
        } else if text.parse::<i64>().is_ok() {
            self.integers += 1;
        } else if let Ok(decimal) = text.parse::<Decimal>() {
            self.decimals += 1;
            self.scale = self.scale.max(decimal.normalized().scale());
        } else if boolean(text).is_some() {
            self.booleans += 1;
        }
    }

    pub(crate) fn join(&mut self, other: &TextProfile) {
        self.values += other.values;
        self.integers += other.integers;
        self.decimals += other.decimals;
        self.booleans += other.booleans;
        self.padded += other.padded;
        self.scale = self.scale.max(other.scale);
    }

    /// The type that all values have.
    fn strict(&self) -> TextType {
        if self.values == 0 {
            TextType::Text
        } else if self.integers == self.values {
            TextType::Integer
        } else if self.integers + self.decimals == self.values {
            TextType::Decimal(self.scale)
        } else if self.booleans == self.values {
            TextType::Boolean
        } else {
            TextType::Text
        }
    }

    /// The type that most values have, where it is a number.
    fn mostly(&self) -> TextType {
        match self.strict() {
            TextType::Text if self.integers + self.decimals > self.values / 2 => {
                if self.decimals == 0 {
                    TextType::Integer
                } else {
                    TextType::Decimal(self.scale)
                }
            }
            strict => strict,
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A SQL expression as it was written, its columns known.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    text: String,
    flag: &'static str,
    expression: Expr,
    columns: BTreeSet<String>,
}

impl Parsed {
    /// Reads an expression and finds its columns in the header.
    pub(crate) fn new(flag: &'static str, text: &str, header: &[Arc<str>]) -> Result<Self, Error> {
        let wrong = |message: String| Error::new(ErrorKind::Expression, format!("{flag} {text:?}: {message}"));
        let expression = polars::sql::sql_expr(text)
            .map_err(|error| wrong(format!("cannot read this as a SQL expression ({})", first_line(&error))))?;
        let mut columns = BTreeSet::new();
        for part in &expression {
            match part {
                Expr::Column(name) => {
                    if !header.iter().any(|column| **column == **name) {
                        return Err(wrong(format!("no column \"{name}\"; {}", suggestion(name, header.iter().map(|c| &**c)))));
                    }
                    columns.insert(name.to_string());
                }
                // A list of literals is an aggregate too, of no column.
                Expr::Len | Expr::Over { .. } => return Err(wrong(SEVERAL_ROWS.to_owned())),
                Expr::Agg(_) if part.into_iter().any(|inside| matches!(inside, Expr::Column(_))) => {
                    return Err(wrong(SEVERAL_ROWS.to_owned()));
                }
                _ => {}
            }
        }
        Ok(Self { text: text.to_owned(), flag, expression, columns })
    }

    /// The columns it reads.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// Settles the columns' types. `profiles` has one for each column that is text; `typed` the types of the others.
    pub(crate) fn resolve(self, wanted: Wanted, column: impl Fn(&str) -> ColumnKind) -> Result<Evaluator, Error> {
        let attempt = |pick: fn(&TextProfile) -> TextType| -> Result<Evaluator, PolarsError> {
            let kinds: Vec<(String, Option<TextType>, ArrowType)> = self
                .columns
                .iter()
                .map(|name| match column(name) {
                    ColumnKind::Text(profile) => (name.clone(), Some(pick(&profile)), ArrowType::Utf8),
                    ColumnKind::Typed(data_type) => (name.clone(), None, data_type),
                })
                .collect();
            let arithmetic = Arithmetic::of(&self.expression);
            let scale = arithmetic.scale(&self.expression, &kinds)?;
            let types = |exact: bool| -> Schema {
                let types = kinds.iter().map(|(name, text, arrow)| {
                    let exact_type = polars_type(*text, arrow, scale, arithmetic.exact_integers(wanted));
                    let float = !exact && (exact_type.is_primitive_numeric() || exact_type.is_decimal());
                    (name.as_str().into(), if float { DataType::Float64 } else { exact_type })
                });
                types.collect()
            };
            let (schema, float_schema) = (types(true), types(false));
            let expression = self.expression.clone().map_expr(|e| beside_columns(exact_literals(e, scale), &schema));
            let evaluator = Evaluator {
                text: self.text.clone(),
                flag: self.flag,
                expression,
                in_floats: self.expression.clone().map_expr(|e| beside_columns(e, &float_schema)),
                divides: arithmetic.divides,
                columns: kinds,
                scale,
                schema: Arc::new(schema),
            };
            let found = evaluator.output_type()?;
            if wanted.accepts(&found) {
                Ok(evaluator)
            } else {
                Err(PolarsError::ComputeError(format!("it gives {}, expected {}", in_words(&found), wanted.name()).into()))
            }
        };
        // A column with a few bad values among numbers is still meant as numbers where the expression needs them.
        attempt(TextProfile::strict).or_else(|strict| {
            attempt(TextProfile::mostly)
                .map_err(|_| Error::new(ErrorKind::Expression, format!("{} {:?}: {}", self.flag, self.text, first_line(&strict))))
        })
    }
}

/// What an expression should give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Condition,
    Number,
}

impl Wanted {
    fn accepts(self, found: &DataType) -> bool {
        match self {
            Wanted::Condition => matches!(found, DataType::Boolean),
            Wanted::Number => found.is_primitive_numeric() || matches!(found, DataType::Decimal(..) | DataType::Null),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Wanted::Condition => "a condition, such as amount > 0",
            Wanted::Number => "a number, such as quantity * price",
        }
    }
}

/// What a type is called where people read it.
fn in_words(found: &DataType) -> String {
    match found {
        t if Wanted::Number.accepts(t) => "a number".to_owned(),
        DataType::Boolean => "a condition".to_owned(),
        DataType::String => "text".to_owned(),
        other => other.to_string(),
    }
}

/// What is known of a column before rows are read.
#[derive(Debug, Clone)]
pub(crate) enum ColumnKind {
    Text(TextProfile),
    Typed(ArrowType),
}

fn scale_of(text: Option<TextType>, arrow: &ArrowType) -> u8 {
    match (text, arrow) {
        (Some(TextType::Decimal(scale)), _) => scale,
        (None, ArrowType::Decimal128(_, scale) | ArrowType::Decimal64(_, scale) | ArrowType::Decimal32(_, scale)) => {
            u8::try_from(*scale).unwrap_or(0)
        }
        _ => 0,
    }
}

/// Whole numbers become decimals where they are computed with, since 64 bits may overflow.
fn polars_type(text: Option<TextType>, arrow: &ArrowType, scale: u8, exact_integers: bool) -> DataType {
    let decimal = DataType::Decimal(PRECISION, scale.into());
    match text {
        Some(TextType::Integer) if exact_integers => decimal,
        Some(TextType::Integer) => DataType::Int64,
        Some(TextType::Decimal(_)) => DataType::Decimal(PRECISION, scale.into()),
        Some(TextType::Boolean) => DataType::Boolean,
        Some(TextType::Text) => DataType::String,
        None => match arrow {
            // It may hold more than a signed integer can.
            ArrowType::UInt64 => decimal,
            t if t.is_integer() && exact_integers => decimal,
            t if t.is_integer() => DataType::Int64,
            t if t.is_floating() => DataType::Float64,
            ArrowType::Decimal128(..) | ArrowType::Decimal64(..) | ArrowType::Decimal32(..) => {
                DataType::Decimal(PRECISION, scale.into())
            }
            ArrowType::Boolean => DataType::Boolean,
            ArrowType::Date32 | ArrowType::Date64 => DataType::Date,
            ArrowType::Timestamp(..) => DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None),
            _ => DataType::String,
        },
    }
}

/// What an expression computes.
struct Arithmetic {
    computes: bool,
    multiplies: bool,
    divides: bool,
    modulus: bool,
}

impl Arithmetic {
    fn of(expression: &Expr) -> Self {
        let mut found = Self { computes: false, multiplies: false, divides: false, modulus: false };
        for part in expression {
            if let Expr::BinaryExpr { op, .. } = part {
                found.multiplies |= matches!(op, Operator::Multiply);
                found.divides |= matches!(op, Operator::TrueDivide | Operator::FloorDivide | Operator::RustDivide);
                found.modulus |= matches!(op, Operator::Modulus);
                found.computes |= op.is_arithmetic();
            }
        }
        found
    }

    fn exact_integers(&self, wanted: Wanted) -> bool {
        (wanted == Wanted::Number || self.computes) && !self.modulus
    }

    /// Decimals that hold every product of the parts, or every part where nothing is multiplied.
    fn scale(&self, expression: &Expr, kinds: &[(String, Option<TextType>, ArrowType)]) -> Result<u8, PolarsError> {
        let parts = expression.into_iter().map(|part| match part {
            Expr::Column(name) => {
                kinds.iter().find(|(column, ..)| **column == **name).map_or(0, |(_, text, arrow)| scale_of(*text, arrow))
            }
            Expr::Literal(value) => match value.to_any_value() {
                Some(AnyValue::Float64(number)) => {
                    number.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len() as u8)
                }
                _ => 0,
            },
            _ => 0,
        });
        let needed = if self.multiplies { parts.fold(0, u8::saturating_add) } else { parts.fold(0, u8::max) };
        if needed > MOST_SCALE {
            let message = format!(
                "its result may have {needed} decimals, and {MOST_SCALE} are kept: round a part of it, as in round(price, 2)"
            );
            return Err(PolarsError::ComputeError(message.into()));
        }
        Ok(needed.max(LEAST_SCALE))
    }
}

/// Makes numbers written with a point exact.
fn exact_literals(expression: Expr, scale: u8) -> Expr {
    match expression {
        Expr::Literal(ref value) if let Some(AnyValue::Float64(number)) = value.to_any_value() => {
            lit(number).cast(DataType::Decimal(PRECISION, scale.into()))
        }
        other => other,
    }
}

/// Reads quoted literals beside a column as the column's type.
fn beside_columns(expression: Expr, schema: &Schema) -> Expr {
    let type_of = |expression: &Expr| match expression {
        Expr::Column(name) => schema.get(name.as_str()).filter(|t| !matches!(t, DataType::String)).cloned(),
        _ => None,
    };
    match expression {
        Expr::BinaryExpr { left, op, right } if op.is_comparison() => {
            let new_left = type_of(&right).map(|t| read_as(&left, &t));
            let new_right = type_of(&left).map(|t| read_as(&right, &t));
            Expr::BinaryExpr { left: new_left.map_or(left, Into::into), op, right: new_right.map_or(right, Into::into) }
        }
        // `column in ('a', 'b')`: the list is a literal below.
        Expr::Function { mut input, function } => {
            if let [first, list] = input.as_mut_slice()
                && let Some(t) = type_of(first)
            {
                *list = list.clone().map_expr(|part| read_as(&part, &t));
            }
            Expr::Function { input, function }
        }
        other => other,
    }
}

/// A quoted literal, or a list of them, as a type. What can't be read as it is an error when the expression is tried.
fn read_as(literal: &Expr, wanted: &DataType) -> Expr {
    let Expr::Literal(value) = literal else { return literal.clone() };
    if value.get_datatype() != DataType::String {
        return literal.clone();
    }
    let text = value.to_any_value().and_then(|value| value.get_str().map(str::to_owned));
    match (wanted, text) {
        (DataType::Datetime(..), Some(text)) => match text.parse::<TimePoint>() {
            Ok(point) => lit(point.resolve(&Zone::utc()).0).cast(wanted.clone()),
            Err(_) => literal.clone(),
        },
        (DataType::Date, Some(text)) => match text.parse::<Day>() {
            Ok(day) => lit(day.0).cast(wanted.clone()),
            Err(_) => literal.clone(),
        },
        (DataType::Datetime(..) | DataType::Date, None) => literal.clone(),
        _ => literal.clone().strict_cast(wanted.clone()),
    }
}

/// An expression whose columns have types: it can be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Evaluator {
    text: String,
    flag: &'static str,
    expression: Expr,
    /// The same in floating point, to tell when exact arithmetic has overflowed.
    in_floats: Expr,
    divides: bool,
    columns: Vec<(String, Option<TextType>, ArrowType)>,
    scale: u8,
    schema: Arc<Schema>,
}

/// The value of an expression for one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome<T> {
    Value(Option<T>),
    /// A column's text is not of the type that the expression needs.
    Unreadable {
        column: String,
        value: String,
    },
}

impl Evaluator {
    /// The columns it reads.
    pub(crate) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, ..)| name.as_str())
    }

    fn output_type(&self) -> Result<DataType, PolarsError> {
        let schema =
            DataFrame::empty_with_schema(&self.schema).lazy().select([self.expression.clone().alias("result")]).collect()?;
        Ok(schema.columns()[0].dtype().clone())
    }

    /// The rows for which a predicate holds; a missing truth does not hold.
    pub(crate) fn conditions(&self, rows: usize, column: impl Fn(&str) -> ArrayRef) -> Result<Vec<Outcome<bool>>, Error> {
        let (frame, unreadable) = self.frame(rows, column)?;
        let mut outcomes = self.evaluate(&frame, &self.expression, &|value| match value {
            AnyValue::Boolean(holds) => Some(holds),
            _ => None,
        });
        mark(&mut outcomes, unreadable);
        Ok(outcomes)
    }

    /// The numbers, exactly where the expression is made of exact columns; quotients have 6 decimals.
    pub(crate) fn numbers(&self, rows: usize, column: impl Fn(&str) -> ArrayRef) -> Result<Vec<Outcome<Decimal>>, Error> {
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
                Some(_) => text_series(name, &wanted, &array, self.scale, &mut unreadable),
                None => typed_series(name, &wanted, &array, self.scale),
            };
            series.map(Column::from)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| self.failed(&error))?;
        Ok((DataFrame::new(rows, columns).map_err(|error| self.failed(&error))?, unreadable))
    }

    fn failed(&self, error: &PolarsError) -> Error {
        Error::new(ErrorKind::Expression, format!("{} {:?}: {}", self.flag, self.text, first_line(error)))
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

    /// Finds results that are far from the same expression in floating point.
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
            if float.is_finite() && exact.as_ref().is_none_or(far) {
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
    array: &ArrayRef,
    scale: u8,
    unreadable: &mut Vec<Misfit>,
) -> Result<Series, PolarsError> {
    let texts = array.as_string::<i32>();
    let trimmed = texts.iter().map(|text| text.map(str::trim).filter(|text| !text.is_empty()));
    let mut bad = |row: usize, text: &str| unreadable.push((row, name.to_owned(), text.to_owned()));
    Ok(match wanted {
        DataType::Int64 => Series::new(name.into(), read_texts(trimmed, |text| text.parse::<i64>().ok(), &mut bad)),
        DataType::Boolean => Series::new(name.into(), read_texts(trimmed, boolean, &mut bad)),
        DataType::Decimal(..) => {
            let read = |text: &str| text.parse::<Decimal>().ok()?.at_scale(scale).map(Decimal::units);
            decimal_series(name, &read_texts(trimmed, read, &mut bad), scale)?
        }
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

fn first_line(error: &PolarsError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    fn numbers(expression: &str, columns: &[(&str, &[&str])]) -> Result<Vec<Outcome<Decimal>>, Error> {
        run(expression, columns, Wanted::Number, |e, rows, column| e.numbers(rows, column))
    }

    fn conditions(expression: &str, columns: &[(&str, &[&str])]) -> Result<Vec<Outcome<bool>>, Error> {
        run(expression, columns, Wanted::Condition, |e, rows, column| e.conditions(rows, column))
    }

    fn run<T>(
        expression: &str,
        columns: &[(&str, &[&str])],
        wanted: Wanted,
        evaluate: impl Fn(&Evaluator, usize, &dyn Fn(&str) -> ArrayRef) -> Result<Vec<T>, Error>,
    ) -> Result<Vec<T>, Error> {
        let header: Vec<Arc<str>> = columns.iter().map(|(name, _)| (*name).into()).collect();
        let texts = |name: &str| columns.iter().find(|(n, _)| *n == name).unwrap().1;
        let evaluator = Parsed::new("--value", expression, &header)?.resolve(wanted, |name| {
            let mut profile = TextProfile::default();
            texts(name).iter().for_each(|text| profile.add(text));
            ColumnKind::Text(profile)
        })?;
        evaluate(&evaluator, columns[0].1.len(), &|name| Arc::new(StringArray::from(texts(name).to_vec())) as ArrayRef)
    }

    fn value<T>(value: T) -> Outcome<T> {
        Outcome::Value(Some(value))
    }

    #[test]
    fn products_are_exact() {
        let columns: &[(&str, &[&str])] =
            &[("Quantity", &["6", "-3", "1000000", ""]), ("Unit Price", &["2.55", "3.39", "1.005", "1"])];
        let found = numbers("Quantity * \"Unit Price\"", columns).unwrap();
        let expected = ["15.3", "-10.17", "1005000"].map(|n| value(n.parse().unwrap()));
        assert_eq!(found[..3], expected);
        assert_eq!(found[3], Outcome::Value(None));
        let found = numbers("\"Unit Price\" * 0.1", columns).unwrap();
        assert_eq!(found[2], value("0.1005".parse().unwrap()));
    }

    #[test]
    fn conditions_compare_with_the_types_of_columns() {
        let columns: &[(&str, &[&str])] =
            &[("n", &["1", "20", ""]), ("country", &["DE", "AT", "DE"]), ("zip", &["007", "12", "x"])];
        assert_eq!(conditions("n > 3", columns).unwrap(), [value(false), value(true), Outcome::Value(None)]);
        assert_eq!(conditions("n > '3'", columns).unwrap(), [value(false), value(true), Outcome::Value(None)]);
        assert_eq!(conditions("country in ('DE', 'CH')", columns).unwrap(), [value(true), value(false), value(true)]);
        assert_eq!(conditions("zip = '007'", columns).unwrap(), [value(true), value(false), value(false)]);
        assert_eq!(conditions("true", columns).unwrap(), [value(true), value(true), value(true)]);
    }

    #[test]
    fn a_bad_number_among_numbers_is_told() {
        let columns: &[(&str, &[&str])] = &[("n", &["1", "2", "3", "many"])];
        let found = conditions("n > 1", columns).unwrap();
        assert_eq!(found[3], Outcome::Unreadable { column: "n".into(), value: "many".into() });
    }

    #[test]
    fn results_are_exact_or_refused() {
        let columns: &[(&str, &[&str])] =
            &[("a", &["4294967296", "6074001000", "0"]), ("p", &["0.0001", "0.1234567", "3"]), ("z", &["0", "2", "0"])];
        let one = |expression: &str, row: usize| numbers(expression, columns).unwrap()[row].clone();
        assert_eq!(one("a * a", 0), value("18446744073709551616".parse().unwrap()));
        assert_eq!(one("p * p", 0), value("0.00000001".parse().unwrap()));
        assert_eq!(one("a * 0.0000001", 1), value("607.4001".parse().unwrap()));
        assert_eq!(one("p + 0.1234567", 1), value("0.2469134".parse().unwrap()));
        assert_eq!(one("p / 3", 1), value("0.041152".parse().unwrap()));
        // More than 38 digits: told, not wrapped.
        assert!(matches!(one("a * a * a * a * a", 0), Outcome::Unreadable { .. }));
        // A row that can't be computed does not stop the others.
        assert!(matches!(one("p / z", 0), Outcome::Unreadable { .. } | Outcome::Value(None)));
        assert_eq!(one("p / z", 1), value("0.061728".parse().unwrap()));
        assert!(numbers("p * p * p", columns).unwrap_err().to_string().contains("round a part of it"));
    }

    #[test]
    fn quoted_literals_are_read_as_the_column() {
        let columns: &[(&str, &[&str])] = &[("n", &["1", "20", "3"]), ("d", &["1.5", "2", "3"])];
        assert_eq!(conditions("n in ('3', '20')", columns).unwrap(), [value(false), value(true), value(true)]);
        assert_eq!(conditions("d in ('1.50')", columns).unwrap(), [value(true), value(false), value(false)]);
        assert_eq!(conditions("n between '2' and '9'", columns).unwrap(), [value(false), value(false), value(true)]);
        assert!(conditions("n in ('many')", columns).is_err());
    }

    #[test]
    fn typed_columns_keep_their_values() {
        use arrow::array::{Date32Array, TimestampMillisecondArray, UInt64Array};
        let arrays: Vec<(&str, ArrayRef)> = vec![
            ("q", Arc::new(UInt64Array::from(vec![u64::MAX, 1]))),
            ("t", Arc::new(TimestampMillisecondArray::from(vec![0, 86_400_000]).with_timezone("UTC"))),
            ("d", Arc::new(Date32Array::from(vec![0, 31]))),
        ];
        let header: Vec<Arc<str>> = arrays.iter().map(|(name, _)| (*name).into()).collect();
        let array = |name: &str| arrays.iter().find(|(n, _)| *n == name).unwrap().1.clone();
        let evaluator = |text: &str, wanted| {
            Parsed::new("--where", text, &header)
                .unwrap()
                .resolve(wanted, |name| ColumnKind::Typed(array(name).data_type().clone()))
        };
        let holds = |text: &str| evaluator(text, Wanted::Condition).unwrap().conditions(2, array).unwrap();
        assert_eq!(holds("q > 5"), [value(true), value(false)]);
        assert_eq!(holds("t > '1970-01-01'"), [value(false), value(true)]);
        assert_eq!(holds("t >= '1970-01-02T00:00:00Z'"), [value(false), value(true)]);
        assert_eq!(holds("d = '1970-02-01'"), [value(false), value(true)]);
        assert!(evaluator("d = 'soon'", Wanted::Condition).is_err());
        let sums = evaluator("q + 0", Wanted::Number).unwrap().numbers(2, array).unwrap();
        assert_eq!(sums[0], value("18446744073709551615".parse().unwrap()));
    }

    #[test]
    fn wrong_expressions_are_explained() {
        let columns: &[(&str, &[&str])] = &[("amount", &["1.5"]), ("country", &["DE"])];
        let message = |e: &str| numbers(e, columns).unwrap_err().to_string();
        assert_eq!(message("amout * 2"), "--value \"amout * 2\": no column \"amout\"; did you mean \"amount\"?");
        assert!(message("amount *").contains("cannot read this as a SQL expression"));
        assert!(message("country * 2").contains("arithmetic"), "{}", message("country * 2"));
        assert!(message("country").contains("expected a number"));
        assert!(message("sum(amount)").contains("several rows"));
        assert!(conditions("amount", columns).unwrap_err().to_string().contains("expected a condition"));
        assert!(conditions("amount > 'much'", columns).is_err());
    }
}
