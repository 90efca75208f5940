//! What tests of ingests share: a folder to run the program in, and histories read back by other means than its own.

#![allow(dead_code, reason = "every test has this file, and none needs all of it")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

/// A folder of the project's `data`. Where the project lies is asked when the test runs: its binary may have been built in
/// another checkout that shares the target directory.
pub(crate) fn data(name: &str) -> PathBuf {
    project().join("data").join(name)
}

/// The project's top level.
pub(crate) fn project() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../..")
}

/// A folder to run the program in.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
        command.args(args).current_dir(self.dir.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a run that succeeds writes to stdout.
    pub(crate) fn ok(&self, args: &[&str]) -> Vec<u8> {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// What a run says on stderr that ends with this code.
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        said
    }

    /// Exit code, stdout and stderr as one text.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\r', "\\r");
        format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            output.status.code().unwrap(),
            text(&output.stdout),
            text(&output.stderr)
        )
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_slice(&self.ok(&[args, &["--format", "json", "-q"]].concat())).unwrap()
    }

    /// The report of an ingest, whose accounts add up.
    pub(crate) fn ingest(&self, args: &[&str]) -> Value {
        let report = self.json(&[&["ingest"], args].concat());
        adds_up(&report);
        report
    }

    pub(crate) fn content(&self, history: &str) -> String {
        self.json(&["inspect", history])["content"].as_str().unwrap().to_owned()
    }

    /// The bytes of the history's retention, and its fingerprint.
    pub(crate) fn answer(&self, history: &str) -> (String, Vec<u8>) {
        (self.content(history), self.ok(&["retention", history, "--format", "json", "--measure", "events", "-q"]))
    }

    pub(crate) fn table(&self, history: &str, table: &str) -> Vec<Row> {
        table_of(&self.path(history), table)
    }
}

/// A small shop.
pub(crate) const ORDERS: &str = "\
order,customer_id,created_at,amount,country
1,ann,2024-01-05T10:00:00Z,20.00,DE
2,bob,2024-01-31T23:30:00Z,5.50,AT
3,ann,2024-02-11T09:00:00Z,7.25,DE
4,cat,2024-02-20T12:00:00Z,100,DE
5,bob,2024-03-01T00:00:00Z,-5.50,AT
6,ann,2024-03-15T08:00:00Z,,DE
";

/// A row of a table: the text of each column that is not null.
pub(crate) type Row = BTreeMap<String, String>;

const COUNTS: [&str; 5] = ["rows_read", "rows_kept", "rows_rejected", "rows_duplicate", "rows_filtered"];

/// Rows read, kept, rejected, duplicate and filtered.
pub(crate) fn counts(report: &Value) -> [u64; 5] {
    COUNTS.map(|name| report[name].as_u64().unwrap())
}

/// Rows read are those kept, rejected, duplicate and filtered, of each input and of all; and every reject has a reason.
pub(crate) fn adds_up(report: &Value) {
    let inputs = report["inputs"].as_array().unwrap();
    let mut sum = [0; 5];
    for part in inputs.iter().chain([report]) {
        let [read, kept, rejected, duplicate, filtered] = counts(part);
        assert_eq!(read, kept + rejected + duplicate + filtered, "{report:#}");
        let reasons: u64 = part["reasons"].as_array().unwrap().iter().map(|reason| reason["count"].as_u64().unwrap()).sum();
        assert_eq!(reasons, rejected, "{report:#}");
    }
    for input in inputs {
        sum.iter_mut().zip(counts(input)).for_each(|(sum, more)| *sum += more);
    }
    assert_eq!(sum, counts(report), "{report:#}");
}

/// The files that a manifest names, with the table of each.
pub(crate) fn live_files(history: &Path) -> Vec<(String, PathBuf)> {
    let manifest: Value = serde_json::from_slice(&fs::read(history.join("manifest.json")).unwrap()).unwrap();
    let mut files = Vec::new();
    let mut add = |table: &str, file: &Value| files.push((table.to_owned(), history.join(file["file"].as_str().unwrap())));
    for segment in manifest["segments"].as_array().unwrap() {
        segment["files"].as_array().unwrap().iter().for_each(|file| add(segment["table"].as_str().unwrap(), file));
    }
    manifest["customers"]["files"].as_array().unwrap().iter().for_each(|file| add("customers", file));
    if manifest["aliases"].is_object() {
        add("aliases", &manifest["aliases"]);
    }
    files
}

/// Every file below a folder.
pub(crate) fn all_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Name and bytes of every file below a folder.
pub(crate) fn bytes_of(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    all_files(dir).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Below a history there is nothing that its manifest does not name.
pub(crate) fn no_leftovers(history: &Path) {
    let mut named: Vec<PathBuf> = live_files(history).into_iter().map(|(_, path)| path).collect();
    named.extend(["manifest.json", ".lock", ".readers"].map(|name| history.join(name)));
    for path in all_files(history) {
        assert!(named.contains(&path), "{} is not named by the manifest", path.display());
    }
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

/// The text of a column's rows: instants as RFC 3339, keys in hexadecimal.
fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    match array.data_type() {
        DataType::Timestamp(..) => {
            let instant = |micros| jiff::Timestamp::from_microsecond(micros).unwrap().to_string();
            array.as_primitive::<TimestampMicrosecondType>().iter().map(|micros| micros.map(instant)).collect()
        }
        DataType::FixedSizeBinary(_) => {
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            array.as_fixed_size_binary().iter().map(|bytes| bytes.map(hex)).collect()
        }
        _ => {
            let texts = cast(array, &DataType::Utf8).unwrap();
            texts.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
        }
    }
}

/// The rows of a table, with the customer's id in the place of the number, by customer and time.
/// The rows of a Parquet file.
pub(crate) fn read_parquet(path: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in batches(path) {
        let from = rows.len();
        rows.resize_with(from + batch.num_rows(), Row::new);
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            for (row, text) in rows[from..].iter_mut().zip(texts(array)) {
                row.extend(text.map(|text| (field.name().clone(), text)));
            }
        }
    }
    rows
}

pub(crate) fn table_of(history: &Path, table: &str) -> Vec<Row> {
    let files = live_files(history);
    let read = |table: &str| -> Vec<Row> {
        files.iter().filter(|(of, _)| of == table).flat_map(|(_, path)| read_parquet(path)).collect()
    };
    if table == "aliases" {
        return read(table);
    }
    let customers = read("customers");
    let ids: BTreeMap<&String, &String> = customers.iter().map(|row| (&row["customer"], &row["customer_id"])).collect();
    let mut rows = read(table);
    for row in &mut rows {
        let id = ids[&row["customer"]].clone();
        row.insert("customer".to_owned(), id);
        row.remove("customer_id");
        // Which rows are tied with the one before depends on what else lies in their file.
        row.remove("tied");
    }
    let anchor = |row: &Row| row.get("time").or(row.get("start")).cloned();
    rows.sort_by_cached_key(|row| (row["customer"].clone(), anchor(row), row.clone()));
    rows
}

/// The sum of a column of decimals, to six of them.
pub(crate) fn sum<'a>(rows: impl IntoIterator<Item = &'a Row>, column: &str) -> f64 {
    let sum: f64 = rows.into_iter().filter_map(|row| row.get(column)).map(|text| text.parse::<f64>().unwrap()).sum();
    (sum * 1e6).round() / 1e6
}

/// The texts of some columns; `_` in a column's name stands for a blank too.
pub(crate) fn lines(rows: &[Row], columns: &str) -> Vec<String> {
    let text = |row: &Row, column: &str| {
        let name = if row.contains_key(column) { column.to_owned() } else { column.replace('_', " ") };
        row.get(&name).cloned().unwrap_or_else(|| "-".to_owned())
    };
    let line = |row: &Row| columns.split(' ').map(|column| text(row, column)).collect::<Vec<_>>().join(" | ");
    rows.iter().map(line).collect()
}

/// The distinct texts of a column, in order.
pub(crate) fn distinct<'a>(rows: impl IntoIterator<Item = &'a Row>, column: &str) -> Vec<String> {
    let mut texts: Vec<String> = rows.into_iter().filter_map(|row| row.get(column).cloned()).collect();
    texts.sort();
    texts.dedup();
    texts
}

/// Copies a folder.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
