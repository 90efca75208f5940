use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use tenure_history::Compare;
use tenure_model::{Instant, Table, Zone};

use crate::preset::PresetChoice;

/// Which columns of an export mean what. Columns without a source are detected where they can be.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The table that the rows are for.
    pub table: Table,
    /// The customer's id.
    pub customer: Option<Source>,
    /// Where the table's columns come from, by the names that [`Table::columns`] gives.
    pub columns: BTreeMap<&'static str, Source>,
    /// The columns that are a row's key, together; none where rows have no key.
    pub key: Vec<String>,
    /// Another id of the same customer: where a row has both, its rows elsewhere belong to the customer too.
    pub alias: Option<Source>,
    /// Attributes to keep.
    pub attributes: Attributes,
    /// Columns that are kept as attributes too, unless they are kept already: those that a query names, each with the flag
    /// that names it.
    pub asked: Vec<(String, &'static str)>,
    /// Columns that are kept as attributes too, where the export has them.
    pub welcome: Vec<&'static str>,
    /// Columns of the table that nothing is asked of: they are not looked for, and have no source unless one is named.
    pub unasked: Vec<&'static str>,
    /// A SQL predicate: rows outside it are not ingested.
    pub filter: Option<String>,
    /// How times are written, for those that can't be told: a strftime format.
    pub time_format: Option<String>,
    /// The zone of times without one. Default: the home zone.
    pub source_zone: Option<Zone>,
    /// Whether the decimals of numbers stand behind a comma. Told from the whole column where it is not said.
    pub decimal_comma: bool,
    /// Whether amounts count the smallest unit of their currency: cents for EUR, yen for JPY.
    pub minor_units: bool,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            table: Table::Activity,
            customer: None,
            columns: BTreeMap::new(),
            key: Vec::new(),
            alias: None,
            attributes: Attributes::Named(Vec::new()),
            asked: Vec::new(),
            welcome: Vec::new(),
            unasked: Vec::new(),
            filter: None,
            time_format: None,
            source_zone: None,
            decimal_comma: false,
            minor_units: false,
        }
    }
}

/// Where a column of the history comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// What a flag says: a column if the export has one of that name, else an expression for amounts and a constant for
    /// names.
    Given(String),
    /// A column, or the first of some that is not blank in a row.
    Columns(Field),
    /// The same for every row.
    Constant(String),
    /// A SQL expression over columns; amounts only.
    Expression(String),
}

impl Source {
    /// A single column, as it is.
    pub fn column(name: impl Into<String>) -> Self {
        Source::Columns(Field { columns: vec![name.into()], ..Field::default() })
    }
}

/// Columns of an export, and how their text is put right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    /// The columns; the first that is not blank counts.
    pub columns: Vec<String>,
    /// Whether letters become small ones.
    pub lower: bool,
    /// A prefix that is taken away where a text has it: `'` before numbers that a spreadsheet guards.
    pub strip: Option<String>,
    /// Texts that stand for others; those that are not in it stay as they are.
    pub map: BTreeMap<String, String>,
    /// Whether only the number counts that a text begins with: `10 - Extremely likely` is 10.
    pub leading_number: bool,
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
    /// What the columns mean, as far as it is said; it goes before what a preset says.
    pub mapping: Mapping,
    /// Which preset says the rest.
    pub preset: PresetChoice,
    /// The sheet of a workbook; the first that is not empty, unless it is said.
    pub sheet: Option<String>,
    /// The zone of the history's `day` column.
    pub home_zone: Zone,
    /// When too many rows are rejected.
    pub max_rejects: RejectLimit,
    /// The file that rejected rows are written to.
    pub rejects: Option<PathBuf>,
    /// A CSV file of identity merges: alias, customer.
    pub aliases: Option<PathBuf>,
    /// How rows of different exports are compared.
    pub compare: Compare,
    /// How many bytes an ingest may use.
    pub memory: u64,
    /// For a survey how many were asked.
    pub sent: Option<u64>,
    /// The moment of the ingest: activity more than a day after it is rejected.
    pub now: Instant,
}

impl Options {
    /// Bytes that an ingest may use, unless it is said and the machine's memory is not known.
    pub const MEMORY: u64 = 4 << 30;

    /// Everything detected, nothing tolerated.
    pub fn new(now: Instant) -> Self {
        Self {
            mapping: Mapping::default(),
            preset: PresetChoice::Auto,
            sheet: None,
            home_zone: Zone::utc(),
            max_rejects: RejectLimit::DEFAULT,
            rejects: None,
            aliases: None,
            compare: Compare::Exports,
            memory: Self::MEMORY,
            sent: None,
            now,
        }
    }
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
