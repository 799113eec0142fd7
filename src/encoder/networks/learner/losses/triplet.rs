//! The triplet loss: FaceNet, arXiv 1503.03832, equation 2.

use tch::TchError;

use super::{Chosen, Valued, mean, share_above_0};

/// The mean of `max(0, |a - p|^2 - |a - n|^2 + margin)`.
pub(in super::super) fn triplet(chosen: &Chosen, margin: f64) -> Result<Valued, TchError> {
    let parts = chosen.positive.f_sub(&chosen.negative)?.f_add_scalar(margin)?.f_clamp_min(0.0)?;
    Ok(Valued { active: share_above_0(&parts)?, loss: mean(&parts)? })
}
