use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rayon::prelude::*;
use tenure_history::{History, Part};
use tenure_model::{ObservationWindow, Table};

use crate::assembly::assemble;
use crate::counts::Counts;
use crate::dense::DenseWalk;
use crate::dense_tables::DenseTables;
use crate::dialect::Rules;
use crate::error::Error;
use crate::events::no_such_event;
use crate::matrix::{RetentionMatrix, Segment, Totals};
use crate::plan::Plan;
use crate::predicate::BucketCustomers;
use crate::query::{RetentionQuery, Source};
use crate::segments::SegmentIds;
use crate::shared::{Batch, Shared, Wants};
use crate::subscriptions::subscription_retention;
use crate::walk::{Numbering, Walk, unknown_event};

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
        if query.source == Source::Subscriptions {
            let matrix = subscription_retention(history, query, &rules).map_err(|error| error.of_query(place))?;
            ready.push(Some(matrix));
            continue;
        }
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
    let assembled = |(plan, outcome): (&Plan<'_>, Outcome)| outcome.check(history, plan).and_then(|()| assemble(plan, &outcome));
    let counted: Vec<Result<RetentionMatrix, Error>> = plans.par_iter().zip(counted).map(assembled).collect();
    let mut counted = counted.into_iter();
    let matrices = ready.into_iter().enumerate().filter_map(|(place, ready)| match ready {
        Some(matrix) => Some(Ok(matrix)),
        None => Some(counted.next()?.map_err(|error| error.of_query(place))),
    });
    matrices.collect()
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

/// What a thread has counted for each query.
struct Thread<'a> {
    batch: Batch,
    walks: Vec<AnyWalk<'a>>,
}

/// The walk of one query.
enum AnyWalk<'a> {
    Dense(Box<DenseWalk>, &'a DenseTables, &'a Wants),
    Rows(Box<Walk<Counts>>),
}

impl AnyWalk<'_> {
    fn segments(&self) -> &SegmentIds {
        match self {
            AnyWalk::Dense(walk, ..) => walk.segments(),
            AnyWalk::Rows(walk) => &walk.names.segments,
        }
    }

    /// Whether there are more cells than can be shown.
    fn has_too_many(&self) -> bool {
        match self {
            AnyWalk::Dense(walk, ..) => walk.has_too_many(),
            AnyWalk::Rows(walk) => walk.sink.too_many,
        }
    }
}

/// What a walk has counted.
struct Tallied {
    counts: Counts,
    names: Numbering,
    events_seen: HashSet<String>,
}

/// Counts for all plans in one pass.
pub(crate) fn count(history: &History, plans: &[&Plan<'_>]) -> Result<Vec<Outcome>, Error> {
    let mut shared = Shared::default();
    let wants: Vec<Option<(&DenseTables, Wants)>> = plans
        .iter()
        .map(|plan| {
            let tables = plan.dense.as_ref()?;
            Some((tables, shared.add(plan, tables.periods(plan))))
        })
        .collect();
    let reads: BTreeSet<String> = plans.iter().flat_map(|plan| plan.reads()).collect();
    let customers = plans.iter().any(|plan| plan.needs_customers());
    let scan = history.scan_table(Table::Activity, reads.iter().map(String::as_str));
    let scan = if plans.iter().any(|plan| plan.needs_full_order()) { scan.in_full_order() } else { scan };
    let start = || {
        let walks = wants.iter().map(|wants| match wants {
            Some((tables, wants)) => AnyWalk::Dense(Box::default(), tables, wants),
            None => AnyWalk::Rows(Box::new(Walk::new(Counts::default()))),
        });
        vec![Thread { batch: Batch::default(), walks: walks.collect() }]
    };
    let step = |threads: &mut Vec<Thread<'_>>, part: Part<'_>| {
        threads.iter_mut().try_for_each(|thread| thread.step(part, plans, &shared))
    };
    let join = |mut threads: Vec<_>, others: Vec<_>| {
        threads.extend(others);
        threads
    };
    let mut walks: Vec<Vec<AnyWalk<'_>>> = plans.iter().map(|_| Vec::new()).collect();
    for thread in scan.fold_parts(customers, start, step, join)? {
        walks.iter_mut().zip(thread.walks).for_each(|(walks, walk)| walks.push(walk));
    }
    let outcome = |(walks, plan): (Vec<AnyWalk<'_>>, &&Plan<'_>)| {
        let Some(tallied) = Tallied::of(walks, plan) else { return Ok(Outcome::nothing()) };
        tallied.names.segments.check_count(&plan.query.by)?;
        Ok(tallied.outcome(plan))
    };
    walks.into_par_iter().zip(plans).map(outcome).collect()
}

impl Thread<'_> {
    fn step(&mut self, part: Part<'_>, plans: &[&Plan<'_>], shared: &Shared<'_>) -> Result<(), Error> {
        let some_dense = self.walks.iter().any(|walk| matches!(walk, AnyWalk::Dense(..)));
        let customers = match part {
            Part::Customers(customers) if some_dense => Some(BucketCustomers::new(customers)),
            _ => None,
        };
        if let Some(customers) = &customers {
            self.batch.enter_bucket(shared, customers)?;
        }
        if let (Part::Activity(rows), true) = (part, some_dense) {
            self.batch.fill(shared, rows)?;
        }
        for (walk, plan) in self.walks.iter_mut().zip(plans) {
            // What can't be shown need not be counted to its end, unless the largest segments are to be found.
            if walk.has_too_many() && plan.query.top.is_none() {
                continue;
            }
            match (&mut *walk, part) {
                (AnyWalk::Rows(walk), _) => walk.step(plan, part)?,
                (AnyWalk::Dense(walk, ..), Part::Customers(_)) => {
                    customers.iter().for_each(|customers| walk.enter_bucket(plan, customers));
                }
                (AnyWalk::Dense(walk, tables, wants), Part::Activity(rows)) => walk.walk(plan, tables, wants, &self.batch, rows),
                (AnyWalk::Dense(..), Part::End) => {}
            }
            walk.segments().check_count(&plan.query.by)?;
        }
        Ok(())
    }
}

impl Outcome {
    fn nothing() -> Self {
        Self { counts: Counts::default(), segments: HashMap::new(), currencies: HashMap::new(), events_seen: None }
    }
}

impl Tallied {
    fn outcome(self, plan: &Plan<'_>) -> Outcome {
        let Tallied { counts, names, events_seen } = self;
        let segments = counts.segment_ids().into_iter().map(|id| (id, names.segments.get(id).clone())).collect();
        let numbers: HashSet<u32> =
            counts.groups().flat_map(|(_, group)| group.money.iter().map(|(number, _)| *number)).collect();
        let named = |number: u32| Some((number, names.currency_name(number)?.to_owned()));
        let currencies = numbers.into_iter().filter_map(named).collect();
        Outcome { segments, currencies, events_seen: plan.asks_for_events().then_some(events_seen), counts }
    }

    /// What the walks of a plan have counted together.
    fn of(walks: Vec<AnyWalk<'_>>, plan: &Plan<'_>) -> Option<Self> {
        let (mut sum, mut dense): (Option<Self>, Option<(Box<DenseWalk>, &DenseTables)>) = (None, None);
        for walk in walks {
            match (walk, &mut sum, &mut dense) {
                // Tables are added up as tables.
                (AnyWalk::Dense(walk, tables, _), _, Some((first, _))) => first.join(tables, *walk),
                (AnyWalk::Dense(walk, tables, _), _, None) => dense = Some((walk, tables)),
                (AnyWalk::Rows(walk), Some(sum), _) => sum.join(Self::of_rows(*walk)),
                (AnyWalk::Rows(walk), None, _) => sum = Some(Self::of_rows(*walk)),
            }
        }
        dense.map_or(sum, |(walk, tables)| {
            let (counts, names, events_seen) = walk.finish(plan, tables);
            Some(Self { counts, names, events_seen })
        })
    }

    fn of_rows(walk: Walk<Counts>) -> Self {
        Self { counts: walk.sink, names: walk.names, events_seen: walk.events_seen }
    }

    /// Adds what another walk has counted, whose segments and currencies have other numbers.
    fn join(&mut self, other: Tallied) {
        let Tallied { counts, names, events_seen } = other;
        let numbers = self.names.take_in(&names, counts.segment_ids());
        self.counts.join(counts, &numbers);
        self.events_seen.extend(events_seen);
    }
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
