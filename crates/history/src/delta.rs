//! Integers as Parquet's DELTA_BINARY_PACKED: each value's difference to the one before it, in as few bits as its
//! neighbours need.

use arrow::datatypes::ArrowNativeType;

use crate::bit_pack::{LONGEST, pack};
use crate::wide::AddUp;

/// Values of a block share the least difference.
const MINIBLOCKS: usize = 4;

/// An integer as Parquet stores it.
pub(crate) trait Integer: ArrowNativeType + Ord + AddUp {
    /// Values whose differences take the same number of bits: 32 or 64, as many as a value has, as readers like it.
    const MINIBLOCK: usize;
    const LEAST: Self;
    const MOST: Self;

    fn wide(self) -> i64;

    /// The value of these lowest bits.
    fn of_wide(wide: i64) -> Self;

    /// The difference to the value before; it wraps around, and so does what readers add up.
    fn since(self, before: Self) -> i64;
}

impl Integer for i32 {
    const MINIBLOCK: usize = 32;
    const LEAST: Self = Self::MIN;
    const MOST: Self = Self::MAX;

    fn wide(self) -> i64 {
        self.into()
    }

    #[inline]
    fn of_wide(wide: i64) -> Self {
        wide as i32
    }

    fn since(self, before: Self) -> i64 {
        self.wrapping_sub(before).into()
    }
}

impl Integer for i64 {
    const MINIBLOCK: usize = 64;
    const LEAST: Self = Self::MIN;
    const MOST: Self = Self::MAX;

    fn wide(self) -> i64 {
        self
    }

    #[inline]
    fn of_wide(wide: i64) -> Self {
        wide
    }

    fn since(self, before: Self) -> i64 {
        self.wrapping_sub(before)
    }
}

/// Encodes integers as one page has them.
pub(crate) fn encode<T: Integer>(values: &[T], out: &mut Vec<u8>) {
    let block = MINIBLOCKS * T::MINIBLOCK;
    varint(block as u64, out);
    varint(MINIBLOCKS as u64, out);
    varint(values.len() as u64, out);
    zigzag(values.first().map_or(0, |first| first.wide()), out);
    let mut differences = [0; MINIBLOCKS * LONGEST];
    let mut at = 1;
    while at < values.len() {
        let to = values.len().min(at + block);
        let differences = &mut differences[..to - at];
        for (difference, (value, before)) in differences.iter_mut().zip(values[at..to].iter().zip(&values[at - 1..])) {
            *difference = value.since(*before);
        }
        let least = differences.iter().copied().min().unwrap_or_default();
        zigzag(least, out);
        let widths = out.len();
        out.extend_from_slice(&[0; MINIBLOCKS]);
        for (i, differences) in differences.chunks(T::MINIBLOCK).enumerate() {
            // A miniblock is always whole; readers pass over what is beyond the last value.
            let mut above = [0; LONGEST];
            let mut bits = 0;
            for (above, difference) in above.iter_mut().zip(differences) {
                *above = difference.wrapping_sub(least) as u64;
                bits |= *above;
            }
            let width = u64::BITS - bits.leading_zeros();
            out[widths + i] = width as u8;
            pack(&above, T::MINIBLOCK < LONGEST, width, out);
        }
        at = to;
    }
}

fn zigzag(value: i64, out: &mut Vec<u8>) {
    varint(((value << 1) ^ (value >> 63)) as u64, out);
}

pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use std::iter::from_fn;

    use super::*;

    /// Reads what `encode` wrote, by the format's own words.
    fn read(mut bytes: &[u8]) -> Vec<i64> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let (mut value, mut shift) = (0, 0);
            loop {
                let byte = bytes[0];
                *bytes = &bytes[1..];
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return value;
                }
            }
        }
        let signed = |bytes: &mut &[u8]| {
            let value = varint(bytes);
            (value >> 1) as i64 ^ -((value & 1) as i64)
        };
        let (block, miniblocks) = (varint(&mut bytes) as usize, varint(&mut bytes) as usize);
        let count = varint(&mut bytes) as usize;
        let mut values = vec![signed(&mut bytes)];
        while values.len() < count {
            let least = signed(&mut bytes);
            let (widths, rest) = bytes.split_at(miniblocks);
            bytes = rest;
            for &width in widths {
                if values.len() == count {
                    break;
                }
                let (packed, rest) = bytes.split_at(block / miniblocks * usize::from(width) / 8);
                bytes = rest;
                let mut bits = packed.iter().flat_map(|byte| (0..8).map(move |bit| u64::from(byte >> bit & 1)));
                let above = from_fn(|| Some((0..width).map(|bit| bits.next().unwrap_or_default() << bit).sum::<u64>()));
                for above in above.take(block / miniblocks) {
                    if values.len() < count {
                        values.push(values[values.len() - 1].wrapping_add(least).wrapping_add(above as i64));
                    }
                }
            }
        }
        assert!(bytes.is_empty());
        values.truncate(count);
        values
    }

    proptest::proptest! {
        #[test]
        fn integers_come_back(
            runs in proptest::collection::vec((proptest::prelude::any::<i64>(), 0u32..64, 1usize..200), 0..8),
        ) {
            let run = |&(value, shift, count): &(i64, u32, usize)| (0..count as i64).map(move |i| (value >> shift).wrapping_mul(i));
            let values: Vec<i64> = runs.iter().flat_map(run).collect();
            let mut bytes = Vec::new();
            encode(&values, &mut bytes);
            proptest::prop_assert_eq!(read(&bytes), values.clone());
            let narrow: Vec<i32> = values.iter().map(|&value| value as i32).collect();
            bytes.clear();
            encode(&narrow, &mut bytes);
            proptest::prop_assert_eq!(read(&bytes).iter().map(|&value| value as i32).collect::<Vec<_>>(), narrow);
        }
    }
}
