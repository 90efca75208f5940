//! `tenure report` through the program: its numbers, what it holds and leaves out, hostile data, wrong questions.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::Place;

/// Five customers: ann and bob in January, cat and dan in February, eve in March. Observed until the last row, in April.
const EVENTS: &str = "\
customer,time,amount,country
ann,2024-01-03T10:00:00Z,10.00,DE
bob,2024-01-20T10:00:00Z,,<b>AT</b>
ann,2024-02-02T10:00:00Z,5.50,DE
cat,2024-02-05T10:00:00Z,7,</script><script>alert(1)</script>
dan,2024-02-28T10:00:00Z,,DE
bob,2024-03-01T10:00:00Z,1,<b>AT</b>
cat,2024-03-30T10:00:00Z,,</script><script>alert(1)</script>
eve,2024-03-31T10:00:00Z,2,=1+1
ann,2024-04-01T10:00:00Z,3,DE
";

fn page(place: &Place, args: &[&str]) -> String {
    let mut all = vec!["report"];
    all.extend(args);
    String::from_utf8(place.ok(&all)).unwrap()
}

/// The numbers that a switch of the page chooses among.
fn data(page: &str, id: &str) -> Value {
    let rest = page.split_once(&format!("data-for=\"{id}\">")).unwrap().1;
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// The texts of the heat map's rows.
fn rows(page: &str) -> Vec<Vec<String>> {
    let table = page.split_once("<table class=\"map\"").unwrap().1.split_once("</table>").unwrap().0;
    let text = |cell: &str| cell.split_once('>')?.1.split_once("</").map(|(text, _)| text.to_owned());
    let rows = table.split_once("<tbody>").unwrap().1.split("</tr>");
    rows.map(|row| row.split("<t").filter(|cell| !cell.starts_with('r')).filter_map(text).collect())
        .filter(|row: &Vec<String>| !row.is_empty())
        .collect()
}

#[test]
fn a_small_history_as_counted_by_hand() {
    let place = Place::new();
    place.file("events.csv", EVENTS);
    let html = page(&place, &["events.csv", "--value", "amount", "--by", "country", "--active-within", "31d"]);
    // January: ann and bob; in February ann, in March bob, in April ann so far. February: cat and dan; in March cat, in April
    // nobody so far. March: eve; in April nobody so far.
    assert_eq!(
        rows(&html),
        [
            vec!["All", "", "100.0", "50.0", "50.0", ""],
            vec!["Jan 2024", "2", "100.0", "50.0", "50.0", "50.0"],
            vec!["Feb 2024", "2", "100.0", "50.0", "0.0", ""],
            vec!["Mar 2024", "1", "100.0", "0.0", "", ""],
        ]
    );
    let data = data(&html, "retention");
    let whole = &data["segments"][0];
    assert_eq!(whole["s"], json!([2, 2, 1]));
    assert_eq!(whole["r"], json!([[2, 1, 1, 1], [2, 1, 0], [1, 0]]));
    // In progress, with nobody exposed: age 3 of January, 2 of February, 1 of March.
    assert_eq!(whole["p"], json!([[[3, 0, 0]], [[2, 0, 0]], [[1, 0, 0]]]));
    // Wilson, 1 of 2 and 2 of 2: 9.5 to 90.5 %, 34.2 to 100 %; 1 of 1: 20.7 to 100 %.
    assert_eq!(whole["i"], json!([[658, 0, 405, 405, 405, 405], [658, 0, 405, 405], [793, 0]]));
    // Pooled at age 1: 2 of 4 in two cohorts, 15.0 to 85.0 %.
    assert_eq!(whole["t"][1], json!([500, 150, 850, 4, 2]));
    // Value per member so far, in hundredths: January 10 / 2, then 15.5 / 2, 16.5 / 2, 19.5 / 2.
    assert_eq!(whole["v"][0]["t"][0], json!([500, 775, 825, 975]));
    // Of 10 in January 5.5 in February and 1 in March; nothing of a month in progress.
    assert_eq!(whole["v"][0]["k"][0], json!([1000, 550, 100, null]));
    let names: Vec<&str> = data["segments"].as_array().unwrap().iter().map(|block| block["n"].as_str().unwrap()).collect();
    assert_eq!(names, ["All customers", "DE", "</script><script>alert(1)</script>", "<b>AT</b>", "=1+1"]);
    assert_eq!(data["segments"][1]["r"], json!([[1, 1, 0, 1], [1, 0, 0], []]));

    // Markup in the data is text everywhere.
    assert!(!html.contains("<script>alert") && !html.contains("<b>"));
    assert!(html.contains("&#60;b&#62;AT") || html.contains("&lt;b&gt;AT"));
}

#[test]
fn the_map_has_the_numbers_of_the_table() {
    let place = Place::new();
    place.ok(&["generate", "--customers", "400", "--events", "9000", "--seed", "11", "--months", "14", "-o", "shop"]);
    let told = place.json(&["retention", "shop", "--by", "plan"]);
    let html = page(&place, &["shop", "--by", "plan"]);
    let data = data(&html, "retention");
    let mut compared = 0;
    for block in &data["segments"].as_array().unwrap()[1..] {
        let cohorts: Vec<&Value> =
            told["cohorts"].as_array().unwrap().iter().filter(|cohort| cohort["segment"]["plan"] == block["n"]).collect();
        let sizes: u64 = cohorts.iter().map(|cohort| cohort["size"].as_u64().unwrap()).sum();
        assert_eq!(block["s"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).sum::<u64>(), sizes);
        for cohort in cohorts {
            let starts = data["cohorts"].as_array().unwrap();
            let label = |date: &str| {
                let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
                format!("{} {}", months[date[5..7].parse::<usize>().unwrap() - 1], &date[..4])
            };
            let wanted = label(cohort["cohort"].as_str().unwrap());
            let row = starts.iter().position(|start| *start == json!(wanted)).unwrap();
            let begun: Vec<&Value> =
                cohort["cells"].as_array().unwrap().iter().map(|cell| &cell["retained"]).filter(|cell| !cell.is_null()).collect();
            assert_eq!(block["r"][row].as_array().unwrap().iter().collect::<Vec<_>>(), begun, "{wanted}");
            compared += begun.len();
        }
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let place = Place::new();
    let mut lines: Vec<&str> = EVENTS.lines().collect();
    place.file("events.csv", EVENTS);
    lines[1..].reverse();
    place.file("other.csv", lines.join("\n"));
    for (file, history) in [("events.csv", "one"), ("other.csv", "two")] {
        place.ok(&["ingest", file, "--into", history, "--value", "amount", "--attribute", "country"]);
    }
    let args = ["--by", "country", "--title", "T"];
    let one = page(&place, &[&["one"][..], &args].concat());
    assert!(one == page(&place, &[&["two", "--threads", "1"][..], &args].concat()), "row order or threads changed the page");
    place.ok(&[&["report", "one", "-o", "page.html"][..], &args].concat());
    assert!(fs::read_to_string(place.path("page.html")).unwrap() == one, "a file has other bytes than stdout");
}

#[test]
fn sections_are_those_of_the_tables() {
    let place = Place::new();
    let spans = "customer,start,end,plan,amount,currency,interval\n\
        ann,2024-01-10,,pro,80,EUR,month\nbob,2024-01-20,2024-03-01,basic,30,EUR,month\n";
    place.file("spans.csv", spans);
    let html = page(&place, &["spans.csv", "--table", "subscriptions", "--by", "plan", "--as-of", "2024-05-01"]);
    for there in [
        "id=\"revenue\"",
        "id=\"subscribers\"",
        "Movements of MRR, EUR",
        "Quick ratio",
        "(opening − contraction − churn) / opening",
    ] {
        assert!(html.contains(there), "{there}");
    }
    for absent in ["id=\"retention\"", "id=\"lifecycle\"", "id=\"surveys\"", "id=\"cancellations\"", "id=\"goals\""] {
        assert!(!html.contains(absent), "{absent}");
    }
    // New 110 in January; 30 of it gone at the end of February, before the first unpaid day in March.
    let bars = data(&html, "mrr-bars-0");
    let names: Vec<&str> = bars["series"].as_array().unwrap().iter().map(|series| series["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["new", "expansion", "reactivation", "contraction", "churn"]);
    let moved = [[110.0, 0.0, 0.0, 0.0, 0.0], [0.0; 5], [0.0, 0.0, 0.0, 0.0, 30.0], [0.0; 5]];
    assert_eq!(bars["stacks"][0]["v"], json!(moved));

    place.file("survey.csv", "customer,answered_at,score\nann,2024-01-05,10\nbob,2024-01-06,3\ncat,2024-01-07,9\n");
    let html = page(&place, &["survey.csv", "--table", "surveys", "--kind", "nps"]);
    // Two promoters and a detractor of three.
    assert!(html.contains("id=\"surveys\"") && html.contains("33.3"), "NPS");
    assert!(!html.contains("id=\"retention\""));
}

#[test]
fn wrong_questions_say_what_to_do() {
    let place = Place::new();
    place.file("events.csv", EVENTS);
    place.ok(&["ingest", "events.csv", "--into", "shop", "--attribute", "country"]);
    let said = place.fails(2, &["report", "shop", "--by", "contry"]);
    assert!(said.contains("contry") && said.contains("country"), "{said}");
    let said = place.fails(2, &["report", "shop", "--as-of", "2023-01-01"]);
    assert!(said.contains("nothing to report before --as-of"), "{said}");
    let said = place.fails(2, &["report", "shop", "-o", "shop/report.html"]);
    assert!(said.contains("it lies inside the history"), "{said}");
    let said = place.fails(2, &["report", "shop", "--value", "amount"]);
    assert!(said.contains("--value goes with an export"), "{said}");
}

#[test]
fn the_currency_of_most_customers_comes_first() {
    let place = Place::new();
    let mut events = "customer,time,amount,currency\n".to_owned();
    for n in 0..60 {
        let code = ["USD", "USD", "USD", "USD", "AUD", "CAD", "CHF", "EUR"].get(n % 20).copied().unwrap_or("USD");
        events.push_str(&format!("c{n},2024-01-{:02},{},{code}\nc{n},2024-02-{:02},5,{code}\n", 1 + n % 28, 10 * n, 1 + n % 28));
    }
    place.file("events.csv", events);
    let html = page(&place, &["events.csv", "--value", "amount", "--currency", "currency"]);
    let measures: Vec<String> = data(&html, "retention")["measures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|measure| measure["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(measures[2], "Revenue kept, %, USD");
    assert!(html.contains("Amounts of 3 of 5 currencies can be chosen, those of most customers."), "the others are told of");
    assert!(html.contains("All figures: amounts of 3 of 5 currencies"));
    // Of five currencies the main one has a tile.
    let tiles = html.split_once("class=\"tiles\"").unwrap().1.split_once("</section>").unwrap().0;
    assert!(tiles.contains(" USD") && !tiles.contains(" AUD"), "{tiles}");
}

#[test]
fn segments_that_are_shown_alike_stay_apart() {
    let place = Place::new();
    let long = "x".repeat(70);
    let rows = [("a", "(none)"), ("b", ""), ("c", &format!("{long}1")), ("d", &format!("{long}2"))]
        .map(|(customer, segment)| format!("{customer},2024-01-05,{segment}\n{customer},2024-02-05,{segment}\n"));
    place.file("events.csv", format!("customer,time,seg\n{}", rows.concat()));
    let html = page(&place, &["events.csv", "--by", "seg"]);
    let bars = data(&html, "lifecycle-bars");
    let stacks = bars["stacks"].as_array().unwrap();
    assert_eq!(stacks.len(), 1 + 4);
    assert!(
        stacks.iter().all(|stack| stack["v"].as_array().unwrap().len() == bars["periods"].as_array().unwrap().len()),
        "{bars}"
    );
}

#[test]
fn losses_are_drawn_inside_the_picture() {
    let place = Place::new();
    place.file("events.csv", "customer,time,amount\na,2024-01-05,10\na,2024-02-05,-500\na,2024-04-05,1\n");
    let html = page(&place, &["events.csv", "--value", "amount"]);
    let chart = html.split_once("Revenue so far per customer by age").unwrap().1.split_once("</svg>").unwrap().0;
    let lines = chart.split("class=\"line").skip(1).map(|part| part.split_once(" d=\"").unwrap().1.split_once('"').unwrap().0);
    for point in lines.flat_map(|line| line.split(['M', 'L']).filter(|point| !point.is_empty())) {
        let y: f64 = point.split_once(' ').unwrap().1.parse().unwrap();
        assert!((0.0..=300.0).contains(&y), "{point}");
    }
}
