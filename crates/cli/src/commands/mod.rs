//! One verb per file.

pub(crate) mod compact;
pub(crate) mod demo;
pub(crate) mod forget;
pub(crate) mod generate;
pub(crate) mod ingest;
pub(crate) mod inspect;
pub(crate) mod members;
pub(crate) mod retention;
pub(crate) mod run;
