//! How wide texts are, before it is known which font they are drawn with.

use unicode_width::UnicodeWidthChar;

/// Widths are those of a wide font, so that another's fit too; in parts of the size.
fn letter_width(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.30,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' | '"' | '*' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' | '—' => 0.92,
        '0'..='9' | 'a'..='z' | '_' | '–' => 0.60,
        'A'..='Z' | '&' | '+' | '=' | '<' | '>' | '−' | '→' | '×' => 0.70,
        other => match other.width().unwrap_or(0) {
            0 => 0.0,
            1 => 0.65,
            _ => 1.05,
        },
    }
}

/// How much wider bold letters are.
const BOLD: f64 = 1.07;

/// The room that a text takes at most.
pub(crate) fn text_width(text: &str, size: f64, weight: super::Weight) -> f64 {
    let width: f64 = text.chars().map(letter_width).sum();
    width * size * if weight == super::Weight::Bold { BOLD } else { 1.0 }
}

/// A text in lines no wider than `width`, parted between words, or within a word that is wider by itself.
pub(crate) fn wrapped(text: &str, size: f64, weight: super::Weight, width: f64) -> Vec<String> {
    let fits = |line: &str| text_width(line, size, weight) <= width;
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if fits(&longer) {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            line.push(c);
            if !fits(&line) && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.to_string()));
            }
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::Weight;

    #[test]
    fn lines_are_no_wider_than_asked() {
        let lines = wrapped("one two threefourfive six", 10.0, Weight::Regular, 45.0);
        assert_eq!(lines.concat().replace(' ', ""), "onetwothreefourfivesix");
        assert!(lines.iter().all(|line| text_width(line, 10.0, Weight::Regular) <= 45.0), "{lines:?}");
        assert_eq!(lines[0], "one two");
        assert_eq!(wrapped("", 10.0, Weight::Regular, 40.0), [""]);
        assert_eq!(wrapped("mm", 10.0, Weight::Regular, 1.0), ["m", "m"], "a letter that is too wide stands alone");
    }
}
