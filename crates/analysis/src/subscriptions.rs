//! Retention of subscribers: born with their first recurring revenue, retained while they pay.

use std::collections::{HashMap, HashSet};

use tenure_history::{History, Part};
use tenure_model::{Alignment, DIVISION_SCALE, Instant, Table, Zone};

use crate::assembly::{MOST_CELLS, assemble};
use crate::columns::Home;
use crate::counts::{Counts, WHOLE};
use crate::dialect::{Dialect, Rules};
use crate::error::Error;
use crate::life::{Ranges, retained};
use crate::matrix::RetentionMatrix;
use crate::plan::Plan;
use crate::query::{Measure, RetentionQuery, SegmentAsOf, Source};
use crate::retention::Outcome;
use crate::revenue::{Paid, SPAN_COLUMNS, SpanReader, segments_of, window};
use crate::scope::Scope;
use crate::segments::SegmentColumns;
use crate::table_segments::TableSegments;
use crate::tally::lived_part;

/// What a thread has added up.
#[derive(Debug, Default)]
struct Ledger {
    reader: SpanReader,
    counts: Counts,
    runs: Vec<(u32, u32)>,
    ranges: Ranges,
}

/// The retention matrix of a history's subscribers: a member is retained at an age with recurring revenue just before its end,
/// and the value there is that revenue.
///
/// # Errors
///
/// As for [`crate::retention()`]; and for parts of a question that are about activity.
pub(crate) fn subscription_retention(history: &History, query: &RetentionQuery, rules: &Rules) -> Result<RetentionMatrix, Error> {
    check(query, rules)?;
    let peer_zone = (query.dialect == Dialect::Stripe).then(Zone::utc);
    let zone = query.zone.clone().or(peer_zone);
    let scope = Scope { as_of: query.as_of, zone: zone.clone(), ..Scope::default() };
    let observed = window(history, &scope)?;
    let (Some(first), Some(until)) = (observed.from, observed.until) else {
        return Err(Error::query("the subscriptions have no dates"));
    };
    let segments = segments_of(history, &Scope { by: query.by.first().cloned(), ..scope })?;
    // The plan of a log that goes from the first subscription to the end of what is known.
    let outline = History::outline(history.home_zone().clone(), first, Instant(until.0 - 1), until);
    let mut alone = RetentionQuery { as_of: None, source: Source::Activity, dialect: Dialect::Tenure, zone, ..query.clone() };
    if !query.by.is_empty() {
        // Segments are those of spans, which the log of activity does not know.
        alone = RetentionQuery { by: Vec::new(), top: None, segment_as_of: None, ..alone };
    }
    let mut plan =
        Plan::new(&outline, &alone, rules.clone())?.ok_or_else(|| Error::query("nothing can be seen of the subscriptions"))?;
    plan.query = query;
    plan.content = history.content();
    plan.scale = DIVISION_SCALE;
    plan.segments = SegmentColumns { columns: query.by.iter().map(|name| (name.clone(), Home::Activity)).collect(), kept: None };
    let mut outcome = count(history, &plan, &segments)?;
    if crate::retention::keep_largest(&mut plan, &outcome) {
        fold(&mut outcome, &plan);
    }
    let mut matrix = assemble(&plan, &outcome)?;
    matrix.notes.push(
        "subscribers are members from their first recurring revenue on, and retained with some just before the end of the age"
            .to_owned(),
    );
    Ok(matrix)
}

/// Refuses what is about activity.
fn check(query: &RetentionQuery, rules: &Rules) -> Result<(), Error> {
    let given = [
        (query.born.is_some(), "--born"),
        (query.returned.is_some(), "--returned"),
        (query.filter.is_some(), "--filter"),
        (query.birth.is_some(), "--birth"),
        (query.min_returns != 1, "--min-returns"),
        (query.rates.is_some(), "--rates"),
        (query.measure == Measure::Events, "--measure events"),
        (!matches!(rules.segment_as_of, SegmentAsOf::Birth), "--segment-as-of"),
        (rules.alignment == Alignment::Rolling, "--alignment rolling"),
    ];
    if let Some((_, flag)) = given.iter().find(|(given, _)| *given) {
        return Err(Error::query(format!(
            "{flag} is about activity, and --source subscriptions follows who pays at the ends of calendar periods; leave it out"
        )));
    }
    if query.by.len() > 1 {
        return Err(Error::query("--by with --source subscriptions: expected one column"));
    }
    Ok(())
}

fn count(history: &History, plan: &Plan<'_>, segments: &TableSegments) -> Result<Outcome, Error> {
    let scan = segments.scan(history, Table::Subscriptions, &SPAN_COLUMNS).in_full_order();
    let ledgers = scan.fold_parts(
        segments.need_customers(),
        || vec![Ledger::default()],
        |ledgers: &mut Vec<Ledger>, part: Part<'_>| {
            ledgers.iter_mut().try_for_each(|ledger| {
                let Ledger { reader, counts, runs, ranges } = ledger;
                for (customer, subscriber) in reader.step(segments, plan.until().0, part)? {
                    add(plan, customer, &subscriber.paid, counts, runs, ranges);
                }
                Ok::<(), Error>(())
            })
        },
        |mut ledgers, others| {
            ledgers.extend(others);
            ledgers
        },
    )?;
    let mut names = SpanReader::default().names;
    let mut counts = Counts::default();
    for ledger in ledgers {
        let numbers = names.take_in(&ledger.reader.names, ledger.counts.segment_ids());
        counts.join(ledger.counts, &numbers);
    }
    let segments = counts.segment_ids().into_iter().map(|id| (id, names.segments.get(id).clone())).collect();
    let numbers: HashSet<u32> = counts.groups().flat_map(|(_, group)| group.money.iter().map(|(number, _)| *number)).collect();
    let named = |number: u32| Some((number, names.currency_name(number)?.to_owned()));
    let currencies: HashMap<u32, String> = numbers.into_iter().filter_map(named).collect();
    Ok(Outcome { counts, segments, currencies, events_seen: None })
}

/// Counts one subscriber.
fn add(plan: &Plan<'_>, customer: i64, paid: &[Paid], counts: &mut Counts, runs: &mut Vec<(u32, u32)>, ranges: &mut Ranges) {
    // Of several that begin together the first row's, since rows are in full order; numbers of segments are a thread's own.
    let Some(first) = paid.iter().min_by_key(|span| span.from) else { return };
    counts.customers += 1;
    if !plan.bounds.has_birth(first.from) {
        counts.born_outside += 1;
        return;
    }
    counts.members += 1;
    let segment = if plan.segments.any() { first.segment } else { WHOLE };
    let unit = plan.units.unit_at(Instant(first.from));
    let cohort = plan.units.cohort(unit);
    let exposure = plan.clock.start(&plan.units, Instant(first.from), unit).exposure;
    counts.count_member(segment, customer);
    counts.watch_size(exposure.begun, plan.asked_count(), MOST_CELLS);
    if counts.too_many {
        return;
    }
    let born = plan.units.ages.number_at(Instant(first.from));
    let group = counts.group((cohort, segment));
    group.add_member(exposure);
    runs.clear();
    for age in 0..exposure.begun {
        let end = plan.units.ages.start(born + age as i32 + 1).min(plan.until()).0;
        let mut pays = false;
        for span in paid.iter().filter(|span| span.from < end && span.to >= end) {
            pays = true;
            if plan.query.measure == Measure::Value {
                let money = group.money(span.currency);
                money.events.add(age, 1);
                money.total.add(age, span.mrr);
            }
        }
        if pays {
            runs.push((age, 1));
            if plan.query.measure == Measure::Value {
                group.active.add(age, 1);
            }
        }
    }
    retained(plan, runs, ranges);
    for &(from, to) in ranges.iter() {
        group.retained.add(from, to, 1);
        if let Some((from, to)) = lived_part(plan, exposure, from, to) {
            group.retained_exposed.add(from, Some(to), 1);
        }
    }
}

/// Draws the segments that are not kept together.
fn fold(outcome: &mut Outcome, plan: &Plan<'_>) {
    let kept = plan.segments.kept.clone().unwrap_or_default();
    let other = plan.segments.other();
    outcome.segments.values_mut().filter(|segment| !kept.contains(*segment)).for_each(|segment| *segment = other.clone());
}
