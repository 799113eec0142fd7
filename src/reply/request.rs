//! Requests. Every field has a default, so an empty object is a valid request.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoder::Device;
use crate::fusion::Fusion;
use crate::ingest::Faces;

/// The model, and where its networks run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineRequest {
    /// A built-in model, or the path of a manifest. `None`: the gallery's model, or the best available one.
    pub model: Option<String>,
    /// An ONNX file with an SCRFD detector, or a pack with one. `None`: the detector of the gallery or of the model.
    pub detector: Option<PathBuf>,
    /// Whether the user accepts the conditions of a known publisher of that file.
    pub accept_licence: bool,
    /// Whether the code in a TorchScript model may run.
    pub trust_model_code: bool,
    /// The device of the networks.
    pub device: Device,
}

/// Which photos and faces are used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhotoRequest {
    /// Which faces of a photo are used.
    pub faces: Faces,
    /// Smallest shorter side of a face, in pixels, 12 to 10,000. `None`: 40, and 1/40 of the photo's longer side if that is more.
    pub min_face: Option<f32>,
    /// Lowest quality of a face, 0 to 100.
    pub min_quality: u8,
    /// Whether photos with more than one face are refused.
    pub single_face: bool,
    /// Most pixels of a photo. `None`: 256 million.
    pub max_pixels: Option<u64>,
    /// Most bytes of a file. `None`: 256 MiB.
    pub max_file: Option<u64>,
    /// Most bytes of all photos in flight. `None`: half of the machine's memory.
    pub max_memory: Option<u64>,
    /// Number of computing threads. `None`: one per core.
    pub workers: Option<u16>,
}

/// How a gallery is searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRequest {
    /// The search mode.
    pub way: Way,
    /// Beam width of a graph search, 1 to 100,000.
    pub width: u32,
    /// The required certificate.
    pub certify: Option<Proof>,
    /// How the scores of a subject's templates become one score. `None`: the fusion of the calibration, otherwise the best score.
    pub fusion: Option<Fusion>,
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self { way: Way::Auto, width: 64, certify: None, fusion: None }
    }
}

/// A search mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Complete, in the fastest mode.
    #[default]
    Auto,
    /// Every template is scored.
    Exact,
    /// By short codes that bound the scores.
    Scan,
    /// By a graph; approximate.
    Graph,
}

/// A required certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// No subject is missed.
    Exact,
    /// No subject above the threshold is missed. A subject exactly at the threshold is missed with probability 1e-5.
    Bounded,
}

/// The threshold of the decision. If both are empty: by the first target of the calibration, otherwise the model's threshold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionRequest {
    /// Target FPIR for the gallery's calibration: none, one, or two. With two, a best score between their thresholds is inconclusive.
    pub target_fpir: Vec<f64>,
    /// Score at or above which a candidate matches: none, one, or two in ascending order. With two, a best score between them is
    /// inconclusive.
    pub threshold: Vec<f32>,
}

/// The subjects among whom a probe is searched. The search of the others is left out, and the threshold is that for the number of subjects
/// that remain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Among {
    /// Ids of subjects. `None`: all subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<Vec<u64>>,
    /// Names of lists. Their subjects are added to `subjects`. `None`: no list; all subjects if `subjects` is `None` too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lists: Option<Vec<String>>,
    /// Ids of subjects that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_subjects: Vec<u64>,
    /// Names of lists whose subjects are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_lists: Vec<String>,
}

impl Among {
    /// Whether no subject is left out.
    pub fn is_everybody(&self) -> bool {
        *self == Self::default()
    }
}

/// The request for an identification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentifyRequest {
    /// Length of the candidate list, at least 1.
    pub top_k: u32,
    /// Whether the reply contains the template of the probe.
    pub with_template: bool,
    /// How the gallery is searched.
    pub search: SearchRequest,
    /// The threshold of the decision.
    pub decision: DecisionRequest,
    /// The subjects among whom the probe is searched.
    pub among: Among,
}

impl Default for IdentifyRequest {
    fn default() -> Self {
        let (search, decision) = (SearchRequest::default(), DecisionRequest::default());
        Self { top_k: 5, with_template: false, search, decision, among: Among::default() }
    }
}
