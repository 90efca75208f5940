//! What customers exports say of customers, beside the ids that every history has.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Field, Int64Type, Schema};
use rayon::prelude::*;
use tenure_model::{Table, Zone, column};

use crate::chunk::RowLayout;
use crate::cluster::{ClusteredBucket, Load, cluster};
use crate::commit::Writer;
use crate::error::{Error, internal};
use crate::existing::{Registry, customers_schema};
use crate::fingerprint::Fingerprint;
use crate::manifest::{BucketFile, Manifest};
use crate::merge::conform;

/// Writes the customers of a bucket anew: those that new rows of a customers export are of, and the others as they were.
/// Nothing where there is no new row.
pub(crate) fn write(
    writer: &Writer,
    load: &Load<'_>,
    bucket: u32,
    registry: &Registry,
    clustered: &ClusteredBucket,
) -> Result<Option<BucketFile>, Error> {
    if clustered.rows.num_rows() == 0 {
        return Ok(None);
    }
    let schema = customers_schema(&load.layout.attributes);
    let old = conform(&registry.table, &schema)?;
    let mut ids: HashMap<i64, &str> = HashMap::new();
    let new_ids: &StringArray = clustered.customers.column(1).as_string();
    let new_numbers = clustered.customers.column(0).as_primitive::<Int64Type>().values();
    ids.extend(new_numbers.iter().copied().zip(new_ids.iter().flatten()));
    let old_ids: &StringArray = old.column(1).as_string();
    ids.extend(old.column(0).as_primitive::<Int64Type>().values().iter().copied().zip(old_ids.iter().flatten()));
    let numbers = clustered.rows.column(0).as_primitive::<Int64Type>().values().clone();
    let named: StringArray = numbers.iter().map(|number| ids.get(number).copied()).collect();
    let mut columns: Vec<ArrayRef> = clustered.rows.columns().to_vec();
    let mut fields: Vec<Arc<Field>> = clustered.rows.schema().fields().to_vec();
    for (name, column) in [
        (column::CUSTOMER_ID, Arc::new(named) as ArrayRef),
        (column::LISTED, Arc::new(BooleanArray::from(vec![true; numbers.len()]))),
    ] {
        fields.push(Arc::new(Field::new(name, column.data_type().clone(), true)));
        columns.push(column);
    }
    let new = conform(&RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(internal)?, &schema)?;
    // The latest word on each customer, in the order of their numbers.
    let mut latest: std::collections::BTreeMap<i64, u32> = std::collections::BTreeMap::new();
    let all = concat_batches(&schema, [&old, &new]).map_err(internal)?;
    for (row, &number) in all.column(0).as_primitive::<Int64Type>().values().iter().enumerate() {
        latest.insert(number, row as u32);
    }
    let order = UInt32Array::from_iter_values(latest.into_values());
    let table = take_record_batch(&all, &order).map_err(internal)?;
    write_registry(writer, bucket, table, load.zone).map(Some)
}

/// Writes all customers of a bucket.
pub(crate) fn write_registry(writer: &Writer, bucket: u32, table: RecordBatch, zone: &Zone) -> Result<BucketFile, Error> {
    let registry = Registry::of(table)?;
    let content = content(&registry, bucket, zone)?;
    writer.write_bucket(Table::Customers, bucket, &registry.table, None, content)
}

fn content(registry: &Registry, bucket: u32, zone: &Zone) -> Result<Fingerprint, Error> {
    let schema = registry.table.schema();
    let attributes = schema.fields().iter().skip(customers_schema(&[]).fields().len()).map(|field| field.name().clone());
    let layout = RowLayout { table: Table::Customers, attributes: attributes.collect(), keyed: true };
    let load = Load::as_is(&layout, Vec::new(), zone);
    Ok(cluster(&load, bucket, &[registry.profiles(&layout)?.into_new()], &registry.known)?.content)
}

/// How many customers are listed by customers exports.
pub(crate) fn listed(writer: &Writer, manifest: &Manifest) -> Result<u64, Error> {
    let counts = (0..manifest.buckets).into_par_iter().map(|bucket| {
        let registry = Registry::read(writer.dir(), manifest, bucket)?;
        Ok(registry.table.column(2).as_boolean().true_count() as u64)
    });
    counts.sum::<Result<u64, Error>>()
}
