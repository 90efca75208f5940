//! Texts as numbers, in every style and in the style that their profile has, a line each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenure_exports::{NumberProfile, NumberReader, NumberStyle};
use tenure_exports_fuzz::{begin, chosen};
use tenure_model::Decimal;

fn read(style: NumberStyle, text: &str) -> Option<Decimal> {
    NumberReader::new(style).read(text).ok().flatten()
}

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some((choice, text)) = chosen(data) else { return };
    let (mut whole, mut halves) = (NumberProfile::default(), [NumberProfile::default(), NumberProfile::default()]);
    for (number, line) in text.lines().enumerate() {
        let plain = read(NumberStyle::Plain, line);
        let (point, comma) = (read(NumberStyle::Point, line), read(NumberStyle::Comma, line));
        // What is plain is what any program reads, and a point is one then.
        assert_eq!(plain, line.trim().parse().ok(), "{line:?}");
        assert!(plain.is_none() || plain == point, "{line:?}: {plain:?} {point:?}");
        // What can be read one way is read that way.
        let either = read(NumberStyle::Either, line);
        assert!(either.is_none() || either == point || either == comma, "{line:?}: {either:?} {point:?} {comma:?}");
        assert!(either.is_none() || point.is_none() || comma.is_none() || point == comma, "{line:?}: {point:?} {comma:?}");
        whole.add(line);
        halves[number % 2].add(line);
    }
    let [mut joined, other] = halves;
    joined.join(&other);
    let (style, notes) = whole.style(choice % 2 == 1);
    assert_eq!((style, notes), joined.style(choice % 2 == 1));
    for line in text.lines() {
        let _ = NumberReader::new(style).read(line);
    }
});
