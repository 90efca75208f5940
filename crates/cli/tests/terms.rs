//! Renewals, trials, charges, cohorts over time, snapshots and reference values: hand-counted, through the program.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use serde_json::{Value, json};
use support::Place;

/// The value of a metric of a period, of the whole.
fn value(answer: &Value, period: &str, metric: &str) -> Value {
    let mut rows = answer.as_array().unwrap().iter();
    let found = rows.find(|row| row["period"] == period && row["metric"] == metric && row["segment"] == json!({}));
    found.unwrap_or_else(|| panic!("no {metric} of {period}"))["value"].clone()
}

/// Numbers of a column by period, decimals without trailing zeros.
fn numbers(answer: &Value, name: &str) -> Vec<String> {
    let short = |text: &str| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
    };
    answer["rows"].as_array().unwrap().iter().map(|row| row[name].as_str().map_or_else(|| row[name].to_string(), short)).collect()
}

#[test]
fn terms_are_renewed_and_trials_convert() {
    let place = Place::new();
    // In March: ann's second month is renewed (10 March), bob leaves at his (15 March), cat's year is over and renewed by a new
    // span, dan changes plan inside a term (due for the new plan in April alone), eve leaves inside a term.
    // Trials: fay's of February is paid later, gus's of February was not, hal's of March is still on.
    let spans = "\
customer,start,end,trial_end,amount,interval,plan
ann,2024-01-10,,,10,month,a
bob,2024-01-15,2024-03-15,,10,month,a
cat,2023-03-05,2024-03-05,,120,year,a
cat,2024-03-05,,,120,year,a
dan,2024-02-08,2024-02-20,,10,month,a
dan,2024-02-20,,,20,month,b
eve,2024-02-28,2024-03-20,,10,month,b
fay,2024-02-01,,2024-02-15,10,month,b
gus,2024-02-01,2024-02-15,2024-02-15,10,month,b
hal,2024-03-25,,2024-04-08,10,month,b
";
    place.file("spans.csv", spans);
    let ingest =
        ["ingest", "spans.csv", "--into", "h", "--table", "subscriptions", "--preset", "generic", "--customer", "customer"];
    let columns =
        ["--start", "start", "--end", "end", "--trial-end", "trial_end", "--amount", "amount", "--interval", "interval"];
    place.ok(&[&ingest[..], &columns, &["--plan", "plan"]].concat());
    let answer = place.json(&["metrics", "h", "--as-of", "2024-04-01"]);
    // Due in March: ann 10th, bob 15th, cat 5th, dan b 20th, eve 20th, fay 15th.
    assert_eq!(value(&answer, "2024-03-01", "terms_due"), 6);
    assert_eq!(value(&answer, "2024-03-01", "terms_renewed"), 4);
    assert_eq!(value(&answer, "2024-03-01", "renewal_rate"), json!(4.0 / 6.0));
    assert_eq!(value(&answer, "2024-02-01", "trials_started"), 2);
    assert_eq!(value(&answer, "2024-02-01", "trial_conversion_rate"), json!(0.5));
    assert_eq!(value(&answer, "2024-03-01", "trials_started"), 1);
    assert_eq!(value(&answer, "2024-03-01", "trials_in_progress"), 1);
    assert_eq!(value(&answer, "2024-03-01", "trial_conversion_rate"), Value::Null);
    let by_plan = place.json(&["metrics", "h", "--as-of", "2024-04-01", "--by", "plan", "--metric", "renewal_rate"]);
    let b =
        by_plan.as_array().unwrap().iter().find(|row| row["period"] == "2024-03-01" && row["segment"]["plan"] == "b").unwrap();
    assert_eq!((&b["numerator"], &b["denominator"]), (&json!("2"), &json!("3")));
    // Reference values stand beside rates of the same period alone, with their source.
    let year =
        ["metrics", "h", "--as-of", "2024-04-01", "--period", "year", "--metric", "renewal_rate", "--industry", "renewals"];
    assert_eq!(place.json(&year)[1]["benchmark"], "0.8");
    let month = place.says(&["metrics", "h", "--as-of", "2024-04-01", "--metric", "renewal_rate", "--industry", "renewals"]);
    assert!(month.contains("80.0 % a year") && month.contains("not comparable, ask with --period year"), "{month}");
    let error = place.fails(2, &["metrics", "h", "--industry", "fishing"]);
    assert!(error.contains("it has goods-and-services, it-and-media, renewals"), "{error}");
    place.file(
        "mine.toml",
        "[[benchmark]]\nindustry = \"i\"\nmetric = \"churn_rat\"\nperiod = \"year\"\nvalue = 0.1\nsource = \"s\"\n",
    );
    let error = place.fails(2, &["metrics", "h", "--industry", "i", "--industries", "mine.toml"]);
    assert!(error.contains("did you mean churn_rate"), "{error}");
}

#[test]
fn charges_are_recurring_revenue_where_there_are_no_spans() {
    let place = Place::new();
    // ann pays on the last days, a day late in March, and stops; bob pays once a quarter elsewhere; a refund is none.
    let charges = "\
customer,time,event,amount
ann,2024-01-31,invoice,50
ann,2024-03-01,invoice,60
ann,2024-03-15,refund,-5
bob,2024-02-10,invoice,30
bob,2024-03-10,invoice,0
";
    place.file("charges.csv", charges);
    let ask = ["revenue", "charges.csv", "--charges", "event = 'invoice'", "--value", "amount", "--as-of", "2024-06-01"];
    let answer = place.json(&ask);
    // Ends: January 50; February: ann's month ends on the 29th, but the next charge is within seven days, bob 30; March 60
    // (bob's free invoice is none); ann's second month ends on 1 April, the day's start: just before it she paid.
    assert_eq!(numbers(&answer, "closing"), ["50", "80", "60", "0", "0"]);
    assert_eq!(numbers(&answer, "expansion"), ["0", "0", "10", "0", "0"]);
    assert_eq!(numbers(&answer, "churn"), ["0", "0", "30", "60", "0"]);
    assert_eq!((&answer["definition"]["source"], &answer["definition"]["grace"]), (&json!("charges"), &json!("7 days")));
    let strict = place.json(&[&ask[..], &["--grace", "1d"]].concat());
    assert_eq!(numbers(&strict, "closing"), ["50", "80", "60", "0", "0"], "a day late is within a day");
    let quarterly = place.json(&[&ask[..], &["--interval", "quarter"]].concat());
    // 50 / 3 until 30 April, 60 / 3 until the end of May, 30 / 3 until 10 May.
    assert_eq!(numbers(&quarterly, "closing"), ["16.666667", "26.666667", "46.666667", "30", "20"]);
    // Every thirty days is a day early at times; and what may still be renewed goes on.
    place.file("early.csv", "customer,time,event,amount\na,2024-01-01T10:00:00Z,inv,10\na,2024-01-31T09:00:00Z,inv,10\na,2024-03-01T09:00:00Z,inv,10\n");
    let early = ["revenue", "early.csv", "--charges", "event = 'inv'", "--value", "amount", "--as-of"];
    assert_eq!(numbers(&place.json(&[&early[..], &["2024-04-05"]].concat()), "closing"), ["10", "10", "10", "10"]);
    assert_eq!(numbers(&place.json(&[&early[..], &["2024-05-01"]].concat()), "closing"), ["10", "10", "10", "0"]);
    // A late charge renews one charge, and not the one-off beside it; without a grace nothing is bridged.
    place.file("once.csv", "customer,time,event,amount\na,2024-01-30,inv,100\na,2024-01-30,inv,30\na,2024-03-02,inv,30\n");
    let once = ["revenue", "once.csv", "--charges", "event = 'inv'", "--value", "amount", "--as-of", "2024-04-20"];
    assert_eq!(numbers(&place.json(&once), "closing"), ["130", "30", "30", "0"]);
    assert_eq!(numbers(&place.json(&[&once[..], &["--grace", "0d"]].concat()), "closing"), ["130", "0", "30", "0"]);
    let error = place.fails(2, &["revenue", "once.csv", "--charges", "event = 'inv'"]);
    assert!(error.contains("none of 3 charges has an amount"), "{error}");
    place.ok(&["ingest", "charges.csv", "--into", "h", "--value", "amount"]);
    let error = place.fails(2, &["revenue", "h"]);
    assert!(error.contains("--charges"), "{error}");
    let error = place.fails(2, &["revenue", "h", "--charges", "event = 'invoic'"]);
    assert!(error.contains("did you mean \"invoice\""), "{error}");
}

#[test]
fn cohorts_are_followed_over_calendar_time() {
    let place = Place::new();
    let orders = "\
customer,time,amount
ann,2024-01-05,10
ann,2024-02-05,30
bob,2024-01-20,20
cat,2024-02-10,5
cat,2024-03-10,7
";
    place.file("orders.csv", orders);
    let ask =
        ["metrics", "orders.csv", "--value", "amount", "--by", "cohort", "--metric", "clv_observed", "--as-of", "2024-04-01"];
    let answer = place.json(&ask);
    let of = |cohort: &str| -> Vec<Value> {
        let rows = answer.as_array().unwrap().iter().filter(|row| row["segment"]["cohort"] == cohort);
        rows.map(|row| row["value"].clone()).collect()
    };
    // January's two: 30, then 60, over two customers; February's one, nobody before it.
    assert_eq!(of("2024-01-01"), [json!("15.000000"), json!("30.000000"), json!("30.000000")]);
    assert_eq!(of("2024-02-01"), [Value::Null, json!("5.000000"), json!("12.000000")]);
    let lifecycle = place.json(&["lifecycle", "orders.csv", "--by", "cohort", "--as-of", "2024-04-01"]);
    let row = lifecycle["rows"].as_array().unwrap().iter();
    let mut row = row.filter(|row| row["segment"]["cohort"] == "2024-01-01" && row["period"] == "2024-02-01");
    assert_eq!(row.next().unwrap()["returning"], 1);
}

#[test]
fn a_snapshot_without_dates_is_counted_at_a_date_that_is_given() {
    let place = Place::new();
    // Five customers of a quarter, two of whom left.
    place.file(
        "snapshot.csv",
        "id,contract,fee,left,why\na,month,10,Yes,price\nb,month,20,No,\nc,year,30,No,\nd,year,40,Yes,\ne,year,50,No,\n",
    );
    let columns = ["--customer", "id", "--amount", "fee", "--interval", "month", "--plan", "contract", "--start", "2024-01-01"];
    let base = ["ingest", "snapshot.csv", "--into", "h", "--table", "subscriptions", "--preset", "generic"];
    place.ok(&[&base[..], &columns, &["--where", "\"left\" = 'Yes'", "--end", "2024-04-01"]].concat());
    place.ok(&[&base[..], &columns, &["--where", "\"left\" = 'No'"]].concat());
    let cancelled =
        ["ingest", "snapshot.csv", "--into", "h", "--table", "cancellations", "--preset", "generic", "--customer", "id"];
    place.ok(&[&cancelled[..], &["--time", "2024-04-01", "--reason", "why", "--where", "\"left\" = 'Yes'"]].concat());
    let answer = place.json(&["metrics", "h", "--period", "quarter", "--metric", "churn_rate", "--as-of", "2024-07-01"]);
    assert_eq!(value(&answer, "2024-04-01", "churn_rate"), json!(0.4));
    let reasons = place.json(&["cancellations", "h", "--by", "tenure"]);
    let rows = reasons["rows"].as_array().unwrap();
    let told: Vec<(&Value, &Value, &Value)> = rows.iter().map(|row| (&row["segment"], &row["text"], &row["count"])).collect();
    let (all, band) = (json!({}), json!({ "tenure": "91-180 days" }));
    let (price, none, one) = (json!("price"), Value::Null, json!(1));
    assert_eq!(told, [(&all, &price, &one), (&all, &none, &one), (&band, &price, &one), (&band, &none, &one)]);
    let cohorts = place.json(&["cancellations", "h", "--by", "cohort"]);
    assert_eq!(cohorts["rows"][2]["segment"], json!({ "cohort": "2024-01-01" }));
    let error = place.fails(2, &["ingest", "snapshot.csv", "--into", "i", "--customer", "id", "--time", "2024-13-01"]);
    assert!(error.contains("2024-13-01"), "{error}");
}

#[test]
fn the_worked_surveys_from_rows() {
    // 70 promoters, 20 passives, 10 detractors: 70 − 10 = 60. 400 satisfied of 500: 80 %.
    let place = Place::new();
    let nps: String = (0..100)
        .map(|n| {
            format!(
                "c{n},2024-01-15,{}\n",
                if n < 70 {
                    9
                } else if n < 90 {
                    7
                } else {
                    6
                }
            )
        })
        .collect();
    place.file("nps.csv", format!("customer,time,score\n{nps}"));
    let csat: String = (0..500).map(|n| format!("c{n},2024-01-15,{}\n", if n < 400 { 4 + n % 2 } else { 1 + n % 3 })).collect();
    place.file("csat.csv", format!("customer,time,score\n{csat}"));
    let ask = |file: &str, more: &[&str]| {
        let base = ["survey", file, "--table", "surveys", "--preset", "generic", "--customer", "customer", "--time", "time"];
        place.json(&[&base[..], &["--score", "score"], more].concat())["rows"][0].clone()
    };
    let row = ask("nps.csv", &["--kind", "nps"]);
    assert_eq!((&row["positive"], &row["negative"], &row["score"]), (&json!(70), &json!(10), &json!(60.0)));
    let row = ask("csat.csv", &["--kind", "csat", "--scale", "1-5"]);
    assert_eq!((&row["positive"], &row["answers"], &row["score"]), (&json!(400), &json!(500), &json!(0.8)));
}
