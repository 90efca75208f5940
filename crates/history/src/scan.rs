use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use tenure_model::Table;

use crate::columns::Rows;
use crate::error::Error;
use crate::history::History;

/// A scan of a table of a history, bucket by bucket. A customer lies in one bucket, so buckets are independent.
#[derive(Debug)]
pub struct Scan<'a> {
    history: &'a History,
    table: Table,
    columns: Vec<&'a str>,
    buckets: u32,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(history: &'a History, table: Table, columns: Vec<&'a str>, buckets: u32) -> Self {
        Self { history, table, columns, buckets }
    }

    /// Folds the buckets, in parallel, into as many states as threads need, and joins these. `step` sees the rows of a
    /// bucket in batches ordered by customer and time; a customer may go on from one batch to the next, never to another
    /// bucket. Which buckets share a state is open, so `step` and `join` should only add up.
    ///
    /// # Errors
    ///
    /// The first failure of reading or of `step`.
    pub fn fold<S, E>(
        &self,
        start: impl Fn() -> S + Sync,
        step: impl Fn(&mut S, &Rows) -> Result<(), E> + Sync,
        join: impl Fn(S, S) -> S,
    ) -> Result<S, E>
    where
        S: Send,
        E: From<Error> + Send,
    {
        let idle: Mutex<Vec<S>> = Mutex::default();
        let pool = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        (0..self.buckets).into_par_iter().try_for_each(|bucket| {
            let free = pool().pop();
            let mut state = free.unwrap_or_else(&start);
            self.history.read_bucket(self.table, bucket, &self.columns, &mut |rows| step(&mut state, rows))?;
            pool().push(state);
            Ok::<(), E>(())
        })?;
        let states = idle.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(states.into_iter().reduce(join).unwrap_or_else(start))
    }
}
