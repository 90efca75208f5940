//! How buckets, numbers and files are named.

use xxhash_rust::xxh3::xxh3_64;

/// The most buckets of a history.
pub const MAX_BUCKETS: u32 = 1 << PARTITION_BITS;

/// Rows that a bucket should hold when a history is created.
pub const ROWS_PER_BUCKET: u64 = 512 * 1024;

/// Rows after which a row group ends, at the next customer.
pub const ROWS_PER_ROW_GROUP: usize = 1024 * 1024;

/// Incoming rows are split by this many bits of the id's hash, before the number of buckets is known.
pub(crate) const PARTITION_BITS: u32 = 9;

pub(crate) const ACTIVITY: &str = "activity";
pub(crate) const CUSTOMERS: &str = "customers";

/// The hash that decides a customer's bucket. It is part of the format.
pub(crate) fn id_hash(id: &[u8]) -> u64 {
    xxh3_64(id)
}

pub(crate) fn partition_of(hash: u64) -> usize {
    (hash >> (u64::BITS - PARTITION_BITS)) as usize
}

/// How many buckets suit a number of rows.
pub(crate) fn buckets_for(rows: u64) -> u32 {
    let wanted = rows.div_ceil(ROWS_PER_BUCKET).max(1).next_power_of_two();
    u32::try_from(wanted).unwrap_or(MAX_BUCKETS).min(MAX_BUCKETS)
}

/// A customer's number from its bucket and its place there.
pub(crate) fn customer_number(bucket: u32, index: u32) -> i64 {
    (i64::from(bucket) << 32) | i64::from(index)
}

/// A customer's place in its bucket.
pub(crate) fn customer_index(number: i64) -> u32 {
    number as u32
}

/// The path of a table's file below the history.
pub(crate) fn file_name(table: &str, segment: u32, bucket: u32) -> String {
    format!("{table}/{segment:06}-{bucket:04}.parquet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_counts_are_powers_of_two() {
        assert_eq!(buckets_for(0), 1);
        assert_eq!(buckets_for(ROWS_PER_BUCKET), 1);
        assert_eq!(buckets_for(ROWS_PER_BUCKET + 1), 2);
        assert_eq!(buckets_for(10_000_000), 32);
        assert_eq!(buckets_for(u64::MAX / 2), MAX_BUCKETS);
    }

    #[test]
    fn numbers_hold_bucket_and_index() {
        let number = customer_number(511, u32::MAX);
        assert!(number > 0);
        assert_eq!(customer_index(number), u32::MAX);
        assert_eq!(number >> 32, 511);
    }
}
