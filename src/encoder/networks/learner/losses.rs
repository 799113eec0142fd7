//! The losses. Each returns a mean, so that its size does not depend on the size of a batch.

mod arcface;
mod boundary;
mod contrastive;
mod soft_margin;
mod softmax;
mod triplet;

use tch::{Kind, TchError, Tensor};

pub(super) use arcface::arcface;
pub(super) use boundary::boundary;
pub(super) use contrastive::contrastive;
pub(super) use soft_margin::soft_margin;
pub(super) use softmax::softmax;
pub(super) use triplet::triplet;

/// Added to squared distances before the root, whose gradient at 0 is infinite.
const EPSILON: f64 = 1e-8;

/// A loss with the share of its parts that have a gradient.
pub(super) struct Valued {
    pub loss: Tensor,
    pub active: f64,
}

/// Squared distances of chosen triplets: from the anchor to the positive, and to the negative.
pub(super) struct Chosen {
    pub positive: Tensor,
    pub negative: Tensor,
    /// Number of triplets.
    pub count: usize,
}

impl Chosen {
    pub fn new(embeddings: &Tensor, triplets: &[[usize; 3]]) -> Result<Self, TchError> {
        let rows = |at: usize| {
            let positions: Vec<i64> = triplets.iter().map(|triplet| triplet[at] as i64).collect();
            let positions = Tensor::f_from_slice(&positions)?.f_to_device(embeddings.device())?;
            embeddings.f_index_select(0, &positions)
        };
        let (anchor, positive, negative) = (rows(0)?, rows(1)?, rows(2)?);
        let to = |other: &Tensor| {
            anchor.f_sub(other)?.f_square()?.f_sum_dim_intlist([1_i64].as_slice(), false, None)
        };
        Ok(Self { positive: to(&positive)?, negative: to(&negative)?, count: triplets.len() })
    }
}

/// Each row divided by its length.
pub(super) fn normalised(rows: &Tensor) -> Result<Tensor, TchError> {
    let lengths =
        rows.f_square()?.f_sum_dim_intlist([1_i64].as_slice(), true, None)?.f_sqrt()?.f_clamp_min(1e-12)?;
    rows.f_div(&lengths)
}

/// All distances between normalised rows, not squared: `sqrt(2 - 2 cos)`.
pub(super) fn distances(rows: &Tensor) -> Result<Tensor, TchError> {
    let squared = rows.f_matmul(&rows.f_tr()?)?.f_mul_scalar(-2.0)?.f_add_scalar(2.0)?;
    squared.f_clamp_min(0.0)?.f_sqrt()
}

/// The mean, or 0 of no numbers, which has no gradient but can be followed.
fn mean(parts: &Tensor) -> Result<Tensor, TchError> {
    let count = parts.numel().max(1) as f64;
    parts.f_sum(None)?.f_div_scalar(count)
}

/// The mean of `-ln softmax(logits)` at the labels.
fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor, TchError> {
    let own = logits.f_log_softmax(1, None)?.f_gather(1, &labels.f_unsqueeze(1)?, false)?;
    mean(&own)?.f_neg()
}

/// The share of numbers above 0.
fn share_above_0(parts: &Tensor) -> Result<f64, TchError> {
    let count = parts.numel();
    if count == 0 {
        return Ok(0.0);
    }
    let above = parts.f_detach()?.f_gt(0.0)?.f_sum(Kind::Double)?;
    Ok(f64::try_from(&above)? / count as f64)
}
