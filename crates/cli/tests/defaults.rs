//! A `tenure.toml` beside the history: its flags hold where none are typed, and what it has wrong is told with its name.
//! Completions and the manual.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use serde_json::Value;
use support::{ORDERS, Place};

/// The small shop as an export and as a history, beside these defaults.
fn shop(defaults: &str) -> Place {
    let place = Place::new();
    place.file("orders.csv", ORDERS);
    place.ok(&["ingest", "orders.csv", "--into", "history", "--attribute", "country"]);
    place.file("tenure.toml", defaults);
    place
}

fn definition(place: &Place, args: &[&str]) -> Value {
    place.json(args)["definition"].clone()
}

#[test]
fn defaults_hold_and_typed_flags_win() {
    let place = shop("cohort = \"week\"\nweek-start = \"sunday\"\nmin_returns = 2\nby = [\"country\"]\n");
    let said = definition(&place, &["retention", "history"]);
    assert_eq!((&said["cohort"], &said["week_start"], &said["min_returns"]), (&"week".into(), &"sunday".into(), &2.into()));
    assert_eq!(said["by"], serde_json::json!(["country"]));

    let said = definition(&place, &["retention", "history", "--cohort", "month", "--min-returns=1"]);
    assert_eq!((&said["cohort"], &said["week_start"], &said["min_returns"]), (&"month".into(), &"sunday".into(), &1.into()));

    // Beside an export as beside a history.
    assert_eq!(definition(&place, &["retention", "orders.csv"])["cohort"], "week");
    // A result is what the same flags typed would give.
    let typed = ["--cohort", "week", "--week-start", "sunday", "--min-returns", "2", "--by", "country"];
    let with = place.ok(&["retention", "history", "--format", "json"]);
    std::fs::remove_file(place.path("tenure.toml")).unwrap();
    assert_eq!(with, place.ok(&[&["retention", "history", "--format", "json"], &typed[..]].concat()));
    assert_eq!(definition(&place, &["retention", "history"])["cohort"], "month");
}

#[test]
fn a_table_is_of_its_verb_alone_and_wins_over_what_all_share() {
    let place = shop(
        "zone = \"Europe/Berlin\"\n[retention]\ncohort = \"quarter\"\nzone = \"Asia/Tokyo\"\n[lifecycle]\nperiod = \"week\"\n",
    );
    let said = definition(&place, &["retention", "history"]);
    assert_eq!((&said["cohort"], &said["zone"]), (&"quarter".into(), &"Asia/Tokyo".into()));
    let lifecycle = String::from_utf8(place.ok(&["lifecycle", "history"])).unwrap();
    assert!(lifecycle.contains("by week; zone Europe/Berlin"), "{lifecycle}");
    let members =
        String::from_utf8(place.ok(&["members", "history", "--in-cohort", "2024-01-01", "--in-age", "1", "--format", "json"]));
    assert!(members.unwrap().contains("ann"), "months: the cohort's default is that of retention alone");
}

#[test]
fn what_conflicts_with_a_typed_flag_steps_back() {
    // Told of one flag by clap (ages, at), of the other only by its counterpart (criterion, brackets).
    let place = shop("ages = 5\nbrackets = \"0,1-2\"\n");
    assert_eq!(definition(&place, &["retention", "history", "--criterion", "on"])["brackets"], Value::Null);
    let place = shop("criterion = \"on-or-after\"\n");
    assert_eq!(definition(&place, &["retention", "history", "--brackets", "0,1-2"])["criterion"], "brackets");
    let place = shop("at = [0, 1]\n");
    let ages = |result: &Value| result["cohorts"][0]["cells"].as_array().unwrap().len();
    assert_eq!(ages(&place.json(&["retention", "history"])), 2);
    assert_eq!(ages(&place.json(&["retention", "history", "--ages", "3"])), 3);
    // A verb's own table is closer to it than what all share.
    let place = shop("at = [0, 1]\n[retention]\nages = 3\n");
    assert_eq!(ages(&place.json(&["retention", "history"])), 3);
}

#[test]
fn flags_of_the_program_and_lists_are_defaults_too() {
    let place = shop("quiet = true\nthreads = 2\n[ingest]\nattribute = [\"country\", \"amount\"]\nvalue = \"amount\"\n");
    let output = place.run(&["retention", "history", "--format", "csv"]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    place.ingest(&["orders.csv", "--into", "again"]);
    let attributes = place.json(&["inspect", "again"])["attributes"].to_string();
    assert!(attributes.contains("country") && attributes.contains("amount"), "{attributes}");
}

#[test]
fn what_no_verb_knows_is_an_error_that_names_the_file() {
    for (defaults, expected) in [
        ("cohrt = \"week\"", "tenure.toml: cohrt: no verb that takes defaults has a flag --cohrt"),
        ("[retentoin]\ncohort = \"week\"", "tenure.toml: [retentoin] is no verb that takes defaults"),
        ("[generate]\nseed = 4", "tenure.toml: [generate] is no verb that takes defaults"),
        ("seed = 4", "tenure.toml: seed: no verb that takes defaults has a flag --seed"),
        ("output = \"x.csv\"", "tenure.toml: output: no verb that takes defaults has a flag --output"),
        ("help = true", "tenure.toml: help: no verb that takes defaults has a flag --help"),
        // Also where another verb is asked.
        ("[lifecycle]\ncriterion = \"on\"", "tenure.toml: [lifecycle] criterion: tenure lifecycle has no flag --criterion"),
        ("cohort = true", "tenure.toml: cohort: found true (expected what --cohort takes)"),
        ("[retention]\nwide = \"yes\"", "tenure.toml: [retention] wide: found \"yes\" (expected true or false)"),
        ("min_returns = 2\nmin-returns = 3", "tenure.toml: min_returns is there twice"),
        ("cohort = \"fortnight\"", "tenure.toml: invalid value 'fortnight' for '--cohort <PERIOD>'"),
        ("cohort = ", "tenure.toml: TOML parse error at line 1"),
    ] {
        let said = shop(defaults).fails(2, &["retention", "history"]);
        assert!(said.starts_with("error: ") && said.contains(expected), "{defaults}: {said}");
    }
}

#[test]
fn what_is_typed_wrong_is_told_of_what_was_typed() {
    let place = shop("cohort = \"week\"");
    let said = place.fails(2, &["retention", "history", "--cohort", "fortnight"]);
    assert!(said.contains("invalid value 'fortnight'") && !said.contains("tenure.toml"), "{said}");
    // No default stands in for the one that is typed wrong, and help needs none.
    let help = String::from_utf8(shop("cohrt = 1").ok(&["retention", "history", "--help"])).unwrap();
    assert!(help.contains("--cohort"));
}

#[test]
fn an_error_of_what_both_ask_says_what_the_file_adds() {
    let said = shop("at = [0, 1]").fails(2, &["retention", "history", "--brackets", "0,1-2"]);
    assert!(said.contains("can't be combined with --ages or --at\nnote: ./tenure.toml adds --at=0,1\n"), "{said}");
}

#[test]
fn the_file_is_the_one_beside_the_history() {
    let place = shop("cohort = \"week\"");
    let json = |folder: &str, input: &str| -> Value {
        let output = place.command(&["retention", input, "--format", "json"]).current_dir(place.path(folder)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(json(".", "history/")["definition"]["cohort"], "week");
    assert_eq!(json("history", ".")["definition"]["cohort"], "week");
    assert_eq!(json("history", "../history")["definition"]["cohort"], "week");
    // Neither one inside of it, nor that of the folder where the command is typed.
    std::fs::rename(place.path("tenure.toml"), place.path("history/tenure.toml")).unwrap();
    assert_eq!(json(".", "history")["definition"]["cohort"], "month");
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    std::fs::rename(place.path("history/tenure.toml"), place.path("elsewhere/tenure.toml")).unwrap();
    assert_eq!(json("elsewhere", "../history")["definition"]["cohort"], "month");
    assert_eq!(definition(&place, &["retention", "orders.csv"])["cohort"], "month");
}

#[test]
fn shells_complete_and_the_manual_has_every_command() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = String::from_utf8(place.ok(&["completions", shell])).unwrap();
        assert!(script.contains("retention") && script.contains("at-risk"), "{shell}");
    }
    let page = String::from_utf8(place.ok(&["man"])).unwrap();
    assert!(page.contains(".TH tenure 1") && page.contains("tenure\\-retention"));
    let page = String::from_utf8(place.ok(&["man", "retention"])).unwrap();
    assert!(page.contains("\\-\\-criterion"));
    place.ok(&["man", "--to", "pages"]);
    let pages = std::fs::read_dir(place.path("pages")).unwrap().count();
    let help = String::from_utf8(place.ok(&["--help"])).unwrap();
    let verbs = help
        .split_once("Commands:")
        .unwrap()
        .1
        .split_once("Options:")
        .unwrap()
        .0
        .lines()
        .filter(|line| !line.trim().is_empty())
        .count();
    // One for the program, and those of what calc can work out.
    assert!(pages > verbs + 1 && place.path("pages/tenure-calc-nps.1").exists(), "{pages} {verbs}");
    assert!(place.fails(2, &["man", "retension"]).contains("there is no command retension"));
}
