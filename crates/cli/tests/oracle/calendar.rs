//! Periods as a list of their starts, by jiff alone.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const HOUR: i64 = 3_600 * SECOND;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) struct Calendar {
    pub(crate) tz: TimeZone,
    pub(crate) week_start: Weekday,
    pub(crate) fiscal_month: i8,
    /// Where blocks are counted from.
    pub(crate) origin: Date,
}

/// The start of a period, and the local date on which it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    pub(crate) at: i64,
    pub(crate) day: Date,
}

fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap()
}

/// `28 day` is 28 of `day`, `month` is one.
pub(crate) fn parts(period: &str) -> (i64, &str) {
    period.split_once(' ').map_or((1, period), |(count, unit)| (count.parse().unwrap(), unit))
}

fn units(count: i64, unit: &str) -> Span {
    match unit {
        "day" => count.days(),
        "week" => count.weeks(),
        "month" => count.months(),
        "quarter" => (3 * count).months(),
        "half-year" => (6 * count).months(),
        "year" => count.years(),
        _ => unreachable!("{unit}"),
    }
}

/// Which of the starts a time falls after: the number of its period.
pub(crate) fn number(cuts: &[Cut], at: i64) -> usize {
    cuts.partition_point(|cut| cut.at <= at) - 1
}

impl Calendar {
    /// The first instant of a local day: jiff takes the earlier of two midnights, and goes forward where there is none.
    pub(crate) fn start_of_day(&self, day: Date) -> i64 {
        day.to_zoned(self.tz.clone()).unwrap().timestamp().as_microsecond()
    }

    /// The latest local day that has begun. Where clocks go back across midnight that is not the date they show.
    pub(crate) fn day_of(&self, at: i64) -> Date {
        let mut day = timestamp(at).to_zoned(self.tz.clone()).date().tomorrow().unwrap();
        while self.start_of_day(day) > at {
            day = day.yesterday().unwrap();
        }
        day
    }

    fn offset(&self, at: i64) -> i64 {
        i64::from(self.tz.to_offset(timestamp(at)).seconds()) * SECOND
    }

    /// The start of the local hour: the clock showed a full hour, or its minutes jumped.
    pub(crate) fn start_of_hour(&self, at: i64) -> i64 {
        let minutes = self.offset(at).rem_euclid(HOUR);
        let start = at - (at + minutes).rem_euclid(HOUR);
        let jump = self.tz.preceding(timestamp(at + 1)).next().map(|change| change.timestamp().as_microsecond());
        match jump {
            Some(jump) if jump > start && self.offset(jump - 1).rem_euclid(HOUR) != minutes => jump,
            _ => start,
        }
    }

    fn next_hour(&self, start: i64) -> i64 {
        // A longer hour than this there is not; one that the clocks cut short ends earlier.
        self.start_of_hour(start + HOUR).max(start + 1)
    }

    /// The starts of periods, from the one that holds `from` to the first after `to`.
    pub(crate) fn cuts(&self, period: &str, from: i64, to: i64) -> Vec<Cut> {
        let (count, unit) = parts(period);
        if unit == "hour" {
            return self.hours(period.contains(' ').then_some(count as usize), from, to);
        }
        let first = self.day_of(from);
        let mut cuts = Vec::new();
        let anchor = if period.contains(' ') { self.origin } else { self.start_of_one(unit, first) };
        // Counted from the anchor each time, never by stepping: months are clamped once.
        let start = |n: i64| anchor + units(count * n, unit);
        let mut n = 0;
        while start(n) > first {
            n -= 1;
        }
        while start(n + 1) <= first {
            n += 1;
        }
        loop {
            let cut = Cut { at: self.start_of_day(start(n)), day: start(n) };
            cuts.push(cut);
            if cut.at > to {
                return cuts;
            }
            n += 1;
        }
    }

    /// The first day of a single period.
    fn start_of_one(&self, unit: &str, day: Date) -> Date {
        let mut first = if unit == "day" || unit == "week" { day } else { day.first_of_month() };
        let months = match unit {
            "week" => {
                while first.weekday() != self.week_start {
                    first = first.yesterday().unwrap();
                }
                return first;
            }
            "quarter" => 3,
            "half-year" => 6,
            "year" => 12,
            _ => 1,
        };
        while (first.month() - self.fiscal_month).rem_euclid(months) != 0 && unit != "month" && unit != "day" {
            first = first.yesterday().unwrap().first_of_month();
        }
        first
    }

    /// Every hour, or every n-th counted from the first of the origin's day.
    fn hours(&self, block: Option<usize>, from: i64, to: i64) -> Vec<Cut> {
        let origin = self.start_of_hour(self.start_of_day(self.origin));
        let first = self.start_of_hour(from);
        let (mut at, end) = if block.is_some() { (first.min(origin), to.max(origin)) } else { (first, to) };
        let block = block.unwrap_or(1);
        let mut hours = vec![at];
        while at <= end + HOUR * block as i64 {
            at = self.next_hour(at);
            hours.push(at);
        }
        let phase = hours.iter().position(|hour| *hour == origin).unwrap_or(0) % block;
        let mut starts: Vec<i64> = hours[phase..].iter().copied().step_by(block).collect();
        if phase > 0 {
            // The block that holds the first hour began before the list does.
            starts.insert(0, (phase..block).fold(hours[0], |start, _| self.start_of_hour(start - 1)));
        }
        let first = starts.partition_point(|start| *start <= from) - 1;
        let last = starts.partition_point(|start| *start <= to);
        starts[first..=last].iter().map(|&at| Cut { at, day: self.day_of(at) }).collect()
    }

    /// How results write the start of an hour.
    pub(crate) fn written(&self, at: i64) -> String {
        let zoned = timestamp(at).to_zoned(self.tz.clone());
        if self.tz == TimeZone::UTC { zoned.timestamp().to_string() } else { zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string() }
    }

    /// The start of each whole unit lived since a birth, up to the first that is not before `until`.
    pub(crate) fn anniversaries(&self, birth: i64, period: &str, thirty_days: bool, until: i64) -> Vec<i64> {
        let (count, unit) = parts(period);
        let local = timestamp(birth).to_zoned(self.tz.clone()).datetime();
        let nth = |k: i64| match unit {
            _ if k == 0 => birth,
            "hour" => birth + k * count * HOUR,
            "day" => birth + k * count * DAY,
            "month" if thirty_days => birth + k * count * 30 * DAY,
            // jiff goes forward in a gap and takes the earlier of two equal local times.
            _ => self.tz.to_timestamp(local + units(k * count, unit)).unwrap().as_microsecond(),
        };
        let mut starts = vec![birth];
        while starts[starts.len() - 1] < until {
            starts.push(nth(starts.len() as i64));
        }
        starts
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn calendar(zone: &str) -> Calendar {
        Calendar { tz: TimeZone::get(zone).unwrap(), week_start: Weekday::Monday, fiscal_month: 4, origin: date(2023, 1, 31) }
    }

    fn days(zone: &str, period: &str, from: &str, to: &str) -> Vec<String> {
        calendar(zone).cuts(period, at(from), at(to)).iter().map(|cut| cut.day.to_string()).collect()
    }

    #[test]
    fn periods_start_where_the_calendar_says() {
        let of = |period| days("UTC", period, "2023-02-10T12:00:00Z", "2023-04-02T00:00:00Z");
        assert_eq!(of("month"), ["2023-02-01", "2023-03-01", "2023-04-01", "2023-05-01"]);
        assert_eq!(of("1 month"), ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30"]);
        assert_eq!(of("quarter"), ["2023-01-01", "2023-04-01", "2023-07-01"]);
        assert_eq!(of("half-year"), ["2022-10-01", "2023-04-01", "2023-10-01"]);
        assert_eq!(of("year"), ["2022-04-01", "2023-04-01", "2024-04-01"]);
        assert_eq!(of("28 day"), ["2023-01-31", "2023-02-28", "2023-03-28", "2023-04-25"]);
        assert_eq!(of("week")[..2], ["2023-02-06", "2023-02-13"]);
        assert_eq!(days("UTC", "2 week", "2023-01-30T00:00:00Z", "2023-01-30T00:00:00Z"), ["2023-01-17", "2023-01-31"]);
    }

    #[test]
    fn days_have_as_many_hours_as_the_clocks_give_them() {
        let starts = |zone, period, from, to| -> Vec<String> {
            let calendar = calendar(zone);
            calendar.cuts(period, at(from), at(to)).iter().map(|cut| calendar.written(cut.at)).collect()
        };
        assert_eq!(
            starts("Europe/Berlin", "hour", "2024-10-27T00:10:00Z", "2024-10-27T01:10:00Z"),
            ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00", "2024-10-27T03:00:00+01:00"]
        );
        // Half an hour is skipped, and comes twice.
        assert_eq!(
            starts("Australia/Lord_Howe", "hour", "2023-09-30T15:00:00Z", "2023-09-30T16:00:00Z"),
            ["2023-10-01T01:00:00+10:30", "2023-10-01T02:30:00+11:00", "2023-10-01T03:00:00+11:00", "2023-10-01T04:00:00+11:00"]
        );
        assert_eq!(
            starts("Europe/Berlin", "6 hour", "2023-03-25T23:30:00Z", "2023-03-26T04:59:59Z"),
            ["2023-03-26T00:00:00+01:00", "2023-03-26T07:00:00+02:00"]
        );
        assert_eq!(
            starts("UTC", "36 hour", "2023-01-30T00:00:00Z", "2023-02-01T11:00:00Z"),
            ["2023-01-29T12:00:00Z", "2023-01-31T00:00:00Z", "2023-02-01T12:00:00Z"]
        );
        // Clocks go back from 00:01 to 23:01: those minutes belong to the day that has begun.
        let johns = calendar("America/St_Johns");
        assert_eq!(johns.day_of(at("2010-11-07T02:40:00Z")), date(2010, 11, 7));
        assert_eq!(johns.start_of_day(date(2010, 11, 7)), at("2010-11-07T02:30:00Z"));
        assert_eq!(calendar("Africa/Cairo").start_of_day(date(2023, 4, 28)), at("2023-04-27T22:00:00Z"));
        assert_eq!(calendar("Pacific/Apia").day_of(at("2011-12-30T10:00:00Z")), date(2011, 12, 31));
    }

    #[test]
    fn anniversaries_are_counted_from_the_birth() {
        let of = |zone, birth, period, thirty, until| -> Vec<String> {
            let starts = calendar(zone).anniversaries(at(birth), period, thirty, at(until));
            starts.iter().map(|at| timestamp(*at).to_string()).collect()
        };
        assert_eq!(
            of("UTC", "2023-01-31T10:00:00Z", "month", false, "2023-03-31T10:00:00Z"),
            ["2023-01-31T10:00:00Z", "2023-02-28T10:00:00Z", "2023-03-31T10:00:00Z"]
        );
        assert_eq!(of("UTC", "2023-01-31T10:00:00Z", "month", true, "2023-03-02T10:00:00Z")[1], "2023-03-02T10:00:00Z");
        assert_eq!(of("Europe/Berlin", "2023-03-25T10:00:00Z", "week", true, "2023-04-01T10:00:00Z")[1], "2023-04-01T09:00:00Z");
        assert_eq!(of("Europe/Berlin", "2023-03-25T10:00:00Z", "2 day", true, "2023-03-27T10:00:00Z")[1], "2023-03-27T10:00:00Z");
        // 02:30 does not exist, and comes twice.
        assert_eq!(of("Europe/Berlin", "2024-03-24T01:30:00Z", "week", false, "2024-03-30T00:00:00Z")[1], "2024-03-31T01:30:00Z");
        assert_eq!(of("Europe/Berlin", "2024-10-20T00:30:00Z", "week", false, "2024-10-26T00:00:00Z")[1], "2024-10-27T00:30:00Z");
    }
}
