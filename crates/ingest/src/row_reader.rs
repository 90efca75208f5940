//! The rows of a batch, read by the meaning of their columns.

use arrow::array::StringArray;
use tenure_exports::{Batch, TimeFault};
use tenure_history::{Amounts, Key, Loader};
use tenure_model::{ColumnKind, Decimal, Precision, Table, column, minor_digits};

use crate::columns::{AmountColumn, NameColumn, Normal, TimeColumn, amount_column, name_column, time_column};
use crate::error::Error;
use crate::fields::{Fields, text_at};
use crate::mapper::{ColumnSource, Fault, Mapper};
use crate::options::Field;
use crate::report::Reason;

/// The rows of a batch, read one by one.
pub(crate) struct RowReader<'a> {
    mapper: &'a Mapper,
    keys: Vec<StringArray>,
    times: Vec<(usize, TimeColumn)>,
    amounts: Vec<(usize, AmountColumn)>,
    /// The currency of each row, for amounts in the smallest unit.
    currencies: Option<(Fields, Vec<StringArray>)>,
    pub(crate) names: Vec<NameColumn<'a>>,
    /// Names that a row must have, and the column's name.
    required: Vec<(usize, &'static str)>,
    /// The columns of names that are intervals.
    intervals: Vec<usize>,
    /// The times of the row that was read last.
    pub(crate) row_times: Vec<(Option<i64>, Precision)>,
}

impl<'a> RowReader<'a> {
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

    /// Reads the times and amounts of a row, and tells what is wrong with it.
    pub(crate) fn read(&mut self, row: usize, customer: (&str, usize), amounts: &mut [Amounts]) -> Result<(), Fault> {
        let mapper = self.mapper;
        let name_of = |place: usize| mapper.columns[place].0.to_string();
        let fault = |reason: Reason, column: String, value: &str| Fault { reason, column, value: value.to_owned() };
        let (customer, place) = customer;
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
        for &column in &self.intervals {
            let names = &self.names[column];
            if let Some(text) = names.unreadable(row) {
                return Err(fault(Reason::UnreadableInterval, name_of(names.place), &text));
            }
        }
        for slot in 0..self.amounts.len() {
            if let Err(fault) = self.read_amount(row, slot, &mut amounts[slot]) {
                // Amounts of the row that were added already go again.
                amounts[..slot].iter_mut().for_each(Amounts::pop);
                return Err(fault);
            }
        }
        Ok(())
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
