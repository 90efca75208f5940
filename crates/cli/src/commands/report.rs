use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use tenure_analysis::{
    Ages, CancellationQuery, Measure, MetricsQuery, RetentionMatrix, RetentionQuery, RevenueQuery, Scale, Scope, Source,
    SurveyKind, SurveyQuery, cancellations, lifecycle, metrics, retentions, revenue, surveys,
};
use tenure_history::History;
use tenure_model::{CellState, Decimal, Instant, Period, Table, column};
use tenure_report::{CohortTables, GoalRow, MOST_AGES, ReportPage, bytes_text, report_page};

use crate::Status;
use crate::args::MappingArgs;
use crate::commands::calc::share;
use crate::commands::check::goals_of;
use crate::input::{Opened, Wanted, open_any};
use crate::output::PageArgs;
use crate::scope::days;
use crate::scope::{FilterArgs, LevelArgs, ScopeArgs};
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure report history -o report.html
  tenure report history --goals goals.toml --title \"The first year\" -o report.html
  tenure report events.csv --value amount --by country --period week -o weeks.html";

/// Segments that are told apart unless --top says otherwise.
const DEFAULT_TOP: usize = 20;

/// The heading unless --title says otherwise.
const DEFAULT_TITLE: &str = "Customer report";

/// One page with everything that a history can tell: for a browser, for paper, without a network.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    #[command(flatten)]
    page: PageArgs,
    /// The page's heading
    #[arg(long, value_name = "TEXT", default_value = DEFAULT_TITLE, help_heading = "Output")]
    title: String,
    /// The periods whose births form a cohort (default: as --period)
    #[arg(long, value_name = "PERIOD", help_heading = "Query")]
    cohort: Option<Period>,
    /// Keep the N largest segments of the cohorts; the others are (other)
    #[arg(long, value_name = "N", default_value_t = DEFAULT_TOP, help_heading = "Query")]
    top: usize,
    /// For how long activity makes a customer, such as 90d or 12w (default: customers are those with a subscription)
    #[arg(long, value_name = "DAYS", value_parser = days, help_heading = "Query")]
    active_within: Option<u32>,
    /// The gross margin, such as 0.6 or 60%: with it customers' lifetime value at that margin
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Query")]
    margin: Option<Decimal>,
    /// What it costs to win a customer: with it metrics that need it
    #[arg(long, value_name = "AMOUNT", help_heading = "Query")]
    cac: Option<Decimal>,
    /// Show how far the goals of a file are, as tenure check reads it
    #[arg(long, value_name = "FILE", help_heading = "Query")]
    goals: Option<PathBuf>,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    level: LevelArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

pub(crate) fn run(args: &ReportArgs, term: &Term) -> anyhow::Result<Status> {
    args.page.check(&args.input, term)?;
    if args.scope.by_is_cohort() {
        bail!("--by cohort: the page has a row for each cohort as it is; name a column to part customers by");
    }
    let wanted = Wanted { columns: args.scope.asked_columns(&args.filter), plain: false };
    // Of a history the kind and the scale say which answers are asked about; of an export they say what its columns are.
    let mut mapping = args.mapping.clone();
    let survey = if args.input.is_dir() { mapping.take_survey()? } else { (None, None) };
    let Opened::History(history) = open_any(&args.input, &mapping, &wanted, term)? else { return Ok(Status::LimitCrossed) };
    let mut scope = args.scope.resolve(&args.filter);
    scope.level = args.level.level;
    let page = Questions { args, history: &history, scope }.ask(survey)?;
    let bytes = report_page(&page)?;
    args.page.write(&bytes)?;
    if let Some(path) = args.page.path() {
        term.note(&format!("{}: one page, {}", path.display(), bytes_text(bytes.len() as u64)));
    }
    Ok(Status::Done)
}

/// A matrix without the ages at its end that have begun for nobody.
fn begun(mut matrix: RetentionMatrix) -> RetentionMatrix {
    let last =
        matrix.cohorts.iter().filter_map(|row| row.cells.iter().rposition(|cell| cell.cell.state() != CellState::Unobserved));
    let ages = last.max().map_or(0, |last| last + 1);
    matrix.ages.truncate(ages);
    matrix.cohorts.iter_mut().for_each(|row| row.cells.truncate(ages));
    matrix
}

/// What a page asks of a history.
struct Questions<'a> {
    args: &'a ReportArgs,
    history: &'a History,
    scope: Scope,
}

impl Questions<'_> {
    fn ask(&self, (kind, scale): (Option<SurveyKind>, Option<Scale>)) -> anyhow::Result<ReportPage> {
        let [active, subscribed, answered, cancelled] =
            [Table::Activity, Table::Subscriptions, Table::Surveys, Table::Cancellations].map(|table| self.has(table));
        if ![active, subscribed, answered, cancelled].contains(&true) {
            let when = self.scope.as_of.map(|_| " before --as-of").unwrap_or_default();
            bail!(
                "{}: there is nothing to report{when} (expected activity, subscriptions, survey answers or cancellations)",
                self.args.input.display()
            );
        }
        let mut page = ReportPage { title: self.args.title.clone(), ..ReportPage::default() };
        self.cohorts(active, subscribed, &mut page)?;
        if active || subscribed {
            let scope = Scope { by: None, ..self.scope.clone() };
            let Self { args: ReportArgs { active_within, margin, cac, .. }, .. } = *self;
            let query =
                MetricsQuery { scope, active_within: *active_within, margin: *margin, cac: *cac, ..MetricsQuery::default() };
            page.metrics = Some(metrics(self.history, &query)?);
        }
        if let Some(goals) = &self.args.goals {
            let scope = Scope { period: Scope::default().period, origin: None, from: None, by: None, ..self.scope.clone() };
            page.goals = goals_of(goals, self.history, &scope)?.iter().map(GoalRow::shown).collect();
        }
        if active {
            page.lifecycle = Some(lifecycle(self.history, &self.scope_of(Table::Activity))?);
        }
        let unfiltered = |table| Scope { filter: None, ..self.scope_of(table) };
        if subscribed {
            let query = RevenueQuery { scope: unfiltered(Table::Subscriptions), ..RevenueQuery::default() };
            page.revenue = Some(revenue(self.history, &query)?);
        }
        if answered {
            let scope = Scope { by: None, ..unfiltered(Table::Surveys) };
            page.surveys = Some(surveys(self.history, &SurveyQuery { scope, kind, scale })?);
        }
        if cancelled {
            let Scope { from, as_of, ref zone, .. } = self.scope;
            let query = CancellationQuery { by: None, from, as_of, zone: zone.clone() };
            page.cancellations = Some(cancellations(self.history, &query)?);
        }
        if let (Some(filter), true) = (&self.scope.filter, subscribed || answered || cancelled) {
            page.notes
                .push(format!("only activity where {filter} counts; subscriptions, answers and cancellations are all there"));
        }
        Ok(page)
    }

    /// Asks for all cohorts in one pass.
    fn cohorts(&self, active: bool, subscribed: bool, page: &mut ReportPage) -> anyhow::Result<()> {
        let mut queries = Vec::new();
        let tables = [(Source::Activity, Table::Activity, active), (Source::Subscriptions, Table::Subscriptions, subscribed)];
        for (source, table, _) in tables.into_iter().filter(|(.., there)| *there) {
            for measure in [Measure::Customers, Measure::Value] {
                queries.push(self.cohort_query(source, measure, None));
                let by = self.scope.by.as_ref().filter(|by| self.parts(table, by));
                queries.extend(by.map(|by| self.cohort_query(source, measure, Some(by))));
            }
        }
        let mut found: Vec<(RetentionQuery, RetentionMatrix)> = Vec::new();
        for (query, matrix) in queries.iter().zip(retentions(self.history, &queries)?) {
            found.push((query.clone(), begun(matrix)));
        }
        let mut take = |source: Source, measure: Measure, parted: bool| {
            let place = found
                .iter()
                .position(|(query, _)| query.source == source && query.measure == measure && query.by.is_empty() != parted)?;
            Some(found.swap_remove(place).1)
        };
        let mut tables_of = |source| {
            Some(CohortTables {
                whole: take(source, Measure::Customers, false)?,
                by_segment: take(source, Measure::Customers, true),
                value: take(source, Measure::Value, false),
                value_by_segment: take(source, Measure::Value, true),
            })
        };
        page.activity = tables_of(Source::Activity);
        page.subscribers = tables_of(Source::Subscriptions);
        if let Some(by) = &self.scope.by {
            for (_, table, _) in tables.into_iter().filter(|(_, table, there)| *there && !self.parts(*table, by)) {
                page.notes.push(format!("{} has no column \"{by}\", and is not parted by it", table.name()));
            }
        }
        Ok(())
    }

    fn cohort_query(&self, source: Source, measure: Measure, by: Option<&String>) -> RetentionQuery {
        let scope = &self.scope;
        let cohort = self.args.cohort.unwrap_or(scope.period);
        RetentionQuery {
            source,
            measure,
            cohort,
            // The page tells that there are more.
            ages: Ages::First(MOST_AGES as u32 + 1),
            origin: scope.origin.filter(|_| matches!(cohort, Period::Block(..))),
            filter: scope.filter.clone().filter(|_| source == Source::Activity),
            by: by.cloned().into_iter().collect(),
            top: by.map(|_| self.args.top),
            zone: scope.zone.clone(),
            week_start: scope.week_start,
            fiscal_start: scope.fiscal_start,
            born_from: scope.from,
            as_of: scope.as_of,
            level: scope.level,
            ..RetentionQuery::default()
        }
    }

    /// Whether a table has rows that are seen.
    fn has(&self, table: Table) -> bool {
        let zone = self.scope.zone.as_ref().unwrap_or_else(|| self.history.home_zone());
        let until: Option<Instant> = self.scope.as_of.map(|point| point.resolve(zone));
        let from = if table == Table::Activity { self.history.window().from } else { self.history.window_of(table).from };
        self.history.rows_of(table) > 0 && from.is_some_and(|from| until.is_none_or(|until| from < until))
    }

    /// The scope for a table: without segments where it has no such column, unless no other has either.
    fn scope_of(&self, table: Table) -> Scope {
        let by = self.scope.by.clone().filter(|by| self.parts(table, by));
        Scope { by, ..self.scope.clone() }
    }

    /// Whether a column can part the rows of a table. A column that nothing has is asked for, so that the error names those near.
    fn parts(&self, table: Table, by: &str) -> bool {
        let has = |table: Table| {
            let own: &[&str] = match table {
                Table::Activity => &[column::EVENT, column::CURRENCY],
                Table::Subscriptions => &[column::PLAN, column::INTERVAL],
                Table::Customers | Table::Surveys | Table::Cancellations => &[],
            };
            self.history.rows_of(table) > 0 && own.contains(&by)
                || self.history.attributes_of(table).iter().any(|name| name == by)
        };
        let somewhere = [Table::Activity, Table::Subscriptions, Table::Customers].into_iter().any(has);
        !somewhere || has(table) || has(Table::Customers)
    }
}
