//! What a column of texts holds.

use tenure_model::Decimal;

/// What the texts of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextType {
    Integer,
    /// With at most so many decimals.
    Decimal(u8),
    Boolean,
    Text,
}

/// What the texts of a column turned out to be, over all its rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextProfile {
    values: u64,
    integers: u64,
    decimals: u64,
    booleans: u64,
    /// Numbers written with leading zeros, as ids are.
    padded: u64,
    scale: u8,
}

impl TextProfile {
    pub(crate) fn add(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.values += 1;
        let digits = text.trim_start_matches(['-', '+']);
        if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
            self.padded += 1;
        } else if text.parse::<i64>().is_ok() {
            self.integers += 1;
        } else if let Ok(decimal) = text.parse::<Decimal>() {
            self.decimals += 1;
            self.scale = self.scale.max(decimal.normalized().scale());
        } else if boolean(text).is_some() {
            self.booleans += 1;
        }
    }

    pub(crate) fn join(&mut self, other: &TextProfile) {
        self.values += other.values;
        self.integers += other.integers;
        self.decimals += other.decimals;
        self.booleans += other.booleans;
        self.padded += other.padded;
        self.scale = self.scale.max(other.scale);
    }

    /// The type that all values have.
    pub(super) fn strict(&self) -> TextType {
        if self.values == 0 {
            TextType::Text
        } else if self.integers == self.values {
            TextType::Integer
        } else if self.integers + self.decimals == self.values {
            TextType::Decimal(self.scale)
        } else if self.booleans == self.values {
            TextType::Boolean
        } else {
            TextType::Text
        }
    }

    /// The type that most values have, where it is a number.
    pub(super) fn mostly(&self) -> TextType {
        match self.strict() {
            TextType::Text if self.integers + self.decimals > self.values / 2 => {
                if self.decimals == 0 {
                    TextType::Integer
                } else {
                    TextType::Decimal(self.scale)
                }
            }
            strict => strict,
        }
    }
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}
