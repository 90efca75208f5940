//! The oracle's own arithmetic, on logs small enough to be worked by hand.

use std::collections::BTreeMap;

use jiff::civil::{Weekday, date};
use tenure_analysis::{Ages, Birth, Dialect, Measure, Rates, SegmentAsOf, retention};
use tenure_model::{CellState, Criterion};

use crate::cells::Answer;
use crate::compare::compare;
use crate::log::{Log, Profile, Row, instant};
use crate::naive::Naive;
use crate::question::{Question, When, rates};
use crate::selector::{Selector, Text, selects};

fn row(customer: u8, time: &str, event: &'static str) -> Row {
    Row { customer, time: instant(time), event, cents: None, currency: None, country: None, plan: None }
}

fn log(rows: Vec<Row>) -> Log {
    Log { start: instant("2023-01-01T00:00:00Z"), days: 100, rows, customers: None, home: "UTC", quiet: 0 }
}

fn question(cohort: &'static str) -> Question {
    Question {
        cohort,
        age: None,
        origin: 0,
        zone: "UTC",
        week_start: Weekday::Monday,
        fiscal_month: 1,
        birth: None,
        born: None,
        returned: None,
        filter: None,
        min_returns: 1,
        alignment: None,
        criterion: None,
        by: Vec::new(),
        segment_as_of: None,
        top: None,
        min_size: None,
        measure: Measure::Customers,
        rates: false,
        born_from: None,
        born_until: None,
        as_of: None,
        ages: Ages::Begun,
        summary: None,
        level: 0.95,
        dialect: Dialect::Tenure,
    }
}

/// The oracle's answer, which the engine has to share.
fn answer(log: &Log, question: &Question) -> Answer {
    let matrix = retention(&log.open().history, &question.query(log)).unwrap();
    compare(&matrix, log, question).unwrap();
    let mut naive = Naive::new(log, question);
    let census = naive.census();
    naive.answer(&census)
}

/// Retained of size at each age of each row, `*` where the cell is in progress.
fn table(answer: &Answer) -> Vec<String> {
    let cell = |cell: &crate::cells::NaiveCell| match cell.state {
        CellState::Complete => cell.retained.to_string(),
        CellState::InProgress => format!("{}/{}*", cell.retained_exposed, cell.exposed),
        CellState::Unobserved => "-".to_owned(),
    };
    let line = |(size, cells): &(u64, Vec<_>)| {
        let cells: Vec<String> = cells.iter().map(cell).collect();
        format!("{size}: {}", cells.join(" "))
    };
    answer.rows.values().map(line).collect()
}

fn is(name: &'static str) -> Option<Selector> {
    Some(Selector::Is(Text::Event, name))
}

/// Three customers by months: two born in January, one in February; the window ends inside of March.
fn three() -> Log {
    log(vec![
        row(1, "2023-01-05T00:00:00Z", "login"),
        row(1, "2023-01-20T00:00:00Z", "purchase"),
        row(1, "2023-03-01T00:00:00Z", "login"),
        row(2, "2023-01-31T00:00:00Z", "login"),
        row(2, "2023-02-10T00:00:00Z", "purchase"),
        row(3, "2023-02-01T00:00:00Z", "purchase"),
        row(3, "2023-03-10T00:00:00Z", "purchase"),
    ])
}

#[test]
fn months_by_hand() {
    let log = three();
    let months = question("month");
    assert_eq!(table(&answer(&log, &months)), ["2: 2 1 0/0*", "1: 1 0/0* -"]);
    let of = |criterion: Criterion| table(&answer(&log, &Question { criterion: Some(criterion), ..months.clone() }));
    assert_eq!(of(Criterion::OnOrAfter), ["2: 2 2 0/0*", "1: 1 0/0* -"]);
    assert_eq!(of(Criterion::OnOrBefore), ["2: 2 2 0/0*", "1: 1 0/0* -"]);
    assert_eq!(of(Criterion::Streak), ["2: 2 1 0/0*", "1: 1 0/0* -"]);
    assert_eq!(of(Criterion::Brackets("0,1-2".parse().unwrap())), ["2: 2 0/0*", "1: 1 0/0*"]);
    // Who logs in and purchases later in the month.
    let purchases = Question { born: is("login"), returned: is("purchase"), ..months.clone() };
    assert_eq!(table(&answer(&log, &purchases)), ["2: 1 1 0/0*"]);
    let ever = Question { birth: Some(Birth::FirstEver), ..purchases };
    let mut naive = Naive::new(&log, &ever);
    let census = naive.census();
    assert_eq!((census.distinct, census.without), (2, 1));
    let recurring = Question { birth: Some(Birth::Recurring), ..months };
    assert_eq!(table(&answer(&log, &recurring)), ["2: 2 1 0/0*", "2: 2 0/0* -", "2: 0/0* - -"]);
}

#[test]
fn rolling_ages_are_lived_by_each_member() {
    let log = three();
    let rolling = Question { alignment: Some(tenure_model::Alignment::Rolling), ..question("month") };
    // Until 10 March: the first customer has lived two months, the second one, which ended on 28 February.
    assert_eq!(table(&answer(&log, &rolling)), ["2: 2 1/1* 0/0*", "1: 1 0/0* -"]);
    let thirty = Question { dialect: Dialect::Mixpanel, ..rolling };
    // Only what is later than the birth: customer 3 comes back in its second 30 days, which are not over.
    assert_eq!(table(&answer(&log, &thirty)), ["2: 2 1/1* 0/0*", "1: 0 0/0* -"]);
}

#[test]
fn dialects_differ_at_age_zero() {
    let log = three();
    let asked = |dialect| Question { dialect, birth: Some(Birth::First), returned: is("purchase"), ..question("month") };
    assert_eq!(table(&answer(&log, &asked(Dialect::Tenure))), ["2: 1 1 0/0*", "1: 1 0/0* -"]);
    // Everybody is there at age 0, and March counts as over.
    assert_eq!(table(&answer(&log, &asked(Dialect::Posthog))), ["2: 2 1 0", "1: 1 1 -"]);
    assert_eq!(table(&answer(&log, &asked(Dialect::Mixpanel))), ["2: 2 0/1* 0/0*", "1: 0 0/0* -"]);
}

#[test]
fn segments_by_hand() {
    let mut log = three();
    for (row, plan) in log.rows.iter_mut().zip([Some("pro"), Some("pro"), Some("basic"), None, Some("pro"), None, None]) {
        row.plan = plan;
    }
    let by = |as_of| Question { by: vec!["plan"], segment_as_of: Some(as_of), ..question("month") };
    // None, pro; none.
    assert_eq!(table(&answer(&log, &by(SegmentAsOf::Birth))), ["1: 1 1 0/0*", "1: 1 0 0/0*", "1: 1 0/0* -"]);
    // Basic, pro; none.
    assert_eq!(table(&answer(&log, &by(SegmentAsOf::Latest))), ["1: 1 0 0/0*", "1: 1 1 0/0*", "1: 1 0/0* -"]);
    let at_activity = ["2: 1 0 0/0*", "2: 0 0 0/0*", "2: 1 1 0/0*", "1: 1 0/0* -", "1: 0 0/0* -", "1: 0 0/0* -"];
    assert_eq!(table(&answer(&log, &by(SegmentAsOf::Activity))), at_activity);
    let top = Question { top: Some(1), ..by(SegmentAsOf::Activity) };
    let folded = answer(&log, &top);
    assert_eq!(folded.rows.keys().map(|(_, segment)| segment[0].clone()).collect::<Vec<_>>(), {
        let other = Some("(other)".to_owned());
        [None, other.clone(), None, other]
    });
}

#[test]
fn declared_births_and_ranges_by_hand() {
    let mut log = three();
    let profile =
        |day: Option<&str>| Profile { signed_up: day.map(|day| day.parse().unwrap()), plan: None, tier: None, joined: None };
    let days = [(1, Some("2023-01-10")), (2, None), (7, Some("2023-02-03")), (8, Some("2024-01-01"))];
    log.customers = Some(BTreeMap::from(days.map(|(customer, day)| (customer, profile(day)))));
    let declared = Question { birth: Some(Birth::Declared("signed_up".to_owned())), ..question("month") };
    // Only what comes after the tenth of January is a return of the first; nobody else is listed with a day but the seventh.
    assert_eq!(table(&answer(&log, &declared)), ["1: 1 0 0/0*", "1: 0 0/0* -"]);
    let mut naive = Naive::new(&log, &declared);
    let census = naive.census();
    assert_eq!((census.customers, census.distinct, census.without, census.outside), (5, 2, 3, 0));
    let late = Question { born_from: Some(When::Instant(200)), ..question("month") };
    let mut naive = Naive::new(&log, &late);
    let census = naive.census();
    assert_eq!((census.distinct, census.outside), (2, 1));
    let early = Question { as_of: Some(When::Day(300)), ..question("month") };
    // The second customer is born just then, which is too late.
    assert_eq!(table(&answer(&log, &early)), ["1: 0/0*"]);
    let naive = Naive::new(&log, &early);
    assert_eq!(naive.calendar.day_of(naive.until), date(2023, 1, 31));
}

/// Converted amounts are of the rates' currency, also where nothing is counted.
#[test]
fn rates_name_the_currency_of_their_block() {
    let mut log = log(vec![row(1, "2023-01-05T00:00:00Z", "login"), row(2, "2023-01-06T00:00:00Z", "purchase")]);
    (log.rows[1].cents, log.rows[1].currency) = (Some(1_000), Some("USD"));
    let priced = Question { measure: Measure::Value, rates: true, ..question("month") };
    assert_eq!(answer(&log, &priced).currencies, [Some("EUR")].into());
    let nothing = Question { born: is("login"), returned: is("purchase"), ..priced.clone() };
    assert_eq!(answer(&log, &nothing).currencies, [Some("EUR")].into());
    // A rate that is not there is named.
    let mut query = priced.query(&log);
    let mut some = rates(&log);
    some.retain(|(day, currency), _| day.to_string() != "2023-01-06" || currency != "USD");
    query.rates = Some(Rates::new("rates.csv", some).unwrap());
    let error = retention(&log.open().history, &query).unwrap_err().to_string();
    assert!(error.contains("USD") && error.contains("2023-01-06"), "{error}");
}

#[test]
fn what_a_history_does_not_have_is_refused() {
    let log = three();
    let refused = |question: Question| retention(&log.open().history, &question.query(&log)).unwrap_err().to_string();
    let error = refused(Question { born: is("signup"), ..question("month") });
    assert!(error.contains("signup"), "{error}");
    let error = refused(Question { as_of: Some(When::Instant(-10)), ..question("month") });
    assert!(error.contains("before the first activity"), "{error}");
}

#[test]
fn missing_values_are_neither_equal_nor_unequal() {
    let log = log(vec![row(1, "2023-01-05T00:00:00Z", "login")]);
    let calendar = question("month").calendar(&log);
    let holds = |selector: &Selector| selects(Some(selector), &log.rows[0], &log, &calendar);
    let plan = Selector::Is(Text::Plan, "pro");
    let not = Selector::Not(Box::new(plan.clone()));
    let login = Selector::Is(Text::Event, "login");
    assert!(!holds(&plan) && !holds(&not) && holds(&login));
    assert!(holds(&Selector::Or(Box::new(not.clone()), Box::new(login.clone()))));
    assert!(!holds(&Selector::And(Box::new(not), Box::new(login))));
    assert!(holds(&Selector::Missing(Text::Plan)));
    assert!(holds(&Selector::Since(40)) && !holds(&Selector::Since(41 + 10)));
}

/// Hours are told apart by the clock: the repeated one is an hour of its own.
#[test]
fn hours_across_a_clock_change() {
    // Clocks in Berlin go back at 01:00Z on 2024-10-27: 02:00 comes twice.
    let rows = vec![
        row(1, "2024-10-27T00:10:00Z", "login"),
        row(1, "2024-10-27T01:10:00Z", "login"),
        row(2, "2024-10-27T01:50:00Z", "login"),
        row(1, "2024-10-27T03:59:59.999999Z", "login"),
    ];
    let log = log(rows);
    let question = Question { zone: "Europe/Berlin", ..question("hour") };
    assert_eq!(table(&answer(&log, &question)), ["1: 1 1 0 1", "1: 1 0 0 -"]);
    let matrix = retention(&log.open().history, &question.query(&log)).unwrap();
    let starts: Vec<String> = matrix.cohorts.iter().map(|row| row.start.to_string()).collect();
    assert_eq!(starts, ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"]);
}
