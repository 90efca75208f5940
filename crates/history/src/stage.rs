//! Rows on their way into a history, by partition of their customers: each id once, each column as narrow as its values.

use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::chunk::{Ids, Key, MISSING};
use crate::names::Name;
use crate::partition::{PartitionedChunk, gather};

pub(crate) const HASHER: FixedState = FixedState::with_seed(0);

/// Distinct ids with their hashes. Hashes are taken for the ids' identity.
#[derive(Debug, Default)]
pub(crate) struct IdTable {
    pub(crate) ids: Ids,
    pub(crate) hashes: Vec<u128>,
    table: HashTable<u32>,
}

impl IdTable {
    /// The place of an id, given on first sight.
    pub(crate) fn place(&mut self, hash: u128, id: &[u8]) -> u32 {
        self.place_of(hash, || id)
    }

    /// The same of an id that is only looked at on first sight.
    #[inline]
    pub(crate) fn place_of<'a>(&mut self, hash: u128, id: impl FnOnce() -> &'a [u8]) -> u32 {
        let Self { ids, hashes, table } = self;
        // The hash's highest bits are the same all over a partition; its lowest are spread.
        if let Some(&place) = table.find(hash as u64, |&place| hashes[place as usize] == hash) {
            return place;
        }
        let place = hashes.len() as u32;
        ids.push(id());
        hashes.push(hash);
        table.insert_unique(hash as u64, place, |&place| hashes[place as usize] as u64);
        place
    }

    pub(crate) fn of(ids: Ids, hashes: Vec<u128>) -> Self {
        // A store that came back from disk is only read.
        Self { ids, hashes, table: HashTable::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }
}

/// Distinct texts of one column that the load's names have no room for.
#[derive(Debug, Default)]
pub(crate) struct TextTable {
    pub(crate) texts: Ids,
    table: HashTable<u32>,
}

impl TextTable {
    pub(crate) fn place(&mut self, text: &[u8]) -> u32 {
        let Self { texts, table } = self;
        let hash = HASHER.hash_one(text);
        if let Some(&place) = table.find(hash, |&place| texts.get(place as usize) == text) {
            return place;
        }
        let place = texts.len() as u32;
        texts.push(text);
        table.insert_unique(hash, place, |&place| HASHER.hash_one(texts.get(place as usize)));
        place
    }

    pub(crate) fn of(texts: Ids) -> Self {
        Self { texts, table: HashTable::new() }
    }
}

/// Codes of names: 0 for a missing one, else the code and 1.
#[derive(Debug, Clone)]
pub(crate) enum Codes {
    Missing(usize),
    Narrow(Vec<u8>),
    Short(Vec<u16>),
    /// Codes as they are.
    Wide(Vec<Name>),
}

impl Codes {
    pub(crate) fn of(codes: Vec<Name>) -> Self {
        let most = codes.iter().map(|code| code.0.wrapping_add(1)).max().unwrap_or(0);
        let shifted = codes.iter().map(|code| code.0.wrapping_add(1));
        if most == 0 {
            Codes::Missing(codes.len())
        } else if most <= u32::from(u8::MAX) {
            Codes::Narrow(shifted.map(|code| code as u8).collect())
        } else if most <= u32::from(u16::MAX) {
            Codes::Short(shifted.map(|code| code as u16).collect())
        } else {
            Codes::Wide(codes)
        }
    }

    /// The same, as narrow as they can be.
    pub(crate) fn narrowed(self) -> Self {
        if let Codes::Wide(codes) = self { Self::of(codes) } else { self }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Codes::Missing(rows) => *rows,
            Codes::Narrow(codes) => codes.len(),
            Codes::Short(codes) => codes.len(),
            Codes::Wide(codes) => codes.len(),
        }
    }

    pub(crate) fn each(&self, mut each: impl FnMut(Name)) {
        match self {
            Codes::Missing(rows) => (0..*rows).for_each(|_| each(Name::NONE)),
            Codes::Narrow(codes) => codes.iter().for_each(|&code| each(Name(u32::from(code).wrapping_sub(1)))),
            Codes::Short(codes) => codes.iter().for_each(|&code| each(Name(u32::from(code).wrapping_sub(1)))),
            Codes::Wide(codes) => codes.iter().for_each(|&code| each(code)),
        }
    }

    /// Shows the codes of some rows.
    fn each_of(&self, rows: Range<usize>, mut each: impl FnMut(Name)) {
        match self {
            Codes::Missing(_) => rows.for_each(|_| each(Name::NONE)),
            Codes::Narrow(codes) => codes[rows].iter().for_each(|&code| each(Name(u32::from(code).wrapping_sub(1)))),
            Codes::Short(codes) => codes[rows].iter().for_each(|&code| each(Name(u32::from(code).wrapping_sub(1)))),
            Codes::Wide(codes) => codes[rows].iter().for_each(|&code| each(code)),
        }
    }

    /// The codes at these places.
    pub(crate) fn gathered(self, places: &[u32]) -> Self {
        match self {
            Codes::Missing(rows) => Codes::Missing(rows),
            Codes::Narrow(codes) => Codes::Narrow(gather(&codes, places)),
            Codes::Short(codes) => Codes::Short(gather(&codes, places)),
            Codes::Wide(codes) => Codes::Wide(gather(&codes, places)),
        }
    }

    /// Some rows of several columns, one after the other.
    pub(crate) fn joined<'a>(parts: impl Iterator<Item = (&'a Codes, Range<usize>)> + Clone) -> Self {
        let rows = parts.clone().map(|(_, rows)| rows.len()).sum();
        let widest = parts.clone().map(|(codes, _)| codes).max_by_key(|codes| codes.width());
        match widest {
            None | Some(Codes::Missing(_)) => Codes::Missing(rows),
            Some(Codes::Narrow(_)) => {
                let mut all = Vec::with_capacity(rows);
                for (codes, rows) in parts {
                    match codes {
                        Codes::Narrow(codes) => all.extend_from_slice(&codes[rows]),
                        other => other.each_of(rows, |code| all.push(code.0.wrapping_add(1) as u8)),
                    }
                }
                Codes::Narrow(all)
            }
            Some(Codes::Short(_)) => {
                let mut all = Vec::with_capacity(rows);
                for (codes, rows) in parts {
                    codes.each_of(rows, |code| all.push(code.0.wrapping_add(1) as u16));
                }
                Codes::Short(all)
            }
            Some(Codes::Wide(_)) => {
                let mut all = Vec::with_capacity(rows);
                for (codes, rows) in parts {
                    codes.each_of(rows, |code| all.push(code));
                }
                Codes::Wide(all)
            }
        }
    }

    /// Bytes of a code.
    fn width(&self) -> usize {
        match self {
            Codes::Missing(_) => 0,
            Codes::Narrow(_) => 1,
            Codes::Short(_) => 2,
            Codes::Wide(_) => 4,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Codes::Missing(_) => 0,
            Codes::Narrow(codes) => codes.len(),
            Codes::Short(codes) => codes.len() * 2,
            Codes::Wide(codes) => codes.len() * 4,
        }
    }
}

/// Integers, [`MISSING`] where there is none.
#[derive(Debug)]
pub(crate) enum Numbers {
    Missing(usize),
    /// The least integer stands for a missing one.
    Narrow(Vec<i32>),
    Wide(Vec<i64>),
}

impl Numbers {
    pub(crate) fn of(values: Vec<i64>) -> Self {
        let fits = |value: i64| value == i64::from(value as i32) && value as i32 != i32::MIN;
        let Some(&first) = values.iter().find(|value| **value != MISSING) else { return Numbers::Missing(values.len()) };
        // Nearly all times are wide.
        if !fits(first) {
            return Numbers::Wide(values);
        }
        let mut all_fit = true;
        let narrow = values.iter().map(|&value| {
            let missing = value == MISSING;
            all_fit &= missing | fits(value);
            if missing { i32::MIN } else { value as i32 }
        });
        let narrow = narrow.collect();
        if all_fit { Numbers::Narrow(narrow) } else { Numbers::Wide(values) }
    }

    pub(crate) fn each(&self, mut each: impl FnMut(i64)) {
        match self {
            Numbers::Missing(rows) => (0..*rows).for_each(|_| each(MISSING)),
            Numbers::Narrow(values) => {
                values.iter().for_each(|&value| each(if value == i32::MIN { MISSING } else { i64::from(value) }));
            }
            Numbers::Wide(values) => values.iter().for_each(|&value| each(value)),
        }
    }

    /// Shows the numbers of some rows.
    fn each_of(&self, rows: Range<usize>, mut each: impl FnMut(i64)) {
        match self {
            Numbers::Missing(_) => rows.for_each(|_| each(MISSING)),
            Numbers::Narrow(values) => {
                values[rows].iter().for_each(|&value| each(if value == i32::MIN { MISSING } else { i64::from(value) }));
            }
            Numbers::Wide(values) => values[rows].iter().for_each(|&value| each(value)),
        }
    }

    /// The numbers at these places.
    pub(crate) fn gathered(self, places: &[u32]) -> Self {
        match self {
            Numbers::Missing(rows) => Numbers::Missing(rows),
            Numbers::Narrow(values) => Numbers::Narrow(gather(&values, places)),
            Numbers::Wide(values) => Numbers::Wide(gather(&values, places)),
        }
    }

    /// Some rows of several columns, one after the other.
    pub(crate) fn joined<'a>(parts: impl Iterator<Item = (&'a Numbers, Range<usize>)> + Clone) -> Self {
        let rows = parts.clone().map(|(_, rows)| rows.len()).sum();
        let widest = parts.clone().map(|(numbers, _)| numbers).max_by_key(|numbers| numbers.width());
        match widest {
            None | Some(Numbers::Missing(_)) => Numbers::Missing(rows),
            Some(Numbers::Narrow(_)) => {
                let mut all = Vec::with_capacity(rows);
                for (numbers, rows) in parts {
                    match numbers {
                        Numbers::Narrow(values) => all.extend_from_slice(&values[rows]),
                        _ => all.extend(rows.map(|_| i32::MIN)),
                    }
                }
                Numbers::Narrow(all)
            }
            Some(Numbers::Wide(_)) => {
                let mut all = Vec::with_capacity(rows);
                for (numbers, rows) in parts {
                    match numbers {
                        Numbers::Wide(values) => all.extend_from_slice(&values[rows]),
                        other => other.each_of(rows, |value| all.push(value)),
                    }
                }
                Numbers::Wide(all)
            }
        }
    }

    /// Bytes of a number.
    fn width(&self) -> usize {
        match self {
            Numbers::Missing(_) => 0,
            Numbers::Narrow(_) => 4,
            Numbers::Wide(_) => 8,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Numbers::Missing(_) => 0,
            Numbers::Narrow(values) => values.len() * 4,
            Numbers::Wide(values) => values.len() * 8,
        }
    }
}

/// Rows of one partition that were staged together.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Which export so many rows come from, one run after the other.
    pub(crate) exports: Vec<(u32, u32)>,
    /// Each row's customer, as a place in the store's ids.
    pub(crate) owners: Vec<u32>,
    pub(crate) times: Vec<Numbers>,
    pub(crate) names: Vec<Codes>,
    pub(crate) amounts: Vec<(Numbers, u8)>,
    /// Empty where rows have no keys.
    pub(crate) keys: Vec<Key>,
    /// Numbers of the rows in their exports; empty where rows have no keys.
    pub(crate) numbers: Vec<u64>,
}

impl Segment {
    fn bytes(&self) -> usize {
        self.owners.len() * 4
            + self.times.iter().map(Numbers::bytes).sum::<usize>()
            + self.names.iter().map(Codes::bytes).sum::<usize>()
            + self.amounts.iter().map(|(units, _)| units.bytes()).sum::<usize>()
            + self.keys.len() * 16
            + self.numbers.len() * 8
    }
}

/// The staged rows of one partition.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) ids: IdTable,
    /// For each column of names the texts that its codes marked as local stand for.
    pub(crate) texts: Vec<TextTable>,
    pub(crate) segments: Vec<Segment>,
}

impl Store {
    pub(crate) fn rows(&self) -> usize {
        self.segments.iter().map(|segment| segment.owners.len()).sum()
    }

    /// The rows as those of the one export of their load.
    pub(crate) fn into_new(mut self) -> Self {
        for segment in &mut self.segments {
            segment.exports = vec![(0, segment.owners.len() as u32)];
        }
        self
    }

    /// Takes the rows of a partition out of chunks. Returns about how many bytes they take.
    pub(crate) fn absorb(&mut self, partition: usize, chunks: &[PartitionedChunk]) -> usize {
        let Some(like) = chunks.first() else { return 0 };
        let rows: usize = chunks.iter().map(|chunk| chunk.rows_of(partition).len()).sum();
        if rows == 0 {
            return 0;
        }
        self.texts.resize_with(like.names.len(), TextTable::default);
        let before = self.ids.len();
        let ids_before = self.ids.ids.bytes.len();
        let text_bytes =
            |texts: &[TextTable]| texts.iter().map(|table| table.texts.bytes.len() + 24 * table.texts.len()).sum::<usize>();
        let texts_before = text_bytes(&self.texts);
        let mut owners = Vec::with_capacity(rows);
        let mut exports: Vec<(u32, u32)> = Vec::new();
        for part in chunks {
            let range = part.rows_of(partition);
            match exports.last_mut() {
                Some((export, count)) if *export == part.export => *count += range.len() as u32,
                _ => exports.push((part.export, range.len() as u32)),
            }
            owners.extend(range.map(|row| self.ids.place_of(part.hashes[row], || part.id(row))));
        }
        let times = (0..like.times.len())
            .map(|column| Numbers::joined(chunks.iter().map(|part| (&part.times[column], part.rows_of(partition)))));
        let names = (0..like.names.len()).map(|column| {
            let parts = chunks.iter().map(|part| (&part.names[column], part.rows_of(partition)));
            if chunks.iter().all(|part| part.texts[column].is_empty()) {
                return Codes::joined(parts);
            }
            let mut codes = Vec::with_capacity(rows);
            for (part, (names, rows)) in chunks.iter().zip(parts) {
                let texts = &part.texts[column];
                names.each_of(rows, |code| {
                    codes.push(match code.local_index() {
                        Some(index) => Name::local(self.texts[column].place(texts[index].as_bytes()) as usize),
                        None => code,
                    });
                });
            }
            Codes::of(codes)
        });
        let amounts = (0..like.amounts.len()).map(|column| {
            let parts = chunks.iter().map(|part| (&part.amounts[column].0, part.rows_of(partition)));
            let scale = chunks.iter().map(|part| part.amounts[column].1).max().unwrap_or_default();
            if chunks.iter().all(|part| part.amounts[column].1 == scale) {
                return (Numbers::joined(parts), scale);
            }
            let mut all = Vec::with_capacity(rows);
            for (part, (units, rows)) in chunks.iter().zip(parts) {
                // The loader has seen to it that every amount fits at the largest scale.
                let factor = 10i64.pow(u32::from(scale - part.amounts[column].1));
                units.each_of(rows, |units| all.push(if units == MISSING { MISSING } else { units * factor }));
            }
            (Numbers::of(all), scale)
        });
        let keyed = !like.keys.is_empty();
        let segment = Segment {
            times: times.collect(),
            names: names.collect(),
            amounts: amounts.collect(),
            keys: if keyed { concat(chunks, partition, rows, |part| &part.keys) } else { Vec::new() },
            numbers: if keyed { concat(chunks, partition, rows, |part| &part.numbers) } else { Vec::new() },
            exports,
            owners,
        };
        let bytes =
            segment.bytes() + self.ids.ids.bytes.len() - ids_before + (self.ids.len() - before) * 32 + text_bytes(&self.texts)
                - texts_before;
        self.segments.push(segment);
        bytes
    }
}

fn concat<T: Copy>(
    parts: &[PartitionedChunk],
    partition: usize,
    rows: usize,
    column: impl Fn(&PartitionedChunk) -> &Vec<T>,
) -> Vec<T> {
    let mut all = Vec::with_capacity(rows);
    for part in parts {
        all.extend_from_slice(&column(part)[part.rows_of(partition)]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn numbers_come_back(values in proptest::collection::vec(proptest::prop_oneof![
            proptest::prelude::Just(MISSING), proptest::prelude::any::<i64>(), -5i64..5, proptest::prelude::Just(i64::from(i32::MIN)),
        ], 0..20)) {
            let mut back = Vec::new();
            Numbers::of(values.clone()).each(|value| back.push(value));
            proptest::prop_assert_eq!(back, values);
        }

        #[test]
        fn codes_come_back(values in proptest::collection::vec(proptest::prop_oneof![
            proptest::prelude::Just(u32::MAX), 0u32..3, 250u32..260, 65_530u32..65_540, proptest::prelude::Just(Name::local(3).0),
        ], 0..20)) {
            let names: Vec<Name> = values.into_iter().map(Name).collect();
            let mut back = Vec::new();
            Codes::of(names.clone()).each(|name| back.push(name));
            proptest::prop_assert_eq!(back, names);
        }
    }

    #[test]
    fn an_id_has_one_place() {
        let mut table = IdTable::default();
        assert_eq!([table.place(5, b"a"), table.place(6, b"b"), table.place(5, b"a")], [0, 1, 0]);
        assert_eq!((table.len(), table.ids.get(1)), (2, &b"b"[..]));
    }
}
