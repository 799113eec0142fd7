//! Decisions: from a ranked candidate list and a threshold to an answer one can act on.

use serde::Serialize;

use crate::gallery::{Binding, Candidates};

/// The answer to "who is this?" or "are these the same person?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// At least one candidate reaches the threshold.
    Match,
    /// Nobody reaches the threshold.
    NoMatch,
    /// The probe or the search does not allow a decision.
    Inconclusive,
}

/// Where a threshold comes from. Every reply says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The model's one-to-one threshold, measured on a public set of pairs. Not calibrated for this gallery: the
    /// share of strangers who are named grows with the gallery.
    Uncalibrated,
    /// Given by the user.
    User,
}

/// A score at or above `value` counts as the same person.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// Cosine, -1 to 1.
    pub value: f32,
    /// Where it comes from.
    pub origin: Origin,
}

impl Threshold {
    /// The user's value if there is one, else the gallery's model's; `None` if neither has one.
    pub fn choose(user: Option<f32>, binding: &Binding) -> Option<Self> {
        user.map(|value| Self { value, origin: Origin::User })
            .or(binding.threshold.map(|value| Self { value, origin: Origin::Uncalibrated }))
    }

    /// Whether a score counts as the same person.
    pub fn reached(&self, score: f32) -> bool {
        score >= self.value
    }
}

/// What a search proves about the templates that it does not list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Certificate {
    /// `exact`: every live template was scored. `none`: a closer one can have been missed.
    pub kind: &'static str,
    /// Templates that were scored.
    pub searched: u64,
    /// Best score of any live template, listed or not.
    pub max_similarity: Option<f32>,
    /// Whether nobody at or above the threshold can have been missed.
    pub complete: bool,
}

impl Certificate {
    /// What the search behind `candidates` proves.
    pub fn of(candidates: &Candidates) -> Self {
        Self {
            kind: if candidates.complete { "exact" } else { "none" },
            searched: candidates.searched,
            max_similarity: candidates.max_score,
            complete: candidates.complete,
        }
    }
}

/// Decides about a probe: the best candidate against the threshold. A list that may be incomplete proves
/// a match, never the absence of one.
pub fn decide(candidates: &Candidates, threshold: &Threshold) -> Decision {
    match candidates.candidates.first() {
        Some(best) if threshold.reached(best.score) => Decision::Match,
        _ if candidates.complete => Decision::NoMatch,
        _ => Decision::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::Candidate;

    fn found(score: Option<f32>, complete: bool) -> Candidates {
        let candidates = score
            .map(|score| Candidate { subject_id: 1, subject: "Ada".into(), template_id: 2, score })
            .into_iter()
            .collect();
        Candidates { candidates, searched: 1, max_score: score, complete }
    }

    #[test]
    fn the_threshold_itself_is_a_match() {
        let threshold = Threshold { value: 0.5, origin: Origin::User };
        assert_eq!(decide(&found(Some(0.5), true), &threshold), Decision::Match);
        assert_eq!(decide(&found(Some(0.499), true), &threshold), Decision::NoMatch);
        assert_eq!(decide(&found(None, true), &threshold), Decision::NoMatch);
    }

    #[test]
    fn an_incomplete_list_never_proves_absence() {
        let threshold = Threshold { value: 0.5, origin: Origin::User };
        assert_eq!(decide(&found(Some(0.6), false), &threshold), Decision::Match);
        assert_eq!(decide(&found(Some(0.4), false), &threshold), Decision::Inconclusive);
    }

    #[test]
    fn the_users_threshold_goes_before_the_models() {
        let binding = Binding::external(4, Some(0.3));
        let chosen = Threshold::choose(Some(0.7), &binding);
        assert_eq!(chosen, Some(Threshold { value: 0.7, origin: Origin::User }));
        let chosen = Threshold::choose(None, &binding);
        assert_eq!(chosen, Some(Threshold { value: 0.3, origin: Origin::Uncalibrated }));
        assert_eq!(Threshold::choose(None, &Binding::external(4, None)), None);
    }
}
