//! Training: fitting an encoder to labelled faces with the losses of the FaceNet lineage.
//!
//! - [`Samples`] are vectors or aligned faces with their people; [`Division`] keeps people aside for validation and for the report.
//! - [`batch`] draws P people with K samples each; [`mining`] chooses pairs and triplets from the distances in a batch;
//!   [`augmentation`] changes faces.
//! - [`architecture`] describes the networks; a [`Learner`] computes losses and gradients and changes the weights. The program with
//!   libtorch provides it, as it does the networks.
//! - [`course`] is the loop: steps, validation, early stop, checkpoints. It is the same for every loss.
//!
//! Every random choice is a function of the seed and of the number of the step, so a run that was interrupted continues to the same
//! weights.

pub mod architecture;
pub mod augmentation;
pub mod batch;
pub mod checkpoint;
pub mod course;
mod division;
mod error;
mod learner;
pub mod mining;
mod options;
mod sample;
mod schedule;
mod validation;

pub use crate::encoder::graph::{Tensors, Values};
pub use division::{Division, Part};
pub use error::{Result, TrainError};
pub use learner::{Batch, Learner, NewLearner, Setup, Step, is_provided, learner, provide};
pub use options::{Backbone, Loss, Mining, Optimizer, Options, Precision, Schedule};
pub use sample::{Inputs, Samples};
pub use schedule::rate;
pub use validation::tar_at_fmr;
