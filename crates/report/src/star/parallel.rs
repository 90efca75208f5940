//! A Parquet file whose columns are encoded side by side.

use std::io::Write;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

/// Fewer rows are encoded sooner by one thread than they are handed round.
const LEAST_SHARED: usize = 4096;

/// Writes batches of flat columns, a row group for each so many rows.
pub(crate) struct ParallelWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// The columns of the row group that is being written; none before its first row.
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
    group: usize,
}

impl<W: Write + Send> ParallelWriter<W> {
    /// A writer of row groups of `group` rows.
    pub(crate) fn new(sink: W, schema: SchemaRef, properties: WriterProperties, group: usize) -> Result<Self, ParquetError> {
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let (writer, factory) = ArrowWriter::try_new_with_options(sink, schema.clone(), options)?.into_serialized_writer()?;
        Ok(Self { writer, factory, schema, columns: Vec::new(), rows: 0, group })
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let mut from = 0;
        while from < batch.num_rows() {
            let length = (batch.num_rows() - from).min(self.group - self.rows);
            self.add(&batch.slice(from, length))?;
            from += length;
        }
        Ok(())
    }

    /// Adds rows that the row group has room for.
    fn add(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        if self.columns.is_empty() {
            self.columns = self.factory.create_column_writers(self.writer.flushed_row_groups().len())?;
        }
        let parts = self.columns.iter_mut().zip(self.schema.fields()).zip(batch.columns());
        if batch.num_rows() < LEAST_SHARED {
            parts.into_iter().try_for_each(|((writer, field), array)| encode(writer, field, array))?;
        } else {
            let parts: Vec<_> = parts.collect();
            parts.into_par_iter().try_for_each(|((writer, field), array)| encode(writer, field, array))?;
        }
        self.rows += batch.num_rows();
        if self.rows == self.group { self.flush() } else { Ok(()) }
    }

    /// Ends the row group.
    fn flush(&mut self) -> Result<(), ParquetError> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let columns = std::mem::take(&mut self.columns);
        let chunks = columns.into_par_iter().map(ArrowColumnWriter::close).collect::<Result<Vec<_>, _>>()?;
        let mut group = self.writer.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> Result<W, ParquetError> {
        self.flush()?;
        self.writer.into_inner()
    }
}

fn encode(writer: &mut ArrowColumnWriter, field: &Field, array: &ArrayRef) -> Result<(), ParquetError> {
    compute_leaves(field, array)?.iter().try_for_each(|leaf| writer.write(leaf))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{DataType, Schema};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn rows(from: i64, to: i64) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, false), Field::new("text", DataType::Utf8, true)]);
        let text = (from..to).map(|n| (n % 3 > 0).then(|| format!("row {n}"))).collect::<StringArray>();
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from_iter_values(from..to)), Arc::new(text)]).unwrap()
    }

    #[test]
    fn row_groups_end_where_they_should_and_hold_every_row() {
        let whole = rows(0, 25_000);
        let write = |parts: &[(i64, i64)]| {
            let mut writer =
                ParallelWriter::new(Vec::new(), whole.schema(), WriterProperties::builder().build(), 10_000).unwrap();
            parts.iter().for_each(|&(from, to)| writer.write(&rows(from, to)).unwrap());
            writer.finish().unwrap()
        };
        let bytes = write(&[(0, 5), (5, 9_000), (9_000, 21_000), (21_000, 25_000)]);
        let reader = ParquetRecordBatchReaderBuilder::try_new(parquet_bytes(&bytes)).unwrap();
        let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, [10_000, 10_000, 5_000]);
        let read: Vec<RecordBatch> = reader.with_batch_size(100_000).build().unwrap().map(Result::unwrap).collect();
        assert_eq!(arrow::compute::concat_batches(&whole.schema(), &read).unwrap().columns(), whole.columns());
        assert_eq!(write(&[]).len(), write(&[(0, 0)]).len(), "a file without rows is a file");
    }

    fn parquet_bytes(bytes: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }
}
