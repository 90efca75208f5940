use std::path::PathBuf;

use clap::Args;
use tenure_history::{Compacted, History, Writer, compact};
use tenure_report::{bytes_text, counted};

use crate::Status;
use crate::memory::{default_memory, parse_size};
use crate::output::write_stdout;

/// Fold what many ingests have left into one segment a table: the same content in fewer files.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tenure compact history")]
pub(crate) struct CompactArgs {
    /// The history's directory
    #[arg(value_name = "HISTORY")]
    history: PathBuf,
    /// Memory to use, such as 768M or 4G (default: a quarter of the machine's)
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<u64>,
}

pub(crate) fn run(args: &CompactArgs) -> anyhow::Result<Status> {
    // Opening for reading first: a directory that is no history is not to become one.
    drop(History::open(&args.history)?);
    let writer = Writer::open(&args.history)?;
    let Compacted { segments, files, bytes } = compact(writer, args.memory.unwrap_or_else(default_memory))?;
    let text = format!(
        "{} to {}, {} to {}, {} to {}\n",
        counted(segments.0 as u64, "segment"),
        segments.1,
        counted(files.0 as u64, "file"),
        files.1,
        bytes_text(bytes.0),
        bytes_text(bytes.1)
    );
    write_stdout(text.as_bytes())?;
    Ok(Status::Done)
}
