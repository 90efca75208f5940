//! The fixtures of retention that were counted by hand: each folder's log, asked its query, must give the folder's numbers.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::Value;
use support::{Place, data};

/// How the summary over all segments is written.
const ALL_SEGMENTS: &str = "(all)";

/// A table of texts; an empty text stands for nothing.
struct Rows {
    columns: Vec<String>,
    rows: Vec<BTreeMap<String, String>>,
}

impl Rows {
    fn from_csv(bytes: &[u8]) -> Self {
        let mut reader = csv::Reader::from_reader(bytes);
        let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows = reader
            .records()
            .map(|record| columns.iter().cloned().zip(record.unwrap().iter().map(str::to_owned)).collect())
            .collect();
        Self { columns, rows }
    }

    /// The lines of some columns, with decimals in their shortest form.
    fn lines(&self, columns: &[String]) -> Vec<String> {
        let text = |row: &BTreeMap<String, String>, column: &String| match row.get(column) {
            None => format!("no {column}"),
            Some(text) if column.starts_with("value") => shortest(text),
            Some(text) => text.clone(),
        };
        self.rows.iter().map(|row| columns.iter().map(|c| text(row, c)).collect::<Vec<_>>().join(",")).collect()
    }
}

/// A decimal without zeros at its end.
fn shortest(decimal: &str) -> String {
    let text = if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A JSON value as CSV has it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn fields(object: &Value) -> impl Iterator<Item = (String, String)> {
    object.as_object().unwrap().iter().filter(|(_, v)| !v.is_object() && !v.is_array()).map(|(k, v)| (k.clone(), text(v)))
}

/// The values of a segment's columns by name; a missing one is an empty text.
fn segment(object: &Value) -> impl Iterator<Item = (String, String)> {
    fields(&object["segment"])
}

/// The cells of a result in JSON, as the long CSV has them.
fn cells(result: &Value, columns: &[String]) -> Rows {
    let mut rows = Vec::new();
    for cohort in result["cohorts"].as_array().unwrap() {
        for cell in cohort["cells"].as_array().unwrap() {
            rows.push(fields(cohort).chain(segment(cohort)).chain(fields(cell)).collect());
        }
    }
    Rows { columns: columns.to_vec(), rows }
}

/// What a folder expects and what is found that differs, if anything.
struct Case {
    folder: PathBuf,
    differences: Vec<String>,
}

impl Case {
    fn expected(&self, file: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(file)).ok()
    }

    fn toml(&self, file: &str) -> toml::Table {
        toml::from_str(&fs::read_to_string(self.folder.join(file)).unwrap()).unwrap()
    }

    /// Ingests the folder's logs, asks its query and compares.
    fn run(&mut self) {
        let place = Place::new();
        for entry in fs::read_dir(&self.folder).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), place.path(&entry.file_name().into_string().unwrap())).unwrap();
        }
        let mut query = self.toml("query.toml");
        let ingest = match query.remove("ingest") {
            Some(toml::Value::Table(flags)) => as_flags(&flags),
            _ => Vec::new(),
        };
        let logs = ["ingest", "input.csv", "--into", "history", "--all-attributes", "-q"].map(str::to_owned);
        if self.output(&place, [logs.to_vec(), ingest].concat()).is_none() {
            return;
        }
        if self.folder.join("customers.csv").exists() {
            let table = ["ingest", "customers.csv", "--into", "history", "--table", "customers", "--all-attributes", "-q"];
            if self.output(&place, table.map(str::to_owned).to_vec()).is_none() {
                return;
            }
        }
        let ask = |format: &str| {
            [["retention", "history", "-q", "--format", format].map(str::to_owned).to_vec(), as_flags(&query)].concat()
        };
        let (Some(csv), Some(json)) = (self.output(&place, ask("csv")), self.output(&place, ask("json"))) else { return };
        let result: Value = serde_json::from_slice(&json).unwrap();
        self.compare_cells(&csv, &result);
        self.compare_totals(&result);
        self.compare_summary(&result);
    }

    /// What a command writes; that it fails is a difference.
    fn output(&mut self, place: &Place, args: Vec<String>) -> Option<Vec<u8>> {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = place.run(&args);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            self.differences.push(format!("tenure {} fails: {}", args.join(" "), said.trim()));
            return None;
        }
        Some(output.stdout)
    }

    fn compare_cells(&mut self, csv: &[u8], result: &Value) {
        let expected = Rows::from_csv(&self.expected("expected.csv").unwrap());
        let columns = &expected.columns;
        let wanted = expected.lines(columns);
        let found = Rows::from_csv(csv);
        if let Some(missing) = columns.iter().find(|column| !found.columns.contains(column)) {
            self.differences.push(format!("CSV has no column {missing}: {}", found.columns.join(",")));
        }
        self.differ("CSV", &columns.join(","), &wanted, &found.lines(columns));
        self.differ("JSON", &columns.join(","), &wanted, &cells(result, columns).lines(columns));
    }

    fn compare_totals(&mut self, result: &Value) {
        for (name, wanted) in self.toml("expected_totals.toml") {
            let found = if name == "until" { &result["window"]["until"] } else { &result["totals"][&name] };
            let wanted = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
            if text(found) != wanted {
                self.differences.push(format!("{name}: expected {wanted}, found {found}"));
            }
        }
    }

    /// The points of the segments that the folder names, whatever their order.
    fn compare_summary(&mut self, result: &Value) {
        let Some(expected) = self.expected("expected_summary.csv") else { return };
        let expected = Rows::from_csv(&expected);
        let by: Vec<String> = expected.columns.iter().take_while(|column| *column != "age").cloned().collect();
        let key = |row: &BTreeMap<String, String>| -> Vec<String> { by.iter().map(|column| row[column].clone()).collect() };
        let line = |row: &BTreeMap<String, String>, rate: f64| {
            let counts = ["age", "cohorts", "exposed", "retained"].map(|column| row[column].as_str());
            format!("{},{rate:.9}", key(row).iter().map(String::as_str).chain(counts).collect::<Vec<_>>().join(","))
        };
        let segments: BTreeSet<Vec<String>> = expected.rows.iter().map(key).collect();
        let mut wanted: Vec<String> = expected.rows.iter().map(|row| line(row, fraction(&row["rate"]))).collect();
        let mut found = Vec::new();
        for point in result["summary"].as_array().unwrap() {
            let mut row: BTreeMap<String, String> = fields(point).chain(segment(point)).collect();
            for column in &by {
                row.entry(column.clone()).or_insert_with(|| ALL_SEGMENTS.to_owned());
            }
            if by.is_empty() || segments.contains(&key(&row)) {
                found.push(line(&row, point["rate"].as_f64().unwrap()));
            }
        }
        wanted.sort();
        found.sort();
        self.differ("summary", &expected.columns.join(","), &wanted, &found);
    }

    /// Notes the lines that are not the same in both.
    fn differ(&mut self, what: &str, header: &str, wanted: &[String], found: &[String]) {
        if wanted == found {
            return;
        }
        let mut lines =
            vec![format!("{what}: {} rows expected, {} found", wanted.len(), found.len()), format!("           {header}")];
        for i in 0..wanted.len().max(found.len()) {
            let (wanted, found) = (wanted.get(i), found.get(i));
            if wanted != found {
                lines.extend(wanted.map(|line| format!("  expected {line}")));
                lines.extend(found.map(|line| format!("  found    {line}")));
            }
        }
        self.differences.push(lines.join("\n  "));
    }
}

/// Flags as they are typed: `at = [1, 7]` is `--at 1,7`.
fn as_flags(table: &toml::Table) -> Vec<String> {
    let word = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut flags = Vec::new();
    for (name, value) in table {
        let value = match value {
            toml::Value::Array(list) => list.iter().map(word).collect::<Vec<_>>().join(","),
            one => word(one),
        };
        flags.extend([format!("--{name}"), value]);
    }
    flags
}

/// A number written as `2/3`.
fn fraction(text: &str) -> f64 {
    let (above, below) = text.split_once('/').unwrap();
    above.parse::<f64>().unwrap() / below.parse::<f64>().unwrap()
}

#[test]
fn every_fixture_gives_the_numbers_counted_by_hand() {
    let fixtures = data("fixtures/retention");
    let mut folders: Vec<PathBuf> = fs::read_dir(&fixtures).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no fixtures in {}", fixtures.display());
    let total = folders.len();
    let difference = |folder: PathBuf| {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert!(folder.join("working.md").exists(), "{name} has no working.md: nobody can check its numbers");
        let mut case = Case { folder, differences: Vec::new() };
        case.run();
        (!case.differences.is_empty()).then(|| format!("{name}\n  {}", case.differences.join("\n  ")))
    };
    let failures: Vec<String> = folders.into_par_iter().filter_map(difference).collect();
    assert!(failures.is_empty(), "{} of {total} fixtures differ\n\n{}\n", failures.len(), failures.join("\n\n"));
}
