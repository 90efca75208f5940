//! Names and values of the data where a reader might obey them: a terminal, a spreadsheet, a Markdown or HTML page.

use std::borrow::Cow;

/// What a terminal would obey, XML can't hold, or turns what comes after it round.
pub(crate) fn is_unshown(c: char) -> bool {
    c.is_control() || is_turn(c) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Marks that make a text run the other way, whatever its letters.
fn is_turn(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text that can be shown anywhere: a space in place of each control character.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(is_unshown) { Cow::Owned(text.replace(is_unshown, " ")) } else { Cow::Borrowed(text) }
}

/// A text as a field of CSV, that a spreadsheet takes for text and a terminal does not obey: an apostrophe stands before one
/// that begins as a formula does, unless it is a number; spaces stand for control characters other than tabs and ends of
/// lines.
pub(crate) fn field(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| is_turn(c) || c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    let shown = if text.contains(is_obeyed) { Cow::Owned(text.replace(is_obeyed, " ")) } else { Cow::Borrowed(text) };
    if begins_a_formula(&shown) { Cow::Owned(format!("'{shown}")) } else { shown }
}

/// Spreadsheets pass over spaces before a formula.
fn begins_a_formula(text: &str) -> bool {
    let first = text.trim_start_matches(' ').chars().next();
    matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n')) && !is_number(text)
}

/// A sign, digits, a point and digits.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A text as Markdown shows it, whatever it looks like.
pub(crate) fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in plain(text).chars() {
        if matches!(c, '\\' | '|' | '<' | '>' | '&' | '`' | '[' | ']') {
            shown.push('\\');
        }
        shown.push(c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_texts_and_numbers_stay() {
        for (text, expected) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1+1", "'+1+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "'  =1"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("-", "'-"),
            ("-5", "-5"),
            ("+4917012345", "+4917012345"),
            ("-12.50", "-12.50"),
            ("-1.", "'-1."),
            ("a=b", "a=b"),
            ("two\nlines", "two\nlines"),
            ("\u{1b}[31mred\u{9b}", " [31mred "),
            ("\u{1b}=1", "' =1"),
            ("ab\u{202e}cd", "ab cd"),
            ("", ""),
        ] {
            assert_eq!(field(text), expected, "{text:?}");
        }
    }

    #[test]
    fn markdown_shows_what_there_is() {
        assert_eq!(markdown("a|b`c`<b>&amp;[x](y)\\\u{7}"), "a\\|b\\`c\\`\\<b\\>\\&amp;\\[x\\](y)\\\\ ");
        assert_eq!(markdown("user_1 26.1*"), "user_1 26.1*");
        assert_eq!(plain("x\u{1b}\u{ffff}y"), "x  y");
    }
}
