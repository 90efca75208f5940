//! Rejected rows as a file that can be mended and ingested again.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tenure_exports::Batch;

use crate::error::Error;
use crate::mapper::texts_of;
use crate::report::Reason;

/// The columns of a rejects file before those of the export.
pub(crate) const REJECT_COLUMNS: [&str; 5] = ["input", "row", "column", "value", "reason"];

/// A CSV file of rejected rows: where each stands, what was wrong, and its columns as they were. It is put in its place
/// when it is whole.
pub(crate) struct RejectsFile {
    path: PathBuf,
    columns: Vec<Arc<str>>,
    inner: Mutex<Inner>,
}

struct Inner {
    file: tempfile::NamedTempFile,
    rows: u64,
    /// Where the export that is being read began: length and rows.
    mark: (u64, u64),
}

impl RejectsFile {
    /// Begins a file with the columns of all exports of a load.
    pub(crate) fn begin(path: &Path, columns: Vec<Arc<str>>) -> Result<Self, Error> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new()
            .prefix(".rejects-")
            .tempfile_in(dir)
            .map_err(|error| Error::io(path, "write", error))?;
        let mut header = csv::Writer::from_writer(Vec::new());
        let names = REJECT_COLUMNS.into_iter().chain(columns.iter().map(|name| &**name));
        let text = header.write_record(names).ok().and_then(|()| header.into_inner().ok()).unwrap_or_default();
        let this = Self { path: path.to_owned(), columns, inner: Mutex::new(Inner { file, rows: 0, mark: (0, 0) }) };
        this.append(&text, 0)?;
        this.mark()?;
        Ok(this)
    }

    /// Remembers this place, to come back to.
    pub(crate) fn mark(&self) -> Result<(), Error> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let length = inner.file.as_file_mut().stream_position().map_err(|error| Error::io(&self.path, "write", error))?;
        inner.mark = (length, inner.rows);
        Ok(())
    }

    /// Drops what was written since the mark.
    pub(crate) fn rewind(&self) -> Result<(), Error> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (length, rows) = inner.mark;
        inner.rows = rows;
        let file: &mut File = inner.file.as_file_mut();
        let back = file.set_len(length).and_then(|()| file.seek(std::io::SeekFrom::Start(length)));
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
            .map(|name| read.iter().position(|(column, _)| column == name).and_then(|place| texts_of(&batch.columns[place], true)))
            .collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut count = 0;
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
            count += 1;
        }
        let text = writer.into_inner().map_err(|error| Error::io(&self.path, "write", std::io::Error::other(error.to_string())))?;
        self.append(&text, count)
    }

    fn append(&self, text: &[u8], rows: u64) -> Result<(), Error> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.rows += rows;
        let mut file = BufWriter::new(inner.file.as_file_mut());
        file.write_all(text).and_then(|()| file.flush()).map_err(|error| Error::io(&self.path, "write", error))
    }

    /// Puts the file in its place.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        let file = inner.file.persist(&self.path).map_err(|error| Error::io(&self.path, "write", error.error))?;
        // As readable as a file that a program makes without asking for more.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(|error| Error::io(&self.path, "write", error))?;
        }
        file.sync_all().map_err(|error| Error::io(&self.path, "write", error))
    }
}
