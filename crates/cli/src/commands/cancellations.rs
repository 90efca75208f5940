use std::path::PathBuf;

use clap::Args;
use tenure_analysis::{CancellationQuery, TENURE, cancellations};
use tenure_model::{TimePoint, Zone};
use tenure_report::cancellations_sheet;

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_any};
use crate::output::OutputArgs;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure cancellations cancelled.csv --table cancellations
  tenure cancellations cancelled.csv --table cancellations --from 2022-06-01 -o reasons.csv";

/// Why customers left: reasons with counts, shares, the recurring revenue lost, and how long customers had stayed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CancellationsArgs {
    /// A history, or an export of cancellations: a file, a glob or - for standard input
    input: PathBuf,
    /// Part them by the values of a column of cancellations or customers, by the cohort (the month in which customers began), or by
    /// the tenure (how long they had stayed)
    #[arg(long, value_name = "COL", help_heading = "Query")]
    by: Option<String>,
    /// Only cancellations at or after this
    #[arg(long, value_name = "DATE|INSTANT", help_heading = "Query")]
    from: Option<TimePoint>,
    /// Only cancellations before this
    #[arg(long, value_name = "DATE|INSTANT", help_heading = "Query")]
    as_of: Option<TimePoint>,
    /// The zone of local days, an IANA name (default: the history's home zone)
    #[arg(long, value_name = "TZ", value_parser = Zone::named, help_heading = "Query")]
    zone: Option<Zone>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

pub(crate) fn run(args: &CancellationsArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    args.output.check_input(&args.input)?;
    let by = args.by.as_ref().map(|name| name.trim().to_owned());
    let wanted =
        Wanted { columns: by.iter().filter(|name| *name != TENURE).map(|name| (name.clone(), "--by")).collect(), plain: false };
    let Opened::History(history) = open_any(&args.input, &args.mapping, &wanted, term)? else { return Ok(Status::LimitCrossed) };
    let query = CancellationQuery { by, from: args.from, as_of: args.as_of, zone: args.zone.clone() };
    let found = cancellations(&history, &query)?;
    args.output.write_sheet(&cancellations_sheet(&found), format, term)?;
    Ok(Status::Done)
}
