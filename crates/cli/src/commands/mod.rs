//! One verb per file.

pub(crate) mod calc;
pub(crate) mod cancellations;
pub(crate) mod compact;
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod forget;
pub(crate) mod generate;
pub(crate) mod ingest;
pub(crate) mod inspect;
pub(crate) mod lifecycle;
pub(crate) mod members;
pub(crate) mod metrics;
pub(crate) mod retention;
pub(crate) mod revenue;
pub(crate) mod run;
pub(crate) mod stickiness;
pub(crate) mod survey;
