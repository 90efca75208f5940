use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tenure_history::{History, Part};
use tenure_model::{ObservationWindow, Table};

use crate::assembly::assemble;
use crate::counts::Counts;
use crate::days::{DayTables, DayWalk};
use crate::dialect::Rules;
use crate::error::Error;
use crate::events::no_such_event;
use crate::matrix::{RetentionMatrix, Segment, Totals};
use crate::plan::Plan;
use crate::query::RetentionQuery;
use crate::walk::{Walk, unknown_event};

/// More ages than any history has.
pub const MOST_AGES: u32 = 100_000;

/// Computes the retention matrix of a history.
///
/// Cells of ages that not every member has lived are marked, and enter no rate; the crate `tenure-model` defines every word.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a query that contradicts itself or asks for what the history does not have,
/// [`crate::ErrorKind::History`] where reading fails.
pub fn retention(history: &History, query: &RetentionQuery) -> Result<RetentionMatrix, Error> {
    let mut matrices = retentions(history, std::slice::from_ref(query))?;
    matrices.pop().ok_or_else(|| Error::query("no query"))
}

/// Computes the retention matrices of several queries in one pass over the columns that they need together.
///
/// # Errors
///
/// As for [`retention`]: the first that any query meets.
pub fn retentions(history: &History, queries: &[RetentionQuery]) -> Result<Vec<RetentionMatrix>, Error> {
    let ruled: Vec<(&RetentionQuery, Rules)> = queries.iter().map(|query| (query, Rules::of(query))).collect();
    retentions_under(history, ruled)
}

/// The same under rules that need not be those of the queries' dialects.
pub(crate) fn retentions_under(history: &History, ruled: Vec<(&RetentionQuery, Rules)>) -> Result<Vec<RetentionMatrix>, Error> {
    // A history without activity has no plan, and the matrix of nothing.
    let mut plans: Vec<Plan<'_>> = Vec::with_capacity(ruled.len());
    let mut ready: Vec<Option<RetentionMatrix>> = Vec::with_capacity(ruled.len());
    for (place, (query, rules)) in ruled.into_iter().enumerate() {
        let plan = Plan::new(history, query, rules.clone()).map_err(|error| error.of_query(place))?;
        ready.push(plan.is_none().then(|| without_activity(history, query, &rules)));
        plans.extend(plan);
    }
    let mut counted = count(history, &plans.iter().collect::<Vec<_>>())?;
    // Which segments are the largest is known once all have been counted; then the others are drawn together.
    let folded: Vec<usize> = (0..plans.len()).filter(|&place| keep_largest(&mut plans[place], &counted[place])).collect();
    if !folded.is_empty() {
        let again = count(history, &folded.iter().map(|&place| &plans[place]).collect::<Vec<_>>())?;
        folded.into_iter().zip(again).for_each(|(place, outcome)| counted[place] = outcome);
    }
    let mut counted = plans.iter().zip(counted);
    let mut matrices = Vec::with_capacity(ready.len());
    for (place, ready) in ready.into_iter().enumerate() {
        matrices.extend(match ready {
            Some(matrix) => Some(matrix),
            None => counted
                .next()
                .map(|(plan, outcome)| outcome.check(history, plan).and_then(|()| assemble(plan, &outcome)))
                .transpose()
                .map_err(|error| error.of_query(place))?,
        });
    }
    Ok(matrices)
}

/// What a pass over a history has counted for one query.
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    /// The segments by the numbers that the counts know them by.
    pub(crate) segments: HashMap<u32, Segment>,
    /// The currencies by the numbers that the counts know them by; the others have none.
    pub(crate) currencies: HashMap<u32, String>,
    pub(crate) events_seen: Option<HashSet<String>>,
}

impl Outcome {
    pub(crate) fn check(&self, history: &History, plan: &Plan<'_>) -> Result<(), Error> {
        if let Some(seen) = &self.events_seen {
            for predicate in plan.predicates().into_iter().flatten() {
                if let Some(event) = unknown_event(predicate, seen) {
                    return Err(no_such_event(history, predicate, event)?);
                }
            }
        }
        if let (Some((day, currency)), Some(rates)) = (&self.counts.missing_rate, &plan.query.rates) {
            let (whose, advice) = if currency.is_empty() {
                (
                    "amounts without currency",
                    "add a line with that date and no currency, or say the currency with --currency when the export is read",
                )
            } else {
                (currency.as_str(), "add a line for that date (rate 1 where it is the currency converted to)")
            };
            return Err(Error::query(format!("{}: no rate for {whose} on {day}; {advice}", rates.source)));
        }
        Ok(())
    }
}

/// The walk of one query.
enum State {
    Days(DayWalk),
    Rows(Box<Walk<Counts>>),
}

/// Counts for all plans in one pass.
pub(crate) fn count(history: &History, plans: &[&Plan<'_>]) -> Result<Vec<Outcome>, Error> {
    let tables: Vec<Option<DayTables>> =
        plans.iter().map(|plan| plan.is_plain().then(|| DayTables::new(plan)).flatten()).collect();
    let reads: BTreeSet<String> = plans.iter().flat_map(|plan| plan.reads()).collect();
    let customers = plans.iter().any(|plan| plan.needs_customers());
    let scan = history.scan_table(Table::Activity, reads.iter().map(String::as_str));
    let scan = if plans.iter().any(|plan| plan.needs_full_order()) { scan.in_full_order() } else { scan };
    let start = || -> Vec<State> {
        let state = |tables: &Option<DayTables>| match tables {
            Some(tables) => State::Days(DayWalk::new(tables)),
            None => State::Rows(Box::new(Walk::new(Counts::default()))),
        };
        tables.iter().map(state).collect()
    };
    let step = |states: &mut Vec<State>, part: Part<'_>| {
        for ((state, plan), tables) in states.iter_mut().zip(plans).zip(&tables) {
            match (state, tables, part) {
                (State::Days(walk), Some(tables), Part::Activity(rows)) => walk.walk(tables, rows),
                (State::Days(_), ..) => {}
                (State::Rows(walk), ..) => walk.step(plan, part)?,
            }
        }
        Ok::<(), Error>(())
    };
    let join = |mut states: Vec<State>, others: Vec<State>| {
        for (state, other) in states.iter_mut().zip(others) {
            match (state, other) {
                (State::Days(mine), State::Days(other)) => mine.join(&other),
                (State::Rows(mine), State::Rows(other)) => join_walks(mine, *other),
                // The states of one query are of one kind.
                _ => {}
            }
        }
        states
    };
    let states = scan.fold_parts(customers, start, step, join)?;
    let outcome = |((state, plan), tables): ((State, &&Plan<'_>), &Option<DayTables>)| match (state, tables) {
        (State::Days(walk), Some(tables)) => {
            Outcome { counts: walk.counts(plan, tables), segments: HashMap::new(), currencies: HashMap::new(), events_seen: None }
        }
        (State::Days(_), None) => Outcome::nothing(),
        (State::Rows(walk), _) => Outcome::of(*walk, plan),
    };
    Ok(states.into_iter().zip(plans).zip(&tables).map(outcome).collect())
}

impl Outcome {
    fn nothing() -> Self {
        Self { counts: Counts::default(), segments: HashMap::new(), currencies: HashMap::new(), events_seen: None }
    }

    fn of(walk: Walk<Counts>, plan: &Plan<'_>) -> Self {
        let segments = walk.sink.segment_ids().into_iter().map(|id| (id, walk.names.segments.get(id).clone())).collect();
        let numbers: HashSet<u32> =
            walk.sink.groups().flat_map(|(_, group)| group.money.iter().map(|(number, _)| *number)).collect();
        let named = |number: u32| Some((number, walk.names.currency_name(number)?.to_owned()));
        let currencies = numbers.into_iter().filter_map(named).collect();
        Self { segments, currencies, events_seen: plan.asks_for_events().then_some(walk.events_seen), counts: walk.sink }
    }
}

/// Adds one walk to another, whose segments and currencies have other numbers.
fn join_walks(mine: &mut Walk<Counts>, other: Walk<Counts>) {
    let Walk { sink, names, events_seen, .. } = other;
    let segments: HashMap<u32, u32> =
        sink.segment_ids().into_iter().map(|id| (id, mine.names.segments.id(names.segments.get(id).clone()))).collect();
    let numbers: BTreeSet<u32> = sink.groups().flat_map(|(_, group)| group.money.iter().map(|(number, _)| *number)).collect();
    let mut currencies: HashMap<u32, u32> = HashMap::new();
    for number in numbers {
        let here = names.currency_name(number).map_or(number, |name| mine.names.currency(name));
        currencies.insert(number, here);
    }
    mine.sink.join(sink, |id| segments[&id], |number| currencies[&number]);
    mine.events_seen.extend(events_seen);
}

/// Keeps the largest segments of a query that asks for them, and says whether others are drawn together.
pub(crate) fn keep_largest(plan: &mut Plan<'_>, outcome: &Outcome) -> bool {
    let Some(top) = plan.query.top else { return false };
    let mut sizes: BTreeMap<&Segment, u64> = BTreeMap::new();
    for (id, segment) in &outcome.segments {
        *sizes.entry(segment).or_default() += outcome.counts.members_of(*id);
    }
    if sizes.len() <= top {
        return false;
    }
    let mut ranked: Vec<(&Segment, u64)> = sizes.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let kept = ranked.into_iter().take(top).map(|(segment, _)| segment.clone()).collect();
    plan.keep(kept);
    true
}

/// The matrix of a history without activity.
fn without_activity(history: &History, query: &RetentionQuery, rules: &Rules) -> RetentionMatrix {
    RetentionMatrix {
        definition: crate::assembly::definition(query, rules, history.home_zone(), history.content()),
        measure: query.measure,
        value_average: rules.value_average,
        window: ObservationWindow::EMPTY,
        totals: Totals::default(),
        ages: Vec::new(),
        cohorts: Vec::new(),
        summary: Vec::new(),
        notes: Vec::new(),
    }
}
