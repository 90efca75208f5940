use std::io::Write;
use std::sync::Mutex;

use arrow::array::{Array, AsArray, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use encoding_rs::WINDOWS_1252;

use super::*;
use crate::batch::Damage;

type Row = (u64, Vec<Option<String>>, Option<Damage>);

/// The header and all rows, by their numbers.
fn read_all(rows: &dyn Rows) -> (Vec<String>, Vec<Row>) {
    let header: Vec<String> = rows.header().iter().map(ToString::to_string).collect();
    let columns: Vec<usize> = (0..header.len()).collect();
    let found = Mutex::new(Vec::new());
    rows.read(&columns, &|batch| {
        let texts: Vec<StringArray> =
            batch.columns.iter().map(|column| cast(column, &DataType::Utf8).unwrap().as_string::<i32>().clone()).collect();
        for row in 0..batch.rows.len() {
            let fields = texts.iter().map(|column| column.is_valid(row).then(|| column.value(row).to_owned()));
            found.lock().unwrap().push((batch.rows.get(row), fields.collect(), batch.damaged.get(&row).cloned()));
        }
        Ok(())
    })
    .unwrap();
    let mut found = found.into_inner().unwrap();
    found.sort_by_key(|(number, ..)| *number);
    (header, found)
}

fn opened(bytes: impl Into<Vec<u8>>, hints: &Hints) -> Result<(Input, Box<dyn Rows>), Error> {
    let bytes: Vec<u8> = bytes.into();
    let mut input = Input::open(&Export::Bytes { name: "test".into(), bytes: bytes.into() })?;
    let rows = input.rows_of_bytes(hints)?;
    Ok((input, rows))
}

fn whole(bytes: impl Into<Vec<u8>>) -> (Vec<String>, Vec<Row>, Vec<String>) {
    let (_, rows) = opened(bytes, &Hints::default()).unwrap();
    let (header, found) = read_all(&*rows);
    (header, found, rows.notes())
}

fn failure(bytes: impl Into<Vec<u8>>) -> String {
    opened(bytes, &Hints::default()).err().unwrap().to_string()
}

fn row(number: u64, fields: &[&str]) -> Row {
    (number, fields.iter().map(|field| Some((*field).to_owned())).collect(), None)
}

const GERMAN: &str = "Kunde;Größe\r\nMüller;1,5\r\nJörg;2\r\n";

#[test]
fn every_encoding_is_the_same_text() {
    let expected = (vec!["Kunde".to_owned(), "Größe".to_owned()], vec![row(2, &["Müller", "1,5"]), row(3, &["Jörg", "2"])]);
    let little: Vec<u8> = GERMAN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = GERMAN.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (bytes, note) in [
        (GERMAN.as_bytes().to_vec(), None),
        ([UTF8_BOM, GERMAN.as_bytes()].concat(), None),
        ([&[0xff, 0xfe], &little[..]].concat(), Some("read as UTF-16 (little-endian)")),
        (little, Some("read as UTF-16 (little-endian)")),
        ([&[0xfe, 0xff], &big[..]].concat(), Some("read as UTF-16 (big-endian)")),
        (big, Some("read as UTF-16 (big-endian)")),
        (WINDOWS_1252.encode(GERMAN).0.to_vec(), Some("read as Windows-1252 (it is not UTF-8)")),
    ] {
        let (header, rows, notes) = whole(bytes);
        assert_eq!((header, rows), expected);
        assert_eq!(notes, note.map(str::to_owned).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_few_damaged_rows_leave_the_text_what_it_is() {
    let (_, rows, notes) = whole([GERMAN.as_bytes(), b"\xff;3\r\n"].concat());
    assert_eq!((rows.len(), &rows[2].2, notes.len()), (3, &Some(Damage::NotUtf8), 0));
}

#[test]
fn archives_may_have_members_and_must_be_whole() {
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
    let long: String = (0..20_000).map(|i| format!("{i},{}\n", i * 7919 % 10_007)).collect();
    for compress in [&gzip as &dyn Fn(&str) -> Vec<u8>, &zstd] {
        let (header, rows, _) = whole([compress("a,b\n1,"), compress("2\n")].concat());
        assert_eq!((header, rows), (vec!["a".to_owned(), "b".to_owned()], vec![row(2, &["1", "2"])]));
        let mut cut = compress(&format!("a,b\n{long}"));
        cut.truncate(cut.len() / 2);
        let said = match opened(cut, &Hints::default()) {
            Err(error) => error.to_string(),
            Ok((_, rows)) => rows.read(&[0], &|_| Ok(())).unwrap_err().to_string(),
        };
        assert_eq!(said, "test: the archive ends too early: it was cut off; get it again or make it again");
    }
}

#[test]
fn tables_are_read_from_where_they_begin() {
    let (header, rows, notes) = whole("Report;;\nof July;;\nday;who;sum\n2024-01-31;a;1\n2024-01-31;b;2\n");
    assert_eq!(header, ["day", "who", "sum"]);
    assert_eq!(rows, [row(4, &["2024-01-31", "a", "1"]), row(5, &["2024-01-31", "b", "2"])]);
    assert_eq!(notes, ["skipped 2 lines above the header"]);
    let (header, rows, _) = whole("sep=;\r\na;b\r\n1;2\r\n");
    assert_eq!((header, rows), (vec!["a".to_owned(), "b".to_owned()], vec![row(3, &["1", "2"])]));
    // Lines of an old Mac, and blank ones.
    let (header, rows, _) = whole("a,b\r1,2\r\r3,4\r");
    assert_eq!((header, rows), (vec!["a".to_owned(), "b".to_owned()], vec![row(2, &["1", "2"]), row(4, &["3", "4"])]));
    let hints = Hints { header_rows: 2, ..Hints::default() };
    let (header, rows) = read_all(&*opened("id,Which?,\n,App,Web\n1,x,\n", &hints).unwrap().1);
    assert_eq!((header, rows), (["id", "Which? / App", "Which? / Web"].map(str::to_owned).into(), vec![row(3, &["1", "x", ""])]));
}

#[test]
fn rows_of_other_widths_are_damaged() {
    let (_, rows, _) = whole("a,b\n1\n1,2,3\n1,2,,\n , \n\"x\ny\",2\n5,6\n");
    let numbers: Vec<u64> = rows.iter().map(|row| row.0).collect();
    assert_eq!(numbers, [2, 3, 4, 5, 6, 8]);
    let damage: Vec<bool> = rows.iter().map(|row| row.2.is_some()).collect();
    assert_eq!(damage, [true, true, false, false, false, false]);
    assert_eq!(rows[0].1, [Some("1".to_owned()), None]);
}

#[test]
fn an_open_quote_costs_one_row() {
    let (_, rows, _) = whole("a,b\n1,2\n3,\"4\n5,6\n7,8\n");
    assert_eq!(
        rows.iter().map(|row| (row.0, row.2.clone())).collect::<Vec<_>>(),
        [(2, None), (3, Some(Damage::UnclosedQuote)), (4, None), (5, None)]
    );
}

#[test]
fn json_is_lines_or_one_array() {
    let expected = (vec!["a".to_owned(), "b.c".to_owned()], vec![row(1, &["1", "x"]), row(2, &["2", "y"])]);
    for text in [
        "{\"a\": 1, \"b\": {\"c\": \"x\"}}\n{\"a\": 2, \"b\": {\"c\": \"y\"}}\n",
        "[{\"a\": 1, \"b\": {\"c\": \"x\"}},\n{\"a\": 2, \"b\": {\"c\": \"y\"}}]",
        "[\n  {\n    \"a\": 1,\n    \"b\": {\n      \"c\": \"x\"\n    }\n  },\n  {\n    \"a\": 2,\n    \"b\": {\"c\": \"y\"}\n  }\n]\n",
        "{\n  \"a\": 1,\n  \"b\": {\"c\": \"x\"}\n}\n{\n  \"a\": 2,\n  \"b\": {\"c\": \"y\"}\n}\n",
    ] {
        let (_, rows) = opened(text, &Hints::default()).unwrap();
        assert_eq!(read_all(&*rows), expected, "{text}");
        assert_eq!((rows.is_text(0), rows.is_text(1)), (false, true));
    }
    let (_, rows, _) = whole("{\"a\": 1\n{\"a\": 2}\n{\"a\": 3}\n");
    assert_eq!(rows.iter().map(|row| row.2.is_some()).collect::<Vec<_>>(), [true, false, false]);
    assert!(failure("[]").contains("the JSON array is empty"));
}

fn arrow_batches() -> Vec<RecordBatch> {
    let people: DictionaryArray<Int32Type> = ["a", "b", "a"].into_iter().collect();
    let fields = vec![
        Field::new("n", DataType::Int64, true),
        Field::new("who", people.data_type().clone(), true),
        Field::new("text", DataType::LargeUtf8, true),
    ];
    let schema = Arc::new(Schema::new(fields));
    let text = cast(&StringArray::from(vec![Some("x"), None, Some("z")]), &DataType::LargeUtf8).unwrap();
    let numbers = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_new(schema, vec![numbers, Arc::new(people), text]).unwrap();
    vec![batch.clone(), batch]
}

#[test]
fn arrow_files_and_streams_are_the_same_rows() {
    let batches = arrow_batches();
    let mut all = Vec::new();
    for compression in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let options = || IpcWriteOptions::default().try_with_compression(compression).unwrap();
        let mut file = FileWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options()).unwrap();
        let mut stream = StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options()).unwrap();
        for batch in &batches {
            file.write(batch).unwrap();
            stream.write(batch).unwrap();
        }
        all.extend([file.into_inner().unwrap(), stream.into_inner().unwrap()]);
    }
    for bytes in all {
        let (_, rows) = opened(bytes.clone(), &Hints::default()).unwrap();
        assert_eq!([0, 1, 2].map(|column| rows.column_type(column)), [DataType::Int64, DataType::Utf8, DataType::Utf8]);
        let (header, found) = read_all(&*rows);
        assert_eq!(header, ["n", "who", "text"]);
        assert_eq!(found.iter().map(|row| row.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(found[2], row(3, &["3", "a", "z"]));
        assert_eq!(found[4].1[2], None);
        // Columns in another order than the file's, and one of them twice.
        let columns = Mutex::new(Vec::new());
        rows.read(&[2, 0, 2], &|batch| {
            columns.lock().unwrap().push(batch.columns.iter().map(|column| column.data_type().clone()).collect::<Vec<_>>());
            Ok(())
        })
        .unwrap();
        assert_eq!(columns.into_inner().unwrap()[0], [DataType::Utf8, DataType::Int64, DataType::Utf8]);
        // What is cut off is told.
        let cut = opened(&bytes[..bytes.len() / 2], &Hints::default());
        assert!(cut.is_err() || cut.unwrap().1.read(&[0], &|_| Ok(())).is_err());
    }
}

#[test]
fn what_is_no_workbook_is_told() {
    assert_eq!(failure(&b"PK\x03\x04 and no more"[..]), "test: cannot read as a workbook: it is none of xlsx, xlsb, xls and ods");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever the bytes, they are rows or an error.
    #[test]
    fn never_panics(bytes: Vec<u8>, magic in 0usize..8) {
        let magics: [&[u8]; 8] = [b"", PARQUET, ARROW_FILE, ARROW_STREAM, ZIP, OLE, b"[{", &[0xff, 0xfe]];
        if let Ok((_, rows)) = opened([magics[magic], &bytes].concat(), &Hints::default()) {
            let columns: Vec<usize> = (0..rows.header().len()).collect();
            let _ = rows.read(&columns, &|_| Ok(()));
        }
    }

    /// UTF-16 and Windows-1252 are the same rows as UTF-8.
    #[test]
    fn encodings_agree(fields in proptest::collection::vec("[a-zäöüß€,\"0-9]{0,6}", 2..30)) {
        let quoted: Vec<String> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
        let text: String = std::iter::once("k\u{fc}nde,g\u{f6}\u{df}e".to_owned()).chain(quoted.chunks(2).map(|pair| pair.join(","))).collect::<Vec<_>>().join("\n");
        let expected = whole(text.as_bytes());
        let little: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [little, WINDOWS_1252.encode(&text).0.to_vec()] {
            let found = whole(bytes);
            proptest::prop_assert_eq!((&found.0, &found.1), (&expected.0, &expected.1));
        }
    }
}

#[test]
fn a_header_may_go_over_blocks() {
    let text = "id,Score?,Which?\n,Response,\"App\nu1,5,x\nu2,4,y\n";
    let hints = Hints { header_rows: 2, ..Hints::default() };
    let (_, rows) = opened(text, &hints).unwrap();
    let whole = read_all(&*rows);
    for bytes in [2, 7, 20] {
        let export = Export::Bytes { name: "test".into(), bytes: text.as_bytes().into() };
        let rows = Input::open(&export).unwrap().with_block_bytes(bytes).rows(&export, &hints).unwrap();
        assert_eq!(read_all(&*rows), whole, "{bytes}");
    }
    // The second line of the header has a quote that nothing closes.
    assert_eq!(whole.1, [row(3, &["u1", "5", "x"]), row(4, &["u2", "4", "y"])]);
}
