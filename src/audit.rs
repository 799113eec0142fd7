//! The results of an audit: the mates that a way to search misses at the threshold, templates that do not find themselves, people who are
//! in the gallery twice, photos that do not show their person, and whether the calibration is up to date. Nothing is searched here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calibration::{binomial, is_other_size};
use crate::decision::Missed;

/// Where the probes of an audit come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatesFrom {
    /// Probes that were given, with the names of their people.
    Given,
    /// Templates of the gallery, each left out while the others of its person are searched for.
    LeftOut,
    /// Synthetic vectors whose score against a template of the gallery is a little above the threshold.
    MadeUp,
}

/// Searches for mates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mates {
    /// The source of the probes.
    pub from: MatesFrom,
    /// The number of probes.
    pub probes: u64,
    /// Probes whose mate reaches the threshold, by brute force.
    pub reachable: u64,
    /// Of these, probes whose mate is missing from the candidate list although it scores more than the last candidate.
    pub missed: u64,
    /// FNIR by brute force: the share of probes whose mate does not reach the threshold.
    pub fnir_exact: f64,
    /// FNIR of the audited search.
    pub fnir: f64,
    /// The FNIR that the search adds: missed mates as a share of all probes.
    pub difference: f64,
    /// Its 95 % interval.
    pub difference_ci95: [f64; 2],
}

/// Two subjects that score more against each other than strangers do: one person under two names, one photo enrolled twice, or relatives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Double {
    /// Names of the subjects.
    pub subjects: [String; 2],
    /// Their closest templates, by id.
    pub templates: [u64; 2],
    /// The score of these.
    pub score: f32,
}

/// A template that is closer to somebody else than to the others of its person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outlier {
    /// The subject under which it is enrolled.
    pub subject: String,
    /// Its id.
    pub template: u64,
    /// The photo or file it was made from.
    pub path: String,
    /// The best score with another template of its person.
    pub own: f32,
    /// The best score with a template of another subject.
    pub other: f32,
    /// That subject.
    pub closer_to: String,
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Audit {
    /// When, in seconds since 1970, UTC.
    pub made: i64,
    /// The way to search.
    pub search: String,
    /// Subjects in the gallery.
    pub subjects: u64,
    /// Templates in the gallery.
    pub templates: u64,
    /// The score at which a mate counts as found.
    pub threshold: f32,
    /// Searches for mates; `None` if there were no probes.
    pub mates: Option<Mates>,
    /// Stored templates that were searched for.
    pub looked_up: u64,
    /// Ids of those that were not their own best hit, at most a hundred.
    pub not_found: Vec<u64>,
    /// How many were not.
    pub not_found_count: u64,
    /// Pairs of subjects that may be one person, or one photo under two names; highest score first.
    pub doubles: Vec<Double>,
    /// Photos that are closer to somebody else than to any other photo of their own person.
    pub outliers: Vec<Outlier>,
    /// Remarks about the calibration; empty if it is up to date.
    pub calibration: Vec<String>,
    /// Promises that are broken, in words; empty if none is.
    pub broken: Vec<String>,
}

/// The longest list that is kept.
pub(crate) const LISTED: usize = 100;

impl Audit {
    /// Adds the promises that are broken; `bound` is the share of searches in which the mate may be missed.
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

    /// Whether the gallery has about the size that it had when it was audited.
    pub fn is_fresh(&self, templates: u64) -> bool {
        !is_other_size(templates.max(1) as f64 / self.templates.max(1) as f64)
    }

    /// The share of mates found by brute force that this way to search misses.
    pub fn missed(&self) -> Option<Missed> {
        let mates = self.mates.filter(|mates| mates.reachable > 0)?;
        let (missed, reachable) = (mates.missed as f64, mates.reachable as f64);
        Some(Missed { rate: missed / reachable, interval: binomial::interval(missed, reachable) })
    }
}
