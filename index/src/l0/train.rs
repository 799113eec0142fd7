//! Learning a rotation from a sample.

use nalgebra::{DMatrix, SymmetricEigen};

use super::encode::Code;
use super::query::{MISS, Query};
use super::{Bits, Rotation};

/// Rows that a rotation is learned from, at most.
pub(crate) const SAMPLE: usize = 16_384;
/// Rows of the sample that choose the bits.
pub(crate) const JUDGES: usize = 256;

impl Rotation {
    /// The rotation that bounds the scores of some vectors most closely. The sample is every n-th of them.
    ///
    /// Directions are the eigenvectors of the second moment, largest eigenvalue first. Among those that a code keeps, a random
    /// rotation then makes all components alike, so that one step serves all of them and errors have no direction.
    pub(crate) fn learn(dimension: usize, vectors: &[f32]) -> Self {
        let sample = sample(dimension, vectors);
        let principal = principal(dimension, &sample);
        let step = sample.len().div_ceil(JUDGES).max(1);
        let judges: Vec<f32> = sample.iter().step_by(step).copied().flatten().copied().collect();
        let choices = [Bits::Eight, Bits::Four, Bits::One]
            .map(|bits| Self::along(dimension, bits, &principal))
            .map(|rotation| (rotation.reach(&judges) * doubt(rotation.bits), rotation));
        let [first, rest @ ..] = choices;
        rest.into_iter().fold(first, |best, other| if other.0 < best.0 { other } else { best }).1
    }

    /// The rotation for codes of some bits.
    #[cfg(test)]
    pub(crate) fn learn_with(dimension: usize, vectors: &[f32], bits: Bits) -> Self {
        Self::along(dimension, bits, &principal(dimension, &sample(dimension, vectors)))
    }

    /// The first directions, turned at random among themselves.
    fn along(dimension: usize, bits: Bits, principal: &DMatrix<f64>) -> Self {
        let width = bits.components().min(dimension);
        let turned = random_orthogonal(width) * principal.rows(0, width);
        let directions = turned.row_iter().flat_map(|row| row.iter().map(|x| *x as f32).collect::<Vec<_>>());
        Self { dimension, bits, directions: directions.collect() }
    }

    /// How far bounds lie from scores, on average over pairs of some vectors.
    pub(crate) fn reach(&self, vectors: &[f32]) -> f64 {
        let vectors: Vec<&[f32]> = vectors.chunks_exact(self.dimension).collect();
        let mut head = vec![0.0; self.width()];
        let codes: Vec<Code> = vectors.iter().map(|vector| Code::new(self, vector, &mut head)).collect();
        let mut sum = 0.0;
        for (vector, of) in vectors.iter().zip(codes.iter().cycle().skip(vectors.len() / 2)) {
            let query = Query::new(self, vector, MISS);
            sum += query.reach(of.error, of.tail);
        }
        sum / vectors.len().max(1) as f64
    }
}

/// By how much narrower the bounds of one bit must be to be chosen: they hold nearly always, the others always.
fn doubt(bits: Bits) -> f64 {
    if bits == Bits::One { 2.0 } else { 1.0 }
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
