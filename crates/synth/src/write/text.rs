//! Rows as lines of text.

use std::io::Write;

use super::{Compression, compress::compress, drive::drive};
use crate::rows::Row;
use crate::user_id::UserIds;
use crate::{Error, Plan};

const SECOND_MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * SECOND_MICROS;

/// A format of one line a row.
pub(super) trait Lines: Sync {
    /// Bytes of a line that are seldom exceeded.
    const LINE_LEN: usize;

    fn header(&self) -> &'static [u8];

    /// Appends a line. `time` is the text of the row's time.
    fn line(&self, row: &Row, user_id: &[u8], time: &[u8], text: &mut Vec<u8>);
}

pub(super) struct Csv;

impl Lines for Csv {
    const LINE_LEN: usize = 104;

    fn header(&self) -> &'static [u8] {
        b"user_id,uid,event_time,event,country,plan,amount\n"
    }

    fn line(&self, row: &Row, user_id: &[u8], time: &[u8], text: &mut Vec<u8>) {
        text.extend_from_slice(user_id);
        text.push(b',');
        push_number(u64::from(row.customer) + 1, text);
        text.push(b',');
        text.extend_from_slice(time);
        for name in [row.kind.name(), row.traits.country().code, row.traits.plan().name] {
            text.push(b',');
            text.extend_from_slice(name.as_bytes());
        }
        text.push(b',');
        if row.cents != 0 {
            push_amount(row.cents, text);
        }
        text.push(b'\n');
    }
}

pub(super) struct JsonLines;

impl Lines for JsonLines {
    const LINE_LEN: usize = 184;

    fn header(&self) -> &'static [u8] {
        b""
    }

    fn line(&self, row: &Row, user_id: &[u8], time: &[u8], text: &mut Vec<u8>) {
        text.extend_from_slice(br#"{"user_id":""#);
        text.extend_from_slice(user_id);
        text.extend_from_slice(br#"","uid":"#);
        push_number(u64::from(row.customer) + 1, text);
        text.extend_from_slice(br#","event_time":""#);
        text.extend_from_slice(time);
        text.extend_from_slice(br#"","event":""#);
        text.extend_from_slice(row.kind.name().as_bytes());
        text.extend_from_slice(br#"","country":""#);
        text.extend_from_slice(row.traits.country().code.as_bytes());
        text.extend_from_slice(br#"","plan":""#);
        text.extend_from_slice(row.traits.plan().name.as_bytes());
        text.push(b'"');
        if row.cents != 0 {
            text.extend_from_slice(br#","amount":"#);
            push_amount(row.cents, text);
        }
        text.extend_from_slice(b"}\n");
    }
}

pub(super) fn write<L: Lines>(
    plan: &Plan,
    lines: &L,
    compression: Compression,
    out: &mut (impl Write + Send),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), Error> {
    let encode = |number: usize, rows: &[Row]| {
        let header = if number == 0 { lines.header() } else { b"" };
        compress(encode(lines, header, rows, plan.user_ids()), compression)
    };
    drive(plan, encode, |block| Ok(out.write_all(&block)?), progress)
}

fn encode<L: Lines>(lines: &L, header: &[u8], rows: &[Row], user_ids: &UserIds) -> Vec<u8> {
    let mut text = Vec::with_capacity(header.len() + rows.len() * L::LINE_LEN);
    text.extend_from_slice(header);
    let mut time = TimeText::new();
    for row in rows {
        lines.line(row, &user_ids.text(row.customer), time.of(row.time), &mut text);
    }
    text
}

/// Instants as text. Rows come in time order, so the day is seldom worked out anew.
struct TimeText {
    /// Start of the day of the text, in microseconds since 1970.
    day: i64,
    text: [u8; 27],
}

impl TimeText {
    fn new() -> Self {
        Self { day: i64::MIN, text: *b"0000-00-00T00:00:00.000000Z" }
    }

    fn of(&mut self, time: i64) -> &[u8] {
        let day = time - time.rem_euclid(DAY_MICROS);
        if day != self.day {
            self.day = day;
            let date = jiff::Timestamp::from_microsecond(day).map(|day| jiff::tz::TimeZone::UTC.to_datetime(day).date());
            let date = date.expect("a business ends long before the last year that can be told");
            self.put(0, 4, date.year() as u64);
            self.put(5, 2, date.month() as u64);
            self.put(8, 2, date.day() as u64);
        }
        let into = (time - day) as u64;
        let seconds = into / SECOND_MICROS as u64;
        self.put(11, 2, seconds / 3600);
        self.put(14, 2, seconds / 60 % 60);
        self.put(17, 2, seconds % 60);
        self.put(20, 6, into % SECOND_MICROS as u64);
        &self.text
    }

    fn put(&mut self, at: usize, digits: usize, mut number: u64) {
        for place in self.text[at..at + digits].iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
}

fn push_number(mut number: u64, text: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[start..]);
}

fn push_amount(cents: i32, text: &mut Vec<u8>) {
    if cents < 0 {
        text.push(b'-');
    }
    let cents = cents.unsigned_abs();
    push_number(u64::from(cents / 100), text);
    let [tens, ones] = [cents / 10 % 10, cents % 10].map(|digit| b'0' + digit as u8);
    text.extend_from_slice(&[b'.', tens, ones]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_text() {
        let mut text = Vec::new();
        for number in [0, 9, 10, 1_000_000_000] {
            push_number(number, &mut text);
            text.push(b' ');
        }
        for cents in [1, -1, 10, 199, -123_456] {
            push_amount(cents, &mut text);
            text.push(b' ');
        }
        assert_eq!(text, b"0 9 10 1000000000 0.01 -0.01 0.10 1.99 -1234.56 ");
    }

    #[test]
    fn instants_as_text() {
        let mut time = TimeText::new();
        assert_eq!(time.of(1_643_673_599_123_456), b"2022-01-31T23:59:59.123456Z");
        assert_eq!(time.of(1_643_673_600_000_000), b"2022-02-01T00:00:00.000000Z");
        assert_eq!(time.of(1_709_164_800_000_001), b"2024-02-29T00:00:00.000001Z");
    }
}
