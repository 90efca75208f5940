//! Lives of activity told to a tally, customer by customer, in parallel.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use foldhash::fast::FixedState;
use tenure_history::{History, Part};
use tenure_model::Table;

use crate::counts::WHOLE;
use crate::dialect::Rules;
use crate::error::Error;
use crate::events::no_such_event;
use crate::life::Fate;
use crate::matrix::Segment;
use crate::plan::Plan;
use crate::query::RetentionQuery;
use crate::segments::SegmentId;
use crate::walk::{Member, Numbering, Renumbering, Sink, Walk, unknown_event};

/// What lives add up to.
pub(crate) trait Tally: Send {
    /// Takes a life in: its birth, and all its activity that counts in the question, in order of time.
    fn add(&mut self, plan: &Plan<'_>, names: &mut Numbering, life: &Member<'_>);

    /// The segments that it has numbers of.
    fn segments(&self) -> Vec<SegmentId>;

    /// Adds what another walk has tallied.
    fn join(&mut self, other: Self, numbers: &Renumbering);
}

/// A tally as a walk sees it.
#[derive(Debug)]
struct Lives<T> {
    tally: T,
    by: LifeSegments,
}

/// What parts lives into segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LifeSegments {
    /// The columns of the question, where it has any.
    Columns,
    /// The periods in which lives began.
    Cohorts,
}

impl<T: Tally> Sink for Lives<T> {
    fn add(&mut self, plan: &Plan<'_>, names: &mut Numbering, member: &Member<'_>) {
        match self.by {
            LifeSegments::Columns => self.tally.add(plan, names, member),
            LifeSegments::Cohorts => {
                let cohort = plan.units.cohorts.first_day(member.birth.cohort).to_string();
                let segment = names.segments.id(vec![Some(cohort)]);
                self.tally.add(plan, names, &Member { segment, ..*member });
            }
        }
    }

    fn end_customer(&mut self, _: Fate) {}
}

/// A tally of all lives, and the segments by the numbers it knows them by; each of one column.
pub(crate) struct Tallied<T> {
    pub(crate) tally: T,
    pub(crate) names: Numbering,
}

impl<T> Tallied<T> {
    /// The segment of a number; empty where there are none.
    pub(crate) fn segment(&self, id: SegmentId) -> Segment {
        if id == WHOLE { Segment::new() } else { self.names.segments.get(id).clone() }
    }

    /// The currency of a number; none of amounts without one.
    pub(crate) fn currency(&self, number: u32) -> Option<String> {
        self.names.currency_name(number).map(str::to_owned)
    }
}

/// Makes the plan of a question; nothing for a history without activity.
pub(crate) fn plan<'a>(history: &History, query: &'a RetentionQuery) -> Result<Option<Plan<'a>>, Error> {
    Plan::new(history, query, Rules::of(query))
}

/// Tells all lives of a plan to tallies that `start` makes, and adds these up.
pub(crate) fn tally<T: Tally>(
    history: &History,
    plan: &Plan<'_>,
    by: LifeSegments,
    start: impl Fn() -> T + Sync,
) -> Result<Tallied<T>, Error> {
    let reads = plan.reads();
    let scan = history.scan_table(Table::Activity, reads.iter().map(String::as_str));
    let scan = if plan.needs_full_order() { scan.in_full_order() } else { scan };
    let walks = scan.fold_parts(
        plan.needs_customers(),
        || vec![Walk::new(Lives { tally: start(), by })],
        |walks, part: Part<'_>| {
            walks.iter_mut().try_for_each(|walk| {
                walk.step(plan, part)?;
                walk.names.segments.check_count(&plan.query.by)
            })
        },
        |mut walks, others| {
            walks.extend(others);
            walks
        },
    )?;
    let mut walks = walks.into_iter();
    let Some(first) = walks.next() else { return Ok(Tallied { tally: start(), names: Numbering::default() }) };
    let (mut tally, mut names, mut seen) = (first.sink.tally, first.names, first.events_seen);
    for Walk { sink, names: theirs, events_seen, .. } in walks {
        let numbers = names.take_in(&theirs, sink.tally.segments());
        tally.join(sink.tally, &numbers);
        seen.extend(events_seen);
    }
    names.segments.check_count(&plan.query.by)?;
    if plan.asks_for_events() {
        for predicate in plan.predicates().into_iter().flatten() {
            if let Some(event) = unknown_event(predicate, &seen) {
                return Err(no_such_event(history, predicate, event)?);
            }
        }
    }
    Ok(Tallied { tally, names })
}

/// What a place in a table of counters holds.
pub(crate) trait Counter: Default + Send {
    /// Adds another.
    fn add(&mut self, other: &Self);
}

/// Counters by segment and something else, such as the number of a period.
#[derive(Debug)]
pub(crate) struct BySegment<K, C>(pub(crate) HashMap<(SegmentId, K), C, FixedState>);

impl<K, C> Default for BySegment<K, C> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<K: Eq + Hash + Copy + Ord, C: Counter> BySegment<K, C> {
    /// The counter of a place.
    pub(crate) fn at(&mut self, segment: SegmentId, key: K) -> &mut C {
        self.0.entry((segment, key)).or_default()
    }

    /// The segments that it has numbers of, each once.
    pub(crate) fn segments(&self) -> Vec<SegmentId> {
        let mut ids: Vec<SegmentId> = self.0.keys().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Adds the counters of another walk.
    pub(crate) fn join(&mut self, other: Self, numbers: &Renumbering) {
        for ((segment, key), counter) in other.0 {
            self.at(numbers.segment(segment), key).add(&counter);
        }
    }

    /// The counters by segment in the order of results, the whole first: it is the sum where segments part the customers.
    pub(crate) fn in_order<T>(self, tallied: &Tallied<T>) -> BTreeMap<SegmentPlace, BTreeMap<K, C>> {
        let mut ordered: BTreeMap<SegmentPlace, BTreeMap<K, C>> = BTreeMap::new();
        ordered.entry(SegmentPlace::Whole).or_default();
        for ((segment, key), counter) in self.0 {
            if segment != WHOLE {
                ordered.entry(SegmentPlace::named(&tallied.names, segment)).or_default().entry(key).or_default().add(&counter);
            }
            ordered.entry(SegmentPlace::Whole).or_default().entry(key).or_default().add(&counter);
        }
        ordered
    }
}

/// Where a segment stands in results: the whole, then by value, then those without one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SegmentPlace {
    Whole,
    /// A band of numbers, which are in their own order.
    Band(u8, &'static str),
    Value(String),
    Missing,
}

impl SegmentPlace {
    pub(crate) fn of(value: Option<String>) -> Self {
        value.map_or(SegmentPlace::Missing, SegmentPlace::Value)
    }

    /// That of a number in a walk over one column.
    pub(crate) fn named(names: &Numbering, id: SegmentId) -> Self {
        if id == WHOLE { SegmentPlace::Whole } else { SegmentPlace::of(names.segments.get(id).first().cloned().flatten()) }
    }

    /// As results have it: nothing for the whole, else the value, which may be missing.
    pub(crate) fn value(&self) -> Option<Option<String>> {
        match self {
            SegmentPlace::Whole => None,
            SegmentPlace::Band(_, name) => Some(Some((*name).to_owned())),
            SegmentPlace::Value(value) => Some(Some(value.clone())),
            SegmentPlace::Missing => Some(None),
        }
    }
}
