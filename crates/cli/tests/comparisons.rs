//! Comparisons, heterogeneity, and surveys joined to retention, through the program: small businesses counted by hand, with
//! intervals and p-values from statsmodels and scipy.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use serde_json::{Value, json};
use support::{Place, copy_dir, project};

/// Four customers of plan a and five of plan b are born in January 2024, two of plan c in February. b4 has a later row of
/// plan a, which does not make it one of a.
const LOG: &str = "\
customer,time,plan,country,amount
a1,2024-01-02,a,DE,100
a2,2024-01-03,a,DE,100
a3,2024-01-04,a,FR,100
a4,2024-01-05,a,FR,100
b1,2024-01-02,b,DE,50
b2,2024-01-03,b,FR,50
b3,2024-01-04,b,FR,50
b4,2024-01-05,b,FR,50
b5,2024-01-06,b,FR,50
b4,2024-01-20,a,FR,
c1,2024-02-10,c,DE,1
c2,2024-02-11,c,FR,1
a1,2024-02-01,a,DE,10
a2,2024-02-29,a,DE,30
b1,2024-02-15,b,DE,5
a1,2024-03-01,a,DE,20
b1,2024-03-02,b,DE,7
b2,2024-03-03,b,FR,1
b3,2024-03-04,b,FR,1
c1,2024-03-31,c,DE,1
";

const AS_OF: [&str; 2] = ["--as-of", "2024-04-01"];

fn business() -> Place {
    let place = Place::new();
    place.file("log.csv", LOG);
    let columns = ["--customer", "customer", "--time", "time", "--value", "amount", "--currency", "EUR"];
    let attributes = ["--attribute", "plan", "country"];
    place.ok(&[&["ingest", "log.csv", "--into", "history", "--preset", "generic"], &columns[..], &attributes].concat());
    place
}

fn ask(place: &Place, more: &[&str]) -> Value {
    place.json(&[&["compare", "history"], &AS_OF[..], more].concat())
}

/// The rows of a metric.
fn rows<'a>(answer: &'a Value, metric: &str) -> Vec<&'a Value> {
    answer["rows"].as_array().unwrap().iter().filter(|row| row["metric"] == metric).collect()
}

fn near(found: &Value, expected: f64) {
    let number = found.as_f64().unwrap_or_else(|| found.as_str().unwrap().parse().unwrap());
    assert!((number - expected).abs() < 1e-6, "{found} is not {expected}");
}

/// Exposed, retained and share of both sides.
fn counts(row: &Value) -> [Value; 6] {
    let name = |side: &str, what: &str| row[format!("{side}_{what}")].clone();
    let of = |side: &str| [name(side, "exposed"), name(side, "retained"), name(side, "rate")];
    let ([a, b, c], [d, e, f]) = (of("baseline"), of("compared"));
    [a, b, c, d, e, f]
}

fn all(numbers: [f64; 6]) -> [Value; 6] {
    let whole = |number: f64| json!(number as u64);
    let [a, b, c, d, e, f] = numbers;
    [whole(a), whole(b), json!(c), whole(d), whole(e), json!(f)]
}

#[test]
fn two_plans() {
    let place = business();
    let answer = ask(&place, &["--between", "plan=a,b"]);
    let found = rows(&answer, "retention");
    assert_eq!(found.iter().map(|row| row["age"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(counts(found[1]), all([4.0, 2.0, 0.5, 5.0, 1.0, 0.2]));
    assert_eq!(counts(found[2]), all([4.0, 1.0, 0.25, 5.0, 3.0, 0.6]));
    // b less a, in percentage points; confint_proportions_2indep(method="newcomb"), fisher_exact, multipletests("holm").
    for (row, [points, low, high, p]) in [
        (found[1], [-30.0, -68.63874373046973, 25.013049328726183, 0.523809523809524]),
        (found[2], [35.0, -23.162471584076982, 69.86009109113897, 0.523809523809524]),
    ] {
        near(&row["difference_points"], points);
        near(&row["difference_low"], low);
        near(&row["difference_high"], high);
        near(&row["p_value"], p);
        assert_eq!((&row["test"], &row["p_adjusted"], &row["statistic"]), (&json!("Fisher exact"), &json!(1.0), &Value::Null));
    }
    near(&found[1]["relative_change"], -0.6);
    near(&found[2]["relative_change"], 1.4);
    // At age 0 everybody is there, so nothing could differ.
    assert_eq!((&found[0]["test"], &found[0]["difference_points"]), (&Value::Null, &json!(0.0)));
    let definition = &answer["definition"];
    assert_eq!(definition["sides"], json!([{ "side": "a", "members": 4 }, { "side": "b", "members": 5 }]));
    assert_eq!(definition["reading"], "difference");
    assert_eq!(answer["notes"], json!(["2 of 11 members are on no side, and left out"]));
    // More than two sides are held against the first, and all tests are adjusted together.
    let three = ask(&place, &["--between", "plan=a,b,c", "--at", "1"]);
    let pairs: Vec<&Value> = rows(&three, "retention");
    assert_eq!(
        pairs.iter().map(|row| (&row["baseline"], &row["compared"])).collect::<Vec<_>>(),
        [(&json!("a"), &json!("b")), (&json!("a"), &json!("c"))]
    );
    assert!(three["notes"].to_string().contains("held against the first"), "{}", three["notes"]);
}

#[test]
fn rate_and_mix_of_a_difference() {
    let place = business();
    let answer = ask(&place, &["--between", "plan=a,b", "--by", "country"]);
    let at = |age: u64, country: Value| {
        let mut found = rows(&answer, "retention").into_iter();
        let row = found.find(|row| row["age"] == age && row["segment"]["country"] == country).unwrap();
        (row["rate_part_points"].clone(), row["mix_part_points"].clone(), row["difference_points"].clone())
    };
    let is = |(rate, mix, difference): (Value, Value, Value), expected: [f64; 3]| {
        near(&rate, expected[0]);
        near(&mix, expected[1]);
        near(&difference, expected[2]);
    };
    // Age 1: everybody of DE is back and nobody of FR, on both sides; b has fewer of DE: 20 % and not 50 %.
    is(at(1, json!("DE")), [0.0, -30.0, 0.0]);
    is(at(1, json!("FR")), [0.0, 0.0, 0.0]);
    is(at(1, Value::Null), [0.0, -30.0, -30.0]);
    // Age 2: DE 1 of 2 and 1 of 1, FR 0 of 2 and 2 of 4.
    is(at(2, json!("DE")), [17.5, -22.5, 50.0]);
    is(at(2, json!("FR")), [32.5, 7.5, 50.0]);
    is(at(2, Value::Null), [50.0, -15.0, 35.0]);
}

#[test]
fn values_of_two_plans() {
    let place = business();
    let answer = ask(&place, &["--between", "plan=a,b", "--measure", "value", "--at", "1,2"]);
    let each = rows(&answer, "value_per_member");
    // 10 and 30 of four; 5 of five.
    near(&each[0]["baseline_mean"], 10.0);
    near(&each[0]["compared_mean"], 1.0);
    near(&each[0]["difference_mean"], -9.0);
    // scipy.stats.ttest_ind([5, 0, 0, 0, 0], [10, 30, 0, 0], equal_var=False).
    for (name, expected) in ["statistic", "p_value", "difference_low", "difference_high"].into_iter().zip([
        -1.2602520756252087,
        0.2935844867774714,
        -31.239604150744633,
        13.239604150744633,
    ]) {
        let found = each[0][name].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-4, "{name}: {found}");
    }
    // At age 2 a1 is retained, who brought 100 + 10 + 20; the others of a 330 together. Of b three, who brought 164.
    let so_far = |metric: &str| {
        let row = rows(&answer, metric)[0].clone();
        assert_eq!((&row["age"], &row["currency"], &row["baseline_retained"]), (&json!(2), &json!("EUR"), &Value::Null));
        (
            row["baseline_mean"].clone(),
            row["baseline_exposed"].clone(),
            row["compared_mean"].clone(),
            row["compared_exposed"].clone(),
        )
    };
    let text = |a: &str, n: u64, b: &str, m: u64| (json!(a), json!(n), json!(b), json!(m));
    assert_eq!(so_far("value_so_far_of_retained"), text("130.000000", 1, "54.666667", 3));
    assert_eq!(so_far("value_so_far_of_lost"), text("110.000000", 3, "50.000000", 2));
    // Members picked by how it ended are not tested.
    let ahead = rows(&answer, "value_so_far_of_lost")[0];
    assert_eq!((&ahead["test"], &ahead["p_value"]), (&Value::Null, &Value::Null));
    let notes = answer["notes"].to_string();
    assert!(notes.contains("looking ahead") && notes.contains("1 event of members on either side have no value"), "{notes}");
    // Events: at age 0 b has a sixth, that of b4.
    let events = ask(&place, &["--between", "plan=a,b", "--measure", "events", "--at", "0"]);
    let row = rows(&events, "events_per_member")[0];
    assert_eq!((&row["baseline_mean"], &row["compared_mean"]), (&json!(1.0), &json!(1.2)));
}

#[test]
fn cohorts_and_ages_that_one_has_not_lived() {
    let place = business();
    let answer = ask(&place, &["--cohorts", "2024-01-01,2024-02-01"]);
    let found = rows(&answer, "retention");
    assert_eq!(found.len(), 2);
    assert_eq!(counts(found[1]), all([9.0, 3.0, 3.0 / 9.0, 2.0, 1.0, 0.5]));
    near(&found[1]["difference_low"], -34.523080969974366);
    near(&found[1]["difference_high"], 62.456108597451845);
    assert!(answer["notes"].to_string().contains("age 2 is left out: nobody of 2024-01-01 or nobody of 2024-02-01"), "{answer}");
    let said = place.fails(2, &["compare", "history", "--cohorts", "2024-01-15,2024-02-01"]);
    assert!(said.contains("no cohort starts then; the month that holds it starts on 2024-01-01"), "{said}");
    // Local dates: in Tokyo January starts nine hours earlier, and is the same cohort.
    let tokyo = ask(&place, &["--cohorts", "2024-01-01,2024-02-01", "--zone", "Asia/Tokyo", "--at", "0"]);
    assert_eq!(tokyo["definition"]["sides"][0]["members"], 9);
}

#[test]
fn a_lift_needs_a_control() {
    let place = business();
    let trial = ["--treated", "plan = 'a'", "--control", "plan = 'b'"];
    let answer = ask(&place, &trial);
    // The birth row says the side: b4 is one of b, though a later row is of a.
    let found = rows(&answer, "retention");
    assert_eq!(counts(found[1]), all([5.0, 1.0, 0.2, 4.0, 2.0, 0.5]));
    near(&found[1]["difference_points"], 30.0);
    assert_eq!(answer["definition"]["reading"], "lift");
    assert!(answer["notes"].to_string().contains("2 of 11 members are on no side"), "{answer}");
    // The same sides by value and by condition.
    let between = ask(&place, &["--between", "plan=b,a"]);
    assert_eq!(counts(rows(&between, "retention")[2]), counts(found[2]));

    let said = |sides: &[&str]| String::from_utf8(place.ok(&[&["compare", "history"], &AS_OF[..], sides].concat())).unwrap();
    assert!(said(&trial).contains("lift"));
    for sides in [
        &["--between", "plan=a,b"][..],
        &["--cohorts", "2024-01-01,2024-02-01"],
        &["--since", "2024-02-01"],
        &["--treated", "plan in ('a', 'c')", "--since", "2024-02-01"],
    ] {
        assert!(!said(sides).to_lowercase().contains("lift"), "{sides:?}: {}", said(sides));
    }
    let refused = |sides: &[&str]| place.fails(2, &[&["compare", "history"], &AS_OF[..], sides].concat());
    assert!(refused(&["--treated", "plan = 'a'"]).contains("a lift needs a control group; add --control EXPR, or --since"));
    let both = refused(&["--treated", "plan = 'a'", "--control", "country = 'DE'"]);
    assert!(both.contains("2 customers are on both sides"), "{both}");

    let before = ask(&place, &["--treated", "plan in ('a', 'c')", "--since", "2024-02-01", "--at", "1"]);
    assert_eq!(counts(rows(&before, "retention")[0]), all([4.0, 2.0, 0.5, 2.0, 1.0, 0.5]));
    assert_eq!(before["definition"]["reading"], "before/after difference");
    assert!(before["notes"].to_string().contains("5 of 11 members are on no side"), "{before}");
}

#[test]
fn wrong_comparisons_say_what_to_do() {
    let place = business();
    let mut said = String::new();
    for args in [
        &[][..],
        &["--between", "plan"],
        &["--between", "plan=a"],
        &["--between", "plan=a,a"],
        &["--between", "plan=a,bb"],
        &["--between", "plann=a,b"],
        &["--between", "plan=a,b", "--by", "plan"],
        &["--between", "plan=a,b", "--top", "2"],
        &["--between", "plan=a,b", "--birth", "recurring"],
        &["--between", "plan=a,b", "--dialect", "posthog"],
        &["--between", "plan=a,b", "--segment-as-of", "activity"],
        &["--between", "plan=a,b", "--cohorts", "2024-01-01,2024-02-01"],
        &["--cohorts", "2024-01-01"],
        &["--cohorts", "2024-01-01,2023-01-01"],
        &["--control", "plan = 'a'"],
        &["--treated", "plan = 'x'", "--control", "plan = 'a'"],
        &["--treated", "pln = 'x'", "--control", "plan = 'a'"],
        &["--treated", "plan = 'a'", "--control", "plan = 'b'", "--birth", "declared:signed_up"],
        &["--since", "2030-01-01"],
    ] {
        let output = place.run(&[&["compare", "history"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        said.push_str(&format!("$ tenure compare history {}\n{}\n", args.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn tables_of_comparisons() {
    let place = business();
    let mut shown = String::new();
    for args in [
        &["compare", "history", "--as-of", "2024-04-01", "--between", "plan=a,b", "--by", "country", "--at", "1,2"][..],
        &[
            "compare",
            "history",
            "--as-of",
            "2024-04-01",
            "--treated",
            "plan = 'a'",
            "--control",
            "plan = 'b'",
            "--measure",
            "value",
        ],
        &["compare", "history", "--as-of", "2024-04-01", "--cohorts", "2024-01-01,2024-02-01", "--format", "csv", "-q"],
        &["metrics", "history", "--as-of", "2024-04-01", "--metric", "gini", "--metric", "top_decile_share"],
        &["retention", "history", "--as-of", "2024-04-01", "--measure", "value", "--by", "plan"],
    ] {
        shown.push_str(&format!("$ tenure {}\n{}\n", args.join(" "), String::from_utf8_lossy(&place.ok(args))));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn threads_change_nothing() {
    let place = Place::new();
    copy_dir(&project().join("data/sample"), place.dir.path());
    let sides = ["--between", "plan=free,pro", "--by", "country", "--measure", "value", "--value", "amount"];
    let ask = |threads: &str| {
        place.ok(&[&["compare", "events.csv", "--threads", threads, "--format", "json", "-q"], &sides[..]].concat())
    };
    let one = ask("1");
    assert_eq!(one, ask("4"));
    let answer: Value = serde_json::from_slice(&one).unwrap();
    // The parts of the segments add up to those of the whole, and these to the difference.
    let mut wholes = 0;
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap();
    for whole in rows(&answer, "retention").into_iter().filter(|row| row["segment"] == json!({})) {
        let mine = rows(&answer, "retention").into_iter().filter(|row| row["age"] == whole["age"] && row["segment"] != json!({}));
        let sum: f64 = mine.map(|row| number(row, "rate_part_points") + number(row, "mix_part_points")).sum();
        assert!((sum - number(whole, "difference_points")).abs() < 1e-9, "{whole}");
        wholes += 1;
    }
    assert_eq!(wholes, 11);
    // Each side is the summary of its own segment.
    let matrix = place.json(&["retention", "events.csv", "--by", "plan", "--at", "3"]);
    let pro = matrix["summary"].as_array().unwrap().iter().find(|point| point["segment"]["plan"] == "pro").unwrap();
    let row = rows(&answer, "retention").into_iter().find(|row| row["age"] == 3 && row["segment"] == json!({})).unwrap();
    assert_eq!((&row["compared_exposed"], &row["compared_retained"]), (&pro["exposed"], &pro["retained"]));
}

#[test]
fn subscribers_are_compared() {
    let place = Place::new();
    let spans: String = (0..10)
        .map(|n| format!("c{n},2024-01-01,{},{},10,month\n", if n % 3 == 0 { "2024-02-15" } else { "" }, ["a", "b"][n % 2]))
        .collect();
    place.file("spans.csv", format!("customer,start,end,plan,amount,interval\n{spans}"));
    let input =
        ["compare", "spans.csv", "--table", "subscriptions", "--preset", "generic", "--customer", "customer", "--start", "start"];
    let columns = ["--end", "end", "--plan", "plan", "--amount", "amount", "--interval", "interval", "--as-of", "2024-04-01"];
    let query = ["--source", "subscriptions", "--between", "plan=a,b", "--at", "1"];
    let answer = place.json(&[&input[..], &columns, &query].concat());
    // Of a: 0, 2, 4, 6, 8; 0 and 6 leave. Of b: 1, 3, 5, 7, 9; 3 and 9 leave.
    assert_eq!(counts(rows(&answer, "retention")[0]), all([5.0, 3.0, 0.6, 5.0, 3.0, 0.6]));
    let said = place.fails(
        2,
        &[&input[..], &columns, &["--source", "subscriptions", "--treated", "plan = 'a'", "--control", "plan = 'b'"]].concat(),
    );
    assert!(said.contains("subscribers have none; use --between"), "{said}");
}

#[test]
fn heads_and_revenue_tell_different_stories() {
    let place = Place::new();
    // One of four returns in February, and it is the one who pays most: 100 of 130.
    let returned = "big,2024-01-01,100\nx,2024-01-02,10\ny,2024-01-03,10\nz,2024-01-04,10\nbig,2024-02-05,100\n";
    place.file("log.csv", format!("customer,time,amount\n{returned}"));
    let input = ["--preset", "generic", "--customer", "customer", "--time", "time", "--value", "amount", "--as-of", "2024-03-01"];
    let ask = |more: &[&str]| place.json(&[&["retention", "log.csv", "--measure", "value"], &input[..], more].concat());
    let answer = ask(&[]);
    let story = "heads and revenue tell different stories: of the cohorts that have lived age 1, 25.0 % of the members are retained, and 76.9 % of the value of age 0";
    assert_eq!(answer["notes"], json!([story]));
    let point = &answer["summary"][1]["revenue"];
    let expected = json!([{ "currency": null, "value": "100.00", "value_at_birth": "130.00", "revenue_retention": 100.0 / 130.0, "customer_retention": 0.25 }]);
    assert_eq!(*point, expected);
    // The same where age 0 is not shown; nothing of brackets, whose values are of several ages.
    assert_eq!(ask(&["--at", "1"])["summary"][0]["revenue"], expected);
    assert_eq!(ask(&["--brackets", "0,1-2"])["summary"][0]["revenue"], json!([]));
    // Who counts customers alone is told nothing, and where heads and revenue agree there is no story.
    let plain = place.json(&[&["retention", "log.csv"], &input[..]].concat());
    assert!(plain.get("notes").is_none() && plain["summary"][0].get("revenue").is_none());
    place.file("log.csv", "customer,time,amount\na,2024-01-01,10\nb,2024-01-01,10\na,2024-02-01,10\n");
    assert!(ask(&[]).get("notes").is_none());
}

#[test]
fn concentration_of_revenue() {
    let place = Place::new();
    // January: 50, 10 and a refund alone. February: 40.
    let log = "ann,2024-01-05,20\nann,2024-01-06,30\nbob,2024-01-31,10\ncat,2024-01-07,-5\nann,2024-02-11,40\ndan,2024-02-12,\n";
    place.file("log.csv", format!("customer,time,amount\n{log}"));
    let input = ["--preset", "generic", "--customer", "customer", "--time", "time", "--value", "amount", "--as-of", "2024-03-01"];
    let wanted = ["--metric", "gini", "--metric", "top_decile_share"];
    let answer = place.json(&[&["metrics", "log.csv"], &input[..], &wanted].concat());
    let series = |metric: &str| -> Vec<(Value, Value, Value)> {
        let mine = answer.as_array().unwrap().iter().filter(|row| row["metric"] == metric);
        mine.map(|row| (row["value"].clone(), row["numerator"].clone(), row["denominator"].clone())).collect()
    };
    // Amounts 0, 10, 50: −2 × 0 + 0 × 10 + 2 × 50 = 100 of 3 × 60.
    assert_eq!(series("gini")[0], (json!(100.0 / 180.0), json!("100.00"), json!("180.00")));
    assert_eq!(series("gini")[1].0, json!(0.0));
    assert_eq!(series("top_decile_share")[0], (json!(50.0 / 60.0), json!("50.00"), json!("60.00")));
    assert_eq!(series("top_decile_share")[1].0, json!(1.0));

    place.file(
        "spans.csv",
        "customer,start,plan,amount,interval\na,2024-01-01,p,10,month\nb,2024-01-01,p,30,month\nb,2024-01-01,q,20,month\n",
    );
    let input =
        ["metrics", "spans.csv", "--table", "subscriptions", "--preset", "generic", "--customer", "customer", "--start", "start"];
    let columns = ["--plan", "plan", "--amount", "amount", "--interval", "interval", "--as-of", "2024-02-01", "--by", "plan"];
    let wanted = ["--metric", "mrr_gini", "--metric", "mrr_top_decile_share"];
    let answer = place.json(&[&input[..], &columns, &wanted].concat());
    let value = |metric: &str, segment: Value| {
        let mut found = answer.as_array().unwrap().iter();
        found.find(|row| row["metric"] == metric && row["segment"] == segment).unwrap()["value"].clone()
    };
    // 10 and 50: 40 of 2 × 60; in p 10 and 30: 20 of 2 × 40; in q one alone.
    assert_eq!(value("mrr_gini", json!({})), json!(40.0 / 120.0));
    assert_eq!(value("mrr_gini", json!({ "plan": "p" })), json!(0.25));
    assert_eq!(value("mrr_gini", json!({ "plan": "q" })), json!(0.0));
    assert_eq!(value("mrr_top_decile_share", json!({})), json!(50.0 / 60.0));
}

/// p2 has second thoughts in January, and the last counts; x was never seen; p1's answer of March is too young.
const ANSWERS: &str = "\
customer,time,kind,score
p1,2024-01-15,nps,10
p2,2024-01-10,nps,2
p2,2024-01-20,nps,9
d1,2024-01-15,nps,3
d2,2024-01-16,nps,0
s1,2024-01-16,nps,8
x,2024-01-17,nps,10
p1,2024-03-15,nps,9
";

fn answered() -> Place {
    let place = Place::new();
    place.file("answers.csv", ANSWERS);
    let answers = ["ingest", "answers.csv", "--into", "history", "--table", "surveys", "--preset", "generic"];
    place.ok(&[&answers[..], &["--customer", "customer", "--time", "time", "--kind", "kind", "--score", "score"]].concat());
    place
}

fn group<'a>(answer: &'a Value, name: &str, period: Value) -> &'a Value {
    let mut rows = answer["rows"].as_array().unwrap().iter();
    rows.find(|row| row["group"] == name && row["period"] == period).unwrap()
}

#[test]
fn are_promoters_retained_better() {
    let place = answered();
    let seen = "p1,2024-01-01\np2,2024-01-01\nd1,2024-01-01\nd2,2024-01-01\ns1,2023-12-31\np1,2024-02-05\nd2,2024-03-01\ns1,2024-02-29\n";
    place.file("log.csv", format!("customer,time\n{seen}"));
    place.ok(&["ingest", "log.csv", "--into", "history", "--preset", "generic", "--customer", "customer", "--time", "time"]);
    let answer = place.json(&["survey", "history", "--retention", "--as-of", "2024-04-01"]);
    for period in [Value::Null, json!("2024-01-01")] {
        let of = |name: &str| {
            let row = group(&answer, name, period.clone());
            (row["customers"].clone(), row["retained"].clone())
        };
        assert_eq!(of("promoters"), (json!(2), json!(1)));
        assert_eq!(of("passives"), (json!(1), json!(1)));
        assert_eq!(of("detractors"), (json!(2), json!(0)));
    }
    let row = group(&answer, "promoters", Value::Null);
    near(&row["difference_points"], 50.0);
    near(&row["difference_low"], -27.257278511318162);
    near(&row["difference_high"], 90.54687942657694);
    assert_eq!((&row["against"], &row["test"], &row["p_value"]), (&json!("detractors"), &json!("Fisher exact"), &json!(1.0)));
    let notes = answer["notes"].to_string();
    assert!(notes.contains("1 of 7 answers are left out: the month after theirs is not over"), "{notes}");
    assert!(notes.contains("1 answer is left out: their customers had not been active by the end of the month"), "{notes}");
    assert!(answer["definition"]["retained"].as_str().unwrap().contains("the whole calendar month after"));
}

#[test]
fn are_promoters_paying_longer() {
    let place = answered();
    let spans = "p1,2024-01-01,\np2,2024-01-01,2024-02-20\nd1,2024-01-01,2024-03-01\nd2,2024-01-01,2024-02-29\ns1,2024-02-01,\n";
    place.file("spans.csv", format!("customer,start,end,amount,interval\n{}", spans.replace('\n', ",5,month\n")));
    let input = ["ingest", "spans.csv", "--into", "history", "--table", "subscriptions", "--preset", "generic"];
    let columns = ["--customer", "customer", "--start", "start", "--end", "end", "--amount", "amount", "--interval", "interval"];
    place.ok(&[&input[..], &columns].concat());
    let answer = place.json(&["survey", "history", "--retention", "--as-of", "2024-04-01"]);
    let of = |name: &str| {
        let row = group(&answer, name, Value::Null);
        (row["customers"].clone(), row["retained"].clone())
    };
    // Just before the end of February p1 and d1 pay; s1 had not paid by the end of January.
    assert_eq!(
        (of("promoters"), of("passives"), of("detractors")),
        ((json!(2), json!(1)), (json!(0), json!(0)), (json!(2), json!(1)))
    );
    let alone = answered();
    let said = alone.fails(2, &["survey", "history", "--retention"]);
    assert!(said.contains("neither activity nor subscriptions"), "{said}");
}
