use std::fmt;
use std::str::FromStr;

use tenure_model::{Age, Alignment, Day, FiscalStart, Granularity, Period, TimePoint, WeekStart, Zone};

use crate::error::Error;

/// The level of intervals unless another is asked for.
pub const DEFAULT_LEVEL: f64 = 0.95;

/// A question for a retention matrix: a value that can be printed back.
#[derive(Debug, Clone)]
pub struct RetentionQuery {
    /// The periods whose births form a cohort. Default: month.
    pub cohort: Period,
    /// The periods that ages are counted in. Default: those of the cohorts.
    pub age: Option<Period>,
    /// The date from which blocks of periods are counted; required with them.
    pub origin: Option<Day>,
    /// How ages are counted. Default: calendar.
    pub alignment: Alignment,
    /// When a member counts as retained. Default: on.
    pub criterion: Criterion,
    /// What is measured beside the retained members. Default: customers alone.
    pub measure: Measure,
    /// The zone of local days. Default: the history's home zone.
    pub zone: Option<Zone>,
    /// The first day of weeks. Default: Monday.
    pub week_start: WeekStart,
    /// The first month of fiscal years. Default: January.
    pub fiscal_start: FiscalStart,
    /// Only customers born at or after this are members. Births are judged over the whole history all the same.
    pub born_from: Option<TimePoint>,
    /// Only customers born before this are members.
    pub born_until: Option<TimePoint>,
    /// The end of the observation window. Default: the history's own.
    pub as_of: Option<TimePoint>,
    /// The ages that are shown. Default: all that have begun for anybody.
    pub ages: Ages,
    /// How the summary row is made. Default: pooled.
    pub summary: Summary,
    /// The level of the intervals. Default: [`DEFAULT_LEVEL`].
    pub level: f64,
}

impl Default for RetentionQuery {
    fn default() -> Self {
        Self {
            cohort: Period::One(Granularity::Month),
            age: None,
            origin: None,
            alignment: Alignment::default(),
            criterion: Criterion::default(),
            measure: Measure::default(),
            zone: None,
            week_start: WeekStart::default(),
            fiscal_start: FiscalStart::default(),
            born_from: None,
            born_until: None,
            as_of: None,
            ages: Ages::default(),
            summary: Summary::default(),
            level: DEFAULT_LEVEL,
        }
    }
}

impl RetentionQuery {
    /// The periods that ages are counted in.
    pub fn age_period(&self) -> Period {
        self.age.unwrap_or(self.cohort)
    }

    /// Refuses what contradicts itself.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let block = [self.cohort, self.age_period()].into_iter().find(|period| matches!(period, Period::Block(..)));
        if let (Some(block), None) = (block, self.origin) {
            return Err(Error::query(format!(
                "blocks of '{block}' need a date to be counted from: add --cohort-origin YYYY-MM-DD"
            )));
        }
        if let (None, Some(origin)) = (block, self.origin) {
            return Err(Error::query(format!("--cohort-origin {origin} goes with blocks such as --cohort '28 day'")));
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(Error::query(format!("--level {}: expected a share between 0 and 1, such as 0.95", self.level)));
        }
        if let Ages::At(ages) = &self.ages
            && ages.is_empty()
        {
            return Err(Error::query("--at: expected ages, such as 1,7,30"));
        }
        Ok(())
    }
}

/// When a cohort member counts as retained at age k.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Criterion {
    /// A return at age k (bounded, "N-day").
    #[default]
    On,
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Criterion::On => "on",
        })
    }
}

/// What cells carry beside retained members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Nothing else.
    #[default]
    Customers,
    /// The number of events.
    Events,
    /// The number of events and the sum of their values, a block for each currency.
    Value,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Measure::Customers => "customers",
            Measure::Events => "events",
            Measure::Value => "value",
        })
    }
}

/// Which ages are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Ages {
    /// All that have begun for any cohort.
    #[default]
    Begun,
    /// 0 … N−1.
    First(u32),
    /// These.
    At(Vec<Age>),
}

impl FromStr for Ages {
    type Err = Error;

    /// Reads `1,7,30`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let ages: Result<Vec<Age>, _> = text.split(',').map(|age| age.trim().parse().map(Age)).collect();
        let mut ages =
            ages.map_err(|_| Error::query(format!("cannot read ages \"{text}\" (expected whole numbers, such as 1,7,30)")))?;
        ages.sort_unstable();
        ages.dedup();
        Ok(Ages::At(ages))
    }
}

/// How cohorts are drawn together into one curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summary {
    /// Σ retained_exposed / Σ exposed over the cells of an age with anybody exposed.
    #[default]
    Pooled,
    /// The mean of complete cells' rates.
    Mean,
    /// The median of complete cells' rates.
    Median,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Summary::Pooled => "pooled",
            Summary::Mean => "mean",
            Summary::Median => "median",
        })
    }
}
