//! SQL expressions over the columns of exports: they mean the same in all files of a command, however these are written.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use support::{Place, counts, distinct, sum};

const DOUBLED: [&str; 2] = ["--value", "amount * 2"];

fn parquet(place: &Place, name: &str, amount: ArrayRef) {
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..amount.len()).map(|i| format!("p-{i}"))));
    let times: ArrayRef = Arc::new(StringArray::from(vec!["2024-01-05"; amount.len()]));
    let batch = RecordBatch::try_from_iter([("customer", ids), ("time", times), ("amount", amount)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    place.file(name, writer.into_inner().unwrap());
}

fn place() -> Place {
    let place = Place::new();
    place
        .file("numbers.csv", "customer,time,amount\na,2024-01-01,1.50\nb,2024-01-02,200\n")
        .file("texts.csv", "customer,time,amount\nc,2024-01-03,n/a\nd,2024-01-03,none\n")
        .file("blank.csv", "customer,time,amount\ne,2024-01-03,\nf,2024-01-03,\n")
        .file("quoted.jsonl", "{\"customer\":\"g\",\"time\":\"2024-01-04\",\"amount\":\"7.25\"}\n");
    parquet(&place, "typed.parquet", Arc::new(Int64Array::from(vec![5, 50])));
    place
}

#[test]
fn a_column_of_numbers_in_one_file_is_one_of_numbers_in_all() {
    let place = place();
    for first in ["numbers.csv", "typed.parquet"] {
        for order in [[first, "quoted.jsonl"], ["quoted.jsonl", first]] {
            let history = format!("{first}-{}", order[0]);
            let report = place.ingest(&[&order[..], &["--into", &history], &DOUBLED].concat());
            assert_eq!(counts(&report)[1], 3, "{order:?}");
            let expected = if first == "numbers.csv" { 2.0 * (1.5 + 200.0 + 7.25) } else { 2.0 * (55.0 + 7.25) };
            assert_eq!(sum(&place.table(&history, "activity"), "value"), expected, "{order:?}");
        }
        // What is none is rejected, row by row, with its place.
        let args = [&["ingest", first, "texts.csv", "blank.csv", "--into", "none"], &DOUBLED[..]].concat();
        let said = place.fails(1, &args);
        assert!(said.contains("2 of 6 rows can't be read"), "{said}");
        assert!(said.contains("texts.csv:2: cannot evaluate the expression for \"n/a\" in column \"amount\""), "{said}");
        let filter = ["--where", "amount > 20", "--max-rejects", "2"];
        let report = place.ingest(&[&[first, "texts.csv", "--into", &format!("filtered-{first}")], &filter[..]].concat());
        assert_eq!(counts(&report), [4, 1, 2, 0, 1], "{first}");
    }
    // A quoted number beside a column of numbers is a number: "7.25" is more than '100' as a text.
    let filter = ["--where", "amount > '100'"];
    let report = place.ingest(&[&["numbers.csv", "blank.csv", "--into", "literal"], &filter[..]].concat());
    assert_eq!(counts(&report), [4, 1, 0, 0, 3]);
    parquet(&place, "digits.parquet", Arc::new(StringArray::from(vec!["7", "150"])));
    let report = place.ingest(&[&["typed.parquet", "digits.parquet", "--into", "literals"], &filter[..]].concat());
    assert_eq!(counts(&report), [4, 1, 0, 0, 3]);
}

#[test]
fn codes_that_look_like_numbers_in_one_file_are_texts_as_in_the_other() {
    let place = Place::new();
    place
        .file("few.csv", "customer,time,zip\na,2024-01-01,1234\nb,2024-01-01,99999\n")
        .file("more.csv", "customer,time,zip\nc,2024-01-01,01234\nd,2024-01-01,1234\n");
    place.ingest(&["few.csv", "more.csv", "--into", "h", "--where", "zip = '01234'"]);
    assert_eq!(distinct(&place.table("h", "activity"), "customer"), ["c"]);
}

#[test]
fn what_does_not_fit_names_file_column_and_types() {
    let place = place();
    place.file("words.csv", "customer,time,amount,country\na,2024-01-01,1,DE\n");
    let said = place.fails(2, &["ingest", "words.csv", "--into", "h", "--value", "country * 2"]);
    assert!(
        said.contains("words.csv: --value \"country * 2\": only numbers can be computed with (column \"country\" holds text)"),
        "{said}"
    );
    parquet(&place, "days.parquet", Arc::new(Date32Array::from(vec![19_000])));
    let said = place.fails(2, &["ingest", "numbers.csv", "days.parquet", "--into", "h", "--value", "amount * amount"]);
    assert!(said.contains("days.parquet: --value \"amount * amount\": "), "{said}");
    assert!(said.contains("column \"amount\" holds dates here and numbers in numbers.csv"), "{said}");
    assert!(said.contains("ingest the files one after the other"), "{said}");
    assert!(!place.path("h").exists());
}

#[test]
fn rejected_rows_that_are_all_bad_come_again_with_the_same_expression() {
    let place = Place::new();
    place.file("log.csv", "customer,time,amount,plan\na,2024-01-01,1,pro\nb,2024-01-02,two,pro\nc,2024-01-03,three,pro\nd,2024-01-04,4,pro\ne,2024-01-05,5,pro\n");
    let flags = ["--into", "h", "--value", "amount * 2", "--where", "amount > 0 and plan = 'pro'", "--rejects"];
    place.ingest(&[&["log.csv"], &flags[..], &["bad.csv", "--max-rejects", "2"]].concat());
    // As they are, they are rejected again, and not refused.
    let said = place.fails(1, &[&["ingest", "bad.csv"], &flags[..], &["worse.csv"]].concat());
    assert!(said.contains("2 of 2 rows can't be read"), "{said}");
    let bad = fs::read_to_string(place.path("bad.csv")).unwrap();
    // One mended, then both.
    place.file("half.csv", bad.replace(",two,", ",2,"));
    let report = place.ingest(&[&["half.csv"], &flags[..], &["still.csv", "--max-rejects", "1"]].concat());
    assert_eq!(counts(&report), [2, 1, 1, 0, 0]);
    place.file("mended.csv", bad.replace(",two,", ",2,").replace(",three,", ",3,"));
    let report = place.ingest(&[&["mended.csv"], &flags[..], &["none.csv"]].concat());
    assert_eq!(counts(&report), [2, 1, 0, 1, 0]);
    assert_eq!(sum(&place.table("h", "activity"), "value"), 30.0);
}

#[test]
fn the_filter_is_judged_first() {
    let place = Place::new();
    place.file(
        "log.csv",
        "user_id,time,amount\n\
         a,2024-01-01,5\n\
         b,nonsense,-1\n\
         ,2024-01-01,-2\n\
         c,nonsense,3\n\
         d,2024-01-01,many\n\
         e,2024-01-01,\n\
         f,2024-01-01,6\n\
         g,2024-01-01\n",
    );
    let report = place.json(&["ingest", "log.csv", "--into", "h", "--where", "amount > 0", "--max-rejects", "9"]);
    let counts =
        ["rows_read", "rows_kept", "rows_rejected", "rows_duplicate", "rows_filtered"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [8, 2, 3, 0, 3]);
}

#[test]
fn expressions_compute_values() {
    let place = Place::new();
    place.file(
        "retail.csv",
        "InvoiceNo,Quantity,UnitPrice,CustomerID,InvoiceDate\n1,6,2.55,17850,2010-12-01 08:26\n2,-1,3.39,17850,2010-12-01 08:27\n3,3,0.1,13047,2010-12-01 08:34\n",
    );
    let base = ["retention", "retail.csv", "--value", "Quantity * UnitPrice", "--measure", "value"];
    let value =
        |more: &[&str]| place.json(&[&base[..], more].concat())["cohorts"][0]["cells"][0]["value"].as_str().unwrap().to_owned();
    assert_eq!(value(&[]), "12.21");
    assert_eq!(value(&["--where", "Quantity > 0"]), "15.60");
    assert_eq!(value(&["--where", "CustomerID = '13047'"]), "0.30");
}

#[test]
fn typed_columns_are_computed_with() {
    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
    let place = Place::new();
    let columns: [(&str, ArrayRef); 4] = [
        ("customer", std::sync::Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("time", std::sync::Arc::new(StringArray::from(vec!["2024-01-01", "2024-01-02", "2024-01-03"]))),
        ("quantity", std::sync::Arc::new(Int64Array::from(vec![2, 3, 4]))),
        ("price", std::sync::Arc::new(Float64Array::from(vec![19.99, f64::NAN, 0.1]))),
    ];
    let batch = arrow::array::RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(fs::File::create(place.path("a.parquet")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let base = ["ingest", "a.parquet", "--into", "x", "--dry-run", "--max-rejects", "1"];
    // What is not a number is rejected, in a column as in an expression.
    for value in ["price", "quantity * price"] {
        let report = place.json(&[&base[..], &["--value", value]].concat());
        assert_eq!((&report["rows_kept"], &report["rows_rejected"]), (&2.into(), &1.into()), "{value}");
    }
    let args = ["retention", "a.parquet", "--value", "quantity * price", "--where", "quantity <> 3 and time < '2024-01-04'"];
    let answer = place.json(&[&args[..], &["--measure", "value"]].concat());
    assert_eq!(answer["cohorts"][0]["cells"][0]["value"], "40.38");
}
