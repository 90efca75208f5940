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
    /// An id that stands for a customer's. Text; in the table of identity merges only.
    pub const ALIAS: &str = "alias";
    /// The local date of the activity in the history's home zone.
    pub const DAY: &str = "day";
    /// The instant of the activity, microseconds UTC.
    pub const TIME: &str = "time";
    /// Whether a row of activity has the same customer and instant as the row before it.
    pub const TIED: &str = "tied";
    /// The event's name.
    pub const EVENT: &str = "event";
    /// The amount; a decimal, or null.
    pub const VALUE: &str = "value";
    /// The amount's currency, or null.
    pub const CURRENCY: &str = "currency";

    /// The local date on which the customer's life starts, as a customers export declares it; null where it does not.
    pub const SIGNED_UP: &str = "signed_up";
    /// Whether a customers export lists the customer; the others are known by their rows alone.
    pub const LISTED: &str = "listed";
    /// The start of a subscription span.
    pub const START: &str = "start";
    /// The first unpaid instant of a subscription span; null while it is open.
    pub const END: &str = "end";
    /// The end of a subscription's trial, or null.
    pub const TRIAL_END: &str = "trial_end";
    /// The plan of a subscription.
    pub const PLAN: &str = "plan";
    /// The price of one unit for one interval; a decimal, or null.
    pub const AMOUNT: &str = "amount";
    /// How often a subscription is paid: a count and a unit, such as `1 month`.
    pub const INTERVAL: &str = "interval";
    /// How many units a subscription pays for; a decimal, 1 where the export has none.
    pub const QUANTITY: &str = "quantity";
    /// What a survey asks: `nps`, `csat`, `ces` or `returned`.
    pub const KIND: &str = "kind";
    /// The question that a survey's score answers, as the export names it.
    pub const QUESTION: &str = "question";
    /// The answer on the scale; a decimal, null for a question left blank.
    pub const SCORE: &str = "score";
    /// The scale of a survey's scores, such as `0-10`.
    pub const SCALE: &str = "scale";
    /// Free text that came with an answer or a cancellation.
    pub const COMMENT: &str = "comment";
    /// The weight of an answer in a sample; a decimal, or null.
    pub const WEIGHT: &str = "weight";
    /// Why a subscription was cancelled.
    pub const REASON: &str = "reason";
    /// The row's key in its export, hashed (xxh3-128, 16 bytes); null where the export has none.
    pub const KEY: &str = "key";

    /// The columns that every activity table has, in their order. Attributes follow them.
    pub const ACTIVITY: [&str; 6] = [CUSTOMER, DAY, TIME, EVENT, VALUE, CURRENCY];
}

/// What a column of a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// An instant, microseconds UTC.
    Time,
    /// A local date.
    Date,
    /// Text with few distinct values.
    Name,
    /// An exact decimal.
    Amount,
}

/// A column that a table has beside the customer, its key and its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name in the history.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether a row without it is rejected.
    pub required: bool,
}

const fn column_of(name: &'static str, kind: ColumnKind, required: bool) -> TableColumn {
    TableColumn { name, kind, required }
}

/// A table of a history. The first column of each that is a time or a date orders a customer's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// What customers did.
    Activity,
    /// Who the customers are: attributes and declared sign-up dates, one row each.
    Customers,
    /// What customers pay for, span by span.
    Subscriptions,
    /// What customers answered.
    Surveys,
    /// Why customers left.
    Cancellations,
}

impl Table {
    /// All tables.
    pub const ALL: [Table; 5] = [Table::Activity, Table::Customers, Table::Subscriptions, Table::Surveys, Table::Cancellations];

    /// The table's name, which is its folder's.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Activity => "activity",
            Table::Customers => "customers",
            Table::Subscriptions => "subscriptions",
            Table::Surveys => "surveys",
            Table::Cancellations => "cancellations",
        }
    }

    /// The columns that rows of the table have beside customer, key and attributes, in their order.
    pub const fn columns(self) -> &'static [TableColumn] {
        use ColumnKind::{Amount, Date, Name, Time};
        use column as c;
        const ACTIVITY: &[TableColumn] = &[
            column_of(c::TIME, Time, true),
            column_of(c::EVENT, Name, true),
            column_of(c::VALUE, Amount, false),
            column_of(c::CURRENCY, Name, false),
        ];
        const CUSTOMERS: &[TableColumn] = &[column_of(c::SIGNED_UP, Date, false)];
        const SUBSCRIPTIONS: &[TableColumn] = &[
            column_of(c::START, Time, true),
            column_of(c::END, Time, false),
            column_of(c::TRIAL_END, Time, false),
            column_of(c::PLAN, Name, false),
            column_of(c::AMOUNT, Amount, false),
            column_of(c::CURRENCY, Name, false),
            column_of(c::INTERVAL, Name, false),
            column_of(c::QUANTITY, Amount, false),
        ];
        const SURVEYS: &[TableColumn] = &[
            column_of(c::TIME, Time, true),
            column_of(c::KIND, Name, true),
            column_of(c::QUESTION, Name, false),
            column_of(c::SCORE, Amount, false),
            column_of(c::SCALE, Name, false),
            column_of(c::COMMENT, Name, false),
            column_of(c::WEIGHT, Amount, false),
        ];
        const CANCELLATIONS: &[TableColumn] =
            &[column_of(c::TIME, Time, true), column_of(c::REASON, Name, false), column_of(c::COMMENT, Name, false)];
        match self {
            Table::Activity => ACTIVITY,
            Table::Customers => CUSTOMERS,
            Table::Subscriptions => SUBSCRIPTIONS,
            Table::Surveys => SURVEYS,
            Table::Cancellations => CANCELLATIONS,
        }
    }

    /// Whether rows of this table have a column of this name, whatever their export calls it.
    pub fn has(self, name: &str) -> bool {
        name == column::CUSTOMER
            || self == Table::Activity && name == column::DAY
            || self.columns().iter().any(|column| column.name == name)
    }

    /// Whether an attribute of this table must not bear a name, because a column of the table does.
    pub fn reserves(self, name: &str) -> bool {
        [column::CUSTOMER, column::CUSTOMER_ID, column::KEY].contains(&name)
            || self == Table::Activity && [column::DAY, column::TIED].contains(&name)
            || self == Table::Customers && name == column::LISTED
            || self.columns().iter().any(|column| column.name == name)
    }
}

impl std::str::FromStr for Table {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Table::ALL.into_iter().find(|table| table.name() == text).ok_or_else(|| {
            let names = Table::ALL.map(Table::name).join(", ");
            format!("no table \"{text}\" (expected one of {names})")
        })
    }
}

/// Whether an attribute of activity must not bear this name, because a column of every history does.
pub fn is_reserved_column(name: &str) -> bool {
    Table::Activity.reserves(name)
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
