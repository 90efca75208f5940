//! Rejected rows as a file that can be mended and ingested again.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tenure_exports::Batch;

use crate::error::Error;
use crate::fields::texts_of;
use crate::report::Reason;

/// The columns of a rejects file before those of the export.
pub(crate) const REJECT_COLUMNS: [&str; 5] = ["input", "row", "column", "value", "reason"];

/// A CSV file of rejected rows: where each stands, what was wrong, and its columns as they were. It is put in its place
/// when it is whole.
pub(crate) struct RejectsFile {
    path: PathBuf,
    /// Whether something other than a file stands there: a device or a pipe.
    special: bool,
    columns: Vec<Arc<str>>,
    inner: Mutex<Inner>,
}

struct Inner {
    file: tempfile::NamedTempFile,
    length: u64,
    /// The rows of each batch, as they came: from many threads, and so in no order.
    blocks: Vec<Block>,
    /// How many exports have been begun.
    exports: u64,
    /// Where the export that is being read began: length and blocks.
    mark: (u64, usize),
}

/// Rows of a batch in the file. Blocks are in the order of their exports and rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    export: u64,
    first_row: u64,
    from: u64,
    length: u64,
}

impl RejectsFile {
    /// Begins a file with the columns of all exports of a load.
    pub(crate) fn begin(path: &Path, columns: Vec<Arc<str>>) -> Result<Self, Error> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let there = std::fs::metadata(path).ok();
        if there.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            return Err(Error::input(&path.display().to_string(), "this is a folder; name a file for the rejected rows"));
        }
        let special = there.is_some_and(|there| !there.is_file());
        let mut builder = tempfile::Builder::new();
        let file = builder.prefix(".rejects-");
        let file = if special { file.tempfile() } else { file.tempfile_in(dir) };
        let file = file.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::input(&path.display().to_string(), format!("cannot write: no such folder: {}", dir.display()))
            }
            // The kind alone: the error bears the temporary file's name, which nobody gave it.
            kind => Error::io(path, "write", kind.into()),
        })?;
        let mut header = csv::Writer::from_writer(Vec::new());
        let names = REJECT_COLUMNS.into_iter().chain(columns.iter().map(|name| &**name));
        let text = header.write_record(names).ok().and_then(|()| header.into_inner().ok()).unwrap_or_default();
        let inner = Inner { file, length: 0, blocks: Vec::new(), exports: 0, mark: (0, 0) };
        let this = Self { path: path.to_owned(), special, columns, inner: Mutex::new(inner) };
        this.append(&text, 0)?;
        this.mark();
        Ok(this)
    }

    /// Remembers this place, to come back to: an export begins.
    pub(crate) fn mark(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.mark = (inner.length, inner.blocks.len());
        inner.exports += 1;
    }

    /// Drops what was written since the mark.
    pub(crate) fn rewind(&self) -> Result<(), Error> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (length, blocks) = inner.mark;
        inner.length = length;
        inner.blocks.truncate(blocks);
        let file: &mut File = inner.file.as_file_mut();
        let back = file.set_len(length).and_then(|()| file.seek(SeekFrom::Start(length)));
        back.map(|_| ()).map_err(|error| Error::io(&self.path, "write", error))
    }

    /// Adds rows of a batch, of which the columns that were read are here.
    pub(crate) fn write<'a>(
        &self,
        input: &str,
        batch: &Batch,
        read: &[(Arc<str>, usize)],
        rows: impl Iterator<Item = (usize, &'a Reason, &'a str, &'a str)>,
    ) -> Result<(), Error> {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let texts: Vec<Option<arrow::array::StringArray>> = self
            .columns
            .iter()
            .map(|name| {
                read.iter().position(|(column, _)| column == name).and_then(|place| texts_of(&batch.columns[place], true))
            })
            .collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let first_row = rows.peek().map_or(0, |(row, ..)| batch.rows.get(*row));
        for (row, reason, column, value) in rows {
            let number = batch.rows.get(row).to_string();
            // A row that could not be taken apart is given whole.
            let whole = batch.damaged_text(row);
            let value = whole.unwrap_or(value);
            let reason = reason.to_string();
            let own = [input, &number, column, value, &reason];
            use arrow::array::Array;
            let fields = texts.iter().map(|texts| {
                texts.as_ref().filter(|texts| whole.is_none() && !texts.is_null(row)).map_or("", |texts| texts.value(row))
            });
            writer
                .write_record(own.into_iter().chain(fields))
                .map_err(|error| Error::io(&self.path, "write", std::io::Error::other(error)))?;
        }
        let text =
            writer.into_inner().map_err(|error| Error::io(&self.path, "write", std::io::Error::other(error.to_string())))?;
        self.append(&text, first_row)
    }

    fn append(&self, text: &[u8], first_row: u64) -> Result<(), Error> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.file.as_file_mut().write_all(text).map_err(|error| Error::io(&self.path, "write", error))?;
        let block = Block { export: inner.exports, first_row, from: inner.length, length: text.len() as u64 };
        inner.length += block.length;
        inner.blocks.push(block);
        Ok(())
    }

    /// Puts the file in its place, its rows in order.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let failed = |error| Error::io(&self.path, "write", error);
        let mut inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        if self.special {
            // A pipe or a device is written to, and stays what it is.
            let mut file = File::options().write(true).open(&self.path).map_err(failed)?;
            return inner.copy_to(&mut file).and_then(|()| file.flush()).map_err(failed);
        }
        if !inner.blocks.is_sorted() {
            let dir = inner.file.path().parent().unwrap_or(Path::new(".")).to_owned();
            let mut ordered = tempfile::Builder::new().prefix(".rejects-").tempfile_in(dir).map_err(failed)?;
            inner.copy_to(ordered.as_file_mut()).map_err(failed)?;
            inner.file = ordered;
        }
        let file = inner.file.persist(&self.path).map_err(|error| failed(error.error))?;
        // As readable as a file that a program makes without asking for more.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(failed)?;
        }
        file.sync_all().map_err(failed)
    }
}

impl Inner {
    /// Copies the rows in the order of their exports and numbers.
    fn copy_to(&mut self, to: &mut File) -> std::io::Result<()> {
        self.blocks.sort_unstable();
        let mut to = BufWriter::with_capacity(1 << 18, to);
        for block in &self.blocks {
            let file = self.file.as_file_mut();
            file.seek(SeekFrom::Start(block.from))?;
            std::io::copy(&mut file.take(block.length), &mut to)?;
        }
        to.flush()
    }
}
