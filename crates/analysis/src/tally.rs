//! Counters by birth group and period.

use std::collections::HashMap;
use std::ops::AddAssign;

use foldhash::fast::FixedState;

/// Up to so many counters lie in one slice; more are kept in a map, since most would stay 0.
const MOST_DENSE: usize = 4 << 20;

/// A counter for each birth group and period.
#[derive(Debug, Clone)]
pub(crate) enum Cells<T> {
    Dense(Vec<T>),
    Sparse(HashMap<u64, T, FixedState>),
}

impl<T: Copy + Default + AddAssign> Cells<T> {
    pub(crate) fn new(groups: usize, periods: usize) -> Self {
        match groups.checked_mul(periods) {
            Some(cells) if cells <= MOST_DENSE => Cells::Dense(vec![T::default(); cells]),
            _ => Cells::Sparse(HashMap::default()),
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, cell: usize, amount: T) {
        match self {
            Cells::Dense(cells) => cells[cell] += amount,
            Cells::Sparse(cells) => *cells.entry(cell as u64).or_default() += amount,
        }
    }

    pub(crate) fn get(&self, cell: usize) -> T {
        match self {
            Cells::Dense(cells) => cells[cell],
            Cells::Sparse(cells) => cells.get(&(cell as u64)).copied().unwrap_or_default(),
        }
    }

    /// Adds the counters of another of the same shape.
    pub(crate) fn join(&mut self, other: Self) {
        match (self, other) {
            (Cells::Dense(mine), Cells::Dense(other)) => mine.iter_mut().zip(other).for_each(|(a, b)| *a += b),
            (mine, Cells::Sparse(other)) => other.into_iter().for_each(|(cell, amount)| mine.add(cell as usize, amount)),
            (mine, Cells::Dense(other)) => other.into_iter().enumerate().for_each(|(cell, amount)| mine.add(cell, amount)),
        }
    }
}
