//! One table of one bucket as the bytes of a Parquet file.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowWriterOptions, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use tenure_model::column;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, internal};
use crate::layout::ROWS_PER_ROW_GROUP;
use crate::name_chunk::encode_names;

/// The key under which a footer holds the digests of the column chunks.
pub(crate) const DIGESTS: &str = "tenure.digests";

/// A dictionary may grow to this size: names never fall back to plain text.
const DICTIONARY_BYTES: usize = 1 << 30;

const PAGE_BYTES: usize = 1 << 20;
const PAGE_ROWS: usize = 64 * 1024;

/// Bytes of the length and the mark that end a Parquet file.
pub(crate) const TRAILER: usize = 8;

/// A finished file and the digest of its footer.
pub(crate) struct EncodedFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) footer: u64,
    pub(crate) rows: u64,
}

/// Encodes a batch. Where its first column is the customer, ascending, row groups end where a customer does.
pub(crate) fn encode(batch: &RecordBatch) -> Result<EncodedFile, Error> {
    let schema = batch.schema();
    let properties = properties(&schema)?;
    let options = ArrowWriterOptions::new().with_properties(properties.clone()).with_skip_arrow_metadata(true);
    let writer = ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options).map_err(internal)?;
    let (mut writer, columns) = writer.into_serialized_writer().map_err(internal)?;
    let customers = batch.column(0).as_primitive_opt::<Int64Type>().map(|customers| &customers.values()[..]);
    let mut from = 0;
    let mut group = 0;
    while from < batch.num_rows() {
        let to = customers.map_or(batch.num_rows(), |customers| end_of_row_group(customers, from));
        let rows = batch.slice(from, to - from);
        let leaves = writer.schema_descr().columns().to_vec();
        let mut row_group = writer.next_row_group().map_err(internal)?;
        for (i, column) in columns.create_column_writers(group).map_err(internal)?.into_iter().enumerate() {
            if let Some(names) = rows.column(i).as_dictionary_opt::<Int32Type>() {
                let compression = properties.compression(leaves[i].path());
                let chunk = encode_names(names, leaves[i].clone(), compression, PAGE_ROWS).map_err(internal)?;
                row_group.append_column(&chunk.bytes, chunk.close).map_err(internal)?;
                continue;
            }
            let mut column = column;
            for leaf in compute_leaves(schema.field(i), rows.column(i)).map_err(internal)? {
                column.write(&leaf).map_err(internal)?;
            }
            column.close().and_then(|chunk| chunk.append_to_row_group(&mut row_group)).map_err(internal)?;
        }
        row_group.close().map_err(internal)?;
        from = to;
        group += 1;
    }
    writer.flush().map_err(internal)?;
    let mut digests = String::new();
    for group in writer.flushed_row_groups() {
        for chunk in group.columns() {
            let (start, length) = chunk.byte_range();
            let bytes = &writer.inner()[start as usize..(start + length) as usize];
            digests.push_str(&format!("{:016x}", xxh3_64(bytes)));
        }
    }
    writer.append_key_value_metadata(KeyValue::new(DIGESTS.to_owned(), digests));
    let bytes = writer.into_inner().map_err(internal)?;
    let footer = footer_digest(&bytes).unwrap_or_default();
    Ok(EncodedFile { bytes, footer, rows: batch.num_rows() as u64 })
}

fn end_of_row_group(customers: &[i64], from: usize) -> usize {
    let Some(last) = customers.get(from + ROWS_PER_ROW_GROUP - 1) else { return customers.len() };
    from + customers[from..].partition_point(|customer| customer <= last)
}

/// The digest of the bytes from the footer's start to the end of the file.
pub(crate) fn footer_digest(bytes: &[u8]) -> Option<u64> {
    Some(xxh3_64(&bytes[bytes.len().checked_sub(footer_length(bytes)?)?..]))
}

/// The length of the footer with its trailer, read from the last bytes of a file.
pub(crate) fn footer_length(end: &[u8]) -> Option<usize> {
    let trailer = end.len().checked_sub(TRAILER)?;
    let length: [u8; 4] = end[trailer..trailer + 4].try_into().ok()?;
    (end[trailer + 4..] == *b"PAR1").then_some(u32::from_le_bytes(length) as usize + TRAILER)
}

fn properties(schema: &Schema) -> Result<WriterProperties, Error> {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("tenure ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(true)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_sorting_columns(Some(vec![SortingColumn { column_idx: 0, descending: false, nulls_first: false }]));
    // The columns that queries read are not compressed: it would save a twentieth of the bytes and cost more time.
    for name in column::ACTIVITY {
        properties = properties.set_column_compression(ColumnPath::from(name), Compression::UNCOMPRESSED);
    }
    for field in schema.fields() {
        let path = ColumnPath::from(field.name().as_str());
        properties = match field.data_type() {
            DataType::Int64 | DataType::Date32 | DataType::Timestamp(..) | DataType::Decimal64(..) => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            // Ids and keys are distinct: a dictionary of them would be a second copy.
            DataType::Utf8 => properties.set_column_dictionary_enabled(path, false),
            DataType::FixedSizeBinary(_) => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_compression(path, Compression::UNCOMPRESSED),
            _ => properties,
        };
    }
    Ok(properties.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_groups_end_at_customers() {
        let mut customers = vec![1; 10];
        customers.extend(std::iter::repeat_n(2, ROWS_PER_ROW_GROUP));
        customers.extend([3, 3]);
        assert_eq!(end_of_row_group(&customers, 0), ROWS_PER_ROW_GROUP + 10);
        assert_eq!(end_of_row_group(&customers, ROWS_PER_ROW_GROUP + 10), ROWS_PER_ROW_GROUP + 12);
    }
}
