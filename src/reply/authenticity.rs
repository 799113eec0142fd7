//! Replies about authenticity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Probe;
use crate::authenticity::{ErrorRates, FittedTo, Judgement, Verdict};

/// What a verdict of a gate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticityPolicy {
    /// The verdict is reported. The decision does not depend on it.
    #[default]
    Warn,
    /// A face without the verdict `genuine` is inconclusive.
    Refuse,
}

/// The authenticity of the face of a probe. It is independent of the identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Authenticity {
    /// What the verdict changes.
    pub policy: AuthenticityPolicy,
    /// The judgement. Absent if the face is too small to be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
}

impl Authenticity {
    /// Whether the decision is inconclusive because of it.
    pub fn is_refused(&self) -> bool {
        self.policy == AuthenticityPolicy::Refuse && !self.is_genuine()
    }

    /// Whether the verdict is `genuine`.
    pub fn is_genuine(&self) -> bool {
        self.judgement.as_ref().is_some_and(|judgement| judgement.verdict == Verdict::Genuine)
    }
}

/// The authenticity of a face in a photo, or why it was not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuthenticityScored {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The face with its authenticity, or the photo or face with the reason.
    pub probe: Probe,
}

/// A gate that was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateFitted {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// What it was fitted to.
    pub fitted_to: FittedTo,
    /// Photos without a face that can be measured.
    pub left_out: u64,
    /// The probability of an attack at or above which the verdict is `attack`.
    pub threshold: f64,
    /// Error rates on people that it was not fitted to, by cross-validation.
    pub unseen_people: ErrorRates,
    /// The measures with the largest weights.
    pub measures: Vec<GateMeasure>,
}

/// A measure of a gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateMeasure {
    /// Its name.
    pub measure: String,
    /// What it is, in words.
    pub meaning: String,
    /// What a deviation above its mean adds to the logarithm of the odds of an attack.
    pub weight: f64,
}

/// The error rates of a gate on other photos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateEvaluated {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The error rates.
    pub error_rates: ErrorRates,
    /// Photos without a face that can be measured.
    pub left_out: u64,
    /// Faces that are unlike the photos that the gate was fitted to.
    pub unlike_fit: u64,
    /// The probability of an attack at or above which the verdict is `attack`.
    pub threshold: f64,
}
