//! Drawing and encoding in parallel, writing in order.

use std::ops::Range;

use rayon::prelude::*;

use crate::month::Month;
use crate::plan::MAX_SLICE_ROWS;
use crate::rows::Row;
use crate::{Error, Plan};

/// Slices with fewer rows are encoded together, so that a small business is not all headers and tiny row groups.
/// What is encoded together is part of the bytes, so it must not depend on the threads.
const MIN_BLOCK_ROWS: u64 = MAX_SLICE_ROWS / 4;

/// Slices that are encoded together.
struct Block {
    slices: Range<usize>,
    expected_rows: u64,
}

/// An encoded block.
struct Encoded<T> {
    rows: u64,
    content: T,
}

/// Encodes every block of the plan and appends it, in order. `encode` is given the number of the block and its rows,
/// which may be none: a slice before the signups of a tiny business. `progress` is told the rows appended so far.
pub(super) fn drive<T: Send>(
    plan: &Plan,
    encode: impl Fn(usize, &[Row]) -> Result<T, Error> + Sync,
    mut append: impl FnMut(T) -> Result<(), Error> + Send,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), Error> {
    let blocks = blocks(plan);
    let mut months: Vec<Month> = Vec::new();
    let mut ready: Vec<Encoded<T>> = Vec::new();
    let mut done = 0;
    let mut append_all = |encoded: Vec<Encoded<T>>| {
        encoded.into_iter().try_for_each(|block| {
            append(block.content)?;
            if block.rows > 0 {
                done += block.rows;
                progress(done);
            }
            Ok(())
        })
    };
    // A block a thread: they are of much the same size, and more would only take more memory.
    let window_len = rayon::current_num_threads();
    let mut next = 0;
    while next < blocks.len() {
        let window = next..blocks.len().min(next + window_len);
        next = window.end;
        open_months(plan, &blocks[window.clone()], &mut months);
        let encode_block = |number: usize| {
            let mut rows = Vec::new();
            for slice in blocks[number].slices.clone() {
                let month = plan.slice_plans()[slice].month;
                plan.draw_slice(slice, &months[month - months[0].index], &mut rows);
            }
            Ok(Encoded { rows: rows.len() as u64, content: encode(number, &rows)? })
        };
        let (appended, encoded) = rayon::join(
            || append_all(std::mem::take(&mut ready)),
            || window.into_par_iter().map(encode_block).collect::<Result<Vec<_>, Error>>(),
        );
        appended?;
        ready = encoded?;
    }
    append_all(ready)
}

/// Makes `months` the months of these blocks, keeping the one that is open already.
fn open_months(plan: &Plan, blocks: &[Block], months: &mut Vec<Month>) {
    let month_of = |slice: usize| plan.slice_plans()[slice].month;
    let first = month_of(blocks[0].slices.start);
    let last = month_of(blocks[blocks.len() - 1].slices.end - 1);
    months.retain(|month| month.index >= first);
    let missing = months.last().map_or(first, |month| month.index + 1)..last + 1;
    months.par_extend(missing.into_par_iter().map(|month| plan.open_month(month)));
}

fn blocks(plan: &Plan) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (index, slice) in plan.slice_plans().iter().enumerate() {
        match blocks.last_mut().filter(|_| open) {
            Some(block) => {
                block.slices.end = index + 1;
                block.expected_rows += slice.expected_rows;
            }
            None => blocks.push(Block { slices: index..index + 1, expected_rows: slice.expected_rows }),
        }
        open = blocks.last().is_some_and(|block| block.expected_rows < MIN_BLOCK_ROWS);
    }
    blocks
}
