//! One table of one bucket as the bytes of a Parquet file.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Decimal64Type, Field, Int32Type, Int64Type, Schema, TimestampMicrosecondType};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowWriterOptions, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnDescPtr, ColumnPath};
use tenure_model::column;
use xxhash_rust::xxh3::xxh3_64;

use crate::chunk_pages::EncodedChunk;
use crate::columns::tied;
use crate::delta::Integer;
use crate::error::{Error, internal};
use crate::layout::ROWS_PER_ROW_GROUP;
use crate::name_chunk::encode_names;
use crate::number_chunk::encode_numbers;

/// The key under which a footer holds the digests of the column chunks.
pub(crate) const DIGESTS: &str = "tenure.digests";

const PAGE_BYTES: usize = 1 << 20;
const PAGE_ROWS: usize = 64 * 1024;

/// Room for a row in a file; one that takes more only has the file's bytes copied once more.
const BYTES_EXPECTED: usize = 12;

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
    let batch = &with_ties(batch)?;
    let schema = batch.schema();
    let properties = properties(&schema)?;
    let options = ArrowWriterOptions::new().with_properties(properties.clone()).with_skip_arrow_metadata(true);
    let room = Vec::with_capacity(batch.num_rows() * BYTES_EXPECTED);
    let writer = ArrowWriter::try_new_with_options(room, schema.clone(), options).map_err(internal)?;
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
            let compression = properties.compression(leaves[i].path());
            if let Some(chunk) = encode_column(rows.column(i), &leaves[i], compression) {
                let chunk = chunk.map_err(internal)?;
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

/// Activity with the column that says which rows are tied; another table as it is.
fn with_ties(batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let (Some(_), Some(time)) = (batch.column_by_name(column::DAY), batch.column_by_name(column::TIME)) else {
        return Ok(batch.clone());
    };
    let customers = batch.column(0).as_primitive::<Int64Type>().values();
    let ties = tied(customers, time.as_primitive::<TimestampMicrosecondType>().values());
    let mut fields = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new(column::TIED, DataType::Boolean, false)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(BooleanArray::new(ties, None)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(internal)
}

/// Encodes names and integers; nothing for what the general writer has to encode.
fn encode_column(
    column: &ArrayRef,
    leaf: &ColumnDescPtr,
    compression: Compression,
) -> Option<Result<EncodedChunk, ParquetError>> {
    fn numbers<T: ArrowPrimitiveType<Native: Integer>>(
        column: &ArrayRef,
        leaf: &ColumnDescPtr,
        compression: Compression,
    ) -> Option<Result<EncodedChunk, ParquetError>> {
        let numbers = column.as_primitive_opt::<T>()?;
        Some(encode_numbers(numbers, leaf.clone(), compression, PAGE_ROWS))
    }
    match column.data_type() {
        DataType::Dictionary(..) => {
            let names = column.as_dictionary_opt::<Int32Type>()?;
            Some(encode_names(names, leaf.clone(), compression, PAGE_ROWS))
        }
        DataType::Int64 => numbers::<Int64Type>(column, leaf, compression),
        DataType::Date32 => numbers::<Date32Type>(column, leaf, compression),
        DataType::Timestamp(..) => numbers::<TimestampMicrosecondType>(column, leaf, compression),
        DataType::Decimal64(..) => numbers::<Decimal64Type>(column, leaf, compression),
        _ => None,
    }
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
    use std::sync::{Arc, LazyLock};

    use arrow::array::{Date32Array, Decimal64Array, DictionaryArray, Int64Array, TimestampMicrosecondArray};
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::statistics::Statistics;

    use super::*;

    #[test]
    fn row_groups_end_at_customers() {
        let mut customers = vec![1; 10];
        customers.extend(std::iter::repeat_n(2, ROWS_PER_ROW_GROUP));
        customers.extend([3, 3]);
        assert_eq!(end_of_row_group(&customers, 0), ROWS_PER_ROW_GROUP + 10);
        assert_eq!(end_of_row_group(&customers, ROWS_PER_ROW_GROUP + 10), ROWS_PER_ROW_GROUP + 12);
    }

    /// Every kind of column that a table has, from two numbers a row: present, missing for long, missing now and then.
    fn batch(rows: &[(i64, u32)]) -> RecordBatch {
        let there = |row: usize| row % 1000 > 400 || row.is_multiple_of(5);
        let present = || rows.iter().enumerate().map(|(row, value)| there(row).then_some(*value));
        let names: DictionaryArray<Int32Type> = rows.iter().map(|(_, name)| Some(["a", "b", "c"][*name as usize % 3])).collect();
        let some: DictionaryArray<Int32Type> = present().map(|value| value.map(|(_, name)| NAMES[name as usize % 300])).collect();
        let columns: [(&str, ArrayRef, bool); 7] = [
            ("customer", Arc::new(Int64Array::from_iter_values((0..rows.len() as i64).map(|row| row / 20))), false),
            ("day", Arc::new(rows.iter().map(|(value, _)| Some(*value as i32)).collect::<Date32Array>()), false),
            ("time", Arc::new(rows.iter().map(|(value, _)| Some(*value)).collect::<TimestampMicrosecondArray>()), false),
            ("event", Arc::new(names), false),
            (
                "value",
                Arc::new(
                    present()
                        .map(|value| value.map(|(value, _)| value % 1_000_000_000_000_000_000))
                        .collect::<Decimal64Array>()
                        .with_precision_and_scale(18, 2)
                        .expect("a decimal"),
                ),
                true,
            ),
            ("currency", Arc::new(some), true),
            ("plan", Arc::new((0..rows.len()).map(|_| None::<&str>).collect::<DictionaryArray<Int32Type>>()), true),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
    }

    static NAMES: LazyLock<Vec<&'static str>> =
        LazyLock::new(|| (0..300).map(|i| &*Box::leak(format!("name {i}").into_boxed_str())).collect());

    #[test]
    fn rows_come_back_and_ends_are_known() {
        for count in [1, 2, 300, PAGE_ROWS + 1] {
            let mut state = count as u64;
            let rows: Vec<(i64, u32)> = (0..count)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    ((state as i64) >> (state >> 58), (state >> 40) as u32)
                })
                .collect();
            // Rows of a slice begin in the middle of a byte.
            let before = batch(&[&[(0, 0); 3][..], &rows].concat()).slice(3, count);
            let encoded = encode(&before).expect("encodes");
            let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(encoded.bytes)).expect("opens");
            let chunks = reader.metadata().row_group(0).columns().to_vec();
            let missing: Vec<u64> = chunks.iter().filter_map(|c| c.statistics()?.null_count_opt()).collect();
            // Behind the columns stands which rows are tied.
            let expected = before.columns().iter().map(|column| column.null_count() as u64).chain([0]);
            assert_eq!(missing, expected.collect::<Vec<_>>());
            let Some(Statistics::Int64(times)) = chunks[2].statistics() else { panic!("times have statistics") };
            assert_eq!(times.min_opt().copied(), rows.iter().map(|row| row.0).min());
            assert_eq!(times.max_opt().copied(), rows.iter().map(|row| row.0).max());
            let after: Vec<RecordBatch> =
                reader.with_batch_size(count).build().expect("reads").collect::<Result<_, _>>().expect("reads");
            for (before, after) in before.columns().iter().zip(after[0].columns()) {
                let before = arrow::compute::cast(before, after.data_type()).expect("the stored type");
                assert_eq!(&before, after);
            }
        }
    }
}
