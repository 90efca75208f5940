//! The rows of one bucket, brought into the order of the history.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal64Array, DictionaryArray, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use tenure_model::{ColumnKind, Instant, MAX_STORED_DIGITS, Table, Zone};

use crate::choose::Verdict;
use crate::chunk::{Ids, Key, MISSING, RowLayout};
use crate::columns::{KEY_BYTES, ids_schema, table_schema};
use crate::content::content;
use crate::error::{Error, internal};
use crate::fingerprint::{Fingerprint, attribute_hash, name_hash};
use crate::layout::customer_number;
use crate::order::{Order, in_order};
use crate::stage::Store;
use crate::staged::{Customer, Staged, stage};

/// The export of rows that the history has already.
pub(crate) const EXISTING: u32 = u32::MAX;

/// How rows of different exports are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// The number of equal rows is the maximum over the exports; a later row replaces one with the same key.
    Exports,
    /// Every row counts, but for rows of one load with the same key.
    Nothing,
}

/// What is the same for all buckets of a load.
pub(crate) struct Load<'a> {
    pub(crate) layout: &'a RowLayout,
    pub(crate) zone: &'a Zone,
    /// Decimals of each column of amounts.
    pub(crate) scales: Vec<u8>,
    /// The shared names of each column of names, by code.
    pub(crate) names: Vec<SharedNames>,
    pub(crate) compare: Compare,
    /// Whether the rows are those of a history, laid out anew: every one is kept.
    pub(crate) as_is: bool,
    /// For each reading of an export its place among the exports; nothing for one that was given up.
    pub(crate) exports: Vec<Option<u32>>,
    /// Keys of rows that belong to several customers, with the hash of the one that has the latest.
    pub(crate) moved_keys: HashMap<Key, u128>,
}

impl<'a> Load<'a> {
    /// Rows of a history that are laid out anew.
    pub(crate) fn as_is(layout: &'a RowLayout, scales: Vec<u8>, zone: &'a Zone) -> Self {
        let own = layout.names() - layout.attributes.len();
        let attribute = |column: usize| column.checked_sub(own).map(|i| layout.attributes[i].as_str());
        let names = (0..layout.names()).map(|column| SharedNames::new(Vec::new(), attribute(column))).collect();
        let moved_keys = HashMap::new();
        Self { layout, zone, scales, names, compare: Compare::Nothing, as_is: true, exports: vec![Some(0)], moved_keys }
    }

    pub(crate) fn export_count(&self) -> usize {
        self.exports.iter().flatten().map(|&export| export as usize + 1).max().unwrap_or(0)
    }

    /// Where an export stands in time: what the history has comes before all.
    pub(crate) fn rank(&self, reading: u32) -> Option<u32> {
        if reading == EXISTING { Some(0) } else { self.exports[reading as usize].map(|export| export + 1) }
    }
}

/// Names by code, with what identifies each in a fingerprint.
#[derive(Debug)]
pub(crate) struct SharedNames {
    pub(crate) names: Vec<Box<str>>,
    attribute: Option<String>,
}

impl SharedNames {
    pub(crate) fn new(names: Vec<Box<str>>, attribute: Option<&str>) -> Self {
        Self { names, attribute: attribute.map(str::to_owned) }
    }

    pub(crate) fn hash(&self, name: &str) -> u64 {
        match &self.attribute {
            Some(attribute) => attribute_hash(attribute, name),
            None => name_hash(name),
        }
    }
}

/// Customers that the history already has in a bucket.
#[derive(Debug, Default)]
pub(crate) struct KnownCustomers {
    pub(crate) ids: Ids,
    pub(crate) hashes: Vec<u128>,
    pub(crate) indices: Vec<u32>,
    /// How many numbers are taken.
    pub(crate) taken: u32,
}

/// A bucket in the order of the history.
#[derive(Debug)]
pub(crate) struct ClusteredBucket {
    pub(crate) rows: RecordBatch,
    /// The customers that the history did not have: number and id.
    pub(crate) customers: RecordBatch,
    pub(crate) content: Fingerprint,
    /// Rows left out because another row stands for them, by export.
    pub(crate) duplicates: Vec<u64>,
    /// Rows kept, by export.
    pub(crate) kept: Vec<u64>,
    /// First and last instant of the rows kept.
    pub(crate) span: Option<(i64, i64)>,
    /// Distinct customers among the rows.
    pub(crate) active_customers: u64,
    /// Hashes of the names in the first column of names: for activity the events.
    pub(crate) first_names: HashSet<u64>,
    /// Where the rows lie that the history has and new ones replace.
    pub(crate) replaced: Vec<u64>,
}

impl ClusteredBucket {
    /// The same without its rows, which are written.
    pub(crate) fn without_rows(mut self) -> Self {
        self.rows = RecordBatch::new_empty(self.rows.schema());
        self.customers = RecordBatch::new_empty(self.customers.schema());
        self
    }
}

/// The rows that are kept, column by column in the order of the history.
pub(crate) struct Ordered {
    /// The customers that have rows, and how many.
    pub(crate) runs: Vec<(u32, u32)>,
    pub(crate) times: Vec<Vec<i64>>,
    pub(crate) names: Vec<OrderedNames>,
    pub(crate) units: Vec<Vec<i64>>,
    pub(crate) keys: Vec<Key>,
}

/// Names as codes of a dictionary; the code beyond its end is that of a missing name.
pub(crate) struct OrderedNames {
    pub(crate) codes: Vec<i32>,
    names: ArrayRef,
    pub(crate) hashes: Vec<u64>,
}

impl OrderedNames {
    /// The hashes of the names that rows bear.
    fn used(&self) -> HashSet<u64> {
        let mut used = vec![false; self.hashes.len()];
        self.codes.iter().for_each(|&code| used[code as usize] = true);
        self.hashes.iter().zip(used).take(self.names.len()).filter(|(_, used)| *used).map(|(&hash, _)| hash).collect()
    }

    pub(crate) fn is_there(&self, row: usize) -> bool {
        (self.codes[row] as usize) < self.names.len()
    }

    fn array(self) -> Result<ArrayRef, Error> {
        let missing = self.names.len() as i32;
        let nulls = nulls(&self.codes, missing);
        let keys = Int32Array::try_new(self.codes.into(), nulls).map_err(internal)?;
        Ok(Arc::new(DictionaryArray::try_new(keys, self.names).map_err(internal)?))
    }
}

/// Which values are there, unless all are.
fn nulls<T: Copy + PartialEq>(values: &[T], missing: T) -> Option<NullBuffer> {
    let there = |row: usize| values[row] != missing;
    values.contains(&missing).then(|| BooleanBuffer::collect_bool(values.len(), there).into())
}

impl Staged {
    /// The rows that are kept, without what was only needed to choose them.
    fn ordered(self, order: Order, customers: &[Customer]) -> Ordered {
        fn gather<T: Copy>(values: &[T], order: &[u32]) -> Vec<T> {
            if values.is_empty() { Vec::new() } else { order.iter().map(|&row| values[row as usize]).collect() }
        }
        let rows = &order.rows;
        let runs = order.customers.iter().map(|&c| (c, customers[c as usize].rows)).filter(|(_, rows)| *rows > 0);
        let names = self.names.into_iter().map(|column| OrderedNames {
            codes: column.ordered(rows),
            names: column.names,
            hashes: column.hashes,
        });
        let further = self.times[1..].iter().map(|times| gather(times, rows));
        Ordered {
            runs: runs.collect(),
            names: names.collect(),
            units: self.units.iter().map(|units| gather(units, rows)).collect(),
            keys: gather(&self.keys, rows),
            times: [order.times].into_iter().chain(further).collect(),
        }
    }
}

/// Sorts a bucket's rows, numbers its new customers and leaves out what other rows stand for.
pub(crate) fn cluster(load: &Load<'_>, bucket: u32, stores: &[Store], known: &KnownCustomers) -> Result<ClusteredBucket, Error> {
    let (staged, mut customers) = stage(load, stores, known);
    let mut order = in_order(&staged, stores, &mut customers);
    let mut verdict =
        Verdict { duplicates: vec![0; load.export_count()], kept: vec![0; load.export_count()], replaced: Vec::new() };
    if load.as_is || staged.ranks.is_empty() && staged.keys.is_empty() {
        if let Some(kept) = verdict.kept.get_mut((staged.rank as usize).wrapping_sub(1)) {
            *kept = order.rows.len() as u64;
        }
    } else {
        let mut kept = Vec::with_capacity(order.rows.len());
        let mut rest = &order.rows[..];
        for &c in &order.customers {
            let (run, after) = rest.split_at(customers[c as usize].rows as usize);
            rest = after;
            verdict.choose(load, &staged, run, |owner| customers[owner as usize].hash(stores), &mut kept);
        }
        customers.iter_mut().for_each(|customer| customer.rows = 0);
        kept.iter().for_each(|&row| customers[staged.owners[row as usize] as usize].rows += 1);
        order.times = kept.iter().map(|&row| staged.times[0][row as usize]).collect();
        order.rows = kept;
    }
    let ranked = order.customers.clone();
    let ordered = staged.ordered(order, &customers);
    finish(load, bucket, known, stores, ordered, &customers, &ranked, verdict)
}

#[expect(clippy::too_many_arguments, reason = "the parts of one bucket, each borrowed from a different step")]
fn finish(
    load: &Load<'_>,
    bucket: u32,
    known: &KnownCustomers,
    stores: &[Store],
    rows: Ordered,
    customers: &[Customer],
    ranks: &[u32],
    verdict: Verdict,
) -> Result<ClusteredBucket, Error> {
    let mut numbers = vec![0i64; customers.len()];
    let mut new_numbers = Vec::new();
    let mut new_ids = Vec::new();
    let mut next = known.taken;
    for &c in ranks {
        let customer = &customers[c as usize];
        if customer.known.is_none() && customer.rows == 0 {
            continue;
        }
        numbers[c as usize] = customer_number(bucket, customer.known.unwrap_or(next));
        if customer.known.is_none() {
            new_numbers.push(numbers[c as usize]);
            new_ids.push(std::str::from_utf8(customer.id(stores)).map_err(internal)?);
            next += 1;
        }
    }
    let anchors = &rows.times[0];
    let present = || anchors.iter().copied().filter(|&time| time != MISSING);
    let span = if load.layout.table == Table::Customers { None } else { present().min().zip(present().max()) };
    let mut numbers_of_rows: Vec<i64> = Vec::with_capacity(anchors.len());
    for &(c, count) in &rows.runs {
        numbers_of_rows.resize(numbers_of_rows.len() + count as usize, numbers[c as usize]);
    }
    let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(numbers_of_rows))];
    if load.layout.table == Table::Activity {
        let mut cursor = load.zone.cursor();
        let days: Vec<i32> = anchors.iter().map(|&time| cursor.day_of(Instant(time)).0).collect();
        columns.push(Arc::new(Date32Array::from(days)));
    }
    let content = content(load, &rows, |c| customers[c as usize].hash(stores));
    let first_names = rows.names.first().map(OrderedNames::used).unwrap_or_default();
    let active_customers = rows.runs.len() as u64;
    let Ordered { times, names, units, keys, .. } = rows;
    let (mut times, mut names, mut units) = (times.into_iter(), names.into_iter(), units.into_iter());
    let mut scales = load.scales.iter();
    let unexpected = || internal(std::io::Error::other("a column is missing"));
    for column in load.layout.table.columns() {
        columns.push(match column.kind {
            ColumnKind::Time | ColumnKind::Date => {
                let (values, nulls) = present_values(times.next().ok_or_else(unexpected)?);
                if column.kind == ColumnKind::Time {
                    Arc::new(TimestampMicrosecondArray::try_new(values, nulls).map_err(internal)?.with_timezone("UTC"))
                } else {
                    let days: ScalarBuffer<i32> = values.iter().map(|&day| day as i32).collect();
                    Arc::new(Date32Array::try_new(days, nulls).map_err(internal)?)
                }
            }
            ColumnKind::Name => names.next().ok_or_else(unexpected)?.array()?,
            ColumnKind::Amount => {
                let (values, nulls) = present_values(units.next().ok_or_else(unexpected)?);
                let scale = scales.next().copied().unwrap_or_default() as i8;
                let array = Decimal64Array::try_new(values, nulls)
                    .and_then(|array| array.with_precision_and_scale(MAX_STORED_DIGITS, scale));
                Arc::new(array.map_err(internal)?)
            }
        });
    }
    for column in names {
        columns.push(column.array()?);
    }
    if load.layout.keyed {
        let keys = keys.iter().map(|&key| if key == Key::NONE { None } else { Some(key.0.to_be_bytes()) });
        let keys = FixedSizeBinaryArray::try_from_sparse_iter_with_size(keys, KEY_BYTES).map_err(internal)?;
        columns.push(Arc::new(keys));
    }
    let rows = RecordBatch::try_new(table_schema(load.layout, &load.scales), columns).map_err(internal)?;
    let customer_columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(new_numbers)), Arc::new(StringArray::from_iter_values(new_ids))];
    Ok(ClusteredBucket {
        rows,
        customers: RecordBatch::try_new(ids_schema(), customer_columns).map_err(internal)?,
        content,
        duplicates: verdict.duplicates,
        kept: verdict.kept,
        span,
        active_customers,
        first_names,
        replaced: verdict.replaced,
    })
}

/// Values, and which of them are missing.
fn present_values(mut values: Vec<i64>) -> (ScalarBuffer<i64>, Option<NullBuffer>) {
    let nulls = nulls(&values, MISSING);
    if nulls.is_some() {
        values.iter_mut().for_each(|value| *value = if *value == MISSING { 0 } else { *value });
    }
    (values.into(), nulls)
}
