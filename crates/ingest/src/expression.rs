//! SQL expressions over an export's columns, evaluated by Polars.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type, TimeUnit};
use polars::prelude::{AnyValue, Column, DataFrame, DataType, Expr, IntoLazy, NamedFrom, PolarsError, Schema, Series, lit};
use tenure_model::Decimal;

use crate::error::{Error, ErrorKind};
use crate::near::suggestion;

/// Digits of a decimal inside an expression.
const PRECISION: usize = 38;

/// Decimals inside an expression: at least those of a quotient, at most these.
const SCALES: std::ops::RangeInclusive<u8> = tenure_model::DIVISION_SCALE..=12;

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
            let scales: u8 = kinds.iter().map(|(_, text, arrow)| scale_of(*text, arrow)).fold(0, u8::saturating_add);
            let scale = scales.clamp(*SCALES.start(), *SCALES.end());
            let schema: Schema =
                kinds.iter().map(|(name, text, arrow)| (name.as_str().into(), polars_type(*text, arrow, scale))).collect();
            let expression = self.expression.clone().map_expr(|e| exact_literals(e, &schema, scale));
            let evaluator = Evaluator {
                text: self.text.clone(),
                flag: self.flag,
                expression,
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

fn polars_type(text: Option<TextType>, arrow: &ArrowType, scale: u8) -> DataType {
    match text {
        Some(TextType::Integer) => DataType::Int64,
        Some(TextType::Decimal(_)) => DataType::Decimal(PRECISION, scale.into()),
        Some(TextType::Boolean) => DataType::Boolean,
        Some(TextType::Text) => DataType::String,
        None => match arrow {
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

/// Makes numbers written with a point exact, and reads quoted literals beside a column as its type.
fn exact_literals(expression: Expr, schema: &Schema, scale: u8) -> Expr {
    let decimal = DataType::Decimal(PRECISION, scale.into());
    match expression {
        Expr::Literal(ref value) if let Some(AnyValue::Float64(number)) = value.to_any_value() => lit(number).cast(decimal),
        Expr::BinaryExpr { left, op, right } if op.is_comparison() => {
            let (left, right) = (beside(&left, &right, schema), beside(&right, &left, schema));
            Expr::BinaryExpr { left: left.into(), op, right: right.into() }
        }
        other => other,
    }
}

/// `literal` as the type of the column it is compared with.
fn beside(literal: &Expr, column: &Expr, schema: &Schema) -> Expr {
    let (Expr::Literal(value), Expr::Column(name)) = (literal, column) else { return literal.clone() };
    let value = value.to_any_value();
    match (value.as_ref().and_then(AnyValue::get_str), schema.get(name.as_str())) {
        (Some(text), Some(t)) if !matches!(t, DataType::String) => lit(text.to_owned()).strict_cast(t.clone()),
        _ => literal.clone(),
    }
}

/// An expression whose columns have types: it can be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Evaluator {
    text: String,
    flag: &'static str,
    expression: Expr,
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
        self.evaluate(rows, column, |value| match value {
            AnyValue::Boolean(holds) => Some(holds),
            _ => None,
        })
    }

    /// The numbers, exactly where the expression is made of exact columns.
    pub(crate) fn numbers(&self, rows: usize, column: impl Fn(&str) -> ArrayRef) -> Result<Vec<Outcome<Decimal>>, Error> {
        self.evaluate(rows, column, |value| match value {
            AnyValue::Decimal(units, _, scale) => Some(Decimal::new(units, u8::try_from(scale).ok()?).normalized()),
            AnyValue::Float64(number) => from_float(number),
            AnyValue::Float32(number) => from_float(number.into()),
            other => other.extract::<i128>().map(|units| Decimal::new(units, 0)),
        })
    }

    fn evaluate<T: Clone>(
        &self,
        rows: usize,
        column: impl Fn(&str) -> ArrayRef,
        convert: impl Fn(AnyValue<'_>) -> Option<T>,
    ) -> Result<Vec<Outcome<T>>, Error> {
        let failed = |error: PolarsError| {
            Error::new(ErrorKind::Expression, format!("{} {:?}: {}", self.flag, self.text, first_line(&error)))
        };
        let mut unreadable: Vec<(usize, String, String)> = Vec::new();
        let mut columns = Vec::with_capacity(self.columns.len());
        for (name, text, _) in &self.columns {
            let array = column(name);
            let series = match text {
                Some(kind) => text_series(name, *kind, &array, self.scale, &mut unreadable),
                None => typed_series(name, &array, self.scale),
            };
            columns.push(Column::from(series.map_err(failed)?));
        }
        // A condition without columns is the same for every row.
        let frame = DataFrame::new(rows, columns).map_err(failed)?;
        let result = frame.lazy().select([self.expression.clone().alias("result")]).collect().map_err(failed)?;
        let result = result.columns()[0].as_materialized_series();
        let broadcast = result.len() == 1 && rows != 1;
        if result.len() != rows && !broadcast {
            return Err(failed(PolarsError::ComputeError("it does not give one value for each row".into())));
        }
        let mut outcomes: Vec<Outcome<T>> = if broadcast {
            vec![Outcome::Value(result.get(0).ok().and_then(convert)); rows]
        } else {
            result.iter().map(|value| Outcome::Value(convert(value))).collect()
        };
        for (row, column, value) in unreadable {
            outcomes[row] = Outcome::Unreadable { column, value };
        }
        Ok(outcomes)
    }
}

fn from_float(number: f64) -> Option<Decimal> {
    number.is_finite().then(|| format!("{number:.*}", usize::from(tenure_model::DIVISION_SCALE)).parse().ok())?
}

fn text_series(
    name: &str,
    kind: TextType,
    array: &ArrayRef,
    scale: u8,
    unreadable: &mut Vec<(usize, String, String)>,
) -> Result<Series, PolarsError> {
    let texts = array.as_string::<i32>();
    let trimmed = texts.iter().map(|text| text.map(str::trim).filter(|text| !text.is_empty()));
    let mut bad = |row: usize, text: &str| unreadable.push((row, name.to_owned(), text.to_owned()));
    Ok(match kind {
        TextType::Text => Series::new(name.into(), trimmed.collect::<Vec<_>>()),
        TextType::Boolean => Series::new(name.into(), trimmed.map(|text| text.and_then(boolean)).collect::<Vec<_>>()),
        TextType::Integer => {
            let mut values: Vec<Option<i64>> = Vec::with_capacity(texts.len());
            for (row, text) in trimmed.enumerate() {
                let value = text.and_then(|text| text.parse().ok());
                if let (Some(text), None) = (text, value) {
                    bad(row, text);
                }
                values.push(value);
            }
            Series::new(name.into(), values)
        }
        TextType::Decimal(_) => {
            let mut values: Vec<Option<i128>> = Vec::with_capacity(texts.len());
            for (row, text) in trimmed.enumerate() {
                let value = text.and_then(|text| text.parse::<Decimal>().ok()?.at_scale(scale).map(Decimal::units));
                if let (Some(text), None) = (text, value) {
                    bad(row, text);
                }
                values.push(value);
            }
            decimal_series(name, &values, scale)?
        }
    })
}

fn decimal_series(name: &str, units: &[Option<i128>], scale: u8) -> Result<Series, PolarsError> {
    let values: Vec<AnyValue<'_>> = units
        .iter()
        .map(|units| units.map_or(AnyValue::Null, |units| AnyValue::Decimal(units, PRECISION, scale.into())))
        .collect();
    Series::from_any_values_and_dtype(name.into(), &values, &DataType::Decimal(PRECISION, scale.into()), true)
}

fn typed_series(name: &str, array: &ArrayRef, scale: u8) -> Result<Series, PolarsError> {
    let wrong = |error: arrow::error::ArrowError| PolarsError::ComputeError(format!("column \"{name}\": {error}").into());
    let target = match array.data_type() {
        t if t.is_integer() => ArrowType::Int64,
        t if t.is_floating() => ArrowType::Float64,
        ArrowType::Decimal128(..) | ArrowType::Decimal64(..) | ArrowType::Decimal32(..) => {
            ArrowType::Decimal128(PRECISION as u8, scale as i8)
        }
        ArrowType::Boolean => ArrowType::Boolean,
        ArrowType::Date32 | ArrowType::Date64 => ArrowType::Date32,
        ArrowType::Timestamp(_, zone) => ArrowType::Timestamp(TimeUnit::Microsecond, zone.clone()),
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
