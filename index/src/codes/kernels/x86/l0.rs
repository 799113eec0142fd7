//! Upper bounds of blocks with AVX2, and with AVX-512 and VNNI.

use std::arch::x86_64::*;

use super::super::l0::{self as blocks, Bounds};
use super::prefetch;
use crate::codes::l0::query::Lookup;
use crate::codes::l0::{Bits, FACTORS, L0Query, ROWS};

/// Bytes of a page of memory: processors look ahead by themselves, but not beyond one.
const PAGE: usize = 4096;
/// Bytes at the beginning of a page after which they do so again.
const BEGINNING: usize = 256;

/// Fetches the beginning of the page after the one that a block ends in, once a page. Fetching every line ahead
/// takes an eighth to a quarter longer.
fn prefetch_page(block: &[u8]) {
    let start = block.as_ptr().addr();
    let (page, last) = (start / PAGE, (start + block.len()) / PAGE);
    if page != last {
        prefetch(&block[..block.len().min(BEGINNING)], (last + 1) * PAGE - start);
    }
}

/// Register-sized pieces of a slice.
pub(super) fn pieces<const N: usize>(bytes: &[u8]) -> &[[u8; N]] {
    bytes.as_chunks::<N>().0
}

#[target_feature(enable = "avx2")]
fn load128(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes are there, and the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
pub(super) fn load256(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes are there, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
pub(super) fn load512(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes are there, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// Adds to 8 lanes of 32 bits: the products of four bytes without and four with a sign. Widened, as 255 * 127
/// * 2 does not fit 16 bits.
#[target_feature(enable = "avx2")]
fn add_products(sum: __m256i, levels: __m256i, query: __m256i) -> __m256i {
    let zero = _mm256_setzero_si256();
    let sign = _mm256_cmpgt_epi8(zero, query);
    let (few, many) = (_mm256_unpacklo_epi8(levels, zero), _mm256_unpackhi_epi8(levels, zero));
    let (low, high) = (_mm256_unpacklo_epi8(query, sign), _mm256_unpackhi_epi8(query, sign));
    // Two sums for each row; a row's are neighbours.
    let (low, high) = (_mm256_madd_epi16(few, low), _mm256_madd_epi16(many, high));
    _mm256_add_epi32(sum, _mm256_hadd_epi32(low, high))
}

/// As `blocks::bound` says it, eight rows at a time.
#[target_feature(enable = "avx2")]
pub(super) fn bound_avx2(query: &L0Query, block: &[u8], cut: f32, bounds: &mut Bounds) -> u32 {
    let (codes, factors) = block.split_at(block.len() - FACTORS);
    prefetch_page(block);
    let sums = match query.bits() {
        Bits::One => lookups_avx2(&query.lookups, query.lift, codes),
        Bits::Eight => eights_avx2(&query.bytes, codes),
        Bits::Four => fours_avx2(&query.bytes, codes),
    };
    let factors = pieces::<16>(factors);
    let value = |of: usize, eight: usize| {
        let short = _mm256_cvtepu16_epi32(load128(&factors[4 * of + eight]));
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(short))
    };
    let (unit, more) = (_mm256_set1_ps(query.unit), _mm256_set1_ps(query.more));
    let (of_error, of_tail) = (_mm256_set1_ps(query.of_error), _mm256_set1_ps(query.of_tail));
    let (centre, cut) = (_mm256_set1_epi32(query.centre), _mm256_set1_ps(cut));
    let mut mask = 0;
    for (eight, sum) in sums.into_iter().enumerate() {
        let into = &mut bounds.sums.as_chunks_mut::<8>().0[eight];
        // SAFETY: eight numbers of 32 bits are there, and the store needs no alignment.
        unsafe { _mm256_storeu_si256(into.as_mut_ptr().cast(), sum) };
        let product = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_slli_epi32::<1>(sum), centre));
        let estimate = _mm256_mul_ps(product, _mm256_mul_ps(value(0, eight), unit));
        let reach =
            _mm256_add_ps(_mm256_mul_ps(value(1, eight), of_error), _mm256_mul_ps(value(2, eight), of_tail));
        let reach = _mm256_add_ps(reach, more);
        store256(&mut bounds.estimates, eight, estimate);
        store256(&mut bounds.reaches, eight, reach);
        let reached = _mm256_cmp_ps::<_CMP_GE_OQ>(_mm256_add_ps(estimate, reach), cut);
        mask |= (_mm256_movemask_ps(reached) as u32) << (8 * eight);
    }
    mask
}

#[target_feature(enable = "avx2")]
fn store256(numbers: &mut [f32; ROWS], eight: usize, values: __m256) {
    let into = &mut numbers.as_chunks_mut::<8>().0[eight];
    // SAFETY: eight numbers are there, and the store needs no alignment.
    unsafe { _mm256_storeu_ps(into.as_mut_ptr(), values) };
}

/// The sums of eight rows after eight, of components of 8 bits.
#[target_feature(enable = "avx2")]
fn eights_avx2(query: &[u8], codes: &[u8]) -> [__m256i; 4] {
    let (upper, lower) = query.split_at(query.len() / 2);
    let four = |bytes: &[u8; 4]| _mm256_set1_epi32(i32::from_le_bytes(*bytes));
    let (mut above, mut below) = ([_mm256_setzero_si256(); 4], [_mm256_setzero_si256(); 4]);
    let query = pieces::<4>(upper).iter().zip(pieces::<4>(lower));
    for ((upper, lower), codes) in query.zip(pieces::<128>(codes)) {
        for (at, codes) in pieces::<32>(codes).iter().enumerate() {
            let codes = load256(codes);
            above[at] = add_products(above[at], codes, four(upper));
            below[at] = add_products(below[at], codes, four(lower));
        }
    }
    [0, 1, 2, 3].map(|at: usize| _mm256_add_epi32(_mm256_slli_epi32::<7>(above[at]), below[at]))
}

/// The same of 4 bits: levels are at most 15, so that four products fit 16 bits.
#[target_feature(enable = "avx2")]
fn fours_avx2(query: &[u8], codes: &[u8]) -> [__m256i; 4] {
    let four = |bytes: [u8; 4]| _mm256_set1_epi32(i32::from_le_bytes(bytes));
    let (low_half, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    let mut sums = [_mm256_setzero_si256(); 4];
    for (query, codes) in pieces::<8>(query).iter().zip(pieces::<128>(codes)) {
        let [q0, q1, q2, q3, q4, q5, q6, q7] = *query;
        let (first, last) = (four([q0, q1, q2, q3]), four([q4, q5, q6, q7]));
        for (sum, codes) in sums.iter_mut().zip(pieces::<32>(codes)) {
            let codes = load256(codes);
            let low = _mm256_and_si256(codes, low_half);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), low_half);
            let pairs = _mm256_add_epi16(_mm256_maddubs_epi16(low, first), _mm256_maddubs_epi16(high, last));
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
        }
    }
    sums
}

/// The same by looking up four bits at a time.
#[target_feature(enable = "avx2")]
fn lookups_avx2(lookups: &[Lookup], lift: i32, codes: &[u8]) -> [__m256i; 4] {
    let low_half = _mm256_set1_epi8(15);
    // In lanes of 16 bits: both rows of a lane, that of odd number 256 times, and the latter alone. 64
    // numbers of 8 bits do not overflow them; that the sum of both does undoes itself when the other is taken
    // from it.
    let (mut both, mut odd) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for (lookup, codes) in lookups.iter().zip(pieces::<{ 2 * ROWS }>(codes)) {
        let halves = pieces::<32>(&lookup.low).iter().zip(pieces::<32>(&lookup.high));
        for ((low, high), codes) in halves.zip(pieces::<ROWS>(codes)) {
            let (low, high, codes) = (load256(low), load256(high), load256(codes));
            let low = _mm256_shuffle_epi8(low, _mm256_and_si256(codes, low_half));
            let high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16::<4>(codes), low_half));
            let found = _mm256_add_epi8(low, high);
            both = _mm256_add_epi16(both, found);
            odd = _mm256_add_epi16(odd, _mm256_srli_epi16::<8>(found));
        }
    }
    let even = _mm256_sub_epi16(both, _mm256_slli_epi16::<8>(odd));
    // Rows 0 to 7 and 16 to 23, and the others.
    let (some, others) = (_mm256_unpacklo_epi16(even, odd), _mm256_unpackhi_epi16(even, odd));
    let eights = [
        _mm256_castsi256_si128(some),
        _mm256_castsi256_si128(others),
        _mm256_extracti128_si256::<1>(some),
        _mm256_extracti128_si256::<1>(others),
    ];
    eights.map(|eight| _mm256_add_epi32(_mm256_cvtepu16_epi32(eight), _mm256_set1_epi32(lift)))
}

/// As `blocks::bound` says it, 16 rows at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn bound_vnni(query: &L0Query, block: &[u8], cut: f32, bounds: &mut Bounds) -> u32 {
    let (codes, factors) = block.split_at(block.len() - FACTORS);
    prefetch_page(block);
    let sums = match query.bits() {
        Bits::One => lookups_avx512(&query.lookups, query.lift, codes),
        Bits::Eight => eights_vnni(&query.bytes, codes),
        Bits::Four => fours_vnni(&query.bytes, codes),
    };
    let factors = pieces::<32>(factors);
    let value = |of: usize, half: usize| {
        let short = _mm512_cvtepu16_epi32(load256(&factors[2 * of + half]));
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(short))
    };
    let (unit, more) = (_mm512_set1_ps(query.unit), _mm512_set1_ps(query.more));
    let (of_error, of_tail) = (_mm512_set1_ps(query.of_error), _mm512_set1_ps(query.of_tail));
    let (centre, cut) = (_mm512_set1_epi32(query.centre), _mm512_set1_ps(cut));
    let mut mask = 0;
    for (half, sum) in sums.into_iter().enumerate() {
        let into = &mut bounds.sums.as_chunks_mut::<16>().0[half];
        // SAFETY: sixteen numbers are there, and the store needs no alignment.
        unsafe { _mm512_storeu_si512(into.as_mut_ptr().cast(), sum) };
        let product = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_slli_epi32::<1>(sum), centre));
        let estimate = _mm512_mul_ps(product, _mm512_mul_ps(value(0, half), unit));
        let reach =
            _mm512_add_ps(_mm512_mul_ps(value(1, half), of_error), _mm512_mul_ps(value(2, half), of_tail));
        let reach = _mm512_add_ps(reach, more);
        store512(&mut bounds.estimates, half, estimate);
        store512(&mut bounds.reaches, half, reach);
        let reached = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_add_ps(estimate, reach), cut);
        mask |= u32::from(reached) << (16 * half);
    }
    mask
}

#[target_feature(enable = "avx512f")]
fn store512(numbers: &mut [f32; ROWS], half: usize, values: __m512) {
    let into = &mut numbers.as_chunks_mut::<16>().0[half];
    // SAFETY: sixteen numbers are there, and the store needs no alignment.
    unsafe { _mm512_storeu_ps(into.as_mut_ptr(), values) };
}

/// The sums of rows 0 to 15 and of those from 16 on, of components of 8 bits.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn eights_vnni(query: &[u8], codes: &[u8]) -> [__m512i; 2] {
    let (upper, lower) = query.split_at(query.len() / 2);
    let four = |bytes: &[u8; 4]| _mm512_set1_epi32(i32::from_le_bytes(*bytes));
    let (mut above, mut below) = ([_mm512_setzero_si512(); 2], [_mm512_setzero_si512(); 2]);
    let query = pieces::<4>(upper).iter().zip(pieces::<4>(lower));
    for ((upper, lower), codes) in query.zip(pieces::<128>(codes)) {
        for (at, codes) in pieces::<64>(codes).iter().enumerate() {
            let codes = load512(codes);
            above[at] = _mm512_dpbusd_epi32(above[at], codes, four(upper));
            below[at] = _mm512_dpbusd_epi32(below[at], codes, four(lower));
        }
    }
    [0, 1].map(|at| _mm512_add_epi32(_mm512_slli_epi32::<7>(above[at]), below[at]))
}

/// The same of 4 bits. Levels in upper halves count 16 times until all are added.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn fours_vnni(query: &[u8], codes: &[u8]) -> [__m512i; 2] {
    let four = |bytes: [u8; 4]| _mm512_set1_epi32(i32::from_le_bytes(bytes));
    let (low_half, high_half) = (_mm512_set1_epi8(15), _mm512_set1_epi8(-16));
    let (mut lows, mut highs) = ([_mm512_setzero_si512(); 2], [_mm512_setzero_si512(); 2]);
    for (query, codes) in pieces::<8>(query).iter().zip(pieces::<128>(codes)) {
        let [q0, q1, q2, q3, q4, q5, q6, q7] = *query;
        let (first, last) = (four([q0, q1, q2, q3]), four([q4, q5, q6, q7]));
        for (at, codes) in pieces::<64>(codes).iter().enumerate() {
            let codes = load512(codes);
            lows[at] = _mm512_dpbusd_epi32(lows[at], _mm512_and_si512(codes, low_half), first);
            highs[at] = _mm512_dpbusd_epi32(highs[at], _mm512_and_si512(codes, high_half), last);
        }
    }
    [0, 1].map(|at| _mm512_add_epi32(lows[at], _mm512_srai_epi32::<4>(highs[at])))
}

/// As [`lookups_avx2`], 16 components at a time: the lower 256 bits hold the first eight.
#[target_feature(enable = "avx512f,avx512bw")]
fn lookups_avx512(lookups: &[Lookup], lift: i32, codes: &[u8]) -> [__m512i; 2] {
    let low_half = _mm512_set1_epi8(15);
    let (mut both, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for (lookup, codes) in lookups.iter().zip(pieces::<{ 2 * ROWS }>(codes)) {
        let (low, high, codes) = (load512(&lookup.low), load512(&lookup.high), load512(codes));
        let low = _mm512_shuffle_epi8(low, _mm512_and_si512(codes, low_half));
        let high = _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16::<4>(codes), low_half));
        let found = _mm512_add_epi8(low, high);
        both = _mm512_add_epi16(both, found);
        odd = _mm512_add_epi16(odd, _mm512_srli_epi16::<8>(found));
    }
    let even = _mm512_sub_epi16(both, _mm512_slli_epi16::<8>(odd));
    // Of every second row, from both halves.
    let [even, odd] = [even, odd].map(|sums| {
        let both = _mm256_add_epi16(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64::<1>(sums));
        _mm512_add_epi32(_mm512_cvtepu16_epi32(both), _mm512_set1_epi32(lift))
    });
    let first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    let last = _mm512_add_epi32(first, _mm512_set1_epi32(8));
    [first, last].map(|rows| _mm512_permutex2var_epi32(even, rows, odd))
}

/// As `blocks::sum_where`, 32 components at a time.
#[target_feature(enable = "avx2")]
pub(super) fn sum_where_avx2(components: &[u8], bits: &[u8]) -> i32 {
    let each = _mm256_set1_epi64x(i64::from_le_bytes([1, 2, 4, 8, 16, 32, 64, 128]));
    let spread = _mm256_setr_epi64x(0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303);
    let (ones, wide_ones) = (_mm256_set1_epi8(1), _mm256_set1_epi16(1));
    let mut sums = _mm256_setzero_si256();
    for (components, bits) in pieces::<32>(components).iter().zip(pieces::<4>(bits)) {
        let bits = _mm256_shuffle_epi8(_mm256_set1_epi32(i32::from_le_bytes(*bits)), spread);
        let set = _mm256_cmpeq_epi8(_mm256_and_si256(bits, each), each);
        let pairs = _mm256_maddubs_epi16(ones, _mm256_and_si256(set, load256(components)));
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, wide_ones));
    }
    let mut lanes = [0i32; 8];
    // SAFETY: eight numbers are there, and the store needs no alignment.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sums) };
    let done = components.len() / 32 * 32;
    lanes.iter().sum::<i32>() + blocks::sum_where(&components[done..], &bits[done / 8..])
}

/// As `blocks::sum_where`, 64 components at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn sum_where_vnni(components: &[u8], bits: &[u8]) -> i32 {
    let ones = _mm512_set1_epi8(1);
    let mut sums = _mm512_setzero_si512();
    for (components, bits) in pieces::<64>(components).iter().zip(pieces::<8>(bits)) {
        let kept = _mm512_maskz_mov_epi8(u64::from_le_bytes(*bits), load512(components));
        sums = _mm512_dpbusd_epi32(sums, ones, kept);
    }
    let done = components.len() / 64 * 64;
    _mm512_reduce_add_epi32(sums) + blocks::sum_where(&components[done..], &bits[done / 8..])
}
