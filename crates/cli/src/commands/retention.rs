use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use tenure_analysis::{CellOf, Measure, RetentionMatrix, Source, explain, retention};
use tenure_model::{Age, ObservationWindow, TimePoint};
use tenure_report::{Format, Layout, Show, TableStyle, explanation_json, explanation_text, render_retention, retention_sentence};

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, answer_directly, open_any, open_for};
use crate::output::OutputArgs;
use crate::query::QueryArgs;
use crate::saved::save;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure retention history
  tenure retention history --cohort week --at 1,2,4,8 --save weekly
  tenure retention events.csv --born \"event = 'signup'\" --returned \"event = 'purchase'\" --by country --top 3
  tenure retention history --cohort month --age day --alignment rolling --at 1,7,30
  tenure retention history --measure value -o value.csv
  tenure retention history --wide -o retention.xlsx
  tenure retention history --cohort week --ages 8 -o retention.png
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
    /// Say rule by rule why the dialect's numbers differ from tenure's own, instead of the table
    #[arg(long, help_heading = "Output", conflicts_with = "save")]
    explain: bool,
    /// Explain this cohort's cell: the date its period starts on
    #[arg(long, value_name = "DATE|INSTANT", requires_all = ["explain", "in_age"], help_heading = "Output")]
    in_cohort: Option<TimePoint>,
    /// Explain the cell at this age
    #[arg(long, value_name = "N", requires = "in_cohort", help_heading = "Output")]
    in_age: Option<u32>,
    /// Keep the query by this name in HISTORY/queries.toml, for tenure run
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    save: Option<String>,
    #[command(flatten)]
    mapping: MappingArgs,
}

/// How a matrix is laid out.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ShapeArgs {
    /// A row for each cohort instead of each cell (csv, xlsx, markdown)
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

/// `typed` are the query's flags as they were typed.
pub(crate) fn run(args: &RetentionArgs, typed: &[(String, String)], term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    let query = args.query.resolve()?;
    args.output.check_input(&args.input)?;
    if !args.explain
        && args.save.is_none()
        && let Some((matrix, observed)) = answer_directly(&args.input, &args.mapping, &query, term)?
    {
        warn(observed, &matrix, term);
        args.shape.write(&matrix, &args.output, format, term)?;
        return Ok(Status::Done);
    }
    let wanted = Wanted { columns: args.query.asked_columns(), plain: query.is_plain() && !args.explain };
    let open = if query.source == Source::Subscriptions { open_any } else { open_for };
    let Opened::History(history) = open(&args.input, &args.mapping, &wanted, term)? else {
        return Ok(Status::LimitCrossed);
    };
    if args.explain {
        let cell = args.in_cohort.zip(args.in_age);
        let cell = cell.map(|(cohort, age)| CellOf { cohort, age: Age(age), segment: Vec::new() });
        let explanation = explain(&history, &query, cell.as_ref())?;
        let bytes = match format {
            Format::Json => explanation_json(&explanation)?,
            Format::Table => explanation_text(&explanation).into_bytes(),
            other => bail!("--explain writes words or json, not {other}"),
        };
        args.output.write(&bytes, format, term)?;
        return Ok(Status::Done);
    }
    args.query.check_amounts(&history)?;
    let matrix = retention(&history, &query)?;
    if let Some(name) = &args.save {
        if !args.input.is_dir() {
            bail!("--save keeps the query in a history, and {} is an export: ingest it first", args.input.display());
        }
        save(&args.input, name, typed)?;
        term.note(&format!("kept as \"{name}\"; run it with: tenure run {}", args.input.join("queries.toml").display()));
    }
    warn(history.window(), &matrix, term);
    args.shape.write(&matrix, &args.output, format, term)?;
    Ok(Status::Done)
}

/// What a reader of a matrix should know that it does not say itself.
pub(crate) fn warn(observed: ObservationWindow, matrix: &RetentionMatrix, term: &Term) {
    if let (Some(until), Some(observed)) = (matrix.window.until, observed.until)
        && until > observed
        // The window of this dialect goes on to the end of a period by itself.
        && matrix.definition.dialect != "posthog"
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
    /// A matrix as the bytes of a format.
    pub(crate) fn render(
        &self,
        matrix: &RetentionMatrix,
        output: &OutputArgs,
        format: Format,
        term: &Term,
    ) -> anyhow::Result<Vec<u8>> {
        let layout = if self.wide { Layout::Wide } else { Layout::Long };
        let show = match self.show {
            ShowArg::Percent => Show::Percent,
            ShowArg::Counts => Show::Counts,
            ShowArg::Previous => Show::Previous,
        };
        let style = if output.path().is_none() {
            TableStyle { colour: term.colour(), width: term.width() }
        } else {
            TableStyle::default()
        };
        Ok(render_retention(matrix, format, layout, show, style)?)
    }

    /// Writes a matrix, and says what it means where the format does not.
    pub(crate) fn write(&self, matrix: &RetentionMatrix, output: &OutputArgs, format: Format, term: &Term) -> anyhow::Result<()> {
        output.write(&self.render(matrix, output, format, term)?, format, term)?;
        if !format.says_what_it_means() {
            matrix.notes.iter().for_each(|note| term.note(note));
            term.note(&retention_sentence(matrix));
        }
        Ok(())
    }
}

/// Whether any event of the matrix has a value.
fn has_values(matrix: &RetentionMatrix) -> bool {
    let cells = matrix.cohorts.iter().flat_map(|cohort| &cohort.cells);
    cells.filter_map(|cell| cell.events.zip(cell.value.as_deref())).any(|(events, value)| value.missing < events)
}
