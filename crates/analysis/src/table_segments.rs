//! Segments of tables beside activity: by a column of their rows, or of the customers.

use tenure_expression::suggestion;
use tenure_history::{History, Rows, Scan};
use tenure_model::{Periods, Table};

use crate::error::Error;

/// Where the segments of a table's rows are found.
#[derive(Debug, Clone)]
pub(crate) enum TableSegments {
    /// There are none.
    None,
    /// In a column of the rows.
    Rows(String),
    /// In a column of the customers.
    Customers(String),
    /// The periods in which customers began.
    Cohorts(Box<Periods>),
}

impl TableSegments {
    /// Where a column is found; `own` are the columns of names that the table has beside its attributes.
    pub(crate) fn new(history: &History, table: Table, own: &[&str], by: Option<&str>) -> Result<Self, Error> {
        let Some(by) = by else { return Ok(TableSegments::None) };
        let (of_rows, of_customers) = (history.attributes_of(table), history.attributes_of(Table::Customers));
        if own.contains(&by) || of_rows.iter().any(|name| name == by) {
            return Ok(TableSegments::Rows(by.to_owned()));
        }
        if of_customers.iter().any(|name| name == by) {
            return Ok(TableSegments::Customers(by.to_owned()));
        }
        let known: Vec<&str> = own.iter().copied().chain(of_rows.iter().chain(&of_customers).map(String::as_str)).collect();
        Err(Error::query(format!("--by {by}: no column \"{by}\" of {} or customers; {}", table.name(), suggestion(by, known))))
    }

    /// A scan of some columns of the table, and of that of the segments.
    pub(crate) fn scan<'a>(&'a self, history: &'a History, table: Table, columns: &[&'a str]) -> Scan<'a> {
        let extra = match self {
            TableSegments::Rows(name) => Some(name.as_str()).filter(|name| !columns.contains(name)),
            TableSegments::None | TableSegments::Customers(_) | TableSegments::Cohorts(_) => None,
        };
        history.scan_table(table, columns.iter().copied().chain(extra))
    }

    /// Whether the customers of each bucket must be read.
    pub(crate) fn need_customers(&self) -> bool {
        matches!(self, TableSegments::Customers(_))
    }
}

/// A column of names, as texts.
pub(crate) fn texts(rows: &Rows, name: &str) -> Vec<Option<String>> {
    let Some(codes) = rows.codes(name) else { return vec![None; rows.len()] };
    (0..rows.len()).map(|row| codes.get(row).map(|code| codes.name(code).to_owned())).collect()
}
