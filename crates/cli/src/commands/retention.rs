use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tenure_analysis::{Ages, Criterion, DEFAULT_LEVEL, MOST_AGES, Measure, RetentionMatrix, RetentionQuery, Summary, retention};
use tenure_model::{Alignment, Day, FiscalStart, Period, TimePoint, WeekStart, Zone};
use tenure_report::{Format, Layout, Show, TableStyle, render_retention, retention_sentence};

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, open};
use crate::output::OutputArgs;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure retention history
  tenure retention history --cohort week --at 1,2,4,8
  tenure retention orders.csv --value amount --measure value -o value.csv
  tenure retention history --zone Europe/Berlin --format json";

/// Cohorts by first activity, and who of them came back at each age.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RetentionArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// A row for each cohort instead of each cell (csv, markdown)
    #[arg(long, help_heading = "Output")]
    wide: bool,
    /// What cells of a table show (previous: share of the age before)
    #[arg(long, value_enum, default_value_t = ShowArg::Percent, help_heading = "Output", value_name = "WHAT")]
    show: ShowArg,
    #[command(flatten)]
    mapping: MappingArgs,
}

/// The question.
#[derive(Debug, Args)]
#[command(next_help_heading = "Query")]
struct QueryArgs {
    /// hour, day, week, month, quarter, half-year, year, or a block such as '28 day'
    #[arg(long, value_name = "PERIOD", default_value = "month")]
    cohort: Period,
    /// The date that blocks are counted from (required with them)
    #[arg(long, value_name = "DATE")]
    cohort_origin: Option<Day>,
    /// The periods that ages are counted in (default: as --cohort)
    #[arg(long, value_name = "PERIOD")]
    age: Option<Period>,
    /// How ages are counted: boundaries of calendar periods
    #[arg(long, value_enum, default_value_t = AlignmentArg::Calendar, value_name = "HOW")]
    alignment: AlignmentArg,
    /// When a member is retained: with a return on the age itself
    #[arg(long, value_enum, default_value_t = CriterionArg::On, value_name = "WHEN")]
    criterion: CriterionArg,
    /// What is counted beside customers
    #[arg(long, value_enum, default_value_t = MeasureArg::Customers, value_name = "WHAT")]
    measure: MeasureArg,
    /// Only customers born at or after this date or instant; births are judged over the whole history
    #[arg(long, value_name = "DATE|INSTANT")]
    born_from: Option<TimePoint>,
    /// Only customers born before this date or instant
    #[arg(long, value_name = "DATE|INSTANT")]
    born_until: Option<TimePoint>,
    /// The end of the observation window; activity at or after it is ignored (default: the history's)
    #[arg(long, value_name = "DATE|INSTANT")]
    as_of: Option<TimePoint>,
    /// Show the ages 0 … N−1
    #[arg(long, value_name = "N", conflicts_with = "at", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_AGES)))]
    ages: Option<u32>,
    /// Show only these ages
    #[arg(long, value_name = "1,7,30")]
    at: Option<Ages>,
    /// The zone of local days, an IANA name (default: the history's home zone)
    #[arg(long, value_name = "TZ", value_parser = Zone::named)]
    zone: Option<Zone>,
    /// The first day of weeks
    #[arg(long, value_name = "DAY", default_value = "monday")]
    week_start: WeekStart,
    /// The first month of fiscal years
    #[arg(long, value_name = "MONTH", default_value = "january")]
    fiscal_start: FiscalStart,
    /// How cohorts are drawn together
    #[arg(long, value_enum, default_value_t = SummaryArg::Pooled, value_name = "HOW")]
    summary: SummaryArg,
    /// The level of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = DEFAULT_LEVEL)]
    level: f64,
}

impl QueryArgs {
    fn resolve(&self) -> RetentionQuery {
        RetentionQuery {
            cohort: self.cohort,
            age: self.age,
            origin: self.cohort_origin,
            alignment: match self.alignment {
                AlignmentArg::Calendar => Alignment::Calendar,
            },
            criterion: match self.criterion {
                CriterionArg::On => Criterion::On,
            },
            measure: match self.measure {
                MeasureArg::Customers => Measure::Customers,
                MeasureArg::Events => Measure::Events,
                MeasureArg::Value => Measure::Value,
            },
            zone: self.zone.clone(),
            week_start: self.week_start,
            fiscal_start: self.fiscal_start,
            born_from: self.born_from,
            born_until: self.born_until,
            as_of: self.as_of,
            ages: self.at.clone().or(self.ages.map(Ages::First)).unwrap_or_default(),
            summary: match self.summary {
                SummaryArg::Pooled => Summary::Pooled,
                SummaryArg::Mean => Summary::Mean,
                SummaryArg::Median => Summary::Median,
            },
            level: self.level,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AlignmentArg {
    Calendar,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CriterionArg {
    On,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MeasureArg {
    Customers,
    Events,
    Value,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SummaryArg {
    Pooled,
    Mean,
    Median,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShowArg {
    Percent,
    Counts,
    Previous,
}

pub(crate) fn run(args: &RetentionArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    let query = args.query.resolve();
    let Opened::History(history) = open(&args.input, &args.mapping, term)? else { return Ok(Status::LimitCrossed) };
    let matrix = retention(&history, &query)?;
    if let (Some(until), Some(observed)) = (matrix.window.until, history.window().until)
        && until > observed
    {
        term.note(&format!(
            "--as-of is after {observed}, where the history ends: ages in between count as lived without activity"
        ));
    }
    let layout = if args.wide { Layout::Wide } else { Layout::Long };
    let show = match args.show {
        ShowArg::Percent => Show::Percent,
        ShowArg::Counts => Show::Counts,
        ShowArg::Previous => Show::Previous,
    };
    let style =
        if args.output.is_stdout() { TableStyle { colour: term.colour(), width: term.width() } } else { TableStyle::default() };
    let bytes = render_retention(&matrix, format, layout, show, style)?;
    args.output.write(&bytes, format, term)?;
    if matrix.measure == Measure::Value && !has_values(&matrix) {
        term.note("no row has a value: say which column or expression is the amount with --value, when the export is read");
    }
    if matches!(format, Format::Csv | Format::Parquet | Format::Arrow) {
        term.note(&retention_sentence(&matrix));
    }
    Ok(Status::Done)
}

/// Whether any event of the matrix has a value.
fn has_values(matrix: &RetentionMatrix) -> bool {
    let cells = matrix.cohorts.iter().flat_map(|cohort| &cohort.cells);
    cells.filter_map(|cell| cell.events.zip(cell.value)).any(|(events, value)| value.missing < events)
}
