//! The rows of one bucket, brought into the order of the history.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal64Array, DictionaryArray, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use hashbrown::HashTable;
use tenure_model::{ColumnKind, Decimal, Instant, MAX_STORED_DIGITS, Table, Zone};

use crate::choose::Verdict;
use crate::chunk::{Ids, Key, MISSING, RowLayout};
use crate::columns::{KEY_BYTES, ids_schema, table_schema};
use crate::error::{Error, internal};
use crate::fingerprint::{self, Fingerprint, RowParts, attribute_hash, name_hash};
use crate::layout::customer_number;
use crate::stage::Store;

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
    names: Vec<Box<str>>,
    attribute: Option<String>,
}

impl SharedNames {
    pub(crate) fn new(names: Vec<Box<str>>, attribute: Option<&str>) -> Self {
        Self { names, attribute: attribute.map(str::to_owned) }
    }

    fn hash(&self, name: &str) -> u64 {
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

/// A customer of the bucket while it is clustered.
struct Customer {
    store: u32,
    place: u32,
    first: i64,
    known: Option<u32>,
    rows: u32,
}

/// Names of a bucket's column in order; rows hold places in it, `u32::MAX` for a missing name.
struct NameColumn {
    places: Vec<u32>,
    names: ArrayRef,
    hashes: Vec<u64>,
}

impl NameColumn {
    fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    fn hash(&self, row: usize) -> u64 {
        self.hashes.get(self.places[row] as usize).copied().unwrap_or(0)
    }

    /// The hashes of the names that rows bear.
    fn used(&self) -> HashSet<u64> {
        let mut used = vec![false; self.hashes.len()];
        self.places.iter().filter(|place| **place != u32::MAX).for_each(|&place| used[place as usize] = true);
        self.hashes.iter().zip(used).filter(|(_, used)| *used).map(|(&hash, _)| hash).collect()
    }

    fn array(&self) -> Result<ArrayRef, Error> {
        let keys: ScalarBuffer<i32> = self.places.iter().map(|&place| place as i32).collect();
        let missing = self.places.contains(&u32::MAX);
        let nulls = missing.then(|| self.places.iter().map(|&place| place != u32::MAX).collect::<NullBuffer>());
        let keys = Int32Array::try_new(keys, nulls).map_err(internal)?;
        Ok(Arc::new(DictionaryArray::try_new(keys, self.names.clone()).map_err(internal)?))
    }
}

/// The columns of a bucket in order of arrival.
pub(crate) struct Staged {
    pub(crate) owners: Vec<u32>,
    times: Vec<Vec<i64>>,
    names: Vec<NameColumn>,
    units: Vec<Vec<i64>>,
    /// The rank of each row's export; empty where all come from the one of `rank`.
    ranks: Vec<u32>,
    rank: u32,
    keys: Vec<Key>,
    numbers: Vec<u64>,
}

impl Staged {
    /// The same in another order, without what was only needed to choose rows.
    fn ordered(self, order: &[u32]) -> Self {
        fn gather<T: Copy>(values: Vec<T>, order: &[u32]) -> Vec<T> {
            if values.is_empty() { values } else { order.iter().map(|&row| values[row as usize]).collect() }
        }
        let names = self.names.into_iter().map(|column| {
            let places = if column.is_empty() { vec![u32::MAX; order.len()] } else { gather(column.places, order) };
            NameColumn { places, ..column }
        });
        Self {
            owners: gather(self.owners, order),
            times: self.times.into_iter().map(|times| gather(times, order)).collect(),
            names: names.collect(),
            units: self.units.into_iter().map(|units| gather(units, order)).collect(),
            ranks: Vec::new(),
            rank: self.rank,
            keys: gather(self.keys, order),
            numbers: Vec::new(),
        }
    }

    pub(crate) fn rank(&self, row: u32) -> u32 {
        self.ranks.get(row as usize).copied().unwrap_or(self.rank)
    }

    pub(crate) fn key(&self, row: u32) -> Key {
        self.keys.get(row as usize).copied().unwrap_or(Key::NONE)
    }

    pub(crate) fn number(&self, row: u32) -> u64 {
        self.numbers.get(row as usize).copied().unwrap_or(0)
    }

    /// The order of a customer's rows: time, the first name, the amounts, then the rest. Rows that compare equal are equal
    /// in every stored column but their keys.
    pub(crate) fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        let by_time = |times: &Vec<i64>| times[a].cmp(&times[b]);
        let by_name = |names: &NameColumn| names.places[a].cmp(&names.places[b]);
        let first = self.times.first().map_or(Ordering::Equal, by_time);
        first
            .then_with(|| self.names.first().map_or(Ordering::Equal, by_name))
            .then_with(|| first_difference(&self.units, |units| units[a].cmp(&units[b])))
            .then_with(|| first_difference(self.names.get(1..).unwrap_or_default(), by_name))
            .then_with(|| first_difference(self.times.get(1..).unwrap_or_default(), by_time))
    }
}

fn first_difference<T>(columns: &[T], compare: impl Fn(&T) -> Ordering) -> Ordering {
    columns.iter().map(compare).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Sorts a bucket's rows, numbers its new customers and leaves out what other rows stand for.
pub(crate) fn cluster(load: &Load<'_>, bucket: u32, stores: &[Store], known: &KnownCustomers) -> Result<ClusteredBucket, Error> {
    let (staged, mut customers) = stage(load, stores, known);
    let ranks = rank(stores, &customers);
    let (starts, mut order) = in_order(&staged, &customers, &ranks);
    let mut verdict =
        Verdict { duplicates: vec![0; load.export_count()], kept: vec![0; load.export_count()], replaced: Vec::new() };
    if load.as_is || staged.ranks.is_empty() && staged.keys.is_empty() {
        if let Some(kept) = verdict.kept.get_mut((staged.rank as usize).wrapping_sub(1)) {
            *kept = order.len() as u64;
        }
    } else {
        let hash =
            |owner: u32| stores[customers[owner as usize].store as usize].ids.hashes[customers[owner as usize].place as usize];
        let mut kept = Vec::with_capacity(order.len());
        for window in starts.windows(2) {
            let run = &order[window[0] as usize..window[1] as usize];
            verdict.choose(load, &staged, run, hash, &mut kept);
        }
        customers.iter_mut().for_each(|customer| customer.rows = 0);
        kept.iter().for_each(|&row| customers[staged.owners[row as usize] as usize].rows += 1);
        order = kept;
    }
    finish(load, bucket, known, stores, staged.ordered(&order), &customers, &ranks, verdict)
}

/// Marks rows of readings that were given up.
const NOBODY: u32 = u32::MAX;

fn stage(load: &Load<'_>, stores: &[Store], known: &KnownCustomers) -> (Staged, Vec<Customer>) {
    let total: usize = stores.iter().map(Store::rows).sum();
    let mut customers: Vec<Customer> = Vec::new();
    let owner_of: Vec<Vec<u32>> = owners(stores, known, &mut customers);
    let segments = || stores.iter().flat_map(|store| &store.segments);
    let mut owners = Vec::with_capacity(total);
    for (store, owner_of) in stores.iter().zip(&owner_of) {
        for segment in &store.segments {
            owners.extend(segment.owners.iter().map(|&place| owner_of[place as usize]));
        }
    }
    let times: Vec<Vec<i64>> = (0..load.layout.times())
        .map(|column| {
            let mut times = Vec::with_capacity(total);
            segments().for_each(|segment| segment.times[column].each(|time| times.push(time)));
            times
        })
        .collect();
    let units = (0..load.layout.amounts())
        .map(|column| {
            let mut all = Vec::with_capacity(total);
            for segment in segments() {
                let (units, scale) = &segment.amounts[column];
                // The loader has seen to it that every amount fits at the load's scale.
                let factor = 10i64.pow(u32::from(load.scales[column] - scale));
                units.each(|units| all.push(if units == MISSING { MISSING } else { units * factor }));
            }
            all
        })
        .collect();
    let names = (0..load.layout.names()).map(|column| name_column(load, stores, column, total)).collect();
    let alike = |a: &u32, b: &u32| load.rank(*a) == load.rank(*b);
    let readings: Vec<u32> = segments().flat_map(|s| &s.exports).map(|&(reading, _)| reading).collect();
    let one_export = readings.windows(2).all(|pair| alike(&pair[0], &pair[1]))
        && readings.first().is_none_or(|&reading| load.rank(reading).is_some_and(|rank| rank > 0));
    let rank = readings.first().and_then(|&reading| load.rank(reading)).unwrap_or_default();
    let mut ranks = Vec::new();
    if !one_export {
        ranks.reserve(total);
        for &(reading, rows) in segments().flat_map(|segment| &segment.exports) {
            let rank = load.rank(reading);
            if rank.is_none() {
                owners[ranks.len()..ranks.len() + rows as usize].fill(NOBODY);
            }
            ranks.resize(ranks.len() + rows as usize, rank.unwrap_or_default());
        }
    }
    let (mut keys, mut numbers) = (Vec::new(), Vec::new());
    if load.layout.keyed || segments().any(|segment| !segment.numbers.is_empty()) {
        for segment in segments() {
            let rows = segment.owners.len();
            keys.extend_from_slice(&segment.keys);
            keys.resize(keys.len() + rows - segment.keys.len(), Key::NONE);
            numbers.extend_from_slice(&segment.numbers);
            numbers.resize(numbers.len() + rows - segment.numbers.len(), 0);
        }
    }
    for (row, &owner) in owners.iter().enumerate().filter(|(_, owner)| **owner != NOBODY) {
        let customer = &mut customers[owner as usize];
        customer.first = customer.first.min(times[0][row]);
        customer.rows += 1;
    }
    (Staged { owners, times, names, units, ranks, rank, keys, numbers }, customers)
}

/// For each store the customers of the bucket that its ids are.
fn owners(stores: &[Store], known: &KnownCustomers, customers: &mut Vec<Customer>) -> Vec<Vec<u32>> {
    let mut known_table: HashTable<u32> = HashTable::with_capacity(known.hashes.len());
    for (place, &hash) in known.hashes.iter().enumerate() {
        known_table.insert_unique(hash as u64, place as u32, |&place| known.hashes[place as usize] as u64);
    }
    let mut table: HashTable<u32> = HashTable::new();
    let mut all = Vec::with_capacity(stores.len());
    for (index, store) in stores.iter().enumerate() {
        let mut owners = Vec::with_capacity(store.ids.len());
        for (place, &hash) in store.ids.hashes.iter().enumerate() {
            let hash_of = |c: &Customer| stores[c.store as usize].ids.hashes[c.place as usize];
            if let Some(&owner) = table.find(hash as u64, |&c| hash_of(&customers[c as usize]) == hash) {
                owners.push(owner);
                continue;
            }
            let owner = customers.len() as u32;
            let found = known_table.find(hash as u64, |&k| known.hashes[k as usize] == hash);
            let known = found.map(|&place| known.indices[place as usize]);
            customers.push(Customer { store: index as u32, place: place as u32, first: i64::MAX, known, rows: 0 });
            table.insert_unique(hash as u64, owner, |&c| hash_of(&customers[c as usize]) as u64);
            owners.push(owner);
        }
        all.push(owners);
    }
    all
}

/// The names of a bucket's column: those that its rows bear, in order.
fn name_column(load: &Load<'_>, stores: &[Store], column: usize, rows: usize) -> NameColumn {
    let shared = &load.names[column];
    let mut used = vec![false; shared.names.len()];
    let mut names: Vec<&str> = Vec::new();
    for store in stores {
        for segment in &store.segments {
            segment.names[column].each(|code| {
                if !code.is_none() && code.local_index().is_none() {
                    used[code.0 as usize] = true;
                }
            });
        }
        if let Some(table) = store.texts.get(column) {
            names.extend((0..table.texts.len()).filter_map(|i| std::str::from_utf8(table.texts.get(i)).ok()));
        }
    }
    names.extend(shared.names.iter().zip(&used).filter(|(_, used)| **used).map(|(name, _)| &**name));
    names.sort_unstable();
    names.dedup();
    let find = |name: &str| names.binary_search(&name).map_or(u32::MAX, |place| place as u32);
    let place_of: Vec<u32> =
        shared.names.iter().zip(&used).map(|(name, used)| if *used { find(name) } else { u32::MAX }).collect();
    let mut places = Vec::with_capacity(rows);
    for store in stores {
        let local: Vec<u32> = store.texts.get(column).map_or_else(Vec::new, |table| {
            (0..table.texts.len()).map(|i| std::str::from_utf8(table.texts.get(i)).map_or(u32::MAX, find)).collect()
        });
        for segment in &store.segments {
            segment.names[column].each(|code| {
                places.push(match code.local_index() {
                    Some(index) => local[index],
                    None if code.is_none() => u32::MAX,
                    None => place_of[code.0 as usize],
                });
            });
        }
    }
    let hashes = names.iter().map(|name| shared.hash(name)).collect();
    NameColumn { places, names: Arc::new(StringArray::from_iter_values(&names)), hashes }
}

/// The customers in the order of their numbers: known ones first, new ones by first activity, then id.
fn rank(stores: &[Store], customers: &[Customer]) -> Vec<u32> {
    let id = |c: &Customer| stores[c.store as usize].ids.ids.get(c.place as usize);
    let mut ranks: Vec<u32> = (0..customers.len() as u32).collect();
    ranks.sort_unstable_by(|&a, &b| {
        let (a, b) = (&customers[a as usize], &customers[b as usize]);
        match (a.known, b.known) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => a.first.cmp(&b.first).then_with(|| id(a).cmp(id(b))),
        }
    });
    ranks
}

/// Rows ordered by their customers' ranks, then as [`Staged::compare`] has it, and where each customer's rows start.
fn in_order(staged: &Staged, customers: &[Customer], ranks: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut starts = Vec::with_capacity(ranks.len() + 1);
    let mut next = vec![0u32; customers.len()];
    let mut at = 0;
    for &c in ranks {
        starts.push(at);
        next[c as usize] = at;
        at += customers[c as usize].rows;
    }
    starts.push(at);
    let mut timed = vec![(0i64, 0u32); at as usize];
    for (row, (&owner, &time)) in
        staged.owners.iter().zip(&staged.times[0]).enumerate().filter(|(_, (owner, _))| **owner != NOBODY)
    {
        let slot = &mut next[owner as usize];
        timed[*slot as usize] = (time, row as u32);
        *slot += 1;
    }
    for window in starts.windows(2) {
        let run = &mut timed[window[0] as usize..window[1] as usize];
        if !run.is_sorted() {
            run.sort_unstable();
        }
        // Only rows of one instant need a look at their other columns.
        for tie in run.chunk_by_mut(|a, b| a.0 == b.0).filter(|tie| tie.len() > 1) {
            tie.sort_unstable_by(|&(_, a), &(_, b)| {
                staged.compare(a, b).then_with(|| staged.key(a).cmp(&staged.key(b))).then(a.cmp(&b))
            });
        }
    }
    (starts, timed.into_iter().map(|(_, row)| row).collect())
}

#[expect(clippy::too_many_arguments, reason = "the parts of one bucket, each borrowed from a different step")]
fn finish(
    load: &Load<'_>,
    bucket: u32,
    known: &KnownCustomers,
    stores: &[Store],
    staged: Staged,
    customers: &[Customer],
    ranks: &[u32],
    verdict: Verdict,
) -> Result<ClusteredBucket, Error> {
    let id = |c: &Customer| stores[c.store as usize].ids.ids.get(c.place as usize);
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
            new_ids.push(std::str::from_utf8(id(customer)).map_err(internal)?);
            next += 1;
        }
    }
    let anchors = &staged.times[0];
    let present = || anchors.iter().copied().filter(|&time| time != MISSING);
    let span = if load.layout.table == Table::Customers { None } else { present().min().zip(present().max()) };
    let numbers_of_rows = staged.owners.iter().map(|&owner| numbers[owner as usize]);
    let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(numbers_of_rows))];
    if load.layout.table == Table::Activity {
        let mut cursor = load.zone.cursor();
        let days: Vec<i32> = anchors.iter().map(|&time| cursor.day_of(Instant(time)).0).collect();
        columns.push(Arc::new(Date32Array::from(days)));
    }
    let content = content(load, stores, &staged, customers);
    let first_names = staged.names.first().map(NameColumn::used).unwrap_or_default();
    let Staged { times, names, units, keys, .. } = staged;
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
        active_customers: customers.iter().filter(|c| c.rows > 0).count() as u64,
        first_names,
        replaced: verdict.replaced,
    })
}

/// Values, and which of them are missing.
fn present_values(mut values: Vec<i64>) -> (ScalarBuffer<i64>, Option<NullBuffer>) {
    let nulls = values.contains(&MISSING).then(|| values.iter().map(|&value| value != MISSING).collect::<NullBuffer>());
    if nulls.is_some() {
        values.iter_mut().filter(|value| **value == MISSING).for_each(|value| *value = 0);
    }
    (values.into(), nulls)
}

fn content(load: &Load<'_>, stores: &[Store], staged: &Staged, customers: &[Customer]) -> Fingerprint {
    let hashes: Vec<u128> = customers.iter().map(|c| stores[c.store as usize].ids.hashes[c.place as usize]).collect();
    let table = load.layout.table;
    let own_names = load.layout.names() - load.layout.attributes.len();
    let attributes: Vec<&NameColumn> = staged.names[own_names..].iter().filter(|column| !column.is_empty()).collect();
    let mut sum = Fingerprint::default();
    for at in 0..staged.owners.len() {
        let row = at as u32;
        let mut extra = attributes.iter().fold(0u64, |sum, column| sum.wrapping_add(column.hash(at)));
        if load.layout.keyed && staged.key(row) != Key::NONE {
            extra = extra.wrapping_add(attribute_hash("key", &format!("{:032x}", staged.key(row).0)));
        }
        let decimal = |column: usize| {
            let units = staged.units[column][at];
            (units != MISSING).then(|| Decimal::new(units.into(), load.scales[column]).normalized())
        };
        let customer = hashes[staged.owners[at] as usize];
        let time = staged.times[0][at];
        sum += if table == Table::Activity {
            let value = decimal(0).map(|value| (value.units() as i64, value.scale()));
            let (event, currency) = (staged.names[0].hash(at), staged.names[1].hash(at));
            fingerprint::row(&RowParts { customer, time, event, value, currency, attributes: extra })
        } else {
            let (mut times, mut names, mut amounts) = (0, 0, 0);
            for column in table.columns() {
                let text = match column.kind {
                    ColumnKind::Time | ColumnKind::Date => {
                        times += 1;
                        let time = staged.times[times - 1][at];
                        (time != MISSING).then(|| time.to_string())
                    }
                    ColumnKind::Amount => {
                        amounts += 1;
                        decimal(amounts - 1).map(|value| value.to_string())
                    }
                    ColumnKind::Name => {
                        names += 1;
                        let place = staged.names[names - 1].places[at];
                        (place != u32::MAX).then(|| staged.names[names - 1].hashes[place as usize].to_string())
                    }
                };
                extra = extra.wrapping_add(text.map_or(0, |text| attribute_hash(column.name, &text)));
            }
            let event = name_hash(table.name());
            fingerprint::row(&RowParts { customer, time, event, value: None, currency: 0, attributes: extra })
        };
    }
    sum
}
