use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// A calendar date, as the number of days since 1970-01-01 in the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// Days from 0000-03-01 to 1970-01-01. Years are counted from March, so that the leap day is a year's last.
const DAYS_TO_EPOCH: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

/// The first days of the months from January 1970 on, which nearly all dates lie in.
static FIRST_DAYS: [i32; TABULATED_MONTHS] = {
    let mut days = [0; TABULATED_MONTHS];
    let mut month = 0;
    while month < TABULATED_MONTHS {
        days[month] = Day::first_day(month as i32).0;
        month += 1;
    }
    days
};

/// 150 years of months.
const TABULATED_MONTHS: usize = 1_800;

impl Day {
    /// The day of a year, a month (1–12) and a day of the month, which must exist.
    pub const fn from_ymd(year: i32, month: u32, day: u32) -> Self {
        let y = year as i64 - (month <= 2) as i64;
        let era = y.div_euclid(400);
        let year_of_era = y - era * 400;
        let from_march = (month as i64 + 9) % 12;
        let day_of_year = (153 * from_march + 2) / 5 + day as i64 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Day((era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH) as i32)
    }

    /// Year, month (1–12) and day of the month.
    pub const fn ymd(self) -> (i32, u32, u32) {
        let z = self.0 as i64 + DAYS_TO_EPOCH;
        let era = z.div_euclid(DAYS_PER_ERA);
        let doe = z - era * DAYS_PER_ERA;
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
        let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
        ((yoe + era * 400 + (month <= 2) as i64) as i32, month, day)
    }

    /// Months since January 1970.
    pub fn month_number(self) -> i32 {
        // 400 years of 4,800 months have 146,097 days, so that the guess is the month or the one before or after.
        let guess = (i64::from(self.0) * 4_800).div_euclid(DAYS_PER_ERA);
        if let Ok(guess) = usize::try_from(guess)
            && let Some([_, rest @ ..]) = FIRST_DAYS.get(guess.saturating_sub(1)..guess + 3)
            && guess > 0
        {
            return guess as i32 - 1 + rest.iter().filter(|first| **first <= self.0).count() as i32;
        }
        let (year, month, _) = self.ymd();
        Day::month_of(year, month)
    }

    /// A month (1–12) of a year, counted from January 1970.
    pub(crate) const fn month_of(year: i32, month: u32) -> i32 {
        (year - 1970) * 12 + month as i32 - 1
    }

    /// The first day of a month counted from January 1970.
    pub fn first_of_month(month_number: i32) -> Self {
        match usize::try_from(month_number).ok().and_then(|month| FIRST_DAYS.get(month)) {
            Some(&first) => Day(first),
            None => Day::first_day(month_number),
        }
    }

    const fn first_day(month_number: i32) -> Self {
        Day::from_ymd(1970 + month_number.div_euclid(12), month_number.rem_euclid(12) as u32 + 1, 1)
    }

    /// This date with `months` added once, clamped to the last day of the month it lands in.
    pub fn add_months(self, months: i32) -> Self {
        let target = self.month_number() + months;
        let first = Day::first_of_month(target);
        let length = Day::first_of_month(target + 1).0 - first.0;
        let (_, _, day) = self.ymd();
        let day = if day as i32 > length { length } else { day as i32 };
        Day(first.0 + day - 1)
    }

    /// Whole months from `self` to `later`: the largest m with `self.add_months(m) <= later`.
    pub fn months_until(self, later: Day) -> i32 {
        let m = later.month_number() - self.month_number();
        if self.add_months(m).0 > later.0 { m - 1 } else { m }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, m, d) = self.ymd();
        write!(f, "{y:04}-{m:02}-{d:02}")
    }
}

impl FromStr for Day {
    type Err = Error;

    /// Reads `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let date: jiff::civil::Date = text
            .trim()
            .parse()
            .map_err(|_| Error::new(ErrorKind::Time, format!("cannot read date \"{text}\" (expected YYYY-MM-DD)")))?;
        Ok(Day::from_ymd(date.year().into(), date.month() as u32, date.day() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_jiff_on_every_day_of_four_centuries() {
        let mut date = jiff::civil::date(1890, 1, 1);
        let mut day = Day::from_ymd(1890, 1, 1);
        while date.year() < 2290 {
            assert_eq!(day.ymd(), (date.year().into(), date.month() as u32, date.day() as u32));
            assert_eq!(Day::from_ymd(date.year().into(), date.month() as u32, date.day() as u32), day);
            let month = (i32::from(date.year()) - 1970) * 12 + i32::from(date.month()) - 1;
            assert_eq!(day.month_number(), month);
            assert_eq!(Day::first_of_month(month).0, day.0 - i32::from(date.day()) + 1);
            date = date.tomorrow().unwrap();
            day = Day(day.0 + 1);
        }
        assert_eq!(Day(0).to_string(), "1970-01-01");
    }

    #[test]
    fn months_are_added_once_and_clamped() {
        let jan31 = Day::from_ymd(2024, 1, 31);
        assert_eq!(jan31.add_months(1), Day::from_ymd(2024, 2, 29));
        assert_eq!(jan31.add_months(2), Day::from_ymd(2024, 3, 31));
        assert_eq!(jan31.add_months(-2), Day::from_ymd(2023, 11, 30));
        assert_eq!(jan31.months_until(Day::from_ymd(2024, 2, 28)), 0);
        assert_eq!(jan31.months_until(Day::from_ymd(2024, 2, 29)), 1);
        assert_eq!(jan31.months_until(Day::from_ymd(2024, 1, 30)), -1);
    }

    #[test]
    fn a_wrong_date_is_named() {
        let error = "2024-02-30".parse::<Day>().unwrap_err();
        assert_eq!(error.to_string(), "cannot read date \"2024-02-30\" (expected YYYY-MM-DD)");
    }
}
