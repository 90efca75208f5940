use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use clap::Args;
use tenure_history::{Target, Writer};
use tenure_ingest::{Attributes, BatchSource, Export, Mapping, Options, PresetChoice, Progress, Source, ingest};
use tenure_model::Instant;
use tenure_report::{bytes_text, counted};
use tenure_synth::{Business, Compression, DEFAULT_MONTHS, Error as SynthError, FileFormat, Plan, write};

use crate::Status;
use crate::memory::default_memory;
use crate::output::write_stdout;
use crate::progress::Bars;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure generate --customers 1000 --events 20000 --seed 7 -o shop.csv
  tenure generate --customers 50000 --events 1000000 --seed 1 -o events.parquet
  tenure generate --customers 10000 --events 200000 --seed 1 -o history";

/// Write a synthetic business whose true retention is known: the same seed, the same bytes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GenerateArgs {
    /// How many customers sign up
    #[arg(long, value_name = "N")]
    customers: u64,
    /// How many rows of activity there are
    #[arg(long, value_name = "M")]
    events: u64,
    /// Chance's starting point
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How many months the business lives, from January 2022
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MONTHS)]
    months: u32,
    /// A file (.csv, .jsonl, .parquet; .csv.gz, .csv.zst …), or a directory for a history
    #[arg(long, short, value_name = "FILE|DIR")]
    output: PathBuf,
}

pub(crate) fn run(args: &GenerateArgs, term: &Term) -> anyhow::Result<Status> {
    let plan = Business::new(args.customers, args.events, args.seed).months(args.months).plan()?;
    let (rows, customers) = (plan.rows(), plan.customers());
    let bytes = match file_format(&args.output) {
        Some((format, compression)) => write_file(&plan, &args.output, format, compression, term)?,
        None if args.output.extension().is_some() && !args.output.is_dir() => {
            bail!(
                "{}: the extension names no format (expected .csv, .jsonl or .parquet, with .gz or .zst behind the first two, or a directory without a dot)",
                args.output.display()
            )
        }
        None => write_history(plan, &args.output, term)?,
    };
    let text = format!(
        "{}: {} of {}, {}\n",
        args.output.display(),
        counted(rows, "row"),
        counted(customers, "customer"),
        bytes_text(bytes)
    );
    write_stdout(text.as_bytes())?;
    Ok(Status::Done)
}

fn file_format(path: &Path) -> Option<(FileFormat, Compression)> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let (name, compression) = match name.rsplit_once('.')? {
        (stem, "gz") => (stem.to_owned(), Compression::Gzip),
        (stem, "zst") => (stem.to_owned(), Compression::Zstd),
        _ => (name, Compression::None),
    };
    let format = match name.rsplit_once('.')?.1 {
        "csv" => FileFormat::Csv,
        "jsonl" | "ndjson" => FileFormat::JsonLines,
        "parquet" if compression == Compression::None => FileFormat::Parquet,
        _ => return None,
    };
    Some((format, compression))
}

/// Writes beside the target and renames, so that half a file never bears its name.
fn write_file(plan: &Plan, path: &Path, format: FileFormat, compression: Compression, term: &Term) -> anyhow::Result<u64> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let cannot = || format!("{}: cannot write", path.display());
    let file = File::create(&part).with_context(cannot).map_err(flat)?;
    let bars = Bars::new(term);
    bars.start("generating", plan.rows(), false);
    let done = AtomicU64::new(0);
    let result = write(plan, format, compression, BufWriter::new(file), &|rows| {
        bars.reached(done.fetch_add(rows, Ordering::Relaxed) + rows);
    });
    let result = result.inspect_err(|_| {
        let _ = std::fs::remove_file(&part);
    });
    let bytes = result.map_err(|error| match error {
        SynthError::Io(error) => anyhow::Error::new(error).context(cannot()),
        error => error.into(),
    });
    let bytes = bytes.map_err(flat)?;
    std::fs::rename(&part, path).with_context(cannot).map_err(flat)?;
    Ok(bytes)
}

/// An error with its cause in one line.
fn flat(error: anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// Generates straight into a new history.
fn write_history(plan: Plan, dir: &Path, term: &Term) -> anyhow::Result<u64> {
    let writer = Writer::open(dir)?;
    if writer.has_rows() {
        bail!("{}: this history has rows already; name a new directory", dir.display());
    }
    let mapping = Mapping {
        customer: Some(Source::column("user_id")),
        columns: [("time", Source::column("event_time")), ("value", Source::column("amount"))].into(),
        attributes: Attributes::Named(vec!["country".to_owned(), "plan".to_owned()]),
        ..Mapping::default()
    };
    let options = Options { mapping, preset: PresetChoice::Generic, memory: default_memory(), ..Options::new(Instant(i64::MAX)) };
    let exports = [Export::Rows(Arc::new(Generated { plan, name: format!("generated rows of {}", dir.display()) }))];
    let ingested = ingest(&exports, &options, Target::Directory(writer), &Bars::new(term))?;
    Ok(ingested.report.bytes_out)
}

/// A business as rows to ingest.
#[derive(Debug)]
pub(crate) struct Generated {
    plan: Plan,
    name: String,
}

impl BatchSource for Generated {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema(&self) -> SchemaRef {
        Plan::schema()
    }

    fn parts(&self) -> usize {
        self.plan.slices()
    }

    fn part(&self, index: usize) -> RecordBatch {
        self.plan.slice(index)
    }
}
