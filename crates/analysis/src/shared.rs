//! What the walks of several queries need of a batch, each worked out once.

use arrow::buffer::BooleanBuffer;
use tenure_history::Rows;
use tenure_model::Zone;

use crate::bits::Bits;
use crate::changes::Changes;
use crate::columns::Columns;
use crate::error::Error;
use crate::plan::Plan;
use crate::predicate::{BucketCustomers, Memory, Predicate};

/// What is shared.
#[derive(Debug, Default)]
pub(crate) struct Shared<'a> {
    predicates: Vec<(&'a Predicate, &'a Columns, &'a Zone)>,
    /// Zones whose days are worked out from instants.
    zones: Vec<&'a Zone>,
    changes: Vec<Periods<'a>>,
    ties: bool,
}

/// The age periods whose beginnings are noted.
#[derive(Debug, PartialEq)]
struct Periods<'a> {
    days: Days,
    first: i32,
    by_day: &'a [u32],
}

/// Where a row's day comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Days {
    /// The history's own column.
    Home,
    /// Instants, in the zone of this number.
    Zone(usize),
}

/// What one plan takes of it, by number.
#[derive(Debug)]
pub(crate) struct Wants {
    pub(crate) filter: Option<usize>,
    pub(crate) born: Option<usize>,
    pub(crate) returned: Option<usize>,
    pub(crate) days: Days,
    /// Where customers and age periods begin, if all rows count.
    pub(crate) changes: Option<usize>,
}

impl<'a> Shared<'a> {
    /// Takes a plan in. Where all rows count, `periods` are the first day, and the age period of each day from it on.
    pub(crate) fn add(&mut self, plan: &'a Plan<'a>, periods: Option<(i32, &'a [u32])>) -> Wants {
        let days = if plan.units.by_home_day { Days::Home } else { Days::Zone(place(&mut self.zones, plan.units.zone())) };
        let changes = periods.map(|(first, by_day)| place(&mut self.changes, Periods { days, first, by_day }));
        self.ties |= plan.born.is_some();
        let [filter, born, returned, ..] =
            plan.predicates().map(|predicate| predicate.map(|wanted| self.predicate(wanted, plan)));
        Wants { filter, born, returned, days, changes }
    }

    fn predicate(&mut self, wanted: &'a Predicate, plan: &'a Plan<'a>) -> usize {
        let zone = plan.units.zone();
        let known = self.predicates.iter().position(|(predicate, _, of)| predicate.is_same_as(wanted) && *of == zone);
        known.unwrap_or_else(|| {
            self.predicates.push((wanted, &plan.columns, zone));
            self.predicates.len() - 1
        })
    }
}

/// The place of something among others, behind them where it is new.
fn place<T: PartialEq>(all: &mut Vec<T>, wanted: T) -> usize {
    all.iter().position(|one| *one == wanted).unwrap_or_else(|| {
        all.push(wanted);
        all.len() - 1
    })
}

/// A batch with what is shared of it, for one thread.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    memories: Vec<Memory>,
    /// Where the rows of each customer begin, and behind them where all end.
    pub(crate) starts: Vec<u32>,
    days: Vec<Vec<i32>>,
    changes: Vec<Changes>,
    /// For which rows each condition holds.
    masks: Vec<Bits>,
    pub(crate) tied: Option<BooleanBuffer>,
}

impl Batch {
    /// Takes the customers of a bucket in, whose rows come next.
    pub(crate) fn enter_bucket(&mut self, shared: &Shared<'_>, customers: &BucketCustomers) -> Result<(), Error> {
        self.memories.resize_with(shared.predicates.len(), Memory::default);
        for ((predicate, columns, _), memory) in shared.predicates.iter().zip(&mut self.memories) {
            predicate.enter_bucket(memory, columns, customers)?;
        }
        Ok(())
    }

    /// Takes rows in.
    pub(crate) fn fill(&mut self, shared: &Shared<'_>, rows: &Rows) -> Result<(), Error> {
        self.memories.resize_with(shared.predicates.len(), Memory::default);
        rows.runs().ends(&mut self.starts);
        self.masks.resize_with(shared.predicates.len(), Bits::default);
        for (((predicate, columns, _), memory), mask) in shared.predicates.iter().zip(&mut self.memories).zip(&mut self.masks) {
            predicate.holds(memory, columns, rows, mask)?;
        }
        self.tied = if shared.ties { rows.tied() } else { None };
        self.days.resize_with(shared.zones.len(), Vec::new);
        for (zone, days) in shared.zones.iter().zip(&mut self.days) {
            days.clear();
            zone.cursor().days_of(rows.times().unwrap_or_default(), days);
        }
        self.changes.resize_with(shared.changes.len(), Changes::default);
        for (Periods { days, first, by_day }, changes) in shared.changes.iter().zip(&mut self.changes) {
            let days = match days {
                Days::Home => rows.days().unwrap_or_default(),
                Days::Zone(zone) => &self.days[*zone],
            };
            changes.fill(days, *first, by_day, rows.runs().starts());
        }
        Ok(())
    }

    /// The local day of each row.
    pub(crate) fn days<'a>(&'a self, days: Days, rows: &'a Rows) -> &'a [i32] {
        match days {
            Days::Home => rows.days().unwrap_or_default(),
            Days::Zone(zone) => &self.days[zone],
        }
    }

    /// Where customers and age periods begin.
    pub(crate) fn changes(&self, changes: usize) -> &Changes {
        &self.changes[changes]
    }

    /// For which rows a condition holds.
    pub(crate) fn mask(&self, predicate: usize) -> &Bits {
        &self.masks[predicate]
    }
}
