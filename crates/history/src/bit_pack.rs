//! Integers of so many bits one after the other, the lowest bit first.

/// Values that are packed at once, or half of them.
pub(crate) const LONGEST: usize = 64;

/// Appends the lowest `width` bits of each value; the others are 0. Half of the values may be left out.
pub(crate) fn pack(values: &[u64; LONGEST], half: bool, width: u32, out: &mut Vec<u8>) {
    // Each width has code of its own, in which it is known where every value goes.
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width {
                $($width => pack_to::<$width>(values, half, out),)*
                _ => {}
            }
        };
    }
    by_width!(
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
        33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64
    );
}

fn pack_to<const WIDTH: usize>(values: &[u64; LONGEST], half: bool, out: &mut Vec<u8>) {
    let from = out.len();
    out.resize(from + WIDTH * 8, 0);
    let bytes = &mut out[from..from + WIDTH * 8];
    let mut word = 0u64;
    macro_rules! put {
        ($($at:literal)*) => {
            $({
                let shift = $at * WIDTH % 64;
                word |= values[$at] << shift;
                if shift + WIDTH >= 64 {
                    bytes[$at * WIDTH / 64 * 8..][..8].copy_from_slice(&word.to_le_bytes());
                    word = if shift + WIDTH == 64 { 0 } else { values[$at] >> (64 - shift) };
                }
            })*
        };
    }
    put!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
    if half {
        if WIDTH % 2 == 1 {
            bytes[WIDTH / 2 * 8..][..8].copy_from_slice(&word.to_le_bytes());
        }
        out.truncate(from + WIDTH * 4);
        return;
    }
    put!(32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63);
    // The last value has filled the last word.
    debug_assert_eq!(word, 0);
}
