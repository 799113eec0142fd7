//! The rotation: the orthonormal directions along which a vector's head is measured.

use super::{Bits, FACTORS, ROWS};

/// Orthonormal directions, the most telling first, and how many bits a component along one gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rotation {
    pub(crate) dimension: usize,
    pub(crate) bits: Bits,
    /// Components of a code; those that have no direction are nothing.
    pub(crate) components: usize,
    /// Directions one after the other, `dimension` components each; at most as many as a code has components.
    pub(crate) directions: Vec<f32>,
}

/// The products of two directions differ from 0 or 1 by so little that all of them together change no length
/// by more than this part.
pub(crate) const SKEW: f64 = 4e-6;

impl Rotation {
    /// Codes of vectors as they are: each component is one of the head.
    pub(crate) fn none(bits: Bits, components: usize) -> Self {
        let directions =
            (0..components * components).map(|at| f32::from(u8::from(at % (components + 1) == 0)));
        Self { dimension: components, bits, components, directions: directions.collect() }
    }

    /// Components of a head.
    pub(crate) fn width(&self) -> usize {
        self.directions.len() / self.dimension
    }

    /// Bytes of a block.
    pub(crate) fn block(&self) -> usize {
        ROWS * self.components * self.bits.number() as usize / 8 + FACTORS
    }

    /// The head of a vector of length 1, each component within [`rounding`](Self::rounding).
    pub(crate) fn head(&self, vector: &[f32], head: &mut [f32]) {
        crate::codes::kernels::scores(vector, &self.directions, head);
    }

    /// How far a head and the length of a tail can be from what they would be without rounding: the error of
    /// [`crate::dot`] in every component, and the skew.
    pub(crate) fn rounding(&self) -> f64 {
        let component = (self.dimension as f64 / 32.0 + 6.0) * 2f64.powi(-24);
        (self.width() as f64).sqrt() * component + SKEW
    }

    /// How far the directions are from orthonormal: the Frobenius norm of their Gram matrix minus the identity.
    pub(crate) fn skew(&self) -> f64 {
        let rows: Vec<&[f32]> = self.directions.chunks_exact(self.dimension).collect();
        let mut sum = 0.0;
        for (at, one) in rows.iter().enumerate() {
            for (to, other) in rows.iter().enumerate().skip(at) {
                let product: f64 = one.iter().zip(*other).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                let off = if at == to { product - 1.0 } else { product };
                sum += off * off * if at == to { 1.0 } else { 2.0 };
            }
        }
        sum.sqrt()
    }
}
