//! Counts become a matrix.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tenure_history::Fingerprint;
use tenure_model::{Age, AgeRange, Cell, Criterion, Decimal, Zone};

use crate::counts::{Counters, Group, Money, WHOLE};
use crate::dialect::{AgeZero, Rules};
use crate::error::Error;
use crate::interval::Wilson;
use crate::matrix::{CellValue, CohortCell, CohortRow, CohortStart, Definition, RetentionMatrix, Segment, Totals};
use crate::plan::Plan;
use crate::query::{Birth, Measure, RetentionQuery, SegmentAsOf};
use crate::retention::{MOST_AGES, Outcome};
use crate::segments::OTHER;
use crate::summary::{SummaryCell, summarize};
use crate::summary_revenue::{Wholes, stories};
use crate::tally::last_age_to_live;

/// More cells than anybody looks at.
pub(crate) const MOST_CELLS: u64 = 3_000_000;

/// The definition that a result carries.
pub(crate) fn definition(query: &RetentionQuery, rules: &Rules, home_zone: &Zone, content: Fingerprint) -> Definition {
    let zone = query.zone.as_ref().unwrap_or(home_zone);
    let instant = |point: Option<tenure_model::TimePoint>| point.map(|point| point.resolve(zone).to_string());
    Definition {
        source: query.source.name(),
        birth: rules.birth.to_string(),
        born: query.born.clone(),
        returned: query.returned.clone(),
        filter: query.filter.clone(),
        min_returns: query.min_returns,
        cohort: query.cohort.to_string(),
        age: query.age_period().to_string(),
        alignment: rules.alignment.to_string(),
        criterion: rules.criterion.to_string(),
        brackets: if let Criterion::Brackets(brackets) = &rules.criterion { Some(brackets.to_string()) } else { None },
        by: query.by.clone(),
        segment_as_of: rules.segment_as_of.to_string(),
        top: query.top,
        min_size: query.min_size,
        measure: query.measure.to_string(),
        currency: query.rates.as_ref().and_then(|rates| rates.target.clone()),
        rates: query.rates.as_ref().map(|rates| rates.source.clone()),
        zone: zone.name().to_owned(),
        week_start: query.week_start.to_string(),
        fiscal_start: query.fiscal_start.to_string(),
        cohort_origin: query.origin.map(|day| day.to_string()),
        born_from: instant(query.born_from),
        born_until: instant(query.born_until),
        summary: rules.summary.to_string(),
        level: query.level,
        dialect: query.dialect.name(),
        content: content.to_string(),
    }
}

/// The matrix of a query from what was counted.
pub(crate) fn assemble(plan: &Plan<'_>, outcome: &Outcome) -> Result<RetentionMatrix, Error> {
    let counts = &outcome.counts;
    let currencies = currencies(plan, outcome);
    check_size(plan, outcome, currencies.len() as u64)?;
    let cohorts = cohorts(plan, outcome);
    let ages = ages(plan, &cohorts);
    let wilson = Wilson::new(plan.query.level);
    let least = plan.query.min_size.unwrap_or_default();
    let (mut rows, mut hidden) = (Vec::new(), 0);
    let mut by_segment: BTreeMap<SegmentOrder, Vec<SummaryCell>> = BTreeMap::new();
    let mut over_all: Vec<SummaryCell> = Vec::new();
    let mut wholes = Wholes::default();
    for cohort in &cohorts {
        let whole = Curve::new(plan, &cohort.whole, &cohort.whole);
        let states = whole.states(&ages);
        whole.add_whole(&mut wholes, None, &ages, &states, &outcome.currencies);
        over_all.extend(states.into_iter().enumerate().map(|(place, cell)| SummaryCell { place, cell }));
        for (segment, group) in &cohort.parts {
            let members = if cohort.parts_overlap { &cohort.whole } else { group };
            let curve = Curve::new(plan, members, group);
            let states = curve.states(&ages);
            if plan.segments.any() {
                let cells = states.iter().enumerate().map(|(place, &cell)| SummaryCell { place, cell });
                by_segment.entry(SegmentOrder(segment.clone())).or_default().extend(cells);
                curve.add_whole(&mut wholes, Some(segment), &ages, &states, &outcome.currencies);
            }
            if members.size < least {
                hidden += 1;
                continue;
            }
            for currency in &currencies {
                let cells = ages.iter().zip(&states).map(|(&age, &cell)| curve.cell(age, cell, &wilson));
                let mut cells: Vec<CohortCell> = cells.collect();
                if plan.query.measure == Measure::Value {
                    curve.add_values(&mut cells, currency.as_deref(), &outcome.currencies);
                }
                rows.push(CohortRow {
                    start: start(plan, cohort.number),
                    segment: segment.clone(),
                    currency: currency.clone(),
                    size: members.size,
                    cells,
                });
            }
        }
    }
    let summary = plan.rules.summary;
    let mut points = Vec::new();
    for (segment, cells) in by_segment {
        points.extend(summarize(Some(segment.0), &ages, cells, summary, &wilson));
    }
    points.extend(summarize(None, &ages, over_all, summary, &wilson));
    wholes.add_to(&mut points, value_scale(plan));
    let mut notes = notes(plan);
    notes.extend(stories(&points));
    Ok(RetentionMatrix {
        definition: definition(plan.query, &plan.rules, plan.units.zone(), plan.content),
        measure: plan.query.measure,
        value_average: plan.rules.value_average,
        window: plan.window,
        totals: Totals {
            customers: counts.customers,
            members: counts.members,
            memberships: cohorts.iter().map(|cohort| cohort.whole.size).sum(),
            born_outside_range: counts.born_outside,
            without_birth: counts.without_birth,
            hidden_cohorts: hidden,
        },
        ages,
        cohorts: rows,
        summary: points,
        notes,
    })
}

/// A cohort and its segments; without segments itself.
pub(crate) struct Cohort {
    pub(crate) number: i32,
    pub(crate) whole: Group,
    pub(crate) parts: Vec<(Segment, Group)>,
    /// Whether a member may be in several parts: then members are the whole's.
    pub(crate) parts_overlap: bool,
}

/// The cohorts, in order of time, their segments in order.
fn cohorts(plan: &Plan<'_>, outcome: &Outcome) -> Vec<Cohort> {
    let parts_overlap = plan.segments.any() && plan.rules.segment_as_of == SegmentAsOf::Activity;
    let mut cohorts: BTreeMap<i32, (Group, BTreeMap<SegmentOrder, Group>)> = BTreeMap::new();
    for ((number, id), group) in outcome.counts.groups() {
        let (whole, parts) = cohorts.entry(number).or_default();
        match outcome.segments.get(&id) {
            Some(segment) => {
                parts.entry(SegmentOrder(segment.clone())).or_default().join(group);
                if !parts_overlap {
                    whole.join(group);
                }
            }
            None => {
                debug_assert_eq!(id, WHOLE);
                whole.join(group);
            }
        }
    }
    // A segment of activity is asked about in each cohort, also where nobody was active in it.
    let all: BTreeSet<SegmentOrder> =
        if parts_overlap { cohorts.values().flat_map(|(_, parts)| parts.keys().cloned()).collect() } else { BTreeSet::new() };
    let cohort = |(number, (whole, mut parts)): (i32, (Group, BTreeMap<SegmentOrder, Group>))| {
        all.iter().for_each(|segment| {
            parts.entry(segment.clone()).or_default();
        });
        let parts = if plan.segments.any() {
            parts.into_iter().map(|(segment, group)| (segment.0, group)).collect()
        } else {
            vec![(Segment::new(), whole.clone())]
        };
        Cohort { number, whole, parts, parts_overlap }
    };
    cohorts.into_iter().map(cohort).collect()
}

/// Segments in the order of results: by value, those without one after them, those drawn together last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SegmentOrder(Segment);

impl SegmentOrder {
    fn key(&self) -> impl Ord + '_ {
        let place = |value: &Option<String>| match value.as_deref() {
            Some(OTHER) => 2,
            None => 1,
            Some(_) => 0,
        };
        self.0.iter().map(|value| (place(value), value.as_deref())).collect::<Vec<_>>()
    }
}

impl PartialOrd for SegmentOrder {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SegmentOrder {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Refuses tables that are too large to be looked at, before they are made.
pub(crate) fn check_size(plan: &Plan<'_>, outcome: &Outcome, currencies: u64) -> Result<(), Error> {
    let (mut cohorts, mut segments, mut begun, mut groups) = (BTreeSet::new(), BTreeSet::new(), 0, 0u64);
    for ((cohort, id), group) in outcome.counts.groups() {
        cohorts.insert(cohort);
        segments.insert(id);
        begun = begun.max(group.begun);
        groups += 1;
    }
    let overlap = plan.segments.any() && plan.rules.segment_as_of == SegmentAsOf::Activity;
    let parts = if overlap { cohorts.len() as u64 * segments.len() as u64 } else { groups };
    let ages = plan.asked_count().unwrap_or(begun.into());
    let too_many = outcome.counts.too_many || parts.saturating_mul(ages).saturating_mul(currencies) > MOST_CELLS;
    if too_many || ages > u64::from(MOST_AGES) {
        let (unit, more) = (plan.query.age_period(), if outcome.counts.too_many { "more than " } else { "" });
        let what = if plan.segments.any() { "cohorts and segments" } else { "cohorts" };
        let of_currencies = if currencies > 1 { format!(" and {currencies} currencies") } else { String::new() };
        let fewer = if plan.segments.any() { "--top, " } else { "" };
        return Err(Error::query(format!(
            "{more}{parts} {what} by {ages} ages (counted by {unit}){of_currencies} are too many to show; choose longer periods, {fewer}--ages, --at or --born-from"
        )));
    }
    Ok(())
}

/// The ages or brackets shown.
fn ages(plan: &Plan<'_>, cohorts: &[Cohort]) -> Vec<AgeRange> {
    let begun = cohorts.iter().map(|cohort| cohort.whole.begun).max().unwrap_or_default();
    plan.asked().unwrap_or_else(|| (0..begun).map(|age| AgeRange::one(Age(age))).collect())
}

/// The currencies of the blocks; one block where amounts do not matter or there are none.
fn currencies(plan: &Plan<'_>, outcome: &Outcome) -> Vec<Option<String>> {
    if plan.query.measure != Measure::Value {
        return vec![None];
    }
    if let Some(rates) = &plan.query.rates {
        return vec![rates.target.clone()];
    }
    let numbers = outcome.counts.groups().flat_map(|(_, group)| group.money.iter().map(|(number, _)| number));
    let found: BTreeSet<Option<String>> = numbers.map(|number| outcome.currencies.get(number).cloned()).collect();
    if found.is_empty() { vec![None] } else { found.into_iter().collect() }
}

pub(crate) fn start(plan: &Plan<'_>, cohort: i32) -> CohortStart {
    let periods = &plan.units.cohorts;
    if periods.by_day() {
        CohortStart::Day(periods.first_day(cohort))
    } else {
        let start = periods.start(cohort);
        CohortStart::Hour(start, start.in_zone(plan.units.zone()))
    }
}

/// A cohort or a segment of it, its cells not yet made.
struct Curve<'a> {
    plan: &'a Plan<'a>,
    /// Whose size and exposure count.
    members: &'a Group,
    /// Whose activity counts.
    group: &'a Group,
    exposed: Counters,
    retained: Counters,
    retained_exposed: Counters,
}

impl<'a> Curve<'a> {
    fn new(plan: &'a Plan<'a>, members: &'a Group, group: &'a Group) -> Self {
        let (retained, retained_exposed) = (group.retained.counters(), group.retained_exposed.counters());
        Self { plan, members, group, exposed: members.exposed.counters(), retained, retained_exposed }
    }

    /// The place that counters have for the age or bracket shown at a place.
    fn counter(&self, at: usize, age: AgeRange) -> u32 {
        if matches!(self.plan.rules.criterion, Criterion::Brackets(_)) { at as u32 } else { age.from.0 }
    }

    fn state(&self, at: usize, age: AgeRange) -> Cell {
        let size = self.members.size;
        let exposed = self.exposed.get(last_age_to_live(age));
        let counter = self.counter(at, age);
        let (retained, retained_exposed) = if age.from == Age::BIRTH && self.plan.rules.age_zero == AgeZero::Everyone {
            // Also in a segment of activity, in which not every member was active.
            (size, exposed)
        } else {
            (self.retained.get(counter), self.retained_exposed.get(counter))
        };
        if exposed == size {
            Cell::Complete { size, retained }
        } else if self.members.begun > age.from.0 {
            Cell::InProgress { exposed, retained, retained_exposed }
        } else {
            Cell::Unobserved
        }
    }

    /// The cell of each age or bracket shown.
    fn states(&self, ages: &[AgeRange]) -> Vec<Cell> {
        ages.iter().enumerate().map(|(at, &age)| self.state(at, age)).collect()
    }

    fn cell(&self, age: AgeRange, cell: Cell, wilson: &Wilson) -> CohortCell {
        let interval = match cell {
            Cell::Complete { size, retained } => wilson.interval(retained, size),
            Cell::InProgress { .. } | Cell::Unobserved => None,
        };
        let counts = self.plan.query.measure == Measure::Events && cell != Cell::Unobserved;
        let events = counts.then(|| self.group.events.range(age.from.0, age.to.map(|to| to.0)).sum());
        CohortCell { age, cell, interval, events, value: None }
    }

    /// Adds the value of each single age that all members have lived, and that of age 0.
    fn add_whole(
        &self,
        wholes: &mut Wholes,
        segment: Option<&Segment>,
        ages: &[AgeRange],
        states: &[Cell],
        names: &HashMap<u32, String>,
    ) {
        if self.plan.query.measure != Measure::Value || matches!(self.plan.rules.criterion, Criterion::Brackets(_)) {
            return;
        }
        for (&age, state) in ages.iter().zip(states) {
            let Cell::Complete { size, retained } = *state else { continue };
            let whole = wholes.at(segment.cloned(), age);
            whole.members += size;
            whole.retained += retained;
            for (number, money) in &self.group.money {
                let (value, at_birth) = whole.values.entry(names.get(number).cloned()).or_default();
                *value += money.total.get(age.from.0);
                *at_birth += money.total.get(0);
            }
        }
    }

    fn add_values(&self, cells: &mut [CohortCell], currency: Option<&str>, names: &HashMap<u32, String>) {
        let nothing = Money::default();
        let found = self.group.money.iter().find(|(number, _)| names.get(number).map(String::as_str) == currency);
        let money = found.map_or(&nothing, |(_, money)| money);
        let scale = value_scale(self.plan);
        let (size, unpriced) = (self.members.size, &self.group.unpriced);
        for (at, cell) in cells.iter_mut().enumerate().filter(|(_, cell)| cell.cell != Cell::Unobserved) {
            let (from, to) = (cell.age.from.0, cell.age.to.map(|to| to.0));
            let active = self.group.active.get(self.counter(at, cell.age));
            let unpriced: u64 = unpriced.range(from, to).sum();
            let total = Decimal::new(money.total.range(from, to).sum(), scale);
            cell.events = Some(money.events.range(from, to).sum::<u64>() + unpriced);
            cell.value = Some(Box::new(CellValue {
                active,
                total,
                missing: money.missing.range(from, to).sum::<u64>() + unpriced,
                per_member: total.divided_by(size),
                per_active: total.divided_by(active),
                cumulative_per_member: Decimal::new(money.total.range(0, to).sum(), scale).divided_by(size),
            }));
        }
    }
}

/// Decimals of values, converted or not.
fn value_scale(plan: &Plan<'_>) -> u8 {
    plan.scale + plan.query.rates.as_ref().map_or(0, crate::query::Rates::scale)
}

/// What a reader must know to read the numbers right.
fn notes(plan: &Plan<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let open_bracket = match &plan.rules.criterion {
        Criterion::Brackets(brackets) => brackets.ranges().iter().any(|range| range.to.is_none()),
        criterion => *criterion == Criterion::OnOrAfter,
    };
    if open_bracket {
        notes.push("on-or-after keeps growing as data arrives: a later return counts for every age before it".to_owned());
    }
    if plan.segments.any() {
        match plan.rules.segment_as_of {
            SegmentAsOf::Activity => notes.push(
                "segments at activity: a member may be retained in several, so that retained does not add up over segments; sizes are the cohorts'"
                    .to_owned(),
            ),
            SegmentAsOf::BirthAndReturn => {
                notes.push("each segment is analysed as if its rows were the whole log: a customer may be in several".to_owned());
            }
            SegmentAsOf::Birth | SegmentAsOf::Latest => {}
        }
    }
    let of_activity = plan.segments.has(crate::columns::Home::Activity);
    if matches!(plan.rules.birth, Birth::Declared(_)) && of_activity && plan.rules.segment_as_of == SegmentAsOf::Birth {
        notes.push(
            "a declared birth has no row of activity: columns of activity are (none) at birth; use a column of the customers table, or --segment-as-of latest"
                .to_owned(),
        );
    }
    if matches!(plan.rules.birth, Birth::Declared(_)) && plan.born.is_some() {
        notes.push("births are declared, so --born has no say".to_owned());
    }
    if plan.query.min_size.is_some() {
        notes.push("cohorts below --min-size are not shown; the summary rests on all".to_owned());
    }
    notes
}
