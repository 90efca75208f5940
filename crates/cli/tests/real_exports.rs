//! Samples of real exporters' files, where they lie beside the project: what each becomes, against counts by other means.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Place, Row, counts, distinct, lines, sum};

/// The folder with data that are not part of the project, where TENURE_SHARED says it.
fn data() -> Option<PathBuf> {
    std::env::var_os("TENURE_SHARED").map(|shared| Path::new(&shared).join("data"))
}

/// A sample with what it must give.
struct Sample {
    place: Place,
    path: String,
    expected: Value,
}

impl Sample {
    fn new(data: &Path, file: &str) -> Self {
        let expected: Value = serde_json::from_slice(&std::fs::read(data.join("export_formats/expected.json")).unwrap()).unwrap();
        assert!(expected[file].is_object(), "{file}");
        let path = data.join("export_formats").join(file).to_str().unwrap().to_owned();
        Self { place: Place::new(), path, expected: expected[file].clone() }
    }

    /// Ingests the sample into a history of this name and gives the report and a table's rows.
    fn ingest(&self, history: &str, table: &str, flags: &[&str]) -> (Value, Vec<Row>) {
        let report = self.place.ingest(&[&[&*self.path, "--into", history], flags].concat());
        assert_eq!(report["table"], table);
        (report, self.place.table(history, table))
    }

    fn number(&self, name: &str) -> f64 {
        self.expected[name].as_f64().unwrap_or_else(|| panic!("{name}"))
    }

    fn texts(&self, name: &str) -> Vec<&str> {
        self.expected[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
    }

    /// A count of rows of the report is the expected one.
    fn read(&self, report: &Value, name: &str) {
        assert_eq!(report["rows_read"].as_f64(), Some(self.number(name)), "{}", self.path);
    }
}

fn of<'a>(rows: &'a [Row], column: &'a str, text: &'a str) -> impl Iterator<Item = &'a Row> + Clone {
    rows.iter().filter(move |row| row.get(column).is_some_and(|found| found == text))
}

fn column<'a>(rows: &'a [Row], name: &str) -> Vec<&'a str> {
    rows.iter().filter_map(|row| row.get(name)).map(String::as_str).collect()
}

/// Net promoter score and the number of answers.
fn nps(rows: &[Row]) -> (f64, usize) {
    let scores: Vec<f64> = of(rows, "kind", "nps").filter_map(|row| row.get("score")?.parse().ok()).collect();
    let count = |wanted: &dyn Fn(f64) -> bool| scores.iter().filter(|score| wanted(**score)).count() as f64;
    (100.0 * (count(&|s| s >= 9.0) - count(&|s| s <= 6.0)) / scores.len() as f64, scores.len())
}

#[test]
fn payments_of_real_exporters() {
    let Some(data) = data() else { return };
    let sample = |file: &str| Sample::new(&data, file);

    let s = sample("stripe_customers.csv");
    let (report, rows) = s.ingest("h", "customers", &[]);
    s.read(&report, "rows");
    for (month, customers) in s.expected["signup_month"].as_object().unwrap() {
        let signed = rows.iter().filter(|row| row["signed_up"].starts_with(month.as_str())).count();
        assert_eq!(Some(signed as u64), customers.as_u64(), "{month}");
    }

    let s = sample("stripe_subscriptions.csv");
    let (report, rows) = s.ingest("h", "subscriptions", &[]);
    s.read(&report, "rows");
    assert_eq!(of(&rows, "Status", "canceled").count() as f64, s.number("canceled"));
    let at = "2026-03-01T00:00:00Z";
    for (currency, mrr) in s.expected["mrr_at_2026_03_01"].as_object().unwrap() {
        let currency = currency.to_uppercase();
        let paid = of(&rows, "currency", &currency).filter(|row| {
            let until = row.get("end").is_none_or(|end| end.as_str() > at);
            row["start"].as_str() <= at && until && row.get("trial_end").is_none_or(|end| end.as_str() <= at)
        });
        let monthly = |row: &Row| {
            let months = if row["interval"] == "1 year" { 12.0 } else { 1.0 };
            row["amount"].parse::<f64>().unwrap() * row["quantity"].parse::<f64>().unwrap() / months
        };
        assert_eq!(Some(paid.map(monthly).sum()), mrr.as_f64(), "{currency}");
    }
    // It is lost when it ends, in March, and not when that was asked for.
    assert_eq!(of(&rows, "customer", "cus_C3").next().unwrap()["end"], "2026-03-08T00:01:00Z");
    let known = [s.texts("cancel_feedback_values"), s.texts("cancel_reason_values")].concat();
    let reasons = distinct(&rows, "Cancellation Reason");
    assert!(reasons.len() == 2 && reasons.iter().all(|reason| known.contains(&reason.as_str())), "{reasons:?}");

    let s = sample("stripe_unified_payments.csv");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    assert_eq!(sum(of(&rows, "currency", "USD"), "value"), s.number("net_paid_converted_usd"));
    assert_eq!(rows.len(), of(&rows, "currency", "USD").count());

    let s = sample("stripe_charges_old.csv");
    let (report, rows) = s.ingest("h", "activity", &["--attribute", "Card Last4"]);
    s.read(&report, "rows");
    assert_eq!(sum(of(&rows, "currency", "USD"), "value"), s.number("net_paid_usd"));
    assert_eq!(rows[0]["Card Last4"], "0007", "text, not a number");

    let s = sample("stripe_balance_history.csv");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    assert_eq!(sum(of(&rows, "event", "purchase"), "value"), s.number("gross_charges"));
    assert_eq!(sum(of(&rows, "event", "refund"), "value"), s.number("refunds"));

    let s = sample("stripe_invoices.csv");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    assert_eq!(sum(&rows, "value"), s.number("amount_paid"));

    let s = sample("stripe_api_charges.jsonl");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    for (currency, net) in s.expected["net"].as_object().unwrap() {
        assert_eq!(Some(sum(of(&rows, "currency", &currency.to_uppercase()), "value")), net.as_f64(), "{currency}");
    }
    // The charge that was refunded whole is none for the preset; its instant shows without.
    let plain = ["--preset", "generic", "--customer", "id", "--time", "created", "--value", "amount"];
    let (_, rows) = s.ingest("plain", "activity", &plain);
    assert_eq!(column(&rows, "time"), s.texts("created_utc"));

    let s = sample("woocommerce_orders.csv");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    assert_eq!(sum(&rows, "value"), s.number("paid_total"));
}

#[test]
fn shops_of_real_exporters() {
    let Some(data) = data() else { return };
    let sample = |file: &str| Sample::new(&data, file);

    let s = sample("shopify_orders_export.csv");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "csv_records");
    assert_eq!(rows.len() as f64, s.number("paid_orders"));
    assert_eq!(distinct(&rows, "customer").len() as f64, s.number("customers_with_email"));
    assert_eq!(sum(of(&rows, "currency", "EUR"), "value"), s.number("net_sales_eur"));
    let refunded = of(&rows, "Discount Code", "SPRING10").next().unwrap();
    assert_eq!(refunded["time"], s.expected["created_utc"]["#1051"].as_str().unwrap());
    // Orders that are not paid are none for the preset; all of them show without.
    let orders = ["--preset", "generic", "--customer", "Name", "--time", "Created at", "--id", "Name"];
    let (_, rows) = s.ingest("orders", "activity", &orders);
    assert_eq!(rows.len() as f64, s.number("orders"));

    let s = sample("shopify_orders_excel_serial.csv");
    let (report, _) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    // One of them is pending; all of them show without the preset.
    let (_, rows) = s.ingest("plain", "activity", &["--preset", "generic", "--customer", "Email", "--time", "Created at"]);
    let local: Vec<String> = s.texts("created_local").iter().map(|time| format!("{time}Z")).collect();
    assert_eq!(column(&rows, "time"), local);

    let s = sample("shopify_customers_export.csv");
    let (report, rows) = s.ingest("h", "customers", &[]);
    s.read(&report, "rows");
    assert_eq!(of(&rows, "listed", "true").count() as f64, s.number("rows_with_id"));
    assert_eq!(sum(&rows, "Total Spent"), s.number("total_spent"));
}

#[test]
fn events_of_real_exporters() {
    let Some(data) = data() else { return };
    let sample = |file: &str| Sample::new(&data, file);

    let s = sample("mixpanel_raw_export.jsonl");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    assert_eq!(rows.len() as f64, s.number("unique_events"));
    assert_eq!(distinct(&rows, "customer").len() as f64, s.number("users"));

    let s = sample("amplitude_export.jsonl");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    assert_eq!(rows.len() as f64, s.number("unique_events"));
    assert_eq!(distinct(&rows, "customer"), ["27b0"]);

    let s = sample("ga4_bigquery_events.jsonl");
    let (report, mut rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    rows.sort_by(|a, b| a["time"].cmp(&b["time"]));
    assert_eq!(column(&rows, "time"), s.texts("timestamps_utc"));
    assert_eq!(distinct(&rows, "customer").len() as f64, s.number("users_by_user_pseudo_id"));

    let s = sample("segment_events.jsonl");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    assert_eq!(rows.len() as f64, s.number("track_events"));
    assert_eq!(distinct(&rows, "customer").len() as f64, s.number("people_after_identify"));
    assert_eq!(sum(of(&rows, "currency", "USD"), "value"), s.number("revenue_usd"));

    let s = sample("posthog_batch_export_events.jsonl");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    assert_eq!(distinct(&rows, "customer").len() as f64, s.number("people"));

    let s = sample("events_epoch_ms.csv");
    let (report, rows) = s.ingest("h", "activity", &[]);
    s.read(&report, "rows");
    assert_eq!(column(&rows, "time"), s.texts("utc"));
    let notes = report["inputs"][0]["notes"].to_string();
    assert!(notes.contains("1 of seconds, 3 of milliseconds"), "{notes}");
}

#[test]
fn surveys_of_real_exporters() {
    let Some(data) = data() else { return };
    let sample = |file: &str| Sample::new(&data, file);

    let s = sample("typeform_responses.csv");
    let (report, rows) = s.ingest("h", "surveys", &[]);
    s.read(&report, "rows");
    assert_eq!(nps(&rows), (s.number("nps"), s.number("nps_answers") as usize));

    let s = sample("surveymonkey_export.csv");
    let (report, rows) = s.ingest("h", "surveys", &[]);
    s.read(&report, "data_rows");
    assert_eq!(nps(&rows), (s.number("nps"), 2));
    let flags = ["--score", "How satisfied are you? / Response", "--kind", "csat", "--scale", "1-5"];
    let (_, rows) = s.ingest("csat", "surveys", &flags);
    let satisfied = of(&rows, "kind", "csat").filter(|row| row["score"].parse::<f64>().unwrap() >= 4.0).count();
    assert_eq!(100.0 * satisfied as f64 / rows.len() as f64, s.number("csat_top2_of_5_pct"));

    let s = sample("google_forms_responses.csv");
    let (report, rows) = s.ingest("h", "surveys", &[]);
    s.read(&report, "rows");
    assert_eq!(nps(&rows), (s.number("nps"), 3));
    assert_eq!(of(&rows, "customer", "a@example.com").next().unwrap()["time"], "2024-02-01T09:05:07Z", "day first");

    let s = sample("delighted_responses.jsonl");
    let (report, rows) = s.ingest("h", "surveys", &[]);
    s.read(&report, "rows");
    assert_eq!(nps(&rows), (s.number("nps"), s.number("nps_answers") as usize));

    let s = sample("chargebee_cancelled_subscriptions.csv");
    let (report, rows) = s.ingest("h", "cancellations", &[]);
    s.read(&report, "rows");
    assert_eq!(lines(&rows, "customer reason"), ["cb_1 | Not Paid"], "who will not renew is still there");
}

#[test]
fn odd_files() {
    let Some(data) = data() else { return };
    let sample = |file: &str| Sample::new(&data, file);

    let s = sample("german_orders_semicolon_cp1252.csv");
    let (report, rows) = s.ingest("h", "activity", &["--value", "Betrag", "--currency", "Währung", "--attribute", "Kunde"]);
    s.read(&report, "rows");
    assert_eq!(distinct(&rows, "customer"), ["000123", "000124"]);
    assert_eq!(distinct(&rows, "customer").len() as f64, s.number("customers"));
    assert_eq!(sum(of(&rows, "currency", "EUR"), "value"), s.number("total_eur"));
    assert_eq!(distinct(&rows, "Kunde"), ["Größe & Söhne", "Müller, Jörg"]);

    let s = sample("preamble_report_semicolon.csv");
    let (report, rows) = s.ingest("h", "activity", &["--value", "Order Amount", "--currency", "MYR"]);
    s.read(&report, "rows");
    assert_eq!(sum(of(&rows, "currency", "MYR"), "value"), s.number("total_myr"));
    assert_eq!(distinct(&rows, "time"), ["2026-07-01T00:00:00Z", "2026-07-13T00:00:00Z"]);

    let s = sample("excel_unicode_text_utf16.txt");
    let (report, rows) = s.ingest("h", "activity", &["--value", "amount"]);
    s.read(&report, "rows");
    assert_eq!(lines(&rows, "customer time value"), ["u1 | 2024-01-31T00:00:00Z | 10.50", "u2 | 2024-02-01T00:00:00Z | 20.00"]);

    let s = sample("dirty_rows.csv");
    let (report, rows) = s.ingest("h", "activity", &["--value", "amount", "--attribute", "plan", "--max-rejects", "7"]);
    s.read(&report, "records");
    // The same row twice in one export is two activities. Midnight at +14:00 is the day before in UTC.
    let expected = [
        "u1 | 2024-01-31T00:00:00Z | 10.00 | pro",
        "u1 | 2024-01-31T00:00:00Z | 10.00 | pro",
        "u6 | 2024-02-29T10:00:00Z | 1000.00 | PRO",
    ];
    assert_eq!(lines(&rows, "customer time value plan"), expected);
    assert_eq!(counts(&report), [10, 3, 7, 0, 0]);
}

#[test]
fn a_workbook_and_a_subscription_log() {
    let Some(data) = data() else { return };
    let place = Place::new();
    let telco = data.join("telco/Telco_customer_churn.xlsx");
    let flags = ["--table", "customers", "--customer", "CustomerID", "--attribute", "Contract", "Churn Label", "Churn Reason"];
    let report = place.ingest(&[&[telco.to_str().unwrap(), "--into", "telco"], &flags[..]].concat());
    assert_eq!(counts(&report), [7043, 7043, 0, 0, 0]);
    let rows = place.table("telco", "customers");
    assert_eq!(rows.len(), 7043);
    assert_eq!(of(&rows, "Churn Label", "Yes").count(), 1869);
    let mut reference = csv::Reader::from_path(data.join("telco/reference/churn_by_contract.csv")).unwrap();
    for record in reader_rows(&mut reference) {
        let those = of(&rows, "Contract", &record[0]);
        assert_eq!(those.clone().count().to_string(), record[1]);
        assert_eq!(those.filter(|row| row["Churn Label"] == "Yes").count().to_string(), record[2]);
    }
    let mut reference = csv::Reader::from_path(data.join("telco/reference/churn_reasons.csv")).unwrap();
    for record in reader_rows(&mut reference) {
        assert_eq!(of(&rows, "Churn Reason", &record[0]).count().to_string(), record[1], "{}", &record[0]);
    }

    let log = data.join("ravenstack/ravenstack_subscriptions.csv");
    let report = place.ingest(&[log.to_str().unwrap(), "--into", "saas", "--table", "subscriptions"]);
    assert_eq!(counts(&report), [5000, 5000, 0, 0, 0]);
    let rows = place.table("saas", "subscriptions");
    let mut cents = 0;
    let mut reader = csv::Reader::from_path(&log).unwrap();
    let header = reader.headers().unwrap().clone();
    let place_of = header.iter().position(|name| name == "mrr_amount").unwrap();
    let mut open = 0;
    for record in reader_rows(&mut reader) {
        cents += record[place_of].parse::<i64>().unwrap() * 100;
        open += usize::from(record[3].is_empty());
    }
    assert_eq!((sum(&rows, "amount") * 100.0).round() as i64, cents);
    assert_eq!(rows.iter().filter(|row| !row.contains_key("end")).count(), open);
    assert_eq!(distinct(&rows, "interval"), ["1 month"]);
}

fn reader_rows(reader: &mut csv::Reader<std::fs::File>) -> Vec<csv::StringRecord> {
    reader.records().map(Result::unwrap).collect()
}
