//! Counters of cohorts by age as plain tables, for walks that touch them often.

use std::ops::AddAssign;

use tenure_model::Criterion;

use crate::changes::Changes;
use crate::clock::Exposure;
use crate::counts::{Counts, Group, WHOLE};
use crate::query::Measure;
use crate::segments::SegmentId;
use crate::walk::Renumbering;

/// How the ages at which a member was active become those at which it is retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// At each.
    Each,
    /// From 0 to the last.
    ToLast,
    /// From the first on.
    FromFirst,
    /// From 0 on as long as none is left out.
    Unbroken,
    /// Any other: ranges of ages, or brackets, are worked out for each member.
    Ranges,
    /// Such ranges that never end once they have begun.
    RangesOnward,
}

impl Reach {
    /// The reach of a criterion that asks for so many returns.
    pub(crate) fn of(criterion: &Criterion, min_returns: u32) -> Self {
        match criterion {
            Criterion::OnOrBefore if min_returns != 1 => Reach::RangesOnward,
            _ if min_returns != 1 => Reach::Ranges,
            Criterion::On => Reach::Each,
            Criterion::OnOrAfter => Reach::ToLast,
            Criterion::OnOrBefore => Reach::FromFirst,
            Criterion::Streak => Reach::Unbroken,
            Criterion::Brackets(_) => Reach::Ranges,
        }
    }

    /// Whether all steps of a member have to be known to tell it.
    pub(crate) fn asks_for_each(self) -> bool {
        self == Reach::Unbroken || self.has_ranges()
    }

    /// Whether ranges of ages are worked out for each member.
    pub(crate) fn has_ranges(self) -> bool {
        matches!(self, Reach::Ranges | Reach::RangesOnward)
    }
}

/// What a grid has, and how large it is.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The groups of births: those of a cohort whose ages begin with the same step.
    pub(crate) groups: Vec<Births>,
    /// Steps of a group: age periods since the first of all, or ages.
    pub(crate) steps: usize,
    /// Brackets, where ages are put together.
    pub(crate) brackets: usize,
    /// Whether members of one group have lived differently long: then it is counted.
    pub(crate) rolling: bool,
    pub(crate) reach: Reach,
    pub(crate) measure: Measure,
}

/// Births that are counted together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Births {
    pub(crate) cohort: i32,
    /// The step of age 0.
    pub(crate) first: usize,
    /// How much members have lived, where all have lived as much.
    pub(crate) exposure: Exposure,
}

impl Shape {
    /// Whether the steps at which members were active are counted themselves.
    pub(crate) fn has_active(&self) -> bool {
        self.reach == Reach::Each || self.measure == Measure::Value
    }

    /// Whether activity is counted, and not only who was active.
    pub(crate) fn has_rows(&self) -> bool {
        self.measure != Measure::Customers
    }

    /// Whether it is noted where a member begins and ceases to be retained.
    fn has_ranges(&self) -> bool {
        self.reach.has_ranges()
    }

    /// Where a group's members begin and cease to be retained: an age or bracket more than there are.
    fn ranges(&self, groups: usize) -> usize {
        groups * (self.steps.max(self.brackets) + 1)
    }

    /// Counters of a block.
    pub(crate) fn cells(&self) -> usize {
        self.groups.len() * self.steps
    }
}

/// Counters for some segments, a block each. A cell is a place in a block: its group's first, and a step.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    /// By group.
    members: Vec<u64>,
    /// The most ages that have begun for a member, by group; where members differ.
    begun: Vec<u32>,
    /// Members by the number of ages lived; where members differ.
    lived: Vec<u64>,
    /// Members by a step at which they were active.
    pub(crate) active: Vec<u64>,
    /// The same, where the step is not lived in full by the member.
    pub(crate) unlived: Vec<u64>,
    /// Members by the step that says how far they are retained.
    pub(crate) reached: Vec<u64>,
    /// The same within the ages lived; where members differ.
    pub(crate) reached_lived: Vec<i64>,
    /// Where ages or brackets begin at which members are retained, less where they end, from a group's age 0 on; and the same
    /// within the ages lived.
    ranges: Vec<i64>,
    ranges_lived: Vec<i64>,
    /// Activity, and that of it which has an amount or a currency.
    pub(crate) rows: Vec<u64>,
    pub(crate) priced: Vec<u64>,
    money: Vec<(u32, Amounts)>,
}

/// The amounts of a currency.
#[derive(Debug, Default)]
struct Amounts {
    events: Vec<u64>,
    total: Vec<i128>,
    missing: Vec<u64>,
}

impl Grid {
    /// Adds the counters of another segment.
    pub(crate) fn add_block(&mut self, shape: &Shape) {
        let blocks = self.members.len() / shape.groups.len().max(1) + 1;
        let (groups, cells) = (blocks * shape.groups.len(), blocks * shape.cells());
        let wide = |counters: &mut Vec<u64>, wanted: bool| counters.resize(if wanted { cells } else { 0 }, 0);
        self.members.resize(groups, 0);
        if shape.rolling {
            self.begun.resize(groups, 0);
            self.lived.resize(groups * (shape.steps + 1), 0);
        }
        wide(&mut self.active, shape.has_active());
        wide(&mut self.unlived, shape.rolling && shape.reach == Reach::Each);
        let reaches = shape.reach != Reach::Each && !shape.has_ranges();
        wide(&mut self.reached, reaches);
        // What holds up to the last age lived ends behind it.
        self.reached_lived.resize(if shape.rolling && reaches { cells } else { 0 }, 0);
        if shape.has_ranges() {
            self.ranges.resize(shape.ranges(groups), 0);
            self.ranges_lived.resize(shape.ranges(groups), 0);
        }
        wide(&mut self.rows, shape.has_rows());
        wide(&mut self.priced, shape.measure == Measure::Value);
        self.money.iter_mut().for_each(|(_, amounts)| amounts.resize(cells));
    }

    /// Whether it has no block.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The members of each group and those active at each step, counted elsewhere.
    pub(crate) fn set(&mut self, members: Vec<u64>, active: Vec<u64>) {
        (self.members, self.active) = (members, active);
    }

    /// Counts a member of a group, who has lived as much as all others.
    #[inline]
    pub(crate) fn add_member(&mut self, group: usize) {
        self.members[group] += 1;
    }

    /// Counts a member of a group, who has lived so much.
    pub(crate) fn add_life(&mut self, shape: &Shape, group: usize, exposure: Exposure) {
        self.members[group] += 1;
        self.begun[group] = self.begun[group].max(exposure.begun);
        self.lived[group * (shape.steps + 1) + exposure.lived as usize] += 1;
    }

    /// Notes where a member of a group is retained, in all and within the ages it has lived.
    pub(crate) fn add_range(&mut self, shape: &Shape, group: usize, range: (u32, Option<u32>), lived: Option<(u32, u32)>) {
        let first = shape.ranges(group);
        let last = shape.ranges(1) - 1;
        let mut add = |from: u32, to: Option<u32>, all: bool| {
            let ranges = if all { &mut self.ranges } else { &mut self.ranges_lived };
            // What goes on for ever ends nowhere.
            ranges[first + (from as usize).min(last)] += 1;
            if let Some(to) = to {
                ranges[first + (to as usize + 1).min(last)] -= 1;
            }
        };
        add(range.0, range.1, true);
        if let Some((from, to)) = lived {
            add(from, Some(to), false);
        }
    }

    /// Adds the amount of an activity, or one that is missing where there is a currency.
    #[inline]
    pub(crate) fn add_amount(&mut self, cell: usize, currency: u32, units: Option<i64>) {
        self.priced[cell] += 1;
        let amounts = self.amounts(currency);
        amounts.events[cell] += 1;
        match units {
            Some(units) => amounts.total[cell] += i128::from(units),
            None => amounts.missing[cell] += 1,
        }
    }

    /// Gives currencies the numbers of another walk.
    pub(crate) fn renumber(&mut self, numbers: &Renumbering) {
        self.money.iter_mut().for_each(|(number, _)| *number = numbers.currency(*number));
    }

    /// Adds a block of another grid of the same shape to one of its own.
    pub(crate) fn add(&mut self, shape: &Shape, block: usize, other: &Grid, from: usize) {
        let groups = shape.groups.len();
        let (members, lived, ranges, cells) = (groups, groups * (shape.steps + 1), shape.ranges(groups), shape.cells());
        for (begun, theirs) in part(&mut self.begun, block, groups).iter_mut().zip(part_of(&other.begun, from, groups)) {
            *begun = (*begun).max(*theirs);
        }
        for (mine, theirs, length) in [
            (&mut self.members, &other.members, members),
            (&mut self.lived, &other.lived, lived),
            (&mut self.active, &other.active, cells),
            (&mut self.unlived, &other.unlived, cells),
            (&mut self.reached, &other.reached, cells),
            (&mut self.rows, &other.rows, cells),
            (&mut self.priced, &other.priced, cells),
        ] {
            add_up(part(mine, block, length), part_of(theirs, from, length));
        }
        add_up(part(&mut self.reached_lived, block, cells), part_of(&other.reached_lived, from, cells));
        add_up(part(&mut self.ranges, block, ranges), part_of(&other.ranges, from, ranges));
        add_up(part(&mut self.ranges_lived, block, ranges), part_of(&other.ranges_lived, from, ranges));
        for (currency, theirs) in &other.money {
            let mine = self.amounts(*currency);
            add_up(part(&mut mine.events, block, cells), part_of(&theirs.events, from, cells));
            add_up(part(&mut mine.total, block, cells), part_of(&theirs.total, from, cells));
            add_up(part(&mut mine.missing, block, cells), part_of(&theirs.missing, from, cells));
        }
    }

    /// The amounts of a currency.
    #[inline]
    fn amounts(&mut self, currency: u32) -> &mut Amounts {
        let at = match self.money.iter().position(|(number, _)| *number == currency) {
            Some(at) => at,
            None => {
                let mut amounts = Amounts::default();
                amounts.resize(self.rows.len());
                self.money.push((currency, amounts));
                self.money.len() - 1
            }
        };
        &mut self.money[at].1
    }

    /// Adds the counters of a block to those of its segment.
    pub(crate) fn pour(&self, shape: &Shape, block: usize, segment: SegmentId, counts: &mut Counts) {
        for place in 0..shape.groups.len() {
            self.pour_one(shape, block * shape.groups.len() + place, segment, counts);
        }
    }

    /// Adds the counters of one group of a block to those of its segment.
    pub(crate) fn pour_one(&self, shape: &Shape, group: usize, segment: SegmentId, counts: &mut Counts) {
        let (members, births) = (self.members[group], &shape.groups[group % shape.groups.len()]);
        if members > 0 {
            counts.count_members(segment, members);
            if !counts.too_many {
                self.pour_group(shape, group, births, counts.group((births.cohort, segment)));
            }
        }
    }

    fn pour_group(&self, shape: &Shape, group: usize, births: &Births, to: &mut Group) {
        let cells = group * shape.steps..(group + 1) * shape.steps;
        let ages = |counters: &[u64]| -> Vec<(u32, u64)> {
            let mine = counters.get(cells.clone()).unwrap_or_default().iter().enumerate().skip(births.first);
            mine.filter(|(_, count)| **count > 0).map(|(step, count)| ((step - births.first) as u32, *count)).collect()
        };
        if shape.rolling {
            let lives = &self.lived[group * (shape.steps + 1)..][..shape.steps + 1];
            for (lived, &members) in lives.iter().enumerate().filter(|(_, members)| **members > 0) {
                to.add_members(Exposure { lived: lived as u32, begun: self.begun[group] }, members);
            }
        } else {
            to.add_members(births.exposure, self.members[group]);
        }
        let lived = births.exposure.lived;
        match shape.reach {
            Reach::Each => {
                for (age, members) in ages(&self.active) {
                    to.retained.add(age, Some(age), members);
                    let unlived = match self.unlived.get(cells.start + births.first + age as usize) {
                        Some(unlived) => *unlived,
                        None => {
                            if age < lived {
                                0
                            } else {
                                members
                            }
                        }
                    };
                    to.retained_exposed.add(age, Some(age), members - unlived);
                }
            }
            Reach::Ranges | Reach::RangesOnward => {
                let ranges = shape.ranges(group)..shape.ranges(group + 1);
                let last = shape.ranges(1) - 1;
                for (age, (all, within)) in self.ranges[ranges.clone()].iter().zip(&self.ranges_lived[ranges]).enumerate() {
                    to.retained.step(age as u32, *all);
                    // What goes on ends with what is lived, which may be more ages than there are steps of activity.
                    let beyond = age == last && shape.reach == Reach::RangesOnward && !shape.rolling;
                    let end = if beyond { lived.max(age as u32) } else { age as u32 };
                    to.retained_exposed.step(end, *within);
                }
            }
            Reach::ToLast | Reach::Unbroken => {
                for (last, members) in ages(&self.reached) {
                    to.retained.add(0, Some(last), members);
                    if !shape.rolling && lived > 0 {
                        to.retained_exposed.add(0, Some(last.min(lived - 1)), members);
                    }
                }
            }
            Reach::FromFirst => {
                for (first, members) in ages(&self.reached) {
                    to.retained.add(first, None, members);
                    if !shape.rolling && first < lived {
                        to.retained_exposed.add(first, Some(lived - 1), members);
                    }
                }
            }
        }
        let within = self.reached_lived.get(cells.clone()).unwrap_or_default().iter().enumerate();
        for (age, &members) in within.filter(|(_, members)| **members != 0) {
            match shape.reach {
                Reach::FromFirst => to.retained_exposed.step(age as u32, members),
                _ => to.retained_exposed.add(0, Some(age as u32), members as u64),
            }
        }
        if shape.measure == Measure::Value {
            ages(&self.active).into_iter().for_each(|(age, members)| to.active.add(age, members));
            for (age, rows) in ages(&self.rows) {
                to.unpriced.add(age, rows - self.priced[cells.start + births.first + age as usize]);
            }
            for (currency, amounts) in &self.money {
                let events = ages(&amounts.events);
                if events.is_empty() {
                    continue;
                }
                let money = to.money(*currency);
                for (age, events) in events {
                    let cell = cells.start + births.first + age as usize;
                    money.events.add(age, events);
                    money.total.add(age, amounts.total[cell]);
                    money.missing.add(age, amounts.missing[cell]);
                }
            }
        } else {
            ages(&self.rows).into_iter().for_each(|(age, rows)| to.events.add(age, rows));
        }
    }

    /// Counts what begins with each note of a batch whose rows all count: the customers' first cells are `bases`.
    pub(crate) fn add_changes(&mut self, shape: &Shape, changes: &Changes, bases: &[u32]) {
        let (active, rows) = (&mut self.active[..], &mut self.rows[..]);
        match (shape.has_active(), shape.has_rows()) {
            (true, false) => changes.cells(bases, |_, cell| active[cell] += 1),
            (true, true) => changes.cells(bases, |place, cell| {
                active[cell] += 1;
                rows[cell] += changes.rows(place);
            }),
            (false, true) => changes.cells(bases, |place, cell| rows[cell] += changes.rows(place)),
            (false, false) => {}
        }
    }

    /// Begins one group anew.
    pub(crate) fn clear_one(&mut self, shape: &Shape, group: usize) {
        let Self { members, begun, lived, active, unlived, reached, reached_lived, ranges, ranges_lived, rows, priced, money } =
            self;
        let (steps, lives, ranged) = (shape.steps, shape.steps + 1, shape.ranges(1));
        part(begun, group, 1).fill(0);
        part(reached_lived, group, steps).fill(0);
        [ranges, ranges_lived].into_iter().for_each(|counters| part(counters, group, ranged).fill(0));
        [(members, 1), (lived, lives), (active, steps), (unlived, steps), (reached, steps), (rows, steps), (priced, steps)]
            .into_iter()
            .for_each(|(counters, length)| part(counters, group, length).fill(0));
        for (_, amounts) in money {
            part(&mut amounts.events, group, steps).fill(0);
            part(&mut amounts.total, group, steps).fill(0);
            part(&mut amounts.missing, group, steps).fill(0);
        }
    }
}

/// The counters of a block of so many each; nothing where there are none.
fn part<T>(counters: &mut [T], block: usize, length: usize) -> &mut [T] {
    counters.get_mut(block * length..(block + 1) * length).unwrap_or_default()
}

/// The same to be read.
fn part_of<T>(counters: &[T], block: usize, length: usize) -> &[T] {
    counters.get(block * length..(block + 1) * length).unwrap_or_default()
}

fn add_up<T: Copy + AddAssign>(counters: &mut [T], others: &[T]) {
    debug_assert_eq!(counters.len(), others.len());
    counters.iter_mut().zip(others).for_each(|(mine, theirs)| *mine += *theirs);
}

impl Amounts {
    fn resize(&mut self, cells: usize) {
        self.events.resize(cells, 0);
        self.total.resize(cells, 0);
        self.missing.resize(cells, 0);
    }
}

/// The blocks of a grid by segment.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    by_segment: Vec<Option<u32>>,
    whole: Option<u32>,
    segments: Vec<SegmentId>,
}

impl Blocks {
    /// The block of a segment, if it has one.
    #[inline]
    pub(crate) fn of(&self, segment: SegmentId) -> Option<usize> {
        let block = if segment == WHOLE { self.whole } else { self.by_segment.get(segment as usize).copied().flatten() };
        block.map(|block| block as usize)
    }

    /// Gives a segment the next block.
    pub(crate) fn add(&mut self, segment: SegmentId) {
        let block = Some(self.segments.len() as u32);
        if segment == WHOLE {
            self.whole = block;
        } else {
            let place = segment as usize;
            self.by_segment.resize(self.by_segment.len().max(place + 1), None);
            self.by_segment[place] = block;
        }
        self.segments.push(segment);
    }

    /// The segments by block.
    pub(crate) fn segments(&self) -> &[SegmentId] {
        &self.segments
    }
}
