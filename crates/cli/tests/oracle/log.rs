//! Random logs, and how they become a history.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use proptest::prelude::*;
use tempfile::TempDir;
use tenure_history::{
    Amounts, Chunk, Compare, History, Key, LoadOptions, Loader, Name, ROWS_PER_BUCKET, RowLayout, Source, Target, Writer,
};
use tenure_model::{Day, Decimal, Instant, Table, Zone};

use crate::calendar::{DAY, HOUR, SECOND};

pub(crate) const EVENTS: [&str; 3] = ["login", "purchase", "view"];

/// One activity. Rows of a customer are ordered as its life is: by time, event, value (a missing one first), currency (a
/// missing one last), then the attributes by name (missing ones last).
#[derive(Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) customer: u8,
    pub(crate) time: i64,
    pub(crate) event: &'static str,
    pub(crate) cents: Option<i64>,
    pub(crate) currency: Option<&'static str>,
    pub(crate) country: Option<&'static str>,
    pub(crate) plan: Option<&'static str>,
}

impl Row {
    pub(crate) fn place(&self) -> impl Ord + use<> {
        let last = |name: Option<&'static str>| (name.is_none(), name);
        (self.time, self.event, self.cents, last(self.currency), last(self.country), last(self.plan))
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |name: Option<&'static str>| name.unwrap_or("-");
        let cents = self.cents.map_or("-".to_owned(), |cents| format!("{:.2}", cents as f64 / 100.0));
        let (currency, country, plan) = (text(self.currency), text(self.country), text(self.plan));
        let time = Timestamp::from_microsecond(self.time).unwrap();
        write!(f, "c{} {time} {} {cents} {currency} {country} {plan}", self.customer, self.event)
    }
}

/// A row of the customers table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    pub(crate) signed_up: Option<Date>,
    pub(crate) plan: Option<&'static str>,
    pub(crate) tier: Option<&'static str>,
    /// A date among the attributes, as text.
    pub(crate) joined: Option<Date>,
}

impl Profile {
    /// The date that a column declares.
    pub(crate) fn declared(&self, column: &str) -> Option<Date> {
        if column == "joined" { self.joined } else { self.signed_up }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// About the first activity, and about how long there is some.
    pub(crate) start: i64,
    pub(crate) days: i64,
    pub(crate) rows: Vec<Row>,
    /// The customers table, where there is one.
    pub(crate) customers: Option<BTreeMap<u8, Profile>>,
    pub(crate) home: &'static str,
    /// Days after the last activity that its export vouches for.
    pub(crate) quiet: i64,
}

pub(crate) const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "America/Santiago",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
];

/// Starts shortly before clocks change in a zone, it skips a day, or months have 28 days.
const STARTS: [(&str, &str); 7] = [
    ("2023-01-28T00:00:00Z", "UTC"),
    ("2023-03-24T12:00:00Z", "Europe/Berlin"),
    ("2023-03-31T06:00:00Z", "America/Santiago"),
    ("2023-09-29T00:00:00Z", "Australia/Lord_Howe"),
    ("2023-10-26T18:00:00Z", "Africa/Cairo"),
    ("2010-11-05T00:00:00Z", "America/St_Johns"),
    ("2011-12-28T06:00:00Z", "Pacific/Apia"),
];

pub(crate) fn instant(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

#[derive(Debug, Clone)]
struct Draft {
    row: Row,
    permille: i64,
    of_day: i64,
    /// 0: a row of its own; 1: the previous row's customer and time; 2: its event and value too; 3: and its currency;
    /// 4: and its country; 5: the previous row again.
    like: u8,
}

fn drafts(customers: u8) -> impl Strategy<Value = Draft> {
    let of_day = prop_oneof![
        Just(0i64),
        (0i64..8).prop_map(|hour| hour * 3 * HOUR),
        (0i64..48, -1i64..2).prop_map(|(half, by)| half * HOUR / 2 + by),
        (0i64..86_400).prop_map(|second| second * SECOND),
    ];
    let name = |names: &'static [Option<&'static str>]| prop::sample::select(names);
    let like = prop_oneof![12 => Just(0u8), 3 => 1u8..6];
    let cents = prop::option::weighted(0.8, -2_000i64..6_000);
    (
        (0..customers, prop::sample::select(&EVENTS[..]), cents, 0i64..1000, of_day, like),
        name(&[None, Some("EUR"), Some("EUR"), Some("USD")]),
        name(&[None, Some("DE"), Some("AT"), Some("DE")]),
        name(&[None, Some("basic"), Some("pro")]),
    )
        .prop_map(|((customer, event, cents, permille, of_day, like), currency, country, plan)| Draft {
            row: Row { customer, time: 0, event, cents, currency, country, plan },
            permille,
            of_day,
            like,
        })
}

fn profiles() -> impl Strategy<Value = (Option<i64>, Profile)> {
    let plan = prop::sample::select(vec![None, Some("basic"), Some("gold")]);
    let tier = prop::sample::select(vec![None, Some("a"), Some("b")]);
    (prop::option::weighted(0.8, -100i64..1200), plan, tier)
        .prop_map(|(signed_up, plan, tier)| (signed_up, Profile { signed_up: None, plan, tier, joined: None }))
}

pub(crate) fn logs() -> impl Strategy<Value = Log> {
    let shape = (
        prop::sample::select(&STARTS[..]),
        prop::sample::select(vec![3i64, 30, 400, 900]),
        prop::option::of(prop::sample::select(&ZONES[..])),
        prop::sample::select(vec![0i64, 0, 1, 45]),
        any::<bool>(),
    );
    let rows = prop_oneof![prop::collection::vec(drafts(4), 1..14), prop::collection::vec(drafts(14), 1..110)];
    (shape, rows, prop::option::weighted(0.45, prop::collection::btree_map(0u8..17, profiles(), 1..12))).prop_map(
        |(((start, zone), days, home, quiet, currencies), drafts, customers)| {
            let home = home.unwrap_or(zone);
            let log = Log { start: instant(start), days, rows: Vec::new(), customers: None, home, quiet };
            filled(log, currencies, drafts, customers)
        },
    )
}

/// The log with its rows; with `currencies` no amount is without one.
fn filled(log: Log, currencies: bool, drafts: Vec<Draft>, customers: Option<BTreeMap<u8, (Option<i64>, Profile)>>) -> Log {
    let (start, days) = (log.start, log.days);
    let mut rows: Vec<Row> = Vec::new();
    for mut draft in drafts {
        if currencies && draft.row.cents.is_some() {
            draft.row.currency = draft.row.currency.or(Some("USD"));
        }
        let time = start + days * draft.permille / 1000 * DAY + draft.of_day;
        let mut row = Row { time, ..draft.row };
        if let Some(before) = rows.last().filter(|_| draft.like > 0) {
            (row.customer, row.time) = (before.customer, before.time);
            if draft.like > 1 {
                (row.event, row.cents) = (before.event, before.cents);
            }
            row.currency = if draft.like > 2 { before.currency } else { row.currency };
            row.country = if draft.like > 3 { before.country } else { row.country };
            row.plan = if draft.like > 4 { before.plan } else { row.plan };
        }
        rows.push(row);
    }
    let first = Timestamp::from_microsecond(start).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
    let dated = |permille: i64| first + jiff::Span::new().days(days * permille / 1000);
    let customers = customers.map(|profiles| {
        let profile = |(permille, profile): (Option<i64>, Profile)| {
            let joined = permille.filter(|_| profile.tier.is_some()).map(|permille| dated(permille + 20));
            Profile { signed_up: permille.map(dated), joined, ..profile }
        };
        profiles.into_iter().map(|(customer, drawn)| (customer, profile(drawn))).collect()
    });
    Log { rows, customers, ..log }
}

impl Log {
    pub(crate) fn first(&self) -> i64 {
        self.rows.iter().map(|row| row.time).min().unwrap()
    }

    /// The first instant that the history's exports say nothing about.
    pub(crate) fn observed_until(&self) -> i64 {
        self.rows.iter().map(|row| row.time).max().unwrap() + 1 + self.quiet * DAY
    }

    /// The date, in UTC, so many thousandths of the log's length after its start.
    pub(crate) fn date(&self, permille: i64) -> Date {
        Timestamp::from_microsecond(self.instant(permille)).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    pub(crate) fn instant(&self, permille: i64) -> i64 {
        self.start + self.days * DAY / 1000 * permille
    }

    pub(crate) fn profile(&self, customer: u8) -> Option<&Profile> {
        self.customers.as_ref()?.get(&customer)
    }

    /// A history on disk where there is a customers table, else one in memory.
    pub(crate) fn open(&self) -> Opened {
        if self.customers.is_none() {
            let until = self.observed_until();
            return Opened { history: load_activity(&self.rows, self.home, Target::Memory, until), _dir: None };
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        load_activity(&self.rows, self.home, Target::Directory(Writer::open(&path).unwrap()), self.observed_until());
        self.load_customers(&path);
        Opened { history: History::open(&path).unwrap(), _dir: Some(dir) }
    }

    pub(crate) fn load_customers(&self, path: &Path) {
        if self.customers.is_none() {
            return;
        }
        let layout = RowLayout {
            table: Table::Customers,
            attributes: vec!["joined".to_owned(), "plan".to_owned(), "tier".to_owned()],
            keyed: true,
        };
        load(layout, self.home, Target::Directory(Writer::open(path).unwrap()), None, |loader, reading| {
            let mut chunk = Chunk::new(loader.layout(), reading, 8);
            for (number, (customer, profile)) in self.customers.iter().flatten().enumerate() {
                let id = id(*customer);
                chunk.push_customer(&id);
                chunk.push_time(0, profile.signed_up.map(|day| day.to_string().parse::<Day>().unwrap().0.into()));
                let joined = profile.joined.map(|day| day.to_string());
                for (column, name) in [joined.as_deref(), profile.plan, profile.tier].into_iter().enumerate() {
                    let name = name.map_or(Name::NONE, |name| chunk.code(column, loader.names(column), name));
                    chunk.push_name(column, name);
                }
                chunk.push_key(Key::of([id.as_str()].into_iter()), number as u64);
            }
            loader.push(chunk).unwrap();
        });
    }
}

/// A history, and the folder that it lies in.
pub(crate) struct Opened {
    pub(crate) history: History,
    _dir: Option<TempDir>,
}

fn id(customer: u8) -> String {
    format!("customer-{customer}")
}

pub(crate) fn id_of(id: &str) -> u8 {
    id.trim_start_matches("customer-").parse().unwrap()
}

pub(crate) fn load_activity(rows: &[Row], home: &str, target: Target, until: i64) -> History {
    load(activity(false), home, target, Some(until), |loader, reading| {
        for rows in rows.chunks(17) {
            loader.push(chunk_of(rows, loader, reading)).unwrap();
        }
    })
}

fn activity(keyed: bool) -> RowLayout {
    RowLayout { table: Table::Activity, attributes: vec!["country".to_owned(), "plan".to_owned()], keyed }
}

fn chunk_of(rows: &[Row], loader: &Loader, reading: u32) -> Chunk {
    let mut chunk = Chunk::new(loader.layout(), reading, rows.len());
    let mut amounts = Amounts::default();
    for row in rows {
        chunk.push_customer(&id(row.customer));
        chunk.push_time(0, Some(row.time));
        for (column, name) in [Some(row.event), row.currency, row.country, row.plan].into_iter().enumerate() {
            let name = name.map_or(Name::NONE, |name| chunk.code(column, loader.names(column), name));
            chunk.push_name(column, name);
        }
        amounts.push(row.cents.map(|cents| Decimal::new(cents.into(), 2))).unwrap();
    }
    chunk.set_amounts(0, amounts);
    chunk
}

/// Loads rows into a history of four buckets: it is made for as many rows as come, and all but one of the first are the
/// same row again, by its key.
pub(crate) fn load_in_buckets(log: &Log, path: &Path) {
    let target = Target::Directory(Writer::open(path).unwrap());
    let again = vec![log.rows[0].clone(); 2 * ROWS_PER_BUCKET as usize + 1];
    load(activity(true), log.home, target, Some(log.observed_until()), |loader, reading| {
        let mut number = 0;
        let mut push = |rows: &[Row], key: &dyn Fn(usize) -> usize| {
            let mut chunk = chunk_of(rows, loader, reading);
            for place in 0..rows.len() {
                chunk.push_key(Key::of([key(place).to_string().as_str()].into_iter()), number);
                number += 1;
            }
            loader.push(chunk).unwrap();
        };
        push(&again, &|_| 0);
        push(&log.rows, &|place| place);
    });
    log.load_customers(path);
}

fn load(layout: RowLayout, home: &str, target: Target, until: Option<i64>, push: impl Fn(&Loader, u32)) -> History {
    let home_zone = Zone::named(home).unwrap();
    let loader = Loader::new(LoadOptions { layout, home_zone, compare: Compare::Nothing, memory: 1 << 30 }, target);
    let reading = loader.begin(0);
    push(&loader, reading);
    let source = Source { name: "log".to_owned(), rows: 0, sent: None };
    loader.finish(vec![source], until.map(Instant), &|_| {}).unwrap().history.unwrap()
}
