//! The replies of `reembed`: what a gallery of another model has of the former one, and how the two compare.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Model;
use crate::decision::Operating;
use crate::fusion::Fusion;

/// An event of a migration to another model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ReembedEvent {
    /// A face that cannot be carried over.
    Missing(FaceMissing),
    /// The last event: the new gallery is in its place.
    Summary(Box<Reembedded>),
}

/// A face of the former gallery without a template of the new model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaceMissing {
    /// Id of its template.
    pub template_id: u64,
    /// Name of its subject, if it has one.
    pub subject: Option<String>,
    /// The first path of its photo, or the imported file.
    pub path: Option<String>,
    /// Why there is no new template.
    pub reason: MissingReason,
}

/// Why a face has no template of the new model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingReason {
    /// The template was imported without its photo.
    NoPhoto,
    /// The template was imported without the place of its face in the photo.
    NoPlace,
    /// No file is at any path of the photo, and no picture of it was kept.
    PhotoMissing,
    /// The files at the paths of the photo have other content.
    PhotoChanged,
    /// The file cannot be read.
    Unreadable,
    /// The photo cannot be decoded any more.
    NotDecoded,
    /// No face is found in the photo any more.
    NoFace,
    /// Faces are found in the photo, but none at the place of this one.
    OtherPlace,
}

impl MissingReason {
    /// The reason in words, about one face.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoPhoto => "imported without a photo",
            Self::NoPlace => "imported without the place of the face in the photo",
            Self::PhotoMissing => "the photo is not at its path any more",
            Self::PhotoChanged => "the file at the path of the photo has other content now",
            Self::Unreadable => "the photo cannot be read",
            Self::NotDecoded => "the photo cannot be decoded",
            Self::NoFace => "no face is found in the photo any more",
            Self::OtherPlace => "no face is found at its place in the photo any more",
        }
    }
}

/// The faces that are missing for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingCount {
    /// The reason.
    pub reason: MissingReason,
    /// Number of faces.
    pub faces: u64,
}

/// A number in the former gallery, and in the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Carried {
    /// In the former gallery.
    pub before: u64,
    /// In the new gallery.
    pub after: u64,
}

/// A gallery was migrated to another model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reembedded {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Folder of the new gallery.
    pub gallery: String,
    /// Folder of the former gallery.
    pub former: String,
    /// Model of the former gallery.
    pub from: Model,
    /// Model of the new gallery.
    pub to: Model,
    /// Subjects.
    pub subjects: Carried,
    /// Templates with a subject.
    pub templates: Carried,
    /// Templates without a subject.
    pub unknown: Carried,
    /// Photos of the former gallery that are known.
    pub photos: u64,
    /// Photos whose faces were encoded from a kept picture, which may be smaller than the photo.
    pub from_pictures: u64,
    /// The missing faces by reason; empty if everything was carried over.
    pub missing: Vec<MissingCount>,
    /// How the two galleries recognise people with several templates; `None` if there are none.
    pub parity: Option<ReembedParity>,
    /// The threshold that a user had set for the former gallery: cosine, -1 to 1. The new one has that of its model.
    pub set_threshold: Option<f32>,
    /// For each calibration of the former gallery, that of the new one.
    pub calibrations: Vec<Recalibrated>,
}

/// Templates of people with several, each searched for among all others, in both galleries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReembedParity {
    /// Subjects with two or more templates that were carried over.
    pub people: u64,
    /// Their templates.
    pub eligible: u64,
    /// How many of these were searched for: all, or evenly spread ones.
    pub probes: u64,
    /// Probes whose first candidate is the same subject in both galleries.
    pub same_first: u64,
    /// In the former gallery.
    pub before: ParityOfGallery,
    /// In the new gallery.
    pub after: ParityOfGallery,
}

/// The searches of a comparison in one gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParityOfGallery {
    /// Probes whose first candidate is their own subject.
    pub rank1: u64,
    /// Probes whose own subject, without the probe, scores at least the threshold (TAR times probes).
    pub accepted: u64,
    /// The threshold of the gallery: cosine, -1 to 1; `None` if it has none.
    pub threshold: Option<f32>,
    /// Whether the threshold is of a calibration. Otherwise it is that of the model or of the user.
    pub calibrated: bool,
}

/// A calibration of the former gallery, measured again in the new one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recalibrated {
    /// How the scores of a subject's templates become one score.
    pub fusion: Fusion,
    /// Whether the former one was measured with people who are not in the gallery. The new one is measured with its own subjects.
    pub was_given: bool,
    /// The target FPIRs.
    pub target_fpir: Vec<f64>,
    /// Number of the new calibration; `None` if there is none.
    pub id: Option<i64>,
    /// The thresholds for the targets.
    pub operating_points: Vec<Operating>,
    /// Why there is no new calibration, in words.
    pub obstacle: Option<String>,
}
