//! Why nothing can be computed.

use thiserror::Error;

/// What is wrong with the input of an evaluation. Positions count from 0, in the order of the input.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// Nobody could be found.
    #[error("the gallery has no subjects: enrol people before searching for them")]
    EmptyGallery,
    /// No search can miss.
    #[error(
        "there are no mated searches, so misses (FNIR) cannot be counted: \
         give probes of people who are in the gallery"
    )]
    NoMatedSearches,
    /// No search can raise a false alarm.
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
    /// No pair can be missed.
    #[error(
        "there are no mated pairs, so misses (FNMR) cannot be counted: give pairs of photos of one person"
    )]
    NoMatedPairs,
    /// No pair can be matched falsely.
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
