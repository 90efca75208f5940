//! The dense walk gives what the walk of all queries gives.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use tenure_history::{History, Target, Writer};
use tenure_ingest::{Attributes, BatchSource, Export, Mapping, Options, PresetChoice, Progress, Source, Stage, ingest};
use tenure_model::{Alignment, Instant, Zone};
use tenure_synth::{Business, Plan as Business36Months};

use crate::assembly::assemble;
use crate::dialect::Rules;
use crate::matrix::RetentionMatrix;
use crate::plan::Plan;
use crate::query::{Measure, RetentionQuery, SegmentAsOf};
use crate::retention::{count, keep_largest};

#[derive(Debug)]
struct Generated(Business36Months);

impl BatchSource for Generated {
    fn name(&self) -> &str {
        "generated rows"
    }

    fn schema(&self) -> SchemaRef {
        Business36Months::schema()
    }

    fn parts(&self) -> usize {
        self.0.slices()
    }

    fn part(&self, index: usize) -> RecordBatch {
        self.0.slice(index)
    }
}

struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: Stage, _: u64) {}

    fn reached(&self, _: u64) {}
}

/// A business whose home is in Berlin, read from where the target leads.
fn business(customers: u64, rows: u64, target: Target) -> Option<History> {
    let plan = Business::new(customers, rows, 7).months(9).plan().unwrap();
    let mapping = Mapping {
        customer: Some(Source::column("user_id")),
        columns: [("time", Source::column("event_time")), ("value", Source::column("amount"))].into(),
        attributes: Attributes::Named(vec!["country".to_owned(), "plan".to_owned()]),
        ..Mapping::default()
    };
    let home_zone = Zone::named("Europe/Berlin").unwrap();
    let options = Options { mapping, preset: PresetChoice::Generic, home_zone, ..Options::new(Instant(i64::MAX)) };
    ingest(&[Export::Rows(Arc::new(Generated(plan)))], &options, target, &Quiet).unwrap().loaded.unwrap().history
}

/// The answer by the dense walk, or by the other. Nothing where the dense walk is not for the query.
fn answer(history: &History, query: &RetentionQuery, dense: bool) -> Option<RetentionMatrix> {
    let mut plan = Plan::new(history, query, Rules::of(query)).unwrap().unwrap();
    if dense {
        plan.dense.as_ref()?;
    } else {
        plan.dense = None;
    }
    let mut outcome = count(history, &[&plan]).unwrap().pop().unwrap();
    if keep_largest(&mut plan, &outcome) {
        outcome = count(history, &[&plan]).unwrap().pop().unwrap();
    }
    Some(assemble(&plan, &outcome).unwrap())
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Queries that cross what the dense walk tells apart.
fn queries() -> Vec<RetentionQuery> {
    let mut queries = Vec::new();
    let changes: [fn(&mut RetentionQuery); 14] = [
        |_| {},
        |q| q.born = text("event = 'purchase'"),
        |q| (q.born, q.returned) = (text("event = 'purchase' and value > 20"), text("event = 'login' or plan = 'pro'")),
        |q| q.filter = text("country in ('US', 'DE') and not plan = 'free'"),
        |q| q.as_of = Some("2022-06-15T10:20:30Z".parse().unwrap()),
        |q| (q.born_from, q.born_until) = (Some("2022-02-03".parse().unwrap()), Some("2022-05-01T12:00:00Z".parse().unwrap())),
        |q| q.zone = Some(Zone::named("Asia/Kolkata").unwrap()),
        |q| q.by = vec!["plan".to_owned()],
        |q| (q.by, q.top) = (vec!["country".to_owned(), "plan".to_owned()], Some(4)),
        |q| (q.by, q.segment_as_of) = (vec!["event".to_owned()], Some(SegmentAsOf::Latest)),
        |q| q.measure = Measure::Events,
        |q| (q.measure, q.by) = (Measure::Value, vec!["plan".to_owned()]),
        |q| (q.measure, q.returned) = (Measure::Value, text("event <> 'refund'")),
        |q| (q.birth, q.born) = (Some("first-ever".parse().unwrap()), text("country = 'US'")),
    ];
    for (cohort, age) in [("month", "month"), ("week", "day"), ("quarter", "week"), ("10 day", "10 day")] {
        for criterion in ["on", "on-or-after", "on-or-before", "streak", "0,1-2,5-"] {
            for alignment in [Alignment::Calendar, Alignment::Rolling] {
                for (place, change) in changes.iter().enumerate() {
                    let mut query = RetentionQuery {
                        cohort: cohort.parse().unwrap(),
                        age: Some(age.parse().unwrap()),
                        origin: cohort.starts_with("10").then(|| "2022-01-05".parse().unwrap()),
                        alignment: Some(alignment),
                        criterion: Some(match criterion.contains(',') {
                            true => tenure_model::Criterion::Brackets(criterion.parse().unwrap()),
                            false => criterion.parse().unwrap(),
                        }),
                        min_returns: if place % 3 == 2 { 2 } else { 1 },
                        ..RetentionQuery::default()
                    };
                    change(&mut query);
                    queries.push(query);
                }
            }
        }
    }
    queries
}

#[test]
fn both_walks_give_the_same() {
    let memory = business(150, 3_000, Target::Memory).unwrap();
    // On disk and with several batches and buckets, so that customers begin and end at their borders.
    let dir = tempfile::tempdir().unwrap();
    business(30_000, 600_000, Target::Directory(Writer::open(dir.path()).unwrap()));
    let disk = History::open(dir.path()).unwrap();
    let (mut dense, mut all) = (0, 0);
    for (place, query) in queries().iter().enumerate() {
        all += 1;
        for history in [Some(&memory), (place % 37 == 0).then_some(&disk)].into_iter().flatten() {
            if let Some(found) = answer(history, query, true) {
                assert_eq!(Some(found), answer(history, query, false), "{query:?}");
                dense += 1;
            }
        }
    }
    assert!(dense > all * 9 / 10, "of {all} queries {dense} were for the dense walk");
}
