//! Replies about authenticity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Probe;
use crate::authenticity::{ErrorRates, FittedTo, Judgement, Verdict};
use crate::decision::Doubt;
use crate::reason::Reason;

/// What a verdict of a gate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticityPolicy {
    /// The verdict is reported. The decision does not depend on it.
    #[default]
    Warn,
    /// A face without the verdict `genuine` is inconclusive. The verdict alone counts: a photo that is unlike those of the fit is not
    /// refused for it.
    Refuse,
}

/// The authenticity of the face of a probe. It is independent of the identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Authenticity {
    /// What the verdict changes.
    pub policy: AuthenticityPolicy,
    /// The judgement. Absent if the face cannot be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// Why there is no judgement: `not_judged`. Absent if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The reason in words: the size that was found and the size that is necessary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Authenticity {
    /// The authenticity of a face with this judgement, or with the reason in words why there is none.
    pub fn new(policy: AuthenticityPolicy, judged: Result<Judgement, String>) -> Self {
        match judged {
            Ok(judgement) => Self { policy, judgement: Some(judgement), reason: None, detail: None },
            Err(detail) => {
                Self { policy, judgement: None, reason: Some(Reason::NotJudged), detail: Some(detail) }
            }
        }
    }

    /// Why the decision is inconclusive because of it, if it is.
    pub fn doubt(&self) -> Option<Doubt> {
        match (self.policy, &self.judgement) {
            (AuthenticityPolicy::Warn, _) => None,
            (_, None) => Some(Doubt::NotJudged),
            (_, Some(judgement)) => (judgement.verdict != Verdict::Genuine).then_some(Doubt::NotAuthentic),
        }
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
