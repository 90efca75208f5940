//! A query as the oracle reads it, the rules it follows under its dialect, and the same as the engine's query.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use tenure_analysis::{Ages, Birth, Dialect, Measure, Rates, RetentionQuery, SegmentAsOf, Summary};
use tenure_model::{Alignment, Criterion, Day, Decimal, Instant, TimePoint, Zone};

use crate::calendar::{Calendar, DAY};
use crate::log::Log;
use crate::selector::Selector;

/// A point in time, in thousandths of the log's length from its start.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    Instant(i64),
    /// The start of the local day.
    Day(i64),
}

#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) cohort: &'static str,
    pub(crate) age: Option<&'static str>,
    /// Days from the log's start to the date that blocks are counted from.
    pub(crate) origin: i64,
    pub(crate) zone: &'static str,
    pub(crate) week_start: Weekday,
    pub(crate) fiscal_month: i8,
    pub(crate) birth: Option<Birth>,
    pub(crate) born: Option<Selector>,
    pub(crate) returned: Option<Selector>,
    pub(crate) filter: Option<Selector>,
    pub(crate) min_returns: u32,
    pub(crate) alignment: Option<Alignment>,
    pub(crate) criterion: Option<Criterion>,
    pub(crate) by: Vec<&'static str>,
    pub(crate) segment_as_of: Option<SegmentAsOf>,
    pub(crate) top: Option<usize>,
    pub(crate) min_size: Option<u64>,
    pub(crate) measure: Measure,
    pub(crate) rates: bool,
    pub(crate) born_from: Option<When>,
    pub(crate) born_until: Option<When>,
    pub(crate) as_of: Option<When>,
    pub(crate) ages: Ages,
    pub(crate) summary: Option<Summary>,
    pub(crate) level: f64,
    pub(crate) dialect: Dialect,
}

/// What a dialect sets and a flag may override (§18), all said.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) birth: Birth,
    pub(crate) alignment: Alignment,
    pub(crate) criterion: Criterion,
    pub(crate) segment_as_of: SegmentAsOf,
    pub(crate) summary: Summary,
    pub(crate) thirty_days: bool,
    pub(crate) whole_hours: bool,
}

impl Question {
    pub(crate) fn calendar(&self, log: &Log) -> Calendar {
        let tz = TimeZone::get(self.zone).unwrap();
        Calendar { tz, week_start: self.week_start, fiscal_month: self.fiscal_month, origin: self.origin_date(log) }
    }

    fn origin_date(&self, log: &Log) -> Date {
        let start = jiff::Timestamp::from_microsecond(log.start + self.origin * DAY).unwrap();
        start.to_zoned(TimeZone::UTC).date()
    }

    pub(crate) fn age_period(&self) -> &'static str {
        self.age.unwrap_or(self.cohort)
    }

    pub(crate) fn rules(&self) -> Rules {
        let peer = self.dialect;
        let (mixpanel, amplitude, posthog) = (peer == Dialect::Mixpanel, peer == Dialect::Amplitude, peer == Dialect::Posthog);
        let alignment = self.alignment.unwrap_or(if mixpanel || amplitude { Alignment::Rolling } else { Alignment::Calendar });
        let rolling = alignment == Alignment::Rolling;
        let birth = if amplitude || posthog && !rolling { Birth::Recurring } else { Birth::First };
        let criterion = if mixpanel || amplitude { Criterion::OnOrAfter } else { Criterion::On };
        let segment_as_of = if posthog { SegmentAsOf::BirthAndReturn } else { SegmentAsOf::Birth };
        let summary = match peer {
            Dialect::Mixpanel => Summary::WeightedTwice,
            Dialect::Amplitude => Summary::PooledComplete,
            Dialect::Posthog => Summary::Mean,
            _ => Summary::Pooled,
        };
        Rules {
            birth: self.birth.clone().unwrap_or(birth),
            alignment,
            criterion: self.criterion.clone().unwrap_or(criterion),
            segment_as_of: self.segment_as_of.unwrap_or(segment_as_of),
            summary: self.summary.unwrap_or(summary),
            thirty_days: rolling && (mixpanel || amplitude || posthog),
            whole_hours: rolling && amplitude,
        }
    }

    /// The instant meant by a point in time.
    pub(crate) fn instant(&self, log: &Log, when: When) -> i64 {
        match self.point(log, when) {
            TimePoint::Instant(instant) => instant.0,
            TimePoint::Day(day) => self.calendar(log).start_of_day(day.to_string().parse().unwrap()),
        }
    }

    fn point(&self, log: &Log, when: When) -> TimePoint {
        match when {
            When::Instant(permille) => TimePoint::Instant(Instant(log.instant(permille))),
            When::Day(permille) => TimePoint::Day(log.date(permille).to_string().parse().unwrap()),
        }
    }

    /// The first instant that is not looked at.
    pub(crate) fn until(&self, log: &Log) -> i64 {
        let as_of = self.as_of.map(|when| self.instant(log, when));
        if self.dialect != Dialect::Posthog {
            return as_of.unwrap_or(log.observed_until());
        }
        // The end of the cohort period that holds as-of, or the last instant that is vouched for.
        let inside = as_of.unwrap_or(log.observed_until() - 1);
        let cuts = self.calendar(log).cuts(self.cohort, inside, inside);
        cuts.iter().find(|cut| cut.at > inside).unwrap().at
    }

    pub(crate) fn query(&self, log: &Log) -> RetentionQuery {
        let point = |when: Option<When>| when.map(|when| self.point(log, when));
        let sql = |selector: &Option<Selector>| selector.as_ref().map(|selector| selector.sql(log));
        let rolling = self.rules().alignment == Alignment::Rolling;
        let blocks = self.cohort.contains(' ') || self.age_period().contains(' ') && !rolling;
        let origin = blocks.then(|| self.origin_date(log).to_string().parse::<Day>().unwrap());
        RetentionQuery {
            source: tenure_analysis::Source::Activity,
            cohort: self.cohort.parse().unwrap(),
            age: self.age.map(|age| age.parse().unwrap()),
            origin,
            birth: self.birth.clone(),
            born: sql(&self.born),
            returned: sql(&self.returned),
            filter: sql(&self.filter),
            min_returns: self.min_returns,
            alignment: self.alignment,
            criterion: self.criterion.clone(),
            by: self.by.iter().map(|column| (*column).to_owned()).collect(),
            segment_as_of: self.segment_as_of,
            top: self.top,
            min_size: self.min_size,
            measure: self.measure,
            rates: self.rates.then(|| Rates::new("rates.csv", rates(log)).unwrap()),
            // Unsaid, it is the history's own.
            zone: (self.zone != log.home || self.origin == 0).then(|| Zone::named(self.zone).unwrap()),
            week_start: format!("{:?}", self.week_start).parse().unwrap(),
            fiscal_start: jiff::civil::date(2023, self.fiscal_month, 1).strftime("%B").to_string().parse().unwrap(),
            born_from: point(self.born_from),
            born_until: point(self.born_until),
            as_of: point(self.as_of),
            ages: self.ages.clone(),
            summary: self.summary,
            level: self.level,
            dialect: self.dialect,
        }
    }
}

impl Question {
    /// The query as flags, for messages.
    pub(crate) fn flags(&self, log: &Log) -> String {
        let query = self.query(log);
        let point = |point: TimePoint| match point {
            TimePoint::Day(day) => day.to_string(),
            TimePoint::Instant(instant) => instant.to_string(),
        };
        let (ages, at) = match &self.ages {
            Ages::Begun => (None, None),
            Ages::First(count) => (Some(count.to_string()), None),
            Ages::At(ages) => (None, Some(ages.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))),
        };
        let criterion = self.criterion.as_ref();
        let brackets = criterion.and_then(|c| if let Criterion::Brackets(b) = c { Some(b.to_string()) } else { None });
        let given = [
            ("cohort", Some(self.cohort.to_owned())),
            ("age", self.age.map(str::to_owned)),
            ("cohort-origin", query.origin.map(|day| day.to_string())),
            ("dialect", Some(self.dialect.to_string())),
            ("birth", self.birth.as_ref().map(ToString::to_string)),
            ("born", query.born),
            ("returned", query.returned),
            ("filter", query.filter),
            ("min-returns", Some(self.min_returns.to_string())),
            ("alignment", self.alignment.map(|alignment| alignment.to_string())),
            ("criterion", criterion.filter(|_| brackets.is_none()).map(ToString::to_string)),
            ("brackets", brackets.clone()),
            ("by", Some(self.by.join(",")).filter(|by| !by.is_empty())),
            ("segment-as-of", self.segment_as_of.map(|as_of| as_of.to_string())),
            ("top", self.top.map(|top| top.to_string())),
            ("min-size", self.min_size.map(|size| size.to_string())),
            ("measure", Some(self.measure.to_string())),
            ("rates", self.rates.then(|| "rates.csv".to_owned())),
            ("born-from", query.born_from.map(point)),
            ("born-until", query.born_until.map(point)),
            ("as-of", query.as_of.map(point)),
            ("ages", ages),
            ("at", at),
            ("summary", self.summary.map(|summary| summary.to_string())),
            ("zone", Some(self.zone.to_owned())),
            ("week-start", Some(query.week_start.to_string())),
            ("fiscal-start", Some(query.fiscal_start.to_string())),
        ];
        let given = given.into_iter().filter_map(|(flag, value)| value.map(|value| format!("--{flag} '{value}'")));
        given.collect::<Vec<_>>().join(" ")
    }
}

/// The worth of a dollar in ten-thousandths of a euro on a date; it changes every day.
pub(crate) fn dollar(day: Date) -> i64 {
    8_000 + i64::from(day.day()) * 37 + i64::from(day.month())
}

/// The worth of both currencies on every day that a row may fall on; the euro's never changes.
pub(crate) fn rates(log: &Log) -> BTreeMap<(Day, String), Decimal> {
    let around = |at: i64| jiff::Timestamp::from_microsecond(at).unwrap().to_zoned(TimeZone::UTC).date();
    let (mut date, last) = (around(log.first() - 2 * DAY), around(log.observed_until() + 2 * DAY));
    let mut by_day = BTreeMap::new();
    while date <= last {
        let day: Day = date.to_string().parse().unwrap();
        by_day.insert((day, "EUR".to_owned()), Decimal::new(1, 0));
        by_day.insert((day, "USD".to_owned()), Decimal::new(dollar(date).into(), 4));
        date = date.tomorrow().unwrap();
    }
    by_day
}
