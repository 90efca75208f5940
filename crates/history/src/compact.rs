//! Segments folded into one, and buckets split when a history has outgrown them.

use std::collections::BTreeSet;

use arrow::array::{Int64Array, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use rayon::prelude::*;
use std::sync::Arc;
use tenure_model::{Table, Zone};

use crate::chunk::RowLayout;
use crate::cluster::{Load, cluster};
use crate::commit::Writer;
use crate::error::{Error, ErrorKind, internal};
use crate::existing::{Registry, read_rows};
use crate::fingerprint::Fingerprint;
use crate::gate::Gate;
use crate::history::History;
use crate::layout::{MAX_BUCKETS, bucket_of, buckets_for, customer_number};
use crate::manifest::{BucketFile, Manifest, Segment};
use crate::profiles::write_registry;

/// Segments of one table after which an ingest compacts by itself.
pub const MAX_SEGMENTS: usize = 8;

/// A history whose rows want so many times as many buckets as it has gets them.
const OUTGROWN: u32 = 4;

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Segments of all tables before and after.
    pub segments: (usize, usize),
    /// Files before and after.
    pub files: (usize, usize),
    /// Bytes before and after.
    pub bytes: (u64, u64),
}

/// Folds the segments of each table into one. Readers are not disturbed; the content stays the same.
///
/// # Errors
///
/// As for writing: then the history is as it was.
pub fn compact(mut writer: Writer, memory: u64) -> Result<Compacted, Error> {
    let Some(before) = writer.manifest().cloned() else {
        return Err(Error::new(ErrorKind::NotAHistory, format!("{}: there is no history to compact", writer.dir().display())));
    };
    let rows: u64 = before.segments.iter().map(Segment::rows).sum();
    fold(&mut writer, buckets_for(rows).max(before.buckets), memory)?;
    let after = writer.manifest().cloned().unwrap_or_else(|| before.clone());
    writer.commit()?;
    let bytes = |manifest: &Manifest| manifest.files().map(|file| file.bytes).sum();
    Ok(Compacted {
        segments: (before.segments.len(), after.segments.len()),
        files: (before.files().count(), after.files().count()),
        bytes: (bytes(&before), bytes(&after)),
    })
}

/// Splits the buckets of a history that many more rows are about to join.
pub(crate) fn before_load(writer: &mut Writer, rows: u64, memory: u64) -> Result<(), Error> {
    let Some(manifest) = writer.manifest() else { return Ok(()) };
    let wanted = buckets_for(manifest.segments.iter().map(Segment::rows).sum::<u64>() + rows);
    if wanted >= manifest.buckets.saturating_mul(OUTGROWN).min(MAX_BUCKETS) && wanted > manifest.buckets {
        fold(writer, wanted, memory)?;
    }
    Ok(())
}

/// Folds segments when they have piled up.
pub(crate) fn after_load(writer: &mut Writer, memory: u64) -> Result<(), Error> {
    let Some(manifest) = writer.manifest() else { return Ok(()) };
    let piled = Table::ALL.into_iter().any(|table| manifest.table(table).count() > MAX_SEGMENTS);
    if piled { fold(writer, manifest.buckets, memory) } else { Ok(()) }
}

/// Prepares a manifest with one segment for each table and so many buckets.
fn fold(writer: &mut Writer, buckets: u32, memory: u64) -> Result<(), Error> {
    let Some(before) = writer.manifest().cloned() else { return Ok(()) };
    let zone = History::zone_of(&before)?;
    let mut after = Manifest { buckets, segments: Vec::new(), ..before.clone() };
    after.customers.files = Vec::new();
    let factor = buckets / before.buckets;
    let fold = Fold { writer, before: &before, zone: &zone, buckets, factor, gate: Gate::of(memory) };
    let tables: Vec<(RowLayout, Vec<u8>)> = Table::ALL.into_iter().filter_map(|table| fold.layout(table)).collect();
    let done = (0..buckets).into_par_iter().map(|bucket| fold.bucket(bucket, &tables)).collect::<Result<Vec<_>, Error>>()?;
    let mut files: Vec<Vec<BucketFile>> = vec![Vec::new(); tables.len()];
    for (customers, rows) in done {
        after.customers.files.extend(customers);
        files.iter_mut().zip(rows).for_each(|(files, more)| files.extend(more));
    }
    for ((layout, scales), files) in tables.into_iter().zip(files) {
        let segments = || before.table(layout.table);
        after.segments.push(Segment {
            id: before.segments.iter().map(|segment| segment.id).max().unwrap_or(0) + 1,
            table: layout.table,
            keyed: layout.keyed,
            attributes: layout.attributes,
            scales,
            observed_until: segments().filter_map(|segment| segment.observed_until).max(),
            sources: segments().flat_map(|segment| segment.sources.clone()).collect(),
            shapes: before.shapes(layout.table),
            files,
        });
    }
    let content =
        |manifest: &Manifest, table: Table| -> Fingerprint { crate::manifest::sum(manifest.table(table).map(Segment::content)) };
    let same = Table::ALL.into_iter().all(|table| content(&before, table) == content(&after, table));
    if !same || before.customers.content() != after.customers.content() {
        return Err(Error::new(
            ErrorKind::Damaged,
            format!("{}: compacting would change the content; the history is left as it was", writer.dir().display()),
        ));
    }
    writer.prepare(after);
    Ok(())
}

struct Fold<'a> {
    writer: &'a Writer,
    before: &'a Manifest,
    zone: &'a Zone,
    buckets: u32,
    factor: u32,
    gate: Gate,
}

impl Fold<'_> {
    /// The layout that holds all segments of a table, and the decimals of its amounts.
    fn layout(&self, table: Table) -> Option<(RowLayout, Vec<u8>)> {
        let segments = || self.before.table(table);
        let first = segments().next()?;
        let attributes: BTreeSet<&String> = segments().flat_map(|segment| &segment.attributes).collect();
        let scales = (0..first.scales.len()).map(|i| segments().map(|segment| segment.scales[i]).max().unwrap_or_default());
        let keyed = segments().any(|segment| segment.keyed);
        Some((RowLayout { table, attributes: attributes.into_iter().cloned().collect(), keyed }, scales.collect()))
    }

    /// Lays one of the new buckets out: its customers' file and a file for each table.
    fn bucket(
        &self,
        bucket: u32,
        tables: &[(RowLayout, Vec<u8>)],
    ) -> Result<(Option<BucketFile>, Vec<Option<BucketFile>>), Error> {
        let old = bucket / self.factor;
        let customer_files: Vec<&BucketFile> = self.before.customers.files.iter().filter(|file| file.bucket == old).collect();
        let registry = Registry::read(self.writer.dir(), self.before, old)?;
        let kept = if self.factor == 1 { None } else { Some(self.renumbered(&registry, bucket)?) };
        let new = kept.as_ref().unwrap_or(&registry);
        let customers = match (&customer_files[..], &kept) {
            ([only], None) => Some((*only).clone()),
            _ if new.table.num_rows() == 0 => None,
            _ => Some(write_registry(self.writer, bucket, new.table.clone(), self.zone)?),
        };
        let mut files = Vec::new();
        for (layout, scales) in tables {
            let segments = self.before.segments.iter().enumerate().filter(|(_, segment)| segment.table == layout.table);
            let parts: Vec<(usize, &BucketFile)> = segments
                .flat_map(|(place, segment)| segment.files.iter().map(move |file| (place, file)))
                .filter(|(_, file)| file.bucket == old)
                .collect();
            if let ([(_, only)], 1) = (&parts[..], self.factor) {
                files.push(Some((*only).clone()));
                continue;
            }
            let rows: u64 = parts.iter().map(|(_, file)| file.file.rows).sum();
            let _room = self.gate.enter(rows as usize);
            let mine = |number: i64| {
                self.factor == 1 || registry.hash(number).is_some_and(|hash| bucket_of(hash, self.buckets) == bucket)
            };
            let load = Load::as_is(layout, scales.clone(), self.zone);
            let store =
                read_rows(self.writer.dir(), parts.into_iter(), &registry, layout, scales, &|row| mine(row.customer))?.into_new();
            let done = cluster(&load, bucket, &[store], &new.known)?;
            files.push(if done.rows.num_rows() == 0 {
                None
            } else {
                Some(self.writer.write_bucket(layout.table, bucket, &done.rows, done.span, done.content)?)
            });
        }
        Ok((customers, files))
    }

    /// The customers of a new bucket with numbers of their own, in their old order.
    fn renumbered(&self, registry: &Registry, bucket: u32) -> Result<Registry, Error> {
        let hashes = &registry.known.hashes;
        let mine: Vec<u32> =
            (0..hashes.len() as u32).filter(|&place| bucket_of(hashes[place as usize], self.buckets) == bucket).collect();
        let rows = take_record_batch(&registry.table, &UInt32Array::from(mine)).map_err(internal)?;
        let numbers = (0..rows.num_rows() as u32).map(|index| customer_number(bucket, index));
        let mut columns = rows.columns().to_vec();
        columns[0] = Arc::new(Int64Array::from_iter_values(numbers));
        Registry::of(RecordBatch::try_new(rows.schema(), columns).map_err(internal)?)
    }
}
