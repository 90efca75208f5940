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
        // A business as a whole has no customer, which is something else than one without a name.
        let of = customer.map_or_else(|| "business".to_owned(), |customer| format!("customer\0{customer}"));
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
        let (ids, whole) = Self::read(&file).map_err(|error| anyhow!("{name}: {error}"))?;
        if file.metadata()?.len() > whole {
            file.set_len(whole).map_err(|error| anyhow!("{name}: cannot write: {error}"))?;
        }
        Ok(Self { path: path.to_owned(), file, ids })
    }

    /// Which entries a file has, without opening it for writing; none where there is no file.
    pub(super) fn peek(path: &Path) -> anyhow::Result<HashSet<String>> {
        match File::open(path) {
            Ok(file) => Ok(Self::read(&file).map_err(|error| anyhow!("{}: {error}", path.display()))?.0),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashSet::new()),
            Err(error) => Err(anyhow!("{}: cannot read it: {error}", path.display())),
        }
    }

    /// The ids of whole lines, and how many bytes these have.
    fn read(file: &File) -> anyhow::Result<(HashSet<String>, u64)> {
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(0))?;
        let (mut ids, mut whole, mut number) = (HashSet::new(), 0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if read == 0 || line.last() != Some(&b'\n') {
                return Ok((ids, whole));
            }
            number += 1;
            let entry: Option<Value> = serde_json::from_slice(&line).ok();
            let id = entry.as_ref().and_then(|entry| entry["id"].as_str());
            let id = id.ok_or_else(|| {
                anyhow!("line {number} is no entry of this program (expected a JSON object with an id); name another file")
            })?;
            ids.insert(id.to_owned());
            whole += read as u64;
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
