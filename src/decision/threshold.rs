//! Thresholds: the score from which a candidate is a match, and its origin.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::template::Binding;

/// The origin of a threshold. Every reply states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The model's one-to-one threshold, measured on a public set of pairs. Not calibrated for this gallery: the
    /// share of strangers who are named grows with the gallery.
    Uncalibrated,
    /// Given by the user.
    User,
    /// Derived from an error rate, for this gallery and its size.
    Calibrated,
}

/// How a threshold was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By counting the searches that reach it.
    Counted,
    /// By the fitted tail.
    Tail,
}

/// A threshold for a target FPIR: an operating point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operating {
    /// The FPIR aimed at.
    pub target_fpir: f64,
    /// Cosine.
    pub threshold: f32,
    /// The 95 % interval of the true FPIR there.
    pub fpir_ci95: [f64; 2],
    /// The number of subjects for which it holds.
    pub subjects: u64,
    /// How it was found.
    pub method: Method,
    /// Non-mated searches of the calibration that reach it.
    pub alarms: usize,
    /// Whether it is extrapolated: above nearly all measured scores, or for a gallery of another size.
    pub extrapolated: bool,
    /// The lowest target that can be asked for.
    pub lowest_target: f64,
}

/// A calibration's statement about a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// The calibration's number in the gallery.
    pub id: i64,
    /// The target and the threshold at which a candidate matches.
    pub operating: Operating,
    /// The same for the threshold below which nobody does, if there are two.
    pub no_match: Option<Operating>,
}

/// A score at or above `value` is a match. A best score below `no_match_below` is no match. Between the two nothing is decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// Cosine, -1 to 1.
    pub value: f32,
    /// The same as `value` if there is nothing between.
    pub no_match_below: f32,
    /// Where it comes from.
    pub origin: Origin,
    /// The calibration's statement, if it is calibrated.
    pub calibrated: Option<Calibrated>,
}

impl Threshold {
    /// The user's values, in either order; the higher one decides for a match.
    pub fn given(one: f32, other: f32) -> Self {
        let (value, no_match_below) = (one.max(other), one.min(other));
        Self { value, no_match_below, origin: Origin::User, calibrated: None }
    }

    /// The model's one-to-one threshold, if it has one.
    pub fn uncalibrated(binding: &Binding) -> Option<Self> {
        let value = binding.threshold?;
        Some(Self { value, no_match_below: value, origin: Origin::Uncalibrated, calibrated: None })
    }

    /// Whether a score counts as the same person.
    pub fn reached(&self, score: f32) -> bool {
        score >= self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_thresholds_the_higher_one_decides_for_a_match() {
        let threshold = Threshold::given(0.4, 0.6);
        assert_eq!((threshold.value, threshold.no_match_below), (0.6, 0.4));
        assert!(threshold.reached(0.6) && !threshold.reached(0.59));
    }

    #[test]
    fn a_model_without_a_threshold_gives_none() {
        let threshold = Threshold::uncalibrated(&Binding::external(4, Some(0.3)));
        assert_eq!(threshold.map(|threshold| threshold.value), Some(0.3));
        assert_eq!(Threshold::uncalibrated(&Binding::external(4, None)), None);
    }
}
