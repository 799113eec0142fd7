//! What an audit of a gallery says: what a way to search misses at the threshold, whether every template finds itself, who is in the
//! gallery twice, which photos do not belong to their person, and whether the calibration still holds. The searches are run elsewhere.

use serde::{Deserialize, Serialize};

use crate::calibration::{binomial, is_other_size};
use crate::decision::Missed;

/// Where the probes of an audit come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatesFrom {
    /// Probes that were given, with the names of their people.
    Given,
    /// Templates of the gallery, each looked up as if it were not there, in search of the others of its person.
    LeftOut,
    /// Made up: vectors whose score against a template of the gallery lies a little above the threshold.
    MadeUp,
}

/// Mates that were looked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mates {
    /// Where the probes come from.
    pub from: MatesFrom,
    /// Probes.
    pub probes: u64,
    /// Those whose mate reaches the threshold, by brute force.
    pub reachable: u64,
    /// Those of them whose mate is not on the candidate list, although it scores more than its last one.
    pub missed: u64,
    /// Share of the probes whose mate does not reach the threshold, and the same by the audited search.
    pub fnir_exact: f64,
    /// `fnir_exact` and what was missed.
    pub fnir: f64,
    /// What was missed, as a share of all probes: FNIR that comes from the search, with its 95 % interval.
    pub difference: f64,
    /// Its interval.
    pub difference_ci95: [f64; 2],
}

/// Two subjects who are more alike than strangers are: one person under two names, one photo filed twice, or relatives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Double {
    /// Names of the subjects.
    pub subjects: [String; 2],
    /// Their closest templates, by id.
    pub templates: [u64; 2],
    /// The score of these.
    pub score: f32,
}

/// A template that is closer to somebody else than to the others of its person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlier {
    /// Whose it is.
    pub subject: String,
    /// Its id.
    pub template: u64,
    /// The photo or file it was made from.
    pub path: String,
    /// The best score with another template of its person.
    pub own: f32,
    /// The best score with anybody else.
    pub other: f32,
    /// Who that is.
    pub closer_to: String,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// When, in seconds since 1970, UTC.
    pub made: i64,
    /// The way to search.
    pub search: String,
    /// Subjects there were.
    pub subjects: u64,
    /// Templates there were.
    pub templates: u64,
    /// The score at which a mate counts as found.
    pub threshold: f32,
    /// What the search misses; `None` if there were no probes.
    pub mates: Option<Mates>,
    /// Templates that were looked up as they are.
    pub looked_up: u64,
    /// Ids of those that were not their own best hit, the first hundred of them.
    pub not_found: Vec<u64>,
    /// How many these are in all.
    pub not_found_count: u64,
    /// Pairs of subjects that may be one person, or one photo under two names; highest score first.
    pub doubles: Vec<Double>,
    /// Photos that are closer to somebody else than to any other photo of their own person.
    pub outliers: Vec<Outlier>,
    /// What is to be said of the calibration; empty if it is fresh.
    pub calibration: Vec<String>,
    /// Promises that are broken, in words; empty if none is.
    pub broken: Vec<String>,
}

/// Entries of a list that are kept.
pub(crate) const LISTED: usize = 100;

impl Audit {
    /// Says which promises are broken; `bound` is the share of searches in which the mate may be missed.
    pub fn judge(&mut self, bound: f64) {
        if let Some(mates) = self.mates.filter(|mates| mates.difference > bound) {
            self.broken.push(format!(
                "{} of {} mates above the threshold are missed: {:.3} % of searches, {:.3} % are allowed",
                mates.missed,
                mates.reachable,
                100.0 * mates.difference,
                100.0 * bound
            ));
        }
        if self.not_found_count > 0 {
            self.broken.push(format!(
                "{} of {} templates do not find themselves",
                self.not_found_count, self.looked_up
            ));
        }
    }

    /// Whether the gallery is about the size that it had.
    pub fn is_fresh(&self, templates: u64) -> bool {
        !is_other_size(templates.max(1) as f64 / self.templates.max(1) as f64)
    }

    /// Of the mates that brute force finds, the share that this way to search misses.
    pub fn missed(&self) -> Option<Missed> {
        let mates = self.mates.filter(|mates| mates.reachable > 0)?;
        let (missed, reachable) = (mates.missed as f64, mates.reachable as f64);
        Some(Missed { rate: missed / reachable, interval: binomial::interval(missed, reachable) })
    }
}
