//! What rules do.

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
    let path = ledger_of(&rule.then, goals);
    if dry_run {
        let known = Ledger::peek(&path)?;
        let new = entries.iter().filter(|entry| !known.contains(&entry.id)).count();
        return Ok(Delivered { new: new as u64, sent: 0, failure: None });
    }
    if let Then::Audience(file) = &rule.then {
        check_audience(file)?;
    }
    let mut ledger = Ledger::open(&path)?;
    let new: Vec<Entry<'_>> = entries.into_iter().filter(|entry| !ledger.has(entry)).collect();
    if let Then::Webhook(webhook) = &rule.then {
        return post(webhook, &mut ledger, &new);
    }
    if let Then::Audience(file) = &rule.then {
        write_file(file, &audience_sheet(occurrences).render(Format::Csv)?)?;
    }
    ledger.add(&new)?;
    Ok(Delivered { new: new.len() as u64, sent: new.len() as u64, failure: None })
}

/// Where it stands for whom a rule has fired: an outbox itself; beside an audience; of a webhook as named, else beside the file of
/// goals.
fn ledger_of(then: &Then, goals: &Path) -> PathBuf {
    match then {
        Then::Outbox(path) => path.clone(),
        Then::Audience(path) => path.with_extension("fired.jsonl"),
        Then::Webhook(webhook) => webhook.ledger.clone().unwrap_or_else(|| goals.with_extension("delivered.jsonl")),
    }
}

/// Posts what has not been delivered. Each is noted once it has arrived, so that it is sent again where it is not known whether it
/// did. What is refused does not hold up the others.
fn post(webhook: &Webhook, ledger: &mut Ledger, new: &[Entry<'_>]) -> anyhow::Result<Delivered> {
    let sender = Sender::new(webhook)?;
    let (mut sent, mut refused) = (0, None);
    for entry in new {
        match sender.post(entry)? {
            Post::Arrived => {
                ledger.add(std::slice::from_ref(entry))?;
                sent += 1;
            }
            Post::Refused(why) => refused = Some(why),
            Post::Failed(why) => {
                refused = Some(why);
                break;
            }
        }
    }
    let left = new.len() - sent;
    let failure = refused.map(|why| format!("the webhook of ${} {why}; {left} wait for the next check", webhook.url_env));
    Ok(Delivered { new: new.len() as u64, sent: sent as u64, failure })
}

/// Refuses to write over a file that is something else.
fn check_audience(path: &Path) -> anyhow::Result<()> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(anyhow!("{}: cannot read it: {error}", path.display())),
    };
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let header = reader.headers().cloned().unwrap_or_default();
    if header.is_empty() || ["customer", "occurrence"].iter().all(|name| header.iter().any(|column| column == *name)) {
        return Ok(());
    }
    Err(anyhow!(
        "{}: it is no audience file of this program (it has no columns customer and occurrence); name another file",
        path.display()
    ))
}
