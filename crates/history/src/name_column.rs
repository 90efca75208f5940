//! A column of names of one bucket: the distinct names, and each row's place among them.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};

use crate::cluster::SharedNames;
use crate::stage::{Codes, Store};

/// Names of a bucket's column in order, and the places of its rows among them.
pub(crate) struct NameColumn {
    places: Places,
    pub(crate) names: ArrayRef,
    /// What identifies each name in a fingerprint, and 0 for a missing one.
    pub(crate) hashes: Vec<u64>,
}

/// Places among the names; beyond them all for a missing one. Few names have narrow places, which stay in the caches while
/// rows are put in order.
enum Places {
    Narrow(Vec<u8>),
    Wide(Vec<u32>),
}

impl NameColumn {
    /// A column of the stores' rows.
    pub(crate) fn of(shared: &SharedNames, stores: &[Store], column: usize, rows: usize) -> Self {
        let mut used = vec![false; shared.names.len()];
        for segment in stores.iter().flat_map(|store| &store.segments) {
            mark(&segment.names[column], &mut used);
        }
        let mut names: Vec<&str> = stores.iter().flat_map(|store| texts(store, column)).flatten().collect();
        names.extend(shared.names.iter().zip(&used).filter(|(_, used)| **used).map(|(name, _)| &**name));
        names.sort_unstable();
        names.dedup();
        let missing = names.len() as u32;
        let find = |name: &str| names.binary_search(&name).map_or(missing, |place| place as u32);
        let mut place_of = vec![missing];
        place_of.extend(shared.names.iter().zip(&used).map(|(name, used)| if *used { find(name) } else { missing }));
        let local = stores.iter().map(|store| texts(store, column).map(|text| text.map_or(missing, find)).collect());
        let local: Vec<Vec<u32>> = local.collect();
        let places = if missing <= u8::MAX.into() {
            Places::Narrow(places(stores, column, rows, &place_of, &local, |place| place as u8))
        } else {
            Places::Wide(places(stores, column, rows, &place_of, &local, |place| place))
        };
        let hashes = names.iter().map(|name| shared.hash(name)).chain([0]).collect();
        Self { places, names: Arc::new(StringArray::from_iter_values(&names)), hashes }
    }

    /// A row's place among the names.
    pub(crate) fn place(&self, row: usize) -> u32 {
        match &self.places {
            Places::Narrow(places) => places[row].into(),
            Places::Wide(places) => places[row],
        }
    }

    /// The place that stands for a missing name.
    pub(crate) fn missing(&self) -> i32 {
        self.names.len() as i32
    }

    /// The places of rows in another order, as codes of a dictionary.
    pub(crate) fn ordered(&self, order: &[u32]) -> Vec<i32> {
        if self.names.is_empty() {
            return vec![self.missing(); order.len()];
        }
        match &self.places {
            Places::Narrow(places) => order.iter().map(|&row| places[row as usize].into()).collect(),
            Places::Wide(places) => order.iter().map(|&row| places[row as usize] as i32).collect(),
        }
    }
}

/// Texts of a store that are not among the shared names.
fn texts(store: &Store, column: usize) -> impl Iterator<Item = Option<&str>> {
    let table = store.texts.get(column);
    table.into_iter().flat_map(|table| (0..table.texts.len()).map(|i| std::str::from_utf8(table.texts.get(i)).ok()))
}

/// Marks the shared names that codes stand for.
fn mark(codes: &Codes, used: &mut [bool]) {
    let mut by_code = [false; 1 << u8::BITS];
    match codes {
        Codes::Narrow(codes) => {
            codes.iter().for_each(|&code| by_code[usize::from(code)] = true);
            used.iter_mut().zip(&by_code[1..]).for_each(|(used, now)| *used |= now);
        }
        _ => codes.each(|code| {
            if !code.is_none() && code.local_index().is_none() {
                used[code.0 as usize] = true;
            }
        }),
    }
}

/// The places of all rows: of shared names by code, where the first is that of a missing name, and of each store's own.
fn places<T: Copy + Default>(
    stores: &[Store],
    column: usize,
    rows: usize,
    shared: &[u32],
    own: &[Vec<u32>],
    narrowed: impl Fn(u32) -> T,
) -> Vec<T> {
    let mut places = Vec::with_capacity(rows);
    let mut by_code = [T::default(); 1 << u8::BITS];
    by_code.iter_mut().zip(shared).for_each(|(place, &shared)| *place = narrowed(shared));
    for (store, own) in stores.iter().zip(own) {
        for segment in &store.segments {
            match &segment.names[column] {
                Codes::Missing(rows) => places.resize(places.len() + rows, by_code[0]),
                Codes::Narrow(codes) => places.extend(codes.iter().map(|&code| by_code[usize::from(code)])),
                codes => codes.each(|code| {
                    let place = code.local_index().map_or_else(|| shared[code.0.wrapping_add(1) as usize], |own_at| own[own_at]);
                    places.push(narrowed(place));
                }),
            }
        }
    }
    places
}
