//! Exports into a history: reading, mapping, checking. What the rows say is not looked into.
//!
//! An export is one file, read by [`tenure_exports`]. Its columns are named by a [`Mapping`] or detected. Every row read is
//! kept, rejected, duplicate or filtered, and [`Report`] says how many were which: `rows read = kept + rejected +
//! duplicate + filtered`.
//!
//! - A row without customer or readable time is rejected, and so is a row whose amount can't be read, one with another
//!   number of fields than the header, and one dated more than 24 hours after the ingest.
//! - The filter is judged first: a row outside it is filtered, whatever else is wrong with it; if it cannot be evaluated
//!   for a row, that row is rejected.
//! - Equal rows inside one export are separate activities. Across the exports of a load the number of equal rows kept is
//!   the maximum over the exports, not the sum.

mod batch_reader;
mod columns;
mod customers;
mod detect;
mod direct;
mod draft;
mod error;
mod fields;
mod identity;
mod kept;
mod mapper;
mod operands;
mod options;
mod preset;
mod rejects;
mod report;
mod run;
mod shapes;
mod style;

pub use direct::{Direct, direct};
pub use error::{Error, ErrorKind};
pub use options::{Attributes, Field, Mapping, Options, RejectLimit, Source};
pub use preset::{Preset, PresetChoice, table_misfit};
pub use report::{InputReport, Reason, Reject, Rejects, Report, RowCounts};
pub use run::{Ingested, Progress, Stage, ingest};
pub use tenure_exports::{BatchSource, Export, panic_is_caught};
