//! Why a dialect's numbers differ from tenure's own: rule by rule.

use std::collections::BTreeMap;

use tenure_history::History;
use tenure_model::{Age, AgeRange, Alignment, Criterion, TimePoint};

use crate::dialect::{
    AgeZero, Dialect, FirstEverRow, FirstReturns, RollingInstants, RollingMonth, Rules, ValueAverage, WindowEnd,
};
use crate::error::Error;
use crate::matrix::{CohortCell, CohortStart, RetentionMatrix, Segment};
use crate::members::CellOf;
use crate::plan::Plan;
use crate::query::{Birth, Measure, RetentionQuery, SegmentAsOf, Summary};
use crate::retention::retentions_under;

// What the rules are called that do not always matter, or do not change cells.
const SEGMENT: &str = "segment";
const VALUE_AVERAGE: &str = "value average";
const SUMMARY: &str = "summary";

/// Why a dialect's numbers differ from tenure's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The dialect.
    pub dialect: Dialect,
    /// The rules in which it differs from tenure, one added to the other, in the order they are applied.
    pub steps: Vec<Step>,
    /// Cells of tenure's own matrix that the dialect's has with the same numbers, and all cells that either has.
    pub same_cells: (u64, u64),
}

/// A rule of a dialect, and what it does once the rules before it are applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What the rule is about.
    pub rule: &'static str,
    /// tenure's rule, in words.
    pub own: String,
    /// The dialect's, in words.
    pub theirs: String,
    /// Whether it is the summary's points that it changes, not cells.
    pub of_summary: bool,
    /// Cells, or points of the summary, whose numbers it changes.
    pub changed: u64,
    /// All of them that either side has.
    pub of: u64,
    /// The cell asked about, or the one whose rate it moves the most: where it is, and its numbers before and after.
    pub example: Option<Example>,
}

/// A cell before and after a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The start of the cohort.
    pub cohort: CohortStart,
    /// The segment.
    pub segment: Segment,
    /// The age or bracket.
    pub age: AgeRange,
    /// The cell before; none where the cohort is not there.
    pub before: Option<CellNumbers>,
    /// The cell after.
    pub after: Option<CellNumbers>,
}

/// The numbers of a cell that an explanation shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellNumbers {
    /// Members of the cohort.
    pub size: u64,
    /// The cell.
    pub cell: tenure_model::Cell,
}

/// Says which rules of the query's dialect make its numbers differ from tenure's own, for the whole table or for one cell.
///
/// # Errors
///
/// As for [`crate::retention`].
pub fn explain(history: &History, query: &RetentionQuery, cell: Option<&CellOf>) -> Result<Explanation, Error> {
    let own = Rules::under(query, Dialect::Tenure);
    let theirs = Rules::of(query);
    let matters = |(rule, ..): &Link| match *rule {
        SEGMENT => !query.by.is_empty(),
        VALUE_AVERAGE => query.measure == Measure::Value,
        _ => true,
    };
    let chain: Vec<Link> = chain(&own, &theirs).into_iter().filter(matters).collect();
    let cell = cell.map(|cell| at_start(history, query, &own, cell)).transpose()?;
    let cell = cell.as_ref();
    let ruled = std::iter::once(own.clone()).chain(chain.iter().map(|(.., rules)| rules.clone()));
    let matrices = retentions_under(history, ruled.map(|rules| (query, rules)).collect())?;
    let mut steps = Vec::new();
    for (((rule, own, theirs, _), before), after) in chain.into_iter().zip(&matrices).zip(&matrices[1..]) {
        let of_summary = rule == SUMMARY;
        let (changed, of) = if of_summary { summary_differences(before, after) } else { differences(before, after) };
        let example = match cell {
            _ if of_summary || rule == VALUE_AVERAGE => None,
            Some(cell) => Some(example_at(query, before, after, cell)),
            None => largest_change(before, after),
        };
        steps.push(Step { rule, own, theirs, of_summary, changed, of, example });
    }
    if let Some(cell) = cell {
        let mut examples = steps.iter().filter_map(|step: &Step| step.example.as_ref()).peekable();
        if examples.peek().is_some() && examples.all(|example| example.before.is_none() && example.after.is_none()) {
            let cohort = start_of(cell.cohort);
            let message = format!("--in-cohort {cohort} --in-age {}: there is no such cell, under whichever rules", cell.age);
            return Err(Error::query(message));
        }
    }
    let (changed, cells) = match (matrices.first(), matrices.last()) {
        (Some(first), Some(last)) => differences(first, last),
        _ => (0, 0),
    };
    Ok(Explanation { dialect: query.dialect, steps, same_cells: (cells - changed, cells) })
}

/// The cell with the start of its cohort's period instead of any date in it.
fn at_start(history: &History, query: &RetentionQuery, rules: &Rules, cell: &CellOf) -> Result<CellOf, Error> {
    let Some(plan) = Plan::new(history, query, rules.clone())? else { return Ok(cell.clone()) };
    let number = plan.units.cohorts.number_at(cell.cohort.resolve(plan.units.zone()));
    let cohort = match crate::assembly::start(&plan, number) {
        CohortStart::Day(day) => TimePoint::Day(day),
        CohortStart::Hour(at, _) => TimePoint::Instant(at),
    };
    Ok(CellOf { cohort, ..cell.clone() })
}

/// The start of a cohort as results have it.
fn start_of(point: TimePoint) -> CohortStart {
    match point {
        TimePoint::Day(day) => CohortStart::Day(day),
        TimePoint::Instant(at) => CohortStart::Hour(at, at.to_string()),
    }
}

type Link = (&'static str, String, String, Rules);

/// The rules in which the second set differs, each with all rules up to it.
fn chain(own: &Rules, theirs: &Rules) -> Vec<Link> {
    let mut chain: Vec<Link> = Vec::new();
    let mut rules = own.clone();
    let mut link = |rule, words: fn(&Rules) -> String, change: fn(&mut Rules, &Rules)| {
        let before = words(&rules);
        let unchanged = rules.clone();
        change(&mut rules, theirs);
        if rules != unchanged {
            chain.push((rule, before, words(&rules), rules.clone()));
        }
    };
    link("window end", window_end, |r, t| r.window_end = t.window_end);
    link("birth", birth, |r, t| r.birth = t.birth.clone());
    if theirs.birth == Birth::FirstEver {
        link("first-ever", first_ever, |r, t| r.first_ever = t.first_ever);
    }
    link("alignment", alignment, |r, t| r.alignment = t.alignment);
    link("month", month, |r, t| r.month = t.month);
    link("instants", instants, |r, t| r.instants = t.instants);
    link("criterion", criterion, |r, t| r.criterion = t.criterion.clone());
    link("first returns", first_returns, |r, t| r.first_returns = t.first_returns);
    link("age 0", age_zero, |r, t| r.age_zero = t.age_zero);
    link(SEGMENT, segment, |r, t| r.segment_as_of = t.segment_as_of);
    link(VALUE_AVERAGE, value_average, |r, t| r.value_average = t.value_average);
    link(SUMMARY, summary, |r, t| r.summary = t.summary);
    chain
}

fn window_end(rules: &Rules) -> String {
    match rules.window_end {
        WindowEnd::AsOf => "the window ends at as-of",
        WindowEnd::EndOfPeriod => "the window goes on to the end of the cohort period that holds as-of",
    }
    .to_owned()
}

fn birth(rules: &Rules) -> String {
    match &rules.birth {
        Birth::First => "a customer is born once, with the first activity that matches".to_owned(),
        Birth::FirstEver => "a customer is born with the first activity of all, if it matches".to_owned(),
        Birth::Recurring => "a customer is born again in every cohort period with activity that matches".to_owned(),
        Birth::Declared(column) => format!("a customer is born on the date {column}"),
    }
}

fn first_ever(rules: &Rules) -> String {
    match rules.first_ever {
        FirstEverRow::OfAnyKind => "the first activity of any kind must match",
        FirstEverRow::OfEventName => "the first activity with the selector's event name must match",
    }
    .to_owned()
}

fn alignment(rules: &Rules) -> String {
    match rules.alignment {
        Alignment::Calendar => "ages count the calendar boundaries since the birth",
        Alignment::Rolling => "ages count whole units since the birth instant",
    }
    .to_owned()
}

fn month(rules: &Rules) -> String {
    match rules.month {
        RollingMonth::Calendar => "a month ends on the same day of the next month",
        RollingMonth::ThirtyDays => "a month has 30 days of 24 hours",
    }
    .to_owned()
}

fn instants(rules: &Rules) -> String {
    match rules.instants {
        RollingInstants::Exact => "instants count as they are",
        RollingInstants::FlooredToHour => "instants are put back to the start of their hour",
    }
    .to_owned()
}

fn criterion(rules: &Rules) -> String {
    match &rules.criterion {
        Criterion::On => "retained with a return at the age itself".to_owned(),
        Criterion::OnOrAfter => "retained with a return at the age or any later one".to_owned(),
        Criterion::OnOrBefore => "retained with a return at any age up to it".to_owned(),
        Criterion::Streak => "retained with a return at every age up to it".to_owned(),
        Criterion::Brackets(brackets) => format!("retained with a return inside a bracket of {brackets}"),
    }
}

fn first_returns(rules: &Rules) -> String {
    match rules.first_returns {
        FirstReturns::FromBirth => "activity at or after the birth instant can be a return, the birth itself too",
        FirstReturns::AfterBirth => "only activity later than the birth instant is a return",
        FirstReturns::InPeriod => {
            "activity any time in the birth period is a return; values count from later than the birth, unless both selectors are the same"
        }
    }
    .to_owned()
}

fn age_zero(rules: &Rules) -> String {
    match rules.age_zero {
        AgeZero::Criterion => "at age 0 the criterion holds as at other ages",
        AgeZero::InPeriod => "at age 0 members count who return in the first period itself",
        AgeZero::Everyone => "at age 0 every member counts",
    }
    .to_owned()
}

fn segment(rules: &Rules) -> String {
    match rules.segment_as_of {
        SegmentAsOf::Birth => "a member's segment is that of the birth row",
        SegmentAsOf::Latest => "a member's segment is that of the latest row",
        SegmentAsOf::Activity => "a segment is that of each return",
        SegmentAsOf::BirthAndReturn => "each segment is analysed as if its rows were the whole log",
    }
    .to_owned()
}

fn value_average(rules: &Rules) -> String {
    match rules.value_average {
        ValueAverage::PerMember => "average values are per member",
        ValueAverage::PerActive => "average values are per active customer",
    }
    .to_owned()
}

fn summary(rules: &Rules) -> String {
    match rules.summary {
        Summary::Pooled => "the summary pools all exposed members",
        Summary::PooledComplete => "the summary pools the members of complete cells",
        Summary::Mean => "the summary is the mean of complete cells' rates",
        Summary::Median => "the summary is the median of complete cells' rates",
        Summary::WeightedTwice => "the summary weighs cohorts by size twice: Σ C·w / Σ P·w with w = P / ΣP",
    }
    .to_owned()
}

/// Where a cell is: cohort, segment, currency, age.
type CellKey = (CohortStart, Segment, Option<String>, AgeRange);

type Cells<'a> = BTreeMap<CellKey, (u64, &'a CohortCell)>;

fn cells(matrix: &RetentionMatrix) -> Cells<'_> {
    let rows = matrix.cohorts.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
    let observed = rows.filter(|(_, cell)| cell.cell != tenure_model::Cell::Unobserved);
    observed
        .map(|(row, cell)| ((row.start.clone(), row.segment.clone(), row.currency.clone(), cell.age), (row.size, cell)))
        .collect()
}

/// How many cells differ, and how many there are on either side.
fn differences(before: &RetentionMatrix, after: &RetentionMatrix) -> (u64, u64) {
    let (before, after) = (cells(before), cells(after));
    let only_after = after.keys().filter(|key| !before.contains_key(*key)).count();
    let changed = before.iter().filter(|(key, cell)| after.get(*key) != Some(*cell)).count();
    ((changed + only_after) as u64, (before.len() + only_after) as u64)
}

/// How many points of the summary differ, and how many there are on either side.
fn summary_differences(before: &RetentionMatrix, after: &RetentionMatrix) -> (u64, u64) {
    let points = |matrix: &RetentionMatrix| -> BTreeMap<(Option<Segment>, AgeRange), u64> {
        matrix.summary.iter().map(|point| ((point.segment.clone(), point.age), point.rate.to_bits())).collect()
    };
    let (before, after) = (points(before), points(after));
    let only_after = after.keys().filter(|key| !before.contains_key(*key)).count();
    let changed = before.iter().filter(|(key, rate)| after.get(*key) != Some(*rate)).count();
    ((changed + only_after) as u64, (before.len() + only_after) as u64)
}

fn numbers(found: Option<&(u64, &CohortCell)>) -> Option<CellNumbers> {
    found.map(|(size, cell)| CellNumbers { size: *size, cell: cell.cell })
}

/// The cell whose rate differs the most; of several the first.
fn largest_change(before: &RetentionMatrix, after: &RetentionMatrix) -> Option<Example> {
    let (before, after) = (cells(before), cells(after));
    let rate = |cell: Option<&(u64, &CohortCell)>| cell.and_then(|(_, cell)| cell.cell.rate().or(cell.cell.provisional_rate()));
    let change = |key| match (rate(before.get(key)), rate(after.get(key))) {
        (Some(a), Some(b)) => (b - a).abs(),
        _ => 0.0,
    };
    let differing = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key));
    let mut best: Option<(f64, &CellKey)> = None;
    for key in differing {
        let moved = change(key);
        if best.is_none_or(|(most, _)| moved > most) {
            best = Some((moved, key));
        }
    }
    best.map(|(_, key)| Example {
        cohort: key.0.clone(),
        segment: key.1.clone(),
        age: key.3,
        before: numbers(before.get(key)),
        after: numbers(after.get(key)),
    })
}

/// The cell asked about, before and after.
fn example_at(query: &RetentionQuery, before: &RetentionMatrix, after: &RetentionMatrix, wanted: &CellOf) -> Example {
    let fits = |key: &&CellKey| {
        let cohort = match (&key.0, wanted.cohort) {
            (CohortStart::Day(day), TimePoint::Day(asked)) => *day == asked,
            (CohortStart::Hour(at, _), TimePoint::Instant(asked)) => *at == asked,
            _ => false,
        };
        let value = |name: &String| query.by.iter().position(|by| by == name).and_then(|place| key.1.get(place));
        cohort && key.3.contains(wanted.age) && wanted.segment.iter().all(|(name, asked)| value(name) == Some(asked))
    };
    let (before, after) = (cells(before), cells(after));
    let key = before.keys().chain(after.keys()).find(fits).cloned();
    let (cohort, segment, age) = match &key {
        Some(key) => (key.0.clone(), key.1.clone(), key.3),
        None => (start_of(wanted.cohort), Segment::new(), AgeRange::one(Age(wanted.age.0))),
    };
    let at = |cells: &Cells<'_>| key.as_ref().and_then(|key| numbers(cells.get(key)));
    Example { cohort, segment, age, before: at(&before), after: at(&after) }
}
