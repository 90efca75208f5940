//! Integers of Parquet's DELTA_BINARY_PACKED, as they are read: packed differences go straight into values.

use bytes::Bytes;
use parquet::errors::ParquetError;

use crate::bit_unpack::{GROUP, unpack};
use crate::delta::Integer;
use crate::wide::is_wide;

/// No writer has longer miniblocks.
const MOST_MINIBLOCK: usize = 1 << 16;

/// The integers of one page.
pub(crate) struct DeltaPage {
    bytes: Bytes,
    at: usize,
    /// Values that have not been read.
    pub(crate) left: usize,
    /// Values of a miniblock, a multiple of those unpacked at once.
    miniblock: usize,
    widths: Widths,
    /// The least difference of the block.
    least: i64,
    last: i64,
    /// Whether the first value, which stands alone, is still to come.
    at_first: bool,
    /// Whether this processor takes several sums at a time.
    wide: bool,
}

/// The widths of a block's miniblocks, those that are still to come.
#[derive(Default)]
struct Widths {
    from: usize,
    left: usize,
    all: usize,
}

/// The differences of some values to those before them.
pub(crate) enum Differences<'a> {
    /// The first value of a page.
    First(i64),
    /// Differences that are 0 or 1: the lowest bits of a word, so many.
    Steps(u64, usize),
    /// Any differences.
    Any(&'a [i64]),
}

impl DeltaPage {
    /// Reads what stands before the values.
    pub(crate) fn new(bytes: Bytes) -> Result<Self, ParquetError> {
        let mut page = Self {
            bytes,
            at: 0,
            left: 0,
            miniblock: 0,
            widths: Widths::default(),
            least: 0,
            last: 0,
            at_first: true,
            wide: is_wide(),
        };
        let block = page.varint()? as usize;
        page.widths.all = page.varint()? as usize;
        page.left = page.varint()? as usize;
        page.last = page.zigzag()?;
        page.miniblock = block.checked_div(page.widths.all).unwrap_or_default();
        if page.miniblock == 0 || !page.miniblock.is_multiple_of(GROUP) || page.miniblock > MOST_MINIBLOCK {
            return Err(cut_off());
        }
        Ok(page)
    }

    /// Appends values until a list has at least so many, or the page ends. It may get up to a miniblock more.
    pub(crate) fn read<T: Integer>(&mut self, wanted: usize, out: &mut Vec<T>) -> Result<(), ParquetError> {
        if self.at_first && self.left > 0 && out.len() < wanted {
            self.at_first = false;
            self.left -= 1;
            out.push(T::of_wide(self.last));
        }
        let mut filled = out.len();
        let room = wanted.saturating_sub(filled).min(self.left).next_multiple_of(self.miniblock);
        // Whole miniblocks are written, and what is beyond the page's last value taken off again.
        out.resize(filled + room, T::LEAST);
        while self.left > 0 && filled < wanted {
            let width = self.next_width()?;
            let packed = self.take(width)?;
            let (least, mut last) = (self.least, self.last);
            let values = &mut out[filled..filled + self.miniblock];
            let mut rest = &self.bytes[packed..];
            for values in values.as_chunks_mut::<GROUP>().0 {
                if !(self.wide && T::add_up(rest, width, least, &mut last, values)) {
                    unpack(rest, width, |place, above| {
                        last = last.wrapping_add(least).wrapping_add(above as i64);
                        values[place] = T::of_wide(last);
                    });
                }
                rest = &rest[width * GROUP / 8..];
            }
            let present = self.miniblock.min(self.left);
            filled += present;
            self.left -= present;
            self.last = last;
        }
        out.truncate(filled);
        Ok(())
    }

    /// Hands on the differences of the next values to those before them.
    pub(crate) fn differences(&mut self, each: &mut impl FnMut(Differences<'_>)) -> Result<(), ParquetError> {
        if self.at_first && self.left > 0 {
            self.at_first = false;
            self.left -= 1;
            each(Differences::First(self.last));
        }
        let mut group = [0; GROUP];
        while self.left > 0 {
            let width = self.next_width()?;
            let packed = self.take(width)?;
            // Customers of a bucket are numbered one after the other, so that their differences are bits, or nothing.
            if self.least == 0 && width <= 1 && self.miniblock <= 64 {
                let present = self.miniblock.min(self.left);
                self.left -= present;
                let mut word = [0; 8];
                let length = width * self.miniblock / 8;
                word[..length].copy_from_slice(&self.bytes[packed..packed + length]);
                each(Differences::Steps(u64::from_le_bytes(word) & (u64::MAX >> (64 - present)), present));
                continue;
            }
            for place in 0..self.miniblock / GROUP {
                let present = GROUP.min(self.left);
                self.left -= present;
                if present > 0 {
                    let least = self.least;
                    unpack(&self.bytes[packed + place * width * GROUP / 8..], width, |place, above| {
                        group[place] = least.wrapping_add(above as i64);
                    });
                    each(Differences::Any(&group[..present]));
                }
            }
        }
        Ok(())
    }

    /// The width of the next miniblock, behind the head of its block where it is the first.
    #[inline]
    fn next_width(&mut self) -> Result<usize, ParquetError> {
        if self.widths.left == 0 {
            self.least = self.zigzag()?;
            self.widths.from = self.at;
            self.widths.left = self.widths.all;
            self.at = self.at.checked_add(self.widths.all).filter(|at| *at <= self.bytes.len()).ok_or_else(cut_off)?;
        }
        let width = usize::from(self.bytes[self.widths.from + self.widths.all - self.widths.left]);
        self.widths.left -= 1;
        if width > 64 { Err(cut_off()) } else { Ok(width) }
    }

    /// Where the packed differences of a miniblock begin, all of which are there.
    #[inline]
    fn take(&mut self, width: usize) -> Result<usize, ParquetError> {
        let from = self.at;
        self.at = Some(from + width * self.miniblock / 8).filter(|at| *at <= self.bytes.len()).ok_or_else(cut_off)?;
        Ok(from)
    }

    fn varint(&mut self) -> Result<u64, ParquetError> {
        let (value, length) = varint(&self.bytes[self.at..]).ok_or_else(cut_off)?;
        self.at += length;
        Ok(value)
    }

    fn zigzag(&mut self) -> Result<i64, ParquetError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

/// A page that ends before its values do, or says of them what can't be.
pub(crate) fn cut_off() -> ParquetError {
    ParquetError::General("a page does not hold the values that it should".to_owned())
}

/// A number of seven bits a byte, and how many bytes it takes.
pub(crate) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (place, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Some((value, place + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::encode;

    proptest::proptest! {
        #[test]
        fn what_was_encoded_comes_back_in_any_portions(
            runs in proptest::collection::vec((proptest::prelude::any::<i64>(), 0u32..64, 1usize..200), 0..8),
            portions in proptest::collection::vec(1usize..300, 1..5),
        ) {
            let run = |&(value, shift, count): &(i64, u32, usize)| (0..count as i64).map(move |i| (value >> shift).wrapping_mul(i));
            let values: Vec<i64> = runs.iter().flat_map(run).collect();
            let narrow: Vec<i32> = values.iter().map(|&value| value as i32).collect();
            fn read<T: Integer>(values: &[T], portions: &[usize], wide: bool) -> Vec<T> {
                let mut bytes = Vec::new();
                encode(values, &mut bytes);
                let mut page = DeltaPage::new(bytes.into()).unwrap();
                page.wide &= wide;
                let mut found = Vec::new();
                for portion in portions.iter().cycle() {
                    if page.left == 0 {
                        break;
                    }
                    page.read(found.len() + portion, &mut found).unwrap();
                }
                found
            }
            for wide in [false, true] {
                proptest::prop_assert_eq!(&read(&values, &portions, wide), &values);
                proptest::prop_assert_eq!(&read(&narrow, &portions, wide), &narrow);
            }
            let mut bytes = Vec::new();
            encode(&values, &mut bytes);
            let mut found: Vec<i64> = Vec::new();
            let add = |found: &mut Vec<i64>, difference: i64| found.push(found[found.len() - 1].wrapping_add(difference));
            DeltaPage::new(bytes.into()).unwrap().differences(&mut |differences| match differences {
                Differences::First(value) => found.push(value),
                Differences::Steps(steps, count) => (0..count).for_each(|i| add(&mut found, (steps >> i & 1) as i64)),
                Differences::Any(all) => all.iter().for_each(|&difference| add(&mut found, difference)),
            }).unwrap();
            proptest::prop_assert_eq!(&found, &values);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            if let Ok(mut page) = DeltaPage::new(bytes.into()) {
                let mut found: Vec<i64> = Vec::new();
                let _ = page.read(10_000, &mut found);
            }
        }
    }
}
