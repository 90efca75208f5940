use std::path::PathBuf;

use clap::Args;
use tenure_analysis::{Charges, DEFAULT_GRACE, RevenueQuery, revenue};
use tenure_model::{Granularity, Period};
use tenure_report::revenue_sheet;

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_any};
use crate::output::OutputArgs;
use crate::query::read_rates;
use crate::scope::{FilterArgs, ScopeArgs, days_or_none};
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure revenue history
  tenure revenue history --by plan --period quarter
  tenure revenue events.csv --charges \"event = 'purchase'\" --interval month --value amount
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
    /// Which activity is charged again and again, where there are no subscriptions; with --interval for what each pays for
    /// (default month)
    #[arg(long, value_name = "EXPR", help_heading = "Query")]
    charges: Option<String>,
    /// How late a charge may be and still continue the one before, such as 7d (the default)
    #[arg(long, value_name = "DAYS", value_parser = days_or_none, requires = "charges", help_heading = "Query")]
    grace: Option<u32>,
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
    let mut mapping = args.mapping.clone();
    let charges = match &args.charges {
        Some(condition) => Some(Charges {
            condition: condition.clone(),
            interval: mapping.take_interval()?.unwrap_or(Period::One(Granularity::Month)),
            grace: args.grace.unwrap_or(DEFAULT_GRACE),
        }),
        None => None,
    };
    let wanted = Wanted { columns: args.scope.asked_columns_of(args.charges.as_deref(), "--charges"), plain: false };
    let rates = args.rates.as_deref().map(read_rates).transpose()?;
    let query = RevenueQuery { scope: args.scope.resolve(&none), rates, charges };
    let Opened::History(history) = open_any(&args.input, &mapping, &wanted, term)? else {
        return Ok(Status::LimitCrossed);
    };
    let found = revenue(&history, &query)?;
    args.output.write_sheet(&revenue_sheet(&found), format, term)?;
    Ok(Status::Done)
}
