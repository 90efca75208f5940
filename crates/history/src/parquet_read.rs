//! Reads just the column chunks that are asked for, and checks each against its digest.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnDescriptor;
use tenure_model::column;
use xxhash_rust::xxh3::xxh3_64;

use crate::chunk_read::{Pages, ReadColumn, can_read, read_runs, reader};
use crate::columns::{name_type, time_type, value_type};
use crate::commit::ALIASES;
use crate::error::{Error, in_dir};
use crate::manifest::FileEntry;
use crate::parquet_write::{DIGESTS, TRAILER, footer_digest, footer_length};
use crate::runs::Runs;

/// How many bytes are read from the end of a file before the footer's length is known.
const FOOTER_GUESS: usize = 64 * 1024;

const DIGEST_HEX: usize = 16;

/// One Parquet file of a history, its footer checked.
pub(crate) struct HistoryFile {
    path: PathBuf,
    file: File,
    length: u64,
    metadata: Arc<ParquetMetaData>,
    digests: Vec<u64>,
}

impl HistoryFile {
    pub(crate) fn open(dir: &Path, entry: &FileEntry) -> Result<Self, Error> {
        let path = in_dir(dir, &entry.file);
        let file = File::open(&path).map_err(|error| missing(&path, error))?;
        let length = file.metadata().map_err(|error| Error::io(&path, "read", error))?.len();
        if length != entry.bytes {
            return Err(Error::damaged(&path, format_args!("the file has {length} bytes, the manifest says {}", entry.bytes)));
        }
        let footer = read_footer(&path, &file, length)?;
        if footer_digest(&footer).map(|d| format!("{d:016x}")).as_deref() != Some(&entry.footer) {
            return Err(Error::damaged(&path, "its footer does not match the manifest"));
        }
        let metadata =
            ParquetMetaDataReader::decode_metadata(&footer[..footer.len() - TRAILER]).map_err(|e| Error::unreadable(&path, e))?;
        let digests = digests(&metadata).ok_or_else(|| Error::damaged(&path, "its footer has no digests of the columns"))?;
        Ok(Self { path, file, length, metadata: Arc::new(metadata), digests })
    }

    pub(crate) fn row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// Bytes of each column, by name.
    pub(crate) fn bytes_per_column(&self) -> BTreeMap<String, u64> {
        let mut bytes = BTreeMap::new();
        for chunk in self.metadata.row_groups().iter().flat_map(|group| group.columns()) {
            *bytes.entry(chunk.column_path().string()).or_default() += chunk.byte_range().1;
        }
        bytes
    }

    /// The named columns of a row group, in batches. Names of columns that the file lacks are passed over.
    pub(crate) fn read(&self, row_group: usize, columns: &[&str], batch_rows: usize) -> Result<Batches<'_>, Error> {
        let group = self.metadata.row_group(row_group);
        let wanted: Vec<usize> =
            (0..group.num_columns()).filter(|&i| columns.contains(&group.column(i).column_path().string().as_str())).collect();
        let chunks = self.chunks(row_group, &wanted)?;
        let unreadable = |error| Error::unreadable(&self.path, error);
        let plain = ArrowReaderMetadata::try_new(self.metadata.clone(), ArrowReaderOptions::new()).map_err(unreadable)?;
        let options = ArrowReaderOptions::new()
            .with_schema(in_memory(plain.schema(), self.path.parent().is_some_and(|folder| folder.ends_with(ALIASES))));
        let metadata = ArrowReaderMetadata::try_new(self.metadata.clone(), options).map_err(unreadable)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata);
        let mask = ProjectionMask::leaves(builder.parquet_schema(), wanted);
        let reader = builder
            .with_projection(mask)
            .with_row_groups(vec![row_group])
            .with_batch_size(batch_rows)
            .build()
            .map_err(unreadable)?;
        Ok(Batches { path: &self.path, reader })
    }

    /// The bytes of some columns of a row group, each held against its digest.
    fn chunks(&self, row_group: usize, wanted: &[usize]) -> Result<Chunks, Error> {
        let group = self.metadata.row_group(row_group);
        let mut chunks = Chunks { length: self.length, parts: Vec::with_capacity(wanted.len()) };
        for &i in wanted {
            let (start, length) = group.column(i).byte_range();
            let bytes = read_range(&self.path, &self.file, start, length)?;
            if xxh3_64(&bytes) != self.digests[row_group * group.num_columns() + i] {
                return Err(Error::damaged(
                    &self.path,
                    format_args!("the bytes of column {} have changed", group.column(i).column_path()),
                ));
            }
            chunks.parts.push((start, bytes.into()));
        }
        Ok(chunks)
    }

    /// The place of a column in the file.
    fn place(&self, name: &str) -> Option<usize> {
        self.metadata.file_metadata().schema_descr().columns().iter().position(|column| column.name() == name)
    }

    /// The distinct names of a column in a row group; none where the file lacks the column.
    pub(crate) fn names(&self, row_group: usize, name: &str) -> Result<Vec<ArrayRef>, Error> {
        let group = self.metadata.row_group(row_group);
        let Some(place) = self.place(name) else { return Ok(Vec::new()) };
        if !can_read(group.column(place), &name_type()) {
            let batches = self.read(row_group, &[name], usize::MAX)?;
            let names =
                |batch: RecordBatch| batch.column_by_name(name)?.as_any_dictionary_opt().map(|names| names.values().clone());
            return batches.filter_map(|batch| batch.map(names).transpose()).collect();
        }
        let chunks = Arc::new(self.chunks(row_group, &[place])?);
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let names = Pages::new(chunks, group.column(place), rows).and_then(|mut pages| pages.dictionary());
        let names = names.map_err(|error| Error::unreadable(&self.path, error))?;
        Ok(vec![Arc::new(names)])
    }

    /// Whether the file says which rows are tied. A file of an earlier version does not, and may have an attribute of that
    /// name.
    pub(crate) fn has_ties(&self) -> bool {
        let columns = self.metadata.file_metadata().schema_descr();
        self.place(column::TIED).is_some_and(|place| columns.column(place).physical_type() == PhysicalType::BOOLEAN)
    }

    /// The rows of a row group in batches of about so many, none of which parts a customer: the customers, and the columns of
    /// a schema that the file has. Nothing where the file is not written as those of a history are.
    pub(crate) fn by_customer(
        &self,
        row_group: usize,
        schema: &SchemaRef,
        batch_rows: usize,
    ) -> Result<Option<ByCustomer<'_>>, Error> {
        let group = self.metadata.row_group(row_group);
        let Some(customer) = self.place(column::CUSTOMER) else { return Ok(None) };
        let fields = schema.fields().iter().filter(|field| field.name() != column::CUSTOMER);
        let found = fields.filter_map(|field| Some((field.name(), self.place(field.name())?)));
        let mut wanted: Vec<(&str, usize, DataType)> = Vec::new();
        for (name, place) in found {
            let Some(data_type) = stored_type(group.column(place).column_descr()) else { return Ok(None) };
            wanted.push((name, place, data_type));
        }
        let known = wanted.iter().all(|(_, place, data_type)| can_read(group.column(*place), data_type));
        if !known || !can_read(group.column(customer), &DataType::Int64) {
            return Ok(None);
        }
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let places: Vec<usize> = std::iter::once(customer).chain(wanted.iter().map(|(_, place, _)| *place)).collect();
        let chunks = Arc::new(self.chunks(row_group, &places)?);
        let unreadable = |error| Error::unreadable(&self.path, error);
        let pages = |place: usize| Pages::new(chunks.clone(), group.column(place), rows).map_err(unreadable);
        let runs = read_runs(pages(customer)?).map_err(unreadable)?;
        let fields: Vec<Field> = wanted.iter().map(|(name, _, data_type)| Field::new(*name, data_type.clone(), true)).collect();
        let readers = wanted.iter().map(|(_, place, data_type)| reader(pages(*place)?, data_type).map_err(unreadable));
        let readers = readers.collect::<Result<Vec<_>, Error>>()?;
        let schema = Arc::new(Schema::new(fields));
        Ok(Some(ByCustomer { path: &self.path, runs, schema, readers, batch_rows, row: 0, customers: 0 }))
    }
}

/// The type in memory of a column of a table; none where it is not one that tables of a history have.
fn stored_type(column: &ColumnDescriptor) -> Option<DataType> {
    Some(match (column.physical_type(), column.logical_type_ref()) {
        (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)) => name_type(),
        (PhysicalType::BOOLEAN, _) => DataType::Boolean,
        (PhysicalType::INT32, Some(LogicalType::Date)) => DataType::Date32,
        (PhysicalType::INT64, Some(LogicalType::Timestamp(_))) => time_type(),
        (PhysicalType::INT64, Some(LogicalType::Decimal(_))) => value_type(column.type_scale() as u8),
        (PhysicalType::INT64, None) => DataType::Int64,
        _ => return None,
    })
}

/// The rows of one row group, in batches that part no customer.
pub(crate) struct ByCustomer<'a> {
    path: &'a Path,
    runs: Runs,
    schema: SchemaRef,
    readers: Vec<Box<dyn ReadColumn>>,
    batch_rows: usize,
    /// The next row, and how many customers are before it.
    row: usize,
    customers: usize,
}

impl Iterator for ByCustomer<'_> {
    /// The customers, and the other columns.
    type Item = Result<(Runs, RecordBatch), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.row >= self.runs.rows() {
            return None;
        }
        let from = self.row;
        let to = self.runs.boundary(from, from + self.batch_rows);
        let runs = self.runs.slice(from, to, self.customers);
        self.row = to;
        self.customers += runs.customers();
        let read = |readers: &mut Vec<Box<dyn ReadColumn>>| {
            let columns = readers.iter_mut().map(|reader| reader.read(to - from)).collect::<Result<Vec<_>, _>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(to - from));
            RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
                .map_err(|error| ParquetError::ArrowError(error.to_string()))
        };
        let batch = read(&mut self.readers).map_err(|error| Error::unreadable(self.path, error));
        Some(batch.map(|batch| (runs, batch)))
    }
}

/// The batches of one row group.
pub(crate) struct Batches<'a> {
    path: &'a Path,
    reader: ParquetRecordBatchReader,
}

impl Iterator for Batches<'_> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|error| Error::unreadable(self.path, error)))
    }
}

fn missing(path: &Path, error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        Error::damaged(path, "the manifest names this file, and it is not there")
    } else {
        Error::io(path, "open", error)
    }
}

/// The bytes of a range, which must all be there.
fn read_range(path: &Path, mut file: &File, start: u64, length: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(length as usize);
    let read = file.seek(SeekFrom::Start(start)).and_then(|_| file.take(length).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 == length => Ok(bytes),
        Ok(_) => Err(Error::damaged(path, "it has become shorter while it was read")),
        Err(error) => Err(Error::io(path, "read", error)),
    }
}

fn read_footer(path: &Path, file: &File, length: u64) -> Result<Vec<u8>, Error> {
    let read_end = |bytes: usize| read_range(path, file, length - bytes as u64, bytes as u64);
    let guess = FOOTER_GUESS.min(length as usize);
    let mut end = read_end(guess)?;
    let not_parquet = || Error::damaged(path, "it does not end as a Parquet file");
    let footer = footer_length(&end).filter(|&footer| footer as u64 <= length).ok_or_else(not_parquet)?;
    if footer > end.len() {
        end = read_end(footer)?;
    }
    Ok(end.split_off(end.len() - footer))
}

fn digests(metadata: &ParquetMetaData) -> Option<Vec<u64>> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    let text = pairs.iter().find(|pair| pair.key == DIGESTS)?.value.as_ref()?;
    let chunks: usize = metadata.row_groups().iter().map(|group| group.num_columns()).sum();
    if text.len() != chunks * DIGEST_HEX || !text.is_ascii() {
        return None;
    }
    (0..chunks).map(|i| u64::from_str_radix(&text[i * DIGEST_HEX..(i + 1) * DIGEST_HEX], 16).ok()).collect()
}

/// The types in memory: names as codes, amounts as 64-bit integers. Ids are distinct, and stay text.
fn in_memory(schema: &SchemaRef, aliases: bool) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Utf8 if !aliases && field.name() != column::CUSTOMER_ID => name_type(),
            DataType::Decimal128(_, scale) => value_type(*scale as u8),
            other => other.clone(),
        };
        field.as_ref().clone().with_data_type(data_type)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The column chunks that were read, at their places in the file.
struct Chunks {
    length: u64,
    parts: Vec<(u64, Bytes)>,
}

impl Chunks {
    fn find(&self, start: u64) -> Result<Bytes, ParquetError> {
        self.parts
            .iter()
            .find(|(at, bytes)| *at <= start && start < at + bytes.len() as u64)
            .map(|(at, bytes)| bytes.slice((start - at) as usize..))
            .ok_or_else(|| ParquetError::General(format!("byte {start} is in no column that was asked for")))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = std::io::Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.find(start).map(std::io::Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.find(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes wanted at {start}, {} there", bytes.len())));
        }
        Ok(bytes.slice(..length))
    }
}
