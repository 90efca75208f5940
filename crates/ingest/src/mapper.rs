//! An export's columns, given their meaning.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use tenure_exports::{Batch, Damage, NumberReader, TimeReader, flat_array};
use tenure_expression::{Evaluator, Outcome};
use tenure_history::{Aliases, Chunk, Loader, Name};
use tenure_model::{Decimal, Instant, Precision, Table, TimePoint, Zone};

use crate::batch_reader::BatchReader;
use crate::columns::FIRST_MICROS;
use crate::customers::Customers;
use crate::error::{Error, ErrorKind};
use crate::fields::{Fields, texts_of};
use crate::kept::Kept;
use crate::rejects::RejectsFile;
use crate::report::{Reason, Reject, Rejects, RowCounts};

/// Activity later than this after the ingest is rejected as future-dated.
pub(crate) const FUTURE_MICROS: i64 = 24 * 3600 * 1_000_000;

/// Where one of the table's columns comes from.
#[derive(Debug, Clone)]
pub(crate) enum ColumnSource {
    Missing,
    Fields(Fields),
    Name(Name),
    Amount(Decimal),
    Moment(TimePoint),
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
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) column: String,
    pub(crate) value: String,
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
        let mut customers = Customers::new(self, batch)?;
        let mut reader = BatchReader::new(self, batch, sinks.loader)?;
        let mut losses = Losses::default();
        let mut kept = self.passing(batch, filter.as_deref(), &mut losses);
        customers.sift(&mut kept, &mut losses.rows)?;
        let values = reader.read(&mut kept, &mut losses.rows);
        let not_plain = |fault: &Fault| matches!(fault.reason, Reason::UnreadableTime(_) | Reason::UnreadableValue);
        if self.trial && losses.rows.iter().any(|(_, fault)| not_plain(fault)) {
            sinks.account.not_plain.store(true, Ordering::Relaxed);
            return Err(Error::interrupted());
        }
        let mut chunk = Chunk::new(sinks.loader.layout(), self.reading, kept.len());
        let keyed = sinks.loader.layout().keyed;
        customers.fill(&mut chunk, &kept, sinks.aliases, keyed.then_some(&reader))?;
        let (mut last_instant, mut last_date) = (i64::MIN, i64::MIN);
        // A subscription may start in the future, which vouches for nothing until then.
        let known = |time: i64| self.table == Table::Activity || time <= self.now.0;
        let times = values.times.first().into_iter().flatten().zip(&values.precisions);
        for (&time, precision) in times.filter(|(time, _)| known(**time)) {
            match precision {
                Precision::Instant => last_instant = last_instant.max(time),
                Precision::Date => last_date = last_date.max(time),
            }
        }
        for (column, times) in values.times.into_iter().enumerate() {
            chunk.set_times(column, times);
        }
        for (column, amounts) in values.amounts.into_iter().enumerate() {
            chunk.set_amounts(column, amounts);
        }
        reader.name_codes(&kept, &mut chunk);
        losses.rows.sort_by_key(|(row, _)| *row);
        for (row, fault) in &losses.rows {
            let reject = Reject { row: batch.rows.get(*row), column: fault.column.clone(), value: fault.value.clone() };
            losses.rejects.entry(fault.reason.clone()).or_default().add(1, [reject]);
        }
        if let Some(file) = sinks.rejects {
            let rows = losses.rows.iter().map(|(row, fault)| (*row, &fault.reason, &*fault.column, &*fault.value));
            file.write(&self.input, batch, &self.columns, rows)?;
        }
        sinks.account.last_instant.fetch_max(last_instant, Ordering::Relaxed);
        sinks.account.last_date.fetch_max(last_date, Ordering::Relaxed);
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

    /// The rows that are whole and inside the filter.
    fn passing(&self, batch: &Batch, filter: Option<&[Outcome<bool>]>, losses: &mut Losses) -> Kept {
        let rows = batch.rows.len();
        if filter.is_none() && batch.damaged.is_empty() {
            return Kept::All(rows);
        }
        let mut kept = Vec::with_capacity(rows);
        for row in 0..rows {
            match self.passes(batch, row, filter) {
                Ok(true) => kept.push(row as u32),
                Ok(false) => losses.filtered += 1,
                Err(fault) => losses.rows.push((row, fault)),
            }
        }
        Kept::Some(kept)
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
    pub(crate) fn operand(&self, batch: &Batch, name: &str) -> ArrayRef {
        let array = &batch.columns[self.place(name)];
        // Codes into texts are always texts.
        flat_array(array).unwrap_or_else(|_| array.clone())
    }

    pub(crate) fn wrong_type(&self, role: &str, place: usize, array: &ArrayRef, expected: &str) -> Error {
        let name = &self.columns[place].0;
        let found = match array.data_type() {
            // Narrow only because they are read so.
            &DataType::Decimal64(precision, scale) => DataType::Decimal128(precision, scale),
            other => other.clone(),
        };
        let flag = role.replace('_', "-");
        Error::new(
            ErrorKind::Column,
            format!(
                "{}: column \"{name}\" holds {found}; expected {expected} for the {role} (name another with --{flag})",
                self.input
            ),
        )
    }

    pub(crate) fn texts(&self, batch: &Batch, role: &str, place: usize) -> Result<StringArray, Error> {
        let array = &batch.columns[place];
        texts_of(array, role == "attribute").ok_or_else(|| self.wrong_type(role, place, array, "text or whole numbers"))
    }

    pub(crate) fn all_texts(&self, batch: &Batch, role: &str, fields: &Fields) -> Result<Vec<StringArray>, Error> {
        fields.places.iter().map(|&place| self.texts(batch, role, place)).collect()
    }

    /// What is wrong with a time that stands in a row.
    pub(crate) fn judge_time(&self, column: usize, time: Instant) -> Result<(), Reason> {
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
