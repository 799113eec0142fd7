//! What this processor takes for the steps of a search, measured once.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use zerocopy::IntoBytes;

use crate::kernels::{self, Bounds};
use crate::l0::query::MISS;
use crate::l0::{Bits, Query, Rotation};
use crate::sq8::Codes;

/// Bytes that are read for it: more than most caches hold.
const MEMORY: usize = 48 << 20;
/// A usual code, and a usual vector's.
const COMPONENTS: usize = 64;
const DIMENSION: usize = 192;
/// Codes that are fetched here and there.
const LOOKS: usize = 20_000;

/// Nanoseconds of one thread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Costs {
    /// For a byte of vectors that are scored.
    pub(super) vectors: f64,
    /// For a byte of L0 codes.
    pub(super) codes: f64,
    /// To fetch a row's SQ8 code from anywhere and score it.
    pub(super) look: f64,
}

static COSTS: LazyLock<Costs> = LazyLock::new(Costs::measure);

impl Costs {
    /// Those of this processor.
    pub(super) fn here() -> Self {
        *COSTS
    }

    fn measure() -> Self {
        let bytes: Vec<i8> = (0..MEMORY).map(|at| (at % 97) as i8).collect();
        let numbers = vec![0.05f32; MEMORY / 8];
        let probe = vec![0.05f32; DIMENSION];
        let mut scores = vec![0.0; 128];
        let vectors = best_of_three(|| {
            for rows in numbers.chunks_exact(128 * DIMENSION) {
                kernels::scores(&probe, rows, &mut scores);
                black_box(&scores);
            }
        }) / (numbers.len() * size_of::<f32>()) as f64;

        let rotation = Rotation::none(Bits::Four, COMPONENTS);
        let query = Query::new(&rotation, &probe[..COMPONENTS], MISS);
        let (blocks, mut bounds) = (bytes.as_slice().as_bytes(), Bounds::NONE);
        let codes = best_of_three(|| {
            for block in blocks.chunks_exact(rotation.block()) {
                black_box(kernels::bound(&query, block, f32::INFINITY, &mut bounds));
            }
        }) / blocks.len() as f64;

        let rows = bytes.len() / DIMENSION;
        let scales = vec![0.01; rows];
        let rows_codes = Codes { dimension: DIMENSION, codes: &bytes, scales: &scales };
        let query = rows_codes.query(7);
        let place = |at: usize| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16) % rows;
        let look = best_of_three(|| {
            for at in 0..LOOKS {
                rows_codes.prefetch(place(at + 8));
                black_box(rows_codes.score(&query, place(at)));
            }
        }) / LOOKS as f64;
        let costs = Self { vectors, codes, look };
        tracing::debug!(?costs, "measured");
        costs
    }
}

/// The least nanoseconds that something took.
fn best_of_three(mut work: impl FnMut()) -> f64 {
    let mut once = || {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64() * 1e9
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_take_time() {
        let Costs { vectors, codes, look } = Costs::here();
        assert!(vectors > 0.0 && codes > 0.0 && look > 0.0, "{:?}", Costs::here());
    }
}
