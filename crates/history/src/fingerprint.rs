use std::fmt;
use std::ops::{AddAssign, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use crate::row_hash::RowBytes;

/// The fingerprint of a set of rows, equal rows counted: the sum of the rows' 128-bit hashes. It does not depend on the
/// order of rows, files, segments or ingests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint(u128);

impl AddAssign for Fingerprint {
    fn add_assign(&mut self, other: Fingerprint) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl SubAssign for Fingerprint {
    fn sub_assign(&mut self, other: Fingerprint) {
        self.0 = self.0.wrapping_sub(other.0);
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "xxh3:{:032x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix("xxh3:")
            .and_then(|hex| u128::from_str_radix(hex, 16).ok())
            .map(Fingerprint)
            .ok_or_else(|| format!("\"{text}\" is no fingerprint"))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What identifies a row: the parts whose hashes are computed once per customer or per name.
pub(crate) struct RowParts {
    pub(crate) customer: u128,
    pub(crate) time: i64,
    pub(crate) event: u64,
    /// Units and decimals, without zeros at the end; nothing for a missing value.
    pub(crate) value: Option<(i64, u8)>,
    pub(crate) currency: u64,
    /// The sum of the hashes of the attributes that are there.
    pub(crate) attributes: u64,
}

pub(crate) fn name_hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

/// The hash of an attribute's name and value; attributes add up, so that their order does not matter.
pub(crate) fn attribute_hash(name: &str, value: &str) -> u64 {
    let pair = [name_hash(name).to_le_bytes(), name_hash(value).to_le_bytes()].concat();
    xxh3_64(&pair)
}

#[inline]
pub(crate) fn row(parts: &RowParts) -> Fingerprint {
    let (units, scale) = parts.value.unwrap_or_default();
    let row = RowBytes {
        customer: parts.customer,
        time: parts.time as u64,
        event: parts.event,
        units: units as u64,
        scale,
        has_value: parts.value.is_some(),
        currency: parts.currency,
        attributes: parts.attributes,
    };
    Fingerprint(row.hash())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_it_reads() {
        let fingerprint = Fingerprint(0xabc);
        assert_eq!(fingerprint.to_string(), format!("xxh3:{:032x}", 0xabc));
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        assert!("abc".parse::<Fingerprint>().is_err());
    }

    #[test]
    fn a_missing_value_is_not_zero() {
        let with = |value| row(&RowParts { customer: 1, time: 2, event: 3, value, currency: 0, attributes: 0 });
        assert_ne!(with(None), with(Some((0, 0))));
    }
}
