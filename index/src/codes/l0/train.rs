//! Learning a rotation and a number of bits from a sample of rows.

use nalgebra::{DMatrix, SymmetricEigen};
use rayon::prelude::*;

use super::encode::{Code, encode};
use super::query::{L0Query, MISS};
use super::{Bits, ROWS, Rotation};
use crate::codes::kernels::{self, Bounds, dot};

/// Rows that a rotation is learned from, at most.
pub(crate) const SAMPLE: usize = 16_384;
/// Rows that tell how wide bounds are.
pub(crate) const JUDGES: usize = 256;

/// Bits and components of the codes to choose from.
const SHAPES: [(Bits, usize); 8] = [
    (Bits::Eight, 64),
    (Bits::Four, 128),
    (Bits::Four, 112),
    (Bits::Four, 96),
    (Bits::Four, 64),
    (Bits::Four, 56),
    (Bits::Four, 48),
    (Bits::One, 512),
];
/// Rows that are searched for the choice, and by how many of them.
const ROWS_TRIED: usize = 4096;
const PROBES: usize = 64;
/// By how many deviations hits are better than other rows: the least of ten of a million was 3.55 to 4.2 of a
/// probe's own above its mean after real encoders (medians 3.9 and 4.05). Those at the low end take longest.
pub(crate) const DEVIATIONS: f32 = 3.6;
/// What processors read from memory, about.
const BYTES_PER_NANOSECOND: f64 = 30.0;
/// Nanoseconds for a row that its bound does not rule out: the SQ8 code comes from memory, most rows are set
/// aside and looked at twice, and more pass until the threshold is where it will be (20 to 55 between codes of
/// 112, 96 and 80 components of 128, and of 56 and 48 of 192, one by one and in batches).
const LOOK_AGAIN: f64 = 50.0;
/// And where it has a second bit, of which most of that is spared.
const LOOK_AT_BIT: f64 = 30.0;
/// By how much quicker searches by one bit must be to be chosen: its bounds hold nearly always, the others
/// always.
const DOUBT: f64 = 2.0;

impl Rotation {
    /// The rotation by whose codes a sample, every n-th of some vectors, is searched most quickly.
    ///
    /// Directions are the eigenvectors of the second moment, largest eigenvalue first. Among those that a
    /// code keeps, a random rotation then makes all components alike, so that one step serves all of them and
    /// errors have no direction.
    pub(crate) fn learn(dimension: usize, vectors: &[f32]) -> Self {
        let sample = sample(dimension, vectors);
        let principal = principal(dimension, &sample);
        let trial = Trial::new(dimension, &sample);
        let choices = SHAPES.map(|(bits, components)| Self::along(dimension, bits, components, &principal));
        let choices = choices.into_par_iter().map(|rotation| (trial.nanoseconds(&rotation), rotation));
        let best = choices.reduce_with(|one, other| if other.0 < one.0 { other } else { one });
        best.expect("there are shapes").1
    }

    /// The rotation for codes of some bits and components.
    #[cfg(test)]
    pub(crate) fn learn_with(dimension: usize, vectors: &[f32], bits: Bits, components: usize) -> Self {
        Self::along(dimension, bits, components, &principal(dimension, &sample(dimension, vectors)))
    }

    /// The first directions, turned at random among themselves.
    fn along(dimension: usize, bits: Bits, components: usize, principal: &DMatrix<f64>) -> Self {
        let width = components.min(dimension);
        let turned = random_orthogonal(width) * principal.rows(0, width);
        let directions = turned.row_iter().flat_map(|row| row.iter().map(|x| *x as f32).collect::<Vec<_>>());
        let components = width.next_multiple_of(bits.together());
        Self { dimension, bits, components, directions: directions.collect() }
    }

    /// How far bounds lie from scores, on average over pairs of some vectors.
    pub(crate) fn reach(&self, vectors: &[f32]) -> f64 {
        let vectors: Vec<&[f32]> = vectors.chunks_exact(self.dimension).collect();
        let mut head = vec![0.0; self.width()];
        let codes: Vec<Code> = vectors.iter().map(|vector| Code::new(self, vector, &mut head)).collect();
        let mut sum = 0.0;
        for (vector, of) in vectors.iter().zip(codes.iter().cycle().skip(vectors.len() / 2)) {
            let query = L0Query::new(self, vector, MISS);
            sum += query.reach(of.error, of.tail);
        }
        sum / vectors.len().max(1) as f64
    }
}

/// A sample that is searched by codes, to see how long that takes.
struct Trial<'a> {
    rows: Vec<f32>,
    /// Each with the score that its hits would reach among many rows.
    probes: Vec<(&'a [f32], f32)>,
}

impl<'a> Trial<'a> {
    fn new(dimension: usize, sample: &[&'a [f32]]) -> Self {
        let every = |count: usize| sample.iter().step_by(sample.len().div_ceil(count).max(1)).copied();
        let rows: Vec<f32> = every(ROWS_TRIED).flatten().copied().collect();
        let probe = |probe: &'a [f32]| {
            let scores: Vec<f32> = rows.chunks_exact(dimension).map(|row| dot(probe, row)).collect();
            let mean = scores.iter().sum::<f32>() / scores.len() as f32;
            let square = scores.iter().map(|score| (score - mean).powi(2)).sum::<f32>() / scores.len() as f32;
            (probe, mean + DEVIATIONS * square.sqrt())
        };
        Self { probes: every(PROBES).map(probe).collect(), rows }
    }

    /// What a row costs, about: reading its code, and now and then more.
    fn nanoseconds(&self, rotation: &Rotation) -> f64 {
        let blocks = encode(rotation, &self.rows);
        let (mut reached, mut bounds) = (0, Bounds::NONE);
        for &(probe, cut) in &self.probes {
            let query = L0Query::new(rotation, probe, MISS);
            for block in blocks.chunks_exact(rotation.block()) {
                reached += kernels::bound(&query, block, cut, &mut bounds).count_ones();
            }
        }
        let rows = self.rows.len() / rotation.dimension;
        let share = f64::from(reached) / (rows * self.probes.len()).max(1) as f64;
        let read = rotation.block() as f64 / ROWS as f64 / BYTES_PER_NANOSECOND;
        match rotation.bits {
            Bits::One => (read + share * LOOK_AT_BIT) * DOUBT,
            Bits::Eight | Bits::Four => read + share * LOOK_AGAIN,
        }
    }
}

/// Every n-th of some vectors.
fn sample(dimension: usize, vectors: &[f32]) -> Vec<&[f32]> {
    let stride = (vectors.len() / dimension).div_ceil(SAMPLE).max(1);
    vectors.chunks_exact(dimension).step_by(stride).collect()
}

/// The eigenvectors of the second moment as rows, largest eigenvalue first.
fn principal(dimension: usize, sample: &[&[f32]]) -> DMatrix<f64> {
    let mut moment = DMatrix::<f64>::zeros(dimension, dimension);
    for rows in sample.chunks(512) {
        let rows = DMatrix::from_fn(dimension, rows.len(), |at, row| f64::from(rows[row][at]));
        moment.gemm(1.0, &rows, &rows.transpose(), 1.0);
    }
    let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(moment);
    let mut order: Vec<usize> = (0..dimension).collect();
    order.sort_by(|&one, &other| eigenvalues[other].total_cmp(&eigenvalues[one]));
    DMatrix::from_fn(dimension, dimension, |row, at| eigenvectors[(at, order[row])])
}

/// A rotation that depends on nothing but its size: normal numbers, orthogonalised.
fn random_orthogonal(width: usize) -> DMatrix<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    // Twelve uniform numbers are normal enough to have no direction.
    let normal = DMatrix::from_fn(width, width, |_, _| (0..12).map(|_| uniform()).sum::<f64>() - 6.0);
    normal.qr().q()
}
