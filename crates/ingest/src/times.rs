//! Texts to instants.

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime;
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use tenure_model::{Day, Instant, Precision, Zone};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// How the times of an export are written.
#[derive(Debug, Clone)]
pub(crate) struct TimeReader {
    /// A strftime format; without one, ISO 8601.
    format: Option<String>,
    /// The zone of times that name none.
    zone: Zone,
}

impl TimeReader {
    pub(crate) fn new(format: Option<String>, zone: Zone) -> Self {
        Self { format, zone }
    }

    /// What a readable time would look like, for messages.
    pub(crate) fn expected(&self) -> String {
        match &self.format {
            Some(format) => format!("the format \"{format}\""),
            None => "RFC 3339, such as 2024-03-01T09:30:00Z, or --time-format".to_owned(),
        }
    }

    /// The zone of times that name none.
    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The instant that a text names, and how exactly. A time without zone or offset is one of the source zone; a date is
    /// the start of its local day there.
    pub(crate) fn read(&self, text: &str) -> Option<(Instant, Precision)> {
        match &self.format {
            Some(format) => self.read_formatted(format, text),
            None => self.read_iso(text),
        }
    }

    fn read_iso(&self, text: &str) -> Option<(Instant, Precision)> {
        let pieces = Pieces::parse(text).ok()?;
        let Some(time) = pieces.time() else { return Some(self.start_of(pieces.date())) };
        let local = micros(DateTime::from_parts(pieces.date(), time));
        let offset = match pieces.offset() {
            Some(PiecesOffset::Numeric(offset)) => i64::from(offset.offset().seconds()),
            Some(_) => 0,
            None => return self.read_zoned(&pieces, local),
        };
        Some((Instant(local - offset * MICROS_PER_SECOND), Precision::Instant))
    }

    fn read_zoned(&self, pieces: &Pieces<'_>, local: i64) -> Option<(Instant, Precision)> {
        match pieces.to_time_zone().ok()? {
            Some(tz) => Some((Zone::named(tz.iana_name()?).ok()?.instant_of_local(local), Precision::Instant)),
            None => Some((self.zone.instant_of_local(local), Precision::Instant)),
        }
    }

    fn read_formatted(&self, format: &str, text: &str) -> Option<(Instant, Precision)> {
        let parts = strtime::parse(format, text).ok()?;
        if let Some(timestamp) = parts.offset().and_then(|_| parts.to_timestamp().ok()) {
            return Some((Instant(timestamp.as_microsecond()), Precision::Instant));
        }
        let date = parts.to_date().ok()?;
        if parts.hour().is_none() {
            return Some(self.start_of(date));
        }
        let time = parts.to_time().unwrap_or(Time::midnight());
        Some((self.zone.instant_of_local(micros(DateTime::from_parts(date, time))), Precision::Instant))
    }

    fn start_of(&self, date: Date) -> (Instant, Precision) {
        (self.zone.start_of_day(day(date)), Precision::Date)
    }
}

fn day(date: Date) -> Day {
    Day::from_ymd(date.year().into(), date.month() as u32, date.day() as u32)
}

fn micros(at: DateTime) -> i64 {
    let time = at.time();
    let seconds = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    i64::from(day(at.date()).0) * MICROS_PER_DAY
        + seconds * MICROS_PER_SECOND
        + i64::from(time.subsec_nanosecond()).div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(zone: &str, format: Option<&str>, text: &str) -> Option<(String, Precision)> {
        let reader = TimeReader::new(format.map(str::to_owned), Zone::named(zone).unwrap());
        reader.read(text).map(|(at, precision)| (at.to_string(), precision))
    }

    #[test]
    fn iso_times_with_and_without_zone() {
        for (text, expected) in [
            ("2024-03-01T09:30:00Z", "2024-03-01T09:30:00Z"),
            ("2024-03-01T09:30:00+02:00", "2024-03-01T07:30:00Z"),
            ("2024-03-01T09:30:00-0530", "2024-03-01T15:00:00Z"),
            ("2024-03-01 09:30:00.123456789", "2024-03-01T08:30:00.123456Z"),
            ("2024-03-01 09:30", "2024-03-01T08:30:00Z"),
            ("2024-03-01T09:30:00[America/New_York]", "2024-03-01T14:30:00Z"),
            // Clocks skip 02:30 and go through 02:30 twice.
            ("2024-03-31 02:30", "2024-03-31T01:30:00Z"),
            ("2024-10-27 02:30", "2024-10-27T00:30:00Z"),
        ] {
            assert_eq!(read("Europe/Berlin", None, text), Some((expected.to_owned(), Precision::Instant)), "{text}");
        }
    }

    #[test]
    fn dates_are_the_start_of_their_local_day() {
        for text in ["2024-07-01", "20240701"] {
            assert_eq!(read("Europe/Berlin", None, text), Some(("2024-06-30T22:00:00Z".to_owned(), Precision::Date)));
        }
    }

    #[test]
    fn formats_of_ones_own() {
        let german = Some("%d.%m.%Y %H:%M");
        assert_eq!(
            read("Europe/Berlin", german, "31.01.2026 23:59"),
            Some(("2026-01-31T22:59:00Z".to_owned(), Precision::Instant))
        );
        assert_eq!(read("UTC", Some("%m/%d/%Y"), "12/1/2010"), Some(("2010-12-01T00:00:00Z".to_owned(), Precision::Date)));
        assert_eq!(
            read("UTC", Some("%Y-%m-%d %H:%M %z"), "2024-03-01 09:30 +0200"),
            Some(("2024-03-01T07:30:00Z".to_owned(), Precision::Instant))
        );
        assert_eq!(read("UTC", german, "2026-01-31"), None);
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in ["", "31/02/2024", "2024-02-30", "yesterday", "2024-13-01", "12:30", "2024-03-01T25:00:00Z", "1709285400"] {
            assert_eq!(read("UTC", None, text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[-0-9T:Z+. \\[\\]A-Za-z/]{0,40}", format in "[%a-zA-Z:/. ]{0,12}") {
            read("Europe/Berlin", None, &text);
            read("Europe/Berlin", Some(&format), &text);
        }
    }
}
