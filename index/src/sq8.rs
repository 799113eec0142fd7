//! Vectors in one byte a component: what a graph search computes with.
//!
//! A vector `x` is stored as `round(x / s)` with `s = max |x| / 127`, so each component is off by at most `s / 2`. The scalar
//! product of two such codes is an integer and has the same value on every machine.

use crate::kernels;

/// A query in the same form.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    code: Vec<i8>,
    scale: f32,
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
    let largest = vector.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    let scale = largest / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    // The cast saturates, so rounding can never leave the range.
    code.extend(vector.iter().map(|x| (x * inverse).round().clamp(-127.0, 127.0) as i8));
    scale
}

impl Query {
    pub(crate) fn new(vector: &[f32]) -> Self {
        let mut code = Vec::with_capacity(vector.len());
        let scale = encode(vector, &mut code);
        Self { code, scale }
    }
}

impl<'a> Codes<'a> {
    fn code(&self, row: usize) -> &'a [i8] {
        &self.codes[row * self.dimension..(row + 1) * self.dimension]
    }

    /// About the score of a row.
    pub(crate) fn score(&self, query: &Query, row: usize) -> f32 {
        kernels::dot_i8(&query.code, self.code(row)) as f32 * (query.scale * self.scales[row])
    }

    /// About the score of two rows.
    pub(crate) fn pair(&self, one: usize, other: usize) -> f32 {
        kernels::dot_i8(self.code(one), self.code(other)) as f32 * (self.scales[one] * self.scales[other])
    }

    /// Brings a row nearer to the processor.
    pub(crate) fn prefetch(&self, row: usize) {
        kernels::prefetch(self.code(row));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_score_is_off_by_no_more_than_the_rounding(
            (a, b) in (1usize..300).prop_flat_map(|d| {
                let vector = prop::collection::vec(-1.0f32..1.0, d);
                (vector.clone(), vector)
            })
        ) {
            let mut codes = Vec::new();
            let scale = encode(&b, &mut codes);
            let query = Query::new(&a);
            let rows = Codes { dimension: b.len(), codes: &codes, scales: &[scale] };
            let exact: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            let sum = |v: &[f32]| v.iter().map(|x| f64::from(x.abs())).sum::<f64>();
            let (s, t) = (f64::from(query.scale), f64::from(scale));
            let bound = (s * sum(&b) + t * sum(&a)) / 2.0 + a.len() as f64 * s * t / 4.0;
            prop_assert!((f64::from(rows.score(&query, 0)) - exact).abs() <= bound * 1.0001 + 1e-6);
        }
    }

    #[test]
    fn nothing_and_extremes_have_codes() {
        let mut code = Vec::new();
        assert_eq!(encode(&[0.0, 0.0], &mut code), 0.0);
        encode(&[1.0, -1.0, 0.5], &mut code);
        assert_eq!(code, [0, 0, 127, -127, 64]);
    }
}
