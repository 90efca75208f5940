use std::path::PathBuf;

use clap::Args;
use tenure_analysis::{SurveyQuery, survey_retention, surveys};
use tenure_report::{survey_retention_sheet, surveys_sheet};

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_any};
use crate::output::OutputArgs;
use crate::scope::{FilterArgs, LevelArgs, ScopeArgs};
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure survey survey.csv --table surveys --score rating --kind csat --scale 1-5
  tenure survey survey.csv --table surveys --score rating --kind csat --scale 1-5 --period quarter -o satisfaction.csv
  tenure ingest survey.csv --into answers --table surveys --score rating --kind csat --scale 1-5
  tenure ingest orders.csv --into answers
  tenure survey answers --retention --period quarter";

/// NPS, CSAT, CES and stated returns of survey answers, by period, with intervals.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SurveyArgs {
    /// A history, or an export of survey answers: a file, a glob or - for standard input
    input: PathBuf,
    /// Are those who answer well retained better? The share of each group of answers that is active in the next period
    #[arg(long, help_heading = "Query")]
    retention: bool,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    level: LevelArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

pub(crate) fn run(args: &SurveyArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    args.output.check_input(&args.input)?;
    let none = FilterArgs::default();
    let wanted = Wanted { columns: args.scope.asked_columns(&none), plain: false };
    // Of a history the kind and the scale say which answers are asked about; of an export they say what its columns are.
    let of_history = args.input.is_dir();
    let mut mapping = args.mapping.clone();
    let (kind, scale) = if of_history { mapping.take_survey()? } else { (None, None) };
    let Opened::History(history) = open_any(&args.input, &mapping, &wanted, term)? else { return Ok(Status::LimitCrossed) };
    let mut query = SurveyQuery { scope: args.scope.resolve(&none), kind, scale };
    query.scope.level = args.level.level;
    let sheet = if args.retention {
        survey_retention_sheet(&survey_retention(&history, &query)?)
    } else {
        surveys_sheet(&surveys(&history, &query)?)
    };
    args.output.write_sheet(&sheet, format, term)?;
    Ok(Status::Done)
}
