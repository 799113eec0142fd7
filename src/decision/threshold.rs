//! The score at which a candidate counts, and where it comes from.

use serde::{Deserialize, Serialize};

use crate::calibration::{Calibration, CalibrationError, Operating};
use crate::gallery::Binding;

/// Where a threshold comes from. Every reply says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// What a calibration said about a threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    /// The calibration's number in the gallery.
    pub id: i64,
    /// The target and the threshold at which a candidate matches.
    pub operating: Operating,
    /// The same for the threshold below which nobody does, if there are two.
    pub no_match: Option<Operating>,
}

/// A score at or above `value` counts as the same person; the best one being below `no_match_below`, nobody does; between the two nothing
/// is decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// Cosine, -1 to 1.
    pub value: f32,
    /// The same as `value` if there is nothing between.
    pub no_match_below: f32,
    /// Where it comes from.
    pub origin: Origin,
    /// What is known of it, if it is calibrated.
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

    /// The thresholds for one or two target rates in a gallery of `subjects`; the rarer one decides for a match.
    ///
    /// # Errors
    /// As [`Calibration::operating`].
    pub fn calibrated(
        id: i64,
        calibration: &Calibration,
        targets: &[f64],
        subjects: u64,
    ) -> Result<Self, CalibrationError> {
        let rarest = targets.iter().copied().min_by(f64::total_cmp);
        let most = targets.iter().copied().max_by(f64::total_cmp);
        let rarest = rarest.ok_or(CalibrationError::Target { target: 0.0 })?;
        let operating = calibration.operating(rarest, subjects)?;
        let no_match = most
            .filter(|target| *target > rarest)
            .map(|target| calibration.operating(target, subjects))
            .transpose()?;
        let value = operating.threshold;
        let no_match_below = no_match.as_ref().map_or(value, |operating| operating.threshold.min(value));
        let calibrated = Some(Calibrated { id, operating, no_match });
        Ok(Self { value, no_match_below, origin: Origin::Calibrated, calibrated })
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
