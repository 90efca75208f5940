//! The rows of a history as facts for other tools: plain columns, local dates, customers by number and by id.

mod anew;
mod personal;
mod plain;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use tenure_history::{History, Part, Rows};
use tenure_model::{Calendar, Day, Instant, Period, Periods, Table, Zone, column};

use crate::columns::{Columns, Home};
use crate::error::Error;

use anew::Anew;
pub use personal::{Personal, Tells, personal_columns};
pub use plain::ATTRIBUTE;
use plain::{Plain, failed, own_name, plain_array, plain_type};

/// What facts are made of, and how.
#[derive(Clone)]
pub struct FactsQuery<'a> {
    /// The periods of cohorts.
    pub cohort: Period,
    /// The column whose value at birth is a customer's segment. None: there is one segment.
    pub by: Option<String>,
    /// The zone of local dates. None: the history's home zone.
    pub zone: Option<Zone>,
    /// How a customer's id is shown.
    pub id: &'a (dyn Fn(&str) -> String + Sync),
    /// Whose numbers customers have.
    pub numbers: Numbers,
    /// Columns that are left out.
    pub left_out: &'a [Personal],
}

/// Whose numbers customers have, and in what order they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// Those of the history, which follow the first activity.
    #[default]
    History,
    /// Within each bucket of the history numbered anew in the order of ids as they are shown: who has not the key of pseudonyms
    /// can't tell from an order or a number whose a row is.
    Shown,
}

/// What a batch of rows is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// Customers, a row each.
    Customer,
    /// What they did.
    Activity,
    /// What they answered.
    Survey,
    /// Why they left.
    Cancellation,
}

/// How all customers together are called among segments.
pub const EVERYBODY: &str = "(all)";

/// A segment by its column and value, as facts refer to it: `plan=pro`; the column alone where the value is missing.
pub fn segment_key(by: &str, value: Option<&str>) -> String {
    value.map_or_else(|| by.to_owned(), |value| format!("{by}={value}"))
}

/// Hands the rows of a history to `each`, bucket by bucket and in a stable order; of each kind first a batch without rows.
/// Customers of a bucket come after their activity. Activity at or after the end of the window is left out.
///
/// # Errors
///
/// Where there is no such column, reading fails, or `each` does.
pub fn facts<E>(
    history: &History,
    query: &FactsQuery<'_>,
    each: &mut dyn FnMut(Fact, RecordBatch) -> Result<(), E>,
) -> Result<(), E>
where
    E: From<Error> + From<tenure_history::Error>,
{
    let facts = Facts::new(history, query)?;
    facts.of_activity(each)?;
    facts.of_table(Table::Surveys, Fact::Survey, each)?;
    facts.of_table(Table::Cancellations, Fact::Cancellation, each)
}

struct Facts<'a> {
    history: &'a History,
    query: &'a FactsQuery<'a>,
    zone: Zone,
    cohorts: Periods,
    columns: Columns,
    by: Option<(String, Home)>,
    until: Option<Instant>,
}

/// What is known of a customer of the bucket that is being read.
#[derive(Debug, Clone, Default)]
struct Seen {
    first: Option<i64>,
    last: Option<i64>,
    rows: i64,
    segment: Option<String>,
}

impl<'a> Facts<'a> {
    fn new(history: &'a History, query: &'a FactsQuery<'a>) -> Result<Self, Error> {
        let zone = query.zone.clone().unwrap_or_else(|| history.home_zone().clone());
        let columns = Columns::of(history);
        let by = match &query.by {
            Some(by) if by == column::CUSTOMER => {
                return Err(Error::query("--by customer: each customer would be a segment; expected a column of names"));
            }
            Some(by) if query.left_out.iter().any(|column| column.name == *by) => {
                return Err(Error::query(format!("--by {by}: the column is left out, since it tells who a customer is")));
            }
            Some(by) => Some((by.clone(), columns.segment(by)?)),
            None => None,
        };
        let cohorts = Periods::new(Calendar::new(zone.clone()), query.cohort, Day(0));
        let until = history.window().until;
        Ok(Self { history, query, zone, cohorts, columns, by, until })
    }

    /// The columns of a table beside the customer, each with the name that facts give it.
    fn plain(&self, table: Table, own: &[&str], type_of: impl Fn(&str) -> DataType) -> Vec<Plain> {
        let left_out = |name: &str| self.query.left_out.iter().any(|column| column.table == table && column.name == name);
        let fixed = table.columns().iter().map(|column| column.name.to_owned()).filter(|name| !own.contains(&name.as_str()));
        let mut names: Vec<String> = own.iter().map(|name| (*name).to_owned()).collect();
        let mut plain = Vec::new();
        for (source, is_own) in
            fixed.map(|name| (name, true)).chain(self.history.attributes_of(table).into_iter().map(|name| (name, false)))
        {
            if left_out(&source) {
                continue;
            }
            let name = if is_own { source.clone() } else { own_name(&source, &names) };
            names.push(name.clone());
            plain.push(Plain { data_type: type_of(&source), source, name, is_attribute: !is_own });
        }
        plain
    }

    fn of_activity<E>(&self, each: &mut dyn FnMut(Fact, RecordBatch) -> Result<(), E>) -> Result<(), E>
    where
        E: From<Error> + From<tenure_history::Error>,
    {
        let scale = self.history.value_scale();
        let type_of = |name: &str| plain_type(name, scale);
        let activity = self.plain(Table::Activity, &["customer_key", "date", "time", "year_month"], type_of);
        let customers = self.plain(Table::Customers, &CUSTOMER_COLUMNS, type_of);
        each(Fact::Customer, RecordBatch::new_empty(customer_schema(&customers)))?;
        each(Fact::Activity, RecordBatch::new_empty(row_schema(&activity)))?;
        let mut reads: Vec<&str> = vec![column::DAY, column::TIME];
        reads.extend(activity.iter().map(|column| column.source.as_str()));
        if let Some((by, Home::Activity)) = &self.by
            && !reads.contains(&by.as_str())
        {
            reads.push(by);
        }
        let mut bucket: Option<Rows> = None;
        let mut waiting: Vec<RecordBatch> = Vec::new();
        let mut places: HashMap<i64, usize> = HashMap::new();
        let mut seen: Vec<Seen> = Vec::new();
        self.history.scan_table(Table::Activity, reads.into_iter()).in_full_order().in_turn(true, &mut |part| {
            match part {
                Part::Customers(rows) => {
                    places = rows.customers().iter().enumerate().map(|(place, &number)| (number, place)).collect();
                    seen = vec![Seen::default(); rows.len()];
                    bucket = Some(rows.clone());
                }
                Part::Activity(rows) => {
                    if let Some(batch) = self.rows(rows, &activity)? {
                        self.look(rows, &places, &mut seen)?;
                        match self.query.numbers {
                            Numbers::History => each(Fact::Activity, batch)?,
                            Numbers::Shown => waiting.push(batch),
                        }
                    }
                }
                Part::End => {
                    if let Some(rows) = bucket.take().filter(|rows| !rows.is_empty()) {
                        let listed = self.customers(&rows, &seen, &customers)?;
                        if self.query.numbers == Numbers::History {
                            return each(Fact::Customer, listed);
                        }
                        let anew = Anew::of(&rows, self.query.id);
                        if let Some(batch) = anew.of_batches(&std::mem::take(&mut waiting))? {
                            each(Fact::Activity, batch)?;
                        }
                        if let Some(batch) = anew.of_batches(&[listed])? {
                            each(Fact::Customer, batch)?;
                        }
                    }
                }
            }
            Ok(())
        })
    }

    /// Notes of each customer when they were active, and the segment of the first row.
    fn look(&self, rows: &Rows, places: &HashMap<i64, usize>, seen: &mut [Seen]) -> Result<(), Error> {
        let times = rows.times().unwrap_or_default();
        let codes = match &self.by {
            Some((by, Home::Activity)) => rows.codes(by),
            _ => None,
        };
        for (row, (number, &time)) in rows.customers().iter().zip(times).enumerate() {
            if self.until.is_some_and(|until| time >= until.0) {
                continue;
            }
            let Some(seen) = places.get(number).and_then(|&place| seen.get_mut(place)) else {
                return Err(Error::query(format!("damaged: customer {number} has activity and is not among the customers")));
            };
            if seen.first.is_none() {
                seen.first = Some(time);
                seen.segment = codes.and_then(|codes| codes.get(row).map(|code| codes.name(code).to_owned()));
            }
            seen.last = Some(time);
            seen.rows += 1;
        }
        Ok(())
    }

    fn customers(&self, rows: &Rows, seen: &[Seen], plain: &[Plain]) -> Result<RecordBatch, Error> {
        let ids: Vec<&str> = rows.texts(column::CUSTOMER_ID).into_iter().flatten().map(Option::unwrap_or_default).collect();
        let of_customers = match &self.by {
            Some((by, Home::Customers)) => Some(plain_array(&self.columns.of_customers(rows, by), &DataType::Utf8)?),
            _ => None,
        };
        let of_customers = of_customers.as_ref().and_then(|array| array.as_any().downcast_ref::<StringArray>());
        let segments = seen.iter().enumerate().map(|(place, seen)| match &self.by {
            None => Some(EVERYBODY.to_owned()),
            // Nobody without activity is in a cohort.
            Some(_) if seen.first.is_none() => None,
            Some((by, Home::Activity)) => Some(segment_key(by, seen.segment.as_deref())),
            Some((by, Home::Customers)) => {
                let value = of_customers.filter(|values| values.is_valid(place)).map(|values| values.value(place));
                Some(segment_key(by, value))
            }
        });
        let cohort = |at: i64| self.cohorts.first_day(self.cohorts.number_at(Instant(at))).0;
        let listed = rows.listed().map_or_else(|| vec![false; rows.len()], Iterator::collect);
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(rows.customers().to_vec())),
            Arc::new(ids.iter().map(|id| Some((self.query.id)(id))).collect::<StringArray>()),
            instants(seen.iter().map(|seen| seen.first)),
            instants(seen.iter().map(|seen| seen.last)),
            Arc::new(seen.iter().map(|seen| Some(seen.rows)).collect::<Int64Array>()),
            Arc::new(seen.iter().map(|seen| seen.first.map(cohort)).collect::<Date32Array>()),
            Arc::new(segments.collect::<StringArray>()),
            Arc::new(BooleanArray::from(listed)),
        ];
        for column in plain {
            arrays.push(column.of(rows)?);
        }
        RecordBatch::try_new(customer_schema(plain), arrays).map_err(failed)
    }

    /// Rows before the end of the window, with local dates; nothing where none is left.
    fn rows(&self, rows: &Rows, plain: &[Plain]) -> Result<Option<RecordBatch>, Error> {
        let times = rows.times().unwrap_or_default();
        let mut days = Vec::with_capacity(times.len());
        self.zone.cursor().days_of(times, &mut days);
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(rows.customers().to_vec())),
            Arc::new(Date32Array::from(days)),
            instants(times.iter().copied().map(Some)),
        ];
        for column in plain {
            arrays.push(column.of(rows)?);
        }
        let batch = RecordBatch::try_new(row_schema(plain), arrays).map_err(failed)?;
        let is_in = |&time: &i64| self.until.is_none_or(|until| time < until.0);
        if times.iter().all(is_in) {
            return Ok((batch.num_rows() > 0).then_some(batch));
        }
        let kept = filter_record_batch(&batch, &times.iter().map(|time| Some(is_in(time))).collect()).map_err(failed)?;
        Ok((kept.num_rows() > 0).then_some(kept))
    }

    fn of_table<E>(&self, table: Table, fact: Fact, each: &mut dyn FnMut(Fact, RecordBatch) -> Result<(), E>) -> Result<(), E>
    where
        E: From<Error> + From<tenure_history::Error>,
    {
        let plain = self.plain(table, &["customer_key", "date", "time", "year_month"], |name| plain_type(name, 0));
        each(fact, RecordBatch::new_empty(row_schema(&plain)))?;
        if self.history.rows_of(table) == 0 {
            return Ok(());
        }
        let reads = std::iter::once(column::TIME).chain(plain.iter().map(|column| column.source.as_str()));
        let facts = Facts {
            until: None,
            cohorts: self.cohorts.clone(),
            zone: self.zone.clone(),
            by: None,
            columns: Columns::of(self.history),
            ..*self
        };
        let is_anew = self.query.numbers == Numbers::Shown;
        let (mut anew, mut waiting) = (Anew::default(), Vec::new());
        self.history.scan_table(table, reads).in_full_order().in_turn(is_anew, &mut |part| {
            match part {
                Part::Customers(rows) => anew = Anew::of(rows, self.query.id),
                Part::Activity(rows) => match facts.rows(rows, &plain)? {
                    Some(batch) if is_anew => waiting.push(batch),
                    Some(batch) => each(fact, batch)?,
                    None => {}
                },
                Part::End => {
                    if let Some(batch) = anew.of_batches(&std::mem::take(&mut waiting))? {
                        each(fact, batch)?;
                    }
                }
            }
            Ok(())
        })
    }
}

/// The columns of customers that are no attributes.
const CUSTOMER_COLUMNS: [&str; 8] =
    ["customer_key", "customer_id", "first_activity", "last_activity", "activities", "cohort", "segment", "listed"];

fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn instants(times: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn customer_schema(plain: &[Plain]) -> Arc<Schema> {
    let types = [
        (DataType::Int64, false),
        (DataType::Utf8, false),
        (instant_type(), true),
        (instant_type(), true),
        (DataType::Int64, false),
        (DataType::Date32, true),
        (DataType::Utf8, true),
        (DataType::Boolean, false),
    ];
    let own = CUSTOMER_COLUMNS.into_iter().zip(types).map(|(name, (data_type, nullable))| Field::new(name, data_type, nullable));
    Arc::new(Schema::new(own.chain(plain.iter().map(Plain::field)).collect::<Vec<_>>()))
}

fn row_schema(plain: &[Plain]) -> Arc<Schema> {
    let own = [
        Field::new("customer_key", DataType::Int64, false),
        Field::new("date", DataType::Date32, false),
        Field::new("time", instant_type(), false),
    ];
    Arc::new(Schema::new(own.into_iter().chain(plain.iter().map(Plain::field)).collect::<Vec<_>>()))
}
