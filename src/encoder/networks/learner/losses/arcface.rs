//! The additive angular margin: ArcFace, arXiv 1801.07698, equation 3.

use tch::{TchError, Tensor};

use super::{Valued, cross_entropy, normalised};

/// Cosines are kept from 1 and -1 by this, where the derivative of the sine is infinite.
const EDGE: f64 = 1e-6;

/// The mean of the cross-entropy of `scale cos(theta)`, where the angle to the own row of the classifier is enlarged by `margin` radians.
/// Angles beyond `pi - margin` have the cosine `cos(theta) - margin sin(margin)` instead, which goes on falling.
pub(in super::super) fn arcface(
    embeddings: &Tensor,
    classifier: &Tensor,
    labels: &Tensor,
    (margin, scale): (f64, f64),
) -> Result<Valued, TchError> {
    let cosines = embeddings.f_matmul(&normalised(classifier)?.f_tr()?)?;
    let own = cosines.f_gather(1, &labels.f_unsqueeze(1)?, false)?.f_clamp(-1.0 + EDGE, 1.0 - EDGE)?;
    let sine = own.f_square()?.f_neg()?.f_add_scalar(1.0)?.f_sqrt()?;
    let enlarged = own.f_mul_scalar(margin.cos())?.f_sub(&sine.f_mul_scalar(margin.sin())?)?;
    let beyond = own.f_sub_scalar(margin * margin.sin())?;
    let is_within = own.f_detach()?.f_gt((std::f64::consts::PI - margin).cos())?;
    let target = enlarged.f_where_self(&is_within, &beyond)?;
    let logits = cosines.f_scatter(1, &labels.f_unsqueeze(1)?, &target)?.f_mul_scalar(scale)?;
    Ok(Valued { loss: cross_entropy(&logits, labels)?, active: 1.0 })
}
