//! Encoders: aligned faces to templates. The only part of Gallerist that names `tch`.

use thiserror::Error;

use crate::face::Crop;
use crate::template::Template;

/// Why a network could not be loaded or run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The network refused its input or gave an answer of the wrong shape.
    #[error("{model}: {reason}")]
    Failed {
        /// Name of the model.
        model: String,
        /// What went wrong.
        reason: String,
    },
}

/// Turns aligned faces into templates. Implementations are shared between threads.
pub trait Encoder: Send + Sync {
    /// One template a crop, in order.
    ///
    /// # Errors
    /// The network failed, or its output for some crop is not a template.
    fn encode(&self, crops: &[Crop]) -> Result<Vec<Template>, EncoderError>;
}
