//! The margin-based loss: Wu et al., arXiv 1706.07567, equation 6.

use tch::{TchError, Tensor};

use super::{Chosen, EPSILON, Valued, share_above_0};

/// For the two pairs of each triplet `max(0, margin + y (d - beta))`, y = 1 for one person and -1 for two; the mean over the pairs with a
/// loss above 0, as in the paper's implementation, so that pairs that are right do not weaken those that are wrong. `beta` is learned.
pub(in super::super) fn boundary(chosen: &Chosen, beta: &Tensor, margin: f64) -> Result<Valued, TchError> {
    let distance = |squared: &Tensor| squared.f_add_scalar(EPSILON)?.f_sqrt();
    let positive = distance(&chosen.positive)?.f_sub(beta)?.f_add_scalar(margin)?.f_clamp_min(0.0)?;
    let negative = beta.f_sub(&distance(&chosen.negative)?)?.f_add_scalar(margin)?.f_clamp_min(0.0)?;
    let parts = Tensor::f_cat(&[positive, negative], 0)?;
    let active = share_above_0(&parts)?;
    let count = (active * (2 * chosen.count) as f64).round().max(1.0);
    Ok(Valued { loss: parts.f_sum(None)?.f_div_scalar(count)?, active })
}
