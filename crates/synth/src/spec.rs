//! What is asked for.

use crate::{Error, Plan};

/// Calendar year whose January is month 0 of every business.
pub const FIRST_YEAR: i16 = 2022;
/// Calendar months that a business covers unless told otherwise.
pub const DEFAULT_MONTHS: u32 = 36;
/// Customers of [`Business::default`].
pub const DEFAULT_CUSTOMERS: u64 = 50_000;
/// Rows of [`Business::default`].
pub const DEFAULT_EVENTS: u64 = 1_000_000;
/// Seed of [`Business::default`].
pub const DEFAULT_SEED: u64 = 42;
/// The most calendar months that a business can cover.
pub const MAX_MONTHS: u32 = 120;
/// The most customers that a business can have. A plan holds two bytes for each.
pub const MAX_CUSTOMERS: u64 = 1_000_000_000;
/// The most rows that a business can have: a customer's events of a month are counted in 32 bits.
pub const MAX_EVENTS: u64 = u32::MAX as u64;

/// How large a business is, and the seed that its chance comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Business {
    pub(crate) customers: u64,
    pub(crate) events: u64,
    pub(crate) seed: u64,
    pub(crate) months: u32,
}

impl Business {
    /// A business with exactly this many customers and rows, over [`DEFAULT_MONTHS`].
    pub fn new(customers: u64, events: u64, seed: u64) -> Self {
        Self { customers, events, seed, months: DEFAULT_MONTHS }
    }

    /// Covers this many calendar months, from January of [`FIRST_YEAR`].
    pub fn months(mut self, months: u32) -> Self {
        self.months = months;
        self
    }

    /// Draws the customers and counts what each month holds.
    ///
    /// Takes time and memory in proportion to the customers (two bytes each), not to the events.
    ///
    /// # Errors
    ///
    /// If a number is out of its range, or the events are fewer than these customers must have
    /// ([`Error::TooFewEvents`]).
    pub fn plan(&self) -> Result<Plan, Error> {
        let Self { customers, events, months, .. } = *self;
        if customers == 0 {
            return Err(Error::NoCustomers);
        }
        if customers > MAX_CUSTOMERS {
            return Err(Error::TooManyCustomers { customers });
        }
        if events > MAX_EVENTS {
            return Err(Error::TooManyEvents { events });
        }
        if !(1..=MAX_MONTHS).contains(&months) {
            return Err(Error::Months { months });
        }
        Plan::draw(*self)
    }
}

impl Default for Business {
    fn default() -> Self {
        Self::new(DEFAULT_CUSTOMERS, DEFAULT_EVENTS, DEFAULT_SEED)
    }
}
