use std::fmt;
use std::str::FromStr;

use crate::day::Day;
use crate::error::{Error, ErrorKind};
use crate::zone::Zone;

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    /// The next representable instant, one microsecond later.
    pub const fn next(self) -> Self {
        Instant(self.0 + 1)
    }

    /// This instant as RFC 3339 with the offset that holds in `zone`.
    pub fn in_zone(self, zone: &Zone) -> String {
        let offset = zone.offset_seconds(self);
        let (sign, seconds) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
        let local = civil(self.0 + i64::from(offset) * MICROS_PER_SECOND);
        if offset == 0 && zone.is_utc() {
            format!("{local}Z")
        } else {
            format!("{local}{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
        }
    }
}

fn civil(micros: i64) -> String {
    let day = Day(micros.div_euclid(MICROS_PER_DAY) as i32);
    let of_day = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (of_day / MICROS_PER_SECOND, of_day % MICROS_PER_SECOND);
    let mut text = format!("{day}T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    text
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC, with as many decimals as it takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Z", civil(self.0))
    }
}

/// What a person writes to name a point in time: a local date (its first instant) or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimePoint {
    /// The start of a local day.
    Day(Day),
    /// An instant.
    Instant(Instant),
}

impl TimePoint {
    /// The instant meant in `zone`.
    pub fn resolve(self, zone: &Zone) -> Instant {
        match self {
            TimePoint::Day(day) => zone.start_of_day(day),
            TimePoint::Instant(instant) => instant,
        }
    }
}

impl FromStr for TimePoint {
    type Err = Error;

    /// Reads `YYYY-MM-DD` or RFC 3339.
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
            return Ok(TimePoint::Instant(Instant(timestamp.as_microsecond())));
        }
        if text.len() == 10
            && let Ok(day) = text.parse()
        {
            return Ok(TimePoint::Day(day));
        }
        Err(Error::new(
            ErrorKind::Time,
            format!("cannot read \"{text}\" (expected a date, YYYY-MM-DD, or an instant, RFC 3339 such as 2024-03-01T00:00:00Z)"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_rfc_3339() {
        assert_eq!(Instant(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Instant(-1).to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Instant(1_500_000).to_string(), "1970-01-01T00:00:01.5Z");
        let kolkata = Zone::named("Asia/Kolkata").unwrap();
        assert_eq!(Instant(0).in_zone(&kolkata), "1970-01-01T05:30:00+05:30");
        assert_eq!(Instant(0).in_zone(&Zone::utc()), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_date_is_the_start_of_its_local_day() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let point: TimePoint = "2024-07-01".parse().unwrap();
        assert_eq!(point.resolve(&berlin).to_string(), "2024-06-30T22:00:00Z");
        let point: TimePoint = "2024-07-01T00:00:00+05:00".parse().unwrap();
        assert_eq!(point.resolve(&berlin).to_string(), "2024-06-30T19:00:00Z");
        assert!("2024-07-01 00:00".parse::<TimePoint>().is_err());
        assert!("July".parse::<TimePoint>().is_err());
    }
}
