use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use rayon::prelude::*;
use tenure_model::{ColumnKind, Instant, Table, Zone};

use crate::chunk::{Amounts, Chunk, Key, LEAST_SCALE, MISSING, PARTITIONS, RowLayout};
use crate::cluster::{ClusteredBucket, Compare, KnownCustomers, Load, SharedNames, cluster};
use crate::commit::Writer;
use crate::error::Error;
use crate::existing::{ExistingRow, Registry, joined_layout, read_rows};
use crate::gate::{Gate, locked};
use crate::history::History;
use crate::keys::moved_keys;
use crate::layout::buckets_for;
use crate::manifest::{BucketFile, Manifest, RowShape, Segment, Source, join_spans};
use crate::names::Names;
use crate::partition::PartitionedChunk;
use crate::rewrite::Rewrites;
use crate::stage::Store;
use crate::stores::Stores;

/// Rows that are put away together: enough that a partition's share of them is worth its trip through the caches.
const ABSORB_BYTES: usize = 96 << 20;

/// Of the memory that a load may use, the share that staged rows take before they go to disk.
const STAGED_SHARE: f64 = 0.40;

/// Of the memory that a load may use, the share that chunks take before they are put away.
const CHUNK_SHARE: f64 = 0.04;

/// How a load works.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// What rows have.
    pub layout: RowLayout,
    /// The zone of the `day` column.
    pub home_zone: Zone,
    /// How rows of different exports are compared.
    pub compare: Compare,
    /// How many bytes the load may use. Rows that do not fit wait on disk, unless the history is one in memory.
    pub memory: u64,
}

/// Collects rows from many threads and lays them out as a history.
#[derive(Debug)]
pub struct Loader {
    options: LoadOptions,
    shapes: Vec<RowShape>,
    /// For each reading of an export its place among the exports; nothing for one that was given up.
    readings: Mutex<Vec<Option<u32>>>,
    names: Vec<Names>,
    /// What the chunks of each reading hold.
    held: Mutex<HashMap<u32, Held>>,
    waiting: Mutex<(Vec<PartitionedChunk>, usize)>,
    stores: Stores,
    absorb_at: usize,
    spill_at: usize,
    target: Target,
}

/// What the chunks of a reading hold.
#[derive(Debug, Default)]
struct Held {
    rows: u64,
    /// For each column of amounts the largest amount, in units, at each scale.
    largest: Vec<[u64; 20]>,
}

/// Where the rows of a load go.
#[derive(Debug)]
pub enum Target {
    /// A history that lives as long as its value; nothing is left on disk.
    Memory,
    /// A new segment of the history that the writer holds.
    Directory(Writer),
    /// Nowhere: it is only found out what would become of them in the history that the writer holds.
    DryRun(Writer),
}

impl Target {
    fn writer(&self) -> Option<&Writer> {
        match self {
            Target::Memory => None,
            Target::Directory(writer) | Target::DryRun(writer) => Some(writer),
        }
    }
}

/// What a load has brought.
#[derive(Debug)]
pub struct Loaded {
    /// The history with the new rows; nothing after a dry run.
    pub history: Option<History>,
    /// Rows left out because another row stands for them, by export.
    pub duplicates: Vec<u64>,
    /// Rows added.
    pub rows: u64,
    /// Rows of the history that new ones replace.
    pub replaced: u64,
    /// Distinct customers among the rows added.
    pub customers: u64,
    /// Distinct events among the rows added, counted up to about a million; 0 for tables without events.
    pub events: u64,
    /// First and last time among the rows added.
    pub span: Option<(Instant, Instant)>,
    /// Bytes written to disk.
    pub bytes: u64,
}

impl Loader {
    /// A load. What it has to hold of the rows' layout, because the history has it, is added to that.
    pub fn new(mut options: LoadOptions, target: Target) -> Self {
        if let Some(manifest) = target.writer().and_then(Writer::manifest) {
            options.layout = joined_layout(manifest, &options.layout);
        }
        options.layout.keyed |= options.layout.table == Table::Customers;
        let share = |share: f64| (options.memory as f64 * share) as usize;
        Self {
            shapes: Vec::new(),
            readings: Mutex::default(),
            names: (0..options.layout.names()).map(|_| Names::default()).collect(),
            held: Mutex::default(),
            waiting: Mutex::default(),
            stores: Stores::new(),
            absorb_at: share(CHUNK_SHARE).clamp(1 << 20, ABSORB_BYTES),
            spill_at: if matches!(target, Target::Memory) { usize::MAX } else { share(STAGED_SHARE) },
            options,
            target,
        }
    }

    /// Has the history remember what the rows of the exports have. Default: nothing.
    #[must_use]
    pub fn with_shapes(self, shapes: Vec<RowShape>) -> Self {
        Self { shapes, ..self }
    }

    /// What rows of this load have.
    pub fn layout(&self) -> &RowLayout {
        &self.options.layout
    }

    /// The names of a column of these.
    pub fn names(&self, column: usize) -> &Names {
        &self.names[column]
    }

    /// Begins to read an export, one of the load's. The number goes into its chunks.
    pub fn begin(&self, export: u32) -> u32 {
        let mut readings = locked(&self.readings);
        readings.push(Some(export));
        readings.len() as u32 - 1
    }

    /// Gives a reading up: its rows do not count.
    pub fn discard(&self, reading: u32) {
        locked(&self.readings)[reading as usize] = None;
        locked(&self.held).remove(&reading);
        locked(&self.waiting).0.retain(|part| part.export != reading);
    }

    /// Adds rows. Chunks of some ten thousand rows suit the caches best.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Io`] where rows have to wait on disk and can't be written there.
    pub fn push(&self, chunk: Chunk) -> Result<(), Error> {
        if chunk.is_empty() {
            return Ok(());
        }
        let most = |amounts: &Amounts| {
            amounts.units.iter().map(|&units| if units == MISSING { 0 } else { units.unsigned_abs() }).max().unwrap_or(0)
        };
        let mosts: Vec<u64> = chunk.amounts.iter().map(most).collect();
        {
            let mut held = locked(&self.held);
            let held = held.entry(chunk.export).or_default();
            held.rows += chunk.len() as u64;
            held.largest.resize(chunk.amounts.len(), [0; 20]);
            for ((largest, amounts), most) in held.largest.iter_mut().zip(&chunk.amounts).zip(mosts) {
                let largest = &mut largest[usize::from(amounts.scale)];
                *largest = most.max(*largest);
            }
        }
        // Chunks are brought to one scale when they are put away, which has to be possible.
        self.scales(None)?;
        let chunk = PartitionedChunk::of(chunk);
        let mut waiting = locked(&self.waiting);
        waiting.1 += chunk.bytes();
        waiting.0.push(chunk);
        if waiting.1 < self.absorb_at {
            return Ok(());
        }
        waiting.1 = 0;
        let chunks = std::mem::take(&mut waiting.0);
        drop(waiting);
        self.stores.absorb(&chunks);
        drop(chunks);
        match self.target.writer() {
            Some(writer) => self.stores.spill(self.spill_at, &writer.scratch()),
            None => Ok(()),
        }
    }

    /// The decimals of each column of amounts, those of the rows that the history has included.
    fn scales(&self, manifest: Option<&Manifest>) -> Result<Vec<u8>, Error> {
        let table = self.options.layout.table;
        let columns = table.columns().iter().filter(|column| column.kind == ColumnKind::Amount);
        columns
            .enumerate()
            .map(|(i, column)| {
                let mut largest = [0u64; 20];
                for held in locked(&self.held).values() {
                    largest.iter_mut().zip(&held.largest[i]).for_each(|(all, most)| *all = (*all).max(*most));
                }
                let staged = largest.iter().rposition(|&most| most > 0).unwrap_or(0) as u8;
                let stored = manifest.into_iter().flat_map(|m| m.table(table)).filter_map(|s| s.scales.get(i).copied()).max();
                let scale = LEAST_SCALE.max(staged).max(stored.unwrap_or_default());
                let fits = |(at, &most): (usize, &u64)| {
                    crate::chunk::stored(i128::from(most) * 10i128.pow(u32::from(scale.saturating_sub(at as u8)))).is_some()
                };
                if largest.iter().enumerate().all(fits) { Ok(scale) } else { Err(Error::too_long(column.name, scale)) }
            })
            .collect()
    }

    /// Lays the rows out, in parallel over buckets. `sources` names the exports; `observed_until` is the first instant
    /// that they say nothing about; `progress` is told the rows of each bucket done.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Value`] where the amounts of different chunks have too many digits together; [`crate::ErrorKind::Io`] where
    /// writing fails: then the history is as it was.
    pub fn finish(
        self,
        sources: Vec<Source>,
        observed_until: Option<Instant>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Loaded, Error> {
        let (chunks, _) = std::mem::take(&mut *locked(&self.waiting));
        (0..PARTITIONS).into_par_iter().for_each(|partition| {
            locked(&self.stores.memory[partition]).absorb(partition, &chunks);
        });
        let waiting: usize = chunks.iter().map(|chunk| chunk.hashes.len()).sum();
        self.stores.rows.fetch_add(waiting as u64, Ordering::Relaxed);
        drop(chunks);
        let staged = self.rows();
        let mut target = self.target;
        if let Target::Directory(writer) = &mut target {
            crate::compact::before_load(writer, staged, self.options.memory)?;
        }
        let this = Self { target: Target::Memory, ..self };
        match target {
            Target::Memory => this.finish_in_memory(sources, observed_until, progress),
            Target::Directory(writer) => this.finish_on_disk(writer, true, sources, observed_until, progress),
            Target::DryRun(writer) => this.finish_on_disk(writer, false, sources, observed_until, progress),
        }
    }

    /// Rows of the readings that count.
    fn rows(&self) -> u64 {
        locked(&self.held).values().map(|held| held.rows).sum()
    }

    fn load(&self, manifest: Option<&Manifest>) -> Result<Load<'_>, Error> {
        let layout = &self.options.layout;
        let own = layout.names() - layout.attributes.len();
        let attribute = |column: usize| column.checked_sub(own).map(|i| layout.attributes[i].as_str());
        let names = self.names.iter().enumerate().map(|(column, names)| SharedNames::new(names.listed(), attribute(column)));
        Ok(Load {
            layout,
            zone: &self.options.home_zone,
            scales: self.scales(manifest)?,
            names: names.collect(),
            compare: self.options.compare,
            as_is: false,
            exports: locked(&self.readings).clone(),
            moved_keys: HashMap::new(),
        })
    }

    fn finish_in_memory(
        self,
        sources: Vec<Source>,
        observed_until: Option<Instant>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Loaded, Error> {
        let buckets = buckets_for(self.rows());
        let mut load = self.load(None)?;
        if load.layout.keyed {
            load.moved_keys = moved_keys(&load, &self.stores, None, u64::MAX)?;
        }
        let load = &load;
        let clustered: Vec<ClusteredBucket> = (0..buckets)
            .into_par_iter()
            .map(|bucket| {
                let done = cluster(load, bucket, &self.stores.of_bucket(bucket, buckets)?, &KnownCustomers::default())?;
                progress(done.rows.num_rows() as u64);
                Ok(done)
            })
            .collect::<Result<_, Error>>()?;
        let mut tally = Tally::new(load);
        let mut rows = Vec::with_capacity(clustered.len());
        let mut manifest = Manifest::new(self.options.home_zone.name(), buckets);
        let mut files = Vec::new();
        let mut in_memory_customers = Vec::with_capacity(clustered.len());
        for (bucket, done) in clustered.into_iter().enumerate() {
            tally.add(&done);
            in_memory_customers.push(done.customers.clone());
            files.push(BucketFile::in_memory(bucket as u32, &done));
            rows.push(done.rows);
        }
        manifest.segments.push(segment(load, 1, tally.named(sources), observed_until, files));
        let history = History::in_memory(manifest, rows, in_memory_customers, self.options.home_zone.clone());
        Ok(tally.loaded(Some(history), 0))
    }

    fn finish_on_disk(
        self,
        mut writer: Writer,
        commit: bool,
        sources: Vec<Source>,
        observed_until: Option<Instant>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Loaded, Error> {
        let zone = self.options.home_zone.clone();
        let table = self.options.layout.table;
        let existed = writer.manifest().is_some();
        let before = writer.manifest().cloned();
        let before = before.unwrap_or_else(|| writer.first_manifest(zone.name(), buckets_for(self.rows())));
        let buckets = before.buckets;
        let mut load = self.load(Some(&before))?;
        let compare = load.compare == Compare::Exports || table == Table::Customers;
        if load.layout.keyed && table != Table::Customers {
            let history = (existed && compare).then_some((writer.dir(), &before));
            load.moved_keys = moved_keys(&load, &self.stores, history, self.options.memory / 4)?;
        }
        let load = &load;
        let gate = Gate::of(self.options.memory);
        let lay_out = |bucket: u32| -> Result<BucketDone, Error> {
            let mut stores = self.stores.of_bucket(bucket, buckets)?;
            let moved = (!load.moved_keys.is_empty()) && existed;
            if stores.is_empty() && !moved {
                return Ok(BucketDone::default());
            }
            let rows: usize = stores.iter().map(Store::rows).sum();
            let there = before.table(table).flat_map(|segment| &segment.files).filter(|file| file.bucket == bucket);
            let there: u64 = if existed && compare { there.map(|file| file.file.rows).sum() } else { 0 };
            let _room = gate.enter(rows + there as usize);
            let registry = Registry::read(writer.dir(), &before, bucket)?;
            if table == Table::Customers {
                stores.push(registry.profiles(load.layout)?);
            } else if existed && compare {
                stores.push(existing_rows(writer.dir(), &before, load, bucket, &registry, &stores)?);
            }
            let clustered = cluster(load, bucket, &stores, &registry.known)?;
            drop(stores);
            let mut done = BucketDone { rows: clustered.rows.num_rows(), ..BucketDone::default() };
            if commit && table == Table::Customers {
                done.customers = crate::profiles::write(&writer, load, bucket, &registry, &clustered)?;
            } else if commit {
                if clustered.rows.num_rows() > 0 {
                    let file = writer.write_bucket(table, bucket, &clustered.rows, clustered.span, clustered.content)?;
                    done.file = Some(file);
                }
                if clustered.customers.num_rows() > 0 {
                    let content = crate::fingerprint::Fingerprint::default();
                    let customers = &clustered.customers;
                    done.customers = Some(writer.write_bucket(Table::Customers, bucket, customers, None, content)?);
                }
            }
            progress(done.rows as u64);
            done.clustered = Some(clustered.without_rows());
            Ok(done)
        };
        let done = (0..buckets).into_par_iter().map(lay_out).collect::<Result<Vec<_>, Error>>()?;
        let mut tally = Tally::new(load);
        let mut after = before.clone();
        let mut files = Vec::new();
        let mut rewrites = Rewrites::default();
        let mut bytes = 0;
        for (bucket, done) in done.into_iter().enumerate() {
            let Some(clustered) = &done.clustered else { continue };
            tally.rows += done.rows as u64;
            tally.add(clustered);
            bytes += [&done.file, &done.customers].into_iter().flatten().map(|file| file.file.bytes).sum::<u64>();
            if table == Table::Customers && done.customers.is_some() {
                after.customers.files.retain(|file| file.bucket != bucket as u32);
            } else {
                rewrites.remove(bucket as u32, &clustered.replaced);
            }
            after.customers.files.extend(done.customers);
            files.extend(done.file);
        }
        if !commit {
            return Ok(tally.loaded(None, 0));
        }
        let rewritten = rewrites.apply(&writer, &before, &mut after, &zone, &load.moved_keys, &gate)?;
        bytes += rewritten.bytes;
        rewritten.drop_departed(&writer, &mut after, &zone, &gate)?;
        let id = after.segments.iter().map(|segment| segment.id).max().unwrap_or(0) + 1;
        if table == Table::Customers {
            after.customers.listed = crate::profiles::listed(&writer, &after)?;
            after.customers.attributes = load.layout.attributes.clone();
            after.customers.sources.extend(tally.named(sources));
        } else {
            let shapes = self.shapes.clone();
            after.segments.push(Segment { shapes, ..segment(load, id, tally.named(sources), observed_until, files) });
        }
        writer.prepare(after);
        crate::compact::after_load(&mut writer, self.options.memory)?;
        writer.commit()?;
        let dir: PathBuf = writer.dir().to_owned();
        drop(writer);
        Ok(tally.loaded(Some(History::open(&dir)?), bytes))
    }
}

/// The rows that the history has and new ones may equal or replace.
fn existing_rows(
    dir: &Path,
    manifest: &Manifest,
    load: &Load<'_>,
    bucket: u32,
    registry: &Registry,
    stores: &[Store],
) -> Result<Store, Error> {
    let segments = || stores.iter().flat_map(|store| &store.segments);
    let mut keys: HashSet<Key> =
        segments().flat_map(|segment| segment.keys.iter().copied()).filter(|key| *key != Key::NONE).collect();
    keys.extend(load.moved_keys.keys());
    let unkeyed = segments().any(|s| s.keys.is_empty() && !s.owners.is_empty() || s.keys.contains(&Key::NONE));
    let mut span: Option<(i64, i64)> = None;
    if unkeyed {
        segments().for_each(|segment| {
            segment.times[0].each(|time| span = Some(span.map_or((time, time), |span| join_spans(span, (time, time)))));
        });
    }
    let near = |time: i64| span.is_some_and(|(first, last)| (first..=last).contains(&time));
    let overlaps = |file: &BucketFile| match (span, file.span) {
        (Some((first, last)), Some((from, to))) => first <= to && from <= last,
        _ => false,
    };
    let files = manifest
        .segments
        .iter()
        .enumerate()
        .filter(|(_, segment)| segment.table == load.layout.table)
        .flat_map(|(place, segment)| segment.files.iter().map(move |file| (place, segment.keyed, file)))
        .filter(|(_, keyed, file)| file.bucket == bucket && (*keyed && !keys.is_empty() || overlaps(file)))
        .map(|(place, _, file)| (place, file));
    read_rows(dir, files, registry, load.layout, &load.scales, &|row: &ExistingRow| match row.key {
        Key::NONE => near(row.time),
        key => keys.contains(&key),
    })
}

fn segment(load: &Load<'_>, id: u32, sources: Vec<Source>, observed_until: Option<Instant>, files: Vec<BucketFile>) -> Segment {
    Segment {
        id,
        table: load.layout.table,
        keyed: load.layout.keyed,
        attributes: load.layout.attributes.clone(),
        scales: load.scales.clone(),
        observed_until: observed_until.map(|at| at.0),
        sources,
        shapes: Vec::new(),
        files,
    }
}

/// What became of one bucket.
#[derive(Default)]
struct BucketDone {
    file: Option<BucketFile>,
    customers: Option<BucketFile>,
    clustered: Option<ClusteredBucket>,
    rows: usize,
}

/// Distinct names are counted up to about this many.
const MOST_NAMES_COUNTED: usize = 1_000_000;

/// What the buckets of a load add up to.
struct Tally {
    rows: u64,
    duplicates: Vec<u64>,
    kept: Vec<u64>,
    replaced: u64,
    customers: u64,
    table: Table,
    first_names: HashSet<u64>,
    span: Option<(i64, i64)>,
}

impl Tally {
    fn new(load: &Load<'_>) -> Self {
        let exports = load.export_count();
        Self {
            rows: 0,
            duplicates: vec![0; exports],
            kept: vec![0; exports],
            replaced: 0,
            customers: 0,
            table: load.layout.table,
            first_names: HashSet::new(),
            span: None,
        }
    }

    fn add(&mut self, bucket: &ClusteredBucket) {
        self.rows += bucket.rows.num_rows() as u64;
        self.replaced += bucket.replaced.len() as u64;
        self.customers += bucket.active_customers;
        if self.first_names.len() < MOST_NAMES_COUNTED {
            self.first_names.extend(&bucket.first_names);
        }
        self.span = [self.span, bucket.span].into_iter().flatten().reduce(join_spans);
        let add = |sum: &mut [u64], more: &[u64]| sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        add(&mut self.duplicates, &bucket.duplicates);
        add(&mut self.kept, &bucket.kept);
    }

    fn named(&self, mut sources: Vec<Source>) -> Vec<Source> {
        sources.iter_mut().zip(&self.kept).for_each(|(source, &kept)| source.rows = kept);
        sources
    }

    fn loaded(self, history: Option<History>, bytes: u64) -> Loaded {
        Loaded {
            history,
            duplicates: self.duplicates,
            rows: self.rows,
            replaced: self.replaced,
            customers: self.customers,
            events: if self.table == Table::Activity { self.first_names.len() as u64 } else { 0 },
            span: self.span.map(|(first, last)| (Instant(first), Instant(last))),
            bytes,
        }
    }
}
