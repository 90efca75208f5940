//! The same rows in other clothes: formats, pipes, zones, types.

mod support;

use std::fs;
use std::process::{Command, Stdio};

use support::{ORDERS, Place};

#[test]
fn formats_of_exports_agree() {
    use std::io::Write as _;
    let place = Place::new();
    place.file("orders.csv", ORDERS);
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
    let expected = place.json(&["retention", "orders.csv", "--value", "amount", "--measure", "value"]);
    for name in ["orders.csv.gz", "orders.csv.zst", "orders.jsonl", "orders.jsonl.gz", "semicolons.csv", "quoted.csv", "tabs.tsv"]
    {
        let customer = if name.contains("jsonl") { "who.customer_id" } else { "customer_id" };
        let args = ["retention", name, "--customer", customer, "--value", "amount", "--measure", "value"];
        assert_eq!(place.json(&args), expected, "{name}");
    }
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
            let args = ["ingest", name, "--into", "x", "--dry-run", "--max-rejects", "2", "--source-zone", zone];
            let report = place.json(&args);
            assert_eq!((&report["rows_kept"], &report["rows_rejected"]), (&1.into(), &2.into()), "{name}");
        }
    }
}

#[test]
fn times_have_zones() {
    let place = Place::new();
    // 23:30 on January 31 in New York is February 1 in UTC.
    place.file("log.csv", "user;at\na;31.01.2024 23:30\nb;01.02.2024 00:10\n");
    let base = ["retention", "log.csv", "--customer", "user", "--time", "at", "--time-format", "%d.%m.%Y %H:%M"];
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
    let args = ["retention", "sales.csv", "--value", "total", "--currency", "money", "--measure", "value"];
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
