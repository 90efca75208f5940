//! What a column of texts holds.

use tenure_exports::{NumberProfile, NumberReader, NumberStyle};
use tenure_model::Decimal;

/// What the texts of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextType {
    /// Numbers, written so.
    Integer(NumberStyle),
    /// With at most so many decimals.
    Decimal(u8, NumberStyle),
    Boolean,
    Text,
}

/// The styles that a column's numbers may have.
const STYLES: [NumberStyle; 4] = [NumberStyle::Plain, NumberStyle::Point, NumberStyle::Comma, NumberStyle::Either];

/// What the texts of a column turned out to be, over all its rows.
#[derive(Debug, Clone, Default)]
pub struct TextProfile {
    /// Whether they are text whatever they look like.
    text: bool,
    values: u64,
    booleans: u64,
    /// Numbers written with leading zeros, as ids are.
    padded: u64,
    /// Whole numbers that are plain.
    integers: u64,
    /// The other numbers, as each style reads them.
    numbers: [Numbers; STYLES.len()],
    written: NumberProfile,
}

/// Numbers of a column, as one style reads them.
#[derive(Debug, Clone, Copy, Default)]
struct Numbers {
    /// Whole and within 64 bits.
    integers: u64,
    decimals: u64,
    scale: u8,
}

impl TextProfile {
    /// Of a column whose values are text by its format.
    pub fn of_text() -> Self {
        Self { text: true, ..Self::default() }
    }

    /// Takes a value in; an empty one is a missing one.
    pub fn add(&mut self, text: &str) {
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
        } else if boolean(text).is_some() {
            self.booleans += 1;
        } else {
            self.written.add(text);
            for (style, numbers) in STYLES.into_iter().zip(&mut self.numbers) {
                if let Ok(Some(number)) = NumberReader::new(style).read(text) {
                    numbers.add(number);
                }
            }
        }
    }

    /// Takes another profile of the same column in.
    pub fn join(&mut self, other: &TextProfile) {
        self.text |= other.text;
        self.values += other.values;
        self.booleans += other.booleans;
        self.padded += other.padded;
        self.integers += other.integers;
        for (all, more) in self.numbers.iter_mut().zip(&other.numbers) {
            all.integers += more.integers;
            all.decimals += more.decimals;
            all.scale = all.scale.max(more.scale);
        }
        self.written.join(&other.written);
    }

    /// How its numbers are written, and them as that style reads them, the plain whole ones among them.
    fn numbers(&self) -> (NumberStyle, Numbers) {
        let style = self.written.style(false).0;
        let numbers = STYLES.iter().zip(self.numbers).find(|(known, _)| **known == style).map(|(_, numbers)| numbers);
        let mut numbers = numbers.unwrap_or_default();
        numbers.integers += self.integers;
        (style, numbers)
    }

    /// The type that all values have.
    pub(crate) fn strict(&self) -> TextType {
        let (style, numbers) = self.numbers();
        if self.values == 0 || self.text {
            TextType::Text
        } else if numbers.integers + numbers.decimals == self.values {
            numbers.kind(style)
        } else if self.booleans == self.values {
            TextType::Boolean
        } else {
            TextType::Text
        }
    }

    /// The type that most values have, where it is a number.
    pub(crate) fn mostly(&self) -> TextType {
        let (style, numbers) = self.numbers();
        match self.strict() {
            TextType::Text if !self.text && numbers.integers + numbers.decimals > self.values / 2 => numbers.kind(style),
            strict => strict,
        }
    }

    /// Numbers, whatever its texts look like: those that are none can't be read.
    pub(super) fn as_numbers(&self) -> TextType {
        let (style, numbers) = self.numbers();
        numbers.kind(style)
    }

    /// Whether its values are text by its format.
    pub(crate) fn is_text(&self) -> bool {
        self.text
    }

    /// Whether there is nothing to tell a type from.
    pub(super) fn is_blank(&self) -> bool {
        self.values == 0
    }
}

impl Numbers {
    fn add(&mut self, number: Decimal) {
        let number = number.normalized();
        self.scale = self.scale.max(number.scale());
        if number.scale() == 0 && i64::try_from(number.units()).is_ok() {
            self.integers += 1;
        } else {
            self.decimals += 1;
        }
    }

    fn kind(self, style: NumberStyle) -> TextType {
        if self.decimals == 0 { TextType::Integer(style) } else { TextType::Decimal(self.scale, style) }
    }
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}
