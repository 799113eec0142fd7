//! The models that templates are made with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::encoder;
use crate::fit::{Line, Report};
use crate::template::Binding;
use crate::train::Options;
use crate::train::course::Epoch;

/// The model that templates were made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// The networks of an ensemble; empty for a single network.
    pub members: Vec<ModelMember>,
    /// The detector: `mtcnn`, or that of the user.
    pub detector: String,
    /// The files of the model that are not part of the program.
    pub files: Vec<ModelFile>,
    /// SHA-256 of weights and preprocessing, hexadecimal.
    pub fingerprint: String,
}

/// A network of an ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelMember {
    /// Name of its model.
    pub name: String,
    /// SHA-256 of its weights and preprocessing, hexadecimal.
    pub fingerprint: String,
    /// Its weight, above 0.
    pub weight: f32,
}

/// An ensemble that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFused {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Path of its manifest.
    pub manifest: String,
    /// Its description.
    pub model: ModelInfo,
    /// Whether members also encode the mirrored face.
    pub mirror: bool,
    /// The power of whitening in the projection, 0 to 1; `None` without a projection.
    pub whitening: Option<f32>,
    /// Photos and people that the projection was fitted to.
    pub fitted_to: Option<[usize; 2]>,
    /// Error rates on people that were not used for the fit.
    pub report: Option<Report>,
}

/// An encoder that was trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelTrained {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Path of its manifest.
    pub manifest: String,
    /// Its description.
    pub model: ModelInfo,
    /// The settings.
    pub options: Options,
    /// Photos and people that it was trained with.
    pub trained_with: [usize; 2],
    /// Photos and people of the report, which nothing was chosen by.
    pub reported_on: [usize; 2],
    /// The start, and every epoch.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights were kept; 0: none was better than the start.
    pub best: usize,
    /// Error rates of the start and of the result on the people of the report; empty if these are too few.
    pub lines: Vec<Line>,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    /// Name of the network or ensemble that it belongs to.
    pub model: String,
    /// Its path.
    pub path: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

/// The path of a file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPath {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The path.
    pub path: String,
}

impl From<&encoder::Model> for ModelInfo {
    fn from(model: &encoder::Model) -> Self {
        let members = match &model.kind {
            encoder::Kind::Network(_) => &[][..],
            encoder::Kind::Ensemble(ensemble) => &ensemble.members,
        };
        let members = members.iter().map(|member| ModelMember {
            name: member.model.name.clone(),
            fingerprint: member.model.fingerprint(),
            weight: member.weight,
        });
        let files = model.files().into_iter().map(|file| ModelFile {
            model: file.model.into_owned(),
            path: file.path.to_string_lossy().into_owned(),
            sha256: file.sha256.to_owned(),
        });
        Self {
            version: VERSION,
            name: model.name.clone(),
            dimension: model.dimension,
            licence: model.licence.clone(),
            provenance: model.provenance.clone(),
            caveats: model.caveats.clone(),
            threshold: model.threshold,
            threshold_basis: model.threshold_basis.clone(),
            members: members.collect(),
            detector: model.detector_name(),
            files: files.collect(),
            fingerprint: model.fingerprint(),
        }
    }
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
    pub channels: encoder::ChannelOrder,
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
    /// The detector: `mtcnn`, or that of the user.
    pub detector: String,
    /// Name of a detector in the pack of the encoder that is not used.
    pub unused_detector: Option<String>,
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
    pub channels: encoder::ChannelOrder,
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
