//! Which rows of a batch have something, a bit each.

use std::ops::Range;

use arrow::buffer::BooleanBuffer;

/// A bit for each row, the lowest of the first word first; those beyond the last row are 0.
#[derive(Debug, Default)]
pub(crate) struct Bits(Vec<u64>);

/// Rows of a word.
const WORD: usize = 64;

impl Bits {
    /// Whether nothing is said of any row.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows of a buffer; empty without one.
    pub(crate) fn take(&mut self, rows: Option<&BooleanBuffer>) {
        self.0.clear();
        if let Some(rows) = rows {
            self.0.extend(rows.bit_chunks().iter_padded().take(rows.len().div_ceil(WORD)));
        }
    }

    /// All rows.
    pub(crate) fn set_all(&mut self, rows: usize) {
        self.fill(rows, |_| true);
    }

    /// The rows that are marked.
    pub(crate) fn set(&mut self, marked: &[bool]) {
        self.0.clear();
        self.0.extend(marked.chunks(WORD).map(|marked| {
            let (eights, rest) = marked.as_chunks::<8>();
            // Of eight bytes that are 0 or 1 each, a product brings all into the highest byte.
            let eight = |marked: &[bool; 8]| u64::from_le_bytes(marked.map(u8::from)).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            let word = eights.iter().enumerate().fold(0, |word, (place, marked)| word | eight(marked) << (8 * place));
            let from = eights.len() * 8;
            rest.iter().enumerate().fold(word, |word, (place, &marked)| word | u64::from(marked) << (from + place))
        }));
    }

    /// The rows for which something holds.
    pub(crate) fn fill(&mut self, rows: usize, holds: impl Fn(usize) -> bool) {
        self.0.clear();
        self.0.extend(
            (0..rows)
                .step_by(WORD)
                .map(|from| (from..rows.min(from + WORD)).fold(0, |word, row| word | u64::from(holds(row)) << (row - from))),
        );
    }

    /// Those of its rows that others have too.
    pub(crate) fn keep(&mut self, others: &Bits) {
        self.0.iter_mut().zip(&others.0).for_each(|(word, other)| *word &= other);
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> bool {
        self.0[row / WORD] >> (row % WORD) & 1 == 1
    }

    /// The bits of a word that lie in a range.
    #[inline]
    fn within(&self, place: usize, rows: &Range<usize>) -> u64 {
        let from = rows.start.saturating_sub(place * WORD).min(WORD - 1);
        let behind = rows.end - place * WORD;
        let word = self.0[place] & u64::MAX << from;
        if behind < WORD { word & ((1 << behind) - 1) } else { word }
    }

    fn places(rows: &Range<usize>) -> Range<usize> {
        rows.start / WORD..rows.end.div_ceil(WORD)
    }

    /// The first row of a range.
    #[inline]
    pub(crate) fn first(&self, from: usize, end: usize) -> Option<usize> {
        let rows = from..end;
        Self::places(&rows).find_map(|place| {
            let word = self.within(place, &rows);
            (word != 0).then(|| place * WORD + word.trailing_zeros() as usize)
        })
    }

    /// The last row of a range.
    #[inline]
    pub(crate) fn last(&self, from: usize, end: usize) -> Option<usize> {
        let rows = from..end;
        Self::places(&rows).rev().find_map(|place| {
            let word = self.within(place, &rows);
            (word != 0).then(|| place * WORD + WORD - 1 - word.leading_zeros() as usize)
        })
    }

    /// Hands on the rows of a range.
    #[inline]
    pub(crate) fn each(&self, rows: Range<usize>, mut each: impl FnMut(usize)) {
        for place in Self::places(&rows) {
            let mut word = self.within(place, &rows);
            while word != 0 {
                each(place * WORD + word.trailing_zeros() as usize);
                word &= word - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn rows_are_found_as_in_a_list(
            marked in proptest::collection::vec(proptest::bool::weighted(0.1), 1..300),
            others in proptest::collection::vec(proptest::bool::ANY, 300),
            ends in (0usize..300, 0usize..300),
        ) {
            let (from, end) = (ends.0.min(ends.1).min(marked.len() - 1), ends.0.max(ends.1).min(marked.len()));
            let end = end.max(from);
            let mut bits = Bits::default();
            bits.set(&marked);
            proptest::prop_assert!((0..marked.len()).all(|row| bits.get(row) == marked[row]));
            let expected: Vec<usize> = (from..end).filter(|&row| marked[row]).collect();
            proptest::prop_assert_eq!(bits.first(from, end), expected.first().copied());
            proptest::prop_assert_eq!(bits.last(from, end), expected.last().copied());
            let mut found = Vec::new();
            bits.each(from..end, |row| found.push(row));
            proptest::prop_assert_eq!(found, expected);
            let mut same = Bits::default();
            same.take(Some(&BooleanBuffer::from(marked.clone())));
            proptest::prop_assert_eq!(&same.0, &bits.0);
            same.fill(marked.len(), |row| others[row]);
            bits.keep(&same);
            proptest::prop_assert!((0..marked.len()).all(|row| bits.get(row) == (marked[row] && others[row])));
        }
    }
}
