//! The results of measurements: calibrations and lists of pairs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Model;
use crate::calibration::{Growth, Strangers, Suspect, Tail};
use crate::decision::Operating;
use crate::evaluation::Identification;
use crate::fusion::Fusion;

/// A calibration of a gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibrated {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Number of the calibration in the gallery; `None` if it was not stored.
    pub id: Option<i64>,
    /// The threshold for each target FPIR.
    pub operating_points: Vec<Operating>,
    /// Subjects in the gallery.
    pub n_subjects: u64,
    /// Templates in the gallery.
    pub n_templates: u64,
    /// How the scores of a subject's templates became one score.
    pub fusion: Fusion,
    /// The probes of the non-mated searches.
    pub strangers: Strangers,
    /// The number of non-mated searches.
    pub nonmated_searches: usize,
    /// Design effect: the number of searches that count as one in the intervals.
    pub design: f64,
    /// The fitted tail of the best scores.
    pub tail: Option<Tail>,
    /// Growth of the FPIR with the size of the gallery.
    pub growth: Option<Growth>,
    /// Non-mated probes that may be of a subject of the gallery.
    pub suspects: Vec<Suspect>,
    /// Warnings, in words.
    pub warnings: Vec<String>,
    /// The model of the gallery.
    pub model: Model,
}

/// Error rates of a gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluated {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The error rates of identification, with intervals and curves.
    pub identification: Identification,
    /// Warnings, in words.
    pub warnings: Vec<String>,
}

/// The accuracy of a model on a list of photo pairs. Rates are shares from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairsMeasured {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Pairs on the list.
    pub pairs: usize,
    /// Pairs with a usable face in both photos. All rates are over these pairs unless stated otherwise.
    pub pairs_compared: usize,
    /// Photos in the pairs.
    pub photos: u64,
    /// Photos without a usable face.
    pub photos_without_face: u64,
    /// Photos with more than one face. The largest was used.
    pub photos_with_several_faces: u64,
    /// Share of the photos without a usable face.
    pub failure_to_acquire: f64,
    /// Highest share of pairs that one threshold decides correctly.
    pub accuracy: f64,
    /// That threshold: cosine, -1 to 1.
    pub best_threshold: f32,
    /// `accuracy` over all pairs on the list; a pair without two usable faces counts as an error.
    pub accuracy_all_pairs: f64,
    /// The threshold in use: cosine, -1 to 1.
    pub threshold: f32,
    /// Share of pairs that it decides correctly.
    pub accuracy_at_threshold: f64,
    /// FMR at this threshold.
    pub false_match_rate_at_threshold: f64,
    /// FNMR at this threshold.
    pub false_non_match_rate_at_threshold: f64,
    /// Duration of processing the photos, in seconds.
    pub seconds: f64,
    /// Photos per second.
    pub photos_per_second: f64,
    /// The model of the templates.
    pub model: Model,
}
