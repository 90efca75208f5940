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

    /// The rows for which something was said.
    pub(crate) fn extend_anew(&mut self, rows: impl IntoIterator<Item = bool>) {
        self.0.clear();
        let mut rows = rows.into_iter();
        while let Some(first) = rows.next() {
            let rest = rows.by_ref().take(WORD - 1).zip(1..);
            self.0.push(rest.fold(u64::from(first), |word, (holds, place)| word | u64::from(holds) << place));
        }
    }

    /// The same rows as others.
    pub(crate) fn copy(&mut self, others: &Bits) {
        self.0.clone_from(&others.0);
    }

    /// The rows whose code holds.
    pub(crate) fn look_up(&mut self, codes: &[i32], by_code: &[bool]) {
        #[cfg(target_arch = "x86_64")]
        if by_code.len() <= registers::CODES && is_x86_feature_detected!("avx512f") {
            let holding = by_code.iter().zip(0..).fold(0, |bits, (&holds, code)| bits | u32::from(holds) << code);
            // SAFETY: the processor has been asked.
            return unsafe { registers::look_up(codes, holding, &mut self.0) };
        }
        self.fill(codes.len(), |row| by_code[codes[row] as usize]);
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

    /// Its rows and those of others.
    pub(crate) fn add(&mut self, others: &Bits) {
        self.0.iter_mut().zip(&others.0).for_each(|(word, other)| *word |= other);
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

    /// Hands on all rows, each with the number of others up to and with it.
    #[inline]
    pub(crate) fn each_counted(&self, others: &[u64], mut each: impl FnMut(usize, usize)) {
        let mut before = 0;
        for (place, (&rows, &others)) in self.0.iter().zip(others).enumerate() {
            let mut word = rows;
            while word != 0 {
                let bit = word.trailing_zeros();
                let up_to = others & u64::MAX >> (WORD as u32 - 1 - bit);
                each(place * WORD + bit as usize, before + up_to.count_ones() as usize);
                word &= word - 1;
            }
            before += others.count_ones() as usize;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod registers {
    use std::arch::x86_64::{
        __m512i, _mm512_loadu_si512, _mm512_maskz_loadu_epi32, _mm512_set1_epi32, _mm512_sllv_epi32, _mm512_test_epi32_mask,
    };

    use super::WORD;

    /// Codes that have a bit.
    pub(super) const CODES: usize = 32;

    /// Codes of a register.
    const LANES: usize = 16;

    /// The rows whose code has its bit set.
    #[target_feature(enable = "avx512f")]
    pub(super) fn look_up(codes: &[i32], holding: u32, words: &mut Vec<u64>) {
        let (one, holding) = (_mm512_set1_epi32(1), _mm512_set1_epi32(holding as i32));
        let held = |codes: __m512i| u64::from(_mm512_test_epi32_mask(_mm512_sllv_epi32(one, codes), holding));
        words.clear();
        words.extend(codes.chunks(WORD).map(|codes| {
            let (whole, rest) = codes.as_chunks::<LANES>();
            let word = whole.iter().enumerate().fold(0, |word, (place, codes)| {
                // SAFETY: the codes are as many as a register holds.
                word | held(unsafe { _mm512_loadu_si512(codes.as_ptr().cast()) }) << (place * LANES)
            });
            if rest.is_empty() {
                return word;
            }
            let some = (1u16 << rest.len()) - 1;
            // SAFETY: only the lanes of which there are codes are read.
            let last = held(unsafe { _mm512_maskz_loadu_epi32(some, rest.as_ptr()) }) & u64::from(some);
            word | last << (whole.len() * LANES)
        }));
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
            bits.extend_anew(marked.iter().copied());
            proptest::prop_assert!((0..marked.len()).all(|row| bits.get(row) == marked[row]));
            let expected: Vec<usize> = (from..end).filter(|&row| marked[row]).collect();
            proptest::prop_assert_eq!(bits.first(from, end), expected.first().copied());
            proptest::prop_assert_eq!(bits.last(from, end), expected.last().copied());
            let mut found = Vec::new();
            bits.each(from..end, |row| found.push(row));
            proptest::prop_assert_eq!(found, expected);
            let words: Vec<u64> = { let mut words = Bits::default(); words.extend_anew(others[..marked.len()].iter().copied()); words.0 };
            let mut counted = Vec::new();
            bits.each_counted(&words, |row, others| counted.push((row, others)));
            let count = |row: usize| others[..=row].iter().filter(|other| **other).count();
            let expected: Vec<(usize, usize)> = (0..marked.len()).filter(|&row| marked[row]).map(|row| (row, count(row))).collect();
            proptest::prop_assert_eq!(counted, expected);
            let mut same = Bits::default();
            same.take(Some(&BooleanBuffer::from(marked.clone())));
            proptest::prop_assert_eq!(&same.0, &bits.0);
            same.fill(marked.len(), |row| others[row]);
            let mut both = Bits::default();
            both.copy(&bits);
            both.keep(&same);
            proptest::prop_assert!((0..marked.len()).all(|row| both.get(row) == (marked[row] && others[row])));
            bits.add(&same);
            proptest::prop_assert!((0..marked.len()).all(|row| bits.get(row) == (marked[row] || others[row])));
        }

        #[test]
        fn codes_are_looked_up(
            names in proptest::collection::vec(proptest::bool::ANY, 1..70),
            draws in proptest::collection::vec(0usize..1_000_000, 0..300),
        ) {
            let codes: Vec<i32> = draws.iter().map(|draw| (draw % names.len()) as i32).collect();
            let (mut bits, mut expected) = (Bits::default(), Bits::default());
            bits.look_up(&codes, &names);
            expected.fill(codes.len(), |row| names[codes[row] as usize]);
            proptest::prop_assert_eq!(&bits.0, &expected.0);
        }
    }
}
