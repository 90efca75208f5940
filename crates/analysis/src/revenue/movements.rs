//! How recurring revenue moves from one period's end to the next.

use crate::counts::WHOLE;
use crate::lives::Counter;
use crate::revenue::spans::Paid;
use crate::segments::SegmentId;

/// Movements of recurring revenue, in units of the 6th decimal, and of the customers who pay it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Movements {
    pub(crate) opening: i128,
    pub(crate) new: i128,
    pub(crate) reactivation: i128,
    pub(crate) expansion: i128,
    pub(crate) contraction: i128,
    pub(crate) churn: i128,
    pub(crate) fx: i128,
    pub(crate) transfer_in: i128,
    pub(crate) transfer_out: i128,
    pub(crate) closing: i128,
    pub(crate) customers: CustomerCounts,
}

/// Paying customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CustomerCounts {
    /// Those who pay at the start.
    pub opening: u64,
    /// Those who pay at the end, not at the start, and never before.
    pub new: u64,
    /// Those who pay at the end, not at the start, but had paid before.
    pub reactivated: u64,
    /// Those who pay at both, and more at the end.
    pub expanded: u64,
    /// Those who pay at both, and less at the end.
    pub contracted: u64,
    /// Those who pay at the start and not at the end.
    pub churned: u64,
    /// Those who pay at the end.
    pub closing: u64,
}

impl Counter for Movements {
    fn add(&mut self, other: &Self) {
        self.opening += other.opening;
        self.new += other.new;
        self.reactivation += other.reactivation;
        self.expansion += other.expansion;
        self.contraction += other.contraction;
        self.churn += other.churn;
        self.fx += other.fx;
        self.transfer_in += other.transfer_in;
        self.transfer_out += other.transfer_out;
        self.closing += other.closing;
        let (mine, theirs) = (&mut self.customers, &other.customers);
        mine.opening += theirs.opening;
        mine.new += theirs.new;
        mine.reactivated += theirs.reactivated;
        mine.expanded += theirs.expanded;
        mine.contracted += theirs.contracted;
        mine.churned += theirs.churned;
        mine.closing += theirs.closing;
    }
}

impl Movements {
    /// opening + new + reactivation + expansion − contraction − churn ± fx (+ transfers) = closing.
    pub(crate) fn holds(&self) -> bool {
        let gained = self.new + self.reactivation + self.expansion + self.transfer_in;
        self.opening + gained + self.fx - self.contraction - self.churn - self.transfer_out == self.closing
    }
}

/// What a customer pays a month in a segment at two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) segment: SegmentId,
    /// At the start, at the rate of the start.
    pub(crate) opening: i128,
    /// What is paid at the end at the rate of the start: differs with rates of exchange alone. That of the end where nothing was
    /// paid at the start.
    pub(crate) closing_at_start: i128,
    pub(crate) closing: i128,
}

/// Divides the change of one customer's revenue in one currency into movements, of the whole and of each segment.
///
/// `changes` have a segment each, in the order of results. What moves between segments is a transfer as far as losses in some
/// meet gains in others: of several that gain the first are filled by transfers first, of several that lose the first give
/// first. `paid_before` says whether the customer has paid at any moment before the period.
pub(crate) fn divide(changes: &[Change], paid_before: bool, mut each: impl FnMut(SegmentId, &Movements)) {
    let sum = |of: fn(&Change) -> i128| changes.iter().map(of).sum::<i128>();
    let (opening, at_start, closing) = (sum(|c| c.opening), sum(|c| c.closing_at_start), sum(|c| c.closing));
    if opening == 0 && closing == 0 {
        return;
    }
    let mut whole = Movements { opening, closing, fx: closing - at_start, ..Movements::default() };
    // At the rate of the start, so that what is lost is never more than there was.
    let delta = at_start - opening;
    let stays = opening > 0 && closing > 0;
    match (opening > 0, closing > 0) {
        (true, true) if delta > 0 => whole.expansion = delta,
        (true, true) => whole.contraction = -delta,
        (true, false) => whole.churn = -delta,
        (false, _) if paid_before => whole.reactivation = delta,
        (false, _) => whole.new = delta,
    }
    whole.customers = CustomerCounts {
        opening: u64::from(opening > 0),
        new: u64::from(opening == 0 && !paid_before),
        reactivated: u64::from(opening == 0 && paid_before),
        expanded: u64::from(stays && delta > 0),
        contracted: u64::from(stays && delta < 0),
        churned: u64::from(closing == 0),
        closing: u64::from(closing > 0),
    };
    each(WHOLE, &whole);
    let lost: i128 = changes.iter().map(|c| (c.opening - c.closing_at_start).max(0)).sum();
    let gained: i128 = changes.iter().map(|c| (c.closing_at_start - c.opening).max(0)).sum();
    let moved = if stays { lost.min(gained) } else { 0 };
    let (mut to_give, mut to_take) = (moved, moved);
    for change in changes.iter().filter(|change| change.segment != WHOLE) {
        let mut part = Movements {
            opening: change.opening,
            closing: change.closing,
            fx: change.closing - change.closing_at_start,
            ..Movements::default()
        };
        let delta = change.closing_at_start - change.opening;
        if delta >= 0 {
            let taken = delta.min(to_take);
            to_take -= taken;
            part.transfer_in = taken;
            match (stays, opening > 0, paid_before) {
                (true, ..) => part.expansion = delta - taken,
                (_, false, true) => part.reactivation = delta,
                (_, false, false) => part.new = delta,
                // Nobody gains in one segment who leaves them all.
                (false, true, _) => debug_assert_eq!(delta, 0),
            }
        } else {
            let given = (-delta).min(to_give);
            to_give -= given;
            part.transfer_out = given;
            if stays {
                part.contraction = -delta - given;
            } else {
                part.churn = -delta;
            }
        }
        let (here, there) = (change.opening > 0, change.closing > 0);
        part.customers = CustomerCounts {
            opening: u64::from(here),
            new: u64::from(there && whole.customers.new > 0),
            reactivated: u64::from(there && whole.customers.reactivated > 0),
            expanded: u64::from(part.expansion > 0),
            contracted: u64::from(part.contraction > 0),
            churned: u64::from(here && closing == 0),
            closing: u64::from(there),
        };
        each(change.segment, &part);
    }
}

/// The movements of a customer who pays in each currency and segment what was paid: none.
pub(crate) fn stay(paid: &[(u32, SegmentId, i128)], mut each: impl FnMut(u32, SegmentId, &Movements)) {
    let part = |mrr: i128| Movements {
        opening: mrr,
        closing: mrr,
        customers: CustomerCounts { opening: 1, closing: 1, ..CustomerCounts::default() },
        ..Movements::default()
    };
    for of_currency in paid.chunk_by(|a, b| a.0 == b.0) {
        each(of_currency[0].0, WHOLE, &part(of_currency.iter().map(|(.., mrr)| mrr).sum()));
        for &(currency, segment, mrr) in of_currency.iter().filter(|(_, segment, _)| *segment != WHOLE) {
            each(currency, segment, &part(mrr));
        }
    }
}

/// What is paid a month just before a moment, by currency and segment, each once and in order.
pub(crate) fn paid_at(paid: &[Paid], moment: i64, found: &mut Vec<(u32, SegmentId, i128)>) {
    found.clear();
    found.extend(
        paid.iter().filter(|span| span.from < moment && span.to >= moment).map(|span| (span.currency, span.segment, span.mrr)),
    );
    found.sort_unstable_by_key(|(currency, segment, _)| (*currency, *segment));
    found.dedup_by(|later, first| {
        let same = (later.0, later.1) == (first.0, first.1);
        if same {
            first.2 += later.2;
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_model::{Granularity, Period};

    fn change(segment: SegmentId, opening: i128, closing: i128) -> Change {
        Change { segment, opening, closing_at_start: closing, closing }
    }

    fn divided(changes: &[Change], paid_before: bool) -> Vec<(SegmentId, Movements)> {
        let mut found = Vec::new();
        divide(changes, paid_before, |segment, movements| found.push((segment, *movements)));
        found
    }

    #[test]
    fn a_change_of_plan_is_a_transfer_and_what_it_adds_an_expansion() {
        let found = divided(&[change(0, 50, 0), change(1, 0, 80)], true);
        assert_eq!((found[0].1.expansion, found[0].1.transfer_in), (30, 0));
        assert_eq!((found[1].1.transfer_out, found[1].1.churn, found[1].1.contraction), (50, 0, 0));
        assert_eq!((found[2].1.transfer_in, found[2].1.expansion, found[2].1.new), (50, 30, 0));
        assert!(found.iter().all(|(_, movements)| movements.holds()));
    }

    #[test]
    fn who_comes_and_who_goes() {
        let one = |opening, closing, paid_before| divided(&[change(WHOLE, opening, closing)], paid_before)[0].1;
        assert_eq!(one(0, 50, false).new, 50);
        assert_eq!(one(0, 50, true).reactivation, 50);
        assert_eq!(one(50, 0, true).churn, 50);
        assert_eq!(one(50, 20, true).contraction, 30);
        assert!(divided(&[change(WHOLE, 0, 0)], true).is_empty());
    }

    #[test]
    fn a_change_of_rates_is_no_movement_of_the_customer() {
        let found = divided(&[Change { segment: WHOLE, opening: 100, closing_at_start: 100, closing: 110 }], true);
        assert_eq!((found[0].1.fx, found[0].1.expansion, found[0].1.customers.expanded), (10, 0, 0));
        assert!(found[0].1.holds());
        // Half of it leaves while the rate is four times as high: half is lost.
        let found = divided(&[Change { segment: WHOLE, opening: 200, closing_at_start: 100, closing: 400 }], true);
        assert_eq!((found[0].1.contraction, found[0].1.fx), (100, 300));
    }

    #[test]
    fn revenue_is_that_just_before_a_moment() {
        let span = |from, to, mrr| Paid { from, to, mrr, currency: 0, segment: WHOLE, interval: Period::One(Granularity::Month) };
        let mut found = Vec::new();
        let mut at = |moment| {
            paid_at(&[span(0, 10, 5), span(5, 20, 7)], moment, &mut found);
            found.iter().map(|(.., mrr)| *mrr).sum::<i128>()
        };
        // A span that ends at a moment is paid until just before it; one that starts there is not yet.
        assert_eq!([at(0), at(1), at(5), at(6), at(10), at(11), at(20), at(21)], [0, 5, 5, 12, 12, 7, 7, 0]);
    }

    proptest::proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            amounts in proptest::collection::vec((0i128..4, 0i128..4, -1i128..2), 1..5),
            paid_before in proptest::bool::ANY,
        ) {
            let changes: Vec<Change> = (0..)
                .zip(&amounts)
                .map(|(segment, (opening, closing, fx))| {
                    let converted = *closing > 0 && amounts.iter().any(|(opening, ..)| *opening > 0);
                    let closing_at_start = if converted { (closing + fx).max(1) } else { *closing };
                    Change { segment, opening: *opening, closing_at_start, closing: *closing }
                })
                .collect();
            let found = divided(&changes, paid_before);
            let Some((_, whole)) = found.first() else { return Ok(()) };
            let mut sum = Movements::default();
            found[1..].iter().for_each(|(_, part)| sum.add(part));
            proptest::prop_assert!(found.iter().all(|(_, movements)| movements.holds()), "{found:?}");
            proptest::prop_assert_eq!(sum.transfer_in, sum.transfer_out);
            let without = |m: &Movements| Movements { transfer_in: 0, transfer_out: 0, customers: CustomerCounts::default(), ..*m };
            proptest::prop_assert_eq!(without(&sum), without(whole));
        }
    }
}
