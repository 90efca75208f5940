//! Ingests that come again, overlap, correct one another and are taken back: however a log gets into a history, the
//! history is the same.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;

use support::{Place, Row, all_files, counts, distinct, no_leftovers};

/// A small generator of chance: the same seed, the same log.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

/// A row of a log: its second, and its line without the key.
type LogRow = (u64, String);

/// A log over half a year with ties, equal rows, missing values and several currencies, in no order.
fn log(chance: &mut Chance, rows: usize) -> Vec<LogRow> {
    let mut log: Vec<LogRow> = Vec::new();
    while log.len() < rows {
        let second = chance.below(180) * 86_400 + [0, 1, 43_200, 86_399][chance.below(4) as usize];
        let time = jiff::Timestamp::from_second(1_704_067_200 + second as i64).unwrap();
        let customer = chance.below(40);
        let event = ["open", "buy", "close"][chance.below(3) as usize];
        let amount = match chance.below(4) {
            0 => String::new(),
            1 => format!("-{}.5", chance.below(30)),
            _ => format!("{}.{:02}", chance.below(100), chance.below(100)),
        };
        let currency = ["EUR", "usd", ""][chance.below(3) as usize];
        let country = ["DE", "AT", "", "FR"][chance.below(4) as usize];
        let line = format!("c-{customer},{time},{event},{amount},{currency},{country}");
        let times = if chance.below(8) == 0 { 1 + chance.below(3) } else { 1 };
        (0..times).for_each(|_| log.push((second, line.clone())));
    }
    log.truncate(rows);
    chance.shuffle(&mut log);
    log
}

const HEADER: &str = "customer,time,event,amount,currency,country";

const FLAGS: [&str; 4] = ["--value", "amount", "--attribute", "country"];

fn csv_of<'a>(rows: impl IntoIterator<Item = &'a LogRow>) -> String {
    rows.into_iter().fold(format!("{HEADER}\n"), |text, (_, line)| text + line + "\n")
}

/// The same rows with a key each; some have none.
fn keyed_csv<'a>(rows: impl IntoIterator<Item = &'a (usize, LogRow)>) -> String {
    rows.into_iter().fold(format!("key,{HEADER}\n"), |text, (key, (_, line))| match key % 7 {
        0 => text + &format!(",{line}\n"),
        _ => text + &format!("k-{key},{line}\n"),
    })
}

/// Instants that cut a log into ten pieces.
fn cuts(chance: &mut Chance) -> Vec<u64> {
    let mut cuts: Vec<u64> = (0..9).map(|_| chance.below(180 * 86_400)).collect();
    cuts.extend([0, u64::MAX]);
    cuts.sort_unstable();
    cuts
}

#[test]
fn a_log_is_the_same_however_it_comes() {
    for seed in 1..=3 {
        let place = Place::new();
        let chance = &mut Chance(seed);
        let log = log(chance, 1500);
        let keyed: Vec<(usize, LogRow)> = {
            let mut rows: Vec<LogRow> = log.clone();
            // Rows without a key are told apart by their columns: those that are equal must not be cut apart.
            rows.sort();
            rows.into_iter().enumerate().collect()
        };
        for with_key in [false, true] {
            let name = |what: &str| format!("{what}-{with_key}");
            let text = |wanted: &dyn Fn(u64) -> bool| {
                if with_key {
                    keyed_csv(keyed.iter().filter(|(_, (second, _))| wanted(*second)))
                } else {
                    csv_of(log.iter().filter(|(second, _)| wanted(*second)))
                }
            };
            let flags: Vec<&str> = if with_key { [&FLAGS[..], &["--id", "key"]].concat() } else { FLAGS.to_vec() };
            let ingest = |place: &Place, file: &str, history: &str, more: &[&str]| {
                place.ingest(&[&[file, "--into", history][..], &flags, more].concat())
            };
            place.file("all.csv", text(&|_| true));
            let whole = name("whole");
            let report = ingest(&place, "all.csv", &whole, &[]);
            assert_eq!(counts(&report), [1500, 1500, 0, 0, 0]);
            assert_eq!(place.table(&whole, "activity").len(), 1500);
            let expected = place.answer(&whole);
            let check = |history: &str| {
                let (content, answer) = place.answer(history);
                assert_eq!(content, expected.0, "seed {seed}: {history}");
                assert_eq!(answer, expected.1, "seed {seed}: {history}");
                no_leftovers(&place.path(history));
            };

            let again = ingest(&place, "all.csv", &whole, &[]);
            assert_eq!(counts(&again), [1500, 0, 0, 1500, 0]);
            check(&whole);

            // Ten pieces in any order.
            let cuts = cuts(chance);
            let mut pieces: Vec<(u64, u64)> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
            chance.shuffle(&mut pieces);
            let pieced = name("pieces");
            let mut kept = 0;
            for &(from, to) in &pieces {
                place.file("piece.csv", text(&|second| (from..to).contains(&second)));
                if fs::read_to_string(place.path("piece.csv")).unwrap().lines().count() > 1 {
                    kept += counts(&ingest(&place, "piece.csv", &pieced, &[]))[1];
                }
            }
            assert_eq!(kept, 1500);
            check(&pieced);
            place.ok(&["compact", &pieced]);
            check(&pieced);

            // Pieces that overlap, all in one command, with little memory and one thread.
            let mut files = Vec::new();
            for (i, &(from, to)) in pieces.iter().enumerate() {
                let (from, to) = (from.saturating_sub(20 * 86_400), to.saturating_add(9 * 86_400));
                let file = format!("overlap-{i}-{with_key}.csv");
                place.file(&file, text(&|second| (from..to).contains(&second)));
                files.push(file);
            }
            let overlapping = name("overlaps");
            let pattern = format!("overlap-*-{with_key}.csv");
            let report = ingest(&place, &pattern, &overlapping, &["--memory", "64M", "--threads", "1"]);
            assert_eq!(report["rows_kept"], 1500);
            assert!(counts(&report)[3] > 300, "they overlap");
            check(&overlapping);
            // And one by one.
            let (one_by_one, mut kept) = (name("one-by-one"), 0);
            for file in &files {
                kept += counts(&ingest(&place, file, &one_by_one, &["--threads", "4"]))[1];
            }
            assert_eq!(kept, 1500);
            check(&one_by_one);
            // What is there already is no reason to take more of it.
            let report = ingest(&place, &pattern, &whole, &["--memory", "64M"]);
            assert_eq!(report["rows_kept"], 0);
            check(&whole);

            // Without comparing, everything comes again.
            let report = ingest(&place, "all.csv", &whole, &["--append"]);
            assert_eq!(counts(&report), [1500, 1500, 0, 0, 0]);
            assert_eq!(place.table(&whole, "activity").len(), 3000);
            assert_ne!(place.content(&whole), expected.0);
        }
    }
}

#[test]
fn more_of_an_equal_row_than_there_was_is_added() {
    let place = Place::new();
    let row = "a,2024-01-01T00:00:00Z\n";
    let file = |name: &str, times: usize| {
        place.file(name, format!("customer,time\n{}b,2024-02-01T00:00:00Z\n", row.repeat(times)));
    };
    file("one.csv", 1);
    file("three.csv", 3);
    file("two.csv", 2);
    for (order, kept) in [(["one.csv", "three.csv", "two.csv"], [2, 2, 0]), (["two.csv", "one.csv", "three.csv"], [3, 0, 1])] {
        let history = order.concat();
        for (name, kept) in order.iter().zip(kept) {
            assert_eq!(counts(&place.ingest(&[name, "--into", &history]))[1], kept, "{order:?}: {name}");
        }
        assert_eq!(place.table(&history, "activity").len(), 4);
        // In one command it is the same.
        let report = place.ingest(&[&order[..], &["--into", "at-once"]].concat());
        let kept_at_once: Vec<u64> = report["inputs"].as_array().unwrap().iter().map(|input| counts(input)[1]).collect();
        assert_eq!(kept_at_once, kept);
        assert_eq!(place.content("at-once"), place.content(&history));
        fs::remove_dir_all(place.path("at-once")).unwrap();
    }
}

fn line(row: &Row) -> String {
    ["customer", "time", "value"].map(|name| row.get(name).map_or("-", String::as_str)).join(" ")
}

fn lines(place: &Place, history: &str) -> Vec<String> {
    place.table(history, "activity").iter().map(line).collect()
}

#[test]
fn a_later_row_of_the_same_key_replaces() {
    let place = Place::new();
    let header = "id,customer,time,amount\n";
    place
        .file("first.csv", format!("{header}1,ann,2024-01-01,10\n2,bob,2024-01-02,20\n3,ann,2024-01-03,30\n5,eve,2024-01-05,50\n"))
        // Unchanged, another amount, another customer, another time and customer, and a new one.
        .file(
            "second.csv",
            format!("{header}1,ann,2024-01-01,10\n2,bob,2024-01-02,25\n3,cat,2024-01-03,30\n5,ann,2024-02-05,50\n4,dan,2024-01-04,40\n"),
        )
        .file("final.csv", format!("{header}1,ann,2024-01-01,10\n2,bob,2024-01-02,25\n3,cat,2024-01-03,30\n4,dan,2024-01-04,40\n5,ann,2024-02-05,50\n"));
    let flags = ["--id", "id", "--value", "amount"];
    let ingest = |files: &[&str], history: &str| place.ingest(&[files, &["--into", history], &flags].concat());
    let expected = [
        "ann 2024-01-01T00:00:00Z 10.00",
        "ann 2024-02-05T00:00:00Z 50.00",
        "bob 2024-01-02T00:00:00Z 25.00",
        "cat 2024-01-03T00:00:00Z 30.00",
        "dan 2024-01-04T00:00:00Z 40.00",
    ];
    ingest(&["final.csv"], "final");
    assert_eq!(lines(&place, "final"), expected);

    ingest(&["first.csv"], "one-by-one");
    let report = ingest(&["second.csv"], "one-by-one");
    assert_eq!((counts(&report), &report["rows_replaced"]), ([5, 4, 0, 1, 0], &3.into()));
    assert_eq!(lines(&place, "one-by-one"), expected);
    let report = ingest(&["second.csv"], "one-by-one");
    assert_eq!((counts(&report), &report["rows_replaced"]), ([5, 0, 0, 5, 0], &0.into()));

    let report = ingest(&["first.csv", "second.csv"], "at-once");
    assert_eq!((counts(&report), &report["rows_replaced"]), ([9, 5, 0, 4, 0], &0.into()));
    assert_eq!(lines(&place, "at-once"), expected);
    for history in ["one-by-one", "at-once"] {
        assert_eq!(place.answer(history), place.answer("final"), "{history}");
        place.ok(&["compact", history]);
        assert_eq!(place.answer(history), place.answer("final"), "{history}");
    }

    // The export that comes later counts, even when it is the older one.
    let report = ingest(&["first.csv"], "one-by-one");
    assert_eq!((counts(&report), &report["rows_replaced"]), ([4, 3, 0, 1, 0], &3.into()));
    assert_eq!(lines(&place, "one-by-one")[..2], ["ann 2024-01-01T00:00:00Z 10.00", "ann 2024-01-03T00:00:00Z 30.00"]);

    // In one file the later line counts.
    place.file(
        "twice.csv",
        format!("{header}1,ann,2024-01-01,10\n2,bob,2024-01-02,20\n1,ann,2024-01-01,10\n2,cat,2024-01-02,21\n"),
    );
    let report = ingest(&["twice.csv"], "twice");
    assert_eq!(counts(&report), [4, 2, 0, 2, 0]);
    assert_eq!(lines(&place, "twice"), ["ann 2024-01-01T00:00:00Z 10.00", "cat 2024-01-02T00:00:00Z 21.00"]);
    // Rows without a key are compared by their columns.
    place.file("blank.csv", format!("{header},ann,2024-01-01,10\n,ann,2024-01-01,10\n"));
    assert_eq!(counts(&ingest(&["blank.csv"], "twice")), [2, 2, 0, 0, 0]);
    assert_eq!(counts(&ingest(&["blank.csv"], "twice")), [2, 0, 0, 2, 0]);
    assert_eq!(lines(&place, "twice").len(), 4);
}

#[test]
fn a_random_stream_of_corrections_leaves_the_latest_row_of_each_key() {
    let chance = &mut Chance(11);
    let place = Place::new();
    let mut latest = std::collections::BTreeMap::new();
    let (mut rows, mut all) = (0i64, String::from("id,customer,time,amount\n"));
    for export in 0..12 {
        let mut text = String::from("id,customer,time,amount\n");
        for _ in 0..60 {
            let (key, customer, day) = (chance.below(80), chance.below(6), 1 + chance.below(9));
            let line = format!("{key},c-{customer},2024-01-0{day},{}\n", chance.below(2));
            latest.insert(key, line.clone());
            text.push_str(&line);
            all.push_str(&line);
        }
        place.file("export.csv", text);
        let report = place.ingest(&["export.csv", "--into", "h", "--id", "id", "--value", "amount"]);
        rows += counts(&report)[1] as i64 - report["rows_replaced"].as_i64().unwrap();
        assert_eq!(rows, place.table("h", "activity").len() as i64, "export {export}");
        assert_eq!(rows, latest.len() as i64, "export {export}");
    }
    let last: String = latest.values().map(String::as_str).collect();
    place.file("all.csv", all).file("last.csv", format!("id,customer,time,amount\n{last}"));
    for file in ["all.csv", "last.csv"] {
        place.ingest(&[file, "--into", file.trim_end_matches(".csv"), "--id", "id", "--value", "amount"]);
    }
    let expected = place.answer("last");
    assert_eq!(place.answer("h"), expected);
    assert_eq!(place.answer("all"), expected);
}

#[test]
fn many_small_ingests_compact_by_themselves() {
    let place = Place::new();
    let mut all = String::from("customer,time\n");
    for day in 1..=20 {
        let row = format!("c-{},2024-01-{day:02}\n", day % 6);
        all.push_str(&row);
        place.file("day.csv", format!("customer,time\n{row}"));
        place.ingest(&["day.csv", "--into", "daily"]);
        let segments = place.json(&["inspect", "daily"])["segments"].as_u64().unwrap();
        assert!(segments <= 8, "{segments} after {day}");
    }
    place.file("all.csv", all);
    place.ingest(&["all.csv", "--into", "whole"]);
    assert_eq!(place.answer("daily"), place.answer("whole"));
    no_leftovers(&place.path("daily"));
    assert!(all_files(&place.path("daily")).len() < 24, "{:?}", all_files(&place.path("daily")));
}

#[test]
fn a_history_grows_out_of_its_buckets() {
    let place = Place::new();
    let customers: String = (0..50).map(|i| format!("c-{i},2023-12-{:02}\n", 1 + i % 28)).collect();
    place.file("customers.csv", format!("customer,signed_up\n{customers}"));
    let row = |i: u64, customer: u64| format!("{i},c-{customer},2024-01-{:02}\n", 1 + i % 31);
    let mut text = String::from("id,customer,time\n");
    (0..1_600_000).for_each(|i| text.push_str(&row(i, i * 7919 % 100_003)));
    let mut corrections = String::from("id,customer,time\n");
    (0..200).for_each(|i| corrections.push_str(&row(i * 7000, 100_000 - i)));
    let all = format!("{text}{}", corrections.split_once('\n').unwrap().1);
    place.file("log.csv", text).file("corrections.csv", corrections).file("all.csv", all);
    let table = ["--table", "customers"];
    place.ingest(&[&["customers.csv", "--into", "grown"], &table[..]].concat());
    let buckets = |history: &str| {
        let manifest = fs::read(place.path(history).join("manifest.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&manifest).unwrap()["buckets"].as_u64().unwrap()
    };
    assert_eq!(buckets("grown"), 1);
    let report = place.ingest(&["log.csv", "--into", "grown", "--id", "id"]);
    assert_eq!((buckets("grown"), &report["rows_kept"]), (4, &1_600_000.into()));
    // Rows move to customers of other buckets.
    let report = place.ingest(&["corrections.csv", "--into", "grown", "--id", "id"]);
    let moved = counts(&report)[1];
    assert!(moved >= 190 && report["rows_replaced"] == moved, "{report:#}");
    place.ingest(&["all.csv", "--into", "whole", "--id", "id", "--memory", "64M"]);
    place.ingest(&[&["customers.csv", "--into", "whole"], &table[..]].concat());
    assert_eq!(place.answer("grown"), place.answer("whole"));
    for history in ["grown", "whole"] {
        assert_eq!(place.json(&["inspect", history])["tables"]["activity"]["rows"], 1_600_000);
        no_leftovers(&place.path(history));
    }
}

#[test]
fn rows_of_one_key_that_were_appended_stay_until_the_key_comes_again() {
    let place = Place::new();
    place.file("k1.csv", "customer,time,id\na,2024-01-01,1\n");
    place.file("k2.csv", "customer,time,id\nb,2024-01-02,1\n");
    place.file("k3.csv", "customer,time,id\nc,2024-01-03,99\n");
    place.ok(&["ingest", "k1.csv", "--into", "h", "--id", "id"]);
    place.ok(&["ingest", "k2.csv", "--into", "h", "--id", "id", "--append"]);
    place.ok(&["ingest", "k3.csv", "--into", "h", "--id", "id"]);
    assert_eq!(distinct(&place.table("h", "activity"), "customer"), ["a", "b", "c"]);
}

#[test]
fn customers_whose_rows_have_all_moved_are_gone() {
    let place = Place::new();
    let keyed = |name: &str, rows: &str| {
        place.file(name, format!("id,customer,time\n{rows}"));
        ["ingest", name, "--into", "h", "--id", "id"].map(str::to_owned)
    };
    let run = |args: [String; 6]| place.ok(&args.each_ref().map(String::as_str));
    let customers = || distinct(&place.table("h", "customers"), "customer");
    let counted = || place.json(&["inspect", "h"])["tables"]["customers"]["rows"].as_u64().unwrap();
    run(keyed(
        "first.csv",
        "1,ann,2024-01-01\n2,bob,2024-01-02\n3,cat,2024-01-03\n4,dan,2024-01-04\n5,eve,2024-01-05\n5b,eve,2024-01-06\n",
    ));
    place.file("customers.csv", "customer,signed_up\ncat,2023-12-01\n");
    place.ok(&["ingest", "customers.csv", "--into", "h", "--table", "customers"]);
    place.file("cancelled.csv", "customer,cancelled_at,reason\ndan,2024-03-01,dear\n");
    place.ok(&["ingest", "cancelled.csv", "--into", "h", "--table", "cancellations"]);
    // All go to ann: bob has nothing left, cat is listed, dan has a row of another table, eve one of this.
    run(keyed("second.csv", "2,ann,2024-01-02\n3,ann,2024-01-03\n4,ann,2024-01-04\n5,ann,2024-01-05\n"));
    assert_eq!(customers(), ["ann", "cat", "dan", "eve"]);
    assert_eq!(counted(), 4);
    no_leftovers(&place.path("h"));
    // A customer who is gone may come back, and what the history says is what it says of the rows alone.
    run(keyed("third.csv", "2,bob,2024-01-02\n"));
    assert_eq!(customers(), ["ann", "bob", "cat", "dan", "eve"]);
    run(keyed("fourth.csv", "2,ann,2024-01-02\n"));
    place.ok(&["compact", "h"]);
    assert_eq!(counted(), 4);
    assert_eq!(distinct(&place.table("h", "activity"), "customer"), ["ann", "eve"]);
}

#[test]
fn exports_that_are_read_otherwise_than_earlier_ones_are_told() {
    let place = Place::new();
    place.file("orders.csv", "id,customer,time,amount,plan\n1,ann,2024-01-01,10,pro\n2,bob,2024-01-02,20,free\n");
    place.file("later.csv", "id,customer,time,amount,plan\n7,ann,2025-01-01,10,pro\n");
    place.file("other.csv", "id,customer,time,amount,plan\n1,ann,2024-01-01,10,pro\n3,bob,2024-01-01,20,free\n");
    let whole = ["--value", "amount", "--attribute", "plan", "--id", "id"];
    let ingest = |file: &str, history: &str, flags: &[&str]| {
        let args = [&["ingest", file, "--into", history, "--format", "json"], flags].concat();
        let output = place.run(&args);
        assert!(output.status.success());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let warnings: Vec<String> =
            report["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(warnings.iter().all(|warning| said.contains(&format!("warning: {warning}"))), "{said}");
        assert_eq!(said.contains("warning"), !warnings.is_empty());
        warnings
    };
    for (history, flags, difference) in [
        ("keyless", &whole[..4], "these rows have no keys, those have some (--id)"),
        ("plain", &whole[..2], "these rows have no keys, those have some (--id); only those have the attribute \"plan\""),
        ("valueless", &whole[2..], "only those have the column \"value\""),
    ] {
        assert!(ingest("orders.csv", history, &whole).is_empty());
        assert!(ingest("orders.csv", history, &whole).is_empty());
        let warnings = ingest("orders.csv", history, flags);
        assert_eq!(warnings.len(), 1, "{history}");
        assert!(warnings[0].starts_with("orders.csv: earlier exports of the same time were read otherwise"), "{warnings:?}");
        assert!(warnings[0].contains(&format!("({difference})")), "{warnings:?}");
        // Once it is so, more of the same is no news; nor is what is of another time.
        assert!(ingest("other.csv", history, flags).is_empty(), "{history}");
        assert!(ingest("later.csv", history, &[]).is_empty(), "{history}");
        place.ok(&["compact", history]);
        assert!(ingest("other.csv", history, flags).is_empty(), "{history}");
        assert!(ingest("orders.csv", history, &whole).is_empty(), "{history}");
    }
    // The other way round.
    assert!(ingest("orders.csv", "first", &whole[..2]).is_empty());
    let warnings = ingest("orders.csv", "first", &whole);
    assert!(
        warnings[0].contains("these rows have keys, those have none; only these have the attribute \"plan\""),
        "{warnings:?}"
    );
    assert!(warnings[0].contains("both are kept"), "{warnings:?}");
    // Rows with keys may have more than those that they replace.
    assert!(ingest("orders.csv", "more", &whole[2..]).is_empty());
    assert!(ingest("orders.csv", "more", &whole).is_empty());
    // What is only tried out is told as well.
    assert!(ingest("orders.csv", "tried", &whole).is_empty());
    assert_eq!(ingest("orders.csv", "tried", &["--value", "amount", "--dry-run"]).len(), 1);
}
