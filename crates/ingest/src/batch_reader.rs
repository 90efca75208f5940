//! The columns of a batch, read by their meaning.

use arrow::array::StringArray;
use tenure_exports::{Batch, TimeFault};
use tenure_history::{Amounts, Chunk, Key, Loader, MISSING_TIME};
use tenure_model::{ColumnKind, Decimal, Instant, Precision, Table, TableColumn, column, minor_digits};

use crate::columns::{AmountColumn, NameColumn, Normal, TimeColumn, amount_column, name_column, time_column};
use crate::error::Error;
use crate::fields::{Fields, text_at};
use crate::kept::{Kept, drop_at};
use crate::mapper::{ColumnSource, Fault, Mapper};
use crate::options::Field;
use crate::report::Reason;

/// The columns of a batch, read one by one.
pub(crate) struct BatchReader<'a> {
    mapper: &'a Mapper,
    keys: Vec<StringArray>,
    times: Vec<(usize, TimeColumn)>,
    amounts: Vec<(usize, AmountColumn)>,
    /// The currency of each row, for amounts in the smallest unit.
    currencies: Option<(Fields, Vec<StringArray>)>,
    names: Vec<NameColumn<'a>>,
    /// Names that a row must have, and the column's name.
    required: Vec<(usize, &'static str)>,
    /// The columns of names that are intervals.
    intervals: Vec<usize>,
}

impl<'a> BatchReader<'a> {
    pub(crate) fn new(mapper: &'a Mapper, batch: &Batch, loader: &'a Loader) -> Result<Self, Error> {
        let mut reader = Self {
            mapper,
            keys: mapper.key.iter().map(|&place| mapper.texts(batch, "id", place)).collect::<Result<_, _>>()?,
            times: Vec::new(),
            amounts: Vec::new(),
            currencies: None,
            names: Vec::new(),
            required: Vec::new(),
            intervals: Vec::new(),
        };
        let rows = batch.rows.len();
        for (index, (spec, source)) in mapper.table.columns().iter().zip(&mapper.sources).enumerate() {
            match spec.kind {
                ColumnKind::Time | ColumnKind::Date => {
                    reader.times.push((index, time_column(mapper, batch, spec.name, source)?));
                }
                ColumnKind::Amount => reader.amounts.push((index, amount_column(mapper, batch, spec.name, source, rows)?)),
                ColumnKind::Name => {
                    let column = reader.names.len();
                    let normal = if spec.name == column::CURRENCY { Normal::Upper } else { Normal::AsIs };
                    let normal = if spec.name == column::INTERVAL { Normal::Interval } else { normal };
                    if normal == Normal::Interval {
                        reader.intervals.push(column);
                    }
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

    pub(crate) fn key(&self, row: usize, customer: &str) -> Key {
        if self.mapper.table == Table::Customers {
            return Key::of(std::iter::once(customer));
        }
        if self.keys.is_empty() || self.keys.iter().all(|texts| text_at(texts, row).is_empty()) {
            return Key::NONE;
        }
        Key::of(self.keys.iter().map(|texts| text_at(texts, row)))
    }

    /// Reads the times and amounts of the rows kept, column by column. Rows that something is wrong with go.
    pub(crate) fn read(&self, kept: &mut Kept, losses: &mut Vec<(usize, Fault)>) -> Values {
        let mut values = Values::default();
        for slot in 0..self.times.len() {
            let (times, precisions, lost) = self.read_times(slot, kept, losses);
            values.drop_at(&lost);
            values.times.push(times);
            if slot == 0 {
                values.precisions = precisions;
            }
        }
        for (column, name) in &self.required {
            let missing = |row| self.names[*column].is_missing(row);
            let fault = || Fault { reason: Reason::Missing(name), column: String::new(), value: String::new() };
            let (_, lost) = kept.sift(losses, |row| if missing(row) { Err(fault()) } else { Ok(()) });
            values.drop_at(&lost);
        }
        for &column in &self.intervals {
            let names = &self.names[column];
            let (_, lost) = kept.sift(losses, |row| match names.unreadable(row) {
                Some(value) => Err(Fault { reason: Reason::UnreadableInterval, column: self.name_of(names.place), value }),
                None => Ok(()),
            });
            values.drop_at(&lost);
        }
        for slot in 0..self.amounts.len() {
            let (index, column) = &self.amounts[slot];
            let plain = !self.mapper.minor_units && self.mapper.table.columns()[*index].name != column::QUANTITY;
            let stored = if plain { column.stored(kept) } else { None };
            let amounts = stored.unwrap_or_else(|| {
                let mut amounts = Amounts::with_capacity(kept.len());
                let (_, lost) = kept.sift(losses, |row| self.read_amount(row, slot, &mut amounts));
                values.drop_at(&lost);
                amounts
            });
            values.amounts.push(amounts);
        }
        values
    }

    /// The names of the rows kept, as a column of these.
    pub(crate) fn name_codes(&mut self, kept: &Kept, chunk: &mut Chunk) {
        for (column, names) in self.names.iter_mut().enumerate() {
            names.fill(kept, column, chunk);
        }
    }

    fn name_of(&self, place: usize) -> String {
        self.mapper.columns[place].0.to_string()
    }

    /// The times of the rows kept in one column, how exact they are, and where the rows stood that went.
    fn read_times(&self, slot: usize, kept: &mut Kept, losses: &mut Vec<(usize, Fault)>) -> (Vec<i64>, Vec<Precision>, Vec<u32>) {
        let mapper = self.mapper;
        let (index, times) = &self.times[slot];
        let spec = &mapper.table.columns()[*index];
        let reader = &mapper.times[slot];
        if spec.kind == ColumnKind::Time
            && let Some(instants) = times.instants(reader)
        {
            let instants = kept.of(&instants);
            let range = instants.iter().fold((i64::MAX, i64::MIN), |(least, most), &t| (least.min(t), most.max(t)));
            if [range.0, range.1].into_iter().all(|time| mapper.judge_time(slot, Instant(time)).is_ok()) {
                let precisions = vec![Precision::Instant; instants.len()];
                return (instants, precisions, Vec::new());
            }
        }
        let mut precisions = Vec::with_capacity(kept.len());
        let (values, lost) = kept.sift(losses, |row| {
            let (time, precision) = self.read_time(row, slot, spec)?;
            precisions.push(precision);
            Ok(time.unwrap_or(MISSING_TIME))
        });
        (values, precisions, lost)
    }

    #[inline]
    fn read_time(&self, row: usize, slot: usize, spec: &TableColumn) -> Result<(Option<i64>, Precision), Fault> {
        let mapper = self.mapper;
        let (_, times) = &self.times[slot];
        let reader = &mapper.times[slot];
        let read = times.at(row, reader).map_err(|(why, text, place)| {
            let reason = match why {
                TimeFault::Unreadable => Reason::UnreadableTime(reader.expected()),
                TimeFault::Ambiguous => Reason::AmbiguousTime,
            };
            Fault { reason, column: self.name_of(place), value: text.to_owned() }
        })?;
        let fault = |reason: Reason, value: String| Fault { reason, column: times.name(mapper), value };
        match read {
            None if spec.required => Err(fault(Reason::NoTime, String::new())),
            None => Ok((None, Precision::Instant)),
            Some((time, precision)) => {
                mapper.judge_time(slot, time).map_err(|reason| fault(reason, time.to_string()))?;
                if spec.kind == ColumnKind::Date {
                    // A date stands for itself; an instant for its day at home.
                    let zone = if precision == Precision::Date { reader.zone() } else { &mapper.home_zone };
                    Ok((Some(zone.day_of(time).0.into()), precision))
                } else {
                    Ok((Some(time.0), precision))
                }
            }
        }
    }

    fn read_amount(&self, row: usize, slot: usize, amounts: &mut Amounts) -> Result<(), Fault> {
        let mapper = self.mapper;
        let (index, column) = &self.amounts[slot];
        let fault = |reason: Reason, value: Decimal| Fault { reason, column: column.name(mapper), value: value.to_string() };
        let mut value = column.at(row, &mapper.numbers[slot], mapper)?;
        if mapper.minor_units
            && let Some(amount) = value
        {
            let code = match &self.currencies {
                Some((fields, texts)) => fields.put_right(fields.raw(texts, row).0).to_uppercase(),
                None => String::new(),
            };
            if code.is_empty() {
                return Err(fault(Reason::NoCurrency, amount));
            }
            value = Some(Decimal::new(amount.units(), amount.scale() + minor_digits(&code)).normalized());
        }
        if value.is_none() && mapper.table.columns()[*index].name == column::QUANTITY {
            value = Some(Decimal::new(1, 0));
        }
        amounts.push(value).map_err(|_| fault(Reason::ValueTooLong, value.unwrap_or(Decimal::ZERO)))
    }
}

/// The times and amounts of the rows kept, by column.
#[derive(Default)]
pub(crate) struct Values {
    pub(crate) times: Vec<Vec<i64>>,
    /// How exact the times of the first column are.
    pub(crate) precisions: Vec<Precision>,
    pub(crate) amounts: Vec<Amounts>,
}

impl Values {
    fn drop_at(&mut self, lost: &[u32]) {
        self.times.iter_mut().for_each(|times| drop_at(times, lost));
        drop_at(&mut self.precisions, lost);
        self.amounts.iter_mut().for_each(|amounts| amounts.retain(|place| lost.binary_search(&(place as u32)).is_err()));
    }
}
