use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use tenure_analysis::{Metric, MetricsQuery, metric_named, metrics};
use tenure_model::Decimal;
use tenure_report::{Format, catalog_sheet, catalog_text, metrics_sheet, metrics_text};

use crate::Status;
use crate::args::MappingArgs;
use crate::commands::calc::share;
use crate::industries::benchmarks_of;
use crate::input::{Opened, Wanted, open_any};
use crate::output::OutputArgs;
use crate::scope::{FilterArgs, LevelArgs, ScopeArgs, days};
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure metrics history
  tenure metrics history --metric churn_rate --metric customer_retention_rate --active-within 90d --period quarter
  tenure metrics events.csv --by country --filter \"event = 'purchase'\" -o metrics.csv
  tenure metrics --list";

/// Churn, retention, purchases, lifetime value, MRR by period: whatever the history can answer.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MetricsArgs {
    /// A history, or an export: a file, a glob or - for standard input
    #[arg(required_unless_present = "list")]
    input: Option<PathBuf>,
    /// Say what the metrics are, with formulas and worked examples
    #[arg(long)]
    list: bool,
    /// Only this metric; may be repeated (default: all that the history can answer)
    #[arg(long, value_name = "NAME", help_heading = "Query")]
    metric: Vec<String>,
    /// For how long activity makes a customer, such as 90d or 12w (default: customers are those with a subscription)
    #[arg(long, value_name = "DAYS", value_parser = days, help_heading = "Query")]
    active_within: Option<u32>,
    /// The gross margin, such as 0.6 or 60%
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Query")]
    margin: Option<Decimal>,
    /// What it costs to win a customer
    #[arg(long, value_name = "AMOUNT", help_heading = "Query")]
    cac: Option<Decimal>,
    /// Show the reference values of an industry: goods-and-services, it-and-media, renewals, or one of --industries
    #[arg(long, value_name = "NAME", help_heading = "Query")]
    industry: Option<String>,
    /// A TOML file of reference values (default: industries.toml in the history, else those that come with tenure)
    #[arg(long, value_name = "FILE", requires = "industry", help_heading = "Query")]
    industries: Option<PathBuf>,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    level: LevelArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

pub(crate) fn run(args: &MetricsArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    if args.list {
        let bytes = if format == Format::Table {
            catalog_text(args.output.width(term)).into_bytes()
        } else {
            catalog_sheet().render(format)?
        };
        args.output.write(&bytes, format, term)?;
        return Ok(Status::Done);
    }
    let input = args.input.as_ref().ok_or_else(|| anyhow!("no input"))?;
    args.output.check_input(input)?;
    let mut query = MetricsQuery {
        scope: args.scope.resolve(&args.filter),
        metrics: args.metric.iter().map(|name| metric_named(name)).collect::<Result<Vec<&'static Metric>, _>>()?,
        active_within: args.active_within,
        margin: args.margin,
        cac: args.cac,
        benchmarks: match &args.industry {
            Some(industry) => benchmarks_of(industry, args.industries.as_deref(), input)?,
            None => Vec::new(),
        },
    };
    query.scope.level = args.level.level;
    let wanted = Wanted { columns: args.scope.asked_columns(&args.filter), plain: false };
    let Opened::History(history) = open_any(input, &args.mapping, &wanted, term)? else { return Ok(Status::LimitCrossed) };
    let found = metrics(&history, &query)?;
    if format == Format::Table {
        args.output.write(metrics_text(&found, args.output.width(term)).as_bytes(), format, term)?;
    } else {
        args.output.write_sheet(&metrics_sheet(&found), format, term)?;
    }
    Ok(Status::Done)
}
