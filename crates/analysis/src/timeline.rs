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
    /// What each unit means.
    pub(crate) marks: Vec<Mark>,
    /// Cohort number and age period of each birth group.
    pub(crate) births: Vec<(i32, i32)>,
    pub(crate) first_period: i32,
    pub(crate) period_count: usize,
    pub(crate) cohorts: Periods,
    pub(crate) ages: Periods,
    /// Whether the history's `day` column names the units.
    pub(crate) by_home_day: bool,
}

/// What a unit of time means to the walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    /// The birth group of a customer born in it.
    pub(crate) group: u32,
    /// The age period it lies in, counted from the first.
    pub(crate) period: u32,
    /// The first cell of the birth group.
    pub(crate) base: u32,
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
        let mut marks: Vec<Mark> = Vec::new();
        let mut births: Vec<(i32, i32)> = Vec::new();
        for unit_number in first_unit..=last_unit {
            let birth = (number(&cohorts, unit_number), number(&ages, unit_number));
            if births.last() != Some(&birth) {
                births.push(birth);
            }
            marks.push(Mark { group: births.len() as u32 - 1, period: (birth.1 - first_period) as u32, base: 0 });
        }
        let period_count = marks.last().map_or(0, |last| last.period as usize + 1);
        if births.len().saturating_mul(period_count) > u32::MAX as usize {
            return Err(Error::query(format!(
                "{} cohorts by {period_count} ages are too many; choose longer periods, or check the first dates",
                births.len()
            )));
        }
        for mark in &mut marks {
            mark.base = mark.group * period_count as u32;
        }
        let by_home_day = unit == Unit::Day && zone == *history.home_zone();
        Ok(Self { unit, zone, first_unit, marks, births, first_period, period_count, cohorts, ages, by_home_day })
    }

    /// The zone of its local days.
    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The column that the units are worked out from.
    pub(crate) fn column(&self) -> Column<'static> {
        if self.by_home_day { Column::Day } else { Column::Time }
    }

    /// How the units of a batch's rows are found: indices into the tables.
    pub(crate) fn units<'a>(&'a self, rows: &'a Rows) -> Units<'a> {
        match rows.days() {
            Some(days) if self.by_home_day => Units::Days { days, first: self.first_unit as i32 },
            _ => Units::Times { times: rows.times().unwrap_or_default(), timeline: self, cursor: self.zone.cursor() },
        }
    }
}

/// The units of a batch's rows.
pub(crate) enum Units<'a> {
    /// The history's days are the units.
    Days { days: &'a [i32], first: i32 },
    /// Units are worked out from instants.
    Times { times: &'a [i64], timeline: &'a Timeline, cursor: ZoneCursor<'a> },
}

impl Units<'_> {
    /// The unit of a row.
    #[inline]
    pub(crate) fn at(&mut self, row: usize) -> usize {
        match self {
            Units::Days { days, first } => (days[row] - *first) as usize,
            Units::Times { times, timeline, cursor } => {
                let at = Instant(times[row]);
                let unit = match timeline.unit {
                    Unit::Day => i64::from(cursor.day_of(at).0),
                    Unit::Hour => cursor.hour_of(at),
                };
                (unit - timeline.first_unit) as usize
            }
        }
    }
}
