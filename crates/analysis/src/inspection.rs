use std::collections::{BTreeMap, HashMap};

use tenure_history::{Column, History, Rows};
use tenure_model::{Instant, column};

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
    /// Attributes.
    pub attributes: Vec<AttributeSummary>,
    /// Bytes on disk by table and column.
    pub bytes: Vec<((String, String), u64)>,
}

/// What an attribute holds.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeSummary {
    /// Its name.
    pub name: String,
    /// Distinct values.
    pub distinct: u64,
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
        Ok(AttributeSummary { name, distinct: rows.len() as u64, missing })
    });
    Ok(Inspection {
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
