//! Certificates: what a search proves about the subjects that it does not list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gallery::{Candidates, Proof};

/// How far a search may have missed subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any subject may have been missed.
    None,
    /// Subjects are missed at the rate that an audit of this way to search measured.
    Sampled,
    /// No subject above the threshold was missed; one at the threshold itself was with a small probability.
    Bounded,
    /// No subject was missed.
    Exact,
}

/// The miss rate of a way to search, as an audit measured it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Missed {
    #[serde(rename = "miss_rate")]
    /// The share of the mates found by exact search at the threshold that this way to search misses.
    pub rate: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
}

/// A search's certificate. `gallerist check-certificate` recomputes it by brute force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// The kind of proof.
    pub kind: Kind,
    /// `bounded`: the probability that a given template whose score is the threshold was missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// `sampled`: the miss rate of the audit.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub missed: Option<Missed>,
    /// Templates that were scored or bounded, and visited nodes of graphs.
    pub searched: u64,
    /// The best score of any examined template, listed or not.
    pub max_similarity: Option<f32>,
    /// Whether no subject above the threshold can have been missed, except with probability `delta`.
    pub complete: bool,
}

impl Certificate {
    /// Every live template was scored, or ruled out by a bound that always holds.
    pub const fn exact(searched: u64, max_similarity: Option<f32>) -> Self {
        Self { kind: Kind::Exact, delta: None, missed: None, searched, max_similarity, complete: true }
    }

    /// The certificate of the search behind `candidates`; `missed` is the result of an audit of this way to search, if there is one.
    pub fn of(candidates: &Candidates, missed: Option<Missed>) -> Self {
        let (kind, delta, missed) = match candidates.certificate {
            Proof::Exact => (Kind::Exact, None, None),
            Proof::Bounded { miss } => (Kind::Bounded, Some(miss), None),
            Proof::None => (missed.map_or(Kind::None, |_| Kind::Sampled), None, missed),
        };
        let (searched, max_similarity) = (candidates.searched, candidates.max_score);
        Self { kind, delta, missed, searched, max_similarity, complete: kind >= Kind::Bounded }
    }

    /// Whether finding no subject proves that none reaches the threshold.
    pub fn proves_absence(&self) -> bool {
        self.kind >= Kind::Bounded
    }

    /// For people, before the number of templates: `exact search of`.
    pub fn describe(&self) -> String {
        match (self.kind, self.delta, self.missed) {
            (Kind::Exact, ..) => "exact search of".into(),
            (Kind::Bounded, Some(delta), _) => {
                format!("search bounded (a miss at the threshold: {delta:.0e}) of")
            }
            (Kind::Sampled, _, Some(missed)) => format!(
                "approximate search (audited: misses {:.2} % of mates, at most {:.2} %) that looked at",
                100.0 * missed.rate,
                100.0 * missed.interval[1]
            ),
            _ => "approximate search (not audited) that looked at".into(),
        }
    }
}
