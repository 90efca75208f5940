//! How often customers are active within a period.

use serde::Serialize;
use tenure_history::History;
use tenure_model::{Granularity, Period};

use crate::error::Error;
use crate::lives::{BySegment, Counter, Tally, plan, tally};
use crate::plan::Plan;
use crate::scope::{FigurePeriod, Frame, Scope, ScopeDefinition};
use crate::segments::SegmentId;
use crate::walk::{Member, Numbering, Renumbering};

/// Customers by the number of shorter periods within a period in which they were active.
#[derive(Debug, Clone, PartialEq)]
pub struct Stickiness {
    /// The rules it follows.
    pub definition: StickinessDefinition,
    /// By segment, the whole first, by period, and by the number of active parts.
    pub rows: Vec<StickinessRow>,
}

/// The rules of a histogram.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the part of the question that it is named after")]
pub struct StickinessDefinition {
    /// The periods that are counted within the others.
    pub of: String,
    #[serde(flatten)]
    pub scope: ScopeDefinition,
}

/// The customers of a period who were active in so many of its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct StickinessRow {
    /// The period.
    pub period: FigurePeriod,
    /// Nothing for the whole, else the value of the segment at birth, which may be missing.
    pub segment: Option<Option<String>>,
    /// In how many parts of the period.
    pub active_parts: u64,
    /// Customers active in just so many.
    pub customers: u64,
    /// Customers active in at least so many.
    pub at_least: u64,
    /// All customers active in the period.
    pub active: u64,
}

/// Customers by the number of active parts, less 1.
#[derive(Debug, Default)]
struct Histogram(Vec<u64>);

impl Counter for Histogram {
    fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine += theirs);
    }
}

#[derive(Debug, Default)]
struct StickinessTally(BySegment<i32, Histogram>);

impl StickinessTally {
    fn count(&mut self, segment: SegmentId, period: i32, parts: usize) {
        let histogram = &mut self.0.at(segment, period).0;
        histogram.resize(histogram.len().max(parts), 0);
        histogram[parts - 1] += 1;
    }
}

impl Tally for StickinessTally {
    fn add(&mut self, plan: &Plan<'_>, _: &mut Numbering, life: &Member<'_>) {
        // Events are in order of time, so a period's parts follow each other.
        let mut seen: Option<(i32, i32, usize)> = None;
        for event in life.events {
            let (period, part) = (plan.units.cohort(event.unit), plan.units.age(event.unit));
            seen = match seen {
                Some((same, last, parts)) if same == period => Some((period, part, parts + usize::from(last != part))),
                before => {
                    if let Some((period, _, parts)) = before {
                        self.count(life.segment, period, parts);
                    }
                    Some((period, part, 1))
                }
            };
        }
        if let Some((period, _, parts)) = seen {
            self.count(life.segment, period, parts);
        }
    }

    fn segments(&self) -> Vec<SegmentId> {
        self.0.segments()
    }

    fn join(&mut self, other: Self, numbers: &Renumbering) {
        self.0.join(other.0, numbers);
    }
}

/// About how many days a period has.
fn days_of(period: Period) -> u32 {
    let count = match period {
        Period::One(_) => 1,
        Period::Block(count, _) => count.get(),
    };
    let days = match period.granularity() {
        Granularity::Hour => 0,
        Granularity::Day => 1,
        Granularity::Week => 7,
        Granularity::Month => 30,
        Granularity::Quarter => 91,
        Granularity::HalfYear => 182,
        Granularity::Year => 365,
    };
    count * days
}

/// Customers of each period by the number of its parts in which they were active.
///
/// A part that lies in two periods, such as a week at the end of a month, counts in each with the activity in it.
///
/// # Errors
///
/// As for [`crate::lifecycle`]; and where the parts are not shorter than the periods.
pub fn stickiness(history: &History, scope: &Scope, of: Period) -> Result<Stickiness, Error> {
    scope.check()?;
    if days_of(of) >= days_of(scope.period) {
        return Err(Error::query(format!(
            "--of {of}: expected a period shorter than --period {}, such as day within month",
            scope.period
        )));
    }
    let query = scope.of_activity(history, Some(of));
    let definition = |scope| StickinessDefinition { of: of.to_string(), scope };
    let Some(plan) = plan(history, &query)? else {
        let scope = scope.definition(&scope.zone(history), None, history.content());
        return Ok(Stickiness { definition: definition(scope), rows: Vec::new() });
    };
    let mut tallied = tally(history, &plan, scope.life_segments(history), StickinessTally::default)?;
    let counts = std::mem::take(&mut tallied.tally.0);
    let definition = definition(scope.definition(plan.units.zone(), plan.window.until, plan.content));
    let Some(first) = plan.window.from else { return Ok(Stickiness { definition, rows: Vec::new() }) };
    let frame = Frame::new(scope, history, first, plan.window)?;
    let counts = counts.in_order(&tallied);
    frame.check_size(counts.len())?;
    let mut rows = Vec::new();
    for (segment, by_period) in counts {
        for number in frame.numbers() {
            let histogram = by_period.get(&number).map(|histogram| histogram.0.as_slice()).unwrap_or_default();
            let active = histogram.iter().sum();
            let mut at_least = active;
            for (parts, &customers) in (1..).zip(histogram) {
                let (period, segment) = (frame.period(number), segment.value());
                rows.push(StickinessRow { period, segment, active_parts: parts, customers, at_least, active });
                at_least -= customers;
            }
        }
    }
    Ok(Stickiness { definition, rows })
}
