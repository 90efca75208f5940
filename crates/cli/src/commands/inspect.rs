use std::path::PathBuf;

use clap::Args;
use tenure_analysis::inspect;
use tenure_report::{Format, inspection_json, inspection_sheet, inspection_text};

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, open};
use crate::output::OutputArgs;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure inspect history
  tenure inspect orders.csv --all-attributes
  tenure inspect history --format json
  tenure inspect history -o columns.xlsx";

/// Rows, span, customers, events, attributes, currencies and bytes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InspectArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

pub(crate) fn run(args: &InspectArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    args.output.check_input(&args.input)?;
    let Opened::History(history) = open(&args.input, &args.mapping, term)? else { return Ok(Status::LimitCrossed) };
    let inspection = inspect(&history)?;
    let bytes = match format {
        Format::Table => inspection_text(&inspection).into_bytes(),
        Format::Json => inspection_json(&inspection)?,
        _ => {
            args.output.write_sheet(&inspection_sheet(&inspection), format, term)?;
            return Ok(Status::Done);
        }
    };
    args.output.write(&bytes, format, term)?;
    Ok(Status::Done)
}
