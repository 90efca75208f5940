use std::collections::{BTreeMap, HashMap};

use tenure_history::{Column, History, Rows};
use tenure_model::{Instant, Table, column};

use crate::error::Error;

/// What a history holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// Rows of activity.
    pub rows: u64,
    /// Customers.
    pub customers: u64,
    /// First and last activity.
    pub span: Option<(Instant, Instant)>,
    /// The first instant that the history says nothing about.
    pub until: Option<Instant>,
    /// The zone of the `day` column.
    pub home_zone: String,
    /// Segments: one for each ingest since the last compaction.
    pub segments: usize,
    /// The fingerprint of the rows.
    pub content: String,
    /// Events by name, with their rows.
    pub events: Vec<(String, u64)>,
    /// Currencies with the rows whose amounts bear them.
    pub currencies: Vec<(String, u64)>,
    /// Rows with an amount.
    pub valued: u64,
    /// Attributes of activity.
    pub attributes: Vec<AttributeSummary>,
    /// The other tables that have rows.
    pub tables: Vec<TableSummary>,
    /// Ids that stand for other customers.
    pub aliases: usize,
    /// Bytes on disk by table and column.
    pub bytes: Vec<((String, String), u64)>,
}

/// What a table beside activity holds.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSummary {
    /// The table.
    pub table: Table,
    /// Its rows. Of customers those that a customers export lists.
    pub rows: u64,
    /// First and last time of the column that orders its rows.
    pub span: Option<(Instant, Instant)>,
    /// Its columns and attributes.
    pub columns: Vec<AttributeSummary>,
}

/// What an attribute holds.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeSummary {
    /// Its name.
    pub name: String,
    /// Distinct values, where they are names.
    pub distinct: Option<u64>,
    /// Rows without a value.
    pub missing: u64,
}

/// Names with the rows that bear them, and the rows that bear none.
#[derive(Debug, Default, Clone)]
struct NameCounts {
    rows: HashMap<String, u64>,
    missing: u64,
}

impl NameCounts {
    fn add(&mut self, rows: &Rows, name: &str) {
        let Some(codes) = rows.codes(name) else { return };
        let names = codes.names();
        let mut counts = vec![0; names.len()];
        for row in 0..rows.len() {
            match codes.get(row) {
                Some(code) => counts[code] += 1,
                None => self.missing += 1,
            }
        }
        for (name, count) in names.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            match self.rows.get_mut(name) {
                Some(sum) => *sum += count,
                None => {
                    self.rows.insert(name.to_owned(), count);
                }
            }
        }
    }

    fn join(mut self, other: NameCounts) -> NameCounts {
        self.missing += other.missing;
        for (name, count) in other.rows {
            *self.rows.entry(name).or_default() += count;
        }
        self
    }

    fn sorted(self) -> Vec<(String, u64)> {
        self.rows.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect()
    }
}

/// Describes a history.
///
/// # Errors
///
/// [`crate::ErrorKind::History`] where reading fails.
pub fn inspect(history: &History) -> Result<Inspection, Error> {
    let count = |name: &str, column: Column<'_>| {
        history.scan(&[column]).fold(
            NameCounts::default,
            |counts, rows| {
                counts.add(rows, name);
                Ok::<(), Error>(())
            },
            NameCounts::join,
        )
    };
    let valued = history.scan(&[Column::Value]).fold(
        || 0u64,
        |valued, rows| {
            let present = rows.values().map_or(0, |values| (0..rows.len()).filter(|&row| values.get(row).is_some()).count());
            *valued += present as u64;
            Ok::<(), Error>(())
        },
        |a, b| a + b,
    )?;
    let attributes = history.attributes().into_iter().map(|name| {
        let NameCounts { rows, missing } = count(&name, Column::Attribute(&name))?;
        Ok(AttributeSummary { name, distinct: Some(rows.len() as u64), missing })
    });
    let others = Table::ALL.into_iter().filter(|table| *table != Table::Activity && history.rows_of(*table) > 0);
    Ok(Inspection {
        tables: others.map(|table| summary(history, table)).collect::<Result<_, Error>>()?,
        aliases: history.aliases()?,
        rows: history.rows(),
        customers: history.customers(),
        span: history.span(),
        until: history.window().until,
        home_zone: history.home_zone().name().to_owned(),
        segments: history.segments(),
        content: history.content().to_string(),
        events: count(column::EVENT, Column::Event)?.sorted(),
        currencies: count(column::CURRENCY, Column::Currency)?.sorted(),
        valued,
        attributes: attributes.collect::<Result<_, Error>>()?,
        bytes: history.column_bytes()?.into_iter().collect(),
    })
}

fn summary(history: &History, table: Table) -> Result<TableSummary, Error> {
    let own = table.columns().iter().map(|column| column.name.to_owned());
    let names: Vec<String> = own.chain(history.attributes_of(table)).collect();
    let counts = history.scan_table(table, names.iter().map(String::as_str)).fold(
        || vec![(NameCounts::default(), false); names.len()],
        |counts, rows| {
            for ((counts, named), name) in counts.iter_mut().zip(&names) {
                if rows.codes(name).is_some() {
                    *named = true;
                    counts.add(rows, name);
                } else {
                    counts.missing += rows.missing(name).unwrap_or(rows.len()) as u64;
                }
            }
            Ok::<(), Error>(())
        },
        |a, b| a.into_iter().zip(b).map(|((a, named), (b, other))| (a.join(b), named || other)).collect(),
    )?;
    let columns = names.into_iter().zip(counts).map(|(name, (counts, named))| AttributeSummary {
        name,
        distinct: named.then_some(counts.rows.len() as u64),
        missing: counts.missing,
    });
    Ok(TableSummary { table, rows: history.rows_of(table), span: history.span_of(table), columns: columns.collect() })
}
