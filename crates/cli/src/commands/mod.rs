//! One verb per file.

pub(crate) mod demo;
pub(crate) mod generate;
pub(crate) mod ingest;
pub(crate) mod inspect;
pub(crate) mod retention;
