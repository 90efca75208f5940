//! Columns made for a condition: what is known of customers, or the metrics of a period.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, StringArray};
use arrow::datatypes::DataType;
use tenure_expression::{ColumnKind, Outcome, Parsed, TextProfile, Wanted};
use tenure_model::{Decimal, Zone};

use crate::error::Error;

/// Digits of a decimal in a condition, and those behind the point.
const PRECISION: u8 = 38;
const SCALE: u8 = 6;

/// A column of a made table.
#[derive(Debug, Clone)]
pub(crate) enum Made {
    Integers(Vec<Option<i64>>),
    Decimals(Vec<Option<Decimal>>),
    Numbers(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
}

/// A table of named columns that conditions can ask about.
#[derive(Debug, Clone, Default)]
pub(crate) struct MadeTable {
    pub(crate) rows: usize,
    pub(crate) columns: Vec<(String, Made)>,
}

impl Made {
    fn kind(&self) -> ColumnKind {
        match self {
            Made::Integers(_) => ColumnKind::Typed(DataType::Int64),
            Made::Decimals(_) => ColumnKind::Typed(DataType::Decimal128(PRECISION, SCALE as i8)),
            Made::Numbers(_) => ColumnKind::Typed(DataType::Float64),
            Made::Texts(texts) => {
                let mut profile = TextProfile::default();
                texts.iter().flatten().for_each(|text| profile.add(text));
                ColumnKind::Text(profile)
            }
        }
    }

    fn array(&self) -> Result<ArrayRef, Error> {
        Ok(match self {
            Made::Integers(values) => Arc::new(values.iter().collect::<Int64Array>()),
            Made::Numbers(values) => Arc::new(values.iter().collect::<Float64Array>()),
            Made::Texts(values) => Arc::new(values.iter().collect::<StringArray>()),
            Made::Decimals(values) => {
                let units =
                    values.iter().map(|value| value.and_then(|value| value.rounded(SCALE).at_scale(SCALE)).map(Decimal::units));
                let array = units.collect::<Decimal128Array>().with_precision_and_scale(PRECISION, SCALE as i8);
                Arc::new(array.map_err(|error| Error::query(format!("amounts have too many digits: {error}")))?)
            }
        })
    }

    /// A value as people read it; nothing where it is missing.
    fn text(&self, row: usize) -> Option<String> {
        match self {
            Made::Integers(values) => values[row].map(|value| value.to_string()),
            Made::Decimals(values) => values[row].map(|value| value.normalized().to_string()),
            Made::Numbers(values) => {
                values[row].map(|value| format!("{:.4}", value).trim_end_matches('0').trim_end_matches('.').to_owned())
            }
            Made::Texts(values) => values[row].clone(),
        }
    }
}

impl MadeTable {
    /// For which rows a condition holds; an unknown truth does not.
    pub(crate) fn holds(&self, flag: &'static str, text: &str, zone: &Zone) -> Result<Vec<bool>, Error> {
        let header: Vec<Arc<str>> = self.columns.iter().map(|(name, _)| Arc::from(name.as_str())).collect();
        let parsed = Parsed::new(flag, text, &header)?.in_zone(zone);
        let find = |name: &str| self.columns.iter().find(|(known, _)| known == name).map(|(_, made)| made);
        let kind = |name: &str| find(name).map_or_else(|| ColumnKind::Text(TextProfile::of_text()), Made::kind);
        let evaluator = parsed.resolve(Wanted::Condition, |name| kind(name).into())?;
        let mut arrays = Vec::new();
        for name in evaluator.column_names() {
            arrays.push((name.to_owned(), find(name).map(Made::array).transpose()?));
        }
        let array = |name: &str| {
            let found = arrays.iter().find(|(known, _)| known == name).and_then(|(_, array)| array.clone());
            found.unwrap_or_else(|| arrow::array::new_null_array(&DataType::Utf8, self.rows))
        };
        let outcomes = evaluator.conditions(self.rows, array)?;
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Value(truth) => Ok(truth == Some(true)),
                Outcome::Unreadable { column, .. } if column.is_empty() => {
                    Err(Error::query(format!("{flag} {text:?}: it can't be computed for some row")))
                }
                Outcome::Unreadable { column, value } => Err(Error::query(format!(
                    "{flag} {text:?}: \"{column}\" is \"{value}\" for some customer, and the condition needs it to be of the type of its other values"
                ))),
            })
            .collect()
    }

    /// What a row says of some columns, in words.
    pub(crate) fn told(&self, row: usize, names: &[String]) -> String {
        let parts = self.columns.iter().filter(|(name, _)| names.contains(name));
        let parts = parts.filter_map(|(name, made)| Some(format!("{name} = {}", made.text(row)?)));
        parts.collect::<Vec<_>>().join(", ")
    }
}
