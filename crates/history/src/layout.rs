//! How buckets, numbers and files are named.

use tenure_model::Table;
use xxhash_rust::xxh3::xxh3_128;

/// The most buckets of a history.
pub const MAX_BUCKETS: u32 = 1 << PARTITION_BITS;

/// Rows that a bucket should hold when a history is created.
pub const ROWS_PER_BUCKET: u64 = 512 * 1024;

/// Rows after which a row group ends, at the next customer.
pub const ROWS_PER_ROW_GROUP: usize = 1024 * 1024;

/// Incoming rows are split by this many bits of the id's hash, before the number of buckets is known.
pub(crate) const PARTITION_BITS: u32 = 9;

/// The hash that is a customer's identity while rows are laid out: among a thousand million ids, that two share one has a
/// chance of about one in 10^21. Its highest bits are the customer's bucket, which is part of the format.
pub(crate) fn id_hash(id: &[u8]) -> u128 {
    xxh3_128(id)
}

pub(crate) fn partition_of(hash: u128) -> usize {
    (hash >> (u128::BITS - PARTITION_BITS)) as usize
}

/// The partitions of a bucket, one of `buckets`.
pub(crate) fn partitions_of(bucket: u32, buckets: u32) -> std::ops::Range<usize> {
    let width = (MAX_BUCKETS / buckets) as usize;
    bucket as usize * width..(bucket as usize + 1) * width
}

/// The bucket of a hash, one of `buckets`.
pub(crate) fn bucket_of(hash: u128, buckets: u32) -> u32 {
    (partition_of(hash) / (MAX_BUCKETS / buckets) as usize) as u32
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

/// A customer's bucket.
pub(crate) fn customer_bucket(number: i64) -> u32 {
    (number >> 32) as u32
}

/// The path of a table's file below the history: the commit that wrote it, the bucket, and a number where the commit
/// wrote more than one.
pub(crate) fn file_name(table: Table, commit: u32, bucket: u32, number: u32) -> String {
    let number = if number > 1 { format!("-{number}") } else { String::new() };
    format!("{}/{commit:06}-{bucket:04}{number}.parquet", table.name())
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
