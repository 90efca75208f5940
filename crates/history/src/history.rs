use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use tenure_model::{Day, Instant, ObservationWindow, Table, Zone, column};

use crate::aliases::Aliases;
use crate::chunk::RowLayout;
use crate::columns::{Column, Rows, table_schema};
use crate::commit::{Reading, read_manifest};
use crate::error::{Error, ErrorKind, internal};
use crate::existing::{Registry, customers_schema, listed_conform};
use crate::fingerprint::Fingerprint;
use crate::layout::customer_bucket;
use crate::manifest::{BucketFile, FileEntry, MANIFEST, Manifest, Segment, Source, join_spans, sum};
use crate::merge::{Ties, conform, merge};
use crate::parquet_read::HistoryFile;
use crate::runs::Runs;
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
    Directory {
        dir: PathBuf,
        _reading: Reading,
    },
    /// The rows of each bucket, and its customers.
    Memory {
        buckets: Vec<RecordBatch>,
        customers: Vec<RecordBatch>,
    },
    /// Nothing yet: rows are known to be somewhere else.
    Outline,
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
        // First the promise that files stay, then the list of them.
        let reading = Reading::begin(dir);
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
        let home_zone = Self::zone_of(&manifest)?;
        Ok(Self { manifest, home_zone, storage: Storage::Directory { dir: dir.to_owned(), _reading: reading } })
    }

    pub(crate) fn zone_of(manifest: &Manifest) -> Result<Zone, Error> {
        Zone::named(&manifest.home_zone).map_err(|error| Error::unreadable(Path::new(MANIFEST), error))
    }

    pub(crate) fn in_memory(manifest: Manifest, buckets: Vec<RecordBatch>, customers: Vec<RecordBatch>, home_zone: Zone) -> Self {
        Self { manifest, home_zone, storage: Storage::Memory { buckets, customers } }
    }

    /// What is known of activity from `first` to `last`, of which exports say nothing from `observed_until` on, before its
    /// rows are laid out. These can't be read, and its content is that of no row.
    pub fn outline(home_zone: Zone, first: Instant, last: Instant, observed_until: Instant) -> Self {
        let file = FileEntry { file: String::new(), rows: 0, bytes: 0, footer: String::new() };
        let file = BucketFile { bucket: 0, file, span: Some((first.0, last.0)), content: Fingerprint::default() };
        let mut manifest = Manifest::new(home_zone.name(), 1);
        manifest.segments.push(Segment {
            id: 1,
            table: Table::Activity,
            keyed: false,
            attributes: Vec::new(),
            scales: Vec::new(),
            observed_until: Some(observed_until.0),
            sources: Vec::new(),
            shapes: Vec::new(),
            files: vec![file],
        });
        Self { manifest, home_zone, storage: Storage::Outline }
    }

    /// The zone of the `day` column.
    pub fn home_zone(&self) -> &Zone {
        &self.home_zone
    }

    /// What the history can vouch for: from its first activity to the end of what its exports say.
    pub fn window(&self) -> ObservationWindow {
        self.window_of(Table::Activity)
    }

    /// What a table can vouch for: from its first row to the end of what its exports say.
    pub fn window_of(&self, table: Table) -> ObservationWindow {
        self.manifest
            .table(table)
            .map(|segment| ObservationWindow {
                from: segment.span().map(|(first, _)| Instant(first)),
                // Where it is not recorded, the rows themselves vouch for what lies before the end of the last.
                until: segment.observed_until.map(Instant).or(segment.span().map(|(_, last)| Instant(last).next())),
            })
            .fold(ObservationWindow::EMPTY, ObservationWindow::join)
    }

    /// First and last activity.
    pub fn span(&self) -> Option<(Instant, Instant)> {
        self.activity().filter_map(Segment::span).reduce(join_spans).map(|(first, last)| (Instant(first), Instant(last)))
    }

    /// The local days of the home zone on which there is activity, from the first to the last.
    pub fn days(&self) -> Option<RangeInclusive<Day>> {
        self.span().map(|(first, last)| self.home_zone.day_of(first)..=self.home_zone.day_of(last))
    }

    /// The fingerprint of all rows of all tables.
    pub fn content(&self) -> Fingerprint {
        sum(self.manifest.segments.iter().map(Segment::content).chain([self.manifest.customers.content()]))
    }

    fn activity(&self) -> impl Iterator<Item = &Segment> + Clone {
        self.manifest.table(Table::Activity)
    }

    /// Decimals of amounts of activity: as many as the segment with the most has.
    pub fn value_scale(&self) -> u8 {
        self.activity().filter_map(|segment| segment.scales.first().copied()).max().unwrap_or_default()
    }

    /// Rows of activity.
    pub fn rows(&self) -> u64 {
        self.activity().map(Segment::rows).sum()
    }

    /// Rows of a table. Of customers those that a customers export lists.
    pub fn rows_of(&self, table: Table) -> u64 {
        match (table, &self.storage) {
            (Table::Customers, Storage::Directory { .. }) => self.manifest.customers.listed,
            _ => self.manifest.table(table).map(Segment::rows).sum(),
        }
    }

    /// Customers, whatever is known of them.
    pub fn customers(&self) -> u64 {
        match &self.storage {
            Storage::Memory { customers, .. } => customers.iter().map(|bucket| bucket.num_rows() as u64).sum(),
            Storage::Directory { .. } | Storage::Outline => self.manifest.customers.count(),
        }
    }

    /// Segments: one for each ingest into a table since the last compaction.
    pub fn segments(&self) -> usize {
        self.manifest.segments.len()
    }

    /// The number of ids that stand for other customers.
    ///
    /// # Errors
    ///
    /// As for reading.
    pub fn aliases(&self) -> Result<usize, Error> {
        match &self.storage {
            Storage::Directory { dir, .. } => Ok(Aliases::read(dir, &self.manifest)?.len()),
            Storage::Memory { .. } | Storage::Outline => Ok(0),
        }
    }

    /// The ids that stand for other customers.
    ///
    /// # Errors
    ///
    /// As for reading.
    pub fn alias_ids(&self) -> Result<Vec<String>, Error> {
        match &self.storage {
            Storage::Directory { dir, .. } => Ok(Aliases::read(dir, &self.manifest)?.ids()),
            Storage::Memory { .. } | Storage::Outline => Ok(Vec::new()),
        }
    }

    /// Where the rows came from.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.manifest.segments.iter().flat_map(|segment| &segment.sources).chain(&self.manifest.customers.sources)
    }

    /// The attributes that a table carries, in order.
    pub fn attributes_of(&self, table: Table) -> Vec<String> {
        self.manifest.attributes(table)
    }

    /// First and last time of a table's rows: of the column that orders them.
    pub fn span_of(&self, table: Table) -> Option<(Instant, Instant)> {
        let spans = self.manifest.table(table).filter_map(Segment::span);
        spans.reduce(join_spans).map(|(first, last)| (Instant(first), Instant(last)))
    }

    /// The attributes that activity carries, in order.
    pub fn attributes(&self) -> Vec<String> {
        self.manifest.attributes(Table::Activity)
    }

    /// Bytes on disk by table and column, and the footers' as `(footer)`. Empty for a history in memory.
    ///
    /// # Errors
    ///
    /// As for reading: [`ErrorKind::Damaged`] and [`ErrorKind::Io`].
    pub fn column_bytes(&self) -> Result<BTreeMap<(String, String), u64>, Error> {
        let mut sum = BTreeMap::new();
        let Storage::Directory { dir, .. } = &self.storage else { return Ok(sum) };
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
        self.scan_table(Table::Activity, columns.iter().map(|c| c.name()))
    }

    /// A scan of any table: the customer and the named columns. Of customers those are seen that a customers export lists.
    pub fn scan_table<'a>(&'a self, table: Table, columns: impl Iterator<Item = &'a str>) -> Scan<'a> {
        let names = std::iter::once(column::CUSTOMER).chain(columns).collect();
        Scan::new(self, table, names, self.manifest.buckets)
    }

    /// Hands the rows of a bucket to `each`, in batches ordered by customer and time.
    pub(crate) fn read_bucket<E: From<Error>>(
        &self,
        table: Table,
        bucket: u32,
        columns: &[&str],
        ties: Ties,
        each: &mut dyn FnMut(&Rows) -> Result<(), E>,
    ) -> Result<(), E> {
        match &self.storage {
            Storage::Directory { dir, .. } if table == Table::Customers => {
                let customers = Registry::read(dir, &self.manifest, bucket)?.table;
                let listed = filter_record_batch(&customers, customers.column(2).as_boolean()).map_err(internal)?;
                let mut wanted: Vec<usize> = columns.iter().filter_map(|name| listed.schema().index_of(name).ok()).collect();
                wanted.sort_unstable();
                each(&Rows::new(listed.project(&wanted).map_err(internal)?))
            }
            Storage::Outline => Err(not_laid_out().into()),
            Storage::Memory { .. } if self.manifest.table(table).next().is_none() => Ok(()),
            Storage::Memory { buckets, .. } => {
                let all = &buckets[bucket as usize];
                let batch = conform(all, &self.projected(table, columns, true))?;
                let runs = Runs::of(batch.column(0).as_primitive::<Int64Type>().values());
                let mut from = 0;
                while from < batch.num_rows() {
                    let to = runs.boundary(from, from + BATCH_ROWS);
                    each(&Rows::new(batch.slice(from, to - from)))?;
                    from = to;
                }
                Ok(())
            }
            Storage::Directory { dir, .. } => {
                let files = self.manifest.table(table).flat_map(|s| &s.files).filter(|f| f.bucket == bucket);
                let entries: Vec<&FileEntry> = files.map(|f| &f.file).collect();
                let full = self.all_columns(table);
                let by_all: Vec<&str> = full.fields().iter().map(|field| field.name().as_str()).collect();
                let files = entries.iter().map(|entry| HistoryFile::open(dir, entry)).collect::<Result<Vec<_>, Error>>()?;
                if let [file] = &files[..] {
                    return self.read_file(table, file, columns, each);
                }
                let read = if ties == Ties::ByAllColumns { &by_all } else { columns };
                let schema = self.projected(table, read, true);
                let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                let mut parts = Vec::new();
                for file in &files {
                    let mut part = Vec::new();
                    for group in 0..file.row_groups() {
                        for batch in file.read(group, &names, BATCH_ROWS)? {
                            part.push(conform(&batch?, &schema)?);
                        }
                    }
                    if !part.is_empty() {
                        parts.push(part);
                    }
                }
                if !parts.is_empty() {
                    each(&Rows::new(merge(&parts, ties)?))?;
                }
                Ok(())
            }
        }
    }

    /// Hands the rows of a bucket that lies in one file to `each`, in batches.
    fn read_file<E: From<Error>>(
        &self,
        table: Table,
        file: &HistoryFile,
        columns: &[&str],
        each: &mut dyn FnMut(&Rows) -> Result<(), E>,
    ) -> Result<(), E> {
        let schema = self.projected(table, columns, !file.has_ties());
        let others: Vec<FieldRef> = schema.fields().iter().filter(|f| f.name() != column::CUSTOMER).cloned().collect();
        let others = Arc::new(Schema::new(others));
        for group in 0..file.row_groups() {
            if let Some(batches) = file.by_customer(group, &schema, BATCH_ROWS)? {
                for batch in batches {
                    let (runs, batch) = batch?;
                    each(&Rows::of(runs, conform(&batch, &others)?))?;
                }
                continue;
            }
            let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            // A row group ends with a customer, and so does one batch of it.
            for batch in file.read(group, &names, usize::MAX)? {
                each(&Rows::new(conform(&batch?, &schema)?))?;
            }
        }
        Ok(())
    }

    /// Hands the distinct names of some columns of activity in a bucket to `each`, with the columns' places; a name may come
    /// more than once.
    pub(crate) fn read_names<E: From<Error>>(
        &self,
        bucket: u32,
        columns: &[&str],
        each: &mut dyn FnMut(usize, &[&str]),
    ) -> Result<(), E> {
        let mut hand_over = |place: usize, names: &ArrayRef| {
            if let Some(names) = names.as_string_opt::<i32>() {
                each(place, &names.iter().flatten().collect::<Vec<_>>());
            }
        };
        match &self.storage {
            Storage::Outline => return Err(not_laid_out().into()),
            Storage::Memory { buckets, .. } => {
                for (place, name) in columns.iter().enumerate() {
                    let column = buckets.get(bucket as usize).and_then(|rows| rows.column_by_name(name));
                    if let Some(names) = column.and_then(|column| column.as_any_dictionary_opt()) {
                        hand_over(place, names.values());
                    }
                }
            }
            Storage::Directory { dir, .. } => {
                for entry in self.activity().flat_map(|s| &s.files).filter(|f| f.bucket == bucket) {
                    let file = HistoryFile::open(dir, &entry.file)?;
                    for group in 0..file.row_groups() {
                        for (place, name) in columns.iter().enumerate() {
                            file.names(group, name)?.iter().for_each(|names| hand_over(place, names));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Every customer of a bucket: number, id, whether a customers export lists them, and what that says.
    pub(crate) fn read_customers(&self, bucket: u32) -> Result<Rows, Error> {
        let batch = match &self.storage {
            Storage::Directory { dir, .. } => Registry::read(dir, &self.manifest, bucket)?.table,
            Storage::Memory { customers, .. } => listed_conform(&customers[bucket as usize], &customers_schema(&[]))?,
            Storage::Outline => return Err(not_laid_out()),
        };
        Ok(Rows::new(batch))
    }

    /// The ids of some customers, by their numbers.
    ///
    /// # Errors
    ///
    /// As for reading.
    pub fn customer_ids(&self, wanted: &[i64]) -> Result<HashMap<i64, String>, Error> {
        let mut by_bucket: BTreeMap<u32, HashSet<i64>> = BTreeMap::new();
        for &number in wanted {
            by_bucket.entry(customer_bucket(number)).or_default().insert(number);
        }
        let mut ids = HashMap::with_capacity(wanted.len());
        for (bucket, wanted) in by_bucket {
            let customers = self.read_customers(bucket)?;
            let texts = customers.texts(column::CUSTOMER_ID).into_iter().flatten();
            let rows = customers.customers().iter().zip(texts).filter(|(number, _)| wanted.contains(number));
            ids.extend(rows.map(|(&number, id)| (number, id.unwrap_or_default().to_owned())));
        }
        Ok(ids)
    }

    /// The schema of a table, at the scales that hold every segment's amounts.
    fn all_columns(&self, table: Table) -> SchemaRef {
        let layout = RowLayout { table, attributes: self.manifest.attributes(table), keyed: false };
        let scale = |i: usize| self.manifest.table(table).filter_map(|s| s.scales.get(i).copied()).max().unwrap_or_default();
        table_schema(&layout, &(0..layout.amounts()).map(scale).collect::<Vec<u8>>())
    }

    /// The schema of the asked columns. Where ties have to be found by instants, these are read in their stead.
    fn projected(&self, table: Table, columns: &[&str], ties_by_time: bool) -> SchemaRef {
        let all = self.all_columns(table);
        let ties = columns.contains(&column::TIED) && table == Table::Activity;
        let wanted = |name: &str| columns.contains(&name) || ties && ties_by_time && name == column::TIME;
        let mut fields: Vec<FieldRef> = all.fields().iter().filter(|field| wanted(field.name())).cloned().collect();
        if ties && !ties_by_time {
            fields.push(Arc::new(Field::new(column::TIED, DataType::Boolean, true)));
        }
        Arc::new(Schema::new(fields))
    }
}

fn not_laid_out() -> Error {
    Error::unsupported("the rows of this activity are not laid out, and the query needs them; ingest the export first")
}

impl Error {
    /// The error of asking a history for what it does not have.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }
}
