//! The order in which currencies stand on a page: those of most customers first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tenure_analysis::{RetentionMatrix, Revenue};

use super::ReportPage;

/// Currencies, none for amounts without one, the main one first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Currencies(Vec<Option<String>>);

impl Currencies {
    /// Those of a page: by active customers with amounts in them, and by those who pay in them, summed over periods.
    pub(crate) fn of(page: &ReportPage) -> Self {
        let mut customers: BTreeMap<Option<String>, u64> = BTreeMap::new();
        let mut count = |matrix: &RetentionMatrix| {
            for row in &matrix.cohorts {
                let values = row.cells.iter().filter_map(|cell| cell.value.as_deref()).filter(|value| !value.total.is_zero());
                *customers.entry(row.currency.clone()).or_default() += values.map(|value| value.active).sum::<u64>();
            }
        };
        let tables = [&page.activity, &page.subscribers];
        tables.into_iter().flatten().filter_map(|tables| tables.value.as_ref()).for_each(&mut count);
        let paid = |revenue: &Revenue| {
            for row in revenue.rows.iter().filter(|row| row.segment.is_none()) {
                *customers.entry(row.currency.clone()).or_default() += row.customers.closing;
            }
        };
        page.revenue.iter().for_each(paid);
        let mut found: Vec<(Option<String>, u64)> = customers.into_iter().collect();
        found.sort_by_key(|(_, customers)| Reverse(*customers));
        Self(found.into_iter().map(|(currency, _)| currency).collect())
    }

    /// Where a currency stands; one that nobody has, last.
    pub(crate) fn place(&self, currency: &Option<String>) -> usize {
        self.0.iter().position(|known| known == currency).unwrap_or(self.0.len())
    }

    /// Some currencies, each once, the main one first.
    pub(crate) fn in_order<'a>(&self, some: impl Iterator<Item = &'a Option<String>>) -> Vec<&'a Option<String>> {
        let mut some: Vec<&Option<String>> = some.collect();
        some.sort_by(|a, b| (self.place(a), a).cmp(&(self.place(b), b)));
        some.dedup();
        some
    }
}
