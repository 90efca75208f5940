//! Integers of so many bits one after the other, the lowest bit first, as they are read.

/// Values that are unpacked at once.
pub(crate) const GROUP: usize = 32;

/// The most bytes that a group takes.
const MOST_BYTES: usize = GROUP / 8 * 64;

/// Bytes that are looked at behind a group's own: every value is cut out of a word.
const BEHIND: usize = 16;

/// Hands the values of `width` bits that a group has to `each`, in order and with their places. Bytes that are missing
/// count as 0.
#[inline]
pub(crate) fn unpack(bytes: &[u8], width: usize, mut each: impl FnMut(usize, u64)) {
    let padded: [u8; MOST_BYTES + BEHIND];
    let bytes = if bytes.len() >= width * GROUP / 8 + BEHIND {
        bytes
    } else {
        padded = padded_to(bytes);
        &padded
    };
    // Each width has code of its own, in which it is known where every value lies.
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width {
                $($width => if let Some(bytes) = bytes.first_chunk::<{ $width * GROUP / 8 + BEHIND }>() {
                    unpack_width::<$width, { $width * GROUP / 8 + BEHIND }>(bytes, &mut each);
                },)*
                _ => (0..GROUP).for_each(|place| each(place, 0)),
            }
        };
    }
    by_width!(
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
        33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64
    );
}

#[cold]
fn padded_to(bytes: &[u8]) -> [u8; MOST_BYTES + BEHIND] {
    let mut padded = [0; MOST_BYTES + BEHIND];
    let there = bytes.len().min(padded.len());
    padded[..there].copy_from_slice(&bytes[..there]);
    padded
}

#[inline(always)]
fn unpack_width<const WIDTH: usize, const BYTES: usize>(bytes: &[u8; BYTES], each: &mut impl FnMut(usize, u64)) {
    let mask = u64::MAX >> (64 - WIDTH);
    macro_rules! take {
        ($($at:literal)*) => {
            $({
                let (byte, shift) = ($at * WIDTH / 8, $at * WIDTH % 8);
                let word = |from: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[from + i]));
                let mut value = word(byte) >> shift;
                if WIDTH + shift > 64 {
                    value |= u64::from(bytes[byte + 8]) << (64 - shift);
                }
                each($at, value & mask);
            })*
        };
    }
    take!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn it_is_what_was_packed(values in proptest::array::uniform32(proptest::prelude::any::<u64>()), width in 1usize..=64) {
            let values = values.map(|value| value & (u64::MAX >> (64 - width)));
            let mut longest = [0; crate::bit_pack::LONGEST];
            longest[..GROUP].copy_from_slice(&values);
            let mut bytes = Vec::new();
            crate::bit_pack::pack(&longest, true, width as u32, &mut bytes);
            let mut found = [7; GROUP];
            unpack(&bytes, width, |place, value| found[place] = value);
            proptest::prop_assert_eq!(found, values);
            // Bytes behind it change nothing.
            bytes.extend([0xff; 40]);
            unpack(&bytes, width, |place, value| found[place] = value);
            proptest::prop_assert_eq!(found, values);
        }
    }
}
