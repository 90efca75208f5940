//! Sides of a question held against each other: by segment, by cohort, treated against control, before against after.

mod arms;
mod rows;
mod spending;

use serde::Serialize;
use tenure_history::History;
use tenure_model::{AgeRange, Instant, TimePoint};

use crate::assembly::definition;
use crate::dialect::Rules;
use crate::difference::{Parts, Test};
use crate::error::Error;
use crate::interval::Interval;
use crate::matrix::Definition;
use crate::metrics::MetricValue;
use crate::query::{Birth, Measure, RetentionQuery, SegmentAsOf, Source};
use crate::retention::retentions_under;

use arms::Arms;
use rows::{Curve, adjust, left_out, means, shares};

/// A question for a comparison.
#[derive(Debug, Clone)]
pub struct ComparisonQuery {
    /// The retention that is compared; its `by` is the one column that a difference is split by.
    pub retention: RetentionQuery,
    /// What is held against what.
    pub sides: Sides,
}

/// What is held against what: the first side is the one that the others are held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Sides {
    /// The members who have these values of a column.
    Between {
        /// The column.
        column: String,
        /// Its values; none is a missing one.
        values: Vec<Option<String>>,
    },
    /// The cohorts whose periods start then.
    Cohorts(Vec<TimePoint>),
    /// The members whose birth row meets the one condition, and those whose birth row meets the other.
    Trial {
        /// The condition of the treated.
        treated: String,
        /// The condition of those they are held against.
        control: String,
    },
    /// Members born before a moment, and those born at or after it.
    BeforeAfter {
        /// What birth rows of both must be. None: any.
        treated: Option<String>,
        /// The moment.
        since: TimePoint,
    },
}

/// How a difference may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Reading {
    /// What two groups do differently, for whatever reason.
    #[serde(rename = "difference")]
    Difference,
    /// What a treatment does, as far as the control was chosen by chance.
    #[serde(rename = "lift")]
    Lift,
    /// What is different since a moment, for whatever reason.
    #[serde(rename = "before/after difference")]
    BeforeAfter,
}

impl Sides {
    /// How a difference between such sides may be read.
    pub fn reading(&self) -> Reading {
        match self {
            Sides::Between { .. } | Sides::Cohorts(_) => Reading::Difference,
            Sides::Trial { .. } => Reading::Lift,
            Sides::BeforeAfter { .. } => Reading::BeforeAfter,
        }
    }
}

/// Sides held against each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The rules it follows.
    pub definition: ComparisonDefinition,
    /// By metric, currency, side and age; the whole before its segments.
    pub rows: Vec<ComparisonRow>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The rules of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the part of the question that it is named after")]
pub struct ComparisonDefinition {
    #[serde(flatten)]
    pub retention: Definition,
    pub until: Option<String>,
    pub comparison: &'static str,
    pub column: Option<String>,
    pub treated: Option<String>,
    pub control: Option<String>,
    pub since: Option<String>,
    /// The sides and their members; the first is the one that the others are held against.
    pub sides: Vec<SideCount>,
    pub reading: Reading,
    pub difference: &'static str,
    pub relative_change: &'static str,
    pub interval: &'static str,
    pub test: &'static str,
    pub adjustment: &'static str,
    pub parts: Option<&'static str>,
}

/// A side and how many members it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each field is what it is named after")]
pub struct SideCount {
    pub side: String,
    pub members: u64,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComparedMetric {
    /// The share of exposed members who are retained.
    Retention,
    /// Events of an age for each exposed member.
    EventsPerMember,
    /// The value of an age for each exposed member.
    ValuePerMember,
    /// The value up to an age for each exposed member who is retained there: looking ahead.
    ValueSoFarOfRetained,
    /// The value up to an age for each exposed member who is not: looking ahead.
    ValueSoFarOfLost,
}

impl ComparedMetric {
    /// The name as results have it.
    pub const fn name(self) -> &'static str {
        match self {
            ComparedMetric::Retention => "retention",
            ComparedMetric::EventsPerMember => "events_per_member",
            ComparedMetric::ValuePerMember => "value_per_member",
            ComparedMetric::ValueSoFarOfRetained => "value_so_far_of_retained",
            ComparedMetric::ValueSoFarOfLost => "value_so_far_of_lost",
        }
    }
}

/// One side of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct SideFigures {
    /// What it is called.
    pub name: String,
    /// Members who have lived the age; of values so far those among them who are meant.
    pub exposed: u64,
    /// Exposed members who are retained; of retention alone.
    pub retained: Option<u64>,
    /// The share of the retained; nothing of nobody, and of other metrics.
    pub rate: Option<f64>,
    /// The mean; nothing of nobody, and of retention.
    pub mean: Option<MetricValue>,
    /// The bounds of the share.
    pub interval: Option<Interval>,
}

/// What is different: the second side less the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Difference {
    /// Of shares, in percentage points.
    Points(f64, Option<Interval>),
    /// Of means.
    Mean(MetricValue, Option<Interval>),
}

/// Two sides at an age.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonRow {
    /// What is compared.
    pub metric: ComparedMetric,
    /// Nothing for the whole, else the value of the segment, which may be missing.
    pub segment: Option<Option<String>>,
    /// The currency of values; none of amounts without one, and of other metrics.
    pub currency: Option<String>,
    /// The age or bracket.
    pub age: AgeRange,
    /// The side that the other is held against, and the other.
    pub sides: [SideFigures; 2],
    /// The second less the first; nothing where one of them is nobody.
    pub difference: Option<Difference>,
    /// The second over the first, less 1; nothing where the first is 0.
    pub relative_change: Option<f64>,
    /// Whether they differ; of wholes alone.
    pub test: Option<Test>,
    /// The p-value among all tests of the metric.
    pub p_adjusted: Option<f64>,
    /// What rate and mix add to the difference of shares, in percentage points: of the whole, or of the segment.
    pub parts: Option<Parts>,
}

/// Holds the sides of a question against each other.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a question that contradicts itself, sides that are nobody, or that have a customer in common;
/// [`crate::ErrorKind::History`] where reading fails.
pub fn compare(history: &History, query: &ComparisonQuery) -> Result<Comparison, Error> {
    let rules = Rules::of(&query.retention);
    check(query, &rules)?;
    let arms = Arms::new(history, query, &rules)?;
    let ruled = arms.questions.iter().map(|question| (&question.query, question.rules.clone())).collect();
    let matrices = retentions_under(history, ruled)?;
    let curves: Vec<Curve> = arms.arms.iter().map(|arm| Curve::new(arm, &matrices[arm.question])).collect();
    let mut notes = arms.check(query, &matrices, &curves)?;
    let mut rows = Vec::new();
    for curve in curves.iter().skip(1) {
        shares(&mut rows, query.retention.level, &curves[0], curve);
    }
    if query.retention.measure != Measure::Customers {
        let spent = spending::read(history, &arms, &matrices, query.retention.measure)?;
        notes.extend(spent.notes(query.retention.measure));
        for (place, curve) in curves.iter().enumerate().skip(1) {
            means(&mut rows, query, &spent, (0, &curves[0]), (place, curve));
        }
    }
    adjust(&mut rows);
    notes.extend(left_out(&curves));
    notes.extend(spoken(query, curves.len()));
    let until = matrices.first().and_then(|matrix| matrix.window.until);
    // Sides and ages are in order already.
    rows.sort_by_key(|row| (row.metric, row.currency.clone()));
    Ok(Comparison { definition: rules_of(history, query, &rules, &curves, until), rows, notes })
}

/// Refuses what makes no sense of sides.
fn check(query: &ComparisonQuery, rules: &Rules) -> Result<(), Error> {
    let retention = &query.retention;
    let stray = [
        (retention.top.is_some(), "--top", "sides are named one by one"),
        (retention.min_size.is_some(), "--min-size", "sides are whole, whatever the size of their cohorts"),
        (retention.summary.is_some(), "--summary", "sides are pooled: retained among the exposed over exposed"),
        (retention.rates.is_some(), "--rates", "values are compared in each currency by itself"),
    ];
    if let Some((_, flag, why)) = stray.iter().find(|(given, ..)| *given) {
        return Err(Error::query(format!("{flag} does not go with compare: {why}; leave it out")));
    }
    if rules.birth == Birth::Recurring {
        return Err(Error::query(
            "--birth recurring does not go with compare: a customer with several memberships would be counted as several, and the test takes members to be independent; use --birth first",
        ));
    }
    if matches!(rules.segment_as_of, SegmentAsOf::Activity | SegmentAsOf::BirthAndReturn) {
        return Err(Error::query(format!(
            "segments as of {} do not part the members: a customer may be in several; use --segment-as-of birth or latest",
            rules.segment_as_of
        )));
    }
    if retention.by.len() > 1 {
        return Err(Error::query("--by: compare splits a difference by one column"));
    }
    let subscribers = retention.source == Source::Subscriptions;
    if subscribers && retention.measure != Measure::Customers {
        return Err(Error::query(
            "--measure of subscribers: compare holds the share of them against each other; tenure revenue has their MRR",
        ));
    }
    let of_birth_row = match &query.sides {
        Sides::Trial { .. } => Some("--treated and --control are"),
        Sides::BeforeAfter { treated: Some(_), .. } => Some("--treated is"),
        _ => None,
    };
    if let Some(flag) = of_birth_row {
        if subscribers {
            return Err(Error::query(format!("{flag} about a birth row of activity, and subscribers have none; use --between")));
        }
        if let Birth::Declared(_) = rules.birth {
            return Err(Error::query(format!(
                "{flag} about the birth row, and a declared birth has none; use --between with a column of the customers table"
            )));
        }
    }
    Ok(())
}

/// What the numbers may be taken for.
fn spoken(query: &ComparisonQuery, sides: usize) -> Vec<String> {
    let mut notes = Vec::new();
    match query.sides {
        Sides::Trial { .. } => notes.push(
            "lift is what treatment does only as far as chance decided who was treated; which side a customer is on is said by the birth row"
                .to_owned(),
        ),
        Sides::BeforeAfter { .. } => notes.push(
            "a before/after difference has no control: whatever else changed at that time is in it".to_owned(),
        ),
        Sides::Between { .. } | Sides::Cohorts(_) => {}
    }
    if sides > 2 {
        notes.push("each side is held against the first".to_owned());
    }
    if query.retention.measure == Measure::Value {
        notes.push(
            "value so far of retained and of lost members is looking ahead: who is lost is known only at the age itself"
                .to_owned(),
        );
    }
    notes
}

fn rules_of(
    history: &History,
    query: &ComparisonQuery,
    rules: &Rules,
    curves: &[Curve],
    until: Option<Instant>,
) -> ComparisonDefinition {
    let retention = &query.retention;
    let zone = retention.zone.as_ref().unwrap_or_else(|| history.home_zone());
    let (mut column, mut treated, mut control, mut since) = (None, None, None, None);
    let comparison = match &query.sides {
        Sides::Between { column: name, .. } => {
            column = Some(name.clone());
            "between values of a column"
        }
        Sides::Cohorts(_) => "between cohorts",
        Sides::Trial { treated: one, control: other } => {
            (treated, control) = (Some(one.clone()), Some(other.clone()));
            "treated against control"
        }
        Sides::BeforeAfter { treated: condition, since: moment } => {
            (treated, since) = (condition.clone(), Some(moment.resolve(zone).to_string()));
            "born before and since"
        }
    };
    ComparisonDefinition {
        retention: definition(retention, rules, history.home_zone(), history.content()),
        until: until.map(|until| until.to_string()),
        comparison,
        column,
        treated,
        control,
        since,
        sides: curves.iter().map(|curve| SideCount { side: curve.name.clone(), members: curve.members }).collect(),
        reading: query.sides.reading(),
        difference: "compared − baseline, of shares in percentage points",
        relative_change: "compared / baseline − 1",
        interval: "shares: Wilson; differences of shares: Newcombe's hybrid score (1998, method 10); differences of means: Welch",
        test: "two-proportion z, and Fisher's exact where an expected count is below 5; means: Welch's t; none where all or none of both sides are retained",
        adjustment: "Holm, over all tests of the metric in the table",
        parts: (!retention.by.is_empty()).then_some(
            "w: share of a side's exposed members in the segment; r: its rate; rate = (r_b − r_a)(w_a + w_b) / 2, mix = (w_b − w_a)(r_a + r_b) / 2; a segment that one side lacks is mix alone",
        ),
    }
}
