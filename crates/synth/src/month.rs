//! What one month holds.

use std::ops::Range;

use rayon::prelude::*;

use crate::chance::UNIT_BITS;
use crate::customers::{CHUNK, Customers};
use crate::events::Events;
use crate::odds::Odds;

/// Shares the extra events out by weight, so that the shares add up to exactly all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extras {
    pub(crate) events: u64,
    pub(crate) weight: u64,
}

impl Extras {
    /// The extra events of all that come before a sum of weights.
    pub(crate) fn before(&self, weight: u64) -> u64 {
        match self.events.checked_mul(weight) {
            Some(product) => product / self.weight,
            None => (u128::from(self.events) * u128::from(weight) / u128::from(self.weight)) as u64,
        }
    }
}

/// A customer with rows in a month.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) customer: u32,
    /// Events other than the signup.
    pub(crate) events: u32,
    /// The stretches of the month that may have rows of the cell. See [`stretches`].
    pub(crate) stretches: u64,
}

/// The bits of the 64 equal stretches of a month's activity that this one touches. With them a slice passes by the
/// cells that have no row in it without drawing their events, which is what large months would spend most time on.
pub(crate) fn stretches(within: Range<u64>) -> u64 {
    const SHIFT: u32 = UNIT_BITS - 6;
    let [first, last] = [within.start >> SHIFT, (within.end - 1) >> SHIFT];
    (u64::MAX << first) & (u64::MAX >> (63 - last))
}

/// The customers with rows in a month: 16 bytes for each, which the slices of the month share.
#[derive(Debug)]
pub(crate) struct Month {
    pub(crate) index: usize,
    /// The cells, in the order of customers.
    chunks: Vec<Vec<Cell>>,
    births: Births,
}

/// When the customers born in a month are born.
#[derive(Debug)]
struct Births {
    first: usize,
    /// Quantiles of the month's activity. In order, so that customers are numbered in the order of signup.
    quantiles: Vec<u64>,
}

impl Births {
    fn of(&self, customer: u32) -> Option<u64> {
        (customer as usize).checked_sub(self.first).map(|newborn| self.quantiles[newborn])
    }
}

/// A month as the plan knows it before it is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    pub(crate) index: usize,
    /// The weight of all cells of the months before.
    pub(crate) weight_before: u64,
    /// Whether the month has several slices.
    pub(crate) is_cut: bool,
}

impl Closed {
    /// Finds the cells of the month.
    pub(crate) fn open(self, customers: &Customers, odds: &Odds, extras: Extras) -> Month {
        let born = customers.born_in(self.index);
        let mut quantiles: Vec<u64> = born.clone().into_par_iter().map(|customer| customers.birth(customer)).collect();
        quantiles.par_sort_unstable();
        let births = Births { first: born.start, quantiles };

        let weighed: Vec<Vec<(u32, u32)>> = (0..born.end.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| customers.cells(chunk * CHUNK..((chunk + 1) * CHUNK).min(born.end), self.index, odds))
            .collect();
        let mut sum = self.weight_before;
        let starts: Vec<u64> = weighed
            .iter()
            .map(|cells| {
                let start = sum;
                sum += cells.iter().map(|cell| u64::from(cell.1)).sum::<u64>();
                start
            })
            .collect();
        let share_out = |(cells, mut sum): (Vec<(u32, u32)>, u64)| {
            let mut given = extras.before(sum);
            let cell = |(customer, weight): (u32, u32)| {
                sum += u64::from(weight);
                let before = std::mem::replace(&mut given, extras.before(sum));
                let birth = births.of(customer);
                let events = (given - before + u64::from(birth.is_none())) as u32;
                let stretches = match self.is_cut {
                    true => self.stretches(customer, events, birth, customers, odds),
                    false => u64::MAX,
                };
                Cell { customer, events, stretches }
            };
            cells.into_iter().map(cell).collect()
        };
        let chunks = weighed.into_par_iter().zip(starts).map(share_out).collect();
        Month { index: self.index, chunks, births }
    }

    fn stretches(self, customer: u32, events: u32, birth: Option<u64>, customers: &Customers, odds: &Odds) -> u64 {
        let mix = &odds.mixes[customers.traits(customer).tier()];
        let events = Events::new(customers.cell_key(customer, self.index), mix, events, birth.unwrap_or(0));
        events.map(|event| event.quantile).chain(birth).fold(0, |bits, at| bits | stretches(at..at + 1))
    }
}

impl Month {
    /// The cells, in the order of customers.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> {
        self.chunks.iter().flatten().copied()
    }

    /// When a customer is born, if in this month.
    pub(crate) fn birth(&self, customer: u32) -> Option<u64> {
        self.births.of(customer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::UNIT;

    #[test]
    fn stretches_cover_what_they_touch() {
        assert_eq!(stretches(0..UNIT), u64::MAX);
        assert_eq!(stretches(0..1), 1);
        assert_eq!(stretches(UNIT - 1..UNIT), 1 << 63);
        assert_eq!(stretches(UNIT / 64 - 1..UNIT / 64 + 1), 0b11);
    }

    #[test]
    fn extras_add_up() {
        for events in [0, 1, 7, 4_000_000_000] {
            let extras = Extras { events, weight: 1 << 50 };
            assert_eq!(extras.before(0), 0);
            assert_eq!(extras.before(extras.weight), events);
        }
    }
}
