//! A column of integers as the bytes of a Parquet column chunk. The general writer brings each value through its levels and
//! a writer of single bits: this one packs whole pages.

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use crate::chunk_pages::{ChunkPages, EncodedChunk, levels};
use crate::delta::{self, Integer};

/// Room for a value in a chunk: what times take, which are wider than the rest.
const BYTES_EXPECTED: usize = 6;

/// Encodes integers, a page for so many rows.
pub(crate) fn encode_numbers<T: ArrowPrimitiveType<Native: Integer>>(
    numbers: &PrimitiveArray<T>,
    column: ColumnDescPtr,
    compression: Compression,
    page_rows: usize,
) -> Result<EncodedChunk, ParquetError> {
    let mut pages = ChunkPages::new(column, compression, numbers.len() * BYTES_EXPECTED)?;
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
        if !values.is_empty() {
            let (least, most) = least_and_most(values);
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

/// The least and the most of some values, found four at a time.
fn least_and_most<T: Integer>(values: &[T]) -> (T, T) {
    let (fours, rest) = values.as_chunks::<4>();
    let mut ends = [(T::MOST, T::LEAST); 4];
    let wider = |(least, most): (T, T), value: T| (least.min(value), most.max(value));
    for four in fours {
        for (ends, &value) in ends.iter_mut().zip(four) {
            *ends = wider(*ends, value);
        }
    }
    let ends = ends.into_iter().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((T::MOST, T::LEAST));
    rest.iter().copied().fold(ends, wider)
}
