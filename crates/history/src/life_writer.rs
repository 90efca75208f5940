//! The rows of one thread on their way to the shards of their customers.

use crate::fingerprint::{self, Fingerprint, RowParts};
use crate::id_key::{Spread, TextKey, number_hash, uuid_of};
use crate::layout::id_hash;
use crate::life_table::Waiting;
use crate::lives::{Ids, LifeWriter, Lives, NoId, SHARD_BITS, SHARDS, locked};
use crate::manifest::join_spans;
use crate::stretches::StretchCursor;

/// Rows of room between queues: queues that lay at even distances would drive one another out of a core's caches.
const GAP: usize = 8;

/// Rows of one kind that wait for their shards.
struct Queues<K> {
    rows: Vec<Waiting<K>>,
    lengths: Vec<u16>,
    together: usize,
}

impl<K: Spread> Queues<K> {
    fn new(together: usize) -> Self {
        Self { rows: Vec::new(), lengths: vec![0; SHARDS], together }
    }

    #[inline(always)]
    fn push(&mut self, key: K, spread: u64, stretch: u32, full: impl FnOnce(usize, &[Waiting<K>])) {
        if self.rows.is_empty() {
            self.rows.resize(SHARDS * (self.together + GAP), Waiting::default());
        }
        let shard = shard_of(spread);
        let length = &mut self.lengths[shard];
        let queue = &mut self.rows[shard * (self.together + GAP)..][..self.together];
        queue[*length as usize] = Waiting { key, spread: spread as u32, stretch };
        *length += 1;
        if usize::from(*length) == self.together {
            *length = 0;
            full(shard, queue);
        }
    }

    fn flush(&mut self, full: impl Fn(usize, &[Waiting<K>])) {
        for (shard, length) in self.lengths.iter_mut().enumerate().filter(|(_, length)| **length > 0) {
            full(shard, &self.rows[shard * (self.together + GAP)..][..usize::from(*length)]);
            *length = 0;
        }
    }
}

#[inline]
fn shard_of(spread: u64) -> usize {
    (spread >> (u64::BITS - SHARD_BITS)) as usize
}

/// An id of a dictionary.
struct Known {
    key: KnownKey,
    hash: u128,
}

enum KnownKey {
    Uuid([u64; 2], u64),
    Short([u64; 2], u64),
    Integer(i64, u64),
    /// Where it lies in the dictionary's texts.
    Text(usize, usize),
}

pub(crate) struct Writer<'a, const W: usize, const B: usize> {
    lives: &'a Lives<'a, W, B>,
    cursor: StretchCursor<'a>,
    queues: AllQueues,
    dictionary: Vec<Known>,
    dictionary_texts: Vec<u8>,
    content: Fingerprint,
    span: Option<(i64, i64)>,
    /// The stretches of the rows at hand.
    stretches: Vec<u32>,
    /// Their ids, where these are UUIDs.
    uuids: Vec<[u64; 2]>,
}

struct AllQueues {
    uuids: Queues<[u64; 2]>,
    shorts: Queues<[u64; 2]>,
    integers: Queues<i64>,
}

impl AllQueues {
    #[inline]
    fn push_uuid<const W: usize, const B: usize>(&mut self, lives: &Lives<'_, W, B>, key: [u64; 2], spread: u64, stretch: u32) {
        self.uuids
            .push(key, spread, stretch, |shard, rows| lives.with(shard, |shard| shard.uuids.add(rows, lives.job.stretches)));
    }

    #[inline]
    fn push_short<const W: usize, const B: usize>(&mut self, lives: &Lives<'_, W, B>, key: [u64; 2], spread: u64, stretch: u32) {
        self.shorts
            .push(key, spread, stretch, |shard, rows| lives.with(shard, |shard| shard.shorts.add(rows, lives.job.stretches)));
    }

    #[inline]
    fn push_integer<const W: usize, const B: usize>(&mut self, lives: &Lives<'_, W, B>, key: i64, spread: u64, stretch: u32) {
        self.integers
            .push(key, spread, stretch, |shard, rows| lives.with(shard, |shard| shard.integers.add(rows, lives.job.stretches)));
    }
}

fn add_text<const W: usize, const B: usize>(lives: &Lives<'_, W, B>, text: &[u8], hash: u128, stretch: u32) {
    let hash = hash as u64;
    lives.with(shard_of(hash), |shard| shard.texts.add(text, hash, stretch, lives.job.stretches));
}

impl<'a, const W: usize, const B: usize> Writer<'a, W, B> {
    pub(crate) fn new(lives: &'a Lives<'a, W, B>) -> Self {
        Self {
            lives,
            cursor: lives.job.stretches.cursor(),
            queues: AllQueues {
                uuids: Queues::new(lives.job.together),
                shorts: Queues::new(lives.job.together),
                integers: Queues::new(lives.job.together),
            },
            dictionary: Vec::new(),
            dictionary_texts: Vec::new(),
            content: Fingerprint::default(),
            span: None,
            stretches: Vec::new(),
            uuids: Vec::new(),
        }
    }

    /// Takes rows into the fingerprint.
    #[inline(always)]
    fn note<'t>(&mut self, rows: impl IntoIterator<Item = (u128, &'t i64)>) {
        // Held here, what is the same for all rows is worked out once.
        let (event, mut content) = (self.lives.job.event, Fingerprint::default());
        for (customer, &time) in rows {
            content += fingerprint::row(&RowParts { customer, time, event, value: None, currency: 0, attributes: 0 });
        }
        self.content += content;
    }

    fn find_stretches(&mut self, times: &[i64]) {
        self.stretches.clear();
        self.stretches.extend(times.iter().map(|&time| self.cursor.at(time)));
    }

    /// Whether all texts are UUIDs, which are then known.
    fn are_uuids(&mut self, bytes: &[u8], places: &[(u32, u32)]) -> bool {
        self.uuids.clear();
        for &(from, to) in places {
            let Some(key) = uuid_of(&bytes[from as usize..to as usize]) else { return false };
            self.uuids.push(key);
        }
        true
    }

    fn note_span(&mut self, times: &[i64]) {
        let Some(&first) = times.first() else { return };
        let (first, last) = times.iter().fold(self.span.unwrap_or((first, first)), |(a, b), &at| (a.min(at), b.max(at)));
        self.span = Some((first, last));
    }
}

/// A text as it stands for a customer: without spaces around it.
#[inline]
fn id_of(text: &[u8]) -> Result<&[u8], NoId> {
    let solid = |byte: Option<&u8>| byte.is_some_and(|byte| (0x21..0x7f).contains(byte));
    if solid(text.first()) && solid(text.last()) && text.is_ascii() {
        return Ok(text);
    }
    match std::str::from_utf8(text).map(str::trim) {
        Ok("") | Err(_) => Err(NoId),
        Ok(text) => Ok(text.as_bytes()),
    }
}

impl<const W: usize, const B: usize> LifeWriter for Writer<'_, W, B> {
    fn dictionary(&mut self, ids: Ids<'_>) -> Result<(), NoId> {
        self.dictionary.clear();
        self.dictionary_texts.clear();
        match ids {
            Ids::Integers(numbers) => self.dictionary.extend(numbers.iter().map(|&number| {
                let key = KnownKey::Integer(number, number.spread());
                Known { key, hash: number_hash(number) }
            })),
            Ids::Texts(bytes, places) => {
                for &(from, to) in places {
                    let text = id_of(&bytes[from as usize..to as usize])?;
                    let key = match TextKey::of(text) {
                        TextKey::Uuid(key) => KnownKey::Uuid(key, key.spread()),
                        TextKey::Short(key) => KnownKey::Short(key, key.spread()),
                        TextKey::Long(text) => {
                            let from = self.dictionary_texts.len();
                            self.dictionary_texts.extend_from_slice(text);
                            KnownKey::Text(from, self.dictionary_texts.len())
                        }
                    };
                    self.dictionary.push(Known { key, hash: id_hash(text) });
                }
            }
        }
        Ok(())
    }

    fn rows(&mut self, ids: Ids<'_>, times: &[i64]) -> Result<(), NoId> {
        self.note_span(times);
        match ids {
            Ids::Integers(numbers) => {
                self.find_stretches(times);
                // Each loop does one thing, so that a core works at several rows at once.
                self.note(numbers.iter().map(|&number| number_hash(number)).zip(times));
                for (&number, &stretch) in numbers.iter().zip(&self.stretches) {
                    self.queues.push_integer(self.lives, number, number.spread(), stretch);
                }
            }
            Ids::Texts(bytes, places) if self.are_uuids(bytes, places) => {
                self.find_stretches(times);
                let hashes = places.iter().map(|&(from, to)| id_hash(&bytes[from as usize..to as usize]));
                self.note(hashes.zip(times));
                for (&key, &stretch) in self.uuids.iter().zip(&self.stretches) {
                    self.queues.push_uuid(self.lives, key, key.spread(), stretch);
                }
            }
            Ids::Texts(bytes, places) => {
                for (&(from, to), &time) in places.iter().zip(times) {
                    let text = &bytes[from as usize..to as usize];
                    let stretch = self.cursor.at(time);
                    let mut key = TextKey::of(text);
                    let mut id = text;
                    if !matches!(key, TextKey::Uuid(_)) {
                        id = id_of(text)?;
                        key = if id.len() == text.len() { key } else { TextKey::of(id) };
                    }
                    let hash = id_hash(id);
                    self.note([(hash, &time)]);
                    match key {
                        TextKey::Uuid(key) => self.queues.push_uuid(self.lives, key, key.spread(), stretch),
                        TextKey::Short(key) => self.queues.push_short(self.lives, key, key.spread(), stretch),
                        TextKey::Long(text) => add_text(self.lives, text, hash, stretch),
                    }
                }
            }
        }
        Ok(())
    }

    fn coded_rows(&mut self, codes: &[u32], times: &[i64]) -> Result<(), NoId> {
        self.note_span(times);
        for (&code, &time) in codes.iter().zip(times) {
            let stretch = self.cursor.at(time);
            let known = self.dictionary.get(code as usize).ok_or(NoId)?;
            let hash = known.hash;
            match known.key {
                KnownKey::Uuid(key, spread) => self.queues.push_uuid(self.lives, key, spread, stretch),
                KnownKey::Short(key, spread) => self.queues.push_short(self.lives, key, spread, stretch),
                KnownKey::Integer(key, spread) => self.queues.push_integer(self.lives, key, spread, stretch),
                KnownKey::Text(from, to) => add_text(self.lives, &self.dictionary_texts[from..to], hash, stretch),
            }
            self.note([(hash, &time)]);
        }
        Ok(())
    }

    fn flush(&mut self) {
        let lives = self.lives;
        self.queues.uuids.flush(|shard, rows| lives.with(shard, |shard| shard.uuids.add(rows, lives.job.stretches)));
        self.queues.shorts.flush(|shard, rows| lives.with(shard, |shard| shard.shorts.add(rows, lives.job.stretches)));
        self.queues.integers.flush(|shard, rows| lives.with(shard, |shard| shard.integers.add(rows, lives.job.stretches)));
        let mut seen = locked(&lives.seen);
        seen.0 += std::mem::take(&mut self.content);
        seen.1 = [seen.1, self.span.take()].into_iter().flatten().reduce(join_spans);
    }
}
