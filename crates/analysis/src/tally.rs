//! Members counted into cohorts.

use tenure_model::{Age, AgeRange, Criterion, Day, Instant};

use crate::assembly::MOST_CELLS;
use crate::clock::Exposure;
use crate::counts::{Counts, Group};
use crate::life::Fate;
use crate::plan::Plan;
use crate::query::Measure;
use crate::walk::{Member, NO_CURRENCY, Numbering, Sink};

impl Sink for Counts {
    fn add(&mut self, plan: &Plan<'_>, names: &mut Numbering, member: &Member<'_>) {
        // Which segments are the largest is known also where there are too many to be shown.
        self.count_member(member.segment, member.customer);
        if self.too_many {
            return;
        }
        let last = plan.last_age();
        self.watch_size(member.exposure.begun, plan.asked_count(), MOST_CELLS);
        let group = self.group((member.birth.cohort, member.segment));
        if member.is_own {
            group.add_member(member.exposure);
        } else {
            group.size += 1;
        }
        for &(from, to) in member.ranges {
            if last.is_some_and(|last| from > last) {
                continue;
            }
            group.retained.add(from, to, 1);
            if let Some((from, to)) = lived_part(plan, member.exposure, from, to) {
                group.retained_exposed.add(from, Some(to), 1);
            }
        }
        match plan.query.measure {
            Measure::Customers => {}
            Measure::Events => member.valued().for_each(|(age, _)| group.events.add(age, 1)),
            Measure::Value => {
                add_active(group, plan, member);
                if let Some((day, currency)) = add_values(group, plan, names, member) {
                    self.miss_rate(day, &currency);
                }
            }
        }
    }

    fn end_customer(&mut self, fate: Fate) {
        self.customers += 1;
        match fate {
            Fate::Member => self.members += 1,
            Fate::BornOutside => self.born_outside += 1,
            Fate::WithoutBirth => self.without_birth += 1,
        }
    }
}

/// The part of a range of ages, or the bracket, that a member has lived.
pub(crate) fn lived_part(plan: &Plan<'_>, exposure: Exposure, from: u32, to: Option<u32>) -> Option<(u32, u32)> {
    if let Criterion::Brackets(brackets) = &plan.rules.criterion {
        let range = brackets.ranges()[from as usize];
        return (exposure.lived > last_age_to_live(range)).then_some((from, from));
    }
    let last = exposure.lived.checked_sub(1)?;
    let to = to.map_or(last, |to| to.min(last));
    (from <= to).then_some((from, to))
}

/// The age that a member must have lived to be exposed.
pub(crate) fn last_age_to_live(range: AgeRange) -> u32 {
    range.to.unwrap_or(range.from).0
}

/// Counts a member as active at each age or bracket with activity.
fn add_active(group: &mut Group, plan: &Plan<'_>, member: &Member<'_>) {
    if let Criterion::Brackets(brackets) = &plan.rules.criterion {
        for (place, range) in brackets.ranges().iter().enumerate() {
            if member.valued().any(|(age, _)| range.contains(Age(age))) {
                group.active.add(place as u32, 1);
            }
        }
        return;
    }
    let mut last = None;
    for (age, _) in member.valued() {
        if last.replace(age) != Some(age) {
            group.active.add(age, 1);
        }
    }
}

/// Adds a member's amounts. Returns the first rate of exchange that is not there.
fn add_values(group: &mut Group, plan: &Plan<'_>, names: &mut Numbering, member: &Member<'_>) -> Option<(Day, String)> {
    let mut missing: Option<(Day, String)> = None;
    let converted = plan.query.rates.as_ref().map(|rates| {
        let target = rates.target.as_deref().map_or(NO_CURRENCY, |target| names.currency(target));
        (rates, target)
    });
    for (age, event) in member.valued() {
        let currency = converted.map_or(event.currency, |(_, target)| target);
        let Some(units) = event.value else {
            if currency == NO_CURRENCY && converted.is_none() {
                group.unpriced.add(age, 1);
            } else {
                let money = group.money(currency);
                money.events.add(age, 1);
                money.missing.add(age, 1);
            }
            continue;
        };
        let mut total = i128::from(units);
        if let Some((rates, _)) = converted {
            let day = if plan.needs_time() { plan.units.zone().day_of(Instant(event.at)) } else { plan.units.day(event.unit) };
            let name = names.currency_name(event.currency).unwrap_or_default();
            let Some(rate) = rates.units(day, name) else {
                let miss = (day, name.to_owned());
                missing = Some(missing.map_or(miss.clone(), |first| first.min(miss)));
                continue;
            };
            total *= rate;
        }
        let money = group.money(currency);
        money.events.add(age, 1);
        money.total.add(age, total);
    }
    missing
}
