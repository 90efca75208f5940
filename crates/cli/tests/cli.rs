//! The program from outside: what it prints on stdout and stderr, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder to run the program in, so that messages have no machine's paths.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tenure"))
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Exit code, stdout and stderr as one text.
    fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r", "\\r");
        format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            output.status.code().unwrap(),
            text(&output.stdout),
            text(&output.stderr)
        )
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = self.run(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

const ORDERS: &str = "\
order,customer_id,created_at,amount,country
1,ann,2024-01-05T10:00:00Z,20.00,DE
2,bob,2024-01-31T23:30:00Z,5.50,AT
3,ann,2024-02-11T09:00:00Z,7.25,DE
4,cat,2024-02-20T12:00:00Z,100,DE
5,bob,2024-03-01T00:00:00Z,-5.50,AT
6,ann,2024-03-15T08:00:00Z,,DE
";

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
}

#[test]
fn directly_on_a_file_the_numbers_are_those_of_the_history() {
    let place = ingested();
    for measure in ["customers", "events", "value"] {
        let history = place.json(&["retention", "history", "--format", "json", "--measure", measure]);
        let args =
            ["retention", "orders.csv", "--value", "amount", "--attribute", "country", "--format", "json", "--measure", measure];
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
fn the_filter_is_judged_first() {
    let place = Place::new();
    place.file(
        "log.csv",
        "user_id,time,amount\n\
         a,2024-01-01,5\n\
         b,nonsense,-1\n\
         ,2024-01-01,-2\n\
         c,nonsense,3\n\
         d,2024-01-01,many\n\
         e,2024-01-01,\n\
         f,2024-01-01,6\n\
         g,2024-01-01\n",
    );
    let report =
        place.json(&["ingest", "log.csv", "--into", "h", "--where", "amount > 0", "--max-rejects", "9", "--format", "json"]);
    let counts =
        ["rows_read", "rows_kept", "rows_rejected", "rows_duplicate", "rows_filtered"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [8, 2, 3, 0, 3]);
}

#[test]
fn one_row_is_enough() {
    let place = Place::new();
    place.file("one.csv", "customer,date\nx,2024-02-29\n");
    insta::assert_snapshot!("one_row", place.says(&["retention", "one.csv", "-q"]));
    insta::assert_snapshot!("no_cohort", place.says(&["retention", "one.csv", "-q", "--born-from", "2024-03-01"]));
}

#[test]
fn formats_of_exports_agree() {
    use std::io::Write as _;
    let place = ingested();
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let lines: String = ORDERS
        .lines()
        .skip(1)
        .map(|line| {
            let f: Vec<&str> = line.split(',').collect();
            let amount = if f[3].is_empty() { "null" } else { f[3] };
            format!(
                "{{\"who\": {{\"customer_id\": \"{}\"}}, \"created_at\": \"{}\", \"amount\": {amount}, \"country\": \"{}\"}}\n",
                f[1], f[2], f[4]
            )
        })
        .collect();
    let semicolons = ORDERS.replace(',', ";");
    let quoted: String = ORDERS.lines().map(|line| format!("\"{}\"\r\n", line.replace(',', "\",\""))).collect();
    place
        .file("orders.csv.gz", gzip(ORDERS.as_bytes()))
        .file("orders.csv.zst", zstd::encode_all(ORDERS.as_bytes(), 1).unwrap())
        .file("orders.jsonl", &lines)
        .file("orders.jsonl.gz", gzip(lines.as_bytes()))
        .file("semicolons.csv", semicolons)
        .file("quoted.csv", format!("\u{feff}{quoted}"))
        .file("tabs.tsv", ORDERS.replace(',', "\t"));
    let expected = place.json(&["retention", "orders.csv", "--value", "amount", "--measure", "value", "--format", "json"]);
    for name in ["orders.csv.gz", "orders.csv.zst", "orders.jsonl", "orders.jsonl.gz", "semicolons.csv", "quoted.csv", "tabs.tsv"]
    {
        let customer = if name.contains("jsonl") { "who.customer_id" } else { "customer_id" };
        let args = ["retention", name, "--customer", customer, "--value", "amount", "--measure", "value", "--format", "json"];
        assert_eq!(place.json(&args), expected, "{name}");
    }
}

#[test]
fn generated_files_of_every_format_agree() {
    let place = Place::new();
    let mut answers = Vec::new();
    for name in ["a.csv", "a.csv.gz", "a.csv.zst", "a.jsonl", "a.jsonl.zst", "a.parquet", "history"] {
        let output =
            place.run(&["generate", "--customers", "300", "--events", "5000", "--seed", "3", "--months", "9", "-o", name]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let mut args = vec!["retention", name, "--format", "json", "--measure", "value"];
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
    assert_eq!(place.json(&["retention", "history", "--format", "json"])["totals"]["members"], 3);
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
    let before = place.json(&["retention", "history", "--format", "json"]);
    // Where the new manifest should go there is a directory.
    fs::create_dir(place.path("history/manifest.json.new")).unwrap();
    let said = place.says(&["ingest", "orders.csv", "--into", "history", "--append"]);
    assert!(said.starts_with("exit 2") && said.contains("manifest.json.new: cannot write"), "{said}");
    assert_eq!(place.json(&["retention", "history", "--format", "json"]), before);
    fs::remove_dir(place.path("history/manifest.json.new")).unwrap();
    assert!(place.says(&["ingest", "orders.csv", "--into", "history", "--append"]).starts_with("exit 0"));
    assert_eq!(fs::read_dir(place.path("history/activity")).unwrap().count(), 2);
}

#[test]
fn a_pipe_is_read_whole() {
    let place = Place::new();
    let rows: String = (0..20_000).map(|i| format!("customer-{},2024-01-01T00:00:{:02}Z\n", i % 3000, i % 60)).collect();
    place.file("log.csv", format!("customer,time\n{rows}"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(["ingest", "/dev/stdin", "--into", "history", "--format", "json"])
        .current_dir(place.dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = fs::read(place.path("log.csv")).unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &text).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!((&report["rows_read"], &report["customers"]), (&20_000.into(), &3000.into()));
}

#[test]
fn times_outside_the_calendar_are_rejected() {
    use arrow::array::{ArrayRef, Date32Array, Int64Array, TimestampMicrosecondArray};
    let place = Place::new();
    let write = |name: &str, times: ArrayRef| {
        let customers: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = arrow::array::RecordBatch::try_from_iter([("customer", customers), ("time", times)]).unwrap();
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(fs::File::create(place.path(name)).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    write(
        "instants.parquet",
        std::sync::Arc::new(TimestampMicrosecondArray::from(vec![0, i64::MIN, i64::MAX]).with_timezone("UTC")),
    );
    write("local.parquet", std::sync::Arc::new(TimestampMicrosecondArray::from(vec![0, i64::MIN, i64::MAX])));
    write("days.parquet", std::sync::Arc::new(Date32Array::from(vec![0, i32::MIN, i32::MAX])));
    for name in ["instants.parquet", "local.parquet", "days.parquet"] {
        for zone in ["UTC", "America/New_York"] {
            let args =
                ["ingest", name, "--into", "x", "--dry-run", "--max-rejects", "2", "--format", "json", "--source-zone", zone];
            let report = place.json(&args);
            assert_eq!((&report["rows_kept"], &report["rows_rejected"]), (&1.into(), &2.into()), "{name}");
        }
    }
}

#[test]
fn the_same_export_again_adds_nothing() {
    let place = ingested();
    let again = [INGEST, &["--format", "json"]].concat();
    let report = place.json(&again);
    assert_eq!((&report["rows_kept"], &report["rows_duplicate"]), (&0.into(), &6.into()));
    insta::assert_snapshot!("home_zone_is_fixed", place.says(&[INGEST, &["--append", "--home-zone", "Asia/Tokyo"]].concat()));
    let output = place.run(&[INGEST, &["--append"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let inspection = place.json(&["inspect", "history", "--format", "json"]);
    assert_eq!((&inspection["tables"]["activity"]["rows"], &inspection["tables"]["customers"]["rows"]), (&12.into(), &3.into()));
}

#[test]
fn two_files_of_one_command_are_two_exports() {
    let place = orders();
    // Equal rows of two exports are one activity; equal rows of one export are two.
    let mut overlapping: Vec<&str> = ORDERS.lines().collect();
    overlapping.push(overlapping[6]);
    place.file("orders-2.csv", overlapping.join("\n"));
    let report = place.json(&["ingest", "orders*.csv", "--into", "history", "--format", "json"]);
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
fn times_have_zones() {
    let place = Place::new();
    // 23:30 on January 31 in New York is February 1 in UTC.
    place.file("log.csv", "user;at\na;31.01.2024 23:30\nb;01.02.2024 00:10\n");
    let base =
        ["retention", "log.csv", "--customer", "user", "--time", "at", "--time-format", "%d.%m.%Y %H:%M", "--format", "json"];
    let cohorts = |more: &[&str]| {
        let answer = place.json(&[&base[..], more].concat());
        let cohorts: Vec<String> =
            answer["cohorts"].as_array().unwrap().iter().map(|c| c["cohort"].as_str().unwrap().to_owned()).collect();
        cohorts
    };
    assert_eq!(cohorts(&[]), ["2024-01-01", "2024-02-01"]);
    assert_eq!(cohorts(&["--source-zone", "America/New_York"]), ["2024-02-01"]);
    assert_eq!(cohorts(&["--source-zone", "America/New_York", "--zone", "America/New_York"]), ["2024-01-01", "2024-02-01"]);
    assert_eq!(cohorts(&["--home-zone", "America/New_York"]), ["2024-01-01", "2024-02-01"]);
}

#[test]
fn currencies_are_never_added() {
    let place = Place::new();
    place.file(
        "sales.csv",
        "customer,date,total,money\na,2024-01-01,10,eur\na,2024-01-02,3,USD\nb,2024-01-03,,\nb,2024-01-09,5,EUR\n",
    );
    let args = ["retention", "sales.csv", "--value", "total", "--currency", "money", "--measure", "value", "--format", "json"];
    let answer = place.json(&args);
    let found: Vec<(&str, &str, u64, u64)> = answer["cohorts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let cell = &c["cells"][0];
            let number = |name: &str| cell[name].as_u64().unwrap();
            (c["currency"].as_str().unwrap(), cell["value"].as_str().unwrap(), number("events"), number("value_missing"))
        })
        .collect();
    assert_eq!(found, [("EUR", "15.00", 3, 1), ("USD", "3.00", 2, 1)]);
}

#[test]
fn expressions_compute_values() {
    let place = Place::new();
    place.file(
        "retail.csv",
        "InvoiceNo,Quantity,UnitPrice,CustomerID,InvoiceDate\n1,6,2.55,17850,2010-12-01 08:26\n2,-1,3.39,17850,2010-12-01 08:27\n3,3,0.1,13047,2010-12-01 08:34\n",
    );
    let base = ["retention", "retail.csv", "--value", "Quantity * UnitPrice", "--measure", "value", "--format", "json"];
    let value =
        |more: &[&str]| place.json(&[&base[..], more].concat())["cohorts"][0]["cells"][0]["value"].as_str().unwrap().to_owned();
    assert_eq!(value(&[]), "12.21");
    assert_eq!(value(&["--where", "Quantity > 0"]), "15.60");
    assert_eq!(value(&["--where", "CustomerID = '13047'"]), "0.30");
}

#[test]
fn typed_columns_are_computed_with() {
    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
    let place = Place::new();
    let columns: [(&str, ArrayRef); 4] = [
        ("customer", std::sync::Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("time", std::sync::Arc::new(StringArray::from(vec!["2024-01-01", "2024-01-02", "2024-01-03"]))),
        ("quantity", std::sync::Arc::new(Int64Array::from(vec![2, 3, 4]))),
        ("price", std::sync::Arc::new(Float64Array::from(vec![19.99, f64::NAN, 0.1]))),
    ];
    let batch = arrow::array::RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(fs::File::create(place.path("a.parquet")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let base = ["ingest", "a.parquet", "--into", "x", "--dry-run", "--format", "json", "--max-rejects", "1"];
    // What is not a number is rejected, in a column as in an expression.
    for value in ["price", "quantity * price"] {
        let report = place.json(&[&base[..], &["--value", value]].concat());
        assert_eq!((&report["rows_kept"], &report["rows_rejected"]), (&2.into(), &1.into()), "{value}");
    }
    let args = ["retention", "a.parquet", "--value", "quantity * price", "--where", "quantity <> 3 and time < '2024-01-04'"];
    let answer = place.json(&[&args[..], &["--measure", "value", "--format", "json"]].concat());
    assert_eq!(answer["cohorts"][0]["cells"][0]["value"], "40.38");
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
