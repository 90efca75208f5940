//! Comfort on the shell: defaults of a folder, completions, the manual.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use support::Place;

fn shop() -> Place {
    let place = Place::new();
    place.file(
        "log.csv",
        "customer,time,event,plan\na,2024-01-01,buy,x\na,2024-02-01,buy,x\nb,2024-01-05,look,y\nb,2024-02-20,buy,y\n",
    );
    place.ok(&["ingest", "log.csv", "--into", "h", "--attribute", "plan"]);
    place
}

#[test]
fn defaults_hold_where_nothing_is_typed() {
    let place = shop();
    place.file("tenure.toml", "zone = \"Europe/Berlin\"\n[retention]\ncohort = \"quarter\"\n[metrics]\nactive-within = \"30d\"\n[at-risk]\noverdue = true\n");
    let definition = |args: &[&str]| place.json(args)["definition"].clone();
    let asked = definition(&["retention", "h"]);
    assert_eq!((&asked["cohort"], &asked["zone"]), (&"quarter".into(), &"Europe/Berlin".into()));
    // Typed flags win, and those that can't stand beside a default too; a verb without the flag goes without it.
    let asked = definition(&["retention", "h", "--cohort", "week", "--zone", "UTC"]);
    assert_eq!((&asked["cohort"], &asked["zone"]), (&"week".into(), &"UTC".into()));
    let asked = definition(&["at-risk", "h", "--inactive-for", "20d"]);
    assert_eq!(asked["risk"], "no activity on the last 20 days");
    place.ok(&["inspect", "h"]);
    assert!(place.json(&["metrics", "h"]).to_string().contains("churn_rate"));
    // Of an export they lie beside it.
    assert_eq!(definition(&["retention", "log.csv"])["cohort"], "quarter");
    let wrong = |text: &str| {
        place.file("tenure.toml", text);
        place.fails(2, &["retention", "h"])
    };
    assert!(wrong("zon = \"UTC\"\n").contains("tenure.toml: zon: no verb has a flag --zon"));
    assert!(wrong("[retension]\ncohort = \"week\"\n").contains("tenure.toml: [retension] is no verb"));
    assert!(
        wrong("[metrics]\ncohort = \"week\"\n").contains("tenure.toml: [metrics] cohort: tenure metrics has no flag --cohort")
    );
    assert!(wrong("zone = ").contains("tenure.toml"));
    assert!(wrong("zone = \"Mars/X\"\n").contains("tenure.toml"), "{}", wrong("zone = \"Mars/X\"\n"));
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
    assert_eq!(pages, verbs + 1);
    assert!(place.fails(2, &["man", "retension"]).contains("there is no command retension"));
}
