use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use tenure_analysis::{
    Fact, FactsQuery, Measure, MetricsQuery, Numbers, Personal, RetentionQuery, RevenueQuery, Scope, facts, metrics,
    personal_columns, retentions, revenue,
};
use tenure_history::History;
use tenure_model::{Granularity, Period, Table, Zone, column, grouped};
use tenure_report::{
    Align, Dictionary, Export, Partition, Segments, StarTable, StarWriter, TableEntry, TextTable, WrittenStar, bytes_text,
    date_rows, metric_facts, mrr_facts, retention_facts,
};

use crate::Status;
use crate::args::MappingArgs;
use crate::export::{Kept, Place, Pseudonyms, file_entry};
use crate::input::{Opened, Wanted, open_any};
use crate::output::write_stdout;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure export history --to bi
  tenure export history --to bi-months --partition month --zone Europe/Berlin
  tenure export history --to bi --incremental

With ids replaced, the key in the environment:
  export TENURE_PSEUDONYM_KEY=\"$(openssl rand -hex 32)\"
  tenure export history --to bi-shared --pseudonymise";

/// A star schema in Parquet for BI tools: dimensions, facts and their dictionary, replaced in one step.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArgs {
    /// A history, or an export of one: a file, a glob or - for standard input
    input: PathBuf,
    /// The folder of the export, which is its alone
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Leave files as they are whose content has not changed
    #[arg(long)]
    incremental: bool,
    /// Part facts into a file for each month
    #[arg(long, value_enum, value_name = "PERIOD")]
    partition: Option<PartitionArg>,
    /// Replace ids by hashes keyed with TENURE_PSEUDONYM_KEY; leave out columns that tell who a customer is
    #[arg(long)]
    pseudonymise: bool,
    /// The periods of cohorts and figures: day, week, month, quarter, half-year or year
    #[arg(long, value_name = "PERIOD", default_value = "month", help_heading = "Query")]
    cohort: Period,
    /// Part customers by the values of a column
    #[arg(long, value_name = "COL", help_heading = "Query")]
    by: Option<String>,
    /// The zone of local days, an IANA name (default: the history's home zone)
    #[arg(long, value_name = "TZ", value_parser = Zone::named, help_heading = "Query")]
    zone: Option<Zone>,
    #[command(flatten)]
    mapping: MappingArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PartitionArg {
    /// A file for each month
    Month,
}

pub(crate) fn run(args: &ExportArgs, term: &Term) -> anyhow::Result<Status> {
    if !matches!(args.cohort, Period::One(period) if period != Granularity::Hour) {
        bail!("--cohort {}: expected day, week, month, quarter, half-year or year", args.cohort);
    }
    let pseudonyms = if args.pseudonymise { Some(Pseudonyms::from_environment()?) } else { None };
    let place = Place::open(&args.to, &args.input)?;
    let by = args.by.as_ref().map(|name| name.trim().to_owned());
    let wanted = Wanted { columns: by.iter().map(|name| (name.clone(), "--by")).collect(), plain: false };
    let Opened::History(history) = open_any(&args.input, &args.mapping, &wanted, term)? else { return Ok(Status::LimitCrossed) };
    let star = Star { args, history: &history, by, pseudonyms };
    let left_out = if star.pseudonyms.is_some() { personal_columns(&history)? } else { Vec::new() };
    let mut export = star.export(&left_out);
    if args.incremental && place.is_up_to_date(&export) {
        term.note(&format!("{} is up to date", args.to.display()));
        return Ok(Status::Done);
    }
    for column in &left_out {
        term.note(&format!("left out: {} of {} ({})", column.name, column.table.name(), column.why));
    }
    let (tables, kept) = star.write(&place, &left_out, &mut export)?;
    export.notes.iter().for_each(|note| term.note(note));
    let dictionary = Dictionary { export, tables };
    place.finish(&dictionary)?;
    write_stdout(summary(&dictionary, &kept).render().as_bytes())?;
    Ok(Status::Done)
}

fn summary(dictionary: &Dictionary, kept: &[Kept]) -> TextTable {
    let right = Align::Right;
    let mut table =
        TextTable::new(&[("table", Align::Left), ("rows", right), ("files", right), ("written", right), ("bytes", right)]);
    for (entry, kept) in dictionary.tables.iter().zip(kept) {
        let bytes: u64 = entry.files.iter().map(|file| file.bytes).sum();
        let files = entry.files.len() as u64;
        table.row(vec![entry.name.clone(), grouped(entry.rows), grouped(files), grouped(files - kept.0), bytes_text(bytes)]);
    }
    table
}

/// Batches of rows that wait to be written.
const READ_AHEAD: usize = 2;

fn table_of(fact: Fact) -> StarTable {
    match fact {
        Fact::Customer => StarTable::DimCustomer,
        Fact::Activity => StarTable::FactActivity,
        Fact::Survey => StarTable::FactSurvey,
        Fact::Cancellation => StarTable::FactCancellation,
    }
}

struct Star<'a> {
    args: &'a ExportArgs,
    history: &'a History,
    by: Option<String>,
    pseudonyms: Option<Pseudonyms>,
}

impl Star<'_> {
    fn export(&self, left_out: &[Personal]) -> Export {
        let zone = self.args.zone.as_ref().unwrap_or_else(|| self.history.home_zone());
        let told = |column: &Personal| (column.table.name().to_owned(), column.name.clone(), column.why.to_string());
        Export {
            tenure: env!("CARGO_PKG_VERSION").to_owned(),
            content: self.history.content().to_string(),
            cohort: self.args.cohort.to_string(),
            by: self.by.clone(),
            zone: zone.name().to_owned(),
            partition: self.args.partition.map(|PartitionArg::Month| "month".to_owned()),
            pseudonymised: self.pseudonyms.is_some(),
            until: self.history.window().until.map(|until| until.to_string()),
            left_out: left_out.iter().map(told).collect(),
            notes: Vec::new(),
        }
    }

    /// Writes every table, and says of each how many of its files were kept as they are.
    fn write(&self, place: &Place, left_out: &[Personal], export: &mut Export) -> anyhow::Result<(Vec<TableEntry>, Vec<Kept>)> {
        let partition = if self.args.partition.is_some() { Partition::Month } else { Partition::None };
        let mut open = |path: &Path| place.create(path);
        let mut writer = StarWriter::new(partition, &mut open);
        self.rows(&mut writer, left_out)?;
        let mut segments = Segments::default();
        segments.key(None, None);
        self.figures(&mut writer, &mut segments, &mut export.notes)?;
        writer.write(StarTable::DimSegment, &segments.rows()?)?;
        let days = date_rows(writer.days())?;
        writer.write(StarTable::DimDate, &days)?;
        let WrittenStar { files: written, schemas } = writer.finish()?;
        let mut files: BTreeMap<StarTable, Vec<_>> = BTreeMap::new();
        let mut kept: BTreeMap<StarTable, u64> = BTreeMap::new();
        for written in written {
            let table = written.table;
            let entry = file_entry(written)?;
            let is_kept = self.args.incremental && place.keep(&entry)?;
            *kept.entry(table).or_default() += u64::from(is_kept);
            files.entry(table).or_default().push(entry);
        }
        let tables =
            schemas.iter().map(|(table, schema)| TableEntry::new(*table, schema, files.remove(table).unwrap_or_default()));
        let kept = schemas.keys().map(|table| Kept(kept.get(table).copied().unwrap_or_default())).collect();
        Ok((tables.collect(), kept))
    }

    /// Customers and what they did, answered, and said when they left.
    fn rows<W: std::io::Write + Send>(&self, writer: &mut StarWriter<'_, W>, left_out: &[Personal]) -> anyhow::Result<()> {
        let id = |id: &str| self.pseudonyms.as_ref().map_or_else(|| id.to_owned(), |pseudonyms| pseudonyms.of(id));
        let (cohort, by, zone) = (self.args.cohort, self.by.clone(), self.args.zone.clone());
        let numbers = if self.pseudonyms.is_some() { Numbers::Shown } else { Numbers::History };
        let query = FactsQuery { cohort, by, zone, id: &id, numbers, left_out };
        let history = self.history;
        // One thread reads ahead while the other writes.
        std::thread::scope(|scope| {
            let (hand, batches) = sync_channel(READ_AHEAD);
            let reader = scope.spawn(move || {
                facts::<anyhow::Error>(history, &query, &mut |fact, rows| {
                    // Why nobody takes them the writer says.
                    hand.send((fact, rows)).map_err(|_| anyhow!("the rows were not written"))
                })
            });
            let written = batches.iter().try_for_each(|(fact, rows)| writer.write(table_of(fact), &rows));
            drop(batches);
            let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written?;
            read
        })
    }

    /// What is computed of them.
    fn figures<W: std::io::Write + Send>(
        &self,
        writer: &mut StarWriter<'_, W>,
        segments: &mut Segments,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        let scale = self.history.value_scale();
        let zone = self.args.zone.clone();
        let whole = RetentionQuery { cohort: self.args.cohort, measure: Measure::Value, zone, ..RetentionQuery::default() };
        let parts = self.by.iter().map(|by| RetentionQuery { by: vec![by.clone()], ..whole.clone() });
        let queries: Vec<RetentionQuery> = std::iter::once(whole.clone()).chain(parts).collect();
        let matrices = if self.history.rows() > 0 { retentions(self.history, &queries)? } else { Vec::new() };
        writer.write(StarTable::FactRetention, &retention_facts(&matrices, scale, segments)?)?;
        let scope = |by: Option<&String>| Scope {
            period: self.args.cohort,
            zone: self.args.zone.clone(),
            by: by.cloned(),
            ..Scope::default()
        };
        let paid = self.history.rows_of(Table::Subscriptions);
        let by = self.by.as_ref().filter(|by| paid == 0 || self.parts_subscriptions(by));
        if let (Some(asked), None) = (&self.by, by) {
            notes.push(format!(
                "fact_mrr and fact_metric have no segments: \"{asked}\" is no column of names of subscriptions or customers"
            ));
        }
        let revenue = match paid {
            0 => None,
            _ => Some(revenue(self.history, &RevenueQuery { scope: scope(by), ..RevenueQuery::default() })?),
        };
        writer.write(StarTable::FactMrr, &mrr_facts(revenue.as_ref(), segments)?)?;
        let found = metrics(self.history, &MetricsQuery { scope: scope(by), ..MetricsQuery::default() })?;
        notes.extend(found.notes.iter().cloned());
        writer.write(StarTable::FactMetric, &metric_facts(&found, scale, segments)?)?;
        Ok(())
    }

    /// Whether subscriptions or their customers have the column.
    fn parts_subscriptions(&self, by: &str) -> bool {
        let attributes = [Table::Subscriptions, Table::Customers].map(|table| self.history.attributes_of(table));
        [column::PLAN, column::INTERVAL].contains(&by) || attributes.iter().flatten().any(|name| name == by)
    }
}
