//! What a calibration measured.

use serde::{Deserialize, Serialize};

use super::Model;
use crate::calibration::{Growth, Strangers, Suspect, Tail};
use crate::decision::Operating;
use crate::fusion::Fusion;

/// A calibration of a gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Its number in the gallery; `None` if it was not kept.
    pub id: Option<i64>,
    /// The threshold for each target FPIR.
    pub operating_points: Vec<Operating>,
    /// Subjects in the gallery that was searched.
    pub n_subjects: u64,
    /// Its templates.
    pub n_templates: u64,
    /// How a subject's templates were made one score.
    pub fusion: Fusion,
    /// Who was searched for.
    pub strangers: Strangers,
    /// The number of non-mated searches.
    pub nonmated_searches: usize,
    /// Searches that count as one in every interval.
    pub design: f64,
    /// The fitted tail of the best scores.
    pub tail: Option<Tail>,
    /// How false alarms grow with the gallery.
    pub growth: Option<Growth>,
    /// Probes that may be in the gallery after all.
    pub suspects: Vec<Suspect>,
    /// Remarks for people.
    pub warnings: Vec<String>,
    /// The gallery's model.
    pub model: Model,
}
