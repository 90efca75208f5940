use std::io::BufWriter;

use anyhow::Context;
use clap::Args;
use tenure_analysis::{RetentionQuery, retention};
use tenure_history::{Target, Writer};
use tenure_ingest::{Attributes, Export, Mapping, Options, PresetChoice, Source, ingest};
use tenure_model::Instant;
use tenure_report::{Format, Layout, Show, TableStyle, bytes_text, counted, render_retention};
use tenure_synth::{Business, Compression, FileFormat, write};

use crate::Status;
use crate::memory::default_memory;
use crate::output::write_stdout;
use crate::progress::Bars;
use crate::term::Term;

/// Customers of the demo business.
const CUSTOMERS: u64 = 20_000;
/// Rows of the demo business.
const EVENTS: u64 = 400_000;
/// Months it lives.
const MONTHS: u32 = 12;
const SEED: u64 = 1;

/// Generate a business, ingest its export, and show its monthly cohorts: the whole way, in seconds.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {}

pub(crate) fn run(_args: &DemoArgs, term: &Term) -> anyhow::Result<Status> {
    let folder = tempfile::Builder::new().prefix("tenure-demo-").tempdir()?;
    let (export, dir) = (folder.path().join("events.csv.gz"), folder.path().join("history"));
    let plan = Business::new(CUSTOMERS, EVENTS, SEED).months(MONTHS).plan()?;
    let file = std::fs::File::create(&export)?;
    let bytes = write(&plan, FileFormat::Csv, Compression::Gzip, BufWriter::new(file), &|_| {})?;
    term.note(&format!(
        "generated events.csv.gz: {} of {}, {}",
        counted(plan.rows(), "row"),
        counted(plan.customers(), "customer"),
        bytes_text(bytes)
    ));
    let mapping = Mapping {
        columns: [("value", Source::column("amount"))].into(),
        attributes: Attributes::Named(vec!["country".to_owned(), "plan".to_owned()]),
        ..Mapping::default()
    };
    let now = Instant(jiff::Timestamp::now().as_microsecond());
    let options = Options { mapping, preset: PresetChoice::Generic, memory: default_memory(), ..Options::new(now) };
    let ingested = ingest(&[Export::File(export)], &options, Target::Directory(Writer::open(&dir)?), &Bars::new(term))?;
    let loaded = ingested.loaded.context("the demo's own rows were rejected")?;
    let history = loaded.history.context("the demo's history was not written")?;
    term.note(&format!("ingested into a history: {} kept, {}", counted(loaded.rows, "row"), bytes_text(loaded.bytes)));
    let matrix = retention(&history, &RetentionQuery::default())?;
    let style = TableStyle { colour: term.colour(), width: term.width() };
    write_stdout(&render_retention(&matrix, Format::Table, Layout::Long, Show::Percent, style)?)?;
    term.note("your own data: tenure retention orders.csv, or tenure ingest orders.csv --into history");
    Ok(Status::Done)
}
