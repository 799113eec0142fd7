//! The contrastive loss: DeepID2, arXiv 1406.4773, equation 2.

use tch::{Kind, TchError, Tensor};

use super::{EPSILON, Valued};

/// Half of `d^2` for pairs of one person and of `max(0, margin - d)^2` for pairs of two, over all pairs of a batch. The two kinds have the
/// same weight, as in the paper, which draws as many of each; there are many more pairs of two people in a batch.
pub(in super::super) fn contrastive(
    embeddings: &Tensor,
    labels: &Tensor,
    margin: f64,
) -> Result<Valued, TchError> {
    let count = labels.numel() as f64;
    let products = embeddings.f_matmul(&embeddings.f_tr()?)?;
    let squared = products.f_mul_scalar(-2.0)?.f_add_scalar(2.0)?.f_clamp_min(0.0)?;
    let same = labels.f_unsqueeze(0)?.f_eq_tensor(&labels.f_unsqueeze(1)?)?.f_to_kind(squared.kind())?;
    let other = same.f_neg()?.f_add_scalar(1.0)?;
    let missing = squared.f_add_scalar(EPSILON)?.f_sqrt()?.f_neg()?.f_add_scalar(margin)?.f_clamp_min(0.0)?;
    let total = |of: &Tensor| f64::try_from(&of.f_sum(Kind::Double)?);
    // A sample with itself is no pair; its distance is 0.
    let (mated, non_mated) = ((total(&same)? - count).max(1.0), total(&other)?.max(1.0));
    let near = squared.f_mul(&same)?.f_sum(None)?.f_div_scalar(2.0 * mated)?;
    let far = missing.f_square()?.f_mul(&other)?.f_sum(None)?.f_div_scalar(2.0 * non_mated)?;
    let wrong = missing.f_detach()?.f_mul(&other)?.f_gt(0.0)?.f_sum(Kind::Double)?;
    Ok(Valued { loss: near.f_add(&far)?, active: f64::try_from(&wrong)? / non_mated })
}
