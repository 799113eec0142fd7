//! Why a training did not start, or ended.

use std::path::PathBuf;

use thiserror::Error;

use crate::face::NetworkError;

/// Why a training did not start, or ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting that cannot be used.
    #[error("{0}")]
    Options(String),
    /// The samples do not suffice.
    #[error("{0}")]
    Samples(String),
    /// This process cannot compute gradients.
    #[error("this process has no libtorch, which training needs")]
    NoLearner,
    /// The network or libtorch failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The loss is not a number.
    #[error(
        "step {step}: the loss is {loss}. The weights of the last checkpoint are kept. A lower learning rate than {rate} usually helps; \
         otherwise a sample may contain numbers that are not finite"
    )]
    NotFinite {
        /// The step, from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// The learning rate of the step.
        rate: f64,
    },
    /// All embeddings are equal.
    #[error(
        "step {step}: the network has collapsed: the embeddings of a batch differ by {spread:.2e} (mean squared distance), so every loss is \
         equal to its margin. The weights of the last checkpoint are kept. Semi-hard or distance-weighted mining, a lower learning rate than \
         {rate}, or a start with softmax-then-triplet prevent this"
    )]
    Collapsed {
        /// The step, from 1.
        step: u64,
        /// Mean squared distance between embeddings of a batch.
        spread: f64,
        /// The learning rate of the step.
        rate: f64,
    },
    /// A checkpoint cannot be used.
    #[error("{}: {reason}", file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

/// What the functions of this room return.
pub type Result<T, E = TrainError> = std::result::Result<T, E>;
