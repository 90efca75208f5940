//! Goals: what is to be reached, and how far it is.

use std::collections::BTreeSet;

use tenure_expression::suggestion;
use tenure_history::History;
use tenure_model::{Day, Decimal, Instant};

use crate::error::Error;
use crate::metrics::{METRICS, Metric, MetricRow, MetricValue, MetricsQuery, metric_named, metrics};
use crate::rules::{Made, MadeTable};
use crate::scope::Scope;

/// How metrics of goals and rules are made.
#[derive(Debug, Clone, Default)]
pub struct MetricSettings {
    /// As in [`MetricsQuery`].
    pub active_within: Option<u32>,
    /// As in [`MetricsQuery`].
    pub margin: Option<Decimal>,
    /// As in [`MetricsQuery`].
    pub cac: Option<Decimal>,
}

/// Something to be reached.
#[derive(Debug, Clone)]
pub struct Goal {
    /// What it is called.
    pub name: String,
    /// Who sees to it.
    pub owner: Option<String>,
    /// What is to be reached.
    pub target: Target,
    /// The last day on which it may be reached. Default: it is to be kept at all times.
    pub by: Option<Day>,
    /// How metrics are made.
    pub settings: MetricSettings,
}

/// What is to be reached.
#[derive(Debug, Clone)]
pub enum Target {
    /// A metric of the last complete period is to be at least, or at most, so much.
    Metric {
        /// The metric.
        metric: &'static Metric,
        /// So much.
        target: Decimal,
        /// At least or at most.
        direction: Direction,
        /// Where it began, for the progress. Default: 0 of what is to grow; of what is to shrink the progress is target / value.
        start: Option<Decimal>,
        /// A segment instead of the whole: the column and its value.
        segment: Option<(String, Option<String>)>,
        /// The currency, where there are several.
        currency: Option<String>,
    },
    /// A condition over metrics of the last complete period is to hold.
    Truth {
        /// The condition.
        holds: String,
        /// The currency, where there are several.
        currency: Option<String>,
    },
    /// So many of so many things are to be done.
    Task {
        /// Done.
        done: u64,
        /// Of so many.
        of: u64,
    },
}

/// On which side of a target a metric is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The target or more.
    AtLeast,
    /// The target or less.
    AtMost,
}

/// How far a goal is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The start of the period that it was judged by; none of a task, or where no period is complete.
    pub period: Option<Day>,
    /// The metric's value; of a truth 1 or 0; of a task how many are done.
    pub value: Option<MetricValue>,
    /// The currency of the value.
    pub currency: Option<String>,
    /// The share of the way to the target, from 0 to 1.
    pub share: Option<f64>,
    /// Whether it is reached.
    pub state: GoalState,
    /// What a reader must know.
    pub note: Option<String>,
}

/// Whether a goal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoalState {
    /// It is.
    Reached,
    /// It is not, and its deadline has not passed.
    Open,
    /// It is not, and has no deadline, or that has passed.
    Missed,
}

impl GoalState {
    /// The name as results have it.
    pub const fn name(self) -> &'static str {
        match self {
            GoalState::Reached => "reached",
            GoalState::Open => "open",
            GoalState::Missed => "missed",
        }
    }
}

/// The metrics of the last complete period, as a table with a row for each currency.
pub(crate) struct Latest {
    pub(crate) period: Option<Day>,
    pub(crate) table: MadeTable,
    pub(crate) names: Vec<String>,
    pub(crate) currencies: Vec<Option<String>>,
    rows: Vec<MetricRow>,
}

impl Latest {
    /// The metrics named, of the last complete period that ends at or before `before`.
    pub(crate) fn of(
        history: &History,
        scope: &Scope,
        settings: &MetricSettings,
        names: &[String],
        before: Option<Instant>,
    ) -> Result<Self, Error> {
        let known = || METRICS.iter().map(|metric| metric.name);
        if let Some(unknown) = names.iter().find(|name| !known().any(|known| known == **name)) {
            return Err(Error::query(format!("no metric \"{unknown}\"; {}", suggestion(unknown, known().collect::<Vec<_>>()))));
        }
        let wanted = names.iter().map(|name| metric_named(name)).collect::<Result<Vec<_>, _>>()?;
        let MetricSettings { active_within, margin, cac } = settings.clone();
        let query = MetricsQuery { scope: scope.clone(), metrics: wanted, active_within, margin, cac, benchmarks: Vec::new() };
        let found = metrics(history, &query)?;
        let periods = scope.periods_of(history, scope.period);
        let ended = |row: &&MetricRow| {
            let end = periods.start(periods.number_of_day(row.period.start) + 1);
            !row.period.in_progress && before.is_none_or(|before| end <= before)
        };
        // Tables end at different times: the last period that is complete for all of them counts.
        let last = |name: &String| {
            found.rows.iter().filter(|row| row.metric.name == *name).filter(ended).map(|row| row.period.start).max()
        };
        let period = names.iter().map(last).min().flatten();
        let rows: Vec<MetricRow> = found.rows.iter().filter(|row| Some(row.period.start) == period).cloned().collect();
        let whole: Vec<&MetricRow> = rows.iter().filter(|row| row.segment.is_none()).collect();
        let mut currencies: BTreeSet<Option<String>> =
            whole.iter().filter(|row| has_currency(row)).map(|row| row.currency.clone()).collect();
        if currencies.is_empty() {
            currencies.insert(None);
        }
        let currencies: Vec<Option<String>> = currencies.into_iter().collect();
        let mut columns = Vec::new();
        for name in names {
            let value = |currency: &Option<String>| {
                let mine = |row: &&&MetricRow| row.metric.name == *name && (!has_currency(row) || row.currency == *currency);
                whole.iter().find(mine).and_then(|row| row.value)
            };
            columns.push((name.clone(), made(currencies.iter().map(value).collect())));
        }
        let table = MadeTable { rows: currencies.len(), columns };
        Ok(Self { period, table, names: names.to_vec(), currencies, rows })
    }
}

/// Whether a metric is told for each currency.
fn has_currency(row: &MetricRow) -> bool {
    row.metric.kind == crate::metrics::MetricKind::Money || row.currency.is_some()
}

fn made(values: Vec<Option<MetricValue>>) -> Made {
    if values.iter().flatten().all(|value| matches!(value, MetricValue::Money(_))) && values.iter().any(Option::is_some) {
        return Made::Decimals(values.into_iter().map(|value| value.map(exact)).collect());
    }
    Made::Numbers(values.into_iter().map(|value| value.map(|value| exact(value).to_f64())).collect())
}

/// A value as a decimal; numbers rounded to 12 digits.
fn exact(value: MetricValue) -> Decimal {
    match value {
        MetricValue::Count(count) => Decimal::new(count.into(), 0),
        MetricValue::Money(amount) => amount,
        MetricValue::Rate(number) | MetricValue::Number(number) => Decimal::new((number * 1e12).round() as i128, 12),
    }
}

/// How far goals are at the end of the window; the scope says of which periods.
///
/// # Errors
///
/// As for [`crate::metrics()`]; and for a condition that can't be read, or amounts of several currencies where none is named.
pub fn progress(history: &History, scope: &Scope, goal: &Goal) -> Result<Progress, Error> {
    scope.check()?;
    let zone = scope.zone(history);
    let deadline = goal.by.map(|day| zone.start_of_day(Day(day.0 + 1)));
    let until = scope.as_of.map(|point| point.resolve(&zone)).or_else(|| {
        let of = |table| history.window_of(table).until;
        of(tenure_model::Table::Activity).max(of(tenure_model::Table::Subscriptions))
    });
    let passed = deadline.is_none_or(|deadline| until.is_some_and(|until| until >= deadline));
    // Where there is nothing to judge it by, a goal to be kept at all times stays open.
    let judged = |met: bool, known: bool| match (met, passed && (known || deadline.is_some())) {
        (true, _) => GoalState::Reached,
        (false, false) => GoalState::Open,
        (false, true) => GoalState::Missed,
    };
    let state = |met: bool| judged(met, true);
    match &goal.target {
        Target::Task { done, of } => Ok(Progress {
            period: None,
            value: Some(MetricValue::Count(*done)),
            currency: None,
            share: (*of > 0).then(|| (*done as f64 / *of as f64).min(1.0)),
            state: state(done >= of),
            note: None,
        }),
        Target::Truth { holds, currency } => {
            let names =
                tenure_expression::column_names(holds).map_err(|error| Error::query(format!("holds {holds:?}: {error}")))?;
            let latest = Latest::of(history, scope, &goal.settings, &names, deadline)?;
            let row = one_currency(&latest.currencies, currency.as_deref())?;
            let held = latest.table.holds("holds", holds, &zone)?[row] && latest.period.is_some();
            let told = latest.table.told(row, &names);
            Ok(Progress {
                period: latest.period,
                value: latest.period.map(|_| MetricValue::Count(held.into())),
                currency: latest.currencies[row].clone(),
                share: Some(f64::from(u8::from(held))),
                state: judged(held, latest.period.is_some()),
                note: Some(if latest.period.is_none() { "no period is complete yet".to_owned() } else { told }),
            })
        }
        Target::Metric { metric, target, direction, start, segment, currency } => {
            let scope = Scope { by: segment.as_ref().map(|(column, _)| column.clone()), ..scope.clone() };
            let latest = Latest::of(history, &scope, &goal.settings, &[metric.name.to_owned()], deadline)?;
            let wanted = segment.as_ref().map(|(_, value)| value.clone());
            let mut rows = latest.rows.iter().filter(|row| row.segment == wanted);
            let found: Vec<&MetricRow> = rows.by_ref().collect();
            let currencies: Vec<Option<String>> = found.iter().map(|row| row.currency.clone()).collect();
            let row = if found.is_empty() { None } else { Some(found[one_currency(&currencies, currency.as_deref())?]) };
            let value = row.and_then(|row| row.value);
            let met = value.is_some_and(|value| match direction {
                Direction::AtLeast => exact(value) >= *target,
                Direction::AtMost => exact(value) <= *target,
            });
            let note = match (latest.period, row, value) {
                (None, ..) => Some("no period is complete yet".to_owned()),
                (_, None, _) => Some("the period has no value of it; there is no such segment or currency in it".to_owned()),
                (_, _, None) => Some("there is nothing to divide by".to_owned()),
                _ => None,
            };
            Ok(Progress {
                period: latest.period,
                value,
                currency: row.and_then(|row| row.currency.clone()),
                share: value.map(|value| share(exact(value), *target, *direction, *start, met)),
                state: judged(met, value.is_some()),
                note,
            })
        }
    }
}

/// Which of several currencies is meant.
fn one_currency(currencies: &[Option<String>], wanted: Option<&str>) -> Result<usize, Error> {
    if let Some(wanted) = wanted {
        let place = currencies.iter().position(|currency| currency.as_deref() == Some(wanted));
        return place.ok_or_else(|| Error::query(format!("currency {wanted}: there are no amounts in it")));
    }
    if currencies.len() > 1 {
        let names: Vec<&str> = currencies.iter().map(|currency| currency.as_deref().unwrap_or("(none)")).collect();
        return Err(Error::query(format!("amounts are in {}; name one with currency = \"…\"", names.join(", "))));
    }
    Ok(0)
}

/// The share of the way to a target.
fn share(value: Decimal, target: Decimal, direction: Direction, start: Option<Decimal>, met: bool) -> f64 {
    if met {
        return 1.0;
    }
    let (value, target) = (value.to_f64(), target.to_f64());
    let share = match (start.map(Decimal::to_f64), direction) {
        (Some(start), _) if (target - start).abs() > f64::EPSILON => (value - start) / (target - start),
        (_, Direction::AtLeast) if target > 0.0 => value / target,
        (_, Direction::AtMost) if value > 0.0 => target / value,
        _ => 0.0,
    };
    share.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_target() {
        let share = |value: &str, target: &str, direction, start: Option<&str>| {
            share(value.parse().unwrap(), target.parse().unwrap(), direction, start.map(|start| start.parse().unwrap()), false)
        };
        assert_eq!(share("45", "60", Direction::AtLeast, None), 0.75);
        assert_eq!(share("30", "40", Direction::AtLeast, Some("20")), 0.5);
        assert_eq!(share("0.08", "0.04", Direction::AtMost, None), 0.5);
        assert_eq!(share("8", "4", Direction::AtMost, Some("12")), 0.5);
        assert_eq!(share("0.12", "0.04", Direction::AtMost, Some("0.10")), 0.0);
        assert_eq!(share("-5", "10", Direction::AtLeast, None), 0.0);
        assert_eq!(share("-5", "0", Direction::AtLeast, None), 0.0);
    }
}
