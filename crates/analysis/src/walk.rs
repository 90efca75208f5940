//! The one walk: over each customer's run of rows, in order of time.

use tenure_history::{Codes, Rows, Values};
use tenure_model::column;

use crate::query::Measure;
use crate::tally::Cells;
use crate::timeline::{Mark, Timeline, Units};

/// The rows that count, as far as rows must be looked at to know: bounds that hold for every row are none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    /// Rows at or after it are ignored, microseconds UTC.
    pub(crate) until: Option<i64>,
    /// Births before it are outside the range.
    pub(crate) born_from: Option<i64>,
    /// Births at or after it are outside the range.
    pub(crate) born_until: Option<i64>,
}

impl Bounds {
    /// Whether instants must be read to judge rows.
    pub(crate) fn need_time(&self) -> bool {
        self.until.is_some() || self.born_from.is_some() || self.born_until.is_some()
    }

    fn has_birth(&self, time: i64) -> bool {
        self.born_from.is_none_or(|from| time >= from) && self.born_until.is_none_or(|until| time < until)
    }
}

/// What the walk has counted, by birth group and age period.
#[derive(Debug)]
pub(crate) struct Counts {
    groups: usize,
    periods: usize,
    measure: Measure,
    pub(crate) members: Vec<u64>,
    pub(crate) born_outside: u64,
    pub(crate) retained: Cells<u64>,
    pub(crate) events: Option<Cells<u64>>,
    /// Amounts by currency; none is the currency of amounts without one.
    pub(crate) priced: Vec<(Option<String>, Priced)>,
    /// Events without amount and without currency: missing in every currency.
    pub(crate) unpriced: Option<Cells<u64>>,
    life: Life,
    notes: Notes,
}

/// What the rows of a batch say, before it is added up.
#[derive(Debug, Default)]
struct Notes {
    cells: Vec<u32>,
    births: Vec<u32>,
}

/// The amounts of one currency.
#[derive(Debug)]
pub(crate) struct Priced {
    /// Units at the history's scale.
    pub(crate) total: Cells<i128>,
    pub(crate) events: Cells<u64>,
    pub(crate) missing: Cells<u64>,
}

/// The customer the walk is at.
#[derive(Debug, Clone, Copy)]
struct Life {
    customer: i64,
    /// The first cell of its birth group; none for a customer who is no member.
    base: usize,
    last_period: u32,
}

const NOBODY: i64 = -1;
const NO_MEMBER: usize = usize::MAX;
const NO_PERIOD: u32 = u32::MAX;

impl Counts {
    pub(crate) fn new(timeline: &Timeline, measure: Measure) -> Self {
        let (groups, periods) = (timeline.births.len(), timeline.period_count);
        let cells = || Cells::new(groups, periods);
        Self {
            groups,
            periods,
            measure,
            members: vec![0; groups],
            born_outside: 0,
            retained: cells(),
            events: (measure == Measure::Events).then(cells),
            priced: Vec::new(),
            unpriced: (measure == Measure::Value).then(cells),
            life: Life { customer: NOBODY, base: NO_MEMBER, last_period: NO_PERIOD },
            notes: Notes::default(),
        }
    }

    /// The cell of a birth group and an age period.
    pub(crate) fn cell(&self, group: usize, period: usize) -> usize {
        group * self.periods + period
    }

    /// The amounts of a currency that no row bears.
    pub(crate) fn no_amounts(&self) -> Priced {
        Priced::new(self.groups, self.periods)
    }

    /// Walks a batch.
    pub(crate) fn walk(&mut self, timeline: &Timeline, bounds: Bounds, rows: &Rows) {
        let only_days_matter = self.measure == Measure::Customers && !bounds.need_time();
        match (timeline.units(rows), &mut self.retained) {
            // Every customer is a member, and only new periods count.
            (Units::Days { days, first }, Cells::Dense(cells)) if only_days_matter => {
                let customers = rows.customers();
                self.notes.cells.resize(customers.len(), 0);
                self.notes.births.resize(customers.len(), 0);
                let (new_periods, births) = note(&mut self.life, customers, days, first, &timeline.marks, &mut self.notes);
                self.notes.births[..births].iter().for_each(|&group| self.members[group as usize] += 1);
                self.notes.cells[..new_periods].iter().for_each(|&cell| cells[cell as usize] += 1);
            }
            (units, _) => self.walk_rows(timeline, bounds, rows, units),
        }
    }

    /// The walk row by row.
    fn walk_rows(&mut self, timeline: &Timeline, bounds: Bounds, rows: &Rows, mut units: Units<'_>) {
        let customers = rows.customers();
        let times = if bounds.need_time() { rows.times() } else { None };
        let amounts = (self.measure == Measure::Value).then(|| Amounts::new(rows)).flatten();
        let mut slots = amounts.as_ref().map(|amounts| self.slots(amounts)).unwrap_or_default();
        for (row, &customer) in customers.iter().enumerate() {
            let time = times.map_or(0, |times| times[row]);
            if bounds.until.is_some_and(|until| time >= until) {
                continue;
            }
            let unit = units.at(row);
            let Mark { group, period, base } = timeline.marks[unit];
            if customer != self.life.customer {
                let base = if times.is_none() || bounds.has_birth(time) {
                    self.members[group as usize] += 1;
                    base as usize
                } else {
                    self.born_outside += 1;
                    NO_MEMBER
                };
                self.life = Life { customer, base, last_period: NO_PERIOD };
            }
            if self.life.base == NO_MEMBER {
                continue;
            }
            let cell = self.life.base + period as usize;
            if period != self.life.last_period {
                self.life.last_period = period;
                self.retained.add(cell, 1);
            }
            if let Some(events) = &mut self.events {
                events.add(cell, 1);
            }
            if let Some(amounts) = &amounts {
                self.add_amount(cell, amounts, &mut slots, row);
            }
        }
    }

    /// Where the amounts of each currency code of a batch are counted; the last is for amounts without currency.
    fn slots(&self, amounts: &Amounts<'_>) -> Vec<Slot> {
        let names = amounts.codes.map(|codes| codes.names()).unwrap_or_default();
        let currencies = names.into_iter().map(|name| Some(name.to_owned())).chain([None]);
        currencies.map(|currency| Slot { at: None, currency }).collect()
    }

    fn add_amount(&mut self, cell: usize, amounts: &Amounts<'_>, slots: &mut [Slot], row: usize) {
        let currency = amounts.codes.and_then(|codes| codes.get(row));
        let value = amounts.values.get(row);
        if let (None, None) = (currency, value) {
            if let Some(unpriced) = &mut self.unpriced {
                unpriced.add(cell, 1);
            }
            return;
        }
        let last = slots.len() - 1;
        let slot = &mut slots[currency.unwrap_or(last)];
        let at = *slot.at.get_or_insert_with(|| {
            // Two codes of a batch may stand for one currency: merged segments bring their own codes.
            self.priced.iter().position(|(currency, _)| *currency == slot.currency).unwrap_or_else(|| {
                self.priced.push((slot.currency.clone(), Priced::new(self.groups, self.periods)));
                self.priced.len() - 1
            })
        });
        let priced = &mut self.priced[at].1;
        priced.events.add(cell, 1);
        match value {
            Some(units) => priced.total.add(cell, i128::from(units)),
            None => priced.missing.add(cell, 1),
        }
    }

    /// Adds the counts of other customers.
    pub(crate) fn join(mut self, other: Counts) -> Counts {
        self.members.iter_mut().zip(other.members).for_each(|(a, b)| *a += b);
        self.born_outside += other.born_outside;
        self.retained.join(other.retained);
        if let (Some(mine), Some(other)) = (&mut self.events, other.events) {
            mine.join(other);
        }
        if let (Some(mine), Some(other)) = (&mut self.unpriced, other.unpriced) {
            mine.join(other);
        }
        for (currency, other) in other.priced {
            match self.priced.iter_mut().find(|(mine, _)| *mine == currency) {
                Some((_, mine)) => {
                    mine.total.join(other.total);
                    mine.events.join(other.events);
                    mine.missing.join(other.missing);
                }
                None => self.priced.push((currency, other)),
            }
        }
        self
    }
}

impl Priced {
    fn new(groups: usize, periods: usize) -> Self {
        Self { total: Cells::new(groups, periods), events: Cells::new(groups, periods), missing: Cells::new(groups, periods) }
    }
}

/// The amounts of a batch.
struct Amounts<'a> {
    values: Values<'a>,
    codes: Option<Codes<'a>>,
}

impl<'a> Amounts<'a> {
    fn new(rows: &'a Rows) -> Option<Self> {
        Some(Self { values: rows.values()?, codes: rows.codes(column::CURRENCY) })
    }
}

/// Where the amounts of a currency are counted, once there is one.
struct Slot {
    currency: Option<String>,
    at: Option<usize>,
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
