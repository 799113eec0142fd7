//! What is asked of a gallery. Every field has a default; an empty object is a request.

use serde::{Deserialize, Serialize};

use crate::encoder::Device;
use crate::fusion::Fusion;
use crate::ingest::Faces;

/// Which networks run, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineRequest {
    /// A built-in model, or the path of a manifest; `None`: the gallery's, or the best one there is.
    pub model: Option<String>,
    /// Whether the code in a TorchScript model may run.
    pub trust_model_code: bool,
    /// Where the networks run.
    pub device: Device,
}

/// Which photos and faces count.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhotoRequest {
    /// Which faces of a photo count.
    pub faces: Faces,
    /// The shorter side of the smallest face that counts, in pixels, 12 to 10,000; `None`: 40, and 1/40 of the photo's longer side.
    pub min_face: Option<f32>,
    /// The lowest quality that counts, 0 to 100.
    pub min_quality: u8,
    /// Whether photos of more than one face are refused.
    pub single_face: bool,
    /// The most pixels of a photo; `None`: 256 million.
    pub max_pixels: Option<u64>,
    /// The most bytes of a file; `None`: 256 MiB.
    pub max_file: Option<u64>,
    /// The most bytes that all photos under way take together; `None`: half of the machine's memory.
    pub max_memory: Option<u64>,
    /// Threads that compute; `None`: one a core.
    pub workers: Option<u16>,
}

/// How a gallery is searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRequest {
    /// The way to search.
    pub way: Way,
    /// Nodes that the walk through a graph keeps, 1 to 100,000.
    pub width: u32,
    /// What the search must prove.
    pub certify: Option<Proof>,
    /// How a subject's templates are made one score; `None`: the calibration's fusion, else the best score.
    pub fusion: Option<Fusion>,
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self { way: Way::Auto, width: 64, certify: None, fusion: None }
    }
}

/// A way to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Complete, in the fastest way.
    #[default]
    Auto,
    /// Every template is scored.
    Exact,
    /// By codes that bound scores.
    Scan,
    /// By a walk through a graph: approximate.
    Graph,
}

/// What a search must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// No subject is missed.
    Exact,
    /// No subject above the threshold is missed; one at the threshold itself is with a probability of 1e-5.
    Bounded,
}

/// Which score decides. Both empty: the calibration's first target, else the model's threshold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionRequest {
    /// Target FPIR by the gallery's calibration: none, one, or two. A best score between the thresholds of two is inconclusive.
    pub target_fpir: Vec<f64>,
    /// The score at or above which a candidate matches: none, one, or two in ascending order. A best score between two is inconclusive.
    pub threshold: Vec<f32>,
}

/// An identification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentifyRequest {
    /// Length of the candidate list, at least 1.
    pub top_k: u32,
    /// Whether the reply holds the probe's template.
    pub with_template: bool,
    /// How the gallery is searched.
    pub search: SearchRequest,
    /// Which score decides.
    pub decision: DecisionRequest,
}

impl Default for IdentifyRequest {
    fn default() -> Self {
        let (search, decision) = (SearchRequest::default(), DecisionRequest::default());
        Self { top_k: 5, with_template: false, search, decision }
    }
}
