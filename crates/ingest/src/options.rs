use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use tenure_model::{DEFAULT_EVENT, Instant, Zone};

use crate::batch_rows::BatchSource;

/// Where an export's rows are.
#[derive(Debug, Clone)]
pub enum Export {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// Rows that are no file.
    Rows(Arc<dyn BatchSource>),
}

/// Which columns of an export mean what. Unset columns are detected.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The customer's id.
    pub customer: Option<String>,
    /// The time of the activity.
    pub time: Option<String>,
    /// The event's name.
    pub event: EventSource,
    /// The amount: a column, or a SQL expression over columns.
    pub value: Option<String>,
    /// The currency of amounts: a column if the export has one of that name, else a code such as EUR.
    pub currency: Option<String>,
    /// Attributes to keep.
    pub attributes: Attributes,
    /// A SQL predicate: rows outside it are not ingested.
    pub filter: Option<String>,
    /// How times are written, for those that are not ISO 8601: a strftime format.
    pub time_format: Option<String>,
    /// The zone of times without one. Default: the home zone.
    pub source_zone: Option<Zone>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            customer: None,
            time: None,
            event: EventSource::Detect,
            value: None,
            currency: None,
            attributes: Attributes::Named(Vec::new()),
            filter: None,
            time_format: None,
            source_zone: None,
        }
    }
}

/// Where the name of an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventSource {
    /// A column that is called like one, or else [`DEFAULT_EVENT`].
    Detect,
    /// A column.
    Column(String),
    /// The same name for every row.
    Constant(String),
}

impl EventSource {
    /// The name of every activity of an export without a column for it.
    pub(crate) fn default_name() -> String {
        DEFAULT_EVENT.to_owned()
    }
}

/// Which columns become attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attributes {
    /// These.
    Named(Vec<String>),
    /// All that have no other meaning.
    All,
}

/// How many rows may be rejected before nothing is committed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RejectLimit {
    /// So many rows.
    Rows(u64),
    /// A share of the rows read, in percent.
    Percent(f64),
}

impl RejectLimit {
    /// No row at all.
    pub const DEFAULT: RejectLimit = RejectLimit::Rows(0);

    pub(crate) fn allows(self, rejected: u64, read: u64) -> bool {
        match self {
            RejectLimit::Rows(limit) => rejected <= limit,
            RejectLimit::Percent(percent) => rejected as f64 * 100.0 <= percent * read as f64,
        }
    }
}

impl FromStr for RejectLimit {
    type Err = String;

    /// Reads `100` or `0.5%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("cannot read \"{text}\" (expected a number of rows, such as 100, or a share of them, such as 0.5%)");
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().map_err(|_| wrong())?;
                if (0.0..=100.0).contains(&percent) { Ok(RejectLimit::Percent(percent)) } else { Err(wrong()) }
            }
            None => text.parse().map(RejectLimit::Rows).map_err(|_| wrong()),
        }
    }
}

/// How exports are read.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the columns mean.
    pub mapping: Mapping,
    /// The zone of the history's `day` column.
    pub home_zone: Zone,
    /// When too many rows are rejected.
    pub max_rejects: RejectLimit,
    /// The moment of the ingest: activity more than a day after it is rejected.
    pub now: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rows_or_shares() {
        assert_eq!("12".parse(), Ok(RejectLimit::Rows(12)));
        assert_eq!("0.5%".parse(), Ok(RejectLimit::Percent(0.5)));
        for text in ["", "-1", "101%", "x%", "1.5"] {
            assert!(text.parse::<RejectLimit>().is_err(), "{text}");
        }
        assert!(RejectLimit::Percent(0.5).allows(5, 1000) && !RejectLimit::Percent(0.5).allows(6, 1000));
        assert!(RejectLimit::DEFAULT.allows(0, 0) && !RejectLimit::DEFAULT.allows(1, 1_000_000));
    }
}
