//! What a plan tells the dense walk of each day, and whether it is one for that walk at all.

use tenure_history::Stretches;
use tenure_model::{Alignment, Criterion, Day, Instant};

use crate::changes::TABLE;
use crate::clock::{Clock, Exposure};
use crate::dialect::{AgeZero, FirstEverRow, FirstReturns, RollingInstants};
use crate::grid::{Births, Reach, Shape};
use crate::plan::Plan;
use crate::query::{Birth, Measure, SegmentAsOf};

/// Beyond so many counters of one segment most would stay 0, and the walk of all queries is as good.
const MOST_STEPS: usize = 4 << 20;

/// What each day means to the dense walk.
#[derive(Debug)]
pub(crate) struct DenseTables {
    /// The first day that is tabulated.
    first: i32,
    /// The age period of each day, counted from that of the first; empty where ages are counted from the birth.
    steps: Vec<u32>,
    /// The group of births of each day.
    groups: Vec<u32>,
    pub(crate) shape: Shape,
}

impl DenseTables {
    /// Where all rows of a plan count, and what begins with them is counted: the first day, and the age period of each day.
    pub(crate) fn periods(&self, plan: &Plan<'_>) -> Option<(i32, &[u32])> {
        let all = plan.filter.is_none() && plan.born.is_none() && plan.returned.is_none() && plan.bounds.are_none();
        let shape = &self.shape;
        let counts = shape.has_active() || shape.has_rows() || shape.reach.asks_for_each();
        (all && counts && !shape.rolling).then_some((self.first, &self.steps))
    }

    /// The groups of births as stretches of time, with the age periods that they lie in; nothing where more has to be known
    /// of a customer than when it was active.
    pub(crate) fn stretches(&self, plan: &Plan<'_>, span: (Instant, Instant)) -> Option<Stretches> {
        let all = self.periods(plan).is_some() && plan.units.by_home_day && !plan.segments.any();
        let plainest = all && self.shape.reach == Reach::Each && self.shape.measure == Measure::Customers;
        plainest.then_some(())?;
        let mut starts: Vec<(Instant, u32)> = Vec::with_capacity(self.shape.groups.len());
        for (place, &group) in self.groups.iter().enumerate() {
            if group as usize == starts.len() {
                let day = Day(self.first + place as i32);
                starts.push((plan.units.zone().start_of_day(day), self.steps[place]));
            }
        }
        Some(Stretches::new(starts, span.0, span.1))
    }

    /// The group of births of a day.
    #[inline]
    pub(crate) fn group(&self, day: i32) -> usize {
        self.groups[self.place(day)] as usize
    }

    #[inline]
    fn place(&self, day: i32) -> usize {
        (day - self.first) as usize
    }

    /// The age period of a day, counted from that of the first.
    #[inline]
    pub(crate) fn step(&self, day: i32) -> u32 {
        self.steps[self.place(day)]
    }

    /// The tables of a plan; nothing where it has to be walked otherwise.
    pub(crate) fn new(plan: &Plan<'_>) -> Option<Self> {
        is_dense(plan).then_some(())?;
        let reach = Reach::of(&plan.rules.criterion, plan.query.min_returns);
        let rolling = plan.rules.alignment == Alignment::Rolling;
        let (first, units) = plan.units.tables();
        let mut groups = Vec::with_capacity(units.len());
        let mut steps = Vec::with_capacity(units.len());
        let mut births: Vec<Births> = Vec::new();
        let (mut last, mut first_period) = (None, None);
        for (place, (cohort, period)) in units.enumerate() {
            let step = (period - *first_period.get_or_insert(period)) as u32;
            let key = (cohort, if rolling { 0 } else { period });
            if last.replace(key) != Some(key) {
                let (first, exposure) = if rolling {
                    (0, Exposure { lived: 0, begun: 0 })
                } else {
                    (step as usize, plan.clock.start(&plan.units, Instant(0), first + place as i64).exposure)
                };
                births.push(Births { cohort, first, exposure });
            }
            groups.push(births.len() as u32 - 1);
            if !rolling {
                steps.push(step);
            }
        }
        let most_steps = if rolling {
            // Nobody is born before the first day begins.
            let earliest = plan.units.zone().start_of_day(plan.units.day(first));
            plan.clock.start(&plan.units, earliest, first).exposure.begun as usize + 2
        } else {
            *steps.last()? as usize + 1
        };
        let brackets = if let Criterion::Brackets(brackets) = &plan.rules.criterion { brackets.ranges().len() } else { 0 };
        let shape = Shape { groups: births, steps: most_steps, brackets, rolling, reach, measure: plan.query.measure };
        // A table of this length is looked up with less.
        steps.resize(if rolling { 0 } else { steps.len().max(TABLE) }, 0);
        let fits = shape.groups.len().saturating_mul(most_steps) <= MOST_STEPS;
        fits.then_some(())?;
        Some(Self { first: i32::try_from(first).ok()?, steps, groups, shape })
    }
}

/// Whether the rules of a plan are those of the dense walk.
fn is_dense(plan: &Plan<'_>) -> bool {
    let rules = &plan.rules;
    let by_day = matches!(&plan.clock, Clock::Calendar(_) | Clock::Rolling { instants: RollingInstants::Exact, .. });
    let of_birth = match rules.birth {
        Birth::First => true,
        Birth::FirstEver => rules.first_ever == FirstEverRow::OfAnyKind,
        Birth::Recurring | Birth::Declared(_) => false,
    };
    of_birth
        && rules.birth_row.is_none()
        && by_day
        && plan.units.are_days()
        && rules.first_returns == FirstReturns::FromBirth
        && rules.age_zero == AgeZero::Criterion
        && (!plan.segments.any() || matches!(rules.segment_as_of, SegmentAsOf::Birth | SegmentAsOf::Latest))
        && plan.query.rates.is_none()
        // What was active within a bracket is counted by brackets.
        && !(plan.query.measure == Measure::Value && matches!(rules.criterion, Criterion::Brackets(_)))
}
