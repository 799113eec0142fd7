//! Encoding rows as blocks of L0 codes.

use rayon::prelude::*;

use super::{Bits, FACTORS, ROWS, Rotation, bf16, bf16_up, from_bf16};

/// Steps that are tried for four bits, as parts of the one that reaches the largest component: a shorter one
/// clips that and serves all others better.
const CLIPPED: [f32; 6] = [1.0, 0.9, 0.8, 0.7, 0.62, 0.55];

/// A row's code.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Code {
    /// One a component.
    pub(crate) levels: Vec<u8>,
    pub(crate) step: u16,
    /// Length of head minus code.
    pub(crate) error: f64,
    /// Length of what is not in the head.
    pub(crate) tail: f64,
}

/// The blocks of some vectors, in order.
pub(crate) fn encode(rotation: &Rotation, vectors: &[f32]) -> Vec<u8> {
    let rows = vectors.len() / rotation.dimension;
    let mut blocks = vec![0; rows.div_ceil(ROWS) * rotation.block()];
    let vectors = vectors.par_chunks(ROWS * rotation.dimension);
    blocks.par_chunks_mut(rotation.block()).zip(vectors).for_each(|(block, vectors)| {
        let mut head = vec![0.0; rotation.width()];
        for (row, vector) in vectors.chunks_exact(rotation.dimension).enumerate() {
            Code::new(rotation, vector, &mut head).write(rotation.bits, block, row);
        }
    });
    blocks
}

impl Code {
    /// The code of one vector; `head` is room for its head.
    pub(crate) fn new(rotation: &Rotation, vector: &[f32], head: &mut [f32]) -> Self {
        let centre = rotation.bits.centre();
        rotation.head(vector, head);
        let square = |vector: &[f32]| -> f64 { vector.iter().map(|x| f64::from(*x).powi(2)).sum() };
        // See `L0Query::new` for why this and no more is left to rounding.
        let tail = ((square(vector) - square(head)).max(0.0) + 3.0 * rotation.rounding()).sqrt();
        let largest = head.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        let widest = largest * 2.0 / (centre + 1) as f32;
        let code = |part: f32| Self::quantised(centre, head, bf16_up(widest * part), tail);
        match rotation.bits {
            Bits::Eight => code(1.0),
            Bits::Four => {
                let codes = CLIPPED.iter().map(|&part| code(part).unbiased(centre, head));
                codes.min_by(|one, other| one.error.total_cmp(&other.error)).unwrap_or_else(|| code(1.0))
            }
            Bits::One => code(1.0).unbiased(centre, head),
        }
    }

    /// The nearest level for each component.
    fn quantised(centre: i32, head: &[f32], step: u16, tail: f64) -> Self {
        let inverse = if step > 0 { 1.0 / from_bf16(step) } else { 0.0 };
        let top = centre as f32;
        let level = |x: &f32| (x * inverse + (top + 1.0) / 2.0).floor().clamp(0.0, top) as u8;
        let levels = head.iter().map(level).collect();
        Self { levels, step, error: 0.0, tail }.measured(centre, head)
    }

    /// The code with one bit more: the lower half of each of its levels' ranges, and the upper one, `step`
    /// long but for the outermost.
    pub(crate) fn refined(&self, centre: i32, head: &[f32], step: u16) -> Self {
        let far = |x: f32| u8::from(x.abs() >= from_bf16(step));
        let levels = self.levels.iter().zip(head);
        let levels = levels.map(|(&first, &x)| if first == 1 { 2 + far(x) } else { 1 - far(x) }).collect();
        Self { levels, step, ..*self }.unbiased(centre, head)
    }

    /// The same levels with the step that makes the code's product with the head that of the head with
    /// itself: then the error is at right angles to the head, and over random rotations the estimate has no
    /// bias (Gao, Long 2024, section 3.2).
    fn unbiased(self, centre: i32, head: &[f32]) -> Self {
        let square: f64 = head.iter().map(|x| f64::from(*x).powi(2)).sum();
        let product: f64 = self.values(centre, 1.0).zip(head).map(|(value, x)| value * f64::from(*x)).sum();
        let step = if product > 0.0 { bf16((square / product) as f32) } else { self.step };
        Self { step, ..self }.measured(centre, head)
    }

    fn measured(self, centre: i32, head: &[f32]) -> Self {
        let values = self.values(centre, f64::from(from_bf16(self.step)));
        let error = values.zip(head).map(|(value, x)| (f64::from(*x) - value).powi(2)).sum::<f64>().sqrt();
        Self { error, ..self }
    }

    /// What the levels stand for.
    fn values(&self, centre: i32, step: f64) -> impl Iterator<Item = f64> {
        self.levels.iter().map(move |&level| f64::from(2 * i32::from(level) - centre) * step / 2.0)
    }

    /// Puts it where a row of a block has its own.
    pub(crate) fn write(&self, bits: Bits, block: &mut [u8], row: usize) {
        for (component, level) in self.levels.iter().enumerate() {
            let (byte, shift) = bits.place(row, component);
            block[byte] |= level << shift;
        }
        for (at, factor) in self.factors().into_iter().enumerate() {
            let byte = block.len() - FACTORS + (at * ROWS + row) * 2;
            block[byte..byte + 2].copy_from_slice(&factor.to_le_bytes());
        }
    }

    /// Step, error and tail, as they are stored.
    pub(super) fn factors(&self) -> [u16; 3] {
        [self.step, bf16_up(self.error as f32 * 1.000_001), bf16_up(self.tail as f32 * 1.000_001)]
    }
}
