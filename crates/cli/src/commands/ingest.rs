use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use tenure_history::{Compare, Target, Writer};
use tenure_ingest::{InputReport, Options, Reason, Rejects, Report, RowCounts, ingest};
use tenure_model::grouped;
use tenure_model::{Table, Zone};
use tenure_report::{Align, Format, TextTable, bytes_text, counted};

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{exports, options, say_too_many_rejects};
use crate::memory::{default_memory, parse_size};
use crate::output::OutputArgs;
use crate::progress::Bars;
use crate::term::Term;

const EXAMPLES: &str = "Examples (their files lie in data/sample of the source):
  tenure ingest orders.csv --into history
  tenure ingest 'exports/*.csv' --into history --customer customer_id --time created_at
  tenure ingest orders.csv --into sales --value 'quantity * unit_price' --where 'quantity > 0'
  tenure ingest bestellungen.csv --into shop --value Betrag --source-zone Europe/Berlin
  tenure ingest subscriptions.csv --into history --table subscriptions
  tenure ingest log.jsonl --into log --max-rejects 1% --rejects rejected.csv";

/// How many examples of a reason the totals show.
const TOTAL_EXAMPLES: usize = 3;

/// Read exports (CSV, JSON Lines, Parquet, Arrow, Excel; plain, gzip or zstd) into a history.
///
/// Exports may come again and overlap: what the history has is not added twice. Rows with a key (--id, or the one that a
/// known exporter writes) are replaced by later rows of the same key. Without one, the number of equal rows kept is the
/// largest that one export has.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct IngestArgs {
    /// Files, globs, or - for standard input
    #[arg(required = true, value_name = "EXPORT")]
    exports: Vec<PathBuf>,
    /// The history's directory; made if there is none
    #[arg(long, value_name = "HISTORY")]
    into: PathBuf,
    /// A CSV file of identity merges, with the columns alias and customer; they hold for what the history has, too
    #[arg(long, value_name = "FILE")]
    aliases: Option<PathBuf>,
    /// Add all rows, without comparing them with those of other exports
    #[arg(long)]
    append: bool,
    /// Write the rows that can't be read to a CSV file, to be mended and ingested again
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Memory to use, such as 768M or 4G; rows that do not fit wait on disk (default: a quarter of the machine's)
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<u64>,
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
    let options = Options {
        aliases: args.aliases.clone(),
        compare: if args.append { Compare::Nothing } else { Compare::Exports },
        rejects: args.rejects.clone(),
        memory: args.memory.unwrap_or_else(default_memory),
        ..options(&args.mapping, home_zone)?
    };
    let target = if args.dry_run { Target::DryRun(writer) } else { Target::Directory(writer) };
    let ingested = ingest(&exports, &options, target, &Bars::new(term))?;
    let committed = ingested.loaded.is_some() && !args.dry_run;
    let bytes = match format {
        Format::Json => json(&ingested.report, committed)?,
        _ => {
            // Names of columns are shown, and a terminal obeys nothing of them.
            text(&ingested.report, committed).replace(|c: char| c.is_control() && c != '\n', " ").into_bytes()
        }
    };
    args.output.write(&bytes, format, term)?;
    ingested.report.warnings.iter().for_each(|warning| term.warning(warning));
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
    if committed {
        text.push_str(&format!("\n{}", counted(report.customers, "customer")));
        if report.table == Table::Activity {
            text.push_str(&format!(", {}", counted(report.events, "event name")));
        }
        if let Some((first, last)) = report.span {
            text.push_str(&format!(", from {first} to {last}"));
        }
        text.push_str(&format!("; {} written\n", bytes_text(report.bytes_out)));
    }
    if report.replaced > 0 {
        text.push_str(&format!("{} of the history replaced by later ones of the same key\n", counted(report.replaced, "row")));
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
    table: &'static str,
    #[serde(flatten)]
    rows: Counts,
    rows_replaced: u64,
    reasons: Vec<ReasonObject<'a>>,
    inputs: Vec<InputObject<'a>>,
    first: Option<String>,
    last: Option<String>,
    customers: u64,
    events: u64,
    bytes_in: u64,
    bytes_out: u64,
    warnings: &'a [String],
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
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    row: u64,
    column: &'a str,
    value: &'a str,
}

fn json(report: &Report, committed: bool) -> anyhow::Result<Vec<u8>> {
    let all: Vec<(&InputReport, &Reason, &Rejects)> = report
        .inputs
        .iter()
        .flat_map(|input| input.rejects.iter().map(move |(reason, rejects)| (input, reason, rejects)))
        .collect();
    let mut reasons: Vec<&Reason> = all.iter().map(|(_, reason, _)| *reason).collect();
    reasons.sort();
    reasons.dedup();
    let total = |reason: &Reason| {
        let mine = || all.iter().filter(|(_, other, _)| *other == reason);
        let examples = mine().flat_map(|(input, _, rejects)| examples(rejects, Some(&input.input))).take(TOTAL_EXAMPLES);
        ReasonObject {
            reason: reason.to_string(),
            count: mine().map(|(.., rejects)| rejects.count).sum(),
            examples: examples.collect(),
        }
    };
    let object = ReportObject {
        committed,
        table: report.table.name(),
        rows: counts(report.total()),
        rows_replaced: report.replaced,
        reasons: reasons.into_iter().map(total).collect(),
        inputs: report.inputs.iter().map(input_object).collect(),
        first: report.span.map(|(first, _)| first.to_string()),
        last: report.span.map(|(_, last)| last.to_string()),
        customers: report.customers,
        events: report.events,
        bytes_in: report.inputs.iter().map(|input| input.bytes_in).sum(),
        bytes_out: report.bytes_out,
        warnings: &report.warnings,
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

fn examples<'a>(rejects: &'a Rejects, input: Option<&'a str>) -> Vec<ExampleObject<'a>> {
    let object = |e: &'a tenure_ingest::Reject| ExampleObject { input, row: e.row, column: &e.column, value: &e.value };
    rejects.examples.iter().map(object).collect()
}

fn input_object(input: &InputReport) -> InputObject<'_> {
    let reasons = input.rejects.iter().map(|(reason, rejects)| ReasonObject {
        reason: reason.to_string(),
        count: rejects.count,
        examples: examples(rejects, None),
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
