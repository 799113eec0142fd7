//! The soft-margin triplet loss: Hermans et al., arXiv 1703.07737, section 2.

use tch::TchError;

use super::{Chosen, EPSILON, Valued, mean};

/// The mean of `ln(1 + exp(d(a, p) - d(a, n)))`, with distances that are not squared. The gradient of a triplet becomes small but not 0;
/// as active counts a triplet whose negative is nearer than its positive.
pub(in super::super) fn soft_margin(chosen: &Chosen) -> Result<Valued, TchError> {
    let positive = chosen.positive.f_add_scalar(EPSILON)?.f_sqrt()?;
    let difference = positive.f_sub(&chosen.negative.f_add_scalar(EPSILON)?.f_sqrt()?)?;
    let active = super::share_above_0(&difference)?;
    Ok(Valued { loss: mean(&difference.f_softplus()?)?, active })
}
