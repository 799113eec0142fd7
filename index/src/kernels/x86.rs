//! The same loops compiled for AVX2 and AVX-512, picked once by what the processor has.

use super::{Kernels, lanes};

/// The widest kernels that this processor runs, if any is wider than the baseline.
pub(super) fn detect() -> Option<Kernels> {
    available().pop()
}

/// Every kernel that this processor runs, narrowest first.
pub(super) fn available() -> Vec<Kernels> {
    let mut available = Vec::new();
    if is_x86_feature_detected!("avx2") {
        available.push(Kernels { dot: dot_avx2, scores: scores_avx2 });
    }
    if is_x86_feature_detected!("avx512f") {
        available.push(Kernels { dot: dot_avx512, scores: scores_avx512 });
    }
    available
}

macro_rules! compiled_for {
    ($feature:literal, $dot:ident, $scores:ident) => {
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
    };
}

compiled_for!("avx2", dot_avx2, scores_avx2);
compiled_for!("avx512f", dot_avx512, scores_avx512);
