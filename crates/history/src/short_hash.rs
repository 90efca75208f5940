//! The xxh3-128 of short texts, out of registers: written to memory digit by digit and read back in larger pieces, each
//! number would wait for its own digits.

use crate::row_hash::{PRIMES, SECRET, avalanche};

/// A text of up to 16 bytes: these, the first in the lowest bits, and how many there are. The other bits are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShortText {
    pub(crate) bytes: u128,
    pub(crate) length: u32,
}

const PRIME_32_2: u64 = 0x85eb_ca77;
const PRIME_64_3: u64 = 0x1656_67b1_9e37_79f9;
const PRIME_MX2: u64 = 0x9fb2_1c65_1e98_df25;

/// Numbers of up to eight digits lie below.
const EIGHT_DIGITS: u64 = 100_000_000;

/// Numbers of up to sixteen digits lie below.
const SIXTEEN_DIGITS: i64 = 10_000_000_000_000_000;

impl ShortText {
    /// The decimal digits of a number that is not negative and has no more than sixteen.
    #[inline(always)]
    pub(crate) fn of_number(number: i64) -> Option<Self> {
        if !(0..SIXTEEN_DIGITS).contains(&number) {
            return None;
        }
        let number = number as u64;
        if number < EIGHT_DIGITS {
            let digits = eight_digits(number);
            // The last digit is there, also where it is 0.
            let leading = (digits.trailing_zeros() / 8).min(7);
            let all = digits + u64::from_le_bytes([b'0'; 8]);
            return Some(Self { bytes: u128::from(all >> (8 * leading)), length: 8 - leading });
        }
        let digits = [number / EIGHT_DIGITS, number % EIGHT_DIGITS].map(|half| u128::from(eight_digits(half)));
        let digits = digits[0] | digits[1] << 64;
        let leading = digits.trailing_zeros() / 8;
        let all = digits + u128::from_le_bytes([b'0'; 16]);
        Some(Self { bytes: all >> (8 * leading), length: 16 - leading })
    }

    /// As [`crate::layout::id_hash`] of the bytes.
    #[inline(always)]
    pub(crate) fn hash(self) -> u128 {
        match self.length {
            4..=8 => self.hash_of_8(),
            9..=16 => self.hash_of_16(),
            _ => self.hash_of_3(),
        }
    }

    #[inline(never)]
    fn hash_of_3(self) -> u128 {
        let byte = |place: u32| (self.bytes >> (8 * place)) as u32 & 0xff;
        if self.length == 0 {
            return xxhash_rust::xxh3::xxh3_128(&[]);
        }
        let length = self.length;
        let low = byte(0) << 16 | byte(length >> 1) << 24 | byte(length - 1) | length << 8;
        let high = low.swap_bytes().rotate_left(13);
        let secret = |word: u64| u64::from(word as u32 ^ (word >> 32) as u32);
        let mix = |text: u32, word: u64| {
            let mut hash = u64::from(text) ^ secret(word);
            hash = (hash ^ hash >> 33).wrapping_mul(PRIMES[1]);
            hash = (hash ^ hash >> 29).wrapping_mul(PRIME_64_3);
            u128::from(hash ^ hash >> 32)
        };
        mix(low, SECRET[0]) | mix(high, SECRET[1]) << 64
    }

    #[inline(always)]
    fn hash_of_8(self) -> u128 {
        let all = self.bytes as u64;
        let last = all >> (8 * (self.length - 4));
        let keyed = (all & 0xffff_ffff | last << 32) ^ SECRET[2] ^ SECRET[3];
        let product = u128::from(keyed) * u128::from(PRIMES[0].wrapping_add(u64::from(self.length) << 2));
        let (mut low, mut high) = (product as u64, (product >> 64) as u64);
        high = high.wrapping_add(low << 1);
        low ^= high >> 3;
        low = (low ^ low >> 35).wrapping_mul(PRIME_MX2);
        u128::from(low ^ low >> 28) | u128::from(avalanche(high)) << 64
    }

    #[inline(never)]
    fn hash_of_16(self) -> u128 {
        let first = self.bytes as u64;
        let last = (self.bytes >> (8 * (self.length - 8))) as u64;
        let product = u128::from(first ^ last ^ SECRET[4] ^ SECRET[5]) * u128::from(PRIMES[0]);
        let low = (product as u64).wrapping_add(u64::from(self.length - 1) << 54);
        let last = last ^ SECRET[6] ^ SECRET[7];
        let more = last.wrapping_add(u64::from(last as u32).wrapping_mul(PRIME_32_2 - 1));
        let high = ((product >> 64) as u64).wrapping_add(more);
        let product = u128::from(low ^ high.swap_bytes()) * u128::from(PRIMES[1]);
        let end = ((product >> 64) as u64).wrapping_add(high.wrapping_mul(PRIMES[1]));
        u128::from(avalanche(product as u64)) | u128::from(avalanche(end)) << 64
    }
}

/// The digits of a number below 10^8, a byte each, the first in the lowest bits.
#[inline]
fn eight_digits(number: u64) -> u64 {
    // Halves of four digits, of two, of one: each step divides all parts at once.
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let high = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = high | (fours - 100 * high) << 16;
    let high = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    high | (twos - 10 * high) << 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::id_hash;

    #[test]
    fn hashes_are_those_of_the_bytes() {
        let text = b"0123456789abcdef";
        for length in 0..=16 {
            let mut bytes = [0; 16];
            bytes[..length].copy_from_slice(&text[..length]);
            let short = ShortText { bytes: u128::from_le_bytes(bytes), length: length as u32 };
            assert_eq!(short.hash(), id_hash(&text[..length]), "{length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn numbers_are_their_digits(number: i64, shift in 0..64u32) {
            for number in [number >> shift, 10i64.pow(shift % 19), 10i64.pow(shift % 19) - 1] {
                let digits = number.to_string();
                let short = ShortText::of_number(number);
                proptest::prop_assert_eq!(short.is_some(), number >= 0 && digits.len() <= 16);
                if let Some(short) = short {
                    proptest::prop_assert_eq!(&short.bytes.to_le_bytes()[..short.length as usize], digits.as_bytes());
                    proptest::prop_assert_eq!(short.hash(), id_hash(digits.as_bytes()));
                }
            }
        }
    }
}
