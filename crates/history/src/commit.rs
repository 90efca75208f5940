//! Writing: files first, then one atomic replacement of the manifest.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;

use crate::error::{Error, ErrorKind, in_dir};
use crate::layout::{ACTIVITY, CUSTOMERS, file_name};
use crate::manifest::{BucketFiles, FileEntry, MANIFEST, Manifest, Segment};
use crate::parquet_write::encode;

const LOCK: &str = ".lock";
const NEW_MANIFEST: &str = "manifest.json.new";

/// The one process that may write to a history, until it is dropped.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    manifest: Option<Manifest>,
    /// Whether this writer made the directory, and should leave none behind when nothing is committed.
    created: bool,
    /// Whether readers may see a history: one that was there, or one that was committed.
    visible: bool,
    _lock: File,
}

impl Writer {
    /// Prepares to write to a history, which is created if there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotAHistory`] for a file or a directory with other things in it; [`ErrorKind::Busy`] while another
    /// process writes; [`ErrorKind::Damaged`], [`ErrorKind::Unsupported`] and [`ErrorKind::Io`] as for reading.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let created = prepare(dir)?;
        let lock = lock(dir)?;
        let manifest = read_manifest(dir)?;
        let visible = manifest.is_some();
        let writer = Self { dir: dir.to_owned(), manifest, created, visible, _lock: lock };
        writer.remove_orphans()?;
        Ok(writer)
    }

    /// The manifest of the history as it is; none before the first commit.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Whether the history has rows already.
    pub fn has_rows(&self) -> bool {
        self.manifest.as_ref().is_some_and(|m| m.segments.iter().any(|s| s.rows > 0))
    }

    /// The home zone of the history, once it has one.
    pub fn home_zone(&self) -> Option<&str> {
        self.manifest.as_ref().map(|m| &*m.home_zone)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn next_segment(&self) -> u32 {
        self.manifest.as_ref().and_then(|m| m.segments.iter().map(|s| s.id).max()).map_or(1, |id| id + 1)
    }

    /// Writes a bucket's rows and new customers, and syncs them. Nothing refers to the files before the commit.
    pub(crate) fn write_bucket(
        &self,
        segment: u32,
        bucket: u32,
        activity: &RecordBatch,
        customers: &RecordBatch,
    ) -> Result<BucketFiles, Error> {
        let activity = self.write_file(&file_name(ACTIVITY, segment, bucket), activity)?;
        let customers = if customers.num_rows() > 0 {
            Some(self.write_file(&file_name(CUSTOMERS, segment, bucket), customers)?)
        } else {
            None
        };
        Ok(BucketFiles { bucket, activity, customers })
    }

    fn write_file(&self, name: &str, batch: &RecordBatch) -> Result<FileEntry, Error> {
        let encoded = encode(batch)?;
        let path = in_dir(&self.dir, name);
        write_synced(&path, &encoded.bytes)?;
        Ok(FileEntry {
            file: name.to_owned(),
            rows: encoded.rows,
            bytes: encoded.bytes.len() as u64,
            footer: format!("{:016x}", encoded.footer),
        })
    }

    /// Makes a segment part of the history: readers see it from now on.
    pub(crate) fn commit(mut self, home_zone: &str, buckets: u32, segment: Segment) -> Result<(), Error> {
        let mut manifest = self.manifest.clone().unwrap_or_else(|| Manifest::new(home_zone, buckets));
        manifest.segments.push(segment);
        for table in [ACTIVITY, CUSTOMERS] {
            sync_dir(&self.dir.join(table))?;
        }
        let new = self.dir.join(NEW_MANIFEST);
        write_synced(&new, &manifest.to_json())?;
        let path = self.dir.join(MANIFEST);
        fs::rename(&new, &path).map_err(|error| Error::io(&path, "replace", error))?;
        // From here on the files belong to the history, whatever happens.
        self.visible = true;
        sync_dir(&self.dir)
    }

    /// Removes what an interrupted ingest has left.
    fn remove_orphans(&self) -> Result<(), Error> {
        let live: HashSet<&str> = self.manifest.iter().flat_map(Manifest::files).map(|f| f.file.as_str()).collect();
        for table in [ACTIVITY, CUSTOMERS] {
            let dir = self.dir.join(table);
            fs::create_dir_all(&dir).map_err(|error| Error::io(&dir, "create", error))?;
            for entry in fs::read_dir(&dir).map_err(|error| Error::io(&dir, "read", error))? {
                let entry = entry.map_err(|error| Error::io(&dir, "read", error))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.ends_with(".parquet") && !live.contains(format!("{table}/{name}").as_str()) {
                    fs::remove_file(entry.path()).map_err(|error| Error::io(&entry.path(), "remove", error))?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Writer {
    /// A history that never came to be leaves no directory behind.
    fn drop(&mut self) {
        if !self.visible {
            // Best effort: whatever stays is removed by the next writer.
            let _ = self.remove_orphans();
            let _ = fs::remove_dir(self.dir.join(ACTIVITY));
            let _ = fs::remove_dir(self.dir.join(CUSTOMERS));
            let _ = fs::remove_file(self.dir.join(LOCK));
            if self.created {
                let _ = fs::remove_dir(&self.dir);
            }
        }
    }
}

/// Takes the lock that one writer holds. The system gives it back when a process ends, however it ends.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK);
    loop {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| Error::io(&path, "write", error))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Error::new(
                ErrorKind::Busy,
                format!("{}: another ingest is writing to this history; wait until it has ended", dir.display()),
            ),
            TryLockError::Error(error) => Error::io(&path, "lock", error),
        })?;
        // A writer that gave up may have removed the file between our opening and locking it.
        let same = |there: fs::Metadata| file.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (there.dev(), there.ino()));
        if fs::metadata(&path).is_ok_and(same) {
            return Ok(file);
        }
    }
}

/// Creates the directory unless it is there, and refuses one that holds other things. True if it was created.
fn prepare(dir: &Path) -> Result<bool, Error> {
    match fs::metadata(dir) {
        Ok(meta) if !meta.is_dir() => {
            Err(Error::new(ErrorKind::NotAHistory, format!("{}: this is a file; a history is a directory", dir.display())))
        }
        Ok(_) => {
            if dir.join(MANIFEST).exists() {
                return Ok(false);
            }
            for entry in fs::read_dir(dir).map_err(|error| Error::io(dir, "read", error))? {
                let name = entry.map_err(|error| Error::io(dir, "read", error))?.file_name();
                if ![ACTIVITY, CUSTOMERS, LOCK, NEW_MANIFEST].iter().any(|ours| name == **ours) {
                    return Err(Error::new(
                        ErrorKind::NotAHistory,
                        format!(
                            "{}: this directory is not a history and not empty (it holds {}); name a new or empty directory",
                            dir.display(),
                            name.to_string_lossy()
                        ),
                    ));
                }
            }
            Ok(false)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(|error| Error::io(dir, "create", error))?;
            Ok(true)
        }
        Err(error) => Err(Error::io(dir, "open", error)),
    }
}

pub(crate) fn read_manifest(dir: &Path) -> Result<Option<Manifest>, Error> {
    let path = dir.join(MANIFEST);
    match fs::read(&path) {
        Ok(text) => Manifest::parse(&path, &text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(&path, "read", error)),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| {
        // Half a file is of no use, and a full disk wants the space back.
        let _ = fs::remove_file(path);
        Error::io(path, "write", error)
    })
}

fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| Error::io(dir, "sync", error))
}
