//! Rows as Parquet: a row group for each block, encoded apart from the others.

use std::io::Write;
use std::sync::Arc;

use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use super::drive::drive;
use crate::batch::{schema, to_batch};
use crate::rows::Row;
use crate::{Error, Plan};

/// Columns with too many values for a dictionary, which would be built and then given up.
const PLAIN: [&str; 3] = ["user_id", "uid", "event_time"];

pub(super) fn write(plan: &Plan, out: &mut (impl Write + Send), progress: &(dyn Fn(u64) + Sync)) -> Result<(), Error> {
    let schema = schema();
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let properties = PLAIN
        .iter()
        .fold(properties, |properties, &column| properties.set_column_dictionary_enabled(column.into(), false))
        .build();
    let root = ArrowSchemaConverter::new().convert(&schema)?.root_schema_ptr();
    let mut file = SerializedFileWriter::new(out, root, Arc::new(properties))?;
    let row_groups = ArrowRowGroupWriterFactory::new(&file, schema);

    let encode = |number: usize, rows: &[Row]| -> Result<Vec<ArrowColumnChunk>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let batch = to_batch(rows, plan.user_ids());
        let writers = row_groups.create_column_writers(number)?;
        let fields = batch.schema_ref().fields().iter().zip(batch.columns());
        // No column is nested, so each has one writer.
        let columns: Vec<_> = fields.zip(writers).collect();
        let encoded = columns.into_par_iter().map(|((field, column), mut writer)| {
            for leaf in compute_leaves(field, column)? {
                writer.write(&leaf)?;
            }
            Ok(writer.close()?)
        });
        encoded.collect()
    };
    let append = |columns: Vec<ArrowColumnChunk>| {
        if columns.is_empty() {
            return Ok(());
        }
        let mut row_group = file.next_row_group()?;
        for column in columns {
            column.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        Ok(())
    };
    drive(plan, encode, append, progress)?;
    file.close()?;
    Ok(())
}
