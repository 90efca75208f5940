//! Published cases of other retention tools, through the program: the events, the question and the expected table of each
//! are data. A few of our own making lie in `data/fixtures/peer_cases`; the published ones are not part of the project: set
//! TENURE_SHARED to the folder that holds them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use support::{Place, data};

fn own() -> PathBuf {
    data("fixtures/peer_cases")
}

fn published() -> Option<PathBuf> {
    std::env::var_os("TENURE_SHARED").map(|shared| Path::new(&shared).join("data"))
}

fn cases(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// A property as a column: of an event, or of a person, which may have the same names.
fn event_column(key: &str) -> String {
    format!("e_{key}")
}

fn person_column(key: &str) -> String {
    format!("p_{key}")
}

/// A condition on properties.
fn condition(filters: &Value, column: impl Fn(&str) -> String) -> Vec<String> {
    let literal = |value: &Value| match value.as_str() {
        Some(text) => format!("'{}'", text.replace('\'', "''")),
        None => value.to_string(),
    };
    let filters = filters.as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |filter: &Value| {
        let column = format!("\"{}\"", column(filter[0].as_str().unwrap()));
        match filter[1].as_str().unwrap() {
            "=" => format!("{column} = {}", literal(&filter[2])),
            "in" => {
                let values: Vec<String> = filter[2].as_array().unwrap().iter().map(literal).collect();
                format!("{column} in ({})", values.join(", "))
            }
            "not_contains" => format!("({column} is null or {column} not like '%{}%')", filter[2].as_str().unwrap()),
            "is_set" => format!("{column} is not null"),
            other => panic!("no operator {other}"),
        }
    };
    filters.iter().map(one).collect()
}

fn selector(entity: &Value) -> Option<String> {
    let event = entity["event"].as_str().map(|event| format!("event = '{}'", event.replace('\'', "''")));
    let parts: Vec<String> = event.into_iter().chain(condition(&entity["filters"], event_column)).collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// The history of a case: events, the ids that are one person, what is said of persons.
fn ingest(place: &Place, case: &Value) {
    let actor = case["query"]["actor"].as_str().unwrap_or("person");
    let mut lines = String::new();
    let mut keys: Vec<String> = Vec::new();
    for event in case["events"].as_array().unwrap() {
        let mut row = json!({ "customer": event["id"], "time": event["t"], "event": event["event"] });
        for (key, value) in event["properties"].as_object().into_iter().flatten() {
            row[event_column(key)] = value.clone();
            keys.push(event_column(key));
        }
        if let Some(key) = actor.strip_prefix("property:") {
            // Activity without the key is nobody's.
            let Some(value) = event["properties"].get(key) else { continue };
            row["customer"] = value.clone();
        }
        lines.push_str(&format!("{row}\n"));
    }
    keys.sort();
    keys.dedup();
    let mut aliases = "alias,customer\n".to_owned();
    let mut persons = String::new();
    let mut person_keys: Vec<String> = Vec::new();
    for person in case["persons"].as_array().unwrap() {
        let name = person["person"].as_str().unwrap();
        for id in person["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()) {
            if actor == "person" && id != name {
                aliases.push_str(&format!("{id},{name}\n"));
            }
            let customer = if actor == "id" { id } else { name };
            let mut row = json!({ "customer": customer });
            for (key, value) in person["properties"].as_object().unwrap() {
                row[person_column(key)] = value.clone();
                person_keys.push(person_column(key));
            }
            persons.push_str(&format!("{row}\n"));
        }
    }
    place.file("events.jsonl", lines).file("aliases.csv", aliases).file("persons.jsonl", persons);
    let mut args = vec!["ingest", "events.jsonl", "--into", "history", "--customer", "customer", "--time", "time", "-q"];
    args.extend(["--preset", "generic", "--event", "event", "--aliases", "aliases.csv"]);
    let value = case["query"]["aggregate"]["property"].as_str().map(event_column);
    if let Some(value) = &value {
        args.extend(["--value", value]);
    }
    args.push("--all-attributes");
    place.ok(&args);
    if !person_keys.is_empty() {
        let table = ["ingest", "persons.jsonl", "--into", "history", "--table", "customers", "--customer", "customer"];
        place.ok(&[&table[..], &["--preset", "generic", "--all-attributes", "-q"]].concat());
    }
}

/// The first day of the period that holds a day.
fn start_of(period: &str, day: Date, week_start: Weekday) -> Date {
    match period {
        "month" => day.first_of_month(),
        "week" => {
            let mut day = day;
            while day.weekday() != week_start {
                day = day.yesterday().unwrap();
            }
            day
        }
        _ => day,
    }
}

fn moved(period: &str, day: Date, periods: i64) -> Date {
    match period {
        "month" => day + periods.months(),
        "week" => day + periods.weeks(),
        _ => day + periods.days(),
    }
}

struct Question {
    args: Vec<String>,
    /// The starts of the rows, and how many columns each has.
    rows: Vec<(Date, usize)>,
}

/// The question of a case as flags.
fn question(query: &Value) -> Question {
    let period = query["period"].as_str().unwrap();
    let tz = TimeZone::get(query["timezone"].as_str().unwrap()).unwrap();
    let week_start = if query["week_start"] == "sunday" { Weekday::Sunday } else { Weekday::Monday };
    let start = |name: &str| {
        let at: Timestamp = query[name].as_str()?.parse().unwrap();
        Some(start_of(period, at.to_zoned(tz.clone()).date(), week_start))
    };
    let intervals = usize::try_from(query["total_intervals"].as_u64().unwrap()).unwrap();
    let last = start("date_to").unwrap();
    let first = start("date_from").unwrap_or_else(|| moved(period, last, 1 - intervals as i64));
    let starts = (0..).map(|n| moved(period, first, n)).take_while(|start| *start <= last);
    let triangle = query["date_from"].is_null();
    let rows = starts.enumerate().map(|(i, start)| (start, if triangle { intervals - i } else { intervals })).collect();

    let mut args: Vec<String> = ["--dialect", "posthog", "--cohort", period].map(str::to_owned).to_vec();
    let mut flag = |name: &str, value: &str| args.push(format!("--{name}={value}"));
    flag("zone", query["timezone"].as_str().unwrap());
    flag("week-start", query["week_start"].as_str().unwrap());
    flag("as-of", query["date_to"].as_str().unwrap());
    flag("born-from", &first.to_string());
    match query["cohorting"].as_str().unwrap() {
        "first_time" => flag("birth", "first"),
        "first_ever" => flag("birth", "first-ever"),
        _ => {}
    }
    if query["window"] == "rolling_24h" {
        flag("alignment", "rolling");
    }
    for (name, key) in [("born", "target"), ("returned", "returning")] {
        if let Some(text) = selector(&query[key]) {
            flag(name, &text);
        }
    }
    let filters = [condition(&query["person_filters"], person_column), condition(&query["event_filters"], event_column)].concat();
    if !filters.is_empty() {
        flag("filter", &filters.join(" and "));
    }
    if query["cumulative"] == true {
        flag("criterion", "on-or-after");
    }
    if let Some(least) = query["min_occurrences"].as_u64() {
        flag("min-returns", &least.to_string());
    }
    match query["brackets"].as_array() {
        None => flag("ages", &intervals.to_string()),
        Some(lengths) => {
            let mut next = 1;
            let mut brackets = "0".to_owned();
            for length in lengths.iter().map(|length| length.as_u64().unwrap()) {
                brackets.push_str(&format!(",{next}-{}", next + length - 1));
                next += length;
            }
            flag("brackets", &brackets);
        }
    }
    if query["aggregate"].is_object() {
        flag("measure", "value");
    }
    if let Some(key) = query["breakdown"]["key"].as_str() {
        let column = if query["breakdown"]["on"] == "person" { person_column(key) } else { event_column(key) };
        flag("by", &column);
    }
    Question { args, rows }
}

type Table = Vec<Vec<f64>>;

/// The numbers of each row of a case, by segment; what is not there is 0.
fn tables(answer: &Value, question: &Question, number: impl Fn(&Value) -> f64) -> BTreeMap<Option<String>, Table> {
    let mut tables: BTreeMap<Option<String>, Table> = BTreeMap::new();
    let none = || question.rows.iter().map(|(_, columns)| vec![0.0; *columns]).collect::<Table>();
    tables.insert(None, none());
    for cohort in answer["cohorts"].as_array().unwrap() {
        let segment = cohort["segment"].as_object().unwrap().values().next().and_then(Value::as_str).map(str::to_owned);
        let start: Date = cohort["cohort"].as_str().unwrap().parse().unwrap();
        let row = question.rows.iter().position(|(other, _)| *other == start).unwrap_or_else(|| panic!("no row {start}"));
        let table = tables.entry(segment).or_insert_with(none);
        for (place, cell) in cohort["cells"].as_array().unwrap().iter().enumerate() {
            if let Some(found) = table[row].get_mut(place) {
                *found = number(cell);
            }
        }
    }
    tables
}

/// Every difference between what a case expects and what the program says.
fn differences(case: &Value) -> Vec<String> {
    let place = Place::new();
    ingest(&place, case);
    let question = question(&case["query"]);
    let args: Vec<&str> = ["retention", "history"].into_iter().chain(question.args.iter().map(String::as_str)).collect();
    let answer = place.json(&args);
    let average = case["query"]["aggregate"]["fn"] == "avg";
    let counts = tables(&answer, &question, |cell| cell["retained"].as_f64().unwrap_or_default());
    let amount = |cell: &Value| cell[if average { "value_per_active" } else { "value" }].as_str()?.parse::<f64>().ok();
    let values = tables(&answer, &question, |cell| amount(cell).unwrap_or_default());
    let rows = |expected: &Value| -> Table {
        let row = |row: &Value| row.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
        expected.as_array().unwrap().iter().map(row).collect()
    };
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: Table, found: &[Vec<f64>]| {
        assert!(!expected.is_empty());
        let same = expected.len() <= found.len()
            && expected.iter().zip(found).all(|(expected, found)| {
                expected.len() <= found.len() && expected.iter().zip(found).all(|(a, b)| (a - b).abs() < 1e-6)
            });
        if !same {
            wrong.push(format!("{what}: expected {expected:?}, found {found:?}\n  tenure {}", args.join(" ")));
        }
    };
    for (key, expected) in case["expected"].as_object().unwrap() {
        match key.as_str() {
            "counts" => compare(key, rows(expected), &counts[&None]),
            "values" => compare(key, rows(expected), &values[&None]),
            "row0" | "row0_prefix" => compare(key, rows(&json!([expected])), &counts[&None][..1]),
            "row1_prefix" => compare(key, rows(&json!([expected])), &counts[&None][1..2]),
            "values_row0_prefix" => compare(key, rows(&json!([expected])), &values[&None][..1]),
            "by" | "by_row0_prefix" => {
                for (segment, expected) in expected.as_object().unwrap() {
                    let table = counts.get(&Some(segment.clone())).cloned().unwrap_or_default();
                    let expected = if key == "by" { rows(expected) } else { rows(&json!([expected])) };
                    compare(segment, expected, &table);
                }
            }
            "interval_starts" => {
                let starts: Vec<String> = question.rows.iter().map(|(start, _)| start.to_string()).collect();
                assert_eq!(serde_json::to_value(starts).unwrap(), *expected);
            }
            "labels" => {}
            other => panic!("nothing compares {other}"),
        }
    }
    wrong
}

fn hold_posthog(file: &Path, least: usize) {
    let all = cases(file);
    let retention: Vec<&Value> = all["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == "retention").collect();
    assert!(retention.len() >= least);
    let wrong: Vec<String> = retention
        .iter()
        .flat_map(|case| differences(case).into_iter().map(|text| format!("{} {}: {text}", case["id"], case["name"])))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn posthog_cases() {
    hold_posthog(&own().join("posthog.json"), 3);
    if let Some(data) = published() {
        hold_posthog(&data.join("posthog_cases/cases.json"), 28);
    }
}

/// The flags that a lifecycle or stickiness case shares: the rows that count, the zone, and the first day.
fn scope_flags(query: &Value, first: Date) -> Vec<String> {
    let mut filters = vec![format!("event = '{}'", query["event"].as_str().unwrap())];
    filters.extend(condition(&query["event_filters"], event_column));
    filters.extend(condition(&query["person_filters"], person_column));
    let flag = |name: &str, value: &str| format!("--{name}={value}");
    vec![
        flag("filter", &filters.join(" and ")),
        flag("zone", query["timezone"].as_str().unwrap()),
        flag("week-start", query["week_start"].as_str().unwrap()),
        flag("from", &first.to_string()),
    ]
}

fn range(query: &Value) -> (Date, Date) {
    let date = |name: &str| query[name].as_str().unwrap().parse::<Date>().unwrap();
    (date("date_from"), date("date_to"))
}

/// Each difference between a lifecycle case and what the program says. Peers show the dormant below zero.
fn lifecycle_differences(case: &Value) -> Vec<String> {
    let place = Place::new();
    ingest(&place, case);
    let query = &case["query"];
    let period = query["period"].as_str().unwrap();
    let (first, last) = range(query);
    let until = moved(period, start_of(period, last, Weekday::Monday), 1);
    let flags = scope_flags(query, first);
    let until = format!("--as-of={until}");
    let mut args = vec!["lifecycle", "history", "--period", period, &until];
    args.extend(flags.iter().map(String::as_str));
    let answer = place.json(&args);
    let rows = answer["rows"].as_array().unwrap();
    let mut wrong = Vec::new();
    for (key, expected) in case["expected"].as_object().unwrap() {
        let name = if key == "resurrecting" { "resurrected" } else { key };
        let sign = if key == "dormant" { -1 } else { 1 };
        let found: Vec<i64> = rows.iter().map(|row| sign * row[name].as_i64().unwrap()).collect();
        if json!(found) != *expected {
            wrong.push(format!("{key}: expected {expected}, found {found:?}\n  tenure {}", args.join(" ")));
        }
    }
    assert!(!rows.is_empty());
    wrong
}

/// Each difference between a stickiness case and what the program says. The peers count over one range; here it is the year.
fn stickiness_differences(case: &Value) -> Vec<String> {
    let place = Place::new();
    ingest(&place, case);
    let query = &case["query"];
    let (first, last) = range(query);
    assert_eq!(first.year(), last.year());
    let flags = scope_flags(query, first);
    let mut args = vec!["stickiness", "history", "--period", "year", "--of", query["period"].as_str().unwrap()];
    args.extend(flags.iter().map(String::as_str));
    let answer = place.json(&args);
    let rows = answer["rows"].as_array().unwrap();
    let expected = case["expected"]["histogram_prefix"].as_array().unwrap();
    let found: Vec<u64> = (1..=expected.len() as u64)
        .map(|parts| rows.iter().find(|row| row["active_parts"] == parts).map_or(0, |row| row["customers"].as_u64().unwrap()))
        .collect();
    let people: u64 = rows.iter().map(|row| row["customers"].as_u64().unwrap()).sum();
    let same = json!(found) == json!(expected) && json!(people) == case["expected"]["people"];
    if same { Vec::new() } else { vec![format!("expected {}, found {people}: {found:?}", case["expected"])] }
}

#[test]
fn posthog_lifecycle_and_stickiness_cases() {
    let mut files = vec![(own().join("posthog_activity.json"), 2)];
    files.extend(published().map(|data| (data.join("posthog_cases/cases.json"), 8)));
    for (file, least) in files {
        let all = cases(&file);
        let mut compared = 0;
        let mut wrong = Vec::new();
        for case in all["cases"].as_array().unwrap() {
            let found = match case["kind"].as_str() {
                Some("lifecycle") => lifecycle_differences(case),
                Some("stickiness") => stickiness_differences(case),
                _ => continue,
            };
            compared += 1;
            wrong.extend(found.into_iter().map(|text| format!("{} {}: {text}", case["id"], case["name"])));
        }
        assert!(compared >= least && wrong.is_empty(), "{compared} compared; {}", wrong.join("\n"));
    }
}

/// Cohorts by calendar months or by groups of fixed length; a rate for each age, none where nobody was active.
fn hold_retentioneering(file: &Path) {
    let all = cases(file);
    let place = Place::new();
    let rows = all["events"].as_array().unwrap().iter();
    let lines: String = rows.map(|row| format!("{},{}\n", row["user"].as_str().unwrap(), row["t"].as_str().unwrap())).collect();
    place.file("log.csv", format!("user,time\n{lines}"));
    let mut compared = 0;
    for case in all["cases"].as_array().unwrap() {
        let step = case["step"].as_str().unwrap().replace("months", "month").replace("days", "day");
        let first = case["expected"].as_object().unwrap().keys().min().unwrap().clone();
        let origin = if first.len() == 7 { format!("{first}-01") } else { first };
        let period = step.strip_prefix("1 ").unwrap_or(&step);
        let mut args = vec!["retention", "log.csv", "--cohort", period];
        if period == step {
            args.extend(["--cohort-origin", &origin]);
        }
        let answer = place.json(&args);
        let cohorts = answer["cohorts"].as_array().unwrap();
        let expected = case["expected"].as_object().unwrap();
        assert_eq!(cohorts.len(), expected.len(), "{}", case["id"]);
        let mut columns: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for cohort in cohorts {
            let start = cohort["cohort"].as_str().unwrap();
            let (_, rates) = expected.iter().find(|(label, _)| start.starts_with(label.as_str())).unwrap();
            let rates = rates.as_array().unwrap();
            for (age, cell) in cohort["cells"].as_array().unwrap().iter().enumerate() {
                let found = cell["retained"].as_f64().unwrap_or_default() / cohort["size"].as_f64().unwrap();
                let rate = rates.get(age).and_then(Value::as_f64).unwrap_or_default();
                // The cases are rounded to two decimals at the least.
                assert!((found - rate).abs() < 0.005, "{} {start} age {age}: {found}, expected {rate}", case["id"]);
                compared += 1;
                if found > 0.0 {
                    columns.entry(age).or_default().push(found);
                }
            }
        }
        for (age, average) in case["average"].as_array().into_iter().flatten().enumerate() {
            let rates = &columns[&age];
            let found = rates.iter().sum::<f64>() / rates.len() as f64;
            assert!((found - average.as_f64().unwrap()).abs() < 0.005, "{} average {age}: {found}", case["id"]);
        }
    }
    assert!(compared > 10);
}

#[test]
fn retentioneering_cases() {
    hold_retentioneering(&own().join("retentioneering.json"));
    if let Some(data) = published() {
        hold_retentioneering(&data.join("retentioneering_cohort_cases/cases.json"));
    }
}
