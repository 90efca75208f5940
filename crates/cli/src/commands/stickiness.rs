use std::path::PathBuf;

use clap::Args;
use tenure_analysis::stickiness;
use tenure_model::Period;
use tenure_report::stickiness_sheet;

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_for};
use crate::output::OutputArgs;
use crate::scope::{FilterArgs, ScopeArgs};
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure stickiness history
  tenure stickiness history --period year --of month --from 2022-01-01
  tenure stickiness events.csv --period month --of week --filter \"event = 'login'\"";

/// Customers by the number of days, or other parts of a period, in which they were active.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StickinessArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    /// The shorter periods that are counted within each period
    #[arg(long, value_name = "PERIOD", default_value = "day", help_heading = "Query")]
    of: Period,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

pub(crate) fn run(args: &StickinessArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    args.output.check_input(&args.input)?;
    let wanted = Wanted { columns: args.scope.asked_columns(&args.filter), plain: false };
    let Opened::History(history) = open_for(&args.input, &args.mapping, &wanted, term)? else {
        return Ok(Status::LimitCrossed);
    };
    let found = stickiness(&history, &args.scope.resolve(&args.filter), args.of)?;
    args.output.write_sheet(&stickiness_sheet(&found), format, term)?;
    Ok(Status::Done)
}
