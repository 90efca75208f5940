//! A synthetic business as a history on disk, for micro-benchmarks.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use tempfile::TempDir;
use tenure_history::{History, Target, Writer};
use tenure_ingest::{Attributes, BatchSource, Export, Mapping, Options, PresetChoice, Progress, Source, Stage, ingest};
use tenure_model::Instant;
use tenure_synth::{Business, Plan};

/// Rows of a customer on average, as in the benchmark of whole questions.
const ROWS_PER_CUSTOMER: u64 = 20;

/// A history and the folder that it lies in as long as this lives.
#[derive(Debug)]
pub struct Laid {
    /// The history, opened.
    pub history: History,
    _dir: TempDir,
}

/// Lays out so many rows of activity over 36 months.
///
/// # Errors
///
/// Whatever ends the ingest, such as a full disk.
pub fn lay_out(rows: u64) -> Result<Laid, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    write(rows, dir.path())?;
    Ok(Laid { history: History::open(dir.path())?, _dir: dir })
}

fn write(rows: u64, dir: &Path) -> Result<(), Box<dyn Error>> {
    let plan = Business::new(rows / ROWS_PER_CUSTOMER, rows, 1).plan()?;
    let mapping = Mapping {
        customer: Some(Source::column("user_id")),
        columns: [("time", Source::column("event_time")), ("value", Source::column("amount"))].into(),
        attributes: Attributes::Named(vec!["country".to_owned(), "plan".to_owned()]),
        ..Mapping::default()
    };
    let options = Options { mapping, preset: PresetChoice::Generic, ..Options::new(Instant(i64::MAX)) };
    let exports = [Export::Rows(Arc::new(Generated(plan)))];
    ingest(&exports, &options, Target::Directory(Writer::open(dir)?), &Quiet)?;
    Ok(())
}

/// A business as rows to ingest.
#[derive(Debug)]
struct Generated(Plan);

impl BatchSource for Generated {
    fn name(&self) -> &str {
        "generated rows"
    }

    fn schema(&self) -> SchemaRef {
        Plan::schema()
    }

    fn parts(&self) -> usize {
        self.0.slices()
    }

    fn part(&self, index: usize) -> RecordBatch {
        self.0.slice(index)
    }
}

/// Nobody watches.
struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: Stage, _: u64) {}

    fn reached(&self, _: u64) {}
}
