use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tenure_analysis::{Measure, RetentionMatrix, retention};
use tenure_history::History;
use tenure_report::{Format, Layout, Show, TableStyle, render_retention, retention_sentence};

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, open_for};
use crate::output::OutputArgs;
use crate::query::QueryArgs;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure retention history
  tenure retention history --cohort week --at 1,2,4,8
  tenure retention history --born \"event = 'signup'\" --returned \"event = 'purchase'\" --by country --top 3
  tenure retention history --cohort month --age day --alignment rolling --at 1,7,30
  tenure retention history --measure value -o value.csv
  tenure retention history --zone Europe/Berlin --format json";

/// Cohorts by birth, and who of them came back at each age.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RetentionArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    shape: ShapeArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

/// How a matrix is laid out.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ShapeArgs {
    /// A row for each cohort instead of each cell (csv, markdown)
    #[arg(long)]
    wide: bool,
    /// What cells of a table show (previous: share of the age before)
    #[arg(long, value_enum, default_value_t = ShowArg::Percent, value_name = "WHAT")]
    show: ShowArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShowArg {
    Percent,
    Counts,
    Previous,
}

pub(crate) fn run(args: &RetentionArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    let query = args.query.resolve()?;
    let asked = args.query.asked_columns();
    let Opened::History(history) = open_for(&args.input, &args.mapping, &asked, term)? else {
        return Ok(Status::LimitCrossed);
    };
    let matrix = retention(&history, &query)?;
    warn(&history, &matrix, term);
    args.shape.write(&matrix, &args.output, format, term)?;
    Ok(Status::Done)
}

/// What a reader of a matrix should know that it does not say itself.
pub(crate) fn warn(history: &History, matrix: &RetentionMatrix, term: &Term) {
    if let (Some(until), Some(observed)) = (matrix.window.until, history.window().until)
        && until > observed
        && matrix.definition.dialect == "tenure"
    {
        term.note(&format!(
            "--as-of is after {observed}, where the history ends: ages in between count as lived without activity"
        ));
    }
    if matrix.measure == Measure::Value && !has_values(matrix) {
        term.note("no row has a value: say which column or expression is the amount with --value, when the export is read");
    }
}

impl ShapeArgs {
    /// Writes a matrix, and says what it means where the format does not.
    pub(crate) fn write(&self, matrix: &RetentionMatrix, output: &OutputArgs, format: Format, term: &Term) -> anyhow::Result<()> {
        let layout = if self.wide { Layout::Wide } else { Layout::Long };
        let show = match self.show {
            ShowArg::Percent => Show::Percent,
            ShowArg::Counts => Show::Counts,
            ShowArg::Previous => Show::Previous,
        };
        let style =
            if output.is_stdout() { TableStyle { colour: term.colour(), width: term.width() } } else { TableStyle::default() };
        let bytes = render_retention(matrix, format, layout, show, style)?;
        output.write(&bytes, format, term)?;
        if matches!(format, Format::Csv | Format::Parquet | Format::Arrow) {
            matrix.notes.iter().for_each(|note| term.note(note));
            term.note(&retention_sentence(matrix));
        }
        Ok(())
    }
}

/// Whether any event of the matrix has a value.
fn has_values(matrix: &RetentionMatrix) -> bool {
    let cells = matrix.cohorts.iter().flat_map(|cohort| &cohort.cells);
    cells.filter_map(|cell| cell.events.zip(cell.value)).any(|(events, value)| value.missing < events)
}
