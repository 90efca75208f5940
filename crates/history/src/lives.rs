//! Activity counted by customer where rows lie in no order: for each customer the first stretch and the periods.
//!
//! Customers are parted by their ids into shards. Each thread collects rows by shard and takes a shard's lock for many
//! rows at once. Of up to 64 periods a life takes 32 bytes in tables that are at most three quarters full, 16 where ids are
//! numbers and cohorts and ages have the same periods, and more where ids are long texts. Where tables would take more memory than is allowed, half of the shards are
//! put off, and the rows are gone through again for them: memory is bounded, time is not.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::fingerprint::{Fingerprint, name_hash};
use crate::history::History;
use crate::life_table::{Life, LifeTable, TextTable};
use crate::life_writer::Writer;
use crate::stretches::Stretches;

pub(crate) const SHARD_BITS: u32 = 8;

pub(crate) const SHARDS: usize = 1 << SHARD_BITS;

/// The most rows that wait together for a shard. /// The more of them there are, the more of a shard's memory is still at hand for the next.
const MOST_TOGETHER: usize = 2048;

/// The fewest: a lock should be worth taking.
const LEAST_TOGETHER: usize = 16;

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
    let by_period = stretches.are_periods();
    let pass = |words: usize, shards: std::ops::Range<usize>| match (words, by_period) {
        (0 | 1, true) => pass::<1, 0>(&job, shards, read),
        (0 | 1, false) => pass::<1, 1>(&job, shards, read),
        (2, _) => pass::<2, 1>(&job, shards, read),
        (3 | 4, _) => pass::<4, 1>(&job, shards, read),
        (5..=8, _) => pass::<8, 1>(&job, shards, read),
        _ => pass::<16, 1>(&job, shards, read),
    };
    if stretches.is_empty() || stretches.width() > MOST_PERIODS {
        return None;
    }
    let words = stretches.width().div_ceil(u64::BITS as usize);
    let (mut from, mut width) = (0, SHARDS);
    let mut counts: Option<LifeCounts> = None;
    while from < SHARDS {
        let (done, next) = pass(words, from..SHARDS.min(from + width))?;
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

    fn add<const W: usize, const B: usize>(&mut self, life: &Life<W, B>, periods: usize) {
        self.born[life.birth()] += 1;
        let cells = &mut self.active[life.birth() * periods..][..periods];
        life.periods().for_each(|period| cells[period] += 1);
    }
}

/// What all passes share.
pub(crate) struct Job<'a> {
    pub(crate) stretches: &'a Stretches,
    pub(crate) event: u64,
    memory: u64,
    /// Rows that wait together for a shard.
    pub(crate) together: usize,
}

/// Counts the customers of some shards, and says where the next pass is to begin.
fn pass<const W: usize, const B: usize>(
    job: &Job<'_>,
    shards: std::ops::Range<usize>,
    read: &dyn Fn(&dyn LifeWriters) -> Option<()>,
) -> Option<(LifeCounts, usize)> {
    let stretches = job.stretches;
    let lives = Lives::<W, B> {
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
pub(crate) struct Lives<'a, const W: usize, const B: usize> {
    pub(crate) job: &'a Job<'a>,
    /// The shards from `from` to before `to` are counted.
    from: usize,
    to: AtomicUsize,
    /// What the tables take.
    bytes: AtomicU64,
    shards: Vec<Mutex<Shard<W, B>>>,
    /// The rows' fingerprint and span.
    pub(crate) seen: Mutex<(Fingerprint, Option<(i64, i64)>)>,
}

impl<const W: usize, const B: usize> LifeWriters for Lives<'_, W, B> {
    fn writer(&self) -> Box<dyn LifeWriter + '_> {
        Box::new(Writer::new(self))
    }
}

#[derive(Default)]
pub(crate) struct Shard<const W: usize, const B: usize> {
    pub(crate) uuids: LifeTable<[u64; 2], W, B>,
    pub(crate) shorts: LifeTable<[u64; 2], W, B>,
    pub(crate) integers: LifeTable<i64, W, B>,
    pub(crate) texts: TextTable<W, B>,
    bytes: usize,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<const W: usize, const B: usize> Lives<'_, W, B> {
    /// Lets a shard grow, if it is one of those counted.
    pub(crate) fn with(&self, shard: usize, grow: impl FnOnce(&mut Shard<W, B>) -> usize) {
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
