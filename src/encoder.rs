//! Encoders: aligned faces to templates.
//!
//! A [`Model`] says what a network is and what it wants to see; [`Engine::load`] verifies its weights and
//! gives the detector and encoder that run it. Without [`Engine::provide`] only the stand-in model runs: the real
//! networks are in a program of their own, `gallerist-networks`.

mod binding;
mod engine;
mod model;
mod stand_in;
pub mod weights;

pub use engine::{Device, Engine, Load};
pub use model::{ChannelOrder, Kind, Model, Weights, hexadecimal, models_dir};

use std::path::PathBuf;

use thiserror::Error;

use crate::face::{Crop, NetworkError};
use crate::template::Template;

/// Why a model could not be loaded, or its network could not be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// A network failed while it ran.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// No built-in model has this name.
    #[error("there is no model `{name}`; there are {known}, or give the path of a manifest (.toml)")]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A manifest cannot be read, or describes no usable model.
    #[error("{}: {reason}", file.display())]
    Manifest {
        /// The manifest.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The weights of a model are not on this machine.
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
        /// Where the file was expected.
        file: PathBuf,
    },
    /// A weights file is not the one that the manifest names.
    #[error("{}: sha256 is {got}, expected {expected}; remove the file and run tools/setup, or correct the manifest", file.display())]
    WeightsChanged {
        /// The weights file.
        file: PathBuf,
        /// The sha256 in the manifest.
        expected: String,
        /// The sha256 of the file.
        got: String,
    },
    /// A weights file cannot be read or does not hold the network it should.
    #[error("{}: {reason}", file.display())]
    Weights {
        /// The weights file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Loading a TorchScript model runs its code, which nobody has allowed.
    #[error("{model}: loading {} runs the code in it, which is not allowed", file.display())]
    Untrusted {
        /// Name of the model.
        model: String,
        /// The TorchScript file.
        file: PathBuf,
    },
    /// The device asked for is not usable.
    #[error("device {device} is not usable: {reason}")]
    Device {
        /// The device asked for.
        device: &'static str,
        /// Why not.
        reason: String,
    },
    /// Nothing in this process runs real networks.
    #[error("{model}: this program runs no networks; gallerist-networks does")]
    NoNetworks {
        /// Name of the model.
        model: String,
    },
}

/// Turns aligned faces into templates. Implementations are shared between threads.
pub trait Encoder: Send + Sync {
    /// One template a crop, in order.
    ///
    /// # Errors
    /// The network failed, or its output for some crop is not a template.
    fn encode(&self, crops: &[Crop]) -> Result<Vec<Template>, NetworkError>;
}
