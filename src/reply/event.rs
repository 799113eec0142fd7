//! Events of long operations: one per input or batch, and a summary.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::reason::Reason;

/// An event of an enrollment. Enrolled and skipped photos are durable before they are reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EnrollEvent {
    /// The templates of a photo were added.
    Enrolled {
        /// Path of the photo.
        path: String,
        /// The subject of each template; empty if they are unknown faces.
        subjects: Vec<String>,
        /// The id of each template.
        template_ids: Vec<u64>,
        /// Faces that the detector found.
        faces: usize,
        /// Faces that were not measured.
        not_looked_at: usize,
        /// A remark about unused faces.
        note: Option<String>,
        /// Generated names that were already used, and the names that were used instead.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        renamed: Vec<Renamed>,
    },
    /// The photo is already in the gallery, with the same path and name.
    Unchanged {
        /// Path of the photo.
        path: String,
    },
    /// A file gave no template.
    Skipped(Skipped),
    /// A face was refused in a photo with other faces.
    FaceSkipped(FaceSkipped),
    /// The end of the enrollment.
    Summary(EnrollSummary),
}

/// A generated name that was already used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Renamed {
    /// The generated name.
    pub from: String,
    /// The name that was used instead.
    pub to: String,
}

/// A skipped input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Path of the input.
    pub path: String,
    /// The reason.
    pub reason: Reason,
    /// The reason in words; may be empty.
    pub detail: String,
}

/// A refused face in a photo with other faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaceSkipped {
    /// Path of the photo.
    pub path: String,
    /// Number of the face in the detector's order, from 0.
    pub face: usize,
    /// Left, top, right, bottom in pixels of the upright photo.
    pub bounds: [f32; 4],
    /// The reason.
    pub reason: Reason,
    /// The reason in words; may be empty.
    pub detail: String,
}

/// A skipped row of a file of vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "skipped")]
pub struct RowSkipped {
    /// Path of the file.
    pub path: String,
    /// The row, from 0.
    pub row: u64,
    /// The reason.
    pub reason: Reason,
    /// The reason in words.
    pub detail: String,
}

/// Counts of inputs by result. Each input is counted once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Inputs whose templates were written.
    pub done: u64,
    /// Number of these templates.
    pub templates: u64,
    /// Faces that were refused in photos with other, used faces.
    pub refused_faces: u64,
    /// Inputs that an earlier run has written.
    pub unchanged: u64,
    /// Skipped inputs by reason.
    pub skipped: BTreeMap<Reason, u64>,
    /// System files, which are not counted as inputs.
    pub system_files: u64,
}

impl Counts {
    /// Counts a skipped input.
    pub fn skip(&mut self, reason: Reason) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// Number of inputs that were skipped for this reason.
    pub fn skipped_for(&self, reason: Reason) -> u64 {
        self.skipped.get(&reason).copied().unwrap_or(0)
    }

    /// Number of counted inputs.
    pub fn inputs(&self) -> u64 {
        self.done + self.unchanged + self.skipped.values().sum::<u64>()
    }

    /// Inputs without a result because of a failure of the machine.
    pub fn temporary_failures(&self) -> u64 {
        self.skipped_for(Reason::TemporaryFailure)
    }

    /// Photos that are in the gallery under other names.
    pub fn other_names(&self) -> u64 {
        self.skipped_for(Reason::OtherName)
    }

    /// Whether any input has templates.
    pub fn is_of_use(&self) -> bool {
        self.done + self.unchanged + self.skipped_for(Reason::Duplicate) + self.other_names() > 0
    }
}

/// The summary of an enrollment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnrollSummary {
    /// [`VERSION`].
    pub version: u32,
    /// Inputs that were processed: the sum of `enrolled`, `unchanged` and `skipped`.
    pub inputs: u64,
    /// Photos whose templates were added.
    pub enrolled: u64,
    /// Photos that were already in the gallery.
    pub unchanged: u64,
    /// Skipped inputs by reason.
    pub skipped: BTreeMap<Reason, u64>,
    /// Templates that were added.
    pub templates: u64,
    /// Faces that were refused in photos with other faces.
    pub faces_skipped: u64,
    /// System files, which are not counted as inputs.
    pub system_files: u64,
    /// Photos with more than one face. The largest was used.
    pub several_faces: u64,
    /// Inputs that were not processed because of a stop.
    pub not_looked_at: u64,
    /// Duration in seconds.
    pub seconds: f64,
    /// Whether the enrollment was stopped before its end.
    pub interrupted: bool,
    /// Names of new subjects that differ from that of an earlier subject only in case or form: the new one and the earlier one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar_names: Vec<[String; 2]>,
}

impl EnrollSummary {
    /// The summary of these counts after `seconds`. `left` inputs were not processed; `None` if the enrollment was not stopped.
    pub fn new(counts: &Counts, several_faces: u64, left: Option<u64>, seconds: f64) -> Self {
        Self {
            version: VERSION,
            inputs: counts.inputs(),
            enrolled: counts.done,
            unchanged: counts.unchanged,
            skipped: counts.skipped.clone(),
            templates: counts.templates,
            faces_skipped: counts.refused_faces,
            system_files: counts.system_files,
            several_faces,
            not_looked_at: left.unwrap_or(0),
            similar_names: Vec::new(),
            seconds,
            interrupted: left.is_some(),
        }
    }

    /// The counts.
    pub fn counts(&self) -> Counts {
        Counts {
            done: self.enrolled,
            templates: self.templates,
            refused_faces: self.faces_skipped,
            unchanged: self.unchanged,
            skipped: self.skipped.clone(),
            system_files: self.system_files,
        }
    }
}

/// An event of an import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ImportEvent {
    /// A row was skipped.
    Skipped {
        /// The row, from 0.
        row: u64,
        /// The reason.
        reason: Reason,
        /// The reason in words.
        detail: String,
    },
    /// Rows became durable.
    Imported {
        /// Rows of the file that are in the gallery.
        rows_done: u64,
        /// Rows of the file.
        rows: u64,
    },
    /// The end of the import.
    Summary(ImportSummary),
}

/// The summary of an import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportSummary {
    /// [`VERSION`].
    pub version: u32,
    /// Rows of the file.
    pub rows: u64,
    /// Rows that this import has added.
    pub imported: u64,
    /// Rows that were already in the gallery.
    pub imported_before: u64,
    /// Rows that were in the gallery under other names and were renamed.
    pub renamed: u64,
    /// Skipped rows with the same face as an earlier row.
    pub repeated: u64,
    /// Skipped rows that are not templates.
    pub skipped: u64,
    /// Duration in seconds.
    pub seconds: f64,
    /// Whether the import was stopped before its end.
    pub interrupted: bool,
    /// Names of new subjects that differ from that of an earlier subject only in case or form: the new one and the earlier one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar_names: Vec<[String; 2]>,
}

/// An operation was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "interrupted")]
pub struct Interrupted {
    /// [`VERSION`].
    pub version: u32,
    /// The counted unit, in the singular.
    pub unit: String,
    /// Number of all units.
    pub total: u64,
    /// Processed units.
    pub looked_at: u64,
    /// Units that were not processed.
    pub not_looked_at: u64,
}

/// The reply of `search` and `range`: the templates closest to a vector, or all templates with at least a given score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lookup {
    /// The row of the vector, from 0.
    pub probe: u64,
    /// The templates, best first.
    pub matches: Vec<Candidate>,
    /// Whether the search cannot have missed a template.
    pub complete: bool,
    /// Templates that were scored or excluded by a bound.
    pub searched: u64,
    /// Best score of any template; `None` in an empty gallery.
    pub max_similarity: Option<f32>,
    /// Duration of the search, in milliseconds.
    pub processing_time_ms: f64,
}

/// A template in the reply of `search` or `range`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Id of the template.
    pub face_id: u64,
    /// Id of its subject.
    pub subject_id: u64,
    /// Name of its subject.
    pub subject: String,
    /// Cosine, -1 to 1.
    pub similarity: f32,
    /// `1 - similarity`.
    pub distance: f32,
}
