use tenure_analysis::MetricValue;
use tenure_model::{Day, Decimal, Instant, grouped};

use crate::numbers::{amount, percent};
use crate::text::plain;
use crate::text_table::Align;

/// What stands in a cell of an exhibit, of its own kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Datum {
    Nothing,
    Text(String),
    Date(Day),
    /// By its first day.
    Month(Day),
    Instant(Instant),
    /// Of things.
    Count(u64),
    /// Exact.
    Amount(Decimal),
    /// A part of a whole, which is 1.
    Share(f64),
    /// No share.
    Number(f64),
    Truth(bool),
}

impl Datum {
    /// The datum, or nothing.
    pub(crate) fn of<T>(value: Option<T>, kind: impl FnOnce(T) -> Datum) -> Datum {
        value.map_or(Datum::Nothing, kind)
    }

    /// A figure by its kind.
    pub(crate) fn figure(value: MetricValue) -> Datum {
        match value {
            MetricValue::Count(count) => Datum::Count(count),
            MetricValue::Rate(share) => Datum::Share(share),
            MetricValue::Money(amount) => Datum::Amount(amount),
            MetricValue::Number(number) => Datum::Number(number),
        }
    }

    /// As people see it.
    pub(crate) fn text(&self) -> String {
        match self {
            Datum::Share(share) => format!("{} %", percent(*share, 1)),
            other => other.short(),
        }
    }

    /// The same where a title says what is shown: shares are percent without the sign.
    pub(crate) fn short(&self) -> String {
        match self {
            Datum::Nothing => String::new(),
            Datum::Text(text) => plain(text).into_owned(),
            Datum::Date(day) => day.to_string(),
            Datum::Month(day) => {
                let text = day.to_string();
                text.rsplit_once('-').map_or(text.clone(), |(month, _)| month.to_owned())
            }
            Datum::Instant(at) => at.to_string(),
            Datum::Count(count) => grouped(*count),
            Datum::Amount(value) => amount(*value),
            Datum::Share(share) => percent(*share, 1),
            Datum::Number(number) => format!("{number:.2}"),
            Datum::Truth(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        }
    }

    /// On which side it stands.
    pub(crate) fn align(&self) -> Align {
        match self {
            Datum::Nothing | Datum::Text(_) | Datum::Date(_) | Datum::Month(_) | Datum::Instant(_) | Datum::Truth(_) => {
                Align::Left
            }
            Datum::Count(_) | Datum::Amount(_) | Datum::Share(_) | Datum::Number(_) => Align::Right,
        }
    }
}
