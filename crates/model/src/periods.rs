use std::ops::RangeInclusive;

use crate::calendar::Calendar;
use crate::day::Day;
use crate::granularity::{Granularity, Period};
use crate::instant::Instant;

/// 1970-01-01 was a Thursday, three days after a Monday.
const EPOCH_DAYS_AFTER_MONDAY: i32 = 3;
const MONTHS_PER_YEAR: i32 = 12;
const DAYS_PER_WEEK: i32 = 7;

/// The periods of one kind, numbered in order of time: period `n + 1` starts where period `n` ends.
#[derive(Debug, Clone)]
pub struct Periods {
    calendar: Calendar,
    period: Period,
    origin: Day,
}

impl Periods {
    /// The periods of a kind under a calendar. Blocks are counted from `origin`; it is not used by single periods.
    pub fn new(calendar: Calendar, period: Period, origin: Day) -> Self {
        Self { calendar, period, origin }
    }

    /// What the periods are.
    pub fn period(&self) -> Period {
        self.period
    }

    /// The rules they are cut by.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Whether the local day of an activity is enough to know its period.
    pub fn by_day(&self) -> bool {
        self.period.granularity() != Granularity::Hour
    }

    /// The number of the period that holds an instant.
    pub fn number_at(&self, at: Instant) -> i32 {
        if self.by_day() {
            self.number_of_day(self.calendar.zone.day_of(at))
        } else {
            self.number_of_hour(self.calendar.zone.hour_of(at))
        }
    }

    /// The number of the period that holds a local hour; for hours and blocks of hours.
    pub fn number_of_hour(&self, hour: i64) -> i32 {
        match self.period {
            Period::One(_) => hour as i32,
            Period::Block(n, _) => (hour - self.origin_hour()).div_euclid(i64::from(n.get())) as i32,
        }
    }

    fn origin_hour(&self) -> i64 {
        self.calendar.zone.hour_of(self.calendar.zone.start_of_day(self.origin))
    }

    /// The number of the period that holds a local day; for days and longer periods.
    pub fn number_of_day(&self, day: Day) -> i32 {
        match self.period {
            Period::One(granularity) => match granularity.months() {
                Some(months) => (day.month_number() - self.fiscal_shift(granularity)).div_euclid(months),
                None if granularity == Granularity::Week => (day.0 - self.week_shift()).div_euclid(DAYS_PER_WEEK),
                None => day.0,
            },
            Period::Block(n, granularity) => {
                let n = n.get() as i32;
                match granularity.months() {
                    Some(months) => self.origin.months_until(day).div_euclid(months * n),
                    None => (day.0 - self.origin.0).div_euclid(days_in(granularity) * n),
                }
            }
        }
    }

    /// The first local day of a period; for days and longer periods.
    pub fn first_day(&self, number: i32) -> Day {
        match self.period {
            Period::One(granularity) => match granularity.months() {
                Some(months) => Day::first_of_month(number * months + self.fiscal_shift(granularity)),
                None if granularity == Granularity::Week => Day(number * DAYS_PER_WEEK + self.week_shift()),
                None => Day(number),
            },
            Period::Block(n, granularity) => {
                let n = n.get() as i32;
                match granularity.months() {
                    Some(months) => self.origin.add_months(number * months * n),
                    None => Day(self.origin.0 + number * days_in(granularity) * n),
                }
            }
        }
    }

    /// The first instant of a period, which is also the end of the one before.
    pub fn start(&self, number: i32) -> Instant {
        if self.by_day() {
            return self.calendar.zone.start_of_day(self.first_day(number));
        }
        let hour = match self.period {
            Period::One(_) => i64::from(number),
            Period::Block(n, _) => self.origin_hour() + i64::from(number) * i64::from(n.get()),
        };
        self.calendar.zone.start_of_hour(hour)
    }

    /// Period numbers of a range of local days, for look-up per row.
    pub fn table(&self, days: RangeInclusive<Day>) -> PeriodTable {
        let first = days.start().0;
        let numbers = (first..=days.end().0).map(|day| self.number_of_day(Day(day))).collect();
        PeriodTable { first, numbers }
    }

    fn fiscal_shift(&self, granularity: Granularity) -> i32 {
        if granularity == Granularity::Month { 0 } else { self.calendar.fiscal_start.months_after_january() % MONTHS_PER_YEAR }
    }

    fn week_shift(&self) -> i32 {
        self.calendar.week_start.days_after_monday() - EPOCH_DAYS_AFTER_MONDAY
    }
}

fn days_in(granularity: Granularity) -> i32 {
    if granularity == Granularity::Week { DAYS_PER_WEEK } else { 1 }
}

/// Period numbers by local day.
#[derive(Debug, Clone)]
pub struct PeriodTable {
    first: i32,
    numbers: Vec<i32>,
}

impl PeriodTable {
    /// The first day of the table.
    pub fn first(&self) -> Day {
        Day(self.first)
    }

    /// The period numbers, a day each, from the first on. They never fall.
    pub fn numbers(&self) -> &[i32] {
        &self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::Zone;

    const ORIGIN: Day = Day::from_ymd(2024, 1, 1);

    fn periods(period: &str, origin: Day) -> Periods {
        Periods::new(Calendar::new(Zone::utc()), period.parse().unwrap(), origin)
    }

    fn start_of(periods: &Periods, day: &str) -> String {
        periods.first_day(periods.number_of_day(day.parse().unwrap())).to_string()
    }

    #[test]
    fn weeks_start_where_they_are_told() {
        let mut weeks = periods("week", ORIGIN);
        assert_eq!(start_of(&weeks, "2024-02-29"), "2024-02-26");
        assert_eq!(start_of(&weeks, "2024-02-26"), "2024-02-26");
        weeks.calendar.week_start = "sunday".parse().unwrap();
        assert_eq!(start_of(&weeks, "2024-02-29"), "2024-02-25");
        weeks.calendar.week_start = "thursday".parse().unwrap();
        assert_eq!(start_of(&weeks, "2024-02-29"), "2024-02-29");
    }

    #[test]
    fn fiscal_years_move_quarters_half_years_and_years() {
        let mut quarters = periods("quarter", ORIGIN);
        let mut halves = periods("half-year", ORIGIN);
        let mut years = periods("year", ORIGIN);
        assert_eq!(start_of(&quarters, "2024-03-31"), "2024-01-01");
        assert_eq!(start_of(&halves, "2024-07-01"), "2024-07-01");
        assert_eq!(start_of(&years, "2024-12-31"), "2024-01-01");
        for periods in [&mut quarters, &mut halves, &mut years] {
            periods.calendar.fiscal_start = "february".parse().unwrap();
        }
        assert_eq!(start_of(&quarters, "2024-01-31"), "2023-11-01");
        assert_eq!(start_of(&halves, "2024-01-31"), "2023-08-01");
        assert_eq!(start_of(&years, "2024-01-31"), "2023-02-01");
        assert_eq!(start_of(&years, "2024-02-01"), "2024-02-01");
    }

    #[test]
    fn blocks_count_from_their_origin() {
        let blocks = periods("28 day", "2024-01-15".parse().unwrap());
        assert_eq!(start_of(&blocks, "2024-01-15"), "2024-01-15");
        assert_eq!(start_of(&blocks, "2024-02-11"), "2024-01-15");
        assert_eq!(start_of(&blocks, "2024-02-12"), "2024-02-12");
        assert_eq!(start_of(&blocks, "2024-01-14"), "2023-12-18");
        let months = periods("1 month", "2024-01-31".parse().unwrap());
        assert_eq!(start_of(&months, "2024-02-29"), "2024-02-29");
        assert_eq!(start_of(&months, "2024-03-30"), "2024-02-29");
        assert_eq!(start_of(&months, "2024-03-31"), "2024-03-31");
        let hours = periods("6 hour", ORIGIN);
        let number = hours.number_at(Zone::utc().start_of_day("2024-01-02".parse().unwrap()));
        assert_eq!(number, 4);
        assert_eq!(hours.start(5).to_string(), "2024-01-02T06:00:00Z");
    }

    proptest::proptest! {
        #[test]
        fn a_period_holds_its_days(
            day in -20_000i32..40_000,
            period in proptest::sample::select(vec!["day", "week", "month", "quarter", "half-year", "year", "28 day", "2 week", "2 month", "3 quarter", "5 year"]),
            week_start in proptest::sample::select(vec!["monday", "saturday", "sunday"]),
            fiscal in proptest::sample::select(vec!["january", "april", "december"]),
            origin in 0i32..30_000,
        ) {
            let mut periods = periods(period, Day(origin));
            periods.calendar.week_start = week_start.parse().unwrap();
            periods.calendar.fiscal_start = fiscal.parse().unwrap();
            let number = periods.number_of_day(Day(day));
            proptest::prop_assert!(periods.first_day(number).0 <= day);
            proptest::prop_assert!(day < periods.first_day(number + 1).0);
            let table = periods.table(Day(day - 40)..=Day(day + 40));
            proptest::prop_assert_eq!(table.numbers()[40], number);
            proptest::prop_assert!(table.numbers().is_sorted());
        }
    }
}
