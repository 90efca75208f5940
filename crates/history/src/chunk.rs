use tenure_model::{Decimal, MAX_STORED_DIGITS};

use crate::layout::{PARTITION_BITS, id_hash, partition_of};
use crate::names::Name;

const PARTITIONS: usize = 1 << PARTITION_BITS;

/// Stands for a missing amount while rows are staged; no amount reaches it, having 18 digits at most.
pub(crate) const MISSING: i64 = i64::MIN;

/// The ids of a chunk's customers, one after the other.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ids {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Ids {
    fn push(&mut self, id: &str) {
        self.bytes.extend_from_slice(id.as_bytes());
        self.ends.push(self.bytes.len() as u32);
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        &self.bytes[start..self.ends[row] as usize]
    }
}

/// Amounts of a chunk, at one scale.
#[derive(Debug, Default, Clone)]
pub(crate) struct Amounts {
    pub(crate) units: Vec<i64>,
    pub(crate) scale: u8,
}

impl Amounts {
    /// Adds an amount, exactly. False where its digits do not fit beside those of the others.
    fn push(&mut self, value: Option<Decimal>) -> bool {
        let Some(value) = value else {
            self.units.push(MISSING);
            return true;
        };
        let value = value.normalized();
        if value.scale() > self.scale && !self.widen(value.scale()) {
            return false;
        }
        match value.at_scale(self.scale).and_then(|v| stored(v.units())) {
            Some(units) => {
                self.units.push(units);
                true
            }
            None => false,
        }
    }

    /// Brings every amount to more decimals. False, and nothing changed, where one would not fit.
    pub(crate) fn widen(&mut self, scale: u8) -> bool {
        let Some(factor) = 10i64.checked_pow(u32::from(scale - self.scale)) else { return self.units.is_empty() };
        let fits = |&units: &i64| units == MISSING || units.checked_mul(factor).is_some_and(|u| stored(u.into()).is_some());
        if !self.units.iter().all(fits) {
            return false;
        }
        for units in &mut self.units {
            if *units != MISSING {
                *units *= factor;
            }
        }
        self.scale = scale;
        true
    }
}

fn stored(units: i128) -> Option<i64> {
    let limit = 10i128.pow(u32::from(MAX_STORED_DIGITS));
    if units.abs() < limit { i64::try_from(units).ok() } else { None }
}

/// Rows of one export on their way into a history, column by column.
#[derive(Debug, Default, Clone)]
pub struct ActivityChunk {
    /// Which export they come from, counted over one load.
    pub export: u32,
    pub(crate) ids: Ids,
    pub(crate) times: Vec<i64>,
    pub(crate) events: Vec<Name>,
    pub(crate) amounts: Amounts,
    pub(crate) currencies: Vec<Name>,
    pub(crate) attributes: Vec<Vec<Name>>,
}

/// One row of a chunk.
#[derive(Debug, Clone, Copy)]
pub struct ChunkRow<'a> {
    /// The customer's id.
    pub customer: &'a str,
    /// Microseconds UTC.
    pub time: i64,
    /// The event's name.
    pub event: Name,
    /// The amount, where there is one.
    pub value: Option<Decimal>,
    /// The amount's currency, or [`Name::NONE`].
    pub currency: Name,
    /// A value, or [`Name::NONE`], for each attribute of the load.
    pub attributes: &'a [Name],
}

impl ActivityChunk {
    /// No rows yet, of an export, with as many attributes as the load has.
    pub fn new(export: u32, attributes: usize) -> Self {
        Self { export, attributes: vec![Vec::new(); attributes], ..Self::default() }
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// The row is not added where its amount has more than 18 digits, counted with the decimals of the others' amounts.
    pub fn push(&mut self, row: ChunkRow<'_>) -> Result<(), AmountTooLong> {
        if !self.amounts.push(row.value) {
            return Err(AmountTooLong);
        }
        self.ids.push(row.customer);
        self.times.push(row.time);
        self.events.push(row.event);
        self.currencies.push(row.currency);
        for (column, &code) in self.attributes.iter_mut().zip(row.attributes) {
            column.push(code);
        }
        Ok(())
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts rows of the same partition side by side, in their order.
    pub(crate) fn partition(self) -> PartitionedChunk {
        let hashes: Vec<u64> = (0..self.len()).map(|row| id_hash(self.ids.get(row))).collect();
        let mut starts = vec![0u32; PARTITIONS + 1];
        for &hash in &hashes {
            starts[partition_of(hash) + 1] += 1;
        }
        for i in 0..PARTITIONS {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; hashes.len()];
        for (row, &hash) in hashes.iter().enumerate() {
            let slot = &mut next[partition_of(hash)];
            order[*slot as usize] = row as u32;
            *slot += 1;
        }
        let mut ids = Ids { bytes: Vec::with_capacity(self.ids.bytes.len()), ends: Vec::with_capacity(order.len()) };
        for &row in &order {
            ids.bytes.extend_from_slice(self.ids.get(row as usize));
            ids.ends.push(ids.bytes.len() as u32);
        }
        PartitionedChunk {
            starts,
            export: self.export,
            hashes: gather(&hashes, &order),
            ids,
            times: gather(&self.times, &order),
            events: gather(&self.events, &order),
            amounts: Amounts { units: gather(&self.amounts.units, &order), scale: self.amounts.scale },
            currencies: gather(&self.currencies, &order),
            attributes: self.attributes.iter().map(|a| gather(a, &order)).collect(),
        }
    }
}

/// An amount with more digits than a history stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountTooLong;

fn gather<T: Copy>(values: &[T], order: &[u32]) -> Vec<T> {
    order.iter().map(|&row| values[row as usize]).collect()
}

/// A chunk whose rows lie partition by partition.
#[derive(Debug)]
pub(crate) struct PartitionedChunk {
    starts: Vec<u32>,
    pub(crate) export: u32,
    pub(crate) hashes: Vec<u64>,
    pub(crate) ids: Ids,
    pub(crate) times: Vec<i64>,
    pub(crate) events: Vec<Name>,
    pub(crate) amounts: Amounts,
    pub(crate) currencies: Vec<Name>,
    pub(crate) attributes: Vec<Vec<Name>>,
}

impl PartitionedChunk {
    /// The rows of a bucket, one of `buckets`.
    pub(crate) fn rows_of(&self, bucket: u32, buckets: u32) -> std::ops::Range<usize> {
        let width = PARTITIONS / buckets as usize;
        let first = bucket as usize * width;
        self.starts[first] as usize..self.starts[first + width] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(customer: &'a str, value: Option<&str>) -> ChunkRow<'a> {
        ChunkRow {
            customer,
            time: 0,
            event: Name(0),
            value: value.map(|v| v.parse().unwrap()),
            currency: Name::NONE,
            attributes: &[],
        }
    }

    #[test]
    fn amounts_share_the_largest_scale() {
        let mut chunk = ActivityChunk::new(0, 0);
        for value in [Some("1.50"), None, Some("2.125"), Some("-3")] {
            chunk.push(row("a", value)).unwrap();
        }
        assert_eq!((chunk.amounts.units, chunk.amounts.scale), (vec![1500, MISSING, 2125, -3000], 3));
    }

    #[test]
    fn an_amount_that_does_not_fit_is_refused_and_changes_nothing() {
        let mut chunk = ActivityChunk::new(0, 0);
        chunk.push(row("a", Some("999999999999999999"))).unwrap();
        assert_eq!(chunk.push(row("a", Some("0.1"))), Err(AmountTooLong));
        assert_eq!(chunk.push(row("a", Some("1000000000000000000"))), Err(AmountTooLong));
        chunk.push(row("a", Some("7"))).unwrap();
        assert_eq!((chunk.len(), chunk.amounts.units.len(), chunk.amounts.scale), (2, 2, 0));
    }

    #[test]
    fn partitions_hold_every_row_once() {
        let mut chunk = ActivityChunk::new(0, 0);
        for i in 0..1000 {
            chunk.push(row(&format!("customer-{}", i % 300), None)).unwrap();
        }
        let chunk = chunk.partition();
        for buckets in [1, 4, 512] {
            let mut rows = 0;
            for bucket in 0..buckets {
                let range = chunk.rows_of(bucket, buckets);
                rows += range.len();
                for row in range {
                    assert_eq!(id_hash(chunk.ids.get(row)), chunk.hashes[row]);
                    assert_eq!(((chunk.hashes[row] >> 32) * u64::from(buckets)) >> 32, u64::from(bucket));
                }
            }
            assert_eq!(rows, 1000);
        }
    }
}
