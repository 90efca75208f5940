//! A column of names as the bytes of a Parquet column chunk. Names are codes into distinct names already, and the general
//! writer would look each of them up again: this one writes the codes as they are.

use arrow::array::{Array, AsArray, DictionaryArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Int32Type;
use parquet::basic::{Compression, Encoding};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use crate::chunk_pages::{ChunkPages, EncodedChunk, levels};
use crate::delta::varint;

/// Values that follow one another unchanged at least so often are written as one.
const LEAST_RUN: usize = 8;

/// Encodes names, a page for so many rows.
pub(crate) fn encode_names(
    names: &DictionaryArray<Int32Type>,
    column: ColumnDescPtr,
    compression: Compression,
    page_rows: usize,
) -> Result<EncodedChunk, ParquetError> {
    let mut pages = ChunkPages::new(column, compression, names.len())?;
    let nulls = names.nulls().filter(|nulls| nulls.null_count() > 0);
    let (places, distinct) = in_use(names);
    let mut dictionary = Vec::new();
    for name in &distinct {
        dictionary.extend_from_slice(&(name.len() as u32).to_le_bytes());
        dictionary.extend_from_slice(name.as_bytes());
    }
    pages.dictionary(dictionary, distinct.len(), distinct.is_sorted())?;
    let width = u32::BITS - (distinct.len().max(1) as u32 - 1).leading_zeros();
    let mut codes = Vec::new();
    for from in (0..names.len()).step_by(page_rows) {
        let rows = page_rows.min(names.len() - from);
        let nulls: Option<NullBuffer> = nulls.map(|nulls| nulls.slice(from, rows));
        let keys = &names.keys().values()[from..from + rows];
        codes.clear();
        match &nulls {
            Some(nulls) => codes.extend(nulls.valid_indices().map(|row| places[keys[row] as usize])),
            None => codes.extend(keys.iter().map(|&key| places[key as usize])),
        }
        let mut body = Vec::new();
        if pages.has_levels() {
            levels(nulls.as_ref(), rows, &mut body);
        }
        body.push(width as u8);
        hybrid(&codes, width, &mut body);
        pages.data(body, rows, Encoding::RLE_DICTIONARY)?;
    }
    let end = |name: Option<&&str>| name.map(|name| ByteArray::from(*name));
    let missing = nulls.map_or(0, |nulls| nulls.null_count() as u64);
    let statistics = Statistics::byte_array(end(distinct.iter().min()), end(distinct.iter().max()), None, Some(missing), false);
    pages.finish(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY], statistics)
}

/// For each name its place among those that rows bear, and these. Others may be those of rows that have gone, and are not
/// to be written.
fn in_use(names: &DictionaryArray<Int32Type>) -> (Vec<u32>, Vec<&str>) {
    let all = names.values().as_string::<i32>();
    let mut used = vec![false; all.len()];
    let keys = names.keys().values();
    match names.nulls().filter(|nulls| nulls.null_count() > 0) {
        Some(nulls) => nulls.valid_indices().for_each(|row| used[keys[row] as usize] = true),
        None => keys.iter().for_each(|&key| used[key as usize] = true),
    }
    let mut distinct = Vec::new();
    let places = used.iter().enumerate().map(|(code, &used)| {
        if used {
            distinct.push(all.value(code));
        }
        (distinct.len() as u32).saturating_sub(1)
    });
    (places.collect(), distinct)
}

/// Parquet's hybrid of runs and packed bits: what repeats is written once, the rest in groups of eight.
pub(crate) fn hybrid(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let repeats = |at: usize| {
        let group = values[at..].first_chunk::<LEAST_RUN>();
        group.is_some_and(|group| group.iter().fold(0, |differ, value| differ | (value ^ group[0])) == 0)
    };
    let mut at = 0;
    while at < values.len() {
        let start = at;
        if repeats(at) {
            at += values[at..].iter().take_while(|value| **value == values[start]).count();
            varint(((at - start) as u64) << 1, out);
            out.extend_from_slice(&values[start].to_le_bytes()[..width.div_ceil(8) as usize]);
            continue;
        }
        while at < values.len() && !repeats(at) {
            at += LEAST_RUN;
        }
        at = at.min(values.len());
        let groups = (at - start).div_ceil(LEAST_RUN);
        varint((groups as u64) << 1 | 1, out);
        out.reserve(groups * width as usize + size_of::<u128>());
        for group in values[start..at].chunks(LEAST_RUN) {
            pack(group, width, out);
        }
    }
}

/// Eight values of so many bits, the lowest first; missing ones are 0.
fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    // Eight values are as many bytes as a value has bits.
    if width <= u8::BITS {
        let bits = values.iter().rev().fold(0u64, |bits, &value| bits << width | u64::from(value));
        out.extend_from_slice(&bits.to_le_bytes()[..width as usize]);
        return;
    }
    let (mut bits, mut filled) = (0u64, 0);
    for i in 0..LEAST_RUN {
        bits |= u64::from(values.get(i).copied().unwrap_or(0)) << filled;
        filled += width;
        while filled >= u8::BITS {
            out.push(bits as u8);
            bits >>= u8::BITS;
            filled -= u8::BITS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads what `hybrid` wrote, by the format's own words.
    fn read(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0u64, 0);
            loop {
                let byte = bytes[0];
                bytes = &bytes[1..];
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            if header & 1 == 0 {
                let length = width.div_ceil(8) as usize;
                let mut value = [0; 4];
                value[..length].copy_from_slice(&bytes[..length]);
                bytes = &bytes[length..];
                values.extend(std::iter::repeat_n(u32::from_le_bytes(value), (header >> 1) as usize));
            } else {
                let length = ((header >> 1) * u64::from(width)) as usize;
                let bit = |i: usize| u32::from(bytes[i / 8] >> (i % 8) & 1);
                for value in 0..(header >> 1) as usize * 8 {
                    values.push((0..width as usize).map(|b| bit(value * width as usize + b) << b).sum());
                }
                bytes = &bytes[length..];
            }
        }
        assert!(bytes.is_empty());
        values.truncate(count);
        values
    }

    proptest::proptest! {
        #[test]
        fn codes_come_back(runs in proptest::collection::vec((0u32..300, 1usize..40), 0..20), width in 9u32..20) {
            let values: Vec<u32> = runs.iter().flat_map(|&(value, count)| std::iter::repeat_n(value, count)).collect();
            let mut bytes = Vec::new();
            hybrid(&values, width, &mut bytes);
            proptest::prop_assert_eq!(read(&bytes, width, values.len()), values);
        }
    }

    #[test]
    fn only_names_in_use_are_written() {
        let names: DictionaryArray<Int32Type> = [Some("b"), None, Some("gone"), Some("a"), Some("b")].into_iter().collect();
        let left = names.slice(3, 2);
        assert_eq!(in_use(&left), (vec![0, 0, 1], vec!["b", "a"]));
        assert_eq!(in_use(&names.slice(1, 1)), (vec![0, 0, 0], vec![]));
    }

    #[test]
    fn a_run_is_two_bytes() {
        let mut bytes = Vec::new();
        hybrid(&[1; 40], 1, &mut bytes);
        assert_eq!(bytes, [80, 1]);
        bytes.clear();
        hybrid(&[0, 1, 2, 3, 0, 1, 2, 3], 2, &mut bytes);
        assert_eq!(bytes, [3, 0b1110_0100, 0b1110_0100]);
    }
}
