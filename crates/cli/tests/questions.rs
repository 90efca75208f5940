//! Questions from outside: cells and their members, many queries at once, saved queries, explanations, wrong questions.

mod support;

use std::fs;

use serde_json::Value;
use support::{Place, copy_dir, data};

/// The sample's events as a history, and its other files beside it.
fn sample() -> Place {
    let place = Place::new();
    copy_dir(&data("sample"), place.dir.path());
    place.ok(&["ingest", "events.csv", "--into", "history", "--value", "amount", "--attribute", "country", "plan", "-q"]);
    place
}

fn retention(place: &Place, flags: &[&str]) -> Value {
    place.json(&[&["retention", "history"], flags].concat())
}

const QUESTIONS: &[&[&str]] = &[
    &["--cohort", "quarter"],
    &["--cohort", "quarter", "--age", "month", "--criterion", "on-or-after", "--min-returns", "2"],
    &["--cohort", "quarter", "--age", "month", "--criterion", "on-or-before", "--min-returns", "5"],
    &["--cohort", "quarter", "--age", "month", "--alignment", "rolling", "--criterion", "streak"],
    &["--cohort", "quarter", "--age", "week", "--brackets", "0,1-3,6-", "--min-returns", "2"],
    &["--cohort", "half-year", "--age", "month", "--birth", "recurring", "--born", "event = 'purchase'"],
    &["--cohort", "quarter", "--by", "plan"],
    &["--cohort", "quarter", "--by", "country,plan", "--top", "3"],
    &["--cohort", "quarter", "--by", "event", "--segment-as-of", "latest", "--at", "1,2"],
    &["--cohort", "quarter", "--by", "event", "--segment-as-of", "activity", "--top", "4"],
    &["--cohort", "quarter", "--by", "event", "--dialect", "posthog"],
    &["--cohort", "quarter", "--age", "month", "--dialect", "mixpanel"],
    &["--cohort", "quarter", "--age", "month", "--dialect", "amplitude", "--brackets", "0-1,3-"],
    &["--cohort", "quarter", "--as-of", "2022-08-15", "--returned", "event in ('purchase', 'share')", "--min-size", "60"],
];

#[test]
fn a_cell_has_as_many_members_as_it_says() {
    let place = sample();
    let mut checked = 0;
    for question in QUESTIONS {
        let answer = retention(&place, question);
        for cohort in answer["cohorts"].as_array().unwrap() {
            // The youngest and the oldest ages, and one in between.
            let cells = cohort["cells"].as_array().unwrap();
            let places = [0, 1, cells.len() / 2, cells.len() - 1];
            let mut places: Vec<usize> = places.into_iter().filter(|place| *place < cells.len()).collect();
            places.dedup();
            for cell in places.into_iter().map(|place| &cells[place]) {
                let age = cell["age"].to_string();
                let start = cohort["cohort"].as_str().unwrap();
                let mut args = vec!["members", "history", "--in-cohort", start, "--in-age", &age];
                args.extend(*question);
                let segments: Vec<String> = cohort["segment"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("(none)")))
                    .collect();
                segments.iter().for_each(|segment| args.extend(["--in-segment", segment]));
                let found = place.json(&args);
                let members = found["members"].as_array().unwrap();
                assert_eq!(members.len() as u64, cell["retained"].as_u64().unwrap_or(0), "{args:?}");
                let exposed = members.iter().filter(|member| member["exposed"] == true).count() as u64;
                assert_eq!(exposed, cell["retained_exposed"].as_u64().unwrap_or(0), "{args:?}");
                args.extend(["--retained", "no"]);
                let others = place.json(&args)["members"].as_array().unwrap().len();
                let size = if cell["state"] == "unobserved" { 0 } else { cohort["size"].as_u64().unwrap() };
                assert_eq!((members.len() + others) as u64, size, "{args:?}");
                checked += 1;
            }
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn members_are_rows_that_other_tools_read() {
    let place = sample();
    let cell = ["members", "history", "--in-cohort", "2022-03-15", "--in-age", "1", "--by", "plan"];
    let csv = String::from_utf8(place.ok(&[&cell[..], &["-q", "--format", "csv"]].concat())).unwrap();
    assert_eq!(csv.lines().next(), Some("customer,cohort,plan,birth,age,age_to,exposed,retained,returns"));
    // A date inside the cohort's month names it.
    assert!(csv.lines().skip(1).all(|line| line.contains(",2022-03-01,") && line.contains(",1,1,true,true,")), "{csv}");
    place.ok(&[&cell[..], &["-o", "members.parquet", "-q"]].concat());
    let rows = support::read_parquet(&place.path("members.parquet"));
    assert_eq!(rows.len(), csv.lines().count() - 1);
    assert!(rows.iter().all(|row| row["birth"].starts_with("2022-03-")), "{rows:?}");
    let said = place.fails(2, &["members", "history", "--in-cohort", "2030-01-01", "--in-age", "1"]);
    assert!(said.contains("no customer was born in that month; cohorts are from 2022-01-01 to 2022-12-01"), "{said}");
    let said = place.fails(2, &[&cell[..], &["--in-segment", "country=DE"]].concat());
    assert!(said.contains("the query has no --by country"), "{said}");
}

#[test]
fn many_queries_in_one_pass_are_each_as_alone() {
    let place = sample();
    let mut toml = "input = \"history\"\n".to_owned();
    for (place, question) in QUESTIONS.iter().enumerate() {
        toml.push_str(&format!("[[query]]\nname = \"q{place}\"\ncommand = \"retention\"\noutput = \"out-{place}.json\"\n"));
        for pair in question.chunks(2) {
            toml.push_str(&format!("{} = \"{}\"\n", pair[0].trim_start_matches("--").replace('-', "_"), pair[1]));
        }
    }
    place.file("queries.toml", &toml);
    let said = String::from_utf8(place.ok(&["run", "queries.toml", "-q"])).unwrap();
    assert_eq!(said.lines().count(), QUESTIONS.len() + 1, "{said}");
    for (number, question) in QUESTIONS.iter().enumerate() {
        let alone = place.ok(&[&["retention", "history", "--format", "json", "-q"], *question].concat());
        assert!(fs::read(place.path(&format!("out-{number}.json"))).unwrap() == alone, "{question:?}");
    }
    // An export is asked as well, and its columns are kept for all queries.
    place.ok(&["run", "queries.toml", "--over", "events.csv", "--value", "amount", "-q"]);
    let one: Value = serde_json::from_slice(&fs::read(place.path("out-7.json")).unwrap()).unwrap();
    assert_eq!(one["cohorts"], retention(&place, QUESTIONS[7])["cohorts"]);
}

#[test]
fn wrong_files_of_queries_are_refused() {
    let place = sample();
    let said = |toml: &str| {
        place.file("q.toml", toml);
        place.fails(2, &["run", "q.toml", "--over", "history"])
    };
    let query = "[[query]]\nname = \"a\"\n";
    for (toml, part) in [
        ("", "q.toml: it has no [[query]]"),
        ("[[query]\n", "q.toml: TOML parse error at line 1"),
        (&format!("{query}cohrt = \"week\""), "query \"a\": unexpected argument '--cohrt' found"),
        (&format!("{query}cohort = \"fortnight\""), "no period \"fortnight\""),
        (&format!("{query}command = \"inspect\""), "command = \"inspect\" (expected \"retention\")"),
        (
            &format!("{query}born = \"event = 'sign_up'\""),
            "q.toml: query \"a\": no event \"sign_up\" in this history; did you mean \"signup\" (300 rows)?",
        ),
        (&format!("{query}{query}"), "two queries are called \"a\""),
        (&format!("{query}output = \"x.csv\"\n[[query]]\noutput = \"x.csv\""), "\"a\" and \"query 2\" both write x.csv"),
        (&format!("{query}output = \"x.docx\""), "query \"a\": x.docx: the extension names no format"),
        (&format!("limit = 3\n{query}"), "cannot use \"limit\" here"),
        (&format!("{query}by = {{ x = 1 }}"), "expected a text, a number or a list of them"),
    ] {
        let said = said(toml);
        assert!(said.contains(part), "{toml}\n{said}");
    }
    place.file("q.toml", query);
    assert!(
        place.fails(2, &["run", "q.toml"]).contains("q.toml: it names no input; add input = \"HISTORY\", or use --over HISTORY")
    );
    assert!(place.fails(2, &["run", "none.toml"]).contains("none.toml: no such file"));
}

#[test]
fn a_saved_query_runs_again() {
    let place = sample();
    let flags = [
        "--by",
        "country",
        "--by",
        "plan",
        "--at=1,2",
        "--born",
        "event = 'signup'",
        "--min-returns",
        "2",
        "--wide",
        "-o",
        "a.csv",
    ];
    place.ok(&[&["retention", "history", "-q", "--save", "by country"], &flags[..]].concat());
    let first = fs::read(place.path("a.csv")).unwrap();
    fs::remove_file(place.path("a.csv")).unwrap();
    let twice = place.fails(2, &["retention", "history", "--save", "by country"]);
    assert!(twice.contains("has a query of that name; choose another"), "{twice}");
    assert!(place.fails(2, &["retention", "events.csv", "--save", "x"]).contains("events.csv is an export: ingest it first"));
    // Writers leave it alone.
    place.ok(&["ingest", "events.csv", "--into", "history", "--value", "amount", "--attribute", "country", "plan", "-q"]);
    place.ok(&["compact", "history"]);
    place.ok(&["run", "history/queries.toml", "-q"]);
    assert!(fs::read(place.path("a.csv")).unwrap() == first);
}

#[test]
fn dialects_are_explained() {
    let place = sample();
    let own = place.says(&["retention", "history", "--explain"]);
    assert_eq!(own, "exit 0\n--- stdout\nNothing differs: these are tenure's own rules.\n--- stderr\n");
    let flags = ["retention", "history", "--cohort", "half-year", "--age", "month", "--ages", "3", "--explain"];
    insta::assert_snapshot!("explained_mixpanel", place.says(&[&flags[..], &["--dialect", "mixpanel"]].concat()));
    let cell = ["--dialect", "posthog", "--returned", "event = 'purchase'", "--in-cohort", "2022-07-01", "--in-age", "0"];
    insta::assert_snapshot!("explained_cell", place.says(&[&flags[..], &cell[..]].concat()));
    // Each rule's numbers are those of the rule before it, and the last are the dialect's.
    let steps = place.json(&[&flags[..], &["--dialect", "amplitude"]].concat());
    assert_eq!(steps["dialect"], "amplitude");
    assert!(steps["rules"].as_array().unwrap().iter().any(|rule| rule["rule"] == "instants"));
}

#[test]
fn a_direct_export_answers_as_its_history() {
    let place = sample();
    for question in QUESTIONS {
        let direct = place.json(&[&["retention", "events.csv", "--value", "amount", "--preset", "generic"], *question].concat());
        let history = retention(&place, question);
        assert_eq!((&direct["cohorts"], &direct["summary"]), (&history["cohorts"], &history["summary"]), "{question:?}");
    }
}

#[test]
fn threads_segments_and_compaction_change_nothing() {
    let place = sample();
    let all = fs::read_to_string(place.path("events.csv")).unwrap();
    let (header, rows) = all.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    for (part, lines) in rows.chunks(rows.len().div_ceil(7)).enumerate().collect::<Vec<_>>().into_iter().rev() {
        place.file(&format!("part-{part}.csv"), format!("{header}\n{}\n", lines.join("\n")));
        let name = format!("part-{part}.csv");
        place.ok(&["ingest", &name, "--into", "parts", "--append", "--value", "amount", "--attribute", "country", "plan", "-q"]);
    }
    for question in QUESTIONS {
        let one = place.ok(&[&["retention", "history", "--format", "json", "-q"], *question].concat());
        for threads in ["1", "4"] {
            let other = place.ok(&[&["retention", "parts", "--format", "json", "-q", "--threads", threads], *question].concat());
            assert!(one == other, "{question:?} with {threads} threads");
        }
    }
}

#[test]
fn wrong_questions_are_pointed_at() {
    let place = sample();
    let wrong: &[&[&str]] = &[
        &["--filter", "contry = 'DE'"],
        &["--filter", "country = 'DE' an plan = 'pro'"],
        &["--filter", "country = 'DE"],
        &["--filter", "country > 5"],
        &["--filter", "value > 'much'"],
        &["--filter", "country"],
        &["--filter", "sum(value) > 3"],
        &["--born", "event = 'sign_up'"],
        &["--returned", "event in ('purchase', 'refnd')"],
        &["--by", "contry"],
        &["--by", "value"],
        &["--by", "country,country"],
        &["--top", "3"],
        &["--top", "0", "--by", "plan"],
        &["--segment-as-of", "latest"],
        &["--brackets", "0-3,2-5"],
        &["--brackets", "5-2"],
        &["--brackets", "0,1-3", "--criterion", "streak"],
        &["--brackets", "0,1-3", "--at", "1"],
        &["--min-returns", "0"],
        &["--as-of", "2021-12-31"],
        &["--born-from", "2022-05-01", "--born-until", "2022-04-01"],
        &["--cohort", "28 day"],
        &["--cohort-origin", "2022-01-01"],
        &["--birth", "declared:joined"],
        &["--birth", "second"],
        &["--dialect", "stripe"],
        &["--source", "subscriptions"],
        &["--rates", "none.csv", "--measure", "value"],
        &["--rates", "orders.csv", "--measure", "value"],
        &["--zone", "Europe/Berlni"],
        &["--level", "95"],
    ];
    let text: String = wrong
        .iter()
        .map(|flags| {
            let output = place.run(&[&["retention", "history", "-q"], *flags].concat());
            assert_eq!(output.status.code(), Some(2), "{flags:?}");
            assert!(output.stdout.is_empty());
            format!("$ tenure retention history {}\n{}\n", flags.join(" "), String::from_utf8_lossy(&output.stderr))
        })
        .collect();
    insta::assert_snapshot!("wrong_questions", text);
}

#[test]
fn amounts_are_converted_by_the_day() {
    let place = Place::new();
    place.file(
        "log.csv",
        "customer,time,amount,currency\na,2024-01-05,10,EUR\na,2024-01-06,10,USD\na,2024-02-01,,USD\nb,2024-02-01,1.25,GBP\n",
    );
    let base =
        ["retention", "log.csv", "--value", "amount", "--currency", "currency", "--measure", "value", "--rates", "rates.csv"];
    let rates = "date,currency,rate\n2024-01-05,EUR,1\n2024-01-06,USD,0.9134\n2024-02-01,GBP,1.2\n";
    place.file("rates.csv", rates);
    let answer = place.json(&base);
    assert_eq!((&answer["definition"]["currency"], &answer["cohorts"][0]["currency"]), (&"EUR".into(), &"EUR".into()));
    let cells = &answer["cohorts"][0]["cells"];
    assert_eq!(cells[0]["value"].as_str().unwrap().parse::<f64>().unwrap(), 19.134);
    assert_eq!((&cells[1]["value_missing"], &cells[1]["events"]), (&1.into(), &1.into()));
    assert_eq!(answer["cohorts"][1]["cells"][0]["value_per_member"], "1.500000");
    place.file("rates.csv", rates.replace("2024-01-06", "2024-01-07"));
    let said = place.fails(2, &base);
    assert!(said.contains("rates.csv: no rate for USD on 2024-01-06"), "{said}");
    place.file("rates.csv", format!("{rates}2024-01-05,EUR,2\n"));
    assert!(place.fails(2, &base).contains("rates.csv:5: EUR has two rates on 2024-01-05"));
    place.file("rates.csv", format!("{rates}05.01.2024,EUR,1\n"));
    assert!(place.fails(2, &base).contains("rates.csv:5: cannot read date \"05.01.2024\""));
}
