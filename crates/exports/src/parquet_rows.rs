use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DECIMAL64_MAX_PRECISION, DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type as PhysicalType;
use parquet::file::reader::ChunkReader;
use rayon::prelude::*;

use crate::batch::{Batch, RowNumbers, Rows, Sink, plain_array, plain_type};
use crate::error::Error;
use crate::foreign::guarded;
use crate::input::{Input, Whole};
use crate::parquet_pages::Pages;

/// Few enough that most of a batch's columns stay in the caches of a core while they are looked at.
const BATCH_ROWS: usize = 32 * 1024;

/// A Parquet file. Rows are numbered from 1.
pub(crate) struct ParquetRows {
    pub(crate) input: Input,
    pub(crate) whole: Whole,
    pub(crate) metadata: ArrowReaderMetadata,
    header: Vec<Arc<str>>,
    /// The types of the columns by the file's own account.
    types: Vec<DataType>,
    /// Whether columns of views are handed out as they are.
    views: bool,
}

impl ParquetRows {
    pub(crate) fn open(input: Input) -> Result<Self, Error> {
        let whole = input.whole()?;
        let options = ArrowReaderOptions::new();
        let metadata = match &whole {
            Whole::File(path) => {
                let file = File::open(path).map_err(|error| Error::io(path, "open", error))?;
                guarded(|| ArrowReaderMetadata::load(&file, options))
            }
            Whole::Memory(bytes) => guarded(|| ArrowReaderMetadata::load(bytes, options)),
        };
        let unreadable = |error| Error::input(&input.name, format_args!("cannot read as Parquet: {error}"));
        let metadata = metadata.map_err(unreadable)?;
        let types = metadata.schema().fields().iter().map(|field| plain_type(field.data_type())).collect();
        let metadata = guarded(|| narrowed(metadata)).map_err(unreadable)?;
        let header = metadata.schema().fields().iter().map(|field| field.name().as_str().into()).collect();
        let views = is_flat(&metadata);
        Ok(Self { input, whole, metadata, header, types, views })
    }

    /// Whether the leaves are the columns.
    pub(crate) fn is_flat(&self) -> bool {
        is_flat(&self.metadata)
    }

    fn read_group<R: ChunkReader + 'static>(
        &self,
        source: R,
        group: usize,
        first: u64,
        columns: &[usize],
        sink: Sink<'_>,
    ) -> Result<(), Error> {
        let unreadable =
            |error: &dyn std::fmt::Display| Error::input(&self.input.name, format_args!("cannot read as Parquet: {error}"));
        let reader = guarded(|| {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, self.metadata.clone());
            let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
            builder.with_row_groups(vec![group]).with_projection(mask).with_batch_size(BATCH_ROWS).build()
        });
        let mut reader = reader.map_err(|error| unreadable(&error))?;
        let mut next = first;
        while let Some(batch) = guarded(|| reader.next().transpose()).transpose() {
            let batch = batch.map_err(|error| unreadable(&error))?;
            let rows = batch.num_rows();
            // The reader gives columns in the file's order.
            let found = columns.iter().map(|&column| batch.column_by_name(&self.header[column]).cloned());
            let columns = found.collect::<Option<Vec<ArrayRef>>>().ok_or_else(|| unreadable(&"a column is missing"))?;
            let plain = |array: &ArrayRef| if self.views && is_viewed(array) { Ok(array.clone()) } else { plain_array(array) };
            let columns = guarded(|| columns.iter().map(plain).collect()).map_err(|error| unreadable(&error))?;
            sink(Batch { columns, rows: RowNumbers::From(next, rows), damaged: HashMap::new(), texts: HashMap::new() })?;
            next += rows as u64;
        }
        Ok(())
    }
}

fn is_viewed(array: &ArrayRef) -> bool {
    array.data_type() == &DataType::Utf8View
}

/// Bytes a value below which a column is taken for one of few distinct texts.
const CODED_BYTES: i64 = 3;

/// Bytes a value from which a column's texts stay where they were unpacked, and are not brought one behind the other.
/// Shorter ones lie in their views.
const VIEWED_BYTES: i64 = 20;

/// Bytes a value above which texts might be too long together to be one column of texts later.
const MOST_VIEWED_BYTES: i64 = 256;

/// Whether the leaves are the columns.
fn is_flat(metadata: &ArrowReaderMetadata) -> bool {
    metadata.metadata().row_groups().iter().all(|group| group.num_columns() == metadata.schema().fields().len())
}

/// The same with columns of few distinct texts as codes into these, as the file has them, columns of longer texts as
/// views, and decimals that the file has as 64-bit integers as such.
fn narrowed(metadata: ArrowReaderMetadata) -> Result<ArrowReaderMetadata, parquet::errors::ParquetError> {
    let groups = metadata.metadata().row_groups();
    if !is_flat(&metadata) {
        return Ok(metadata);
    }
    let few = |column: usize| {
        groups.iter().map(|group| group.column(column)).all(|chunk| {
            chunk.dictionary_page_offset().is_some()
                && chunk.uncompressed_size() < CODED_BYTES.saturating_mul(chunk.num_values().max(1))
        })
    };
    let viewed = |column: usize| {
        groups.iter().map(|group| group.column(column)).all(|chunk| {
            let (bytes, values) = (chunk.uncompressed_size(), chunk.num_values().max(1));
            (VIEWED_BYTES.saturating_mul(values)..=MOST_VIEWED_BYTES.saturating_mul(values)).contains(&bytes)
        })
    };
    let leaves = metadata.parquet_schema();
    let fields = metadata.schema().fields().iter().enumerate().map(|(column, field)| match field.data_type() {
        &DataType::Decimal128(precision, scale)
            if precision <= DECIMAL64_MAX_PRECISION
                && leaves.columns().get(column).is_some_and(|leaf| leaf.physical_type() == PhysicalType::INT64) =>
        {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Decimal64(precision, scale)))
        }
        DataType::Utf8 | DataType::Utf8View if viewed(column) => {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if few(column) => {
            let codes = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(codes))
        }
        DataType::Utf8View => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        _ => field.clone(),
    });
    let schema = Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata.schema().metadata().clone()));
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), ArrowReaderOptions::new().with_schema(schema))
}

impl Rows for ParquetRows {
    fn header(&self) -> &[Arc<str>] {
        &self.header
    }

    fn column_type(&self, column: usize) -> DataType {
        self.types[column].clone()
    }

    fn read(&self, columns: &[usize], sink: Sink<'_>) -> Result<(), Error> {
        let mut first = 1u64;
        let mut groups: Vec<(usize, u64)> = Vec::new();
        for (place, group) in self.metadata.metadata().row_groups().iter().enumerate() {
            groups.push((place, first));
            let next = u64::try_from(group.num_rows()).ok().and_then(|rows| first.checked_add(rows));
            first = next.ok_or_else(|| {
                let rows = group.num_rows();
                let message = format_args!("cannot read as Parquet: row group {} says that it has {rows} rows", place + 1);
                Error::input(&self.input.name, message)
            })?;
        }
        groups.into_par_iter().try_for_each(|(group, first)| {
            match &self.whole {
                Whole::File(path) => {
                    let file = File::open(path).map_err(|error| Error::io(path, "open", error))?;
                    self.read_group(file, group, first, columns, sink)?;
                }
                Whole::Memory(bytes) => self.read_group(bytes.clone(), group, first, columns, sink)?,
            }
            let bytes = self.metadata.metadata().row_group(group).compressed_size();
            self.input.consumed.fetch_add(bytes as u64, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        })
    }

    fn pages(&self) -> Option<Pages<'_>> {
        Some(Pages::of(self))
    }

    fn format(&self) -> &'static str {
        "Parquet"
    }
}
