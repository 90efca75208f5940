//! What can be typed. What it means is settled by the commands.

use std::num::NonZeroUsize;

use anyhow::{anyhow, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tenure_analysis::{Scale, SurveyKind};
use tenure_ingest::{Attributes, Mapping, PresetChoice, RejectLimit, Source, table_misfit};
use tenure_model::{Period, Table, Zone, column};

use crate::commands::{
    at_risk::AtRiskArgs, calc::CalcArgs, cancellations::CancellationsArgs, check::CheckArgs, compact::CompactArgs,
    compare::CompareArgs, completions::CompletionsArgs, demo::DemoArgs, export::ExportArgs, forget::ForgetArgs,
    generate::GenerateArgs, ingest::IngestArgs, inspect::InspectArgs, lifecycle::LifecycleArgs, man::ManArgs,
    members::MembersArgs, metrics::MetricsArgs, report::ReportArgs, retention::RetentionArgs, revenue::RevenueArgs, run::RunArgs,
    stickiness::StickinessArgs, survey::SurveyArgs,
};

/// Who stays, who leaves, when, and what they are worth: cohort analytics on columnar data.
#[derive(Debug, Parser)]
#[command(name = "tenure", version, propagate_version = true, max_term_width = 110, disable_help_subcommand = true)]
#[command(
    after_help = "Start with:  tenure demo\nYour data:   tenure retention orders.csv\n             tenure ingest orders.csv --into history && tenure retention history"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print results and errors only: no notes, no progress
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Use colours
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// Use so many threads (default: one for each core)
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read exports into a history
    Ingest(IngestArgs),
    /// Fold the segments of a history into one
    Compact(CompactArgs),
    /// Erase customers everywhere in a history
    Forget(ForgetArgs),
    /// Say what a history or an export holds
    Inspect(InspectArgs),
    /// Cohorts and who of them came back
    Retention(Box<RetentionArgs>),
    /// Who is in a cell of a retention table
    Members(Box<MembersArgs>),
    /// Two sides of a question: difference, interval, test
    Compare(Box<CompareArgs>),
    /// Many queries in one pass over the data
    Run(RunArgs),
    /// Churn, retention, purchases, lifetime value, MRR by period
    Metrics(Box<MetricsArgs>),
    /// New, returning, resurrected and dormant customers by period
    Lifecycle(Box<LifecycleArgs>),
    /// Customers by the number of days in which they were active
    Stickiness(Box<StickinessArgs>),
    /// Movements of monthly recurring revenue by period
    Revenue(Box<RevenueArgs>),
    /// NPS, CSAT, CES and stated returns by period
    Survey(Box<SurveyArgs>),
    /// Why customers left: reasons, the revenue lost, how long they had stayed
    Cancellations(Box<CancellationsArgs>),
    /// Customers to act on: silent for longer than they should be
    AtRisk(Box<AtRiskArgs>),
    /// Whether goals are reached, and for whom rules hold
    Check(Box<CheckArgs>),
    /// One page with everything a history can tell
    Report(Box<ReportArgs>),
    /// A star schema in Parquet for BI tools, with its dictionary
    Export(Box<ExportArgs>),
    /// The hand formulas, from typed numbers
    Calc(CalcArgs),
    /// Write a synthetic business whose true retention is known
    Generate(GenerateArgs),
    /// Generate a business, ingest it, show its retention
    Demo(DemoArgs),
    /// What a shell needs to complete commands and flags
    Completions(CompletionsArgs),
    /// The manual, as pages for man
    Man(ManArgs),
}

/// Which columns of an export mean what.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What the columns of an export mean")]
pub(crate) struct MappingArgs {
    /// What exporter the columns are those of: auto (recognised by the header; the default), generic (told by their names),
    /// a file of one's own, or shopify-orders, shopify-customers, woocommerce-orders, stripe-customers, stripe-subscriptions,
    /// stripe-charges, stripe-payments, stripe-invoices, stripe-balance, stripe-api, segment, mixpanel, amplitude, posthog,
    /// ga4, typeform, google-forms, surveymonkey, delighted, chargebee-cancellations, cancellations
    #[arg(long, value_name = "NAME|FILE.toml", value_parser = PresetChoice::parse)]
    preset: Option<PresetChoice>,
    /// The table that the rows are for: activity, customers, subscriptions, surveys or cancellations (default: activity,
    /// or the preset's)
    #[arg(long, value_name = "TABLE")]
    table: Option<Table>,
    /// The column with the customer's id (default: detected)
    #[arg(long, value_name = "COL")]
    customer: Option<String>,
    /// The column with the row's key: a later row of the same key replaces the earlier one
    #[arg(long, value_name = "COL")]
    id: Option<String>,
    /// The column with the time of the activity, the answer or the cancellation (default: detected), or one date for all rows
    #[arg(long, value_name = "COL|DATE")]
    time: Option<String>,
    /// The column with the event's name (default: one called event, event_name, …)
    #[arg(long, value_name = "COL", conflicts_with = "event_name")]
    event: Option<String>,
    /// The same event name for every row (default without an event column: activity)
    #[arg(long, value_name = "NAME")]
    event_name: Option<String>,
    /// The amount: a column or a SQL expression, such as 'quantity * price'
    #[arg(long, value_name = "COL|EXPR")]
    value: Option<String>,
    /// The currency of amounts: a column or a code such as EUR
    #[arg(long, value_name = "COL|CODE")]
    currency: Option<String>,
    /// Subscriptions: the column with the start (default: detected)
    #[arg(long, value_name = "COL|DATE")]
    start: Option<String>,
    /// Subscriptions: the column with the end, the first day not paid for; or a date
    #[arg(long, value_name = "COL|DATE")]
    end: Option<String>,
    /// Subscriptions: the column with the plan
    #[arg(long, value_name = "COL")]
    plan: Option<String>,
    /// Subscriptions: the price of one unit for one interval
    #[arg(long, value_name = "COL|EXPR")]
    amount: Option<String>,
    /// Subscriptions: how often they are paid: a column or a period such as month
    #[arg(long, value_name = "COL|PERIOD")]
    interval: Option<String>,
    /// Subscriptions: the column with the number of units
    #[arg(long, value_name = "COL")]
    quantity: Option<String>,
    /// Subscriptions: the column with the end of the trial
    #[arg(long, value_name = "COL|DATE")]
    trial_end: Option<String>,
    /// Customers: the column with the date of the sign-up (default: detected)
    #[arg(long, value_name = "COL|DATE")]
    signed_up: Option<String>,
    /// Surveys: the column with the answer's score (default: detected)
    #[arg(long, value_name = "COL")]
    score: Option<String>,
    /// Surveys: what is asked: nps, csat, ces or returned, or a column that says it
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Surveys: the least and the most of the scale, such as 1-5
    #[arg(long, value_name = "SCALE")]
    scale: Option<String>,
    /// Surveys and cancellations: the column with free text
    #[arg(long, value_name = "COL")]
    comment: Option<String>,
    /// Surveys: the column with the answer's weight in the sample
    #[arg(long, value_name = "COL")]
    weight: Option<String>,
    /// Surveys: how many were asked, for the response rate
    #[arg(long, value_name = "N")]
    sent: Option<u64>,
    /// Cancellations: the column with the reason
    #[arg(long, value_name = "COL")]
    reason: Option<String>,
    /// Read only rows for which a SQL condition holds; the others are counted as filtered
    #[arg(long = "where", value_name = "EXPR")]
    filter: Option<String>,
    /// Keep these columns as attributes
    #[arg(long, value_name = "COL", num_args = 1..)]
    attribute: Vec<String>,
    /// Keep all other columns as attributes
    #[arg(long, conflicts_with = "attribute")]
    all_attributes: bool,
    /// How times are written, where not ISO 8601: %d.%m.%Y %H:%M
    #[arg(long, value_name = "FMT")]
    time_format: Option<String>,
    /// The zone of times that name none (default: the home zone)
    #[arg(long, value_name = "TZ", value_parser = Zone::named)]
    source_zone: Option<Zone>,
    /// The sheet of a workbook (default: the first that is not empty)
    #[arg(long, value_name = "NAME")]
    pub(crate) sheet: Option<String>,
    /// The decimals of numbers stand behind a comma: 1.234,50
    #[arg(long)]
    decimal_comma: bool,
    /// The zone of the history's day column, fixed when it is created (default: UTC)
    #[arg(long, value_name = "TZ", value_parser = Zone::named)]
    pub(crate) home_zone: Option<Zone>,
    /// Go on without up to so many rows, or such a share of them, that can't be read (default: 0)
    #[arg(long, value_name = "N|P%")]
    pub(crate) max_rejects: Option<RejectLimit>,
}

impl MappingArgs {
    /// Takes the kind and the scale of a survey out: asked of a history, they say which answers count and how.
    pub(crate) fn take_survey(&mut self) -> anyhow::Result<(Option<SurveyKind>, Option<Scale>)> {
        let kind = self.kind.take().map(|text| text.parse::<SurveyKind>().map_err(|error| anyhow!("--kind: {error}")));
        let scale = self.scale.take().map(|text| text.parse::<Scale>().map_err(|error| anyhow!("--scale: {error}")));
        Ok((kind.transpose()?, scale.transpose()?))
    }

    /// Takes the interval out: of charges it says what each pays for.
    pub(crate) fn take_interval(&mut self) -> anyhow::Result<Option<Period>> {
        let interval = self.interval.take().map(|text| text.parse::<Period>().map_err(|error| anyhow!("--interval: {error}")));
        interval.transpose()
    }

    /// The first flag that was given, if any.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let columns = self.columns();
        let column = |name: &str| columns.iter().any(|(column, source)| *column == name && source.is_some());
        [
            (self.preset.is_some(), "--preset"),
            (self.table.is_some(), "--table"),
            (self.customer.is_some(), "--customer"),
            (self.id.is_some(), "--id"),
            (column(column::TIME), "--time"),
            (self.event.is_some(), "--event"),
            (self.event_name.is_some(), "--event-name"),
            (column(column::VALUE), "--value"),
            (column(column::CURRENCY), "--currency"),
            (column(column::START), "--start"),
            (column(column::END), "--end"),
            (column(column::PLAN), "--plan"),
            (column(column::AMOUNT), "--amount"),
            (column(column::INTERVAL), "--interval"),
            (column(column::QUANTITY), "--quantity"),
            (column(column::TRIAL_END), "--trial-end"),
            (column(column::SIGNED_UP), "--signed-up"),
            (column(column::SCORE), "--score"),
            (column(column::KIND), "--kind"),
            (column(column::SCALE), "--scale"),
            (column(column::COMMENT), "--comment"),
            (column(column::WEIGHT), "--weight"),
            (self.sent.is_some(), "--sent"),
            (column(column::REASON), "--reason"),
            (self.filter.is_some(), "--where"),
            (!self.attribute.is_empty(), "--attribute"),
            (self.all_attributes, "--all-attributes"),
            (self.time_format.is_some(), "--time-format"),
            (self.source_zone.is_some(), "--source-zone"),
            (self.sheet.is_some(), "--sheet"),
            (self.decimal_comma, "--decimal-comma"),
            (self.home_zone.is_some(), "--home-zone"),
            (self.max_rejects.is_some(), "--max-rejects"),
        ]
        .into_iter()
        .find_map(|(given, flag)| given.then_some(flag))
    }

    /// How an export is told what its columns mean.
    ///
    /// # Errors
    ///
    /// Where flags do not belong to the table, as far as it is known before an export is opened.
    pub(crate) fn preset(&self) -> anyhow::Result<PresetChoice> {
        let choice = match (&self.preset, self.table) {
            (None | Some(PresetChoice::Auto), Some(table)) => PresetChoice::AutoFor(table),
            (None, None) => PresetChoice::Auto,
            (Some(choice), _) => choice.clone(),
        };
        let table = match &choice {
            PresetChoice::Named(preset) => Some(preset.table()),
            PresetChoice::Generic => Some(self.table.unwrap_or(Table::Activity)),
            PresetChoice::Auto | PresetChoice::AutoFor(_) => self.table,
        };
        if let (PresetChoice::Named(preset), Some(wanted), Some(table)) = (&choice, self.table, table)
            && wanted != table
        {
            bail!("the preset {} is for the table {}, and --table says {}", preset.name(), table.name(), wanted.name());
        }
        if let Some(table) = table {
            let given = self.columns().into_iter().filter_map(|(name, source)| source.map(|_| name));
            if let Some(misfit) = table_misfit(given, table) {
                bail!("{misfit}");
            }
            if self.sent.is_some() && table != Table::Surveys {
                bail!("--sent belongs to the table surveys, and the rows are for {} (choose with --table surveys)", table.name());
            }
        }
        Ok(choice)
    }

    /// How many were asked in a survey.
    pub(crate) fn sent(&self) -> Option<u64> {
        self.sent
    }

    /// The columns of the history's tables that flags give a source.
    fn columns(&self) -> [(&'static str, Option<Source>); 18] {
        let given = |text: &Option<String>| text.clone().map(Source::Given);
        [
            (column::TIME, given(&self.time)),
            (column::EVENT, given(&self.event).or(self.event_name.clone().map(Source::Constant))),
            (column::VALUE, given(&self.value)),
            (column::CURRENCY, given(&self.currency)),
            (column::START, given(&self.start)),
            (column::END, given(&self.end)),
            (column::PLAN, given(&self.plan)),
            (column::AMOUNT, given(&self.amount)),
            (column::INTERVAL, given(&self.interval)),
            (column::QUANTITY, given(&self.quantity)),
            (column::TRIAL_END, given(&self.trial_end)),
            (column::SIGNED_UP, given(&self.signed_up)),
            (column::SCORE, given(&self.score)),
            (column::KIND, given(&self.kind)),
            (column::SCALE, given(&self.scale)),
            (column::COMMENT, given(&self.comment)),
            (column::WEIGHT, given(&self.weight)),
            (column::REASON, given(&self.reason)),
        ]
    }

    /// What the flags mean.
    pub(crate) fn mapping(&self) -> Mapping {
        Mapping {
            table: self.table.unwrap_or(Table::Activity),
            customer: self.customer.clone().map(Source::Given),
            columns: self.columns().into_iter().filter_map(|(name, source)| Some((name, source?))).collect(),
            key: self.id.iter().cloned().collect(),
            attributes: if self.all_attributes { Attributes::All } else { Attributes::Named(self.attribute.clone()) },
            filter: self.filter.clone(),
            time_format: self.time_format.clone(),
            source_zone: self.source_zone.clone(),
            decimal_comma: self.decimal_comma,
            ..Mapping::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        mapping: MappingArgs,
    }

    fn typed(args: &[&str]) -> MappingArgs {
        Typed::try_parse_from(std::iter::once(&"tenure").chain(args)).unwrap().mapping
    }

    #[test]
    fn flags_become_columns_of_their_table() {
        let args = typed(&["--table", "subscriptions", "--start", "s", "--amount", "p * q", "--id", "k", "--decimal-comma"]);
        let mapping = args.mapping();
        assert_eq!(mapping.table, Table::Subscriptions);
        assert_eq!(mapping.columns[column::AMOUNT], Source::Given("p * q".into()));
        assert_eq!((mapping.key, mapping.decimal_comma), (vec!["k".to_owned()], true));
        assert!(matches!(args.preset().unwrap(), PresetChoice::AutoFor(Table::Subscriptions)));
        assert_eq!(args.first_given(), Some("--table"));
        assert!(matches!(typed(&[]).preset().unwrap(), PresetChoice::Auto));
        assert_eq!(typed(&["--reason", "r"]).first_given(), Some("--reason"));
    }

    #[test]
    fn no_two_flags_of_a_command_share_a_value() {
        use clap::CommandFactory;
        let command = Cli::command();
        for verb in command.get_subcommands() {
            let mut ids: Vec<&str> = verb.get_arguments().map(|arg| arg.get_id().as_str()).collect();
            ids.sort_unstable();
            let all = ids.len();
            ids.dedup();
            assert_eq!(ids.len(), all, "{}", verb.get_name());
        }
    }

    #[test]
    fn flags_of_another_table_are_errors() {
        let error = |args: &[&str]| typed(args).preset().unwrap_err().to_string();
        assert_eq!(
            error(&["--table", "customers", "--score", "s"]),
            "--score belongs to the table surveys, and the rows are for customers (choose with --table surveys)"
        );
        assert_eq!(
            error(&["--preset", "ga4", "--table", "surveys"]),
            "the preset ga4 is for the table activity, and --table says surveys"
        );
        assert!(error(&["--preset", "generic", "--sent", "5"]).starts_with("--sent belongs to the table surveys"));
        assert!(typed(&["--score", "s"]).preset().is_ok(), "the table is not known yet");
    }

    #[test]
    fn an_unknown_preset_names_the_near_ones() {
        let error = Typed::try_parse_from(["tenure", "--preset", "shopify"]).unwrap_err().to_string();
        assert!(error.contains("no preset \"shopify\"; did you mean shopify-"), "{error}");
    }
}
