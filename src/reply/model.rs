//! The models that templates are made with.

use serde::{Deserialize, Serialize};

use crate::encoder::ChannelOrder;
use crate::template::Binding;

/// The model that templates were made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Name of the model.
    pub name: String,
    /// SHA-256 of weights and preprocessing, hexadecimal; empty for templates of another program.
    pub fingerprint: String,
}

impl From<&Binding> for Model {
    fn from(binding: &Binding) -> Self {
        Self { name: binding.model.clone(), fingerprint: binding.fingerprint.clone() }
    }
}

/// A model in the list of built-in models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelListed {
    /// Name of the model.
    pub name: String,
    /// Number of components of its templates.
    pub dimension: usize,
    /// Licence of its weights.
    pub licence: String,
    /// Whether it is used if no model is named.
    pub default: bool,
    /// Whether its weights are on this machine.
    pub installed: bool,
}

/// The description of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Name of the model.
    pub name: String,
    /// Number of components of its templates.
    pub dimension: usize,
    /// Licence of its weights.
    pub licence: String,
    /// Origin of its weights and of their training data.
    pub provenance: String,
    /// Known limitations.
    pub caveats: Vec<String>,
    /// Cosine from which two faces count as one person without a calibration, -1 to 1.
    pub threshold: f32,
    /// How this threshold was measured.
    pub threshold_basis: String,
    /// Path of the file of weights; empty if there is none.
    pub weights: String,
    /// SHA-256 of that file, hexadecimal; empty if there is none.
    pub sha256: String,
    /// SHA-256 of weights and preprocessing, hexadecimal.
    pub fingerprint: String,
}

/// The path of a model's weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPath {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Path of the file of weights.
    pub path: String,
}

/// An imported model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportedModel {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Name of the model.
    pub name: String,
    /// Path of its manifest.
    pub manifest: String,
    /// Whether it was written: false for a dry run, and if the same model was there.
    pub written: bool,
    /// Number of components of its templates.
    pub dimension: usize,
    /// How faces are aligned.
    pub chip: String,
    /// Order of the colours.
    pub channels: ChannelOrder,
    /// Subtracted from each colour, 0 to 255, in the order of the channels.
    pub mean: [f32; 3],
    /// Factor for the difference.
    pub scale: [f32; 3],
    /// Cosine from which two faces count as one person without a calibration, -1 to 1.
    pub threshold: f32,
    /// Where this threshold comes from.
    pub threshold_basis: String,
    /// Licence of the weights, as stated.
    pub licence: String,
    /// SHA-256 of weights and preprocessing, hexadecimal.
    pub fingerprint: String,
    /// Name of the ONNX file.
    pub file: String,
    /// Version of the operators in it.
    pub operator_set: i64,
    /// Number of operations after the conversion.
    pub operations: usize,
    /// Number of weights.
    pub parameters: usize,
    /// Multiplications for one face, roughly.
    pub products: u64,
    /// The tried settings of the input.
    pub settings: Vec<TriedSetting>,
    /// What the user should check.
    pub warnings: Vec<String>,
}

/// A setting of the input of an imported model, and how well it separates people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriedSetting {
    /// How faces are aligned.
    pub chip: String,
    /// Order of the colours.
    pub channels: ChannelOrder,
    /// Subtracted from each colour, in the order of the channels.
    pub mean: [f32; 3],
    /// Factor for the difference.
    pub scale: [f32; 3],
    /// Difference of the mean scores of same and different people, relative to their deviation. `None` if the network failed.
    pub d_prime: Option<f64>,
    /// Share of photos whose most similar photo shows the same person, 0 to 1.
    pub rank_1: Option<f64>,
    /// Whether it was taken.
    pub taken: bool,
}
