//! Texts to instants.

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime;
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use tenure_model::{Day, Decimal, Instant, Precision, Zone};

use crate::time_texts::{DateText, TimeText, date_and_time, fast_iso, numeric, unspaced};

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
const MILLIS_PER_DAY: i128 = 86_400_000;

/// Numbers since 1970 below these are seconds, milliseconds, microseconds; others are nanoseconds.
const EPOCH_BOUNDS: [i64; 3] = [100_000_000_000, 100_000_000_000_000, 100_000_000_000_000_000];

const EPOCH_UNITS: [&str; 4] = ["seconds", "milliseconds", "microseconds", "nanoseconds"];

/// The least number that is taken for one of seconds since 1970: 1973. Each unit begins there, and what is smaller is more
/// likely no time than one of 1970.
const FIRST_EPOCH: i64 = 100_000_000;

/// Numbers of days that a spreadsheet writes for dates from 1954 to 2119.
const SERIAL_DAYS: std::ops::Range<i64> = 20_000..80_000;

/// The day that a spreadsheet numbers 0.
const SERIAL_ZERO: Day = Day::from_ymd(1899, 12, 30);

/// Why a text is not read as a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFault {
    /// It is none of the column's kind.
    Unreadable,
    /// Its day and month may be either way around.
    Ambiguous,
}

/// How the times of a column are written. What can't be mistaken, as ISO 8601 can't, is read in every style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeStyle {
    /// What can't be mistaken.
    #[default]
    Plain,
    /// `31/01/2024`, `31.01.2024`.
    DayFirst,
    /// `01/31/2024`.
    MonthFirst,
    /// `31/01/2024` and `01/31/2024`, each proven by its day; `03/04/2024` is ambiguous.
    EitherFirst,
    /// Numbers since 1970; the unit is told by their size.
    Epoch,
    /// Numbers of days as spreadsheets count them: `45384.5`. How exact a whole number is.
    Serial(Precision),
}

/// How the times of an export are written.
#[derive(Debug, Clone)]
pub struct TimeReader {
    /// A strftime format, which then decides alone.
    format: Option<String>,
    style: TimeStyle,
    /// The zone of times that name none.
    zone: Zone,
}

impl TimeReader {
    /// A reader of times that can't be mistaken, or of those of a strftime format alone.
    pub fn new(format: Option<String>, zone: Zone) -> Self {
        Self { format, style: TimeStyle::default(), zone }
    }

    /// The same for times that are written so.
    pub fn with_style(self, style: TimeStyle) -> Self {
        Self { style, ..self }
    }

    /// What a readable time would look like, for messages.
    pub fn expected(&self) -> String {
        match (&self.format, self.style) {
            (Some(format), _) => format!("the format \"{format}\""),
            (None, TimeStyle::Plain) => "RFC 3339, such as 2024-03-01T09:30:00Z, or --time-format".to_owned(),
            (None, TimeStyle::DayFirst) => "a day first, such as 31/01/2024, or --time-format".to_owned(),
            (None, TimeStyle::MonthFirst) => "a month first, such as 01/31/2024, or --time-format".to_owned(),
            (None, TimeStyle::EitherFirst) => "--time-format '%d/%m/%Y' or --time-format '%m/%d/%Y'".to_owned(),
            (None, TimeStyle::Epoch) => "a number since 1970, such as 1704067200, or --time-format".to_owned(),
            (None, TimeStyle::Serial(_)) => "a spreadsheet's day number, such as 45384.5, or --time-format".to_owned(),
        }
    }

    /// The zone of times that name none.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The instant that a text names, and how exactly. A time without zone or offset is one of the source zone; a date is
    /// the start of its local day there.
    ///
    /// # Errors
    ///
    /// [`TimeFault`] where it names none, or one of two in this style.
    pub fn read(&self, text: &str) -> Result<(Instant, Precision), TimeFault> {
        if let Some(format) = &self.format {
            return self.read_formatted(format, text).ok_or(TimeFault::Unreadable);
        }
        if let Some((day, time)) = fast_iso(text.as_bytes()) {
            return Ok(self.resolve(day, time));
        }
        let text = &*unspaced(text);
        if let Some(number) = numeric(text) {
            return self.read_number(text, number).ok_or(TimeFault::Unreadable);
        }
        match date_and_time(text) {
            Some((DateText::Day(day), time)) => Ok(self.resolve(day, time)),
            Some((DateText::Numbers(date), time)) => {
                let (day_first, month_first) = (date.day_first(), date.month_first());
                let day = match (self.style, day_first, month_first) {
                    (TimeStyle::DayFirst, Some(day), _) | (TimeStyle::MonthFirst, _, Some(day)) => day,
                    (TimeStyle::MonthFirst | TimeStyle::EitherFirst, Some(day), _) if date.dotted => day,
                    (TimeStyle::DayFirst | TimeStyle::MonthFirst, _, _) => return Err(TimeFault::Unreadable),
                    (TimeStyle::EitherFirst, Some(day), None) | (TimeStyle::EitherFirst, None, Some(day)) => day,
                    (_, Some(_), Some(_)) => return Err(TimeFault::Ambiguous),
                    _ => return Err(TimeFault::Unreadable),
                };
                Ok(self.resolve(day, time))
            }
            None => self.read_pieces(text).ok_or(TimeFault::Unreadable),
        }
    }

    fn resolve(&self, day: Day, time: Option<TimeText<'_>>) -> (Instant, Precision) {
        let Some(time) = time else { return (self.zone.start_of_day(day), Precision::Date) };
        let local = i64::from(day.0) * MICROS_PER_DAY + time.micros;
        let at = match time.zone {
            crate::time_texts::ZoneText::Offset(seconds) => Instant(local - i64::from(seconds) * MICROS_PER_SECOND),
            crate::time_texts::ZoneText::None => self.zone.instant_of_local(local),
            crate::time_texts::ZoneText::Named(name) => {
                Zone::named(name).map_or_else(|_| self.zone.instant_of_local(local), |zone| zone.instant_of_local(local))
            }
        };
        (at, Precision::Instant)
    }

    /// What is rare enough to be left to a full parser of ISO 8601.
    fn read_pieces(&self, text: &str) -> Option<(Instant, Precision)> {
        let pieces = Pieces::parse(text).ok()?;
        let Some(time) = pieces.time() else { return Some((self.zone.start_of_day(day(pieces.date())), Precision::Date)) };
        let local = micros(DateTime::from_parts(pieces.date(), time));
        let offset = match pieces.offset() {
            Some(PiecesOffset::Numeric(offset)) => i64::from(offset.offset().seconds()),
            Some(_) => 0,
            None => return self.read_zoned(&pieces, local),
        };
        Some((Instant(local - offset * MICROS_PER_SECOND), Precision::Instant))
    }

    fn read_zoned(&self, pieces: &Pieces<'_>, local: i64) -> Option<(Instant, Precision)> {
        match pieces.to_time_zone().ok()? {
            Some(tz) => Some((Zone::named(tz.iana_name()?).ok()?.instant_of_local(local), Precision::Instant)),
            None => Some((self.zone.instant_of_local(local), Precision::Instant)),
        }
    }

    fn read_number(&self, text: &str, number: Decimal) -> Option<(Instant, Precision)> {
        match self.style {
            TimeStyle::Epoch => epoch(number).map(|(at, _)| (at, Precision::Instant)),
            TimeStyle::Serial(whole) => {
                let millis = serial(number)?;
                let local = i64::try_from(millis).ok()? * 1000 + i64::from(SERIAL_ZERO.0) * MICROS_PER_DAY;
                if is_whole(number) && whole == Precision::Date {
                    return Some((self.zone.start_of_day(Day(local.div_euclid(MICROS_PER_DAY) as i32)), whole));
                }
                Some((self.zone.instant_of_local(local), Precision::Instant))
            }
            _ => crate::time_texts::compact(text).map(|day| self.resolve(day, None)),
        }
    }

    fn read_formatted(&self, format: &str, text: &str) -> Option<(Instant, Precision)> {
        let parts = strtime::parse(format, text).ok()?;
        if let Some(timestamp) = parts.offset().and_then(|_| parts.to_timestamp().ok()) {
            return Some((Instant(timestamp.as_microsecond()), Precision::Instant));
        }
        if let Some(timestamp) = parts.timestamp() {
            return Some((Instant(timestamp.as_microsecond()), Precision::Instant));
        }
        let date = parts.to_date().ok()?;
        if parts.hour().is_none() {
            return Some((self.zone.start_of_day(day(date)), Precision::Date));
        }
        let time = parts.to_time().unwrap_or(Time::midnight());
        Some((self.zone.instant_of_local(micros(DateTime::from_parts(date, time))), Precision::Instant))
    }
}

fn day(date: Date) -> Day {
    Day::from_ymd(date.year().into(), date.month() as u32, date.day() as u32)
}

fn micros(at: DateTime) -> i64 {
    let time = at.time();
    let seconds = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    i64::from(day(at.date()).0) * MICROS_PER_DAY
        + seconds * MICROS_PER_SECOND
        + i64::from(time.subsec_nanosecond()).div_euclid(1000)
}

/// The instant that a number since 1970 names, and its unit among [`EPOCH_UNITS`].
fn epoch(number: Decimal) -> Option<(Instant, usize)> {
    let one = 10i128.checked_pow(u32::from(number.scale()))?;
    let whole = number.units().div_euclid(one);
    if whole < i128::from(FIRST_EPOCH) {
        return None;
    }
    let unit = EPOCH_BOUNDS.iter().position(|&bound| whole < i128::from(bound)).unwrap_or(EPOCH_BOUNDS.len());
    let micros = match unit {
        0 => number.units().checked_mul(1_000_000)?.div_euclid(one),
        1 => number.units().checked_mul(1000)?.div_euclid(one),
        2 => whole,
        _ => whole.div_euclid(1000),
    };
    Some((Instant(i64::try_from(micros).ok()?), unit))
}

fn is_whole(number: Decimal) -> bool {
    number.normalized().scale() == 0
}

/// The milliseconds since the spreadsheets' day 0, to the nearest: their day numbers are no more exact.
fn serial(number: Decimal) -> Option<i128> {
    let one = 10i128.checked_pow(u32::from(number.scale()))?;
    let days = i64::try_from(number.units().div_euclid(one)).ok()?;
    if !SERIAL_DAYS.contains(&days) {
        return None;
    }
    Some((number.units().checked_mul(MILLIS_PER_DAY)?.checked_mul(2)?.checked_add(one)?).div_euclid(one.checked_mul(2)?))
}

/// What the times of a column turned out to look like, over all its rows.
#[derive(Debug, Clone, Default)]
pub struct TimeProfile {
    /// Values that can't be mistaken.
    plain: u64,
    day_first: u64,
    month_first: u64,
    /// Values such as `03/04/2024`.
    either_first: u64,
    dotted: u64,
    /// Numbers since 1970, by unit.
    epoch: [u64; EPOCH_UNITS.len()],
    serial_dates: u64,
    serial_times: u64,
}

impl TimeProfile {
    /// Takes a value of the column into account.
    pub fn add(&mut self, text: &str) {
        if fast_iso(text.as_bytes()).is_some() {
            self.plain += 1;
            return;
        }
        let text = &*unspaced(text);
        if let Some(number) = numeric(text) {
            if crate::time_texts::compact(text).is_some() {
                self.plain += 1;
            } else if let Some((_, unit)) = epoch(number) {
                self.epoch[unit] += 1;
            } else if serial(number).is_some() {
                *(if is_whole(number) { &mut self.serial_dates } else { &mut self.serial_times }) += 1;
            }
            return;
        }
        match date_and_time(text) {
            Some((DateText::Day(_), _)) => self.plain += 1,
            Some((DateText::Numbers(date), _)) => match (date.day_first(), date.month_first()) {
                (Some(_), _) if date.dotted => self.dotted += 1,
                (Some(_), Some(_)) => self.either_first += 1,
                (Some(_), None) => self.day_first += 1,
                (None, Some(_)) => self.month_first += 1,
                (None, None) => {}
            },
            None => self.plain += u64::from(Pieces::parse(text).is_ok()),
        }
    }

    /// Takes what another part of the column showed into account.
    pub fn join(&mut self, other: &TimeProfile) {
        self.plain += other.plain;
        self.day_first += other.day_first;
        self.month_first += other.month_first;
        self.either_first += other.either_first;
        self.dotted += other.dotted;
        self.epoch.iter_mut().zip(other.epoch).for_each(|(all, more)| *all += more);
        self.serial_dates += other.serial_dates;
        self.serial_times += other.serial_times;
    }

    /// Whether any value is a time that is written as one, not as a number.
    pub fn is_time(&self) -> bool {
        self.plain + self.day_first + self.month_first + self.either_first + self.dotted > 0
    }

    /// The style that most values have, and what is worth telling about it: each a clause that follows the column's name.
    pub fn style(&self) -> (TimeStyle, Vec<String>) {
        let numbers = self.day_first + self.month_first + self.either_first + self.dotted;
        let epochs: u64 = self.epoch.iter().sum();
        let serials = self.serial_dates + self.serial_times;
        let most = self.plain.max(numbers).max(epochs).max(serials);
        if most == self.plain {
            (TimeStyle::Plain, Vec::new())
        } else if most == numbers {
            self.order()
        } else if most == epochs {
            (TimeStyle::Epoch, vec![self.epoch_note()])
        } else {
            let whole = if self.serial_times > 0 { Precision::Instant } else { Precision::Date };
            let note = "times are read as a spreadsheet's day numbers (45384.5 is 2024-04-02 12:00)";
            (TimeStyle::Serial(whole), vec![note.to_owned()])
        }
    }

    fn order(&self) -> (TimeStyle, Vec<String>) {
        match (self.day_first, self.month_first, self.either_first) {
            (0, 0, 0) => (TimeStyle::DayFirst, vec!["dates are read day first (31.01.2024)".to_owned()]),
            (0, 0, either) => {
                let note = format!(
                    "{either} dates such as 03/04/2024 may have the day or the month first; say which with --time-format \
                     '%d/%m/%Y' or --time-format '%m/%d/%Y'"
                );
                (TimeStyle::EitherFirst, vec![note])
            }
            (_, 0, _) => (TimeStyle::DayFirst, vec!["dates are read day first (31/01/2024)".to_owned()]),
            (0, _, _) => (TimeStyle::MonthFirst, vec!["dates are read month first (01/31/2024)".to_owned()]),
            (day, month, either) => {
                let note = format!(
                    "{day} dates have the day first and {month} the month: {either} that may be either are not read; say which \
                     with --time-format '%d/%m/%Y' or --time-format '%m/%d/%Y'"
                );
                (TimeStyle::EitherFirst, vec![note])
            }
        }
    }

    fn epoch_note(&self) -> String {
        let used = self.epoch.iter().zip(EPOCH_UNITS).filter(|(count, _)| **count > 0);
        let units: Vec<String> = used.clone().map(|(count, unit)| format!("{count} of {unit}")).collect();
        match &units[..] {
            [_] => {
                let unit = used.map(|(_, unit)| unit).next().unwrap_or_default();
                format!("times are read as {unit} since 1970")
            }
            units => format!("times are numbers since 1970 in more than one unit, told by their size: {}", units.join(", ")),
        }
    }
}

#[cfg(test)]
#[path = "times_tests.rs"]
mod tests;
