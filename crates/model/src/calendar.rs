use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::zone::Zone;

/// The rules by which a query cuts time into periods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The zone whose local days count.
    pub zone: Zone,
    /// The first day of a week.
    pub week_start: WeekStart,
    /// The first month of a fiscal year; it moves quarters, half-years and years.
    pub fiscal_start: FiscalStart,
}

impl Calendar {
    /// Weeks from Monday and years from January, in `zone`.
    pub fn new(zone: Zone) -> Self {
        Self { zone, week_start: WeekStart::default(), fiscal_start: FiscalStart::default() }
    }
}

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

/// The first day of a week, counted from Monday = 0. Default: Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WeekStart(u8);

impl WeekStart {
    pub(crate) const fn days_after_monday(self) -> i32 {
        self.0 as i32
    }
}

impl FromStr for WeekStart {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        position(&WEEKDAYS, text).map(WeekStart).ok_or_else(|| {
            Error::new(ErrorKind::CalendarName, format!("no weekday \"{text}\" (expected {})", WEEKDAYS.join(", ")))
        })
    }
}

impl fmt::Display for WeekStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WEEKDAYS[self.0 as usize])
    }
}

/// The first month of a fiscal year, counted from January = 0. Default: January.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FiscalStart(u8);

impl FiscalStart {
    pub(crate) const fn months_after_january(self) -> i32 {
        self.0 as i32
    }
}

impl FromStr for FiscalStart {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        position(&MONTHS, text)
            .map(FiscalStart)
            .ok_or_else(|| Error::new(ErrorKind::CalendarName, format!("no month \"{text}\" (expected {})", MONTHS.join(", "))))
    }
}

impl fmt::Display for FiscalStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MONTHS[self.0 as usize])
    }
}

/// The index of a name that is `text`, or that `text` begins, from three letters on.
fn position(names: &[&str], text: &str) -> Option<u8> {
    let text = text.to_ascii_lowercase();
    let found = names.iter().position(|name| *name == text || text.len() >= 3 && name.starts_with(&text))?;
    u8::try_from(found).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_whole_or_shortened() {
        assert_eq!("Sunday".parse::<WeekStart>().unwrap().to_string(), "sunday");
        assert_eq!("wed".parse::<WeekStart>().unwrap().days_after_monday(), 2);
        assert_eq!("april".parse::<FiscalStart>().unwrap().months_after_january(), 3);
        assert!("ma".parse::<FiscalStart>().is_err());
        assert!("".parse::<WeekStart>().is_err());
    }
}
