//! The events of `encode`, which writes templates to a folder, and its summary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Counts, Skipped, VERSION};
use crate::reason::Reason;

/// An event of an encoding. Encoded and skipped photos are on the disk before they are reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EncodeEvent {
    /// The templates of a photo were written.
    Encoded {
        /// Path of the photo.
        path: Option<String>,
        /// The subject of each template; `None` for a template without a name.
        subjects: Vec<Option<String>>,
    },
    /// An earlier run encoded this photo, at the same path and with the same name.
    Unchanged {
        /// Path of the photo.
        path: String,
    },
    /// Not all faces of an encoded photo were used.
    SeveralFaces {
        /// Path of the photo.
        path: String,
        /// Faces that the detector found, at least 2.
        faces: usize,
        /// Faces that were not measured.
        not_looked_at: usize,
        /// The same in words.
        note: String,
    },
    /// A file gave no template.
    Skipped(Skipped),
    /// A face was refused in a photo with other faces.
    FaceSkipped(Skipped),
    /// The end of the run.
    Summary(EncodeSummary),
}

/// The summary of an encoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncodeSummary {
    /// [`VERSION`].
    pub version: u32,
    /// Processed files: the sum of `encoded`, `unchanged` and `skipped`.
    pub inputs: u64,
    /// Photos whose templates were written.
    pub encoded: u64,
    /// Photos that an earlier run encoded.
    pub unchanged: u64,
    /// Skipped files by reason.
    pub skipped: BTreeMap<Reason, u64>,
    /// Templates that were written.
    pub templates: u64,
    /// Faces that were refused in photos with other faces.
    pub faces_skipped: u64,
    /// System files, which are not counted as inputs.
    pub system_files: u64,
    /// Files that were not processed, because the run was stopped.
    pub not_looked_at: u64,
    /// Duration in seconds.
    pub seconds: f64,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
}

impl EncodeSummary {
    /// The summary of these counts, after so many seconds. `left` is the number of unprocessed files of a stopped run.
    pub fn new(counts: &Counts, seconds: f64, left: Option<u64>) -> Self {
        Self {
            version: VERSION,
            inputs: counts.inputs(),
            encoded: counts.done,
            unchanged: counts.unchanged,
            skipped: counts.skipped.clone(),
            templates: counts.templates,
            faces_skipped: counts.refused_faces,
            system_files: counts.system_files,
            not_looked_at: left.unwrap_or(0),
            seconds,
            interrupted: left.is_some(),
        }
    }
}
