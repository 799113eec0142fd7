//! Cross-entropy of a classifier: DeepID2, arXiv 1406.4773, equation 1; Deep Face Recognition, BMVC 2015, section 4.1.

use tch::{TchError, Tensor};

use super::{Valued, cross_entropy};

/// The mean of `-ln softmax(W f)` at the person of each embedding `f`, which is not normalised. `classifier` has a row for each person.
pub(in super::super) fn softmax(
    raw: &Tensor,
    classifier: &Tensor,
    labels: &Tensor,
) -> Result<Valued, TchError> {
    let logits = raw.f_matmul(&classifier.f_tr()?)?;
    Ok(Valued { loss: cross_entropy(&logits, labels)?, active: 1.0 })
}
