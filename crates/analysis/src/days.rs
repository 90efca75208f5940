//! The walk of the plainest query, over days alone: every customer is a member, and only new periods count. It is held equal
//! to the walk of all queries by tests.

use tenure_history::{LifeCounts, Rows, Stretches};
use tenure_model::{Day, Instant};

use crate::counts::{Counts, WHOLE};
use crate::plan::Plan;

/// Beyond so many counters most would stay 0, and the walk of all queries is as good.
const MOST_COUNTERS: usize = 4 << 20;

/// What each day means, by its place after the first.
#[derive(Debug)]
pub(crate) struct DayTables {
    first: i32,
    marks: Vec<Mark>,
    /// Cohort, and a day of it, of each birth group: the births that share a cohort and an age period.
    births: Vec<(i32, i64)>,
    periods: usize,
}

/// What a day means to the walk.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// The birth group of a customer born on it.
    group: u32,
    /// The age period it lies in, counted from the first.
    period: u32,
    /// The first counter of the birth group: that of the first period.
    base: u32,
}

impl DayTables {
    /// The tables of a plain query; nothing where there would be too many counters.
    pub(crate) fn new(plan: &Plan<'_>) -> Option<Self> {
        let (first, days) = plan.units.tables();
        let mut marks: Vec<Mark> = Vec::with_capacity(days.len());
        let mut births: Vec<(i32, i64)> = Vec::new();
        let (mut last, mut first_period) = (None, 0);
        for (place, (cohort, age)) in days.enumerate() {
            if place == 0 {
                first_period = age;
            }
            if last != Some((cohort, age)) {
                births.push((cohort, first + place as i64));
                last = Some((cohort, age));
            }
            marks.push(Mark { group: births.len() as u32 - 1, period: (age - first_period) as u32, base: 0 });
        }
        let periods = marks.last().map_or(0, |last| last.period as usize + 1);
        if births.len().saturating_mul(periods) > MOST_COUNTERS {
            return None;
        }
        marks.iter_mut().for_each(|mark| mark.base = mark.group * periods as u32);
        Some(Self { first: i32::try_from(first).ok()?, marks, births, periods })
    }
}

impl DayTables {
    /// The birth groups as stretches of time, with the age periods that they lie in.
    pub(crate) fn stretches(&self, plan: &Plan<'_>, span: (Instant, Instant)) -> Option<Stretches> {
        let zone = plan.units.zone();
        let start = |&(_, day): &(i32, i64)| {
            let mark = self.marks.get(usize::try_from(day - i64::from(self.first)).ok()?)?;
            Some((zone.start_of_day(Day(i32::try_from(day).ok()?)), mark.period))
        };
        let starts = self.births.iter().map(start).collect::<Option<Vec<_>>>()?;
        Some(Stretches::new(starts, span.0, span.1))
    }
}

/// The walk over some buckets.
#[derive(Debug)]
pub(crate) struct DayWalk {
    members: Vec<u64>,
    /// Members active, by birth group and period.
    active: Vec<u64>,
    life: Life,
    notes: Notes,
}

/// What the rows of a batch say, before it is added up.
#[derive(Debug, Default)]
struct Notes {
    cells: Vec<u32>,
    births: Vec<u32>,
}

/// The customer the walk is at.
#[derive(Debug, Clone, Copy)]
struct Life {
    customer: i64,
    /// The first counter of its birth group.
    base: usize,
    last_period: u32,
}

impl DayWalk {
    pub(crate) fn new(tables: &DayTables) -> Self {
        Self {
            members: vec![0; tables.births.len()],
            active: vec![0; tables.births.len() * tables.periods],
            life: Life { customer: -1, base: 0, last_period: u32::MAX },
            notes: Notes::default(),
        }
    }

    /// What lives add up to that were counted by birth groups and age periods.
    pub(crate) fn of_lives(lives: LifeCounts) -> Self {
        let life = Life { customer: -1, base: 0, last_period: u32::MAX };
        Self { members: lives.born, active: lives.active, life, notes: Notes::default() }
    }

    /// Walks a batch.
    pub(crate) fn walk(&mut self, tables: &DayTables, rows: &Rows) {
        let (customers, days) = (rows.customers(), rows.days().unwrap_or_default());
        self.notes.cells.resize(customers.len(), 0);
        self.notes.births.resize(customers.len(), 0);
        let (periods, births) = note(&mut self.life, customers, days, tables.first, &tables.marks, &mut self.notes);
        self.notes.births[..births].iter().for_each(|&group| self.members[group as usize] += 1);
        self.notes.cells[..periods].iter().for_each(|&cell| self.active[cell as usize] += 1);
    }

    /// Adds the counts of other customers.
    pub(crate) fn join(&mut self, other: &DayWalk) {
        self.members.iter_mut().zip(&other.members).for_each(|(a, b)| *a += b);
        self.active.iter_mut().zip(&other.active).for_each(|(a, b)| *a += b);
    }

    /// The same as the walk of all queries counts.
    pub(crate) fn counts(&self, plan: &Plan<'_>, tables: &DayTables) -> Counts {
        let mut counts = Counts::default();
        for (group, &(cohort, day)) in tables.births.iter().enumerate() {
            let members = self.members[group];
            if members == 0 {
                continue;
            }
            let exposure = plan.clock.start(&plan.units, Instant(0), day).exposure;
            let first = tables.marks[(day - i64::from(tables.first)) as usize].period as usize;
            counts.members += members;
            counts.customers += members;
            let to = counts.group((cohort, WHOLE));
            to.add_members(exposure, members);
            for (age, &active) in self.active[group * tables.periods..][first..tables.periods].iter().enumerate() {
                let age = age as u32;
                if active > 0 {
                    to.retained.add(age, Some(age), active);
                    if age < exposure.lived {
                        to.retained_exposed.add(age, Some(age), active);
                    }
                }
            }
        }
        counts
    }
}

/// Notes the cells in which a customer is seen anew and the groups of births, and says how many of each there are.
///
/// Where a customer or a period ends can't be foretold, so the loop has no branches: it notes every row, and keeps a note
/// only if it counts.
// By itself the loop stays in registers; inlined it does not.
#[inline(never)]
fn note(life: &mut Life, customers: &[i64], days: &[i32], first: i32, marks: &[Mark], notes: &mut Notes) -> (usize, usize) {
    let (cells, groups) = (&mut notes.cells[..], &mut notes.births[..]);
    let (mut new_periods, mut births) = (0, 0);
    let Life { mut customer, mut base, mut last_period } = *life;
    for (&next, &day) in customers.iter().zip(days) {
        let mark = marks[(day - first) as usize];
        let born = next != customer;
        base = if born { mark.base as usize } else { base };
        groups[births] = mark.group;
        births += usize::from(born);
        cells[new_periods] = base as u32 + mark.period;
        new_periods += usize::from(born | (mark.period != last_period));
        (customer, last_period) = (next, mark.period);
    }
    *life = Life { customer, base, last_period };
    (new_periods, births)
}
