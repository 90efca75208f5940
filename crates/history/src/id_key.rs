//! Ids as keys of tables. Different ids of one kind have different keys: a key is the id, never only a hash of it.

use crate::layout::id_hash;
use crate::short_hash::ShortText;

/// A text, as its table has it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TextKey<'a> {
    /// A UUID in its usual form, `8-4-4-4-12` small hexadecimal digits: its 128 bits, in some order.
    Uuid([u64; 2]),
    /// A text of up to [`MOST_SHORT`] bytes: these, and their number in the last byte.
    Short([u64; 2]),
    /// Any other text.
    Long(&'a [u8]),
}

/// The bytes of a text that is its own key.
const MOST_SHORT: usize = 15;

const UUID_BYTES: usize = 36;

impl<'a> TextKey<'a> {
    /// The key of a text.
    #[inline]
    pub(crate) fn of(text: &'a [u8]) -> Self {
        if let Some(bits) = uuid_of(text) {
            return TextKey::Uuid(bits);
        }
        if text.len() > MOST_SHORT {
            return TextKey::Long(text);
        }
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text);
        bytes[MOST_SHORT] = text.len() as u8;
        let number = u128::from_le_bytes(bytes);
        TextKey::Short([number as u64, (number >> 64) as u64])
    }
}

/// A key that spreads over a table.
pub(crate) trait Spread: Copy + Eq + Default {
    /// Bits that differ where keys do, nearly always.
    fn spread(self) -> u64;
}

impl Spread for [u64; 2] {
    #[inline]
    fn spread(self) -> u64 {
        fold(fold(self[0] ^ SEEDS[0], SEEDS[1]) ^ self[1], SEEDS[2])
    }
}

impl Spread for i64 {
    #[inline]
    fn spread(self) -> u64 {
        fold(self as u64 ^ SEEDS[0], SEEDS[1])
    }
}

/// Digits of pi, as good as any.
const SEEDS: [u64; 3] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345, 0xa409_3822_299f_31d1];

/// Both halves of a product together: every bit depends on all bits.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The bits of a text that is a UUID.
#[inline]
pub(crate) fn uuid_of(text: &[u8]) -> Option<[u64; 2]> {
    uuid(<&[u8; UUID_BYTES]>::try_from(text).ok()?)
}

/// The bits of a UUID; nothing for a text that is not one, or is one in another form.
#[inline]
fn uuid(text: &[u8; UUID_BYTES]) -> Option<[u64; 2]> {
    let four = |at: usize| u64::from(u32::from_le_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]]));
    let eight = |at: usize| four(at) | four(at + 4) << 32;
    let (a, wrong_a) = hexadecimal(eight(0));
    let (b, wrong_b) = hexadecimal(four(9) | four(14) << 32);
    let (c, wrong_c) = hexadecimal(four(19) | four(24) << 32);
    let (d, wrong_d) = hexadecimal(eight(28));
    let dashes = (text[8] ^ b'-') | (text[13] ^ b'-') | (text[18] ^ b'-') | (text[23] ^ b'-');
    let wrong = wrong_a | wrong_b | wrong_c | wrong_d | u64::from(dashes);
    (wrong == 0).then_some([a | b << 32, c | d << 32])
}

/// The 32 bits of eight small hexadecimal digits, and what is not 0 where they are not all such.
#[inline(always)]
fn hexadecimal(digits: u64) -> (u64, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let letters = digits >> 6 & ONES;
    let values = (digits & (0x0f * ONES)) + 9 * letters;
    // What these values are written as is to be what was read.
    let tens = (values + 6 * ONES) >> 4 & ONES;
    let written = values + 0x30 * ONES + 0x27 * tens;
    let wrong = (values & (0xf0 * ONES)) | (written ^ digits);
    let pairs = (values << 4 | values >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    ((fours | fours >> 16) & 0xffff_ffff, wrong)
}

/// The hash of the decimal digits of a number, which is that of a text with these.
#[inline(always)]
pub(crate) fn number_hash(number: i64) -> u128 {
    match ShortText::of_number(number) {
        Some(digits) => digits.hash(),
        None => id_hash(number.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(text: &str) -> Option<[u64; 2]> {
        uuid(text.as_bytes().try_into().unwrap())
    }

    const ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn uuids_have_one_form() {
        assert!(bits(ID).is_some());
        for place in 0..UUID_BYTES {
            for byte in 0..=u8::MAX {
                let mut text: [u8; UUID_BYTES] = ID.as_bytes().try_into().unwrap();
                let dash = text[place] == b'-';
                let same = text[place] == byte;
                text[place] = byte;
                let fine = if dash { byte == b'-' } else { matches!(byte, b'0'..=b'9' | b'a'..=b'f') };
                let found = uuid(&text);
                assert_eq!(found.is_some(), fine, "{place} {byte}");
                assert_eq!(found == bits(ID), same, "{place} {byte}");
            }
        }
    }

    #[test]
    fn short_texts_are_their_keys() {
        let key = |text: &'static str| match TextKey::of(text.as_bytes()) {
            TextKey::Short(key) => key,
            other => panic!("{other:?}"),
        };
        assert_ne!(key("a"), key("a\0"));
        assert_ne!(key(""), key("\0"));
        assert_ne!(key("123456789012345"), key("12345678901234"));
        assert!(matches!(TextKey::of(b"1234567890123456"), TextKey::Long(b"1234567890123456")));
        assert!(matches!(TextKey::of(&ID.to_uppercase().into_bytes()), TextKey::Long(_)));
    }

    proptest::proptest! {
        #[test]
        fn uuids_are_told_apart(a: u128, b: u128) {
            let text = |number: u128| {
                let digits = format!("{number:032x}");
                [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
            };
            proptest::prop_assert_eq!(bits(&text(a)) == bits(&text(b)), a == b);
            proptest::prop_assert!(bits(&text(a)).is_some());
        }
    }
}
