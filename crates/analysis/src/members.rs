//! Who is in a cell, and who is not.

use std::collections::{BTreeSet, HashSet};

use tenure_history::{History, Part};
use tenure_model::{Age, AgeRange, CellState, Criterion, Instant, Table, TimePoint};

use crate::assembly::{check_size, definition, start};
use crate::counts::WHOLE;
use crate::dialect::{AgeZero, Rules};
use crate::error::Error;
use crate::life::{Born, Fate};
use crate::matrix::{CohortStart, Definition, Segment};
use crate::plan::Plan;
use crate::query::{Measure, RetentionQuery, SegmentAsOf};
use crate::retention::{count, keep_largest};
use crate::tally::last_age_to_live;
use crate::walk::{Member, Numbering, Sink, Walk};

/// A cell of a retention matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellOf {
    /// A date or an instant in the cohort's period.
    pub cohort: TimePoint,
    /// The age, or an age of the bracket.
    pub age: Age,
    /// Values of `by` columns; those that are not named may be any. None is a missing value.
    pub segment: Vec<(String, Option<String>)>,
}

/// The members of a cell, or of its cohort who are not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Members {
    /// The rules that the query follows.
    pub definition: Definition,
    /// The start of the cohort's period.
    pub cohort: CohortStart,
    /// The age or bracket.
    pub age: AgeRange,
    /// How far the cohort has lived it; with several segments how far the least has.
    pub state: CellState,
    /// The members, by id.
    pub rows: Vec<MemberRow>,
}

/// A member of a cohort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// The customer's id.
    pub customer: String,
    /// The values of the `by` columns; where segments are those of activity none.
    pub segment: Segment,
    /// The instant of birth.
    pub birth: Instant,
    /// Whether the member has lived the whole of the age.
    pub exposed: bool,
    /// Whether the member is retained there.
    pub retained: bool,
    /// Counted returns in the age or bracket itself, whatever the criterion.
    pub returns: u64,
}

/// The members of a cell who are retained, or those who are not. Where they are retained, they are as many as the cell says.
///
/// # Errors
///
/// As for [`crate::retention`]; and where there is no such cohort, age or column.
pub fn members(history: &History, query: &RetentionQuery, cell: &CellOf, retained: bool) -> Result<Members, Error> {
    // Amounts do not matter to who is in a cell, and cohorts that are not shown can be asked about.
    let query = &RetentionQuery { measure: Measure::Customers, rates: None, min_size: None, ..query.clone() };
    let Some(mut plan) = Plan::new(history, query, Rules::of(query))? else {
        return Err(Error::query("the history has no activity, so there is no cohort"));
    };
    for (name, _) in &cell.segment {
        if !query.by.contains(name) {
            return Err(Error::query(format!("--in-segment {name}: the query has no --by {name}")));
        }
    }
    let mut outcome = count(history, &[&plan])?.pop().ok_or_else(|| Error::query("no query"))?;
    if keep_largest(&mut plan, &outcome) {
        outcome = count(history, &[&plan])?.pop().ok_or_else(|| Error::query("no query"))?;
    }
    outcome.check(history, &plan)?;
    check_size(&plan, &outcome, 1)?;
    let number = plan.units.cohorts.number_at(cell.cohort.resolve(plan.units.zone()));
    let cohort = start(&plan, number);
    let numbers: BTreeSet<i32> = outcome.counts.groups().map(|((number, _), _)| number).collect();
    if !numbers.contains(&number) {
        let known = match (numbers.first(), numbers.last()) {
            (Some(&first), Some(&last)) => format!("cohorts are from {} to {}", start(&plan, first), start(&plan, last)),
            _ => "there is no cohort at all".to_owned(),
        };
        return Err(Error::query(format!("--in-cohort {cohort}: no customer was born in that {}; {known}", query.cohort)));
    }
    let (counter, age) = match &plan.rules.criterion {
        Criterion::Brackets(brackets) => {
            let place = brackets.ranges().iter().position(|range| range.contains(cell.age));
            let place = place.ok_or_else(|| Error::query(format!("--in-age {}: no bracket of {brackets} holds it", cell.age)))?;
            (place as u32, brackets.ranges()[place])
        }
        _ => (cell.age.0, AgeRange::one(cell.age)),
    };
    plan.wants_instants();
    let wanted = Wanted { cohort: number, counter, age, segment: segment_filter(&plan, cell) };
    let by_activity = plan.segments.any() && plan.rules.segment_as_of == SegmentAsOf::Activity;
    let reads = plan.reads();
    let scan = history.scan_table(Table::Activity, reads.iter().map(String::as_str));
    let scan = if plan.needs_full_order() { scan.in_full_order() } else { scan };
    let found = scan.fold_parts(
        plan.needs_customers(),
        || Walk::new(Found { wanted: wanted.clone(), by_activity, rows: Vec::new() }),
        |walk, part: Part<'_>| walk.step(&plan, part),
        |mut a, b| {
            a.sink.rows.extend(b.sink.rows);
            a
        },
    )?;
    let mut rows = found.sink.rows;
    // An age that has begun for nobody is not zero: nobody is in its cell, and nobody is missing from it.
    let observed = observed_segments(&outcome, number, age);
    rows.retain(|(_, row)| row.retained == retained && observed.contains(&row.segment));
    let numbers: Vec<i64> = rows.iter().map(|(number, _)| *number).collect();
    let ids = history.customer_ids(&numbers)?;
    let mut rows: Vec<MemberRow> = rows
        .into_iter()
        .map(|(number, row)| MemberRow { customer: ids.get(&number).cloned().unwrap_or_default(), ..row })
        .collect();
    rows.sort_by(|a, b| a.customer.cmp(&b.customer).then_with(|| a.segment.cmp(&b.segment)));
    let definition = definition(query, &plan.rules, plan.units.zone(), plan.content);
    Ok(Members { definition, cohort, age, state: state(&plan, &outcome, &wanted), rows })
}

/// The segments of a cohort for which an age has begun, or which have lived it; without segments of its own the cohort is
/// the empty one.
fn observed_segments(outcome: &crate::retention::Outcome, cohort: i32, age: AgeRange) -> HashSet<Segment> {
    let groups = outcome.counts.groups().filter(|((number, _), group)| *number == cohort && group.has_own_members());
    let observed = groups.filter(|(_, group)| group.begun > age.from.0);
    observed.map(|((_, id), _)| outcome.segments.get(&id).cloned().unwrap_or_default()).collect()
}

/// How far the members asked about have lived the age.
fn state(plan: &Plan<'_>, outcome: &crate::retention::Outcome, wanted: &Wanted) -> CellState {
    let age = wanted.age;
    let asked = |id: u32| outcome.segments.get(&id).is_none_or(|segment| wanted.has_segment(segment));
    let groups =
        outcome.counts.groups().filter(|((number, id), _)| *number == wanted.cohort && asked(*id)).map(|(_, group)| group);
    let (mut size, mut exposed, mut begun) = (0, 0, false);
    for group in groups.filter(|group| group.has_own_members()) {
        size += group.size;
        exposed += group.exposed.counters().get(last_age_to_live(age));
        begun |= group.begun > age.from.0;
    }
    debug_assert!(size > 0 || plan.segments.any());
    match (exposed == size, begun) {
        (true, _) => CellState::Complete,
        (false, true) => CellState::InProgress,
        (false, false) => CellState::Unobserved,
    }
}

/// The values that a segment must have, by place.
fn segment_filter(plan: &Plan<'_>, cell: &CellOf) -> Vec<Option<Option<String>>> {
    let wanted = |name: &str| cell.segment.iter().find(|(column, _)| column == name).map(|(_, value)| value.clone());
    plan.segments.columns.iter().map(|(name, _)| wanted(name)).collect()
}

#[derive(Debug, Clone)]
struct Wanted {
    cohort: i32,
    /// The place of the age or bracket in ranges.
    counter: u32,
    age: AgeRange,
    segment: Vec<Option<Option<String>>>,
}

impl Wanted {
    fn has_segment(&self, segment: &Segment) -> bool {
        let same =
            |(wanted, value): (&Option<Option<String>>, &Option<String>)| wanted.as_ref().is_none_or(|wanted| wanted == value);
        self.segment.iter().zip(segment).all(same)
    }

    fn names_segment(&self) -> bool {
        self.segment.iter().any(Option::is_some)
    }
}

/// The members found, with their numbers.
#[derive(Debug)]
struct Found {
    wanted: Wanted,
    by_activity: bool,
    rows: Vec<(i64, MemberRow)>,
}

impl Found {
    fn row(&self, plan: &Plan<'_>, segment: Segment, member: &Member<'_>) -> MemberRow {
        let Wanted { counter, age, .. } = &self.wanted;
        let retained = member.ranges.iter().any(|(from, to)| from <= counter && to.is_none_or(|to| *counter <= to));
        let inside = member.runs.iter().filter(|(at, _)| age.contains(Age(*at)));
        let Born { at, .. } = member.birth;
        debug_assert!(plan.needs_time());
        MemberRow {
            customer: String::new(),
            segment,
            birth: Instant(*at),
            exposed: member.exposure.lived > last_age_to_live(*age),
            retained,
            returns: inside.map(|(_, returns)| u64::from(*returns)).sum(),
        }
    }
}

impl Sink for Found {
    fn add(&mut self, plan: &Plan<'_>, names: &mut Numbering, member: &Member<'_>) {
        if member.birth.cohort != self.wanted.cohort {
            return;
        }
        if member.segment == WHOLE {
            let mut row = self.row(plan, Segment::new(), member);
            if self.by_activity && self.wanted.names_segment() {
                // Which of the segments that are asked for retain the member comes next.
                let everyone = plan.rules.age_zero == AgeZero::Everyone && self.wanted.age.from == Age::BIRTH;
                (row.retained, row.returns) = (everyone, 0);
            }
            self.rows.push((member.customer, row));
            return;
        }
        let segment = names.segments.get(member.segment);
        if !self.wanted.has_segment(segment) {
            return;
        }
        let row = self.row(plan, segment.clone(), member);
        if !self.by_activity {
            self.rows.push((member.customer, row));
        } else if let Some((_, whole)) = self.rows.last_mut().filter(|_| self.wanted.names_segment()) {
            whole.retained |= row.retained;
            whole.returns += row.returns;
        }
    }

    fn end_customer(&mut self, _: Fate) {}
}

/// What names a segment's value on the command line: `(none)` or nothing is a missing one.
pub fn segment_value(text: &str) -> Option<String> {
    if text.is_empty() || text == "(none)" { None } else { Some(text.to_owned()) }
}
