//! What a walk adds up, by cohort and segment.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;
use tenure_model::Day;

use crate::clock::Exposure;
use crate::segments::SegmentId;
use crate::walk::Renumbering;

/// The cohort as a whole, where segments do not part its members.
pub(crate) const WHOLE: SegmentId = SegmentId::MAX;

/// The number of a customer that no history has.
pub(crate) const NOBODY: i64 = -1;

/// A cohort's number and a segment of it.
pub(crate) type GroupKey = (i32, SegmentId);

/// What a walk has counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    groups: HashMap<GroupKey, Group, FixedState>,
    pub(crate) customers: u64,
    pub(crate) members: u64,
    pub(crate) born_outside: u64,
    pub(crate) without_birth: u64,
    /// The first rate of exchange that was needed and is not there.
    pub(crate) missing_rate: Option<(Day, String)>,
    /// Distinct members of each segment, and the last of them.
    members_of: HashMap<SegmentId, (u64, i64), FixedState>,
    /// The most ages that have begun for anybody.
    begun: u32,
    /// Whether there are more cells than can be shown, so that counting on is for nothing.
    pub(crate) too_many: bool,
}

/// A cohort or a segment of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Group {
    pub(crate) size: u64,
    /// Members who have lived the whole of each age.
    pub(crate) exposed: Steps,
    /// The most ages that have begun for any member.
    pub(crate) begun: u32,
    pub(crate) retained: Steps,
    pub(crate) retained_exposed: Steps,
    /// Members active at each age or bracket.
    pub(crate) active: ByAge<u64>,
    /// Events by age, whatever their amounts.
    pub(crate) events: ByAge<u64>,
    /// Amounts by the walk's number of their currency.
    pub(crate) money: Vec<(u32, Money)>,
    /// Events with neither amount nor currency: missing in every currency.
    pub(crate) unpriced: ByAge<u64>,
}

/// The amounts of one currency, by age.
#[derive(Debug, Default, Clone)]
pub(crate) struct Money {
    pub(crate) events: ByAge<u64>,
    pub(crate) total: ByAge<i128>,
    pub(crate) missing: ByAge<u64>,
}

/// Counters by age or by bracket, as many as were needed.
#[derive(Debug, Default, Clone)]
pub(crate) struct ByAge<T>(Vec<T>);

impl<T: Copy + Default + std::ops::AddAssign> ByAge<T> {
    #[inline]
    pub(crate) fn add(&mut self, place: u32, amount: T) {
        let place = place as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, T::default());
        }
        self.0[place] += amount;
    }

    pub(crate) fn get(&self, place: u32) -> T {
        self.0.get(place as usize).copied().unwrap_or_default()
    }

    /// The counters of places from `from` on, up to and with `to`.
    pub(crate) fn range(&self, from: u32, to: Option<u32>) -> impl Iterator<Item = T> + '_ {
        let end = to.map_or(self.0.len(), |to| self.0.len().min(to as usize + 1));
        self.0.get((from as usize).min(end)..end).unwrap_or_default().iter().copied()
    }

    fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), T::default());
        }
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a += *b);
    }
}

/// Counters to which ranges of places are added: only where a range begins and ends is noted.
#[derive(Debug, Default, Clone)]
pub(crate) struct Steps(ByAge<i64>);

impl Steps {
    /// Adds to the places from `from` up to and with `to`, or to all from `from` on.
    #[inline]
    pub(crate) fn add(&mut self, from: u32, to: Option<u32>, amount: u64) {
        self.0.add(from, amount as i64);
        if let Some(to) = to {
            self.0.add(to + 1, -(amount as i64));
        }
    }

    /// Adds to all places from `from` on; or takes off.
    pub(crate) fn step(&mut self, from: u32, amount: i64) {
        self.0.add(from, amount);
    }

    /// The counters, the last of which holds for all places after it.
    pub(crate) fn counters(&self) -> Counters {
        let mut sum = 0;
        Counters(
            self.0
                .0
                .iter()
                .map(|step| {
                    sum += step;
                    sum as u64
                })
                .collect(),
        )
    }
}

/// Counters by place.
pub(crate) struct Counters(Vec<u64>);

impl Counters {
    pub(crate) fn get(&self, place: u32) -> u64 {
        self.0.get(place as usize).or(self.0.last()).copied().unwrap_or_default()
    }
}

impl Counts {
    /// The group of a cohort and a segment.
    pub(crate) fn group(&mut self, key: GroupKey) -> &mut Group {
        self.groups.entry(key).or_default()
    }

    /// Notes a member of a segment, who may be in several cohorts.
    pub(crate) fn count_member(&mut self, segment: SegmentId, customer: i64) {
        let (members, last) = self.members_of.entry(segment).or_insert((0, NOBODY));
        if *last != customer {
            *last = customer;
            *members += 1;
        }
    }

    /// Notes members of a segment, none of whom is in another cohort.
    pub(crate) fn count_members(&mut self, segment: SegmentId, members: u64) {
        self.members_of.entry(segment).or_insert((0, NOBODY)).0 += members;
    }

    /// Distinct members of a segment.
    pub(crate) fn members_of(&self, segment: SegmentId) -> u64 {
        self.members_of.get(&segment).map_or(0, |(members, _)| *members)
    }

    /// Gives up once there are more cells than can be shown; `asked` is the number of ages or brackets, where the query says it.
    pub(crate) fn watch_size(&mut self, begun: u32, asked: Option<u64>, most: u64) {
        self.begun = self.begun.max(begun);
        self.too_many |= self.groups.len() as u64 * asked.unwrap_or(self.begun.into()) > most;
    }

    /// The segments that it numbers.
    pub(crate) fn segment_ids(&self) -> BTreeSet<SegmentId> {
        let of_groups = self.groups.keys().map(|(_, id)| *id);
        of_groups.chain(self.members_of.keys().copied()).filter(|id| *id != WHOLE).collect()
    }

    /// All groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (GroupKey, &Group)> {
        self.groups.iter().map(|(key, group)| (*key, group))
    }

    /// Notes a missing rate; the earliest is told.
    pub(crate) fn miss_rate(&mut self, day: Day, currency: &str) {
        let missing = (day, currency.to_owned());
        if self.missing_rate.as_ref().is_none_or(|first| missing < *first) {
            self.missing_rate = Some(missing);
        }
    }

    /// Adds the counts of another walk, whose segments and currencies are numbered otherwise.
    pub(crate) fn join(&mut self, other: Counts, numbers: &Renumbering) {
        for ((cohort, id), mut group) in other.groups {
            group.money.iter_mut().for_each(|(number, _)| *number = numbers.currency(*number));
            match self.groups.entry((cohort, numbers.segment(id))) {
                Entry::Occupied(mine) => mine.into_mut().join(&group),
                Entry::Vacant(place) => {
                    place.insert(group);
                }
            }
        }
        for (id, (members, last)) in other.members_of {
            // A customer lies in one bucket, and a bucket in one walk.
            self.members_of.entry(numbers.segment(id)).or_insert((0, last)).0 += members;
        }
        self.begun = self.begun.max(other.begun);
        self.too_many |= other.too_many;
        self.customers += other.customers;
        self.members += other.members;
        self.born_outside += other.born_outside;
        self.without_birth += other.without_birth;
        if let Some((day, currency)) = other.missing_rate {
            self.miss_rate(day, &currency);
        }
    }
}

impl Group {
    /// Adds a member.
    pub(crate) fn add_member(&mut self, exposure: Exposure) {
        self.add_members(exposure, 1);
    }

    /// Adds members of one exposure.
    pub(crate) fn add_members(&mut self, exposure: Exposure, members: u64) {
        self.size += members;
        if let Some(last) = exposure.lived.checked_sub(1) {
            self.exposed.add(0, Some(last), members);
        }
        self.begun = self.begun.max(exposure.begun);
    }

    /// The amounts of a currency.
    pub(crate) fn money(&mut self, currency: u32) -> &mut Money {
        let at = match self.money.iter().position(|(number, _)| *number == currency) {
            Some(at) => at,
            None => {
                self.money.push((currency, Money::default()));
                self.money.len() - 1
            }
        };
        &mut self.money[at].1
    }

    /// Whether it has members of its own, and not only some of the cohort's activity: a life has begun its first age.
    pub(crate) fn has_own_members(&self) -> bool {
        self.begun > 0
    }

    /// Adds the members of another group.
    pub(crate) fn join(&mut self, other: &Group) {
        self.size += other.size;
        self.exposed.0.join(&other.exposed.0);
        self.begun = self.begun.max(other.begun);
        self.retained.0.join(&other.retained.0);
        self.retained_exposed.0.join(&other.retained_exposed.0);
        self.active.join(&other.active);
        self.events.join(&other.events);
        self.unpriced.join(&other.unpriced);
        for (currency, money) in &other.money {
            let mine = self.money(*currency);
            mine.events.join(&money.events);
            mine.total.join(&money.total);
            mine.missing.join(&money.missing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_add_up() {
        let mut steps = Steps::default();
        steps.add(0, Some(2), 1);
        steps.add(1, None, 1);
        steps.add(4, Some(4), 3);
        let counters = steps.counters();
        let found: Vec<u64> = (0..8).map(|place| counters.get(place)).collect();
        assert_eq!(found, [1, 2, 2, 1, 4, 1, 1, 1]);
        assert_eq!(Steps::default().counters().get(3), 0);
    }

    #[test]
    fn ranges_of_counters_end_where_they_end() {
        let mut counters = ByAge::default();
        counters.add(3, 5u64);
        counters.add(1, 2);
        assert_eq!(counters.range(1, Some(3)).sum::<u64>(), 7);
        assert_eq!(counters.range(2, None).sum::<u64>(), 5);
        assert_eq!(counters.range(9, None).sum::<u64>(), 0);
        assert_eq!((counters.get(2), counters.get(70)), (0, 0));
    }
}
