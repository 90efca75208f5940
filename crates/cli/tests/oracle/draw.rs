//! Random queries over the whole query space.

use jiff::civil::Weekday;
use proptest::prelude::*;
use tenure_analysis::{Ages, Birth, Dialect, Measure, SegmentAsOf, Summary};
use tenure_model::{Age, AgeRange, Alignment, Criterion};

use crate::calendar::{DAY, HOUR, parts};
use crate::log::{Log, ZONES, logs};
use crate::question::{Question, When};
use crate::selector::{Selector, selectors};

const PERIODS: [&str; 16] = [
    "hour",
    "day",
    "week",
    "month",
    "month",
    "quarter",
    "half-year",
    "year",
    "28 day",
    "2 week",
    "5 month",
    "2 quarter",
    "2 year",
    "1 month",
    "6 hour",
    "36 hour",
];

/// Columns of the customers table alone.
const OF_CUSTOMERS: [&str; 2] = ["tier", "signed_up"];

/// More ages than these are not looked at one by one.
const MANY_AGES: i64 = 60;

/// Hours are for short logs.
const DAYS_OF_HOURS: i64 = 60;

fn births() -> impl Strategy<Value = Option<Birth>> {
    prop_oneof![
        4 => Just(None),
        2 => Just(Some(Birth::First)),
        2 => Just(Some(Birth::FirstEver)),
        2 => Just(Some(Birth::Recurring)),
        2 => Just(Some(Birth::Declared("signed_up".to_owned()))),
        1 => Just(Some(Birth::Declared("joined".to_owned()))),
    ]
}

fn brackets() -> impl Strategy<Value = Criterion> {
    (prop::collection::vec((0u32..3, 0u32..4), 1..5), any::<bool>()).prop_map(|(steps, open)| {
        let mut ranges = Vec::new();
        let mut next = 0;
        for (gap, more) in steps {
            ranges.push(AgeRange { from: Age(next + gap), to: Some(Age(next + gap + more)) });
            next += gap + more + 1;
        }
        if open {
            ranges.last_mut().unwrap().to = None;
        }
        let text: Vec<String> = ranges.iter().map(AgeRange::to_string).collect();
        Criterion::Brackets(text.join(",").parse().unwrap())
    })
}

fn criteria() -> impl Strategy<Value = Option<Criterion>> {
    prop_oneof![
        3 => Just(None),
        4 => prop::sample::select(Criterion::NAMED.to_vec()).prop_map(Some),
        3 => brackets().prop_map(Some),
    ]
}

fn whens() -> impl Strategy<Value = When> {
    prop_oneof![(-200i64..1400).prop_map(When::Instant), (-200i64..1400).prop_map(When::Day)]
}

fn ages() -> impl Strategy<Value = Ages> {
    prop_oneof![
        4 => Just(Ages::Begun),
        1 => (1u32..20).prop_map(Ages::First),
        1 => prop::collection::btree_set(0u32..40, 1..5).prop_map(|ages| Ages::At(ages.into_iter().map(Age).collect())),
    ]
}

fn columns() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::select(vec![
        vec![],
        vec![],
        vec!["country"],
        vec!["plan"],
        vec!["tier"],
        vec!["event"],
        vec!["plan", "country"],
        vec!["tier", "plan"],
        vec!["currency"],
        vec!["signed_up", "event"],
    ])
}

fn selection() -> impl Strategy<Value = [Option<Selector>; 3]> {
    let maybe = |share: f64| prop::option::weighted(share, selectors());
    (maybe(0.5), maybe(0.5), maybe(0.25), prop::bool::weighted(0.25)).prop_map(|(born, returned, filter, same)| {
        let returned = if same { born.clone() } else { returned };
        [born, returned, filter]
    })
}

/// A question that fits no log yet.
fn drafts() -> impl Strategy<Value = Question> {
    let periods = (prop::sample::select(&PERIODS[..]), prop::option::weighted(0.5, prop::sample::select(&PERIODS[..])));
    let calendar = (
        periods,
        prop::sample::select(vec![0i64, 3, 30, -45]),
        prop_oneof![3 => prop::sample::select(&ZONES[..]), 1 => Just(SAME_ZONE)],
        prop::sample::select(vec![Weekday::Monday, Weekday::Saturday, Weekday::Sunday]),
        prop::sample::select(vec![1i8, 4, 10]),
    );
    let returns = (
        prop_oneof![3 => Just(1u32), 1 => Just(2), 1 => Just(3)],
        prop::option::of(prop::sample::select(vec![Alignment::Calendar, Alignment::Rolling])),
        criteria(),
    );
    let as_of = prop::option::weighted(
        0.5,
        prop::sample::select(vec![
            SegmentAsOf::Birth,
            SegmentAsOf::Latest,
            SegmentAsOf::Latest,
            SegmentAsOf::Activity,
            SegmentAsOf::Activity,
        ]),
    );
    let segments = (columns(), as_of, prop::option::weighted(0.3, 1usize..4), prop::option::weighted(0.2, 1u64..4));
    let measure = (
        prop::sample::select(vec![Measure::Customers, Measure::Events, Measure::Value, Measure::Value]),
        prop::bool::weighted(0.3),
        prop::option::of(prop::sample::select(vec![Summary::Pooled, Summary::Mean, Summary::Median])),
        prop::sample::select(vec![0.8, 0.95, 0.99]),
    );
    let range = (
        prop::option::weighted(0.2, whens()),
        prop::option::weighted(0.2, whens()),
        prop::option::weighted(0.5, whens()),
        ages(),
    );
    let dialect = prop_oneof![
        4 => Just(Dialect::Tenure), 1 => Just(Dialect::Mixpanel), 1 => Just(Dialect::Amplitude), 2 => Just(Dialect::Posthog),
    ];
    (calendar, births(), selection(), returns, segments, measure, range, dialect).prop_map(
        |(calendar, birth, [born, returned, filter], returns, segments, measure, range, dialect)| {
            let ((cohort, age), origin, zone, week_start, fiscal_month) = calendar;
            let (min_returns, alignment, criterion) = returns;
            let (by, segment_as_of, top, min_size) = segments;
            let (measure, rates, summary, level) = measure;
            let (born_from, born_until, as_of, ages) = range;
            Question {
                cohort,
                age,
                origin,
                zone,
                week_start,
                fiscal_month,
                birth,
                born,
                returned,
                filter,
                min_returns,
                alignment,
                criterion,
                by,
                segment_as_of,
                top,
                min_size,
                measure,
                rates,
                born_from,
                born_until,
                as_of,
                ages,
                summary,
                level,
                dialect,
            }
        },
    )
}

/// A question of which most is left as it is by default: such ones may be answered by shorter ways.
fn simple() -> impl Strategy<Value = Question> {
    let with = (prop::bool::weighted(0.3), prop::bool::weighted(0.3), prop::bool::weighted(0.5), prop::bool::weighted(0.3));
    (drafts(), with).prop_map(|(drawn, (with_by, with_measure, with_born, with_as_of))| Question {
        birth: None,
        born: drawn.born.filter(|_| with_born),
        returned: None,
        filter: None,
        min_returns: 1,
        alignment: None,
        criterion: None,
        by: if with_by { drawn.by } else { Vec::new() },
        measure: if with_measure { drawn.measure } else { Measure::Customers },
        as_of: drawn.as_of.filter(|_| with_as_of),
        dialect: Dialect::Tenure,
        zone: SAME_ZONE,
        ..drawn
    })
}

/// Stands for the history's own zone.
const SAME_ZONE: &str = "";

/// Takes from a question what does not go with the log, or with the rest of it.
fn fit(mut question: Question, log: &Log) -> Question {
    if question.zone == SAME_ZONE {
        question.zone = log.home;
    }
    if log.customers.is_none() {
        question.by.retain(|column| !OF_CUSTOMERS.contains(column));
        question.birth = question.birth.filter(|birth| !matches!(birth, Birth::Declared(_)));
    }
    // An event that the history does not have is an error, and so is a window that ends before everything.
    for selector in [&mut question.born, &mut question.returned, &mut question.filter] {
        selector.take_if(|selector| selector.is_strange_to(log));
    }
    let instant = |when| question.instant(log, when);
    let before_all = question.as_of.is_some_and(|as_of| instant(as_of) <= log.first());
    question.as_of.take_if(|_| before_all);
    if question.by.is_empty() {
        (question.top, question.segment_as_of) = (None, None);
    }
    let hours = |period: &str| period.contains("hour");
    if hours(question.cohort) && log.days > DAYS_OF_HOURS {
        question.cohort = "day";
    }
    let days = (question.until(log).max(log.observed_until()) - log.first()) / DAY + 1;
    question.age = question.age.map(|age| if hours(age) && days > DAYS_OF_HOURS { "day" } else { age });
    if let (Some(from), Some(until)) = (question.born_from, question.born_until)
        && question.instant(log, from) >= question.instant(log, until)
    {
        question.born_until = None;
    }
    question.rates &=
        question.measure == Measure::Value && log.rows.iter().all(|row| row.cents.is_none() || row.currency.is_some());
    if matches!(question.rules().criterion, Criterion::Brackets(_)) {
        question.ages = Ages::Begun;
    } else if question.ages == Ages::Begun {
        let (count, unit) = parts(question.age_period());
        let length = match unit {
            "hour" => HOUR,
            "day" => DAY,
            "week" => 7 * DAY,
            _ => 28 * DAY,
        };
        let most = days * DAY / (length * count);
        if most > MANY_AGES {
            let some = [0, 1, 2, 3, 7, 30, most / 2, most - 3, most - 2, most - 1, most, most + 1];
            let ages: std::collections::BTreeSet<Age> = some.into_iter().map(|age| Age(age as u32)).collect();
            question.ages = Ages::At(ages.into_iter().collect());
        }
    }
    question
}

/// A log, and questions about it.
pub(crate) fn logs_and_questions(most: usize) -> impl Strategy<Value = (Log, Vec<Question>)> {
    (logs(), prop::collection::vec(prop_oneof![3 => drafts(), 1 => simple()], 1..=most)).prop_map(|(log, drafts)| {
        let questions = drafts.into_iter().map(|draft| fit(draft, &log)).collect();
        (log, questions)
    })
}
