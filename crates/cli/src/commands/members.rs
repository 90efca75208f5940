use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tenure_analysis::members;
use tenure_model::CellState;
use tenure_report::{counted, render_members};

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_for};
use crate::output::OutputArgs;
use crate::query::{CellArgs, QueryArgs};
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure members history --in-cohort 2022-03-01 --in-age 1
  tenure members history --in-cohort 2022-03-01 --in-age 1 --retained no -o gone.csv
  tenure members events.csv --by country --in-cohort 2022-03-01 --in-age 2 --in-segment country=US";

/// Who is in a cell of a retention table, and who is not: one row per member.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MembersArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    #[command(flatten)]
    cell: CellArgs,
    /// Those who are retained in the cell, or the others of its cohort
    #[arg(long, value_enum, default_value_t = RetainedArg::Yes, value_name = "WHICH")]
    retained: RetainedArg,
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RetainedArg {
    Yes,
    No,
}

pub(crate) fn run(args: &MembersArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    let (query, cell) = (args.query.resolve()?, args.cell.resolve()?);
    args.output.check_input(&args.input)?;
    let wanted = Wanted { columns: args.query.asked_columns(), plain: false };
    let Opened::History(history) = open_for(&args.input, &args.mapping, &wanted, term)? else {
        return Ok(Status::LimitCrossed);
    };
    args.query.check_amounts(&history)?;
    let found = members(&history, &query, &cell, args.retained == RetainedArg::Yes)?;
    args.output.write(&render_members(&found, format)?, format, term)?;
    let which = if args.retained == RetainedArg::Yes { "retained" } else { "not retained" };
    let state = match found.state {
        CellState::Complete => "",
        CellState::InProgress => "; the age is in progress, so this is what there is so far",
        CellState::Unobserved => "; the age has begun for nobody",
    };
    let count = counted(found.rows.len() as u64, "member");
    term.note(&format!("{count} of the cohort {} {which} at age {}{state}", found.cohort, found.age));
    Ok(Status::Done)
}
