//! What rules do.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use tenure_analysis::Occurrence;
use tenure_report::{Format, audience_sheet};

use crate::output::write_file;

use super::file::{RuleEntry, Then, Webhook};
use super::ledger::{Entry, Ledger};
use super::webhook::{Post, Sender};

/// What came of a rule.
pub(super) struct Delivered {
    /// Occurrences that had not been there before.
    pub(super) new: u64,
    /// Those of them that are written or sent now.
    pub(super) sent: u64,
    /// Why the others are not; the next check goes on with them.
    pub(super) failure: Option<String>,
}

/// Does what a rule says for those for whom it holds, or only says how many are new.
pub(super) fn deliver(rule: &RuleEntry, occurrences: &[Occurrence], goals: &Path, dry_run: bool) -> anyhow::Result<Delivered> {
    let entries: Vec<Entry<'_>> = occurrences.iter().map(|occurrence| Entry::new(&rule.name, occurrence)).collect();
    let done = |new: usize| Delivered { new: new as u64, sent: if dry_run { 0 } else { new as u64 }, failure: None };
    match &rule.then {
        Then::Audience(path) => Ok(done(audience(path, occurrences, dry_run)?)),
        Then::Outbox(path) if dry_run => Ok(done(unknown(&Ledger::peek(path)?, &entries))),
        Then::Outbox(path) => {
            let mut ledger = Ledger::open(path)?;
            let new: Vec<Entry<'_>> = entries.into_iter().filter(|entry| !ledger.has(entry)).collect();
            ledger.add(&new)?;
            Ok(done(new.len()))
        }
        Then::Webhook(webhook) => {
            let path = ledger_of(webhook, goals);
            if dry_run {
                return Ok(done(unknown(&Ledger::peek(&path)?, &entries)));
            }
            post(webhook, &path, entries)
        }
    }
}

fn unknown(known: &HashSet<String>, entries: &[Entry<'_>]) -> usize {
    entries.iter().filter(|entry| !known.contains(&entry.id)).count()
}

/// Where it stands what was delivered: as named, else beside the file of goals.
fn ledger_of(webhook: &Webhook, goals: &Path) -> PathBuf {
    webhook.ledger.clone().unwrap_or_else(|| goals.with_extension("delivered.jsonl"))
}

/// Posts what has not been delivered. Each is noted once it has arrived, so that it is sent again where it is not known whether it
/// did.
fn post(webhook: &Webhook, path: &Path, entries: Vec<Entry<'_>>) -> anyhow::Result<Delivered> {
    let sender = Sender::new(webhook)?;
    let mut ledger = Ledger::open(path)?;
    let new: Vec<Entry<'_>> = entries.into_iter().filter(|entry| !ledger.has(entry)).collect();
    for (sent, entry) in new.iter().enumerate() {
        if let Post::Failed(why) = sender.post(entry)? {
            let left = new.len() - sent;
            return Ok(Delivered {
                new: new.len() as u64,
                sent: sent as u64,
                failure: Some(format!("the webhook of ${} {why}; {left} wait for the next check", webhook.url_env)),
            });
        }
        ledger.add(std::slice::from_ref(entry))?;
    }
    Ok(Delivered { new: new.len() as u64, sent: new.len() as u64, failure: None })
}

/// Writes everybody for whom the rule holds, and counts those whom the file did not have.
fn audience(path: &Path, occurrences: &[Occurrence], dry_run: bool) -> anyhow::Result<usize> {
    let sheet = audience_sheet(occurrences);
    let bytes = sheet.render(Format::Csv)?;
    let before = match std::fs::read(path) {
        Ok(bytes) => rows_of(&bytes).map_err(|error| {
            anyhow!("{}: it is no audience file of this program ({error}); name another file", path.display())
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => HashSet::new(),
        Err(error) => return Err(anyhow!("{}: cannot read it: {error}", path.display())),
    };
    let now = rows_of(&bytes)?;
    if !dry_run {
        write_file(path, &bytes)?;
    }
    Ok(now.difference(&before).count())
}

/// Customer and occurrence of each row.
fn rows_of(bytes: &[u8]) -> anyhow::Result<HashSet<(String, String)>> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers()?.clone();
    let place = |name: &str| header.iter().position(|column| column == name).ok_or_else(|| anyhow!("it has no column {name}"));
    let (customer, occurrence) = (place("customer")?, place("occurrence")?);
    reader
        .records()
        .map(|record| record.map(|record| (record[customer].to_owned(), record[occurrence].to_owned())).map_err(Into::into))
        .collect()
}
