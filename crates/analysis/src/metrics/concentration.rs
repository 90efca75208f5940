//! How unevenly revenue is spread over the customers who bring it.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use tenure_model::Decimal;

use crate::lives::{BySegment, Counter};
use crate::metrics::{MetricValue, Rows};
use crate::plan::Plan;
use crate::revenue::Quotient;
use crate::segments::SegmentId;
use crate::walk::{Member, Renumbering};

/// The metrics of activity.
pub(crate) const OF_ACTIVITY: [&str; 2] = ["gini", "top_decile_share"];

/// Those of recurring revenue.
pub(crate) const OF_MRR: [&str; 2] = ["mrr_gini", "mrr_top_decile_share"];

/// More different amounts than this are not kept: about 200 MB a thread.
pub(crate) const MOST_AMOUNTS: usize = 4_000_000;

/// How many customers bring each amount, exactly.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spread(HashMap<i128, u64, FixedState>);

impl Counter for Spread {
    fn add(&mut self, other: &Self) {
        for (amount, customers) in &other.0 {
            *self.0.entry(*amount).or_default() += customers;
        }
    }
}

impl Spread {
    /// Counts a customer who brings an amount: what is not above 0 is 0. Says whether the amount is a new one.
    pub(crate) fn count(&mut self, amount: i128) -> bool {
        let customers = self.0.entry(amount.max(0)).or_default();
        *customers += 1;
        *customers == 1
    }

    /// What the Gini coefficient divides: with amounts x ascending by rank i of n, Σ (2i − n − 1) x, and n Σ x.
    pub(crate) fn gini(&self, scale: u8) -> Quotient {
        let ordered: BTreeMap<i128, u64> = self.0.iter().map(|(amount, customers)| (*amount, *customers)).collect();
        let n: i128 = ordered.values().map(|customers| i128::from(*customers)).sum();
        let (mut above, mut total, mut before) = (0, 0, 0);
        for (amount, customers) in ordered {
            let customers = i128::from(customers);
            // The ranks of equal amounts, added up.
            above += customers * (2 * before + customers - n) * amount;
            total += customers * amount;
            before += customers;
        }
        Quotient { above: Decimal::new(above, scale), below: Decimal::new(n * total, scale) }
    }

    /// What the tenth of customers who bring most bring, at least one of them, and what all bring.
    pub(crate) fn top_decile(&self, scale: u8) -> Quotient {
        let ordered: BTreeMap<i128, u64> = self.0.iter().map(|(amount, customers)| (*amount, *customers)).collect();
        let mut left = ordered.values().sum::<u64>().div_ceil(10);
        let total: i128 = ordered.iter().map(|(amount, customers)| amount * i128::from(*customers)).sum();
        let mut top = 0;
        for (amount, customers) in ordered.into_iter().rev() {
            let taken = customers.min(left);
            top += amount * i128::from(taken);
            left -= taken;
        }
        Quotient { above: Decimal::new(top, scale), below: Decimal::new(total, scale) }
    }

    /// Adds the two metrics of these names.
    pub(crate) fn add_to(&self, made: &mut Rows<'_>, [gini, top]: [&str; 2], scale: u8, currency: Option<&str>) {
        made.quotient(gini, self.gini(scale), MetricValue::Rate, currency);
        made.quotient(top, self.top_decile(scale), MetricValue::Rate, currency);
    }
}

/// Whether amounts are kept, and those kept by segment, currency and period.
#[derive(Debug, Default)]
pub(crate) enum Spreads {
    /// Nobody asks for them.
    #[default]
    Unwanted,
    /// What there is, and how many different amounts.
    Kept(BySegment<(u32, i32), Spread>, usize),
    /// There are more different amounts than are kept.
    TooMany,
}

impl Spreads {
    pub(crate) fn wanted() -> Self {
        Spreads::Kept(BySegment::default(), 0)
    }

    /// Takes a life in: in each currency and period what its activity brings together.
    pub(crate) fn add(&mut self, plan: &Plan<'_>, life: &Member<'_>) {
        let Spreads::Kept(kept, amounts) = self else { return };
        let mut end = |currency: u32, period: i32, amount: i128| {
            *amounts += usize::from(kept.at(life.segment, (currency, period)).count(amount));
        };
        // The period at hand of each currency: few lives have more than one.
        let mut open: Vec<(u32, i32, i128)> = Vec::new();
        for event in life.events {
            let Some(value) = event.value else { continue };
            let period = plan.units.cohort(event.unit);
            match open.iter_mut().find(|(currency, ..)| *currency == event.currency) {
                Some((_, at, sum)) if *at == period => *sum += i128::from(value),
                Some((currency, at, sum)) => {
                    end(*currency, *at, *sum);
                    (*at, *sum) = (period, value.into());
                }
                None => open.push((event.currency, period, value.into())),
            }
        }
        open.into_iter().for_each(|(currency, period, amount)| end(currency, period, amount));
        if *amounts > MOST_AMOUNTS {
            *self = Spreads::TooMany;
        }
    }

    pub(crate) fn segments(&self) -> Vec<SegmentId> {
        if let Spreads::Kept(kept, _) = self { kept.segments() } else { Vec::new() }
    }

    pub(crate) fn join(&mut self, other: Self, numbers: &Renumbering) {
        match (&mut *self, other) {
            (Spreads::Kept(kept, amounts), Spreads::Kept(theirs, _)) => {
                for ((segment, (currency, period)), spread) in theirs.0 {
                    kept.at(numbers.segment(segment), (numbers.currency(currency), period)).add(&spread);
                }
                // Of all threads together, so that their number has no say.
                *amounts = kept.0.values().map(|spread| spread.0.len()).sum();
                if *amounts > MOST_AMOUNTS {
                    *self = Spreads::TooMany;
                }
            }
            (Spreads::Unwanted, Spreads::Unwanted) => {}
            _ => *self = Spreads::TooMany,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(amounts: &[i128]) -> Spread {
        let mut spread = Spread::default();
        amounts.iter().for_each(|amount| {
            spread.count(*amount);
        });
        spread
    }

    #[test]
    fn worked_examples() {
        // 10, 20, 30, 40: Σ (2i − 5) x = −30 − 20 + 30 + 120 = 100, over 4 × 100.
        assert_eq!(of(&[30, 10, 40, 20]).gini(0).value(), Some(0.25));
        // One of four brings all: (n − 1) / n; all bring the same: 0; a refund counts as nothing.
        assert_eq!(of(&[0, 0, -7, 80]).gini(0).value(), Some(0.75));
        assert_eq!(of(&[5, 5, 5]).gini(0).value(), Some(0.0));
        assert_eq!(of(&[0, -1]).gini(0).value(), None);
        // Of eleven customers two are the top tenth.
        let spread = of(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 31, 60]);
        assert_eq!(spread.top_decile(0).value(), Some(0.91));
        assert_eq!(of(&[5, 5]).top_decile(0).value(), Some(0.5));
    }
}
