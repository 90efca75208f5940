use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use tenure_history::{Target, Writer};
use tenure_ingest::{InputReport, Report, RowCounts, ingest};
use tenure_model::Zone;
use tenure_report::{Align, Format, TextTable, bytes_text, counted, grouped};

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{exports, options, say_too_many_rejects};
use crate::output::OutputArgs;
use crate::progress::Bars;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure ingest orders.csv --into history
  tenure ingest 'exports/*.csv.gz' --into history --customer user_id --time created_at
  tenure ingest retail.csv --into history --value 'Quantity * UnitPrice' --where 'Quantity > 0'
  tenure ingest orders.csv --into history --time-format '%d.%m.%Y %H:%M' --source-zone Europe/Berlin";

/// Read exports (CSV, JSON Lines, Parquet; plain, gzip or zstd) into a history.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct IngestArgs {
    /// Files, globs, or - for standard input
    #[arg(required = true, value_name = "EXPORT")]
    exports: Vec<PathBuf>,
    /// The history's directory; made if there is none
    #[arg(long, value_name = "HISTORY")]
    into: PathBuf,
    /// Add all rows to a history that has some, without comparing them with what is there
    #[arg(long)]
    append: bool,
    /// Read and check everything, write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    mapping: MappingArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &IngestArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    if !matches!(format, Format::Table | Format::Json) {
        bail!("the report of an ingest is written as table or json, not {format}");
    }
    let exports = exports(&args.exports)?;
    let writer = Writer::open(&args.into)?;
    let home_zone = home_zone(args, &writer)?;
    if writer.has_rows() && !args.append {
        bail!(
            "{}: this history has rows already, and comparing new exports with them is not supported yet; add all rows with --append, or ingest everything into a new history",
            args.into.display()
        );
    }
    let options = options(&args.mapping, home_zone);
    let target = if args.dry_run { Target::Memory } else { Target::Directory(writer) };
    let ingested = ingest(&exports, &options, target, &Bars::new(term))?;
    let committed = ingested.loaded.is_some() && !args.dry_run;
    let bytes = match format {
        Format::Json => json(&ingested.report, committed)?,
        _ => text(&ingested.report, committed).into_bytes(),
    };
    args.output.write(&bytes, format, term)?;
    if ingested.loaded.is_none() {
        say_too_many_rejects(&ingested.report, options.max_rejects, "nothing was committed", term);
        return Ok(Status::LimitCrossed);
    }
    Ok(Status::Done)
}

/// The zone the history has, or the one it is to have.
fn home_zone(args: &IngestArgs, writer: &Writer) -> anyhow::Result<Zone> {
    let wanted = args.mapping.home_zone.clone();
    let Some(name) = writer.home_zone() else { return Ok(wanted.unwrap_or_else(Zone::utc)) };
    let has = Zone::named(name)?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != has) {
        bail!(
            "{}: the home zone of this history is {has}, fixed when it was created; --home-zone {wanted} needs a new history",
            args.into.display()
        );
    }
    Ok(has)
}

fn text(report: &Report, committed: bool) -> String {
    let mut text = String::new();
    for input in &report.inputs {
        text.push_str(&format!("{} ({}, {})\n", input.input, input.format, bytes_text(input.bytes_in)));
        for note in &input.notes {
            text.push_str(&format!("  {note}\n"));
        }
    }
    text.push('\n');
    let right = ["read", "kept", "rejected", "duplicate", "filtered"].map(|name| (name, Align::Right));
    let columns: Vec<(&str, Align)> = std::iter::once(("rows", Align::Left)).chain(right).collect();
    let mut table = TextTable::new(&columns);
    for input in &report.inputs {
        table.row(count_row(&input.input, input.rows));
    }
    if report.inputs.len() > 1 {
        table.row(count_row("all", report.total()));
    }
    text.push_str(&table.render());
    let reasons =
        report.inputs.iter().flat_map(|input| input.rejects.iter().map(move |(reason, rejects)| (input, reason, rejects)));
    for (input, reason, rejects) in reasons {
        text.push_str(&format!("\n{}: {} rejected: {reason}\n", input.input, counted(rejects.count, "row")));
        for example in &rejects.examples {
            text.push_str(&format!("  {}\n", example.message(&input.input, reason)));
        }
    }
    if let (true, Some((first, last))) = (committed, report.span) {
        text.push_str(&format!(
            "\n{}, {}, from {first} to {last}; {} written\n",
            counted(report.customers, "customer"),
            counted(report.events, "event name"),
            bytes_text(report.bytes_out)
        ));
    }
    if !committed {
        text.push_str("\nNothing was written.\n");
    }
    text
}

fn count_row(name: &str, rows: RowCounts) -> Vec<String> {
    let counts = [rows.read, rows.kept, rows.rejected, rows.duplicate, rows.filtered];
    std::iter::once(name.to_owned()).chain(counts.map(grouped)).collect()
}

#[derive(Serialize)]
struct ReportObject<'a> {
    committed: bool,
    #[serde(flatten)]
    rows: Counts,
    inputs: Vec<InputObject<'a>>,
    first: Option<String>,
    last: Option<String>,
    customers: u64,
    events: u64,
    bytes_in: u64,
    bytes_out: u64,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the report's JSON")]
struct Counts {
    rows_read: u64,
    rows_kept: u64,
    rows_rejected: u64,
    rows_duplicate: u64,
    rows_filtered: u64,
}

#[derive(Serialize)]
struct InputObject<'a> {
    input: &'a str,
    format: &'a str,
    bytes_in: u64,
    #[serde(flatten)]
    rows: Counts,
    reasons: Vec<ReasonObject<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct ReasonObject<'a> {
    reason: String,
    count: u64,
    examples: Vec<ExampleObject<'a>>,
}

#[derive(Serialize)]
struct ExampleObject<'a> {
    row: u64,
    column: &'a str,
    value: &'a str,
}

fn json(report: &Report, committed: bool) -> anyhow::Result<Vec<u8>> {
    let object = ReportObject {
        committed,
        rows: counts(report.total()),
        inputs: report.inputs.iter().map(input_object).collect(),
        first: report.span.map(|(first, _)| first.to_string()),
        last: report.span.map(|(_, last)| last.to_string()),
        customers: report.customers,
        events: report.events,
        bytes_in: report.inputs.iter().map(|input| input.bytes_in).sum(),
        bytes_out: report.bytes_out,
    };
    let mut bytes = serde_json::to_vec_pretty(&object)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn counts(rows: RowCounts) -> Counts {
    Counts {
        rows_read: rows.read,
        rows_kept: rows.kept,
        rows_rejected: rows.rejected,
        rows_duplicate: rows.duplicate,
        rows_filtered: rows.filtered,
    }
}

fn input_object(input: &InputReport) -> InputObject<'_> {
    let reasons = input.rejects.iter().map(|(reason, rejects)| ReasonObject {
        reason: reason.to_string(),
        count: rejects.count,
        examples: rejects.examples.iter().map(|e| ExampleObject { row: e.row, column: &e.column, value: &e.value }).collect(),
    });
    InputObject {
        input: &input.input,
        format: &input.format,
        bytes_in: input.bytes_in,
        rows: counts(input.rows),
        reasons: reasons.collect(),
        notes: &input.notes,
    }
}
