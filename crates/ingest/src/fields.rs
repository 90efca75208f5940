//! Columns of an export as texts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use crate::options::Field;

/// Columns of an export by their places among those that are read, and how their text is put right.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) places: Vec<usize>,
    pub(crate) lower: bool,
    pub(crate) strip: Option<String>,
    pub(crate) map: BTreeMap<String, String>,
    pub(crate) leading_number: bool,
}

impl Fields {
    pub(crate) fn new(places: Vec<usize>, field: &Field) -> Self {
        let Field { lower, strip, map, leading_number, .. } = field.clone();
        Self { places, lower, strip, map, leading_number }
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.places.len() == 1 && !self.lower && self.strip.is_none() && self.map.is_empty() && !self.leading_number
    }

    /// The first column that is not blank in a row, as it is, and its place among the columns.
    #[inline]
    pub(crate) fn raw<'a>(&self, texts: &'a [StringArray], row: usize) -> (&'a str, usize) {
        for (texts, &place) in texts.iter().zip(&self.places) {
            let text = text_at(texts, row);
            if !text.is_empty() {
                return (text, place);
            }
        }
        ("", self.places.first().copied().unwrap_or_default())
    }

    pub(crate) fn put_right<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        if let Some(rest) = self.strip.as_ref().and_then(|prefix| text.strip_prefix(prefix.as_str())) {
            text = Cow::Owned(rest.trim().to_owned());
        }
        if self.lower && text.chars().any(char::is_uppercase) {
            text = Cow::Owned(text.to_lowercase());
        }
        if self.leading_number {
            let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            text = Cow::Owned(text[..digits].to_owned());
        }
        match self.map.get(&*text) {
            Some(other) => Cow::Owned(other.clone()),
            None => text,
        }
    }
}

/// Any column as text. Nested values are text only where that is wanted.
pub(crate) fn texts_of(array: &ArrayRef, nested: bool) -> Option<StringArray> {
    if array.data_type() == &DataType::Utf8 {
        return Some(array.as_string::<i32>().clone());
    }
    if array.data_type().is_nested() && !nested {
        return None;
    }
    if array.data_type().is_floating() {
        // The shortest digits that name the number, never in exponents: 1704067199999 and not 1.704067199999e12.
        let numbers = cast(array, &DataType::Float64).ok()?;
        let texts = numbers.as_primitive::<Float64Type>().iter().map(|number| number.map(|number| number.to_string()));
        return Some(texts.collect());
    }
    cast(array, &DataType::Utf8).ok().map(|texts| texts.as_string::<i32>().clone())
}

/// The text of a row without spaces around it; empty where there is none.
#[inline]
pub(crate) fn text_at(texts: &StringArray, row: usize) -> &str {
    if texts.is_null(row) {
        return "";
    }
    let text = texts.value(row);
    if is_trimmed(text) { text } else { text.trim() }
}

/// Whether a text begins and ends with a mark that is no space, as nearly every text does. Other texts may be without
/// spaces around them too.
#[inline]
pub(crate) fn is_trimmed(text: &str) -> bool {
    let solid = |byte: Option<&u8>| byte.is_some_and(|byte| (0x21..0x7f).contains(byte));
    solid(text.as_bytes().first()) && solid(text.as_bytes().last())
}
