//! The reply to "who is this?".

use serde::{Deserialize, Serialize};

use super::{Model, VERSION};
use crate::decision::{Calibrated, Certificate, Decision, Doubt, Method, Operating, Origin, Threshold};
use crate::face::Quality;
use crate::fusion::Fusion;
use crate::gallery::Mode;
use crate::reason::Reason;

/// A probe that was searched for, its candidates, and the decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identification {
    /// [`VERSION`].
    pub version: u32,
    /// The decision.
    pub decision: Decision,
    /// Why there is none, if it is inconclusive.
    pub doubt: Option<Doubt>,
    /// What was searched for.
    pub probe: Probe,
    /// The candidate list, best first, each subject once.
    pub matches: Vec<Match>,
    /// Score at or above which a candidate matches: cosine, -1 to 1.
    pub threshold: f32,
    /// Best score below which nobody matches; between the two nothing is decided.
    pub no_match_below: f32,
    /// What the threshold rests on.
    pub calibration: Basis,
    /// What the search proves about subjects that are not listed.
    pub certificate: Certificate,
    /// How the gallery was searched.
    pub search: Searched,
    /// The model of gallery and probe.
    pub model: Model,
    /// Milliseconds of the search; of a batch, its mean for a probe.
    pub processing_time_ms: f64,
}

/// A candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The subject's id.
    pub subject_id: u64,
    /// The subject's name.
    pub subject: String,
    /// The id of the subject's best template.
    pub face_id: u64,
    /// The subject's fused score: cosine, -1 to 1.
    pub similarity: f32,
    /// `1 - similarity`.
    pub distance: f32,
    /// Whether the score reaches the threshold.
    #[serde(rename = "match")]
    pub is_match: bool,
    /// The share of non-mated searches with a candidate of this score or above, if the gallery is calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_alarm_rate: Option<f64>,
}

/// How a gallery was searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Searched {
    /// `exact`, `scan` or `graph-WIDTH`.
    #[serde(with = "mode")]
    pub mode: Mode,
    /// How a subject's templates were made one score.
    pub fusion: Fusion,
    /// Candidates asked for.
    pub top_k: u32,
    /// Subjects in the gallery.
    pub subjects: u64,
    /// Templates in the gallery.
    pub templates: u64,
}

/// A face of a photo, a photo without one, or a row of a file of vectors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Probe {
    /// The photo or the file; empty for bytes without a name.
    pub path: String,
    /// The row, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// Which of the faces found it is, in the detector's order, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face: Option<usize>,
    /// Faces found in the photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faces: Option<usize>,
    /// Faces that were found and not processed, because only the largest was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_looked_at: Option<usize>,
    /// Left, top, right, bottom of the face in pixels of the upright photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[f32; 4]>,
    /// Degrees by which the photo was turned clockwise to find the face: 0, 90, 180 or 270.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<u16>,
    /// Measures of the face.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Why it gave no template; empty if it did.
    pub reasons: Vec<Reason>,
    /// The reason in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The template, if it was asked for: a unit vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Vec<f32>>,
}

impl Probe {
    /// `4 faces, the largest was taken`, if faces were not processed.
    pub fn note(&self) -> Option<String> {
        let (faces, left) = (self.faces?, self.not_looked_at?);
        (left > 0).then(|| format!("{faces} faces, the largest was taken"))
    }
}

/// A photo, or a face of one, that gave no template. Nothing was searched, so there is no certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// [`VERSION`].
    pub version: u32,
    /// Always inconclusive.
    pub decision: Decision,
    /// Always empty.
    pub matches: Vec<Match>,
    /// The photo or face, with the reason.
    pub probe: Probe,
    /// The model that would have been used.
    pub model: Model,
}

impl Refusal {
    /// A probe that gave no template, with its reason.
    pub fn new(probe: Probe, model: Model) -> Self {
        Self { version: VERSION, decision: Decision::Inconclusive, matches: Vec::new(), probe, model }
    }
}

/// What a threshold rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// Where the threshold comes from.
    pub origin: Origin,
    /// A warning, where the threshold is not calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The calibration's number in the gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Non-mated searches of the calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonmated_searches: Option<usize>,
    /// Subjects for which the threshold holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_subjects: Option<u64>,
    /// Their templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_templates: Option<u64>,
    /// The fusion of the calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fusion: Option<Fusion>,
    /// Why the calibration is out of date; empty if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Vec<String>>,
    /// The lowest FPIR that the calibration can tell here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest_target: Option<f64>,
    /// The FPIR aimed at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_fpir: Option<f64>,
    /// The threshold for that FPIR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// The 95 % interval of the true FPIR at the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fpir_ci95: Option<[f64; 2]>,
    /// How the threshold was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Whether it is extrapolated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extrapolated: Option<bool>,
    /// The operating point of the second threshold, if there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_match: Option<OperatingPoint>,
}

/// A threshold for a target FPIR.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// The FPIR aimed at.
    pub target_fpir: f64,
    /// Cosine.
    pub threshold: f32,
    /// The 95 % interval of the true FPIR there.
    pub fpir_ci95: [f64; 2],
    /// How it was found.
    pub method: Method,
    /// Whether it is extrapolated.
    pub extrapolated: bool,
    /// The lowest FPIR that can be asked for.
    pub lowest_target: f64,
}

impl From<&Operating> for OperatingPoint {
    fn from(point: &Operating) -> Self {
        let Operating { target_fpir, threshold, fpir_ci95, method, extrapolated, lowest_target, .. } = *point;
        Self { target_fpir, threshold, fpir_ci95, method, extrapolated, lowest_target }
    }
}

impl From<&Threshold> for Basis {
    /// The basis of a threshold without a word about the calibration behind it.
    fn from(threshold: &Threshold) -> Self {
        const UNCALIBRATED: &str =
            "the model's one-to-one threshold; the share of strangers who are named grows with the gallery";
        let note = (threshold.origin == Origin::Uncalibrated).then(|| UNCALIBRATED.to_owned());
        let mut basis = Self { origin: threshold.origin, note, ..Self::EMPTY };
        if let Some(Calibrated { id, operating, no_match }) = &threshold.calibrated {
            basis.id = Some(*id);
            basis.lowest_target = Some(operating.lowest_target);
            basis.target_fpir = Some(operating.target_fpir);
            basis.threshold = Some(operating.threshold);
            basis.fpir_ci95 = Some(operating.fpir_ci95);
            basis.method = Some(operating.method);
            basis.extrapolated = Some(operating.extrapolated);
            basis.no_match = no_match.as_ref().map(OperatingPoint::from);
        }
        basis
    }
}

impl Basis {
    const EMPTY: Self = Self {
        origin: Origin::User,
        note: None,
        id: None,
        nonmated_searches: None,
        n_subjects: None,
        n_templates: None,
        fusion: None,
        stale: None,
        lowest_target: None,
        target_fpir: None,
        threshold: None,
        fpir_ci95: None,
        method: None,
        extrapolated: None,
        no_match: None,
    };
}

/// A way to search by its name.
mod mode {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::gallery::{Mode, mode_name, mode_named};

    pub fn serialize<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
        mode_name(*mode).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mode, D::Error> {
        let name = String::deserialize(deserializer)?;
        mode_named(&name)
            .ok_or_else(|| D::Error::custom(format!("expected exact, scan or graph-WIDTH, got {name:?}")))
    }
}
