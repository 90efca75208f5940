use crate::day::Day;
use crate::granularity::{Granularity, Period};
use crate::instant::{Instant, MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::zone::Zone;

const MICROS_PER_HOUR: i64 = 3_600 * MICROS_PER_SECOND;
const DAYS_PER_WEEK: i32 = 7;

/// Ages counted from each birth: whole units elapsed since its instant.
///
/// An hour is 60 minutes and a day 24 hours. Weeks and longer units end on anniversaries in a zone: the same local time, so
/// many weeks or months after the birth date, months added once and clamped. An anniversary that falls into a clock gap
/// moves forward by the gap; of two equal local times the earlier counts.
#[derive(Debug, Clone)]
pub struct Rolling {
    unit: Unit,
    zone: Zone,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Micros(i64),
    Days(i32),
    Months(i32),
}

impl Rolling {
    /// Units of a period: one of them, or a block.
    pub fn new(period: Period, zone: Zone) -> Self {
        let (count, granularity) = match period {
            Period::One(granularity) => (1, granularity),
            Period::Block(count, granularity) => (count.get() as i32, granularity),
        };
        let unit = match (granularity, granularity.months()) {
            (_, Some(months)) => Unit::Months(months * count),
            (Granularity::Week, _) => Unit::Days(DAYS_PER_WEEK * count),
            (Granularity::Hour, _) => Unit::Micros(MICROS_PER_HOUR * i64::from(count)),
            _ => Unit::Micros(MICROS_PER_DAY * i64::from(count)),
        };
        Self { unit, zone }
    }

    /// Units of so many days of 24 hours.
    pub fn days_of_24_hours(days: u32, zone: Zone) -> Self {
        Self { unit: Unit::Micros(MICROS_PER_DAY * i64::from(days)), zone }
    }

    /// The anniversaries of a birth.
    pub fn since(&self, birth: Instant) -> Anniversaries<'_> {
        let local = match self.unit {
            Unit::Micros(_) => 0,
            Unit::Days(_) | Unit::Months(_) => birth.0 + i64::from(self.zone.offset_seconds(birth)) * MICROS_PER_SECOND,
        };
        let day = Day(local.div_euclid(MICROS_PER_DAY) as i32);
        let (month, of_month) = match self.unit {
            Unit::Months(_) => {
                let (year, month, of_month) = day.ymd();
                (Day::month_of(year, month), of_month as i32)
            }
            Unit::Micros(_) | Unit::Days(_) => (0, 0),
        };
        Anniversaries { rolling: self, birth, day, month, of_month, of_day: local.rem_euclid(MICROS_PER_DAY) }
    }
}

/// So many anniversaries are gone over one by one before the age is worked out from the date.
const MOST_STEPS: u32 = 3;

/// The anniversaries of one birth; the birth itself is number 0.
#[derive(Debug, Clone, Copy)]
pub struct Anniversaries<'a> {
    rolling: &'a Rolling,
    birth: Instant,
    /// The local date and time of the birth; where months count, also its month since January 1970 and the day of that.
    day: Day,
    month: i32,
    of_month: i32,
    of_day: i64,
}

impl Anniversaries<'_> {
    /// The k-th anniversary: the start of age k, and the end of age k − 1.
    pub fn instant(&self, k: i32) -> Instant {
        let day = match self.rolling.unit {
            Unit::Micros(unit) => return Instant(self.birth.0.saturating_add(unit.saturating_mul(k.into()))),
            _ if k == 0 => return self.birth,
            Unit::Days(days) => Day(self.day.0 + days * k),
            Unit::Months(months) => self.day_of_month(self.month + months * k),
        };
        self.rolling.zone.instant_of_local(i64::from(day.0) * MICROS_PER_DAY + self.of_day)
    }

    /// The birth's day of the month in another month, or the last day of that.
    fn day_of_month(&self, month: i32) -> Day {
        let day = Day(Day::first_of_month(month).0 + self.of_month - 1);
        // Every month has 28 days.
        if self.of_month <= 28 { day } else { day.min(Day(Day::first_of_month(month + 1).0 - 1)) }
    }

    /// The age at an instant, known to be at least `age`, and the anniversary that ends it. `next` is the one that ends `age`.
    pub fn age_from(&self, age: u32, next: Instant, at: Instant) -> (u32, Instant) {
        let (mut age, mut next) = (age, next);
        for _ in 0..MOST_STEPS {
            if at < next {
                return (age, next);
            }
            age += 1;
            next = self.instant(age as i32 + 1);
        }
        if at >= next {
            age = self.age_at(at);
            next = self.instant(age as i32 + 1);
        }
        (age, next)
    }

    /// The age at an instant at or after the birth: the number of the latest anniversary at or before it.
    pub fn age_at(&self, at: Instant) -> u32 {
        let zone = &self.rolling.zone;
        let local_day = || (at.0 + i64::from(zone.offset_seconds(at)) * MICROS_PER_SECOND).div_euclid(MICROS_PER_DAY) as i32;
        let mut age = match self.rolling.unit {
            Unit::Micros(unit) => return u32::try_from((at.0 - self.birth.0) / unit).unwrap_or_default(),
            Unit::Days(days) => (local_day() - self.day.0).div_euclid(days),
            Unit::Months(months) => (Day(local_day()).month_number() - self.month).div_euclid(months),
        };
        // The date settles it but for the time of day and clocks that change.
        while age > 0 && self.instant(age) > at {
            age -= 1;
        }
        while self.instant(age + 1) <= at {
            age += 1;
        }
        age.max(0) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn rolling(period: &str, zone: &str) -> Rolling {
        Rolling::new(period.parse().unwrap(), Zone::named(zone).unwrap())
    }

    #[test]
    fn months_are_counted_from_the_birth_date_never_by_stepping() {
        let months = rolling("month", "UTC");
        let life = months.since(at("2023-01-31T10:00:00Z"));
        let starts: Vec<String> = (0..4).map(|k| life.instant(k).to_string()).collect();
        assert_eq!(starts, ["2023-01-31T10:00:00Z", "2023-02-28T10:00:00Z", "2023-03-31T10:00:00Z", "2023-04-30T10:00:00Z"]);
        assert_eq!(life.age_at(at("2023-02-28T09:59:59.999999Z")), 0);
        assert_eq!(life.age_at(at("2023-02-28T10:00:00Z")), 1);
        assert_eq!(life.age_at(at("2023-03-31T09:59:59Z")), 1);
        assert_eq!(life.age_at(at("2024-01-31T10:00:00Z")), 12);
    }

    #[test]
    fn a_day_is_24_hours_and_a_week_ends_on_the_same_local_time() {
        // Clocks go forward on 2024-03-31 at 02:00 in Berlin.
        let birth = at("2024-03-30T11:00:00Z");
        assert_eq!(rolling("day", "Europe/Berlin").since(birth).instant(1), at("2024-03-31T11:00:00Z"));
        assert_eq!(rolling("week", "Europe/Berlin").since(birth).instant(1), at("2024-04-06T10:00:00Z"));
        assert_eq!(rolling("2 week", "Europe/Berlin").since(birth).instant(1), at("2024-04-13T10:00:00Z"));
        assert_eq!(rolling("36 hour", "Europe/Berlin").since(birth).age_at(at("2024-04-02T10:59:59Z")), 1);
        assert_eq!(Rolling::days_of_24_hours(30, Zone::utc()).since(birth).age_at(at("2024-04-29T11:00:00Z")), 1);
    }

    #[test]
    fn an_anniversary_in_a_gap_moves_forward_and_of_two_the_earlier_counts() {
        // 02:30 does not exist in Berlin on 2024-03-31 and exists twice on 2024-10-27.
        let weeks = rolling("week", "Europe/Berlin");
        assert_eq!(weeks.since(at("2024-03-24T01:30:00Z")).instant(1), at("2024-03-31T01:30:00Z"));
        assert_eq!(weeks.since(at("2024-10-20T00:30:00Z")).instant(1), at("2024-10-27T00:30:00Z"));
    }

    proptest::proptest! {
        #[test]
        fn the_age_is_that_of_the_latest_anniversary(
            birth in 1_500_000_000i64..1_800_000_000,
            later in 0i64..400_000_000,
            period in proptest::sample::select(vec!["hour", "day", "week", "month", "quarter", "year", "5 day", "2 month"]),
            zone in proptest::sample::select(vec!["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo"]),
        ) {
            let rolling = rolling(period, zone);
            let life = rolling.since(Instant(birth * MICROS_PER_SECOND));
            let at = Instant((birth + later) * MICROS_PER_SECOND);
            let age = life.age_at(at) as i32;
            proptest::prop_assert!(life.instant(age) <= at && at < life.instant(age + 1));
            for known in [0, age / 2, age] {
                let found = life.age_from(known as u32, life.instant(known + 1), at);
                proptest::prop_assert_eq!(found, (age as u32, life.instant(age + 1)));
            }
        }

        #[test]
        fn anniversaries_are_those_of_jiff(
            birth in 1_500_000_000i64..1_800_000_000,
            k in 1i32..60,
            zone in proptest::sample::select(vec!["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo"]),
        ) {
            use jiff::ToSpan;
            let tz = jiff::tz::TimeZone::get(zone).unwrap();
            let local = jiff::Timestamp::from_second(birth).unwrap().to_zoned(tz.clone()).datetime();
            let life = |period: &str| rolling(period, zone).since(Instant(birth * MICROS_PER_SECOND)).instant(k).0;
            let naive = |span: jiff::Span| tz.to_timestamp(local.checked_add(span).unwrap()).unwrap().as_microsecond();
            proptest::prop_assert_eq!(life("month"), naive(k.months()));
            proptest::prop_assert_eq!(life("week"), naive(k.weeks()));
        }
    }
}
