//! Star schemas for BI tools: what stands in them, how they are replaced, and who is not in them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use support::{ORDERS, Place};

const TABLES: [&str; 9] = [
    "dim_customer",
    "dim_date",
    "dim_segment",
    "fact_activity",
    "fact_cancellation",
    "fact_metric",
    "fact_mrr",
    "fact_retention",
    "fact_survey",
];

const KEY: &str = "a key of some length";

fn ingested() -> Place {
    let place = Place::new();
    place.file("orders.csv", ORDERS);
    place.ok(&["ingest", "orders.csv", "--into", "history", "--value", "amount", "--currency", "EUR", "--attribute", "country"]);
    place
}

/// The rows of a Parquet file, each by column.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let options = FormatOptions::new();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let schema = batch.schema();
        // Instants as microseconds.
        let plain = |array: &ArrayRef| match array.data_type() {
            DataType::Timestamp(..) => cast(array, &DataType::Int64).unwrap(),
            _ => array.clone(),
        };
        let arrays: Vec<ArrayRef> = batch.columns().iter().map(plain).collect();
        let columns: Vec<_> = arrays.iter().map(|array| ArrayFormatter::try_new(array, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let fields =
                schema.fields().iter().zip(&columns).map(|(field, of)| (field.name().clone(), of.value(row).to_string()));
            rows.push(fields.collect());
        }
    }
    rows
}

/// Some columns of all rows.
fn table(path: &Path, columns: &[&str]) -> Vec<String> {
    rows(path).iter().map(|row| columns.iter().map(|name| row[*name].as_str()).collect::<Vec<_>>().join(" ")).collect()
}

fn dictionary(place: &Place, export: &str) -> Value {
    serde_json::from_slice(&fs::read(place.path(export).join("schema.json")).unwrap()).unwrap()
}

/// Every file of an export by its path, with inode and bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, (u64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let of = (fs::metadata(&path).unwrap().ino(), fs::read(&path).unwrap());
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), of);
            }
        }
    }
    found
}

#[test]
fn a_small_star_is_what_counting_by_hand_gives() {
    let place = ingested();
    place.ok(&["export", "history", "--to", "bi", "--by", "country"]);
    let bi = place.path("bi");
    let mut customers = table(&bi.join("dim_customer.parquet"), &["customer_id", "cohort", "activities", "segment"]);
    customers.sort();
    assert_eq!(customers, ["ann 2024-01-01 3 country=DE", "bob 2024-01-01 2 country=AT", "cat 2024-02-01 1 country=DE"]);
    let mut activity = table(&bi.join("fact_activity.parquet"), &["date", "value", "currency", "country"]);
    activity.sort();
    assert_eq!(
        activity,
        [
            "2024-01-05 20.00 EUR DE",
            "2024-01-31 5.50 EUR AT",
            "2024-02-11 7.25 EUR DE",
            "2024-02-20 100.00 EUR DE",
            "2024-03-01 -5.50 EUR AT",
            "2024-03-15  EUR DE"
        ]
    );
    let retention =
        table(&bi.join("fact_retention.parquet"), &["cohort", "segment", "age", "size", "retained", "state", "value"]);
    let of_january: Vec<&String> = retention.iter().filter(|row| row.starts_with("2024-01-01 (all)")).collect();
    assert_eq!(
        of_january,
        [
            "2024-01-01 (all) 0 2 2 complete 25.50",
            "2024-01-01 (all) 1 2 1 complete 7.25",
            "2024-01-01 (all) 2 2 2 in_progress -5.50"
        ]
    );
    let of_austria: Vec<&String> = retention.iter().filter(|row| row.contains("country=AT 1")).collect();
    assert_eq!(of_austria, ["2024-01-01 country=AT 1 1 0 complete 0.00"]);
    assert_eq!(
        table(&bi.join("dim_segment.parquet"), &["segment", "by", "value", "label"]),
        ["(all)   (all)", "country=AT country AT AT", "country=DE country DE DE"]
    );
    // January to March of a leap year.
    assert_eq!(rows(&bi.join("dim_date.parquet")).len(), 31 + 29 + 31);
    let metrics = table(&bi.join("fact_metric.parquet"), &["date", "segment", "metric", "value"]);
    assert!(metrics.contains(&"2024-01-01 (all) revenue 25.500000".to_owned()), "{metrics:?}");
    assert!(metrics.contains(&"2024-02-01 country=DE active_customers 2.000000".to_owned()), "{metrics:?}");
    for empty in ["fact_mrr", "fact_survey", "fact_cancellation"] {
        assert!(rows(&bi.join(format!("{empty}.parquet"))).is_empty());
    }
    let dictionary = dictionary(&place, "bi");
    let tables = dictionary["tables"].as_array().unwrap();
    assert_eq!(tables.len(), TABLES.len());
    for table in tables {
        let name = table["name"].as_str().unwrap();
        assert!(TABLES.contains(&name));
        assert_eq!(table["rows"], rows(&bi.join(format!("{name}.parquet"))).len(), "{name}");
        for column in table["columns"].as_array().unwrap() {
            let told = column["meaning"] == "an attribute, as exports have it";
            assert_eq!(told, column["name"] == "country", "{name}: {column}");
        }
    }
    assert!(
        fs::read_to_string(bi.join("README.md")).unwrap().contains("| rate | float64 | retained / size, of complete cells |")
    );
    // Whoever reads the files alone finds what the metrics mean.
    let readme = fs::read_to_string(bi.join("README.md")).unwrap();
    assert!(readme.contains("| churn_rate | ") && readme.contains("segments by country: at birth in dim_customer"), "{readme}");
}

#[test]
fn local_dates_are_those_of_the_zone() {
    let place = ingested();
    place.ok(&["export", "history", "--to", "bi", "--zone", "Europe/Berlin", "--cohort", "quarter"]);
    // Bob bought on January 31 at 23:30 UTC, which is February in Berlin.
    let activity = table(&place.path("bi/fact_activity.parquet"), &["date"]);
    assert!(activity.contains(&"2024-02-01".to_owned()) && !activity.contains(&"2024-01-31".to_owned()), "{activity:?}");
    let cohorts = table(&place.path("bi/dim_customer.parquet"), &["cohort", "segment"]);
    assert_eq!(cohorts, vec!["2024-01-01 (all)"; 3]);
}

#[test]
fn only_what_changed_is_written_anew() {
    let place = ingested();
    let export = ["export", "history", "--to", "bi", "--partition", "month", "--incremental"];
    place.ok(&export);
    let first = files(&place.path("bi"));
    let activity = |month: &str| PathBuf::from(format!("fact_activity/year_month={month}/fact_activity.parquet"));
    assert!(["2024-01", "2024-02", "2024-03"].iter().all(|month| first.contains_key(&activity(month))), "{:?}", first.keys());
    // Nothing new: nothing is touched, not even the folder.
    let folder = fs::metadata(place.path("bi")).unwrap().ino();
    assert!(place.run(&export).stdout.is_empty());
    assert_eq!((files(&place.path("bi")), fs::metadata(place.path("bi")).unwrap().ino()), (first.clone(), folder));
    // A row of April for Cat: the months before stay, and so do the cohort of January and what has no rows.
    place.file("more.csv", "order,customer_id,created_at,amount,country\n7,cat,2024-04-02T00:00:00Z,1.00,DE\n");
    place.ok(&["ingest", "more.csv", "--into", "history", "--value", "amount", "--currency", "EUR", "--attribute", "country"]);
    place.ok(&export);
    let second = files(&place.path("bi"));
    for month in ["2024-01", "2024-02", "2024-03"] {
        assert_eq!(second[&activity(month)], first[&activity(month)], "{month}");
    }
    assert!(second.contains_key(&activity("2024-04")));
    for table in ["dim_segment.parquet", "fact_survey/year_month=__HIVE_DEFAULT_PARTITION__/fact_survey.parquet"] {
        assert_eq!(second[Path::new(table)], first[Path::new(table)], "{table}");
    }
    for table in ["dim_customer.parquet", "dim_date.parquet"] {
        assert_ne!(second[Path::new(table)], first[Path::new(table)], "{table}");
    }
    // An export from nothing has the same bytes, and without the flag every file is a new one.
    place.ok(&["export", "history", "--to", "fresh", "--partition", "month"]);
    let bytes = |files: &BTreeMap<PathBuf, (u64, Vec<u8>)>| -> BTreeMap<PathBuf, Vec<u8>> {
        files.iter().map(|(path, (_, bytes))| (path.clone(), bytes.clone())).collect()
    };
    assert_eq!(bytes(&files(&place.path("fresh"))), bytes(&second));
    place.ok(&["export", "history", "--to", "bi", "--partition", "month"]);
    let third = files(&place.path("bi"));
    assert_eq!(bytes(&third), bytes(&second));
    assert!(third.iter().all(|(path, (inode, _))| second[path].0 != *inode));
    // A file that was lost is written again.
    fs::remove_file(place.path("bi/dim_date.parquet")).unwrap();
    place.ok(&export);
    assert_eq!(bytes(&files(&place.path("bi"))), bytes(&second));
    let left: Vec<_> = fs::read_dir(place.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".")), "{left:?}");
}

#[test]
fn a_run_that_ends_in_the_middle_leaves_the_old_export() {
    let place = ingested();
    place.ok(&["export", "history", "--to", "bi"]);
    let before = files(&place.path("bi"));
    place.file("more.csv", "order,customer_id,created_at,amount,country\n7,cat,2024-04-02T00:00:00Z,1.00,DE\n");
    place.ok(&["ingest", "more.csv", "--into", "history", "--value", "amount", "--currency", "EUR", "--attribute", "country"]);
    // A damaged bucket ends the run after files have been begun.
    let bucket = fs::read_dir(place.path("history/activity")).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let whole = fs::read(&bucket).unwrap();
    let mut damaged = whole.clone();
    damaged.iter_mut().take(whole.len() / 2).for_each(|byte| *byte ^= 0x55);
    fs::write(&bucket, damaged).unwrap();
    place.fails(2, &["export", "history", "--to", "bi"]);
    assert_eq!(files(&place.path("bi")), before);
    // And what it has left does not stand in the way of the next.
    fs::write(&bucket, whole).unwrap();
    fs::create_dir_all(place.path(".bi.tenure-next/fact_activity")).unwrap();
    fs::write(place.path(".bi.tenure-next/dim_date.parquet"), "half").unwrap();
    place.ok(&["export", "history", "--to", "bi"]);
    assert_ne!(files(&place.path("bi")), before);
    assert!(!place.path(".bi.tenure-next").exists());
}

#[test]
fn a_killed_run_leaves_one_state_or_the_other() {
    let place = Place::new();
    place.ok(&["generate", "--customers", "2000", "--events", "60000", "--seed", "3", "-o", "events.csv"]);
    place.ok(&["ingest", "events.csv", "--into", "history", "--customer", "user_id"]);
    place.ok(&["export", "history", "--to", "bi"]);
    let month = files(&place.path("bi"));
    let pair = |files: &BTreeMap<PathBuf, (u64, Vec<u8>)>| -> Vec<(PathBuf, Vec<u8>)> {
        files.iter().map(|(path, (_, bytes))| (path.clone(), bytes.clone())).collect()
    };
    place.ok(&["export", "history", "--to", "other", "--cohort", "week"]);
    let week = pair(&files(&place.path("other")));
    let mut killed = 0;
    for millis in [2, 5, 10, 20, 30, 40, 60, 80, 120] {
        let mut child = place
            .command(&["export", "history", "--to", "bi", "--cohort", "week"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        let now = pair(&files(&place.path("bi")));
        assert!(now == pair(&month) || now == week, "after {millis} ms");
        place.ok(&["export", "history", "--to", "bi"]);
    }
    assert!(killed > 0, "no run was killed");
}

#[test]
fn pseudonyms_hide_who_customers_are() {
    let place = Place::new();
    place.file(
        "orders.csv",
        "customer_id,created_at,amount,Contact,friend,country,nick,page,shout,device,state\n\
         customer-ann,2024-01-05,20,ann@example.org,customer-bob,DE,x-customer-ann,/home,,phone-1,BY\n\
         customer-bob,2024-01-06,5,bob@example.org,,AT,b,/u/customer-ann?x,CUSTOMER-ANN,phone-2,W\n\
         customer-ann,2024-02-06,5,,,DE,a,/home,,phone-1,BY\n\
         customer-cat,2024-02-07,5,,,DE,a,/home,,phone-1,BY\n",
    );
    place.file("aliases.csv", "alias,customer\nphone-2,customer-cat\n");
    place.file("cancelled.csv", "customer_id,cancelled_at,reason,comment\ncustomer-bob,2024-03-01,price,I am customer-bob\n");
    place.ok(&[
        "ingest",
        "orders.csv",
        "--into",
        "history",
        "--value",
        "amount",
        "--currency",
        "EUR",
        "--all-attributes",
        "--aliases",
        "aliases.csv",
    ]);
    place.ok(&["ingest", "cancelled.csv", "--into", "history", "--table", "cancellations", "--comment", "comment"]);
    let export = |to: &str, key: &str| {
        let output = place
            .command(&["export", "history", "--to", to, "--pseudonymise", "--by", "country"])
            .env("TENURE_PSEUDONYM_KEY", key)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = export("bi", KEY);
    for column in [
        "Contact of activity (looks like e-mail addresses)",
        "friend of activity (holds ids of customers)",
        "nick of activity (holds ids of customers)",
        "page of activity (holds ids of customers)",
        "shout of activity (holds ids of customers)",
        "device of activity (holds ids of customers)",
        "comment of cancellations (free text)",
    ] {
        assert!(said.contains(&format!("note: left out: {column}\n")), "{column}: {said}");
    }
    for (path, (_, bytes)) in files(&place.path("bi")) {
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            // Pages are compressed: what stands in them is read.
            for (name, value) in rows(&place.path("bi").join(&path)).into_iter().flatten() {
                text.push_str(&format!("\n{name} {value}"));
            }
        }
        for secret in ["customer-ann", "customer-bob", "example.org"] {
            assert!(!text.contains(secret), "{path:?}: {secret}");
        }
    }
    let ids = |to: &str| table(&place.path(to).join("dim_customer.parquet"), &["customer_id"]);
    assert!(ids("bi").iter().all(|id| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())), "{:?}", ids("bi"));
    let columns = rows(&place.path("bi/fact_activity.parquet"));
    assert_eq!(columns[0].keys().filter(|name| ["Contact", "friend", "nick"].contains(&name.as_str())).count(), 0);
    assert_eq!(columns[0]["country"].len(), 2, "what tells nobody stays");
    // Numbers and orders are those of the pseudonyms; rows find their customers all the same.
    let named = table(&place.path("bi/dim_customer.parquet"), &["customer_id", "customer_key"]);
    assert!(named.is_sorted() && named[0].ends_with(" 0") && named[2].ends_with(" 2"), "{named:?}");
    place.ok(&["export", "history", "--to", "plain", "--by", "country"]);
    let spent = |to: &str| {
        let customers = rows(&place.path(to).join("dim_customer.parquet"));
        let mut found: Vec<(String, String)> = Vec::new();
        for row in rows(&place.path(to).join("fact_activity.parquet")) {
            let of = customers.iter().find(|one| one["customer_key"] == row["customer_key"]).unwrap();
            found.push((of["first_activity"].clone(), format!("{} {}", row["time"], row["value"])));
        }
        found.sort();
        found
    };
    assert_eq!(spent("bi"), spent("plain"));
    let left = rows(&place.path("bi/fact_cancellation.parquet"));
    let bob = rows(&place.path("bi/dim_customer.parquet")).into_iter().find(|row| row["segment"] == "country=AT").unwrap();
    assert_eq!(left[0]["customer_key"], bob["customer_key"]);
    // An attribute is an attribute, whatever its name.
    let dictionary = dictionary(&place, "plain");
    let columns = dictionary["tables"].as_array().unwrap().iter().find(|table| table["name"] == "fact_activity").unwrap();
    let state = columns["columns"].as_array().unwrap().iter().find(|column| column["name"] == "state").unwrap();
    assert_eq!(state["meaning"], "an attribute, as exports have it");
    // The same key gives the same names, another key others.
    export("again", KEY);
    export("other", "another key, as long");
    assert_eq!(ids("again"), ids("bi"));
    assert!(ids("other").iter().all(|id| !ids("bi").contains(id)));
    // As openssl works it out.
    assert!(ids("bi").contains(&"d2ac6e52b0c0a998fd573012a83f3f68e24d579b375a211ef27e53f3c022bc8d".to_owned()));
    let said = place.fails(2, &["export", "history", "--to", "none", "--pseudonymise"]);
    assert!(said.starts_with("error: --pseudonymise needs a key in the environment variable TENURE_PSEUDONYM_KEY"), "{said}");
    let short = place
        .command(&["export", "history", "--to", "none", "--pseudonymise"])
        .env("TENURE_PSEUDONYM_KEY", "short")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&short.stderr).contains("has 5 characters, and a key needs at least 16"));
    assert_eq!((short.status.code(), place.path("none").exists()), (Some(2), false));
    let by = place
        .command(&["export", "history", "--to", "none", "--pseudonymise", "--by", "friend"])
        .env("TENURE_PSEUDONYM_KEY", KEY)
        .output();
    assert!(String::from_utf8_lossy(&by.unwrap().stderr).contains("--by friend: the column is left out"));
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let place = ingested();
    fs::create_dir(place.path("mine")).unwrap();
    place.file("mine/notes.txt", "mine");
    let said = place.fails(2, &["export", "history", "--to", "mine"]);
    assert_eq!(said, "error: --to mine: the folder holds something that is no export; choose an empty or a new one\n");
    place.ok(&["export", "history", "--to", "bi"]);
    place.file("bi/notes.txt", "mine");
    let said = place.fails(2, &["export", "history", "--to", "bi"]);
    assert_eq!(
        said,
        "error: --to bi: notes.txt is no part of the export, and the folder is replaced as a whole; move it elsewhere\n"
    );
    for to in ["history", "history/bi", "."] {
        let said = place.fails(2, &["export", "history", "--to", to]);
        assert!(
            said.contains("since the history lies there") || said.contains("holds something that is no export"),
            "{to}: {said}"
        );
    }
    assert!(place.fails(2, &["export", "history", "--to", "x", "--by", "nothing"]).contains("no column \"nothing\""));
    assert!(
        place.fails(2, &["export", "history", "--to", "x", "--cohort", "hour"]).starts_with("error: --cohort hour: expected day")
    );
    assert!(!place.path("x").exists() && !place.path(".x.tenure-next").exists());
    assert_eq!(fs::read_to_string(place.path("mine/notes.txt")).unwrap(), "mine");
}

#[test]
fn nothing_of_somebody_else_is_touched() {
    let place = ingested();
    let export = ["export", "history", "--to", "bi", "--partition", "month"];
    place.ok(&export);
    // A file in a folder of the export, and a folder that only another kind of export has.
    place.file("bi/fact_activity/notes.txt", "mine");
    let said = place.fails(2, &export);
    assert!(said.contains("--to bi: fact_activity/notes.txt is no part of the export"), "{said}");
    assert_eq!(fs::read_to_string(place.path("bi/fact_activity/notes.txt")).unwrap(), "mine");
    place.ok(&["export", "history", "--to", "flat"]);
    fs::create_dir(place.path("flat/fact_activity")).unwrap();
    assert!(place.fails(2, &["export", "history", "--to", "flat"]).contains("fact_activity is no part of the export"));
    // A link where the next export would be made.
    fs::create_dir(place.path("victim")).unwrap();
    place.file("victim/notes.txt", "mine");
    std::os::unix::fs::symlink(place.path("victim"), place.path(".new.tenure-next")).unwrap();
    assert!(place.fails(2, &["export", "history", "--to", "new"]).contains(".new.tenure-next is in the way"));
    assert_eq!(fs::read_to_string(place.path("victim/notes.txt")).unwrap(), "mine");
}

#[test]
fn links_stay_links_and_private_folders_private() {
    let place = ingested();
    place.ok(&["export", "history", "--to", "real"]);
    let before = fs::metadata(place.path("real/fact_activity.parquet")).unwrap().ino();
    fs::set_permissions(place.path("real"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink(place.path("real"), place.path("bi")).unwrap();
    place.ok(&["export", "history", "--to", "bi", "--cohort", "week"]);
    assert!(place.path("bi").is_symlink());
    assert_ne!(fs::metadata(place.path("real/fact_activity.parquet")).unwrap().ino(), before);
    assert_eq!(fs::metadata(place.path("real")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(dictionary(&place, "real")["export"]["cohort"], "week");
}

#[test]
fn a_damaged_file_is_written_anew() {
    let place = ingested();
    let export = ["export", "history", "--to", "bi", "--incremental"];
    place.ok(&export);
    let before = files(&place.path("bi"));
    let path = place.path("bi/fact_activity.parquet");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let said = place.run(&export);
    assert!(!String::from_utf8_lossy(&said.stderr).contains("up to date"));
    assert_eq!(fs::read(&path).unwrap(), before[Path::new("fact_activity.parquet")].1);
}
