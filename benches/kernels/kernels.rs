//! Micro-benchmarks of what answers rest on: decoding columns, period arithmetic, walking customers' runs, adding up tables,
//! conditions and groups. `cargo bench --manifest-path benches/kernels/Cargo.toml` runs them; whole questions are read by `run.py`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tenure_analysis::{Measure, RetentionQuery, retention};
use tenure_kernels::{Laid, lay_out};
use tenure_history::{Column, Rows};
use tenure_model::{Alignment, Calendar, Criterion as Kept, Day, Instant, Period, Periods, Rolling, WeekStart, Zone};

/// Rows of the history.
const ROWS: u64 = 1_000_000;

/// Instants that periods are worked out for.
const INSTANTS: usize = 100_000;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn kernels(criterion: &mut Criterion) {
    if let Err(error) = all(criterion) {
        // Nothing that follows would mean anything.
        panic!("the benchmark can't go on: {error}");
    }
}

fn all(criterion: &mut Criterion) -> Outcome {
    let laid = lay_out(ROWS)?;
    decode(criterion, &laid)?;
    periods(criterion)?;
    questions(criterion, &laid)
}

/// Columns from the pages of a history on one thread after the other: bytes to numbers, and nothing done with them.
fn decode(criterion: &mut Criterion, laid: &Laid) -> Outcome {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROWS));
    let columns: [(&str, &[Column<'_>]); 6] = [
        ("customer", &[]),
        ("day", &[Column::Day]),
        ("time", &[Column::Time]),
        ("event", &[Column::Event]),
        ("value", &[Column::Value]),
        ("country", &[Column::Attribute("country")]),
    ];
    for (name, columns) in columns {
        let read = || {
            laid.history.scan(columns).fold(
                || 0,
                |rows, batch: &Rows| {
                    *rows += black_box(batch).runs().rows();
                    Ok::<(), tenure_history::Error>(())
                },
                |a, b| a + b,
            )
        };
        assert_eq!(read()? as u64, ROWS, "every row is read");
        group.bench_function(name, |bencher| bencher.iter(read));
    }
    group.finish();
    Ok(())
}

/// Days to periods, instants to days, births to ages.
fn periods(criterion: &mut Criterion) -> Outcome {
    let mut group = criterion.benchmark_group("periods");
    group.throughput(Throughput::Elements(INSTANTS as u64));
    let days: Vec<Day> = (0..INSTANTS as i32).map(|place| Day(18_000 + place % 1_096)).collect();
    for text in ["week", "month", "quarter"] {
        let calendar = Calendar { zone: Zone::utc(), week_start: WeekStart::default(), fiscal_start: Default::default() };
        let periods = Periods::new(calendar, text.parse::<Period>()?, Day(0));
        group.bench_function(format!("{text} of a day"), |bencher| {
            bencher.iter(|| days.iter().map(|&day| i64::from(periods.number_of_day(black_box(day)))).sum::<i64>());
        });
    }
    // Three years in order, as a customer's life is.
    let step = 3 * 365 * 86_400_000_000 / INSTANTS as i64;
    let instants: Vec<i64> = (0..INSTANTS as i64).map(|place| 1_640_995_200_000_000 + place * step).collect();
    for name in ["UTC", "Europe/Berlin"] {
        let zone = Zone::named(name)?;
        group.bench_function(format!("day in {name}"), |bencher| {
            let mut days = Vec::with_capacity(INSTANTS);
            bencher.iter(|| {
                days.clear();
                zone.cursor().days_of(black_box(&instants), &mut days);
                days.last().copied()
            });
        });
        let rolling = Rolling::new("month".parse()?, zone);
        group.bench_function(format!("rolling month in {name}"), |bencher| {
            bencher.iter(|| {
                let life = rolling.since(Instant(instants[0]));
                let mut state = (0, life.instant(1));
                for &at in black_box(&instants) {
                    state = life.age_from(state.0, state.1, Instant(at));
                }
                state
            });
        });
    }
    group.finish();
    Ok(())
}

/// Whole answers, each of which leans on one kernel.
fn questions(criterion: &mut Criterion, laid: &Laid) -> Outcome {
    let plain = RetentionQuery::default;
    let text = |text: &str| Some(text.to_owned());
    let questions: [(&str, RetentionQuery); 10] = [
        ("walk: months", plain()),
        (
            "walk: two selectors, weeks",
            RetentionQuery {
                cohort: "week".parse()?,
                born: text("event = 'purchase'"),
                returned: text("event = 'login'"),
                ..plain()
            },
        ),
        ("walk: last age alone", RetentionQuery { criterion: Some(Kept::OnOrAfter), ..plain() }),
        ("walk: brackets", RetentionQuery { criterion: Some(Kept::Brackets("0,1-3,4-".parse()?)), ..plain() }),
        ("walk: rolling months", RetentionQuery { alignment: Some(Alignment::Rolling), ..plain() }),
        ("walk: amounts", RetentionQuery { measure: Measure::Value, ..plain() }),
        ("add: days by days", RetentionQuery { cohort: "day".parse()?, ..plain() }),
        (
            "predicate: two columns of names",
            RetentionQuery { filter: text("country in ('US', 'DE', 'FR') and plan = 'pro'"), ..plain() },
        ),
        ("group: one column", RetentionQuery { by: vec!["country".to_owned()], ..plain() }),
        ("group: two columns", RetentionQuery { by: vec!["country".to_owned(), "plan".to_owned()], ..plain() }),
    ];
    let mut group = criterion.benchmark_group("question");
    group.throughput(Throughput::Elements(ROWS)).sample_size(20);
    for (name, query) in questions {
        assert!(retention(&laid.history, &query)?.totals.members > 0, "{name} has members");
        group.bench_function(name, |bencher| bencher.iter(|| retention(&laid.history, black_box(&query))));
    }
    group.finish();
    Ok(())
}

criterion_group!(benches, kernels);
criterion_main!(benches);
