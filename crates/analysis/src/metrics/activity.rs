//! What activity says of periods.

use std::sync::Arc;

use tenure_model::{Day, Periods};

use crate::lives::{BySegment, Counter, Tally};
use crate::metrics::concentration::Spreads;
use crate::plan::Plan;
use crate::segments::SegmentId;
use crate::walk::{Member, Numbering, Renumbering};

/// Customers of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Customers {
    pub(crate) active: u64,
    pub(crate) new: u64,
    /// Active customers of each day, added up.
    pub(crate) days: u64,
    /// Active customers of each week that starts in the period, added up.
    pub(crate) weeks: u64,
    /// By how many days lives have become longer, from first to last activity so far.
    pub(crate) lived_days: u64,
    pub(crate) heads: Heads,
}

/// Customers at the start and the end of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Heads {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) first_time: u64,
    pub(crate) reactivated: u64,
    pub(crate) lost: u64,
    pub(crate) joined_and_left: u64,
}

impl Heads {
    /// Counts a customer who was one at the start and at the end or not, came into being inside, or was seen inside at all.
    pub(crate) fn count(&mut self, at_start: bool, at_end: bool, first_inside: bool, inside: bool) {
        self.start += u64::from(at_start);
        self.end += u64::from(at_end);
        self.lost += u64::from(at_start && !at_end);
        self.first_time += u64::from(!at_start && at_end && first_inside);
        self.reactivated += u64::from(!at_start && at_end && !first_inside);
        self.joined_and_left += u64::from(!at_start && !at_end && inside);
    }
}

impl Counter for Heads {
    fn add(&mut self, other: &Self) {
        self.start += other.start;
        self.end += other.end;
        self.first_time += other.first_time;
        self.reactivated += other.reactivated;
        self.lost += other.lost;
        self.joined_and_left += other.joined_and_left;
    }
}

impl Counter for Customers {
    fn add(&mut self, other: &Self) {
        self.active += other.active;
        self.new += other.new;
        self.days += other.days;
        self.weeks += other.weeks;
        self.lived_days += other.lived_days;
        self.heads.add(&other.heads);
    }
}

/// Amounts of a period in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amounts {
    /// In units of the history's scale.
    pub(crate) revenue: i128,
    /// That of customers whose first activity was before the period.
    pub(crate) existing: i128,
    pub(crate) purchases: u64,
    pub(crate) purchasers: u64,
    pub(crate) repeat_within: u64,
    pub(crate) repeat_ever: u64,
}

impl Counter for Amounts {
    fn add(&mut self, other: &Self) {
        self.revenue += other.revenue;
        self.existing += other.existing;
        self.purchases += other.purchases;
        self.purchasers += other.purchasers;
        self.repeat_within += other.repeat_within;
        self.repeat_ever += other.repeat_ever;
    }
}

/// What a pass needs beside the plan.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// For how many local days activity makes a customer; nothing where heads are not counted.
    pub(crate) active_within: Option<u32>,
    pub(crate) weeks: Periods,
    /// The first local day of each period, and behind them the day after the window: boundaries by period number from `first`.
    pub(crate) first: i32,
    pub(crate) boundaries: Vec<i32>,
    /// Whether somebody asks how unevenly revenue is spread.
    pub(crate) concentration: bool,
}

/// What activity adds up to.
#[derive(Debug, Default)]
pub(crate) struct ActivityTally {
    pub(crate) customers: BySegment<i32, Customers>,
    pub(crate) amounts: BySegment<(u32, i32), Amounts>,
    pub(crate) spreads: Spreads,
    rules: Option<Arc<Rules>>,
    scratch: Vec<i64>,
}

impl Tally for ActivityTally {
    fn add(&mut self, plan: &Plan<'_>, _: &mut Numbering, life: &Member<'_>) {
        let Some(first) = life.events.first() else { return };
        let Some(rules) = self.rules.clone() else { return };
        let segment = life.segment;
        let mut days = std::mem::take(&mut self.scratch);
        days.clear();
        days.extend(life.events.iter().map(|event| event.unit));
        days.dedup();
        let (mut last_period, mut last_week, mut last_day) = (None, None, first.unit);
        for &day in &days {
            let period = plan.units.cohort(day);
            let week = rules.weeks.number_of_day(Day(day as i32));
            let here = self.customers.at(segment, period);
            here.days += 1;
            here.lived_days += (day - last_day) as u64;
            last_day = day;
            if last_period.replace(period) != Some(period) {
                here.active += 1;
            }
            if last_week.replace(week) != Some(week) {
                let start = plan.units.cohort(rules.weeks.first_day(week).0.into());
                self.customers.at(segment, start).weeks += 1;
            }
        }
        let born = plan.units.cohort(first.unit);
        self.customers.at(segment, born).new += 1;
        if let Some(within) = rules.active_within {
            self.heads(&rules, segment, &days, i64::from(within), born, |day| plan.units.cohort(day));
        }
        self.scratch = days;
        self.purchases(plan, life, born);
        self.spreads.add(plan, life);
    }

    fn segments(&self) -> Vec<SegmentId> {
        let mut ids = self.customers.segments();
        ids.extend(self.amounts.segments());
        ids.extend(self.spreads.segments());
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn join(&mut self, other: Self, numbers: &Renumbering) {
        self.customers.join(other.customers, numbers);
        self.spreads.join(other.spreads, numbers);
        for ((segment, (currency, period)), amounts) in other.amounts.0 {
            self.amounts.at(numbers.segment(segment), (numbers.currency(currency), period)).add(&amounts);
        }
    }
}

impl ActivityTally {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        let spreads = if rules.concentration { Spreads::wanted() } else { Spreads::default() };
        Self { rules: Some(rules), spreads, ..Self::default() }
    }

    /// Who is a customer at the boundaries of periods: who was active within so many days before.
    fn heads(&mut self, rules: &Rules, segment: SegmentId, days: &[i64], within: i64, born: i32, period_of: impl Fn(i64) -> i32) {
        let (Some(&first), Some(&last)) = (days.first(), days.last()) else { return };
        let at = |boundary: i64| {
            let before = days.partition_point(|day| *day < boundary);
            before > 0 && days[before - 1] >= boundary - within
        };
        let periods = rules.boundaries.len() as i32 - 1;
        let mut at_start: Option<bool> = None;
        for place in 0..periods {
            let (start, end) = (i64::from(rules.boundaries[place as usize]), i64::from(rules.boundaries[place as usize + 1]));
            if end <= first {
                continue;
            }
            if start > last + within {
                break;
            }
            let number = rules.first + place;
            let here = at_start.unwrap_or_else(|| at(start));
            let there = at(end);
            let inside = days.partition_point(|day| *day < start) < days.partition_point(|day| *day < end);
            debug_assert!(!inside || period_of(first) <= number);
            self.customers.at(segment, number).heads.count(here, there, born == number, inside);
            at_start = Some(there);
        }
    }

    fn purchases(&mut self, plan: &Plan<'_>, life: &Member<'_>, born: i32) {
        // How many purchases there were so far, and in the period at hand, by currency: few have more than one.
        let mut seen: Vec<(u32, i32, u64, u64)> = Vec::new();
        for event in life.events {
            let Some(value) = event.value else { continue };
            let period = plan.units.cohort(event.unit);
            let amounts = self.amounts.at(life.segment, (event.currency, period));
            amounts.revenue += i128::from(value);
            if born < period {
                amounts.existing += i128::from(value);
            }
            if value <= 0 {
                continue;
            }
            amounts.purchases += 1;
            let place = match seen.iter().position(|(currency, ..)| *currency == event.currency) {
                Some(place) => place,
                None => {
                    seen.push((event.currency, period, 0, 0));
                    seen.len() - 1
                }
            };
            let (_, last, within, ever) = &mut seen[place];
            if *last != period {
                (*last, *within) = (period, 0);
            }
            *within += 1;
            *ever += 1;
            match *within {
                1 => {
                    amounts.purchasers += 1;
                    amounts.repeat_ever += u64::from(*ever > 1);
                }
                2 => {
                    amounts.repeat_within += 1;
                    // The first of the period was the first of all: now there are two.
                    amounts.repeat_ever += u64::from(*ever == 2);
                }
                _ => {}
            }
        }
    }
}
