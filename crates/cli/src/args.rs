//! What can be typed. What it means is settled by the commands.

use std::num::NonZeroUsize;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tenure_ingest::{Attributes, Mapping, RejectLimit, Source};
use tenure_model::Zone;

use crate::commands::{
    demo::DemoArgs, generate::GenerateArgs, ingest::IngestArgs, inspect::InspectArgs, retention::RetentionArgs,
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
    /// Say what a history or an export holds
    Inspect(InspectArgs),
    /// Cohorts and who of them came back
    Retention(RetentionArgs),
    /// Write a synthetic business whose true retention is known
    Generate(GenerateArgs),
    /// Generate a business, ingest it, show its retention
    Demo(DemoArgs),
}

/// Which columns of an export mean what.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What the columns of an export mean")]
pub(crate) struct MappingArgs {
    /// The column with the customer's id (default: detected)
    #[arg(long, value_name = "COL")]
    customer: Option<String>,
    /// The column with the time of the activity (default: detected)
    #[arg(long, value_name = "COL")]
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
    /// The zone of the history's day column, fixed when it is created (default: UTC)
    #[arg(long, value_name = "TZ", value_parser = Zone::named)]
    pub(crate) home_zone: Option<Zone>,
    /// Go on without up to so many rows, or such a share of them, that can't be read (default: 0)
    #[arg(long, value_name = "N|P%")]
    pub(crate) max_rejects: Option<RejectLimit>,
}

impl MappingArgs {
    /// The first flag that was given, if any.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        [
            (self.customer.is_some(), "--customer"),
            (self.time.is_some(), "--time"),
            (self.event.is_some(), "--event"),
            (self.event_name.is_some(), "--event-name"),
            (self.value.is_some(), "--value"),
            (self.currency.is_some(), "--currency"),
            (self.filter.is_some(), "--where"),
            (!self.attribute.is_empty(), "--attribute"),
            (self.all_attributes, "--all-attributes"),
            (self.time_format.is_some(), "--time-format"),
            (self.source_zone.is_some(), "--source-zone"),
            (self.home_zone.is_some(), "--home-zone"),
            (self.max_rejects.is_some(), "--max-rejects"),
        ]
        .into_iter()
        .find_map(|(given, flag)| given.then_some(flag))
    }

    /// What the flags mean.
    pub(crate) fn mapping(&self) -> Mapping {
        let given = |text: &String| Source::Given(text.clone());
        let mut columns = std::collections::BTreeMap::new();
        let sources = [
            ("time", self.time.as_ref().map(given)),
            ("event", self.event.as_ref().map(given).or(self.event_name.clone().map(Source::Constant))),
            ("value", self.value.as_ref().map(given)),
            ("currency", self.currency.as_ref().map(given)),
        ];
        for (name, source) in sources {
            columns.extend(source.map(|source| (name, source)));
        }
        Mapping {
            customer: self.customer.as_ref().map(given),
            columns,
            attributes: if self.all_attributes { Attributes::All } else { Attributes::Named(self.attribute.clone()) },
            filter: self.filter.clone(),
            time_format: self.time_format.clone(),
            source_zone: self.source_zone.clone(),
            ..Mapping::default()
        }
    }
}
