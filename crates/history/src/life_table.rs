//! Tables of customers and the periods that they were active in.

use hashbrown::HashTable;

use crate::id_key::Spread;
use crate::stretches::Stretches;

/// When a customer was active. `W` words hold a bit for each period. The stretch of the first activity stands `B` times: once,
/// or never where each stretch is a period by itself, and the first period tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life<const W: usize, const B: usize> {
    births: [u32; B],
    periods: [u64; W],
}

impl<const W: usize, const B: usize> Life<W, B> {
    const NONE: Self = Self { births: [u32::MAX; B], periods: [0; W] };

    /// Whether there was no activity.
    #[inline]
    fn is_none(&self) -> bool {
        self.periods.iter().fold(0, |all, word| all | word) == 0
    }

    #[inline]
    fn add(&mut self, stretch: u32, period: u32) {
        self.births.iter_mut().for_each(|birth| *birth = (*birth).min(stretch));
        self.periods[(period / u64::BITS) as usize % W] |= 1 << (period % u64::BITS);
    }

    /// The stretch of the first activity.
    #[inline]
    pub(crate) fn birth(&self) -> usize {
        match self.births.first() {
            Some(&birth) => birth as usize,
            None => self.periods().next().unwrap_or_default(),
        }
    }

    /// The periods, in order.
    #[inline]
    pub(crate) fn periods(&self) -> impl Iterator<Item = usize> {
        self.periods.into_iter().enumerate().flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                let next = bits.trailing_zeros();
                (bits != 0).then(|| {
                    bits &= bits - 1;
                    word * u64::BITS as usize + next as usize
                })
            })
        })
    }
}

/// A row that waits for its table.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waiting<K> {
    pub(crate) key: K,
    /// The lowest bits of the key, spread.
    pub(crate) spread: u32,
    pub(crate) stretch: u32,
}

/// Aligned, so that few lie in two lines of a cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(16))]
struct Slot<K, const W: usize, const B: usize> {
    key: K,
    life: Life<W, B>,
}

/// Lives by key, in one array: a row costs one access to memory that is not at hand.
#[derive(Debug)]
pub(crate) struct LifeTable<K, const W: usize, const B: usize> {
    /// A power of two, of which at least a quarter is free; or none.
    slots: Vec<Slot<K, W, B>>,
    used: usize,
}

impl<K, const W: usize, const B: usize> Default for LifeTable<K, W, B> {
    fn default() -> Self {
        Self { slots: Vec::new(), used: 0 }
    }
}

/// Rows whose slots are looked at together, so that they are fetched together.
const TOGETHER: usize = 64;

const LEAST_SLOTS: usize = 64;

/// No place in a table, none of which has so many.
const ELSEWHERE: u32 = u32::MAX;

/// The first of the two slots that a key is looked for in first: they lie beside one another.
#[inline]
fn pair_of(spread: u32, mask: usize) -> usize {
    spread as usize & mask & !1
}

impl<K: Spread, const W: usize, const B: usize> LifeTable<K, W, B> {
    /// Adds rows, and says how many bytes the table has grown by.
    pub(crate) fn add(&mut self, rows: &[Waiting<K>], stretches: &Stretches) -> usize {
        let mut grown = 0;
        for rows in rows.chunks(TOGETHER) {
            grown += self.make_room(rows.len());
            let mask = self.slots.len() - 1;
            let mut places = [ELSEWHERE; TOGETHER];
            for (place, row) in places.iter_mut().zip(rows) {
                let first = pair_of(row.spread, mask);
                let [a, b] = [&self.slots[first], &self.slots[first + 1]];
                // Without branches, which would wait for the slots.
                let in_a = !a.life.is_none() & (a.key == row.key);
                let in_b = !b.life.is_none() & (b.key == row.key);
                let none = u32::from(in_a | in_b).wrapping_sub(1);
                *place = (first as u32 + u32::from(in_b)) | none;
            }
            for (&place, row) in places.iter().zip(rows) {
                let at = match place {
                    ELSEWHERE => self.find(row.key, pair_of(row.spread, mask)),
                    place => place as usize,
                };
                self.slots[at].life.add(row.stretch, stretches.period(row.stretch));
            }
        }
        grown
    }

    /// The slot of a key, taken for it where it had none.
    fn find(&mut self, key: K, mut at: usize) -> usize {
        let mask = self.slots.len() - 1;
        loop {
            let slot = &mut self.slots[at];
            if slot.life.is_none() {
                slot.key = key;
                self.used += 1;
                return at;
            }
            if slot.key == key {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    /// Makes room for so many more, and says how many bytes it took.
    fn make_room(&mut self, more: usize) -> usize {
        let before = self.slots.len();
        if (self.used + more) * 4 <= before * 3 && before > 0 {
            return 0;
        }
        let size = ((self.used + more) * 2).next_power_of_two().max(LEAST_SLOTS);
        if size <= before {
            return 0;
        }
        let empty = Slot { key: K::default(), life: Life::NONE };
        let old = std::mem::replace(&mut self.slots, vec![empty; size]);
        for slot in old.into_iter().filter(|slot| !slot.life.is_none()) {
            let mut at = pair_of(slot.key.spread() as u32, size - 1);
            while !self.slots[at].life.is_none() {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = slot;
        }
        (size - before) * size_of::<Slot<K, W, B>>()
    }

    pub(crate) fn lives(&self) -> impl Iterator<Item = &Life<W, B>> {
        self.slots.iter().map(|slot| &slot.life).filter(|life| !life.is_none())
    }
}

/// Lives by texts that lie one after the other.
#[derive(Debug)]
pub(crate) struct TextTable<const W: usize, const B: usize> {
    entries: HashTable<TextEntry<W, B>>,
    texts: Vec<u8>,
}

impl<const W: usize, const B: usize> Default for TextTable<W, B> {
    fn default() -> Self {
        Self { entries: HashTable::new(), texts: Vec::new() }
    }
}

#[derive(Debug)]
struct TextEntry<const W: usize, const B: usize> {
    hash: u64,
    from: usize,
    length: usize,
    life: Life<W, B>,
}

impl<const W: usize, const B: usize> TextTable<W, B> {
    /// Adds a row, and says how many bytes the table has grown by.
    pub(crate) fn add(&mut self, text: &[u8], hash: u64, stretch: u32, stretches: &Stretches) -> usize {
        let before = self.bytes();
        let Self { entries, texts } = self;
        let is_it = |entry: &TextEntry<W, B>| entry.hash == hash && texts[entry.from..entry.from + entry.length] == *text;
        let period = stretches.period(stretch);
        if let Some(entry) = entries.find_mut(hash, is_it) {
            entry.life.add(stretch, period);
            return 0;
        }
        let mut life = Life::NONE;
        life.add(stretch, period);
        let entry = TextEntry { hash, from: texts.len(), length: text.len(), life };
        texts.extend_from_slice(text);
        entries.insert_unique(hash, entry, |entry| entry.hash);
        self.bytes() - before
    }

    fn bytes(&self) -> usize {
        self.entries.allocation_size() + self.texts.capacity()
    }

    pub(crate) fn lives(&self) -> impl Iterator<Item = &Life<W, B>> {
        self.entries.iter().map(|entry| &entry.life)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tenure_model::Instant;

    use super::*;

    fn stretches() -> Stretches {
        Stretches::new((0..200).map(|i| (Instant(i), i as u32)), Instant(0), Instant(199))
    }

    /// Birth and periods of each life, in order.
    fn sorted<'a, const B: usize>(lives: impl Iterator<Item = &'a Life<4, B>>) -> Vec<(u32, Vec<usize>)> {
        let mut lives: Vec<_> = lives.map(|life| (life.birth() as u32, life.periods().collect())).collect();
        lives.sort();
        lives
    }

    proptest::proptest! {
        #[test]
        fn tables_know_every_key(rows in proptest::collection::vec((-40i64..40, 0u32..200), 0..300), parts in 1usize..50) {
            let stretches = stretches();
            let mut expected: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
            let (mut numbers, mut texts) = (LifeTable::<i64, 4, 0>::default(), TextTable::<4, 1>::default());
            for rows in rows.chunks(parts) {
                // Keys whose bits all begin alike come to lie beside one another.
                let waiting = rows.iter().map(|&(key, stretch)| Waiting { key, spread: key.spread() as u32, stretch });
                numbers.add(&waiting.collect::<Vec<_>>(), &stretches);
                for &(key, stretch) in rows {
                    texts.add(key.to_string().as_bytes(), key as u64 % 3, stretch, &stretches);
                    expected.entry(key).or_default().push(stretch as usize);
                }
            }
            let mut lives: Vec<(u32, Vec<usize>)> = expected.into_values().map(|mut periods| {
                periods.sort();
                periods.dedup();
                (periods[0] as u32, periods)
            }).collect();
            lives.sort();
            proptest::prop_assert_eq!(sorted(numbers.lives()), lives.clone());
            proptest::prop_assert_eq!(sorted(texts.lives()), lives);
        }
    }
}
