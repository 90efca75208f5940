//! A business as a file.

mod compress;
mod drive;
mod parquet_file;
mod text;

use std::io::{self, Write};

use crate::{Error, Plan};

/// The format of a file of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values: a header, lines that end in LF, an empty field for a null `amount`, `event_time` as
    /// `2022-01-31T23:59:59.123456Z`.
    Csv,
    /// One JSON object a line: `amount` is a number with two decimals and left out if null, `event_time` is a string
    /// as in [`FileFormat::Csv`].
    JsonLines,
    /// Parquet with plain columns of the types of [`Plan::schema`] and pages compressed with zstd.
    Parquet,
}

/// The compression around a file of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// Gzip (RFC 1952) of several members.
    Gzip,
    /// Zstandard (RFC 8878) of several frames.
    Zstd,
}

/// Writes all rows of a plan in time order and returns the number of bytes written.
///
/// Rows are drawn and encoded on the threads of the current rayon pool and written one after the other. Memory is in
/// proportion to the threads, at most about a million rows each, besides a month's active customers.
///
/// `progress` is told the number of rows written so far, each time that it grows.
///
/// # Errors
///
/// If the output fails, or `compression` is not [`Compression::None`] for Parquet, which compresses its own pages.
pub fn write(
    plan: &Plan,
    format: FileFormat,
    compression: Compression,
    out: impl Write + Send,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<u64, Error> {
    let mut out = Counted { inner: out, bytes: 0 };
    match (format, compression) {
        (FileFormat::Csv, _) => text::write(plan, &text::Csv, compression, &mut out, progress)?,
        (FileFormat::JsonLines, _) => text::write(plan, &text::JsonLines, compression, &mut out, progress)?,
        (FileFormat::Parquet, Compression::None) => parquet_file::write(plan, &mut out, progress)?,
        (FileFormat::Parquet, _) => return Err(Error::ParquetCompression),
    }
    out.flush()?;
    Ok(out.bytes)
}

/// Counts the bytes that reach the output.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
