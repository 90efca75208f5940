//! Parquet's hybrid of runs and packed bits, as it is read: codes of names, and whether rows have a value.

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;
use bytes::Bytes;
use parquet::errors::ParquetError;

use crate::bit_unpack::{GROUP, unpack};
use crate::delta_read::{cut_off, varint};

/// The most bits of a value.
const MOST_BITS: usize = 32;

/// The values of one page.
pub(crate) struct HybridPage {
    bytes: Bytes,
    at: usize,
    width: usize,
    /// Values are below it.
    limit: u32,
    run: Run,
}

enum Run {
    Same {
        value: u32,
        left: usize,
    },
    /// Packed values: where the first lies, how many of them have been read, and how many there are.
    Packed {
        from: usize,
        read: usize,
        all: usize,
    },
}

impl HybridPage {
    /// Values of so many bits, all of which are to be below a limit.
    pub(crate) fn new(bytes: Bytes, width: usize, limit: u32) -> Result<Self, ParquetError> {
        let run = Run::Same { value: 0, left: 0 };
        if width > MOST_BITS { Err(cut_off()) } else { Ok(Self { bytes, at: 0, width, limit, run }) }
    }

    /// Appends so many values.
    pub(crate) fn read(&mut self, count: usize, out: &mut Vec<i32>) -> Result<(), ParquetError> {
        let mut filled = out.len();
        out.resize(filled + count, 0);
        while filled < out.len() {
            let wanted = &mut out[filled..];
            match &mut self.run {
                Run::Same { left: 0, .. } => self.next_run()?,
                Run::Packed { read, all, .. } if read == all => self.next_run()?,
                Run::Same { value, left } => {
                    let taken = wanted.len().min(*left);
                    wanted[..taken].fill(*value as i32);
                    *left -= taken;
                    filled += taken;
                }
                Run::Packed { from, read, all } => {
                    let taken = wanted.len().min(*all - *read);
                    let wanted = &mut wanted[..taken];
                    unpack_range(&self.bytes[*from..], self.width, *read, wanted);
                    let most = wanted.iter().fold(0, |most, &value| most.max(value as u32));
                    if most >= self.limit {
                        return Err(cut_off());
                    }
                    *read += taken;
                    filled += taken;
                }
            }
        }
        Ok(())
    }

    fn next_run(&mut self) -> Result<(), ParquetError> {
        let (header, length) = self.bytes.get(self.at..).and_then(varint).ok_or_else(cut_off)?;
        self.at += length;
        let count = usize::try_from(header >> 1).map_err(|_| cut_off())?;
        if header & 1 == 0 {
            let length = self.width.div_ceil(8);
            let bytes = self.bytes.get(self.at..self.at + length).ok_or_else(cut_off)?;
            let value = bytes.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte));
            self.at += length;
            self.run = Run::Same { value, left: count };
            // A run of nothing would go on for ever.
            return if count == 0 || value >= self.limit { Err(cut_off()) } else { Ok(()) };
        }
        let end = count.checked_mul(self.width).and_then(|length| self.at.checked_add(length)).ok_or_else(cut_off)?;
        if end > self.bytes.len() || count == 0 {
            return Err(cut_off());
        }
        self.run = Run::Packed { from: self.at, read: 0, all: count * 8 };
        self.at = end;
        Ok(())
    }
}

/// Unpacks values from a place on.
fn unpack_range(bytes: &[u8], width: usize, from: usize, out: &mut [i32]) {
    // Eight values end with a byte; up to there they are read one by one.
    let alone = (from.next_multiple_of(8) - from).min(out.len());
    let (first, rest) = out.split_at_mut(alone);
    first.iter_mut().zip(from..).for_each(|(value, at)| *value = single(bytes, width, at));
    let mut at = from + alone;
    let (groups, last) = rest.as_chunks_mut::<GROUP>();
    for values in groups {
        unpack(&bytes[at * width / 8..], width, |place, value| values[place] = value as i32);
        at += GROUP;
    }
    last.iter_mut().zip(at..).for_each(|(value, at)| *value = single(bytes, width, at));
}

fn single(bytes: &[u8], width: usize, at: usize) -> i32 {
    let (byte, shift) = (at * width / 8, at * width % 8);
    let mut word = [0; 8];
    let there = bytes[byte..].len().min(word.len());
    word[..there].copy_from_slice(&bytes[byte..byte + there]);
    (u64::from_le_bytes(word) >> shift & ((1 << width) - 1)) as i32
}

/// The levels that a page of so many rows begins with, whether each has a value, and how many bytes they take.
pub(crate) fn levels(bytes: &Bytes, rows: usize) -> Result<(BooleanBuffer, usize), ParquetError> {
    let length = bytes.first_chunk().map(|length| u32::from_le_bytes(*length) as usize).ok_or_else(cut_off)?;
    let end = length.checked_add(size_of::<u32>()).filter(|end| *end <= bytes.len()).ok_or_else(cut_off)?;
    let mut levels = HybridPage::new(bytes.slice(size_of::<u32>()..end), 1, 2)?;
    let mut bits = BooleanBufferBuilder::new(rows);
    while bits.len() < rows {
        let wanted = rows - bits.len();
        match &mut levels.run {
            Run::Same { left: 0, .. } => levels.next_run()?,
            Run::Packed { read, all, .. } if read == all => levels.next_run()?,
            Run::Same { value, left } => {
                let taken = wanted.min(*left);
                bits.append_n(taken, *value == 1);
                *left -= taken;
            }
            Run::Packed { from, read, all } => {
                let taken = wanted.min(*all - *read);
                bits.append_packed_range(*read..*read + taken, &levels.bytes[*from..]);
                *read += taken;
            }
        }
    }
    Ok((bits.finish(), end))
}

#[cfg(test)]
mod tests {
    use arrow::buffer::NullBuffer;

    use super::*;
    use crate::{chunk_pages, name_chunk};

    proptest::proptest! {
        #[test]
        fn codes_come_back_in_any_portions(
            runs in proptest::collection::vec((0u32..70_000, 1usize..60, proptest::bool::ANY), 0..20),
            portions in proptest::collection::vec(1usize..100, 1..5),
            spare in 0usize..3,
        ) {
            let of_run = |&(value, count, same): &(u32, usize, bool)| {
                (0..count as u32).map(move |i| if same { value } else { (value + i * i) % 70_000 })
            };
            let values: Vec<u32> = runs.iter().flat_map(of_run).collect();
            let width = 17 + spare;
            let mut bytes = Vec::new();
            name_chunk::hybrid(&values, width as u32, &mut bytes);
            let mut page = HybridPage::new(bytes.into(), width, 70_000).unwrap();
            let mut found = Vec::new();
            let mut portions = portions.iter().cycle();
            while found.len() < values.len() {
                let portion = (*portions.next().unwrap()).min(values.len() - found.len());
                page.read(portion, &mut found).unwrap();
            }
            proptest::prop_assert_eq!(found.into_iter().map(|code| code as u32).collect::<Vec<_>>(), values);
        }

        #[test]
        fn levels_come_back(
            runs in proptest::collection::vec((proptest::bool::ANY, 1usize..200), 1..20),
            flips in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 0..20),
        ) {
            let mut present: Vec<bool> = runs.iter().flat_map(|&(value, count)| std::iter::repeat_n(value, count)).collect();
            for flip in flips {
                let at = flip.index(present.len());
                present[at] = !present[at];
            }
            let mut bytes = Vec::new();
            chunk_pages::levels(Some(&NullBuffer::from(present.clone())), present.len(), &mut bytes);
            let length = bytes.len();
            bytes.extend([0xff; 9]);
            let (found, end) = levels(&bytes.into(), present.len()).unwrap();
            proptest::prop_assert_eq!(found.iter().collect::<Vec<_>>(), present);
            proptest::prop_assert_eq!(end, length);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), width in 0usize..40) {
            let bytes = Bytes::from(bytes);
            if let Ok(mut page) = HybridPage::new(bytes.clone(), width, 3) {
                let _ = page.read(5_000, &mut Vec::new());
            }
            let _ = levels(&bytes, 5_000);
        }
    }
}
