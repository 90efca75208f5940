//! Activity counted by customer where rows lie in no order: for each customer the first stretch and the periods.
//!
//! Customers are parted by their ids into shards. Each thread collects rows by shard and takes a shard's lock for many
//! rows at once. Of up to 64 periods a life takes 32 bytes in tables that are at most three quarters full, and more where ids
//! are long texts. Where tables would take more memory than is allowed, half of the shards are
//! put off, and the rows are gone through again for them: memory is bounded, time is not.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::fingerprint::{self, Fingerprint, RowParts, name_hash};
use crate::history::History;
use crate::id_key::{Spread, TextKey, number_hash, uuid_of};
use crate::layout::id_hash;
use crate::life_table::{Life, LifeTable, TextTable, Waiting};
use crate::stretches::{StretchCursor, Stretches};

const SHARD_BITS: u32 = 8;

const SHARDS: usize = 1 << SHARD_BITS;

/// The most rows that wait together for a shard. /// The more of them there are, the more of a shard's memory is still at hand for the next.
const MOST_TOGETHER: usize = 2048;

/// The fewest: a lock should be worth taking.
const LEAST_TOGETHER: usize = 16;

/// Rows of room between queues: queues that lay at even distances would drive one another out of a core's caches.
const GAP: usize = 8;

/// The most periods that lives are counted by.
const MOST_PERIODS: usize = 16 * u64::BITS as usize;

/// Activity whose rows lie in no order.
pub trait Unordered {
    /// What is known of it before its rows are read.
    fn outline(&self) -> &History;

    /// Reads the rows, and counts lives; nothing where the rows are not as they seemed: they are to be laid out first.
    fn lives(&self, stretches: &Stretches) -> Option<LifeCounts>;
}

/// Ids as they lie in an export.
#[derive(Debug, Clone, Copy)]
pub enum Ids<'a> {
    /// Texts at these places of the bytes: from, and up to.
    Texts(&'a [u8], &'a [(u32, u32)]),
    /// Whole numbers, which stand for their decimal digits.
    Integers(&'a [i64]),
}

/// Something that is no id, or no text: the rows can't be counted as they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoId;

/// Takes the rows of many threads.
pub trait LifeWriters: Sync {
    /// What takes those of one.
    fn writer(&self) -> Box<dyn LifeWriter + '_>;
}

/// Takes the rows of one thread.
pub trait LifeWriter: Send {
    /// Sets the ids that codes stand for.
    ///
    /// # Errors
    ///
    /// [`NoId`] where one of them is none.
    fn dictionary(&mut self, ids: Ids<'_>) -> Result<(), NoId>;

    /// Adds rows, by ids and times in microseconds UTC.
    ///
    /// # Errors
    ///
    /// [`NoId`] where a row has none.
    fn rows(&mut self, ids: Ids<'_>, times: &[i64]) -> Result<(), NoId>;

    /// Adds rows, by places in the dictionary and times.
    ///
    /// # Errors
    ///
    /// [`NoId`] where a row has none.
    fn coded_rows(&mut self, codes: &[u32], times: &[i64]) -> Result<(), NoId>;

    /// Hands over what waits. Rows may follow.
    fn flush(&mut self);
}

/// What lives add up to.
#[derive(Debug, Default)]
pub struct LifeCounts {
    /// Customers by the stretch of their first activity.
    pub born: Vec<u64>,
    /// Customers active, by the stretch of their first activity and the period: as many counters for each stretch as there
    /// are periods.
    pub active: Vec<u64>,
    /// The fingerprint of the rows.
    pub content: Fingerprint,
    /// First and last time, microseconds UTC.
    pub span: Option<(i64, i64)>,
}

/// Counts lives. `read` is called once or more, and each time hands all rows, about `rows` of them, to writers, one for each
/// thread; where it gives nothing, neither is anything counted. Each row has the event `event` and no other attribute.
///
/// Tables take up to `memory` bytes, and a little more while they grow; beside them a thread needs up to 13 MB.
pub fn count_lives(
    stretches: &Stretches,
    event: &str,
    rows: u64,
    memory: u64,
    read: &dyn Fn(&dyn LifeWriters) -> Option<()>,
) -> Option<LifeCounts> {
    let together = usize::try_from(rows / (SHARDS as u64 * 8)).unwrap_or(usize::MAX);
    let together = together.clamp(LEAST_TOGETHER, MOST_TOGETHER);
    let job = Job { stretches, event: name_hash(event), memory, together };
    let pass = |words: usize, from: usize, width: usize| match words {
        0 | 1 => pass::<1>(&job, from..from + width, read),
        2 => pass::<2>(&job, from..from + width, read),
        3 | 4 => pass::<4>(&job, from..from + width, read),
        5..=8 => pass::<8>(&job, from..from + width, read),
        _ => pass::<16>(&job, from..from + width, read),
    };
    if stretches.is_empty() || stretches.width() > MOST_PERIODS {
        return None;
    }
    let words = stretches.width().div_ceil(u64::BITS as usize);
    let (mut from, mut width) = (0, SHARDS);
    let mut counts: Option<LifeCounts> = None;
    while from < SHARDS {
        let (done, next) = pass(words, from, width.min(SHARDS - from))?;
        (from, width) = (next, next - from);
        match &mut counts {
            None => counts = Some(done),
            Some(all) => all.join(&done),
        }
    }
    counts
}

impl LifeCounts {
    fn new(stretches: &Stretches) -> Self {
        let cells = stretches.len() * stretches.width();
        Self { born: vec![0; stretches.len()], active: vec![0; cells], ..Self::default() }
    }

    /// Adds other customers, of rows that have been seen before.
    fn join(&mut self, other: &Self) {
        self.born.iter_mut().zip(&other.born).for_each(|(all, more)| *all += more);
        self.active.iter_mut().zip(&other.active).for_each(|(all, more)| *all += more);
    }

    fn add<const W: usize>(&mut self, life: &Life<W>, periods: usize) {
        self.born[life.birth as usize] += 1;
        let cells = &mut self.active[life.birth as usize * periods..][..periods];
        life.periods().for_each(|period| cells[period] += 1);
    }
}

/// What all passes share.
struct Job<'a> {
    stretches: &'a Stretches,
    event: u64,
    memory: u64,
    /// Rows that wait together for a shard.
    together: usize,
}

/// Counts the customers of some shards, and says where the next pass is to begin.
fn pass<const W: usize>(
    job: &Job<'_>,
    shards: std::ops::Range<usize>,
    read: &dyn Fn(&dyn LifeWriters) -> Option<()>,
) -> Option<(LifeCounts, usize)> {
    let stretches = job.stretches;
    let lives = Lives::<W> {
        job,
        from: shards.start,
        to: AtomicUsize::new(shards.end),
        bytes: AtomicU64::new(0),
        shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        seen: Mutex::default(),
    };
    read(&lives)?;
    let (content, span) = *locked(&lives.seen);
    let to = lives.to.into_inner();
    let counted = lives.shards.into_par_iter().skip(shards.start).take(to - shards.start);
    let parts = counted.fold(
        || LifeCounts::new(stretches),
        |mut counts, shard| {
            let shard = shard.into_inner().unwrap_or_else(PoisonError::into_inner);
            let Shard { uuids, shorts, integers, texts, .. } = &shard;
            let lives = uuids.lives().chain(shorts.lives()).chain(integers.lives()).chain(texts.lives());
            lives.for_each(|life| counts.add(life, stretches.width()));
            counts
        },
    );
    let mut counts = parts.reduce(
        || LifeCounts::new(stretches),
        |mut all, more| {
            all.join(&more);
            all
        },
    );
    (counts.content, counts.span) = (content, span);
    Some((counts, to))
}

/// The customers of a pass, in shards.
struct Lives<'a, const W: usize> {
    job: &'a Job<'a>,
    /// The shards from `from` to before `to` are counted.
    from: usize,
    to: AtomicUsize,
    /// What the tables take.
    bytes: AtomicU64,
    shards: Vec<Mutex<Shard<W>>>,
    /// The rows' fingerprint and span.
    seen: Mutex<(Fingerprint, Option<(i64, i64)>)>,
}

impl<const W: usize> LifeWriters for Lives<'_, W> {
    fn writer(&self) -> Box<dyn LifeWriter + '_> {
        Box::new(Writer::new(self))
    }
}

#[derive(Default)]
struct Shard<const W: usize> {
    uuids: LifeTable<[u64; 2], W>,
    shorts: LifeTable<[u64; 2], W>,
    integers: LifeTable<i64, W>,
    texts: TextTable<W>,
    bytes: usize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<const W: usize> Lives<'_, W> {
    /// Lets a shard grow, if it is one of those counted.
    fn with(&self, shard: usize, grow: impl FnOnce(&mut Shard<W>) -> usize) {
        if shard < self.from || shard >= self.to.load(Ordering::Relaxed) {
            return;
        }
        let mut held = locked(&self.shards[shard]);
        // A shard is put off before it is emptied, and emptied under its lock.
        if shard >= self.to.load(Ordering::SeqCst) {
            return;
        }
        let grown = grow(&mut held);
        held.bytes += grown;
        drop(held);
        if grown > 0 && self.bytes.fetch_add(grown as u64, Ordering::Relaxed) + grown as u64 > self.job.memory {
            self.put_off();
        }
    }

    /// Leaves half of the shards to another pass. One is always counted.
    fn put_off(&self) {
        let to = self.to.load(Ordering::SeqCst);
        let half = self.from + (to - self.from).div_ceil(2);
        if half == to || self.to.compare_exchange(to, half, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return;
        }
        for shard in &self.shards[half..to] {
            let emptied = std::mem::take(&mut *locked(shard));
            self.bytes.fetch_sub(emptied.bytes as u64, Ordering::Relaxed);
        }
    }
}

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

struct Writer<'a, const W: usize> {
    lives: &'a Lives<'a, W>,
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
    fn push_uuid<const W: usize>(&mut self, lives: &Lives<'_, W>, key: [u64; 2], spread: u64, stretch: u32) {
        self.uuids
            .push(key, spread, stretch, |shard, rows| lives.with(shard, |shard| shard.uuids.add(rows, lives.job.stretches)));
    }

    #[inline]
    fn push_short<const W: usize>(&mut self, lives: &Lives<'_, W>, key: [u64; 2], spread: u64, stretch: u32) {
        self.shorts
            .push(key, spread, stretch, |shard, rows| lives.with(shard, |shard| shard.shorts.add(rows, lives.job.stretches)));
    }

    #[inline]
    fn push_integer<const W: usize>(&mut self, lives: &Lives<'_, W>, key: i64, spread: u64, stretch: u32) {
        self.integers
            .push(key, spread, stretch, |shard, rows| lives.with(shard, |shard| shard.integers.add(rows, lives.job.stretches)));
    }
}

fn add_text<const W: usize>(lives: &Lives<'_, W>, text: &[u8], hash: u128, stretch: u32) {
    let hash = hash as u64;
    lives.with(shard_of(hash), |shard| shard.texts.add(text, hash, stretch, lives.job.stretches));
}

impl<'a, const W: usize> Writer<'a, W> {
    fn new(lives: &'a Lives<'a, W>) -> Self {
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

impl<const W: usize> LifeWriter for Writer<'_, W> {
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
        seen.1 = [seen.1, self.span.take()].into_iter().flatten().reduce(crate::manifest::join_spans);
    }
}
