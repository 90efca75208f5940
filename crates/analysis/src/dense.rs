//! The walk of the questions that are asked most: births by a first row, returns from the birth on, one return is enough.
//! It goes over columns and not over rows, and counts into tables. It is held equal to the walk of all queries by tests.

use std::collections::HashSet;

use tenure_history::{LifeCounts, Rows, Values};
use tenure_model::{Instant, column};

use crate::active::Active;
use crate::assembly::MOST_CELLS;
use crate::bits::Bits;
use crate::changes::Changes;
use crate::clock::Ages;
use crate::columns::Home;
use crate::counts::{Counts, WHOLE};
use crate::dense_tables::DenseTables;
use crate::grid::{Blocks, Grid, Reach, Shape};
use crate::life::{DAY, Ranges, retained};
use crate::plan::Plan;
use crate::predicate::{BucketCustomers, distinct};
use crate::query::{Birth, Measure, SegmentAsOf};
use crate::segments::{NOTHING, RowHalves, SegmentId, SegmentIds};
use crate::shared::{Batch, Wants};
use crate::tally::lived_part;
use crate::walk::{NO_CURRENCY, Numbering};

/// So many counters a thread has for all segments together; the members of further segments are counted one by one. In tests
/// there are so few that members are counted in both ways.
const MOST_COUNTERS: usize = if cfg!(test) { 1 << 10 } else { 8 << 20 };

/// The walk over some buckets.
#[derive(Debug, Default)]
pub(crate) struct DenseWalk {
    names: Numbering,
    events_seen: HashSet<String>,
    blocks: Blocks,
    grid: Grid,
    /// The counters of a member whose segment has no block.
    single: Grid,
    counts: Counts,
    customers: Option<BucketCustomers>,
    /// What each customer of the bucket says of segments.
    halves: Vec<u32>,
    notes: Notes,
}

/// What the customers of a batch say, before it is added up.
#[derive(Debug, Default)]
struct Notes {
    active: Active,
    /// The first cell of each customer, where all rows count.
    bases: Vec<u32>,
    /// Which rows have an amount.
    priced: Bits,
    present: Bits,
    born: Bits,
    counted: Bits,
    ages: Vec<u32>,
    currencies: Vec<u32>,
    /// The ages at which a member was active and how often, and the ages or brackets at which it is retained.
    runs: Vec<(u32, u32)>,
    ranges: Ranges,
}

/// Which rows of a batch count for what; nothing where all do.
struct Marks<'a> {
    /// Rows inside the filter and the window.
    present: &'a Bits,
    /// Those of them that may be births, and those that may be returns.
    born: &'a Bits,
    counted: &'a Bits,
}

/// The walk of a batch.
struct Step<'a> {
    plan: &'a Plan<'a>,
    tables: &'a DenseTables,
    wants: &'a Wants,
    batch: &'a Batch,
    rows: &'a Rows,
}

/// Where a member's cells lie.
#[derive(Clone, Copy)]
struct Place {
    /// The first cell of its group, and the group.
    base: usize,
    group: usize,
}

impl DenseWalk {
    /// What lives add up to that were counted by groups of births and age periods.
    pub(crate) fn of_lives(tables: &DenseTables, lives: LifeCounts) -> Self {
        let mut walk = Self::default();
        walk.place(&tables.shape, WHOLE, 0);
        walk.counts.customers = lives.born.iter().sum();
        walk.counts.members = walk.counts.customers;
        walk.grid.set(lives.born, lives.active);
        walk
    }

    /// Takes the customers of a bucket in, whose rows come next.
    pub(crate) fn enter_bucket(&mut self, plan: &Plan<'_>, customers: &BucketCustomers) {
        if plan.segments.has(Home::Customers) {
            self.halves = self.names.segments.of_customers(&plan.segments, customers.rows());
            self.customers = Some(customers.clone());
        }
    }

    /// The segments that it has met.
    pub(crate) fn segments(&self) -> &SegmentIds {
        &self.names.segments
    }

    /// Whether there are more cells than can be shown.
    pub(crate) fn has_too_many(&self) -> bool {
        self.counts.too_many
    }

    /// Walks a batch of whole customers.
    pub(crate) fn walk(&mut self, plan: &Plan<'_>, tables: &DenseTables, wants: &Wants, batch: &Batch, rows: &Rows) {
        if plan.asks_for_events() {
            distinct(rows.codes(column::EVENT).map(|codes| codes.names()).unwrap_or_default(), &mut self.events_seen);
        }
        let step = Step { plan, tables, wants, batch, rows };
        let mut notes = std::mem::take(&mut self.notes);
        let marked = notes.mark(&step);
        self.number_currencies(rows, &tables.shape, &mut notes.currencies);
        let plainest = !plan.segments.any() && tables.shape.reach == Reach::Each && notes.currencies.is_empty();
        match wants.changes {
            Some(changes) if plainest => self.walk_plainest(&step, batch.changes(changes), &mut notes),
            changes => self.walk_customers(&step, &mut notes, marked, changes.map(|changes| batch.changes(changes))),
        }
        self.notes = notes;
    }

    /// Everyone is a member, all rows count, and no amount has a currency.
    fn walk_plainest(&mut self, step: &Step<'_>, changes: &Changes, notes: &mut Notes) {
        let Notes { bases, priced, .. } = notes;
        let Step { tables, batch, wants, rows, .. } = step;
        let (shape, days) = (&tables.shape, batch.days(wants.days, rows));
        self.place(shape, WHOLE, 0);
        let births = &batch.starts[..batch.starts.len() - 1];
        self.counts.customers += births.len() as u64;
        self.counts.members += births.len() as u64;
        bases.clear();
        for &birth in births {
            let group = tables.group(days[birth as usize]);
            self.grid.add_member(group);
            bases.push((group * shape.steps) as u32);
        }
        self.grid.add_changes(shape, changes, bases);
        let Some(values) = rows.values().filter(|_| shape.measure == Measure::Value) else { return };
        match values.present() {
            Some(present) => priced.take(Some(present)),
            None => priced.set_all(rows.len()),
        }
        priced.each_counted(rows.runs().starts(), |row, customers| {
            let cell = bases[customers - 1] + tables.step(days[row]);
            self.grid.add_amount(cell as usize, NO_CURRENCY, values.get(row));
        });
    }

    /// Walks customer by customer. Where all rows count, `changes` are what begins with them.
    fn walk_customers(&mut self, step: &Step<'_>, notes: &mut Notes, marked: bool, changes: Option<&Changes>) {
        let Step { plan, tables, batch, wants, rows } = *step;
        let shape = &tables.shape;
        let days = batch.days(wants.days, rows);
        let Notes { active, bases, priced, present, born, counted, ages, currencies, runs, ranges } = notes;
        let marks = marked.then_some(Marks {
            present,
            born: if wants.born.is_some() { born } else { present },
            counted: if wants.returned.is_some() { counted } else { present },
        });
        let times = rows.times().unwrap_or_default();
        let of_birth = |row: usize| times.get(row).copied().unwrap_or_else(|| i64::from(days[row]) * DAY);
        if shape.rolling {
            ages.resize(rows.len(), 0);
        }
        let values = rows.values().filter(|_| shape.measure == Measure::Value);
        let mut halves = RowHalves::new(&plan.segments, rows);
        let latest = plan.rules.segment_as_of == SegmentAsOf::Latest;
        let of_customers = plan.segments.has(Home::Customers);
        active.begin(rows.len());
        priced.take(values.and_then(|values| values.present()));
        bases.clear();
        let by_notes = shape.reach.asks_for_each();
        let mut place_of_changes = 0;
        for (number, ends) in batch.starts.windows(2).enumerate() {
            let (start, end) = (ends[0] as usize, ends[1] as usize);
            let birth = match &marks {
                None => Some(start),
                Some(marks) => match marks.present.first(start, end) {
                    None => continue,
                    Some(ever) if plan.rules.birth == Birth::FirstEver => marks.born.get(ever).then_some(ever),
                    Some(ever) => marks.born.first(ever, end),
                },
            };
            self.counts.customers += 1;
            let Some(birth) = birth else {
                self.counts.without_birth += 1;
                continue;
            };
            if !plan.bounds.has_birth(of_birth(birth)) {
                self.counts.born_outside += 1;
                continue;
            }
            self.counts.members += 1;
            // Rows of the same instant may come before that of the birth.
            let mut from = birth;
            if let Some(tied) = &batch.tied {
                while from > start && tied.value(from) {
                    from -= 1;
                }
            }
            let segment = if plan.segments.any() {
                let row = if latest {
                    marks.as_ref().map_or(end - 1, |marks| marks.present.last(birth, end).unwrap_or(birth))
                } else {
                    birth
                };
                let customer = if of_customers { self.customer_half(rows.runs().customer(number)) } else { NOTHING };
                let half = halves.get(&mut self.names.segments, row);
                self.names.segments.join(&plan.segments, half, customer)
            } else {
                WHOLE
            };
            let group = tables.group(days[birth]);
            let place = self.place(shape, segment, group);
            let single = place.is_none();
            let place = place.unwrap_or(Place { base: group * shape.steps, group });
            if changes.is_some() && !by_notes {
                // A member without block is counted by itself, and its changes go where nobody looks.
                bases.push(if single { self.nowhere(shape) } else { place.base as u32 });
            }
            let grid = if single { &mut self.single } else { &mut self.grid };
            let counted = marks.as_ref().map(|marks| marks.counted);
            let exposure = if shape.rolling {
                let mut life = plan.clock.start(&plan.units, Instant(of_birth(birth)), days[birth].into());
                note_ages(&mut life, plan, times, from..end, birth, ages);
                grid.add_life(shape, place.group, life.exposure);
                life.exposure
            } else {
                grid.add_member(place.group);
                shape.groups[group].exposure
            };
            let step = |row: usize| if shape.rolling { ages[row] } else { tables.step(days[row]) };
            let noted = active.found;
            let needs_notes = shape.has_active() || shape.has_rows() || by_notes;
            if needs_notes && (changes.is_none() || by_notes || single) {
                let (base, with_rows) = (place.base as u32, shape.has_rows() || shape.reach.has_ranges());
                if let Some(changes) = changes.filter(|_| by_notes) {
                    place_of_changes = active.take(changes, place_of_changes, from..end, base);
                } else if shape.rolling {
                    active.note(|row| ages[row], counted, from..end, base, with_rows);
                } else {
                    active.note(|row| tables.step(days[row]), counted, from..end, base, with_rows);
                }
                if shape.has_rows() {
                    active.count_rows(noted, &mut grid.rows);
                }
            }
            let reached = match shape.reach {
                Reach::Each => None,
                Reach::Ranges | Reach::RangesOnward => {
                    active.runs(noted, (place.base + shape.groups[group].first) as u32, runs);
                    retained(plan, runs, ranges);
                    for &(from, to) in ranges.iter() {
                        grid.add_range(shape, place.group, (from, to), lived_part(plan, exposure, from, to));
                    }
                    None
                }
                Reach::ToLast => match counted {
                    None => Some(step(end - 1)),
                    Some(counted) => counted.last(from, end).map(step),
                },
                Reach::FromFirst => match counted {
                    None => Some(step(from)),
                    Some(counted) => counted.first(from, end).map(step),
                },
                Reach::Unbroken => {
                    let zero = place.base + shape.groups[group].first;
                    let unbroken = active.cells[noted..active.found]
                        .iter()
                        .zip(zero..)
                        .take_while(|(cell, next)| **cell as usize == *next)
                        .count();
                    unbroken.checked_sub(1).map(|last| (zero + last - place.base) as u32)
                }
            };
            if let Some(reached) = reached {
                grid.reached[place.base + reached as usize] += 1;
            }
            if shape.rolling {
                note_lived(shape, grid, place.base, exposure.lived as usize, reached, &active.cells[noted..active.found]);
            }
            if let Some(values) = values {
                let mine = |row: usize| counted.is_none_or(|counted| counted.get(row));
                add_amounts(grid, values, priced, currencies, from..end, |row| {
                    mine(row).then(|| place.base + step(row) as usize)
                });
            }
            if single {
                // What this member says goes to its segment at once.
                active.add(shape, noted, &mut self.single);
                active.found = noted;
                self.single.pour_one(shape, group, segment, &mut self.counts);
                self.counts.watch_size(exposure.begun, plan.asked_count(), MOST_CELLS);
                self.single.clear_one(shape, group);
            }
        }
        active.add(shape, 0, &mut self.grid);
        if let Some(changes) = changes.filter(|_| !by_notes) {
            self.grid.add_changes(shape, changes, bases);
        }
    }

    /// The first cell of a block that belongs to no segment.
    fn nowhere(&mut self, shape: &Shape) -> u32 {
        // Where there are segments, no member is of the whole.
        if self.blocks.of(WHOLE).is_none() {
            self.blocks.add(WHOLE);
            self.grid.add_block(shape);
        }
        (self.blocks.of(WHOLE).unwrap_or_default() * shape.cells()) as u32
    }

    /// What a customer says of segments.
    fn customer_half(&self, customer: i64) -> u32 {
        let place = self.customers.as_ref().and_then(|customers| customers.place(customer));
        place.and_then(|place| self.halves.get(place)).copied().unwrap_or(NOTHING)
    }

    /// The numbers of the rows' currencies; nothing where no row has one.
    fn number_currencies(&mut self, rows: &Rows, shape: &Shape, numbers: &mut Vec<u32>) {
        numbers.clear();
        let codes = rows.codes(column::CURRENCY).filter(|codes| shape.measure == Measure::Value && codes.count() > 0);
        let Some(codes) = codes else { return };
        let by_code: Vec<u32> = codes.names().into_iter().map(|name| self.names.currency(name)).collect();
        numbers.extend((0..rows.len()).map(|row| codes.get(row).map_or(NO_CURRENCY, |code| by_code[code])));
    }

    /// Where the cells of a group lie in the block of its segment; nothing where that has none, as there are too many.
    #[inline]
    fn place(&mut self, shape: &Shape, segment: SegmentId, group: usize) -> Option<Place> {
        let block = match self.blocks.of(segment) {
            Some(block) => block,
            None => self.new_block(shape, segment)?,
        };
        let group = block * shape.groups.len() + group;
        Some(Place { base: group * shape.steps, group })
    }

    #[cold]
    fn new_block(&mut self, shape: &Shape, segment: SegmentId) -> Option<usize> {
        let blocks = self.blocks.segments().len();
        if blocks > 0 && (blocks + 1) * shape.cells() > MOST_COUNTERS {
            if self.single.is_empty() {
                self.single.add_block(shape);
            }
            return None;
        }
        self.blocks.add(segment);
        self.grid.add_block(shape);
        Some(blocks)
    }

    /// Adds what another walk of the same plan has counted.
    pub(crate) fn join(&mut self, tables: &DenseTables, other: DenseWalk) {
        let DenseWalk { names, events_seen, blocks, mut grid, counts, .. } = other;
        self.events_seen.extend(events_seen);
        let ids = blocks.segments().iter().copied().chain(counts.segment_ids());
        let numbers = self.names.take_in(&names, ids);
        grid.renumber(&numbers);
        for (block, &segment) in blocks.segments().iter().enumerate() {
            let segment = numbers.segment(segment);
            match self.place(&tables.shape, segment, 0) {
                Some(place) => self.grid.add(&tables.shape, place.group / tables.shape.groups.len(), &grid, block),
                None => grid.pour(&tables.shape, block, segment, &mut self.counts),
            }
        }
        self.counts.join(counts, &numbers);
    }

    /// What was counted: the counts, the names of their segments and currencies, and the events that were seen.
    pub(crate) fn finish(mut self, plan: &Plan<'_>, tables: &DenseTables) -> (Counts, Numbering, HashSet<String>) {
        for (block, &segment) in self.blocks.segments().iter().enumerate() {
            self.grid.pour(&tables.shape, block, segment, &mut self.counts);
        }
        let begun = self.counts.groups().map(|(_, group)| group.begun).max().unwrap_or_default();
        self.counts.watch_size(begun, plan.asked_count(), MOST_CELLS);
        (self.counts, self.names, self.events_seen)
    }
}

impl Notes {
    /// Says which rows count for what; false where all do.
    fn mark(&mut self, step: &Step<'_>) -> bool {
        let Step { plan, wants, batch, rows, .. } = step;
        let until = plan.bounds.until.zip(rows.times());
        if wants.filter.is_none() && wants.born.is_none() && wants.returned.is_none() && until.is_none() {
            return false;
        }
        match wants.filter {
            Some(filter) => self.present.copy(batch.mask(filter)),
            None => self.present.set_all(rows.len()),
        }
        if let Some((until, times)) = until {
            self.born.fill(rows.len(), |row| times[row] < until);
            self.present.keep(&self.born);
        }
        for (mask, out) in [(wants.born, &mut self.born), (wants.returned, &mut self.counted)] {
            if let Some(mask) = mask {
                out.copy(batch.mask(mask));
                out.keep(&self.present);
            }
        }
        true
    }
}

/// The ages of rows of one life.
fn note_ages(life: &mut Ages<'_>, plan: &Plan<'_>, times: &[i64], rows: std::ops::Range<usize>, birth: usize, ages: &mut [u32]) {
    for row in rows {
        // Rows that are tied with the birth may come before it.
        ages[row] = if row <= birth { 0 } else { life.at(&plan.units, times[row], 0) };
    }
}

/// Notes how far a member is retained within the ages it has lived.
fn note_lived(shape: &Shape, grid: &mut Grid, base: usize, lived: usize, reached: Option<u32>, active: &[u32]) {
    match (shape.reach, reached.map(|reached| reached as usize)) {
        (Reach::Each, _) => {
            let unlived = active.iter().rev().take_while(|cell| **cell as usize >= base + lived);
            unlived.for_each(|&cell| grid.unlived[cell as usize] += 1);
        }
        (Reach::FromFirst, Some(first)) if first < lived => {
            grid.reached_lived[base + first] += 1;
            grid.reached_lived[base + lived] -= 1;
        }
        (Reach::ToLast | Reach::Unbroken, Some(last)) if lived > 0 => grid.reached_lived[base + last.min(lived - 1)] += 1,
        _ => {}
    }
}

/// Adds the amounts of a member's rows, and notes rows that have a currency alone. `priced` says which rows have an amount;
/// where it is empty, all have.
#[inline]
fn add_amounts(
    grid: &mut Grid,
    values: Values<'_>,
    priced: &Bits,
    currencies: &[u32],
    rows: std::ops::Range<usize>,
    cell: impl Fn(usize) -> Option<usize>,
) {
    if currencies.is_empty() && !priced.is_empty() {
        priced.each(rows, |row| {
            if let Some(cell) = cell(row) {
                grid.add_amount(cell, NO_CURRENCY, values.get(row));
            }
        });
        return;
    }
    for row in rows {
        let currency = currencies.get(row).copied().unwrap_or(NO_CURRENCY);
        let units = values.get(row);
        if let Some(cell) = cell(row).filter(|_| units.is_some() || currency != NO_CURRENCY) {
            grid.add_amount(cell, currency, units);
        }
    }
}
