//! Evaluation: error rates of recognition in the terms of ISO/IEC 19795-1 and NIST FRTE 1:N.
//!
//! *Verification* compares pairs: a non-mated pair at or above the threshold is a false match (FMR), a mated pair below it a false
//! non-match (FNMR). *Identification* searches a gallery: a mated search fails if the mate scores below the threshold or is not among
//! the first R candidates (FNIR), a non-mated search fails if **any** subject reaches the threshold (FPIR). What counts for FPIR is the
//! best score of each search; treating every score of every search as a trial of its own gives another, much smaller number.
//!
//! *Clustering* compares clusters of faces with the people in the photos: [`clustering`].
//!
//! Scores go in as [`Comparison`]s and [`Searches`]; [`Verification`] and [`Identification`] come out. Nothing is searched here.

mod bootstrap;
mod clustering;
mod identification;
mod results;
#[cfg(test)]
mod tests;
mod tradeoff;
mod trials;
mod verification;

use thiserror::Error;

pub use clustering::{Agreement, Clustering, ClusteringPoint, clustering};
pub use identification::identification;
pub use results::{
    CmcPoint, DetPoint, FpirBySize, Histogram, Identification, OperatingPoint, Rate, SizePoint, Verification,
    VerificationPoint,
};
pub use verification::verification;

/// Two faces that were compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The person of the first: the unit that the bootstrap draws.
    pub a: u64,
    /// The person of the second.
    pub b: u64,
    /// Cosine, -1 to 1; `None` if one of the photos had no usable face, which counts as no match.
    pub score: Option<f32>,
}

impl Comparison {
    /// Whether both show one person.
    pub fn is_mated(&self) -> bool {
        self.a == self.b
    }
}

/// A search with a probe whose subject is in the gallery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatedSearch {
    /// Who the probe shows: the unit that the bootstrap draws.
    pub subject: u64,
    /// The score of that subject (fused over its templates) and its rank: 1 + how many others score at least as high. `None` if the photo
    /// had no usable face or the search did not find the subject: a miss at every threshold and rank.
    pub mate: Option<(f32, u32)>,
}

/// A search with a probe whose subject is not in the gallery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NonMatedSearch {
    /// Who the probe shows: the unit that the bootstrap draws.
    pub subject: u64,
    /// The best fused score of any subject; `None` if the photo had no usable face, which is no false alarm at any threshold.
    pub best: Option<f32>,
}

/// All searches of one gallery.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Searches {
    /// Subjects in the gallery (N).
    pub subjects: u64,
    /// Templates in the gallery.
    pub templates: u64,
    /// Searches whose subject is there.
    pub mated: Vec<MatedSearch>,
    /// How many of these had a photo without a usable face: their `mate` is `None`, as is that of a subject which
    /// an incomplete search did not find.
    pub mated_without_face: u64,
    /// Searches whose subject is not.
    pub non_mated: Vec<NonMatedSearch>,
    /// The non-mated searches again, in parts of the gallery, smallest first: how many subjects each part has, and the best scores.
    pub parts: Vec<(u64, Vec<NonMatedSearch>)>,
}

/// What an evaluation reports, and how intervals are computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// FPIRs that identification is judged at: shares above 0 and up to 1, reported in this order.
    pub fpir_targets: Vec<f64>,
    /// FMRs that verification is judged at, likewise.
    pub fmr_targets: Vec<f64>,
    /// Highest rank of the cumulative match characteristic. It ends earlier where no mate has a higher rank:
    /// from there on it is flat.
    pub ranks: u32,
    /// Seed of the bootstrap: the same input and seed give the same output, whatever the number of threads.
    pub seed: u64,
    /// Repetitions of the bootstrap. 1,000 determine a 95 % interval to about its second digit; 0 leaves the
    /// exact binomial interval everywhere.
    pub repetitions: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fpir_targets: vec![0.1, 0.01, 0.001],
            fmr_targets: vec![1e-2, 1e-3, 1e-4],
            ranks: 50,
            seed: 1,
            repetitions: 1000,
        }
    }
}

/// Refuses targets that are not above 0 and at most 1.
fn check_targets(name: &'static str, targets: &[f64]) -> Result<()> {
    match targets.iter().find(|target| !(**target > 0.0 && **target <= 1.0)) {
        Some(target) => Err(EvaluationError::Target { name, target: *target }),
        None => Ok(()),
    }
}

/// What is wrong with the input of an evaluation. Positions count from 0, in the order of the input.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The gallery has no subjects.
    #[error("the gallery has no subjects: enrol people before searching for them")]
    EmptyGallery,
    /// There are no mated searches.
    #[error(
        "there are no mated searches, so misses (FNIR) cannot be counted: \
         give probes of people who are in the gallery"
    )]
    NoMatedSearches,
    /// There are no non-mated searches.
    #[error(
        "there are no non-mated searches, so false alarms (FPIR) cannot be counted and no threshold can be \
         chosen: give probes of people who are not in the gallery"
    )]
    NoNonMatedSearches,
    /// A part of the gallery was not searched.
    #[error(
        "there are no non-mated searches of the part of the gallery with {subjects} subjects: \
         search it with the same probes as the whole, or leave it out"
    )]
    EmptyPart {
        /// Subjects of that part.
        subjects: u64,
    },
    /// There are no mated pairs.
    #[error(
        "there are no mated pairs, so misses (FNMR) cannot be counted: give pairs of photos of one person"
    )]
    NoMatedPairs,
    /// There are no non-mated pairs.
    #[error(
        "there are no non-mated pairs, so false matches (FMR) cannot be counted and no threshold can be \
         chosen: give pairs of photos of two people"
    )]
    NoNonMatedPairs,
    /// A score that cannot be compared with a threshold.
    #[error("{trial} {position} has the score {score}, which is no number to compare with a threshold")]
    Score {
        /// What has it: a kind of search, or a pair.
        trial: &'static str,
        /// Its position.
        position: usize,
        /// The score: NaN or infinite.
        score: f32,
    },
    /// A rank of 0.
    #[error("mated search {position} has the rank 0; the first candidate has the rank 1")]
    Rank {
        /// Its position.
        position: usize,
    },
    /// A rate that cannot be aimed at.
    #[error("the {name} to aim at is a share above 0 and at most 1, not {target}")]
    Target {
        /// FPIR or FMR.
        name: &'static str,
        /// What was given.
        target: f64,
    },
}

/// What the computations of an evaluation return.
pub type Result<T, E = EvaluationError> = std::result::Result<T, E>;
