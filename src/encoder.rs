//! Encoders: aligned faces to templates.
//!
//! A [`Model`] describes a network and the input that it expects. [`Engine::load`] verifies the weights and returns the detector
//! and the encoder. Without [`Engine::provide`] only the stand-in model runs. The real networks are in a separate program,
//! `gallerist-networks`.

mod binding;
mod engine;
mod ensemble;
pub mod graph;
mod model;
pub mod onnx;
mod stand_in;
pub mod weights;

pub use engine::{Device, Engine, Load, Loaded};
pub(crate) use ensemble::Matrix;
pub use model::{
    ChannelOrder, DetectorFile, Ensemble, Input, Kind, Manifest, Member, Model, ModelFile, Network, Origin,
    Projection, Runtime, Scale, Weights, hexadecimal, models_dir,
};

use std::path::PathBuf;

use thiserror::Error;

use crate::face::{Aligned, NetworkError};
use crate::template::Template;

/// Why a model could not be loaded, or its network could not be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// A network failed during a run.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// No built-in model has this name.
    #[error("there is no model `{name}`; there are {known}, or give the path of a manifest (.toml)")]
    UnknownModel {
        /// The requested name.
        name: String,
        /// The names of the built-in models.
        known: String,
    },
    /// A manifest cannot be read, or does not describe a usable model.
    #[error("{}: {reason}", file.display())]
    Manifest {
        /// The manifest.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The weights of a model are not installed.
    #[error(
        "{model}: {} is missing; {}",
        file.display(),
        if Model::named(model).is_some() || *model == "mtcnn" {
            "run tools/setup to fetch and convert it"
        } else {
            "correct `file` in the manifest, or put the file there"
        }
    )]
    MissingWeights {
        /// Name of the model.
        model: String,
        /// The expected place of the file.
        file: PathBuf,
    },
    /// The SHA-256 of a weights file differs from the one in the manifest.
    #[error("{}: sha256 is {got}, expected {expected}; {}", file.display(), origin.remedy())]
    WeightsChanged {
        /// The weights file.
        file: PathBuf,
        /// The SHA-256 in the manifest.
        expected: String,
        /// The SHA-256 of the file.
        got: String,
        /// What made the file.
        origin: Origin,
    },
    /// A weights file cannot be read, or does not contain the expected network.
    #[error("{}: {reason}", file.display())]
    Weights {
        /// The weights file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An ONNX file cannot be imported.
    #[error("{}: {reason}", file.display())]
    Onnx {
        /// The file, folder or archive.
        file: PathBuf,
        /// The node, tensor or byte, and what is wrong with it.
        reason: String,
    },
    /// The detector of a model is not in the folder of the models.
    #[error("the detector {name} cannot be read from {}: {reason}; give its ONNX file with --detector", file.display())]
    NoDetector {
        /// Its name.
        name: String,
        /// The expected place of the file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Loading a TorchScript model runs its code, and the user has not permitted that.
    #[error("{model}: loading {} runs the code in it, which is not permitted", file.display())]
    Untrusted {
        /// Name of the model.
        model: String,
        /// The TorchScript file.
        file: PathBuf,
    },
    /// The requested device is not usable.
    #[error("device {device} is not usable: {reason}")]
    Device {
        /// The requested device.
        device: &'static str,
        /// Why it is not usable.
        reason: String,
    },
    /// This program cannot run real networks.
    #[error("{model}: this program runs no networks; gallerist-networks does")]
    NoNetworks {
        /// Name of the model.
        model: String,
    },
}

/// Turns aligned faces into templates. Threads share one encoder.
pub trait Encoder: Send + Sync {
    /// Returns one template per face, in order. The faces are aligned to the chips of the model.
    ///
    /// # Errors
    /// The network failed, or its output for one of the faces is not a template.
    fn encode(&self, faces: &[Aligned]) -> Result<Vec<Template>, NetworkError>;
}
