//! Members counted into cohorts.

use tenure_model::{AgeRange, Criterion, Day, Instant};

use crate::assembly::MOST_CELLS;
use crate::clock::Exposure;
use crate::counts::Counts;
use crate::life::Fate;
use crate::plan::Plan;
use crate::query::Measure;
use crate::walk::{Member, NO_CURRENCY, Numbering, Sink};

impl Sink for Counts {
    fn add(&mut self, plan: &Plan<'_>, names: &mut Numbering, member: &Member<'_>) {
        if self.too_many {
            return;
        }
        let last = plan.last_age();
        self.watch_size(member.exposure.begun, plan.asked_count(), MOST_CELLS);
        self.count_member(member.segment, member.customer);
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
                self.add_active(plan, member);
                self.add_values(plan, names, member);
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
fn lived_part(plan: &Plan<'_>, exposure: Exposure, from: u32, to: Option<u32>) -> Option<(u32, u32)> {
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

impl Counts {
    fn add_active(&mut self, plan: &Plan<'_>, member: &Member<'_>) {
        let group = self.group((member.birth.cohort, member.segment));
        let mut ages: Vec<u32> = member.valued().map(|(age, _)| age).collect();
        ages.dedup();
        match &plan.rules.criterion {
            Criterion::Brackets(brackets) => {
                for (place, range) in brackets.ranges().iter().enumerate() {
                    if ages.iter().any(|age| range.contains(tenure_model::Age(*age))) {
                        group.active.add(place as u32, 1);
                    }
                }
            }
            _ => ages.into_iter().for_each(|age| group.active.add(age, 1)),
        }
    }

    fn add_values(&mut self, plan: &Plan<'_>, names: &mut Numbering, member: &Member<'_>) {
        let mut missing: Option<(Day, String)> = None;
        let converted = plan.query.rates.as_ref().map(|rates| {
            let target = rates.target.as_deref();
            (rates, target.map_or(NO_CURRENCY, |target| names.currency(target)))
        });
        let group = self.group((member.birth.cohort, member.segment));
        for (age, event) in member.valued() {
            let Some(units) = event.value else {
                match (event.currency, converted) {
                    (NO_CURRENCY, None) => group.unpriced.add(age, 1),
                    (_, Some((_, target))) => {
                        let money = group.money(target);
                        money.events.add(age, 1);
                        money.missing.add(age, 1);
                    }
                    (currency, None) => {
                        let money = group.money(currency);
                        money.events.add(age, 1);
                        money.missing.add(age, 1);
                    }
                }
                continue;
            };
            let (currency, units) = match converted {
                None => (event.currency, i128::from(units)),
                Some((rates, target)) => {
                    let day =
                        if plan.needs_time() { plan.units.zone().day_of(Instant(event.at)) } else { plan.units.day(event.unit) };
                    let name = names.currency_name(event.currency).unwrap_or_default();
                    match rates.units(day, name) {
                        Some(rate) => (target, i128::from(units) * rate),
                        None => {
                            let miss = (day, name.to_owned());
                            if missing.as_ref().is_none_or(|first| miss < *first) {
                                missing = Some(miss);
                            }
                            continue;
                        }
                    }
                }
            };
            let money = group.money(currency);
            money.events.add(age, 1);
            money.total.add(age, units);
        }
        if let Some((day, currency)) = missing {
            self.miss_rate(day, &currency);
        }
    }
}
