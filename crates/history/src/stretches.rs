use tenure_model::Instant;

const MICROS_PER_DAY: i64 = 24 * 3600 * 1_000_000;

/// Time cut into stretches, one after the other, and the period that each lies in.
#[derive(Debug)]
pub struct Stretches {
    /// The first instant of each; the first stretch has no beginning.
    starts: Vec<i64>,
    periods: Vec<u32>,
    /// How many periods there are.
    width: usize,
    /// The UTC day that `by_day` begins with.
    first_day: i64,
    /// The stretch that holds the start of each UTC day: where to look first.
    by_day: Vec<u32>,
}

impl Stretches {
    /// Stretches by their first instants, which are in order, and the periods that they lie in, counted from 0. Activity
    /// goes from `first` to `last`.
    pub fn new(starts: impl IntoIterator<Item = (Instant, u32)>, first: Instant, last: Instant) -> Self {
        let (mut starts, periods): (Vec<i64>, Vec<u32>) = starts.into_iter().map(|(start, period)| (start.0, period)).unzip();
        if let Some(start) = starts.first_mut() {
            *start = i64::MIN;
        }
        let days = first.0.div_euclid(MICROS_PER_DAY)..=last.0.div_euclid(MICROS_PER_DAY);
        let first_day = *days.start();
        let mut stretch = 0;
        let by_day = days.map(|day| {
            let at = day.saturating_mul(MICROS_PER_DAY);
            while starts.get(stretch + 1).is_some_and(|&start| start <= at) {
                stretch += 1;
            }
            stretch as u32
        });
        let by_day = by_day.collect();
        let width = periods.iter().max().map_or(0, |&last| last as usize + 1);
        Self { starts, periods, width, first_day, by_day }
    }

    /// How many stretches there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// How many periods there are.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether each stretch is the period of its own number.
    pub(crate) fn are_periods(&self) -> bool {
        self.periods.iter().enumerate().all(|(stretch, &period)| stretch == period as usize)
    }

    /// The period that a stretch lies in.
    #[inline]
    pub(crate) fn period(&self, stretch: u32) -> u32 {
        self.periods[stretch as usize]
    }

    /// Looks stretches up.
    pub(crate) fn cursor(&self) -> StretchCursor<'_> {
        StretchCursor { stretches: self, stretch: 0, from: 0, length: 0 }
    }
}

/// Looks stretches up; remembers the last one, which mostly holds the next row too.
#[derive(Debug, Clone)]
pub(crate) struct StretchCursor<'a> {
    stretches: &'a Stretches,
    stretch: u32,
    from: i64,
    length: u64,
}

impl StretchCursor<'_> {
    /// The stretch that holds an instant.
    #[inline]
    pub(crate) fn at(&mut self, micros: i64) -> u32 {
        if micros.wrapping_sub(self.from) as u64 >= self.length {
            self.look_up(micros);
        }
        self.stretch
    }

    fn look_up(&mut self, micros: i64) {
        let Stretches { starts, first_day, by_day, .. } = self.stretches;
        let day = micros.div_euclid(MICROS_PER_DAY).saturating_sub(*first_day);
        let day = usize::try_from(day).unwrap_or_default().min(by_day.len().saturating_sub(1));
        let mut stretch = by_day.get(day).map_or(0, |&stretch| stretch as usize);
        while starts.get(stretch + 1).is_some_and(|&start| start <= micros) {
            stretch += 1;
        }
        self.stretch = stretch as u32;
        self.from = starts.get(stretch).copied().unwrap_or(i64::MIN);
        let until = starts.get(stretch + 1).copied().unwrap_or(i64::MAX);
        self.length = until.wrapping_sub(self.from) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instant_lies_in_the_last_stretch_begun() {
        let day = MICROS_PER_DAY;
        // The third stretch is over as it begins.
        let starts = [-3 * day, -day / 2, day, day, 5 * day + 7];
        let stretches = Stretches::new(
            starts.iter().zip([0, 0, 1, 1, 2]).map(|(&at, p)| (Instant(at), p)),
            Instant(-3 * day),
            Instant(9 * day),
        );
        assert_eq!((stretches.len(), stretches.width(), stretches.period(4)), (5, 3, 2));
        let mut cursor = stretches.cursor();
        let instants = [-3 * day, -day / 2 - 1, -day / 2, 9 * day, 0, day - 1, day, 5 * day, 5 * day + 6, 5 * day + 7, -2 * day];
        for at in instants {
            let expected = starts.iter().rposition(|&start| start <= at).unwrap();
            assert_eq!(cursor.at(at) as usize, expected, "{at}");
            assert_eq!(stretches.cursor().at(at) as usize, expected, "{at}");
        }
    }
}
