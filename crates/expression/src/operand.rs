//! What is known of the columns of an expression.

use arrow::datatypes::DataType as ArrowType;

use crate::profile::{TextProfile, TextType};

/// What is known of a column before rows are read.
#[derive(Debug, Clone)]
pub enum ColumnKind {
    /// Texts, and what they turned out to be.
    Text(TextProfile),
    /// Values of a type.
    Typed(ArrowType),
}

impl ColumnKind {
    /// What it holds, where people read it.
    pub fn in_words(&self) -> String {
        let words = match self {
            ColumnKind::Text(profile) if profile.is_blank() && !profile.is_text() => "no values",
            ColumnKind::Text(profile) => match (profile.strict(), profile.mostly()) {
                (TextType::Integer(_) | TextType::Decimal(..), _) => "numbers",
                (TextType::Boolean, _) => "true and false",
                (TextType::Text, TextType::Text | TextType::Boolean) => "text",
                (TextType::Text, _) => "numbers and other text",
            },
            ColumnKind::Typed(t) if t.is_integer() || t.is_floating() || t.is_decimal() => "numbers",
            ColumnKind::Typed(ArrowType::Boolean) => "true and false",
            ColumnKind::Typed(ArrowType::Date32 | ArrowType::Date64) => "dates",
            ColumnKind::Typed(ArrowType::Timestamp(..)) => "times",
            ColumnKind::Typed(ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View) => "text",
            ColumnKind::Typed(other) => return other.to_string(),
        };
        words.to_owned()
    }

    /// Whether nothing is known of its values.
    pub fn is_blank(&self) -> bool {
        matches!(self, ColumnKind::Text(profile) if profile.is_blank())
    }

    /// Whether it holds texts that are no numbers, in a format that does not tell them apart.
    pub fn is_plain_text(&self) -> bool {
        matches!(self, ColumnKind::Text(profile) if !profile.is_blank() && !profile.is_text() && profile.strict() == TextType::Text)
    }

    /// What its values are taken for where they are of one kind, or nearly.
    pub fn meant(&self) -> Option<Meant> {
        match self {
            ColumnKind::Text(profile) => match profile.mostly() {
                TextType::Integer(_) | TextType::Decimal(..) => Some(Meant::Numbers),
                TextType::Boolean => Some(Meant::Truths),
                TextType::Text => None,
            },
            ColumnKind::Typed(ArrowType::Boolean) => Some(Meant::Truths),
            ColumnKind::Typed(t) if t.is_integer() || t.is_floating() || t.is_decimal() => Some(Meant::Numbers),
            ColumnKind::Typed(_) => None,
        }
    }
}

/// What a column that does not look like it may be meant as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// Numbers.
    Numbers,
    /// True and false.
    Truths,
}

/// What the other exports of a load say of a column.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// It holds numbers by its type, and not only by how it looks.
    pub typed_numbers: bool,
    /// It holds texts that are no numbers, in a format that does not tell them apart.
    pub texts: bool,
    /// What it may be meant as.
    pub meant: Vec<Meant>,
    /// What it holds that it does not hold here: `numbers in orders.csv`.
    pub otherwise: Option<String>,
}

/// A column of an expression: what it holds, here and elsewhere.
#[derive(Debug, Clone)]
pub struct Operand {
    /// What it holds here.
    pub kind: ColumnKind,
    /// What the other exports say of it.
    pub elsewhere: Elsewhere,
}

impl From<ColumnKind> for Operand {
    /// A column of which nothing else is known.
    fn from(kind: ColumnKind) -> Self {
        Self { kind, elsewhere: Elsewhere::default() }
    }
}

impl Operand {
    /// The type that all its texts have, those of the other exports included.
    pub(crate) fn strict(&self, profile: &TextProfile) -> TextType {
        match profile.strict() {
            TextType::Text if self.elsewhere.typed_numbers && !profile.is_text() => profile.as_numbers(),
            TextType::Integer(_) | TextType::Decimal(..) if self.elsewhere.texts && !self.elsewhere.typed_numbers => {
                TextType::Text
            }
            strict => strict,
        }
    }

    pub(crate) fn may_be(&self, meant: Meant) -> bool {
        let ColumnKind::Text(profile) = &self.kind else { return false };
        profile.mostly() == TextType::Text && (profile.is_blank() && !profile.is_text() || self.elsewhere.meant.contains(&meant))
    }
}
