//! Files written anew without some of their rows.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;
use tenure_model::Zone;

use crate::cluster::{Load, cluster};
use crate::commit::Writer;
use crate::error::Error;
use crate::existing::{ExistingRow, Registry, read_rows, split_place};
use crate::manifest::{BucketFile, Manifest, Segment};

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

    /// Writes the files that hold these rows anew. Returns the bytes written.
    pub(crate) fn apply(self, writer: &Writer, before: &Manifest, after: &mut Manifest, zone: &Zone) -> Result<u64, Error> {
        let tasks: Vec<_> = self.rows.into_iter().collect();
        let written = tasks.into_par_iter().map(|((bucket, segment), gone)| {
            let file = rewrite(writer, before, bucket, segment, zone, &|row| !gone.contains(&row.place))?;
            Ok((bucket, segment, file))
        });
        let mut bytes = 0;
        for (bucket, segment, file) in written.collect::<Result<Vec<_>, Error>>()? {
            bytes += file.as_ref().map_or(0, |file| file.file.bytes);
            replace(&mut after.segments[segment], bucket, file);
        }
        Ok(bytes)
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
