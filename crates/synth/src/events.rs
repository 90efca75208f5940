//! What a customer does in a month.

use std::ops::Range;

use crate::chance::{Key, UNIT, share_of, unit};
use crate::kinds::Mix;

/// The least time from a purchase to its refund, as a share of the month's activity: more than a second at the
/// liveliest hour.
const REFUND_DELAY: u64 = UNIT >> 20;

// Draws of a cell: the one before these decides the activity.
const EVENTS: u64 = 1;

/// An event of a cell before its details.
pub(crate) struct Event {
    pub(crate) number: u32,
    pub(crate) quantile: u64,
    pub(crate) choice: u16,
    /// Whether it takes back the event before, a purchase.
    pub(crate) refund: bool,
}

/// The events of a cell, not in time order.
pub(crate) struct Events<'a> {
    key: Key,
    mix: &'a Mix,
    numbers: Range<u32>,
    /// Nothing happens before this quantile.
    from: u64,
    /// The quantile of the event before, if a purchase early enough to be taken back.
    refundable: Option<u64>,
}

impl<'a> Events<'a> {
    pub(crate) fn new(key: Key, mix: &'a Mix, events: u32, from: u64) -> Self {
        Self { key, mix, numbers: 0..events, from, refundable: None }
    }
}

impl Iterator for Events<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let number = self.numbers.next()?;
        let draw = self.key.draw(EVENTS + u64::from(number));
        let choice = draw as u16;
        let refunded = self.refundable.take().filter(|_| self.mix.may_refund(choice));
        let from = refunded.map_or(self.from, |purchase| purchase + REFUND_DELAY);
        let quantile = from + share_of(unit(draw), UNIT - from);
        if self.mix.is_purchase(choice) && quantile < UNIT - REFUND_DELAY {
            self.refundable = Some(quantile);
        }
        Some(Event { number, quantile, choice, refund: refunded.is_some() })
    }
}
