//! Errors of the networks: those of the detector and of the encoder.

use thiserror::Error;

/// Why a network returned no output for a photo or a crop.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The network rejected its input, or its output has the wrong shape.
    #[error("{model}: {reason}")]
    Failed {
        /// Name of the model.
        model: String,
        /// The cause.
        reason: String,
    },
    /// The library that runs the network failed. The usual cause is a lack of memory, which is independent of the input.
    #[error("{model}: {reason}")]
    Library {
        /// Name of the model.
        model: String,
        /// The message of the library.
        reason: String,
    },
}

impl NetworkError {
    /// Whether the machine failed and not the network. The same input may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Library { .. })
    }
}
