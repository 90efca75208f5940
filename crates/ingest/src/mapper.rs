//! An export's columns, given their meaning.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, TimeUnit, TimestampMicrosecondType};
use tenure_exports::{Batch, Damage, NumberFault, NumberReader, TimeFault, TimeReader, flat_array, is_coded, normal_interval};
use tenure_history::{Aliases, Amounts, Chunk, Key, Loader, Name, Names};
use tenure_model::{ColumnKind, Day, Decimal, Instant, Precision, Table, Zone, column, minor_digits};

use crate::error::{Error, ErrorKind};
use crate::expression::{Evaluator, Outcome};
use crate::options::Field;
use crate::rejects::RejectsFile;
use crate::report::{Reason, Reject, Rejects, RowCounts};

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

/// Columns of an export by their places among those that are read, and how their text is put right.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) places: Vec<usize>,
    pub(crate) lower: bool,
    pub(crate) strip: Option<String>,
    pub(crate) map: BTreeMap<String, String>,
    pub(crate) leading_number: bool,
}

impl Fields {
    pub(crate) fn new(places: Vec<usize>, field: &Field) -> Self {
        let Field { lower, strip, map, leading_number, .. } = field.clone();
        Self { places, lower, strip, map, leading_number }
    }

    fn is_plain(&self) -> bool {
        self.places.len() == 1 && !self.lower && self.strip.is_none() && self.map.is_empty() && !self.leading_number
    }

    /// The first column that is not blank in a row, as it is, and its place among the columns.
    fn raw<'a>(&self, texts: &'a [StringArray], row: usize) -> (&'a str, usize) {
        for (texts, &place) in texts.iter().zip(&self.places) {
            let text = text_at(texts, row);
            if !text.is_empty() {
                return (text, place);
            }
        }
        ("", self.places.first().copied().unwrap_or_default())
    }

    pub(crate) fn put_right<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        if let Some(rest) = self.strip.as_ref().and_then(|prefix| text.strip_prefix(prefix.as_str())) {
            text = Cow::Owned(rest.trim().to_owned());
        }
        if self.lower && text.chars().any(char::is_uppercase) {
            text = Cow::Owned(text.to_lowercase());
        }
        if self.leading_number {
            let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            text = Cow::Owned(text[..digits].to_owned());
        }
        match self.map.get(&*text) {
            Some(other) => Cow::Owned(other.clone()),
            None => text,
        }
    }
}

/// Where one of the table's columns comes from.
#[derive(Debug, Clone)]
pub(crate) enum ColumnSource {
    Missing,
    Fields(Fields),
    Name(Name),
    Amount(Decimal),
    Expression(Box<Evaluator>),
}

/// What the columns of one export mean. Columns are places in `columns`, those that are read.
#[derive(Debug)]
pub(crate) struct Mapper {
    pub(crate) reading: u32,
    pub(crate) input: String,
    pub(crate) table: Table,
    /// The columns that are read: name, and place in the header.
    pub(crate) columns: Vec<(Arc<str>, usize)>,
    pub(crate) customer: Fields,
    /// The source of each of the table's columns.
    pub(crate) sources: Vec<ColumnSource>,
    /// The columns that are the row's key together; nothing where the customer is.
    pub(crate) key: Vec<usize>,
    /// For each attribute of the load its column, if this export has it.
    pub(crate) attributes: Vec<Option<usize>>,
    pub(crate) filter: Option<Evaluator>,
    /// How the times of each of the table's columns are written.
    pub(crate) times: Vec<TimeReader>,
    /// How the amounts of each of the table's columns are written.
    pub(crate) numbers: Vec<NumberReader>,
    /// The zone of times that name none.
    pub(crate) source_zone: Zone,
    pub(crate) home_zone: Zone,
    pub(crate) minor_units: bool,
    pub(crate) now: Instant,
    /// Whether it is still open how times and numbers are written: then the first one that is not plain ends the reading.
    pub(crate) trial: bool,
}

/// What is counted while an export is mapped, from many threads.
#[derive(Debug)]
pub(crate) struct Account {
    inner: Mutex<(RowCounts, BTreeMap<Reason, Rejects>)>,
    last_instant: AtomicI64,
    last_date: AtomicI64,
    /// Whether a trial has met a time or a number that is not plain.
    pub(crate) not_plain: AtomicBool,
}

impl Account {
    pub(crate) fn new() -> Self {
        let none = || AtomicI64::new(i64::MIN);
        Self { inner: Mutex::default(), last_instant: none(), last_date: none(), not_plain: AtomicBool::new(false) }
    }

    pub(crate) fn finish(self) -> (RowCounts, BTreeMap<Reason, Rejects>) {
        self.inner.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first instant that the rows kept say nothing about.
    pub(crate) fn observed_until(&self, zone: &Zone) -> Option<Instant> {
        let end = |last: &AtomicI64, precision: Precision| {
            let last = last.load(Ordering::Relaxed);
            (last != i64::MIN).then(|| precision.end_of(Instant(last), zone))
        };
        end(&self.last_instant, Precision::Instant).max(end(&self.last_date, Precision::Date))
    }
}

/// Why a row is rejected, as it is found.
struct Fault {
    reason: Reason,
    column: String,
    value: String,
}

/// The rejected and filtered rows of a batch.
#[derive(Default)]
struct Losses {
    filtered: u64,
    rejects: BTreeMap<Reason, Rejects>,
    /// Rejected rows with what was found.
    rows: Vec<(usize, Fault)>,
}

/// What a mapper hands its rows to.
pub(crate) struct Sinks<'a> {
    pub(crate) loader: &'a Loader,
    pub(crate) account: &'a Account,
    pub(crate) aliases: &'a Aliases,
    pub(crate) rejects: Option<&'a RejectsFile>,
}

impl Mapper {
    /// Maps a batch and hands what is kept to the loader.
    pub(crate) fn map(&self, batch: &Batch, sinks: &Sinks<'_>) -> Result<(), Error> {
        let rows = batch.rows.len();
        let by_name = |name: &str| self.operand(batch, name);
        let filter = self.filter.as_ref().map(|filter| filter.conditions(rows, by_name)).transpose()?;
        let customers = self.all_texts(batch, "customer", &self.customer)?;
        let mut reader = RowReader::new(self, batch, sinks.loader)?;
        let mut chunk = Chunk::new(sinks.loader.layout(), self.reading, rows);
        chunk.reserve_ids(customers.iter().map(|texts| texts.value_data().len()).sum());
        let mut amounts: Vec<Amounts> = (0..sinks.loader.layout().amounts()).map(|_| Amounts::with_capacity(rows)).collect();
        let keyed = sinks.loader.layout().keyed;
        let mut losses = Losses::default();
        let (mut last_instant, mut last_date) = (i64::MIN, i64::MIN);
        let whole = filter.is_none() && batch.damaged.is_empty();
        let mut kept: Vec<u32> = Vec::with_capacity(rows);
        for row in 0..rows {
            let passes = if whole { Ok(true) } else { self.passes(batch, row, filter.as_deref()) };
            match passes {
                Ok(true) => {}
                Ok(false) => {
                    losses.filtered += 1;
                    continue;
                }
                Err(fault) => {
                    losses.rows.push((row, fault));
                    continue;
                }
            }
            if let Err(fault) = reader.read(row, &customers, &mut amounts) {
                if self.trial && matches!(fault.reason, Reason::UnreadableTime(_) | Reason::UnreadableValue) {
                    sinks.account.not_plain.store(true, Ordering::Relaxed);
                    return Err(Error::interrupted());
                }
                losses.rows.push((row, fault));
                continue;
            }
            let (text, _) = self.customer.raw(&customers, row);
            let customer = if self.customer.is_plain() { Cow::Borrowed(text) } else { self.customer.put_right(text) };
            let id = if sinks.aliases.is_empty() { &customer } else { sinks.aliases.resolve(&customer) };
            chunk.push_customer(id);
            for (column, &(time, _)) in reader.row_times.iter().enumerate() {
                chunk.push_time(column, time);
            }
            kept.push(row as u32);
            if keyed {
                chunk.push_key(reader.key(row, id), batch.rows.get(row));
            }
            if let Some(&(Some(time), precision)) = reader.row_times.first() {
                match precision {
                    Precision::Instant => last_instant = last_instant.max(time),
                    Precision::Date => last_date = last_date.max(time),
                }
            }
        }
        for (column, amounts) in amounts.into_iter().enumerate() {
            chunk.set_amounts(column, amounts);
        }
        for (column, names) in reader.names.iter_mut().enumerate() {
            let codes = names.codes(&kept, column, &mut chunk);
            chunk.set_names(column, codes);
        }
        for (row, fault) in &losses.rows {
            let reject = Reject { row: batch.rows.get(*row), column: fault.column.clone(), value: fault.value.clone() };
            losses.rejects.entry(fault.reason.clone()).or_default().add(1, [reject]);
        }
        if let Some(file) = sinks.rejects {
            let rows = losses.rows.iter().map(|(row, fault)| (*row, &fault.reason, &*fault.column, &*fault.value));
            file.write(&self.input, batch, &self.columns, rows)?;
        }
        if self.table == Table::Activity {
            sinks.account.last_instant.fetch_max(last_instant, Ordering::Relaxed);
            sinks.account.last_date.fetch_max(last_date, Ordering::Relaxed);
        }
        let mut inner = sinks.account.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (counts, rejects) = &mut *inner;
        counts.read += rows as u64;
        counts.filtered += losses.filtered;
        for (reason, more) in losses.rejects {
            counts.rejected += more.count;
            rejects.entry(reason).or_default().add(more.count, more.examples);
        }
        drop(inner);
        sinks.loader.push(chunk)?;
        Ok(())
    }

    /// Whether a row is whole and inside the filter. The filter is judged first, as far as the fields it needs are there.
    fn passes(&self, batch: &Batch, row: usize, filter: Option<&[Outcome<bool>]>) -> Result<bool, Fault> {
        let damage = if batch.damaged.is_empty() { None } else { batch.damaged.get(&row) };
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
                Outcome::Value(_) => return Ok(false),
                Outcome::Unreadable { column, value } => {
                    return Err(Fault { reason: Reason::UnreadableOperand, column: column.clone(), value: value.clone() });
                }
            }
        }
        let whole_row = |reason: Reason, value: String| Err(Fault { reason, column: String::new(), value });
        match damage {
            None => Ok(true),
            Some(Damage::FieldCount { found, expected }) => {
                whole_row(Reason::FieldCount, format!("found {found}, the header has {expected}"))
            }
            Some(Damage::UnclosedQuote) => whole_row(Reason::UnclosedQuote, String::new()),
            Some(Damage::NotUtf8) => whole_row(Reason::NotUtf8, String::new()),
            Some(Damage::NotJson(error)) => whole_row(Reason::NotJson, error.clone()),
        }
    }

    /// The place of a column among those that are read. Expressions only name columns that are.
    fn place(&self, name: &str) -> usize {
        self.columns.iter().position(|(column, _)| **column == *name).unwrap_or_default()
    }

    /// The column of an expression's operand.
    fn operand(&self, batch: &Batch, name: &str) -> ArrayRef {
        let array = &batch.columns[self.place(name)];
        // Codes into texts are always texts.
        flat_array(array).unwrap_or_else(|_| array.clone())
    }

    fn wrong_type(&self, role: &str, place: usize, array: &ArrayRef, expected: &str) -> Error {
        let name = &self.columns[place].0;
        let flag = role.replace('_', "-");
        Error::new(
            ErrorKind::Column,
            format!(
                "{}: column \"{name}\" holds {}; expected {expected} for the {role} (name another with --{flag})",
                self.input,
                array.data_type()
            ),
        )
    }

    fn texts(&self, batch: &Batch, role: &str, place: usize) -> Result<StringArray, Error> {
        let array = &batch.columns[place];
        texts_of(array, role == "attribute").ok_or_else(|| self.wrong_type(role, place, array, "text or whole numbers"))
    }

    fn all_texts(&self, batch: &Batch, role: &str, fields: &Fields) -> Result<Vec<StringArray>, Error> {
        fields.places.iter().map(|&place| self.texts(batch, role, place)).collect()
    }

    /// What is wrong with a time that stands in a row.
    fn judge_time(&self, column: usize, time: Instant) -> Result<(), Reason> {
        if time.0 < FIRST_MICROS {
            return Err(Reason::PrehistoricTime);
        }
        // What has happened can't lie ahead; a subscription's end and a cancellation's date can.
        let happened = column == 0 && matches!(self.table, Table::Activity | Table::Surveys);
        if happened && time.0 > self.now.0.saturating_add(FUTURE_MICROS) {
            return Err(Reason::FutureTime);
        }
        Ok(())
    }
}

/// Any column as text. Nested values are text only where that is wanted.
pub(crate) fn texts_of(array: &ArrayRef, nested: bool) -> Option<StringArray> {
    if array.data_type() == &DataType::Utf8 {
        return Some(array.as_string::<i32>().clone());
    }
    if array.data_type().is_nested() && !nested {
        return None;
    }
    if array.data_type().is_floating() {
        // The shortest digits that name the number, never in exponents: 1704067199999 and not 1.704067199999e12.
        let numbers = cast(array, &DataType::Float64).ok()?;
        let texts = numbers.as_primitive::<Float64Type>().iter().map(|number| number.map(|number| number.to_string()));
        return Some(texts.collect());
    }
    cast(array, &DataType::Utf8).ok().map(|texts| texts.as_string::<i32>().clone())
}

/// The rows of a batch, read one by one.
struct RowReader<'a> {
    mapper: &'a Mapper,
    keys: Vec<StringArray>,
    times: Vec<(usize, TimeColumn)>,
    amounts: Vec<(usize, AmountColumn)>,
    /// The currency of each row, for amounts in the smallest unit.
    currencies: Option<(Fields, Vec<StringArray>)>,
    names: Vec<NameColumn<'a>>,
    /// Names that a row must have, and the column's name.
    required: Vec<(usize, &'static str)>,
    /// The times of the row that was read last.
    row_times: Vec<(Option<i64>, Precision)>,
}

impl<'a> RowReader<'a> {
    fn new(mapper: &'a Mapper, batch: &Batch, loader: &'a Loader) -> Result<Self, Error> {
        let mut reader = Self {
            mapper,
            keys: mapper.key.iter().map(|&place| mapper.texts(batch, "id", place)).collect::<Result<_, _>>()?,
            times: Vec::new(),
            amounts: Vec::new(),
            currencies: None,
            names: Vec::new(),
            required: Vec::new(),
            row_times: Vec::new(),
        };
        let rows = batch.rows.len();
        for (index, (spec, source)) in mapper.table.columns().iter().zip(&mapper.sources).enumerate() {
            match spec.kind {
                ColumnKind::Time | ColumnKind::Date => {
                    reader.times.push((index, time_column(mapper, batch, spec.name, source)?));
                    reader.row_times.push((None, Precision::Instant));
                }
                ColumnKind::Amount => reader.amounts.push((index, amount_column(mapper, batch, spec.name, source, rows)?)),
                ColumnKind::Name => {
                    let column = reader.names.len();
                    let normal = if spec.name == column::CURRENCY { Normal::Upper } else { Normal::AsIs };
                    let normal = if spec.name == column::INTERVAL { Normal::Interval } else { normal };
                    reader.names.push(name_column(mapper, batch, spec.name, source, loader.names(column), normal)?);
                    if spec.required && spec.name != column::EVENT {
                        reader.required.push((column, spec.name));
                    }
                    if mapper.minor_units
                        && spec.name == column::CURRENCY
                        && let ColumnSource::Fields(fields) = source
                    {
                        reader.currencies = Some((fields.clone(), mapper.all_texts(batch, spec.name, fields)?));
                    }
                }
            }
        }
        for place in &mapper.attributes {
            let column = reader.names.len();
            let plain = |&place: &usize| Fields::new(vec![place], &Field::default());
            let source = place.as_ref().map(plain).map_or(ColumnSource::Missing, ColumnSource::Fields);
            reader.names.push(name_column(mapper, batch, "attribute", &source, loader.names(column), Normal::AsIs)?);
        }
        Ok(reader)
    }

    fn key(&self, row: usize, customer: &str) -> Key {
        if self.mapper.table == Table::Customers {
            return Key::of(std::iter::once(customer));
        }
        if self.keys.is_empty() || self.keys.iter().all(|texts| text_at(texts, row).is_empty()) {
            return Key::NONE;
        }
        Key::of(self.keys.iter().map(|texts| text_at(texts, row)))
    }

    /// Reads the times and amounts of a row, and tells what is wrong with it.
    fn read(&mut self, row: usize, customers: &[StringArray], amounts: &mut [Amounts]) -> Result<(), Fault> {
        let mapper = self.mapper;
        let name_of = |place: usize| mapper.columns[place].0.to_string();
        let fault = |reason: Reason, column: String, value: &str| Fault { reason, column, value: value.to_owned() };
        let (customer, place) = mapper.customer.raw(customers, row);
        if customer.is_empty() || !mapper.customer.is_plain() && mapper.customer.put_right(customer).is_empty() {
            return Err(fault(Reason::NoCustomer, name_of(place), ""));
        }
        for (slot, (index, times)) in self.times.iter().enumerate() {
            let spec = &mapper.table.columns()[*index];
            let reader = &mapper.times[slot];
            let read = times.at(row, reader).map_err(|(why, text, place)| {
                let reason = match why {
                    TimeFault::Unreadable => Reason::UnreadableTime(reader.expected()),
                    TimeFault::Ambiguous => Reason::AmbiguousTime,
                };
                fault(reason, name_of(place), text)
            })?;
            self.row_times[slot] = match read {
                None if spec.required => return Err(fault(Reason::NoTime, times.name(mapper), "")),
                None => (None, Precision::Instant),
                Some((time, precision)) => {
                    mapper.judge_time(slot, time).map_err(|reason| fault(reason, times.name(mapper), &time.to_string()))?;
                    if spec.kind == ColumnKind::Date {
                        // A date stands for itself; an instant for its day at home.
                        let zone = if precision == Precision::Date { reader.zone() } else { &mapper.home_zone };
                        (Some(zone.day_of(time).0.into()), precision)
                    } else {
                        (Some(time.0), precision)
                    }
                }
            };
        }
        for (column, name) in &self.required {
            if self.names[*column].is_missing(row) {
                return Err(fault(Reason::Missing(name), String::new(), ""));
            }
        }
        for names in self.names.iter().filter(|names| names.normal == Normal::Interval) {
            if let Some(text) = names.unreadable(row) {
                return Err(fault(Reason::UnreadableInterval, name_of(names.place), &text));
            }
        }
        let mut read: [Option<Decimal>; 4] = [None; 4];
        for (slot, (index, column)) in self.amounts.iter().enumerate() {
            let spec = &mapper.table.columns()[*index];
            let mut value = column.at(row, &mapper.numbers[slot], mapper)?;
            if mapper.minor_units
                && let Some(amount) = value
            {
                let code = match &self.currencies {
                    Some((fields, texts)) => fields.put_right(fields.raw(texts, row).0).to_uppercase(),
                    None => String::new(),
                };
                if code.is_empty() {
                    return Err(fault(Reason::NoCurrency, column.name(mapper), &amount.to_string()));
                }
                value = Some(Decimal::new(amount.units(), amount.scale() + minor_digits(&code)).normalized());
            }
            if value.is_none() && spec.name == column::QUANTITY {
                value = Some(Decimal::new(1, 0));
            }
            read[slot] = value;
        }
        for (slot, (index, column)) in self.amounts.iter().enumerate() {
            if amounts[slot].push(read[slot]).is_err() {
                // Amounts of the row that were added already go again.
                amounts[..slot].iter_mut().for_each(Amounts::pop);
                let _ = index;
                let value = read[slot].map(|value| value.to_string()).unwrap_or_default();
                return Err(fault(Reason::ValueTooLong, column.name(mapper), &value));
            }
        }
        Ok(())
    }
}

#[inline]
fn text_at(texts: &StringArray, row: usize) -> &str {
    if texts.is_null(row) {
        return "";
    }
    let text = texts.value(row);
    // Nearly every text begins and ends with a mark that is no space.
    let solid = |byte: Option<&u8>| byte.is_some_and(|byte| (0x21..0x7f).contains(byte));
    if solid(text.as_bytes().first()) && solid(text.as_bytes().last()) { text } else { text.trim() }
}

/// The times of a batch.
enum TimeColumn {
    Missing,
    Text(Fields, Vec<StringArray>),
    Instant(usize, ArrayRef),
    Local(usize, ArrayRef),
    Date(usize, ArrayRef),
}

fn time_column(mapper: &Mapper, batch: &Batch, role: &str, source: &ColumnSource) -> Result<TimeColumn, Error> {
    let ColumnSource::Fields(fields) = source else { return Ok(TimeColumn::Missing) };
    let text = || Ok(TimeColumn::Text(fields.clone(), mapper.all_texts(batch, role, fields)?));
    let [place] = fields.places[..] else { return text() };
    let array = &batch.columns[place];
    let wrong = || mapper.wrong_type(role, place, array, "times");
    let target = match array.data_type() {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Boolean | DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) | DataType::Interval(_) => {
            return Err(wrong());
        }
        nested if nested.is_nested() => return Err(wrong()),
        _ => return text(),
    };
    let array = cast(array, &target).map_err(|_| wrong())?;
    Ok(match target {
        DataType::Date32 => TimeColumn::Date(place, array),
        DataType::Timestamp(_, Some(_)) => TimeColumn::Instant(place, array),
        _ => TimeColumn::Local(place, array),
    })
}

impl TimeColumn {
    fn name(&self, mapper: &Mapper) -> String {
        let place = match self {
            TimeColumn::Missing => return String::new(),
            TimeColumn::Text(fields, _) => fields.places[0],
            TimeColumn::Instant(place, _) | TimeColumn::Local(place, _) | TimeColumn::Date(place, _) => *place,
        };
        mapper.columns[place].0.to_string()
    }

    /// The time of a row, where it has one; or why it can't be read, the text, and its column's place.
    #[inline]
    fn at(&self, row: usize, reader: &TimeReader) -> Result<Option<(Instant, Precision)>, (TimeFault, &str, usize)> {
        Ok(match self {
            TimeColumn::Missing => None,
            TimeColumn::Text(fields, texts) => {
                let (text, place) = fields.raw(texts, row);
                if text.is_empty() { None } else { Some(reader.read(text).map_err(|fault| (fault, text, place))?) }
            }
            TimeColumn::Instant(_, array) | TimeColumn::Local(_, array) | TimeColumn::Date(_, array) if array.is_null(row) => {
                None
            }
            TimeColumn::Instant(_, array) => {
                Some((Instant(array.as_primitive::<TimestampMicrosecondType>().value(row)), Precision::Instant))
            }
            TimeColumn::Local(_, array) => {
                let local = array
                    .as_primitive::<TimestampMicrosecondType>()
                    .value(row)
                    .clamp(FIRST_MICROS - MICROS_PER_DAY, i64::MAX - MICROS_PER_DAY);
                Some((reader.zone().instant_of_local(local), Precision::Instant))
            }
            TimeColumn::Date(_, array) => {
                let day = array.as_primitive::<Date32Type>().value(row).clamp(FIRST_DAY - 1, LAST_DAY);
                Some((reader.zone().start_of_day(Day(day)), Precision::Date))
            }
        })
    }
}

/// The amounts of a batch.
enum AmountColumn {
    Missing,
    Constant(Decimal),
    Text(Fields, Vec<StringArray>),
    Units(usize, ArrayRef, u8),
    Outcomes(Vec<Outcome<Decimal>>),
}

fn amount_column(mapper: &Mapper, batch: &Batch, role: &str, source: &ColumnSource, rows: usize) -> Result<AmountColumn, Error> {
    let fields = match source {
        ColumnSource::Missing | ColumnSource::Name(_) => return Ok(AmountColumn::Missing),
        ColumnSource::Amount(amount) => return Ok(AmountColumn::Constant(*amount)),
        ColumnSource::Expression(expression) => {
            let by_name = |name: &str| mapper.operand(batch, name);
            return Ok(AmountColumn::Outcomes(expression.numbers(rows, by_name)?));
        }
        ColumnSource::Fields(fields) => fields,
    };
    if fields.is_plain() {
        let place = fields.places[0];
        let array = &batch.columns[place];
        let wrong = |_| mapper.wrong_type(role, place, array, "numbers");
        match array.data_type() {
            DataType::Decimal128(..) | DataType::Decimal64(..) | DataType::Decimal32(..) => {
                let (DataType::Decimal128(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal32(_, scale)) =
                    array.data_type()
                else {
                    return Ok(AmountColumn::Missing);
                };
                let scale = (*scale).max(0);
                let numbers = cast(array, &DataType::Decimal128(PRECISION, scale)).map_err(wrong)?;
                return Ok(AmountColumn::Units(place, numbers, scale as u8));
            }
            t if t.is_integer() => {
                let numbers = cast(array, &DataType::Decimal128(PRECISION, 0)).map_err(wrong)?;
                return Ok(AmountColumn::Units(place, numbers, 0));
            }
            t if t.is_nested() || matches!(t, DataType::Boolean) => {
                return Err(mapper.wrong_type(role, place, array, "numbers"));
            }
            _ => {}
        }
    }
    Ok(AmountColumn::Text(fields.clone(), mapper.all_texts(batch, role, fields)?))
}

impl AmountColumn {
    fn name(&self, mapper: &Mapper) -> String {
        match self {
            AmountColumn::Text(fields, _) => mapper.columns[fields.places[0]].0.to_string(),
            AmountColumn::Units(place, ..) => mapper.columns[*place].0.to_string(),
            _ => String::new(),
        }
    }

    #[inline]
    fn at(&self, row: usize, reader: &NumberReader, mapper: &Mapper) -> Result<Option<Decimal>, Fault> {
        match self {
            AmountColumn::Missing => Ok(None),
            AmountColumn::Constant(amount) => Ok(Some(*amount)),
            AmountColumn::Units(_, array, scale) => {
                let units = array.as_primitive::<Decimal128Type>();
                Ok(if units.is_null(row) { None } else { Some(Decimal::new(units.value(row), *scale)) })
            }
            AmountColumn::Outcomes(outcomes) => match &outcomes[row] {
                Outcome::Value(value) => Ok(*value),
                Outcome::Unreadable { column, value } => {
                    Err(Fault { reason: Reason::UnreadableOperand, column: column.clone(), value: value.clone() })
                }
            },
            AmountColumn::Text(fields, texts) => {
                let (text, place) = fields.raw(texts, row);
                let right = if fields.is_plain() { Cow::Borrowed(text) } else { fields.put_right(text) };
                reader.read(&right).map_err(|fault| {
                    let reason = match fault {
                        NumberFault::Unreadable => Reason::UnreadableValue,
                        NumberFault::Ambiguous => Reason::AmbiguousValue,
                    };
                    Fault { reason, column: mapper.columns[place].0.to_string(), value: text.to_owned() }
                })
            }
        }
    }
}

/// What is done to a name before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Normal {
    AsIs,
    Upper,
    Interval,
}

/// Names of a column, looked up once a batch.
struct NameColumn<'a> {
    texts: NameTexts,
    fields: Option<Fields>,
    /// The place of the first column.
    place: usize,
    constant: Name,
    names: &'a Names,
    normal: Normal,
    /// What an empty field is.
    fallback: &'static str,
    seen: HashMap<Box<str>, Name, foldhash::fast::FixedState>,
    by_key: Vec<Option<Name>>,
}

enum NameTexts {
    None,
    Plain(Vec<StringArray>),
    Dictionary(Int32Array, StringArray),
}

fn name_column<'a>(
    mapper: &Mapper,
    batch: &Batch,
    role: &str,
    source: &ColumnSource,
    names: &'a Names,
    normal: Normal,
) -> Result<NameColumn<'a>, Error> {
    let mut column = NameColumn {
        texts: NameTexts::None,
        fields: None,
        place: 0,
        constant: Name::NONE,
        names,
        normal,
        fallback: if role == column::EVENT { tenure_model::DEFAULT_EVENT } else { "" },
        seen: HashMap::default(),
        by_key: Vec::new(),
    };
    match source {
        ColumnSource::Name(name) => column.constant = *name,
        ColumnSource::Fields(fields) => {
            column.place = fields.places[0];
            let array = &batch.columns[column.place];
            if fields.is_plain() && is_coded(array.data_type()) {
                let array = array.as_dictionary::<Int32Type>();
                let values = array.values().as_string::<i32>().clone();
                column.by_key = vec![None; values.len()];
                column.texts = NameTexts::Dictionary(array.keys().clone(), values);
            } else {
                column.texts = NameTexts::Plain(mapper.all_texts(batch, role, fields)?);
            }
            column.fields = Some(fields.clone());
        }
        _ => {}
    }
    Ok(column)
}

impl NameColumn<'_> {
    fn raw(&self, row: usize) -> &str {
        match (&self.texts, &self.fields) {
            (NameTexts::Plain(texts), Some(fields)) => fields.raw(texts, row).0,
            (NameTexts::Dictionary(keys, values), _) if !keys.is_null(row) => text_at(values, keys.value(row) as usize),
            _ => "",
        }
    }

    fn is_missing(&self, row: usize) -> bool {
        self.constant.is_none() && self.raw(row).is_empty()
    }

    /// The text of a row that can't be read as what the column holds.
    fn unreadable(&self, row: usize) -> Option<String> {
        if self.normal != Normal::Interval {
            return None;
        }
        let text = self.raw(row);
        (!text.is_empty() && normal_interval(text).is_none()).then(|| text.to_owned())
    }

    fn right(&self, text: &str) -> String {
        let text = self.fields.as_ref().map_or(Cow::Borrowed(text), |fields| fields.put_right(text));
        match self.normal {
            Normal::AsIs => text.into_owned(),
            Normal::Upper => text.to_uppercase(),
            Normal::Interval => normal_interval(&text).unwrap_or_else(|| text.into_owned()),
        }
    }

    /// The names of some rows.
    fn codes(&mut self, rows: &[u32], column: usize, chunk: &mut Chunk) -> Vec<Name> {
        if let NameTexts::None = self.texts
            && !(self.constant.is_none() && !self.fallback.is_empty())
        {
            return vec![self.constant; rows.len()];
        }
        rows.iter().map(|&row| self.at(row as usize, column, chunk)).collect()
    }

    #[inline]
    fn at(&mut self, row: usize, column: usize, chunk: &mut Chunk) -> Name {
        if let NameTexts::Dictionary(keys, _) = &self.texts
            && !keys.is_null(row)
            && let Some(name) = self.by_key[keys.value(row) as usize]
        {
            return name;
        }
        let text = self.raw(row);
        let text = if text.is_empty() { self.fallback } else { text };
        if text.is_empty() {
            return Name::NONE;
        }
        let name = match self.seen.get(text) {
            Some(&name) => name,
            None => {
                let right = self.right(text);
                let name = if right.is_empty() { Name::NONE } else { chunk.code(column, self.names, &right) };
                let text: Box<str> = text.into();
                self.seen.insert(text, name);
                name
            }
        };
        if let NameTexts::Dictionary(keys, _) = &self.texts
            && !keys.is_null(row)
        {
            self.by_key[keys.value(row) as usize] = Some(name);
        }
        name
    }
}
