//! The seam to libtorch: what computes losses and gradients.

use std::sync::OnceLock;

use super::architecture::Network;
use super::{Inputs, Options, Result, TrainError};
use crate::encoder::Device;
use crate::encoder::graph::Tensors;
use crate::face::NetworkError;

/// What a learner is made for.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The settings.
    pub options: &'a Options,
    /// The network with the weights of the start.
    pub network: &'a Network,
    /// People in the training: rows of a classifier.
    pub classes: usize,
    /// Where it computes.
    pub device: Device,
}

/// The samples of a step.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The inputs.
    pub inputs: &'a Inputs,
    /// The person of each, counted from 0 to the number of classes.
    pub people: &'a [u32],
    /// The number of the step, from 0.
    pub step: u64,
    /// The share of the training that is done, 0 to 1.
    pub done: f64,
    /// The learning rate.
    pub rate: f64,
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The loss.
    pub loss: f64,
    /// Share of the chosen pairs or triplets with a gradient; 1 for a classifier alone.
    pub active: f64,
    /// Mean squared distance between the embeddings of the batch: 0 if all are equal, 2 if they are spread evenly.
    pub spread: f64,
}

/// Changes the weights of a network along the gradient of a loss.
pub trait Learner {
    /// Computes the loss of a batch and follows its gradient once. If the loss is not finite, the weights stay as they are.
    ///
    /// # Errors
    /// The network and the inputs do not fit together; libtorch failed.
    fn step(&mut self, batch: &Batch<'_>) -> Result<Step, NetworkError>;

    /// Gives the classifier the directions of the people, a row of [`Options::dimension`] numbers for each, in place of random rows (weight
    /// imprinting, arXiv 1712.07136). The gradients of a random classifier spoil a network that is nearly right before the classifier has
    /// learned. Without a classifier nothing is done.
    ///
    /// # Errors
    /// There are not as many numbers as the classifier has; libtorch failed.
    fn imprint(&mut self, directions: &[f32]) -> Result<(), NetworkError>;

    /// The normalised embeddings of inputs, one after the other, without a gradient.
    ///
    /// # Errors
    /// As [`Self::step`].
    fn embed(&mut self, inputs: &Inputs) -> Result<Vec<f32>, NetworkError>;

    /// Everything that determines the next steps: weights, running statistics, classifier, moments of the optimizer.
    ///
    /// # Errors
    /// libtorch failed.
    fn state(&self) -> Result<Tensors, NetworkError>;

    /// Continues from a state.
    ///
    /// # Errors
    /// It is of another network or of other settings.
    fn restore(&mut self, state: &Tensors) -> Result<(), NetworkError>;

    /// The network as it is now, in the form that an encoder runs: running statistics are part of the weights.
    ///
    /// # Errors
    /// libtorch failed.
    fn network(&self) -> Result<Network, NetworkError>;
}

/// Makes a learner.
pub type NewLearner = fn(&Setup<'_>) -> Result<Box<dyn Learner>, NetworkError>;

static PROVIDED: OnceLock<NewLearner> = OnceLock::new();

/// Registers what makes learners. Only the first call has an effect.
pub fn provide(new: NewLearner) {
    let _ = PROVIDED.set(new);
}

/// Whether this process can compute gradients.
pub fn is_provided() -> bool {
    PROVIDED.get().is_some()
}

/// A learner.
///
/// # Errors
/// [`TrainError::NoLearner`]; the network cannot be prepared.
pub fn learner(setup: &Setup<'_>) -> Result<Box<dyn Learner>> {
    Ok(PROVIDED.get().ok_or(TrainError::NoLearner)?(setup)?)
}
