//! Questions that would go wrong in silence, or take all memory, if nobody looked.

mod support;

use std::fs;

use support::{Place, copy_dir, data};

fn sample() -> Place {
    let place = Place::new();
    copy_dir(&data("sample"), place.dir.path());
    place
}

#[test]
fn segments_beyond_a_million_are_refused_and_not_held() {
    let place = Place::new();
    let rows: String = (0..1_000_001).map(|n| format!("{n},2024-01-01\n")).collect();
    place.file("many.csv", format!("customer,time\n{rows}"));
    let said = place.fails(2, &["retention", "many.csv", "--by", "customer", "--top", "3", "-q"]);
    assert!(said.contains("more than 1,000,000 different segments are too many to tell apart"), "{said}");
}

#[test]
fn results_do_not_go_over_what_is_read() {
    let place = sample();
    place.ok(&["ingest", "orders.csv", "--into", "history", "-q"]);
    let before = (fs::read(place.path("orders.csv")).unwrap(), fs::read(place.path("history/manifest.json")).unwrap());
    let input = place.fails(2, &["retention", "orders.csv", "-o", "./orders.csv", "--format", "csv"]);
    assert!(input.contains("./orders.csv: the result is not written there, since it is the input"), "{input}");
    // Also where the input is one of those that a glob names, or the file has two names.
    let globbed = place.fails(2, &["retention", "orders*.csv", "-o", "orders.csv"]);
    assert!(globbed.contains("orders.csv: the result is not written there, since it is the input"), "{globbed}");
    fs::hard_link(place.path("orders.csv"), place.path("twin.csv")).unwrap();
    assert!(place.fails(2, &["retention", "orders.csv", "-o", "twin.csv"]).contains("since it is the input"));
    fs::remove_file(place.path("twin.csv")).unwrap();
    let cell = ["--in-cohort", "2022-01-01", "--in-age", "1"];
    for verb in [&["retention", "history"][..], &[&["members", "history"], &cell[..]].concat()] {
        let said = place.fails(2, &[verb, &["-o", "history/manifest.json"]].concat());
        assert!(said.contains("it lies inside the history"), "{said}");
    }
    place.file("q.toml", "[[query]]\noutput = \"history/x.csv\"\n");
    assert!(place.fails(2, &["run", "q.toml", "--over", "history"]).contains("it lies inside the history"));
    place.file("q.toml", "[[query]]\nname = \"a\"\noutput = \"x.csv\"\n[[query]]\nname = \"b\"\noutput = \"./x.csv\"\n");
    assert!(place.fails(2, &["run", "q.toml", "--over", "history"]).contains("\"a\" and \"b\" both write ./x.csv"));
    assert!(before == (fs::read(place.path("orders.csv")).unwrap(), fs::read(place.path("history/manifest.json")).unwrap()));
}

#[test]
fn amounts_that_no_column_was_named_for_are_asked_for() {
    let place = Place::new();
    place.file("log.csv", "customer,time,value,currency\na,2024-01-01,5,EUR\nb,2024-01-02,1,USD\n");
    let said = place.fails(2, &["retention", "log.csv", "--filter", "value > 3"]);
    assert!(said.contains("--filter names \"value\", and no row has one: say which column it is with --value"), "{said}");
    assert!(place.fails(2, &["retention", "log.csv", "--by", "currency"]).contains("--by names \"currency\""));
    let answer = place.json(&["retention", "log.csv", "--filter", "value > 3", "--value", "value"]);
    assert_eq!(answer["totals"]["members"], 1);
}

#[test]
fn exports_of_other_tables_are_no_activity() {
    let place = sample();
    let said = place.fails(2, &["retention", "subscriptions.csv", "--table", "subscriptions"]);
    assert!(said.contains("subscriptions.csv: this export is not about what customers did; ingest it"), "{said}");
    place.ok(&["ingest", "events.csv", "--into", "history", "-q"]);
    let said = place.fails(2, &["retention", "history", "--birth", "declared:signed_up"]);
    assert!(said.contains("the history has no customers table"), "{said}");
}

#[test]
fn many_columns_of_segments_stay_apart() {
    let place = Place::new();
    let names: Vec<String> = (0..40).map(|i| format!("c{i}")).collect();
    let row = |customer: &str, first: &str, rest: &str| format!("{customer},2024-01-01,{first}{}", format!(",{rest}").repeat(39));
    let rows = [row("1", "a", "a"), row("2", "b", "a"), row("3", "c", "a"), row("4", "b", "b"), row("5", "b", "a")];
    place.file("log.csv", format!("customer,time,{}\n{}\n", names.join(","), rows.join("\n")));
    let answer = place.json(&["retention", "log.csv", "--by", &names.join(",")]);
    let sizes: Vec<u64> = answer["cohorts"].as_array().unwrap().iter().map(|cohort| cohort["size"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [1, 2, 1, 1]);
}

#[test]
fn tables_that_nobody_can_look_at_are_refused_and_their_largest_segments_are_not() {
    let place = Place::new();
    // 20,000 segments by 400 days; the only one with three customers comes last.
    let mut log = "customer,time,sid\nold,2023-01-01,s0\n".to_owned();
    (0..20_000).for_each(|i| log.push_str(&format!("c{i},2024-01-31,s{i}\n")));
    ["x", "y", "z"].iter().for_each(|customer| log.push_str(&format!("{customer},2024-02-04,zz\n")));
    place.file("log.csv", log);
    let said = place.fails(2, &["retention", "log.csv", "--by", "sid", "--age", "day"]);
    assert!(said.contains("are too many to show; choose longer periods, --top, --ages, --at or --born-from"), "{said}");
    let top = place.json(&["retention", "log.csv", "--by", "sid", "--age", "day", "--top", "1"]);
    let largest = top["cohorts"].as_array().unwrap().iter().find(|cohort| cohort["segment"]["sid"] == "zz").unwrap();
    assert_eq!(largest["size"], 3);
    assert_eq!(top["totals"]["members"], 20_004);
}

#[test]
fn columns_of_segments_do_not_hide_those_of_results() {
    let place = Place::new();
    place.file("log.csv", "customer,time,age,state\na,2024-01-01,young,NY\n");
    let csv = String::from_utf8(place.ok(&["retention", "log.csv", "--by", "age,state", "--format", "csv", "-q"])).unwrap();
    assert!(csv.starts_with("cohort,by_age,by_state,size,age,age_to,state,"), "{csv}");
    let cell = ["members", "log.csv", "--by", "age", "--in-cohort", "2024-01-01", "--in-age", "0", "--format", "csv", "-q"];
    assert!(String::from_utf8(place.ok(&cell)).unwrap().starts_with("customer,cohort,by_age,birth,age,"));
}

#[test]
fn what_a_terminal_would_obey_is_not_shown() {
    let place = Place::new();
    let long = "a plan whose name goes on and on until the table is wide";
    place.file(
        "log.csv",
        format!("customer,time,plan\na,2024-01-01,\u{1b}[31mred\nb,2024-01-01,{long}\nc,2024-01-01,料金プラン\n"),
    );
    let table = String::from_utf8(place.ok(&["retention", "log.csv", "--by", "plan", "-q"])).unwrap();
    assert!(!table.contains('\u{1b}') && table.contains("a plan whose name goes on a…"), "{table}");
    let markdown = String::from_utf8(place.ok(&["retention", "log.csv", "--by", "plan", "-q", "--format", "markdown"])).unwrap();
    assert!(!markdown.contains('\u{1b}') && markdown.contains(long));
    insta::assert_snapshot!("wide_letters", table);
}

#[test]
fn a_cell_that_is_not_there_is_not_explained() {
    let place = sample();
    let explain = ["retention", "events.csv", "--dialect", "mixpanel", "--explain", "--in-age", "1", "--in-cohort"];
    let said = place.fails(2, &[&explain[..], &["2030-01-01"]].concat());
    assert!(said.contains("--in-cohort 2030-01-01 --in-age 1: there is no such cell, under whichever rules"), "{said}");
    // Any date of the cohort's month names it.
    let dates = ["2022-03-01", "2022-03-17"].map(|date| place.ok(&[&explain[..], &[date]].concat()));
    assert_eq!(dates[0], dates[1]);
    assert!(String::from_utf8_lossy(&dates[0]).contains("2022-03-01 age 1:"));
    assert!(place.fails(2, &["retention", "events.csv", "--explain", "--save", "x"]).contains("cannot be used with"));
}

#[test]
fn what_goes_on_is_counted_also_long_after_the_last_activity() {
    // Two of three came twice, in the first days; the third lives half a day behind them.
    let place = Place::new();
    place.file(
        "log.csv",
        "customer,time,event\nc2,2023-01-28T13:00:00Z,a\nc1,2023-01-28T00:00:00Z,a\nc0,2023-01-28T00:00:00Z,a\nc1,2023-01-30T03:00:00Z,b\nc0,2023-01-28T00:00:00Z,a\n",
    );
    let ask = ["retention", "log.csv", "--cohort", "month", "--age", "day", "--min-returns", "2", "--criterion", "on-or-before"];
    let answer = place.json(&[&ask[..], &["--zone", "Australia/Lord_Howe", "--as-of", "2023-02-05T00:00:00Z"]].concat());
    let cells = answer["cohorts"][0]["cells"].as_array().unwrap();
    let told = |age: usize| {
        [&cells[age]["exposed"], &cells[age]["retained"], &cells[age]["retained_exposed"]].map(|n| n.as_u64().unwrap())
    };
    assert_eq!((told(1), told(2), told(6), told(7), told(8)), ([3, 1, 1], [3, 2, 2], [3, 2, 2], [2, 2, 2], [0, 2, 0]));
}

#[test]
fn what_is_replaced_keeps_its_place_and_its_readers() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let place = sample();
    place.file("private.csv", "old");
    fs::set_permissions(place.path("private.csv"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink(place.path("private.csv"), place.path("link.csv")).unwrap();
    place.ok(&["retention", "orders.csv", "-o", "link.csv"]);
    assert!(place.path("link.csv").is_symlink(), "a link stays one");
    assert!(fs::read_to_string(place.path("private.csv")).unwrap().starts_with("cohort,"));
    assert_eq!(fs::metadata(place.path("private.csv")).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn causes_are_told() {
    let place = sample();
    let output = place.command(&["report", "orders.csv"]).stdout(fs::File::create("/dev/full").unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("error: cannot write to standard output: No space left on device"), "{said}");
    assert_eq!(output.status.code(), Some(2));
}
