//! Where recurring revenue comes from: subscription spans, or activity that is charged again and again.

use tenure_history::{History, Part};
use tenure_model::{DIVISION_SCALE, Decimal, Instant, Period, Rolling, Table};

use crate::error::Error;
use crate::life::Event;
use crate::lives::{BySegment, Counter, LifeSegments, Tally, tally};
use crate::plan::Plan;
use crate::revenue::spans::{Left, Paid, SPAN_COLUMNS, SpanReader, Subscriber, monthly};
use crate::segments::SegmentId;
use crate::table_segments::TableSegments;
use crate::walk::{Member, Numbering, Renumbering};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// How late a charge may be and still continue the one before, in days, where nothing is said.
pub const DEFAULT_GRACE: u32 = 7;

/// Activity that is recurring revenue, where there are no subscription spans: each charge pays for one interval from its
/// instant on. Where a further charge in its currency comes within the grace of that end, early or late, it goes on until then (each
/// renews one, the nearest); while the grace is not over it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charges {
    /// Which activity is one: a SQL condition over columns.
    pub condition: String,
    /// What each pays for.
    pub interval: Period,
    /// How many days late a charge may be. Default: [`DEFAULT_GRACE`].
    pub grace: u32,
}

/// What subscribers add up to.
pub(crate) trait Account: Default + Send {
    /// The segments that it has numbers of.
    fn segments(&self) -> Vec<SegmentId>;

    /// Adds what another thread has added up.
    fn join(&mut self, other: Self, numbers: &Renumbering);
}

impl<C: Counter> Account for BySegment<i32, C> {
    fn segments(&self) -> Vec<SegmentId> {
        BySegment::segments(self)
    }

    fn join(&mut self, other: Self, numbers: &Renumbering) {
        BySegment::join(self, other, numbers);
    }
}

/// Counters by segment, currency and period.
#[derive(Debug)]
pub(crate) struct ByCurrency<C>(pub(crate) BySegment<(u32, i32), C>);

impl<C> Default for ByCurrency<C> {
    fn default() -> Self {
        Self(BySegment::default())
    }
}

impl<C: Counter> Account for ByCurrency<C> {
    fn segments(&self) -> Vec<SegmentId> {
        self.0.segments()
    }

    fn join(&mut self, other: Self, numbers: &Renumbering) {
        for ((segment, (currency, period)), counter) in other.0.0 {
            self.0.at(numbers.segment(segment), (numbers.currency(currency), period)).add(&counter);
        }
    }
}

/// An account of all subscribers, the names it knows segments and currencies by, and what is no recurring revenue.
pub(crate) struct Accounted<S> {
    pub(crate) account: S,
    pub(crate) names: Numbering,
    pub(crate) left: Left,
}

/// Tells all subscribers of subscription spans, one by one, to accounts, and adds these up.
pub(crate) fn account_spans<S: Account>(
    history: &History,
    segments: &TableSegments,
    until: Instant,
    each: impl Fn(&mut S, &Numbering, &Subscriber) -> Result<(), Error> + Sync,
) -> Result<Accounted<S>, Error> {
    let states = segments.scan(history, Table::Subscriptions, &SPAN_COLUMNS).fold_parts(
        segments.need_customers(),
        || vec![<(SpanReader, S)>::default()],
        |states: &mut Vec<(SpanReader, S)>, part: Part<'_>| {
            states.iter_mut().try_for_each(|(reader, account)| {
                for (_, subscriber) in reader.step(segments, until.0, part)? {
                    each(account, &reader.names, &subscriber)?;
                }
                Ok::<(), Error>(())
            })
        },
        |mut states, others| {
            states.extend(others);
            states
        },
    )?;
    let mut sum = Accounted { account: S::default(), names: Numbering::default(), left: Left::default() };
    for (reader, account) in states {
        let numbers = sum.names.take_in(&reader.names, account.segments());
        sum.account.join(account, &numbers);
        sum.left.add(&reader.left);
    }
    Ok(sum)
}

/// The same of charges: the activity that a plan lets exist.
pub(crate) fn account_charges<S: Account>(
    history: &History,
    plan: &Plan<'_>,
    by: LifeSegments,
    charges: &Charges,
    each: impl Fn(&mut S, &Numbering, &Subscriber) -> Result<(), Error> + Sync + Send,
) -> Result<Accounted<S>, Error> {
    let rolling = Rolling::new(charges.interval, plan.units.zone().clone());
    let start =
        || ChargeTally { charges, rolling: &rolling, each: &each, account: S::default(), left: Left::default(), error: None };
    let tallied = tally(history, plan, by, start)?;
    match tallied.tally.error {
        Some(error) => Err(error),
        None => Ok(Accounted { account: tallied.tally.account, names: tallied.names, left: tallied.tally.left }),
    }
}

struct ChargeTally<'a, S, F> {
    charges: &'a Charges,
    rolling: &'a Rolling,
    each: &'a F,
    account: S,
    left: Left,
    /// What the first customer failed of.
    error: Option<Error>,
}

impl<S: Account, F: Fn(&mut S, &Numbering, &Subscriber) -> Result<(), Error> + Sync> ChargeTally<'_, S, F> {
    fn subscriber(&mut self, plan: &Plan<'_>, life: &Member<'_>) -> Result<Subscriber, Error> {
        let mut found = Subscriber::default();
        let grace = i64::from(self.charges.grace) * DAY;
        let ends: Vec<i64> = life.events.iter().map(|event| self.rolling.since(Instant(event.at)).instant(1).0).collect();
        let renewed = renewals(life.events, &ends, grace);
        for (place, event) in life.events.iter().enumerate() {
            let Some(units) = event.value else {
                self.left.without_amount += 1;
                continue;
            };
            if units <= 0 {
                self.left.negative += u64::from(units < 0);
                self.left.free += u64::from(units == 0);
                continue;
            }
            let amount = Decimal::new(units.into(), plan.scale);
            let mrr = monthly(amount, Decimal::new(1, 0), self.charges.interval).and_then(|mrr| mrr.at_scale(DIVISION_SCALE));
            let mrr = mrr.ok_or_else(|| Error::query(format!("a charge of {amount} has too many digits to add up")))?;
            let to = match renewed[place] {
                Some(next) => life.events[next].at,
                // Whether it is renewed is open, so it goes on so far.
                None if ends[place].saturating_add(grace) > plan.until().0 => i64::MAX,
                None => ends[place],
            };
            let (currency, segment) = (event.currency, life.segment);
            found.paid.push(Paid { from: event.at, to, mrr: mrr.units(), currency, segment, interval: self.charges.interval });
        }
        Ok(found)
    }
}

/// Which later charge renews each: one in its currency within the grace of its end, the nearest; each renews one, first of those
/// with the same amount.
fn renewals(events: &[Event], ends: &[i64], grace: i64) -> Vec<Option<usize>> {
    let mut renewed = vec![None; events.len()];
    let mut taken = vec![false; events.len()];
    let is_charge = |event: &Event| event.value.is_some_and(|value| value > 0);
    for same_amount in [true, false] {
        for (place, event) in events.iter().enumerate().filter(|(_, event)| is_charge(event)) {
            if renewed[place].is_some() {
                continue;
            }
            let end = ends[place];
            let from = events.partition_point(|next| next.at < end.saturating_sub(grace)).max(place + 1);
            let near = events.iter().enumerate().skip(from).take_while(|(_, next)| next.at <= end.saturating_add(grace));
            let fits = near.filter(|(at, next)| {
                is_charge(next) && !taken[*at] && next.currency == event.currency && (!same_amount || next.value == event.value)
            });
            if let Some((at, _)) = fits.min_by_key(|(_, next)| (next.at - end).abs()) {
                (renewed[place], taken[at]) = (Some(at), true);
            }
        }
    }
    renewed
}

impl<S: Account, F: Fn(&mut S, &Numbering, &Subscriber) -> Result<(), Error> + Sync> Tally for ChargeTally<'_, S, F> {
    fn add(&mut self, plan: &Plan<'_>, names: &mut Numbering, life: &Member<'_>) {
        if self.error.is_some() {
            return;
        }
        let told = self.subscriber(plan, life).and_then(|subscriber| (self.each)(&mut self.account, names, &subscriber));
        self.error = told.err();
    }

    fn segments(&self) -> Vec<SegmentId> {
        self.account.segments()
    }

    fn join(&mut self, other: Self, numbers: &Renumbering) {
        self.account.join(other.account, numbers);
        self.left.add(&other.left);
        self.error = self.error.take().or(other.error);
    }
}
