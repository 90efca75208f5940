//! Figures do not depend on how a history came about: pieces of it equal the whole, whatever their order and the threads.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use proptest::prelude::*;
use serde_json::Value;
use support::Place;

/// A date of 2023.
fn date(day: u16) -> String {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let (mut month, mut left) = (0, day % 365);
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    format!("2023-{:02}-{:02}", month + 1, left + 1)
}

/// A table: its name, the header, the rows with the piece that each belongs to, and what its columns mean.
type TableOf<'a> = (&'a str, &'a str, &'a [(u8, String)], &'a [&'a str]);

/// Figures of a history, one text for each.
fn figures(place: &Place, history: &str, more: &[&str]) -> Vec<String> {
    let asked: [&[&str]; 9] = [
        &["metrics", "--by", "country", "--active-within", "60d"],
        &["metrics", "--by", "cohort"],
        &["revenue", "--by", "plan"],
        &["lifecycle", "--by", "country"],
        &["stickiness", "--of", "day"],
        &["cancellations", "--by", "tenure"],
        &["survey", "--kind", "nps"],
        &["at-risk", "--overdue"],
        &["at-risk", "--inactive-for", "30d"],
    ];
    let ask = |args: &&[&str]| {
        let command = [&args[..1], &[history], &args[1..], &["--as-of", "2024-02-01", "--format", "json", "-q"], more].concat();
        String::from_utf8(place.ok(&command)).unwrap()
    };
    asked.iter().map(ask).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_a_history_equal_the_whole(
        orders in proptest::collection::vec((0u8..9, 0u16..365, 1u8..50, 0u8..3, 0u8..3), 2..60),
        spans in proptest::collection::vec((0u8..9, 0u16..300, 1u16..200, 0u8..2, 1u8..9), 1..12),
        answers in proptest::collection::vec((0u8..9, 0u16..365, 0u8..11), 1..12),
    ) {
        let place = Place::new();
        let order = |(n, (customer, day, amount, country, piece)): (usize, &(u8, u16, u8, u8, u8))| {
            (*piece, format!("{n},c{customer},{},{amount},{}\n", date(*day), ["DE", "FR", ""][usize::from(*country)]))
        };
        let orders: Vec<(u8, String)> = orders.iter().enumerate().map(order).collect();
        let span = |(n, (customer, from, days, plan, amount)): (usize, &(u8, u16, u16, u8, u8))| {
            let to = if from + days < 365 { date(from + days) } else { String::new() };
            ((n % 3) as u8, format!("{n},c{customer},{},{to},p{plan},{amount},month\n", date(*from)))
        };
        let spans: Vec<(u8, String)> = spans.iter().enumerate().map(span).collect();
        let score = |(n, (customer, day, score)): (usize, &(u8, u16, u8))| ((n % 3) as u8, format!("{n},c{customer},{},{score}\n", date(*day)));
        let scores: Vec<(u8, String)> = answers.iter().enumerate().map(score).collect();
        let leave = |(n, (customer, day, score)): (usize, &(u8, u16, u8))| {
            ((n % 3) as u8, format!("{n},c{customer},{},r{}\n", date(*day), score % 3))
        };
        let leaves: Vec<(u8, String)> = answers.iter().enumerate().map(leave).collect();
        let tables: [TableOf<'_>; 4] = [
            ("activity", "id,customer,time,amount,country", &orders, &["--time", "time", "--value", "amount", "--currency", "EUR", "--attribute", "country"]),
            ("subscriptions", "id,customer,start,end,plan,amount,interval", &spans, &["--start", "start", "--end", "end", "--plan", "plan", "--amount", "amount", "--interval", "interval"]),
            ("surveys", "id,customer,time,score", &scores, &["--time", "time", "--score", "score", "--kind", "nps"]),
            ("cancellations", "id,customer,time,reason", &leaves, &["--time", "time", "--reason", "reason"]),
        ];
        for (table, header, rows, columns) in tables {
            let ingest = |name: &str, wanted: &dyn Fn(u8) -> bool, into: &str| {
                let kept: String = rows.iter().filter(|(piece, _)| wanted(*piece)).map(|(_, row)| row.as_str()).collect();
                if kept.is_empty() {
                    return;
                }
                place.file(name, format!("{header}\n{kept}"));
                let base = ["ingest", name, "--into", into, "--table", table, "--preset", "generic", "--customer", "customer", "--id", "id", "-q"];
                place.ok(&[&base[..], columns].concat());
            };
            ingest("whole.csv", &|_| true, "whole");
            for piece in [2, 0, 1] {
                ingest(&format!("{table}{piece}.csv"), &|of| of == piece, "pieces");
            }
        }
        let whole = figures(&place, "whole", &["--threads", "1"]);
        let pieces = figures(&place, "pieces", &["--threads", "4"]);
        prop_assert_eq!(&whole, &pieces);
        place.ok(&["compact", "pieces", "-q"]);
        prop_assert_eq!(&whole, &figures(&place, "pieces", &[]));
        // What stays and what leaves are all there was.
        let metrics: Value = serde_json::from_str(&whole[0]).unwrap();
        let rows = metrics.as_array().unwrap();
        let mut compared = 0;
        for row in rows.iter().filter(|row| row["metric"] == "customer_retention_rate" && !row["value"].is_null()) {
            let same = |other: &&Value| other["metric"] == "churn_rate" && other["period"] == row["period"] && other["segment"] == row["segment"];
            let churn = rows.iter().find(same).unwrap();
            prop_assert!((row["value"].as_f64().unwrap() + churn["value"].as_f64().unwrap() - 1.0).abs() < 1e-12);
            compared += 1;
        }
        prop_assert!(compared > 0);
        // Segments add up to the whole.
        for metric in ["customers_start", "customers_end", "active_customers", "new_customers", "purchases"] {
            let of = |row: &&Value| row["metric"] == metric;
            let sum = |whole: bool| -> u64 {
                let mine = rows.iter().filter(of).filter(|row| row["segment"].as_object().unwrap().is_empty() == whole);
                mine.map(|row| row["value"].as_u64().unwrap()).sum()
            };
            prop_assert_eq!(sum(true), sum(false), "{}", metric);
        }
    }
}
