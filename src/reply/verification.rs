//! The reply to "are these the same person?".

use serde::{Deserialize, Serialize};

use super::{Basis, Model, Probe};
use crate::decision::{Decision, Doubt};

/// Two faces, their score, and the decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The decision.
    pub decision: Decision,
    /// Why there is none, if it is inconclusive.
    pub doubt: Option<Doubt>,
    /// Cosine, -1 to 1.
    pub similarity: f32,
    /// `1 - similarity`.
    pub distance: f32,
    /// Score at or above which two faces are the same person.
    pub threshold: f32,
    /// What the threshold rests on.
    pub calibration: Basis,
    /// The face of the first photo.
    pub a: Probe,
    /// The face of the second photo.
    pub b: Probe,
    /// The model of both templates.
    pub model: Model,
}
