//! Tables as Parquet files, written as their rows come.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Date32Type, SchemaRef};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tenure_model::Day;

use crate::error::Error;
use crate::star::StarTable;
use crate::star::dates::year_month;
use crate::star::parallel::ParallelWriter;

/// Rows of a row group; of each partition fewer, since all of them are written at the same time.
const ROW_GROUP: usize = 1 << 20;
const ROW_GROUP_OF_PARTITION: usize = 1 << 17;

/// Partitions of a table, each an open file.
const MOST_PARTITIONS: usize = 600;

/// The partition of rows without a date, as Hive calls it.
const NO_MONTH: &str = "__HIVE_DEFAULT_PARTITION__";

/// How facts are parted into files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Partition {
    /// Each table is a file.
    #[default]
    None,
    /// Each month of a fact is a file of its own, in a folder that says which.
    Month,
}

/// A file that has been written.
#[derive(Debug)]
pub struct Written<W> {
    /// Its table.
    pub table: StarTable,
    /// Where it lies in the export.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// What it was written to.
    pub sink: W,
}

/// What a star was written to.
#[derive(Debug)]
pub struct WrittenStar<W> {
    /// Its files, by table and month.
    pub files: Vec<Written<W>>,
    /// The columns of each table.
    pub schemas: BTreeMap<StarTable, SchemaRef>,
}

struct OpenFile<W: Write + Send> {
    path: PathBuf,
    rows: u64,
    writer: ParallelWriter<W>,
}

/// Writes tables as their rows come.
pub struct StarWriter<'a, W: Write + Send> {
    partition: Partition,
    open: &'a mut dyn FnMut(&Path) -> io::Result<W>,
    files: BTreeMap<(StarTable, String), OpenFile<W>>,
    schemas: BTreeMap<StarTable, SchemaRef>,
    days: Option<(Day, Day)>,
}

impl<'a, W: Write + Send> StarWriter<'a, W> {
    /// A writer to the files that `open` makes.
    pub fn new(partition: Partition, open: &'a mut dyn FnMut(&Path) -> io::Result<W>) -> Self {
        Self { partition, open, files: BTreeMap::new(), schemas: BTreeMap::new(), days: None }
    }

    /// The first and the last day that facts refer to.
    pub fn days(&self) -> Option<(Day, Day)> {
        self.days
    }

    /// Adds rows to a table; the first of each say what columns it has.
    ///
    /// # Errors
    ///
    /// Where a file can't be made or written, or there are too many.
    pub fn write(&mut self, table: StarTable, batch: &RecordBatch) -> Result<(), Error> {
        let schema = self.schemas.entry(table).or_insert_with(|| batch.schema()).clone();
        let Some(date) = table.date() else { return self.write_file(table, String::new(), &schema, batch) };
        let dates = batch.column_by_name(date).and_then(|dates| dates.as_primitive_opt::<Date32Type>());
        let dates = dates.ok_or_else(|| Error::unsupported(format!("{} has no {date}", table.name())))?;
        for day in dates.iter().flatten().map(Day) {
            self.days = Some(self.days.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
        }
        if self.partition == Partition::None {
            return self.write_file(table, String::new(), &schema, batch);
        }
        let month = |row: usize| dates.is_valid(row).then(|| Day(dates.value(row)).month_number());
        let months: Vec<Option<i32>> = (0..batch.num_rows()).map(month).collect();
        let mut distinct = months.clone();
        distinct.sort_unstable();
        distinct.dedup();
        for month in distinct {
            let is_of = months.iter().map(|of| Some(*of == month)).collect::<BooleanArray>();
            let rows = filter_record_batch(batch, &is_of).map_err(|error| Error::encoding("Parquet", error))?;
            let name = month.map_or_else(|| NO_MONTH.to_owned(), |month| year_month(Day::first_of_month(month)));
            self.write_file(table, name, &schema, &rows)?;
        }
        Ok(())
    }

    fn write_file(&mut self, table: StarTable, month: String, schema: &SchemaRef, rows: &RecordBatch) -> Result<(), Error> {
        let key = (table, month);
        if !self.files.contains_key(&key) {
            let path = match key.1.as_str() {
                "" => PathBuf::from(format!("{}.parquet", table.name())),
                month => PathBuf::from(format!("{0}/year_month={month}/{0}.parquet", table.name())),
            };
            if self.files.keys().filter(|(of, _)| *of == table).count() >= MOST_PARTITIONS {
                return Err(Error::unsupported(format!(
                    "{} has more than {MOST_PARTITIONS} months: leave --partition month out",
                    table.name()
                )));
            }
            let sink = (self.open)(&path).map_err(|error| Error::opening(&path, error))?;
            let groups = if key.1.is_empty() { ROW_GROUP } else { ROW_GROUP_OF_PARTITION };
            let properties = WriterProperties::builder()
                .set_created_by(concat!("tenure ", env!("CARGO_PKG_VERSION")).to_owned())
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .build();
            let writer =
                ParallelWriter::new(sink, schema.clone(), properties, groups).map_err(|error| Error::file(&path, error))?;
            self.files.insert(key.clone(), OpenFile { path, rows: 0, writer });
        }
        if let Some(file) = self.files.get_mut(&key) {
            file.writer.write(rows).map_err(|error| Error::file(&file.path, error))?;
            file.rows += rows.num_rows() as u64;
        }
        Ok(())
    }

    /// Ends all files. A table without rows is a file all the same.
    ///
    /// # Errors
    ///
    /// Where a file can't be made or written.
    pub fn finish(mut self) -> Result<WrittenStar<W>, Error> {
        for (table, schema) in self.schemas.clone() {
            if !self.files.keys().any(|(of, _)| *of == table) {
                let rows = RecordBatch::new_empty(schema.clone());
                self.write_file(table, NO_MONTH.to_owned(), &schema, &rows)?;
            }
        }
        let mut files = Vec::new();
        for ((table, _), file) in self.files {
            let sink = file.writer.finish().map_err(|error| Error::file(&file.path, error))?;
            files.push(Written { table, path: file.path, rows: file.rows, sink });
        }
        Ok(WrittenStar { files, schemas: self.schemas })
    }
}
