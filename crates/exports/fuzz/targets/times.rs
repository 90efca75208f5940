//! Texts as times, in every style and in the style that their profile has, a line each. The first byte chooses the zone
//! and whether the first line is a format.
#![no_main]

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use tenure_exports::{TimeProfile, TimeReader, TimeStyle};
use tenure_exports_fuzz::{begin, chosen};
use tenure_model::{Precision, Zone};

const STYLES: [TimeStyle; 7] = [
    TimeStyle::Plain,
    TimeStyle::DayFirst,
    TimeStyle::MonthFirst,
    TimeStyle::EitherFirst,
    TimeStyle::Epoch,
    TimeStyle::Serial(Precision::Date),
    TimeStyle::Serial(Precision::Instant),
];

/// Microseconds since 1970 of what jiff reads, in UTC where the text names no zone.
fn by_jiff(text: &str) -> Option<i64> {
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    i64::try_from(at.as_nanosecond().div_euclid(1000)).ok()
}

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some((choice, text)) = chosen(data) else { return };
    let utc = choice % 2 == 0;
    let zone = if utc { Zone::utc() } else { Zone::named("Europe/Berlin").unwrap() };
    let mut lines = text.lines();
    let format = if choice & 2 != 0 { lines.next() } else { None };
    let reader = TimeReader::new(format.map(str::to_owned), zone);
    let mut profile = TimeProfile::default();
    for line in lines {
        for style in STYLES {
            let _ = reader.clone().with_style(style).read(line);
        }
        if let (true, None, Ok((read, _)), Some(expected)) = (utc, format, reader.read(line), by_jiff(line)) {
            // Numbers since 1970 are ours alone, and a name in brackets is one of a zone, which a civil time of jiff's ignores.
            if !line.trim().bytes().all(|byte| byte.is_ascii_digit()) && !line.contains('[') {
                assert_eq!(read.0, expected, "{line:?}");
            }
        }
        let mut one = TimeProfile::default();
        one.add(line);
        profile.join(&one);
    }
    let (style, _) = profile.style();
    for line in text.lines() {
        let _ = reader.clone().with_style(style).read(line);
    }
});
