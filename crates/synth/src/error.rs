//! What can go wrong.

use crate::spec::{MAX_CUSTOMERS, MAX_EVENTS, MAX_MONTHS};

/// Why a business cannot be drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No customers were asked for.
    #[error("a business needs at least 1 customer (--customers)")]
    NoCustomers,
    /// More customers than [`MAX_CUSTOMERS`].
    #[error("{customers} customers are too many: at most {MAX_CUSTOMERS} can be drawn (--customers)")]
    TooManyCustomers {
        /// The number asked for.
        customers: u64,
    },
    /// More events than [`MAX_EVENTS`].
    #[error("{events} events are too many: at most {MAX_EVENTS} can be drawn (--events)")]
    TooManyEvents {
        /// The number asked for.
        events: u64,
    },
    /// The number of months is not within 1 to [`MAX_MONTHS`].
    #[error("{months} months cannot be drawn: choose 1 to {MAX_MONTHS} (--months)")]
    Months {
        /// The number asked for.
        months: u32,
    },
    /// Fewer events than the signups and the active months of the customers need.
    #[error(
        "{events} events are too few: {customers} customers over {months} months with seed {seed} need at least \
         {least}, one for each signup and each active month; ask for more events (--events {least}), fewer \
         customers (--customers) or fewer months (--months)"
    )]
    TooFewEvents {
        /// The number asked for.
        events: u64,
        /// The least number of events that these customers, months and seed can have.
        least: u64,
        /// The number of customers.
        customers: u64,
        /// The number of months.
        months: u32,
        /// The seed.
        seed: u64,
    },
    /// Compression around a whole Parquet file, which no reader opens.
    #[error("a Parquet file is not compressed as a whole: its pages are compressed with zstd inside it")]
    ParquetCompression,
    /// The output could not be written.
    #[error("cannot write the rows")]
    Io(#[from] std::io::Error),
    /// The Parquet encoder failed.
    #[error("cannot encode the rows as Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
}
