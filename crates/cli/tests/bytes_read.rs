//! Which columns a question reads: those that its answer rests on, and no others. A column that has been damaged is noticed
//! where it is read, and only there.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use support::{Place, copy_dir};

const EVENTS: &str = "\
customer,time,event,amount,currency,country,plan
ann,2024-01-05T10:00:00Z,signup,,,DE,free
ann,2024-02-11T09:00:00Z,purchase,7.25,EUR,DE,pro
ann,2024-03-15T08:00:00Z,login,,,DE,pro
bob,2024-01-31T23:30:00Z,signup,5.50,USD,AT,free
bob,2024-03-01T00:00:00Z,login,,,AT,free
cat,2024-02-20T12:00:00Z,purchase,100,EUR,DE,pro
";

/// The columns of the activity.
const COLUMNS: [&str; 9] = ["customer", "day", "time", "event", "value", "currency", "country", "plan", "tied"];

/// Changes a byte in each chunk of a column.
fn damage(history: &Path, column: &str) {
    for entry in fs::read_dir(history.join("activity")).unwrap() {
        let path = entry.unwrap().path();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let chunks: Vec<(u64, u64)> = reader
            .metadata()
            .row_groups()
            .iter()
            .flat_map(|group| group.columns().to_vec())
            .filter(|chunk| chunk.column_path().string() == column)
            .map(|chunk| chunk.byte_range())
            .collect();
        assert!(!chunks.is_empty(), "no column {column}");
        for (start, length) in chunks {
            bytes[(start + length / 2) as usize] ^= 0x55;
        }
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn a_question_reads_the_columns_that_it_needs() {
    let place = Place::new();
    place.file("events.csv", EVENTS);
    let mapping = ["--value", "amount", "--currency", "currency", "--attribute", "country", "plan"];
    place.ok(&[&["ingest", "events.csv", "--into", "history", "-q"], &mapping[..]].concat());
    let damaged = |column: &str| format!("damaged-{column}");
    for column in COLUMNS {
        copy_dir(&place.path("history"), &place.path(&damaged(column)));
        damage(&place.path(&damaged(column)), column);
    }
    let questions: [(&[&str], &[&str]); 14] = [
        (&[], &["customer", "day"]),
        (&["--cohort", "week", "--age", "day"], &["customer", "day"]),
        (&["--criterion", "streak"], &["customer", "day"]),
        (&["--measure", "events"], &["customer", "day"]),
        (&["--measure", "value"], &["customer", "day", "value", "currency"]),
        (&["--by", "country"], &["customer", "day", "country"]),
        (&["--filter", "plan = 'pro'"], &["customer", "day", "plan"]),
        (&["--returned", "event = 'login'"], &["customer", "day", "event"]),
        (&["--born", "event = 'purchase'", "--returned", "event = 'login'"], &["customer", "day", "event", "tied"]),
        (&["--zone", "Asia/Kolkata"], &["customer", "time"]),
        (&["--alignment", "rolling"], &["customer", "day", "time"]),
        (&["--as-of", "2024-02-25"], &["customer", "day", "time"]),
        (&["--as-of", "2030-01-01"], &["customer", "day"]),
        (&["--birth", "recurring"], &["customer", "day"]),
    ];
    for (question, expected) in questions {
        let ask = |history: &str| place.run(&[&["retention", history, "-q"], question].concat());
        let whole = ask("history");
        assert!(whole.status.success(), "{question:?}");
        let mut read = BTreeSet::new();
        for column in COLUMNS {
            let output = ask(&damaged(column));
            let said = String::from_utf8_lossy(&output.stderr);
            if output.status.code() == Some(2) {
                assert!(said.contains(&format!("the bytes of column \"{column}\" have changed")), "{said}");
                read.insert(column);
            } else {
                assert_eq!(output.stdout, whole.stdout, "{question:?} without {column}");
            }
        }
        assert_eq!(read, expected.iter().copied().collect(), "{question:?}");
    }
}
