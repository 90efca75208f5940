//! The order of a bucket's rows and customers.

use crate::stage::Store;
use crate::staged::{Customer, NOBODY, Staged};

/// Rows and customers in the order of the history.
pub(crate) struct Order {
    /// Rows by the ranks of their customers, then as [`Staged::compare`] has it.
    pub(crate) rows: Vec<u32>,
    /// The first times of these rows.
    pub(crate) times: Vec<i64>,
    /// Customers in the order of their numbers: known ones first, new ones by first activity, then id.
    pub(crate) customers: Vec<u32>,
}

/// Finds the order, and the first time of each customer.
pub(crate) fn in_order(staged: &Staged, stores: &[Store], customers: &mut [Customer]) -> Order {
    let mut next = Vec::with_capacity(customers.len());
    let mut total = 0;
    for customer in &*customers {
        next.push(total);
        total += customer.rows;
    }
    let mut timed = vec![(0i64, 0u32); total as usize];
    for (row, (&owner, &time)) in staged.owners.iter().zip(&staged.times[0]).enumerate() {
        if owner != NOBODY {
            let slot = &mut next[owner as usize];
            timed[*slot as usize] = (time, row as u32);
            *slot += 1;
        }
    }
    // By now each customer's slot is where its run ends.
    let run = |customer: &Customer, end: u32| end as usize - customer.rows as usize..end as usize;
    for (customer, &end) in customers.iter_mut().zip(&next) {
        let run = &mut timed[run(customer, end)];
        // Rows of one customer mostly come in the order of time.
        if !run.is_sorted() {
            run.sort_unstable();
        }
        // Only rows of one instant need a look at their other columns.
        if run.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            for tie in run.chunk_by_mut(|a, b| a.0 == b.0).filter(|tie| tie.len() > 1) {
                tie.sort_unstable_by(|&(_, a), &(_, b)| staged.compare_all(a, b));
            }
        }
        if let Some(first) = run.first() {
            customer.first = first.0;
        }
    }
    let ranked = rank(stores, customers);
    let (mut rows, mut times) = (Vec::with_capacity(timed.len()), Vec::with_capacity(timed.len()));
    for &c in &ranked {
        let run = &timed[run(&customers[c as usize], next[c as usize])];
        rows.extend(run.iter().map(|&(_, row)| row));
        times.extend(run.iter().map(|&(time, _)| time));
    }
    Order { rows, times, customers: ranked }
}

fn rank(stores: &[Store], customers: &[Customer]) -> Vec<u32> {
    let mut ranked: Vec<(u64, i64, u32)> = customers
        .iter()
        .enumerate()
        .map(|(c, customer)| match customer.known {
            Some(number) => (number.into(), 0, c as u32),
            None => (u64::MAX, customer.first, c as u32),
        })
        .collect();
    // Customers come mostly in the order of their first rows, which a stable sort makes use of.
    ranked.sort_by(|&(a_known, a_first, a), &(b_known, b_first, b)| {
        let id = |c: u32| customers[c as usize].id(stores);
        (a_known, a_first).cmp(&(b_known, b_first)).then_with(|| id(a).cmp(id(b)))
    });
    ranked.into_iter().map(|(_, _, c)| c).collect()
}
