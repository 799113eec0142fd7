//! How well recognition works, measured in the field's own terms (ISO/IEC 19795-1, NIST FRTE 1:N).
//!
//! *Verification* compares pairs: a non-mated pair at or above the threshold is a false match (FMR), a mated pair below it a false
//! non-match (FNMR). *Identification* searches a gallery: a mated search fails if the mate scores below the threshold or is not among
//! the first R candidates (FNIR), a non-mated search fails if **any** subject reaches the threshold (FPIR). What counts for FPIR is the
//! best score of each search; treating every score of every search as a trial of its own gives another, much smaller number.
//!
//! What was measured goes in as [`Comparison`]s and [`Searches`]; [`report::Report`] comes out.

mod bootstrap;
mod caution;
mod chart;
mod crossing;
mod csv;
mod error;
#[cfg(test)]
mod example;
mod growth;
mod histogram;
mod identification;
mod interval;
mod options;
mod page;
pub mod report;
mod steps;
#[cfg(test)]
mod tests;
mod tradeoff;
mod trials;
mod verification;
pub mod write;

pub use error::EvaluationError;
pub use identification::identification;
pub use options::Options;
pub use verification::verification;

/// Two faces that were compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Who the first one is: the unit that the bootstrap draws.
    pub a: u64,
    /// Who the second one is.
    pub b: u64,
    /// Cosine, -1 to 1; `None` if one of the photos had no usable face, which counts as no match.
    pub score: Option<f32>,
}

impl Comparison {
    /// Whether both are one person.
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
