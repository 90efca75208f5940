use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use tenure_model::{Day, Instant, ObservationWindow, Zone, column};

use crate::columns::{Column, Rows, activity_schema};
use crate::commit::read_manifest;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::manifest::{FileEntry, MANIFEST, Manifest, Source};
use crate::merge::{conform, merge};
use crate::parquet_read::HistoryFile;
use crate::scan::Scan;

/// Rows of a batch when a file is read: its columns stay in a core's cache.
const BATCH_ROWS: usize = 16 * 1024;

/// Everything ingested about one business.
#[derive(Debug)]
pub struct History {
    manifest: Manifest,
    home_zone: Zone,
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    Directory(PathBuf),
    Memory(Vec<MemoryBucket>),
}

/// A bucket that was never written to disk.
#[derive(Debug)]
pub(crate) struct MemoryBucket {
    pub(crate) activity: RecordBatch,
    pub(crate) customers: RecordBatch,
}

impl History {
    /// Opens a history. Its files are checked as they are read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotAHistory`] where there is no manifest; [`ErrorKind::Damaged`], [`ErrorKind::Unsupported`] or
    /// [`ErrorKind::Io`] where it can't be read.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        if !dir.exists() {
            return Err(Error::new(ErrorKind::NotAHistory, format!("{}: no such file or directory", dir.display())));
        }
        let manifest = read_manifest(dir)?.ok_or_else(|| {
            Error::new(
                ErrorKind::NotAHistory,
                format!(
                    "{}: not a history (it has no {MANIFEST}); make one with: tenure ingest EXPORT --into {}",
                    dir.display(),
                    dir.display()
                ),
            )
        })?;
        Self::of_manifest(dir, manifest)
    }

    pub(crate) fn of_manifest(dir: &Path, manifest: Manifest) -> Result<Self, Error> {
        let home_zone = Zone::named(&manifest.home_zone).map_err(|error| Error::unreadable(&dir.join(MANIFEST), error))?;
        Ok(Self { manifest, home_zone, storage: Storage::Directory(dir.to_owned()) })
    }

    pub(crate) fn in_memory(manifest: Manifest, buckets: Vec<MemoryBucket>, home_zone: Zone) -> Self {
        Self { manifest, home_zone, storage: Storage::Memory(buckets) }
    }

    /// The zone of the `day` column.
    pub fn home_zone(&self) -> &Zone {
        &self.home_zone
    }

    /// What the history can vouch for: from its first activity to the end of what its exports say.
    pub fn window(&self) -> ObservationWindow {
        self.manifest
            .segments
            .iter()
            .map(|segment| ObservationWindow {
                from: segment.span.map(|(first, _)| Instant(first)),
                until: segment.observed_until.map(Instant),
            })
            .fold(ObservationWindow::EMPTY, ObservationWindow::join)
    }

    /// First and last activity.
    pub fn span(&self) -> Option<(Instant, Instant)> {
        let spans = self.manifest.segments.iter().filter_map(|segment| segment.span);
        spans.reduce(|(a, b), (c, d)| (a.min(c), b.max(d))).map(|(first, last)| (Instant(first), Instant(last)))
    }

    /// The local days of the home zone on which there is activity, from the first to the last.
    pub fn days(&self) -> Option<RangeInclusive<Day>> {
        self.span().map(|(first, last)| self.home_zone.day_of(first)..=self.home_zone.day_of(last))
    }

    /// The fingerprint of all rows.
    pub fn content(&self) -> Fingerprint {
        let mut sum = Fingerprint::default();
        for segment in &self.manifest.segments {
            sum += segment.content;
        }
        sum
    }

    /// Decimals of amounts: as many as the segment with the most has.
    pub fn value_scale(&self) -> u8 {
        self.manifest.segments.iter().map(|segment| segment.value_scale).max().unwrap_or_default()
    }

    /// Rows of activity.
    pub fn rows(&self) -> u64 {
        self.manifest.segments.iter().map(|segment| segment.rows).sum()
    }

    /// Customers.
    pub fn customers(&self) -> u64 {
        self.manifest.segments.iter().map(|segment| segment.new_customers).sum()
    }

    /// Segments: one for each ingest since the last compaction.
    pub fn segments(&self) -> usize {
        self.manifest.segments.len()
    }

    /// Where the rows came from.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.manifest.segments.iter().flat_map(|segment| &segment.sources)
    }

    /// The attributes that rows carry, in order.
    pub fn attributes(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.manifest.segments.iter().flat_map(|s| &s.attributes).map(String::as_str).collect();
        names.into_iter().collect()
    }

    /// Bytes on disk by table and column, and the footers' as `(footer)`. Empty for a history in memory.
    ///
    /// # Errors
    ///
    /// As for reading: [`ErrorKind::Damaged`] and [`ErrorKind::Io`].
    pub fn column_bytes(&self) -> Result<BTreeMap<(String, String), u64>, Error> {
        let mut sum = BTreeMap::new();
        let Storage::Directory(dir) = &self.storage else { return Ok(sum) };
        for entry in self.manifest.files() {
            let table = entry.file.split('/').next().unwrap_or_default().to_owned();
            let columns = HistoryFile::open(dir, entry)?.bytes_per_column();
            let rest = entry.bytes - columns.values().sum::<u64>();
            for (name, bytes) in columns.into_iter().chain([("(footer)".to_owned(), rest)]) {
                *sum.entry((table.clone(), name)).or_default() += bytes;
            }
        }
        Ok(sum)
    }

    /// A scan of the activity: the customer and the named columns.
    pub fn scan<'a>(&'a self, columns: &[Column<'a>]) -> Scan<'a> {
        let names = std::iter::once(column::CUSTOMER).chain(columns.iter().map(|c| c.name())).collect();
        Scan::new(self, names, self.manifest.buckets)
    }

    /// The customers of a bucket: number and id.
    pub(crate) fn customer_ids(&self, bucket: u32) -> Result<Vec<(i64, String)>, Error> {
        let mut ids = Vec::new();
        let mut add = |batch: &RecordBatch| {
            let numbers = batch.column(0).as_primitive::<Int64Type>().values();
            let names = batch.column(1).as_string::<i32>();
            ids.extend(numbers.iter().copied().zip(names.iter().flatten().map(str::to_owned)));
        };
        match &self.storage {
            Storage::Memory(buckets) => add(&buckets[bucket as usize].customers),
            Storage::Directory(dir) => {
                for files in self.manifest.segments.iter().flat_map(|s| &s.files).filter(|f| f.bucket == bucket) {
                    let Some(entry) = &files.customers else { continue };
                    let file = HistoryFile::open(dir, entry)?;
                    for group in 0..file.row_groups() {
                        for batch in file.read(group, &[column::CUSTOMER, column::CUSTOMER_ID], BATCH_ROWS)? {
                            add(&batch?);
                        }
                    }
                }
            }
        }
        Ok(ids)
    }

    /// Hands the rows of a bucket to `each`, in batches ordered by customer and time.
    pub(crate) fn read_bucket<E: From<Error>>(
        &self,
        bucket: u32,
        columns: &[&str],
        each: &mut dyn FnMut(&Rows) -> Result<(), E>,
    ) -> Result<(), E> {
        match &self.storage {
            Storage::Memory(buckets) => {
                let all = &buckets[bucket as usize].activity;
                let batch = conform(all, &self.projected(columns))?;
                for from in (0..batch.num_rows()).step_by(BATCH_ROWS) {
                    each(&Rows { batch: batch.slice(from, BATCH_ROWS.min(batch.num_rows() - from)) })?;
                }
                Ok(())
            }
            Storage::Directory(dir) => {
                let files = self.manifest.segments.iter().flat_map(|s| &s.files).filter(|f| f.bucket == bucket);
                let entries: Vec<&FileEntry> = files.map(|f| &f.activity).collect();
                let schema = self.projected(columns);
                let mut parts = Vec::new();
                for entry in &entries {
                    let file = HistoryFile::open(dir, entry)?;
                    let mut part = Vec::new();
                    for group in 0..file.row_groups() {
                        for batch in file.read(group, columns, BATCH_ROWS)? {
                            let batch = conform(&batch?, &schema)?;
                            if entries.len() == 1 {
                                each(&Rows { batch })?;
                            } else {
                                part.push(batch);
                            }
                        }
                    }
                    if !part.is_empty() {
                        parts.push(part);
                    }
                }
                if !parts.is_empty() {
                    each(&Rows { batch: merge(&parts)? })?;
                }
                Ok(())
            }
        }
    }

    /// The schema of the asked columns, at the scale that holds every segment's amounts.
    fn projected(&self, columns: &[&str]) -> SchemaRef {
        let attributes: Vec<String> = self.attributes().into_iter().map(str::to_owned).collect();
        let all = activity_schema(self.value_scale(), &attributes);
        let wanted: Vec<usize> = (0..all.fields().len()).filter(|&i| columns.contains(&all.field(i).name().as_str())).collect();
        // Projecting to indices of the schema itself cannot fail.
        all.project(&wanted).map_or(all, std::sync::Arc::new)
    }
}

impl Error {
    /// The error of asking a history for what it does not have.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }
}
