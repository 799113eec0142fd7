//! Errors of calibrations.

use thiserror::Error;

/// Why there is no threshold.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// The target is not a rate.
    #[error("a target FPIR of {target} was asked for, expected a share above 0 and below 1, such as 0.01")]
    Target {
        /// What was given.
        target: f64,
    },
    /// Too few probes.
    #[error(
        "{got} non-mated probes were given, a calibration needs at least {needed}; give more people who are not in the gallery"
    )]
    FewProbes {
        /// How many.
        got: usize,
        /// How many there must be.
        needed: usize,
    },
    /// Too few subjects in the gallery.
    #[error("the gallery has {subjects} subjects, a calibration needs at least {needed}")]
    FewSubjects {
        /// How many.
        subjects: u64,
        /// How many there must be.
        needed: u64,
    },
    /// The target is too rare for the number of searches.
    #[error(
        "a target FPIR of {target} cannot be derived from {searches} non-mated searches{}: the lowest is {lowest:.2e}; \
         calibrate with {needed} or more non-mated probes, or ask for less",
        independent(*.searches, *.design)
    )]
    TooRare {
        /// What was asked for.
        target: f64,
        /// What could be.
        lowest: f64,
        /// Searches there are.
        searches: usize,
        /// Searches that count as one: see [`Calibration::design`](super::Calibration::design).
        design: f64,
        /// Searches it takes.
        needed: usize,
    },
    /// The highest scores do not follow a tail.
    #[error(
        "a target FPIR of {target} lies beyond what can be counted, and the highest scores of these non-mated searches do not follow a \
         tail{}; the lowest target that can be counted is {lowest:.2e}: calibrate with more non-mated probes",
        if *.heavy { " (they are too heavy, as if people of the gallery were among the probes: see the suspects)" } else { "" }
    )]
    NoTail {
        /// What was asked for.
        target: f64,
        /// What could be.
        lowest: f64,
        /// Whether the tail is too heavy.
        heavy: bool,
    },
    /// The calibration is of another model than the gallery.
    #[error(
        "this calibration was measured with {calibration}, the gallery is bound to {gallery}: scores of two models mean different \
         things; calibrate this gallery"
    )]
    OtherModel {
        /// Name and fingerprint in the calibration.
        calibration: String,
        /// Name and fingerprint of the gallery.
        gallery: String,
    },
    /// The gallery is not calibrated.
    #[error("this gallery is not calibrated{0}")]
    Missing(
        /// For what, or nothing.
        String,
    ),
    /// A stored calibration cannot be read.
    #[error("the gallery's calibration {id} cannot be read: {what}; calibrate again")]
    Damaged {
        /// Its number.
        id: i64,
        /// Why not.
        what: String,
    },
}

/// A remark where searches depend on each other, because several probes show one person.
fn independent(searches: usize, design: f64) -> String {
    if design < 1.5 {
        return String::new();
    }
    let independent = (searches as f64 / design).round().max(1.0);
    format!(
        ", which count as {independent} because several probes show one person: probes of more people are needed"
    )
}
