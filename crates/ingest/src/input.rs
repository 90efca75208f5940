//! Opening an export: what it is, and its bytes without compression.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::batch::Rows;
use crate::batch_rows::BatchRows;
use crate::csv_rows::CsvRows;
use crate::error::Error;
use crate::json_rows::JsonRows;
use crate::options::Export;
use crate::parquet_rows::ParquetRows;

/// How many bytes are looked at to tell what a file is.
const SNIFF_BYTES: usize = 64 * 1024;

/// Text with more than one zero byte among so many bytes is no text. A few are damage that only their rows suffer from.
const ZEROS_OF_BINARY: usize = 200;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const PARQUET: &[u8] = b"PAR1";
const UTF8_BOM: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF16_BOMS: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];

/// The bytes of an export; they can be read more than once.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub(crate) name: String,
    source: Source,
    compression: Compression,
    /// Bytes read so far from the file, before decompression; for progress.
    pub(crate) consumed: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
enum Source {
    File(Arc<Path>),
    Memory(Arc<[u8]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Input {
    fn open(export: &Export) -> Result<Self, Error> {
        let (name, source) = match export {
            Export::File(path) => {
                let meta = std::fs::metadata(path).map_err(|error| Error::io(path, "open", error))?;
                if meta.is_dir() {
                    return Err(Error::input(
                        &path.display().to_string(),
                        "this is a directory; expected an export file or a glob",
                    ));
                }
                let source = if meta.is_file() {
                    Source::File(path.as_path().into())
                } else {
                    // A pipe gives its bytes once, and they are read more than once.
                    Source::Memory(std::fs::read(path).map_err(|error| Error::io(path, "read", error))?.into())
                };
                (path.display().to_string(), source)
            }
            Export::Rows(source) => (source.name().to_owned(), Source::Memory(Arc::new([]))),
            Export::Stdin => {
                let mut bytes = Vec::new();
                std::io::stdin()
                    .lock()
                    .read_to_end(&mut bytes)
                    .map_err(|error| Error::input("standard input", format_args!("cannot read: {error}")))?;
                ("standard input".to_owned(), Source::Memory(bytes.into()))
            }
        };
        let mut input = Self { name, source, compression: Compression::None, consumed: Arc::default() };
        let start = input.start(GZIP.len().max(ZSTD.len()))?;
        input.compression = if start.starts_with(GZIP) {
            Compression::Gzip
        } else if start.starts_with(ZSTD) {
            Compression::Zstd
        } else {
            Compression::None
        };
        Ok(input)
    }

    /// The name without its folder.
    pub(crate) fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Bytes as they lie on disk.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.source {
            Source::File(path) => std::fs::metadata(path).map_or(0, |meta| meta.len()),
            Source::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// The bytes without compression.
    pub(crate) fn reader(&self) -> Result<Box<dyn Read + Send>, Error> {
        let raw = Counted { inner: self.raw()?, consumed: self.consumed.clone() };
        Ok(match self.compression {
            Compression::None => Box::new(raw),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(std::io::BufReader::with_capacity(1 << 18, raw))),
            Compression::Zstd => Box::new(zstd::Decoder::new(raw).map_err(|error| self.unreadable(&error))?),
        })
    }

    fn raw(&self) -> Result<Box<dyn Read + Send>, Error> {
        Ok(match &self.source {
            Source::File(path) => Box::new(File::open(path).map_err(|error| Error::io(path, "open", error))?),
            Source::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
        })
    }

    /// The first bytes, without compression.
    fn start(&self, length: usize) -> Result<Vec<u8>, Error> {
        let mut start = Vec::with_capacity(length);
        self.reader()?.take(length as u64).read_to_end(&mut start).map_err(|error| self.unreadable(&error))?;
        self.consumed.store(0, Ordering::Relaxed);
        Ok(start)
    }

    /// All bytes, without compression, for formats that are read from their end.
    pub(crate) fn whole(&self) -> Result<Whole, Error> {
        match (&self.source, self.compression) {
            (Source::File(path), Compression::None) => Ok(Whole::File(path.clone())),
            _ => {
                let mut bytes = Vec::new();
                self.reader()?.read_to_end(&mut bytes).map_err(|error| self.unreadable(&error))?;
                Ok(Whole::Memory(bytes.into()))
            }
        }
    }

    pub(crate) fn unreadable(&self, error: &dyn std::fmt::Display) -> Error {
        let what = match self.compression {
            Compression::None => "cannot read",
            Compression::Gzip => "cannot decompress (gzip)",
            Compression::Zstd => "cannot decompress (zstd)",
        };
        Error::input(&self.name, format_args!("{what}: {error}"))
    }
}

/// The whole of an export.
pub(crate) enum Whole {
    File(Arc<Path>),
    Memory(bytes::Bytes),
}

struct Counted {
    inner: Box<dyn Read + Send>,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Tells what an export is and reads its header.
pub(crate) fn open(export: &Export) -> Result<(Input, Box<dyn Rows>), Error> {
    let input = Input::open(export)?;
    if let Export::Rows(source) = export {
        return Ok((input, Box::new(BatchRows::new(source.clone()))));
    }
    let start = input.start(SNIFF_BYTES)?;
    let rows: Box<dyn Rows> = if start.is_empty() {
        return Err(Error::input(&input.name, "the file is empty; expected a header and rows"));
    } else if start.starts_with(PARQUET) {
        Box::new(ParquetRows::open(input.clone())?)
    } else if UTF16_BOMS.iter().any(|bom| start.starts_with(bom)) {
        return Err(Error::input(
            &input.name,
            "the text is UTF-16; expected UTF-8 (save it as CSV UTF-8, or convert it with: iconv -f UTF-16 -t UTF-8)",
        ));
    } else if start.iter().filter(|&&byte| byte == 0).count() > start.len() / ZEROS_OF_BINARY {
        return Err(Error::input(
            &input.name,
            "this is neither text nor Parquet (it has zero bytes); expected CSV, JSON Lines or Parquet, plain, gzip or zstd",
        ));
    } else if starts_json_array(&start) {
        return Err(Error::input(
            &input.name,
            "this is one JSON array; expected JSON Lines, an object a line (convert it, for example with: jq -c '.[]')",
        ));
    } else if first_printable(&start) == Some(b'{') {
        Box::new(JsonRows::open(input.clone())?)
    } else {
        Box::new(CsvRows::open(input.clone(), &start)?)
    };
    Ok((input, rows))
}

fn first_printable(start: &[u8]) -> Option<u8> {
    let text = start.strip_prefix(UTF8_BOM).unwrap_or(start);
    text.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

fn starts_json_array(start: &[u8]) -> bool {
    let mut text = without_bom(start).iter().filter(|byte| !byte.is_ascii_whitespace());
    text.next() == Some(&b'[') && matches!(text.next(), Some(b'{' | b'[' | b']'))
}

pub(crate) fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(UTF8_BOM).unwrap_or(text)
}
