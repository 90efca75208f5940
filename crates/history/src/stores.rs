//! The staged rows of a load, in memory and on disk.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::chunk::PARTITIONS;
use crate::error::Error;
use crate::gate::locked;
use crate::layout::partitions_of;
use crate::partition::PartitionedChunk;
use crate::spill::Spill;
use crate::stage::Store;

/// The staged rows of a load.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) memory: Vec<Mutex<Store>>,
    bytes: AtomicUsize,
    pub(crate) rows: AtomicU64,
    spills: Mutex<Vec<Spill>>,
}

impl Stores {
    pub(crate) fn new() -> Self {
        Self {
            memory: (0..PARTITIONS).map(|_| Mutex::default()).collect(),
            bytes: AtomicUsize::new(0),
            rows: AtomicU64::new(0),
            spills: Mutex::default(),
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Shows every store of a partition.
    pub(crate) fn each(&self, partition: usize, mut each: impl FnMut(&Store)) -> Result<(), Error> {
        each(&locked(&self.memory[partition]));
        for spill in locked(&self.spills).iter() {
            each(&spill.read(partition)?);
        }
        Ok(())
    }

    /// Takes every store of a partition out.
    fn take(&self, partition: usize) -> Result<Vec<Store>, Error> {
        let mut stores = Vec::new();
        for spill in locked(&self.spills).iter() {
            stores.push(spill.read(partition)?);
        }
        stores.push(std::mem::take(&mut *locked(&self.memory[partition])));
        stores.retain(|store| !store.segments.is_empty());
        Ok(stores)
    }

    /// Takes every store of a bucket out.
    pub(crate) fn of_bucket(&self, bucket: u32, buckets: u32) -> Result<Vec<Store>, Error> {
        let parts = partitions_of(bucket, buckets).map(|partition| self.take(partition));
        Ok(parts.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
    }

    /// Puts chunks away.
    pub(crate) fn absorb(&self, chunks: &[PartitionedChunk]) {
        // Threads start at different partitions, so that they seldom want the same one.
        let from = rayon::current_thread_index().unwrap_or(0) * (PARTITIONS / 7);
        for i in 0..PARTITIONS {
            let partition = (from + i) % PARTITIONS;
            let bytes = locked(&self.memory[partition]).absorb(partition, chunks);
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        let rows: usize = chunks.iter().map(|chunk| chunk.hashes.len()).sum();
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Puts the staged rows on disk if they take more than so many bytes.
    pub(crate) fn spill(&self, above: usize, scratch: &Path) -> Result<(), Error> {
        if self.bytes.load(Ordering::Relaxed) <= above {
            return Ok(());
        }
        // Whoever comes while another spills waits here, so that rows do not pile up meanwhile.
        let mut spills = locked(&self.spills);
        if self.bytes.load(Ordering::Relaxed) <= above {
            return Ok(());
        }
        self.bytes.store(0, Ordering::Relaxed);
        std::fs::create_dir_all(scratch).map_err(|error| Error::io(scratch, "create", error))?;
        let stores = self.memory.iter().map(|store| std::mem::take(&mut *locked(store)));
        let spill = Spill::write(scratch.join(format!("rows-{}", spills.len() + 1)), stores)?;
        spills.push(spill);
        Ok(())
    }
}
