//! The speed of this processor at the steps of a search, measured once a process.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use zerocopy::{FromBytes, IntoBytes};

use crate::codes::kernels::{self, Bounds};
use crate::codes::l0::query::MISS;
use crate::codes::l0::{Bits, L0Query, Rotation};
use crate::codes::sq8::Codes;

/// Bytes that are read for it: more than most caches hold, and no more than an index that was just opened may
/// take; and few of those that are read again.
const MEMORY: usize = 32 << 20;
const CACHED: usize = 512 << 10;
/// A usual code, and a usual vector's.
const COMPONENTS: usize = 64;
const DIMENSION: usize = 192;
/// Codes that are fetched here and there.
const REFINED: usize = 20_000;

/// Nanoseconds of one thread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Costs {
    /// For a byte of vectors that are scored.
    pub(super) vectors: f64,
    /// For a byte of L0 codes, in the order of [`Bits::ALL`]: the fewer bits a component has, the more
    /// components there are to a byte.
    pub(super) codes: [f64; 3],
    /// The same where another query of a batch has just read them.
    pub(super) vectors_again: f64,
    pub(super) codes_again: [f64; 3],
    /// To begin to read vectors somewhere.
    pub(super) fetch: f64,
    /// To fetch a row's SQ8 code from anywhere and score it.
    pub(super) refine: f64,
}

static COSTS: LazyLock<Costs> = LazyLock::new(Costs::measure);

/// Measures how fast this processor does the steps of a search, if that was not done before in this process.
/// It takes about a tenth of a second of one thread.
///
/// A search in [`Mode::Auto`](crate::Mode::Auto) needs it where it has a choice: with a selection, or with a
/// [recall target](crate::Query::recall). The first such search measures by itself; a program that must
/// answer the first one at once calls this before.
pub fn measure_costs() {
    Costs::here();
}

impl Costs {
    /// Those of this processor.
    pub(super) fn here() -> Self {
        *COSTS
    }

    /// What one of a batch takes, of which so many are searched for together.
    pub(super) fn together(self, queries: usize) -> Self {
        let queries = queries.max(1) as f64;
        let mean = |first: f64, again: f64| (first + (queries - 1.0) * again) / queries;
        Self {
            vectors: mean(self.vectors, self.vectors_again),
            codes: Bits::ALL.map(|bits| mean(self.codes[bits as usize], self.codes_again[bits as usize])),
            fetch: self.fetch / queries,
            ..self
        }
    }

    fn measure() -> Self {
        let started = Instant::now();
        let numbers = vec![0.05f32; MEMORY / size_of::<f32>()];
        let bytes = <[i8]>::ref_from_bytes(numbers.as_bytes()).expect("bytes of any value and address");
        let probe = vec![0.05f32; DIMENSION];
        let mut scores = vec![0.0; 128];
        let mut score = |numbers: &[f32]| {
            for rows in numbers.chunks_exact(128 * DIMENSION) {
                kernels::scores(&probe, rows, &mut scores);
                black_box(&scores);
            }
        };
        let [vectors, vectors_again] = [&numbers[..], &numbers[..CACHED / size_of::<f32>()]]
            .map(|numbers| best_of_three(|| score(numbers)) / size_of_val(numbers) as f64);

        let [codes, codes_again] = [bytes.as_bytes(), &bytes.as_bytes()[..CACHED]]
            .map(|blocks| Bits::ALL.map(|bits| cost_of_codes(bits, &probe[..COMPONENTS], blocks)));

        let rows = bytes.len() / DIMENSION;
        let scales = vec![0.01; rows];
        let rows_codes = Codes { dimension: DIMENSION, codes: bytes, scales: &scales };
        let query = rows_codes.query(7);
        let place = |at: usize| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16) % rows;
        let mut from = 0;
        let refine = best_of_three(|| {
            // Elsewhere each time: what was fetched before is in a cache.
            from += REFINED;
            for at in from..from + REFINED {
                rows_codes.prefetch(place(at + 8));
                black_box(rows_codes.score(&query, place(at)));
            }
        }) / REFINED as f64;
        let costs = Self { vectors, codes, vectors_again, codes_again, fetch: refine, refine };
        tracing::debug!(?costs, seconds = started.elapsed().as_secs_f64(), "measured");
        costs
    }
}

/// For each byte of blocks of codes.
fn cost_of_codes(bits: Bits, probe: &[f32], blocks: &[u8]) -> f64 {
    let rotation = Rotation::none(bits, probe.len());
    let query = L0Query::new(&rotation, probe, MISS);
    let mut bounds = Bounds::NONE;
    let bound = || {
        for block in blocks.chunks_exact(rotation.block()) {
            black_box(kernels::bound(&query, block, f32::INFINITY, &mut bounds));
        }
    };
    best_of_three(bound) / blocks.len() as f64
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
        let started = Instant::now();
        let costs = Costs::here();
        println!("{costs:?} in {:?}", started.elapsed());
        let Costs { vectors, codes, vectors_again, codes_again, fetch, refine } = costs;
        let all = [vectors, vectors_again, fetch, refine].into_iter().chain(codes).chain(codes_again);
        assert!(all.min_by(f64::total_cmp) > Some(0.0), "{costs:?}");
    }

    #[test]
    fn a_batch_reads_once() {
        let costs = Costs {
            vectors: 4.0,
            codes: [2.0, 3.0, 4.0],
            vectors_again: 1.0,
            codes_again: [1.0, 2.0, 4.0],
            fetch: 8.0,
            refine: 9.0,
        };
        assert_eq!(costs.together(1), costs);
        let four = Costs { vectors: 1.75, codes: [1.25, 2.25, 4.0], fetch: 2.0, ..costs };
        assert_eq!(costs.together(4), four);
    }
}
