//! Scalar products at memory speed.
//!
//! There is one summation order, and every instruction set follows it: component `i` is multiplied and added
//! to lane `i % 32`, in order of `i`; then the upper half of the lanes is added to the lower half until one
//! is left. Products are rounded before they are added (no fused multiply-add). A score therefore has the
//! same bits on every path and every machine. Against the exact scalar product of two unit vectors of
//! dimension `d` the error is at most `(d / 32 + 6) * 2^-24`.
#![allow(unsafe_code)]

mod l0;
mod lanes;
#[cfg(test)]
mod speed;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::LazyLock;

use crate::codes::l0::L0Query;

pub(crate) use l0::Bounds;

/// The loops for one instruction set.
#[derive(Clone, Copy)]
struct Kernels {
    dot: fn(&[f32], &[f32]) -> f32,
    scores: fn(&[f32], &[f32], &mut [f32]),
    dot_i8: fn(&[i8], &[i8]) -> i32,
    bound: fn(&L0Query, &[u8], f32, &mut Bounds) -> u32,
    reached: fn(&[L0Query], &[u8], f32, &mut [u32]),
    sum_where: fn(&[u8], &[u8]) -> i32,
}

static SCALAR: Kernels = Kernels {
    dot: lanes::dot,
    scores: lanes::scores,
    dot_i8: lanes::dot_i8,
    bound: l0::bound,
    reached: l0::reached,
    sum_where: l0::sum_where,
};

/// The widest that this processor runs, or the one that `GALLERIST_SIMD` names: `scalar`, `avx2` or `avx512`.
static KERNELS: LazyLock<Kernels> =
    LazyLock::new(|| pick(&available(), std::env::var("GALLERIST_SIMD").ok().as_deref()));

/// Every kernel that this processor runs with its name, narrowest first.
fn available() -> Vec<(&'static str, Kernels)> {
    let mut available = vec![("scalar", SCALAR)];
    #[cfg(target_arch = "x86_64")]
    available.extend(x86::available());
    available
}

fn pick(available: &[(&str, Kernels)], wanted: Option<&str>) -> Kernels {
    let named = available.iter().rev().find(|(name, _)| wanted == Some(name));
    if let (Some(wanted), None) = (wanted, named) {
        tracing::warn!(wanted, "GALLERIST_SIMD names no instructions of this processor; the widest are used");
    }
    named.or(available.last()).map_or(SCALAR, |(_, kernels)| *kernels)
}

/// The score of two vectors: their scalar product, which for unit vectors is the cosine similarity (-1 to 1,
/// higher is closer). Vectors of different length are compared over the shorter one's.
///
/// This is the one score function of the crate: whatever path finds a row, its score has these bits.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    (KERNELS.dot)(a, b)
}

/// [`dot`] of a query of dimension `d` with each of `scores.len()` rows lying one after the other in `rows`.
pub(crate) fn scores(query: &[f32], rows: &[f32], scores: &mut [f32]) {
    (KERNELS.scores)(query, rows, scores);
}

/// The scalar product of two codes of at most 4096 components. Codes of different length are compared over
/// the shorter one's.
pub(crate) fn dot_i8(a: &[i8], b: &[i8]) -> i32 {
    (KERNELS.dot_i8)(a, b)
}

/// The rows of a block of L0 codes whose score may reach `cut`, a bit for each, and the bounds of all of them.
pub(crate) fn bound(query: &L0Query, block: &[u8], cut: f32, bounds: &mut Bounds) -> u32 {
    (KERNELS.bound)(query, block, cut, bounds)
}

/// As [`bound`], for many queries of one rotation and without the bounds: the rows that each may reach `cut` with, in `masks`, which is as
/// long as `queries`.
pub(crate) fn reached(queries: &[L0Query], block: &[u8], cut: f32, masks: &mut [u32]) {
    (KERNELS.reached)(queries, block, cut, masks);
}

/// The sum of some components, signed bytes, over those whose bit is set: for component `i` that is bit
/// `i % 8` of byte `i / 8`. There are eight components for each byte of bits.
pub(crate) fn sum_where(components: &[u8], bits: &[u8]) -> i32 {
    (KERNELS.sum_where)(components, bits)
}

/// Asks the processor to fetch some numbers before they are read.
pub(crate) fn prefetch<T>(numbers: &[T]) {
    #[cfg(target_arch = "x86_64")]
    x86::prefetch(numbers, 0);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The order of summation as the module's text says it, one component at a time.
    fn reference(a: &[f32], b: &[f32]) -> f32 {
        let mut lanes = [0.0f32; 32];
        for i in 0..a.len().min(b.len()) {
            lanes[i % 32] += a[i] * b[i];
        }
        for width in [16, 8, 4, 2, 1] {
            for lane in 0..width {
                lanes[lane] += lanes[lane + width];
            }
        }
        lanes[0]
    }

    fn unit(mut vector: Vec<f32>) -> Vec<f32> {
        let norm = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(1e-9);
        vector.iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
        vector
    }

    fn all() -> Vec<Kernels> {
        available().into_iter().map(|(_, kernels)| kernels).collect()
    }

    #[test]
    fn instructions_can_be_named() {
        let same = |one: Kernels, other: Kernels| std::ptr::fn_addr_eq(one.bound, other.bound);
        let (all, widest) = (available(), available().pop().unwrap().1);
        for (name, wanted) in &all {
            let last = all.iter().rfind(|(other, _)| other == name).unwrap().1;
            assert!(
                same(pick(&all, Some(name)), last)
                    && (last.dot)(&[1.0], &[0.5]) == (wanted.dot)(&[1.0], &[0.5])
            );
        }
        assert!(same(pick(&all, Some("scalar")), SCALAR));
        assert!(same(pick(&all, None), widest) && same(pick(&all, Some("abacus")), widest));
        assert!(same(pick(&[], None), SCALAR));
    }

    proptest! {
        #[test]
        fn every_kernel_has_the_bits_of_the_reference(
            a in prop::collection::vec(-1.0f32..1.0, 0..700),
            b in prop::collection::vec(-1.0f32..1.0, 0..700),
        ) {
            for kernels in all() {
                prop_assert_eq!((kernels.dot)(&a, &b).to_bits(), reference(&a, &b).to_bits());
            }
        }

        #[test]
        fn every_kernel_multiplies_codes_alike(
            a in prop::collection::vec(prop_oneof![any::<i8>(), Just(i8::MIN), Just(i8::MAX)], 0..4097),
            b in prop::collection::vec(prop_oneof![any::<i8>(), Just(i8::MIN), Just(i8::MAX)], 0..4097),
        ) {
            let expected: i64 = a.iter().zip(&b).map(|(x, y)| i64::from(*x) * i64::from(*y)).sum();
            for kernels in all() {
                prop_assert_eq!(i64::from((kernels.dot_i8)(&a, &b)), expected);
            }
            prefetch(&a);
        }

        #[test]
        fn rows_score_as_pairs_do(d in 1usize..300, n in 0usize..9, seed in 0u64..1000) {
            let mut state = seed;
            let mut next = || { state = state.wrapping_mul(6364136223846793005).wrapping_add(1); (state >> 40) as f32 / 1e7 - 0.8 };
            let query: Vec<f32> = (0..d).map(|_| next()).collect();
            let rows: Vec<f32> = (0..d * n).map(|_| next()).collect();
            for kernels in all() {
                let mut scores = vec![f32::NAN; n];
                (kernels.scores)(&query, &rows, &mut scores);
                for (row, score) in rows.chunks_exact(d).zip(&scores) {
                    prop_assert_eq!(score.to_bits(), reference(&query, row).to_bits());
                }
            }
        }

        #[test]
        fn every_kernel_bounds_blocks_alike(
            seed in any::<u64>(), bits in 0usize..3, groups in 1usize..33, cut in -1.0f32..1.0,
        ) {
            use crate::codes::l0::{Bits, FACTORS, Rotation};
            let mut state = seed;
            let mut next = || { state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); (state >> 33) as u8 };
            let bits = Bits::ALL[bits];
            // Each component of the query is one of its head.
            let dimension = (groups * bits.together()).min(bits.most());
            let mut component = || f32::from(next()) / 128.0 - 1.0;
            let query: Vec<f32> = (0..dimension).map(|_| component()).collect();
            let rotation = Rotation::none(bits, dimension);
            let unit_query = unit(query);
            let query = L0Query::new(&rotation, &unit_query, 1e-5);
            let codes = rotation.block() - FACTORS;
            let byte = |at| if at < codes || at % 2 == 0 { next() } else { 0x3c };
            let block: Vec<u8> = (0..rotation.block()).map(byte).collect();
            let mut expected = Bounds::NONE;
            let mask = (SCALAR.bound)(&query, &block, cut, &mut expected);
            prop_assert!((0..32).all(|row| (mask >> row & 1 == 1) == (expected.estimates[row] + expected.reaches[row] >= cut)));
            for kernels in all() {
                let mut bounds = Bounds::NONE;
                prop_assert_eq!((kernels.bound)(&query, &block, cut, &mut bounds), mask);
                prop_assert_eq!(bounds, expected);
                // Others of the same rotation beside it, an odd number in all.
                let negated: Vec<f32> = unit_query.iter().map(|x| -x).collect();
                let other = L0Query::new(&rotation, &negated, 1e-5);
                let of_other = (SCALAR.bound)(&other, &block, cut, &mut bounds);
                let queries = [query.clone(), other, query.clone()];
                let mut masks = [0xaaaa_aaaa; 3];
                (kernels.reached)(&queries, &block, cut, &mut masks);
                prop_assert_eq!(masks, [mask, of_other, mask]);
            }
        }

        #[test]
        fn every_kernel_adds_the_same_components(bits in prop::collection::vec(any::<u8>(), 0..70), seed in any::<u64>()) {
            let components: Vec<u8> =
                (0..8 * bits.len() as u64).map(|at| (seed.wrapping_mul(at + 1) >> 24) as u8).collect();
            let is_set = |at: &usize| bits[at / 8] >> (at % 8) & 1 == 1;
            let expected: i32 = (0..components.len()).filter(is_set).map(|at| i32::from(components[at] as i8)).sum();
            for kernels in all() {
                prop_assert_eq!((kernels.sum_where)(&components, &bits), expected);
            }
        }

        #[test]
        fn error_is_within_the_stated_bound(
            (a, b) in (1usize..4097).prop_flat_map(|d| {
                let vector = prop::collection::vec(-1.0f32..1.0, d);
                (vector.clone(), vector)
            })
        ) {
            let (a, b) = (unit(a), unit(b));
            let exact: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            let bound = (a.len() as f64 / 32.0 + 6.0) * 2f64.powi(-24);
            prop_assert!((f64::from(dot(&a, &b)) - exact).abs() <= bound);
        }
    }
}
