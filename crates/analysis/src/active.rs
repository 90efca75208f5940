//! The cells in which the customers of a batch were active, noted before they are counted.

use std::ops::Range;

use crate::bits::Bits;
use crate::changes::Changes;
use crate::grid::{Grid, Shape};

/// Cells in which members were active.
#[derive(Debug, Default)]
pub(crate) struct Active {
    /// The first so many are notes.
    pub(crate) cells: Vec<u32>,
    pub(crate) found: usize,
    /// How many rows of its customer come before each note, and behind the last note of a customer how many it has.
    before: Vec<u32>,
}

/// Notes the cells in which a customer is seen anew behind others, and says how many notes there are then.
///
/// Where a period ends can't be foretold, so the loop has no branches: it notes every row, and keeps a note only if it
/// counts.
#[inline]
fn note_changes(step: impl Fn(usize) -> u32, rows: usize, base: u32, cells: &mut [u32], mut found: usize) -> usize {
    let mut last = u32::MAX;
    for row in 0..rows {
        let step = step(row);
        cells[found] = base + step;
        found += usize::from(step != last);
        last = step;
    }
    found
}

impl Active {
    /// Makes room for the notes of a batch.
    pub(crate) fn begin(&mut self, rows: usize) {
        self.found = 0;
        if self.cells.len() <= rows {
            self.cells.resize(rows + 1, 0);
            self.before.resize(rows + 1, 0);
        }
    }

    /// Notes the cells in which a customer is seen anew by rows that count, and how many of these came before.
    #[inline]
    pub(crate) fn note(
        &mut self,
        step: impl Fn(usize) -> u32,
        counted: Option<&Bits>,
        rows: Range<usize>,
        base: u32,
        with_rows: bool,
    ) {
        let (cells, before, mut found) = (&mut self.cells[..], &mut self.before[..], self.found);
        let (mut last, mut passed) = (u32::MAX, 0);
        match (counted, with_rows) {
            (None, false) => found = note_changes(|row| step(rows.start + row), rows.len(), base, cells, found),
            (None, true) => {
                for row in rows {
                    let step = step(row);
                    cells[found] = base + step;
                    before[found] = passed;
                    found += usize::from(step != last);
                    passed += 1;
                    last = step;
                }
            }
            (Some(counted), _) => counted.each(rows, |row| {
                let step = step(row);
                cells[found] = base + step;
                before[found] = passed;
                found += usize::from(step != last);
                passed += 1;
                last = step;
            }),
        }
        before[found] = passed;
        self.found = found;
    }

    /// Notes the cells of the customer whose changes begin at a place, all of whose rows count, and says where those of the
    /// next begin.
    #[inline]
    pub(crate) fn take(&mut self, changes: &Changes, place: usize, rows: Range<usize>, base: u32) -> usize {
        let (cells, before, mut found) = (&mut self.cells[..], &mut self.before[..], self.found);
        let next = changes.of_customer(place, |step, row| {
            cells[found] = base + step;
            before[found] = row - rows.start as u32;
            found += 1;
        });
        before[found] = rows.len() as u32;
        self.found = found;
        next
    }

    /// Adds the rows of a customer, whose notes begin at a place.
    #[inline]
    pub(crate) fn count_rows(&self, noted: usize, rows: &mut [u64]) {
        for (&cell, before) in self.cells[noted..self.found].iter().zip(self.before[noted..].windows(2)) {
            rows[cell as usize] += u64::from(before[1] - before[0]);
        }
    }

    /// The ages of a customer's activity and how much there is, whose notes begin at a place and its ages with a cell.
    pub(crate) fn runs(&self, noted: usize, zero: u32, runs: &mut Vec<(u32, u32)>) {
        runs.clear();
        let notes = self.cells[noted..self.found].iter().zip(self.before[noted..].windows(2));
        runs.extend(notes.map(|(cell, before)| (cell - zero, before[1] - before[0])));
    }

    /// Adds the notes from a place on up.
    pub(crate) fn add(&self, shape: &Shape, noted: usize, grid: &mut Grid) {
        if shape.has_active() {
            self.cells[noted..self.found].iter().for_each(|&cell| grid.active[cell as usize] += 1);
        }
    }
}
