//! What a search proves about the subjects that it does not list.

use serde::{Deserialize, Serialize};

use crate::gallery::Candidates;

/// How certain it is that nobody was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Anybody may have been.
    None,
    /// As many were as in an audit of this way to search.
    Sampled,
    /// Nobody above the threshold was, and somebody at the threshold itself with a small probability.
    Bounded,
    /// Nobody was.
    Exact,
}

/// What an audit found that a way to search misses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Missed {
    #[serde(rename = "miss_rate")]
    /// Share of the mates which exact search finds at the threshold and this one does not.
    pub rate: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
}

/// What a search proves. `gallerist check-certificate` recomputes it by brute force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// How certain.
    pub kind: Kind,
    /// `bounded`: the probability that a given template whose score is the threshold was missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// `sampled`: what the audit found.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub missed: Option<Missed>,
    /// Templates that were scored or whose scores were bounded, and nodes of graphs that were looked at.
    pub searched: u64,
    /// Best score of any template that was looked at, listed or not.
    pub max_similarity: Option<f32>,
    /// Whether nobody above the threshold can have been missed, but for `delta`.
    pub complete: bool,
}

impl Certificate {
    /// Every live template was scored, or ruled out by a bound that always holds.
    pub const fn exact(searched: u64, max_similarity: Option<f32>) -> Self {
        Self { kind: Kind::Exact, delta: None, missed: None, searched, max_similarity, complete: true }
    }

    /// What the search behind `candidates` proves; `missed` is what an audit of this way to search found, if there was one.
    pub fn of(candidates: &Candidates, missed: Option<Missed>) -> Self {
        use gallerist_index::Certificate as Proof;
        let (kind, delta, missed) = match candidates.certificate {
            Proof::Exact => (Kind::Exact, None, None),
            Proof::Bounded { miss } => (Kind::Bounded, Some(miss), None),
            _ => (missed.map_or(Kind::None, |_| Kind::Sampled), None, missed),
        };
        let (searched, max_similarity) = (candidates.searched, candidates.max_score);
        Self { kind, delta, missed, searched, max_similarity, complete: kind >= Kind::Bounded }
    }

    /// Whether "nobody" may be concluded from finding nobody.
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
