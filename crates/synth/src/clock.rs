//! When within a month things happen.

use jiff::civil::{Date, Weekday, date};

use crate::chance::UNIT;
use crate::spec::FIRST_YEAR;

const HOUR_MICROS: u64 = 3_600_000_000;

/// Bits below the point of an hour's pace, so that its rounding stays far below a microsecond.
const PACE_BITS: u32 = 40;

/// Bits of a quantile that the first look-up goes by.
const COARSE_BITS: u32 = 10;

/// How lively the hours of a day are, in UTC: customers live in many time zones, so no hour is quiet.
const HOURS: [u64; 24] = [40, 33, 28, 25, 25, 28, 36, 50, 66, 80, 88, 92, 96, 99, 100, 98, 96, 94, 93, 95, 97, 90, 72, 54];

fn liveliness(day: Weekday) -> u64 {
    match day {
        Weekday::Monday => 106,
        Weekday::Tuesday => 110,
        Weekday::Wednesday => 109,
        Weekday::Thursday => 105,
        Weekday::Friday => 98,
        Weekday::Saturday => 82,
        Weekday::Sunday => 90,
    }
}

/// The first day of a month of the business.
fn first_day(month: usize) -> Date {
    let years = (month / 12) as i16;
    let month = (month % 12) as i8;
    date(FIRST_YEAR + years, month + 1, 1)
}

/// Turns quantiles of a month's activity (integers in `0..UNIT`) into instants, by day of the week and hour.
#[derive(Debug)]
pub(crate) struct Clock {
    /// First instant of the month, in microseconds since 1970.
    start: i64,
    /// Quantile at which each hour starts, and `UNIT`.
    hours: Vec<u64>,
    /// Microseconds per quantile in each hour, in fixed point.
    pace: Vec<u64>,
    /// The hour of the first quantile with each value of the coarse bits.
    coarse: Vec<u16>,
}

impl Clock {
    pub(crate) fn new(month: usize) -> Self {
        let first = first_day(month);
        let weights: Vec<u64> = first
            .series(jiff::Span::new().days(1))
            .take_while(|day| day.month() == first.month())
            .flat_map(|day| HOURS.map(|hour| hour * liveliness(day.weekday())))
            .collect();
        let total: u64 = weights.iter().sum();
        let mut sum = 0;
        let mut hours = vec![0];
        hours.extend(weights.iter().map(|weight| {
            sum += weight;
            (u128::from(sum) * u128::from(UNIT) / u128::from(total)) as u64
        }));
        let pace = hours
            .windows(2)
            .map(|ends| ((u128::from(HOUR_MICROS) << PACE_BITS) / u128::from(ends[1] - ends[0])) as u64)
            .collect();
        let coarse = (0..1u64 << COARSE_BITS)
            .map(|top| hours.partition_point(|&hour| hour <= top * (UNIT >> COARSE_BITS)) as u16 - 1)
            .collect();
        let start = first.duration_since(date(1970, 1, 1)).as_secs() * 1_000_000;
        Self { start, hours, pace, coarse }
    }

    /// The instant of a quantile, in microseconds since 1970. Never falls as the quantile grows.
    pub(crate) fn instant(&self, quantile: u64) -> i64 {
        let mut hour = usize::from(self.coarse[(quantile / (UNIT >> COARSE_BITS)) as usize]);
        while self.hours[hour + 1] <= quantile {
            hour += 1;
        }
        let into = u128::from(quantile - self.hours[hour]) * u128::from(self.pace[hour]);
        self.start + (hour as u64 * HOUR_MICROS + (into >> PACE_BITS) as u64) as i64
    }

    /// Cuts the month at full hours into up to `pieces` parts that are about equally lively: the quantiles of the
    /// cuts, from 0 to `UNIT`. No instant is in two parts, because no hour is.
    pub(crate) fn cuts(&self, pieces: u64) -> Vec<u64> {
        let mut cuts: Vec<u64> = (0..=pieces)
            .map(|piece| {
                let wanted = (u128::from(UNIT) * u128::from(piece) / u128::from(pieces)) as u64;
                self.hours[self.hours.partition_point(|&hour| hour < wanted)]
            })
            .collect();
        cuts.dedup();
        cuts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_fill_the_month_in_order() {
        let clock = Clock::new(13); // February 2023
        let start = 1_675_209_600_000_000;
        assert_eq!(clock.instant(0), start);
        assert_eq!(clock.instant(UNIT - 1), start + 28 * 86_400_000_000 - 1);
        let instants: Vec<i64> = (0..10_000).map(|n| clock.instant(n * (UNIT / 10_000))).collect();
        assert!(instants.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn every_microsecond_can_be_drawn() {
        for month in 0..12 {
            let clock = Clock::new(month);
            assert!(clock.pace.iter().all(|&pace| pace < 1 << PACE_BITS));
        }
    }

    #[test]
    fn cuts_are_full_hours() {
        let clock = Clock::new(0);
        for pieces in [1, 2, 7, 744, 5_000] {
            let cuts = clock.cuts(pieces);
            assert!((1..=pieces.min(744)).contains(&(cuts.len() as u64 - 1)));
            assert!(cuts.is_sorted_by(|a, b| a < b));
            assert_eq!((cuts[0], cuts[cuts.len() - 1]), (0, UNIT));
            for cut in &cuts[..cuts.len() - 1] {
                assert_eq!(clock.instant(*cut) % HOUR_MICROS as i64, 0);
            }
        }
    }
}
