//! Rows by customer: where each customer's rows begin.

/// The customers of some rows that are ordered by customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs {
    /// A bit for each row, the lowest first: whether it is the first of its customer.
    starts: Vec<u64>,
    customers: Customers,
    rows: usize,
}

/// The numbers of customers, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Customers {
    /// So many, one after the other.
    Consecutive {
        first: i64,
        count: usize,
    },
    Listed(Vec<i64>),
}

impl Default for Customers {
    fn default() -> Self {
        Customers::Consecutive { first: 0, count: 0 }
    }
}

impl Customers {
    fn len(&self) -> usize {
        match self {
            Customers::Consecutive { count, .. } => *count,
            Customers::Listed(all) => all.len(),
        }
    }

    #[inline]
    fn get(&self, place: usize) -> i64 {
        match self {
            Customers::Consecutive { first, .. } => first.wrapping_add(place as i64),
            Customers::Listed(all) => all[place],
        }
    }

    /// Adds so many, one after the other.
    #[inline]
    fn push(&mut self, customer: i64, number: usize) {
        match self {
            Customers::Consecutive { count: 0, .. } => *self = Customers::Consecutive { first: customer, count: number },
            Customers::Consecutive { first, count } if first.wrapping_add(*count as i64) == customer => *count += number,
            Customers::Consecutive { first, count } => {
                let known = (0..*count).map(|place| first.wrapping_add(place as i64));
                *self = Customers::Listed(known.collect());
                self.push(customer, number);
            }
            Customers::Listed(all) => all.extend((0..number).map(|place| customer.wrapping_add(place as i64))),
        }
    }

    fn slice(&self, from: usize, count: usize) -> Self {
        match self {
            Customers::Consecutive { first, .. } => Customers::Consecutive { first: first.wrapping_add(from as i64), count },
            Customers::Listed(all) => Customers::Listed(all[from..from + count].to_vec()),
        }
    }
}

impl Runs {
    /// The runs of customers' numbers by row.
    pub fn of(customers: &[i64]) -> Self {
        let mut runs = RunsBuilder::with_capacity(customers.len());
        customers.iter().for_each(|&customer| runs.push(customer));
        runs.finish()
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many customers there are.
    pub fn customers(&self) -> usize {
        self.customers.len()
    }

    /// The number of the customer at a place.
    #[inline]
    pub fn customer(&self, place: usize) -> i64 {
        self.customers.get(place)
    }

    /// A bit for each row, the lowest of the first word first: whether it is the first of its customer. Bits beyond the last
    /// row are 0.
    pub fn starts(&self) -> &[u64] {
        &self.starts
    }

    /// Where the rows of each customer begin, and behind them where all end.
    pub fn ends(&self, ends: &mut Vec<u32>) {
        ends.clear();
        ends.reserve(self.customers() + 1);
        for (place, &word) in self.starts.iter().enumerate() {
            let mut word = word;
            while word != 0 {
                ends.push(place as u32 * 64 + word.trailing_zeros());
                word &= word - 1;
            }
        }
        ends.push(self.rows as u32);
    }

    /// Each row's customer.
    pub fn by_row(&self) -> Vec<i64> {
        let mut all = Vec::with_capacity(self.rows);
        let mut ends = Vec::new();
        self.ends(&mut ends);
        for (place, &end) in ends.iter().skip(1).enumerate() {
            all.resize(end as usize, self.customer(place));
        }
        all
    }

    /// The runs of some rows alone, before which so many customers come. A customer must begin with the first row, and
    /// behind the last.
    pub(crate) fn slice(&self, from: usize, to: usize, customers_before: usize) -> Runs {
        let word = |place: usize| self.starts.get(place).copied().unwrap_or(0);
        let rows = to - from;
        let mut starts: Vec<u64> = (0..rows.div_ceil(64))
            .map(|place| {
                let (at, shift) = (from / 64 + place, from % 64);
                if shift == 0 { word(at) } else { word(at) >> shift | word(at + 1) << (64 - shift) }
            })
            .collect();
        if let (Some(last), 1..) = (starts.last_mut(), rows % 64) {
            *last &= (1 << (rows % 64)) - 1;
        }
        let count: u32 = starts.iter().map(|word| word.count_ones()).sum();
        let customers = self.customers.slice(customers_before, count as usize);
        Runs { starts, customers, rows }
    }

    /// The last row at or before `wanted`, and after `from`, with which a customer begins; else the next after it.
    pub(crate) fn boundary(&self, from: usize, wanted: usize) -> usize {
        let is_start = |row: usize| self.starts[row / 64] >> (row % 64) & 1 == 1;
        if wanted >= self.rows {
            return self.rows;
        }
        if let Some(row) = (from + 1..=wanted).rev().find(|&row| is_start(row)) {
            return row;
        }
        (wanted + 1..self.rows).find(|&row| is_start(row)).unwrap_or(self.rows)
    }
}

/// Runs in the making.
pub(crate) struct RunsBuilder {
    runs: Runs,
    /// The last word of starts, which is not full.
    word: u64,
    last: i64,
}

impl RunsBuilder {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        let runs = Runs { starts: Vec::with_capacity(rows.div_ceil(64)), customers: Customers::default(), rows: 0 };
        Self { runs, word: 0, last: 0 }
    }

    /// Adds a row.
    #[inline]
    pub(crate) fn push(&mut self, customer: i64) {
        let is_first = customer != self.last || self.runs.rows == 0;
        if is_first {
            self.runs.customers.push(customer, 1);
        }
        self.last = customer;
        self.push_bits(is_first.into(), 1);
    }

    /// Adds a row, by the difference of its customer's number to the one before.
    #[inline]
    pub(crate) fn push_difference(&mut self, difference: i64) {
        self.push(self.last.wrapping_add(difference));
    }

    /// Adds up to 64 rows behind another, whose customers are the one before or the next: a bit for each row.
    #[inline]
    pub(crate) fn push_steps(&mut self, steps: u64, rows: usize) {
        let new = steps.count_ones();
        if new > 0 {
            self.runs.customers.push(self.last.wrapping_add(1), new as usize);
            self.last = self.last.wrapping_add(new.into());
        }
        self.push_bits(steps, rows);
    }

    #[inline]
    fn push_bits(&mut self, bits: u64, count: usize) {
        let shift = self.runs.rows % 64;
        self.word |= bits << shift;
        self.runs.rows += count;
        if shift + count >= 64 {
            self.runs.starts.push(self.word);
            self.word = if shift == 0 { 0 } else { bits >> (64 - shift) };
        }
    }

    pub(crate) fn finish(mut self) -> Runs {
        if !self.runs.rows.is_multiple_of(64) {
            self.runs.starts.push(self.word);
        }
        self.runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn runs_say_whose_each_row_is(
            customers in proptest::collection::vec((-3i64..4, 1usize..90), 1..30),
            cut in 0usize..1000,
        ) {
            let mut number = 5;
            let mut rows = Vec::new();
            let mut boundaries = vec![];
            for &(step, count) in &customers {
                number += if step == 0 { 1 } else { step };
                boundaries.push(rows.len());
                rows.resize(rows.len() + count, number);
            }
            boundaries.push(rows.len());
            let runs = Runs::of(&rows);
            proptest::prop_assert_eq!(runs.by_row(), rows.clone());
            let mut ends = Vec::new();
            runs.ends(&mut ends);
            proptest::prop_assert_eq!(ends.iter().map(|&end| end as usize).collect::<Vec<_>>(), boundaries.clone());
            let from = boundaries[cut % boundaries.len()];
            let to = boundaries[(cut / 7) % boundaries.len()];
            let (from, to) = (from.min(to), from.max(to));
            let before = boundaries.iter().take_while(|&&boundary| boundary < from).count();
            let sliced = runs.slice(from, to, before);
            proptest::prop_assert_eq!(sliced.by_row(), &rows[from..to]);
            proptest::prop_assert_eq!(&sliced.starts, &Runs::of(&rows[from..to]).starts);
            // Rows that come as steps are the same.
            let mut builder = RunsBuilder::with_capacity(0);
            builder.push(rows[0]);
            for rows in rows.windows(2).collect::<Vec<_>>().chunks(20) {
                let steps = rows.iter().enumerate().fold(0, |bits, (i, pair)| bits | u64::from(pair[1] == pair[0] + 1) << i);
                if rows.iter().all(|pair| [0, 1].contains(&(pair[1] - pair[0]))) {
                    builder.push_steps(steps, rows.len());
                } else {
                    rows.iter().for_each(|pair| builder.push_difference(pair[1] - pair[0]));
                }
            }
            proptest::prop_assert_eq!(builder.finish(), runs);
        }
    }

    #[test]
    fn batches_end_where_a_customer_does() {
        let runs = Runs::of(&[1, 1, 1, 2, 2, 3]);
        assert_eq!(runs.boundary(0, 4), 3);
        assert_eq!(runs.boundary(0, 2), 3);
        assert_eq!(runs.boundary(3, 4), 5);
        assert_eq!(runs.boundary(3, 9), 6);
        assert_eq!(runs.boundary(5, 6), 6);
    }
}
