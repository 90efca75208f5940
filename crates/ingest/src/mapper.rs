//! An export's columns, given their meaning.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, TimeUnit, TimestampMicrosecondType};
use tenure_history::{ActivityChunk, ChunkRow, Loader, Name};
use tenure_model::{Day, Decimal, Instant, Precision};

use crate::batch::{Batch, Damage};
use crate::error::{Error, ErrorKind};
use crate::expression::{Evaluator, Outcome};
use crate::report::{Reason, Reject, Rejects, RowCounts};
use crate::times::TimeReader;

/// Activity later than this after the ingest is rejected as future-dated.
const FUTURE_MICROS: i64 = 24 * 3600 * 1_000_000;

/// The first instant that is taken for a time: the start of the year 1.
const FIRST_MICROS: i64 = FIRST_DAY as i64 * MICROS_PER_DAY;

const FIRST_DAY: i32 = Day::from_ymd(1, 1, 1).0;

const MICROS_PER_DAY: i64 = 24 * 3600 * 1_000_000;

/// The last day that is taken for a date: times are stored as 64-bit microseconds.
const LAST_DAY: i32 = Day::from_ymd(9999, 12, 31).0;

/// Digits of an amount while it is read.
const PRECISION: u8 = 38;

/// Where a name comes from.
#[derive(Debug, Clone)]
pub(crate) enum NameSource {
    Column(usize),
    Constant(Name),
    Missing,
}

/// Where an amount comes from.
#[derive(Debug, Clone)]
pub(crate) enum ValueSource {
    Missing,
    Column(usize),
    Expression(Box<Evaluator>),
}

/// What the columns of one export mean. Columns are places in `columns`, those that are read.
#[derive(Debug)]
pub(crate) struct Mapper {
    pub(crate) export: u32,
    pub(crate) input: String,
    /// The columns that are read: name, and place in the header.
    pub(crate) columns: Vec<(Arc<str>, usize)>,
    pub(crate) customer: usize,
    pub(crate) time: usize,
    pub(crate) event: NameSource,
    pub(crate) value: ValueSource,
    pub(crate) currency: NameSource,
    /// For each attribute of the load its column, if this export has it.
    pub(crate) attributes: Vec<Option<usize>>,
    pub(crate) filter: Option<Evaluator>,
    pub(crate) times: TimeReader,
    pub(crate) now: Instant,
}

/// What is counted while an export is mapped, from many threads.
#[derive(Debug)]
pub(crate) struct Account {
    inner: Mutex<(RowCounts, BTreeMap<Reason, Rejects>)>,
    last_instant: AtomicI64,
    last_date: AtomicI64,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default(), last_instant: AtomicI64::new(i64::MIN), last_date: AtomicI64::new(i64::MIN) }
    }

    pub(crate) fn finish(self) -> (RowCounts, BTreeMap<Reason, Rejects>) {
        self.inner.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first instant that the rows kept say nothing about.
    pub(crate) fn observed_until(&self, times: &TimeReader) -> Option<Instant> {
        let end = |last: &AtomicI64, precision: Precision| {
            let last = last.load(Ordering::Relaxed);
            (last != i64::MIN).then(|| precision.end_of(Instant(last), times.zone()))
        };
        end(&self.last_instant, Precision::Instant).max(end(&self.last_date, Precision::Date))
    }
}

/// The rejected and filtered rows of a batch.
#[derive(Default)]
struct Losses {
    filtered: u64,
    rejects: BTreeMap<Reason, Rejects>,
}

impl Losses {
    fn reject(&mut self, reason: Reason, row: u64, column: &str, value: &str) {
        let reject = Reject { row, column: column.to_owned(), value: value.to_owned() };
        self.rejects.entry(reason).or_default().add(1, [reject]);
    }
}

impl Mapper {
    /// Maps a batch and hands what is kept to the loader.
    pub(crate) fn map(&self, batch: &Batch, loader: &Loader, account: &Account) -> Result<(), Error> {
        let rows = batch.rows.len();
        let by_name = |name: &str| batch.columns[self.place(name)].clone();
        let filter = self.filter.as_ref().map(|filter| filter.conditions(rows, by_name)).transpose()?;
        let customers = self.texts(&batch.columns[self.customer], "customer", self.customer)?;
        let times = self.time_column(&batch.columns[self.time])?;
        let values = match &self.value {
            ValueSource::Missing => None,
            ValueSource::Column(column) => Some(self.value_column(*column, &batch.columns[*column])?),
            ValueSource::Expression(expression) => Some(expression.numbers(rows, by_name)?),
        };
        let mut events = self.names(&self.event, batch, loader.events(), str::to_owned)?;
        let mut currencies = self.names(&self.currency, batch, loader.currencies(), str::to_uppercase)?;
        let mut attributes = (0..self.attributes.len())
            .map(|i| {
                let source = self.attributes[i].map_or(NameSource::Missing, NameSource::Column);
                self.names(&source, batch, loader.attribute(i), str::to_owned)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut chunk = ActivityChunk::new(self.export, self.attributes.len());
        let mut attribute_row = vec![Name::NONE; self.attributes.len()];
        let mut losses = Losses::default();
        let (mut last_instant, mut last_date) = (i64::MIN, i64::MIN);
        for row in 0..rows {
            let number = batch.rows.get(row);
            if !self.passes(batch, row, number, filter.as_deref(), &mut losses) {
                continue;
            }
            let customer = text_at(&customers, row);
            if customer.is_empty() {
                losses.reject(Reason::NoCustomer, number, &self.columns[self.customer].0, "");
                continue;
            }
            let (time, precision) = match self.time_at(&times, row) {
                Ok(time) => time,
                Err((reason, found)) => {
                    losses.reject(reason, number, &self.columns[self.time].0, &found);
                    continue;
                }
            };
            let value = match values.as_ref().map(|values| &values[row]) {
                None => None,
                Some(Outcome::Value(value)) => *value,
                Some(Outcome::Unreadable { column, value }) => {
                    let reason = match self.value {
                        ValueSource::Expression(_) => Reason::UnreadableOperand,
                        _ => Reason::UnreadableValue,
                    };
                    losses.reject(reason, number, column, value);
                    continue;
                }
            };
            for (code, names) in attribute_row.iter_mut().zip(&mut attributes) {
                *code = names.at(row);
            }
            let event = Some(events.at(row)).filter(|name| !name.is_none()).unwrap_or_else(|| events.fallback());
            let row = ChunkRow { customer, time: time.0, event, value, currency: currencies.at(row), attributes: &attribute_row };
            if chunk.push(row).is_err() {
                losses.reject(Reason::ValueTooLong, number, "", &value.map(|v| v.to_string()).unwrap_or_default());
                continue;
            }
            match precision {
                Precision::Instant => last_instant = last_instant.max(time.0),
                Precision::Date => last_date = last_date.max(time.0),
            }
        }
        account.last_instant.fetch_max(last_instant, Ordering::Relaxed);
        account.last_date.fetch_max(last_date, Ordering::Relaxed);
        let mut inner = account.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (counts, rejects) = &mut *inner;
        counts.read += rows as u64;
        counts.filtered += losses.filtered;
        for (reason, more) in losses.rejects {
            counts.rejected += more.count;
            rejects.entry(reason).or_default().add(more.count, more.examples);
        }
        drop(inner);
        loader.push(chunk);
        Ok(())
    }

    /// The time of a row, or why it has none and what was found.
    fn time_at(&self, times: &TimeColumn, row: usize) -> Result<(Instant, Precision), (Reason, String)> {
        let (time, precision) = times.at(row, &self.times).map_err(|text| match text {
            "" => (Reason::NoTime, String::new()),
            text => (Reason::UnreadableTime(self.times.expected()), text.to_owned()),
        })?;
        if time.0 < FIRST_MICROS {
            return Err((Reason::PrehistoricTime, time.to_string()));
        }
        if time.0 > self.now.0.saturating_add(FUTURE_MICROS) {
            return Err((Reason::FutureTime, time.to_string()));
        }
        Ok((time, precision))
    }

    /// Whether a row is whole and inside the filter; otherwise it is counted. The filter is judged first, as far as the
    /// fields it needs are there.
    fn passes(&self, batch: &Batch, row: usize, number: u64, filter: Option<&[Outcome<bool>]>, losses: &mut Losses) -> bool {
        let damage = batch.damaged.get(&row);
        let readable = match (damage, &self.filter) {
            (None, _) => true,
            (Some(Damage::FieldCount { found, .. }), Some(filter)) => {
                filter.column_names().all(|name| self.columns[self.place(name)].1 < *found)
            }
            (Some(_), _) => false,
        };
        if readable && let Some(filter) = filter {
            match &filter[row] {
                Outcome::Value(Some(true)) => {}
                Outcome::Value(_) => {
                    losses.filtered += 1;
                    return false;
                }
                Outcome::Unreadable { column, value } => {
                    losses.reject(Reason::UnreadableOperand, number, column, value);
                    return false;
                }
            }
        }
        match damage {
            None => return true,
            Some(Damage::FieldCount { found, expected }) => {
                losses.reject(Reason::FieldCount, number, "", &format!("found {found}, the header has {expected}"));
            }
            Some(Damage::UnclosedQuote) => losses.reject(Reason::UnclosedQuote, number, "", ""),
            Some(Damage::NotUtf8) => losses.reject(Reason::NotUtf8, number, "", ""),
            Some(Damage::NotJson(error)) => losses.reject(Reason::NotJson, number, "", error),
        }
        false
    }

    /// The place of a column among those that are read. Expressions only name columns that are.
    fn place(&self, name: &str) -> usize {
        self.columns.iter().position(|(column, _)| **column == *name).unwrap_or_default()
    }

    fn wrong_type(&self, role: &str, place: usize, array: &ArrayRef, expected: &str) -> Error {
        let name = &self.columns[place].0;
        Error::new(
            ErrorKind::Column,
            format!(
                "{}: column \"{name}\" holds {}; expected {expected} for the {role} (name another with --{role})",
                self.input,
                array.data_type()
            ),
        )
    }

    fn texts(&self, array: &ArrayRef, role: &str, place: usize) -> Result<StringArray, Error> {
        if array.data_type() == &DataType::Utf8 {
            return Ok(array.as_string::<i32>().clone());
        }
        if array.data_type().is_nested() && role != "attribute" {
            return Err(self.wrong_type(role, place, array, "text or whole numbers"));
        }
        cast(array, &DataType::Utf8)
            .map(|texts| texts.as_string::<i32>().clone())
            .map_err(|_| self.wrong_type(role, place, array, "text or whole numbers"))
    }

    fn time_column(&self, array: &ArrayRef) -> Result<TimeColumn, Error> {
        let wrong = || self.wrong_type("time", self.time, array, "times");
        let target = match array.data_type() {
            DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            DataType::Date32 | DataType::Date64 => DataType::Date32,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                return Ok(TimeColumn::Text(self.texts(array, "time", self.time)?));
            }
            _ => return Err(wrong()),
        };
        let array = cast(array, &target).map_err(|_| wrong())?;
        Ok(match target {
            DataType::Date32 => TimeColumn::Date(array),
            DataType::Timestamp(_, Some(_)) => TimeColumn::Instant(array),
            _ => TimeColumn::Local(array),
        })
    }

    fn value_column(&self, place: usize, array: &ArrayRef) -> Result<Vec<Outcome<Decimal>>, Error> {
        let column = || self.columns[place].0.to_string();
        let wrong = |_| self.wrong_type("value", place, array, "numbers");
        let parse = |text: &str| match text.trim() {
            "" => Outcome::Value(None),
            text => match text.parse() {
                Ok(value) => Outcome::Value(Some(value)),
                Err(_) => Outcome::Unreadable { column: column(), value: text.to_owned() },
            },
        };
        Ok(match array.data_type() {
            t if t.is_floating() => {
                let numbers = cast(array, &DataType::Float64).map_err(wrong)?;
                let numbers = numbers.as_primitive::<Float64Type>();
                // The shortest digits that name the number: 19.99 and not 19.989999….
                numbers.iter().map(|number| number.map_or(Outcome::Value(None), |n| parse(&n.to_string()))).collect()
            }
            t if t.is_integer() || matches!(t, DataType::Decimal128(..) | DataType::Decimal64(..) | DataType::Decimal32(..)) => {
                let scale = match t {
                    DataType::Decimal128(_, s) | DataType::Decimal64(_, s) | DataType::Decimal32(_, s) => (*s).max(0),
                    _ => 0,
                };
                let numbers = cast(array, &DataType::Decimal128(PRECISION, scale)).map_err(wrong)?;
                let numbers = numbers.as_primitive::<Decimal128Type>();
                numbers.iter().map(|units| Outcome::Value(units.map(|units| Decimal::new(units, scale as u8)))).collect()
            }
            t if t.is_nested() || matches!(t, DataType::Boolean) => return Err(self.wrong_type("value", place, array, "numbers")),
            _ => {
                let texts = self.texts(array, "value", place)?;
                (0..texts.len()).map(|row| parse(text_at(&texts, row))).collect()
            }
        })
    }

    fn names<'a>(
        &self,
        source: &NameSource,
        batch: &Batch,
        names: &'a tenure_history::Names,
        normal: fn(&str) -> String,
    ) -> Result<NameColumn<'a>, Error> {
        let texts = match source {
            NameSource::Column(column) => Some(self.texts(&batch.columns[*column], "attribute", *column)?),
            _ => None,
        };
        let constant = if let NameSource::Constant(name) = source { *name } else { Name::NONE };
        Ok(NameColumn { texts, constant, names, normal, seen: HashMap::default() })
    }
}

/// Names of a column, looked up once a batch.
struct NameColumn<'a> {
    texts: Option<StringArray>,
    constant: Name,
    names: &'a tenure_history::Names,
    normal: fn(&str) -> String,
    seen: HashMap<String, Name, foldhash::fast::FixedState>,
}

impl NameColumn<'_> {
    fn at(&mut self, row: usize) -> Name {
        let Some(texts) = &self.texts else { return self.constant };
        let text = text_at(texts, row);
        if text.is_empty() {
            return Name::NONE;
        }
        if let Some(&name) = self.seen.get(text) {
            return name;
        }
        let name = self.names.code(&(self.normal)(text));
        self.seen.insert(text.to_owned(), name);
        name
    }

    /// The name of an activity whose field is empty.
    fn fallback(&self) -> Name {
        self.names.code(tenure_model::DEFAULT_EVENT)
    }
}

fn text_at(texts: &StringArray, row: usize) -> &str {
    if texts.is_null(row) { "" } else { texts.value(row).trim() }
}

/// The times of a batch.
enum TimeColumn {
    Text(StringArray),
    Instant(ArrayRef),
    Local(ArrayRef),
    Date(ArrayRef),
}

impl TimeColumn {
    /// The time of a row, or the text that is none; empty where there is nothing.
    fn at(&self, row: usize, reader: &TimeReader) -> Result<(Instant, Precision), &str> {
        match self {
            TimeColumn::Text(texts) => {
                let text = text_at(texts, row);
                if text.is_empty() { Err("") } else { reader.read(text).map_err(|_| text) }
            }
            TimeColumn::Instant(array) | TimeColumn::Local(array) | TimeColumn::Date(array) if array.is_null(row) => Err(""),
            TimeColumn::Instant(array) => {
                Ok((Instant(array.as_primitive::<TimestampMicrosecondType>().value(row)), Precision::Instant))
            }
            TimeColumn::Local(array) => {
                let local = array
                    .as_primitive::<TimestampMicrosecondType>()
                    .value(row)
                    .clamp(FIRST_MICROS - MICROS_PER_DAY, i64::MAX - MICROS_PER_DAY);
                Ok((reader.zone().instant_of_local(local), Precision::Instant))
            }
            TimeColumn::Date(array) => {
                let day = array.as_primitive::<Date32Type>().value(row).clamp(FIRST_DAY - 1, LAST_DAY);
                Ok((reader.zone().start_of_day(Day(day)), Precision::Date))
            }
        }
    }
}
