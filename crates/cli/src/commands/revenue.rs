use std::path::PathBuf;

use clap::Args;
use tenure_analysis::{RevenueQuery, revenue};
use tenure_report::revenue_sheet;

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_any};
use crate::output::OutputArgs;
use crate::query::read_rates;
use crate::scope::{FilterArgs, ScopeArgs};
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure revenue history
  tenure revenue history --by plan --period quarter
  tenure revenue subscriptions.csv --table subscriptions --as-of 2022-10-01 -o movements.csv";

/// Movements of monthly recurring revenue: new, expansion, contraction, churn, and what is retained of it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RevenueArgs {
    /// A history, or an export of subscriptions: a file, a glob or - for standard input
    input: PathBuf,
    /// Convert amounts: a CSV file with date, currency, rate
    #[arg(long, value_name = "FILE", help_heading = "Query")]
    rates: Option<PathBuf>,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

pub(crate) fn run(args: &RevenueArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    args.output.check_input(&args.input)?;
    let none = FilterArgs::default();
    let query = RevenueQuery { scope: args.scope.resolve(&none), rates: args.rates.as_deref().map(read_rates).transpose()? };
    let wanted = Wanted { columns: args.scope.asked_columns(&none), plain: false };
    let Opened::History(history) = open_any(&args.input, &args.mapping, &wanted, term)? else {
        return Ok(Status::LimitCrossed);
    };
    let found = revenue(&history, &query)?;
    args.output.write_sheet(&revenue_sheet(&found), format, term)?;
    Ok(Status::Done)
}
