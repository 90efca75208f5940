//! The forms in which dates and times are written.

use std::borrow::Cow;

use tenure_model::{Day, Decimal, Zone};

use crate::times::MICROS_PER_SECOND;

/// The years of dates that are written as eight digits.
const COMPACT_YEARS: std::ops::RangeInclusive<u32> = 1900..=2100;

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The zones that RFC 2822 has names for, in hours.
const NAMED_OFFSETS: [(&str, i32); 11] = [
    ("utc", 0),
    ("gmt", 0),
    ("ut", 0),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
];

/// A date as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateText {
    /// The day is certain.
    Day(Day),
    /// Which number is the day is not.
    Numbers(DateNumbers),
}

/// `31/01/2024`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateNumbers {
    first: u32,
    second: u32,
    year: u32,
    /// Written with dots, which nobody does with the month first.
    pub(crate) dotted: bool,
}

impl DateNumbers {
    pub(crate) fn day_first(self) -> Option<Day> {
        valid_day(self.year, self.second, self.first)
    }

    pub(crate) fn month_first(self) -> Option<Day> {
        if self.dotted { None } else { valid_day(self.year, self.first, self.second) }
    }
}

/// A time of day as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeText<'a> {
    /// Microseconds since midnight.
    pub(crate) micros: i64,
    pub(crate) zone: ZoneText<'a>,
}

/// The zone of a time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZoneText<'a> {
    None,
    /// Seconds east of UTC.
    Offset(i32),
    /// A name that is known to be one.
    Named(&'a str),
}

/// The days of the months in common years.
const MONTH_DAYS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

fn valid_day(year: u32, month: u32, day: u32) -> Option<Day> {
    let days = u32::from(*MONTH_DAYS.get(month.wrapping_sub(1) as usize)?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = days + u32::from(month == 2 && leap);
    (1..=days).contains(&day).then(|| Day::from_ymd(year as i32, month, day))
}

/// Digits at fixed places, and whether all of them were digits.
struct Digits(bool);

impl Digits {
    fn two(&mut self, tens: u8, ones: u8) -> u32 {
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        self.0 &= tens <= 9 && ones <= 9;
        u32::from(tens) * 10 + u32::from(ones)
    }
}

/// Reads the commonest forms of ISO 8601 without a look at anything else: `2024-01-31`, `2024-01-31 10:00:00.123+02:00`.
pub(crate) fn fast_iso(text: &[u8]) -> Option<(Day, Option<TimeText<'_>>)> {
    let (&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1], rest) = text.split_first_chunk()? else { return None };
    let mut digits = Digits(true);
    let year = digits.two(y0, y1) * 100 + digits.two(y2, y3);
    let (month, day) = (digits.two(m0, m1), digits.two(d0, d1));
    if !digits.0 {
        return None;
    }
    let day = valid_day(year, month, day)?;
    if rest.is_empty() {
        return Some((day, None));
    }
    let (&[b'T' | b' ', h0, h1, b':', n0, n1], mut rest) = rest.split_first_chunk()? else { return None };
    let (hour, minute) = (digits.two(h0, h1), digits.two(n0, n1));
    let (mut second, mut micros) = (0, 0);
    if let Some((&[b':', s0, s1], after)) = rest.split_first_chunk() {
        second = digits.two(s0, s1);
        rest = after;
        if let [b'.', after @ ..] = rest {
            let length = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&length) {
                return None;
            }
            micros = fraction(&after[..length]);
            rest = &after[length..];
        }
    }
    let zone = match *rest {
        [] => ZoneText::None,
        [b'Z'] | [b' ', b'U', b'T', b'C'] => ZoneText::Offset(0),
        [sign @ (b'+' | b'-'), h0, h1, b':', n0, n1] | [sign @ (b'+' | b'-'), h0, h1, n0, n1] => {
            ZoneText::Offset(offset(sign, digits.two(h0, h1), digits.two(n0, n1))?)
        }
        _ => return None,
    };
    if !digits.0 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((day, Some(TimeText { micros: clock(hour, minute, second) + micros, zone })))
}

fn clock(hour: u32, minute: u32, second: u32) -> i64 {
    i64::from((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND
}

/// Microseconds of the digits after a second's point; what is finer is left off.
fn fraction(digits: &[u8]) -> i64 {
    let micros = digits.iter().take(6).fold(0, |micros, &digit| micros * 10 + i64::from(digit - b'0'));
    micros * 10i64.pow(6 - digits.len().min(6) as u32)
}

fn offset(sign: u8, hours: u32, minutes: u32) -> Option<i32> {
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 60 + minutes) as i32 * 60;
    Some(if sign == b'-' { -seconds } else { seconds })
}

/// The text without space around it, and with spaces that are spaces: some programs write other ones before AM and PM.
pub(crate) fn unspaced(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.contains(['\u{a0}', '\u{2009}', '\u{202f}']) {
        Cow::Owned(text.replace(['\u{a0}', '\u{2009}', '\u{202f}'], " "))
    } else {
        Cow::Borrowed(text)
    }
}

/// The number that a text is, where it is no more than that.
pub(crate) fn numeric(text: &str) -> Option<Decimal> {
    let bytes = text.as_bytes();
    let numeric = bytes.first()?.is_ascii_digit()
        && bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+'))
        && bytes.iter().filter(|&&byte| byte == b'.').count() <= 1;
    if numeric { text.parse().ok() } else { None }
}

/// The date that eight digits are.
pub(crate) fn compact(text: &str) -> Option<Day> {
    let &[y0, y1, y2, y3, m0, m1, d0, d1] = text.as_bytes() else { return None };
    let mut digits = Digits(true);
    let year = digits.two(y0, y1) * 100 + digits.two(y2, y3);
    let (month, day) = (digits.two(m0, m1), digits.two(d0, d1));
    if digits.0 && COMPACT_YEARS.contains(&year) { valid_day(year, month, day) } else { None }
}

/// Reads a text from its start.
struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
    /// A number of at least and at most so many digits, all that there are.
    fn number(&mut self, least: usize, most: usize) -> Option<(u32, usize)> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if digits < least || digits > most {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some((number.parse().ok()?, digits))
    }

    fn one_of(&mut self, characters: &str) -> Option<u8> {
        let first = *self.0.as_bytes().first()?;
        if !characters.as_bytes().contains(&first) {
            return None;
        }
        self.0 = &self.0[1..];
        Some(first)
    }

    fn spaces(&mut self) -> bool {
        let rest = self.0.trim_start_matches(' ');
        let some = rest.len() < self.0.len();
        self.0 = rest;
        some
    }

    /// A run of letters.
    fn word(&mut self) -> &'a str {
        let letters = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.0.split_at(letters);
        self.0 = rest;
        word
    }

    /// The place of a name, whole or its first three letters, in a list.
    fn name(&mut self, names: &[&str]) -> Option<u32> {
        let word = self.word();
        let is = |name: &str| {
            word.eq_ignore_ascii_case(name)
                || word.eq_ignore_ascii_case(&name[..3])
                || (word.eq_ignore_ascii_case("sept") && name == "september")
        };
        names.iter().position(|name| is(name)).map(|place| place as u32)
    }

    /// What stands between the parts of a date with a month's name.
    fn gap(&mut self) -> Option<()> {
        let before = self.0.len();
        while self.one_of(" -/,.").is_some() {}
        (self.0.len() < before).then_some(())
    }
}

/// A date, and a time where one follows.
pub(crate) fn date_and_time(text: &str) -> Option<(DateText, Option<TimeText<'_>>)> {
    let mut scan = Scan(text);
    let mut ctime = Scan(text);
    let date = match date(&mut scan) {
        Some(date) => date,
        None => return unix_date(&mut ctime),
    };
    if scan.0.is_empty() {
        return Some((date, None));
    }
    let separated = match scan.one_of("Tt,") {
        Some(b',') => scan.spaces(),
        Some(_) => true,
        None => scan.spaces(),
    };
    if !separated {
        return None;
    }
    let time = time(&mut scan)?;
    Some((date, Some(time)))
}

fn date(scan: &mut Scan<'_>) -> Option<DateText> {
    if scan.0.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let mut weekday = Scan(scan.0);
        if weekday.name(&WEEKDAYS).is_some() && weekday.gap().is_some() {
            scan.0 = weekday.0;
        }
    }
    if scan.0.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let month = scan.name(&MONTHS)? + 1;
        scan.gap()?;
        let (day, _) = scan.number(1, 2)?;
        scan.gap()?;
        let (year, _) = scan.number(4, 4)?;
        return valid_day(year, month, day).map(DateText::Day);
    }
    let (first, digits) = scan.number(1, 4)?;
    let separator = scan.one_of("-/. ")?;
    if scan.0.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let month = scan.name(&MONTHS)? + 1;
        scan.gap()?;
        let (last, last_digits) = scan.number(1, 4)?;
        return match (digits, last_digits) {
            (4, 1 | 2) => valid_day(first, month, last),
            (1 | 2, 4) => valid_day(last, month, first),
            _ => None,
        }
        .map(DateText::Day);
    }
    if separator == b' ' {
        return None;
    }
    let (second, _) = scan.number(1, 2)?;
    if scan.one_of("-/.")? != separator {
        return None;
    }
    let (third, third_digits) = scan.number(1, 4)?;
    match (digits, third_digits) {
        (4, 1 | 2) => valid_day(first, second, third).map(DateText::Day),
        (1 | 2, 4) => Some(DateText::Numbers(DateNumbers { first, second, year: third, dotted: separator == b'.' })),
        _ => None,
    }
}

/// `Mon Jan  5 10:00:00 UTC 2024`.
fn unix_date<'a>(scan: &mut Scan<'a>) -> Option<(DateText, Option<TimeText<'a>>)> {
    scan.name(&WEEKDAYS)?;
    scan.gap()?;
    let month = scan.name(&MONTHS)? + 1;
    scan.gap()?;
    let (day, _) = scan.number(1, 2)?;
    scan.gap()?;
    let (rest, year) = scan.0.rsplit_once(' ')?;
    let (year, _) = Scan(year).number(4, 4)?;
    let time = time(&mut Scan(rest))?;
    Some((DateText::Day(valid_day(year, month, day)?), Some(time)))
}

fn time<'a>(scan: &mut Scan<'a>) -> Option<TimeText<'a>> {
    let (mut hour, _) = scan.number(1, 2)?;
    let mut minute = 0;
    let (mut second, mut micros) = (0, 0);
    let colon = scan.one_of(":").is_some();
    if colon {
        (minute, _) = scan.number(2, 2)?;
        if scan.one_of(":").is_some() {
            (second, _) = scan.number(2, 2)?;
            if scan.one_of(".,").is_some() {
                let digits = scan.0.bytes().take_while(u8::is_ascii_digit).count();
                if digits == 0 {
                    return None;
                }
                micros = fraction(&scan.0.as_bytes()[..digits]);
                scan.0 = &scan.0[digits..];
            }
        }
    }
    let half = half_of_day(scan);
    match half {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(half) => hour = hour % 12 + half,
        // A lone number is no time.
        None if !colon => return None,
        None => {}
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    scan.spaces();
    Some(TimeText { micros: clock(hour, minute, second) + micros, zone: zone(scan.0)? })
}

/// The hours that AM and PM add.
fn half_of_day(scan: &mut Scan<'_>) -> Option<u32> {
    let rest = scan.0.trim_start_matches(' ');
    let halves = [("a.m.", 0), ("p.m.", 12), ("am", 0), ("pm", 12)];
    let (name, hours) =
        halves.into_iter().find(|(name, _)| rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))?;
    scan.0 = &rest[name.len()..];
    Some(hours)
}

fn zone(text: &str) -> Option<ZoneText<'_>> {
    if text.is_empty() {
        return Some(ZoneText::None);
    }
    if text.eq_ignore_ascii_case("z") {
        return Some(ZoneText::Offset(0));
    }
    // A name in brackets or parentheses after an offset says nothing more.
    if let Some((offset, _)) = text.split_once(['[', '(']).filter(|(offset, _)| !offset.trim().is_empty()) {
        return text.ends_with([']', ')']).then(|| zone(offset.trim()))?;
    }
    if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Zone::named(name).is_ok().then_some(ZoneText::Named(name));
    }
    let mut scan = Scan(text);
    let word = scan.word();
    let hours = if word.is_empty() {
        0
    } else {
        NAMED_OFFSETS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, hours)| *hours)?
    };
    if scan.0.is_empty() {
        return Some(ZoneText::Offset(hours * 3600));
    }
    if hours != 0 {
        return None;
    }
    let sign = scan.one_of("+-")?;
    let (number, digits) = scan.number(1, 4)?;
    let (hours, minutes) = match digits {
        4 => (number / 100, number % 100),
        1 | 2 if scan.one_of(":").is_some() => (number, scan.number(2, 2)?.0),
        1 | 2 => (number, 0),
        _ => return None,
    };
    if scan.0.is_empty() { offset(sign, hours, minutes).map(ZoneText::Offset) } else { None }
}
