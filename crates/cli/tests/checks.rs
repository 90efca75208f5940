//! Customers at risk, goals and rules, through the program: hand-counted, and what is written and sent.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::Place;

/// A shop until the end of March: ann buys every week until 4 February, bob bought once in January, cat on 29 March.
const ORDERS: &str = "\
customer,time,event,amount
ann,2024-01-07,purchase,10
ann,2024-01-14,purchase,10
ann,2024-01-21,purchase,10
ann,2024-01-28,purchase,10
ann,2024-02-04,purchase,100
bob,2024-01-10,purchase,500
cat,2024-03-29,purchase,5
cat,2024-03-29,opened,
";

fn shop() -> Place {
    let place = Place::new();
    place.file("orders.csv", ORDERS);
    place.file("people.csv", "customer,email,city\nann,ann@example.org,Ulm\nbob,,Ulm\ncat,cat@example.org,Bonn\n");
    place.ok(&["ingest", "orders.csv", "--into", "h", "--value", "amount", "--currency", "EUR"]);
    place.ok(&["ingest", "people.csv", "--into", "h", "--table", "customers", "--preset", "generic", "--all-attributes"]);
    place
}

#[test]
fn silence_is_held_against_a_customers_own_gaps() {
    let place = shop();
    let answer = place.json(&["at-risk", "h", "--as-of", "2024-03-01"]);
    let rows = answer["rows"].as_array().unwrap();
    // On 29 February ann has been silent for 25 days, against gaps of 7; bob, who never came back, for 50, against all customers'
    // gaps, which are ann's.
    let told: Vec<(&Value, &Value, &Value, &Value)> =
        rows.iter().map(|row| (&row["customer"], &row["silent_days"], &row["threshold_days"], &row["value"])).collect();
    assert_eq!(
        told,
        [(&json!("bob"), &json!(50), &json!(7), &json!("500.00")), (&json!("ann"), &json!(25), &json!(7), &json!("140.00"))]
    );
    assert_eq!(rows[1]["reason"], "silent for 25 days; 95 % of their own 4 gaps are 7 days or less");
    assert_eq!((&rows[0]["email"], &rows[1]["email"]), (&Value::Null, &json!("ann@example.org")));
    // A week later than usual is not overdue.
    assert_eq!(place.json(&["at-risk", "h", "--as-of", "2024-02-12"])["rows"].as_array().unwrap().len(), 1);
    let inactive = |days: &str| {
        place.json(&["at-risk", "h", "--as-of", "2024-03-01", "--inactive-for", days])["rows"].as_array().unwrap().len()
    };
    assert_eq!((inactive("25d"), inactive("26d"), inactive("51d")), (2, 1, 0));
    let left = place.json(&["at-risk", "h", "--as-of", "2024-03-01", "--lost-after", "30d", "--top", "5"]);
    assert_eq!((left["rows"].as_array().unwrap().len(), &left["rows"][0]["customer"]), (1, &json!("ann")));
    assert!(left["notes"].to_string().contains("lost already, by --lost-after: 1"), "{left}");
    // Who has cancelled is told apart; who has come back to a subscription has not.
    place.file(
        "spans.csv",
        "customer,start,end,amount\nbob,2024-01-10,2024-02-10,5\nann,2024-01-07,2024-02-01,5\nann,2024-02-03,,7\n",
    );
    place.ok(&["ingest", "spans.csv", "--into", "h", "--table", "subscriptions", "--interval", "month", "--currency", "EUR"]);
    let answer = place.json(&["at-risk", "h", "--as-of", "2024-03-01"]);
    let rows = answer["rows"].as_array().unwrap();
    let bob = "silent for 50 days; 95 % of all customers' gaps are 7 days or less; their subscription ended on 2024-02-10";
    assert_eq!((&rows[0]["reason"], &rows[0]["mrr"]), (&json!(bob), &Value::Null));
    assert_eq!(rows[1]["reason"], "silent for 25 days; 95 % of their own 4 gaps are 7 days or less");
    assert_eq!(rows[1]["mrr"].as_str().unwrap().parse::<f64>().unwrap(), 7.0);
    assert!(answer["notes"].to_string().contains("1 of them had a subscription that has ended"), "{answer}");
    assert!(place.fails(2, &["at-risk", "h", "--inactive-for", "90d", "--overdue"]).contains("cannot be used with"));
    assert!(place.fails(2, &["at-risk", "h", "--quantile", "1.5"]).contains("expected a share"));
    assert!(place.fails(2, &["at-risk", "h", "--email", "emial"]).contains("did you mean \"email\""));
}

#[test]
fn goals_are_reached_open_or_missed() {
    let place = shop();
    let goals = "\
[[goal]]
name = \"Sell\"
owner = \"shop\"
metric = \"revenue\"
target = 600
direction = \"at-least\"
by = 2024-06-30

[[goal]]
name = \"Few leave\"
metric = \"churn_rate\"
target = 0.5
direction = \"at-most\"
active_within = \"30d\"

[[goal]]
name = \"Truth\"
holds = \"active_customers >= 1 and revenue > 50\"

[[goal]]
name = \"Calls\"
done = 3
of = 4
by = \"2024-02-01\"
";
    place.file("goals.toml", goals);
    // The last complete period is February: revenue 100; of the customers at its start, ann and bob, both were active within thirty
    // days before it, and ann alone at its end.
    let answer = place.run(&["check", "h", "--goals", "goals.toml", "--as-of", "2024-03-15", "--format", "json", "-q"]);
    assert_eq!(answer.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    let rows = answer["rows"].as_array().unwrap();
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<Value>>();
    assert_eq!(column("state"), ["open", "reached", "reached", "missed"]);
    assert_eq!(column("value"), [json!("100.00"), json!(0.5), json!(1), json!(3)]);
    assert_eq!(column("progress"), [json!(100.0 / 600.0), json!(1.0), json!(1.0), json!(0.75)]);
    assert_eq!(column("kind"), ["money", "numeric", "true/false", "task"]);
    assert_eq!(column("period"), [json!("2024-02-01"), json!("2024-02-01"), json!("2024-02-01"), Value::Null]);
    let text = place.says(&["check", "h", "--goals", "goals.toml", "--as-of", "2024-03-15"]);
    assert!(text.contains("●━━━┄") && text.contains("███████████████░░░░░  75 %") && text.contains('✓'), "{text}");
    // Once the deadline has passed, the periods that ended by then are judged.
    let late = place.run(&["check", "h", "--goals", "goals.toml", "--as-of", "2024-08-01", "--format", "json", "-q"]);
    let late: Value = serde_json::from_slice(&late.stdout).unwrap();
    assert_eq!((&late["rows"][0]["state"], &late["rows"][0]["period"]), (&json!("missed"), &json!("2024-06-01")));
}

#[test]
fn files_of_goals_that_are_wrong_are_refused() {
    let place = shop();
    let says = |content: &str| {
        place.file("g.toml", content);
        place.fails(2, &["check", "h", "--goals", "g.toml", "--dry-run"])
    };
    let goal = |rest: &str| says(&format!("[[goal]]\nname = \"g\"\n{rest}"));
    let rule = |when: &str, then: &str| says(&format!("[[rule]]\nname = \"r\"\nwhen = \"{when}\"\nthen = {then}\n"));
    let outbox = "{ outbox = \"o.jsonl\" }";
    assert!(
        goal("metric = \"churn_rat\"\ntarget = 1\ndirection = \"at-most\"").contains("no such metric; did you mean churn_rate")
    );
    assert!(goal("metric = \"crr\"\ntarget = 1\ndirection = \"at-most\"").contains("customer_retention_rate and churn_rate"));
    assert!(goal("metric = \"churn_rate\"\ntarget = 5\ndirection = \"at-most\"").contains("1 is 100 %"));
    assert!(goal("metric = \"churn_rate\"\ntarget = 0.05\ndirection = \"at-most\"").contains("active_within = "));
    assert!(goal("metric = \"revenue\"\ntarget = 5").contains("it has no direction"));
    assert!(goal("metric = \"revenue\"\ntarget = 5\ndirection = \"up\"").contains("expected at-least or at-most"));
    assert!(
        goal("metric = \"revenue\"\ntarget = 5\ndirection = \"at-least\"\ncurrency = \"USD\"")
            .contains("there are no amounts in it")
    );
    assert!(goal("holds = \"revenu > 5\"").contains("did you mean"));
    assert!(goal("done = 5\nof = 4").contains("expected at most"));
    assert!(goal("metrics = \"x\"").contains("unknown field `metrics`"));
    assert!(goal("").contains("found none of them"));
    assert!(says("").contains("there is no [[goal]]"));
    assert!(rule("days_since_last > 5", outbox).contains("did you mean"), "{}", rule("days_since_last > 5", outbox));
    assert!(rule("days_since_last_activity > 5 and churn_rate > 0", outbox).contains("a rule is about either"));
    assert!(rule("days_since_last_activity > ", outbox).contains("when"));
    assert!(rule("event 'opned' without event 'resolved' for '1h'", outbox).contains("did you mean \"opened\""));
    assert!(rule("city > 5", outbox).contains("when"));
    assert!(rule("value_total > 5", "{ audience = \"a.txt\" }").contains(".csv"));
    assert!(rule("value_total > 5", "{ }").contains("expected one of audience"));
    assert!(place.fails(2, &["check", "h", "--goals", "none.toml"]).contains("no such file"));
}

/// A rule file with one rule.
fn one_rule(place: &Place, when: &str, then: &str) {
    place.file("r.toml", format!("[[rule]]\nname = \"r\"\nwhen = \"{when}\"\nthen = {then}\n"));
}

fn check(place: &Place, as_of: &str) -> (i32, Value) {
    let output = place.run(&["check", "h", "--goals", "r.toml", "--as-of", as_of, "--format", "json", "-q"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), rows["rows"][0].clone())
}

fn outbox(place: &Place) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path("o.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_outbox_has_each_occurrence_once() {
    let place = shop();
    one_rule(&place, "days_since_last_activity > 20 and value_total > 100", "{ outbox = \"o.jsonl\" }");
    let dry = place.run(&["check", "h", "--goals", "r.toml", "--as-of", "2024-03-01", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(1), "it would fire");
    assert!(!place.path("o.jsonl").exists());
    let (code, row) = check(&place, "2024-03-01");
    assert_eq!((code, &row["holds"], &row["new"]), (1, &json!(2), &json!(2)));
    let entries = outbox(&place);
    assert_eq!((&entries[0]["customer"], &entries[1]["customer"]), (&json!("ann"), &json!("bob")));
    assert_eq!((&entries[0]["email"], &entries[0]["value"]), (&json!("ann@example.org"), &json!("140")));
    assert_eq!(entries[0]["reason"], "days_since_last_activity = 25, value_total = 140");
    assert_eq!(entries[0]["occurrence"], "2024-02-04T00:00:00Z");
    // Again, and later in the same silence: nothing new.
    let (code, row) = check(&place, "2024-03-10");
    assert_eq!((code, &row["holds"], &row["new"]), (0, &json!(2), &json!(0)));
    assert_eq!(outbox(&place).len(), 2);
    // Killed inside its last line: that one was not added, and is added now; the others are not added again.
    let bytes = std::fs::read(place.path("o.jsonl")).unwrap();
    for cut in [1, 20, bytes.len() / 2 - 3] {
        std::fs::write(place.path("o.jsonl"), &bytes[..bytes.len() - cut]).unwrap();
        check(&place, "2024-03-10");
        let ids: Vec<String> = outbox(&place).iter().map(|entry| entry["id"].to_string()).collect();
        assert_eq!(ids.len(), 2, "cut {cut}");
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[0], entries[0]["id"].to_string());
    }
    // A new silence after new activity is a new occurrence.
    place.file("more.csv", "customer,time,event,amount\nann,2024-03-12,purchase,1\n");
    place.ok(&["ingest", "more.csv", "--into", "h", "--value", "amount", "--currency", "EUR"]);
    let (code, row) = check(&place, "2024-06-01");
    assert_eq!((code, &row["new"]), (1, &json!(1)), "ann's second silence; cat spent too little");
    // An entry whose end of line is lost is an entry.
    let bytes = std::fs::read(place.path("o.jsonl")).unwrap();
    std::fs::write(place.path("o.jsonl"), &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(check(&place, "2024-06-01").1["new"], json!(0));
    assert_eq!(std::fs::read(place.path("o.jsonl")).unwrap(), bytes);
    // A file that is something else is left alone.
    place.file("o.jsonl", "{\"my\":\"valuable file\"}");
    assert!(place.fails(2, &["check", "h", "--goals", "r.toml"]).contains("line 1 is no entry"));
    assert_eq!(std::fs::read_to_string(place.path("o.jsonl")).unwrap(), "{\"my\":\"valuable file\"}");
    place.file("o.jsonl", "not mine\n");
    let error = place.fails(2, &["check", "h", "--goals", "r.toml"]);
    assert!(error.contains("line 1 is no entry"), "{error}");
    assert_eq!(std::fs::read_to_string(place.path("o.jsonl")).unwrap(), "not mine\n");
}

#[test]
fn events_are_waited_for() {
    let place = Place::new();
    // dan's ticket is resolved in time, eve's late, fay's never, gus's is too young to tell.
    let log = "\
customer,time,event
dan,2024-01-01T10:00:00Z,opened
dan,2024-01-03T09:59:59Z,resolved
eve,2024-01-01T10:00:00Z,opened
eve,2024-01-03T10:00:00Z,resolved
fay,2024-01-05T10:00:00Z,opened
fay,2024-01-05T10:00:00Z,opened
fay,2024-01-06T10:00:00Z,purchase
gus,2024-01-19T10:00:00Z,opened
";
    place.file("log.csv", log);
    place.ok(&["ingest", "log.csv", "--into", "h"]);
    one_rule(&place, "event 'opened' without event 'resolved' for '48h'", "{ outbox = \"o.jsonl\" }");
    let (code, row) = check(&place, "2024-01-20");
    assert_eq!((code, &row["holds"]), (1, &json!(2)));
    let told: Vec<String> = outbox(&place).iter().map(|entry| format!("{} {}", entry["customer"], entry["occurrence"])).collect();
    assert_eq!(told, ["\"eve\" \"2024-01-01T10:00:00Z\"", "\"fay\" \"2024-01-05T10:00:00Z\""]);
    assert_eq!(outbox(&place)[1]["reason"], "opened at 2024-01-05T10:00:00Z without resolved for 48h");
    std::fs::remove_file(place.path("o.jsonl")).unwrap();
    one_rule(&place, "after '7d' of event 'opened' and activities > 1", "{ outbox = \"o.jsonl\" }");
    let (_, row) = check(&place, "2024-01-20");
    assert_eq!(row["holds"], json!(3), "dan, eve and fay have more than one activity");
    let (_, row) = check(&place, "2024-01-08T10:00:00Z");
    assert_eq!(row["holds"], json!(2), "seven days after the first two, not a moment earlier");
    place.file(
        "r.toml",
        "[[rule]]\nname = \"r\"\nwhen = \"after '7d' of event 'opened'\"\nsince = 2024-01-03\nthen = { outbox = \"p.jsonl\" }\n",
    );
    assert_eq!(check(&place, "2024-01-20").1["holds"], json!(1));
    // A rule about metrics is about the business, once for each period.
    one_rule(&place, "active_customers > 3", "{ outbox = \"m.jsonl\" }");
    assert_eq!(check(&place, "2024-02-01").0, 1);
    assert_eq!(check(&place, "2024-02-02").0, 0);
}

#[test]
fn an_audience_has_everybody_for_whom_the_rule_holds() {
    let place = shop();
    one_rule(&place, "value_total > 100 and city = 'Ulm'", "{ audience = \"a.csv\" }");
    let (code, row) = check(&place, "2024-03-30");
    assert_eq!((code, &row["holds"], &row["new"]), (1, &json!(2), &json!(2)));
    let text = std::fs::read_to_string(place.path("a.csv")).unwrap();
    assert_eq!(
        text,
        "customer,email,reason,value,currency,occurrence\n\
         ann,ann@example.org,\"value_total = 140, city = Ulm\",140.00,EUR,once\n\
         bob,,\"value_total = 500, city = Ulm\",500.00,EUR,once\n"
    );
    let (code, row) = check(&place, "2024-03-30");
    assert_eq!((code, &row["holds"], &row["new"]), (0, &json!(2), &json!(0)));
    // Who does not belong any more goes.
    one_rule(&place, "value_total > 200 and city = 'Ulm'", "{ audience = \"a.csv\" }");
    assert_eq!(check(&place, "2024-03-30").0, 0);
    assert!(!std::fs::read_to_string(place.path("a.csv")).unwrap().contains("ann"));
    place.file("a.csv", "x,y\n1,2\n");
    assert!(place.fails(2, &["check", "h", "--goals", "r.toml"]).contains("no audience file"));
    // Who comes back to the list for the same reason has been there.
    std::fs::remove_file(place.path("a.csv")).unwrap();
    one_rule(&place, "value_total > 100 and city = 'Ulm'", "{ audience = \"a.csv\" }");
    let (code, row) = check(&place, "2024-03-30");
    assert_eq!((code, &row["holds"], &row["new"]), (0, &json!(2), &json!(0)));
}

/// Requests: their heads and bodies.
type Seen = Arc<Mutex<Vec<(HashMap<String, String>, Value)>>>;

/// A server that answers with the statuses of a list, then with the last for ever, and what it was sent.
fn server(statuses: &'static [u16]) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook?key=hidden", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let theirs = seen.clone();
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
            let (head, body) = loop {
                let read = stream.read(&mut buffer).unwrap();
                bytes.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
                let head: HashMap<String, String> = lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
                if body.len() >= head["content-length"].parse().unwrap() {
                    break (head, body.to_owned());
                }
            };
            theirs.lock().unwrap().push((head, serde_json::from_str(&body).unwrap()));
            let status = statuses[count.min(statuses.len() - 1)];
            write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
    });
    (address, seen)
}

#[test]
fn a_webhook_gets_each_occurrence_at_least_once() {
    let place = shop();
    one_rule(&place, "value_total > 100", "{ webhook = { url_env = \"HOOK_URL\", token_env = \"HOOK_TOKEN\" } }");
    let run = |url: &str| {
        let mut command = place.command(&["check", "h", "--goals", "r.toml", "--as-of", "2024-03-30"]);
        let output = command.env("HOOK_URL", url).env("HOOK_TOKEN", "s3cret").env_remove("HTTP_PROXY").env_remove("http_proxy");
        let output = output.env_remove("ALL_PROXY").env_remove("all_proxy").output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("s3cret") && !said.contains("hidden") && !said.contains("127.0.0.1"), "{said}");
        (output.status.code().unwrap(), said)
    };
    assert!(place.fails(2, &["check", "h", "--goals", "r.toml"]).contains("the environment has no HOOK_URL"));
    assert!(run("ftp://hidden").1.contains("is no address"));
    // Nobody listens: nothing is lost.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, said) = run(&format!("http://{closed}/hidden"));
    assert!(code == 2 && said.contains("2 wait for the next check"), "{said}");
    // One is refused, which is not tried again and does not hold up the other.
    let (url, seen) = server(&[403, 200]);
    let (code, said) = run(&url);
    assert!(code == 2 && said.contains("answered 403; 1 wait for the next check"), "{said}");
    assert_eq!(seen.lock().unwrap().len(), 2);
    // Busy at first: tried again with the same key; the first one is not sent again.
    let (url, again) = server(&[503, 200]);
    let (code, said) = run(&url);
    assert_eq!(code, 1, "{said}");
    let (seen, again) = (seen.lock().unwrap(), again.lock().unwrap());
    assert_eq!(again.len(), 2);
    assert_eq!(again[0].0["idempotency-key"], again[1].0["idempotency-key"]);
    assert_eq!(again[1].0["authorization"], "Bearer s3cret");
    assert_eq!((&seen[1].1["customer"], &again[1].1["customer"]), (&json!("bob"), &json!("ann")));
    assert_eq!(again[1].1["id"].as_str().unwrap(), again[1].0["idempotency-key"]);
    let (code, _) = run("http://127.0.0.1:9/hidden");
    assert_eq!(code, 0, "all have arrived, so nobody is spoken to");
    let ledger = std::fs::read_to_string(place.path("r.delivered.jsonl")).unwrap();
    assert!(!ledger.contains("s3cret") && ledger.lines().count() == 2);
}

#[test]
fn customers_are_judged_by_all_that_is_known() {
    let place = Place::new();
    // ann stopped paying, bob pays, cat is only listed; ann buys twice, the second time after eleven days.
    place.file("spans.csv", "customer,start,end,amount,interval\nann,2024-01-01,2024-02-01,10,month\nbob,2024-01-01,,10,month\n");
    place.file("people.csv", "customer,city\nann,Ulm\nbob,Bonn\ncat,Ulm\n");
    place.ok(&["ingest", "spans.csv", "--into", "h", "--table", "subscriptions", "--preset", "generic"]);
    place.ok(&["ingest", "people.csv", "--into", "h", "--table", "customers", "--preset", "generic", "--all-attributes"]);
    let held = |when: &str| {
        let _ = std::fs::remove_file(place.path("o.jsonl"));
        one_rule(&place, when, "{ outbox = \"o.jsonl\" }");
        check(&place, "2024-03-01");
        outbox(&place).iter().map(|entry| entry["customer"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    assert_eq!(held("mrr = 0 and city = 'Ulm'"), ["ann", "cat"]);
    assert_eq!(held("mrr > 0"), ["bob"]);
    assert_eq!(held("value_total < 1"), ["ann", "bob", "cat"]);
    place
        .file("log.csv", "customer,time,event\nann,2024-01-01,buy\nann,2024-01-12,buy\nbob,2024-01-01,buy\nbob,2024-01-08,buy\n");
    place.ok(&["ingest", "log.csv", "--into", "h"]);
    // ann's first and both last: nothing came within ten days.
    assert_eq!(held("event 'buy' without event 'buy' for '10d'"), ["ann", "ann", "bob"]);
    // Amounts that name no currency are in the one that subscriptions are in.
    place.file("some.csv", "customer,time,amount\nbob,2024-01-02,70\n");
    place.file("euro.csv", "customer,start,amount,currency,interval\nbob,2024-01-01,10,EUR,month\n");
    place.ok(&["ingest", "some.csv", "--into", "h3", "--value", "amount"]);
    place.ok(&["ingest", "euro.csv", "--into", "h3", "--table", "subscriptions", "--preset", "generic"]);
    std::fs::create_dir(place.path("rules")).unwrap();
    place.file(
        "rules/x.toml",
        "[[rule]]\nname = \"x\"\nwhen = \"value_total > 50 and mrr > 0\"\nthen = { outbox = \"x.jsonl\" }\n",
    );
    assert_eq!(place.run(&["check", "h3", "--goals", "rules/x.toml"]).status.code(), Some(1));
    let text = std::fs::read_to_string(place.path("rules/x.jsonl")).unwrap();
    assert!(text.contains("\"customer\":\"bob\"") && text.contains("\"value\":\"70\",\"currency\":\"EUR\""), "{text}");
    // Two currencies are two facts of the business.
    place.file("sales.csv", "customer,time,amount,currency\na,2024-01-05,50,EUR\na,2024-01-05,60,USD\na,2024-02-05,1,EUR\n");
    place.ok(&["ingest", "sales.csv", "--into", "h2", "--value", "amount", "--currency", "currency"]);
    one_rule(&place, "revenue > 20", "{ outbox = \"m.jsonl\" }");
    let output = place.run(&["check", "h2", "--goals", "r.toml", "--as-of", "2024-02-01"]);
    assert_eq!(output.status.code(), Some(1));
    let text = std::fs::read_to_string(place.path("m.jsonl")).unwrap();
    let ids: std::collections::BTreeSet<String> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].to_string()).collect();
    assert_eq!(ids.len(), 2, "{text}");
}
