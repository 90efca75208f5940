//! The units of local time that a query tells apart, and the periods they lie in, as tables for the walk.

use tenure_history::{History, Rows};
use tenure_model::{Calendar, Day, Instant, Periods, Zone, ZoneCursor};

use crate::error::Error;
use crate::query::RetentionQuery;

/// The most units that are tabulated: a thousand years of hours.
const MOST_UNITS: i64 = 9_000_000;

/// The finest periods that a query tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Day,
    Hour,
}

/// Cohort and age periods by local day or hour.
#[derive(Debug)]
pub(crate) struct Units {
    unit: Unit,
    zone: Zone,
    /// The first unit that is tabulated.
    first: i64,
    cohort_numbers: Vec<i32>,
    age_numbers: Vec<i32>,
    pub(crate) cohorts: Periods,
    pub(crate) ages: Periods,
    /// Whether the history's `day` column names the units.
    pub(crate) by_home_day: bool,
}

impl Units {
    /// The tables for a history with activity from `first` to `last`.
    pub(crate) fn new(history: &History, query: &RetentionQuery, first: Instant, last: Instant) -> Result<Self, Error> {
        let zone = query.zone.clone().unwrap_or_else(|| history.home_zone().clone());
        let calendar = Calendar { zone: zone.clone(), week_start: query.week_start, fiscal_start: query.fiscal_start };
        let origin = query.origin.unwrap_or(Day(0));
        let cohorts = Periods::new(calendar.clone(), query.cohort, origin);
        let ages = Periods::new(calendar, query.age_period(), origin);
        let unit = if cohorts.by_day() && ages.by_day() { Unit::Day } else { Unit::Hour };
        let by_home_day = unit == Unit::Day && zone == *history.home_zone();
        let mut units =
            Self { unit, zone, first: 0, cohort_numbers: Vec::new(), age_numbers: Vec::new(), cohorts, ages, by_home_day };
        let (first_unit, last_unit) = (units.unit_at(first), units.unit_at(last));
        if last_unit - first_unit >= MOST_UNITS {
            return Err(Error::query(format!(
                "the history goes from {first} to {last}: too long to count in {}; choose longer periods, or check the first dates",
                if unit == Unit::Day { "days" } else { "hours" }
            )));
        }
        units.cohort_numbers = (first_unit..=last_unit).map(|unit| units.number(&units.cohorts, unit)).collect();
        units.age_numbers = (first_unit..=last_unit).map(|unit| units.number(&units.ages, unit)).collect();
        units.first = first_unit;
        Ok(units)
    }

    /// Whether units are days.
    pub(crate) fn are_days(&self) -> bool {
        self.unit == Unit::Day
    }

    /// The zone of its local days.
    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first tabulated unit, and the cohort and age periods of it and the units after it.
    pub(crate) fn tables(&self) -> (i64, impl ExactSizeIterator<Item = (i32, i32)>) {
        (self.first, self.cohort_numbers.iter().copied().zip(self.age_numbers.iter().copied()))
    }

    /// The unit that holds an instant.
    pub(crate) fn unit_at(&self, at: Instant) -> i64 {
        match self.unit {
            Unit::Day => self.zone.day_of(at).0.into(),
            Unit::Hour => self.zone.hour_of(at),
        }
    }

    /// The cohort period that holds a unit.
    pub(crate) fn cohort(&self, unit: i64) -> i32 {
        self.look_up(&self.cohort_numbers, &self.cohorts, unit)
    }

    /// The age period that holds a unit.
    pub(crate) fn age(&self, unit: i64) -> i32 {
        self.look_up(&self.age_numbers, &self.ages, unit)
    }

    /// The local day that holds a unit.
    pub(crate) fn day(&self, unit: i64) -> Day {
        match self.unit {
            Unit::Day => Day(unit as i32),
            Unit::Hour => self.zone.day_of(self.zone.start_of_hour(unit)),
        }
    }

    #[inline]
    fn look_up(&self, table: &[i32], periods: &Periods, unit: i64) -> i32 {
        let known = usize::try_from(unit - self.first).ok().and_then(|place| table.get(place));
        // Sign-up dates may lie outside of the activity.
        known.copied().unwrap_or_else(|| self.number(periods, unit))
    }

    fn number(&self, periods: &Periods, unit: i64) -> i32 {
        match self.unit {
            Unit::Day => periods.number_of_day(Day(unit as i32)),
            Unit::Hour if periods.by_day() => periods.number_of_day(self.day(unit)),
            Unit::Hour => periods.number_of_hour(unit),
        }
    }

    /// How the units of a batch's rows are found: from their days, or from their instants.
    pub(crate) fn of_rows<'a>(&'a self, rows: &'a Rows) -> RowUnits<'a> {
        match (rows.times(), rows.days()) {
            (_, Some(days)) if self.by_home_day => RowUnits::Days(days),
            (times, _) => RowUnits::Times { times: times.unwrap_or_default(), unit: self.unit, cursor: self.zone.cursor() },
        }
    }
}

/// The units of a batch's rows.
pub(crate) enum RowUnits<'a> {
    /// The history's days are the units.
    Days(&'a [i32]),
    /// Units are worked out from instants.
    Times { times: &'a [i64], unit: Unit, cursor: ZoneCursor<'a> },
}

impl RowUnits<'_> {
    /// The unit of a row.
    #[inline]
    pub(crate) fn at(&mut self, row: usize) -> i64 {
        match self {
            RowUnits::Days(days) => days[row].into(),
            RowUnits::Times { times, unit, cursor } => match unit {
                Unit::Day => cursor.day_of(Instant(times[row])).0.into(),
                Unit::Hour => cursor.hour_of(Instant(times[row])),
            },
        }
    }
}
