//! The loops compiled for AVX2 and AVX-512. The processor is asked once which of them it runs.

mod join;
mod l0;

use std::arch::x86_64::{
    _MM_HINT_T0, _mm_prefetch, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_maskz_loadu_epi8,
    _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_sub_epi32,
    _mm512_xor_si512,
};

use super::{Bounds, Kernels, lanes};
use crate::codes::l0::L0Query;

const AVX2: Kernels = Kernels {
    dot: dot_avx2,
    scores: scores_avx2,
    dot_i8: dot_i8_avx2,
    bound: bound_avx2,
    reached: reached_avx2,
    sum_where: sum_where_avx2,
};

/// Every kernel wider than the baseline that this processor runs, narrowest first.
pub(super) fn available() -> Vec<(&'static str, Kernels)> {
    let mut available = Vec::new();
    if is_x86_feature_detected!("avx2") {
        available.push(("avx2", AVX2));
    }
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
        // Of vectors, the halves of wide registers are added for longer than they save: less than half as
        // fast as AVX2 in caches.
        available.push(("avx512", Kernels { dot_i8: dot_i8_avx512, ..AVX2 }));
        if is_x86_feature_detected!("avx512vnni") {
            let (bound, reached) = (bound_vnni, reached_vnni);
            let vnni = Kernels { dot_i8: dot_i8_vnni, bound, reached, sum_where: sum_where_vnni, ..AVX2 };
            available.push(("avx512", vnni));
        }
    }
    available
}

/// A loop of [`lanes`], compiled for some instructions.
macro_rules! compiled_for {
    ($feature:literal, $name:ident = $loop:path, ($($argument:ident: $type:ty),*) -> $result:ty) => {
        fn $name($($argument: $type),*) -> $result {
            #[target_feature(enable = $feature)]
            fn inner($($argument: $type),*) -> $result {
                $loop($($argument),*)
            }
            // SAFETY: `available` hands this function out only where the processor has the features.
            unsafe { inner($($argument),*) }
        }
    };
}

compiled_for!("avx2", dot_avx2 = lanes::dot, (a: &[f32], b: &[f32]) -> f32);
compiled_for!("avx2", scores_avx2 = lanes::scores, (query: &[f32], rows: &[f32], scores: &mut [f32]) -> ());
compiled_for!("avx2", dot_i8_avx2 = lanes::dot_i8, (a: &[i8], b: &[i8]) -> i32);
compiled_for!("avx512f,avx512bw", dot_i8_avx512 = lanes::dot_i8, (a: &[i8], b: &[i8]) -> i32);
compiled_for!("avx2", bound_avx2 = l0::bound_avx2, (query: &L0Query, block: &[u8], cut: f32, bounds: &mut Bounds) -> u32);
compiled_for!(
    "avx512f,avx512bw,avx512vnni",
    bound_vnni = l0::bound_vnni,
    (query: &L0Query, block: &[u8], cut: f32, bounds: &mut Bounds) -> u32
);

compiled_for!("avx2", reached_avx2 = join::reached_avx2, (queries: &[L0Query], block: &[u8], cut: f32, masks: &mut [u32]) -> ());
compiled_for!(
    "avx512f,avx512bw,avx512vnni",
    reached_vnni = join::reached_vnni,
    (queries: &[L0Query], block: &[u8], cut: f32, masks: &mut [u32]) -> ()
);

compiled_for!("avx2", sum_where_avx2 = l0::sum_where_avx2, (components: &[u8], bits: &[u8]) -> i32);
compiled_for!(
    "avx512f,avx512bw,avx512vnni",
    sum_where_vnni = l0::sum_where_vnni,
    (components: &[u8], bits: &[u8]) -> i32
);

/// With the instruction made for it. That takes one factor without a sign: `a + 128`, so that 128 times the
/// sum of `b` is too much.
fn dot_i8_vnni(a: &[i8], b: &[i8]) -> i32 {
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn inner(a: &[i8], b: &[i8]) -> i32 {
        let shared = a.len().min(b.len());
        let (sign, one) = (_mm512_set1_epi8(-128), _mm512_set1_epi8(1));
        let (mut products, mut sums) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        let mut add = |x, y| {
            products = _mm512_dpbusd_epi32(products, _mm512_xor_si512(x, sign), y);
            sums = _mm512_dpbusd_epi32(sums, one, y);
        };
        let (a, b) = (a[..shared].as_chunks::<64>(), b[..shared].as_chunks::<64>());
        for (x, y) in a.0.iter().zip(b.0) {
            // SAFETY: 64 bytes are there, and the loads need no alignment.
            unsafe { add(_mm512_loadu_si512(x.as_ptr().cast()), _mm512_loadu_si512(y.as_ptr().cast())) };
        }
        // Only the rest, as processors do not look ahead of masked loads.
        if !a.1.is_empty() {
            let mask = u64::MAX >> (64 - a.1.len());
            // SAFETY: only bytes in the mask are read; they are those of both rests.
            unsafe {
                add(_mm512_maskz_loadu_epi8(mask, a.1.as_ptr()), _mm512_maskz_loadu_epi8(mask, b.1.as_ptr()));
            }
        }
        _mm512_reduce_add_epi32(_mm512_sub_epi32(products, _mm512_slli_epi32::<7>(sums)))
    }
    // SAFETY: `available` hands this function out only where the processor has the features.
    unsafe { inner(a, b) }
}

/// Fetches the cache lines that lie so many bytes behind those of some numbers; they need not belong to it.
#[inline]
pub(super) fn prefetch<T>(numbers: &[T], behind: usize) {
    let start: *const T = numbers.as_ptr();
    for at in (0..size_of_val(numbers)).step_by(64) {
        // SAFETY: prefetching is a hint and may be given any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.cast::<i8>().wrapping_add(behind + at)) };
    }
}
