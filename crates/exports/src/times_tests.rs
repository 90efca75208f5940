use super::*;

fn read_styled(zone: &str, style: TimeStyle, text: &str) -> Result<(String, Precision), TimeFault> {
    let reader = TimeReader::new(None, Zone::named(zone).unwrap()).with_style(style);
    reader.read(text).map(|(at, precision)| (at.to_string(), precision))
}

fn read(zone: &str, format: Option<&str>, text: &str) -> Option<(String, Precision)> {
    let reader = TimeReader::new(format.map(str::to_owned), Zone::named(zone).unwrap());
    reader.read(text).ok().map(|(at, precision)| (at.to_string(), precision))
}

fn at(text: &str) -> Result<(String, Precision), TimeFault> {
    Ok((text.to_owned(), Precision::Instant))
}

fn on(text: &str) -> Result<(String, Precision), TimeFault> {
    Ok((format!("{text}T00:00:00Z"), Precision::Date))
}

#[test]
fn iso_times_with_and_without_zone() {
    for (text, expected) in [
        ("2024-03-01T09:30:00Z", "2024-03-01T09:30:00Z"),
        ("2024-03-01T09:30:00+02:00", "2024-03-01T07:30:00Z"),
        ("2024-03-01T09:30:00-0530", "2024-03-01T15:00:00Z"),
        ("2024-03-01 09:30:00.123456789", "2024-03-01T08:30:00.123456Z"),
        ("2024-03-01 09:30", "2024-03-01T08:30:00Z"),
        ("2024-03-01T09:30:00[America/New_York]", "2024-03-01T14:30:00Z"),
        ("2024-03-01T09:30:00+01:00[Europe/Berlin]", "2024-03-01T08:30:00Z"),
        ("20240301T093000Z", "2024-03-01T09:30:00Z"),
        // Clocks skip 02:30 and go through 02:30 twice.
        ("2024-03-31 02:30", "2024-03-31T01:30:00Z"),
        ("2024-10-27 02:30", "2024-10-27T00:30:00Z"),
    ] {
        assert_eq!(read("Europe/Berlin", None, text), Some((expected.to_owned(), Precision::Instant)), "{text}");
    }
}

#[test]
fn dates_are_the_start_of_their_local_day() {
    for text in
        ["2024-07-01", "20240701", "2024/07/01", "2024.7.1", "1 Jul 2024", "July 1, 2024", "Mon, 1 Jul 2024", "01-JUL-2024"]
    {
        assert_eq!(read("Europe/Berlin", None, text), Some(("2024-06-30T22:00:00Z".to_owned(), Precision::Date)), "{text}");
    }
}

#[test]
fn what_cannot_be_mistaken_is_read_in_every_style() {
    for (text, expected) in [
        ("2024-01-31 10:00 UTC", "2024-01-31T10:00:00Z"),
        ("2026-05-31 22:29:30 +0200", "2026-05-31T20:29:30Z"),
        ("2024/01/31 10:00:00", "2024-01-31T10:00:00Z"),
        ("Jan 5, 2024, 10:00 AM", "2024-01-05T10:00:00Z"),
        ("Jan 5, 2024, 12:00\u{202f}AM", "2024-01-05T00:00:00Z"),
        ("5 January 2024 12:30 pm", "2024-01-05T12:30:00Z"),
        ("Fri, 05 Jan 2024 10:00:00 +0100", "2024-01-05T09:00:00Z"),
        ("Fri, 05 Jan 2024 10:00:00 GMT", "2024-01-05T10:00:00Z"),
        ("Fri, 05 Jan 2024 10:00:00 EST", "2024-01-05T15:00:00Z"),
        ("Fri Jan 05 2024 10:00:00 GMT+0200 (Eastern European Time)", "2024-01-05T08:00:00Z"),
        ("Fri Jan  5 10:00:00 UTC 2024", "2024-01-05T10:00:00Z"),
    ] {
        for style in [TimeStyle::Plain, TimeStyle::DayFirst, TimeStyle::MonthFirst, TimeStyle::Epoch] {
            assert_eq!(read_styled("UTC", style, text), at(expected), "{text}");
        }
    }
}

#[test]
fn days_and_months_in_their_order() {
    use TimeFault::{Ambiguous, Unreadable};
    use TimeStyle::{DayFirst, EitherFirst, MonthFirst, Plain};
    assert_eq!(read_styled("UTC", DayFirst, "03/04/2024"), on("2024-04-03"));
    assert_eq!(read_styled("UTC", MonthFirst, "03/04/2024"), on("2024-03-04"));
    assert_eq!(read_styled("UTC", EitherFirst, "03/04/2024"), Err(Ambiguous));
    assert_eq!(read_styled("UTC", Plain, "03/04/2024"), Err(Ambiguous));
    assert_eq!(read_styled("UTC", Plain, "31/01/2024"), Err(Unreadable));
    assert_eq!(read_styled("UTC", EitherFirst, "31/01/2024"), on("2024-01-31"));
    assert_eq!(read_styled("UTC", EitherFirst, "01-31-2024"), on("2024-01-31"));
    assert_eq!(read_styled("UTC", MonthFirst, "31/01/2024"), Err(Unreadable));
    assert_eq!(read_styled("UTC", MonthFirst, "3.4.2024"), on("2024-04-03"));
    assert_eq!(read_styled("UTC", DayFirst, "31.01.2026 23:59"), at("2026-01-31T23:59:00Z"));
    assert_eq!(read_styled("UTC", MonthFirst, "1/31/2024 9:05:07 PM"), at("2024-01-31T21:05:07Z"));
    assert_eq!(read_styled("UTC", DayFirst, "30/02/2024"), Err(Unreadable));
    assert_eq!(read_styled("UTC", DayFirst, "31/01/24"), Err(Unreadable));
    assert_eq!(read_styled("UTC", DayFirst, "31/01-2024"), Err(Unreadable));
    assert_eq!(read_styled("UTC", DayFirst, "1/2/2024 13:00 PM"), Err(Unreadable));
}

#[test]
fn numbers_since_1970_and_of_spreadsheets() {
    use TimeStyle::{Epoch, Plain, Serial};
    for (text, expected) in [
        ("1704067199999", "2023-12-31T23:59:59.999Z"),
        ("1.7040672E12", "2024-01-01T00:00:00Z"),
        ("1704067200", "2024-01-01T00:00:00Z"),
        ("1704067200.5", "2024-01-01T00:00:00.5Z"),
        ("1644156613242332", "2022-02-06T14:10:13.242332Z"),
        ("1644156613242332000", "2022-02-06T14:10:13.242332Z"),
    ] {
        let found = read_styled("Europe/Berlin", Epoch, text).unwrap().0;
        assert_eq!(found.parse::<jiff::Timestamp>().unwrap(), expected.parse().unwrap(), "{text}");
    }
    for text in ["0", "1", "45384", "99999999", "-1704067200", "1e30"] {
        assert_eq!(read_styled("UTC", Epoch, text), Err(TimeFault::Unreadable), "{text}");
    }
    assert_eq!(read_styled("UTC", Serial(Precision::Date), "45384.34789351852"), at("2024-04-02T08:20:58Z"));
    assert_eq!(read_styled("Europe/Berlin", Serial(Precision::Date), "45384.5"), at("2024-04-02T10:00:00Z"));
    assert_eq!(read_styled("UTC", Serial(Precision::Date), "45384"), on("2024-04-02"));
    assert_eq!(read_styled("UTC", Serial(Precision::Instant), "45384"), at("2024-04-02T00:00:00Z"));
    for text in ["19999", "80000", "1709285400", "45384", "99991399", "18990101"] {
        assert_eq!(read_styled("UTC", Plain, text), Err(TimeFault::Unreadable), "{text}");
    }
}

#[test]
fn the_whole_column_tells_its_style() {
    let style = |texts: &[&str]| {
        let mut halves = [TimeProfile::default(), TimeProfile::default()];
        texts.iter().enumerate().for_each(|(i, text)| halves[i % 2].add(text));
        let [mut profile, other] = halves;
        profile.join(&other);
        profile.style()
    };
    assert_eq!(style(&[]), (TimeStyle::Plain, vec![]));
    assert_eq!(style(&["2024-01-31", "20240131", "03/04/2024"]), (TimeStyle::Plain, vec![]));
    assert_eq!(style(&["1/2/2024", "13/01/2024", "2/12/2024"]).0, TimeStyle::DayFirst);
    assert_eq!(style(&["1/2/2024", "01/13/2024"]).0, TimeStyle::MonthFirst);
    assert_eq!(style(&["1.2.2024"]).0, TimeStyle::DayFirst);
    assert_eq!(style(&["1/2/2024", "2/2/2024"]).0, TimeStyle::EitherFirst);
    let (both, notes) = style(&["13/01/2024", "13/01/2024", "01/13/2024", "1/2/2024"]);
    assert_eq!(both, TimeStyle::EitherFirst);
    assert!(notes[0].starts_with("2 dates have the day first and 1 the month: 1 that may be either"), "{notes:?}");
    let (epoch, notes) = style(&["1704067199999", "1704067200000", "1.7040672E12", "1704067200"]);
    assert_eq!(epoch, TimeStyle::Epoch);
    assert_eq!(
        notes,
        ["times are numbers since 1970 in more than one unit, told by their size: 1 of seconds, 3 of milliseconds"]
    );
    assert_eq!(style(&["1704067200"]).1, ["times are read as seconds since 1970"]);
    assert_eq!(style(&["45384", "45385"]).0, TimeStyle::Serial(Precision::Date));
    assert_eq!(style(&["45384", "45385.25"]).0, TimeStyle::Serial(Precision::Instant));
}

#[test]
fn formats_of_ones_own() {
    let german = Some("%d.%m.%Y %H:%M");
    assert_eq!(read("Europe/Berlin", german, "31.01.2026 23:59"), Some(("2026-01-31T22:59:00Z".to_owned(), Precision::Instant)));
    assert_eq!(read("UTC", Some("%m/%d/%Y"), "12/1/2010"), Some(("2010-12-01T00:00:00Z".to_owned(), Precision::Date)));
    assert_eq!(
        read("UTC", Some("%Y-%m-%d %H:%M %z"), "2024-03-01 09:30 +0200"),
        Some(("2024-03-01T07:30:00Z".to_owned(), Precision::Instant))
    );
    assert_eq!(read("UTC", german, "2026-01-31"), None);
}

#[test]
fn what_is_no_time_is_not_read() {
    for text in [
        "",
        "31/02/2024",
        "2024-02-30",
        "yesterday",
        "2024-13-01",
        "12:30",
        "2024-03-01T25:00:00Z",
        "1709285400",
        "2024-03-01 9",
        "2024-03-01T09:30:00 XYZ",
        "2024-01-31x",
        "2024-01-31 10:00:00 +99:00",
        "Jan 5",
        "5 Jan 24",
        "Foo 5, 2024",
        "2024",
    ] {
        assert_eq!(read("UTC", None, text), None, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "[-0-9T:Z+. \\[\\]A-Za-z/,]{0,40}", format in "[%a-zA-Z:/. ]{0,12}", any in ".{0,30}") {
        let mut profile = TimeProfile::default();
        for text in [&text, &any] {
            profile.add(text);
            for style in [TimeStyle::Plain, TimeStyle::EitherFirst, TimeStyle::Epoch, TimeStyle::Serial(Precision::Date)] {
                let _ = read_styled("Europe/Berlin", style, text);
            }
            read("Europe/Berlin", Some(&format), text);
        }
    }

    /// The fast way and the full parser read the same.
    #[test]
    fn the_fast_way_reads_as_the_full_parser(
        year in 1i16..=9999, month in 1u8..=13, day in 1u8..=32, hour in 0u8..=24, minute in 0u8..=60, second in 0u8..=59,
        fraction in "(\\.[0-9]{1,9})?", separator in "[T ]", zone in "(Z|[+-][01][0-9]:?[0-5][0-9])?",
        shape in 0usize..4,
    ) {
        let text = match shape {
            0 => format!("{year:04}-{month:02}-{day:02}"),
            1 => format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}"),
            _ => format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}{fraction}{zone}"),
        };
        let reader = TimeReader::new(None, Zone::named("Europe/Berlin").unwrap());
        proptest::prop_assert_eq!(reader.read(&text).ok(), reader.read_pieces(&text), "{}", text);
    }
}
