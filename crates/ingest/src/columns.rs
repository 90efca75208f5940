//! The columns of a batch as times, amounts and names.

use std::borrow::Cow;
use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, Decimal64Array, Int32Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal64Type, Decimal128Type, Int32Type, TimeUnit, TimestampMicrosecondType};
use tenure_exports::{Batch, NumberFault, NumberReader, TimeFault, TimeReader, is_coded, normal_interval};
use tenure_history::{Amounts, Chunk, MISSING_AMOUNT, Name, Names};
use tenure_model::{Day, Decimal, Instant, Precision, TimePoint, column};

use crate::error::Error;
use crate::fields::{Fields, text_at};
use crate::kept::Kept;
use crate::mapper::{ColumnSource, Fault, Mapper};
use crate::report::Reason;
use tenure_expression::Outcome;

/// The first instant that is taken for a time: the start of the year 1.
pub(crate) const FIRST_MICROS: i64 = FIRST_DAY as i64 * MICROS_PER_DAY;

const FIRST_DAY: i32 = Day::from_ymd(1, 1, 1).0;

const MICROS_PER_DAY: i64 = 24 * 3600 * 1_000_000;

/// The last day that is taken for a date: times are stored as 64-bit microseconds.
const LAST_DAY: i32 = Day::from_ymd(9999, 12, 31).0;

/// Digits of an amount while it is read.
const PRECISION: u8 = 38;

/// The times of a batch.
pub(crate) enum TimeColumn {
    Missing,
    Constant(TimePoint),
    Text(Fields, Vec<StringArray>),
    Instant(usize, ArrayRef),
    Local(usize, ArrayRef),
    Date(usize, ArrayRef),
}

pub(crate) fn time_column(mapper: &Mapper, batch: &Batch, role: &str, source: &ColumnSource) -> Result<TimeColumn, Error> {
    let fields = match source {
        ColumnSource::Fields(fields) => fields,
        ColumnSource::Moment(moment) => return Ok(TimeColumn::Constant(*moment)),
        ColumnSource::Missing | ColumnSource::Name(_) | ColumnSource::Amount(_) | ColumnSource::Expression(_) => {
            return Ok(TimeColumn::Missing);
        }
    };
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

/// A time, where there is one; or why it can't be read, the text, and its column's place.
pub(crate) type TimeRead<'a> = Result<Option<(Instant, Precision)>, (TimeFault, &'a str, usize)>;

impl TimeColumn {
    pub(crate) fn name(&self, mapper: &Mapper) -> String {
        let place = match self {
            TimeColumn::Missing | TimeColumn::Constant(_) => return String::new(),
            TimeColumn::Text(fields, _) => fields.places[0],
            TimeColumn::Instant(place, _) | TimeColumn::Local(place, _) | TimeColumn::Date(place, _) => *place,
        };
        mapper.columns[place].0.to_string()
    }

    /// The instants of all rows, where each has one and none stands for a whole day.
    pub(crate) fn instants(&self, reader: &TimeReader) -> Option<Cow<'_, [i64]>> {
        match self {
            TimeColumn::Instant(_, array) if array.null_count() == 0 => {
                Some(Cow::Borrowed(array.as_primitive::<TimestampMicrosecondType>().values()))
            }
            TimeColumn::Local(_, array) if array.null_count() == 0 => {
                let locals = array.as_primitive::<TimestampMicrosecondType>().values();
                Some(locals.iter().map(|&local| instant_of_local(local, reader).0).collect())
            }
            _ => None,
        }
    }

    /// The time of a row, where it has one; or why it can't be read, the text, and its column's place.
    #[inline]
    pub(crate) fn at(&self, row: usize, reader: &TimeReader) -> TimeRead<'_> {
        Ok(match self {
            TimeColumn::Missing => None,
            TimeColumn::Constant(TimePoint::Day(day)) => Some((reader.zone().start_of_day(*day), Precision::Date)),
            TimeColumn::Constant(TimePoint::Instant(at)) => Some((*at, Precision::Instant)),
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
                let local = array.as_primitive::<TimestampMicrosecondType>().value(row);
                Some((instant_of_local(local, reader), Precision::Instant))
            }
            TimeColumn::Date(_, array) => {
                let day = array.as_primitive::<Date32Type>().value(row).clamp(FIRST_DAY - 1, LAST_DAY);
                Some((reader.zone().start_of_day(Day(day)), Precision::Date))
            }
        })
    }
}

fn instant_of_local(local: i64, reader: &TimeReader) -> Instant {
    reader.zone().instant_of_local(local.clamp(FIRST_MICROS - MICROS_PER_DAY, i64::MAX - MICROS_PER_DAY))
}

/// The amounts of a batch.
pub(crate) enum AmountColumn {
    Missing,
    Constant(Decimal),
    Text(Fields, Vec<StringArray>),
    Units(usize, ArrayRef, u8),
    ShortUnits(usize, Decimal64Array, u8),
    Outcomes(Vec<Outcome<Decimal>>),
}

pub(crate) fn amount_column(
    mapper: &Mapper,
    batch: &Batch,
    role: &str,
    source: &ColumnSource,
    rows: usize,
) -> Result<AmountColumn, Error> {
    let fields = match source {
        ColumnSource::Missing | ColumnSource::Name(_) | ColumnSource::Moment(_) => return Ok(AmountColumn::Missing),
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
                if matches!(array.data_type(), DataType::Decimal128(..)) && *scale >= 0 {
                    return Ok(AmountColumn::Units(place, array.clone(), *scale as u8));
                }
                if let Some(units) = array.as_primitive_opt::<Decimal64Type>()
                    && *scale >= 0
                {
                    return Ok(AmountColumn::ShortUnits(place, units.clone(), *scale as u8));
                }
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
    /// The amounts of some rows, where they need no reading and all of them can be stored.
    pub(crate) fn stored(&self, kept: &Kept) -> Option<Amounts> {
        if let AmountColumn::ShortUnits(_, array, scale) = self {
            return short(array, *scale, kept);
        }
        let mut amounts = Amounts::with_capacity(kept.len());
        let all = match self {
            AmountColumn::Missing => kept.all(|_| amounts.push(None).is_ok()),
            AmountColumn::Constant(amount) => kept.all(|_| amounts.push(Some(*amount)).is_ok()),
            AmountColumn::Units(_, array, scale) => {
                let units = array.as_primitive::<Decimal128Type>();
                let (values, nulls) = (units.values(), units.nulls());
                kept.all(|row| {
                    let missing = nulls.is_some_and(|nulls| nulls.is_null(row));
                    amounts.push(if missing { None } else { Some(Decimal::new(values[row], *scale)) }).is_ok()
                })
            }
            AmountColumn::ShortUnits(..) | AmountColumn::Text(..) | AmountColumn::Outcomes(..) => false,
        };
        all.then_some(amounts)
    }

    pub(crate) fn name(&self, mapper: &Mapper) -> String {
        match self {
            AmountColumn::Text(fields, _) => mapper.columns[fields.places[0]].0.to_string(),
            AmountColumn::Units(place, ..) | AmountColumn::ShortUnits(place, ..) => mapper.columns[*place].0.to_string(),
            _ => String::new(),
        }
    }

    #[inline]
    pub(crate) fn at(&self, row: usize, reader: &NumberReader, mapper: &Mapper) -> Result<Option<Decimal>, Fault> {
        match self {
            AmountColumn::Missing => Ok(None),
            AmountColumn::Constant(amount) => Ok(Some(*amount)),
            AmountColumn::Units(_, array, scale) => {
                let units = array.as_primitive::<Decimal128Type>();
                Ok(if units.is_null(row) { None } else { Some(Decimal::new(units.value(row), *scale)) })
            }
            AmountColumn::ShortUnits(_, units, scale) => {
                Ok(if units.is_null(row) { None } else { Some(Decimal::new(units.value(row).into(), *scale)) })
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

/// The amounts of some rows out of 64-bit units, where all of them can be stored.
fn short(array: &Decimal64Array, scale: u8, kept: &Kept) -> Option<Amounts> {
    let (values, nulls) = (array.values(), array.nulls().filter(|nulls| nulls.null_count() > 0));
    let mut units = kept.of(values);
    if !Amounts::are_short(&units, scale) {
        let mut amounts = Amounts::with_capacity(kept.len());
        let all = kept.all(|row| {
            let missing = nulls.is_some_and(|nulls| nulls.is_null(row));
            amounts.push(if missing { None } else { Some(Decimal::new(values[row].into(), scale)) }).is_ok()
        });
        return all.then_some(amounts);
    }
    if let Some(nulls) = nulls {
        let mut place = 0;
        kept.each(|row| {
            units[place] = if nulls.is_null(row) { MISSING_AMOUNT } else { units[place] };
            place += 1;
        });
    }
    Some(Amounts::of_short(units, scale))
}

/// What is done to a name before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Normal {
    AsIs,
    Upper,
    Interval,
}

/// Names of a column, looked up once a batch.
pub(crate) struct NameColumn<'a> {
    texts: NameTexts,
    fields: Option<Fields>,
    /// The place of the first column.
    pub(crate) place: usize,
    constant: Name,
    names: &'a Names,
    pub(crate) normal: Normal,
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

pub(crate) fn name_column<'a>(
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

    pub(crate) fn is_missing(&self, row: usize) -> bool {
        self.constant.is_none() && self.raw(row).is_empty()
    }

    /// The text of a row that can't be read as what the column holds.
    pub(crate) fn unreadable(&self, row: usize) -> Option<String> {
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

    /// Gives a chunk the names of some rows.
    pub(crate) fn fill(&mut self, kept: &Kept, column: usize, chunk: &mut Chunk) {
        if let NameTexts::None = self.texts
            && (!self.constant.is_none() || self.fallback.is_empty())
        {
            if self.constant.is_none() {
                chunk.set_no_names(column);
            } else {
                chunk.set_names(column, vec![self.constant; kept.len()]);
            }
        } else if let Some(names) = self.short(kept, column, chunk) {
            chunk.set_short_names(column, names);
        } else {
            let mut names = Vec::with_capacity(kept.len());
            kept.each(|row| names.push(self.at(row, column, chunk)));
            chunk.set_names(column, names);
        }
    }

    /// The names of some rows in their short form, where the export has codes for them and they are few.
    fn short(&mut self, kept: &Kept, column: usize, chunk: &mut Chunk) -> Option<Vec<u8>> {
        const UNKNOWN: u16 = u16::MAX;
        const NO_KEY: usize = u8::MAX as usize;
        let NameTexts::Dictionary(keys, values) = &self.texts else { return None };
        if values.len() > NO_KEY {
            return None;
        }
        let keys = keys.clone();
        let (keys, nulls) = (keys.values(), keys.nulls().filter(|nulls| nulls.null_count() > 0));
        let mut by_key = [UNKNOWN; NO_KEY + 1];
        let mut all_short = true;
        let names = kept.map(|row| {
            let key = if nulls.is_some_and(|nulls| nulls.is_null(row)) { NO_KEY } else { keys[row] as usize };
            if by_key[key] == UNKNOWN {
                let short = self.at(row, column, chunk).short();
                all_short &= short.is_some();
                by_key[key] = short.unwrap_or_default().into();
            }
            by_key[key] as u8
        });
        all_short.then_some(names)
    }

    #[inline]
    pub(crate) fn at(&mut self, row: usize, column: usize, chunk: &mut Chunk) -> Name {
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
