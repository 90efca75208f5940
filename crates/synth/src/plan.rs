//! A business whose customers are drawn.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::batch;
use crate::clock::Clock;
use crate::customers::Customers;
use crate::month::{Closed, Extras, Month};
use crate::odds::Odds;
use crate::rows::{Drawing, Row};
use crate::spec::Business;
use crate::truth::Truth;
use crate::user_id::UserIds;
use crate::{Error, batch::to_batch};

/// About the most rows of a [`Plan::slice`]. A month with more is cut at full hours into slices of this size, up to
/// a few per cent.
pub const MAX_SLICE_ROWS: u64 = 1 << 19;

/// A business whose customers are drawn, ready to give its rows.
///
/// The rows are cut into slices: consecutive stretches of time, none across the end of a month. The slices in
/// order hold all rows in time order, those of the same instant in the order of `uid`.
#[derive(Debug)]
pub struct Plan {
    business: Business,
    customers: Customers,
    odds: Odds,
    user_ids: UserIds,
    clocks: Vec<Clock>,
    months: Vec<Closed>,
    extras: Extras,
    slices: Vec<Slice>,
    truth: Truth,
}

#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) month: usize,
    /// Quantiles of the month's activity.
    within: Range<u64>,
    /// Rows, up to chance if the month has several slices.
    pub(crate) expected_rows: u64,
}

impl Plan {
    pub(crate) fn draw(business: Business) -> Result<Self, Error> {
        let odds = Odds::new(business.months);
        let (customers, loads) = Customers::draw(business, &odds);
        let least = loads.iter().map(|load| load.cells).sum();
        let Business { customers: number, events, seed, months } = business;
        let Some(extra) = events.checked_sub(least) else {
            return Err(Error::TooFewEvents { events, least, customers: number, months, seed });
        };
        let extras = Extras { events: extra, weight: loads.iter().map(|load| load.weight).sum() };

        let clocks: Vec<Clock> = (0..loads.len()).map(Clock::new).collect();
        let mut closed = Vec::new();
        let mut slices = Vec::new();
        let mut weight = 0;
        for (month, load) in loads.iter().enumerate() {
            let weight_before = weight;
            weight += load.weight;
            let rows = load.cells + extras.before(weight) - extras.before(weight_before);
            let cuts = clocks[month].cuts(rows.div_ceil(MAX_SLICE_ROWS).max(1));
            let pieces = cuts.len() as u64 - 1;
            let slice = |ends: &[u64]| Slice { month, within: ends[0]..ends[1], expected_rows: rows / pieces };
            slices.extend(cuts.windows(2).map(slice));
            closed.push(Closed { index: month, weight_before, is_cut: pieces > 1 });
        }
        let births = (0..loads.len()).map(|month| customers.born_in(month).len() as u64).collect();
        Ok(Self {
            business,
            customers,
            odds,
            user_ids: UserIds::new(seed),
            clocks,
            months: closed,
            extras,
            slices,
            truth: Truth::new(births),
        })
    }

    /// The number of slices.
    pub fn slices(&self) -> usize {
        self.slices.len()
    }

    /// The rows of slice `index`, in time order. A month without rows has one empty slice.
    ///
    /// Each call stands alone and may run beside others. It first finds who is active in the month, which
    /// [`write`](crate::write()) does once for all slices of a month.
    ///
    /// # Panics
    ///
    /// If there is no such slice.
    pub fn slice(&self, index: usize) -> RecordBatch {
        let mut rows = Vec::new();
        self.draw_slice(index, &self.open_month(self.slices[index].month), &mut rows);
        to_batch(&rows, &self.user_ids)
    }

    /// The number of rows of all slices: the events asked for.
    pub fn rows(&self) -> u64 {
        self.business.events
    }

    /// The number of customers, each with at least one row.
    pub fn customers(&self) -> u64 {
        self.business.customers
    }

    /// The number of calendar months.
    pub fn months(&self) -> u32 {
        self.business.months
    }

    /// What an analysis of the rows should find.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The columns of every slice.
    pub fn schema() -> SchemaRef {
        batch::schema()
    }

    pub(crate) fn user_ids(&self) -> &UserIds {
        &self.user_ids
    }

    pub(crate) fn slice_plans(&self) -> &[Slice] {
        &self.slices
    }

    pub(crate) fn open_month(&self, month: usize) -> Month {
        self.months[month].open(&self.customers, &self.odds, self.extras)
    }

    /// Appends the rows of a slice of this month.
    pub(crate) fn draw_slice(&self, index: usize, month: &Month, rows: &mut Vec<Row>) {
        let slice = &self.slices[index];
        // A little more than expected, because a second allocation would copy everything.
        rows.reserve((slice.expected_rows + slice.expected_rows / 16) as usize);
        Drawing {
            customers: &self.customers,
            odds: &self.odds,
            clock: &self.clocks[slice.month],
            month,
            within: slice.within.clone(),
        }
        .draw(rows);
    }
}
