//! Writing: files first, then one atomic replacement of the manifest.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arrow::array::RecordBatch;
use tenure_model::{Instant, Table};

use crate::error::{Error, ErrorKind, in_dir};
use crate::fingerprint::Fingerprint;
use crate::layout::file_name;
use crate::manifest::{BucketFile, FileEntry, MANIFEST, Manifest, RowShape};
use crate::parquet_write::encode;

const LOCK: &str = ".lock";
const READERS: &str = ".readers";
const NEW_MANIFEST: &str = "manifest.json.new";

/// Where the rows of a load wait; empty between loads.
const SCRATCH: &str = ".scratch";

/// The folder of identity merges.
pub(crate) const ALIASES: &str = "aliases";

const FOLDERS: [&str; 6] = ["activity", "customers", "subscriptions", "surveys", "cancellations", ALIASES];

/// The one process that may write to a history, until it is dropped.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    /// What readers see.
    manifest: Option<Manifest>,
    /// What they will see after the commit, as far as it is prepared.
    draft: Option<Manifest>,
    first_aliases: Option<FileEntry>,
    /// Files written since the last commit.
    written: Mutex<HashSet<String>>,
    /// Whether this writer made the directory, and should leave none behind when nothing is committed.
    created: bool,
    /// Whether readers may see a history: one that was there, or one that was committed.
    visible: bool,
    _lock: File,
}

/// Rows that a history has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// First and last time.
    pub span: Option<(Instant, Instant)>,
    /// What they have.
    pub shapes: Vec<RowShape>,
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
        let written = Mutex::default();
        let writer =
            Self { dir: dir.to_owned(), manifest, draft: None, first_aliases: None, written, created, visible, _lock: lock };
        writer.remove_orphans()?;
        Ok(writer)
    }

    /// The manifest of the history with what is prepared for the next commit; none before there is anything.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        self.draft.as_ref().or(self.manifest.as_ref())
    }

    /// Prepares a manifest for the next commit.
    pub(crate) fn prepare(&mut self, manifest: Manifest) {
        self.draft = Some(manifest);
    }

    /// Whether the history has rows already.
    pub fn has_rows(&self) -> bool {
        self.manifest().is_some_and(|m| m.customers.count() > 0)
    }

    /// The home zone of the history, once it has one.
    pub fn home_zone(&self) -> Option<&str> {
        self.manifest().map(|m| &*m.home_zone)
    }

    /// The exports that a table's rows came from, in the order in which they came; compaction has some forget their order.
    pub fn earlier(&self, table: Table) -> Vec<Earlier> {
        let instants = |(first, last)| (Instant(first), Instant(last));
        let segments = self.manifest().into_iter().flat_map(|manifest| manifest.table(table));
        segments.map(|segment| Earlier { span: segment.span().map(instants), shapes: segment.shapes.clone() }).collect()
    }

    /// Prepares identity merges for a history that has nothing else yet.
    pub(crate) fn prepare_aliases(&mut self, aliases: Option<FileEntry>) {
        self.first_aliases = aliases;
    }

    /// A manifest for the first rows of a history.
    pub(crate) fn first_manifest(&self, home_zone: &str, buckets: u32) -> Manifest {
        Manifest { aliases: self.first_aliases.clone(), ..Manifest::new(home_zone, buckets) }
    }

    /// Where the rows of a load may wait on disk.
    pub fn scratch(&self) -> PathBuf {
        self.dir.join(SCRATCH)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The number of the commit that is being prepared.
    pub(crate) fn next_commit(&self) -> u32 {
        self.manifest.as_ref().map_or(1, |manifest| manifest.commits + 1)
    }

    /// Writes a file and syncs it. Nothing refers to it before the commit. `name` makes a name out of a number, which
    /// tells files of one commit apart.
    pub(crate) fn write(&self, name: impl Fn(u32) -> String, batch: &RecordBatch) -> Result<FileEntry, Error> {
        let encoded = encode(batch)?;
        let file = {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            (1..).map(name).find(|name| written.insert(name.clone())).unwrap_or_default()
        };
        write_synced(&in_dir(&self.dir, &file), &encoded.bytes)?;
        Ok(FileEntry { file, rows: encoded.rows, bytes: encoded.bytes.len() as u64, footer: format!("{:016x}", encoded.footer) })
    }

    /// Writes the rows of a bucket.
    pub(crate) fn write_bucket(
        &self,
        table: Table,
        bucket: u32,
        batch: &RecordBatch,
        span: Option<(i64, i64)>,
        content: Fingerprint,
    ) -> Result<BucketFile, Error> {
        let file = self.write(|number| file_name(table, self.next_commit(), bucket, number), batch)?;
        Ok(BucketFile { bucket, file, span, content })
    }

    /// Makes what is prepared the history that readers see. Files that none of them needs any more go.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`]: then the history is as it was.
    pub fn commit(&mut self) -> Result<(), Error> {
        let Some(mut manifest) = self.draft.take() else { return Ok(()) };
        manifest.commits = self.next_commit();
        for folder in FOLDERS {
            sync_dir(&self.dir.join(folder))?;
        }
        let new = self.dir.join(NEW_MANIFEST);
        write_synced(&new, &manifest.to_json())?;
        let path = self.dir.join(MANIFEST);
        fs::rename(&new, &path).map_err(|error| Error::io(&path, "replace", error))?;
        // From here on the files belong to the history, whatever happens.
        self.visible = true;
        self.manifest = Some(manifest);
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clear();
        sync_dir(&self.dir)?;
        // What is committed is committed: files that can't be removed now go with the next writer.
        let _ = self.remove_orphans();
        Ok(())
    }

    /// Removes the files that the manifest does not name, unless somebody reads: they may be those of the manifest before.
    /// True if they are gone.
    pub(crate) fn remove_orphans(&self) -> Result<bool, Error> {
        crate::spill::clear(&self.scratch())?;
        for folder in FOLDERS {
            let dir = self.dir.join(folder);
            fs::create_dir_all(&dir).map_err(|error| Error::io(&dir, "create", error))?;
        }
        let Some(_alone) = no_readers(&self.dir)? else { return Ok(false) };
        let live: HashSet<&str> = self.manifest.iter().flat_map(Manifest::files).map(|f| f.file.as_str()).collect();
        for folder in FOLDERS {
            let dir = self.dir.join(folder);
            for entry in fs::read_dir(&dir).map_err(|error| Error::io(&dir, "read", error))? {
                let entry = entry.map_err(|error| Error::io(&dir, "read", error))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.ends_with(".parquet") && !live.contains(format!("{folder}/{name}").as_str()) {
                    fs::remove_file(entry.path()).map_err(|error| Error::io(&entry.path(), "remove", error))?;
                }
            }
        }
        Ok(true)
    }
}

impl Drop for Writer {
    /// A history that never came to be leaves no directory behind.
    fn drop(&mut self) {
        // Best effort: whatever stays is removed by the next writer.
        let _ = self.remove_orphans();
        if !self.visible {
            for folder in FOLDERS {
                let _ = fs::remove_dir(self.dir.join(folder));
            }
            for file in [NEW_MANIFEST, READERS, LOCK] {
                let _ = fs::remove_file(self.dir.join(file));
            }
            if self.created {
                let _ = fs::remove_dir(&self.dir);
            }
        }
    }
}

/// Says, while it lives, that somebody reads the history: files that its manifest names stay.
#[derive(Debug)]
pub(crate) struct Reading {
    _lock: Option<File>,
}

impl Reading {
    /// A history that can't be locked, such as one on a disk that can't be written to, has no writer either.
    pub(crate) fn begin(dir: &Path) -> Self {
        // A copy of a history may lack the file; whatever else the folder is, nothing is left in it.
        let file = File::open(dir.join(READERS)).ok();
        let file = file.or_else(|| if dir.join(MANIFEST).exists() { readers(dir).ok() } else { None });
        Self { _lock: file.filter(|file| file.lock_shared().is_ok()) }
    }
}

/// The file that readers lock, made where there is none. It is only ever read, so that it does not matter who made it.
fn readers(dir: &Path) -> std::io::Result<File> {
    let path = dir.join(READERS);
    match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let new = File::options().create(true).truncate(false).write(true).open(&path)?;
            // Others may come to read or write, whatever files of this user are for otherwise.
            let _ = new.set_permissions(fs::Permissions::from_mode(0o644));
            File::open(&path)
        }
        opened => opened,
    }
}

/// The proof that nobody reads the history; readers that come wait for as long as it lives.
fn no_readers(dir: &Path) -> Result<Option<File>, Error> {
    let path = dir.join(READERS);
    let file = readers(dir).map_err(|error| Error::io(&path, "open", error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io(&path, "lock", error)),
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
                if !FOLDERS.iter().chain(&[LOCK, READERS, NEW_MANIFEST, SCRATCH]).any(|ours| name == **ours) {
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
