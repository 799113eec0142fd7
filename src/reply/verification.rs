//! The reply of a verification.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Basis, Model, Probe};
use crate::decision::{Decision, Doubt};

/// Two faces, their score, and the decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The decision.
    pub decision: Decision,
    /// The reason of an inconclusive decision.
    pub doubt: Option<Doubt>,
    /// Cosine, -1 to 1.
    pub similarity: f32,
    /// `1 - similarity`.
    pub distance: f32,
    /// Score at or above which two faces count as one person: cosine, -1 to 1.
    pub threshold: f32,
    /// The basis of the threshold.
    pub calibration: Basis,
    /// The face of the first photo.
    pub a: Probe,
    /// The face of the second photo.
    pub b: Probe,
    /// The model of both templates.
    pub model: Model,
}
