//! Plain questions answered where the rows of an export lie: the same as over the rows laid out, to the last byte.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::{Field, Schema};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;
use proptest::prelude::*;
use support::Place;
use tenure_analysis::{RetentionMatrix, RetentionQuery, retention, retention_of_unordered};
use tenure_history::Target;
use tenure_ingest::{Export, Mapping, Options, Progress, RejectLimit, Stage, direct, ingest};
use tenure_model::{Day, Granularity, Instant, Period, TimePoint, Zone, column};
use tenure_report::{Format, Layout, Show, TableStyle, render_retention};

struct Silent;

impl Progress for Silent {
    fn begin(&self, _: Stage, _: u64) {}
    fn reached(&self, _: u64) {}
}

/// 2024-06-01T00:00:00Z.
const NOW: i64 = 1_717_200_000_000_000;

const HOUR: i64 = 3_600_000_000;

fn options(home_zone: Zone) -> Options {
    let mapping = Mapping { unasked: vec![column::EVENT], source_zone: Some(Zone::utc()), ..Mapping::default() };
    Options { mapping, home_zone, ..Options::new(Instant(NOW)) }
}

/// The answer where the rows lie, if there is one.
fn lying(path: &Path, options: &Options, query: &RetentionQuery) -> Option<RetentionMatrix> {
    let direct = direct(&[Export::File(path.to_owned())], options, &Silent)?;
    retention_of_unordered(&direct, query).unwrap()
}

/// The answer over the rows laid out.
fn laid_out(path: &Path, options: &Options, query: &RetentionQuery) -> Result<RetentionMatrix, String> {
    let ingested = ingest(&[Export::File(path.to_owned())], options, Target::Memory, &Silent);
    let history = ingested.map_err(|error| error.to_string())?.loaded.unwrap().history.unwrap();
    retention(&history, query).map_err(|error| error.to_string())
}

fn json(matrix: &RetentionMatrix) -> String {
    String::from_utf8(render_retention(matrix, Format::Json, Layout::Long, Show::Percent, TableStyle::default()).unwrap())
        .unwrap()
}

/// How a file is written.
#[derive(Debug, Clone)]
struct Form {
    ids: Ids,
    unit: Unit,
    /// Whether columns may have missing values, though they have none.
    optional: bool,
    dictionary: bool,
    version: WriterVersion,
    compression: Compression,
    group_rows: usize,
    page_rows: usize,
    deltas: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ids {
    Uuids,
    Mixed,
    Integers,
    Short,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Millis,
    Micros,
    Nanos,
    Local,
}

fn id(kind: Ids, number: i64) -> String {
    let uuid = || {
        let digits = format!("{:032x}", (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834));
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
    };
    match (kind, number.rem_euclid(6)) {
        (Ids::Uuids, _) => uuid(),
        (Ids::Integers, _) | (_, 0) => number.to_string(),
        (Ids::Short, _) | (_, 1) => format!("kunde-ä{number}"),
        (Ids::Mixed, 2) => uuid().to_uppercase(),
        (Ids::Mixed, 3) => format!("{}x", &uuid()[..35]),
        (Ids::Mixed, 4) => format!("somebody.with.a.long.name+{number}@example.org"),
        (Ids::Mixed, _) => uuid(),
    }
}

/// Customer's numbers and times.
type Log = Vec<(i64, i64)>;

fn batch(log: &Log, form: &Form) -> RecordBatch {
    // Spaces around an id are no part of it.
    let spaced = |(place, number): (usize, i64)| match (form.ids, place % 7) {
        (Ids::Mixed, 0) => format!(" {}", id(form.ids, number)),
        (Ids::Mixed, 1) => format!("{}\u{a0}", id(form.ids, number)),
        _ => id(form.ids, number),
    };
    let narrow = log.iter().all(|(number, _)| i32::try_from(*number).is_ok());
    let ids: ArrayRef = match form.ids {
        Ids::Integers if narrow && log.len().is_multiple_of(2) => {
            Arc::new(Int32Array::from_iter_values(log.iter().map(|(number, _)| *number as i32)))
        }
        Ids::Integers => Arc::new(Int64Array::from_iter_values(log.iter().map(|(number, _)| *number))),
        _ => Arc::new(StringArray::from_iter_values(log.iter().map(|(number, _)| *number).enumerate().map(spaced))),
    };
    let times = || log.iter().map(|(_, time)| *time);
    let times: ArrayRef = match form.unit {
        Unit::Millis => Arc::new(TimestampMillisecondArray::from_iter_values(times().map(|at| at / 1000)).with_timezone("UTC")),
        Unit::Micros => Arc::new(TimestampMicrosecondArray::from_iter_values(times()).with_timezone("+02:00")),
        Unit::Nanos => {
            Arc::new(TimestampNanosecondArray::from_iter_values(times().map(|at| at * 1000 + 999)).with_timezone("UTC"))
        }
        Unit::Local => Arc::new(TimestampMicrosecondArray::from_iter_values(times())),
    };
    let events: ArrayRef = Arc::new(StringArray::from_iter((0..log.len()).map(|i| (i % 3 > 0).then_some("login"))));
    let columns = [("user_id", ids, form.optional), ("event", events, true), ("time", times, form.optional)];
    let fields: Vec<Field> =
        columns.iter().map(|(name, array, optional)| Field::new(*name, array.data_type().clone(), *optional)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array, _)| array).collect()).unwrap()
}

fn properties(form: &Form) -> WriterPropertiesBuilder {
    let mut properties = WriterProperties::builder()
        .set_writer_version(form.version)
        .set_compression(form.compression)
        .set_dictionary_enabled(form.dictionary)
        .set_max_row_group_row_count(Some(form.group_rows))
        .set_data_page_row_count_limit(form.page_rows)
        .set_write_batch_size(form.page_rows);
    for name in ["user_id", "time"] {
        let column = ColumnPath::from(name);
        let encoding = if form.deltas && (name == "time" || form.ids == Ids::Integers) {
            Encoding::DELTA_BINARY_PACKED
        } else {
            Encoding::PLAIN
        };
        properties = properties.set_column_encoding(column, encoding);
    }
    properties
}

fn write(path: &Path, batch: &RecordBatch, properties: WriterProperties) {
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn csv(log: &Log, form: &Form) -> String {
    let mut text = String::from("user_id,time\n");
    for (number, time) in log {
        // What is finer than microseconds is cut off towards 1970.
        let time = match form.unit {
            Unit::Millis => time / 1000 * 1000,
            Unit::Nanos => (time * 1000 + 999) / 1000,
            Unit::Micros | Unit::Local => *time,
        };
        writeln!(text, "\"{}\",{}", id(form.ids, *number), Instant(time)).unwrap();
    }
    text
}

fn forms() -> impl Strategy<Value = Form> {
    let ids = prop_oneof![Just(Ids::Uuids), Just(Ids::Mixed), Just(Ids::Integers), Just(Ids::Short)];
    let unit = prop_oneof![Just(Unit::Millis), Just(Unit::Micros), Just(Unit::Nanos), Just(Unit::Local)];
    let version = prop_oneof![Just(WriterVersion::PARQUET_1_0), Just(WriterVersion::PARQUET_2_0)];
    let compression =
        prop_oneof![Just(Compression::UNCOMPRESSED), Just(Compression::SNAPPY), Just(Compression::ZSTD(Default::default()))];
    (ids, unit, any::<[bool; 3]>(), version, compression, 1usize..200, 1usize..60).prop_map(
        |(ids, unit, [optional, dictionary, deltas], version, compression, group_rows, page_rows)| Form {
            ids,
            unit,
            optional,
            dictionary,
            version,
            compression,
            group_rows,
            page_rows,
            deltas,
        },
    )
}

/// Rows of a few customers, in no order and with ties, within some days before 2013 or 2024.
fn logs() -> impl Strategy<Value = Log> {
    let span = prop_oneof![Just(40 * 24 * HOUR), Just(800 * 24 * HOUR), Just(3 * HOUR)];
    let end = prop_oneof![Just(NOW), Just(1_356_998_400_000_000), Just(-24 * HOUR)];
    (span, end).prop_flat_map(|(span, end)| {
        let time = prop_oneof![3 => 0..span, 1 => (0..span).prop_map(|at| at / HOUR * HOUR)];
        let number = prop_oneof![8 => 0..40i64, 1 => Just(-7i64), 1 => any::<i64>()];
        proptest::collection::vec((number, time.prop_map(move |before| end - before)), 1..300)
    })
}

fn queries() -> impl Strategy<Value = RetentionQuery> {
    let period = || {
        prop_oneof![
            Just(Granularity::Day),
            Just(Granularity::Week),
            Just(Granularity::Month),
            Just(Granularity::Quarter),
            Just(Granularity::Year),
        ]
    };
    (period(), proptest::option::of(period()), proptest::option::of(1u32..40), any::<bool>()).prop_map(
        |(cohort, age, block, later)| {
            let block = block.and_then(std::num::NonZeroU32::new);
            RetentionQuery {
                cohort: block.map_or(Period::One(cohort), |block| Period::Block(block, Granularity::Day)),
                age: age.map(Period::One),
                origin: block.map(|_| Day::from_ymd(2011, 5, 7)),
                as_of: later.then_some(TimePoint::Instant(Instant(NOW + HOUR))),
                ..RetentionQuery::default()
            }
        },
    )
}

fn zones() -> impl Strategy<Value = Zone> {
    // Changes at midnight, a day that never was, quarters of an hour.
    prop_oneof![Just("UTC"), Just("Europe/Berlin"), Just("Pacific/Apia"), Just("America/Sao_Paulo"), Just("Asia/Kathmandu"),]
        .prop_map(|name| Zone::named(name).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn rows_say_the_same_where_they_lie(log in logs(), form in forms(), query in queries(), zone in zones(), little in any::<bool>()) {
        let place = Place::new();
        let (path, text) = (place.path("log.parquet"), place.path("log.csv"));
        write(&path, &batch(&log, &form), properties(&form).build());
        let mut options = options(zone);
        // Without memory one shard of customers is counted at a time.
        options.memory = if little { 0 } else { options.memory };
        let expected = laid_out(&path, &options, &query).unwrap();
        let found = lying(&path, &options, &query);
        prop_assert!(found.is_some(), "{form:?} took the other way");
        prop_assert_eq!(json(&found.unwrap()), json(&expected));
        place.file("log.csv", csv(&log, &form));
        prop_assert_eq!(json(&laid_out(&text, &options, &query).unwrap()), json(&expected));
    }
}

fn form() -> Form {
    Form {
        ids: Ids::Uuids,
        unit: Unit::Micros,
        optional: true,
        dictionary: true,
        version: WriterVersion::PARQUET_1_0,
        compression: Compression::SNAPPY,
        group_rows: 100,
        page_rows: 40,
        deltas: false,
    }
}

fn some_rows() -> Log {
    (0..250).map(|i| (i * 7 % 60, NOW - (i * i % 999) * 24 * HOUR)).collect()
}

#[test]
fn other_questions_want_rows_in_order() {
    let place = Place::new();
    let path = place.path("log.parquet");
    write(&path, &batch(&some_rows(), &form()), properties(&form()).build());
    let options = options(Zone::utc());
    let plain = RetentionQuery::default();
    assert!(lying(&path, &options, &plain).is_some());
    let mid = TimePoint::Instant(Instant(NOW - 99 * 24 * HOUR));
    let others = [
        RetentionQuery { min_returns: 2, ..plain.clone() },
        RetentionQuery { by: vec!["event".into()], ..plain.clone() },
        RetentionQuery { filter: Some("event = 'login'".into()), ..plain.clone() },
        RetentionQuery { zone: Some(Zone::named("Asia/Tokyo").unwrap()), ..plain.clone() },
        RetentionQuery { cohort: Period::One(Granularity::Hour), ..plain.clone() },
        RetentionQuery { as_of: Some(mid), ..plain.clone() },
        RetentionQuery { born_from: Some(mid), ..plain.clone() },
        RetentionQuery { alignment: Some(tenure_model::Alignment::Rolling), ..plain.clone() },
    ];
    for query in others {
        assert!(lying(&path, &options, &query).is_none(), "{query:?}");
    }
}

/// Columns that are to be laid out, and why.
fn unusual() -> Vec<(&'static str, RecordBatch, WriterProperties)> {
    let rows = some_rows();
    let whole = batch(&rows, &form());
    let with = |name: &str, column: ArrayRef| {
        let place = whole.schema().index_of(name).unwrap();
        let mut columns = whole.columns().to_vec();
        columns[place] = column;
        let named = whole.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        RecordBatch::try_from_iter_with_nullable(named.into_iter().zip(columns).map(|(name, column)| (name, column, true)))
            .unwrap()
    };
    let ids = |change: &dyn Fn(usize) -> Option<Option<&'static str>>| {
        let all = rows.iter().enumerate();
        let ids = all.map(|(i, (number, _))| {
            change(i).unwrap_or(Some("")).map(|text| if text == "=" { id(Ids::Uuids, *number) } else { text.to_owned() })
        });
        Arc::new(StringArray::from_iter(ids)) as ArrayRef
    };
    let times = |change: &dyn Fn(usize) -> Option<i64>| {
        Arc::new(TimestampMicrosecondArray::from_iter((0..rows.len()).map(change)).with_timezone("UTC")) as ArrayRef
    };
    let usual = || properties(&form()).build();
    let no_dictionary = || properties(&Form { dictionary: false, ..form() });
    let at = |i: usize| Some(rows[i].1);
    vec![
        ("a missing id", with("user_id", ids(&|i| Some((i != 170).then_some("=")))), usual()),
        ("a blank id", with("user_id", ids(&|i| Some(Some(if i == 170 { "  " } else { "=" })))), usual()),
        (
            "a blank id among plain ones",
            with("user_id", ids(&|i| Some(Some(if i == 170 { "" } else { "=" })))),
            no_dictionary().build(),
        ),
        ("a missing time", with("time", times(&|i| if i == 33 { None } else { at(i) })), usual()),
        ("a time ahead", with("time", times(&|i| if i == 33 { Some(NOW + 25 * HOUR) } else { at(i) })), usual()),
        ("a time before all", with("time", times(&|i| if i == 33 { Some(i64::MIN / 2) } else { at(i) })), usual()),
        ("no statistics", whole.clone(), properties(&form()).set_statistics_enabled(EnabledStatistics::None).build()),
        (
            "prefixes of texts",
            whole.clone(),
            no_dictionary().set_column_encoding("user_id".into(), Encoding::DELTA_BYTE_ARRAY).build(),
        ),
    ]
}

#[test]
fn what_is_unusual_is_laid_out() {
    for (what, batch, properties) in unusual() {
        let place = Place::new();
        let path = place.path("log.parquet");
        write(&path, &batch, properties);
        let mut options = options(Zone::utc());
        let query = RetentionQuery::default();
        assert!(lying(&path, &options, &query).is_none(), "{what}");
        options.max_rejects = RejectLimit::Rows(1);
        assert!(laid_out(&path, &options, &query).is_ok(), "{what}");
    }
}

type Change<'a> = &'a dyn Fn(&mut Options);

#[test]
fn what_else_is_asked_of_rows_is_laid_out() {
    let place = Place::new();
    let path = place.path("log.parquet");
    write(&path, &batch(&some_rows(), &form()), properties(&form()).build());
    let given = |text: &str| tenure_ingest::Source::Given(text.into());
    let plain = options(Zone::utc());
    let query = RetentionQuery::default();
    let changes: [(&str, Change<'_>); 6] = [
        ("an event", &|o| drop(o.mapping.columns.insert(column::EVENT, given("event")))),
        ("a value", &|o| drop(o.mapping.columns.insert(column::VALUE, given("1")))),
        ("a condition", &|o| o.mapping.filter = Some("event = 'login'".into())),
        ("a key", &|o| o.mapping.key = vec!["time".into()]),
        ("a column", &|o| o.mapping.asked = vec![("user_id".into(), "--by")]),
        ("rejects", &|o| o.rejects = Some(place.path("rejects.csv"))),
    ];
    for (what, change) in changes {
        let mut options = plain.clone();
        change(&mut options);
        assert!(direct(&[Export::File(path.clone())], &options, &Silent).is_none(), "{what}");
    }
    let files = [Export::File(path.clone()), Export::File(path)];
    assert!(direct(&files[..1], &plain, &Silent).is_some() && direct(&files, &plain, &Silent).is_none());
    place.file("log.csv", csv(&some_rows(), &form()));
    assert!(direct(&[Export::File(place.path("log.csv"))], &plain, &Silent).is_none());
    // An event that is the same in every row is part of what the rows are.
    let mut named = plain;
    named.mapping.columns.insert(column::EVENT, tenure_ingest::Source::Constant("seen".into()));
    let found = lying(&files_path(&files), &named, &query).unwrap();
    assert_eq!(json(&found), json(&laid_out(&files_path(&files), &named, &query).unwrap()));
}

fn files_path(files: &[Export]) -> std::path::PathBuf {
    match &files[0] {
        Export::File(path) => path.clone(),
        _ => unreachable!("the test has files"),
    }
}

#[test]
fn damage_is_told_as_ever() {
    let place = Place::new();
    let path = place.path("log.parquet");
    let rows = some_rows();
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        for dictionary in [true, false] {
            let form = Form { compression, dictionary, ..form() };
            write(&path, &batch(&rows, &form), properties(&form).build());
            let whole = std::fs::read(&path).unwrap();
            let options = options(Zone::utc());
            let query = RetentionQuery::default();
            let (mut answers, mut errors) = (0, 0);
            for at in (4..whole.len()).step_by(37) {
                for byte in [0x00, 0xff, whole[at] ^ 0x10] {
                    let mut damaged = whole.clone();
                    damaged[at] = byte;
                    std::fs::write(&path, &damaged).unwrap();
                    let Some(found) = lying(&path, &options, &query) else {
                        errors += 1;
                        continue;
                    };
                    answers += 1;
                    // Other letters of an id are no damage that could be seen.
                    let mut tolerant = options.clone();
                    tolerant.max_rejects = RejectLimit::Percent(100.0);
                    assert_eq!(json(&found), json(&laid_out(&path, &tolerant, &query).unwrap()), "byte {at}");
                }
            }
            assert!(answers > 0 && errors > 0, "{answers} {errors}");
        }
    }
}

#[test]
fn the_program_goes_either_way() {
    let place = Place::new();
    write(&place.path("log.parquet"), &batch(&some_rows(), &form()), properties(&form()).build());
    place.file("log.csv", csv(&some_rows(), &form()));
    let args = |input| ["retention", input, "--customer", "user_id", "--cohort", "week"];
    assert_eq!(place.json(&args("log.parquet")), place.json(&args("log.csv")));
    for (what, batch, properties) in unusual().into_iter().take(4) {
        write(&place.path("log.parquet"), &batch, properties);
        let said = place.fails(1, &["retention", "log.parquet"]);
        assert!(said.contains("1 of 250 rows can't be read"), "{what}: {said}");
    }
}
