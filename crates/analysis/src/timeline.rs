//! The periods of a query over the span of a history, as tables for the walk.

use tenure_history::{Column, History, Rows};
use tenure_model::{Calendar, Day, Instant, Periods, Zone, ZoneCursor};

use crate::error::Error;
use crate::query::RetentionQuery;

/// The most units that are tabulated: a thousand years of hours.
const MOST_UNITS: i64 = 9_000_000;

/// The finest periods that a query tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Hour,
}

/// Which birth group and which age period a unit of time lies in.
///
/// A *birth group* holds the births that share a cohort and an age period: with one granularity it is the cohort.
#[derive(Debug)]
pub(crate) struct Timeline {
    unit: Unit,
    zone: Zone,
    first_unit: i64,
    /// Birth groups by unit.
    pub(crate) groups: Vec<u32>,
    /// Age periods by unit, counted from the first.
    pub(crate) periods: Vec<u32>,
    /// Cohort number and age period of each birth group.
    pub(crate) births: Vec<(i32, i32)>,
    pub(crate) first_period: i32,
    pub(crate) period_count: usize,
    pub(crate) cohorts: Periods,
    pub(crate) ages: Periods,
    /// Whether the history's `day` column names the units.
    pub(crate) by_home_day: bool,
}

impl Timeline {
    /// The tables for a history with activity from `first` to `last`.
    pub(crate) fn new(history: &History, query: &RetentionQuery, first: Instant, last: Instant) -> Result<Self, Error> {
        let zone = query.zone.clone().unwrap_or_else(|| history.home_zone().clone());
        let calendar = Calendar { zone: zone.clone(), week_start: query.week_start, fiscal_start: query.fiscal_start };
        let origin = query.origin.unwrap_or(Day(0));
        let cohorts = Periods::new(calendar.clone(), query.cohort, origin);
        let ages = Periods::new(calendar, query.age_period(), origin);
        let unit = if cohorts.by_day() && ages.by_day() { Unit::Day } else { Unit::Hour };
        let unit_of = |at: Instant| match unit {
            Unit::Day => i64::from(zone.day_of(at).0),
            Unit::Hour => zone.hour_of(at),
        };
        let (first_unit, last_unit) = (unit_of(first), unit_of(last));
        if last_unit - first_unit >= MOST_UNITS {
            return Err(Error::query(format!(
                "the history goes from {first} to {last}: too long to count in {}; choose longer periods, or check the first dates",
                if unit == Unit::Day { "days" } else { "hours" }
            )));
        }
        let number = |periods: &Periods, unit_number: i64| match unit {
            Unit::Day => periods.number_of_day(Day(unit_number as i32)),
            Unit::Hour if periods.by_day() => periods.number_of_day(zone.day_of(zone.start_of_hour(unit_number))),
            Unit::Hour => periods.number_of_hour(unit_number),
        };
        let first_period = number(&ages, first_unit);
        let mut groups = Vec::new();
        let mut periods = Vec::new();
        let mut births: Vec<(i32, i32)> = Vec::new();
        for unit_number in first_unit..=last_unit {
            let birth = (number(&cohorts, unit_number), number(&ages, unit_number));
            if births.last() != Some(&birth) {
                births.push(birth);
            }
            groups.push(births.len() as u32 - 1);
            periods.push((birth.1 - first_period) as u32);
        }
        let period_count = periods.last().map_or(0, |&last| last as usize + 1);
        let by_home_day = unit == Unit::Day && zone == *history.home_zone();
        Ok(Self { unit, zone, first_unit, groups, periods, births, first_period, period_count, cohorts, ages, by_home_day })
    }

    /// The zone of its local days.
    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The column that the units are worked out from.
    pub(crate) fn column(&self) -> Column<'static> {
        if self.by_home_day { Column::Day } else { Column::Time }
    }

    /// Reads the units of a batch: indices into the tables.
    pub(crate) fn units<'a>(&'a self, rows: &'a Rows) -> Units<'a> {
        let source = match rows.days() {
            Some(days) if self.by_home_day => UnitSource::Days(days),
            _ => UnitSource::Times(rows.times().unwrap_or_default(), self.zone.cursor()),
        };
        Units { timeline: self, source }
    }
}

/// The units of a batch's rows.
pub(crate) struct Units<'a> {
    timeline: &'a Timeline,
    source: UnitSource<'a>,
}

enum UnitSource<'a> {
    Days(&'a [i32]),
    Times(&'a [i64], ZoneCursor<'a>),
}

impl Units<'_> {
    /// The unit of a row.
    #[inline]
    pub(crate) fn at(&mut self, row: usize) -> usize {
        let unit = match &mut self.source {
            UnitSource::Days(days) => i64::from(days[row]),
            UnitSource::Times(times, cursor) => match self.timeline.unit {
                Unit::Day => i64::from(cursor.day_of(Instant(times[row])).0),
                Unit::Hour => cursor.hour_of(Instant(times[row])),
            },
        };
        (unit - self.timeline.first_unit) as usize
    }
}
