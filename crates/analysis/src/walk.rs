//! The one walk: over each customer's run of rows, in order of time.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use tenure_history::{Part, Rows};
use tenure_model::{TimePoint, column};

use crate::bits::Bits;
use crate::clock::Exposure;
use crate::columns::Home;
use crate::counts::{NOBODY, WHOLE};
use crate::error::Error;
use crate::life::{Born, Counted, DAY, Event, Fate, Marks, Ranges, births, counted, retained, runs};
use crate::plan::{CONDITIONS, Plan};
use crate::predicate::{BucketCustomers, Memory, Predicate, distinct};
use crate::query::{Birth, SegmentAsOf};
use crate::segments::{NOTHING, SegmentId, SegmentIds};

/// The number of the currency of amounts without one.
pub(crate) const NO_CURRENCY: u32 = u32::MAX;

/// What a walk hands its findings to.
pub(crate) trait Sink {
    /// A member of a cohort, or of a segment of it.
    fn add(&mut self, plan: &Plan<'_>, names: &mut Numbering, member: &Member<'_>);

    /// A customer whose memberships have all been added.
    fn end_customer(&mut self, fate: Fate);
}

/// A membership as a sink sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) customer: i64,
    pub(crate) birth: &'a Born,
    /// The segment, or [`WHOLE`].
    pub(crate) segment: SegmentId,
    /// Whether the segment has members of its own; else it only has some of the cohort's activity.
    pub(crate) is_own: bool,
    pub(crate) exposure: Exposure,
    /// Where the member is retained.
    pub(crate) ranges: &'a [(u32, Option<u32>)],
    /// The ages with returns.
    pub(crate) runs: &'a [(u32, u32)],
    /// The activity that counts, of all segments; [`Member::valued`] gives that of this one.
    pub(crate) counted: &'a [Counted],
    /// The segment of each activity that counts, where segments are those of activity.
    pub(crate) segments: &'a [SegmentId],
    pub(crate) events: &'a [Event],
}

impl<'a> Member<'a> {
    /// The activity that counts as events, with its age.
    pub(crate) fn valued(&self) -> impl Iterator<Item = (u32, &'a Event)> {
        let (segments, segment, events) = (self.segments, self.segment, self.events);
        let mine = move |place: usize| segments.is_empty() || segments[place] == segment;
        let counted = self.counted.iter().enumerate().filter(move |(place, activity)| activity.valued && mine(*place));
        counted.map(move |(_, activity)| (activity.age, &events[activity.event]))
    }
}

/// The numbers that a walk gives to segments and currencies.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    pub(crate) segments: SegmentIds,
    currencies: HashMap<String, u32, FixedState>,
    currency_names: Vec<String>,
}

impl Numbering {
    pub(crate) fn currency(&mut self, name: &str) -> u32 {
        if let Some(number) = self.currencies.get(name) {
            return *number;
        }
        let number = self.currency_names.len() as u32;
        self.currencies.insert(name.to_owned(), number);
        self.currency_names.push(name.to_owned());
        number
    }

    /// The name of a currency; none of amounts without one.
    pub(crate) fn currency_name(&self, number: u32) -> Option<&str> {
        self.currency_names.get(number as usize).map(String::as_str)
    }

    /// The numbers that some of another walk's segments and all its currencies have here.
    pub(crate) fn take_in(&mut self, other: &Numbering, segments: impl IntoIterator<Item = SegmentId>) -> Renumbering {
        let named = segments.into_iter().filter(|id| *id != WHOLE);
        Renumbering {
            segments: named.map(|id| (id, self.segments.id(other.segments.get(id).clone()))).collect(),
            currencies: other.currency_names.iter().map(|name| self.currency(name)).collect(),
        }
    }
}

/// The numbers that the segments and currencies of one walk have in another.
#[derive(Debug)]
pub(crate) struct Renumbering {
    segments: HashMap<SegmentId, SegmentId, FixedState>,
    currencies: Vec<u32>,
}

impl Renumbering {
    pub(crate) fn segment(&self, id: SegmentId) -> SegmentId {
        if id == WHOLE { WHOLE } else { self.segments[&id] }
    }

    /// Amounts without currency have the same number everywhere.
    pub(crate) fn currency(&self, number: u32) -> u32 {
        self.currencies.get(number as usize).copied().unwrap_or(number)
    }
}

/// A walk over some buckets.
#[derive(Debug)]
pub(crate) struct Walk<S> {
    pub(crate) sink: S,
    pub(crate) names: Numbering,
    /// The names of events that were seen, where a condition asks for some.
    pub(crate) events_seen: HashSet<String>,
    memories: [Memory; CONDITIONS],
    bucket: Bucket,
    customer: i64,
    events: Vec<Event>,
    scratch: Scratch,
}

/// The customers of the bucket that is walked.
#[derive(Debug, Default)]
struct Bucket {
    customers: Option<BucketCustomers>,
    /// What each says of segments.
    halves: Vec<u32>,
    signed_up: Vec<Option<i32>>,
    /// Listed customers whose activity has not come.
    waiting: Vec<Option<i64>>,
}

#[derive(Debug, Default)]
struct Scratch {
    births: Vec<Born>,
    counted: Vec<Counted>,
    segments: Vec<SegmentId>,
    runs: Vec<(u32, u32)>,
    ranges: Ranges,
    part_runs: Vec<(u32, u32)>,
    part_ranges: Ranges,
    part: Vec<Event>,
}

impl<S: Sink> Walk<S> {
    pub(crate) fn new(sink: S) -> Self {
        Self {
            sink,
            names: Numbering::default(),
            events_seen: HashSet::new(),
            memories: Default::default(),
            bucket: Bucket::default(),
            customer: NOBODY,
            events: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Takes a part of a bucket in.
    pub(crate) fn step(&mut self, plan: &Plan<'_>, part: Part<'_>) -> Result<(), Error> {
        match part {
            Part::Customers(customers) => self.enter_bucket(plan, customers),
            Part::Activity(rows) => self.walk(plan, rows),
            Part::End => {
                self.end_customer(plan);
                // Declared customers without activity are members too.
                let waiting = std::mem::take(&mut self.bucket.waiting);
                for customer in waiting.into_iter().flatten() {
                    self.customer = customer;
                    self.live(plan);
                }
                self.customer = NOBODY;
                Ok(())
            }
        }
    }

    fn enter_bucket(&mut self, plan: &Plan<'_>, customers: &Rows) -> Result<(), Error> {
        let here = BucketCustomers::new(customers);
        self.bucket = Bucket { customers: Some(here.clone()), ..Bucket::default() };
        if plan.segments.has(Home::Customers) {
            self.bucket.halves = self.names.segments.of_customers(&plan.segments, customers);
        }
        if let Birth::Declared(name) = &plan.rules.birth {
            self.bucket.signed_up = declared(plan, customers, name)?;
            let listed = customers.listed().into_iter().flatten().zip(customers.customers());
            self.bucket.waiting = listed.map(|(listed, customer)| listed.then_some(*customer)).collect();
        }
        for (predicate, memory) in plan.predicates().into_iter().zip(&mut self.memories) {
            if let Some(predicate) = predicate {
                predicate.enter_bucket(memory, &plan.columns, &here)?;
            }
        }
        Ok(())
    }

    fn walk(&mut self, plan: &Plan<'_>, rows: &Rows) -> Result<(), Error> {
        let mut masks: [Option<Bits>; CONDITIONS] = Default::default();
        for ((mask, predicate), memory) in masks.iter_mut().zip(plan.predicates()).zip(&mut self.memories) {
            if let Some(predicate) = predicate {
                predicate.holds(memory, &plan.columns, rows, mask.insert(Bits::default()))?;
            }
        }
        if plan.asks_for_events() {
            distinct(rows.codes(column::EVENT).map(|codes| codes.names()).unwrap_or_default(), &mut self.events_seen);
        }
        let [filter, born, returned, named, member] = &masks;
        let marked = |mask: &Option<Bits>, row: usize| mask.as_ref().is_none_or(|mask| mask.get(row));
        let times = if plan.needs_time() { rows.times() } else { None };
        let values = rows.values();
        let currencies = rows.codes(column::CURRENCY);
        let currency_numbers: Vec<u32> = match currencies {
            Some(codes) => codes.names().into_iter().map(|name| self.names.currency(name)).collect(),
            None => Vec::new(),
        };
        let halves = plan.segments.has(Home::Activity).then(|| self.names.segments.of_rows(&plan.segments, rows));
        let mut units = plan.units.of_rows(rows);
        for (row, &customer) in rows.customers().iter().enumerate() {
            if customer != self.customer {
                self.end_customer(plan);
                self.customer = customer;
            }
            let time = times.map(|times| times[row]);
            if !marked(filter, row) || time.zip(plan.bounds.until).is_some_and(|(time, until)| time >= until) {
                continue;
            }
            let unit = units.at(row);
            let currency = currencies.and_then(|codes| codes.get(row)).map(|code| currency_numbers[code]);
            self.events.push(Event {
                at: time.unwrap_or(unit * DAY),
                unit,
                value: values.and_then(|values| values.get(row)),
                currency: currency.unwrap_or(NO_CURRENCY),
                half: halves.as_ref().map_or(NOTHING, |halves| halves[row]),
                marks: Marks {
                    born: marked(born, row),
                    returned: marked(returned, row),
                    named: marked(named, row),
                    member: marked(member, row),
                },
            });
        }
        Ok(())
    }

    fn end_customer(&mut self, plan: &Plan<'_>) {
        if self.customer != NOBODY {
            let place = self.place();
            let listed = place.and_then(|place| self.bucket.waiting.get_mut(place)).and_then(Option::take).is_some();
            if listed || !self.events.is_empty() {
                self.live(plan);
            }
        }
        self.events.clear();
    }

    /// The life of the customer at hand.
    fn live(&mut self, plan: &Plan<'_>) {
        let events = std::mem::take(&mut self.events);
        let each_alone = plan.rules.segment_as_of == SegmentAsOf::BirthAndReturn && plan.segments.has(Home::Activity);
        let fate = if each_alone {
            let mut halves: Vec<u32> = events.iter().map(|event| event.half).collect();
            if let Birth::Declared(_) = plan.rules.birth {
                // A declared birth has no value of activity: it is born among the rows without one alone.
                halves = vec![NOTHING];
            }
            halves.sort_unstable();
            halves.dedup();
            // Segments that are drawn together are one log.
            let customer = self.customer_half();
            let mut segments: Vec<SegmentId> =
                halves.into_iter().map(|half| self.names.segments.join(&plan.segments, half, customer)).collect();
            segments.sort_unstable();
            segments.dedup();
            let mut part = std::mem::take(&mut self.scratch.part);
            let mut fate = Fate::WithoutBirth;
            for segment in segments {
                part.clear();
                for event in &events {
                    if self.names.segments.join(&plan.segments, event.half, customer) == segment {
                        part.push(*event);
                    }
                }
                fate = fate.max(self.live_once(plan, &part));
            }
            self.scratch.part = part;
            fate
        } else {
            self.live_once(plan, &events)
        };
        self.sink.end_customer(fate);
        self.events = events;
    }

    /// The place of the customer at hand among those of the bucket.
    fn place(&self) -> Option<usize> {
        self.bucket.customers.as_ref().and_then(|customers| customers.place(self.customer))
    }

    /// What the customer at hand says of segments.
    fn customer_half(&self) -> u32 {
        let place = self.place();
        place.and_then(|place| self.bucket.halves.get(place)).copied().unwrap_or(NOTHING)
    }

    fn live_once(&mut self, plan: &Plan<'_>, events: &[Event]) -> Fate {
        let place = self.place();
        let signed_up = place.and_then(|place| self.bucket.signed_up.get(place).copied().flatten());
        let mut found = std::mem::take(&mut self.scratch.births);
        births(plan, events, signed_up, &mut found);
        let mut fate = Fate::WithoutBirth;
        for birth in &found {
            if plan.bounds.has_birth(birth.at) && birth.member {
                fate = Fate::Member;
                self.member(plan, events, birth);
            } else {
                fate = fate.max(Fate::BornOutside);
            }
        }
        self.scratch.births = found;
        fate
    }

    fn member(&mut self, plan: &Plan<'_>, events: &[Event], birth: &Born) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let exposure = counted(plan, events, birth, &mut scratch.counted);
        runs(scratch.counted.iter(), &mut scratch.runs);
        retained(plan, &scratch.runs, &mut scratch.ranges);
        let customer = self.customer_half();
        let own = match plan.rules.segment_as_of {
            _ if !plan.segments.any() => None,
            SegmentAsOf::Birth | SegmentAsOf::BirthAndReturn => Some(birth.half),
            SegmentAsOf::Latest => Some(events.last().map_or(NOTHING, |event| event.half)),
            SegmentAsOf::Activity => None,
        };
        let segment = own.map(|half| self.names.segments.join(&plan.segments, half, customer));
        let whole = Member {
            customer: self.customer,
            birth,
            segment: segment.unwrap_or(WHOLE),
            is_own: true,
            exposure,
            ranges: &scratch.ranges,
            runs: &scratch.runs,
            counted: &scratch.counted,
            segments: &[],
            events,
        };
        self.sink.add(plan, &mut self.names, &whole);
        if plan.segments.any() && plan.rules.segment_as_of == SegmentAsOf::Activity {
            let segments = &mut scratch.segments;
            segments.clear();
            for activity in &scratch.counted {
                segments.push(self.names.segments.join(&plan.segments, events[activity.event].half, customer));
            }
            let mut distinct = segments.clone();
            distinct.sort_unstable();
            distinct.dedup();
            for segment in distinct {
                let mine = scratch.counted.iter().zip(&*segments).filter(|(_, s)| **s == segment).map(|(c, _)| c);
                runs(mine, &mut scratch.part_runs);
                retained(plan, &scratch.part_runs, &mut scratch.part_ranges);
                let part =
                    Member { segment, is_own: false, ranges: &scratch.part_ranges, runs: &scratch.part_runs, segments, ..whole };
                self.sink.add(plan, &mut self.names, &part);
            }
        }
        self.scratch = scratch;
    }
}

/// The sign-up dates of a bucket's customers: a column of dates, or of texts that are dates.
fn declared(plan: &Plan<'_>, customers: &Rows, name: &str) -> Result<Vec<Option<i32>>, Error> {
    if let Some(dates) = customers.dates(name) {
        return Ok(dates.collect());
    }
    let Some(codes) = customers.codes(name) else { return Ok(vec![None; customers.len()]) };
    let read = |text: &str| -> Result<i32, Error> {
        let point: TimePoint = text.parse().map_err(|_| {
            Error::query(format!(
                "--birth declared:{name}: \"{text}\" is no date; expected a column of dates (YYYY-MM-DD), such as signed_up"
            ))
        })?;
        Ok(match point {
            TimePoint::Day(day) => day.0,
            TimePoint::Instant(at) => plan.units.zone().day_of(at).0,
        })
    };
    let dates = codes.names().into_iter().map(read).collect::<Result<Vec<i32>, Error>>()?;
    Ok((0..customers.len()).map(|row| codes.get(row).map(|code| dates[code])).collect())
}

/// Whether a condition asks for an event that the history does not have.
pub(crate) fn unknown_event<'a>(predicate: &'a Predicate, seen: &HashSet<String>) -> Option<&'a str> {
    predicate.events().find(|event| !seen.contains(*event))
}
