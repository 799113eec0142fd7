//! How a network fails while it runs: the detector's here, and the encoder's after it.

use thiserror::Error;

/// Why a network gave no answer for a photo or a crop.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The network refused its input or gave an answer of the wrong shape.
    #[error("{model}: {reason}")]
    Failed {
        /// Name of the model.
        model: String,
        /// What went wrong.
        reason: String,
    },
    /// The library that runs the network failed. The usual cause is a lack of memory, which says nothing about the input.
    #[error("{model}: {reason}")]
    Library {
        /// Name of the model.
        model: String,
        /// The library's message.
        reason: String,
    },
}

impl NetworkError {
    /// Whether the machine failed and not the network: the same input may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Library { .. })
    }
}
