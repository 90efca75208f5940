//! One customer's life under a query: births, ages, returns.

use tenure_model::{Criterion, Instant};

use crate::clock::Exposure;
use crate::dialect::{AgeZero, FirstEverRow, FirstReturns};
use crate::plan::Plan;
use crate::query::Birth;

/// An activity, as far as queries look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    /// The instant, microseconds UTC; where days settle everything the start of the day in a zone without offset.
    pub(crate) at: i64,
    /// The local day or hour.
    pub(crate) unit: i64,
    pub(crate) value: Option<i64>,
    /// The walk's number of the currency.
    pub(crate) currency: u32,
    /// What the row says of segments.
    pub(crate) half: u32,
    pub(crate) marks: Marks,
}

/// Which selectors an activity matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) born: bool,
    pub(crate) returned: bool,
    /// Whether it has the event name of the birth selector.
    pub(crate) named: bool,
    /// Whether it is a birth row of members.
    pub(crate) member: bool,
}

/// How a customer divides among the totals; the later the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    WithoutBirth,
    BornOutside,
    Member,
}

/// A birth and the cohort it opens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Born {
    pub(crate) at: i64,
    pub(crate) unit: i64,
    pub(crate) cohort: i32,
    /// What the birth row says of segments.
    pub(crate) half: u32,
    /// Whether the birth row is one of members.
    pub(crate) member: bool,
}

/// Microseconds of a day without clock changes; the surrogate of instants where days settle everything.
pub(crate) const DAY: i64 = 86_400_000_000;

/// The births of a life, in order of time. `signed_up` is the local date of a declared one.
pub(crate) fn births(plan: &Plan<'_>, events: &[Event], signed_up: Option<i32>, found: &mut Vec<Born>) {
    found.clear();
    let born = |event: &Event| Born {
        at: event.at,
        unit: event.unit,
        cohort: plan.units.cohort(event.unit),
        half: event.half,
        member: event.marks.member,
    };
    match &plan.rules.birth {
        Birth::First => found.extend(events.iter().find(|event| event.marks.born).map(born)),
        Birth::FirstEver => {
            let first = match plan.rules.first_ever {
                FirstEverRow::OfAnyKind => events.first(),
                FirstEverRow::OfEventName => events.iter().find(|event| event.marks.named),
            };
            found.extend(first.filter(|event| event.marks.born).map(born));
        }
        Birth::Recurring => {
            for event in events.iter().filter(|event| event.marks.born) {
                let birth = born(event);
                if found.last().is_none_or(|last| last.cohort != birth.cohort) {
                    found.push(birth);
                }
            }
        }
        Birth::Declared(_) => {
            let at = signed_up.map(|date| plan.units.zone().start_of_day(tenure_model::Day(date)));
            if let Some(at) = at.filter(|at| *at < plan.until()) {
                let unit = plan.units.unit_at(at);
                let cohort = plan.units.cohort(unit);
                found.push(Born { at: at.0, unit, cohort, half: crate::segments::NOTHING, member: true });
            }
        }
    }
}

/// An activity that counts in a life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) age: u32,
    /// Its place among the life's events.
    pub(crate) event: usize,
    /// Whether it makes a member retained.
    pub(crate) returns: bool,
    /// Whether it counts as an event and with its value.
    pub(crate) valued: bool,
}

/// The activity that counts after a birth, in order of time, and how much the member has lived.
pub(crate) fn counted(plan: &Plan<'_>, events: &[Event], birth: &Born, found: &mut Vec<Counted>) -> Exposure {
    found.clear();
    let mut ages = plan.clock.start(&plan.units, Instant(birth.at), birth.unit);
    let first = events.partition_point(|event| event.at < birth.at);
    let rule = plan.rules.first_returns;
    let earlier = match rule {
        FirstReturns::InPeriod => {
            events[..first].iter().rev().take_while(|event| ages.in_birth_period(&plan.units, event.unit)).count()
        }
        FirstReturns::FromBirth | FirstReturns::AfterBirth => 0,
    };
    for (place, event) in events.iter().enumerate().skip(first - earlier).filter(|(_, event)| event.marks.returned) {
        let later = event.at > birth.at;
        let (returns, valued) = match rule {
            FirstReturns::FromBirth => (true, true),
            FirstReturns::AfterBirth => (later, later),
            FirstReturns::InPeriod => (true, later || plan.same_selectors),
        };
        if returns || valued {
            let age = if event.at < birth.at { 0 } else { ages.at(&plan.units, event.at, event.unit) };
            found.push(Counted { age, event: place, returns, valued });
        }
    }
    ages.exposure
}

/// Ages, or places of brackets, at which a member is retained: ranges whose end may be open.
pub(crate) type Ranges = Vec<(u32, Option<u32>)>;

/// Where a member is retained. `runs` are the ages with returns and how many there are, ascending.
pub(crate) fn retained(plan: &Plan<'_>, runs: &[(u32, u32)], ranges: &mut Ranges) {
    ranges.clear();
    let least = plan.query.min_returns;
    let enough = |(age, returns): &(u32, u32)| (*returns >= least).then_some(*age);
    match &plan.rules.criterion {
        Criterion::On => ranges.extend(runs.iter().filter_map(enough).map(|age| (age, Some(age)))),
        Criterion::OnOrAfter => ranges.extend(runs.iter().rev().find_map(enough).map(|last| (0, Some(last)))),
        Criterion::OnOrBefore => {
            let mut sum = 0;
            let reached = runs.iter().find(|(_, returns)| {
                sum += returns;
                sum >= least
            });
            ranges.extend(reached.map(|(age, _)| (*age, None)));
        }
        Criterion::Streak => {
            let unbroken = runs.iter().enumerate().take_while(|(place, run)| enough(run) == Some(*place as u32)).count();
            ranges.extend((unbroken > 0).then(|| (0, Some(unbroken as u32 - 1))));
        }
        Criterion::Brackets(brackets) => {
            for (place, range) in brackets.ranges().iter().enumerate() {
                let inside = runs.iter().filter(|(age, _)| range.contains(tenure_model::Age(*age)));
                let is_retained = match range.to {
                    Some(_) => inside.map(|(_, returns)| returns).sum::<u32>() >= least,
                    // An open bracket is on-or-after its first age.
                    None => inside.filter_map(enough).next().is_some(),
                };
                let everyone = plan.rules.age_zero == AgeZero::Everyone && range.from.0 == 0;
                if is_retained || everyone {
                    ranges.push((place as u32, Some(place as u32)));
                }
            }
            return;
        }
    }
    let at_zero = match plan.rules.age_zero {
        AgeZero::Criterion => return,
        AgeZero::InPeriod => runs.first().is_some_and(|run| enough(run) == Some(0)),
        AgeZero::Everyone => true,
    };
    set_age_zero(ranges, at_zero);
}

/// Says of age 0 whether the member is retained there, whatever the ranges say.
fn set_age_zero(ranges: &mut Ranges, retained: bool) {
    if let Some((from, to)) = ranges.first().copied().filter(|(from, _)| *from == 0) {
        debug_assert_eq!(from, 0);
        if to == Some(0) {
            ranges.remove(0);
        } else {
            ranges[0].0 = 1;
        }
    }
    if retained {
        ranges.insert(0, (0, Some(0)));
    }
}

/// The ages of activity that makes a member retained, and how often.
pub(crate) fn runs<'a>(counted: impl Iterator<Item = &'a Counted>, found: &mut Vec<(u32, u32)>) {
    found.clear();
    for activity in counted.filter(|activity| activity.returns) {
        match found.last_mut() {
            Some((age, returns)) if *age == activity.age => *returns += 1,
            _ => found.push((activity.age, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_zero_is_said_apart() {
        let set = |mut ranges: Ranges, retained| {
            set_age_zero(&mut ranges, retained);
            ranges
        };
        assert_eq!(set(vec![(0, Some(4))], false), [(1, Some(4))]);
        assert_eq!(set(vec![(0, Some(4))], true), [(0, Some(0)), (1, Some(4))]);
        assert_eq!(set(vec![(0, Some(0)), (3, Some(3))], false), [(3, Some(3))]);
        assert_eq!(set(vec![(0, None)], false), [(1, None)]);
        assert_eq!(set(vec![(2, Some(2))], true), [(0, Some(0)), (2, Some(2))]);
    }
}
