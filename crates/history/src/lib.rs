//! The history on disk: everything ingested about one business, as a directory of Parquet that any tool can read.
//!
//! # Layout
//!
//! ```text
//! HISTORY/
//!   manifest.json                  names the live files; replaced atomically by every commit
//!   activity/000001-0003.parquet   written by commit 1: the rows of bucket 3
//!   customers/000001-0003.parquet  the customers of bucket 3: number, id, and what customers exports say of them
//!   subscriptions/  surveys/  cancellations/
//!   aliases/000002.parquet         ids that stand for other customers
//! ```
//!
//! - **Buckets.** Customers are hashed by id (xxh3-128, its highest bits) into a power of two of buckets.
//! - **Clustered.** Inside a bucket rows are sorted by customer, time, event and the remaining columns, so that all of a
//!   customer's life lies in one run. Row groups end at customer boundaries.
//! - **Customer numbers.** `customer` is an integer: the bucket in the high 32 bits, dense inside the bucket, in order of
//!   first activity. The id stands once, in `customers`.
//! - **Two times.** Activity has `day`, the date in the history's home zone, and `time`, the instant in microseconds UTC.
//!   `tied` says of a row whether it has the same customer and instant as the row before it in the file: with it days settle
//!   what comes at or after a birth, and the instants, which are most of the bytes, need not be read.
//! - **Segments.** An ingest appends a segment to its table; a scan merges the segments of a bucket by customer;
//!   [`compact`] folds them, and an ingest does so by itself beyond [`MAX_SEGMENTS`].
//! - **Keys.** Where rows have keys, `key` holds their xxh3-128. A later row with the same key replaces the earlier one,
//!   whose file is written anew; a customer who has no row left then, and whom no customers export lists, goes.
//! - **Shapes.** The manifest remembers whether the rows of a segment's exports had keys, and which columns and
//!   attributes: rows that were read otherwise are never equal, and whoever ingests is told.
//! - **Digests.** The footer of each file holds an xxh3-64 digest of every column chunk, the manifest one of every
//!   footer: a damaged file is reported, never read as other numbers. Only the bytes that a query needs are checked.
//! - **Content.** The fingerprint of a history depends on its rows alone: not on the order of files, the number of
//!   ingests, segments or buckets.
//!
//! # Writing
//!
//! One [`Writer`] at a time holds the lock. It writes files under new names, syncs them, and replaces the manifest: a
//! reader sees the old history or the new one. Files that the manifest no longer names are removed when nobody reads, by
//! this writer or a later one; so is what a killed writer has left.
//!
//! A [`Loader`] stages rows by partition of their customers, each id once and each column as narrow as its values. What
//! does not fit into memory waits in `.scratch`. Then every bucket is put in order by itself.

mod aliases;
mod bit_pack;
mod bit_unpack;
mod choose;
mod chunk;
mod chunk_pages;
mod chunk_read;
mod cluster;
mod columns;
mod commit;
mod compact;
mod content;
mod delta;
mod delta_read;
mod error;
mod existing;
mod fingerprint;
mod gate;
mod history;
mod hybrid_read;
mod id_column;
mod id_key;
mod keys;
mod layout;
mod life_table;
mod life_writer;
mod lives;
mod loader;
mod manifest;
mod merge;
mod name_chunk;
mod name_column;
mod names;
mod number_chunk;
mod order;
mod parquet_read;
mod parquet_write;
mod partition;
mod profiles;
mod rewrite;
mod row_hash;
mod runs;
mod scan;
mod short_hash;
mod spill;
mod stage;
mod staged;
mod stores;
mod stretches;
mod wide;

pub use aliases::{AliasFault, Aliases, forget};
pub use chunk::{AmountTooLong, Amounts, Chunk, Key, MISSING_AMOUNT, MISSING_TIME, RowLayout};
pub use cluster::Compare;
pub use columns::{Codes, Column, Rows, Values};
pub use commit::{Earlier, Writer};
pub use compact::{Compacted, MAX_SEGMENTS, compact};
pub use error::{Error, ErrorKind};
pub use fingerprint::Fingerprint;
pub use history::History;
pub use id_column::IdColumn;
pub use layout::{MAX_BUCKETS, ROWS_PER_BUCKET, ROWS_PER_ROW_GROUP};
pub use lives::{Ids, LifeCounts, LifeWriter, LifeWriters, NoId, Unordered, count_lives};
pub use loader::{LoadOptions, Loaded, Loader, Target};
pub use manifest::{RowShape, Source};
pub use names::{Name, Names};
pub use runs::Runs;
pub use scan::{Part, Scan};
pub use stretches::Stretches;
