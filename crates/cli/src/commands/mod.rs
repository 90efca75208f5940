//! One verb per file.

pub(crate) mod at_risk;
pub(crate) mod calc;
pub(crate) mod cancellations;
pub(crate) mod check;
pub(crate) mod compact;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod forget;
pub(crate) mod generate;
pub(crate) mod ingest;
pub(crate) mod inspect;
pub(crate) mod lifecycle;
pub(crate) mod man;
pub(crate) mod members;
pub(crate) mod metrics;
pub(crate) mod report;
pub(crate) mod retention;
pub(crate) mod revenue;
pub(crate) mod run;
pub(crate) mod stickiness;
pub(crate) mod survey;
