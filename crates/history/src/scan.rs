use std::sync::atomic::{AtomicU32, Ordering};

use rayon::BroadcastContext;
use tenure_model::Table;

use crate::columns::Rows;
use crate::error::Error;
use crate::history::History;
use crate::merge::Ties;

/// A scan of a table of a history, bucket by bucket. A customer lies in one bucket, so buckets are independent.
#[derive(Debug)]
pub struct Scan<'a> {
    history: &'a History,
    table: Table,
    columns: Vec<&'a str>,
    buckets: u32,
    ties: Ties,
}

/// What a scan of activity hands over of a bucket, in this order.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// Every customer of the bucket: number, id, whether a customers export lists them, and what that says. Once.
    Customers(&'a Rows),
    /// Activity, ordered by customer and time, in batches.
    Activity(&'a Rows),
    /// The bucket has been read.
    End,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(history: &'a History, table: Table, columns: Vec<&'a str>, buckets: u32) -> Self {
        Self { history, table, columns, buckets, ties: Ties::Open }
    }

    /// The same, with rows of one customer and instant in the order of all their columns, whatever segments they lie in.
    /// By itself a scan keeps that order within a segment alone, which is cheaper where there are several.
    pub fn in_full_order(self) -> Self {
        Self { ties: Ties::ByAllColumns, ..self }
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
        self.fold_buckets(
            start,
            |state, bucket| self.history.read_bucket(self.table, bucket, &self.columns, self.ties, &mut |rows| step(state, rows)),
            join,
        )
    }

    /// As [`Scan::fold`], of activity beside the customers: `step` sees the customers of a bucket first where `customers`
    /// says so, and learns when a bucket is over.
    ///
    /// # Errors
    ///
    /// The first failure of reading or of `step`.
    pub fn fold_parts<S, E>(
        &self,
        customers: bool,
        start: impl Fn() -> S + Sync,
        step: impl Fn(&mut S, Part<'_>) -> Result<(), E> + Sync,
        join: impl Fn(S, S) -> S,
    ) -> Result<S, E>
    where
        S: Send,
        E: From<Error> + Send,
    {
        self.fold_buckets(
            start,
            |state, bucket| {
                if customers {
                    step(state, Part::Customers(&self.history.read_customers(bucket)?))?;
                }
                let mut each = |rows: &Rows| step(state, Part::Activity(rows));
                self.history.read_bucket(self.table, bucket, &self.columns, self.ties, &mut each)?;
                step(state, Part::End)
            },
            join,
        )
    }

    /// Hands over the buckets one after the other, in their order, as [`Scan::fold_parts`] does each: for what is written as it
    /// is read.
    ///
    /// # Errors
    ///
    /// The first failure of reading or of `step`.
    pub fn in_turn<E: From<Error>>(&self, customers: bool, step: &mut dyn FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        for bucket in 0..self.buckets {
            if customers {
                step(Part::Customers(&self.history.read_customers(bucket)?))?;
            }
            let mut each = |rows: &Rows| step(Part::Activity(rows));
            self.history.read_bucket(self.table, bucket, &self.columns, self.ties, &mut each)?;
            step(Part::End)?;
        }
        Ok(())
    }

    /// Folds the distinct names of the columns, in parallel: `step` sees them with the place of their column among those asked
    /// for, a name perhaps more than once. Only activity is looked at.
    ///
    /// # Errors
    ///
    /// The first failure of reading.
    pub fn fold_names<S: Send>(
        &self,
        start: impl Fn() -> S + Sync,
        step: impl Fn(&mut S, usize, &[&str]) + Sync,
        join: impl Fn(S, S) -> S,
    ) -> Result<S, Error> {
        let names = &self.columns[1..];
        self.fold_buckets(
            start,
            |state, bucket| self.history.read_names(bucket, names, &mut |place, names| step(state, place, names)),
            join,
        )
    }

    fn fold_buckets<S, E>(
        &self,
        start: impl Fn() -> S + Sync,
        read: impl Fn(&mut S, u32) -> Result<(), E> + Sync,
        join: impl Fn(S, S) -> S,
    ) -> Result<S, E>
    where
        S: Send,
        E: From<Error> + Send,
    {
        let next = AtomicU32::new(0);
        // Each thread has one state and takes bucket after bucket. It doesn't lend itself to other buckets while it waits for
        // something inside one, so there are never more states than threads.
        let work = |_: BroadcastContext<'_>| {
            let mut state: Option<S> = None;
            loop {
                let bucket = next.fetch_add(1, Ordering::Relaxed);
                if bucket >= self.buckets {
                    return Ok(state);
                }
                if let Err(error) = read(state.get_or_insert_with(&start), bucket) {
                    // The others end with their buckets.
                    next.store(self.buckets, Ordering::Relaxed);
                    return Err(error);
                }
            }
        };
        let states = rayon::broadcast(work).into_iter().collect::<Result<Vec<Option<S>>, E>>()?;
        Ok(states.into_iter().flatten().reduce(join).unwrap_or_else(start))
    }
}
