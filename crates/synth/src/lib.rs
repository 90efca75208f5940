//! A synthetic business whose true retention is known.
//!
//! [`Business`] says how large the business is, [`Business::plan`] draws its customers and [`Plan`] gives its
//! rows, slice by slice in time order, or as a file through [`write`](write()). [`Truth`] holds what an analysis of those
//! rows should find, up to chance.
//!
//! The rows are a pure function of (customers, events, seed, months): the thread count and the machine change
//! nothing.
//!
//! # Columns
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `user_id` | text | a UUID in the form of version 4, one per customer |
//! | `uid` | 64-bit integer | the customer's number, 1 to the number of customers, in the order of signup |
//! | `event_time` | timestamp in microseconds, UTC | when the event happened |
//! | `event` | text | one of [`EVENT_NAMES`] |
//! | `country` | text | ISO 3166-1 alpha-2 code, one per customer |
//! | `plan` | text | `free`, `basic`, `pro` or `team`, one per customer |
//! | `amount` | decimal(18, 2) | money: above 0 for a `purchase`, below 0 for a `refund`, null for every other event |
//!
//! A customer's first row is their only `signup`. A refund follows a purchase of the same customer in the same
//! calendar month, is at least a second later and takes back exactly that purchase's amount; no purchase is
//! refunded twice. Every month is a calendar month in UTC.

mod batch;
mod chance;
mod clock;
mod countries;
mod customers;
mod error;
mod events;
mod kinds;
mod month;
mod odds;
mod plan;
mod rows;
mod spec;
mod tiers;
mod truth;
mod user_id;
mod write;

pub use error::Error;
pub use kinds::EVENT_NAMES;
pub use plan::{MAX_SLICE_ROWS, Plan};
pub use spec::{
    Business, DEFAULT_CUSTOMERS, DEFAULT_EVENTS, DEFAULT_MONTHS, DEFAULT_SEED, FIRST_YEAR, MAX_CUSTOMERS, MAX_EVENTS, MAX_MONTHS,
};
pub use truth::{PlanTruth, Truth};
pub use write::{Compression, FileFormat, write};
