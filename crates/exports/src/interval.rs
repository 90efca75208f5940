//! How often something is paid.

/// Units and the words for them.
const UNITS: [(&str, &[&str]); 4] = [
    ("day", &["day", "days", "daily", "d"]),
    ("week", &["week", "weeks", "weekly", "w"]),
    ("month", &["month", "months", "monthly", "m", "mo"]),
    ("year", &["year", "years", "yearly", "annual", "annually", "y", "yr"]),
];

/// Words for several of a unit.
const MULTIPLES: [(&str, &str); 4] =
    [("quarter", "3 month"), ("quarterly", "3 month"), ("half-year", "6 month"), ("biannual", "6 month")];

/// An interval as it is stored, such as `1 month`: a count and a unit. Reads `month`, `monthly`, `3 months`, `quarter`,
/// `P1Y`. Nothing where the text is none of these.
pub fn normal_interval(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    if let Some((_, normal)) = MULTIPLES.iter().find(|(word, _)| *word == text.trim_end_matches('s')) {
        return Some((*normal).to_owned());
    }
    let text = text.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(&text);
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let count: u32 = if digits == 0 { 1 } else { text[..digits].parse().ok().filter(|count| *count > 0)? };
    let word = text[digits..].trim_start_matches([' ', '-']);
    let (unit, _) = UNITS.iter().find(|(_, words)| words.contains(&word))?;
    Some(format!("{count} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_counts_of_units() {
        for (text, normal) in [
            ("month", "1 month"),
            ("Monthly", "1 month"),
            ("3 months", "3 month"),
            ("quarter", "3 month"),
            ("P1Y", "1 year"),
            ("1-week", "1 week"),
            ("annual", "1 year"),
        ] {
            assert_eq!(normal_interval(text).as_deref(), Some(normal), "{text}");
        }
        for text in ["", "0 months", "fortnight", "month 3", "-1 month", "p", "99999999999 days"] {
            assert_eq!(normal_interval(text), None, "{text}");
        }
    }
}
