//! The rows of a slice.

use std::ops::Range;

use crate::chance::Key;
use crate::clock::Clock;
use crate::customers::{Customers, Traits};
use crate::events::Events;
use crate::kinds::Kind;
use crate::month::{Cell, Month, stretches};
use crate::odds::Odds;

// Draws of a cell, beyond those of its events.
const PRICES: u64 = 1 << 33;

/// A row of the output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Microseconds since 1970.
    pub(crate) time: i64,
    pub(crate) customer: u32,
    /// Place among the events of the same customer and month.
    place: u32,
    /// Amount in cents; 0 stands for none.
    pub(crate) cents: i32,
    pub(crate) kind: Kind,
    pub(crate) traits: Traits,
}

/// Draws the rows of a month whose quantile of the month's activity is in `within`, in order.
pub(crate) struct Drawing<'a> {
    pub(crate) customers: &'a Customers,
    pub(crate) odds: &'a Odds,
    pub(crate) clock: &'a Clock,
    pub(crate) month: &'a Month,
    pub(crate) within: Range<u64>,
}

impl Drawing<'_> {
    /// Appends the rows in time order, those of the same instant in the order of customers.
    pub(crate) fn draw(&self, rows: &mut Vec<Row>) {
        let start = rows.len();
        let stretches = stretches(self.within.clone());
        for cell in self.month.cells() {
            if cell.stretches & stretches != 0 {
                self.draw_cell(cell, rows);
            }
        }
        rows[start..].sort_unstable_by_key(|row| (row.time, u64::from(row.customer) << 32 | u64::from(row.place)));
    }

    fn draw_cell(&self, cell: Cell, rows: &mut Vec<Row>) {
        let traits = self.customers.traits(cell.customer);
        let mix = &self.odds.mixes[traits.tier()];
        let birth = self.month.birth(cell.customer);
        let mut add = |place, quantile, kind, cents| {
            let time = self.clock.instant(quantile);
            rows.push(Row { time, customer: cell.customer, place, cents, kind, traits });
        };
        if let Some(birth) = birth
            && self.within.contains(&birth)
        {
            add(0, birth, Kind::Signup, 0);
        }
        let key = self.customers.cell_key(cell.customer, self.month.index);
        for event in Events::new(key, mix, cell.events, birth.unwrap_or(0)) {
            if self.within.contains(&event.quantile) {
                let (kind, cents) = match event.refund {
                    true => (Kind::Refund, -price(key, event.number - 1, traits)),
                    false => match mix.kind(event.choice) {
                        Kind::Purchase => (Kind::Purchase, price(key, event.number, traits)),
                        kind => (kind, 0),
                    },
                };
                add(event.number + 1, event.quantile, kind, cents);
            }
        }
    }
}

fn price(key: Key, number: u32, traits: Traits) -> i32 {
    let draw = PRICES + 2 * u64::from(number);
    traits.plan().price(traits.country(), key.draw(draw), key.draw(draw + 1))
}
