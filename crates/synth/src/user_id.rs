//! Identifiers that look like UUIDs of version 4.

use crate::chance::Key;

/// Bytes of an identifier in text form.
pub(crate) const TEXT_LEN: usize = 36;

const LOW_BITS: u32 = 62;
const LOW_MASK: u64 = (1 << LOW_BITS) - 1;

/// Names the customers of a business.
#[derive(Debug)]
pub(crate) struct UserIds {
    high: Key,
    low: u64,
}

impl UserIds {
    pub(crate) fn new(seed: u64) -> Self {
        let key = Key::new(seed).part(u64::MAX - 1);
        Self { high: key, low: key.draw(u64::MAX - 1) & LOW_MASK }
    }

    fn of(&self, customer: u32) -> (u64, u64) {
        let high = self.high.draw(u64::from(customer));
        // Each step can be undone within 62 bits, so that no two customers share these.
        let mut low = u64::from(customer) ^ self.low;
        low = low.wrapping_mul(0xBF58_476D_1CE4_E5B9) & LOW_MASK;
        low ^= low >> 32;
        low = low.wrapping_mul(0x94D0_49BB_1331_11EB) & LOW_MASK;
        low ^= low >> 29;
        low = low.wrapping_mul(0xD6E8_FEB8_6659_FD93) & LOW_MASK;
        low ^= low >> 32;
        (high & !0xF000 | 0x4000, low | 0b10 << LOW_BITS)
    }

    /// The identifier of a customer.
    pub(crate) fn text(&self, customer: u32) -> [u8; TEXT_LEN] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
        let (high, low) = self.of(customer);
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        let mut text = [b'-'; TEXT_LEN];
        for (byte, place) in bytes.into_iter().zip(PLACES) {
            text[place] = DIGITS[usize::from(byte >> 4)];
            text[place + 1] = DIGITS[usize::from(byte & 0xF)];
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn identifiers_are_uuids_and_differ() {
        let ids = UserIds::new(7);
        let texts: HashSet<_> = (0..100_000).map(|customer| ids.text(customer)).collect();
        assert_eq!(texts.len(), 100_000);
        for text in texts {
            assert_eq!((text[8], text[13], text[18], text[23]), (b'-', b'-', b'-', b'-'));
            assert_eq!(text[14], b'4');
            assert!(b"89ab".contains(&text[19]));
        }
    }

    #[test]
    fn the_low_bits_alone_differ() {
        let ids = UserIds::new(7);
        let lows: HashSet<_> = (0..100_000).map(|customer| ids.of(customer).1).collect();
        assert_eq!(lows.len(), 100_000);
    }
}
