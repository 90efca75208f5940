//! What holds whatever the log: laws between cells, and what a result must not depend on.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tenure_analysis::{
    Ages, Birth, CellOf, CohortRow, CohortStart, Dialect, Measure, RetentionMatrix, RetentionQuery, SegmentAsOf, members,
    retention, retentions,
};
use tenure_history::{History, Target, Writer};
use tenure_model::{Alignment, Cell, Criterion, Decimal, TimePoint};
use tenure_report::{Format, Layout, Show, TableStyle, render_retention};

use crate::calendar::DAY;
use crate::compare::compare;
use crate::draw::logs_and_questions;
use crate::log::{Log, Row, id_of, load_activity, load_in_buckets};
use crate::naive::{Naive, Segment};
use crate::question::{Question, When};

fn ask(history: &History, query: &RetentionQuery) -> RetentionMatrix {
    retention(history, query).unwrap()
}

fn json(history: &History, query: &RetentionQuery) -> Vec<u8> {
    written(&ask(history, query))
}

fn written(matrix: &RetentionMatrix) -> Vec<u8> {
    render_retention(matrix, Format::Json, Layout::Long, Show::Percent, TableStyle::default()).unwrap()
}

fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

/// §6: retained_exposed ≤ exposed ≤ size, retained_exposed ≤ retained ≤ size, and only complete cells have a rate.
pub(crate) fn inequalities(matrix: &RetentionMatrix) -> Result<(), String> {
    for row in &matrix.cohorts {
        for cell in &row.cells {
            let counts = (cell.cell.retained_exposed(), cell.cell.exposed(), cell.cell.retained());
            let (Some(both), Some(exposed), Some(retained)) = counts else { continue };
            let complete = matches!(cell.cell, Cell::Complete { .. });
            let holds = both <= exposed && exposed <= row.size && both <= retained && retained <= row.size;
            let full = !complete || both == retained && exposed == row.size;
            if !holds || !full || cell.cell.rate().is_some() != complete {
                return Err(format!("{} age {}: {:?} of {}", row.start, cell.age, cell.cell, row.size));
            }
        }
    }
    let totals = &matrix.totals;
    let divided = totals.members + totals.born_outside_range + totals.without_birth;
    if divided == totals.customers { Ok(()) } else { Err(format!("{totals:?}")) }
}

/// The cells of two matrices of one shape, side by side.
fn beside<'a>(a: &'a RetentionMatrix, b: &'a RetentionMatrix) -> impl Iterator<Item = (&'a Cell, &'a Cell)> {
    assert_eq!((a.cohorts.len(), &a.ages), (b.cohorts.len(), &b.ages));
    let cells = |row: &'a CohortRow| row.cells.iter().map(|cell| &cell.cell);
    a.cohorts.iter().zip(&b.cohorts).flat_map(move |(a, b)| cells(a).zip(cells(b)))
}

/// A question without what the laws don't speak of.
fn plain(question: &Question) -> Question {
    Question { dialect: Dialect::Tenure, criterion: None, top: None, min_size: None, rates: false, ..question.clone() }
}

/// Sums of the rows of a matrix over their segments.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    size: u64,
    cells: Vec<(u64, u64, u64, u64, i128, u64)>,
}

fn summed(matrix: &RetentionMatrix) -> BTreeMap<(String, Option<String>), Sums> {
    let mut sums: BTreeMap<_, Sums> = BTreeMap::new();
    // Who is back once stays so, also at ages that have begun for other segments alone.
    let stays = matrix.definition.criterion == "on-or-before";
    for row in &matrix.cohorts {
        let sum = sums.entry((row.start.to_string(), row.currency.clone())).or_default();
        sum.size += row.size;
        sum.cells.resize(row.cells.len(), Default::default());
        for (sum, cell) in sum.cells.iter_mut().zip(&row.cells) {
            sum.0 += cell.cell.exposed().unwrap_or_default();
            if !stays {
                sum.1 += cell.cell.retained().unwrap_or_default();
            }
            sum.2 += cell.cell.retained_exposed().unwrap_or_default();
            sum.3 += cell.events.unwrap_or_default();
            if let Some(value) = cell.value.as_deref() {
                sum.4 += value.total.at_scale(6).map_or(0, Decimal::units);
                sum.5 += value.active + value.missing;
            }
        }
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// What one criterion counts another one counts too, and what has been counted stays.
    #[test]
    fn criteria_bound_each_other((log, questions) in logs_and_questions(2)) {
        let opened = log.open();
        for question in questions.iter().map(plain) {
            let [on, after, before, streak] = Criterion::NAMED.map(|criterion| {
                let question = Question { criterion: Some(criterion), measure: Measure::Customers, ..question.clone() };
                ask(&opened.history, &question.query(&log))
            });
            for (less, more) in [(&streak, &on), (&on, &after), (&on, &before)] {
                for (less, more) in beside(less, more) {
                    prop_assert_eq!((less.state(), less.exposed()), (more.state(), more.exposed()));
                    prop_assert!(less.retained() <= more.retained(), "{:?} {:?}", less, more);
                    prop_assert!(less.retained_exposed() <= more.retained_exposed(), "{:?} {:?}", less, more);
                }
            }
            // Retained counts all members, also those who have not come so far: these never change sides.
            for (matrix, rises) in [(&before, true), (&after, false), (&streak, false)] {
                for row in &matrix.cohorts {
                    let retained: Vec<u64> = row.cells.iter().filter_map(|cell| cell.cell.retained()).collect();
                    let ordered = if rises { retained.is_sorted() } else { retained.iter().rev().is_sorted() };
                    prop_assert!(ordered, "{} {}: {:?}", matrix.definition.criterion, row.start, retained);
                }
            }
        }
    }

    /// Segments at birth and at the latest row part the members: everything adds up to the whole.
    #[test]
    fn segments_add_up((log, questions) in logs_and_questions(3), latest in any::<bool>(), top in prop::option::of(1usize..3)) {
        let opened = log.open();
        for question in &questions {
            let as_of = if latest { SegmentAsOf::Latest } else { SegmentAsOf::Birth };
            let by = Question {
                by: vec!["country", "plan"],
                segment_as_of: Some(as_of),
                top,
                min_size: None,
                rates: false,
                measure: Measure::Value,
                ..question.clone()
            };
            let whole = Question { by: Vec::new(), segment_as_of: None, top: None, ..by.clone() };
            let (by, whole) = (ask(&opened.history, &by.query(&log)), ask(&opened.history, &whole.query(&log)));
            prop_assert_eq!(summed(&by), summed(&whole));
            // So does the summary over all where it is pooled over cells with anybody exposed.
            let all = |matrix: &RetentionMatrix| -> Vec<(u64, u64)> {
                let over_all = matrix.summary.iter().filter(|point| point.segment.is_none());
                over_all.map(|point| (point.exposed, point.retained)).collect()
            };
            prop_assert_eq!(all(&by), all(&whole));
        }
    }

    /// Every return is counted at exactly one age.
    #[test]
    fn events_add_up((log, questions) in logs_and_questions(3)) {
        let opened = log.open();
        for question in questions.iter().map(plain) {
            let question = Question {
                birth: Some(Birth::First),
                segment_as_of: None,
                by: Vec::new(),
                measure: Measure::Events,
                // Two ages hold all: the first, and every later one.
                criterion: Some(Criterion::Brackets("0,1-".parse().unwrap())),
                ages: Ages::Begun,
                ..question
            };
            let naive = Naive::new(&log, &question);
            let exists = |row: &&Row| row.time < naive.until && naive.selects(question.filter.as_ref(), row);
            let mut births: BTreeMap<u8, i64> = BTreeMap::new();
            for row in log.rows.iter().filter(exists).filter(|row| naive.selects(question.born.as_ref(), row)) {
                births.entry(row.customer).and_modify(|birth| *birth = row.time.min(*birth)).or_insert(row.time);
            }
            let instant = |when: Option<When>| when.map(|when| question.instant(&log, when));
            let (from, until) = (instant(question.born_from), instant(question.born_until));
            births.retain(|_, birth| from.is_none_or(|from| *birth >= from) && until.is_none_or(|until| *birth < until));
            let counts = |row: &&Row| births.get(&row.customer).is_some_and(|birth| row.time >= *birth);
            let returns = log.rows.iter().filter(exists).filter(counts);
            let returns = returns.filter(|row| naive.selects(question.returned.as_ref(), row)).count();
            let matrix = ask(&opened.history, &question.query(&log));
            let events: u64 = matrix.cohorts.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.events).sum();
            prop_assert_eq!(events, returns as u64);
        }
    }

    /// The members of a cell are those whom it counts.
    #[test]
    fn members_are_those_of_the_cell((log, questions) in logs_and_questions(8), place in any::<prop::sample::Index>()) {
        let opened = log.open();
        for question in &questions {
            let query = question.query(&log);
            let matrix = ask(&opened.history, &query);
            let cells = matrix.cohorts.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
            let observed: Vec<_> = cells.filter(|(_, cell)| cell.cell.retained().is_some()).collect();
            if observed.is_empty() {
                continue;
            }
            let (row, cell) = observed[place.index(observed.len())];
            let cohort = match &row.start {
                CohortStart::Day(day) => TimePoint::Day(*day),
                CohortStart::Hour(at, _) => TimePoint::Instant(*at),
            };
            let segment = query.by.iter().cloned().zip(row.segment.clone()).collect();
            let asked = CellOf { cohort, age: cell.age.from, segment };
            let mut found = Vec::new();
            for retained in [true, false] {
                let members = members(&opened.history, &query, &asked, retained).unwrap();
                prop_assert!(!retained || Some(members.rows.len() as u64) == cell.cell.retained());
                found.extend(members.rows.iter().map(|row| (id_of(&row.customer), row.birth.0, row.exposed, row.retained)));
            }
            found.sort_unstable();
            let mut naive = Naive::new(&log, question);
            let census = naive.census();
            let expected = naive.who(&census, &row.start.to_string(), &row.segment, cell.age);
            prop_assert_eq!(found, expected, "{} {} {}", row.start, cell.age, question.flags(&log));
        }
    }

    /// New customers in a cohort of their own leave the others' cells as they are.
    #[test]
    fn new_customers_touch_only_their_cohort((log, questions) in logs_and_questions(3), born in 0i64..1000) {
        let mut more = log.clone();
        let time = log.start + log.days * born / 1000 * DAY;
        for (customer, row) in (100u8..103).zip(log.rows.iter().cycle()) {
            more.rows.push(Row { customer, time: time.max(log.first()), ..row.clone() });
        }
        let (before, after) = (log.open(), more.open());
        for question in &questions {
            // The window stays; whom segments are named after does too.
            let as_of = question.as_of.unwrap_or(When::Instant(1500));
            let segment_as_of = question.segment_as_of.map(|_| SegmentAsOf::Birth);
            let question = Question { as_of: Some(as_of), segment_as_of, top: None, ..plain(question) };
            let mut naive = Naive::new(&more, &question);
            let theirs = naive.census().members.iter().filter(|member| member.customer >= 100).map(|m| m.cohort).min();
            let theirs = theirs.map(|cohort| naive.written(cohort));
            let cells = |matrix: RetentionMatrix| -> BTreeMap<(String, Segment, Option<String>, u32), String> {
                let others = matrix.cohorts.into_iter().filter(|row| Some(row.start.to_string()) != theirs);
                let cell = |row: &CohortRow| -> Vec<_> {
                    let key = |age| (row.start.to_string(), row.segment.clone(), row.currency.clone(), age);
                    let all = row.cells.iter().map(|cell| (key(cell.age.from.0), format!("{} {cell:?}", row.size)));
                    all.collect()
                };
                others.flat_map(|row| cell(&row)).collect()
            };
            let old = cells(ask(&before.history, &question.query(&log)));
            let new = cells(ask(&after.history, &question.query(&more)));
            // New customers may bring ages and currencies; what there was before is there still.
            let bare = question.measure == Measure::Value && old.keys().all(|key| key.2.is_none());
            for (key, cell) in old.iter().filter(|_| !bare) {
                prop_assert_eq!(new.get(key), Some(cell), "{:?} {}", key, question.flags(&log));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    /// The same rows give the same bytes, whatever their order, the threads, the segments they lie in, the table that
    /// came first, and what else is asked in the same pass.
    #[test]
    fn order_threads_and_segments_change_nothing(
        (log, questions) in logs_and_questions(4),
        turn in 0usize..100,
        segments in 1usize..11,
        customers_first in any::<bool>(),
    ) {
        let mut turned = log.clone();
        turned.rows.rotate_left(turn % log.rows.len());
        turned.rows.reverse();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        if customers_first {
            log.load_customers(&path);
        }
        for part in turned.rows.chunks(log.rows.len().div_ceil(segments)) {
            load_activity(part, log.home, Target::Directory(Writer::open(&path).unwrap()), log.observed_until());
        }
        if !customers_first {
            log.load_customers(&path);
        }
        let (straight, turned, parted) = (log.open(), turned.open(), History::open(&path).unwrap());
        let queries: Vec<RetentionQuery> = questions.iter().map(|question| question.query(&log)).collect();
        let together = retentions(&parted, &queries).unwrap();
        for (query, of_many) in queries.into_iter().zip(together) {
            prop_assert_eq!(written(&of_many), json(&parted, &query));
            let expected = with_threads(4, || json(&straight.history, &query));
            prop_assert_eq!(&with_threads(3, || json(&turned.history, &query)), &expected);
            prop_assert_eq!(&with_threads(1, || json(&parted, &query)), &expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]

    /// Customers of different buckets are walked apart, and their counts joined.
    #[test]
    fn buckets_change_nothing((log, questions) in logs_and_questions(40)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        load_in_buckets(&log, &path);
        let history = History::open(&path).unwrap();
        for question in &questions {
            let matrix = with_threads(4, || ask(&history, &question.query(&log)));
            let agreed = compare(&matrix, &log, question);
            prop_assert!(agreed.is_ok(), "{} {:?}", question.flags(&log), agreed);
        }
    }
}

/// Rolling ages end at different times for each member; the laws above draw them too.
#[test]
fn rolling_is_among_the_questions() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let drawn = prop::collection::vec(logs_and_questions(8), 20).new_tree(&mut runner).unwrap();
    let all: Vec<(Log, Vec<Question>)> = proptest::strategy::ValueTree::current(&drawn);
    let questions: Vec<&Question> = all.iter().flat_map(|(_, questions)| questions).collect();
    let some = |wanted: &dyn Fn(&Question) -> bool| questions.iter().any(|question| wanted(question));
    assert!(some(&|question| question.rules().alignment == Alignment::Rolling));
    assert!(some(&|question| question.rates));
    assert!(some(&|question| question.rules().segment_as_of == SegmentAsOf::BirthAndReturn && !question.by.is_empty()));
    assert!(some(&|question| matches!(question.birth, Some(Birth::Declared(_)))));
    assert!(some(&|question| question.age_period().contains("hour")));
}
