//! The engine against a naive loop over random logs: every granularity, zones with clock changes, any order of rows, any
//! number of threads and segments.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use proptest::prelude::*;
use tenure_analysis::{Ages, Measure, RetentionMatrix, RetentionQuery, retention};
use tenure_history::{Amounts, Chunk, Compare, History, LoadOptions, Loader, Name, RowLayout, Source, Target, Writer};
use tenure_model::{CellState, Decimal, Granularity, Instant, Period, Precision, Table, TimePoint, Zone};
use tenure_report::{Format, Layout, Show, TableStyle, render_retention};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

#[derive(Debug, Clone)]
struct Row {
    customer: u8,
    time: i64,
    event: u8,
    cents: Option<i64>,
    currency: Option<&'static str>,
}

/// Two and a half years that hold clock changes, a leap day and turns of years; ties and boundaries occur.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let start = at("2023-01-15T00:00:00Z");
    let second = prop_oneof![Just(0i64), Just(23 * 3600), 0i64..86_400];
    let currency = prop::sample::select(vec![None, Some("EUR"), Some("USD")]);
    let row = (0u8..12, 0i64..900, second, 0u8..3, prop::option::of(-5_000i64..20_000), currency).prop_map(
        move |(customer, day, second, event, cents, currency)| Row {
            customer,
            time: start + day * DAY + second * SECOND,
            event,
            cents,
            currency,
        },
    );
    prop::collection::vec(row, 1..120)
}

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

#[derive(Debug, Clone)]
struct Question {
    cohort: &'static str,
    age: Option<&'static str>,
    zone: &'static str,
    home: &'static str,
    week_start: Weekday,
    fiscal_month: i8,
    /// Days from the first activity to the end of the window and to the birth range, where given.
    as_of: Option<i64>,
    born: Option<(i64, i64)>,
}

const PERIODS: &[&str] = &["day", "week", "month", "quarter", "half-year", "year", "28 day", "2 week", "5 month"];
const ORIGIN: Date = date(2023, 1, 31);

fn questions() -> impl Strategy<Value = Question> {
    let zones = prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "America/Santiago",
        "Africa/Cairo",
    ]);
    (
        prop::sample::select(PERIODS),
        prop::option::weighted(0.4, prop::sample::select(PERIODS)),
        zones.clone(),
        zones,
        prop::sample::select(vec![Weekday::Monday, Weekday::Saturday, Weekday::Sunday]),
        prop::sample::select(vec![1i8, 4, 10]),
        prop::option::of(1i64..1000),
        prop::option::weighted(0.3, (0i64..500, 1i64..500)),
    )
        .prop_map(|(cohort, age, zone, home, week_start, fiscal_month, as_of, born)| Question {
            cohort,
            age,
            zone,
            home,
            week_start,
            fiscal_month,
            as_of,
            born: born.map(|(from, length)| (from, from + length)),
        })
}

impl Question {
    fn query(&self, first: i64, measure: Measure) -> RetentionQuery {
        let at = |days: i64| TimePoint::Instant(Instant(first + days * DAY));
        RetentionQuery {
            cohort: self.cohort.parse().unwrap(),
            age: self.age.map(|age| age.parse().unwrap()),
            origin: [Some(self.cohort), self.age]
                .iter()
                .flatten()
                .any(|p| p.contains(' '))
                .then(|| ORIGIN.to_string().parse().unwrap()),
            measure,
            zone: Some(Zone::named(self.zone).unwrap()),
            week_start: format!("{:?}", self.week_start).parse().unwrap(),
            fiscal_start: date(2023, self.fiscal_month, 1).strftime("%B").to_string().parse().unwrap(),
            as_of: self.as_of.map(at),
            born_from: self.born.map(|(from, _)| at(from)),
            born_until: self.born.map(|(_, until)| at(until)),
            ages: Ages::Begun,
            ..RetentionQuery::default()
        }
    }

    /// The first day of the period that holds a date.
    fn start(&self, period: &str, day: Date) -> Date {
        if let Some((count, unit)) = period.split_once(' ') {
            // Blocks of dates counted from the origin, one after the other.
            let count: i64 = count.parse().unwrap();
            let step = |n: i64| -> Date {
                let span: Span = match unit {
                    "day" => (count * n).days(),
                    "week" => (count * n).weeks(),
                    _ => (count * n).months(),
                };
                ORIGIN + span
            };
            let mut n = 0;
            while step(n + 1) <= day {
                n += 1;
            }
            while step(n) > day {
                n -= 1;
            }
            return step(n);
        }
        let months = |length: i8| {
            let mut first = day.first_of_month();
            while (first.month() - self.fiscal_month).rem_euclid(length) != 0 {
                first = first.yesterday().unwrap().first_of_month();
            }
            first
        };
        match period {
            "day" => day,
            "week" => {
                let mut first = day;
                while first.weekday() != self.week_start {
                    first = first.yesterday().unwrap();
                }
                first
            }
            "month" => day.first_of_month(),
            "quarter" => months(3),
            "half-year" => months(6),
            _ => months(12),
        }
    }

    /// The first day of the following period.
    fn next(&self, period: &str, start: Date) -> Date {
        let mut day = start.tomorrow().unwrap();
        while self.start(period, day) == start {
            day = day.tomorrow().unwrap();
        }
        day
    }
}

#[derive(Debug, Default, Clone, PartialEq)]
struct NaiveCell {
    exposed: u64,
    retained: u64,
    retained_exposed: u64,
    begun: bool,
    events: u64,
    /// Events, cents and missing amounts of each currency.
    priced: BTreeMap<Option<&'static str>, (u64, i64, u64)>,
    /// Events with neither amount nor currency: they miss in every currency.
    unpriced: u64,
}

type NaiveMatrix = BTreeMap<Date, (u64, Vec<NaiveCell>)>;

/// The matrix by a loop that anyone can check: members one by one, ages one by one. And who was born outside the range.
fn naive(rows: &[Row], question: &Question, until: i64) -> (NaiveMatrix, u64) {
    let tz = TimeZone::get(question.zone).unwrap();
    let local = |time: i64| Timestamp::from_microsecond(time).unwrap().to_zoned(tz.clone()).date();
    let instant = |day: Date| day.to_zoned(tz.clone()).unwrap().timestamp().as_microsecond();
    let first = rows.iter().map(|row| row.time).min().unwrap();
    let age_period = question.age.unwrap_or(question.cohort);
    let mut by_customer: BTreeMap<u8, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.time < until) {
        by_customer.entry(row.customer).or_default().push(row);
    }
    let mut cohorts = NaiveMatrix::new();
    let mut outside = 0;
    for life in by_customer.values() {
        let birth = life.iter().map(|row| row.time).min().unwrap();
        if question.born.is_some_and(|(from, to)| birth < first + from * DAY || birth >= first + to * DAY) {
            outside += 1;
            continue;
        }
        let (size, cells) = cohorts.entry(question.start(question.cohort, local(birth))).or_default();
        *size += 1;
        let mut start = question.start(age_period, local(birth));
        let mut age = 0;
        while instant(start) < until {
            let end = question.next(age_period, start);
            let mine: Vec<&&Row> = life.iter().filter(|row| (instant(start)..instant(end)).contains(&row.time)).collect();
            if cells.len() <= age {
                cells.resize(age + 1, NaiveCell::default());
            }
            let cell = &mut cells[age];
            let lived = instant(end) <= until;
            cell.begun = true;
            cell.exposed += u64::from(lived);
            cell.retained += u64::from(!mine.is_empty());
            cell.retained_exposed += u64::from(lived && !mine.is_empty());
            cell.events += mine.len() as u64;
            for row in mine {
                if row.cents.is_none() && row.currency.is_none() {
                    cell.unpriced += 1;
                    continue;
                }
                let (events, cents, missing) = cell.priced.entry(row.currency).or_default();
                *events += 1;
                *cents += row.cents.unwrap_or_default();
                *missing += u64::from(row.cents.is_none());
            }
            (start, age) = (end, age + 1);
        }
    }
    (cohorts, outside)
}

fn load(rows: &[Row], home: &str, target: Target, until: Instant) -> History {
    let layout = RowLayout { table: Table::Activity, attributes: Vec::new(), keyed: false };
    let home_zone = Zone::named(home).unwrap();
    let options = LoadOptions { layout, home_zone, compare: Compare::Nothing, memory: 1 << 30 };
    let loader = Loader::new(options, target);
    let reading = loader.begin(0);
    for rows in rows.chunks(17) {
        let mut chunk = Chunk::new(loader.layout(), reading, rows.len());
        let mut amounts = Amounts::default();
        for row in rows {
            chunk.push_customer(&format!("customer-{}", row.customer));
            chunk.push_time(0, Some(row.time));
            let event = chunk.code(0, loader.names(0), ["login", "purchase", "view"][usize::from(row.event)]);
            chunk.push_name(0, event);
            let currency = row.currency.map_or(Name::NONE, |currency| chunk.code(1, loader.names(1), currency));
            chunk.push_name(1, currency);
            amounts.push(row.cents.map(|cents| Decimal::new(cents.into(), 2))).unwrap();
        }
        chunk.set_amounts(0, amounts);
        loader.push(chunk).unwrap();
    }
    let source = Source { name: "log".to_owned(), rows: 0, sent: None };
    loader.finish(vec![source], Some(until), &|_| {}).unwrap().history.unwrap()
}

fn observed_until(rows: &[Row]) -> Instant {
    Precision::Instant.end_of(Instant(rows.iter().map(|row| row.time).max().unwrap()), &Zone::utc())
}

fn check(matrix: &RetentionMatrix, rows: &[Row], question: &Question, until: i64) {
    let (expected, outside) = naive(rows, question, until);
    assert_eq!(matrix.totals.born_outside_range, outside);
    assert_eq!(matrix.totals.members, expected.values().map(|(size, _)| size).sum::<u64>());
    let starts: Vec<String> = expected.keys().map(Date::to_string).collect();
    let found: BTreeSet<String> = matrix.cohorts.iter().map(|row| row.start.to_string()).collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), starts);
    let ages = expected.values().map(|(_, cells)| cells.len()).max().unwrap_or(0);
    assert_eq!(matrix.ages.len(), ages);
    // A row for each cohort and currency, and one without currency where there is none at all.
    let mut currencies: BTreeSet<Option<&str>> =
        expected.values().flat_map(|(_, cells)| cells).flat_map(|cell| cell.priced.keys().copied()).collect();
    if currencies.is_empty() {
        currencies.insert(None);
    }
    let blocks: Vec<(String, Option<&str>)> =
        starts.iter().flat_map(|start| currencies.iter().map(move |currency| (start.clone(), *currency))).collect();
    assert_eq!(matrix.cohorts.iter().map(|row| (row.start.to_string(), row.currency.as_deref())).collect::<Vec<_>>(), blocks);
    for row in &matrix.cohorts {
        let (size, cells) = &expected[&row.start.to_string().parse::<Date>().unwrap()];
        assert_eq!(row.size, *size);
        for (age, cell) in row.cells.iter().enumerate() {
            let naive = cells.get(age).cloned().unwrap_or_default();
            let state = match (naive.begun, naive.exposed == *size) {
                (_, true) => CellState::Complete,
                (true, false) => CellState::InProgress,
                (false, false) => CellState::Unobserved,
            };
            assert_eq!(cell.cell.state(), state, "{} age {age}", row.start);
            if state == CellState::Unobserved {
                assert_eq!((cell.cell.retained(), cell.events, cell.value), (None, None, None));
                continue;
            }
            assert_eq!(
                (cell.cell.exposed(), cell.cell.retained(), cell.cell.retained_exposed()),
                (Some(naive.exposed), Some(naive.retained), Some(naive.retained_exposed)),
                "{} age {age}",
                row.start
            );
            let value = cell.value.unwrap();
            let currency = row.currency.as_deref();
            let of = |cell: &NaiveCell| cell.priced.get(&currency).copied().unwrap_or_default();
            let (events, cents, missing) = of(&naive);
            assert_eq!(cell.events, Some(events + naive.unpriced));
            assert_eq!((value.total, value.missing), (Decimal::new(cents.into(), 2), missing + naive.unpriced));
            let cumulative: i64 = cells[..=age].iter().map(|cell| of(cell).1).sum();
            assert_eq!(value.cumulative_per_member, Decimal::new(cumulative.into(), 2).divided_by(*size));
        }
    }
    for point in &matrix.summary {
        let age = point.age.from.0 as usize;
        let lived: Vec<&NaiveCell> =
            expected.values().filter_map(|(_, cells)| cells.get(age)).filter(|cell| cell.exposed > 0).collect();
        let sums = lived.iter().fold((0, 0), |(e, r), cell| (e + cell.exposed, r + cell.retained_exposed));
        assert_eq!((point.cohorts, point.exposed, point.retained), (lived.len() as u64, sums.0, sums.1));
        assert_eq!(point.rate, sums.1 as f64 / sums.0 as f64);
    }
    let exposed_ages =
        (0..ages).filter(|&age| expected.values().any(|(_, cells)| cells.get(age).is_some_and(|cell| cell.exposed > 0)));
    assert_eq!(
        matrix.summary.iter().map(|point| point.age.from.0 as usize).collect::<Vec<_>>(),
        exposed_ages.collect::<Vec<_>>()
    );
}

fn json(history: &History, query: &RetentionQuery) -> Vec<u8> {
    let matrix = retention(history, query).unwrap();
    render_retention(&matrix, Format::Json, Layout::Long, Show::Percent, TableStyle::default()).unwrap()
}

fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_a_naive_loop(rows in rows(), question in questions()) {
        let first = rows.iter().map(|row| row.time).min().unwrap();
        let observed = observed_until(&rows);
        let history = load(&rows, question.home, Target::Memory, observed);
        let query = question.query(first, Measure::Value);
        let until = question.as_of.map_or(observed.0, |days| first + days * DAY);
        check(&retention(&history, &query).unwrap(), &rows, &question, until);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The same rows give the same bytes, whatever their order, the threads, and the segments they lie in.
    #[test]
    fn order_threads_and_segments_change_nothing(rows in rows(), question in questions(), turn in 0usize..100, segments in 1usize..11) {
        let first = rows.iter().map(|row| row.time).min().unwrap();
        let observed = observed_until(&rows);
        let mut turned = rows.clone();
        turned.rotate_left(turn % rows.len());
        turned.reverse();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        for part in turned.chunks(rows.len().div_ceil(segments)) {
            load(part, question.home, Target::Directory(Writer::open(&path).unwrap()), observed);
        }
        for measure in [Measure::Customers, Measure::Events, Measure::Value] {
            let query = question.query(first, measure);
            let expected = json(&load(&rows, question.home, Target::Memory, observed), &query);
            let bytes = with_threads(3, || json(&load(&turned, question.home, Target::Memory, observed), &query));
            prop_assert_eq!(&bytes, &expected);
            let history = History::open(&path).unwrap();
            prop_assert_eq!(&with_threads(1, || json(&history, &query)), &expected);
        }
    }
}

/// Hours are told apart by the clock: the repeated one is an hour of its own.
#[test]
fn hours_across_a_clock_change() {
    let row = |customer, time| Row { customer, time: at(time), event: 0, cents: None, currency: None };
    // Clocks in Berlin go back at 01:00Z on 2024-10-27: 02:00 comes twice.
    let rows = [
        row(1, "2024-10-27T00:10:00Z"),
        row(1, "2024-10-27T01:10:00Z"),
        row(2, "2024-10-27T01:50:00Z"),
        row(1, "2024-10-27T03:59:59Z"),
    ];
    let history = load(&rows, "UTC", Target::Memory, Instant(at("2024-10-27T04:00:00Z")));
    let query = RetentionQuery {
        cohort: Period::One(Granularity::Hour),
        zone: Some(Zone::named("Europe/Berlin").unwrap()),
        ..RetentionQuery::default()
    };
    let matrix = retention(&history, &query).unwrap();
    let found: Vec<(String, u64, Vec<Option<u64>>)> = matrix
        .cohorts
        .iter()
        .map(|row| (row.start.to_string(), row.size, row.cells.iter().map(|cell| cell.cell.retained()).collect()))
        .collect();
    assert_eq!(
        found,
        [
            ("2024-10-27T02:00:00+02:00".to_owned(), 1, vec![Some(1), Some(1), Some(0), Some(1)]),
            ("2024-10-27T02:00:00+01:00".to_owned(), 1, vec![Some(1), Some(0), Some(0), None]),
        ]
    );
}
