//! The xxh3-128 of a row's 58 bytes, out of the numbers they are made of. Written to memory and read back at the offsets
//! of the hash, which lie across those of the numbers, each row would wait for its own bytes.

/// How many bytes a row has.
const LENGTH: u64 = 58;

/// The first words of the secret that xxh3 is defined with.
pub(crate) const SECRET: [u64; 8] = [
    0xbe4b_a423_396c_feb8,
    0x1cad_21f7_2c81_017c,
    0xdb97_9083_e96d_d4de,
    0x1f67_b3b7_a4a4_4072,
    0x78e5_c0cc_4ee6_79cb,
    0x2172_ffcc_7dd0_5a82,
    0x8e24_43f7_7446_08b8,
    0x4c26_3a81_e690_35e0,
];

pub(crate) const PRIMES: [u64; 3] = [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x85eb_ca77_c2b2_ae63];

/// The bytes of a row: customer, time, event, units, then one byte each for decimals and whether there is a value,
/// currency and attributes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowBytes {
    pub(crate) customer: u128,
    pub(crate) time: u64,
    pub(crate) event: u64,
    pub(crate) units: u64,
    pub(crate) scale: u8,
    pub(crate) has_value: bool,
    pub(crate) currency: u64,
    pub(crate) attributes: u64,
}

impl RowBytes {
    #[inline]
    pub(crate) fn hash(self) -> u128 {
        let customer = [self.customer as u64, (self.customer >> 64) as u64];
        let event = [self.time, self.event];
        // Bytes 26 to 42: from within the event to the mark of a value.
        let marks = u64::from(self.scale) | u64::from(self.has_value) << 8;
        let value = [self.event >> 16 | self.units << 48, self.units >> 16 | marks << 48];
        let names = [self.currency, self.attributes];
        let sum = |pair: [u64; 2]| pair[0].wrapping_add(pair[1]);
        let mut low = LENGTH.wrapping_mul(PRIMES[0]).wrapping_add(mixed(event, 4)) ^ sum(value);
        let mut high = mixed(value, 6) ^ sum(event);
        low = low.wrapping_add(mixed(customer, 0)) ^ sum(names);
        high = high.wrapping_add(mixed(names, 2)) ^ sum(customer);
        let end =
            low.wrapping_mul(PRIMES[0]).wrapping_add(high.wrapping_mul(PRIMES[2])).wrapping_add(LENGTH.wrapping_mul(PRIMES[1]));
        u128::from(avalanche(low.wrapping_add(high))) | u128::from(avalanche(end).wrapping_neg()) << 64
    }
}

/// The two halves of a product with the secret, folded.
#[inline]
fn mixed(pair: [u64; 2], secret: usize) -> u64 {
    let product = u128::from(pair[0] ^ SECRET[secret]).wrapping_mul(u128::from(pair[1] ^ SECRET[secret + 1]));
    product as u64 ^ (product >> 64) as u64
}

#[inline]
pub(crate) fn avalanche(mut hash: u64) -> u64 {
    hash ^= hash >> 37;
    hash = hash.wrapping_mul(0x1656_6791_9e37_79f9);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_128;

    use super::*;

    proptest::proptest! {
        #[test]
        fn it_is_that_of_the_bytes(
            customer: u128, time: u64, event: u64, units: u64, scale: u8, has_value: bool, currency: u64, attributes: u64,
        ) {
            let bytes = [
                &customer.to_le_bytes()[..],
                &time.to_le_bytes(),
                &event.to_le_bytes(),
                &units.to_le_bytes(),
                &[scale, has_value.into()],
                &currency.to_le_bytes(),
                &attributes.to_le_bytes(),
            ];
            let row = RowBytes { customer, time, event, units, scale, has_value, currency, attributes };
            proptest::prop_assert_eq!(row.hash(), xxh3_128(&bytes.concat()));
        }
    }
}
