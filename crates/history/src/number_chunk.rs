//! A column of integers as the bytes of a Parquet column chunk. The general writer brings each value through its levels and
//! a writer of single bits: this one packs whole pages.

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use crate::chunk_pages::{ChunkPages, EncodedChunk, levels};
use crate::delta::{self, Integer};

/// Encodes integers, a page for so many rows.
pub(crate) fn encode_numbers<T: ArrowPrimitiveType<Native: Integer>>(
    numbers: &PrimitiveArray<T>,
    column: ColumnDescPtr,
    compression: Compression,
    page_rows: usize,
) -> Result<EncodedChunk, ParquetError> {
    let mut pages = ChunkPages::new(column, compression)?;
    let nulls = numbers.nulls().filter(|nulls| nulls.null_count() > 0);
    let missing = nulls.map_or(0, |nulls| nulls.null_count());
    let mut ends: Option<(T::Native, T::Native)> = None;
    let mut present = Vec::new();
    for from in (0..numbers.len()).step_by(page_rows) {
        let rows = page_rows.min(numbers.len() - from);
        let nulls = nulls.map(|nulls| nulls.slice(from, rows));
        let mut body = Vec::new();
        if pages.has_levels() {
            levels(nulls.as_ref(), rows, &mut body);
        }
        let mut values = &numbers.values()[from..from + rows];
        if let Some(nulls) = &nulls {
            present.clear();
            present.extend(nulls.valid_indices().map(|row| values[row]));
            values = &present;
        }
        delta::encode(values, &mut body);
        pages.data(body, rows, Encoding::DELTA_BINARY_PACKED)?;
        if let Some((least, most)) = values.iter().copied().min().zip(values.iter().copied().max()) {
            ends = Some(ends.map_or((least, most), |ends| (ends.0.min(least), ends.1.max(most))));
        }
    }
    let ends = ends.map(|(least, most)| (least.wide(), most.wide()));
    let (least, most) = (ends.map(|ends| ends.0), ends.map(|ends| ends.1));
    let statistics = if T::Native::MINIBLOCK == i32::MINIBLOCK {
        let narrow = |end: Option<i64>| end.map(|end| end as i32);
        Statistics::int32(narrow(least), narrow(most), None, Some(missing as u64), false)
    } else {
        Statistics::int64(least, most, None, Some(missing as u64), false)
    };
    pages.finish(vec![Encoding::RLE, Encoding::DELTA_BINARY_PACKED], statistics)
}
