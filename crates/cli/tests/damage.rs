//! Damaged exports: whatever the bytes, an ingest ends with rows that are accounted for or with an error that says why.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use proptest::prelude::*;
use support::{Place, counts};
use tenure_analysis::inspect;
use tenure_history::Target;
use tenure_ingest::{Attributes, Export, Mapping, Options, PresetChoice, Progress, RejectLimit, Source, Stage, ingest};
use tenure_model::{Instant, Table, column};

struct Silent;

impl Progress for Silent {
    fn begin(&self, _: Stage, _: u64) {}
    fn reached(&self, _: u64) {}
}

const ROWS: usize = 12;

fn csv_text() -> String {
    let mut text = String::from("user_id,time,amount,currency,note\n");
    for i in 0..ROWS {
        let note = ["plain", "\"quoted, with \"\"marks\"\"\"", "\"two\nlines\"", "grün", ""][i % 5];
        writeln!(text, "u-{},2024-01-{:02}T10:00:00Z,{}.50,EUR,{note}", i % 4, i + 1, i * 3).unwrap();
    }
    text
}

fn json_text() -> String {
    let mut text = String::new();
    for i in 0..ROWS {
        writeln!(
            text,
            "{{\"user_id\": \"u-{}\", \"time\": \"2024-01-{:02}T10:00:00Z\", \"amount\": {}.5, \"currency\": \"EUR\", \"deep\": {{\"list\": [1, {{\"a\": null}}], \"flag\": true}}, \"note\": \"gr\\u00fcn \\\"x\\\"\"}}",
            i % 4,
            i + 1,
            i * 3
        )
        .unwrap();
    }
    text
}

fn batch() -> RecordBatch {
    let texts = |text: &dyn Fn(usize) -> String| Arc::new(StringArray::from_iter_values((0..ROWS).map(text))) as ArrayRef;
    let day = 86_400_000_000;
    let times = TimestampMicrosecondArray::from_iter_values((0..ROWS as i64).map(|i| 1_704_067_200_000_000 + i * day));
    let amounts = Decimal128Array::from_iter_values((0..ROWS as i128).map(|i| i * 350)).with_precision_and_scale(20, 2).unwrap();
    RecordBatch::try_from_iter([
        ("user_id", texts(&|i| format!("u-{}", i % 4))),
        ("time", Arc::new(times.with_timezone("UTC")) as ArrayRef),
        ("amount", Arc::new(amounts)),
        ("currency", texts(&|_| "EUR".to_owned())),
        ("note", texts(&|i| format!("note {i}"))),
        ("rate", Arc::new(Float64Array::from_iter_values((0..ROWS).map(|i| i as f64 / 7.0)))),
        ("date", Arc::new(Date32Array::from_iter_values(19_700..19_700 + ROWS as i32))),
    ])
    .unwrap()
}

fn parquet_bytes(compression: parquet::basic::Compression) -> Vec<u8> {
    let batch = batch();
    let properties = parquet::file::properties::WriterProperties::builder().set_compression(compression).build();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn arrow_bytes(stream: bool) -> Vec<u8> {
    let batch = batch();
    let mut bytes = Vec::new();
    if stream {
        let mut writer = arrow::ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    } else {
        let mut writer = arrow::ipc::writer::FileWriter::try_new(&mut bytes, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    }
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip archive of stored files: as much of the format as a workbook needs.
fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = flate2::Crc::new();
        crc.update(content.as_bytes());
        let mut common = Vec::new();
        for number in [20u16, 0, 0, 0, 33] {
            common.extend(number.to_le_bytes());
        }
        for number in [crc.sum(), content.len() as u32, content.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes());
        let at = bytes.len() as u32;
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(content.as_bytes());
        directory.extend(b"PK\x01\x02");
        directory.extend(20u16.to_le_bytes());
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let at = bytes.len() as u32;
    let count = files.len() as u16;
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(at.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn inline(cell: &str) -> String {
    format!("<c t=\"inlineStr\"><is><t>{cell}</t></is></c>")
}

fn workbook() -> Vec<u8> {
    workbook_with("")
}

/// A workbook with more cells in its last row.
fn workbook_with(more: &str) -> Vec<u8> {
    let text = inline;
    let mut rows = format!("<row>{}</row>", ["user_id", "time", "amount", "currency"].map(text).concat());
    for i in 0..ROWS {
        let cells = text(&format!("u-{}", i % 4)) + &text(&format!("2024-01-{:02}", i + 1));
        write!(rows, "<row>{cells}<c><v>{}.5</v></c>{}</row>", i * 3, text("EUR")).unwrap();
    }
    rows.push_str(more);
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    zip(&[
        (
            "_rels/.rels",
            &format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"r1\" Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            &format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{relations}\"><sheets><sheet name=\"One\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            &format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"r1\" Type=\"{relations}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", &format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>")),
    ])
}

/// Good exports of every format.
fn exports() -> Vec<(&'static str, Vec<u8>)> {
    let csv = csv_text().into_bytes();
    let json = json_text().into_bytes();
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(csv_text().encode_utf16()).flat_map(u16::to_le_bytes).collect();
    vec![
        ("log.csv", csv.clone()),
        ("semicolons.csv", csv_text().replace(',', ";").into_bytes()),
        ("utf16.txt", utf16),
        ("log.jsonl", json.clone()),
        ("snappy.parquet", parquet_bytes(parquet::basic::Compression::SNAPPY)),
        ("plain.parquet", parquet_bytes(parquet::basic::Compression::UNCOMPRESSED)),
        ("file.arrow", arrow_bytes(false)),
        ("stream.arrows", arrow_bytes(true)),
        ("book.xlsx", workbook()),
        ("log.csv.gz", gzip(&csv)),
        ("log.csv.zst", zstd::encode_all(&csv[..], 1).unwrap()),
        ("log.jsonl.zst", zstd::encode_all(&json[..], 1).unwrap()),
    ]
}

fn options(kind: u8) -> Options {
    let mut mapping = Mapping::default();
    let given = |text: &str| Source::Given(text.to_owned());
    match kind % 5 {
        0 => {}
        1 => {
            mapping.columns.insert(column::VALUE, given("amount"));
            mapping.columns.insert(column::CURRENCY, given("currency"));
            mapping.attributes = Attributes::All;
        }
        2 => {
            mapping.columns.insert(column::VALUE, given("amount * 2"));
            mapping.filter = Some("amount > 3".to_owned());
        }
        3 => {
            mapping.key = vec!["time".to_owned()];
            mapping.customer = Some(given("user_id"));
            mapping.time_format = Some("%Y-%m-%dT%H:%M:%SZ".to_owned());
        }
        _ => {
            mapping.table = Table::Surveys;
            mapping.columns.insert(column::SCORE, given("amount"));
            mapping.columns.insert(column::KIND, Source::Constant("nps".to_owned()));
        }
    }
    let preset = if mapping.table == Table::Surveys { PresetChoice::AutoFor(Table::Surveys) } else { PresetChoice::Auto };
    let now = Instant(jiff::Timestamp::now().as_microsecond());
    Options { mapping, preset, max_rejects: RejectLimit::Percent(100.0), ..Options::new(now) }
}

/// What came of an export: the rows read and kept, or a message.
fn outcome(path: &Path, options: &Options) -> Result<[u64; 2], String> {
    let result = catch_unwind(AssertUnwindSafe(|| ingest(&[Export::File(path.to_owned())], options, Target::Memory, &Silent)));
    let ingested = match result.unwrap_or_else(|_| panic!("{} is a fault of the program's own", path.display())) {
        Ok(ingested) => ingested,
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty() && !message.contains("panicked"), "{message}");
            return Err(message);
        }
    };
    let report = &ingested.report;
    let total = report.total();
    assert_eq!(total.read, total.kept + total.rejected + total.duplicate + total.filtered, "{report:?}");
    let reasons: u64 = report.inputs.iter().flat_map(|input| input.rejects.values()).map(|rejects| rejects.count).sum();
    assert_eq!(reasons, total.rejected, "{report:?}");
    let loaded = ingested.loaded.expect("every reject is tolerated");
    assert_eq!(loaded.rows, total.kept);
    let history = loaded.history.unwrap();
    assert_eq!(history.rows_of(report.table), total.kept);
    if report.table == Table::Activity {
        assert_eq!(inspect(&history).unwrap().events.iter().map(|(_, rows)| rows).sum::<u64>(), total.kept);
    }
    Ok([total.read, total.kept])
}

#[test]
fn exports_that_are_whole_are_read_whole() {
    let place = Place::new();
    for (name, bytes) in exports() {
        place.file(name, bytes);
        for kind in [0, 1, 4] {
            assert_eq!(outcome(&place.path(name), &options(kind)), Ok([12, 12]), "{name} {kind}");
        }
        // 0, 1.5 and 3 are not above 3: the amounts are i × 3 and a half, or i × 3.5.
        assert_eq!(outcome(&place.path(name), &options(2)), Ok([12, 11]), "{name}");
    }
}

#[derive(Debug, Clone)]
enum Harm {
    Flip(usize, u8),
    Zero(usize, usize),
    Cut(usize),
    Drop(usize, usize),
    Twice(usize, usize),
    Insert(usize, Vec<u8>),
}

impl Harm {
    fn hurt(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len().max(1);
        match self {
            Harm::Flip(at, bits) => {
                if let Some(byte) = bytes.get_mut(at % length) {
                    *byte ^= bits;
                }
            }
            Harm::Zero(at, count) => bytes.iter_mut().skip(at % length).take(*count).for_each(|byte| *byte = 0),
            Harm::Cut(at) => bytes.truncate(at % length),
            Harm::Drop(at, count) => drop(bytes.drain((at % length).min(bytes.len())..(at % length + count).min(bytes.len()))),
            Harm::Twice(at, count) => {
                let part = bytes[(at % length).min(bytes.len())..(at % length + count).min(bytes.len())].to_vec();
                bytes.splice(at % length..at % length, part);
            }
            Harm::Insert(at, more) => {
                drop(bytes.splice((at % length).min(bytes.len())..(at % length).min(bytes.len()), more.clone()))
            }
        }
    }
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<usize>();
    let texts = prop::sample::select(vec![
        "\"",
        "\n",
        "\r",
        ",",
        ";",
        "{",
        "}",
        "[[[[",
        "null",
        "\\u12",
        "-",
        "9e999",
        "99999999999999999999999",
        "\0",
        "\u{feff}",
        "\u{85}",
        "2024-02-30",
        "'",
        "\"\"\"",
        "NaN",
    ]);
    let bytes = prop_oneof![
        texts.prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..6),
        (any::<u8>(), 1usize..3000).prop_map(|(byte, count)| vec![byte; count]),
    ];
    prop_oneof![
        4 => (at, 1u8..=255).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        1 => (at, 1usize..30).prop_map(|(at, count)| Harm::Zero(at, count)),
        1 => at.prop_map(Harm::Cut),
        2 => (at, 1usize..60).prop_map(|(at, count)| Harm::Drop(at, count)),
        1 => (at, 1usize..60).prop_map(|(at, count)| Harm::Twice(at, count)),
        4 => (at, bytes).prop_map(|(at, more)| Harm::Insert(at, more)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_exports_are_accounted_for_or_refused(which in 0usize..8, kind: u8, harms in prop::collection::vec(harm(), 1..4)) {
        let (name, mut bytes) = SAMPLES.with(|samples| samples[which].clone());
        harms.iter().for_each(|harm| harm.hurt(&mut bytes));
        FOLDER.with(|place| {
            place.file(name, &bytes);
            let _ = outcome(&place.path(name), &options(kind));
        });
    }

    /// Lines that go, columns that go, texts that come instead.
    #[test]
    fn torn_tables_are_accounted_for(
        json: bool,
        kind: u8,
        gone in prop::collection::vec(0usize..=ROWS, 0..5),
        column in 0usize..8,
        cells in prop::collection::vec((1usize..=ROWS, 0usize..5, "[-+0-9.,eE\"'a-z:T/ €]{0,12}"), 0..6),
    ) {
        let text = if json { json_text() } else { csv_text().replace("two\nlines", "one line") };
        let mut lines: Vec<Vec<String>> = text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
        for (row, place, text) in cells {
            if let Some(cell) = lines.get_mut(row).and_then(|line| line.get_mut(place)) {
                *cell = text;
            }
        }
        if column < 5 {
            lines.iter_mut().filter(|line| line.len() > column).for_each(|line| drop(line.remove(column)));
        }
        let kept = lines.iter().enumerate().filter(|(row, _)| !gone.contains(row));
        let text: String = kept.map(|(_, line)| line.join(",") + "\n").collect();
        FOLDER.with(|place| {
            place.file("torn", &text);
            let _ = outcome(&place.path("torn"), &options(kind));
        });
    }
}

thread_local! {
    static SAMPLES: Vec<(&'static str, Vec<u8>)> = exports().into_iter().filter(|(name, _)| !is_binary(name)).collect();
    static BINARY: Vec<(&'static str, Vec<u8>)> = exports().into_iter().filter(|(name, _)| is_binary(name)).collect();
    static FOLDER: Place = Place::new();
}

/// Formats whose damaged lengths may ask for more memory than there is: only the program can tell that.
fn is_binary(name: &str) -> bool {
    name.contains("parquet") || name.contains("arrow")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_columns_are_told(which in 0usize..4, harms in prop::collection::vec(harm(), 1..3)) {
        let (name, mut bytes) = BINARY.with(|samples| samples[which].clone());
        harms.iter().for_each(|harm| harm.hurt(&mut bytes));
        FOLDER.with(|place| {
            place.file(name, &bytes);
            let output = place.run(&["inspect", name, "--value", "amount", "--max-rejects", "100%", "--format", "json", "-q", "--threads", "2"]);
            let said = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => {
                    let inspection: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                    assert!(inspection["tables"]["activity"]["rows"].as_u64().unwrap() <= 2 * ROWS as u64);
                }
                Some(2) => assert!(said.starts_with("error: ") && !said.contains("a fault of its own"), "{said}"),
                code => panic!("{code:?}: {said}"),
            }
        });
    }
}

#[test]
fn the_program_ends_with_a_code_that_it_names() {
    let place = Place::new();
    for (i, (name, bytes)) in exports().into_iter().enumerate() {
        for (j, harm) in
            [Harm::Cut(bytes.len() / 2), Harm::Flip(bytes.len() / 3 + i, 0x11), Harm::Insert(7, vec![b'"'; 3])].iter().enumerate()
        {
            let mut bytes = bytes.clone();
            harm.hurt(&mut bytes);
            place.file(name, bytes);
            let history = format!("h-{i}-{j}");
            let output = place.run(&["ingest", name, "--into", &history, "--format", "json", "-q", "--value", "amount"]);
            let said = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code().expect("no signal");
            assert!(code <= 2 && !said.contains("a fault of its own") && !said.contains("panicked"), "{name} {harm:?}: {said}");
            if code < 2 {
                support::adds_up(&serde_json::from_slice(&output.stdout).unwrap());
            } else {
                assert!(said.starts_with("error: ") && said.len() > 20, "{name}: {said}");
            }
            assert_eq!(place.path(&history).exists(), code == 0, "{name}: a history is there if it was committed");
        }
    }
}

#[test]
fn hostile_exports_are_refused() {
    let place = Place::new();
    let deep =
        format!("{{\"user_id\": \"a\", \"time\": \"2024-01-01\", \"x\": {}{}}}\n", "[".repeat(200_000), "]".repeat(200_000));
    let deep_objects =
        format!("{{\"user_id\": \"a\", \"time\": \"2024-01-01\", \"x\": {}1{}}}\n", "{\"y\":".repeat(50_000), "}".repeat(50_000));
    let bomb = gzip(&gzip(&[b'a'; 1 << 20]));
    let many_columns = format!("{}\n{}\n", (0..5000).map(|i| format!("c{i}")).collect::<Vec<_>>().join(","), ",".repeat(4999));
    let refused: [(&str, Vec<u8>); 6] = [
        ("bomb.csv.gz", bomb),
        ("columns.csv", many_columns.into_bytes()),
        ("quote.csv", [b"user_id,time\n\"".to_vec(), vec![b'x'; 3 << 20]].concat()),
        ("line.csv", vec![b'a'; 5 << 20]),
        ("breaks.csv", vec![b'\n'; 1 << 20]),
        ("nulls.csv", vec![0; 1 << 16]),
    ];
    for (name, bytes) in refused {
        place.file(name, bytes);
        let output = place.run(&["ingest", name, "--into", "h", "-q"]);
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().expect("no signal");
        assert!([1, 2].contains(&code) && !said.contains("a fault of its own"), "{name}: {}", &said[..said.len().min(500)]);
        assert!(said.len() < 200_000, "{name}: {} bytes of message", said.len());
        assert!(!place.path("h").exists(), "{name}");
    }
    // What is nested deeply is text like any other; it is only not taken apart.
    for (name, text) in [("deep.jsonl", deep), ("deeper.jsonl", deep_objects)] {
        place.file(name, text);
        for more in [&[][..], &["--all-attributes"]] {
            let output = place.run(
                &[&["ingest", name, "--into", "deep", "--dry-run", "-q", "--format", "json", "--max-rejects", "1"], more]
                    .concat(),
            );
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{name} {more:?}: {}", &said[..said.len().min(500)]);
            assert_eq!(counts(&serde_json::from_slice(&output.stdout).unwrap())[0], 1);
        }
    }
    // A sheet that can't be read is told, and none other is read in its stead.
    place.file("torn.xlsx", workbook_with("<row><c></row>"));
    let said = place.fails(2, &["ingest", "torn.xlsx", "--into", "torn"]);
    assert!(said.contains("torn.xlsx: cannot read as a workbook: sheet \"One\": "), "{said}");
    assert!(!place.path("torn").exists());
    // A cell in the farthest corner of a sheet takes no room for those between.
    let corner = "<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>";
    place.file("corner.xlsx", workbook_with(corner));
    let report = place.ingest(&["corner.xlsx", "--into", "corner", "--max-rejects", "1"]);
    assert_eq!(counts(&report), [13, 12, 1, 0, 0]);
}
