//! The reply of an identification.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Among, Authenticity, Model, VERSION};
use crate::decision::{Calibrated, Certificate, Decision, Doubt, Method, Operating, Origin, Threshold};
use crate::face::Quality;
use crate::fusion::Fusion;
use crate::gallery::Mode;
use crate::reason::Reason;

/// A probe, its candidate list, and the decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Identification {
    /// [`VERSION`].
    pub version: u32,
    /// The decision.
    pub decision: Decision,
    /// The reason of an inconclusive decision.
    pub doubt: Option<Doubt>,
    /// The probe.
    pub probe: Probe,
    /// The candidate list, best first. Each subject occurs once.
    pub matches: Vec<Match>,
    /// Score at or above which a candidate matches: cosine, -1 to 1.
    pub threshold: f32,
    /// A best score below it is no match: cosine, -1 to `threshold`. From here to `threshold` the decision is inconclusive.
    pub no_match_below: f32,
    /// The basis of the threshold.
    pub calibration: Basis,
    /// What the search guarantees about subjects that are not in the list.
    pub certificate: Certificate,
    /// How the gallery was searched.
    pub search: Searched,
    /// The model of the gallery and of the probe.
    pub model: Model,
    /// Duration of the search in milliseconds; in a batch, the mean per probe.
    pub processing_time_ms: f64,
}

/// The reply for one probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Reply {
    /// The probe was searched for.
    Identified(Box<Identification>),
    /// The photo or face gave no template.
    Refused(Box<Refusal>),
}

/// A candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Match {
    /// Id of the subject.
    pub subject_id: u64,
    /// Name of the subject.
    pub subject: String,
    /// Id of the subject's best template.
    pub face_id: u64,
    /// Fused score of the subject: cosine, -1 to 1.
    pub similarity: f32,
    /// `1 - similarity`.
    pub distance: f32,
    /// Whether the score reaches the threshold.
    #[serde(rename = "match")]
    pub is_match: bool,
    /// Share of non-mated searches with a best score at or above this one, 0 to 1; absent without a calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_alarm_rate: Option<f64>,
}

/// How a gallery was searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Searched {
    /// `exact`, `scan` or `graph-WIDTH`.
    #[serde(with = "mode")]
    #[schemars(with = "String")]
    pub mode: Mode,
    /// How the scores of a subject's templates became one score.
    pub fusion: Fusion,
    /// Requested length of the candidate list.
    pub top_k: u32,
    /// Subjects that were searched: those of the gallery, or of the filter.
    pub subjects: u64,
    /// Their templates.
    pub templates: u64,
    /// The filter, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub among: Option<Among>,
}

/// A probe: a face in a photo, a photo without a usable face, or a row of a file of vectors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// Path of the photo or file; empty for bytes in memory.
    pub path: String,
    /// Row in the file, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// Number of the face in the detector's order, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face: Option<usize>,
    /// Faces that the detector found in the photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faces: Option<usize>,
    /// Faces that were not measured, because only the largest was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_looked_at: Option<usize>,
    /// Left, top, right, bottom of the face in pixels of the upright photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[f32; 4]>,
    /// The clockwise rotation of the photo in degrees that was necessary to find the face: 0, 90, 180 or 270.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<u16>,
    /// Quality of the face.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Authenticity of the face, if a gate judges it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticity: Option<Authenticity>,
    /// Why there is no template; empty if there is one.
    pub reasons: Vec<Reason>,
    /// The reason in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The template, a unit vector, if it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Vec<f32>>,
}

impl Probe {
    /// `4 faces, the largest was taken`, if some faces were not measured.
    pub fn note(&self) -> Option<String> {
        let (faces, left) = (self.faces?, self.not_looked_at?);
        (left > 0).then(|| format!("{faces} faces, the largest was taken"))
    }
}

/// The reply for a photo or face without a template. Nothing was searched, so there is no certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// [`VERSION`].
    pub version: u32,
    /// Always `inconclusive`.
    pub decision: Decision,
    /// Always empty.
    pub matches: Vec<Match>,
    /// The photo or face, with the reason.
    pub probe: Probe,
    /// The model of the gallery.
    pub model: Model,
}

impl Refusal {
    /// The refusal of a probe.
    pub fn new(probe: Probe, model: Model) -> Self {
        Self { version: VERSION, decision: Decision::Inconclusive, matches: Vec::new(), probe, model }
    }
}

/// The basis of a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// Source of the threshold.
    pub origin: Origin,
    /// A warning about an uncalibrated threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Number of the calibration in the gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Non-mated searches of the calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonmated_searches: Option<usize>,
    /// Subjects in the gallery, for which the threshold holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_subjects: Option<u64>,
    /// Templates in the gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_templates: Option<u64>,
    /// The fusion of the calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fusion: Option<Fusion>,
    /// Why the calibration is out of date, in words; empty if it is up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Vec<String>>,
    /// Lowest FPIR that the calibration can estimate in this gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest_target: Option<f64>,
    /// Target FPIR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_fpir: Option<f64>,
    /// The threshold for that FPIR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// 95 % interval of the true FPIR at the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fpir_ci95: Option<[f64; 2]>,
    /// How the threshold was derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Whether the threshold is extrapolated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extrapolated: Option<bool>,
    /// The operating point of the second threshold, if there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_match: Option<OperatingPoint>,
}

/// A threshold for a target FPIR.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatingPoint {
    /// Target FPIR, above 0 and below 1.
    pub target_fpir: f64,
    /// The threshold: cosine, -1 to 1.
    pub threshold: f32,
    /// 95 % interval of the true FPIR at the threshold.
    pub fpir_ci95: [f64; 2],
    /// How the threshold was derived.
    pub method: Method,
    /// Whether the threshold is extrapolated.
    pub extrapolated: bool,
    /// Lowest FPIR that the calibration can estimate.
    pub lowest_target: f64,
}

impl From<&Operating> for OperatingPoint {
    fn from(point: &Operating) -> Self {
        let Operating { target_fpir, threshold, fpir_ci95, method, extrapolated, lowest_target, .. } = *point;
        Self { target_fpir, threshold, fpir_ci95, method, extrapolated, lowest_target }
    }
}

impl From<&Threshold> for Basis {
    /// The basis without the details of the calibration.
    fn from(threshold: &Threshold) -> Self {
        const UNCALIBRATED: &str = "a one-to-one threshold, of the model or set by hand; the share of strangers who are named grows with the gallery";
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

/// A search mode by its name.
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
