//! How long customers are usually silent between two active days.

use std::collections::BTreeMap;

/// So many gaps of their own tell a customer's rhythm; those with fewer are held against their cohort.
pub(crate) const OWN_GAPS: usize = 4;

/// So many gaps tell a cohort's rhythm; a cohort with fewer is held against all customers.
const COHORT_GAPS: u64 = 20;

/// How long a customer is usually silent: the quantile of gaps between active days, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rhythm {
    /// The gap that so many of the gaps do not exceed.
    pub(crate) days: u32,
    /// How many gaps of the customer's own there are.
    pub(crate) own: u32,
    /// Whose gaps they are.
    pub(crate) of: RhythmOf,
}

/// Whose gaps tell a customer's rhythm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RhythmOf {
    /// The customer's own.
    Own,
    /// Those of the customers born in the same period.
    Cohort,
    /// Those of all customers.
    All,
}

/// Gaps of customers by cohort: how often each length occurs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gaps(BTreeMap<i32, BTreeMap<u32, u64>>);

/// The quantiles of cohorts, and of all.
pub(crate) struct Priors {
    cohorts: BTreeMap<i32, u32>,
    all: Option<u32>,
}

/// The quantile of a customer's own gaps by the nearest rank; nothing where they are too few.
pub(crate) fn own_gaps(gaps: &[u32], quantile: f64) -> Option<u32> {
    if gaps.len() < OWN_GAPS {
        return None;
    }
    let mut sorted = gaps.to_vec();
    sorted.sort_unstable();
    Some(sorted[rank(sorted.len() as u64, quantile) as usize])
}

/// The place of the nearest rank among sorted values.
fn rank(count: u64, quantile: f64) -> u64 {
    ((quantile * count as f64).ceil() as u64).clamp(1, count) - 1
}

impl Gaps {
    pub(crate) fn add(&mut self, cohort: i32, gaps: &[u32]) {
        if gaps.is_empty() {
            return;
        }
        let lengths = self.0.entry(cohort).or_default();
        gaps.iter().for_each(|gap| *lengths.entry(*gap).or_default() += 1);
    }

    pub(crate) fn join(&mut self, other: Gaps) {
        for (cohort, lengths) in other.0 {
            let mine = self.0.entry(cohort).or_default();
            lengths.into_iter().for_each(|(gap, count)| *mine.entry(gap).or_default() += count);
        }
    }

    /// What is known of customers with few gaps of their own.
    pub(crate) fn priors(&self, quantile: f64) -> Priors {
        let count = |lengths: &BTreeMap<u32, u64>| lengths.values().sum::<u64>();
        let known = self.0.iter().filter(|(_, lengths)| count(lengths) >= COHORT_GAPS);
        let cohorts = known.filter_map(|(cohort, lengths)| Some((*cohort, nearest(lengths, quantile)?))).collect();
        let mut all = BTreeMap::new();
        for (gap, count) in self.0.values().flatten() {
            *all.entry(*gap).or_default() += count;
        }
        Priors { cohorts, all: nearest(&all, quantile) }
    }
}

/// The quantile of lengths that occur so often, by the nearest rank.
fn nearest(lengths: &BTreeMap<u32, u64>, quantile: f64) -> Option<u32> {
    let count: u64 = lengths.values().sum();
    if count == 0 {
        return None;
    }
    let mut left = rank(count, quantile);
    for (gap, times) in lengths {
        if left < *times {
            return Some(*gap);
        }
        left -= times;
    }
    None
}

impl Priors {
    /// The rhythm of a customer; nothing where nobody has come back.
    pub(crate) fn rhythm(&self, own: Option<u32>, gaps: u32, cohort: i32) -> Option<Rhythm> {
        let of_cohort = || self.cohorts.get(&cohort).map(|days| (*days, RhythmOf::Cohort));
        let of_all = || self.all.map(|days| (days, RhythmOf::All));
        let (days, of) = own.map(|days| (days, RhythmOf::Own)).or_else(of_cohort).or_else(of_all)?;
        Some(Rhythm { days, own: gaps, of })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_a_gap_that_occurred() {
        assert_eq!(own_gaps(&[7, 7, 30], 0.95), None);
        assert_eq!(own_gaps(&[30, 7, 8, 7], 0.95), Some(30));
        assert_eq!(own_gaps(&[30, 7, 8, 7], 0.75), Some(8));
        assert_eq!(own_gaps(&[30, 7, 8, 7], 0.5), Some(7));
        assert_eq!(nearest(&BTreeMap::from([(1, 9), (5, 1)]), 0.9), Some(1));
        assert_eq!(nearest(&BTreeMap::from([(1, 9), (5, 1)]), 0.91), Some(5));
        assert_eq!(nearest(&BTreeMap::new(), 0.9), None);
    }

    #[test]
    fn the_young_are_held_against_their_cohort() {
        let mut gaps = Gaps::default();
        gaps.add(1, &[10; 20]);
        gaps.add(2, &[50; 19]);
        gaps.add(3, &[]);
        let priors = gaps.priors(0.95);
        assert_eq!(priors.rhythm(Some(3), 9, 1), Some(Rhythm { days: 3, own: 9, of: RhythmOf::Own }));
        assert_eq!(priors.rhythm(None, 1, 1), Some(Rhythm { days: 10, own: 1, of: RhythmOf::Cohort }));
        assert_eq!(priors.rhythm(None, 0, 2), Some(Rhythm { days: 50, own: 0, of: RhythmOf::All }));
        assert_eq!(Gaps::default().priors(0.95).rhythm(None, 0, 1), None);
    }
}
