use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use tenure_analysis::{ComparisonQuery, Sides, Source, columns_of, compare, segment_value};
use tenure_model::TimePoint;
use tenure_report::comparison_sheet;

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_any, open_for};
use crate::output::OutputArgs;
use crate::query::QueryArgs;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure compare events.csv --between plan=free,pro --at 1,2,3
  tenure compare events.csv --between plan=free,pro --at 1 --by country -o by-country.csv
  tenure compare events.csv --cohorts 2022-01-01,2022-02-01,2022-03-01
  tenure compare events.csv --treated \"plan = 'pro'\" --control \"plan <> 'pro'\" --at 1,2,3
  tenure compare events.csv --since 2022-04-01 --ages 4";

/// Retention of two sides at each age: the difference with its interval, a test, and what rate and mix add to it.
///
/// A lift needs a control: --treated and --control. Without one there is a before/after difference: --since.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompareArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    #[command(flatten)]
    sides: SidesArgs,
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

/// What is held against what.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sides")]
struct SidesArgs {
    /// Members with these values of a column; each is held against the first. (none) is a missing value
    #[arg(long, value_name = "COL=A,B", conflicts_with_all = ["cohorts", "treated", "control", "since"])]
    between: Option<String>,
    /// The cohorts that start on these dates; each is held against the first
    #[arg(long, value_name = "DATE,DATE", value_delimiter = ',', conflicts_with_all = ["treated", "control", "since"])]
    cohorts: Vec<TimePoint>,
    /// Members whose birth row meets this condition
    #[arg(long, value_name = "EXPR")]
    treated: Option<String>,
    /// Members whose birth row meets this one, that the treated are held against
    #[arg(long, value_name = "EXPR", requires = "treated", conflicts_with = "since")]
    control: Option<String>,
    /// Those born since then against those born before; with --treated of these alone
    #[arg(long, value_name = "DATE|INSTANT")]
    since: Option<TimePoint>,
}

impl SidesArgs {
    /// What the flags mean.
    fn resolve(&self) -> anyhow::Result<Sides> {
        if let Some(text) = &self.between {
            return match text.split_once('=') {
                Some((column, values)) if !column.trim().is_empty() => Ok(Sides::Between {
                    column: column.trim().to_owned(),
                    values: values.split(',').map(|value| segment_value(value.trim())).collect(),
                }),
                _ => bail!("--between {text}: expected COL=A,B, such as plan=free,pro"),
            };
        }
        if !self.cohorts.is_empty() {
            return Ok(Sides::Cohorts(self.cohorts.clone()));
        }
        match (&self.treated, &self.control, self.since) {
            (Some(treated), Some(control), _) => Ok(Sides::Trial { treated: treated.clone(), control: control.clone() }),
            (treated, None, Some(since)) => Ok(Sides::BeforeAfter { treated: treated.clone(), since }),
            (Some(_), None, None) => bail!(
                "--treated without --control: a lift needs a control group; add --control EXPR, or --since DATE for a before/after difference"
            ),
            _ => bail!(
                "what is to be compared? expected --between COL=A,B, --cohorts DATE,DATE, --treated EXPR --control EXPR, or --since DATE"
            ),
        }
    }

    /// The columns that an export must keep, and the flags that ask for them.
    fn asked_columns(&self) -> Vec<(String, &'static str)> {
        let between = self.between.as_deref().and_then(|text| text.split_once('='));
        let mut asked: Vec<(String, &'static str)> =
            between.into_iter().map(|(column, _)| (column.trim().to_owned(), "--between")).collect();
        for (flag, text) in [("--treated", &self.treated), ("--control", &self.control)] {
            let names = text.as_deref().and_then(columns_of).unwrap_or_default();
            asked.extend(names.into_iter().map(|name| (name, flag)));
        }
        asked
    }
}

pub(crate) fn run(args: &CompareArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    let sides = args.sides.resolve()?;
    let retention = args.query.resolve()?;
    args.output.check_input(&args.input)?;
    let columns = args.query.asked_columns().into_iter().chain(args.sides.asked_columns()).collect();
    let wanted = Wanted { columns, plain: false };
    let open = if retention.source == Source::Subscriptions { open_any } else { open_for };
    let Opened::History(history) = open(&args.input, &args.mapping, &wanted, term)? else { return Ok(Status::LimitCrossed) };
    args.query.check_amounts(&history)?;
    let found = compare(&history, &ComparisonQuery { retention, sides })?;
    args.output.write_sheet(&comparison_sheet(&found), format, term)?;
    Ok(Status::Done)
}
