//! Chance as a pure function of where it is used.
//!
//! Every draw is computed from a key and a counter, so any slice of the business can be drawn alone and in any
//! order. The mixing function is SplitMix64's, written here because the bytes of a business must not change with
//! a release of a random number crate. Nothing here or downstream calls `exp`, `ln` or `pow`, whose last bits
//! differ between platforms.

/// Bits of a fixed-point probability.
pub(crate) const UNIT_BITS: u32 = 48;
/// The fixed-point number 1: probabilities and quantiles are integers in `0..=UNIT`.
pub(crate) const UNIT: u64 = 1 << UNIT_BITS;

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
// Keeps the keys derived from a key apart from the numbers drawn from it.
const DERIVED: u64 = 0xD1B5_4A32_D192_ED03;

/// SplitMix64's output function.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The source of one stream of draws.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key(u64);

impl Key {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(STEP)))
    }

    /// The key of part `n`.
    pub(crate) fn part(self, n: u64) -> Self {
        Self(mix((self.0 ^ DERIVED).wrapping_add(n.wrapping_add(1).wrapping_mul(STEP))))
    }

    /// Draw `n`: 64 uniform bits.
    pub(crate) fn draw(self, n: u64) -> u64 {
        mix(self.0.wrapping_add(n.wrapping_add(1).wrapping_mul(STEP)))
    }
}

/// The high bits of a draw: uniform in `0..UNIT`. The low 16 bits stay free for another use.
pub(crate) fn unit(draw: u64) -> u64 {
    draw >> (64 - UNIT_BITS)
}

/// `part` (in `0..UNIT`) of `whole` (at most `UNIT`), rounded down.
pub(crate) fn share_of(part: u64, whole: u64) -> u64 {
    ((u128::from(part) * u128::from(whole)) >> UNIT_BITS) as u64
}

/// A probability in fixed point.
pub(crate) fn fixed(probability: f64) -> u64 {
    (probability * UNIT as f64) as u64
}

/// The upper end of each weight's stretch of `0..full`; the last is `full`.
pub(crate) fn cumulative<const N: usize>(weights: [u32; N], full: u64) -> [u64; N] {
    let total: u64 = weights.iter().copied().map(u64::from).sum();
    let mut sum = 0;
    weights.map(|weight| {
        sum += u64::from(weight);
        (u128::from(sum) * u128::from(full) / u128::from(total)) as u64
    })
}

/// The stretch that `value` falls in.
pub(crate) fn pick<const N: usize>(ends: &[u64; N], value: u64) -> usize {
    ends.iter().position(|&end| value < end).unwrap_or(N - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_splitmix64() {
        // The reference outputs for seed 1234567.
        let key = Key(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|n| key.draw(n)).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn weights_share_the_whole() {
        assert_eq!(cumulative([1, 2, 1], 400), [100, 300, 400]);
        assert_eq!(pick(&[100, 300, 400], 99), 0);
        assert_eq!(pick(&[100, 300, 400], 100), 1);
        assert_eq!(share_of(UNIT / 2, UNIT), UNIT / 2);
        assert_eq!(share_of(UNIT - 1, 10), 9);
    }
}
