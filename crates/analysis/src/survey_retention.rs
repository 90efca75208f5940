//! Whether those who answer well are retained better: answers joined to what their customers did in the next period.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::FixedState;
use serde::Serialize;
use tenure_history::{Column, History, Part, Rows};
use tenure_model::{Decimal, Instant, ObservationWindow, Table, grouped};

use crate::difference::{Proportion, Test, holm, newcombe, test_of_shares};
use crate::error::Error;
use crate::interval::{Interval, Wilson};
use crate::lives::SegmentPlace;
use crate::revenue::{SPAN_COLUMNS, SpanReader, Subscriber};
use crate::scope::{FigurePeriod, Frame, ScopeDefinition};
use crate::survey_answers::{ANSWER_COLUMNS, Answer, AnswerReader};
use crate::surveys::{Scale, SurveyKind, SurveyQuery};
use crate::table_segments::TableSegments;

/// Those who answered alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the name that results have")]
pub enum AnswerGroup {
    Promoters,
    Passives,
    Detractors,
    Satisfied,
    NotSatisfied,
    High,
    Middle,
    Low,
    Yes,
    No,
}

impl AnswerGroup {
    /// The name as results have it.
    pub const fn name(self) -> &'static str {
        match self {
            AnswerGroup::Promoters => "promoters",
            AnswerGroup::Passives => "passives",
            AnswerGroup::Detractors => "detractors",
            AnswerGroup::Satisfied => "satisfied",
            AnswerGroup::NotSatisfied => "not satisfied",
            AnswerGroup::High => "high score",
            AnswerGroup::Middle => "middle score",
            AnswerGroup::Low => "low score",
            AnswerGroup::Yes => "yes",
            AnswerGroup::No => "no",
        }
    }

    /// The group of a score.
    fn of(kind: SurveyKind, scale: Option<Scale>, score: Decimal) -> Self {
        let at_least = |least: i64| score >= Decimal::new(least.into(), 0);
        match (kind, scale) {
            (SurveyKind::Nps, _) if at_least(9) => AnswerGroup::Promoters,
            (SurveyKind::Nps, _) if at_least(7) => AnswerGroup::Passives,
            (SurveyKind::Nps, _) => AnswerGroup::Detractors,
            (SurveyKind::Csat, Some(scale)) if at_least(scale.satisfied_from()) => AnswerGroup::Satisfied,
            (SurveyKind::Csat, _) => AnswerGroup::NotSatisfied,
            (SurveyKind::Ces, scale) => {
                let middle = scale.map_or(0, |scale| scale.least + scale.most);
                match (score + score).cmp(&Decimal::new(middle.into(), 0)) {
                    std::cmp::Ordering::Greater => AnswerGroup::High,
                    std::cmp::Ordering::Equal => AnswerGroup::Middle,
                    std::cmp::Ordering::Less => AnswerGroup::Low,
                }
            }
            (SurveyKind::Returned, _) if score.is_zero() => AnswerGroup::No,
            (SurveyKind::Returned, _) => AnswerGroup::Yes,
        }
    }

    /// All groups of a kind, and which of them the first is held against.
    fn all(kind: SurveyKind) -> (&'static [AnswerGroup], AnswerGroup) {
        use AnswerGroup::{Detractors, High, Low, Middle, No, NotSatisfied, Passives, Promoters, Satisfied, Yes};
        match kind {
            SurveyKind::Nps => (&[Promoters, Passives, Detractors], Detractors),
            SurveyKind::Csat => (&[Satisfied, NotSatisfied], NotSatisfied),
            SurveyKind::Ces => (&[High, Middle, Low], Low),
            SurveyKind::Returned => (&[Yes, No], No),
        }
    }
}

/// Answers joined to retention.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyRetention {
    /// The rules it follows.
    pub definition: SurveyRetentionDefinition,
    /// By kind, question, scale, segment (the whole first), period (all first) and group.
    pub rows: Vec<SurveyRetentionRow>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The rules of answers joined to retention.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the part of the question that it is named after")]
pub struct SurveyRetentionDefinition {
    #[serde(flatten)]
    pub scope: ScopeDefinition,
    pub kind: Option<SurveyKind>,
    pub source: &'static str,
    pub retained: String,
    pub answers: &'static str,
    pub groups: &'static str,
    pub interval: &'static str,
    pub test: &'static str,
    pub adjustment: &'static str,
}

/// Those of a period who answered alike, and how many came again.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyRetentionRow {
    /// What was asked.
    pub kind: SurveyKind,
    /// The question, as the export names it.
    pub question: Option<String>,
    /// The scale; none of returns.
    pub scale: Option<Scale>,
    /// Nothing for the whole, else the value of the segment, which may be missing.
    pub segment: Option<Option<String>>,
    /// The period of the answers; nothing for all periods, in which each customer counts once.
    pub period: Option<FigurePeriod>,
    /// The group.
    pub group: AnswerGroup,
    /// Its customers whose next period is over, and those of them who came again.
    pub again: Proportion,
    /// The bounds of their share.
    pub interval: Option<Interval>,
    /// The group that it is held against, of the first group of a kind.
    pub against: Option<AnswerGroup>,
    /// The difference of the shares in percentage points, and its bounds.
    pub difference: Option<(f64, Interval)>,
    /// Whether the shares differ.
    pub test: Option<Test>,
    /// The p-value among all of the table.
    pub p_adjusted: Option<f64>,
}

/// An answer with what came of it.
struct Followed {
    answer: Answer,
    score: Decimal,
    period: i32,
}

/// What is known of a customer around a period: whether it was one by its end, and whether it came again in the next.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    known: bool,
    again: bool,
}

type Fates = HashMap<i64, Vec<(i32, Fate)>, FixedState>;

type Asked = (SurveyKind, Option<String>, Option<Scale>);

/// Joins the answers of a history to what their customers did next.
///
/// # Errors
///
/// As for [`crate::surveys()`]; and for a history with neither activity nor subscriptions.
pub fn survey_retention(history: &History, query: &SurveyQuery) -> Result<SurveyRetention, Error> {
    let scope = &query.scope;
    scope.check()?;
    if scope.filter.is_some() {
        return Err(Error::query("--filter is about activity, and these are answers"));
    }
    let Some(from) = history.window_of(Table::Surveys).from else {
        return Err(Error::query(
            "the history has no survey answers: ingest an export of them with --table surveys, or with a preset such as typeform",
        ));
    };
    let source = match (history.rows() > 0, history.rows_of(Table::Subscriptions) > 0) {
        (true, _) => Table::Activity,
        (false, true) => Table::Subscriptions,
        (false, false) => {
            return Err(Error::query(
                "--retention: the history has neither activity nor subscriptions, so who came again is not known; ingest an export of them into the same history",
            ));
        }
    };
    let zone = scope.zone(history);
    let seen = if source == Table::Activity { history.window() } else { history.window_of(source) };
    let until = scope.as_of.map(|point| point.resolve(&zone)).or(seen.until);
    let Some(until) = until.filter(|until| *until > from) else {
        return Err(Error::query(format!(
            "the first answer is at {from}, and what customers did is known until {}: nothing came after it; choose a later --as-of, or ingest newer exports",
            until.map(|until| until.to_string()).unwrap_or_else(|| "never".to_owned())
        )));
    };
    let frame = Frame::new(scope, history, from, ObservationWindow { from: Some(from), until: Some(until) })?;
    if scope.by_cohort(history) {
        return Err(Error::query("--by cohort: answers are not parted by the period in which customers began; name a column"));
    }
    let segments = TableSegments::new(history, Table::Surveys, &[], scope.by.as_deref())?;
    let (answers, reader) = answers(history, query, &frame, &segments)?;
    let mut notes = reader.notes(query)?;
    let (exposed, young): (Vec<Followed>, Vec<Followed>) =
        latest(answers, &frame).into_iter().partition(|one| frame.periods.start(one.period + 2) <= until);
    let fates = match source {
        Table::Subscriptions => paying(history, &frame, &exposed)?,
        _ => active(history, &frame, &exposed)?,
    };
    let fate = |one: &Followed| {
        let of_customer = fates.get(&one.answer.customer);
        of_customer.and_then(|periods| periods.iter().find(|(period, _)| *period == one.period)).map(|(_, fate)| *fate)
    };
    let mut groups: BTreeMap<(Asked, SegmentPlace, Option<i32>), BTreeMap<AnswerGroup, Proportion>> = BTreeMap::new();
    let mut counted: BTreeSet<(i64, Asked)> = BTreeSet::new();
    let mut unknown = 0u64;
    for one in &exposed {
        let Some(fate) = fate(one).filter(|fate| fate.known) else {
            unknown += 1;
            continue;
        };
        let answer = &one.answer;
        let asked: Asked = (answer.kind, answer.question.clone(), answer.scale);
        let group = AnswerGroup::of(answer.kind, answer.scale, one.score);
        let first = counted.insert((answer.customer, asked.clone()));
        let periods = first.then_some(None).into_iter().chain([Some(one.period)]);
        for period in periods {
            for place in std::iter::once(SegmentPlace::Whole).chain(answer.segment.clone().map(SegmentPlace::of)) {
                let found = groups.entry((asked.clone(), place, period)).or_default().entry(group).or_default();
                found.whole += 1;
                found.part += u64::from(fate.again);
            }
        }
    }
    if !young.is_empty() {
        notes.push(format!(
            "{} of {} left out: the {} after theirs is not over",
            grouped(young.len() as u64),
            are((young.len() + exposed.len()) as u64),
            scope.period
        ));
    }
    if unknown > 0 {
        let what = if source == Table::Activity { "been active" } else { "paid" };
        notes.push(format!("{} left out: their customers had not {what} by the end of the {}", are(unknown), scope.period));
    }
    notes.push("who answers is not everybody, and liking is not what makes them stay: this shows what goes together".to_owned());
    let rows = rows(groups, &frame, scope.level);
    let again = if source == Table::Activity { "active in" } else { "with recurring revenue just before the end of" };
    let definition = SurveyRetentionDefinition {
        scope: scope.definition(&zone, Some(until), history.content()),
        kind: query.kind,
        source: source.name(),
        retained: format!("{again} the whole calendar {} after that of the answer", scope.period),
        answers: "of a customer's answers to a question in a period the last; over all periods each customer once, with the first that is followed",
        groups: "NPS: promoters 9–10, passives 7–8, detractors 0–6; CSAT: the top two points of the scale (of one with three points or fewer the top one); CES: above, at and below the middle of the scale; returned: any score but 0",
        interval: "shares: Wilson; differences of shares: Newcombe's hybrid score (1998, method 10)",
        test: "two-proportion z, and Fisher's exact where an expected count is below 5",
        adjustment: "Holm, over all tests in the table",
    };
    Ok(SurveyRetention { definition, rows, notes })
}

/// So many answers are.
fn are(answers: u64) -> String {
    if answers == 1 { "1 answer is".to_owned() } else { format!("{} answers are", grouped(answers)) }
}

fn answers(
    history: &History,
    query: &SurveyQuery,
    frame: &Frame,
    segments: &TableSegments,
) -> Result<(Vec<Answer>, AnswerReader), Error> {
    segments.scan(history, Table::Surveys, &ANSWER_COLUMNS).fold_parts(
        segments.need_customers(),
        || (Vec::new(), AnswerReader::default()),
        |(found, reader): &mut (Vec<Answer>, AnswerReader), part: Part<'_>| {
            reader.step(query, frame.until.0, segments, part, &mut |answer| found.push(answer))
        },
        |mut a, b| {
            a.0.extend(b.0);
            a.1.join(b.1);
            a
        },
    )
}

/// The last answer of each customer, question and period shown, in order of time.
fn latest(answers: Vec<Answer>, frame: &Frame) -> Vec<Followed> {
    let mut followed: Vec<Followed> = answers
        .into_iter()
        .filter_map(|answer| {
            let period = frame.periods.number_at(Instant(answer.at));
            let score = answer.score.filter(|_| frame.numbers().contains(&period))?;
            Some(Followed { answer, score, period })
        })
        .collect();
    followed.sort_by(|a, b| {
        let key = |one: &Followed| (one.answer.customer, one.answer.kind, one.answer.scale, one.period, one.answer.at);
        let rest = || a.score.cmp(&b.score).then_with(|| a.answer.segment.cmp(&b.answer.segment));
        a.answer.question.cmp(&b.answer.question).then_with(|| key(a).cmp(&key(b))).then_with(rest)
    });
    followed.dedup_by(|later, kept| {
        let (a, b) = (&later.answer, &kept.answer);
        let same = (a.customer, a.kind, a.scale, later.period) == (b.customer, b.kind, b.scale, kept.period);
        let same = same && a.question == b.question;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    followed
}

/// The periods of answers by customer.
fn wanted(followed: &[Followed]) -> HashMap<i64, Vec<i32>, FixedState> {
    let mut periods: HashMap<i64, Vec<i32>, FixedState> = HashMap::default();
    for one in followed {
        let mine = periods.entry(one.answer.customer).or_default();
        if !mine.contains(&one.period) {
            mine.push(one.period);
        }
    }
    periods
}

/// Who was active by the end of the answer's period, and again in the next.
fn active(history: &History, frame: &Frame, followed: &[Followed]) -> Result<Fates, Error> {
    let wanted = wanted(followed);
    let until = frame.until.0;
    history.scan(&[Column::Time]).fold(
        Fates::default,
        |fates: &mut Fates, rows: &Rows| {
            let times = rows.times().unwrap_or_default();
            let mut from = 0;
            for run in rows.customers().chunk_by(|a, b| a == b) {
                let (mine, customer) = (&times[from..from + run.len()], run[0]);
                from += run.len();
                let Some(periods) = wanted.get(&customer) else { continue };
                let known =
                    fates.entry(customer).or_insert_with(|| periods.iter().map(|period| (*period, Fate::default())).collect());
                for (period, fate) in known {
                    let (start, end) = (frame.periods.start(*period + 1).0, frame.periods.start(*period + 2).0.min(until));
                    fate.known |= mine.iter().any(|at| *at < start);
                    fate.again |= mine.iter().any(|at| *at >= start && *at < end);
                }
            }
            Ok::<(), Error>(())
        },
        |mut a, b| {
            for (customer, periods) in b {
                match a.get_mut(&customer) {
                    None => {
                        a.insert(customer, periods);
                    }
                    Some(mine) => mine.iter_mut().zip(periods).for_each(|((_, mine), (_, theirs))| {
                        mine.known |= theirs.known;
                        mine.again |= theirs.again;
                    }),
                }
            }
            a
        },
    )
}

/// Who had paid by the end of the answer's period, and pays at the end of the next.
fn paying(history: &History, frame: &Frame, followed: &[Followed]) -> Result<Fates, Error> {
    let wanted = wanted(followed);
    let scan = history.scan_table(Table::Subscriptions, SPAN_COLUMNS.into_iter());
    let (_, fates) = scan.fold_parts(
        false,
        || (SpanReader::default(), Fates::default()),
        |(reader, fates): &mut (SpanReader, Fates), part: Part<'_>| {
            for (customer, Subscriber { paid, .. }) in reader.step(&TableSegments::None, frame.until.0, part)? {
                let Some(periods) = wanted.get(&customer) else { continue };
                let fate = |period: i32| {
                    let (start, end) = (frame.periods.start(period + 1).0, frame.periods.start(period + 2).0);
                    Fate {
                        known: paid.iter().any(|span| span.from < start),
                        again: paid.iter().any(|span| span.from < end && span.to >= end),
                    }
                };
                fates.insert(customer, periods.iter().map(|period| (*period, fate(*period))).collect());
            }
            Ok::<(), Error>(())
        },
        |mut a, b| {
            a.1.extend(b.1);
            a
        },
    )?;
    Ok(fates)
}

fn rows(
    found: BTreeMap<(Asked, SegmentPlace, Option<i32>), BTreeMap<AnswerGroup, Proportion>>,
    frame: &Frame,
    level: f64,
) -> Vec<SurveyRetentionRow> {
    let wilson = Wilson::new(level);
    let mut rows = Vec::new();
    for (((kind, question, scale), segment, period), groups) in found {
        let of = |group: AnswerGroup| groups.get(&group).copied().unwrap_or_default();
        let (all, last) = AnswerGroup::all(kind);
        for (place, &group) in all.iter().enumerate() {
            let again = of(group);
            let against = (place == 0).then_some(last);
            let difference = against.and_then(|against| {
                let bounds = newcombe(of(against), again, level)?;
                let points = 100.0 * (again.share()? - of(against).share()?);
                Some((points, Interval { low: 100.0 * bounds.low, high: 100.0 * bounds.high }))
            });
            rows.push(SurveyRetentionRow {
                kind,
                question: question.clone(),
                scale,
                segment: segment.value(),
                period: period.map(|number| frame.period(number)),
                group,
                again,
                interval: wilson.interval(again.part, again.whole),
                against,
                difference,
                test: against.and_then(|against| test_of_shares(of(against), again)),
                p_adjusted: None,
            });
        }
    }
    let p: Vec<f64> = rows.iter().filter_map(|row| row.test.map(|test| test.p)).collect();
    for (row, adjusted) in rows.iter_mut().filter(|row| row.test.is_some()).zip(holm(&p)) {
        row.p_adjusted = Some(adjusted);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_have_groups() {
        let of = |kind, scale: Option<&str>, score: &str| {
            AnswerGroup::of(kind, scale.map(|scale| scale.parse().unwrap()), score.parse().unwrap()).name()
        };
        assert_eq!(
            ["10", "9", "8", "7", "6.5", "0"].map(|score| of(SurveyKind::Nps, Some("0-10"), score)),
            ["promoters", "promoters", "passives", "passives", "detractors", "detractors"]
        );
        assert_eq!(["4", "3"].map(|score| of(SurveyKind::Csat, Some("1-5"), score)), ["satisfied", "not satisfied"]);
        assert_eq!(
            ["4", "3", "2"].map(|score| of(SurveyKind::Ces, Some("1-5"), score)),
            ["high score", "middle score", "low score"]
        );
        assert_eq!(["4", "3"].map(|score| of(SurveyKind::Ces, Some("1-6"), score)), ["high score", "low score"]);
        assert_eq!(["1", "0"].map(|score| of(SurveyKind::Returned, None, score)), ["yes", "no"]);
    }
}
