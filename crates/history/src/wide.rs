//! What processors with registers of 512 bits unpack and add up sixteen or eight values at a time. Where there are no such
//! registers, nothing here is used: [`crate::bit_unpack`] gives the same.

use crate::bit_unpack::GROUP;

#[cfg(target_arch = "x86_64")]
mod registers {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi32, _mm512_add_epi64, _mm512_alignr_epi32, _mm512_alignr_epi64, _mm512_and_si512,
        _mm512_loadu_si512, _mm512_or_si512, _mm512_permutexvar_epi32, _mm512_permutexvar_epi64, _mm512_set1_epi32,
        _mm512_set1_epi64, _mm512_setzero_si512, _mm512_sllv_epi32, _mm512_sllv_epi64, _mm512_srlv_epi32, _mm512_srlv_epi64,
        _mm512_storeu_si512, _mm512_sub_epi32, _mm512_sub_epi64,
    };

    use crate::bit_unpack::GROUP;

    /// Bytes of a register.
    const BYTES: usize = 64;

    /// For each width the words that the values of a register begin in, and at which of their bits.
    struct Places<W: 'static, const LANES: usize, const WIDTHS: usize> {
        words: [[W; LANES]; WIDTHS],
        shifts: [[W; LANES]; WIDTHS],
    }

    macro_rules! places {
        ($word:ty, $lanes:literal) => {{
            const BITS: usize = <$word>::BITS as usize;
            let mut places = Places { words: [[0; $lanes]; BITS + 1], shifts: [[0; $lanes]; BITS + 1] };
            let mut width = 0;
            while width <= BITS {
                let mut lane = 0;
                while lane < $lanes {
                    places.words[width][lane] = (lane * width / BITS) as $word;
                    places.shifts[width][lane] = (lane * width % BITS) as $word;
                    lane += 1;
                }
                width += 1;
            }
            places
        }};
    }

    static NARROW: Places<u32, 16, 33> = places!(u32, 16);
    static BROAD: Places<u64, 8, 65> = places!(u64, 8);

    /// Whether this processor has what the functions below need.
    pub(crate) fn are_there() -> bool {
        is_x86_feature_detected!("avx512f")
    }

    /// A register of memory.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load<T>(from: &[T]) -> __m512i {
        assert!(size_of_val(from) >= BYTES);
        // SAFETY: there are as many bytes as a register has, which may lie anywhere.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn store<T>(register: __m512i, to: &mut [T]) {
        assert!(size_of_val(to) >= BYTES);
        // SAFETY: there are as many bytes as a register has, which may lie anywhere; any bits are integers.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), register) }
    }

    /// The sums of 32-bit differences of `width` bits above the least one. False, and nothing done, where too few bytes follow.
    #[target_feature(enable = "avx512f")]
    pub(crate) fn add_up_narrow(bytes: &[u8], width: usize, least: i64, last: &mut i64, out: &mut [i32; GROUP]) -> bool {
        if width > 32 || bytes.len() < GROUP / 2 * width / 8 + BYTES {
            return false;
        }
        let zero = _mm512_setzero_si512();
        let (words, shifts) = (load(&NARROW.words[width]), load(&NARROW.shifts[width]));
        let next = _mm512_add_epi32(words, _mm512_set1_epi32(1));
        let rest = _mm512_sub_epi32(_mm512_set1_epi32(32), shifts);
        let mask = _mm512_set1_epi32(((1u64 << width) - 1) as i32);
        let least = _mm512_set1_epi32(least as i32);
        let mut before = _mm512_set1_epi32(*last as i32);
        for (half, out) in out.as_chunks_mut::<{ GROUP / 2 }>().0.iter_mut().enumerate() {
            let packed = load(&bytes[half * width * 2..]);
            let low = _mm512_srlv_epi32(_mm512_permutexvar_epi32(words, packed), shifts);
            let high = _mm512_sllv_epi32(_mm512_permutexvar_epi32(next, packed), rest);
            let mut sum = _mm512_add_epi32(_mm512_and_si512(_mm512_or_si512(low, high), mask), least);
            sum = _mm512_add_epi32(sum, _mm512_alignr_epi32::<15>(sum, zero));
            sum = _mm512_add_epi32(sum, _mm512_alignr_epi32::<14>(sum, zero));
            sum = _mm512_add_epi32(sum, _mm512_alignr_epi32::<12>(sum, zero));
            sum = _mm512_add_epi32(sum, _mm512_alignr_epi32::<8>(sum, zero));
            sum = _mm512_add_epi32(sum, before);
            store(sum, out);
            before = _mm512_permutexvar_epi32(_mm512_set1_epi32(15), sum);
        }
        *last = i64::from(out[GROUP - 1]);
        true
    }

    /// The same of 64-bit differences.
    #[target_feature(enable = "avx512f")]
    pub(crate) fn add_up_broad(bytes: &[u8], width: usize, least: i64, last: &mut i64, out: &mut [i64; GROUP]) -> bool {
        if width > 64 || bytes.len() < GROUP * width / 8 + BYTES {
            return false;
        }
        let zero = _mm512_setzero_si512();
        let (words, shifts) = (load(&BROAD.words[width]), load(&BROAD.shifts[width]));
        let next = _mm512_add_epi64(words, _mm512_set1_epi64(1));
        let rest = _mm512_sub_epi64(_mm512_set1_epi64(64), shifts);
        let mask = _mm512_set1_epi64(if width == 0 { 0 } else { (u64::MAX >> (64 - width)) as i64 });
        let least = _mm512_set1_epi64(least);
        let mut before = _mm512_set1_epi64(*last);
        for (part, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let packed = load(&bytes[part * width..]);
            let low = _mm512_srlv_epi64(_mm512_permutexvar_epi64(words, packed), shifts);
            let high = _mm512_sllv_epi64(_mm512_permutexvar_epi64(next, packed), rest);
            let mut sum = _mm512_add_epi64(_mm512_and_si512(_mm512_or_si512(low, high), mask), least);
            sum = _mm512_add_epi64(sum, _mm512_alignr_epi64::<7>(sum, zero));
            sum = _mm512_add_epi64(sum, _mm512_alignr_epi64::<6>(sum, zero));
            sum = _mm512_add_epi64(sum, _mm512_alignr_epi64::<4>(sum, zero));
            sum = _mm512_add_epi64(sum, before);
            store(sum, out);
            before = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), sum);
        }
        *last = out[GROUP - 1];
        true
    }
}

/// Whether sums may be taken several at a time.
pub(crate) fn is_wide() -> bool {
    #[cfg(target_arch = "x86_64")]
    return registers::are_there();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Values whose sums may be taken several at a time.
pub(crate) trait AddUp: Sized {
    /// Adds differences of `width` bits above the least one up, from the last value on, on a processor that [`is_wide`].
    /// False, and nothing done, where too few bytes follow.
    fn add_up(bytes: &[u8], width: usize, least: i64, last: &mut i64, out: &mut [Self; GROUP]) -> bool;
}

impl AddUp for i32 {
    #[inline]
    fn add_up(bytes: &[u8], width: usize, least: i64, last: &mut i64, out: &mut [Self; GROUP]) -> bool {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller has asked whether the processor has the registers.
        return unsafe { registers::add_up_narrow(bytes, width, least, last, out) };
        #[cfg(not(target_arch = "x86_64"))]
        return false;
    }
}

impl AddUp for i64 {
    #[inline]
    fn add_up(bytes: &[u8], width: usize, least: i64, last: &mut i64, out: &mut [Self; GROUP]) -> bool {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller has asked whether the processor has the registers.
        return unsafe { registers::add_up_broad(bytes, width, least, last, out) };
        #[cfg(not(target_arch = "x86_64"))]
        return false;
    }
}
