use std::path::PathBuf;

use clap::Args;
use tenure_analysis::{AtRiskQuery, DEFAULT_QUANTILE, Risk, Scope, at_risk};
use tenure_model::{TimePoint, Zone};
use tenure_report::at_risk_sheet;

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_for};
use crate::output::OutputArgs;
use crate::scope::{FilterArgs, days};
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure at-risk history --lost-after 365d --top 20
  tenure at-risk history --inactive-for 90d -o silent.csv
  tenure at-risk events.csv --overdue --quantile 0.8 --filter \"event = 'purchase'\" --value amount";

/// Customers to act on: silent for longer than they should be, with what is at stake and why.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AtRiskArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    /// Who was not active on any of the last so many days, such as 90d or 12w
    #[arg(long, value_name = "DAYS", value_parser = days, conflicts_with_all = ["overdue", "quantile"], help_heading = "Query")]
    inactive_for: Option<u32>,
    /// Who is silent for longer than it is usual for them, by the gaps between their active days (the default)
    #[arg(long, help_heading = "Query")]
    overdue: bool,
    /// Which quantile of gaps a silence is held against
    #[arg(long, value_name = "SHARE", default_value_t = DEFAULT_QUANTILE, help_heading = "Query")]
    quantile: f64,
    /// Leave those out who are silent for longer than this: they have left
    #[arg(long, value_name = "DAYS", value_parser = days, help_heading = "Query")]
    lost_after: Option<u32>,
    /// At most so many customers of each currency, those with the most at stake
    #[arg(long, value_name = "N", help_heading = "Query")]
    top: Option<usize>,
    /// The column of the customers table with e-mail addresses (default: the one called so)
    #[arg(long, value_name = "COL", help_heading = "Query")]
    email: Option<String>,
    /// The end of the observation window; rows at or after it are ignored (default: the history's)
    #[arg(long, value_name = "DATE|INSTANT", help_heading = "Query")]
    as_of: Option<TimePoint>,
    /// The zone of local days, an IANA name (default: the history's home zone)
    #[arg(long, value_name = "TZ", value_parser = Zone::named, help_heading = "Query")]
    zone: Option<Zone>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

pub(crate) fn run(args: &AtRiskArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    args.output.check_input(&args.input)?;
    let wanted = Wanted { columns: args.filter.asked_columns(), plain: false };
    let Opened::History(history) = open_for(&args.input, &args.mapping, &wanted, term)? else {
        return Ok(Status::LimitCrossed);
    };
    let query = AtRiskQuery {
        scope: Scope { as_of: args.as_of, zone: args.zone.clone(), filter: args.filter.only.clone(), ..Scope::default() },
        risk: args.inactive_for.map_or(Risk::Overdue(args.quantile), Risk::InactiveFor),
        lost_after: args.lost_after,
        top: args.top,
        email: args.email.clone(),
    };
    let found = at_risk(&history, &query)?;
    args.output.write_sheet(&at_risk_sheet(&found), format, term)?;
    Ok(Status::Done)
}
