use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use tenure_history::{History, Writer, forget};
use tenure_report::counted;

use crate::Status;
use crate::output::write_stdout;
use crate::term::Term;

/// Erase customers everywhere in a history: their rows in every table, their ids, and the ids that stand for theirs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tenure forget history c-1004\n\nWhat can't be undone: keep a copy of the exports if the rows are needed elsewhere. An export that is ingested\nagain brings its customers back."
)]
pub(crate) struct ForgetArgs {
    /// The history's directory
    #[arg(value_name = "HISTORY")]
    history: PathBuf,
    /// Ids of customers, as the exports have them
    #[arg(value_name = "CUSTOMER", required = true)]
    customers: Vec<String>,
}

pub(crate) fn run(args: &ForgetArgs, term: &Term) -> anyhow::Result<Status> {
    drop(History::open(&args.history)?);
    let writer = Writer::open(&args.history)?;
    let (found, gone) = forget(writer, &args.customers)?;
    let missing: Vec<&String> = args.customers.iter().filter(|id| !found.contains(id)).collect();
    if found.is_empty() {
        bail!("{}: no such customer: {}", args.history.display(), args.customers.join(", "));
    }
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|id| id.as_str()).collect();
        term.note(&format!("not in this history: {}", names.join(", ")));
    }
    if !gone {
        term.note(
            "somebody is reading this history: files with the erased rows stay on disk until the next ingest, compact or forget finds it unread",
        );
    }
    write_stdout(format!("{} erased: {}\n", counted(found.len() as u64, "id"), found.join(", ")).as_bytes())?;
    Ok(Status::Done)
}
