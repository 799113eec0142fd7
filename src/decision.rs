//! Decisions: a ranked candidate list and a threshold give a match, no match, or no decision.

pub mod certificate;
mod threshold;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use certificate::{Certificate, Missed};
pub use threshold::{Calibrated, Method, Operating, Origin, Threshold};

/// The answer to "who is this?" or "are these the same person?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// At least one candidate reaches the threshold.
    Match,
    /// Nobody reaches the threshold.
    NoMatch,
    /// The probe or the search does not allow a decision.
    Inconclusive,
}

/// Why there is no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The best score lies between the two thresholds.
    BetweenThresholds,
    /// The search may have missed a subject.
    IncompleteSearch,
    /// Some faces of the photo were not examined.
    FacesNotLookedAt,
    /// The face is not accepted as that of a person in front of the camera.
    NotAuthentic,
    /// The authenticity of the face cannot be judged, and only faces that are judged genuine are accepted.
    NotJudged,
}

impl Doubt {
    /// The reason in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::BetweenThresholds => "the best score lies between the two thresholds",
            Self::IncompleteSearch => "somebody may have been missed by this search",
            Self::FacesNotLookedAt => "not every face of the photo was looked at",
            Self::NotAuthentic => "the face is not accepted as genuine",
            Self::NotJudged => "the authenticity of the face cannot be judged",
        }
    }
}

/// The decision about a photo from that about one of its faces: where faces were not examined, absence is not proven.
pub fn of_photo(decided: (Decision, Option<Doubt>), not_looked_at: usize) -> (Decision, Option<Doubt>) {
    match decided {
        (Decision::NoMatch, _) if not_looked_at > 0 => {
            (Decision::Inconclusive, Some(Doubt::FacesNotLookedAt))
        }
        decided => decided,
    }
}

/// Decides by the best fused score that was found. An incomplete search can prove a match, but not the absence of one.
pub fn decide(
    best: Option<f32>,
    certificate: &Certificate,
    threshold: &Threshold,
) -> (Decision, Option<Doubt>) {
    match best {
        Some(best) if threshold.reached(best) => (Decision::Match, None),
        _ if !certificate.proves_absence() => (Decision::Inconclusive, Some(Doubt::IncompleteSearch)),
        Some(best) if best >= threshold.no_match_below => {
            (Decision::Inconclusive, Some(Doubt::BetweenThresholds))
        }
        _ => (Decision::NoMatch, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Certificate = Certificate::exact(1, None);
    const NONE: Certificate = Certificate { kind: certificate::Kind::None, ..EXACT };

    #[test]
    fn the_threshold_itself_is_a_match() {
        let threshold = Threshold::given(0.5, 0.5);
        assert_eq!(decide(Some(0.5), &EXACT, &threshold), (Decision::Match, None));
        assert_eq!(decide(Some(0.499), &EXACT, &threshold), (Decision::NoMatch, None));
        assert_eq!(decide(None, &EXACT, &threshold), (Decision::NoMatch, None));
    }

    #[test]
    fn a_photo_with_faces_that_were_not_looked_at_is_no_proof_of_absence() {
        let unseen = (Decision::Inconclusive, Some(Doubt::FacesNotLookedAt));
        assert_eq!(of_photo((Decision::NoMatch, None), 0), (Decision::NoMatch, None));
        assert_eq!(of_photo((Decision::NoMatch, None), 2), unseen);
        assert_eq!(of_photo((Decision::Match, None), 2), (Decision::Match, None));
        let between = (Decision::Inconclusive, Some(Doubt::BetweenThresholds));
        assert_eq!(of_photo(between, 2), between);
    }

    #[test]
    fn between_two_thresholds_nothing_is_decided() {
        let threshold = Threshold::given(0.5, 0.4);
        let between = (Decision::Inconclusive, Some(Doubt::BetweenThresholds));
        assert_eq!(decide(Some(0.5), &EXACT, &threshold), (Decision::Match, None));
        assert_eq!(decide(Some(0.499), &EXACT, &threshold), between);
        assert_eq!(decide(Some(0.4), &EXACT, &threshold), between);
        assert_eq!(decide(Some(0.399), &EXACT, &threshold), (Decision::NoMatch, None));
    }

    #[test]
    fn an_incomplete_list_never_proves_absence() {
        let threshold = Threshold::given(0.5, 0.5);
        let incomplete = (Decision::Inconclusive, Some(Doubt::IncompleteSearch));
        assert_eq!(decide(Some(0.6), &NONE, &threshold), (Decision::Match, None));
        assert_eq!(decide(Some(0.4), &NONE, &threshold), incomplete);
        let sampled = Certificate {
            kind: certificate::Kind::Sampled,
            missed: Some(Missed { rate: 0.0, interval: [0.0, 0.001] }),
            ..NONE
        };
        assert_eq!(decide(Some(0.4), &sampled, &threshold), incomplete);
        let bounded = Certificate { kind: certificate::Kind::Bounded, delta: Some(1e-5), ..NONE };
        assert_eq!(decide(Some(0.4), &bounded, &threshold), (Decision::NoMatch, None));
    }
}
