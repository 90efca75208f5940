//! Files of JSON lines to which each occurrence is added once, whatever happens in between.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use serde::Serialize;
use serde_json::Value;
use tenure_analysis::Occurrence;

/// An occurrence of a rule as it is written and sent.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Entry<'a> {
    /// The same for the same rule, customer and occurrence.
    pub(super) id: String,
    rule: &'a str,
    customer: Option<&'a str>,
    email: Option<&'a str>,
    occurrence: &'a str,
    reason: &'a str,
    value: Option<String>,
    currency: Option<&'a str>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(rule: &'a str, occurrence: &'a Occurrence) -> Self {
        let customer = occurrence.customer.as_deref();
        // A business as a whole has no customer, which is something else than one without a name; its currencies are told apart.
        let currency = || occurrence.currency.as_deref().unwrap_or_default();
        let of = customer.map_or_else(|| format!("business\0{}", currency()), |customer| format!("customer\0{customer}"));
        let key = format!("{rule}\0{of}\0{}", occurrence.occurrence);
        Self {
            id: format!("{:032x}", xxhash_rust::xxh3::xxh3_128(key.as_bytes())),
            rule,
            customer,
            email: occurrence.email.as_deref(),
            occurrence: &occurrence.occurrence,
            reason: &occurrence.reason,
            value: occurrence.value.map(|value| value.normalized().to_string()),
            currency: occurrence.currency.as_deref(),
        }
    }
}

/// How each entry begins.
const BEGINNING: &[u8] = b"{\"id\":\"";

/// What a file holds.
struct Read {
    ids: HashSet<String>,
    /// The bytes of its entries.
    whole: u64,
    tail: Tail,
}

/// What stands behind the last end of a line.
enum Tail {
    None,
    /// The beginning of an entry: its writer was killed.
    Cut,
    /// An entry whose end of line is missing.
    WithoutEnd,
}

/// A file of entries, held so that no other process adds to it.
pub(super) struct Ledger {
    path: PathBuf,
    file: File,
    ids: HashSet<String>,
}

impl Ledger {
    /// Opens a file, makes it where there is none, and reads which entries it has. What a killed process wrote of a line is cut
    /// off: its entry was not added.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.map_err(|error| anyhow!("{name}: cannot write: {error}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("{name}: another check is writing it; try again when it is done"),
            Err(TryLockError::Error(error)) => bail!("{name}: cannot lock it: {error}"),
        }
        let Read { ids, whole, tail } = Self::read(&file).map_err(|error| anyhow!("{name}: {error}"))?;
        let mended = match tail {
            Tail::None => Ok(()),
            Tail::Cut => file.set_len(whole),
            Tail::WithoutEnd => (&file).write_all(b"\n"),
        };
        mended.map_err(|error| anyhow!("{name}: cannot write: {error}"))?;
        Ok(Self { path: path.to_owned(), file, ids })
    }

    /// Which entries a file has, without opening it for writing; none where there is no file.
    pub(super) fn peek(path: &Path) -> anyhow::Result<HashSet<String>> {
        match File::open(path) {
            Ok(file) => Ok(Self::read(&file).map_err(|error| anyhow!("{}: {error}", path.display()))?.ids),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashSet::new()),
            Err(error) => Err(anyhow!("{}: cannot read it: {error}", path.display())),
        }
    }

    fn read(file: &File) -> anyhow::Result<Read> {
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(0))?;
        let mut found = Read { ids: HashSet::new(), whole: 0, tail: Tail::None };
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(found);
            }
            number += 1;
            let is_whole = line.last() == Some(&b'\n');
            let entry: Option<Value> = serde_json::from_slice(&line).ok();
            match entry.as_ref().and_then(|entry| entry["id"].as_str()) {
                Some(id) => {
                    found.ids.insert(id.to_owned());
                    found.whole += read as u64;
                    if !is_whole {
                        found.tail = Tail::WithoutEnd;
                    }
                }
                // The beginning of an entry, and no more of it.
                None if !is_whole && (line.starts_with(BEGINNING) || BEGINNING.starts_with(&line)) => found.tail = Tail::Cut,
                None => bail!("line {number} is no entry of this program (expected a JSON object with an id); name another file"),
            }
        }
    }

    pub(super) fn has(&self, entry: &Entry<'_>) -> bool {
        self.ids.contains(&entry.id)
    }

    /// Adds entries, and comes back when they are on the disk.
    pub(super) fn add(&mut self, entries: &[Entry<'_>]) -> anyhow::Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            anyhow!(
                "{}: cannot write: {error}; what is whole in it stays, the rest comes with the next check",
                self.path.display()
            )
        })?;
        self.ids.extend(entries.iter().map(|entry| entry.id.clone()));
        Ok(())
    }
}
