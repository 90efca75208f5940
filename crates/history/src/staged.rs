//! The rows of one bucket, column by column in order of arrival.

use std::cmp::Ordering;

use hashbrown::HashTable;

use crate::chunk::{Key, MISSING};
use crate::cluster::{KnownCustomers, Load};
use crate::name_column::NameColumn;
use crate::stage::{Numbers, Store};

/// Marks rows of readings that were given up.
pub(crate) const NOBODY: u32 = u32::MAX;

/// A customer of the bucket while it is clustered.
pub(crate) struct Customer {
    pub(crate) store: u32,
    pub(crate) place: u32,
    pub(crate) first: i64,
    pub(crate) known: Option<u32>,
    pub(crate) rows: u32,
}

impl Customer {
    pub(crate) fn hash(&self, stores: &[Store]) -> u128 {
        stores[self.store as usize].ids.hashes[self.place as usize]
    }

    pub(crate) fn id<'a>(&self, stores: &'a [Store]) -> &'a [u8] {
        stores[self.store as usize].ids.ids.get(self.place as usize)
    }
}

/// The columns of a bucket in order of arrival.
pub(crate) struct Staged {
    pub(crate) owners: Vec<u32>,
    pub(crate) times: Vec<Vec<i64>>,
    pub(crate) names: Vec<NameColumn>,
    pub(crate) units: Vec<Vec<i64>>,
    /// The rank of each row's export; empty where all come from the one of `rank`.
    pub(crate) ranks: Vec<u32>,
    pub(crate) rank: u32,
    pub(crate) keys: Vec<Key>,
    numbers: Vec<u64>,
}

impl Staged {
    pub(crate) fn rank(&self, row: u32) -> u32 {
        self.ranks.get(row as usize).copied().unwrap_or(self.rank)
    }

    pub(crate) fn key(&self, row: u32) -> Key {
        self.keys.get(row as usize).copied().unwrap_or(Key::NONE)
    }

    pub(crate) fn number(&self, row: u32) -> u64 {
        self.numbers.get(row as usize).copied().unwrap_or(0)
    }

    /// The order of a customer's rows: time, the first name, the amounts, then the rest. Rows that compare equal are equal
    /// in every stored column but their keys.
    pub(crate) fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        let by_time = |times: &Vec<i64>| times[a].cmp(&times[b]);
        let by_name = |names: &NameColumn| names.place(a).cmp(&names.place(b));
        let first = self.times.first().map_or(Ordering::Equal, by_time);
        first
            .then_with(|| self.names.first().map_or(Ordering::Equal, by_name))
            .then_with(|| first_difference(&self.units, |units| units[a].cmp(&units[b])))
            .then_with(|| first_difference(self.names.get(1..).unwrap_or_default(), by_name))
            .then_with(|| first_difference(self.times.get(1..).unwrap_or_default(), by_time))
    }

    /// As [`Staged::compare`], and what is equal by key and order of arrival.
    pub(crate) fn compare_all(&self, a: u32, b: u32) -> Ordering {
        self.compare(a, b).then_with(|| self.key(a).cmp(&self.key(b))).then(a.cmp(&b))
    }
}

fn first_difference<T>(columns: &[T], compare: impl Fn(&T) -> Ordering) -> Ordering {
    columns.iter().map(compare).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Brings the stores of a bucket together, and counts the rows of its customers.
pub(crate) fn stage(load: &Load<'_>, stores: &[Store], known: &KnownCustomers) -> (Staged, Vec<Customer>) {
    let total: usize = stores.iter().map(Store::rows).sum();
    let mut customers: Vec<Customer> = Vec::new();
    let owner_of: Vec<Vec<u32>> = owners(stores, known, &mut customers);
    let segments = || stores.iter().flat_map(|store| &store.segments);
    let mut owners = Vec::with_capacity(total);
    for (store, owner_of) in stores.iter().zip(&owner_of) {
        for segment in &store.segments {
            owners.extend(segment.owners.iter().map(|&place| owner_of[place as usize]));
        }
    }
    let times = (0..load.layout.times()).map(|column| {
        let mut times = Vec::with_capacity(total);
        segments().for_each(|segment| widen(&segment.times[column], 1, &mut times));
        times
    });
    let units = (0..load.layout.amounts()).map(|column| {
        let mut all = Vec::with_capacity(total);
        for segment in segments() {
            let (units, scale) = &segment.amounts[column];
            // The loader has seen to it that every amount fits at the load's scale.
            widen(units, 10i64.pow(u32::from(load.scales[column] - scale)), &mut all);
        }
        all
    });
    let names = (0..load.layout.names()).map(|column| NameColumn::of(&load.names[column], stores, column, total));
    let alike = |a: &u32, b: &u32| load.rank(*a) == load.rank(*b);
    let readings: Vec<u32> = segments().flat_map(|s| &s.exports).map(|&(reading, _)| reading).collect();
    let one_export = readings.windows(2).all(|pair| alike(&pair[0], &pair[1]))
        && readings.first().is_none_or(|&reading| load.rank(reading).is_some_and(|rank| rank > 0));
    let rank = readings.first().and_then(|&reading| load.rank(reading)).unwrap_or_default();
    let mut ranks = Vec::new();
    if !one_export {
        ranks.reserve(total);
        for &(reading, rows) in segments().flat_map(|segment| &segment.exports) {
            let rank = load.rank(reading);
            if rank.is_none() {
                owners[ranks.len()..ranks.len() + rows as usize].fill(NOBODY);
            }
            ranks.resize(ranks.len() + rows as usize, rank.unwrap_or_default());
        }
    }
    let (mut keys, mut numbers) = (Vec::new(), Vec::new());
    if load.layout.keyed || segments().any(|segment| !segment.numbers.is_empty()) {
        for segment in segments() {
            let rows = segment.owners.len();
            keys.extend_from_slice(&segment.keys);
            keys.resize(keys.len() + rows - segment.keys.len(), Key::NONE);
            numbers.extend_from_slice(&segment.numbers);
            numbers.resize(numbers.len() + rows - segment.numbers.len(), 0);
        }
    }
    owners.iter().filter(|owner| **owner != NOBODY).for_each(|&owner| customers[owner as usize].rows += 1);
    let (times, names, units) = (times.collect(), names.collect(), units.collect());
    (Staged { owners, times, names, units, ranks, rank, keys, numbers }, customers)
}

/// Appends integers times a factor.
fn widen(numbers: &Numbers, factor: i64, all: &mut Vec<i64>) {
    match numbers {
        Numbers::Missing(rows) => all.resize(all.len() + rows, MISSING),
        Numbers::Narrow(values) => {
            let wide = |&value: &i32| if value == i32::MIN { MISSING } else { i64::from(value) * factor };
            all.extend(values.iter().map(wide));
        }
        Numbers::Wide(values) if factor == 1 => all.extend_from_slice(values),
        Numbers::Wide(values) => {
            all.extend(values.iter().map(|&value| if value == MISSING { MISSING } else { value * factor }));
        }
    }
}

/// For each store the customers of the bucket that its ids are.
fn owners(stores: &[Store], known: &KnownCustomers, customers: &mut Vec<Customer>) -> Vec<Vec<u32>> {
    let mut known_table: HashTable<u32> = HashTable::with_capacity(known.hashes.len());
    for (place, &hash) in known.hashes.iter().enumerate() {
        known_table.insert_unique(hash as u64, place as u32, |&place| known.hashes[place as usize] as u64);
    }
    let mut table: HashTable<u32> = HashTable::with_capacity(stores.iter().map(|store| store.ids.len()).sum());
    let mut all = Vec::with_capacity(stores.len());
    for (index, store) in stores.iter().enumerate() {
        let mut owners = Vec::with_capacity(store.ids.len());
        for (place, &hash) in store.ids.hashes.iter().enumerate() {
            if let Some(&owner) = table.find(hash as u64, |&c| customers[c as usize].hash(stores) == hash) {
                owners.push(owner);
                continue;
            }
            let owner = customers.len() as u32;
            let found = known_table.find(hash as u64, |&k| known.hashes[k as usize] == hash);
            let known = found.map(|&place| known.indices[place as usize]);
            customers.push(Customer { store: index as u32, place: place as u32, first: i64::MAX, known, rows: 0 });
            table.insert_unique(hash as u64, owner, |&c| customers[c as usize].hash(stores) as u64);
            owners.push(owner);
        }
        all.push(owners);
    }
    all
}
