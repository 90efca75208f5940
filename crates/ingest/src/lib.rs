//! Exports into a history: reading, mapping, checking. What the rows say is not looked into.
//!
//! An export is one file: CSV, JSON, Parquet, Arrow or a workbook, plain or compressed with gzip or zstd. Its columns are named by a
//! [`Mapping`] or detected. Every row read is kept, rejected, duplicate or filtered, and [`Report`] says how many were
//! which: `rows read = kept + rejected + duplicate + filtered`.
//!
//! - A row without customer or readable time is rejected, and so is a row whose amount can't be read, one with another
//!   number of fields than the header, and one dated more than 24 hours after the ingest.
//! - The filter is judged first: a row outside it is filtered, whatever else is wrong with it; if it cannot be evaluated
//!   for a row, that row is rejected.
//! - Equal rows inside one export are separate activities. Across the exports of a load the number of equal rows kept is
//!   the maximum over the exports, not the sum.
//!
//! Text is cut into blocks of whole records, parsed in parallel into columns and mapped column by column.

mod arrow_rows;
mod batch;
mod batch_rows;
mod blocks;
mod csv_fields;
mod csv_header;
mod csv_rows;
mod detect;
mod draft;
mod encoding;
mod error;
mod excel_rows;
mod expression;
mod guard;
mod identity;
mod input;
mod interval;
mod json_objects;
mod json_rows;
mod mapper;
mod near;
mod numbers;
mod options;
mod parquet_rows;
mod preset;
mod rejects;
mod report;
mod run;
mod style;
mod time_texts;
mod times;

pub use batch_rows::BatchSource;
pub use error::{Error, ErrorKind};
pub use guard::panic_is_damage;
pub use options::{Attributes, Export, Field, Mapping, Options, RejectLimit, Source};
pub use preset::{Preset, PresetChoice, table_misfit};
pub use report::{InputReport, Reason, Reject, Rejects, Report, RowCounts};
pub use run::{Ingested, Progress, Stage, ingest};
