//! Who the customers are.

use std::ops::Range;

use rayon::prelude::*;

use crate::chance::{Key, pick, unit};
use crate::countries::{COUNTRIES, Country};
use crate::odds::Odds;
use crate::spec::Business;
use crate::tiers::{self, Tier};

/// Customers handled at a time by one thread.
pub(crate) const CHUNK: usize = 1 << 16;

/// Births grow by this much a month.
const GROWTH: f64 = 1.02;

/// Births by month of the year, January first, relative to the growth.
const BIRTH_SEASON: [f64; 12] = [1.10, 1.02, 1.00, 0.98, 0.96, 0.92, 0.86, 0.90, 1.04, 1.06, 1.12, 1.08];

// What each draw of a customer decides.
const TIER: u64 = 0;
const COUNTRY: u64 = 1;
const VIGOUR: u64 = 2;
const LIFETIME: u64 = 3;
const BIRTH: u64 = 4;

// Each draw of an active month decides one thing; its events take the draws from 1 up.
const ACTIVITY: u64 = 0;

/// Everything fixed about a customer besides the birth, in two bytes so that a billion customers fit in memory.
///
/// From the lowest bit: the first month of not being alive (7), the tier (2), the country (5), the vigour (2).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits(u16);

impl Traits {
    fn new(end: usize, tier: usize, country: usize, vigour: usize) -> Self {
        Self((end | tier << 7 | country << 9 | vigour << 14) as u16)
    }

    /// The first month of not being alive, or the number of months.
    pub(crate) fn end(self) -> usize {
        usize::from(self.0 & 0x7F)
    }

    pub(crate) fn tier(self) -> usize {
        usize::from(self.0 >> 7 & 0x3)
    }

    fn vigour(self) -> usize {
        usize::from(self.0 >> 14)
    }

    pub(crate) fn plan(self) -> &'static Tier {
        &tiers::ALL[self.tier()]
    }

    pub(crate) fn country(self) -> &'static Country {
        &COUNTRIES[usize::from(self.0 >> 9 & 0x1F)]
    }
}

/// How many customers of a month have rows in it, and their weights in sharing out the extra events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) cells: u64,
    pub(crate) weight: u64,
}

impl Load {
    fn add(&mut self, other: Load) {
        self.cells += other.cells;
        self.weight += other.weight;
    }
}

/// All customers, by birth. Customer `n` has the `uid` `n + 1`.
#[derive(Debug)]
pub(crate) struct Customers {
    key: Key,
    traits: Vec<Traits>,
    /// The first customer born in each month, and the number of customers.
    first: Vec<usize>,
}

impl Customers {
    /// Draws the customers, and counts what each month holds.
    pub(crate) fn draw(business: Business, odds: &Odds) -> (Self, Vec<Load>) {
        let months = business.months as usize;
        let key = Key::new(business.seed);
        let mut customers =
            Self { key, traits: vec![Traits::default(); business.customers as usize], first: births(business.customers, months) };
        let first = &customers.first;
        let draw_chunk = |(chunk, traits): (usize, &mut [Traits])| {
            let mut loads = vec![Load::default(); months];
            let start = chunk * CHUNK;
            let mut born = first.partition_point(|&first| first <= start) - 1;
            for (customer, slot) in (start..).zip(traits) {
                while first[born + 1] <= customer {
                    born += 1;
                }
                let own = key.part(customer as u64);
                *slot = draw_traits(own, born, months, odds);
                loads[born].add(Load { cells: 1, weight: signup_weight(own, born, *slot).into() });
                for (month, load) in loads[..slot.end()].iter_mut().enumerate().skip(born + 1) {
                    if let Some(weight) = activity(own, month, *slot, odds) {
                        load.add(Load { cells: 1, weight: weight.into() });
                    }
                }
            }
            loads
        };
        let add_all = |mut loads: Vec<Load>, others: Vec<Load>| {
            loads.iter_mut().zip(others).for_each(|(load, other)| load.add(other));
            loads
        };
        let loads =
            customers.traits.par_chunks_mut(CHUNK).enumerate().map(draw_chunk).reduce(|| vec![Load::default(); months], add_all);
        (customers, loads)
    }

    pub(crate) fn traits(&self, customer: u32) -> Traits {
        self.traits[customer as usize]
    }

    /// The customers born in a month.
    pub(crate) fn born_in(&self, month: usize) -> Range<usize> {
        self.first[month]..self.first[month + 1]
    }

    /// When a customer is born, as a quantile of the birth month's activity, before the customers of that month
    /// are put in order.
    pub(crate) fn birth(&self, customer: usize) -> u64 {
        unit(self.key.part(customer as u64).draw(BIRTH))
    }

    /// The source of what a customer does in a month.
    pub(crate) fn cell_key(&self, customer: u32, month: usize) -> Key {
        cell_key(self.key.part(u64::from(customer)), month)
    }

    /// The customers among these that have rows in a month, with their weights. In the order of customers.
    pub(crate) fn cells(&self, among: Range<usize>, month: usize, odds: &Odds) -> Vec<(u32, u32)> {
        let born = self.born_in(month).start;
        let mut cells = Vec::new();
        for customer in among {
            let traits = self.traits[customer];
            if traits.end() <= month {
                continue;
            }
            let own = self.key.part(customer as u64);
            let weight = match customer < born {
                true => activity(own, month, traits, odds),
                false => Some(signup_weight(own, month, traits)),
            };
            cells.extend(weight.map(|weight| (customer as u32, weight)));
        }
        cells
    }
}

fn cell_key(own: Key, month: usize) -> Key {
    own.part(month as u64)
}

fn draw_traits(own: Key, born: usize, months: usize, odds: &Odds) -> Traits {
    let tier = pick(&odds.tiers, unit(own.draw(TIER)));
    let country = pick(&odds.countries, unit(own.draw(COUNTRY)));
    let vigour = (own.draw(VIGOUR) >> 62) as usize;
    // Alive at an age with the chance of surviving to it: one draw against the falling survival curve is the same
    // as one draw against the hazard of every age.
    let lifetime = unit(own.draw(LIFETIME));
    let ages = &odds.survival[tier][..months - born];
    let end = born + ages.partition_point(|&survival| lifetime < survival);
    Traits::new(end, tier, country, vigour)
}

/// The weight of a customer's active month, or nothing if the month is not active. The customer is alive in it.
fn activity(own: Key, month: usize, traits: Traits, odds: &Odds) -> Option<u32> {
    let draw = cell_key(own, month).draw(ACTIVITY);
    (unit(draw) < odds.activity[traits.tier()][month]).then(|| weight(draw, traits))
}

fn signup_weight(own: Key, month: usize, traits: Traits) -> u32 {
    weight(cell_key(own, month).draw(ACTIVITY), traits)
}

/// How many extra events a month gets relative to others: by tier, by customer and by month, the last two skewed.
fn weight(draw: u64, traits: Traits) -> u32 {
    const VIGOURS: [u32; 4] = [1, 2, 4, 9];
    let luck = draw & 0xFFFF;
    traits.plan().engagement * VIGOURS[traits.vigour()] * (4 + ((luck * luck) >> 26) as u32)
}

/// The first customer born in each month, and the number of customers.
fn births(customers: u64, months: usize) -> Vec<usize> {
    let mut growth = 1.0;
    let weights: Vec<u64> = (0..months)
        .map(|month| {
            let weight = growth * BIRTH_SEASON[month % 12];
            growth *= GROWTH;
            (weight * 1e6) as u64
        })
        .collect();
    let total: u64 = weights.iter().sum();
    let mut sum = 0;
    let mut first = vec![0];
    first.extend(weights.iter().map(|weight| {
        sum += weight;
        (u128::from(customers) * u128::from(sum) / u128::from(total)) as usize
    }));
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traits_keep_what_they_are_given() {
        let traits = Traits::new(120, 3, 29, 2);
        assert_eq!((traits.end(), traits.tier(), traits.vigour()), (120, 3, 2));
        assert_eq!((traits.plan().name, traits.country().code), ("team", "NZ"));
    }

    #[test]
    fn births_add_up_and_grow() {
        let first = births(1_000_000, 36);
        assert_eq!((first[0], first[36]), (0, 1_000_000));
        let of_year = |year: usize| first[12 * year + 12] - first[12 * year];
        assert!(of_year(0) < of_year(1) && of_year(1) < of_year(2));
        assert_eq!(births(1, 120)[120], 1);
    }

    #[test]
    fn cells_are_those_counted() {
        let business = Business::new(5_000, 0, 3).months(14);
        let odds = Odds::new(14);
        let (customers, loads) = Customers::draw(business, &odds);
        for (month, load) in loads.iter().enumerate() {
            let cells = customers.cells(0..customers.born_in(month).end, month, &odds);
            let weight = cells.iter().map(|cell| u64::from(cell.1)).sum();
            assert_eq!(Load { cells: cells.len() as u64, weight }, *load, "month {month}");
        }
    }
}
