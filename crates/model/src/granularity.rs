use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// The length of a calendar period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// A local hour.
    Hour,
    /// A local day; it may have 23 or 25 hours.
    Day,
    /// Seven local days from the week start.
    Week,
    /// A calendar month.
    Month,
    /// Three months, counted from the fiscal year start.
    Quarter,
    /// Six months, counted from the fiscal year start.
    HalfYear,
    /// Twelve months, counted from the fiscal year start.
    Year,
}

impl Granularity {
    /// All of them, from the shortest to the longest.
    pub const ALL: [Granularity; 7] = [
        Granularity::Hour,
        Granularity::Day,
        Granularity::Week,
        Granularity::Month,
        Granularity::Quarter,
        Granularity::HalfYear,
        Granularity::Year,
    ];

    /// The name as flags and results have it.
    pub const fn name(self) -> &'static str {
        match self {
            Granularity::Hour => "hour",
            Granularity::Day => "day",
            Granularity::Week => "week",
            Granularity::Month => "month",
            Granularity::Quarter => "quarter",
            Granularity::HalfYear => "half-year",
            Granularity::Year => "year",
        }
    }

    /// Months in it, for those that are made of months.
    pub(crate) const fn months(self) -> Option<i32> {
        match self {
            Granularity::Month => Some(1),
            Granularity::Quarter => Some(3),
            Granularity::HalfYear => Some(6),
            Granularity::Year => Some(12),
            Granularity::Hour | Granularity::Day | Granularity::Week => None,
        }
    }
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Granularity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Granularity::ALL.into_iter().find(|g| g.name() == text).ok_or_else(|| {
            Error::new(
                ErrorKind::Period,
                format!("no period \"{text}\" (expected hour, day, week, month, quarter, half-year, year, or a block such as '28 day')"),
            )
        })
    }
}

/// One calendar period, or a block of several counted from an origin date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A calendar period.
    One(Granularity),
    /// A block of `N` periods. Blocks are counted from an origin date.
    Block(NonZeroU32, Granularity),
}

impl Period {
    /// The granularity it is made of.
    pub const fn granularity(self) -> Granularity {
        match self {
            Period::One(granularity) | Period::Block(_, granularity) => granularity,
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::One(granularity) => granularity.fmt(f),
            Period::Block(count, granularity) => write!(f, "{count} {granularity}"),
        }
    }
}

/// The longest block that is accepted: a thousand years of hours would fit.
const MAX_BLOCK: u32 = 10_000;

impl FromStr for Period {
    type Err = Error;

    /// Reads `month`, `half-year`, `28 day` …
    fn from_str(text: &str) -> Result<Self, Error> {
        let Some((count, granularity)) = text.trim().split_once(' ') else {
            return Ok(Period::One(text.parse()?));
        };
        let count = count.parse().ok().filter(|n: &NonZeroU32| n.get() <= MAX_BLOCK).ok_or_else(|| {
            Error::new(
                ErrorKind::Period,
                format!("cannot read period \"{text}\" (expected a count of 1 to {MAX_BLOCK} and a period, such as '28 day')"),
            )
        })?;
        Ok(Period::Block(count, granularity.trim().parse()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_read_as_they_print() {
        for text in ["hour", "day", "week", "month", "quarter", "half-year", "year", "28 day", "2 month"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in ["", "fortnight", "0 day", "-1 day", "x day", "2 moons", "99999 day"] {
            assert_eq!(text.parse::<Period>().unwrap_err().kind(), ErrorKind::Period, "{text}");
        }
    }
}
