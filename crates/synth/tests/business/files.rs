//! Files hold the rows of the plan, whatever the format, the compression and the threads.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tenure_synth::{Business, Compression, Error, FileFormat, Plan, write};

use crate::common::{Row, all_rows, rows_of};

// Enough rows for several blocks.
const EVENTS: u64 = 160_000;

fn plan() -> Plan {
    Business::new(4_000, EVENTS, 17).plan().expect("enough events")
}

fn file(plan: &Plan, format: FileFormat, compression: Compression) -> Vec<u8> {
    let mut out = Vec::new();
    let bytes = write(plan, format, compression, &mut out, &|_| {}).expect("a file in memory");
    assert_eq!(bytes, out.len() as u64);
    out
}

fn cents(amount: &str) -> i128 {
    amount.replace('.', "").parse().expect("an amount")
}

fn time(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().expect("a time").as_microsecond()
}

fn read_csv(content: &[u8]) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(content);
    let header = reader.headers().expect("a header");
    assert!(header.iter().eq(Plan::schema().fields().iter().map(|field| field.name().as_str())));
    reader
        .records()
        .map(|record| {
            let record = record.expect("a record");
            Row {
                user_id: record[0].into(),
                uid: record[1].parse().expect("a number"),
                time: time(&record[2]),
                event: record[3].into(),
                country: record[4].into(),
                plan: record[5].into(),
                cents: Some(&record[6]).filter(|amount| !amount.is_empty()).map(cents),
            }
        })
        .collect()
}

fn read_json(content: &[u8]) -> Vec<Row> {
    let lines = std::str::from_utf8(content).expect("UTF-8").lines();
    lines
        .map(|line| {
            let object: serde_json::Value = serde_json::from_str(line).expect("an object");
            let text = |key: &str| object[key].as_str().expect("a text").to_owned();
            let amount = object.get("amount").map(|amount| amount.as_f64().expect("a number"));
            Row {
                user_id: text("user_id"),
                uid: object["uid"].as_i64().expect("a number"),
                time: time(&text("event_time")),
                event: text("event"),
                country: text("country"),
                plan: text("plan"),
                cents: amount.map(|amount| (amount * 100.0).round() as i128),
            }
        })
        .collect()
}

fn parquet_batches(name: &str, content: &[u8]) -> Vec<RecordBatch> {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("a temporary file");
    let file = std::fs::File::open(&path).expect("a temporary file");
    std::fs::remove_file(&path).expect("a temporary file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    assert_eq!(reader.schema().fields(), Plan::schema().fields());
    assert_eq!(reader.metadata().file_metadata().key_value_metadata(), None);
    assert!(reader.metadata().num_row_groups() > 1);
    let batches = reader.build().expect("a reader");
    batches.map(|batch| batch.expect("a batch")).collect()
}

#[test]
fn every_format_holds_the_rows() {
    let plan = plan();
    let rows = all_rows(&plan);
    assert!(read_csv(&file(&plan, FileFormat::Csv, Compression::None)) == rows);
    assert!(read_json(&file(&plan, FileFormat::JsonLines, Compression::None)) == rows);
    let parquet = file(&plan, FileFormat::Parquet, Compression::None);
    let batches = parquet_batches("all.parquet", &parquet);
    assert!(batches.iter().flat_map(rows_of).collect::<Vec<_>>() == rows);
}

#[test]
fn compressed_files_hold_the_same_bytes() {
    let plan = plan();
    let content = file(&plan, FileFormat::Csv, Compression::None);
    let gzip = file(&plan, FileFormat::Csv, Compression::Gzip);
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(&gzip[..]).read_to_end(&mut unpacked).expect("gzip");
    assert!(unpacked == content);
    let mut first_member = Vec::new();
    flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut first_member).expect("gzip");
    assert!(first_member.len() < content.len());

    let content = file(&plan, FileFormat::JsonLines, Compression::None);
    let zstd = file(&plan, FileFormat::JsonLines, Compression::Zstd);
    assert!(zstd::decode_all(&zstd[..]).expect("zstd") == content);
}

#[test]
fn a_compressed_parquet_file_is_refused() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let mut out = Vec::new();
        let error = write(&plan(), FileFormat::Parquet, compression, &mut out, &|_| {}).expect_err("not a file");
        assert!(matches!(error, Error::ParquetCompression));
        assert!(out.is_empty());
    }
}

#[test]
fn threads_change_no_byte() {
    for (format, compression) in [
        (FileFormat::Csv, Compression::None),
        (FileFormat::JsonLines, Compression::Gzip),
        (FileFormat::Csv, Compression::Zstd),
        (FileFormat::Parquet, Compression::None),
    ] {
        let [one, four] = [1, 4].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| file(&plan(), format, compression))
        });
        assert!(one == four, "{format:?} {compression:?}");
    }
}

// The rows must not change from one release to the next, or between machines, without anyone noticing.
#[test]
fn the_bytes_are_those_of_other_machines() {
    let plan = Business::new(1_000, 20_000, 1).plan().expect("enough events");
    let mut sum = flate2::Crc::new();
    sum.update(&file(&plan, FileFormat::Csv, Compression::None));
    assert_eq!(sum.sum(), 255_525_395);
}

#[test]
fn a_file_of_slices_without_rows() {
    // The only customer signs up in the last month, so that its first slices are empty.
    let plan = Business::new(1, 1_200_000, 4).plan().expect("enough events");
    assert!(plan.slice(35).num_rows() == 0 && plan.slices() > 36);
    let csv = file(&plan, FileFormat::Csv, Compression::None);
    assert_eq!(csv.iter().filter(|&&byte| byte == b'\n').count(), 1_200_001);
    let parquet = file(&plan, FileFormat::Parquet, Compression::None);
    let batches = parquet_batches("empty-slices.parquet", &parquet);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1_200_000);
}

#[test]
fn progress_grows_to_all_rows() {
    let seen = AtomicU64::new(0);
    let progress = |rows| assert!(seen.swap(rows, Ordering::Relaxed) < rows);
    write(&plan(), FileFormat::Csv, Compression::None, std::io::sink(), &progress).expect("a file");
    assert_eq!(seen.into_inner(), EVENTS);
}

#[test]
fn a_failing_output_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for format in [FileFormat::Csv, FileFormat::Parquet] {
        assert!(write(&plan(), format, Compression::None, Full, &|_| {}).is_err());
    }
}
