//! Vectors in one byte a component: what a graph is built and searched with.
//!
//! The code of a vector `x` is `c = round(127 x / max |x|)`, and it stands for `s c` with the scale
//! `s = |x| / |c|`: of the same length, so that among codes a vector is closest to itself. The scalar product
//! of two codes is an integer; with it the approximate score has the same bits on every machine.

use crate::codes::kernels;

/// What rounding of f32 may add to the difference of an approximate and an exact score: far more than it does.
const ROUNDING: f32 = 1e-5;
/// Added to a small number, it leaves that number, rounded, in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

/// A query in the same form.
#[derive(Debug, Clone)]
pub(crate) struct Sq8Query {
    code: Vec<i8>,
    scale: f32,
    error: f32,
}

/// Codes and scales of some rows, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Codes<'a> {
    pub(crate) dimension: usize,
    /// `dimension` bytes a row.
    pub(crate) codes: &'a [i8],
    /// One a row.
    pub(crate) scales: &'a [f32],
}

/// Appends the code of a vector and returns its scale.
pub(crate) fn encode(vector: &[f32], code: &mut Vec<i8>) -> f32 {
    let start = code.len();
    let inverse = 127.0 / largest(vector).max(1e-30);
    code.extend(vector.iter().map(|x| (x * inverse + ROUNDER).to_bits() as i8));
    let code = &code[start..];
    let length = (kernels::dot_i8(code, code) as f32).sqrt();
    if length > 0.0 { kernels::dot(vector, vector).sqrt() / length } else { 0.0 }
}

/// The largest absolute value, in a form that the compiler turns into wide instructions.
fn largest(vector: &[f32]) -> f32 {
    let (chunks, rest) = vector.as_chunks::<16>();
    let greater = |a: f32, b: f32| if a > b { a } else { b };
    let mut lanes = [0.0f32; 16];
    for chunk in chunks {
        for lane in 0..16 {
            lanes[lane] = greater(lanes[lane], chunk[lane].abs());
        }
    }
    lanes.into_iter().chain(rest.iter().map(|x| x.abs())).fold(0.0, greater)
}

/// How far a vector is from what its code stands for.
pub(crate) fn error(vector: &[f32], code: &[i8], scale: f32) -> f32 {
    let rest: Vec<f32> = vector.iter().zip(code).map(|(x, &c)| x - scale * f32::from(c)).collect();
    kernels::dot(&rest, &rest).sqrt()
}

impl Sq8Query {
    pub(crate) fn new(vector: &[f32]) -> Self {
        let mut code = Vec::with_capacity(vector.len());
        let scale = encode(vector, &mut code);
        let error = error(vector, &code, scale);
        Self { code, scale, error }
    }

    /// By how much an approximate score may be off, at most, where rows are no farther than `error` from
    /// their codes.
    ///
    /// With `q` and `x` near unit length and `q'`, `x'` what stands for them,
    /// `|qx - q'x'| <= |q| |x - x'| + |q - q'| |x'|`.
    pub(crate) fn slack(&self, error: f32) -> f32 {
        1.002 * (self.error + error) + ROUNDING
    }
}

impl<'a> Codes<'a> {
    pub(crate) fn code(&self, row: usize) -> &'a [i8] {
        &self.codes[row * self.dimension..(row + 1) * self.dimension]
    }

    /// The query that a row's vector makes.
    pub(crate) fn query(&self, row: usize) -> Sq8Query {
        Sq8Query { code: self.code(row).to_vec(), scale: self.scales[row], error: 0.0 }
    }

    /// About the score of a row.
    pub(crate) fn score(&self, query: &Sq8Query, row: usize) -> f32 {
        kernels::dot_i8(&query.code, self.code(row)) as f32 * (query.scale * self.scales[row])
    }

    /// About the score of two rows.
    pub(crate) fn pair(&self, one: usize, other: usize) -> f32 {
        kernels::dot_i8(self.code(one), self.code(other)) as f32 * (self.scales[one] * self.scales[other])
    }

    /// Brings a row nearer to the processor.
    pub(crate) fn prefetch(&self, row: usize) {
        kernels::prefetch(self.code(row));
        kernels::prefetch(&self.scales[row..=row]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(vector: Vec<f32>) -> Vec<f32> {
        let norm = kernels::dot(&vector, &vector).sqrt().max(1e-9);
        vector.into_iter().map(|x| x / norm).collect()
    }

    proptest! {
        #[test]
        fn a_score_is_off_by_no_more_than_the_slack(
            (a, b) in (1usize..700).prop_flat_map(|d| {
                let vector = prop::collection::vec(-1.0f32..1.0, d);
                (vector.clone(), vector)
            })
        ) {
            let (a, b) = (unit(a), unit(b));
            let mut codes = Vec::new();
            let scale = encode(&b, &mut codes);
            let query = Sq8Query::new(&a);
            let rows = Codes { dimension: b.len(), codes: &codes, scales: &[scale] };
            let off = (rows.score(&query, 0) - kernels::dot(&a, &b)).abs();
            prop_assert!(off <= query.slack(error(&b, &codes, scale)), "{off}");
            let own = rows.query(0);
            prop_assert!((rows.score(&own, 0) - kernels::dot(&b, &b)).abs() < 1e-5, "of the same length");
        }

        #[test]
        fn components_are_rounded_to_the_nearest(vector in prop::collection::vec(-1.0f32..1.0, 1..100)) {
            let mut code = Vec::new();
            encode(&vector, &mut code);
            let largest = vector.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            for (x, &c) in vector.iter().zip(&code) {
                prop_assert!((127.0 * x / largest - f32::from(c)).abs() <= 0.5001);
            }
        }
    }

    #[test]
    fn nothing_and_extremes_have_codes() {
        let mut code = Vec::new();
        assert_eq!(encode(&[0.0, 0.0], &mut code), 0.0);
        encode(&[1.0, -1.0, 0.5], &mut code);
        encode(&[f32::MIN_POSITIVE, -1e-45], &mut code);
        assert_eq!(code, [0, 0, 127, -127, 64, 0, 0]);
    }
}
