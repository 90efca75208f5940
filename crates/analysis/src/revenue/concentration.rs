//! How recurring revenue is spread over those who pay it.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use tenure_history::{History, Part};
use tenure_model::Table;

use crate::counts::WHOLE;
use crate::error::Error;
use crate::lives::{Counter, SegmentPlace};
use crate::metrics::Spread;
use crate::revenue::movements::paid_at;
use crate::revenue::{Books, Paid, RevenueQuery, SPAN_COLUMNS, SpanReader};
use crate::scope::{Frame, Scope};
use crate::segments::SegmentId;

/// What customers pay a month at the ends of periods, by segment, currency and period. In a segment it is what they pay there.
pub(crate) type SpreadsByPlace = BTreeMap<(SegmentPlace, Option<String>), BTreeMap<i32, Spread>>;

type Found = (SpanReader, HashMap<(SegmentId, u32, i32), Spread, FixedState>);

/// How recurring revenue is spread over those who pay it at the ends of periods.
pub(crate) fn spreads(history: &History, scope: &Scope) -> Result<(Frame, SpreadsByPlace), Error> {
    let query = RevenueQuery { scope: Scope { filter: None, ..scope.clone() }, rates: None };
    let books = Books::new(history, &query)?;
    let scan = books.segments.scan(history, Table::Subscriptions, &SPAN_COLUMNS);
    let ledgers = scan.fold_parts(
        books.segments.need_customers(),
        || vec![Found::default()],
        |ledgers: &mut Vec<Found>, part: Part<'_>| {
            ledgers.iter_mut().try_for_each(|(reader, found)| {
                reader.step(&books.segments, books.frame.until.0, part, &mut |_, paid| add(&books, paid, found))
            })
        },
        |mut ledgers, others| {
            ledgers.extend(others);
            ledgers
        },
    )?;
    let mut by_place = SpreadsByPlace::new();
    for (reader, found) in ledgers {
        for ((segment, currency, period), spread) in found {
            let currency = reader.names.currency_name(currency).map(str::to_owned);
            let place = SegmentPlace::named(&reader.names, segment);
            by_place.entry((place, currency)).or_default().entry(period).or_default().add(&spread);
        }
    }
    Ok((books.frame, by_place))
}

/// Counts what a customer pays at each end, in each segment and together.
fn add(books: &Books<'_>, paid: &[Paid], found: &mut HashMap<(SegmentId, u32, i32), Spread, FixedState>) {
    let mut at = Vec::new();
    for (place, number) in books.frame.numbers().enumerate() {
        paid_at(paid, books.moments[place + 1], &mut at);
        for same in at.chunk_by(|a, b| a.0 == b.0) {
            let currency = same[0].0;
            found.entry((WHOLE, currency, number)).or_default().count(same.iter().map(|(.., mrr)| mrr).sum());
            for (_, segment, mrr) in same.iter().filter(|(_, segment, _)| *segment != WHOLE) {
                found.entry((*segment, currency, number)).or_default().count(*mrr);
            }
        }
    }
}
