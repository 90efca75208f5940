//! Keys whose rows belong to different customers: the customer of the latest row has the key.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use rayon::prelude::*;
use tenure_model::{Table, column};

use crate::chunk::{Key, PARTITIONS};
use crate::cluster::Load;
use crate::error::Error;
use crate::existing::Registry;
use crate::manifest::Manifest;
use crate::parquet_read::HistoryFile;
use crate::stores::Stores;

/// Bytes of one entry while keys are compared.
const ENTRY_BYTES: u64 = 48;

/// A row's key, when it came and whose it is.
type Entry = (Key, u32, u64, u128);

/// Finds the keys whose rows belong to different customers, and the customer of each one's latest row. Rows that the
/// history has count where `history` is given. No more keys are held at once than fit into `memory` bytes: where there
/// are more, the rows are gone through more often.
pub(crate) fn moved_keys(
    load: &Load<'_>,
    stores: &Stores,
    history: Option<(&Path, &Manifest)>,
    memory: u64,
) -> Result<HashMap<Key, u128>, Error> {
    let existing: u64 = history.map_or(0, |(_, manifest)| manifest.table(load.layout.table).map(|s| s.rows()).sum());
    let rounds = ((stores.rows() + existing) * ENTRY_BYTES).div_ceil(memory.max(1)).max(1);
    let mut moved = HashMap::new();
    for round in 0..rounds {
        let mine = |key: Key| key != Key::NONE && key.0 as u64 % rounds == round;
        let staged = (0..PARTITIONS).into_par_iter().map(|partition| staged_keys(load, stores, partition, &mine));
        let mut entries: Vec<Entry> = staged.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect();
        if let Some((dir, manifest)) = history {
            let buckets = (0..manifest.buckets).into_par_iter();
            let stored = buckets.map(|bucket| stored_keys(dir, manifest, load.layout.table, bucket, &mine));
            entries.extend(stored.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten());
        }
        entries.par_sort_unstable();
        for group in entries.chunk_by(|a, b| a.0 == b.0) {
            // What only the history has is as it is to be, also where --append has left two rows of one key.
            let new = group[group.len() - 1].1 > 0;
            if new && group.iter().any(|entry| entry.3 != group[0].3) {
                moved.insert(group[0].0, group[group.len() - 1].3);
            }
        }
    }
    Ok(moved)
}

fn staged_keys(load: &Load<'_>, stores: &Stores, partition: usize, mine: &dyn Fn(Key) -> bool) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    stores.each(partition, |store| {
        for segment in &store.segments {
            let ranks =
                segment.exports.iter().flat_map(|&(reading, rows)| std::iter::repeat_n(load.rank(reading), rows as usize));
            for (row, rank) in ranks.enumerate() {
                if let (Some(rank), Some(&key)) = (rank, segment.keys.get(row))
                    && mine(key)
                {
                    entries.push((key, rank, segment.numbers[row], store.ids.hashes[segment.owners[row] as usize]));
                }
            }
        }
    })?;
    Ok(entries)
}

fn stored_keys(
    dir: &Path,
    manifest: &Manifest,
    table: Table,
    bucket: u32,
    mine: &dyn Fn(Key) -> bool,
) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    let files = manifest.table(table).filter(|s| s.keyed).flat_map(|s| &s.files).filter(|file| file.bucket == bucket);
    let files: Vec<_> = files.collect();
    if files.is_empty() {
        return Ok(entries);
    }
    let registry = Registry::read(dir, manifest, bucket)?;
    for entry in files {
        let file = HistoryFile::open(dir, &entry.file)?;
        for group in 0..file.row_groups() {
            for batch in file.read(group, &[column::CUSTOMER, column::KEY], 64 * 1024)? {
                let batch = batch?;
                let customers = batch.column(0).as_primitive::<Int64Type>().values();
                let Some(keys) = batch.column_by_name(column::KEY) else { continue };
                let keys = keys.as_fixed_size_binary();
                for row in (0..keys.len()).filter(|&row| keys.is_valid(row)) {
                    let key = keys.value(row).try_into().map_or(Key::NONE, |bytes| Key(u128::from_be_bytes(bytes)));
                    if mine(key) {
                        entries.push((key, 0, 0, registry.hash(customers[row]).unwrap_or_default()));
                    }
                }
            }
        }
    }
    Ok(entries)
}
