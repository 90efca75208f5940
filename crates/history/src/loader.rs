use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use tenure_model::{Instant, Zone};

use crate::chunk::{ActivityChunk, PartitionedChunk};
use crate::cluster::{ClusteredBucket, Dictionary, KnownCustomers, Load, cluster};
use crate::commit::Writer;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::{Fingerprint, attribute_hash, name_hash};
use crate::history::{History, MemoryBucket};
use crate::layout::{buckets_for, customer_index};
use crate::manifest::{Manifest, Segment, Source};
use crate::names::Names;

/// Decimals of amounts in a history, unless its rows have more.
const LEAST_VALUE_SCALE: u8 = 2;

/// Collects rows from many threads and lays them out as a history.
#[derive(Debug)]
pub struct Loader {
    home_zone: Zone,
    attribute_names: Vec<String>,
    events: Names,
    currencies: Names,
    attributes: Vec<Names>,
    chunks: Mutex<Vec<PartitionedChunk>>,
}

/// Where the rows of a load go.
#[derive(Debug)]
pub enum Target {
    /// A history that lives as long as its value; nothing is left on disk.
    Memory,
    /// A new segment of the history that the writer holds.
    Directory(Writer),
}

/// What a load has brought.
#[derive(Debug)]
pub struct Loaded {
    /// The history with the new rows.
    pub history: History,
    /// Rows left out because they equal rows of another export of the load, by export.
    pub duplicates: Vec<u64>,
    /// Rows added.
    pub rows: u64,
    /// Distinct customers among the rows added.
    pub customers: u64,
    /// Distinct events of the load.
    pub events: u64,
    /// First and last activity among the rows added.
    pub span: Option<(Instant, Instant)>,
    /// Bytes written to disk.
    pub bytes: u64,
}

impl Loader {
    /// A load into a history with this home zone, of rows with these attributes.
    pub fn new(home_zone: Zone, attribute_names: Vec<String>) -> Self {
        let attributes = attribute_names.iter().map(|_| Names::default()).collect();
        Self {
            home_zone,
            attribute_names,
            events: Names::default(),
            currencies: Names::default(),
            attributes,
            chunks: Mutex::default(),
        }
    }

    /// The events' names.
    pub fn events(&self) -> &Names {
        &self.events
    }

    /// The currencies' codes.
    pub fn currencies(&self) -> &Names {
        &self.currencies
    }

    /// The values of an attribute, by its place among the load's attributes.
    pub fn attribute(&self, index: usize) -> &Names {
        &self.attributes[index]
    }

    /// Adds rows. Chunks of some ten thousand rows suit the caches best.
    pub fn push(&self, chunk: ActivityChunk) {
        if !chunk.is_empty() {
            let chunk = chunk.partition();
            self.chunks.lock().unwrap_or_else(PoisonError::into_inner).push(chunk);
        }
    }

    /// Lays the rows out, in parallel over buckets. `sources` names the exports; `observed_until` is the first instant
    /// that they say nothing about; `progress` is told the rows of each bucket done.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Value`] where the amounts of different chunks have too many digits together; [`ErrorKind::Io`] where
    /// writing fails: then the history is as it was.
    pub fn finish(
        self,
        sources: Vec<String>,
        observed_until: Option<Instant>,
        target: Target,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Loaded, Error> {
        let mut chunks = self.chunks.into_inner().unwrap_or_else(PoisonError::into_inner);
        let before = match &target {
            Target::Memory => None,
            Target::Directory(writer) => writer.manifest(),
        };
        let staged: u64 = chunks.iter().map(|chunk| chunk.times.len() as u64).sum();
        let buckets = before.map_or_else(|| buckets_for(staged), |manifest| manifest.buckets);
        let value_scale = before
            .iter()
            .flat_map(|manifest| &manifest.segments)
            .map(|segment| segment.value_scale)
            .chain(chunks.iter().map(|chunk| chunk.amounts.scale))
            .fold(LEAST_VALUE_SCALE, u8::max);
        if !chunks.par_iter_mut().all(|chunk| chunk.amounts.widen(value_scale)) {
            return Err(Error::new(
                ErrorKind::Value,
                format!(
                    "amounts need more than 18 digits when all have {value_scale} decimals; round the value, as in --value 'round(amount, 2)'"
                ),
            ));
        }
        let events = Dictionary::new(self.events.sorted(), name_hash);
        let currencies = Dictionary::new(self.currencies.sorted(), name_hash);
        let attributes: Vec<Dictionary> = self
            .attributes
            .into_iter()
            .zip(&self.attribute_names)
            .map(|(names, attribute)| Dictionary::new(names.sorted(), |value| attribute_hash(attribute, value)))
            .collect();
        let load = Load {
            chunks: &chunks,
            buckets,
            exports: u32::try_from(sources.len()).unwrap_or(u32::MAX),
            zone: &self.home_zone,
            value_scale,
            events: &events,
            currencies: &currencies,
            attribute_names: &self.attribute_names,
            attributes: &attributes,
        };
        let segment = Segment {
            id: 1,
            rows: 0,
            new_customers: 0,
            value_scale,
            attributes: self.attribute_names.clone(),
            span: None,
            observed_until: observed_until.map(|at| at.0),
            content: Fingerprint::default(),
            sources: Vec::new(),
            files: Vec::new(),
        };
        let mut tally = Tally { segment, duplicates: vec![0; sources.len()], customers: 0, events: events.len() };
        let rows_of_export = rows_by_export(load.chunks, sources.len());
        let history = match target {
            Target::Memory => {
                let clustered: Vec<ClusteredBucket> = (0..buckets)
                    .into_par_iter()
                    .map(|bucket| {
                        let done = cluster(&load, bucket, KnownCustomers::default())?;
                        progress(done.activity.num_rows() as u64);
                        Ok(done)
                    })
                    .collect::<Result<_, Error>>()?;
                let mut rows = Vec::with_capacity(clustered.len());
                for bucket in clustered {
                    tally.add(&bucket);
                    rows.push(MemoryBucket { activity: bucket.activity, customers: bucket.customers });
                }
                let mut manifest = Manifest::new(self.home_zone.name(), buckets);
                manifest.segments.push(tally.with_sources(&sources, &rows_of_export));
                History::in_memory(manifest, rows, self.home_zone)
            }
            Target::Directory(writer) => {
                let id = writer.next_segment();
                let known = writer.manifest().map(|manifest| History::of_manifest(writer.dir(), manifest.clone())).transpose()?;
                let written = (0..buckets)
                    .into_par_iter()
                    .map(|bucket| {
                        let known = known
                            .as_ref()
                            .map_or_else(|| Ok(KnownCustomers::default()), |history| known_customers(history, bucket))?;
                        let mut done = cluster(&load, bucket, known)?;
                        let files = (done.activity.num_rows() > 0)
                            .then(|| writer.write_bucket(id, bucket, &done.activity, &done.customers))
                            .transpose()?;
                        progress(done.activity.num_rows() as u64);
                        let rows = done.activity.num_rows();
                        done.activity = done.activity.slice(0, 0);
                        Ok((done, rows, files))
                    })
                    .collect::<Result<Vec<_>, Error>>()?;
                for (bucket, rows, files) in written {
                    tally.add(&bucket);
                    tally.segment.rows += rows as u64;
                    tally.segment.files.extend(files);
                }
                let mut segment = tally.with_sources(&sources, &rows_of_export);
                segment.id = id;
                let dir = writer.dir().to_owned();
                writer.commit(self.home_zone.name(), buckets, segment)?;
                History::open(&dir)?
            }
        };
        Ok(tally.loaded(history))
    }
}

fn rows_by_export(chunks: &[PartitionedChunk], exports: usize) -> Vec<u64> {
    let mut rows = vec![0; exports];
    for chunk in chunks {
        rows[chunk.export as usize] += chunk.times.len() as u64;
    }
    rows
}

fn known_customers(history: &History, bucket: u32) -> Result<KnownCustomers, Error> {
    let mut known = KnownCustomers::default();
    for (number, id) in history.customer_ids(bucket)? {
        let index = customer_index(number);
        known.taken = known.taken.max(index + 1);
        known.ids.push((id.into_bytes().into_boxed_slice(), index));
    }
    Ok(known)
}

/// What the buckets of a load add up to.
struct Tally {
    segment: Segment,
    duplicates: Vec<u64>,
    customers: u64,
    events: u64,
}

impl Tally {
    fn add(&mut self, bucket: &ClusteredBucket) {
        self.segment.rows += bucket.activity.num_rows() as u64;
        self.segment.new_customers += bucket.customers.num_rows() as u64;
        self.segment.content += bucket.content;
        self.segment.span = match (self.segment.span, bucket.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (a, b) => a.or(b),
        };
        self.customers += bucket.active_customers;
        for (sum, &duplicates) in self.duplicates.iter_mut().zip(&bucket.duplicates) {
            *sum += duplicates;
        }
    }

    fn with_sources(&self, names: &[String], rows: &[u64]) -> Segment {
        let mut segment = self.segment.clone();
        let kept = rows.iter().zip(&self.duplicates).map(|(rows, duplicates)| rows - duplicates);
        segment.sources = names.iter().zip(kept).map(|(name, rows)| Source { name: name.clone(), rows }).collect();
        segment
    }

    fn loaded(self, history: History) -> Loaded {
        let bytes = self.segment.files.iter().map(|f| f.activity.bytes + f.customers.as_ref().map_or(0, |c| c.bytes)).sum();
        Loaded {
            history,
            duplicates: self.duplicates,
            rows: self.segment.rows,
            customers: self.customers,
            events: self.events,
            span: self.segment.span.map(|(first, last)| (Instant(first), Instant(last))),
            bytes,
        }
    }
}
