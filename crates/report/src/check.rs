//! Goals and rules: bars and thermometers for people, rows for files.

use serde_json::json;
use tenure_analysis::{Direction, MetricKind, MetricValue, Occurrence, Progress};
use tenure_model::{Day, Decimal, grouped};

use crate::exhibit::Datum;
use crate::page::{GoalShape, GoalShown};
use crate::retention::short_content;
use crate::sheet::Sheet;
use crate::text::plain;
use crate::text_table::{Align, TextTable, below};

/// Signs of a bar.
const BAR: usize = 20;

/// What was found of goals and rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The goals, as the file has them.
    pub goals: Vec<GoalRow>,
    /// The rules, as the file has them.
    pub rules: Vec<RuleRow>,
    /// Whether nothing was written or sent.
    pub dry_run: bool,
    /// The zone of local days.
    pub zone: String,
    /// The end of the window, where one was given.
    pub as_of: Option<String>,
    /// The activity that exists.
    pub filter: Option<String>,
    /// The fingerprint of what was read.
    pub content: String,
}

/// What kind of goal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoalKind {
    /// A number or a share.
    Numeric,
    /// An amount of money.
    Money,
    /// Something that is to hold.
    Truth,
    /// So many things to do.
    Task,
}

impl GoalKind {
    /// The name as files have it.
    pub const fn name(self) -> &'static str {
        match self {
            GoalKind::Numeric => "numeric",
            GoalKind::Money => "money",
            GoalKind::Truth => "true/false",
            GoalKind::Task => "task",
        }
    }
}

/// A goal and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct GoalRow {
    /// What it is called.
    pub name: String,
    /// Who sees to it.
    pub owner: Option<String>,
    /// Its kind.
    pub kind: GoalKind,
    /// The metric, the condition or the task.
    pub what: String,
    /// The periods that it is about.
    pub every: Option<String>,
    /// The target of a metric, and what kind of number that is.
    pub target: Option<(MetricKind, Decimal)>,
    /// On which side of it the metric is to be.
    pub direction: Option<Direction>,
    /// The deadline.
    pub by: Option<Day>,
    /// How far it is.
    pub progress: Progress,
}

/// A rule and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    /// What it is called.
    pub name: String,
    /// When it fires.
    pub when: String,
    /// What it does.
    pub then: String,
    /// For how many it holds.
    pub holds: u64,
    /// For how many of them it had not held before.
    pub new: u64,
    /// For how many of these it was done.
    pub done: u64,
}

impl GoalRow {
    /// The value as people read it.
    pub fn value_text(&self) -> String {
        let currency = self.progress.currency.as_ref().map(|currency| format!(" {currency}")).unwrap_or_default();
        match (self.kind, self.progress.value) {
            (_, None) => "–".to_owned(),
            (GoalKind::Truth, Some(value)) => if value == MetricValue::Count(1) { "true" } else { "false" }.to_owned(),
            (_, Some(value)) => format!("{}{currency}", Datum::figure(value).text()),
        }
    }

    /// The target as people read it.
    pub fn target_text(&self) -> String {
        let side = match self.direction {
            Some(Direction::AtLeast) => "≥ ",
            Some(Direction::AtMost) => "≤ ",
            None => "",
        };
        match (self.kind, self.target) {
            (GoalKind::Truth, _) => "true".to_owned(),
            (_, None) => self.what.clone(),
            (_, Some((kind, target))) => {
                let value = match kind {
                    MetricKind::Rate => MetricValue::Rate(target.to_f64()),
                    MetricKind::Money => MetricValue::Money(target),
                    MetricKind::Number => MetricValue::Number(target.to_f64()),
                    MetricKind::Count => MetricValue::Number(target.to_f64()),
                };
                format!("{side}{}", Datum::figure(value).text())
            }
        }
    }

    /// The goal as a page shows it: money as a thermometer, tasks as a ring, what is to hold as a mark, others as a bar.
    pub fn shown(&self) -> GoalShown {
        let (value_text, target_text) = match (self.kind, self.progress.value) {
            (GoalKind::Truth, Some(value)) => {
                (if value == MetricValue::Count(1) { "holds" } else { "does not hold" }.to_owned(), self.what.clone())
            }
            (GoalKind::Truth, None) => (self.value_text(), self.what.clone()),
            _ => (self.value_text(), self.target_text()),
        };
        GoalShown {
            name: self.name.clone(),
            owner: self.owner.clone(),
            value_text: unbroken(&value_text),
            target_text: unbroken(&target_text),
            share_of_target: self.progress.share,
            state: self.progress.state,
            deadline: self.by.map(|day| day.to_string()),
            shape: match self.kind {
                GoalKind::Money => GoalShape::Thermometer,
                GoalKind::Task => GoalShape::Ring,
                GoalKind::Truth => GoalShape::Mark,
                GoalKind::Numeric => GoalShape::Bar,
            },
        }
    }

    /// How far it is, drawn: a thermometer of money, a box for each thing to do, else a bar.
    fn drawn(&self) -> String {
        let Some(share) = self.progress.share else { return String::new() };
        let filled = (share * BAR as f64).floor() as usize;
        let percent = format!("{:>3.0} %", (share * 100.0).floor());
        match self.kind {
            GoalKind::Money => format!("●{}{} {percent}", "━".repeat(filled), "┄".repeat(BAR - filled)),
            GoalKind::Truth => if share >= 1.0 { "✓" } else { "✗" }.to_owned(),
            GoalKind::Task | GoalKind::Numeric => format!("{}{} {percent}", "█".repeat(filled), "░".repeat(BAR - filled)),
        }
    }
}

/// A number that stays in one line with its sign.
fn unbroken(text: &str) -> String {
    text.replace("≥ ", "≥\u{a0}").replace("≤ ", "≤\u{a0}").replace(" %", "\u{a0}%")
}

/// Goals and rules for people.
pub fn check_text(check: &Check, width: Option<usize>) -> String {
    let mut text = String::new();
    if !check.goals.is_empty() {
        let columns = [
            ("goal", Align::Left),
            ("value", Align::Right),
            ("target", Align::Right),
            ("", Align::Left),
            ("state", Align::Left),
            ("period", Align::Left),
            ("by", Align::Left),
            ("owner", Align::Left),
        ];
        let mut table = TextTable::new(&columns).whole(3);
        for goal in &check.goals {
            let progress = &goal.progress;
            let date = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
            let period =
                progress.period.map(|day| format!("{} {day}", goal.every.as_deref().unwrap_or_default())).unwrap_or_default();
            table.row(vec![
                plain(&goal.name).into_owned(),
                plain(&goal.value_text()).into_owned(),
                plain(&goal.target_text()).into_owned(),
                goal.drawn(),
                progress.state.name().to_owned(),
                period,
                date(goal.by),
                plain(goal.owner.as_deref().unwrap_or_default()).into_owned(),
            ]);
        }
        text.push_str(&table.render_within(width));
        text.push('\n');
        for (goal, note) in check.goals.iter().filter_map(|goal| Some((goal, goal.progress.note.as_ref()?))) {
            text.push_str(&format!("{}\n", below(&format!("{}: {note}", goal.name), width)));
        }
    }
    if !check.rules.is_empty() {
        let columns = [
            ("rule", Align::Left),
            ("holds for", Align::Right),
            ("new", Align::Right),
            ("done", Align::Right),
            ("then", Align::Left),
        ];
        let mut table = TextTable::new(&columns);
        for rule in &check.rules {
            table.row(vec![
                plain(&rule.name).into_owned(),
                grouped(rule.holds),
                grouped(rule.new),
                grouped(rule.done),
                plain(&rule.then).into_owned(),
            ]);
        }
        text.push_str(&table.render_within(width));
        text.push('\n');
    }
    text.push_str(&format!("{}\n", below(&sentence(check), width)));
    text
}

fn sentence(check: &Check) -> String {
    let mut parts =
        vec!["goals are judged by the last complete period; a rule fires once for each customer and occurrence".to_owned()];
    if check.dry_run {
        parts.push("nothing was written or sent (--dry-run)".to_owned());
    }
    parts.push(format!("zone {}", check.zone));
    parts.extend(check.filter.iter().map(|filter| format!("only rows where {filter}")));
    parts.extend(check.as_of.iter().map(|as_of| format!("observed until {as_of}")));
    parts.push(format!("content {}", short_content(&check.content)));
    parts.join("; ")
}

/// Goals and rules as a sheet: a row for each.
pub fn check_sheet(check: &Check) -> Sheet {
    let (goals, rules) = (&check.goals, &check.rules);
    let rows = goals.len() + rules.len();
    let definition = json!({
        "source": "goals", "zone": check.zone, "as_of": check.as_of, "filter": check.filter, "dry_run": check.dry_run,
        "content": check.content,
    });
    fn column<'a, T>(
        goals: &'a [GoalRow],
        rules: &'a [RuleRow],
        of_goal: impl Fn(&'a GoalRow) -> Option<T> + 'a,
        of_rule: impl Fn(&'a RuleRow) -> Option<T> + 'a,
    ) -> impl Iterator<Item = Option<T>> + 'a {
        goals.iter().map(of_goal).chain(rules.iter().map(of_rule))
    }
    let fired = |rule: &RuleRow| if rule.new > 0 { "fired" } else { "quiet" };
    let direction =
        |goal: &GoalRow| goal.direction.map(|direction| if direction == Direction::AtLeast { "at-least" } else { "at-most" });
    Sheet::new(rows, definition, sentence(check))
        .title("Goals and rules")
        .texts("what", column(goals, rules, |_| Some("goal"), |_| Some("rule")))
        .texts("name", column(goals, rules, |goal| Some(goal.name.clone()), |rule| Some(rule.name.clone())))
        .texts("owner", column(goals, rules, |goal| goal.owner.clone(), |_| None))
        .texts("kind", column(goals, rules, |goal| Some(goal.kind.name()), |_| None))
        .detail()
        .texts("definition", column(goals, rules, |goal| Some(goal.what.clone()), |rule| Some(rule.when.clone())))
        .detail()
        .texts("every", column(goals, rules, |goal| goal.every.clone(), |_| None))
        .detail()
        .dates("period", column(goals, rules, |goal| goal.progress.period, |_| None))
        .figures("value", column(goals, rules, |goal| goal.progress.value, |_| None))
        .texts("currency", column(goals, rules, |goal| goal.progress.currency.clone(), |_| None))
        .decimals("target", column(goals, rules, |goal| goal.target.map(|(_, target)| target), |_| None))
        .texts("direction", column(goals, rules, direction, |_| None))
        .detail()
        .dates("by", column(goals, rules, |goal| goal.by, |_| None))
        .shares("progress", column(goals, rules, |goal| goal.progress.share, |_| None))
        .texts("state", column(goals, rules, |goal| Some(goal.progress.state.name()), move |rule| Some(fired(rule))))
        .texts("then", column(goals, rules, |_| None, |rule| Some(rule.then.clone())))
        .integers("holds", column(goals, rules, |_| None, |rule| Some(rule.holds)))
        .integers("new", column(goals, rules, |_| None, |rule| Some(rule.new)))
        .integers("done", column(goals, rules, |_| None, |rule| Some(rule.done)))
        .texts("note", column(goals, rules, |goal| goal.progress.note.clone(), |_| None))
        .detail()
}

/// Those for whom a rule holds, as a file that a mail or CRM tool imports.
pub fn audience_sheet(occurrences: &[Occurrence]) -> Sheet {
    Sheet::new(occurrences.len(), json!({ "source": "rule" }), "those for whom the rule holds")
        .texts("customer", occurrences.iter().map(|one| one.customer.clone()))
        .texts("email", occurrences.iter().map(|one| one.email.clone()))
        .texts("reason", occurrences.iter().map(|one| Some(one.reason.clone())))
        .decimals("value", occurrences.iter().map(|one| one.value))
        .texts("currency", occurrences.iter().map(|one| one.currency.clone()))
        .texts("occurrence", occurrences.iter().map(|one| Some(one.occurrence.clone())))
}
