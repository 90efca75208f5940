//! The values of a Parquet page, by their encodings: as the format's specification has them.

/// More values than this in a page of deltas are not unpacked at once: where they do not differ they take no bytes, and a
/// damaged page could ask for any amount of memory.
const MOST_DELTAS: u64 = 1 << 22;

/// Codes in runs: one code so many times, or codes one after the other in as few bits as the largest needs.
#[derive(Debug)]
pub(crate) struct Runs {
    /// Where the next run begins in the page.
    at: usize,
    width: u32,
    run: Run,
}

#[derive(Debug)]
enum Run {
    Repeated { code: u32, left: u64 },
    Packed { from: usize, next: u64, left: u64 },
}

impl Runs {
    /// The runs that begin at `at`, of codes with `width` bits.
    pub(crate) fn new(at: usize, width: u8) -> Option<Self> {
        (width <= 32).then_some(Self { at, width: width.into(), run: Run::Repeated { code: 0, left: 0 } })
    }

    /// Adds the next `count` codes of the page. Nothing where it has not got so many.
    pub(crate) fn take(&mut self, page: &[u8], mut count: usize, codes: &mut Vec<u32>) -> Option<()> {
        while count > 0 {
            match &mut self.run {
                Run::Repeated { left: 0, .. } | Run::Packed { left: 0, .. } => self.run = self.next_run(page)?,
                Run::Repeated { code, left } => {
                    let some = count.min(usize::try_from(*left).unwrap_or(usize::MAX));
                    codes.resize(codes.len() + some, *code);
                    *left -= some as u64;
                    count -= some;
                }
                Run::Packed { from, next, left } => {
                    let some = count.min(usize::try_from(*left).unwrap_or(usize::MAX));
                    let packed = page.get(*from..)?;
                    unpack(packed, *next, self.width, some, codes)?;
                    *next += some as u64;
                    *left -= some as u64;
                    count -= some;
                }
            }
        }
        Some(())
    }

    fn next_run(&mut self, page: &[u8]) -> Option<Run> {
        let header = varint(page, &mut self.at)?;
        if header & 1 == 1 {
            let groups = header >> 1;
            let (from, bytes) = (self.at, groups.checked_mul(self.width.into())?);
            self.at = self.at.checked_add(usize::try_from(bytes).ok()?)?;
            // The last run may be cut off behind its last code.
            Some(Run::Packed { from, next: 0, left: groups.checked_mul(8)? })
        } else {
            let bytes = self.width.div_ceil(8) as usize;
            let mut code = [0; 4];
            code[..bytes].copy_from_slice(page.get(self.at..self.at.checked_add(bytes)?)?);
            self.at += bytes;
            Some(Run::Repeated { code: u32::from_le_bytes(code), left: header >> 1 })
        }
    }
}

/// Adds `count` codes of `width` bits, from the code with number `first` on.
fn unpack(packed: &[u8], first: u64, width: u32, count: usize, codes: &mut Vec<u32>) -> Option<()> {
    let mask = (1u64 << width) - 1;
    let mut bit = first.checked_mul(width.into())?;
    let end = (count as u64).checked_mul(width.into())?.checked_add(bit)?;
    if end.div_ceil(8) > packed.len() as u64 {
        return None;
    }
    codes.reserve(count);
    for _ in 0..count {
        codes.push((word(packed, (bit / 8) as usize) >> (bit % 8) & mask) as u32);
        bit += u64::from(width);
    }
    Some(())
}

/// Eight bytes from a place on; zeros behind the end.
#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    if let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        return u64::from_le_bytes(eight);
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let mut eight = [0; 8];
    eight[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(eight)
}

/// The values of a page of deltas (`DELTA_BINARY_PACKED`). Nothing where it is not well formed, or too large.
pub(crate) fn deltas(page: &[u8]) -> Option<Vec<i64>> {
    let mut at = 0;
    let (block, parts) = (varint(page, &mut at)?, varint(page, &mut at)?);
    let total = varint(page, &mut at)?;
    let mut value = zigzag(varint(page, &mut at)?);
    if total > MOST_DELTAS || parts == 0 || block == 0 || block > MOST_DELTAS || block % parts != 0 {
        return None;
    }
    let per_part = block / parts;
    if per_part % 8 != 0 {
        return None;
    }
    let mut values = Vec::with_capacity(total as usize);
    if total > 0 {
        values.push(value);
    }
    while (values.len() as u64) < total {
        let least = zigzag(varint(page, &mut at)?);
        let widths_end = at.checked_add(usize::try_from(parts).ok()?)?;
        let widths = page.get(at..widths_end)?;
        at = widths_end;
        for &width in widths {
            let left = total - values.len() as u64;
            if left == 0 {
                break;
            }
            if width > 64 {
                return None;
            }
            let packed = page.get(at..)?;
            let count = left.min(per_part);
            if (count * u64::from(width)).div_ceil(8) > packed.len() as u64 {
                return None;
            }
            for place in 0..count {
                value = value.wrapping_add(least).wrapping_add(wide(packed, place * u64::from(width), width) as i64);
                values.push(value);
            }
            at = at.checked_add(usize::try_from(per_part * u64::from(width) / 8).ok()?)?;
        }
    }
    Some(values)
}

/// A number of up to 64 bits that begins at a bit.
#[inline]
fn wide(packed: &[u8], bit: u64, width: u8) -> u64 {
    let (at, shift) = ((bit / 8) as usize, (bit % 8) as u32);
    let low = word(packed, at) >> shift;
    let all = if shift > 0 && u32::from(width) + shift > 64 {
        low | u64::from(packed.get(at + 8).copied().unwrap_or_default()) << (64 - shift)
    } else {
        low
    };
    if width == 64 { all } else { all & ((1 << width) - 1) }
}

/// A number in as many bytes as it takes.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(page: &[u8], width: u8, count: usize) -> Option<Vec<u32>> {
        let mut codes = Vec::new();
        let mut runs = Runs::new(0, width)?;
        // Wherever a reader stops in between.
        for _ in 0..count {
            runs.take(page, 1, &mut codes)?;
        }
        let mut at_once = Vec::new();
        Runs::new(0, width)?.take(page, count, &mut at_once)?;
        assert_eq!(at_once, codes);
        Some(codes)
    }

    #[test]
    fn codes_come_in_runs() {
        // The specification's example: 0 to 7 in three bits.
        let packed = [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(codes(&packed, 3, 8), Some((0..8).collect()));
        assert_eq!(codes(&[200, 1, 7], 3, 100), Some(vec![7; 100]));
        assert_eq!(codes(&[0b11], 0, 8), Some(vec![0; 8]));
        for (page, width, count) in [(&packed[..3], 3, 8), (&packed, 3, 9), (&[], 3, 1), (&[0xff; 12], 3, 1), (&[4], 9, 1)] {
            assert_eq!(codes(page, width, count), None);
        }
        assert!(Runs::new(0, 33).is_none());
    }

    #[test]
    fn deltas_add_up() {
        // The specification's example: 7, 5, 3, 1, 2, 3, 4, 5.
        let mut page = vec![0x80, 0x01, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111];
        page.extend([0; 6]);
        assert_eq!(deltas(&page), Some(vec![7, 5, 3, 1, 2, 3, 4, 5]));
        assert_eq!(deltas(&page[..11]), None);
        assert_eq!(deltas(&[0xff; 30]), None);
        assert_eq!(deltas(&[0x80, 0x01, 4, 0, 0]), Some(vec![]));
        // A thousand million equal values in a few bytes.
        assert_eq!(deltas(&[0x80, 0x01, 4, 0x80, 0x94, 0xeb, 0xdc, 0x03, 0]), None);
    }

    #[test]
    fn numbers_may_lie_across_nine_bytes() {
        let bytes = [0xff; 9];
        assert_eq!((wide(&bytes, 1, 64), wide(&bytes, 7, 63), wide(&bytes, 3, 5)), (u64::MAX, u64::MAX >> 1, 31));
    }
}
