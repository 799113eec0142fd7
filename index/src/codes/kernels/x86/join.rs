//! The rows of a block that many queries may reach, with AVX2, and with AVX-512 and VNNI.

use std::arch::x86_64::*;

use super::super::l0::Bounds;
use super::l0::{bound_avx2, bound_vnni, load256, load512, pieces};
use crate::codes::l0::{Bits, CODE, FACTORS, L0Query, ROWS};

/// As `blocks::reached` says it.
#[target_feature(enable = "avx2")]
pub(super) fn reached_avx2(queries: &[L0Query], block: &[u8], cut: f32, masks: &mut [u32]) {
    let mut bounds = Bounds::NONE;
    for (query, mask) in queries.iter().zip(masks) {
        *mask = bound_avx2(query, block, cut, &mut bounds);
    }
}

/// Levels of a block, a byte each, in the order of those of 8 bits.
#[repr(align(64))]
struct Levels([u8; 2 * CODE * ROWS]);

/// Steps, errors and tails of rows, 16 after 16.
type Factors = [[__m512; 3]; 2];

/// As `blocks::reached` says it. What a block is unpacked to serves all queries; levels are loaded once for two of them.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn reached_vnni(queries: &[L0Query], block: &[u8], cut: f32, masks: &mut [u32]) {
    let Some(first) = queries.first() else { return };
    let (codes, factors) = block.split_at(block.len() - FACTORS);
    let factors = pieces::<32>(factors);
    let value = |of: usize, half: usize| {
        let short = _mm512_cvtepu16_epi32(load256(&factors[2 * of + half]));
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(short))
    };
    let factors: Factors = [[value(0, 0), value(1, 0), value(2, 0)], [value(0, 1), value(1, 1), value(2, 1)]];
    match first.bits() {
        Bits::One => {
            let mut bounds = Bounds::NONE;
            for (query, mask) in queries.iter().zip(masks) {
                *mask = bound_vnni(query, block, cut, &mut bounds);
            }
        }
        Bits::Four => {
            let mut levels = Levels([0; 2 * CODE * ROWS]);
            let levels = &mut levels.0[..2 * codes.len()];
            unpack(codes, levels);
            let mut pairs = queries.chunks_exact(2).zip(masks.chunks_exact_mut(2));
            for (queries, masks) in &mut pairs {
                let [one, other] = products([&queries[0].bytes, &queries[1].bytes], levels);
                masks[0] = mask(&queries[0], one, &factors, cut);
                masks[1] = mask(&queries[1], other, &factors, cut);
            }
            if let ([.., query], [.., last]) = (queries, masks)
                && !queries.len().is_multiple_of(2)
            {
                let [sums, _] = products([&query.bytes, &query.bytes], levels);
                *last = mask(query, sums, &factors, cut);
            }
        }
        Bits::Eight => {
            for (query, into) in queries.iter().zip(masks) {
                let (upper, lower) = query.bytes.split_at(query.bytes.len() / 2);
                let [above, below] = products([upper, lower], codes);
                let sum = |half: usize| _mm512_add_epi32(_mm512_slli_epi32::<7>(above[half]), below[half]);
                *into = mask(query, [sum(0), sum(1)], &factors, cut);
            }
        }
    }
}

/// Gives each level of 4 bits a byte: of 64 bytes the lower halves come 128 bytes before the upper ones.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn unpack(codes: &[u8], levels: &mut [u8]) {
    let low_half = _mm512_set1_epi8(15);
    for (codes, levels) in pieces::<128>(codes).iter().zip(levels.as_chunks_mut::<256>().0) {
        for (at, codes) in pieces::<64>(codes).iter().enumerate() {
            let codes = load512(codes);
            let high = _mm512_and_si512(_mm512_srli_epi16::<4>(codes), low_half);
            let (lows, highs) = levels.split_at_mut(128);
            store512(&mut lows.as_chunks_mut::<64>().0[at], _mm512_and_si512(codes, low_half));
            store512(&mut highs.as_chunks_mut::<64>().0[at], high);
        }
    }
}

#[target_feature(enable = "avx512f")]
fn store512(bytes: &mut [u8; 64], value: __m512i) {
    // SAFETY: 64 bytes are there, and the store needs no alignment.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), value) };
}

/// For each of two queries the sums of components times levels, of rows 0 to 15 and of those from 16 on.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn products(queries: [&[u8]; 2], levels: &[u8]) -> [[__m512i; 2]; 2] {
    let zero = _mm512_setzero_si512();
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    let both = pieces::<4>(queries[0]).iter().zip(pieces::<4>(queries[1]));
    for ((one, other), levels) in both.zip(pieces::<128>(levels)) {
        let one = _mm512_set1_epi32(i32::from_le_bytes(*one));
        let other = _mm512_set1_epi32(i32::from_le_bytes(*other));
        let (first, last) = levels.split_at(64);
        let (first, last) = (load512(&pieces::<64>(first)[0]), load512(&pieces::<64>(last)[0]));
        a = _mm512_dpbusd_epi32(a, first, one);
        b = _mm512_dpbusd_epi32(b, last, one);
        c = _mm512_dpbusd_epi32(c, first, other);
        d = _mm512_dpbusd_epi32(d, last, other);
    }
    [[a, b], [c, d]]
}

/// The rows whose upper bound is not below `cut`, with the arithmetic of `blocks::bound`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn mask(query: &L0Query, sums: [__m512i; 2], factors: &Factors, cut: f32) -> u32 {
    let (unit, more) = (_mm512_set1_ps(query.unit), _mm512_set1_ps(query.more));
    let (of_error, of_tail) = (_mm512_set1_ps(query.of_error), _mm512_set1_ps(query.of_tail));
    let (centre, cut) = (_mm512_set1_epi32(query.centre), _mm512_set1_ps(cut));
    let mut mask = 0;
    for (half, sum) in sums.into_iter().enumerate() {
        let [step, error, tail] = factors[half];
        let product = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_slli_epi32::<1>(sum), centre));
        let estimate = _mm512_mul_ps(product, _mm512_mul_ps(step, unit));
        let reach = _mm512_add_ps(_mm512_mul_ps(error, of_error), _mm512_mul_ps(tail, of_tail));
        let reach = _mm512_add_ps(reach, more);
        let reached = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_add_ps(estimate, reach), cut);
        mask |= u32::from(reached) << (16 * half);
    }
    mask
}
