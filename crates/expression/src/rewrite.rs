//! Expressions made to fit the types of their columns.

use arrow::datatypes::DataType as ArrowType;
use polars::prelude::{AnyValue, DataType, Expr, LiteralValue, NamedFrom, Operator, PolarsError, Schema, Series, lit};
use tenure_model::{Day, TimePoint, Zone};

use crate::PRECISION;
use crate::parsed::Wanted;
use crate::profile::{TextType, boolean};

/// The least decimals inside an expression: those of a quotient.
const LEAST_SCALE: u8 = tenure_model::DIVISION_SCALE;

/// The most decimals inside an expression, so that whole numbers keep enough room beside them.
const MOST_SCALE: u8 = 18;

fn scale_of(text: Option<TextType>, arrow: &ArrowType) -> u8 {
    match (text, arrow) {
        (Some(TextType::Decimal(scale, _)), _) => scale,
        (None, ArrowType::Decimal128(_, scale) | ArrowType::Decimal64(_, scale) | ArrowType::Decimal32(_, scale)) => {
            u8::try_from(*scale).unwrap_or(0)
        }
        _ => 0,
    }
}

/// Whole numbers become decimals where they are computed with, since 64 bits may overflow.
pub(crate) fn polars_type(text: Option<TextType>, arrow: &ArrowType, scale: u8, exact_integers: bool) -> DataType {
    let decimal = DataType::Decimal(PRECISION, scale.into());
    match text {
        Some(TextType::Integer(_)) if exact_integers => decimal,
        Some(TextType::Integer(_)) => DataType::Int64,
        Some(TextType::Decimal(..)) => DataType::Decimal(PRECISION, scale.into()),
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
pub(crate) struct Arithmetic {
    computes: bool,
    multiplies: bool,
    pub(crate) divides: bool,
    modulus: bool,
}

impl Arithmetic {
    pub(crate) fn of(expression: &Expr) -> Self {
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

    pub(crate) fn exact_integers(&self, wanted: Wanted) -> bool {
        (wanted == Wanted::Number || self.computes) && !self.modulus
    }

    /// Decimals that hold every product of the parts, or every part where nothing is multiplied.
    pub(crate) fn scale(&self, expression: &Expr, kinds: &[(String, Option<TextType>, ArrowType)]) -> Result<u8, PolarsError> {
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
pub(crate) fn exact_literals(expression: Expr, scale: u8) -> Expr {
    match expression {
        Expr::Literal(ref value) if let Some(AnyValue::Float64(number)) = value.to_any_value() => {
            lit(number).cast(DataType::Decimal(PRECISION, scale.into()))
        }
        other => other,
    }
}

/// Reads quoted literals beside a column as the column's type.
pub(crate) fn beside_columns(expression: Expr, schema: &Schema, zone: &Zone) -> Expr {
    let type_of = |expression: &Expr| match expression {
        Expr::Column(name) => schema.get(name.as_str()).filter(|t| !matches!(t, DataType::String)).cloned(),
        _ => None,
    };
    match expression {
        Expr::BinaryExpr { left, op, right } if op.is_comparison() => {
            let new_left = type_of(&right).map(|t| read_as(&left, &t, zone));
            let new_right = type_of(&left).map(|t| read_as(&right, &t, zone));
            Expr::BinaryExpr { left: new_left.map_or(left, Into::into), op, right: new_right.map_or(right, Into::into) }
        }
        // `column in ('a', 'b')`: the list is a literal below.
        Expr::Function { mut input, function } => {
            if let [first, list] = input.as_mut_slice()
                && let Some(t) = type_of(first)
            {
                *list = list.clone().map_expr(|part| read_as(&part, &t, zone));
            }
            Expr::Function { input, function }
        }
        other => other,
    }
}

/// A quoted literal, or a list of them, as a type. What can't be read as it is an error when the expression is tried.
fn read_as(literal: &Expr, wanted: &DataType, zone: &Zone) -> Expr {
    let Expr::Literal(value) = literal else { return literal.clone() };
    if let LiteralValue::Series(list) = value {
        return list_as(list, wanted, zone).map_or_else(|| literal.clone().strict_cast(wanted.clone()), lit);
    }
    if value.get_datatype() != DataType::String {
        return literal.clone();
    }
    let text = value.to_any_value().and_then(|value| value.get_str().map(str::to_owned));
    match (wanted, text) {
        (DataType::Datetime(..), Some(text)) => match text.parse::<TimePoint>() {
            Ok(point) => lit(point.resolve(zone).0).cast(wanted.clone()),
            Err(_) => literal.clone(),
        },
        (DataType::Date, Some(text)) => match text.parse::<Day>() {
            Ok(day) => lit(day.0).cast(wanted.clone()),
            Err(_) => literal.clone(),
        },
        (DataType::Boolean, Some(text)) => match boolean(text.trim()) {
            Some(truth) => lit(truth),
            // Polars refuses it when the expression is tried.
            None => literal.clone().strict_cast(DataType::Boolean),
        },
        (DataType::Datetime(..) | DataType::Date | DataType::Boolean, None) => literal.clone(),
        _ => literal.clone().strict_cast(wanted.clone()),
    }
}

/// A list of quoted dates, times or truths as a type; nothing where one of them is none, or for other types.
fn list_as(list: &Series, wanted: &DataType, zone: &Zone) -> Option<Series> {
    if list.dtype() != &DataType::String {
        return None;
    }
    let texts: Vec<String> = list.iter().map(|value| value.get_str().map(str::to_owned)).collect::<Option<_>>()?;
    let name = list.name().clone();
    match wanted {
        DataType::Datetime(..) => {
            let instant = |text: &String| Some(text.parse::<TimePoint>().ok()?.resolve(zone).0);
            Series::new(name, texts.iter().map(instant).collect::<Option<Vec<i64>>>()?).cast(wanted).ok()
        }
        DataType::Date => {
            let day = |text: &String| Some(text.parse::<Day>().ok()?.0);
            Series::new(name, texts.iter().map(day).collect::<Option<Vec<i32>>>()?).cast(wanted).ok()
        }
        DataType::Boolean => {
            Some(Series::new(name, texts.iter().map(|text| boolean(text.trim())).collect::<Option<Vec<bool>>>()?))
        }
        _ => None,
    }
}

/// A column of dates or times that is compared with a number, which Polars would do by their inner values.
pub(crate) fn dates_beside_numbers(expression: &Expr, schema: &Schema) -> Option<String> {
    let date = |part: &Expr| match part {
        Expr::Column(name) => {
            matches!(schema.get(name.as_str()), Some(DataType::Date | DataType::Datetime(..))).then(|| name.to_string())
        }
        _ => None,
    };
    let number = |part: &Expr| match part {
        Expr::Literal(value) => {
            value.to_any_value().is_some_and(|value| value.get_str().is_none() && value.extract::<f64>().is_some())
        }
        _ => false,
    };
    expression.into_iter().find_map(|part| match part {
        Expr::BinaryExpr { left, op, right } if op.is_comparison() => {
            date(left).filter(|_| number(right)).or_else(|| date(right).filter(|_| number(left)))
        }
        _ => None,
    })
}

/// The texts of a literal or a list of literals, if they are all texts.
pub(crate) fn texts(list: &Expr) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for part in list {
        match part {
            Expr::Literal(LiteralValue::Series(series)) => {
                for value in series.iter() {
                    found.push(value.get_str()?.to_owned());
                }
            }
            Expr::Literal(value) => found.push(value.to_any_value()?.get_str()?.to_owned()),
            // What makes a list of its literals.
            Expr::Agg(_) => {}
            _ => return None,
        }
    }
    Some(found)
}
