//! The lifecycle of customers by period: new, returning, resurrected, dormant.

use serde::Serialize;
use tenure_history::History;

use crate::error::Error;
use crate::lives::{BySegment, Counter, Tally, plan, tally};
use crate::plan::Plan;
use crate::scope::{FigurePeriod, Frame, Scope, ScopeDefinition};
use crate::segments::SegmentId;
use crate::walk::{Member, Numbering, Renumbering};

/// Who is new, who came back, who left, period by period.
#[derive(Debug, Clone, PartialEq)]
pub struct Lifecycle {
    /// The rules it follows.
    pub definition: ScopeDefinition,
    /// By segment, the whole first, and period.
    pub rows: Vec<LifecycleRow>,
}

/// The customers of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleRow {
    /// The period.
    pub period: FigurePeriod,
    /// Nothing for the whole, else the value of the segment at birth, which may be missing.
    pub segment: Option<Option<String>>,
    /// How they divide.
    pub counts: LifecycleCounts,
}

/// How the customers of a period divide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LifecycleCounts {
    /// In their first active period.
    pub new: u64,
    /// Active also in the period before.
    pub returning: u64,
    /// Active, not in the period before, but earlier.
    pub resurrected: u64,
    /// Active in the period before, and not in this one.
    pub dormant: u64,
}

impl LifecycleCounts {
    /// Active customers: new, returning and resurrected.
    pub fn active(&self) -> u64 {
        self.new + self.returning + self.resurrected
    }
}

impl Counter for LifecycleCounts {
    fn add(&mut self, other: &Self) {
        self.new += other.new;
        self.returning += other.returning;
        self.resurrected += other.resurrected;
        self.dormant += other.dormant;
    }
}

#[derive(Debug, Default)]
struct LifecycleTally(BySegment<i32, LifecycleCounts>);

impl Tally for LifecycleTally {
    fn add(&mut self, plan: &Plan<'_>, _: &mut Numbering, life: &Member<'_>) {
        let mut before: Option<i32> = None;
        for event in life.events {
            let period = plan.units.cohort(event.unit);
            if before == Some(period) {
                continue;
            }
            let here = self.0.at(life.segment, period);
            match before {
                None => here.new += 1,
                Some(before) if before + 1 == period => here.returning += 1,
                Some(_) => here.resurrected += 1,
            }
            if let Some(before) = before.filter(|before| before + 1 < period) {
                self.0.at(life.segment, before + 1).dormant += 1;
            }
            before = Some(period);
        }
        if let Some(before) = before {
            self.0.at(life.segment, before + 1).dormant += 1;
        }
    }

    fn segments(&self) -> Vec<SegmentId> {
        self.0.segments()
    }

    fn join(&mut self, other: Self, numbers: &Renumbering) {
        self.0.join(other.0, numbers);
    }
}

/// The lifecycle of a history's customers, by period.
///
/// Of a period that has not ended the counts are those so far; those who have not been active in it yet are among the dormant.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a scope that contradicts itself or asks for what the history does not have,
/// [`crate::ErrorKind::History`] where reading fails.
pub fn lifecycle(history: &History, scope: &Scope) -> Result<Lifecycle, Error> {
    scope.check()?;
    let query = scope.of_activity(history, None);
    let Some(plan) = plan(history, &query)? else {
        let definition = scope.definition(&scope.zone(history), None, history.content());
        return Ok(Lifecycle { definition, rows: Vec::new() });
    };
    let mut tallied = tally(history, &plan, scope.life_segments(history), LifecycleTally::default)?;
    let counts = std::mem::take(&mut tallied.tally.0);
    let definition = scope.definition(plan.units.zone(), plan.window.until, plan.content);
    let Some(first) = plan.window.from else { return Ok(Lifecycle { definition, rows: Vec::new() }) };
    let frame = Frame::new(scope, history, first, plan.window)?;
    let counts = counts.in_order(&tallied);
    frame.check_size(counts.len())?;
    let mut rows = Vec::new();
    for (segment, by_period) in counts {
        rows.extend(frame.numbers().map(|number| LifecycleRow {
            period: frame.period(number),
            segment: segment.value(),
            counts: by_period.get(&number).copied().unwrap_or_default(),
        }));
    }
    Ok(Lifecycle { definition, rows })
}
