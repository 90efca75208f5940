//! Files written anew without some of their rows.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use rayon::prelude::*;
use tenure_model::{Zone, column};

use crate::aliases::remove_customers;
use crate::chunk::Key;
use crate::cluster::{Load, cluster};
use crate::commit::Writer;
use crate::error::Error;
use crate::existing::{ExistingRow, Registry, read_rows, split_place};
use crate::gate::Gate;
use crate::manifest::{BucketFile, Manifest, Segment};
use crate::parquet_read::HistoryFile;

/// Rows of a batch when a file is read.
const BATCH_ROWS: usize = 64 * 1024;

/// Rows that are to leave a history, by bucket and segment.
#[derive(Debug, Default)]
pub(crate) struct Rewrites {
    rows: BTreeMap<(u32, usize), HashSet<u64>>,
}

impl Rewrites {
    /// Adds rows of a bucket, by the places that reading gave them.
    pub(crate) fn remove(&mut self, bucket: u32, places: &[u64]) {
        for &place in places {
            self.rows.entry((bucket, split_place(place).0)).or_default().insert(place);
        }
    }

    /// Writes the files that hold these rows anew. `moved` says to which customer keys have moved.
    pub(crate) fn apply(
        self,
        writer: &Writer,
        before: &Manifest,
        after: &mut Manifest,
        zone: &Zone,
        moved: &HashMap<Key, u128>,
        gate: &Gate,
    ) -> Result<Rewritten, Error> {
        let tasks: Vec<_> = self.rows.into_iter().collect();
        let written = tasks.into_par_iter().map(|((bucket, segment), gone)| {
            let rows = |file: &&BucketFile| file.bucket == bucket;
            let _room = gate.enter(before.segments[segment].files.iter().filter(rows).map(|file| file.file.rows as usize).sum());
            let left = RefCell::new(HashSet::new());
            let file = rewrite(writer, before, bucket, segment, zone, &|row| {
                let stays = !gone.contains(&row.place);
                if !stays && moved.contains_key(&row.key) {
                    left.borrow_mut().insert(row.customer);
                }
                stays
            })?;
            Ok((bucket, segment, file, left.into_inner()))
        });
        let mut done = Rewritten::default();
        for (bucket, segment, file, left) in written.collect::<Result<Vec<_>, Error>>()? {
            done.bytes += file.as_ref().map_or(0, |file| file.file.bytes);
            replace(&mut after.segments[segment], bucket, file);
            if !left.is_empty() {
                done.left.entry(bucket).or_default().extend(left);
            }
        }
        Ok(done)
    }
}

/// What rewriting did.
#[derive(Debug, Default)]
pub(crate) struct Rewritten {
    /// Bytes written.
    pub(crate) bytes: u64,
    /// By bucket the customers that a row's key has left.
    left: BTreeMap<u32, HashSet<i64>>,
}

impl Rewritten {
    /// Removes the customers that have no row any more, in any table, and that no customers export lists.
    pub(crate) fn drop_departed(self, writer: &Writer, after: &mut Manifest, zone: &Zone, gate: &Gate) -> Result<(), Error> {
        let so_far = &*after;
        let departed = self.left.into_par_iter().map(|(bucket, mut left)| {
            for file in so_far.segments.iter().flat_map(|segment| &segment.files).filter(|file| file.bucket == bucket) {
                if left.is_empty() {
                    break;
                }
                let file = HistoryFile::open(writer.dir(), &file.file)?;
                for group in 0..file.row_groups() {
                    for batch in file.read(group, &[column::CUSTOMER], BATCH_ROWS)? {
                        for number in batch?.column(0).as_primitive::<Int64Type>().values() {
                            left.remove(number);
                        }
                    }
                }
            }
            if !left.is_empty() {
                let customers = so_far.customers.files.iter().filter(|file| file.bucket == bucket);
                let _room = gate.enter(customers.map(|file| file.file.rows as usize).sum());
                let registry = Registry::read(writer.dir(), so_far, bucket)?;
                left.retain(|&number| !registry.is_listed(number));
            }
            Ok((bucket, left))
        });
        let departed = departed.collect::<Result<Vec<(u32, HashSet<i64>)>, Error>>()?;
        for (bucket, customers) in departed.iter().filter(|(_, customers)| !customers.is_empty()) {
            remove_customers(writer, after, *bucket, customers, zone)?;
        }
        Ok(())
    }
}

/// Puts a file in the place of a segment's file of its bucket, or nothing where no row is left.
pub(crate) fn replace(segment: &mut Segment, bucket: u32, file: Option<BucketFile>) {
    match (segment.files.iter_mut().find(|file| file.bucket == bucket), file) {
        (Some(old), Some(new)) => *old = new,
        (_, None) => segment.files.retain(|file| file.bucket != bucket),
        (None, Some(new)) => segment.files.push(new),
    }
}

/// Writes a segment's file of one bucket anew with the rows that are wanted.
pub(crate) fn rewrite(
    writer: &Writer,
    manifest: &Manifest,
    bucket: u32,
    segment: usize,
    zone: &Zone,
    wanted: &dyn Fn(&ExistingRow) -> bool,
) -> Result<Option<BucketFile>, Error> {
    let of = &manifest.segments[segment];
    let layout = of.layout();
    let load = Load::as_is(&layout, of.scales.clone(), zone);
    let registry = Registry::read(writer.dir(), manifest, bucket)?;
    let files = of.files.iter().filter(|file| file.bucket == bucket).map(|file| (segment, file));
    let store = read_rows(writer.dir(), files, &registry, &layout, &load.scales, wanted)?.into_new();
    let done = cluster(&load, bucket, &[store], &registry.known)?;
    if done.rows.num_rows() == 0 {
        return Ok(None);
    }
    writer.write_bucket(of.table, bucket, &done.rows, done.span, done.content).map(Some)
}
