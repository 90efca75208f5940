//! Where an export lies: it is made beside its folder, and takes its place in one step.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use ring::{digest, hmac};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tenure_report::{Dictionary, Export, FileEntry, Written};

/// The variable that holds the key of pseudonyms, and the least length of it.
const KEY: &str = "TENURE_PSEUDONYM_KEY";
const LEAST_KEY: usize = 16;

/// The dictionary, for programs and for people.
const SCHEMA: &str = "schema.json";
const README: &str = "README.md";

/// How many files of a table were left as they are.
pub(crate) struct Kept(pub(crate) u64);

/// Names in place of ids: who has not the key can neither tell nor check which id they stand for.
pub(crate) struct Pseudonyms(hmac::Key);

impl Pseudonyms {
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let key = std::env::var(KEY).map_err(|_| {
            anyhow!("--pseudonymise needs a key in the environment variable {KEY}: at least {LEAST_KEY} characters, the same each time")
        })?;
        if key.len() < LEAST_KEY {
            bail!("{KEY} has {} characters, and a key needs at least {LEAST_KEY}", key.len());
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())))
    }

    /// The pseudonym of an id.
    pub(crate) fn of(&self, id: &str) -> String {
        hex(hmac::sign(&self.0, id.as_bytes()).as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest of a file.
fn digest_of(path: &Path) -> io::Result<String> {
    let mut context = digest::Context::new(&digest::SHA256);
    let (mut file, mut bytes) = (File::open(path)?, vec![0; 1 << 16]);
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(hex(context.finish().as_ref())),
            read => context.update(&bytes[..read]),
        }
    }
}

/// A file whose bytes are counted and digested as they are written.
pub(crate) struct Digested {
    file: File,
    context: digest::Context,
    bytes: u64,
}

impl Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.context.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A written file as the dictionary has it; its bytes are on disk.
pub(crate) fn file_entry(written: Written<Digested>) -> anyhow::Result<FileEntry> {
    let Written { path, rows, sink, .. } = written;
    sink.file.sync_all().with_context(|| format!("{}: cannot write", path.display()))?;
    let sha256 = hex(sink.context.finish().as_ref());
    Ok(FileEntry { path: path.to_string_lossy().into_owned(), rows, bytes: sink.bytes, sha256 })
}

/// The folder of an export, and the one in which the next is made.
pub(crate) struct Place {
    to: PathBuf,
    next: PathBuf,
    before: Option<Dictionary>,
    /// Held as long as the export is made.
    _lock: File,
}

impl Place {
    /// Takes a folder for an export.
    ///
    /// # Errors
    ///
    /// Where it holds something else, or another export is being made for it.
    pub(crate) fn open(to: &Path, input: &Path) -> anyhow::Result<Self> {
        let shown = to.display();
        let to = std::path::absolute(to)?;
        let (Some(parent), Some(name)) = (to.parent(), to.file_name()) else { bail!("--to {shown}: expected a folder's name") };
        fs::create_dir_all(parent).with_context(|| format!("{}: cannot make the folder", parent.display()))?;
        // A link stays one: the folder that it leads to is replaced.
        let real = if to.is_symlink() {
            to.canonicalize().with_context(|| format!("--to {shown}: the link leads nowhere"))?
        } else {
            parent.canonicalize()?.join(name)
        };
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            bail!("--to {shown}: expected a folder's name")
        };
        let (parent, to) = (parent.to_owned(), real.clone());
        if let Ok(input) = input.canonicalize()
            && input.is_dir()
            && (to.starts_with(&input) || input.starts_with(&to))
        {
            bail!("--to {shown}: the export is not written there, since the history lies there; choose another folder");
        }
        let before = before(&to, &shown.to_string())?;
        let next = parent.join(format!(".{}.tenure-next", name.to_string_lossy()));
        match fs::create_dir(&next) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // What else bears the name is nobody's to empty.
                if !fs::symlink_metadata(&next)?.is_dir() {
                    bail!("--to {shown}: {} is in the way; move it elsewhere", next.display());
                }
            }
            Err(error) => bail!("--to {shown}: cannot write beside it: {error}"),
        }
        let lock = File::open(&next)?;
        if lock.try_lock().is_err() {
            bail!("--to {shown}: another export to it is being made; wait for it");
        }
        // What a run that was killed has left.
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
        }
        Ok(Self { to, next, before, _lock: lock })
    }

    /// Whether the export that is there is the one that is asked for, with all its files.
    pub(crate) fn is_up_to_date(&self, export: &Export) -> bool {
        // Of a pseudonymised one it is not known with which key.
        let Some(before) = self.before.as_ref().filter(|_| !export.pseudonymised) else { return false };
        let same = Export { notes: Vec::new(), ..before.export.clone() } == *export;
        let mut files = before.tables.iter().flat_map(|table| &table.files);
        same && self.to.join(README).is_file() && files.all(|file| self.has(file))
    }

    /// Whether a file of the export before is there with all its bytes.
    fn has(&self, entry: &FileEntry) -> bool {
        let path = self.to.join(&entry.path);
        fs::metadata(&path).is_ok_and(|meta| meta.len() == entry.bytes) && digest_of(&path).is_ok_and(|of| of == entry.sha256)
    }

    /// Makes a file of the next export.
    pub(crate) fn create(&self, path: &Path) -> io::Result<Digested> {
        let path = self.next.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(Digested { file: File::create_new(path)?, context: digest::Context::new(&digest::SHA256), bytes: 0 })
    }

    /// Takes the file of the export before in place of a new one that has the same bytes; says whether it was there.
    pub(crate) fn keep(&self, entry: &FileEntry) -> anyhow::Result<bool> {
        let files = self.before.iter().flat_map(|before| &before.tables).flat_map(|table| &table.files);
        let old = self.to.join(&entry.path);
        if !(files.into_iter().any(|file| file == entry) && self.has(entry)) {
            return Ok(false);
        }
        let new = self.next.join(&entry.path);
        let linked = new.with_extension("kept");
        // Where files can't have two names the new one, which has the same bytes, stays.
        if fs::hard_link(&old, &linked).is_err() {
            return Ok(false);
        }
        fs::rename(&linked, &new)?;
        Ok(true)
    }

    /// Writes the dictionary, and puts the export in its place: a reader sees the old one or the new.
    pub(crate) fn finish(mut self, dictionary: &Dictionary) -> anyhow::Result<()> {
        for (name, bytes) in [(README, dictionary.markdown().into_bytes()), (SCHEMA, dictionary.json()?)] {
            let mut file = File::create(self.next.join(name))?;
            file.write_all(&bytes)?;
            file.sync_all()?;
        }
        sync_folders(&self.next)?;
        // Whoever could not enter the folder before can't enter the new one.
        if let Ok(there) = fs::metadata(&self.to) {
            fs::set_permissions(&self.next, there.permissions())?;
        }
        // The old one goes under the name of the next, where nobody else may take it for theirs.
        let old = if self.to.exists() { Some(File::open(&self.to)?) } else { None };
        if let Some(old) = &old {
            old.lock()?;
        }
        let swapped = if old.is_some() {
            renameat_with(CWD, &self.next, CWD, &self.to, RenameFlags::EXCHANGE).map_err(io::Error::from)
        } else {
            fs::rename(&self.next, &self.to)
        };
        swapped.map_err(|error| {
            anyhow!(
                "{}: the new export cannot take its place in one step: {error}; choose a folder that is no mount point, on a file system that can exchange folders",
                self.to.display()
            )
        })?;
        if let Some(parent) = self.to.parent() {
            File::open(parent)?.sync_all()?;
        }
        // Now the old one.
        if self.next.exists() {
            fs::remove_dir_all(&self.next).with_context(|| format!("{}: cannot remove the old export", self.next.display()))?;
        }
        // From now on a folder of that name is another run's.
        self.next = PathBuf::new();
        Ok(())
    }
}

impl Drop for Place {
    /// Removes what did not become an export.
    fn drop(&mut self) {
        if !self.next.as_os_str().is_empty() {
            // The next run removes it where this one can't.
            let _ = fs::remove_dir_all(&self.next);
        }
    }
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

/// The export that lies in a folder; none where there is no folder, or an empty one.
fn before(to: &Path, shown: &str) -> anyhow::Result<Option<Dictionary>> {
    let entries = match fs::read_dir(to) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => bail!("--to {shown}: expected a folder: {error}"),
    };
    if entries.is_empty() {
        return Ok(None);
    }
    let text = fs::read_to_string(to.join(SCHEMA))
        .map_err(|_| anyhow!("--to {shown}: the folder holds something that is no export; choose an empty or a new one"))?;
    let dictionary = Dictionary::read(&text).map_err(|error| anyhow!("{}: {error}", to.join(SCHEMA).display()))?;
    // Files that are lost are made again; files that were never there are somebody else's.
    let own: Vec<PathBuf> =
        dictionary.tables.iter().flat_map(|table| &table.files).map(|file| PathBuf::from(&file.path)).collect();
    let known = |path: &Path, is_folder: bool| {
        let name = path.to_string_lossy();
        let is_whole = !is_folder && ([SCHEMA, README].contains(&&*name) || own.iter().any(|file| file == path));
        is_whole || is_folder && own.iter().any(|file| file.starts_with(path) && file != path)
    };
    if let Some(foreign) = foreign(to, Path::new(""), &known)? {
        bail!(
            "--to {shown}: {} is no part of the export, and the folder is replaced as a whole; move it elsewhere",
            foreign.display()
        );
    }
    Ok(Some(dictionary))
}

/// The first file or folder, by its path in the export, that is not known.
fn foreign(export: &Path, folder: &Path, known: &dyn Fn(&Path, bool) -> bool) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(export.join(folder))? {
        let entry = entry?;
        let (path, is_folder) = (folder.join(entry.file_name()), entry.file_type()?.is_dir());
        if !known(&path, is_folder) {
            return Ok(Some(path));
        }
        if is_folder && let Some(found) = foreign(export, &path, known)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
