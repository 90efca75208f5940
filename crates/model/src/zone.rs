use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::day::Day;
use crate::error::{Error, ErrorKind};
use crate::instant::{Instant, MICROS_PER_DAY, MICROS_PER_SECOND};

const MICROS_PER_HOUR: i64 = 3_600 * MICROS_PER_SECOND;

/// Clock changes are tabulated up to this year; no activity lies later, since future-dated rows are rejected.
const LAST_TABULATED_YEAR: i16 = 2200;

/// A time zone of the IANA database, tabulated so that local dates cost a comparison and an addition per row.
#[derive(Clone)]
pub struct Zone {
    name: Arc<str>,
    spans: Arc<[Span]>,
}

/// A stretch of time with one offset.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// First instant, microseconds UTC.
    start: i64,
    offset: i64,
    /// The local day reached before this span: days never go back, though clocks do.
    day_floor: i32,
    /// What makes the number of this span's first hour follow that of the hour before.
    hour_shift: i64,
}

impl Span {
    fn day(&self, micros: i64) -> i32 {
        ((micros + self.offset).div_euclid(MICROS_PER_DAY) as i32).max(self.day_floor)
    }

    /// Hours in order of time, cut where the zone's clocks strike: only the offset's minutes matter.
    fn hour(&self, micros: i64) -> i64 {
        (micros + self.minutes()).div_euclid(MICROS_PER_HOUR) + self.hour_shift
    }

    fn minutes(&self) -> i64 {
        self.offset.rem_euclid(MICROS_PER_HOUR)
    }
}

impl Zone {
    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self { name: "UTC".into(), spans: Arc::new([Span { start: i64::MIN, offset: 0, day_floor: i32::MIN, hour_shift: 0 }]) }
    }

    /// The zone of an IANA name such as `Europe/Berlin`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Zone`] when the database has no such name.
    pub fn named(name: &str) -> Result<Self, Error> {
        if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("etc/utc") || name == "Z" {
            return Ok(Self::utc());
        }
        let tz = jiff::tz::db().get(name).map_err(|_| {
            Error::new(
                ErrorKind::Zone,
                format!("no time zone \"{name}\" (expected an IANA name such as Europe/Berlin, America/New_York or UTC)"),
            )
        })?;
        let name = tz.iana_name().unwrap_or(name).into();
        Ok(Self { name, spans: tabulate(&tz).into() })
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is UTC itself.
    pub fn is_utc(&self) -> bool {
        &*self.name == "UTC"
    }

    fn index(&self, micros: i64) -> usize {
        self.spans.partition_point(|span| span.start <= micros) - 1
    }

    /// Seconds east of Greenwich at an instant.
    pub fn offset_seconds(&self, at: Instant) -> i32 {
        (self.spans[self.index(at.0)].offset / MICROS_PER_SECOND) as i32
    }

    /// The local day that holds an instant.
    pub fn day_of(&self, at: Instant) -> Day {
        Day(self.spans[self.index(at.0)].day(at.0))
    }

    /// The first existing instant of a local day; where clocks skip the whole day, that of the next.
    pub fn start_of_day(&self, day: Day) -> Instant {
        let span = self.first_span(|span, last| span.day(last) >= day.0);
        if span.day_floor >= day.0 {
            return Instant(span.start);
        }
        Instant((i64::from(day.0) * MICROS_PER_DAY - span.offset).max(span.start))
    }

    /// The number of the local hour that holds an instant. Numbers are consecutive; hour 0 holds the epoch.
    pub fn hour_of(&self, at: Instant) -> i64 {
        self.spans[self.index(at.0)].hour(at.0)
    }

    /// The first instant of a local hour.
    pub fn start_of_hour(&self, hour: i64) -> Instant {
        let span = self.first_span(|span, last| span.hour(last) >= hour);
        Instant(((hour - span.hour_shift) * MICROS_PER_HOUR - span.minutes()).max(span.start))
    }

    /// The first span whose last instant satisfies a test that stays true from then on.
    fn first_span(&self, reached: impl Fn(&Span, i64) -> bool) -> &Span {
        let (mut low, mut high) = (0, self.spans.len() - 1);
        while low < high {
            let middle = (low + high) / 2;
            if reached(&self.spans[middle], self.spans[middle + 1].start - 1) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        &self.spans[low]
    }

    /// The instant of a local date and time, given as microseconds on a clock without zone. A time that clocks skip
    /// moves forward by the gap; of two equal times the earlier counts.
    pub fn instant_of_local(&self, local: i64) -> Instant {
        if self.spans.len() == 1 {
            return Instant(local - self.spans[0].offset);
        }
        // An offset is below 26 hours, so only the spans around the guess can hold the time.
        let reach = 26 * MICROS_PER_HOUR;
        let first = self.index(local.saturating_sub(reach));
        let last = self.index(local.saturating_add(reach));
        for i in first..=last {
            let at = local - self.spans[i].offset;
            let end = self.spans.get(i + 1).map_or(i64::MAX, |next| next.start);
            if at >= self.spans[i].start && at < end {
                return Instant(at);
            }
            // Past the end of this span, yet before the start of the next: skipped by the clocks.
            if at >= end && local - self.spans[i + 1].offset < end {
                return Instant(at);
            }
        }
        Instant(local - self.spans[last].offset)
    }

    /// A reader of local days for rows that come roughly in time order.
    pub fn cursor(&self) -> ZoneCursor<'_> {
        ZoneCursor { zone: self, span: self.spans[0], end: self.end_of(0) }
    }

    fn end_of(&self, index: usize) -> i64 {
        self.spans.get(index + 1).map_or(i64::MAX, |next| next.start)
    }
}

/// Looks local days and hours up; remembers the last offset, which nearly always still holds.
pub struct ZoneCursor<'a> {
    zone: &'a Zone,
    span: Span,
    end: i64,
}

impl ZoneCursor<'_> {
    #[inline]
    fn span_at(&mut self, micros: i64) -> &Span {
        if micros < self.span.start || micros >= self.end {
            let index = self.zone.index(micros);
            self.span = self.zone.spans[index];
            self.end = self.zone.end_of(index);
        }
        &self.span
    }

    /// As [`Zone::day_of`].
    #[inline]
    pub fn day_of(&mut self, at: Instant) -> Day {
        Day(self.span_at(at.0).day(at.0))
    }

    /// Appends the local day of each of some instants, microseconds UTC.
    pub fn days_of(&mut self, micros: &[i64], days: &mut Vec<i32>) {
        days.extend(micros.iter().map(|&micros| self.day_of(Instant(micros)).0));
    }

    /// As [`Zone::hour_of`].
    #[inline]
    pub fn hour_of(&mut self, at: Instant) -> i64 {
        self.span_at(at.0).hour(at.0)
    }
}

fn tabulate(tz: &TimeZone) -> Vec<Span> {
    let offset_at = |at: Timestamp| i64::from(tz.to_offset(at).seconds()) * MICROS_PER_SECOND;
    let mut spans = vec![Span { start: i64::MIN, offset: offset_at(Timestamp::MIN), day_floor: i32::MIN, hour_shift: 0 }];
    for transition in tz.following(Timestamp::MIN) {
        let at = transition.timestamp();
        if at.to_zoned(TimeZone::UTC).year() > LAST_TABULATED_YEAR {
            break;
        }
        let start = at.as_microsecond();
        let offset = i64::from(transition.offset().seconds()) * MICROS_PER_SECOND;
        let before = spans[spans.len() - 1];
        if offset != before.offset {
            let mut span = Span { start, offset, day_floor: before.day(start - 1), hour_shift: before.hour_shift };
            // Where the minutes change, a new hour begins, however short the one before was.
            if span.minutes() != before.minutes() {
                span.hour_shift += before.hour(start - 1) + 1 - span.hour(start);
            }
            spans.push(span);
        }
    }
    spans
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant(text.parse::<Timestamp>().unwrap().as_microsecond())
    }

    fn local(text: &str) -> i64 {
        let dt: jiff::civil::DateTime = text.parse().unwrap();
        dt.to_zoned(TimeZone::UTC).unwrap().timestamp().as_microsecond()
    }

    #[test]
    fn days_of_23_and_25_hours() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let hours = |y, m, d| {
            let day = Day::from_ymd(y, m, d);
            (berlin.start_of_day(Day(day.0 + 1)).0 - berlin.start_of_day(day).0) / MICROS_PER_HOUR
        };
        assert_eq!(hours(2024, 3, 30), 24);
        assert_eq!(hours(2024, 3, 31), 23);
        assert_eq!(hours(2024, 10, 27), 25);
        assert_eq!(berlin.start_of_day(Day::from_ymd(2024, 7, 1)), at("2024-06-30T22:00:00Z"));
        assert_eq!(berlin.day_of(at("2024-06-30T21:59:59.999999Z")), Day::from_ymd(2024, 6, 30));
        assert_eq!(berlin.day_of(at("2024-06-30T22:00:00Z")), Day::from_ymd(2024, 7, 1));
    }

    #[test]
    fn a_day_that_starts_after_a_gap() {
        // Clocks in Cairo went from 00:00 to 01:00 on 2024-04-26.
        let cairo = Zone::named("Africa/Cairo").unwrap();
        assert_eq!(cairo.start_of_day(Day::from_ymd(2024, 4, 26)), at("2024-04-25T22:00:00Z"));
        assert_eq!(cairo.start_of_day(Day::from_ymd(2024, 4, 26)).in_zone(&cairo), "2024-04-26T01:00:00+03:00");
        // Samoa skipped 2011-12-30 altogether.
        let apia = Zone::named("Pacific/Apia").unwrap();
        assert_eq!(apia.start_of_day(Day::from_ymd(2011, 12, 30)), apia.start_of_day(Day::from_ymd(2011, 12, 31)));
    }

    #[test]
    fn a_day_never_goes_back() {
        // St. John's set clocks back from 00:01 to 23:01 of the day before: that hour stays in the day that had begun.
        let zone = Zone::named("America/St_Johns").unwrap();
        let start = zone.start_of_day(Day::from_ymd(2006, 10, 29));
        assert_eq!(start.in_zone(&zone), "2006-10-29T00:00:00-02:30");
        let repeated = Instant(start.0 + 30 * 60 * MICROS_PER_SECOND);
        assert_eq!(repeated.in_zone(&zone), "2006-10-28T23:30:00-03:30");
        assert_eq!(zone.day_of(repeated), Day::from_ymd(2006, 10, 29));
    }

    #[test]
    fn local_times_in_gaps_and_folds() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(berlin.instant_of_local(local("2024-03-31T02:30")), at("2024-03-31T01:30:00Z"));
        assert_eq!(berlin.instant_of_local(local("2024-10-27T02:30")), at("2024-10-27T00:30:00Z"));
        let zone = Zone::named("America/St_Johns").unwrap();
        assert_eq!(zone.instant_of_local(local("2006-10-29T12:00")), at("2006-10-29T15:30:00Z"));
    }

    #[test]
    fn the_repeated_hour_is_an_hour_of_its_own() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let first = berlin.hour_of(at("2024-10-27T00:10:00Z"));
        assert_eq!(berlin.hour_of(at("2024-10-27T01:10:00Z")), first + 1);
        assert_eq!(berlin.start_of_hour(first + 1), at("2024-10-27T01:00:00Z"));
        let kolkata = Zone::named("Asia/Kolkata").unwrap();
        let hour = kolkata.hour_of(at("2024-01-01T00:29:59Z"));
        assert_eq!(kolkata.hour_of(at("2024-01-01T00:30:00Z")), hour + 1);
        assert_eq!(kolkata.start_of_hour(hour + 1), at("2024-01-01T00:30:00Z"));
    }

    #[test]
    fn an_hour_ends_where_clocks_jump_by_half_an_hour() {
        // Clocks in Pyongyang went from 23:30 to 00:00 on 2018-05-05.
        let zone = Zone::named("Asia/Pyongyang").unwrap();
        let before = zone.hour_of(at("2018-05-04T14:59:59Z"));
        assert_eq!(zone.hour_of(at("2018-05-04T15:00:00Z")), before + 1);
        assert_eq!(zone.start_of_hour(before + 1), at("2018-05-04T15:00:00Z"));
        assert_eq!(zone.day_of(zone.start_of_hour(before + 1)), Day::from_ymd(2018, 5, 5));
        assert_eq!(zone.start_of_hour(before), at("2018-05-04T14:30:00Z"));
    }

    #[test]
    fn an_unknown_zone_is_named() {
        let error = Zone::named("Europe/Atlantis").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Zone);
        assert!(error.to_string().contains("Europe/Atlantis"));
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_jiff(
            micros in -3_000_000_000_000_000i64..7_000_000_000_000_000,
            name in proptest::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
                                                  "Africa/Cairo", "Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu"])
        ) {
            let zone = Zone::named(name).unwrap();
            let tz = TimeZone::get(name).unwrap();
            let zoned = Timestamp::from_microsecond(micros).unwrap().to_zoned(tz.clone());
            let date = zoned.date();
            let day = Day::from_ymd(date.year().into(), date.month() as u32, date.day() as u32);
            // The clock's date, except in the hour repeated across a midnight.
            let found = zone.day_of(Instant(micros));
            proptest::prop_assert!(found == day || found.0 == day.0 + 1 && zone.start_of_day(found).0 <= micros);
            proptest::prop_assert!(zone.start_of_day(found).0 <= micros && micros < zone.start_of_day(Day(found.0 + 1)).0);
            let hour = zone.hour_of(Instant(micros));
            proptest::prop_assert!(zone.start_of_hour(hour).0 <= micros && micros < zone.start_of_hour(hour + 1).0);
            proptest::prop_assert_eq!(zone.cursor().day_of(Instant(micros)), found);
            let civil = zoned.datetime();
            let expected = tz.to_ambiguous_timestamp(civil).compatible().unwrap().as_microsecond();
            let local = TimeZone::UTC.to_ambiguous_timestamp(civil).compatible().unwrap().as_microsecond();
            proptest::prop_assert_eq!(zone.instant_of_local(local).0, expected);
        }
    }
}
