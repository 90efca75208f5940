//! Survey scores by period: NPS, CSAT, CES, and who say that they came back.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use tenure_history::{History, Part};
use tenure_model::{Decimal, Instant, ObservationWindow, Table};

use crate::error::Error;
use crate::formulas::nps_interval;
use crate::interval::{Interval, Wilson};
use crate::lives::SegmentPlace;
use crate::scope::{FigurePeriod, Frame, Scope, ScopeDefinition};
use crate::survey_answers::{ANSWER_COLUMNS, AnswerReader};
use crate::table_segments::TableSegments;

/// What a survey asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SurveyKind {
    /// Would you recommend us? 0–10.
    Nps,
    /// How satisfied are you?
    Csat,
    /// How much effort was it?
    Ces,
    /// Did you come back? 0 is no.
    Returned,
}

impl SurveyKind {
    /// All of them.
    pub const ALL: [SurveyKind; 4] = [SurveyKind::Nps, SurveyKind::Csat, SurveyKind::Ces, SurveyKind::Returned];

    /// The name as flags and rows have it.
    pub const fn name(self) -> &'static str {
        match self {
            SurveyKind::Nps => "nps",
            SurveyKind::Csat => "csat",
            SurveyKind::Ces => "ces",
            SurveyKind::Returned => "returned",
        }
    }
}

impl fmt::Display for SurveyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SurveyKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = SurveyKind::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| format!("no kind of survey \"{text}\" (expected nps, csat, ces or returned)"))
    }
}

/// The scale of scores: the least and the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scale {
    /// The least score.
    pub least: i64,
    /// The highest score.
    pub most: i64,
}

impl Scale {
    /// The scale of NPS.
    pub const NPS: Scale = Scale { least: 0, most: 10 };

    /// The least score of satisfied answers: the top two points of the scale, of one with three points or fewer the top one.
    pub fn satisfied_from(self) -> i64 {
        if self.most - self.least >= 3 { self.most - 1 } else { self.most }
    }

    pub(crate) fn holds(self, score: Decimal) -> bool {
        Decimal::new(self.least.into(), 0) <= score && score <= Decimal::new(self.most.into(), 0)
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.least, self.most)
    }
}

impl FromStr for Scale {
    type Err = String;

    /// Reads `1-5`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.trim().split_once('-').and_then(|(least, most)| Some((least.trim().parse().ok()?, most.trim().parse().ok()?)));
        match parts {
            Some((least, most)) if least < most => Ok(Scale { least, most }),
            _ => Err(format!("cannot read scale \"{text}\" (expected the least and the most, such as 1-5)")),
        }
    }
}

/// A question for survey scores.
#[derive(Debug, Clone, Default)]
pub struct SurveyQuery {
    /// Periods and segments; a filter is refused.
    pub scope: Scope,
    /// The kind of survey. Default: all that there are, each apart.
    pub kind: Option<SurveyKind>,
    /// The scale of answers that have none of their own. Default: such answers are refused where they need one.
    pub scale: Option<Scale>,
}

/// Survey scores by period.
#[derive(Debug, Clone, PartialEq)]
pub struct Surveys {
    /// The rules they follow.
    pub definition: SurveyDefinition,
    /// By kind, question, scale, segment (the whole first) and period. Periods without answers are not there.
    pub rows: Vec<SurveyRow>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The rules of survey scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the part of the question that it is named after")]
pub struct SurveyDefinition {
    #[serde(flatten)]
    pub scope: ScopeDefinition,
    pub kind: Option<SurveyKind>,
    pub nps: &'static str,
    pub csat: &'static str,
    pub ces: &'static str,
    pub returned: &'static str,
}

/// The answers of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyRow {
    /// What was asked.
    pub kind: SurveyKind,
    /// The question, as the export names it.
    pub question: Option<String>,
    /// The scale; none of returns.
    pub scale: Option<Scale>,
    /// The period.
    pub period: FigurePeriod,
    /// Nothing for the whole, else the value of the segment, which may be missing.
    pub segment: Option<Option<String>>,
    /// Answers with a score on the scale.
    pub answers: u64,
    /// Answers left blank.
    pub blank: u64,
    /// Promoters of an NPS, satisfied of a CSAT, those who came back.
    pub positive: Option<u64>,
    /// Detractors of an NPS.
    pub negative: Option<u64>,
    /// NPS in points, CSAT and returns as a share of 1, CES as the mean score.
    pub score: Option<f64>,
    /// The bounds of the score.
    pub interval: Option<Interval>,
    /// The mean score.
    pub mean: Option<f64>,
    /// The same share with the weights of answers, where they have some.
    pub weighted: Option<f64>,
}

/// Answers of one kind, question, scale, segment and period.
#[derive(Debug, Clone, Copy, Default)]
struct Answers {
    answers: u64,
    blank: u64,
    positive: u64,
    negative: u64,
    sum: Decimal,
    squares: f64,
    weights: f64,
    weighted: f64,
    has_weights: bool,
}

impl Answers {
    fn join(&mut self, other: &Answers) {
        self.answers += other.answers;
        self.blank += other.blank;
        self.positive += other.positive;
        self.negative += other.negative;
        self.sum += other.sum;
        self.squares += other.squares;
        self.weights += other.weights;
        self.weighted += other.weighted;
        self.has_weights |= other.has_weights;
    }

    fn mean(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.sum.to_f64() / self.answers as f64)
    }
}

type Key = (SurveyKind, Option<String>, Option<Scale>, SegmentPlace, i32);

#[derive(Debug, Default)]
struct Found {
    groups: BTreeMap<Key, Answers>,
    reader: AnswerReader,
}

/// Survey scores of a history by period.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a question that contradicts itself, a history without surveys, or answers that need a scale
/// and have none; [`crate::ErrorKind::History`] where reading fails.
pub fn surveys(history: &History, query: &SurveyQuery) -> Result<Surveys, Error> {
    let scope = &query.scope;
    scope.check()?;
    if scope.filter.is_some() {
        return Err(Error::query("--filter is about activity, and these are answers"));
    }
    let answered = history.window_of(Table::Surveys);
    let Some(from) = answered.from else {
        return Err(Error::query(
            "the history has no survey answers: ingest an export of them with --table surveys, or with a preset such as typeform",
        ));
    };
    let zone = scope.zone(history);
    let until = scope.as_of.map(|point| point.resolve(&zone)).or(answered.join(history.window()).until);
    if let Some(until) = until.filter(|until| *until <= from) {
        return Err(Error::query(format!("--as-of {until} is before the first answer, which is at {from}; choose a later date")));
    }
    let frame = Frame::new(scope, history, from, ObservationWindow { from: Some(from), until })?;
    if scope.by_cohort(history) {
        return Err(Error::query("--by cohort: answers are not parted by the period in which customers began; name a column"));
    }
    let segments = TableSegments::new(history, Table::Surveys, &[], scope.by.as_deref())?;
    let found = read(history, query, &frame, &segments)?;
    let mut notes = found.reader.notes(query)?;
    notes.extend(response_rate(history));
    if found.groups.keys().any(|(kind, ..)| *kind == SurveyKind::Returned) {
        notes.push("returned: an estimate of retention from those who answered, by what they say".to_owned());
    }
    let level = scope.level;
    let rows = found.groups.iter().filter(|((.., number), _)| frame.numbers().contains(number));
    let rows = rows.map(|((kind, question, scale, segment, number), answers)| {
        let place = Place { kind: *kind, question, scale: *scale, segment, period: frame.period(*number) };
        row(place, answers, level)
    });
    let rows: Vec<SurveyRow> = rows.collect();
    let definition = SurveyDefinition {
        scope: scope.definition(&zone, Some(frame.until), history.content()),
        kind: query.kind,
        nps: "% promoters (9–10) − % detractors (0–6) of answers from 0 to 10",
        csat: "satisfied / answers; satisfied are the top two points of the scale (of one with three points or fewer the top one)",
        ces: "mean score on the scale",
        returned: "share of answers that say they came back (any score but 0)",
    };
    Ok(Surveys { definition, rows, notes })
}

fn read(history: &History, query: &SurveyQuery, frame: &Frame, segments: &TableSegments) -> Result<Found, Error> {
    let scan = segments.scan(history, Table::Surveys, &ANSWER_COLUMNS);
    scan.fold_parts(
        segments.need_customers(),
        Found::default,
        |found: &mut Found, part: Part<'_>| found.step(query, frame, segments, part),
        |mut a, b| {
            for (key, answers) in b.groups {
                a.groups.entry(key).or_default().join(&answers);
            }
            a.reader.join(b.reader);
            a
        },
    )
}

impl Found {
    fn step(&mut self, query: &SurveyQuery, frame: &Frame, segments: &TableSegments, part: Part<'_>) -> Result<(), Error> {
        let Found { groups, reader } = self;
        reader.step(query, frame.until.0, segments, part, &mut |answer| {
            let period = frame.periods.number_at(Instant(answer.at));
            let places = std::iter::once(SegmentPlace::Whole).chain(answer.segment.map(SegmentPlace::of));
            for place in places {
                let key = (answer.kind, answer.question.clone(), answer.scale, place, period);
                groups.entry(key).or_default().add(answer.kind, answer.scale, answer.score, answer.weight);
            }
        })
    }
}

impl Answers {
    fn add(&mut self, kind: SurveyKind, scale: Option<Scale>, score: Option<Decimal>, weight: Option<Decimal>) {
        let Some(score) = score else {
            self.blank += 1;
            return;
        };
        let at_least = |least: i64| score >= Decimal::new(least.into(), 0);
        let (positive, negative) = match (kind, scale) {
            (SurveyKind::Nps, _) => (at_least(9), !at_least(7)),
            (SurveyKind::Csat, Some(scale)) => (at_least(scale.satisfied_from()), false),
            (SurveyKind::Returned, _) => (!score.is_zero(), false),
            _ => (false, false),
        };
        self.answers += 1;
        self.positive += u64::from(positive);
        self.negative += u64::from(negative);
        self.sum += score;
        self.squares += score.to_f64().powi(2);
        let weight = weight.map(|weight| {
            self.has_weights = true;
            weight.to_f64()
        });
        let weight = weight.unwrap_or(1.0);
        self.weights += weight;
        self.weighted += if positive { weight } else { 0.0 };
    }
}

struct Place<'a> {
    kind: SurveyKind,
    question: &'a Option<String>,
    scale: Option<Scale>,
    segment: &'a SegmentPlace,
    period: FigurePeriod,
}

fn row(place: Place<'_>, answers: &Answers, level: f64) -> SurveyRow {
    let n = answers.answers;
    let share = |part: u64| (n > 0).then(|| part as f64 / n as f64);
    let wilson = Wilson::new(level);
    let (score, interval) = match place.kind {
        SurveyKind::Nps => {
            let score = (n > 0).then(|| 100.0 * (answers.positive as f64 - answers.negative as f64) / n as f64);
            (score, nps_interval(answers.positive, answers.negative, n, level))
        }
        SurveyKind::Csat | SurveyKind::Returned => (share(answers.positive), wilson.interval(answers.positive, n)),
        SurveyKind::Ces => (answers.mean(), mean_interval(answers, &wilson)),
    };
    let shares = matches!(place.kind, SurveyKind::Csat | SurveyKind::Returned);
    SurveyRow {
        kind: place.kind,
        question: place.question.clone(),
        scale: place.scale,
        period: place.period,
        segment: place.segment.value(),
        answers: n,
        blank: answers.blank,
        positive: (place.kind != SurveyKind::Ces).then_some(answers.positive),
        negative: (place.kind == SurveyKind::Nps).then_some(answers.negative),
        score,
        interval,
        mean: if place.kind == SurveyKind::Returned { None } else { answers.mean() },
        weighted: (shares && answers.has_weights && answers.weights > 0.0).then(|| answers.weighted / answers.weights),
    }
}

/// The normal interval of a mean; nothing of fewer than two answers.
fn mean_interval(answers: &Answers, wilson: &Wilson) -> Option<Interval> {
    let (n, mean) = (answers.answers as f64, answers.mean()?);
    if answers.answers < 2 {
        return None;
    }
    let variance = ((answers.squares - n * mean * mean) / (n - 1.0)).max(0.0);
    let reach = wilson.z() * (variance / n).sqrt();
    Some(Interval { low: mean - reach, high: mean + reach })
}

/// How many of those asked answered, where exports say how many were.
fn response_rate(history: &History) -> Option<String> {
    let known: Vec<(u64, u64)> = history.sources().filter_map(|source| Some((source.rows, source.sent?))).collect();
    let (rows, sent) = known.iter().fold((0, 0), |(rows, sent), (r, s)| (rows + r, sent + s));
    (sent > 0).then(|| {
        format!(
            "response rate {:.1} %: {rows} answers of {sent} asked, over the exports that say how many were",
            100.0 * rows as f64 / sent as f64
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_of_a_scale_is_satisfied() {
        let from = |text: &str| text.parse::<Scale>().unwrap().satisfied_from();
        assert_eq!([from("1-5"), from("1-7"), from("0-10"), from("1-3"), from("0-1"), from("1-4")], [4, 6, 9, 3, 1, 3]);
        assert!("5-1".parse::<Scale>().is_err() && "five".parse::<Scale>().is_err());
    }

    #[test]
    fn worked_examples() {
        let mut nps = Answers::default();
        let mut csat = Answers::default();
        for (score, times) in [(10, 70), (8, 20), (6, 10)] {
            (0..times).for_each(|_| nps.add(SurveyKind::Nps, Some(Scale::NPS), Some(Decimal::new(score, 0)), None));
        }
        let scale = Scale { least: 1, most: 5 };
        for (score, times) in [(5, 250), (4, 150), (3, 100)] {
            (0..times).for_each(|_| csat.add(SurveyKind::Csat, Some(scale), Some(Decimal::new(score, 0)), None));
        }
        csat.add(SurveyKind::Csat, Some(scale), None, None);
        let period = FigurePeriod { start: tenure_model::Day(0), in_progress: false };
        let made = |kind, scale, answers: &Answers| {
            row(Place { kind, question: &None, scale, segment: &SegmentPlace::Whole, period }, answers, 0.95)
        };
        let nps = made(SurveyKind::Nps, Some(Scale::NPS), &nps);
        assert_eq!((nps.score, nps.positive, nps.negative, nps.answers), (Some(60.0), Some(70), Some(10), 100));
        let csat = made(SurveyKind::Csat, Some(scale), &csat);
        assert_eq!((csat.score, csat.answers, csat.blank), (Some(0.8), 500, 1));
        assert_eq!(csat.mean, Some((5.0 * 250.0 + 4.0 * 150.0 + 300.0) / 500.0));
    }

    #[test]
    fn weights_count_answers() {
        let mut answers = Answers::default();
        answers.add(SurveyKind::Returned, None, Some(Decimal::new(1, 0)), Some(Decimal::new(3, 0)));
        answers.add(SurveyKind::Returned, None, Some(Decimal::ZERO), Some(Decimal::new(1, 0)));
        let period = FigurePeriod { start: tenure_model::Day(0), in_progress: false };
        let place = Place { kind: SurveyKind::Returned, question: &None, scale: None, segment: &SegmentPlace::Whole, period };
        let row = row(place, &answers, 0.95);
        assert_eq!((row.score, row.weighted), (Some(0.5), Some(0.75)));
    }
}
