//! Rows that a history has already, taken up again to be laid out anew.

use std::path::Path;

use arrow::array::{Array, AsArray, BooleanArray, Int32Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Field, Int32Type, Int64Type, Schema, SchemaRef, TimestampMicrosecondType,
};
use std::sync::Arc;
use tenure_model::{ColumnKind, Table, column};

use crate::chunk::{Key, MISSING, RowLayout, stored};
use crate::cluster::{EXISTING, KnownCustomers};
use crate::columns::name_type;
use crate::error::{Error, ErrorKind, internal};
use crate::layout::{customer_index, id_hash};
use crate::manifest::{BucketFile, Manifest};
use crate::merge::conform;
use crate::names::Name;
use crate::parquet_read::HistoryFile;
use crate::stage::{Codes, Numbers, Segment, Store, TextTable};

/// Rows of a batch when a file is read.
const BATCH_ROWS: usize = 64 * 1024;

/// The customers of a bucket as a history has them.
pub(crate) struct Registry {
    /// Every customer: number, id, whether a customers export lists it, what that says.
    pub(crate) table: RecordBatch,
    pub(crate) known: KnownCustomers,
    /// The place of each index in `known`.
    places: Vec<u32>,
}

/// The customers table: number, id, whether a customers export lists the customer, and what it says.
pub(crate) fn customers_schema(attributes: &[String]) -> SchemaRef {
    let mut fields = vec![
        Field::new(column::CUSTOMER, DataType::Int64, false),
        Field::new(column::CUSTOMER_ID, DataType::Utf8, false),
        Field::new(column::LISTED, DataType::Boolean, false),
        Field::new(column::SIGNED_UP, DataType::Date32, true),
    ];
    fields.extend(attributes.iter().map(|name| Field::new(name, name_type(), true)));
    Arc::new(Schema::new(fields))
}

impl Registry {
    /// Reads the customers of a bucket.
    pub(crate) fn read(dir: &Path, manifest: &Manifest, bucket: u32) -> Result<Self, Error> {
        let files = manifest.customers.files.iter().filter(|file| file.bucket == bucket);
        let schema = customers_schema(&manifest.customers.attributes);
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mut batches = Vec::new();
        for entry in files {
            let file = HistoryFile::open(dir, &entry.file)?;
            for group in 0..file.row_groups() {
                for batch in file.read(group, &names, BATCH_ROWS)? {
                    batches.push(listed_conform(&batch?, &schema)?);
                }
            }
        }
        Self::of(concat_batches(&schema, &batches).map_err(internal)?)
    }

    pub(crate) fn of(table: RecordBatch) -> Result<Self, Error> {
        let mut known = KnownCustomers::default();
        let numbers = table.column(0).as_primitive::<Int64Type>().values();
        for (place, (&number, id)) in numbers.iter().zip(table.column(1).as_string::<i32>()).enumerate() {
            let id = id.unwrap_or_default().as_bytes();
            known.ids.push(id);
            known.hashes.push(id_hash(id));
            known.indices.push(customer_index(number));
            known.taken = known.taken.max(customer_index(number) + 1);
            debug_assert_eq!(place + 1, known.hashes.len());
        }
        let mut places = vec![u32::MAX; known.taken as usize];
        known.indices.iter().enumerate().for_each(|(place, &index)| places[index as usize] = place as u32);
        Ok(Self { table, known, places })
    }

    /// The customers' numbers.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = i64> + '_ {
        self.table.column(0).as_primitive::<Int64Type>().values().iter().copied()
    }

    /// The place of a customer's number among the known.
    pub(crate) fn place(&self, number: i64) -> Option<usize> {
        self.places.get(customer_index(number) as usize).filter(|place| **place != u32::MAX).map(|place| *place as usize)
    }

    pub(crate) fn hash(&self, number: i64) -> Option<u128> {
        Some(self.known.hashes[self.place(number)?])
    }

    /// Whether a customers export lists a customer.
    pub(crate) fn is_listed(&self, number: i64) -> bool {
        self.place(number).is_some_and(|place| self.table.column(2).as_boolean().value(place))
    }

    /// What customers exports say, as rows of the customers table of a load.
    pub(crate) fn profiles(&self, layout: &RowLayout) -> Result<Store, Error> {
        let listed = self.table.column(2).as_boolean();
        let rows: Vec<u32> = (0..self.table.num_rows() as u32).filter(|&row| listed.value(row as usize)).collect();
        let mut store = Store::default();
        let mut taker = Taker::new(layout, &vec![0; layout.amounts()]);
        let at = |row: u32| u64::from(row);
        taker.take(&mut store, self, &self.table, &rows, at, &|row| profile_key(self.known.ids.get(row as usize)))?;
        store.segments.push(taker.finish());
        Ok(store)
    }
}

/// The key of a customers row: the customer.
pub(crate) fn profile_key(id: &[u8]) -> Key {
    Key::of(std::iter::once(std::str::from_utf8(id).unwrap_or_default()))
}

/// Brings a batch of the customers table to a schema; customers that only have an id are not listed.
pub(crate) fn listed_conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    if batch.column_by_name(column::LISTED).is_some() {
        return conform(batch, schema);
    }
    let mut columns = batch.columns().to_vec();
    let mut fields: Vec<Arc<Field>> = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new(column::LISTED, DataType::Boolean, false)));
    columns.push(Arc::new(BooleanArray::from(vec![false; batch.num_rows()])));
    conform(&RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(internal)?, schema)
}

/// A row that a history has, as far as it takes to tell whether it is wanted.
pub(crate) struct ExistingRow {
    pub(crate) customer: i64,
    pub(crate) time: i64,
    pub(crate) key: Key,
    /// The segment's place in the manifest and the row's in its file.
    pub(crate) place: u64,
}

/// The rows of some files of one bucket that are wanted, for a load with this layout and these scales.
pub(crate) fn read_rows<'a>(
    dir: &Path,
    files: impl Iterator<Item = (usize, &'a BucketFile)>,
    registry: &Registry,
    layout: &RowLayout,
    scales: &[u8],
    wanted: &dyn Fn(&ExistingRow) -> bool,
) -> Result<Store, Error> {
    let mut store = Store::default();
    let anchor = layout.table.columns().first().map_or(column::TIME, |column| column.name);
    let mut all: Vec<&str> = vec![column::CUSTOMER, column::KEY];
    all.extend(layout.table.columns().iter().map(|column| column.name));
    all.extend(layout.attributes.iter().map(String::as_str));
    for (segment, entry) in files {
        let file = HistoryFile::open(dir, &entry.file)?;
        let mut taker = Taker::new(layout, scales);
        let mut from = 0u64;
        for group in 0..file.row_groups() {
            let first = from;
            let mut picked: Vec<u32> = Vec::new();
            for batch in file.read(group, &[column::CUSTOMER, anchor, column::KEY], BATCH_ROWS)? {
                let batch = batch?;
                let customers = batch.column(0).as_primitive::<Int64Type>().values();
                let times = times_of(&batch, anchor);
                for row in 0..batch.num_rows() {
                    let place = place_of(segment, from + row as u64);
                    let found = ExistingRow { customer: customers[row], time: times(row), key: key_of(&batch, row), place };
                    if wanted(&found) {
                        picked.push((from - first) as u32 + row as u32);
                    }
                }
                from += batch.num_rows() as u64;
            }
            if picked.is_empty() {
                continue;
            }
            let mut batches = Vec::new();
            for batch in file.read(group, &all, BATCH_ROWS)? {
                batches.push(batch?);
            }
            let batch = concat_batches(&batches[0].schema(), &batches).map_err(internal)?;
            let place = |row: u32| place_of(segment, first + u64::from(row));
            taker.take(&mut store, registry, &batch, &picked, place, &|row| key_of(&batch, row as usize))?;
        }
        store.segments.push(taker.finish());
    }
    Ok(store)
}

fn place_of(segment: usize, row: u64) -> u64 {
    (segment as u64) << 40 | row
}

/// The segment's place in the manifest and the row's place in its file.
pub(crate) fn split_place(place: u64) -> (usize, u64) {
    ((place >> 40) as usize, place & ((1 << 40) - 1))
}

fn times_of<'a>(batch: &'a RecordBatch, name: &str) -> Box<dyn Fn(usize) -> i64 + 'a> {
    match batch.column_by_name(name) {
        Some(array) if array.data_type() == &DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            Box::new(|row| if days.is_null(row) { MISSING } else { days.value(row).into() })
        }
        Some(array) => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            Box::new(|row| if times.is_null(row) { MISSING } else { times.value(row) })
        }
        None => Box::new(|_| MISSING),
    }
}

fn key_of(batch: &RecordBatch, row: usize) -> Key {
    let Some(keys) = batch.column_by_name(column::KEY) else { return Key::NONE };
    let keys = keys.as_fixed_size_binary();
    if keys.is_null(row) {
        return Key::NONE;
    }
    keys.value(row).try_into().map_or(Key::NONE, |bytes| Key(u128::from_be_bytes(bytes)))
}

/// Takes rows of batches up into a store, column by column.
struct Taker<'a> {
    layout: &'a RowLayout,
    scales: Vec<u8>,
    owners: Vec<u32>,
    times: Vec<Vec<i64>>,
    names: Vec<Vec<Name>>,
    units: Vec<Vec<i64>>,
    keys: Vec<Key>,
    numbers: Vec<u64>,
}

impl<'a> Taker<'a> {
    fn new(layout: &'a RowLayout, scales: &[u8]) -> Self {
        Self {
            layout,
            scales: scales.to_vec(),
            owners: Vec::new(),
            times: vec![Vec::new(); layout.times()],
            names: vec![Vec::new(); layout.names()],
            units: vec![Vec::new(); layout.amounts()],
            keys: Vec::new(),
            numbers: Vec::new(),
        }
    }

    fn take(
        &mut self,
        store: &mut Store,
        registry: &Registry,
        batch: &RecordBatch,
        rows: &[u32],
        place: impl Fn(u32) -> u64,
        key: &dyn Fn(u32) -> Key,
    ) -> Result<(), Error> {
        store.texts.resize_with(self.layout.names(), TextTable::default);
        let customers = batch.column(0).as_primitive::<Int64Type>().values();
        for &row in rows {
            let known = registry.place(customers[row as usize]).ok_or_else(|| {
                Error::new(ErrorKind::Damaged, format!("customer {} of a row is in no customers table", customers[row as usize]))
            })?;
            self.owners.push(store.ids.place(registry.known.hashes[known], registry.known.ids.get(known)));
            self.keys.push(key(row));
            self.numbers.push(place(row));
        }
        let (mut time, mut name, mut amount) = (0, 0, 0);
        for column in self.layout.table.columns() {
            match column.kind {
                ColumnKind::Time | ColumnKind::Date => {
                    let times = times_of(batch, column.name);
                    self.times[time].extend(rows.iter().map(|&row| times(row as usize)));
                    time += 1;
                }
                ColumnKind::Name => {
                    take_names(&mut self.names[name], &mut store.texts[name], batch, column.name, rows);
                    name += 1;
                }
                ColumnKind::Amount => {
                    take_amounts(&mut self.units[amount], self.scales[amount], batch, column.name, rows)?;
                    amount += 1;
                }
            }
        }
        for attribute in &self.layout.attributes {
            take_names(&mut self.names[name], &mut store.texts[name], batch, attribute, rows);
            name += 1;
        }
        Ok(())
    }

    fn finish(self) -> Segment {
        let scales = self.scales;
        Segment {
            exports: vec![(EXISTING, self.owners.len() as u32)],
            owners: self.owners,
            times: self.times.into_iter().map(Numbers::of).collect(),
            names: self.names.into_iter().map(Codes::of).collect(),
            amounts: self.units.into_iter().map(Numbers::of).zip(scales).collect(),
            keys: self.keys,
            numbers: self.numbers,
        }
    }
}

fn take_names(into: &mut Vec<Name>, texts: &mut TextTable, batch: &RecordBatch, name: &str, rows: &[u32]) {
    let Some(array) = batch.column_by_name(name) else {
        into.resize(into.len() + rows.len(), Name::NONE);
        return;
    };
    let array = array.as_dictionary::<Int32Type>();
    let values: &StringArray = array.values().as_string();
    let keys: &Int32Array = array.keys();
    let mut met = vec![Name::NONE; values.len()];
    into.extend(rows.iter().map(|&row| {
        if keys.is_null(row as usize) {
            return Name::NONE;
        }
        let code = keys.value(row as usize) as usize;
        if met[code].is_none() {
            met[code] = Name::local(texts.place(values.value(code).as_bytes()) as usize);
        }
        met[code]
    }));
}

fn take_amounts(into: &mut Vec<i64>, scale: u8, batch: &RecordBatch, name: &str, rows: &[u32]) -> Result<(), Error> {
    let Some(array) = batch.column_by_name(name) else {
        into.resize(into.len() + rows.len(), MISSING);
        return Ok(());
    };
    let array = array.as_primitive::<Decimal64Type>();
    let more = scale - array.scale() as u8;
    for &row in rows {
        let units = if array.is_null(row as usize) {
            MISSING
        } else {
            let units = i128::from(array.value(row as usize)) * 10i128.pow(u32::from(more));
            stored(units).ok_or_else(|| Error::too_long(name, scale))?
        };
        into.push(units);
    }
    Ok(())
}

/// The layout of what a table holds and a load brings: attributes of both.
pub(crate) fn joined_layout(manifest: &Manifest, layout: &RowLayout) -> RowLayout {
    let mut attributes = manifest.attributes(layout.table);
    attributes.extend(layout.attributes.iter().cloned());
    attributes.sort_unstable();
    attributes.dedup();
    let keyed = layout.keyed || manifest.table(layout.table).any(|segment| segment.keyed) || layout.table == Table::Customers;
    RowLayout { table: layout.table, attributes, keyed }
}
