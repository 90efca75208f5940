//! When a rule fires, as it is written.

use crate::error::Error;

/// When a rule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    /// While a condition holds: over what is known of customers, or over metrics.
    Condition(String),
    /// An event that is not followed by another within a time.
    Without { event: String, without: String, within: Delay, and: Option<String> },
    /// So long after an event.
    After { delay: Delay, event: String, and: Option<String> },
}

/// A length of time: hours, days of 24 hours, or weeks of 7 of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delay {
    pub(crate) text: String,
    pub(crate) micros: i64,
}

const HOUR: i64 = 3_600_000_000;

/// The longest delay: a hundred years.
const MOST_HOURS: i64 = 24 * 36_525;

impl Delay {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("cannot read the time '{text}' (expected hours, days or weeks, such as '48h', '7d' or '2w')");
        let plain = text.trim();
        let unit = plain.chars().last().ok_or_else(wrong)?;
        let each = match unit {
            'h' => 1,
            'd' => 24,
            'w' => 7 * 24,
            _ => return Err(wrong()),
        };
        let number: i64 = plain[..plain.len() - 1].trim().parse().map_err(|_| wrong())?;
        let hours = number.checked_mul(each).filter(|hours| (1..=MOST_HOURS).contains(hours)).ok_or_else(wrong)?;
        Ok(Self { text: plain.to_owned(), micros: hours * HOUR })
    }
}

/// What is left to read.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    /// Takes a word, if it is the next one.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.0.trim_start();
        let Some((head, tail)) = rest.split_at_checked(word.len()) else { return false };
        if !head.eq_ignore_ascii_case(word) || tail.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return false;
        }
        self.0 = tail;
        true
    }

    /// Takes a text in quotes, if it is next; two quotes inside stand for one.
    fn quoted(&mut self) -> Option<String> {
        let rest = self.0.trim_start().strip_prefix('\'')?;
        let mut text = String::new();
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != '\'' {
                text.push(c);
            } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
                text.push('\'');
                chars.next();
            } else {
                self.0 = &rest[at + 1..];
                return Some(text);
            }
        }
        None
    }

    /// What follows behind `and`; nothing at the end.
    fn rest(mut self) -> Result<Option<String>, String> {
        if self.0.trim().is_empty() {
            return Ok(None);
        }
        if self.word("and") && !self.0.trim().is_empty() {
            return Ok(Some(self.0.trim().to_owned()));
        }
        Err(format!("cannot read \"{}\" (expected the end, or: and CONDITION)", self.0.trim()))
    }
}

impl When {
    /// Reads when a rule fires: `event 'A' without event 'B' for '48h'`, `after '7d' of event 'A'`, each perhaps followed by
    /// `and CONDITION`; or a condition.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let wrong = |what: String| Error::query(format!("when {text:?}: {what}"));
        let mut reader = Reader(text);
        if reader.word("after") && reader.0.trim_start().starts_with('\'') {
            let expected = || wrong("expected: after '7d' of event 'NAME'".to_owned());
            let delay = reader.quoted().ok_or_else(expected)?;
            let delay = Delay::read(&delay).map_err(wrong)?;
            if !(reader.word("of") && reader.word("event")) {
                return Err(expected());
            }
            let event = reader.quoted().ok_or_else(expected)?;
            return Ok(When::After { delay, event, and: reader.rest().map_err(wrong)? });
        }
        let mut reader = Reader(text);
        if reader.word("event") && reader.0.trim_start().starts_with('\'') {
            let expected = || wrong("expected: event 'NAME' without event 'OTHER' for '48h'".to_owned());
            let event = reader.quoted().ok_or_else(expected)?;
            if !(reader.word("without") && reader.word("event")) {
                return Err(expected());
            }
            let without = reader.quoted().ok_or_else(expected)?;
            if !reader.word("for") {
                return Err(expected());
            }
            let within = Delay::read(&reader.quoted().ok_or_else(expected)?).map_err(wrong)?;
            return Ok(When::Without { event, without, within, and: reader.rest().map_err(wrong)? });
        }
        if text.trim().is_empty() {
            return Err(wrong("it is empty; expected a condition".to_owned()));
        }
        Ok(When::Condition(text.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let delay = |text: &str, hours: i64| Delay { text: text.to_owned(), micros: hours * HOUR };
        assert_eq!(
            When::read("event 'opened' without event 'it''s done' for '48h'").unwrap(),
            When::Without { event: "opened".into(), without: "it's done".into(), within: delay("48h", 48), and: None }
        );
        assert_eq!(
            When::read("After '7d' of Event 'purchase' and value_total > 5").unwrap(),
            When::After { delay: delay("7d", 168), event: "purchase".into(), and: Some("value_total > 5".into()) }
        );
        assert_eq!(When::read("event_count > 5").unwrap(), When::Condition("event_count > 5".into()));
        let error = |text: &str| When::read(text).unwrap_err().to_string();
        assert!(error("after '7x' of event 'a'").contains("cannot read the time '7x'"));
        assert!(error("after '0d' of event 'a'").contains("cannot read the time"));
        assert!(error("after 'd' of event 'a'").contains("cannot read the time"));
        assert!(error("after '7d' event 'a'").contains("expected: after '7d' of event"));
        assert!(error("event 'a' without event 'b'").contains("for '48h'"));
        assert!(error("event 'a' without event 'b' for '2w' or x").contains("expected the end"));
        assert!(error(" ").contains("it is empty"));
    }
}
