//! Opening an export: what it is, and its bytes without compression.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::arrow_rows::ArrowRows;
use crate::batch::Rows;
use crate::batch_rows::BatchRows;
use crate::csv_rows::CsvRows;
use crate::encoding::Encoding;
use crate::error::Error;
use crate::excel_rows::ExcelRows;
use crate::export::Export;
use crate::json_objects::JsonObjects;
use crate::json_rows::JsonRows;
use crate::parquet_rows::ParquetRows;

/// How many bytes are looked at to tell what a file is.
const SNIFF_BYTES: usize = 64 * 1024;

/// Text with more than one zero byte among so many bytes is no text. A few are damage that only their rows suffer from.
const ZEROS_OF_BINARY: usize = 200;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const PARQUET: &[u8] = b"PAR1";
const ARROW_FILE: &[u8] = b"ARROW1";
const ARROW_STREAM: &[u8] = &[0xff, 0xff, 0xff, 0xff];
const ZIP: &[u8] = b"PK\x03\x04";
pub(crate) const OLE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0];
const UTF8_BOM: &[u8] = &[0xef, 0xbb, 0xbf];

/// What is known of an export before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hints {
    /// What separates fields; otherwise it is looked for.
    pub delimiter: Option<u8>,
    /// Lines of the header. Default: 1.
    pub header_rows: usize,
    /// Paths whose text may be a JSON object with paths of its own.
    pub json_strings: Vec<String>,
    /// The sheet of a workbook. Default: the first that is not empty.
    pub sheet: Option<String>,
}

impl Default for Hints {
    fn default() -> Self {
        Self { delimiter: None, header_rows: 1, json_strings: Vec::new(), sheet: None }
    }
}

/// The bytes of an export; they can be read more than once.
#[derive(Debug, Clone)]
pub struct Input {
    /// What messages call it.
    pub name: String,
    source: Source,
    compression: Compression,
    /// How the text is encoded, where it is text.
    encoding: Encoding,
    /// Whether the text is JSON whose objects are not a line each.
    json_objects: bool,
    /// Whether lines end with carriage returns alone.
    pub(crate) carriage_returns: bool,
    /// How much text is cut into records at once.
    pub(crate) block_bytes: usize,
    /// Bytes read so far from the file, before decompression; for progress.
    pub consumed: Arc<AtomicU64>,
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
    /// Opens an export and tells how it is compressed. Standard input and pipes are read to their end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) where it can't be opened.
    pub fn open(export: &Export) -> Result<Self, Error> {
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
            Export::Bytes { name, bytes } => (name.to_string(), Source::Memory(bytes.clone())),
            Export::Stdin => {
                let mut bytes = Vec::new();
                std::io::stdin()
                    .lock()
                    .read_to_end(&mut bytes)
                    .map_err(|error| Error::input("standard input", format_args!("cannot read: {error}")))?;
                ("standard input".to_owned(), Source::Memory(bytes.into()))
            }
        };
        Self::new(name, source)
    }

    fn new(name: String, source: Source) -> Result<Self, Error> {
        let mut input = Self {
            name,
            source,
            compression: Compression::None,
            encoding: Encoding::Utf8,
            json_objects: false,
            carriage_returns: false,
            block_bytes: Self::BLOCK_BYTES,
            consumed: Arc::default(),
        };
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

    /// Bytes of the blocks that text is cut into, unless it is said.
    pub const BLOCK_BYTES: usize = 4 << 20;

    /// Cuts text at the last record that ends within this many bytes; a longer record makes a longer block. What is read
    /// does not depend on it.
    pub fn with_block_bytes(self, bytes: usize) -> Self {
        Self { block_bytes: bytes.max(2), ..self }
    }

    /// The name without its folder.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Bytes as they lie on disk.
    pub fn bytes(&self) -> u64 {
        match &self.source {
            Source::File(path) => std::fs::metadata(path).map_or(0, |meta| meta.len()),
            Source::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// What is worth telling about how the text is encoded.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.encoding.note().map(str::to_owned).into_iter().collect()
    }

    /// The text, in UTF-8.
    pub(crate) fn text(&self) -> Result<Box<dyn Read + Send>, Error> {
        let text = self.encoding.decode(self.reader()?);
        Ok(if self.json_objects {
            Box::new(JsonObjects::new(text))
        } else if self.carriage_returns {
            Box::new(CarriageReturns(text))
        } else {
            text
        })
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
        self.start_of(self.reader()?, length)
    }

    fn start_of(&self, reader: Box<dyn Read + Send>, length: usize) -> Result<Vec<u8>, Error> {
        let mut start = Vec::with_capacity(length);
        reader.take(length as u64).read_to_end(&mut start).map_err(|error| self.unreadable(&error))?;
        self.consumed.store(0, Ordering::Relaxed);
        Ok(start)
    }

    /// Finds how the text is encoded.
    fn find_encoding(&mut self, start: &[u8]) -> Result<(), Error> {
        self.encoding = match Encoding::of_start(start) {
            Some(encoding) => encoding,
            None => Encoding::judge(&mut *self.reader()?).map_err(|error| self.unreadable(&error))?,
        };
        self.consumed.store(0, Ordering::Relaxed);
        Ok(())
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

    pub(crate) fn unreadable(&self, error: &std::io::Error) -> Error {
        if self.compression != Compression::None && error.kind() == std::io::ErrorKind::UnexpectedEof {
            return Error::input(&self.name, "the archive ends too early: it was cut off; get it again or make it again");
        }
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

/// Lines that end with carriage returns, ended as others are.
struct CarriageReturns(Box<dyn Read + Send>);

impl Read for CarriageReturns {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        buffer[..read].iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        Ok(read)
    }
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

impl Input {
    /// Tells what an export is and reads its header. `export` is the one that was opened.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) where it is empty, of no known format, or not what its first bytes say.
    pub fn rows(&mut self, export: &Export, hints: &Hints) -> Result<Box<dyn Rows>, Error> {
        match export {
            Export::Rows(source) => Ok(Box::new(BatchRows::new(source.clone()))),
            Export::File(_) | Export::Stdin | Export::Bytes { .. } => self.rows_of_bytes(hints),
        }
    }

    fn rows_of_bytes(&mut self, hints: &Hints) -> Result<Box<dyn Rows>, Error> {
        let input = self;
        let start = input.start(SNIFF_BYTES)?;
        let rows: Box<dyn Rows> = if start.is_empty() {
            return Err(Error::input(&input.name, "the file is empty; expected a header and rows"));
        } else if start.starts_with(PARQUET) {
            Box::new(ParquetRows::open(input.clone())?)
        } else if start.starts_with(ARROW_FILE) || start.starts_with(ARROW_STREAM) {
            Box::new(ArrowRows::open(input.clone(), start.starts_with(ARROW_FILE))?)
        } else if start.starts_with(ZIP) || start.starts_with(OLE) {
            Box::new(ExcelRows::open(input, hints)?)
        } else {
            input.find_encoding(&start)?;
            let mut start = input.start_of(input.text()?, SNIFF_BYTES)?;
            if start.iter().filter(|&&byte| byte == 0).count() > start.len() / ZEROS_OF_BINARY {
                return Err(Error::input(
                    &input.name,
                    "this is no format that is known (it has zero bytes); expected CSV, JSON, Parquet, Arrow or Excel, plain, gzip or zstd",
                ));
            }
            let array = starts_json_array(&start);
            if array || first_printable(&start) == Some(b'{') {
                input.json_objects = array || !first_line_is_whole(&start);
                if input.json_objects {
                    start = input.start_of(input.text()?, SNIFF_BYTES)?;
                }
                if without_bom(&start).trim_ascii().is_empty() {
                    return Err(Error::input(&input.name, "the JSON array is empty; expected objects in it"));
                }
                Box::new(JsonRows::open(input.clone(), hints)?)
            } else {
                Box::new(CsvRows::open(input.clone(), &start, hints)?)
            }
        };
        Ok(rows)
    }
}

fn first_printable(start: &[u8]) -> Option<u8> {
    without_bom(start).iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

fn starts_json_array(start: &[u8]) -> bool {
    let mut text = without_bom(start).iter().filter(|byte| !byte.is_ascii_whitespace());
    text.next() == Some(&b'[') && matches!(text.next(), Some(b'{' | b'[' | b']'))
}

/// Whether the first line that is not blank ends with its object, or is not seen to its end. An object that goes over
/// lines does not.
fn first_line_is_whole(start: &[u8]) -> bool {
    let text = without_bom(start).trim_ascii_start();
    let Some(end) = memchr::memchr(b'\n', text) else { return true };
    let line = text[..end].trim_ascii();
    // A damaged line among whole ones is one damaged row.
    line.ends_with(b"}")
        || text[end..].split(|&byte| byte == b'\n').any(|line| line.starts_with(b"{"))
            && !text.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"}"))
}

pub(crate) fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(UTF8_BOM).unwrap_or(text)
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
