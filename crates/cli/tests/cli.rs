//! The program from outside: what it prints on stdout and stderr, and how it ends.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{ORDERS, Place};

fn orders() -> Place {
    let place = Place::new();
    place.file("orders.csv", ORDERS);
    place
}

/// Ingests the orders.
const INGEST: &[&str] = &["ingest", "orders.csv", "--into", "history", "--value", "amount", "--attribute", "country"];

fn ingested() -> Place {
    let place = orders();
    let output = place.run(INGEST);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    place
}

#[test]
fn a_first_table() {
    let place = orders();
    insta::assert_snapshot!(
        "ingest",
        place.says(&["ingest", "orders.csv", "--into", "history", "--value", "amount", "--attribute", "country"])
    );
    insta::assert_snapshot!("retention", place.says(&["retention", "history"]));
    insta::assert_snapshot!("retention_counts", place.says(&["retention", "history", "--show", "counts"]));
    insta::assert_snapshot!("retention_value", place.says(&["retention", "history", "--measure", "value"]));
    insta::assert_snapshot!("retention_colour", place.says(&["--color", "always", "retention", "history"]));
    insta::assert_snapshot!(
        "retention_json",
        place.says(&["retention", "history", "--format", "json", "--measure", "value", "--ages", "2"])
    );
    insta::assert_snapshot!("retention_csv", place.says(&["retention", "history", "--format", "csv", "--measure", "value"]));
    insta::assert_snapshot!(
        "retention_wide",
        place.says(&["retention", "history", "--format", "csv", "--wide", "--show", "counts"])
    );
    insta::assert_snapshot!(
        "retention_markdown",
        place.says(&["retention", "history", "--format", "markdown", "--wide", "--at", "0,2"])
    );
    insta::assert_snapshot!("as_of_later", place.says(&["retention", "history", "--as-of", "2024-06-01", "--show", "counts"]));
    insta::assert_snapshot!("inspect", place.says(&["inspect", "history"]));
    insta::assert_snapshot!(
        "inspect_csv",
        place.says(&["inspect", "orders.csv", "--value", "amount", "--all-attributes", "--format", "csv"])
    );
}

#[test]
fn directly_on_a_file_the_numbers_are_those_of_the_history() {
    let place = ingested();
    for measure in ["customers", "events", "value"] {
        let history = place.json(&["retention", "history", "--measure", measure]);
        let args = ["retention", "orders.csv", "--value", "amount", "--attribute", "country", "--measure", measure];
        assert_eq!(place.json(&args), history);
    }
    insta::assert_snapshot!("direct", place.says(&["retention", "orders.csv"]));
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(["retention", "-", "-q", "--format", "csv"])
        .stdin(fs::File::open(place.path("orders.csv")).unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut csv = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut csv).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(csv.lines().count(), 1 + 2 * 3);
}

#[test]
fn bad_exports_are_refused_with_a_reason() {
    let place = orders();
    place
        .file("empty.csv", "")
        .file("header.csv", "customer_id,created_at\n")
        .file("rubbish.bin", [0u8, 159, 146, 150, 0, 7])
        .file("utf16.csv", [0xff, 0xfe, b'a', 0])
        .file("nameless.csv", "a,b\n1,2\n")
        .file("cut.csv.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2])
        .file("cut.parquet", "PAR1 and no more")
        .file("twice.csv", "user,user,time\n1,2,2024-01-01\n")
        .file("array.json", "[{\"user_id\": \"a\"}]")
        .file("lines.jsonl", "{\"user_id\": \"a\", \"time\": \"2024-01-01\"}\n");
    fs::create_dir(place.path("folder")).unwrap();
    let cases: &[&[&str]] = &[
        &["retention", "missing.csv"],
        &["retention", "*.xlsx"],
        &["retention", "empty.csv"],
        &["retention", "header.csv"],
        &["retention", "rubbish.bin"],
        &["retention", "utf16.csv"],
        &["retention", "nameless.csv"],
        &["retention", "nameless.csv", "--customer", "a"],
        &["retention", "cut.csv.gz"],
        &["retention", "cut.parquet"],
        &["retention", "twice.csv"],
        &["retention", "twice.csv", "--customer", "user"],
        &["retention", "array.json"],
        &["retention", "lines.jsonl", "--customer", "user.id"],
        &["retention", "orders.csv", "--customer", "costumer_id"],
        &["retention", "orders.csv", "--value", "amout"],
        &["retention", "orders.csv", "--value", "country * 2"],
        &["retention", "orders.csv", "--where", "amount >"],
        &["retention", "orders.csv", "--where", "amount + 1"],
        &["retention", "orders.csv", "--currency", "euros"],
        &["retention", "orders.csv", "--attribute", "nope"],
        &["retention", "folder"],
        &["ingest", "folder", "--into", "history"],
        &["ingest", "orders.csv", "--into", "orders.csv"],
        &["ingest", "orders.csv", "--into", "."],
        &["ingest", "orders.csv", "--into", "orders.csv/history"],
        &["retention", "orders.csv", "-o", "missing/out.json"],
        &["retention", "orders.csv", "-o", "out.docx"],
    ];
    let mut all = String::new();
    for args in cases {
        let said = place.says(args);
        assert!(said.starts_with("exit 2\n--- stdout\n--- stderr\n"), "{args:?}: {said}");
        all.push_str(&format!("$ tenure {}\n{}\n", args.join(" "), said.split_once("--- stderr\n").unwrap().1));
    }
    insta::assert_snapshot!("bad_exports", all);
    assert!(!place.path("history").exists(), "nothing may be left of a history that never came to be");
}

#[test]
fn rows_that_cannot_be_read_stop_an_ingest() {
    let place = Place::new();
    place.file(
        "log.csv",
        "user_id,time,amount\n\
         a,2024-01-01T00:00:00Z,1\n\
         b,31/02/2024,1\n\
         ,2024-01-01,1\n\
         c,,1\n\
         d,2024-01-02\n\
         e,2024-01-02,x\n\
         f,2024-01-02,1,2\n\
         g,9999-01-01,1\n\
         h,2024-01-02,1234567890123456789\n\
         i,2024-01-03,\"1\n",
    );
    insta::assert_snapshot!("rejects", place.says(&["ingest", "log.csv", "--into", "history", "--value", "amount"]));
    assert!(!place.path("history").exists());
    insta::assert_snapshot!("rejects_direct", place.says(&["retention", "log.csv", "--value", "amount", "--max-rejects", "10%"]));
    insta::assert_snapshot!(
        "rejects_tolerated",
        place.says(&["ingest", "log.csv", "--into", "history", "--value", "amount", "--max-rejects", "9", "--format", "json"])
    );
}

#[test]
fn one_row_is_enough() {
    let place = Place::new();
    place.file("one.csv", "customer,date\nx,2024-02-29\n");
    insta::assert_snapshot!("one_row", place.says(&["retention", "one.csv", "-q"]));
    insta::assert_snapshot!("no_cohort", place.says(&["retention", "one.csv", "-q", "--born-from", "2024-03-01"]));
}

#[test]
fn generated_files_of_every_format_agree() {
    let place = Place::new();
    let mut answers = Vec::new();
    for name in ["a.csv", "a.csv.gz", "a.csv.zst", "a.jsonl", "a.jsonl.zst", "a.parquet", "history"] {
        let output =
            place.run(&["generate", "--customers", "300", "--events", "5000", "--seed", "3", "--months", "9", "-o", name]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let mut args = vec!["retention", name, "--measure", "value"];
        if name != "history" {
            args.extend(["--customer", "user_id", "--value", "amount", "--attribute", "country", "plan"]);
        }
        answers.push(place.json(&args));
    }
    assert_eq!(answers[0]["totals"]["members"], 300);
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    insta::assert_snapshot!("generate_refused", place.says(&["generate", "--customers", "100", "--events", "10", "-o", "x.csv"]));
    insta::assert_snapshot!("generate_format", place.says(&["generate", "--customers", "1", "--events", "100", "-o", "x.xls"]));
}

#[test]
fn damaged_histories_are_refused() {
    let file = |place: &Place, table: &str| {
        let mut files: Vec<PathBuf> =
            fs::read_dir(place.path("history").join(table)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files.remove(0)
    };
    let flip = |path: &Path, from_start: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[from_start] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let mut all = String::new();
    let mut hurt = |name: &str, harm: &dyn Fn(&Place)| {
        let place = ingested();
        harm(&place);
        let said = place.says(&["retention", "history", "--measure", "value"]);
        assert!(said.starts_with("exit 2\n--- stdout\n--- stderr\n"), "{name}: {said}");
        all.push_str(&format!("{name}\n{}\n", said.split_once("--- stderr\n").unwrap().1));
    };
    hurt("a file is missing", &|place| fs::remove_file(file(place, "activity")).unwrap());
    hurt("a file is cut", &|place| {
        let path = file(place, "activity");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    });
    hurt("a bit of the data has changed", &|place| flip(&file(place, "activity"), 12));
    hurt("a bit of the footer has changed", &|place| {
        let path = file(place, "activity");
        let length = fs::metadata(&path).unwrap().len() as usize;
        flip(&path, length - 100);
    });
    hurt("the manifest is cut", &|place| {
        let path = place.path("history/manifest.json");
        let text = fs::read(&path).unwrap();
        fs::write(path, &text[..text.len() / 2]).unwrap();
    });
    hurt("the manifest is another program's", &|place| {
        fs::write(place.path("history/manifest.json"), "{\"format\": \"x\", \"version\": 1}").unwrap()
    });
    hurt("the manifest is newer", &|place| {
        fs::write(place.path("history/manifest.json"), "{\"format\": \"tenure-history\", \"version\": 99}").unwrap();
    });
    hurt("there is no manifest", &|place| fs::remove_file(place.path("history/manifest.json")).unwrap());
    insta::assert_snapshot!("damaged_histories", all);
}

#[test]
fn an_interrupted_ingest_leaves_nothing_that_counts() {
    // What a killed process leaves: files that no manifest names.
    let place = orders();
    fs::create_dir_all(place.path("history/activity")).unwrap();
    place.file("history/activity/000001-0000.parquet", "half a file").file("history/manifest.json.new", "{");
    assert!(place.says(&["retention", "history"]).starts_with("exit 2"));
    let output = place.run(&["ingest", "orders.csv", "--into", "history"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(place.json(&["retention", "history"])["totals"]["members"], 3);
    // A failed ingest into a history leaves it as it was.
    place.file("bad.csv", "customer_id,created_at\nx,never\n");
    let before = fs::read(place.path("history/manifest.json")).unwrap();
    assert!(place.says(&["ingest", "bad.csv", "--into", "history", "--append"]).starts_with("exit 1"));
    assert!(place.says(&["ingest", "missing.csv", "--into", "history", "--append"]).starts_with("exit 2"));
    assert_eq!(fs::read(place.path("history/manifest.json")).unwrap(), before);
    assert_eq!(fs::read_dir(place.path("history/activity")).unwrap().count(), 1);
}

#[test]
fn a_failed_commit_leaves_the_history_as_it_was() {
    let place = ingested();
    let before = place.json(&["retention", "history"]);
    // Where the new manifest should go there is a directory.
    fs::create_dir(place.path("history/manifest.json.new")).unwrap();
    let said = place.says(&["ingest", "orders.csv", "--into", "history", "--append"]);
    assert!(said.starts_with("exit 2") && said.contains("manifest.json.new: cannot write"), "{said}");
    assert_eq!(place.json(&["retention", "history"]), before);
    fs::remove_dir(place.path("history/manifest.json.new")).unwrap();
    assert!(place.says(&["ingest", "orders.csv", "--into", "history", "--append"]).starts_with("exit 0"));
    assert_eq!(fs::read_dir(place.path("history/activity")).unwrap().count(), 2);
}

#[test]
fn the_same_export_again_adds_nothing() {
    let place = ingested();
    let report = place.json(INGEST);
    assert_eq!((&report["rows_kept"], &report["rows_duplicate"]), (&0.into(), &6.into()));
    insta::assert_snapshot!("home_zone_is_fixed", place.says(&[INGEST, &["--append", "--home-zone", "Asia/Tokyo"]].concat()));
    let output = place.run(&[INGEST, &["--append"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let inspection = place.json(&["inspect", "history"]);
    assert_eq!((&inspection["tables"]["activity"]["rows"], &inspection["tables"]["customers"]["rows"]), (&12.into(), &3.into()));
}

#[test]
fn two_files_of_one_command_are_two_exports() {
    let place = orders();
    // Equal rows of two exports are one activity; equal rows of one export are two.
    let mut overlapping: Vec<&str> = ORDERS.lines().collect();
    overlapping.push(overlapping[6]);
    place.file("orders-2.csv", overlapping.join("\n"));
    let report = place.json(&["ingest", "orders*.csv", "--into", "history"]);
    assert_eq!((&report["rows_read"], &report["rows_kept"], &report["rows_duplicate"]), (&13.into(), &7.into(), &6.into()));
}

#[test]
fn a_writer_at_work_is_respected() {
    let place = ingested();
    let lock = fs::File::options().write(true).open(place.path("history/.lock")).unwrap();
    lock.lock().unwrap();
    insta::assert_snapshot!("locked", place.says(&["ingest", "orders.csv", "--into", "history", "--append"]));
    // Readers don't care.
    assert!(place.says(&["retention", "history"]).starts_with("exit 0"));
}

#[test]
fn bad_queries_are_refused() {
    let place = ingested();
    let cases: &[&[&str]] = &[
        &["--cohort", "fortnight"],
        &["--cohort", "28 day"],
        &["--zone", "Mars/Olympus"],
        &["--week-start", "someday"],
        &["--as-of", "soon"],
        &["--at", "1,x"],
        &["--level", "2"],
        &["--ages", "4294967295"],
        &["--cohort", "hour", "--as-of", "9999-01-01"],
        &["--cohort-origin", "2024-01-01"],
        &["--born-from", "2024-02-01", "--born-until", "2024-01-01"],
        &["--format", "json", "--wide"],
        &["--customer", "x"],
    ];
    let mut all = String::new();
    for args in cases {
        let mut whole = vec!["retention", "history"];
        whole.extend(*args);
        let said = place.says(&whole);
        assert!(said.starts_with("exit 2\n--- stdout\n--- stderr\n"), "{args:?}: {said}");
        all.push_str(&format!("$ tenure {}\n{}\n", whole.join(" "), said.split_once("--- stderr\n").unwrap().1));
    }
    insta::assert_snapshot!("bad_queries", all);
}

#[test]
fn results_on_disk_have_plain_types() {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let place = ingested();
    let output = place.run(&["retention", "history", "--measure", "value", "-o", "out.parquet"]);
    assert!(output.status.success());
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(place.path("out.parquet")).unwrap()).unwrap();
    let types: Vec<String> = reader.schema().fields().iter().map(|f| format!("{}: {}", f.name(), f.data_type())).collect();
    insta::assert_snapshot!("parquet_types", types.join("\n"));
    let rows: usize = reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 2 * 3);
    let output = place.run(&["retention", "history", "-o", "out.arrow"]);
    assert!(output.status.success());
    let reader = arrow::ipc::reader::FileReader::try_new(fs::File::open(place.path("out.arrow")).unwrap(), None).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 6);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let place = Place::new();
    let output = place.run(&["generate", "--customers", "2000", "--events", "30000", "--seed", "1", "-o", "a.csv"]);
    assert!(output.status.success());
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(["retention", "a.csv", "--cohort", "day", "--customer", "user_id", "--format", "json", "-q"])
        .current_dir(place.dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    let place = ingested();
    insta::assert_snapshot!("full_disk", place.says(&["retention", "history", "-o", "/dev/full", "--format", "json"]));
}

#[test]
fn the_demo_prints_a_table() {
    let place = Place::new();
    let output = place.run(&["demo", "-q"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(
        text.starts_with("Retention, % of each cohort, by month since first activity: 20,000 customers in 12 cohorts\n"),
        "{text}"
    );
    assert!(text.lines().any(|line| line.starts_with("pooled ")));
}

#[test]
fn help_names_every_command() {
    let place = Place::new();
    insta::assert_snapshot!("help", place.says(&["--help"]));
}
