//! The pages of one column chunk, and what a row group is told of them.

use arrow::buffer::NullBuffer;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use crate::delta::varint;

/// Bytes of eight levels that follow one another unchanged at least so often are written as one: a run takes two to
/// three bytes, and ends the bytes before it.
const LEAST_RUN: usize = 4;

/// An encoded column chunk, as a row group takes it.
pub(crate) struct EncodedChunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// A column chunk while its pages are written.
pub(crate) struct ChunkPages {
    column: ColumnDescPtr,
    compression: Compression,
    compressor: Option<Compressor<'static>>,
    sink: TrackedWrite<Vec<u8>>,
    uncompressed: usize,
    rows: usize,
    dictionary_at: Option<u64>,
    data_at: Option<u64>,
}

impl ChunkPages {
    /// Begins a chunk of about so many bytes.
    pub(crate) fn new(column: ColumnDescPtr, compression: Compression, bytes: usize) -> Result<Self, ParquetError> {
        let compressor = match compression {
            Compression::ZSTD(level) => Some(Compressor::new(level.compression_level()).map_err(external)?),
            _ => None,
        };
        let sink = TrackedWrite::new(Vec::with_capacity(bytes));
        Ok(Self { column, compression, compressor, sink, uncompressed: 0, rows: 0, dictionary_at: None, data_at: None })
    }

    /// Whether rows may be without a value, and pages begin with levels.
    pub(crate) fn has_levels(&self) -> bool {
        self.column.max_def_level() > 0
    }

    /// Writes the distinct values that data pages refer to.
    pub(crate) fn dictionary(&mut self, values: Vec<u8>, count: usize, is_sorted: bool) -> Result<(), ParquetError> {
        let plain = values.len();
        let (buf, encoding) = (self.compressed(values)?, Encoding::PLAIN);
        let page = Page::DictionaryPage { buf, num_values: count as u32, encoding, is_sorted };
        self.dictionary_at = Some(self.page(page, plain)?);
        Ok(())
    }

    /// Writes a page of so many rows.
    pub(crate) fn data(&mut self, body: Vec<u8>, rows: usize, encoding: Encoding) -> Result<(), ParquetError> {
        let plain = body.len();
        let page = Page::DataPage {
            buf: self.compressed(body)?,
            num_values: rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let at = self.page(page, plain)?;
        self.data_at = self.data_at.or(Some(at));
        self.rows += rows;
        Ok(())
    }

    pub(crate) fn finish(self, encodings: Vec<Encoding>, statistics: Statistics) -> Result<EncodedChunk, ParquetError> {
        let bytes = self.sink.into_inner()?;
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(self.compression)
            .set_encodings(encodings)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_num_values(self.rows as i64)
            .set_dictionary_page_offset(self.dictionary_at.map(|at| at as i64))
            .set_data_page_offset(self.data_at.unwrap_or_default() as i64)
            .set_statistics(statistics)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok(EncodedChunk { bytes: bytes.into(), close })
    }

    fn page(&mut self, page: Page, plain: usize) -> Result<u64, ParquetError> {
        let spec = SerializedPageWriter::new(&mut self.sink).write_page(CompressedPage::new(page, plain))?;
        self.uncompressed += spec.uncompressed_size;
        Ok(spec.offset)
    }

    fn compressed(&mut self, bytes: Vec<u8>) -> Result<Bytes, ParquetError> {
        match &mut self.compressor {
            Some(compressor) => compressor.compress(&bytes).map(Bytes::from).map_err(external),
            None => Ok(bytes.into()),
        }
    }
}

fn external(error: std::io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// Appends the levels of a page: for each row whether it has a value.
pub(crate) fn levels(nulls: Option<&NullBuffer>, rows: usize, out: &mut Vec<u8>) {
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => run(1, rows, out),
        Some(nulls) => {
            let mut bytes = nulls.inner().sliced().as_slice()[..rows.div_ceil(8)].to_vec();
            if let (Some(last), 1..) = (bytes.last_mut(), rows % 8) {
                *last &= (1 << (rows % 8)) - 1;
            }
            hybrid_bytes(&bytes, rows, out);
        }
    }
    let length = (out.len() - length_at - 4) as u32;
    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Parquet's hybrid of runs and packed bits for values of one bit, which are packed already.
fn hybrid_bytes(bytes: &[u8], rows: usize, out: &mut Vec<u8>) {
    let repeats = |at: usize| {
        let same = |byte: u8| matches!(byte, 0 | u8::MAX) && bytes[at..].iter().take(LEAST_RUN).all(|&other| other == byte);
        bytes.len() - at >= LEAST_RUN && same(bytes[at])
    };
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        if repeats(at) {
            at += bytes[at..].iter().take_while(|byte| **byte == bytes[start]).count();
            run(bytes[start] & 1, (at * 8).min(rows) - start * 8, out);
        } else {
            while at < bytes.len() && !repeats(at) {
                at += 1;
            }
            varint(((at - start) as u64) << 1 | 1, out);
            out.extend_from_slice(&bytes[start..at]);
        }
    }
}

fn run(level: u8, rows: usize, out: &mut Vec<u8>) {
    varint((rows as u64) << 1, out);
    out.push(level);
}
