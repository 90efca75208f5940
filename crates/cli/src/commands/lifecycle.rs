use std::path::PathBuf;

use clap::Args;
use tenure_analysis::lifecycle;
use tenure_report::lifecycle_sheet;

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_for};
use crate::output::OutputArgs;
use crate::scope::{FilterArgs, ScopeArgs};
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure lifecycle history
  tenure lifecycle events.csv --period week --by country
  tenure lifecycle events.csv --filter \"event = 'purchase'\" -o lifecycle.csv";

/// New, returning, resurrected and dormant customers, period by period.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LifecycleArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

pub(crate) fn run(args: &LifecycleArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    args.output.check_input(&args.input)?;
    let wanted = Wanted { columns: args.scope.asked_columns(&args.filter), plain: false };
    let Opened::History(history) = open_for(&args.input, &args.mapping, &wanted, term)? else {
        return Ok(Status::LimitCrossed);
    };
    let found = lifecycle(&history, &args.scope.resolve(&args.filter))?;
    args.output.write_sheet(&lifecycle_sheet(&found), format, term)?;
    Ok(Status::Done)
}
