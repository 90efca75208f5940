//! The order in which currencies stand on a page: those of most customers first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tenure_analysis::MetricValue;

use super::ReportPage;

/// The metric that counts who buys in a currency.
const BUYERS: &str = "purchasing_customers";

/// Currencies, none for amounts without one, the main one first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Currencies(Vec<Option<String>>);

impl Currencies {
    /// Those of a page, by customers who buy in them and customers who pay in them, summed over periods.
    pub(crate) fn of(page: &ReportPage) -> Self {
        let mut customers: BTreeMap<&Option<String>, u64> = BTreeMap::new();
        for row in page.metrics.iter().flat_map(|metrics| &metrics.rows).filter(|row| row.segment.is_none()) {
            if let (BUYERS, Some(MetricValue::Count(buyers))) = (row.metric.name, row.value) {
                *customers.entry(&row.currency).or_default() += buyers;
            }
        }
        for row in page.revenue.iter().flat_map(|revenue| &revenue.rows).filter(|row| row.segment.is_none()) {
            *customers.entry(&row.currency).or_default() += row.customers.closing;
        }
        let mut found: Vec<(&Option<String>, u64)> = customers.into_iter().collect();
        found.sort_by_key(|(_, customers)| Reverse(*customers));
        Self(found.into_iter().map(|(currency, _)| currency.clone()).collect())
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
