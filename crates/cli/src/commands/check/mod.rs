//! Goals and rules: how far the business is, and what is to be done.

mod deliver;
mod file;
mod ledger;
mod webhook;

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use tenure_analysis::{GoalState, Occurrence, Progress, Scope, Target, occurrences, progress};
use tenure_history::History;
use tenure_model::{FiscalStart, TimePoint, WeekStart, Zone};
use tenure_report::{Check, Format, GoalRow, RuleRow, check_sheet, check_text};

use crate::Status;
use crate::args::MappingArgs;
use crate::input::{Opened, Wanted, open_any};
use crate::output::OutputArgs;
use crate::scope::FilterArgs;
use crate::term::Term;

use deliver::{Delivered, deliver};
use file::{GoalEntry, Goals, RuleEntry, Then};
use webhook::Sender;

const EXAMPLES: &str = "Examples:
  tenure check history --goals goals.toml --dry-run
  tenure check history --goals goals.toml --as-of 2022-12-01 --dry-run

A file of goals and rules:
  [[goal]]
  name = \"Nine in ten stay\"
  metric = \"customer_retention_rate\"
  target = 0.90
  direction = \"at-least\"
  by = 2027-03-31

  [[rule]]
  name = \"win back\"
  when = \"days_since_last_activity > 90 and value_total > 100\"
  then = { audience = \"win-back.csv\" }";

/// Whether goals are reached, and for whom rules hold: exit 1 where one is missed or has fired.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// A history, or an export: a file, a glob or - for standard input
    input: PathBuf,
    /// The TOML file of goals and rules
    #[arg(long, value_name = "FILE")]
    goals: PathBuf,
    /// Say what would be done, and write and send nothing
    #[arg(long)]
    dry_run: bool,
    /// The end of the observation window; rows at or after it are ignored (default: the history's)
    #[arg(long, value_name = "DATE|INSTANT", help_heading = "Query")]
    as_of: Option<TimePoint>,
    /// The zone of local days, an IANA name (default: the history's home zone)
    #[arg(long, value_name = "TZ", value_parser = Zone::named, help_heading = "Query")]
    zone: Option<Zone>,
    /// The first day of weeks
    #[arg(long, value_name = "DAY", default_value = "monday", help_heading = "Query")]
    week_start: WeekStart,
    /// The first month of fiscal years
    #[arg(long, value_name = "MONTH", default_value = "january", help_heading = "Query")]
    fiscal_start: FiscalStart,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mapping: MappingArgs,
}

impl CheckArgs {
    /// The window and the calendar of the flags.
    fn scope(&self) -> Scope {
        Scope {
            as_of: self.as_of,
            filter: self.filter.only.clone(),
            zone: self.zone.clone(),
            week_start: self.week_start,
            fiscal_start: self.fiscal_start,
            ..Scope::default()
        }
    }
}

pub(crate) fn run(args: &CheckArgs, term: &Term) -> anyhow::Result<Status> {
    let format = args.output.format()?;
    args.output.check_input(&args.input)?;
    let goals = Goals::read(&args.goals)?;
    let wanted = Wanted { columns: args.filter.asked_columns(), plain: false };
    let Opened::History(history) = open_any(&args.input, &args.mapping, &wanted, term)? else { return Ok(Status::LimitCrossed) };
    let name = args.goals.display();
    // All is worked out before anything is written or sent.
    let scope = args.scope();
    let rows = goals.progress(&args.goals, &history, &scope)?;
    if !args.dry_run {
        for entry in &goals.rules {
            if let Then::Webhook(webhook) = &entry.then {
                Sender::new(webhook).map_err(|error| anyhow!("{name}: rule \"{}\": {error}", entry.name))?;
            }
        }
    }
    let mut held: Vec<(&RuleEntry, Vec<Occurrence>)> = Vec::new();
    for entry in &goals.rules {
        let found = occurrences(&history, &Scope { period: entry.period, ..scope.clone() }, &entry.rule);
        held.push((entry, found.map_err(|error| anyhow!("{name}: rule \"{}\": {}", entry.name, as_keys(&error.to_string())))?));
    }
    let mut check = Check { goals: rows, ..described(args, &history) };
    let mut failures = Vec::new();
    for (entry, occurrences) in &held {
        // What one rule fails of does not keep the others from being told.
        let Delivered { new, sent, failure } = deliver(entry, occurrences, &args.goals, args.dry_run)
            .unwrap_or_else(|error| Delivered { new: 0, sent: 0, failure: Some(error.to_string()) });
        check.rules.push(RuleRow {
            name: entry.name.clone(),
            when: entry.rule.when.clone(),
            then: entry.then.in_words(),
            holds: occurrences.len() as u64,
            new,
            done: sent,
        });
        failures.extend(failure.map(|failure| format!("{name}: rule \"{}\": {failure}", entry.name)));
    }
    let missed = check.goals.iter().any(|goal| goal.progress.state == GoalState::Missed);
    let crossed = missed || check.rules.iter().any(|rule| rule.new > 0);
    if format == Format::Table {
        args.output.write(check_text(&check, args.output.width(term)).as_bytes(), format, term)?;
    } else {
        args.output.write_sheet(&check_sheet(&check), format, term)?;
    }
    if !failures.is_empty() {
        return Err(anyhow!("{}", failures.join("\n")));
    }
    Ok(if crossed { Status::LimitCrossed } else { Status::Done })
}

/// How far the goals of a file are.
pub(crate) fn goals_of(path: &Path, history: &History, scope: &Scope) -> anyhow::Result<Vec<GoalRow>> {
    Goals::read(path)?.progress(path, history, scope)
}

impl Goals {
    fn progress(&self, path: &Path, history: &History, scope: &Scope) -> anyhow::Result<Vec<GoalRow>> {
        let each = |entry: &GoalEntry| {
            let found = progress(history, &Scope { period: entry.period, ..scope.clone() }, &entry.goal);
            let found = found
                .map_err(|error| anyhow!("{}: goal \"{}\": {}", path.display(), entry.goal.name, as_keys(&error.to_string())))?;
            Ok(goal_row(entry, &found))
        };
        self.goals.iter().map(each).collect()
    }
}

/// A message about flags, told of the keys of the file that stand for them.
fn as_keys(message: &str) -> String {
    let keys = [
        ("--metric ", "metric "),
        ("--active-within 90d", "active_within = \"90d\""),
        ("--margin 0.6", "margin = 0.6"),
        ("--cac AMOUNT", "cac = AMOUNT"),
        ("--period month", "period = \"month\""),
        ("a longer --period", "a longer period"),
        ("--by ", "segment "),
    ];
    keys.iter().fold(message.to_owned(), |text, (flag, key)| text.replace(flag, key))
}

/// The rules that all goals share.
fn described(args: &CheckArgs, history: &History) -> Check {
    let zone = args.zone.clone().unwrap_or_else(|| history.home_zone().clone());
    Check {
        goals: Vec::new(),
        rules: Vec::new(),
        dry_run: args.dry_run,
        zone: zone.name().to_owned(),
        as_of: args.as_of.map(|point| point.resolve(&zone).to_string()),
        filter: args.filter.only.clone(),
        content: history.content().to_string(),
    }
}

fn goal_row(entry: &GoalEntry, progress: &Progress) -> GoalRow {
    let goal = &entry.goal;
    let (what, target, direction) = match &goal.target {
        Target::Metric { metric, target, direction, segment, .. } => {
            let of = segment.iter().map(|(column, value)| format!(" of {column} {}", value.as_deref().unwrap_or("(none)")));
            (format!("{}{}", metric.name, of.collect::<String>()), Some((metric.kind, *target)), Some(*direction))
        }
        Target::Truth { holds, .. } => (holds.clone(), None, None),
        Target::Task { of, .. } => (format!("{of} to do"), None, None),
    };
    GoalRow {
        name: goal.name.clone(),
        owner: goal.owner.clone(),
        kind: entry.kind,
        what,
        every: matches!(goal.target, Target::Metric { .. } | Target::Truth { .. }).then(|| entry.period.to_string()),
        target,
        direction,
        by: goal.by,
        progress: progress.clone(),
    }
}
