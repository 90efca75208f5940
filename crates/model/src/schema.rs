//! The columns of a history's activity.

use crate::day::Day;
use crate::instant::Instant;
use crate::zone::Zone;

/// The name of an activity whose export names no event.
pub const DEFAULT_EVENT: &str = "activity";

/// Names of the columns of a history's tables.
pub mod column {
    /// The customer's number: the bucket in the high 32 bits, dense inside the bucket. 64-bit integer.
    pub const CUSTOMER: &str = "customer";
    /// The customer's id as the export has it. Text; in the customers table only.
    pub const CUSTOMER_ID: &str = "customer_id";
    /// The local date of the activity in the history's home zone.
    pub const DAY: &str = "day";
    /// The instant of the activity, microseconds UTC.
    pub const TIME: &str = "time";
    /// The event's name.
    pub const EVENT: &str = "event";
    /// The amount; a decimal, or null.
    pub const VALUE: &str = "value";
    /// The amount's currency, or null.
    pub const CURRENCY: &str = "currency";

    /// The columns that every activity table has, in their order. Attributes follow them.
    pub const ACTIVITY: [&str; 6] = [CUSTOMER, DAY, TIME, EVENT, VALUE, CURRENCY];
}

/// Whether an attribute must not bear this name, because a column of every history does.
pub fn is_reserved_column(name: &str) -> bool {
    name == column::CUSTOMER_ID || column::ACTIVITY.contains(&name)
}

/// How exactly an export names a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// A date: the whole local day is vouched for.
    Date,
    /// An instant, to the microsecond.
    Instant,
}

impl Precision {
    /// The first instant after an activity at `at` that its export says nothing about: for a date the start of the
    /// next local day, for an instant one microsecond later.
    pub fn end_of(self, at: Instant, zone: &Zone) -> Instant {
        match self {
            Precision::Instant => at.next(),
            Precision::Date => zone.start_of_day(Day(zone.day_of(at).0 + 1)),
        }
    }
}
