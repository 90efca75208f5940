//! Rows that could not be read: where they stand, and how they come again.

mod support;

use std::collections::BTreeSet;
use std::fs;

use support::{Place, bytes_of, counts};

#[test]
fn rejected_rows_are_mended_and_come_again() {
    let place = Place::new();
    let good = "id,customer,time,amount,note\n\
        1,ann,2024-01-31T10:00:00Z,1.50,\"one, two\"\n\
        2,bob,2024-02-29T10:00:00Z,2.50,\"say \"\"hi\"\"\"\n\
        3,cat,2024-02-01T10:00:00Z,3.50,\"two\nlines\"\n\
        4,dan,2024-02-02T10:00:00Z,4.50,\n";
    let bad = good.replace("2024-02-29", "2024-02-30").replace("3.50", "three").replace("4,dan,", "4,,");
    place.file("good.csv", good).file("bad.csv", &bad).file("other.csv", "customer,time,amount,extra\nann,soon,9,x\n");
    let flags = ["--value", "amount", "--attribute", "id"];
    let ingest =
        |files: &[&str], history: &str, more: &[&str]| place.ingest(&[files, &["--into", history], &flags, more].concat());
    ingest(&["good.csv"], "expected", &["--attribute", "note"]);

    // Too many rejects: nothing is committed, and the file says which rows they are.
    let args = [&["ingest", "bad.csv", "--into", "h"], &flags[..], &["--attribute", "note", "--rejects", "rejects.csv"]].concat();
    place.fails(1, &args);
    assert!(!place.path("h").exists());
    let rejects = fs::read_to_string(place.path("rejects.csv")).unwrap();
    let records: Vec<csv::StringRecord> = csv::Reader::from_reader(rejects.as_bytes()).records().map(Result::unwrap).collect();
    let fields = |record: &csv::StringRecord| [0, 1, 2, 3, 5, 6, 7, 8, 9].map(|place| record[place].to_owned()).join("|");
    assert_eq!(
        records.iter().map(fields).collect::<Vec<_>>(),
        [
            "bad.csv|3|time|2024-02-30T10:00:00Z|2|bob|2024-02-30T10:00:00Z|2.50|say \"hi\"",
            "bad.csv|4|amount|three|3|cat|2024-02-01T10:00:00Z|three|two\nlines",
            "bad.csv|6|customer||4||2024-02-02T10:00:00Z|4.50|",
        ]
    );
    ingest(&["bad.csv"], "h", &["--attribute", "note", "--rejects", "rejects.csv", "--max-rejects", "3"]);
    assert_eq!(fs::read_to_string(place.path("rejects.csv")).unwrap(), rejects);
    assert_eq!(place.table("h", "activity").len(), 1);
    // Mended and ingested again it is as if nothing had been wrong.
    place.file(
        "mended.csv",
        rejects
            .replace("2024-02-30", "2024-02-29")
            .replace(",three,two", ",3.50,two")
            .replace(",three,\"two", ",3.50,\"two")
            .replace(",4,,", ",4,dan,"),
    );
    assert_eq!(counts(&ingest(&["mended.csv"], "h", &["--attribute", "note"])), [3, 3, 0, 0, 0]);
    assert_eq!(place.content("h"), place.content("expected"));

    // Of several exports the file has all columns.
    place.fails(1, &["ingest", "bad.csv", "other.csv", "--into", "x", "--value", "amount", "--rejects", "rejects.csv"]);
    let mut reader = csv::Reader::from_path(place.path("rejects.csv")).unwrap();
    assert_eq!(
        reader.headers().unwrap(),
        "input,row,column,value,reason,id,customer,time,amount,note,extra".split(',').collect::<Vec<_>>()
    );
    let last = reader.records().map(Result::unwrap).last().unwrap();
    assert_eq!([&last[0], &last[1], &last[5], &last[6], &last[10]], ["other.csv", "2", "", "ann", "x"]);

    // A file that can't be written is told before anything is read or committed.
    let before = bytes_of(&place.path("h"));
    for rejects in ["missing/rejects.csv", "good.csv/rejects.csv"] {
        let said = place.fails(2, &["ingest", "good.csv", "--into", "h", "--append", "--rejects", rejects]);
        assert!(said.contains(&format!("{rejects}: cannot write")), "{said}");
        assert_eq!(bytes_of(&place.path("h")), before);
        place.fails(2, &["ingest", "good.csv", "--into", "fresh", "--rejects", rejects]);
        assert!(!place.path("fresh").exists());
    }
    let said = place.fails(2, &["ingest", "good.csv", "--into", "h", "--append", "--rejects", "h"]);
    assert!(said.contains("h: this is a folder"), "{said}");
    assert_eq!(bytes_of(&place.path("h")), before);
}

#[test]
fn rejects_stand_in_the_order_of_their_rows() {
    let place = Place::new();
    let mut text = String::from("customer,time\n");
    for row in 0..300_000 {
        let time = if row % 3 == 0 { "some day" } else { "2024-01-01T00:00:00Z" };
        text.push_str(&format!("customer-{row},{time}\n"));
    }
    place.file("log.csv", text);
    let mut files = BTreeSet::new();
    for threads in ["1", "4", "4"] {
        place.ok(&[
            "ingest",
            "log.csv",
            "--into",
            "h",
            "--dry-run",
            "--max-rejects",
            "40%",
            "--rejects",
            "r.csv",
            "--threads",
            threads,
        ]);
        let mut reader = csv::Reader::from_path(place.path("r.csv")).unwrap();
        let rows: Vec<u64> = reader.records().map(|record| record.unwrap()[1].parse().unwrap()).collect();
        assert_eq!(rows.len(), 100_000);
        assert!(rows.is_sorted());
        files.insert(fs::read(place.path("r.csv")).unwrap());
    }
    assert_eq!(files.len(), 1);
}
