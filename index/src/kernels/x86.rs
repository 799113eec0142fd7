//! The same loops compiled for AVX2 and AVX-512, picked once by what the processor has.

mod l0;

use std::arch::x86_64::{
    _MM_HINT_T0, _mm_prefetch, _mm512_dpbusd_epi32, _mm512_maskz_loadu_epi8, _mm512_reduce_add_epi32,
    _mm512_set1_epi8, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_sub_epi32, _mm512_xor_si512,
};

use super::{Bounds, Kernels, l0 as blocks, lanes};
use crate::l0::Query;

/// The widest kernels that this processor runs, if any is wider than the baseline.
pub(super) fn detect() -> Option<Kernels> {
    available().pop()
}

/// Every kernel that this processor runs, narrowest first.
pub(super) fn available() -> Vec<Kernels> {
    let mut available = Vec::new();
    if is_x86_feature_detected!("avx2") {
        available.push(Kernels {
            dot: dot_avx2,
            scores: scores_avx2,
            dot_i8: dot_i8_avx2,
            bound: bound_avx2,
        });
    }
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
        let wide =
            Kernels { dot: dot_avx512, scores: scores_avx512, dot_i8: dot_i8_avx512, bound: bound_avx512 };
        available.push(wide);
        if is_x86_feature_detected!("avx512vnni") {
            available.push(Kernels { dot_i8: dot_i8_vnni, bound: bound_vnni, ..wide });
        }
    }
    available
}

macro_rules! compiled_for {
    ($feature:literal, $dot:ident, $scores:ident, $dot_i8:ident) => {
        fn $dot(a: &[f32], b: &[f32]) -> f32 {
            #[target_feature(enable = $feature)]
            fn inner(a: &[f32], b: &[f32]) -> f32 {
                lanes::dot(a, b)
            }
            // SAFETY: `available` hands this function out only where the processor has the feature.
            unsafe { inner(a, b) }
        }

        fn $scores(query: &[f32], rows: &[f32], scores: &mut [f32]) {
            #[target_feature(enable = $feature)]
            fn inner(query: &[f32], rows: &[f32], scores: &mut [f32]) {
                lanes::scores(query, rows, scores);
            }
            // SAFETY: `available` hands this function out only where the processor has the feature.
            unsafe { inner(query, rows, scores) }
        }

        fn $dot_i8(a: &[i8], b: &[i8]) -> i32 {
            #[target_feature(enable = $feature)]
            fn inner(a: &[i8], b: &[i8]) -> i32 {
                lanes::dot_i8(a, b)
            }
            // SAFETY: `available` hands this function out only where the processor has the feature.
            unsafe { inner(a, b) }
        }
    };
}

compiled_for!("avx2", dot_avx2, scores_avx2, dot_i8_avx2);
compiled_for!("avx512f,avx512bw", dot_avx512, scores_avx512, dot_i8_avx512);

macro_rules! bounds_by {
    ($feature:literal, $bound:ident, $sums:path) => {
        fn $bound(query: &Query, block: &[u8], cut: f32, bounds: &mut Bounds) -> u32 {
            #[target_feature(enable = $feature)]
            fn inner(query: &Query, block: &[u8], cut: f32, bounds: &mut Bounds) -> u32 {
                blocks::bound(query, block, cut, bounds, |bits, tables, codes, out| {
                    $sums(bits, tables, codes, out)
                })
            }
            // SAFETY: `available` hands this function out only where the processor has the features.
            unsafe { inner(query, block, cut, bounds) }
        }
    };
}

bounds_by!("avx2", bound_avx2, l0::sums_avx2);
bounds_by!("avx512f,avx512bw", bound_avx512, l0::sums_avx2);
bounds_by!("avx512f,avx512bw,avx512vnni", bound_vnni, l0::sums_vnni);

/// With the instruction made for it. That takes one factor without a sign: `a + 128`, so that 128 times the sum of `b` is too
/// much.
fn dot_i8_vnni(a: &[i8], b: &[i8]) -> i32 {
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn inner(a: &[i8], b: &[i8]) -> i32 {
        let shared = a.len().min(b.len());
        let (sign, one) = (_mm512_set1_epi8(-128), _mm512_set1_epi8(1));
        let (mut products, mut sums) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        for at in (0..shared).step_by(64) {
            let mask = u64::MAX >> (64 - (shared - at).min(64));
            // SAFETY: only bytes in the mask are read; they are those from `at` to `shared`, inside both slices.
            let (x, y) = unsafe {
                let load = |of: &[i8]| _mm512_maskz_loadu_epi8(mask, of.as_ptr().add(at));
                (load(a), load(b))
            };
            products = _mm512_dpbusd_epi32(products, _mm512_xor_si512(x, sign), y);
            sums = _mm512_dpbusd_epi32(sums, one, y);
        }
        _mm512_reduce_add_epi32(_mm512_sub_epi32(products, _mm512_slli_epi32::<7>(sums)))
    }
    // SAFETY: `available` hands this function out only where the processor has the features.
    unsafe { inner(a, b) }
}

/// Fetches the cache lines that some numbers lie in.
#[inline]
pub(super) fn prefetch<T>(numbers: &[T]) {
    let start: *const T = numbers.as_ptr();
    for at in (0..size_of_val(numbers)).step_by(64) {
        // SAFETY: prefetching is a hint and may be given any address; this one is in a live slice.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.cast::<i8>().add(at)) };
    }
}
