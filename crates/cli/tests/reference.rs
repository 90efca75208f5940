//! Real exports against reference results. The data are not part of the project: set TENURE_SHARED to the folder that
//! holds them, or nothing is checked here.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn data() -> Option<PathBuf> {
    std::env::var_os("TENURE_SHARED").map(|shared| Path::new(&shared).join("data"))
}

fn tenure(args: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_tenure")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn json(args: &[&str]) -> Value {
    serde_json::from_slice(&tenure(&[args, &["--format", "json", "-q"]].concat())).unwrap()
}

/// A reference table: cohort, and a number for each age that is observed.
fn table(path: &Path) -> Vec<(String, Vec<Option<f64>>)> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            (record[0].to_owned(), record.iter().skip(1).map(|field| field.parse().ok()).collect())
        })
        .collect()
}

/// Holds a field of the cells equal to a reference table. Blank there is unobserved here; weekly tables leave zeros blank.
fn agree(answer: &Value, reference: &[(String, Vec<Option<f64>>)], get: &dyn Fn(&Value) -> Option<f64>, blank_is_zero: bool) {
    let cohorts = answer["cohorts"].as_array().unwrap();
    assert_eq!(cohorts.len(), reference.len());
    let mut compared = 0;
    for (cohort, (name, expected)) in cohorts.iter().zip(reference) {
        assert!(cohort["cohort"].as_str().unwrap().starts_with(name.as_str()));
        for (age, cell) in cohort["cells"].as_array().unwrap().iter().enumerate() {
            let expected = expected.get(age).copied().flatten();
            match (get(cell), expected) {
                (Some(found), Some(expected)) => {
                    assert!((found - expected).abs() < 1e-9, "{name} age {age}: {found}, expected {expected}");
                    compared += 1;
                }
                (Some(found), None) if blank_is_zero => assert_eq!(found, 0.0, "{name} age {age}"),
                (found, expected) => assert_eq!(found, expected, "{name} age {age}"),
            }
        }
    }
    assert!(compared > 10);
}

fn number(name: &'static str) -> impl Fn(&Value) -> Option<f64> {
    move |cell| cell[name].as_f64()
}

fn decimal(name: &'static str) -> impl Fn(&Value) -> Option<f64> {
    move |cell| cell[name].as_str().map(|text| text.parse().unwrap())
}

/// The percentage of complete cells to 4 decimals, as the references have it.
fn percent(cell: &Value) -> Option<f64> {
    cell["rate"].as_f64().map(|rate| (rate * 1e6).round() / 1e4)
}

/// The references leave out what is in progress only where the month has no row at all, so their percentages of months in
/// progress are set aside.
fn complete_only(answer: &Value, reference: &[(String, Vec<Option<f64>>)]) -> Vec<(String, Vec<Option<f64>>)> {
    let cohorts = answer["cohorts"].as_array().unwrap();
    let keep = |(cohort, (name, row)): (&Value, &(String, Vec<Option<f64>>))| {
        let cells = cohort["cells"].as_array().unwrap();
        let row = row.iter().enumerate().map(|(age, v)| v.filter(|_| cells.get(age).is_some_and(|c| c["state"] == "complete")));
        (name.clone(), row.collect())
    };
    cohorts.iter().zip(reference).map(keep).collect()
}

#[test]
fn cdnow() {
    let Some(data) = data() else { return };
    let file = data.join("cdnow/CDNOW_master.txt");
    let (file, reference) = (file.to_str().unwrap(), data.join("cdnow/reference"));
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history");
    let history = history.to_str().unwrap();
    let report = json(&["ingest", file, "--into", history, "--value", "dollar_value"]);
    assert_eq!(
        (&report["rows_read"], &report["rows_kept"], &report["customers"]),
        (&69_659.into(), &69_659.into(), &23_570.into())
    );
    let direct: &[&str] = &["retention", file, "--value", "dollar_value"];
    for source in [&["retention", history][..], direct] {
        let answer = json(&[source, &["--measure", "value"]].concat());
        agree(&answer, &table(&reference.join("master_active_users.csv")), &number("retained"), false);
        agree(&answer, &table(&reference.join("master_rows.csv")), &number("events"), false);
        agree(&answer, &table(&reference.join("master_revenue.csv")), &decimal("value"), false);
        let shares = complete_only(&answer, &table(&reference.join("master_retention_pct.csv")));
        agree(&answer, &shares, &percent, false);
        let cells = answer["cohorts"].as_array().unwrap().iter().flat_map(|c| c["cells"].as_array().unwrap());
        let cents: i64 = cells.filter_map(|c| c["value"].as_str()).map(|v| v.replace('.', "").parse::<i64>().unwrap()).sum();
        assert_eq!(cents, 250_031_563);
        let weekly = json(&[source, &["--cohort", "week"]].concat());
        let mut reader = csv::Reader::from_path(reference.join("master_weekly_long.csv")).unwrap();
        for record in reader.records().map(Result::unwrap) {
            let cohort = weekly["cohorts"].as_array().unwrap().iter().find(|c| c["cohort"] == record[0]).unwrap();
            let cell = &cohort["cells"][record[1].parse::<usize>().unwrap()];
            assert_eq!(cell["retained"].as_u64(), record[2].parse().ok(), "{record:?}");
        }
    }
}

/// N-day retention of all customers as one cohort: on the day itself, on it or later, and on any day up to it.
#[test]
fn cdnow_by_days() {
    let Some(data) = data() else { return };
    let file = data.join("cdnow/CDNOW_master.txt");
    let ask = |flags: &[&str]| {
        let answer = json(&[&["retention", file.to_str().unwrap(), "--cohort", "year", "--age", "day"], flags].concat());
        let point = &answer["summary"][0];
        assert_eq!((&point["exposed"], &point["cohorts"]), (&23_570.into(), &1.into()));
        point["retained"].as_u64().unwrap().to_string()
    };
    let mut reader = csv::Reader::from_path(data.join("cdnow/reference/master_n_day_retention.csv")).unwrap();
    for record in reader.records().map(Result::unwrap) {
        let day = &record[0];
        let expected = ["active_exactly_on_day_n", "active_on_or_after_day_n", "active_on_days_1_to_n"];
        let found =
            [ask(&["--at", day]), ask(&["--at", day, "--criterion", "on-or-after"]), ask(&["--brackets", &format!("1-{day}")])];
        assert_eq!(found.each_ref().map(String::as_str), [&record[3], &record[4], &record[5]], "day {day}: {expected:?}");
    }
}

#[test]
fn app_log() {
    let Some(data) = data() else { return };
    let file = data.join("app_ecom/ecom.csv.gz");
    let (file, reference) = (file.to_str().unwrap(), data.join("app_ecom/reference"));
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history");
    let history = history.to_str().unwrap();
    let report = json(&["ingest", file, "--into", history]);
    assert_eq!((&report["rows_kept"], &report["customers"]), (&31_106.into(), &600.into()));
    for source in [history, file] {
        let answer = json(&["retention", source, "--measure", "events"]);
        agree(&answer, &table(&reference.join("all_events_active_users.csv")), &number("retained"), false);
        agree(&answer, &table(&reference.join("all_events_rows.csv")), &number("events"), false);
        let shares = complete_only(&answer, &table(&reference.join("all_events_retention_pct.csv")));
        agree(&answer, &shares, &percent, false);
        let weekly = json(&["retention", source, "--cohort", "week"]);
        agree(&weekly, &table(&reference.join("weekly_monday_active_users.csv")), &number("retained"), true);
    }
    assert!(fs::metadata(history).unwrap().is_dir());
}

/// Movements of a subscription business at month ends. The reference draws new and returning customers together, and follows
/// accounts, whose subscriptions add up.
#[test]
fn ravenstack_movements() {
    let Some(data) = data() else { return };
    let folder = data.join("ravenstack");
    let file = folder.join("ravenstack_subscriptions.csv");
    let args = ["revenue", file.to_str().unwrap(), "--table", "subscriptions", "--preset", "generic", "--customer", "account_id"];
    let columns = ["--id", "subscription_id", "--start", "start_date", "--end", "end_date", "--amount", "mrr_amount"];
    let answer = json(&[&args[..], &columns, &["--interval", "month"]].concat());
    let mut reader = csv::Reader::from_path(folder.join("reference/mrr_movements.csv")).unwrap();
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = answer["rows"].as_array().unwrap();
    let mut compared = 0;
    for record in reader.records() {
        let record = record.unwrap();
        let expected = |name: &str| record[names.iter().position(|known| known == name).unwrap()].parse::<f64>().ok();
        let row = rows.iter().find(|row| row["period"].as_str().unwrap().starts_with(&record[0])).unwrap();
        let money = |name: &str| row[name].as_str().unwrap().parse::<f64>().unwrap();
        let percent = |name: &str| row[name].as_f64().map(|share| (share * 1e6).round() / 1e4);
        assert_eq!(row["customers_closing"].as_f64(), expected("paying_accounts"), "{}", &record[0]);
        assert_eq!(Some(money("closing")), expected("mrr_at_month_end"), "{}", &record[0]);
        if expected("expansion_mrr").is_none() {
            continue;
        }
        assert_eq!(Some(money("new") + money("reactivation")), expected("new_or_returning_mrr"), "{}", &record[0]);
        assert_eq!(Some(money("expansion")), expected("expansion_mrr"), "{}", &record[0]);
        // The reference has losses below zero.
        assert_eq!(Some(-money("contraction")), expected("contraction_mrr"), "{}", &record[0]);
        assert_eq!(Some(-money("churn")), expected("churned_mrr"), "{}", &record[0]);
        assert_eq!(percent("gross_revenue_retention"), expected("gross_retention_pct"), "{}", &record[0]);
        assert_eq!(percent("net_revenue_retention"), expected("net_retention_pct"), "{}", &record[0]);
        compared += 1;
    }
    assert!(compared > 20);
}

/// Repeat purchases of a music shop, counted a second way from its file.
#[test]
fn cdnow_repeat_purchases() {
    let Some(data) = data() else { return };
    let file = data.join("cdnow/CDNOW_master.txt");
    let text = fs::read_to_string(&file).unwrap();
    let mut purchases: std::collections::BTreeMap<&str, Vec<(&str, bool)>> = std::collections::BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        purchases.entry(fields[0]).or_default().push((&fields[1][..6], fields[3].parse::<f64>().unwrap() > 0.0));
    }
    let mut expected: std::collections::BTreeMap<&str, (u64, u64)> = std::collections::BTreeMap::new();
    for mine in purchases.values() {
        let mut months: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
        mine.iter().filter(|(_, paid)| *paid).for_each(|(month, _)| *months.entry(month).or_default() += 1);
        for (month, count) in months {
            let entry = expected.entry(month).or_default();
            entry.0 += u64::from(count >= 2);
            entry.1 += 1;
        }
    }
    let csv: String = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(",") + "\n").collect();
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("log.csv");
    fs::write(&log, format!("customer,date,cds,dollars\n{csv}")).unwrap();
    let args = ["metrics", log.to_str().unwrap(), "--preset", "generic", "--customer", "customer", "--time", "date"];
    let answer =
        json(&[&args[..], &["--time-format", "%Y%m%d", "--value", "dollars", "--metric", "repeat_purchase_rate"]].concat());
    let rows = answer.as_array().unwrap();
    assert_eq!(rows.len(), expected.len());
    for (row, (month, (repeat, customers))) in rows.iter().zip(&expected) {
        assert_eq!(row["period"].as_str().unwrap()[..7].replace('-', ""), **month);
        assert_eq!(
            (row["numerator"].as_str(), row["denominator"].as_str()),
            (Some(repeat.to_string().as_str()), Some(customers.to_string().as_str()))
        );
    }
}

/// Cohorts of subscriptions at month ends. The reference counts free ones too, of which tenure says that they never had
/// recurring revenue: those that pay are counted here by hand, from the file, and the revenue is that of the reference.
#[test]
fn ravenstack_cohorts() {
    let Some(data) = data() else { return };
    let folder = data.join("ravenstack");
    let file = folder.join("ravenstack_subscriptions.csv");
    let input =
        ["retention", file.to_str().unwrap(), "--source", "subscriptions", "--table", "subscriptions", "--preset", "generic"];
    let columns = ["--customer", "subscription_id", "--start", "start_date", "--end", "end_date", "--amount", "mrr_amount"];
    let answer = json(&[&input[..], &columns, &["--interval", "month", "--measure", "value"]].concat());
    let mut lines = csv::Reader::from_path(&file).unwrap();
    let spans: Vec<(String, String, f64)> = lines
        .records()
        .map(|record| {
            let record = record.unwrap();
            (record[2].to_owned(), record[3].to_owned(), record[6].parse().unwrap())
        })
        .filter(|(start, end, mrr)| *mrr > 0.0 && start != end)
        .collect();
    let mut reader = csv::Reader::from_path(folder.join("reference/subscription_cohorts_month_end.csv")).unwrap();
    let mut compared = 0;
    for record in reader.records() {
        let record = record.unwrap();
        let (month, age) = (&record[0], record[1].parse::<u64>().unwrap());
        let cohort =
            answer["cohorts"].as_array().unwrap().iter().find(|row| row["cohort"].as_str().unwrap().starts_with(month)).unwrap();
        let cell = &cohort["cells"][usize::try_from(age).unwrap()];
        let index = month[..4].parse::<u64>().unwrap() * 12 + month[5..].parse::<u64>().unwrap() - 1 + age + 1;
        let next = format!("{}-{:02}-01", index / 12, index % 12 + 1);
        let mine: Vec<_> = spans.iter().filter(|(start, ..)| start.starts_with(month)).collect();
        let paying = mine.iter().filter(|(_, end, _)| end.is_empty() || *end >= next).count();
        assert_eq!(
            (cohort["size"].as_u64(), cell["retained"].as_u64()),
            (Some(mine.len() as u64), Some(paying as u64)),
            "{month} {age}"
        );
        assert!(paying as u64 <= record[3].parse().unwrap());
        assert_eq!(cell["value"].as_str().unwrap().parse::<f64>().unwrap(), record[5].parse::<f64>().unwrap(), "{month} {age}");
        compared += 1;
    }
    assert!(compared > 200);
}

#[test]
fn telco_churn() {
    let Some(data) = data() else { return };
    let folder = data.join("telco");
    let file = folder.join("Telco_customer_churn.xlsx");
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("h");
    let (file, history) = (file.to_str().unwrap(), history.to_str().unwrap());
    // The workbook is a snapshot of a quarter without dates: its days are given, customers who left end with it.
    let base = ["ingest", file, "--into", history, "--customer", "CustomerID", "--attribute", "Contract", "-q"];
    let spans = ["--table", "subscriptions", "--plan", "Contract", "--amount", "Monthly Charges", "--interval", "month"];
    let stayed = ["--start", "2019-07-01", "--where", "\"Churn Label\" = 'No'"];
    let left = ["--start", "2019-07-01", "--end", "2019-10-01", "--where", "\"Churn Label\" = 'Yes'"];
    let reasons =
        ["--table", "cancellations", "--time", "2019-10-01", "--reason", "Churn Reason", "--where", "\"Churn Label\" = 'Yes'"];
    tenure(&[&base[..], &spans, &stayed].concat());
    tenure(&[&base[..], &spans, &left].concat());
    tenure(&[&base[..], &reasons].concat());
    let ask = ["metrics", history, "--period", "quarter", "--metric", "churn_rate", "--by", "Contract", "--as-of", "2019-10-02"];
    let answer = json(&ask);
    let rows = answer.as_array().unwrap().iter().filter(|row| row["period"] == "2019-10-01");
    let found: Vec<(String, f64)> = rows
        .map(|row| (row["segment"]["Contract"].as_str().unwrap_or("all").to_owned(), row["value"].as_f64().unwrap() * 100.0))
        .collect();
    let summary: Value = serde_json::from_slice(&fs::read(folder.join("reference/summary.json")).unwrap()).unwrap();
    let mut expected = vec![("all".to_owned(), summary["churn_pct"].as_f64().unwrap())];
    let mut reader = csv::Reader::from_path(folder.join("reference/churn_by_contract.csv")).unwrap();
    expected
        .extend(reader.records().map(|record| record.unwrap()).map(|record| (record[0].to_owned(), record[3].parse().unwrap())));
    assert_eq!(found.len(), expected.len());
    for ((name, rate), (wanted, reference)) in found.iter().zip(&expected) {
        assert!(name == wanted && (rate - reference).abs() < 0.001, "{name}: {rate}, expected {wanted}: {reference}");
    }
    let answer = json(&["cancellations", history]);
    let mut reader = csv::Reader::from_path(folder.join("reference/churn_reasons.csv")).unwrap();
    let mut expected: Vec<(String, u64)> =
        reader.records().map(|record| record.unwrap()).map(|record| (record[0].to_owned(), record[1].parse().unwrap())).collect();
    let rows = answer["rows"].as_array().unwrap().iter();
    let mut found: Vec<(String, u64)> =
        rows.map(|row| (row["text"].as_str().unwrap().to_owned(), row["count"].as_u64().unwrap())).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
