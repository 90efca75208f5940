use std::fmt;
use std::str::FromStr;

use crate::age::Age;
use crate::error::{Error, ErrorKind};

/// When a cohort member counts as retained at age k. An age is exposed once it is lived; a bracket once its last age is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Criterion {
    /// A return at age k (bounded, "N-day").
    #[default]
    On,
    /// A return at any age ≥ k before the end of the window, lived or not (unbounded).
    OnOrAfter,
    /// A return at any age 0..k (cumulative).
    OnOrBefore,
    /// A return at every age 0..k.
    Streak,
    /// A return at any age inside the bracket; an open bracket `a-` is on-or-after a.
    Brackets(Brackets),
}

impl Criterion {
    /// The criteria that `--criterion` names.
    pub const NAMED: [Criterion; 4] = [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak];
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Criterion::On => "on",
            Criterion::OnOrAfter => "on-or-after",
            Criterion::OnOrBefore => "on-or-before",
            Criterion::Streak => "streak",
            Criterion::Brackets(_) => "brackets",
        })
    }
}

impl FromStr for Criterion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Criterion::NAMED.into_iter().find(|criterion| criterion.to_string() == text).ok_or_else(|| {
            Error::new(
                ErrorKind::Age,
                format!(
                    "no criterion \"{text}\" (expected on, on-or-after, on-or-before or streak; --brackets is one of its own)"
                ),
            )
        })
    }
}

/// Consecutive ages: one, several, or all from one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgeRange {
    /// The first age.
    pub from: Age,
    /// The last age; none of an open range.
    pub to: Option<Age>,
}

impl AgeRange {
    /// One age.
    pub const fn one(age: Age) -> Self {
        Self { from: age, to: Some(age) }
    }

    /// Whether it holds one age alone.
    pub fn is_one(self) -> bool {
        self.to == Some(self.from)
    }

    /// Whether it holds an age.
    pub fn contains(self, age: Age) -> bool {
        self.from <= age && self.to.is_none_or(|to| age <= to)
    }
}

impl fmt::Display for AgeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            Some(to) if to == self.from => to.fmt(f),
            Some(to) => write!(f, "{}-{to}", self.from),
            None => write!(f, "{}-", self.from),
        }
    }
}

/// Ranges of ages that do not overlap, ascending; only the last may be open. Gaps are allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brackets(Vec<AgeRange>);

impl Brackets {
    /// The ranges, ascending.
    pub fn ranges(&self) -> &[AgeRange] {
        &self.0
    }
}

impl fmt::Display for Brackets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, range) in self.0.iter().enumerate() {
            write!(f, "{}{range}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Brackets {
    type Err = Error;

    /// Reads `0,1-3,4-7,8-`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::new(ErrorKind::Age, format!("brackets \"{text}\": {reason}"));
        let age = |part: &str, number: &str| {
            let age = number.trim().parse().map(Age);
            age.map_err(|_| wrong(format!("cannot read \"{}\" (expected ages such as 0,1-3,4-7,8-)", part.trim())))
        };
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let range = match part.split_once('-') {
                None => AgeRange::one(age(part, part)?),
                Some((from, to)) if to.trim().is_empty() => AgeRange { from: age(part, from)?, to: None },
                Some((from, to)) => AgeRange { from: age(part, from)?, to: Some(age(part, to)?) },
            };
            if range.to.is_some_and(|to| to < range.from) {
                return Err(wrong(format!("{} ends before it begins", part.trim())));
            }
            ranges.push(range);
        }
        ranges.sort_unstable_by_key(|range| range.from);
        for pair in ranges.windows(2) {
            if pair[0].to.is_none_or(|to| to >= pair[1].from) {
                return Err(wrong(format!("{} and {} overlap", pair[0], pair[1])));
            }
        }
        Ok(Self(ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_read_as_they_print() {
        let brackets: Brackets = "0, 1-3,7-7,8-".parse().unwrap();
        assert_eq!(brackets.to_string(), "0,1-3,7,8-");
        assert!(brackets.ranges()[1].contains(Age(3)) && !brackets.ranges()[1].contains(Age(4)));
        assert!(brackets.ranges()[3].contains(Age(4_000)));
    }

    #[test]
    fn wrong_brackets_are_named() {
        let message = |text: &str| text.parse::<Brackets>().unwrap_err().to_string();
        assert_eq!(message("0-3,3-5"), "brackets \"0-3,3-5\": 0-3 and 3-5 overlap");
        assert_eq!(message("0-,5"), "brackets \"0-,5\": 0- and 5 overlap");
        assert_eq!(message("3-1"), "brackets \"3-1\": 3-1 ends before it begins");
        assert_eq!(message("a"), "brackets \"a\": cannot read \"a\" (expected ages such as 0,1-3,4-7,8-)");
        assert_eq!(message(""), "brackets \"\": cannot read \"\" (expected ages such as 0,1-3,4-7,8-)");
    }

    #[test]
    fn criteria_read_as_they_print() {
        for criterion in Criterion::NAMED {
            assert_eq!(criterion.to_string().parse::<Criterion>().unwrap(), criterion);
        }
        assert!("brackets".parse::<Criterion>().is_err());
    }
}
