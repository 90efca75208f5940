//! How recurring revenue is spread over those who pay it.

use std::collections::BTreeMap;

use tenure_history::History;

use crate::counts::WHOLE;
use crate::error::Error;
use crate::lives::{BySegment, Counter, SegmentPlace};
use crate::metrics::Spread;
use crate::revenue::movements::paid_at;
use crate::revenue::{Books, ByCurrency, Paid, RevenueQuery};
use crate::scope::{Frame, Scope};

/// What customers pay a month at the ends of periods, by segment, currency and period. In a segment it is what they pay there.
pub(crate) type SpreadsByPlace = BTreeMap<(SegmentPlace, Option<String>), BTreeMap<i32, Spread>>;

/// How recurring revenue is spread over those who pay it at the ends of periods.
pub(crate) fn spreads(history: &History, scope: &Scope) -> Result<(Frame, SpreadsByPlace), Error> {
    let query = RevenueQuery { scope: Scope { filter: None, ..scope.clone() }, ..RevenueQuery::default() };
    let books = Books::new(history, &query, None)?;
    let found = books.account(history, |spreads: &mut ByCurrency<Spread>, _, subscriber| {
        add(&books, &subscriber.paid, &mut spreads.0);
        Ok(())
    })?;
    let mut by_place = SpreadsByPlace::new();
    for ((segment, (currency, period)), spread) in found.account.0.0 {
        let currency = found.names.currency_name(currency).map(str::to_owned);
        let place = SegmentPlace::named(&found.names, segment);
        by_place.entry((place, currency)).or_default().entry(period).or_default().add(&spread);
    }
    Ok((books.frame, by_place))
}

/// Counts what a customer pays at each end, in each segment and together.
fn add(books: &Books<'_>, paid: &[Paid], spreads: &mut BySegment<(u32, i32), Spread>) {
    let mut at = Vec::new();
    for (place, number) in books.frame.numbers().enumerate() {
        paid_at(paid, books.moments[place + 1], &mut at);
        for same in at.chunk_by(|a, b| a.0 == b.0) {
            let currency = same[0].0;
            spreads.at(WHOLE, (currency, number)).count(same.iter().map(|(.., mrr)| mrr).sum());
            for (_, segment, mrr) in same.iter().filter(|(_, segment, _)| *segment != WHOLE) {
                spreads.at(*segment, (currency, number)).count(*mrr);
            }
        }
    }
}
