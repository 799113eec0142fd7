//! The second bit of codes of one bit, read for the few rows that the first does not rule out.
//!
//! Both bits together make levels of two bits with a step of their own, whose errors are half as long. Rows
//! lie one after the other, as they are read here and there:
//!
//! ```text
//! row, c components: c / 8 + 6 bytes
//!     0  second bits   component i in bit i % 8 of byte i / 8
//! c / 8  step          bf16   what levels of two bits are multiplied with
//!   + 2  error         bf16   length of head minus its level, rounded up
//!   + 4  tail          bf16   length of the tail, rounded up
//! ```

use rayon::prelude::*;

use super::encode::Code;
use super::{Bits, L0Query, Rotation, bf16, from_bf16};
use crate::codes::kernels;

/// Bytes behind a row's bits.
const FACTORS: usize = 6;
/// Twice the value that stands for 0 among levels of two bits.
const CENTRE: i32 = 3;

/// What a query needs for both bits, beside what it needs for the first.
#[derive(Debug, Clone)]
pub(crate) struct Second {
    /// The quantised head, each component a signed byte.
    pub(super) components: Vec<u8>,
    /// What a row's error is multiplied with, and what is added to it.
    pub(super) of_error: f32,
    pub(super) more: f32,
}

/// Bytes of a row; `None` if codes of this rotation have no second bits.
pub(crate) fn stride(rotation: &Rotation) -> Option<usize> {
    (rotation.bits == Bits::One).then_some(rotation.components / 8 + FACTORS)
}

/// The second bits of some vectors, in order.
pub(crate) fn encode(rotation: &Rotation, vectors: &[f32]) -> Vec<u8> {
    let stride = rotation.components / 8 + FACTORS;
    let mut rows = vec![0; vectors.len() / rotation.dimension * stride];
    let (at_once, dimension) = (super::ROWS, rotation.dimension);
    rows.par_chunks_mut(at_once * stride).zip(vectors.par_chunks(at_once * dimension)).for_each(
        |(rows, vectors)| {
            let mut head = vec![0.0; rotation.width()];
            for (row, vector) in rows.chunks_exact_mut(stride).zip(vectors.chunks_exact(dimension)) {
                let first = Code::new(rotation, vector, &mut head);
                write(&first.refined(CENTRE, &head, step(&head)), row);
            }
        },
    );
    rows
}

/// The step that serves a head best whose components are normal: their deviation, nearly (Max 1960, table II:
/// 0.9957 of it).
fn step(head: &[f32]) -> u16 {
    bf16((kernels::dot(head, head) / head.len() as f32).sqrt())
}

fn write(code: &Code, row: &mut [u8]) {
    let (bits, factors) = row.split_at_mut(row.len() - FACTORS);
    for (component, level) in code.levels.iter().enumerate() {
        bits[component / 8] |= (level & 1) << (component % 8);
    }
    for (factor, bytes) in code.factors().into_iter().zip(factors.as_chunks_mut::<2>().0) {
        *bytes = factor.to_le_bytes();
    }
}

impl L0Query {
    /// What a row scores by both bits, and how far off that may be; `sum` is that of its first bits (see
    /// [`kernels::bound`]).
    ///
    /// A level of two bits is twice the first plus the second, so that the sum of components times levels is
    /// `2 sum` plus the sum of the components whose second bit is set.
    pub(crate) fn by_both(&self, second: &Second, sum: i32, row: &[u8]) -> (f32, f32) {
        let (bits, factors) = row.split_at(row.len() - FACTORS);
        let both = 2 * sum + kernels::sum_where(&second.components, bits);
        let factor = |at: usize| from_bf16(u16::from_le_bytes([factors[2 * at], factors[2 * at + 1]]));
        let estimate = (2 * both - CENTRE * self.centre) as f32 * (factor(0) * self.unit);
        (estimate, factor(1) * second.of_error + factor(2) * self.of_tail + second.more)
    }
}
