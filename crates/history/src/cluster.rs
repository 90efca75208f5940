//! The rows of one bucket, brought into the order of the history.

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal64Array, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use tenure_model::{Decimal, Instant, MAX_STORED_DIGITS, Zone};

use crate::chunk::{MISSING, PartitionedChunk};
use crate::columns::{activity_schema, customers_schema};
use crate::error::{Error, internal};
use crate::fingerprint::{self, Fingerprint, RowParts};
use crate::layout::customer_number;
use crate::names::SortedNames;

/// What is the same for all buckets of a load.
pub(crate) struct Load<'a> {
    /// Their amounts are all at `value_scale`.
    pub(crate) chunks: &'a [PartitionedChunk],
    pub(crate) buckets: u32,
    pub(crate) exports: u32,
    pub(crate) zone: &'a Zone,
    pub(crate) value_scale: u8,
    pub(crate) events: &'a Dictionary,
    pub(crate) currencies: &'a Dictionary,
    pub(crate) attribute_names: &'a [String],
    pub(crate) attributes: &'a [Dictionary],
}

/// The names of a column in order, ready to be stored.
pub(crate) struct Dictionary {
    sorted: SortedNames,
    array: ArrayRef,
    hashes: Vec<u64>,
}

impl Dictionary {
    pub(crate) fn new(sorted: SortedNames, hash: impl Fn(&str) -> u64) -> Self {
        let array = Arc::new(StringArray::from_iter_values(&sorted.names));
        let hashes = sorted.names.iter().map(|name| hash(name)).collect();
        Self { sorted, array, hashes }
    }

    /// The number of names.
    pub(crate) fn len(&self) -> u64 {
        self.hashes.len() as u64
    }

    /// The hash of the name at a place; 0 for a missing one.
    fn hash(&self, place: u32) -> u64 {
        self.hashes.get(place as usize).copied().unwrap_or(0)
    }

    fn column(&self, places: &[u32], order: &[u32]) -> Result<ArrayRef, Error> {
        let keys: ScalarBuffer<i32> = order.iter().map(|&row| places[row as usize] as i32).collect();
        let present = order.iter().any(|&row| places[row as usize] == u32::MAX);
        let nulls = present.then(|| order.iter().map(|&row| places[row as usize] != u32::MAX).collect::<NullBuffer>());
        let keys = Int32Array::try_new(keys, nulls).map_err(internal)?;
        Ok(Arc::new(DictionaryArray::try_new(keys, self.array.clone()).map_err(internal)?))
    }
}

/// Customers that the history already has in a bucket: ids and how many numbers are taken.
#[derive(Debug, Default)]
pub(crate) struct KnownCustomers {
    pub(crate) ids: Vec<(Box<[u8]>, u32)>,
    pub(crate) taken: u32,
}

/// A bucket in the order of the history.
#[derive(Debug)]
pub(crate) struct ClusteredBucket {
    pub(crate) activity: RecordBatch,
    pub(crate) customers: RecordBatch,
    pub(crate) content: Fingerprint,
    /// Rows left out because another export has them, by export.
    pub(crate) duplicates: Vec<u64>,
    /// First and last instant of the rows kept.
    pub(crate) span: Option<(i64, i64)>,
    /// Distinct customers among the rows.
    pub(crate) active_customers: u64,
}

const HASHER: FixedState = FixedState::with_seed(0);

/// One row's place in the staged chunks.
#[derive(Clone, Copy)]
struct Place {
    chunk: u32,
    row: u32,
}

/// A customer of the bucket while it is clustered.
struct Customer {
    place: Place,
    hash: u64,
    first: i64,
    known: Option<u32>,
    rows: u32,
}

/// The columns of a bucket in order of arrival.
struct Staged {
    times: Vec<i64>,
    events: Vec<u32>,
    units: Vec<i64>,
    currencies: Vec<u32>,
    attributes: Vec<Vec<u32>>,
    exports: Vec<u32>,
}

impl Staged {
    /// The order of rows inside a customer. Rows that compare equal are equal in every stored column.
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        (self.times[a], self.events[a], self.units[a], self.currencies[a])
            .cmp(&(self.times[b], self.events[b], self.units[b], self.currencies[b]))
            .then_with(|| {
                self.attributes.iter().map(|column| column[a].cmp(&column[b])).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
            })
    }
}

/// Sorts a bucket's rows, numbers its new customers and leaves out what other exports of the load already brought.
pub(crate) fn cluster(load: &Load<'_>, bucket: u32, known: KnownCustomers) -> Result<ClusteredBucket, Error> {
    let (staged, owners, mut customers) = stage(load, bucket, &known);
    let ranks = rank(load, &customers);
    let (starts, mut order) = group_by_customer(&owners, &customers, &ranks);
    for window in starts.windows(2) {
        let run = &mut order[window[0] as usize..window[1] as usize];
        if !run.is_sorted_by(|&a, &b| staged.compare(a, b).is_le()) {
            run.sort_unstable_by(|&a, &b| {
                staged.compare(a, b).then_with(|| staged.exports[a as usize].cmp(&staged.exports[b as usize]))
            });
        }
    }
    let duplicates = if load.exports > 1 {
        drop_repeated(load.exports, &staged, &starts, &mut order, &owners, &mut customers)
    } else {
        vec![0]
    };
    finish(load, bucket, known.taken, &staged, &owners, &customers, &ranks, &order, duplicates)
}

fn stage(load: &Load<'_>, bucket: u32, known: &KnownCustomers) -> (Staged, Vec<u32>, Vec<Customer>) {
    let total: usize = load.chunks.iter().map(|chunk| chunk.rows_of(bucket, load.buckets).len()).sum();
    let mut staged = Staged {
        times: Vec::with_capacity(total),
        events: Vec::with_capacity(total),
        units: Vec::with_capacity(total),
        currencies: Vec::with_capacity(total),
        attributes: vec![Vec::with_capacity(total); load.attributes.len()],
        exports: Vec::with_capacity(total),
    };
    let known_table = known_table(known);
    let mut owners = Vec::with_capacity(total);
    let mut customers: Vec<Customer> = Vec::new();
    let mut table: HashTable<u32> = HashTable::new();
    for (index, chunk) in load.chunks.iter().enumerate() {
        let rows = chunk.rows_of(bucket, load.buckets);
        staged.times.extend_from_slice(&chunk.times[rows.clone()]);
        staged.events.extend(chunk.events[rows.clone()].iter().map(|&code| load.events.sorted.place(code)));
        staged.currencies.extend(chunk.currencies[rows.clone()].iter().map(|&code| load.currencies.sorted.place(code)));
        staged.units.extend_from_slice(&chunk.amounts.units[rows.clone()]);
        for ((column, codes), dictionary) in staged.attributes.iter_mut().zip(&chunk.attributes).zip(load.attributes) {
            column.extend(codes[rows.clone()].iter().map(|&code| dictionary.sorted.place(code)));
        }
        staged.exports.resize(staged.times.len(), chunk.export);
        for row in rows {
            let (hash, id) = (chunk.hashes[row], chunk.ids.get(row));
            let same = |&c: &u32| {
                let customer = &customers[c as usize];
                customer.hash == hash && load.chunks[customer.place.chunk as usize].ids.get(customer.place.row as usize) == id
            };
            // The id's hash shares its highest bits within a bucket: the table wants them spread.
            let spread = HASHER.hash_one(hash);
            let owner = match table.find(spread, same) {
                Some(&c) => c,
                None => {
                    let c = customers.len() as u32;
                    let known = known_table.find(spread, |&k| *known.ids[k as usize].0 == *id).map(|&k| known.ids[k as usize].1);
                    customers.push(Customer {
                        place: Place { chunk: index as u32, row: row as u32 },
                        hash,
                        first: i64::MAX,
                        known,
                        rows: 0,
                    });
                    table.insert_unique(spread, c, |&c| HASHER.hash_one(customers[c as usize].hash));
                    c
                }
            };
            let customer = &mut customers[owner as usize];
            customer.first = customer.first.min(chunk.times[row]);
            customer.rows += 1;
            owners.push(owner);
        }
    }
    (staged, owners, customers)
}

fn known_table(known: &KnownCustomers) -> HashTable<u32> {
    let mut table = HashTable::with_capacity(known.ids.len());
    let hash = |k: &u32| HASHER.hash_one(crate::layout::id_hash(&known.ids[*k as usize].0));
    for k in 0..known.ids.len() as u32 {
        table.insert_unique(hash(&k), k, hash);
    }
    table
}

/// The customers in the order of their numbers: known ones first, new ones by first activity, then id.
fn rank(load: &Load<'_>, customers: &[Customer]) -> Vec<u32> {
    let id = |c: &Customer| load.chunks[c.place.chunk as usize].ids.get(c.place.row as usize);
    let mut ranks: Vec<u32> = (0..customers.len() as u32).collect();
    ranks.sort_unstable_by(|&a, &b| {
        let (a, b) = (&customers[a as usize], &customers[b as usize]);
        match (a.known, b.known) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => (a.first, id(a)).cmp(&(b.first, id(b))),
        }
    });
    ranks
}

/// Rows ordered by their customers' ranks, and where each customer's rows start.
fn group_by_customer(owners: &[u32], customers: &[Customer], ranks: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut starts = Vec::with_capacity(ranks.len() + 1);
    let mut next = vec![0u32; customers.len()];
    let mut at = 0;
    for &c in ranks {
        starts.push(at);
        next[c as usize] = at;
        at += customers[c as usize].rows;
    }
    starts.push(at);
    let mut order = vec![0u32; owners.len()];
    for (row, &owner) in owners.iter().enumerate() {
        let slot = &mut next[owner as usize];
        order[*slot as usize] = row as u32;
        *slot += 1;
    }
    (starts, order)
}

/// Keeps, of rows that are equal in every stored column, the maximum over the exports and not the sum.
fn drop_repeated(
    exports: u32,
    staged: &Staged,
    starts: &[u32],
    order: &mut Vec<u32>,
    owners: &[u32],
    customers: &mut [Customer],
) -> Vec<u64> {
    let mut duplicates = vec![0u64; exports as usize];
    let mut kept = Vec::with_capacity(order.len());
    for window in starts.windows(2) {
        let run = &mut order[window[0] as usize..window[1] as usize];
        let mut rest = &mut *run;
        while let Some((&mut first, _)) = rest.split_first_mut() {
            let equal = rest.iter().take_while(|&&row| staged.compare(first, row).is_eq()).count();
            let (group, tail) = rest.split_at_mut(equal);
            group.sort_unstable_by_key(|&row| staged.exports[row as usize]);
            // An export adds only what it has beyond the largest count before it.
            let (mut most, mut from) = (0, 0);
            while from < group.len() {
                let export = staged.exports[group[from] as usize];
                let count = group[from..].iter().take_while(|&&row| staged.exports[row as usize] == export).count();
                let new = count.saturating_sub(most);
                kept.extend_from_slice(&group[from..from + new]);
                duplicates[export as usize] += (count - new) as u64;
                most = most.max(count);
                from += count;
            }
            rest = tail;
        }
    }
    for customer in customers.iter_mut() {
        customer.rows = 0;
    }
    for &row in &kept {
        customers[owners[row as usize] as usize].rows += 1;
    }
    *order = kept;
    duplicates
}

#[expect(clippy::too_many_arguments, reason = "the parts of one bucket, each borrowed from a different step")]
fn finish(
    load: &Load<'_>,
    bucket: u32,
    taken: u32,
    staged: &Staged,
    owners: &[u32],
    customers: &[Customer],
    ranks: &[u32],
    order: &[u32],
    duplicates: Vec<u64>,
) -> Result<ClusteredBucket, Error> {
    let id = |c: &Customer| load.chunks[c.place.chunk as usize].ids.get(c.place.row as usize);
    let mut numbers = vec![0i64; customers.len()];
    let mut new_numbers = Vec::new();
    let mut new_ids = Vec::new();
    let mut next = taken;
    for &c in ranks {
        let customer = &customers[c as usize];
        let index = customer.known.unwrap_or(next);
        numbers[c as usize] = customer_number(bucket, index);
        if customer.known.is_none() {
            new_numbers.push(numbers[c as usize]);
            new_ids.push(std::str::from_utf8(id(customer)).map_err(internal)?);
            next += 1;
        }
    }
    let mut cursor = load.zone.cursor();
    let times: Vec<i64> = order.iter().map(|&row| staged.times[row as usize]).collect();
    let days: Vec<i32> = times.iter().map(|&time| cursor.day_of(Instant(time)).0).collect();
    let span = times.iter().copied().min().zip(times.iter().copied().max());
    let units: ScalarBuffer<i64> =
        order.iter().map(|&row| staged.units[row as usize]).map(|u| if u == MISSING { 0 } else { u }).collect();
    let missing = order.iter().any(|&row| staged.units[row as usize] == MISSING);
    let nulls = missing.then(|| order.iter().map(|&row| staged.units[row as usize] != MISSING).collect::<NullBuffer>());
    let values = Decimal64Array::try_new(units, nulls)
        .and_then(|array| array.with_precision_and_scale(MAX_STORED_DIGITS, load.value_scale as i8))
        .map_err(internal)?;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(order.iter().map(|&row| numbers[owners[row as usize] as usize]))),
        Arc::new(Date32Array::from(days)),
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
        load.events.column(&staged.events, order)?,
        Arc::new(values),
        load.currencies.column(&staged.currencies, order)?,
    ];
    for (dictionary, places) in load.attributes.iter().zip(&staged.attributes) {
        columns.push(dictionary.column(places, order)?);
    }
    let activity = RecordBatch::try_new(activity_schema(load.value_scale, load.attribute_names), columns).map_err(internal)?;
    let customer_columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(new_numbers)), Arc::new(StringArray::from_iter_values(new_ids))];
    Ok(ClusteredBucket {
        content: content(load, staged, owners, customers, order),
        activity,
        customers: RecordBatch::try_new(customers_schema(), customer_columns).map_err(internal)?,
        duplicates,
        span,
        active_customers: customers.iter().filter(|c| c.rows > 0).count() as u64,
    })
}

fn content(load: &Load<'_>, staged: &Staged, owners: &[u32], customers: &[Customer], order: &[u32]) -> Fingerprint {
    let hashes: Vec<u128> = customers
        .iter()
        .map(|c| fingerprint::customer_hash(load.chunks[c.place.chunk as usize].ids.get(c.place.row as usize)))
        .collect();
    let mut sum = Fingerprint::default();
    for &row in order {
        let row = row as usize;
        let attributes = load
            .attributes
            .iter()
            .zip(&staged.attributes)
            .fold(0u64, |sum, (dictionary, places)| sum.wrapping_add(dictionary.hash(places[row])));
        let value = (staged.units[row] != MISSING).then(|| {
            let value = Decimal::new(staged.units[row].into(), load.value_scale).normalized();
            (value.units() as i64, value.scale())
        });
        sum += fingerprint::row(&RowParts {
            customer: hashes[owners[row] as usize],
            time: staged.times[row],
            event: load.events.hash(staged.events[row]),
            value,
            currency: load.currencies.hash(staged.currencies[row]),
            attributes,
        });
    }
    sum
}
