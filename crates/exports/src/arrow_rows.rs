use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use rayon::prelude::*;

use crate::arrow_lengths::{check_file, check_stream};
use crate::batch::{Batch, RowNumbers, Rows, Sink, plain_array, plain_type};
use crate::error::Error;
use crate::foreign::guarded;
use crate::input::{Input, Whole};

/// Arrow's own format, as a file or as a stream. Rows are numbered from 1.
pub(crate) struct ArrowRows {
    input: Input,
    layout: Layout,
    schema: SchemaRef,
    header: Vec<Arc<str>>,
}

enum Layout {
    /// With an index at its end.
    File(Whole),
    /// One batch after the other.
    Stream,
}

type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'a>;

impl ArrowRows {
    pub(crate) fn open(input: Input, file: bool) -> Result<Self, Error> {
        let layout = if file { Layout::File(input.whole()?) } else { Layout::Stream };
        let mut rows = Self { input, layout, schema: SchemaRef::new(arrow::datatypes::Schema::empty()), header: Vec::new() };
        match &rows.layout {
            Layout::File(Whole::File(path)) => {
                check_file(BufReader::new(File::open(path).map_err(|error| Error::io(path, "open", error))?))
            }
            Layout::File(Whole::Memory(bytes)) => check_file(Cursor::new(bytes)),
            Layout::Stream => check_stream(BufReader::with_capacity(1 << 18, rows.input.reader()?)),
        }
        .map_err(|error| rows.unreadable(&error))?;
        let schema = rows.batches(None)?.0;
        rows.schema = schema;
        rows.input.consumed.store(0, std::sync::atomic::Ordering::Relaxed);
        rows.header = rows.schema.fields().iter().map(|field| field.name().as_str().into()).collect();
        Ok(rows)
    }

    /// The schema of the file, and its batches with these columns, in the file's order.
    fn batches(&self, columns: Option<Vec<usize>>) -> Result<(SchemaRef, Batches<'_>), Error> {
        let unreadable = |error: String| self.unreadable(&error);
        match &self.layout {
            Layout::File(Whole::File(path)) => {
                let file = File::open(path).map_err(|error| Error::io(path, "open", error))?;
                guarded(|| of_file(BufReader::new(file), columns)).map_err(unreadable)
            }
            Layout::File(Whole::Memory(bytes)) => guarded(|| of_file(Cursor::new(bytes.clone()), columns)).map_err(unreadable),
            Layout::Stream => {
                let reader = BufReader::with_capacity(1 << 18, self.input.reader()?);
                let reader = guarded(|| StreamReader::try_new(reader, columns)).map_err(unreadable)?;
                Ok((reader.schema(), Box::new(reader)))
            }
        }
    }

    fn unreadable(&self, error: &str) -> Error {
        Error::input(&self.input.name, format_args!("cannot read as Arrow: {error}"))
    }
}

fn of_file<'a, R: Read + Seek + Send + 'a>(
    source: R,
    columns: Option<Vec<usize>>,
) -> Result<(SchemaRef, Batches<'a>), ArrowError> {
    let reader = FileReader::try_new(source, columns)?;
    Ok((reader.schema(), Box::new(reader)))
}

impl Rows for ArrowRows {
    fn header(&self) -> &[Arc<str>] {
        &self.header
    }

    fn column_type(&self, column: usize) -> DataType {
        plain_type(self.schema.field(column).data_type())
    }

    fn read(&self, columns: &[usize], sink: Sink<'_>) -> Result<(), Error> {
        // The reader gives columns in the file's order, each once.
        let mut wanted = columns.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let places: Vec<usize> = columns.iter().filter_map(|column| wanted.binary_search(column).ok()).collect();
        let mut next = 1;
        let mut batches = self.batches(Some(wanted))?.1.fuse();
        let mut failed = false;
        let next_batch = || {
            let batch = guarded(|| if failed { Ok(None) } else { batches.next().transpose() });
            failed = batch.is_err();
            batch.transpose()
        };
        let numbered = std::iter::from_fn(next_batch).map(|batch| {
            let first = next;
            next += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
            (first, batch)
        });
        numbered.par_bridge().try_for_each(|(first, batch)| {
            let batch = batch.map_err(|error| self.unreadable(&error))?;
            let columns: Result<Vec<ArrayRef>, _> =
                guarded(|| places.iter().map(|&place| plain_array(batch.column(place))).collect());
            let columns = columns.map_err(|error| self.unreadable(&error))?;
            if let Layout::File(_) = self.layout {
                let share = batch.get_array_memory_size() as u64;
                self.input.consumed.fetch_add(share, std::sync::atomic::Ordering::Relaxed);
            }
            sink(Batch {
                columns,
                rows: RowNumbers::From(first, batch.num_rows()),
                damaged: HashMap::new(),
                texts: HashMap::new(),
            })
        })
    }

    fn format(&self) -> &'static str {
        match self.layout {
            Layout::File(_) => "Arrow",
            Layout::Stream => "Arrow stream",
        }
    }
}
