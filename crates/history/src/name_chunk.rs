//! A column of names as the bytes of a Parquet column chunk. Names are codes into distinct names already, and the general
//! writer would look each of them up again: this one writes the codes as they are.

use arrow::array::{Array, AsArray, DictionaryArray};
use arrow::datatypes::Int32Type;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// Values that follow one another unchanged at least so often are written as one.
const LEAST_RUN: usize = 8;

/// An encoded column chunk, as a row group takes it.
pub(crate) struct NameChunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// Encodes names, a page for so many rows.
pub(crate) fn encode_names(
    names: &DictionaryArray<Int32Type>,
    column: ColumnDescPtr,
    compression: Compression,
    page_rows: usize,
) -> Result<NameChunk, ParquetError> {
    let nulls = names.nulls();
    let (codes, distinct) = in_use(names);
    let mut sink = TrackedWrite::new(Vec::new());
    let mut pages = SerializedPageWriter::new(&mut sink);
    let mut uncompressed = 0;
    let mut page = |page: Page, plain: usize| -> Result<u64, ParquetError> {
        let spec = pages.write_page(CompressedPage::new(page, plain))?;
        uncompressed += spec.uncompressed_size;
        Ok(spec.offset)
    };
    let mut dictionary = Vec::new();
    for name in &distinct {
        dictionary.extend_from_slice(&(name.len() as u32).to_le_bytes());
        dictionary.extend_from_slice(name.as_bytes());
    }
    let plain = dictionary.len();
    let dictionary_at = page(
        Page::DictionaryPage {
            buf: compressed(dictionary, compression)?,
            num_values: distinct.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: distinct.is_sorted(),
        },
        plain,
    )?;
    let width = u32::BITS - (distinct.len().max(1) as u32 - 1).leading_zeros();
    let mut data_at = None;
    let mut present = Vec::new();
    let mut from = 0;
    while from < codes.len() || data_at.is_none() {
        let to = codes.len().min(from + page_rows);
        let mut body = Vec::new();
        present.clear();
        if column.max_def_level() > 0 {
            let levels: Vec<u32> = (from..to).map(|row| u32::from(nulls.is_none_or(|nulls| nulls.is_valid(row)))).collect();
            body.extend_from_slice(&[0; 4]);
            hybrid(&levels, 1, &mut body);
            let length = body.len() as u32 - 4;
            body[..4].copy_from_slice(&length.to_le_bytes());
            present.extend((from..to).filter(|&row| levels[row - from] == 1).map(|row| codes[row]));
        } else {
            present.extend_from_slice(&codes[from..to]);
        }
        body.push(width as u8);
        hybrid(&present, width, &mut body);
        let plain = body.len();
        let at = page(
            Page::DataPage {
                buf: compressed(body, compression)?,
                num_values: (to - from) as u32,
                encoding: Encoding::RLE_DICTIONARY,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            },
            plain,
        )?;
        data_at = data_at.or(Some(at));
        from = to;
    }
    pages.close()?;
    let bytes = sink.into_inner()?;
    let missing = names.null_count() as u64;
    let end = |name: Option<&&str>| name.map(|name| ByteArray::from(*name));
    let statistics = Statistics::byte_array(end(distinct.iter().min()), end(distinct.iter().max()), None, Some(missing), false);
    let metadata = ColumnChunkMetaData::builder(column)
        .set_compression(compression)
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
        .set_total_compressed_size(bytes.len() as i64)
        .set_total_uncompressed_size(uncompressed as i64)
        .set_num_values(codes.len() as i64)
        .set_dictionary_page_offset(Some(dictionary_at as i64))
        .set_data_page_offset(data_at.unwrap_or_default() as i64)
        .set_statistics(statistics)
        .build()?;
    let close = ColumnCloseResult {
        bytes_written: bytes.len() as u64,
        rows_written: codes.len() as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    Ok(NameChunk { bytes: bytes.into(), close })
}

/// The names that rows bear, and each row's code into these. Others may be those of rows that have gone, and are not to be
/// written.
fn in_use(names: &DictionaryArray<Int32Type>) -> (Vec<u32>, Vec<&str>) {
    let all = names.values().as_string::<i32>();
    let nulls = names.nulls();
    let mut used = vec![false; all.len()];
    let is_there = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
    for (row, &code) in names.keys().values().iter().enumerate() {
        if is_there(row) {
            used[code as usize] = true;
        }
    }
    let mut distinct = Vec::new();
    let places: Vec<u32> = used
        .iter()
        .enumerate()
        .map(|(code, &used)| {
            if used {
                distinct.push(all.value(code));
            }
            (distinct.len() as u32).saturating_sub(1)
        })
        .collect();
    let codes = names.keys().values().iter().enumerate();
    (codes.map(|(row, &code)| if is_there(row) { places[code as usize] } else { 0 }).collect(), distinct)
}

fn compressed(bytes: Vec<u8>, compression: Compression) -> Result<Bytes, ParquetError> {
    match compression {
        Compression::ZSTD(level) => {
            let level: ZstdLevel = level;
            zstd::bulk::compress(&bytes, level.compression_level())
                .map(Bytes::from)
                .map_err(|error| ParquetError::External(Box::new(error)))
        }
        _ => Ok(bytes.into()),
    }
}

/// Parquet's hybrid of runs and packed bits: what repeats is written once, the rest in groups of eight.
fn hybrid(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut at = 0;
    while at < values.len() {
        let run = values[at..].iter().take_while(|value| **value == values[at]).count();
        if run >= LEAST_RUN {
            varint((run as u64) << 1, out);
            out.extend_from_slice(&values[at].to_le_bytes()[..width.div_ceil(8) as usize]);
            at += run;
            continue;
        }
        let start = at;
        let repeats =
            |at: usize| values.len() - at >= LEAST_RUN && values[at..at + LEAST_RUN].iter().all(|value| *value == values[at]);
        loop {
            at += LEAST_RUN;
            if at >= values.len() || repeats(at) {
                break;
            }
        }
        at = at.min(values.len());
        let groups = (at - start).div_ceil(LEAST_RUN);
        varint((groups as u64) << 1 | 1, out);
        for group in values[start..at].chunks(LEAST_RUN) {
            pack(group, width, out);
        }
    }
}

/// Eight values of so many bits, the lowest first; missing ones are 0.
fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let (mut bits, mut filled) = (0u64, 0);
    for i in 0..LEAST_RUN {
        bits |= u64::from(values.get(i).copied().unwrap_or(0)) << filled;
        filled += width;
        while filled >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            filled -= 8;
        }
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
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
        assert_eq!(in_use(&left), (vec![1, 0], vec!["b", "a"]));
        assert_eq!(in_use(&names.slice(1, 1)), (vec![0], vec![]));
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
