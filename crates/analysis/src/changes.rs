//! Where a column of age periods changes, customer by customer.

/// Marks the first row of a customer in a note.
const START: u32 = 1 << 31;

/// Notes of a batch, one for each row with which a customer or an age period begins.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The age period, and whether the customer begins. Only the first `found` are notes.
    notes: Vec<u32>,
    /// The rows of the notes, and behind them how many rows there are.
    rows: Vec<u32>,
    found: usize,
}

/// Room behind the notes, into which several may be written of which fewer count.
const SLACK: usize = 16;

/// Days of a table in which any 16 bits have a place: 179 years.
pub(crate) const TABLE: usize = 1 << 16;

impl Changes {
    /// Takes a batch in: the day of each row, the age period of each day from the first on, and a bit for each row with
    /// which a customer begins.
    pub(crate) fn fill(&mut self, days: &[i32], first: i32, by_day: &[u32], starts: &[u64]) {
        let room = days.len() + SLACK;
        if self.notes.len() < room {
            self.notes.resize(room, 0);
            self.rows.resize(room, 0);
        }
        let mut state = State { row: 0, found: 0, last: 0 };
        #[cfg(target_arch = "x86_64")]
        if let Ok(by_day) = <&[u32; TABLE]>::try_from(by_day)
            && is_x86_feature_detected!("avx512f")
            // As many bits as a place has hold each offset if they hold all of them together.
            && (days.iter().fold(0, |bits, day| bits | day.wrapping_sub(first) as u32) as usize) < TABLE
        {
            // SAFETY: the processor has been asked.
            state = unsafe { registers::note(days, first, by_day, starts, &mut self.notes, &mut self.rows) };
        }
        let step = |row: usize| by_day[(days[row] - first) as usize];
        note(step, days.len(), starts, &mut self.notes, &mut self.rows, &mut state);
        self.found = state.found;
        self.rows[state.found] = days.len() as u32;
    }

    /// Hands on the cell of each note: the first of the customer's, and as many further on as the age period says.
    #[inline]
    pub(crate) fn cells(&self, bases: &[u32], mut each: impl FnMut(usize, usize)) {
        let mut customer = usize::MAX;
        for (place, &note) in self.notes[..self.found].iter().enumerate() {
            customer = customer.wrapping_add(usize::from(note >= START));
            each(place, (bases[customer] + (note & !START)) as usize);
        }
    }

    /// Hands on the age periods of the customer whose notes begin at a place, each with its first row, and says where the next
    /// customer's begin.
    #[inline]
    pub(crate) fn of_customer(&self, place: usize, mut each: impl FnMut(u32, u32)) -> usize {
        let mut next = place;
        for (note, row) in self.notes[..self.found].iter().zip(&self.rows).skip(place) {
            if *note >= START && next > place {
                break;
            }
            each(note & !START, *row);
            next += 1;
        }
        next
    }

    /// How many rows a note stands for.
    #[inline]
    pub(crate) fn rows(&self, place: usize) -> u64 {
        u64::from(self.rows[place + 1] - self.rows[place])
    }
}

/// How far a batch has been noted.
struct State {
    row: usize,
    found: usize,
    /// The age period of the row before.
    last: u32,
}

/// Notes rows one by one.
///
/// Where a customer or a period ends can't be foretold, so the loop has no branches: it notes every row, and keeps a note
/// only if it counts.
fn note(step: impl Fn(usize) -> u32, all: usize, starts: &[u64], notes: &mut [u32], rows: &mut [u32], state: &mut State) {
    let State { row: from, mut found, mut last } = *state;
    for row in from..all {
        let step = step(row);
        let start = (starts[row / 64] >> (row % 64)) as u32 & 1;
        notes[found] = step | start << 31;
        rows[found] = row as u32;
        found += usize::from((start == 1) | (step != last));
        last = step;
    }
    *state = State { row: all, found, last };
}

#[cfg(target_arch = "x86_64")]
mod registers {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi32, _mm512_alignr_epi32, _mm512_and_si512, _mm512_cmpneq_epi32_mask, _mm512_cvtsi512_si32,
        _mm512_i32gather_epi32, _mm512_loadu_si512, _mm512_mask_or_epi32, _mm512_maskz_compress_epi32, _mm512_permutexvar_epi32,
        _mm512_set_epi32, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512, _mm512_sub_epi32,
    };

    use super::{SLACK, START, State, TABLE};

    /// Rows of a register.
    const LANES: usize = 16;

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn store(register: __m512i, to: &mut [u32]) {
        assert!(to.len() >= LANES);
        // SAFETY: there is room for a register, which may lie anywhere.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), register) }
    }

    /// Notes rows sixteen by sixteen, up to the last whole sixteen. Of a day's place in the table, the lowest bits count.
    #[target_feature(enable = "avx512f")]
    pub(super) fn note(
        days: &[i32],
        first: i32,
        by_day: &[u32; TABLE],
        starts: &[u64],
        notes: &mut [u32],
        rows: &mut [u32],
    ) -> State {
        const { assert!(SLACK >= LANES) };
        let mut found = 0;
        let mut before = _mm512_setzero_si512();
        let mut numbers = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        let flag = _mm512_set1_epi32(START as i32);
        let (first, bits) = (_mm512_set1_epi32(first), _mm512_set1_epi32(TABLE as i32 - 1));
        let (whole, _) = days.as_chunks::<LANES>();
        for (place, days) in whole.iter().enumerate() {
            // SAFETY: the days are as many as a register holds.
            let days = unsafe { _mm512_loadu_si512(days.as_ptr().cast()) };
            let places = _mm512_and_si512(_mm512_sub_epi32(days, first), bits);
            // SAFETY: the bits that are left of each place have one in the table.
            let here = unsafe { _mm512_i32gather_epi32::<4>(places, by_day.as_ptr().cast()) };
            let start = (starts[place / 4] >> (place % 4 * LANES)) as u16;
            let changed = _mm512_cmpneq_epi32_mask(here, _mm512_alignr_epi32::<15>(here, before)) | start;
            let noted = _mm512_mask_or_epi32(here, start, here, flag);
            store(_mm512_maskz_compress_epi32(changed, noted), &mut notes[found..]);
            store(_mm512_maskz_compress_epi32(changed, numbers), &mut rows[found..]);
            found += changed.count_ones() as usize;
            numbers = _mm512_add_epi32(numbers, _mm512_set1_epi32(LANES as i32));
            before = here;
        }
        let last = _mm512_permutexvar_epi32(_mm512_set1_epi32(LANES as i32 - 1), before);
        State { row: whole.len() * LANES, found, last: _mm512_cvtsi512_si32(last) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn every_change_is_noted(
            lives in proptest::collection::vec(proptest::collection::vec(0i32..9, 1..40), 1..60),
        ) {
            let first = 100;
            let mut by_day: Vec<u32> = vec![0, 0, 1, 1, 1, 2, 3, 3, 70_000];
            by_day.resize(TABLE, 0);
            let days: Vec<i32> = lives.iter().flat_map(|life| {
                let mut life: Vec<i32> = life.iter().map(|day| first + day).collect();
                life.sort_unstable();
                life
            }).collect();
            let mut starts = vec![0u64; days.len().div_ceil(64)];
            let mut row = 0;
            let mut bases = Vec::new();
            for (place, life) in lives.iter().enumerate() {
                starts[row / 64] |= 1 << (row % 64);
                bases.push(place as u32 * 100_000);
                row += life.len();
            }
            let mut changes = Changes::default();
            changes.fill(&days, first, &by_day, &starts);
            let mut found = Vec::new();
            changes.cells(&bases, |place, cell| found.push((cell as u32, changes.rows(place))));
            let mut expected: Vec<(u32, u64)> = Vec::new();
            let mut row = 0;
            for (life, base) in lives.iter().zip(&bases) {
                for day in &days[row..row + life.len()] {
                    let cell = base + by_day[(day - first) as usize];
                    match expected.last_mut() {
                        Some((last, rows)) if *last == cell => *rows += 1,
                        _ => expected.push((cell, 1)),
                    }
                }
                row += life.len();
            }
            proptest::prop_assert_eq!(&found, &expected);
            // One by one is the same.
            let mut state = State { row: 0, found: 0, last: 0 };
            let (mut notes, mut rows) = (vec![0; days.len() + 1], vec![0; days.len() + 1]);
            let step = |row: usize| by_day[(days[row] - first) as usize];
            note(step, days.len(), &starts, &mut notes, &mut rows, &mut state);
            proptest::prop_assert_eq!(&notes[..state.found], &changes.notes[..changes.found]);
            proptest::prop_assert_eq!(&rows[..state.found], &changes.rows[..changes.found]);
        }
    }
}
