//! The periods that figures are made for, and the rows they rest on.

use serde::Serialize;
use tenure_history::{Fingerprint, History};
use tenure_model::{
    Calendar, Day, FiscalStart, Granularity, Instant, ObservationWindow, Period, Periods, Table, TimePoint, WeekStart, Zone,
    grouped,
};

use crate::assembly::MOST_CELLS;
use crate::error::Error;
use crate::lives::LifeSegments;
use crate::query::{DEFAULT_LEVEL, RetentionQuery};

/// More periods than anybody looks at: three hundred years of days.
const MOST_PERIODS: i64 = 110_000;

/// What stands for a column where customers are parted by the period in which they began; a column of that name comes first.
pub const COHORT: &str = "cohort";

/// For which periods and from which rows figures are made.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The periods. Default: month.
    pub period: Period,
    /// The date from which blocks of periods are counted; required with them.
    pub origin: Option<Day>,
    /// The first period shown is that of this moment; what happened before is known all the same. Default: that of the first
    /// row.
    pub from: Option<TimePoint>,
    /// The end of the observation window. Default: the history's own.
    pub as_of: Option<TimePoint>,
    /// The rows that exist at all: a SQL condition over columns. Default: all.
    pub filter: Option<String>,
    /// The column whose values part customers into segments, or [`COHORT`]. Default: none.
    pub by: Option<String>,
    /// The zone of local days. Default: the history's home zone.
    pub zone: Option<Zone>,
    /// The first day of weeks. Default: Monday.
    pub week_start: WeekStart,
    /// The first month of fiscal years. Default: January.
    pub fiscal_start: FiscalStart,
    /// The level of intervals. Default: [`DEFAULT_LEVEL`].
    pub level: f64,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            period: Period::One(Granularity::Month),
            origin: None,
            from: None,
            as_of: None,
            filter: None,
            by: None,
            zone: None,
            week_start: WeekStart::default(),
            fiscal_start: FiscalStart::default(),
            level: DEFAULT_LEVEL,
        }
    }
}

/// The rules that figures by period follow, as results carry them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the part of the question that it is named after")]
pub struct ScopeDefinition {
    pub period: String,
    pub period_origin: Option<String>,
    pub from: Option<String>,
    pub until: Option<String>,
    pub filter: Option<String>,
    pub by: Option<String>,
    pub zone: String,
    pub week_start: String,
    pub fiscal_start: String,
    pub level: f64,
    pub content: String,
}

/// A period of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FigurePeriod {
    /// The local date on which it starts.
    pub start: Day,
    /// Whether it has not ended before the end of the window.
    pub in_progress: bool,
}

impl Scope {
    /// Refuses what contradicts itself.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.period.granularity() == Granularity::Hour {
            return Err(Error::query(format!("--period {}: expected days or longer periods", self.period)));
        }
        match (self.period, self.origin) {
            (Period::Block(..), None) => Err(Error::query(format!(
                "--period '{}' is a block of periods, which are counted from a date: add --period-origin DATE",
                self.period
            ))),
            (Period::One(_), Some(_)) => {
                Err(Error::query(format!("--period-origin goes with blocks such as '28 day', and --period is {}", self.period)))
            }
            _ if !(self.level > 0.0 && self.level < 1.0) => {
                Err(Error::query(format!("--level {}: expected a share between 0 and 1, such as {DEFAULT_LEVEL}", self.level)))
            }
            _ => Ok(()),
        }
    }

    /// The zone of local days.
    pub(crate) fn zone(&self, history: &History) -> Zone {
        self.zone.clone().unwrap_or_else(|| history.home_zone().clone())
    }

    /// The periods of a kind under the scope's calendar.
    pub(crate) fn periods_of(&self, history: &History, period: Period) -> Periods {
        let calendar = Calendar { zone: self.zone(history), week_start: self.week_start, fiscal_start: self.fiscal_start };
        Periods::new(calendar, period, self.origin.unwrap_or(Day(0)))
    }

    /// Whether customers are parted by the periods in which they began.
    pub(crate) fn by_cohort(&self, history: &History) -> bool {
        is_cohort(history, self.by.as_deref())
    }

    /// What parts lives of activity.
    pub(crate) fn life_segments(&self, history: &History) -> LifeSegments {
        if self.by_cohort(history) { LifeSegments::Cohorts } else { LifeSegments::Columns }
    }

    /// The question for lives of activity in these periods; `part` is the finer period that they are told by.
    pub(crate) fn of_activity(&self, history: &History, part: Option<Period>) -> RetentionQuery {
        RetentionQuery {
            cohort: self.period,
            age: part,
            origin: self.origin,
            filter: self.filter.clone(),
            by: self.by.iter().filter(|_| !self.by_cohort(history)).cloned().collect(),
            zone: self.zone.clone(),
            week_start: self.week_start,
            fiscal_start: self.fiscal_start,
            as_of: self.as_of,
            level: self.level,
            ..RetentionQuery::default()
        }
    }

    /// The definition under a window.
    pub(crate) fn definition(&self, zone: &Zone, until: Option<Instant>, content: Fingerprint) -> ScopeDefinition {
        ScopeDefinition {
            period: self.period.to_string(),
            period_origin: self.origin.map(|day| day.to_string()),
            from: self.from.map(|point| point.resolve(zone).to_string()),
            until: until.map(|until| until.to_string()),
            filter: self.filter.clone(),
            by: self.by.clone(),
            zone: zone.name().to_owned(),
            week_start: self.week_start.to_string(),
            fiscal_start: self.fiscal_start.to_string(),
            level: self.level,
            content: content.to_string(),
        }
    }
}

/// Whether what parts customers is the period in which they began, and no column.
pub(crate) fn is_cohort(history: &History, by: Option<&str>) -> bool {
    by == Some(COHORT) && !has_column(history, COHORT)
}

/// Whether a table has a column of a name beside those that every history has.
pub(crate) fn has_column(history: &History, name: &str) -> bool {
    [Table::Activity, Table::Subscriptions, Table::Customers, Table::Cancellations]
        .into_iter()
        .any(|table| history.attributes_of(table).iter().any(|known| known == name))
}

/// The periods of a result, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) periods: Periods,
    /// The number of the first that is shown, and behind the last.
    pub(crate) first: i32,
    pub(crate) end: i32,
    pub(crate) until: Instant,
}

impl Frame {
    /// The periods from that of the first row, or of `from`, to the last that begins before the end of the window.
    pub(crate) fn new(scope: &Scope, history: &History, first_row: Instant, window: ObservationWindow) -> Result<Self, Error> {
        scope.check()?;
        let periods = scope.periods_of(history, scope.period);
        let zone = scope.zone(history);
        let until = window.until.unwrap_or(first_row.next());
        let from = scope.from.map(|point| point.resolve(&zone));
        if let Some(from) = from.filter(|from| *from >= until) {
            return Err(Error::query(format!(
                "--from {from} is not before {until}, where the window ends: there is no period between"
            )));
        }
        let first = periods.number_at(from.unwrap_or(first_row));
        let end = periods.number_at(Instant(until.0 - 1)) + 1;
        if i64::from(end) - i64::from(first) > MOST_PERIODS {
            return Err(Error::query(format!(
                "from {} to {until} there are too many periods of a {} to show; choose longer ones, or --from",
                periods.first_day(first),
                scope.period
            )));
        }
        Ok(Self { periods, first, end: end.max(first), until })
    }

    /// Refuses tables that are too large to be looked at: so many rows for each period.
    pub(crate) fn check_size(&self, each: usize) -> Result<(), Error> {
        let rows = self.numbers().len() as u64 * each as u64;
        if rows <= MOST_CELLS {
            return Ok(());
        }
        Err(Error::query(format!(
            "{} periods by {} segments are too many to show; choose longer periods, --from, or a column with fewer values",
            grouped(self.numbers().len() as u64),
            grouped(each as u64)
        )))
    }

    /// The periods shown, by number.
    pub(crate) fn numbers(&self) -> std::ops::Range<i32> {
        self.first..self.end
    }

    /// A period as results have it.
    pub(crate) fn period(&self, number: i32) -> FigurePeriod {
        FigurePeriod { start: self.periods.first_day(number), in_progress: self.end_of(number) > self.until }
    }

    /// The end of a period.
    pub(crate) fn end_of(&self, number: i32) -> Instant {
        self.periods.start(number + 1)
    }
}
