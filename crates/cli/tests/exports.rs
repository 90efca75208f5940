//! Exports as their exporters write them: what each becomes in a history, read back from its Parquet.

mod support;

use support::{Place, counts, data, distinct, lines};

/// An export, and what a history must hold of it, as counted by hand.
struct Case {
    file: &'static str,
    table: &'static str,
    /// Rows read, kept, rejected, duplicate, filtered.
    counts: [u64; 5],
    /// All ids in the history.
    customers: &'static [&'static str],
    /// The columns that are compared.
    columns: &'static str,
    /// Their texts, in order; `-` where there is none.
    rows: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        file: "amplitude.jsonl",
        table: "activity",
        counts: [3, 2, 0, 1, 0],
        customers: &["c-1"],
        columns: "customer time event value currency country platform user_properties.plan",
        rows: &[
            "c-1 | 2024-01-31T23:59:59.999Z | Opened | - | - | Land | Android | pro",
            "c-1 | 2024-02-01T00:00:00Z | Signed up | - | - | Land | Android | pro",
        ],
    },
    Case {
        file: "cancellations.csv",
        table: "cancellations",
        counts: [2, 2, 0, 0, 0],
        customers: &["c-1", "c-2"],
        columns: "customer time reason comment plan",
        rows: &[
            "c-1 | 2024-01-31T23:59:59Z | too expensive | Good, but dear | pro",
            "c-2 | 2024-02-01T00:00:00Z | - | - | basic",
        ],
    },
    Case {
        file: "chargebee-cancellations.csv",
        table: "cancellations",
        counts: [2, 1, 0, 0, 1],
        customers: &["c-1"],
        columns: "customer time reason comment",
        rows: &["c-1 | 2024-02-05T10:00:00Z | Not Paid | -"],
    },
    Case {
        file: "delighted.jsonl",
        table: "surveys",
        counts: [3, 3, 0, 0, 0],
        customers: &["1", "2"],
        columns: "customer time kind score scale comment person_properties.plan",
        rows: &[
            "1 | 2024-01-31T23:59:59Z | nps | 9.00 | - | Good | pro",
            "2 | 2024-02-01T00:00:00Z | nps | 0.00 | - | - | -",
            "2 | 2024-02-01T15:06:40Z | csat | 4.00 | - | - | -",
        ],
    },
    Case {
        file: "ga4.jsonl",
        table: "activity",
        counts: [2, 2, 0, 0, 0],
        customers: &["c-1"],
        columns: "customer time event value currency geo.country device.category",
        rows: &[
            "c-1 | 2024-01-31T23:59:59.999999Z | first_visit | - | USD | Land | mobile",
            "c-1 | 2024-02-01T00:00:00Z | purchase | 9.50 | USD | Land | mobile",
        ],
    },
    Case {
        file: "google-forms.csv",
        table: "surveys",
        counts: [2, 2, 0, 0, 0],
        customers: &["a@example.com", "b@example.com"],
        columns: "customer time kind score comment",
        rows: &[
            "a@example.com | 2024-02-01T09:05:07Z | nps | 9.00 | Fast",
            "b@example.com | 2024-02-13T18:40:00Z | nps | 3.00 | Slow, sorry",
        ],
    },
    Case {
        file: "mixpanel.jsonl",
        table: "activity",
        counts: [3, 2, 0, 1, 0],
        customers: &["$device:d-1", "c-1"],
        columns: "customer time event properties.mp_country_code properties.$city",
        rows: &["$device:d-1 | 2024-02-01T00:00:00Z | Opened | - | -", "c-1 | 2024-01-31T23:59:59Z | Signed up | DE | Town"],
    },
    Case {
        file: "posthog.jsonl",
        table: "activity",
        counts: [2, 2, 0, 0, 0],
        customers: &["p-1"],
        columns: "customer time event properties.$browser properties.plan",
        rows: &["p-1 | 2024-01-31T23:59:59Z | $pageview | Firefox | -", "p-1 | 2024-02-01T00:00:00Z | signed up | - | pro"],
    },
    Case {
        file: "segment.jsonl",
        table: "activity",
        counts: [3, 2, 0, 0, 1],
        customers: &["c-1"],
        columns: "customer time event value currency context.locale",
        rows: &["c-1 | 2024-01-31T12:00:00Z | Viewed | - | - | de-DE", "c-1 | 2024-02-01T00:30:00Z | Ordered | 19.95 | USD | -"],
    },
    Case {
        file: "shopify-customers.csv",
        table: "customers",
        counts: [3, 2, 0, 0, 1],
        customers: &["7000000000002", "a@example.com"],
        columns: "customer signed_up Total_Spent Tags",
        rows: &["7000000000002 | - | 5.00 | -", "a@example.com | - | 80.00 | vip"],
    },
    Case {
        file: "shopify-orders.csv",
        table: "activity",
        counts: [7, 3, 0, 0, 4],
        customers: &["+49000000001", "a@example.com"],
        columns: "customer time event value currency Billing_Country Discount_Code",
        rows: &[
            "+49000000001 | 2024-02-02T11:00:00Z | purchase | 5.00 | EUR | NL | -",
            "a@example.com | 2024-01-31T08:59:00Z | purchase | 30.00 | EUR | DE | -",
            "a@example.com | 2024-01-31T23:30:00Z | purchase | 30.00 | EUR | DE | SPRING",
        ],
    },
    Case {
        file: "stripe-api.jsonl",
        table: "activity",
        counts: [4, 2, 0, 0, 2],
        customers: &["b@example.com", "c-1"],
        columns: "customer time event value currency metadata.plan",
        rows: &[
            "b@example.com | 2024-02-01T00:00:00Z | purchase | 15.00 | EUR | -",
            "c-1 | 2024-01-31T23:59:59Z | purchase | 10.00 | USD | pro",
        ],
    },
    Case {
        file: "stripe-balance.csv",
        table: "activity",
        counts: [3, 2, 0, 0, 1],
        customers: &["ch-1", "re-1"],
        columns: "customer time event value currency",
        rows: &["ch-1 | 2024-01-31T23:59:00Z | purchase | 10.00 | USD", "re-1 | 2024-02-02T12:00:00Z | refund | -10.00 | USD"],
    },
    Case {
        file: "stripe-charges.csv",
        table: "activity",
        counts: [3, 2, 0, 0, 1],
        customers: &["b@example.com", "c-1"],
        columns: "customer time event value currency Card_Issue_Country",
        rows: &[
            "b@example.com | 2024-02-01T00:00:00Z | purchase | 21.50 | USD | DE",
            "c-1 | 2024-01-31T23:59:00Z | purchase | 10.00 | USD | US",
        ],
    },
    Case {
        file: "stripe-customers.csv",
        table: "customers",
        counts: [2, 2, 0, 0, 0],
        customers: &["c-1", "c-2"],
        columns: "customer signed_up Plan Delinquent source_(metadata)",
        rows: &["c-1 | 2024-01-31 | basic | false | ads", "c-2 | 2024-02-01 | - | true | -"],
    },
    Case {
        file: "stripe-invoices.csv",
        table: "activity",
        counts: [3, 1, 0, 0, 2],
        customers: &["c-1"],
        columns: "customer time event value currency",
        rows: &["c-1 | 2024-02-01T00:10:00Z | purchase | 10.00 | -"],
    },
    Case {
        file: "stripe-payments.csv",
        table: "activity",
        counts: [5, 3, 0, 0, 2],
        customers: &["c-1", "c-2", "g@example.com"],
        columns: "customer time event value currency plan_(metadata)",
        rows: &[
            "c-1 | 2024-01-31T23:59:59Z | purchase | 10.00 | USD | pro",
            "c-2 | 2024-02-01T00:00:00Z | purchase | 660.00 | USD | -",
            "g@example.com | 2024-02-04T00:00:00Z | purchase | 7.00 | USD | -",
        ],
    },
    Case {
        file: "stripe-subscriptions.csv",
        table: "subscriptions",
        counts: [3, 2, 0, 0, 1],
        customers: &["c-1", "c-2"],
        columns: "customer start end trial_end plan amount currency interval quantity Status source_(metadata)",
        rows: &[
            "c-1 | 2024-01-01T10:00:00Z | - | - | pro | 10.00 | USD | 1 month | 1.00 | active | ads",
            "c-2 | 2024-01-01T00:00:00Z | 2024-03-08T00:00:00Z | 2024-01-08T00:00:00Z | basic | 5.00 | EUR | 1 month | 3.00 | canceled | -",
        ],
    },
    Case {
        file: "surveymonkey.csv",
        table: "surveys",
        counts: [2, 2, 0, 0, 0],
        customers: &["2", "a@example.com"],
        columns: "customer time kind score",
        rows: &["2 | 2024-02-01T09:03:00Z | nps | 0.00", "a@example.com | 2024-02-01T00:05:00Z | nps | 10.00"],
    },
    Case {
        file: "typeform.csv",
        table: "surveys",
        counts: [2, 2, 0, 0, 0],
        customers: &["n-1", "n-2"],
        columns: "customer time kind score",
        rows: &["n-1 | 2024-02-01T00:05:00Z | nps | 9.00", "n-2 | 2024-02-01T09:03:00Z | nps | -"],
    },
    Case {
        file: "woocommerce-orders.csv",
        table: "activity",
        counts: [4, 2, 0, 0, 2],
        customers: &["a@example.com"],
        columns: "customer time event value Billing_Country",
        rows: &[
            "a@example.com | 2024-01-15T12:00:00Z | purchase | 100.00 | DE",
            "a@example.com | 2024-02-01T00:00:00Z | purchase | 20.00 | DE",
        ],
    },
];

#[test]
fn every_exporter_is_recognised_and_read_whole() {
    let fixtures = data("fixtures/exports");
    let mut files: Vec<String> =
        std::fs::read_dir(&fixtures).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, CASES.iter().map(|case| case.file).collect::<Vec<_>>(), "every fixture has its case");
    for case in CASES {
        let Case { file, table, .. } = *case;
        let place = Place::new();
        let path = fixtures.join(file);
        let args = [path.to_str().unwrap(), "--into", "h"];
        let report = place.ingest(&args);
        assert_eq!((counts(&report), &report["table"]), (case.counts, &table.into()), "{file}");
        assert_eq!(lines(&place.table("h", table), case.columns), case.rows, "{file}");
        assert_eq!(distinct(&place.table("h", "customers"), "customer"), case.customers, "{file}");
        // A typo in a column's name would find nothing in any row.
        for column in case.columns.split(' ') {
            let manifest = std::fs::read_to_string(place.path("h/manifest.json")).unwrap();
            let own = ["customer", "time", "event", "value", "currency", "kind", "score", "scale", "comment", "reason"];
            let spans = ["start", "end", "trial_end", "plan", "amount", "interval", "quantity", "signed_up"];
            let attribute =
                manifest.contains(&format!("\"{column}\"")) || manifest.contains(&format!("\"{}\"", column.replace('_', " ")));
            assert!(own.contains(&column) || spans.contains(&column) || attribute, "{file}: no column {column}");
        }
        // The same again is no news, with and without a key.
        let again = place.ingest(&args);
        let [read, kept, rejected, duplicate, filtered] = case.counts;
        let kept_before = if table == "customers" { place.table("h", table).len() as u64 } else { kept };
        assert_eq!(counts(&again), [read, 0, rejected, duplicate + kept_before, filtered], "{file} again");
        assert_eq!((&again["rows_replaced"], &again["customers"]), (&0.into(), &0.into()), "{file} again");
        assert_eq!(lines(&place.table("h", table), case.columns), case.rows, "{file} again");
    }
}

#[test]
fn rejected_rows_of_exporters_come_again() {
    let fixtures = data("fixtures/exports");
    let cases = [
        ("surveymonkey", "surveymonkey.csv", "2024-02-01 00:05:00"),
        ("shopify-orders", "shopify-orders.csv", "2024-02-02 12:00:00 +0100"),
        ("mixpanel", "mixpanel.jsonl", "1706745599"),
        ("segment", "segment.jsonl", "2024-02-01T00:30:00.000Z"),
        ("posthog", "posthog.jsonl", "2024-01-31T23:59:59.000000Z"),
    ];
    for (preset, file, time) in cases {
        let place = Place::new();
        let good = std::fs::read_to_string(fixtures.join(file)).unwrap();
        let bad = if file.ends_with("jsonl") && !good.contains(&format!("\"{time}")) { "\"no time\"" } else { "no time" };
        place.file("good", &good).file("bad", good.replace(time, bad));
        place.ingest(&["good", "--into", "expected"]);
        for again in [&[][..], &["--preset", preset]] {
            let report = place.ingest(&["bad", "--into", "h", "--max-rejects", "1", "--rejects", "rejects.csv"]);
            assert_eq!(report["rows_rejected"], 1, "{file}");
            let rejects = std::fs::read_to_string(place.path("rejects.csv")).unwrap();
            place.file("mended.csv", rejects.replace("no time", time));
            let report = place.ingest(&[&["mended.csv", "--into", "h"], again].concat());
            assert_eq!(counts(&report), [1, 1, 0, 0, 0], "{file} {again:?}");
            assert_eq!(place.content("h"), place.content("expected"), "{file} {again:?}");
            std::fs::remove_dir_all(place.path("h")).unwrap();
        }
    }
}

#[test]
fn a_question_that_is_almost_named_is_suggested() {
    let fixtures = data("fixtures/exports/surveymonkey.csv");
    let place = Place::new();
    let file = fixtures.to_str().unwrap();
    let said = place.fails(2, &["ingest", file, "--into", "h", "--score", "How satisfied are you?", "--kind", "csat"]);
    assert!(
        said.contains("--score: no column \"How satisfied are you?\"") && said.contains("\"How satisfied are you? / Response\""),
        "{said}"
    );
    let flags = ["--score", "How satisfied are you? / Response", "--kind", "csat", "--scale", "1-5"];
    place.ingest(&[&[file, "--into", "h"], &flags[..]].concat());
    let rows = lines(&place.table("h", "surveys"), "customer kind scale score");
    assert_eq!(rows, ["2 | csat | 1-5 | 2.00", "a@example.com | csat | 1-5 | 4.00"]);
}
