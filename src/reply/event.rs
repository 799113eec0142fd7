//! What long work reports while it runs, one object for each input or batch, and its summary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::reason::Reason;

/// An enrolment's reports. What is reported as enrolled or skipped is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EnrollEvent {
    /// A photo whose templates were added.
    Enrolled {
        /// The photo.
        path: String,
        /// The subject of each template.
        subjects: Vec<String>,
        /// The id of each template.
        template_ids: Vec<u64>,
        /// Faces found in the photo.
        faces: usize,
        /// Faces that were not processed.
        not_looked_at: usize,
        /// A remark about these.
        note: Option<String>,
        /// Names that were derived from files and taken already, with those given instead.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        renamed: Vec<Renamed>,
    },
    /// A photo that is in the gallery, at the same path and under the same name.
    Unchanged {
        /// The photo.
        path: String,
    },
    /// A photo that was left out.
    Skipped(Skipped),
    /// A face that was left out, of a photo with others.
    FaceSkipped(FaceSkipped),
    /// The end.
    Summary(EnrollSummary),
}

/// A derived name that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// The name that was derived.
    pub from: String,
    /// The name that was given.
    pub to: String,
}

/// An input that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The input.
    pub path: String,
    /// Why.
    pub reason: Reason,
    /// The reason in words; may be empty.
    pub detail: String,
}

/// A face that was left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaceSkipped {
    /// The photo.
    pub path: String,
    /// Which of its faces, in the detector's order, from 0.
    pub face: usize,
    /// Left, top, right, bottom in pixels of the upright photo.
    pub bounds: [f32; 4],
    /// Why.
    pub reason: Reason,
    /// The reason in words; may be empty.
    pub detail: String,
}

/// A row of a file of vectors that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "skipped")]
pub struct RowSkipped {
    /// The file.
    pub path: String,
    /// The row, from 0.
    pub row: u64,
    /// Why.
    pub reason: Reason,
    /// The reason in words.
    pub detail: String,
}

/// Inputs by outcome: each is counted once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Inputs whose templates were written.
    pub done: u64,
    /// Their templates.
    pub templates: u64,
    /// Faces that were refused in photos with others that were taken.
    pub refused_faces: u64,
    /// Inputs that were done before.
    pub unchanged: u64,
    /// Inputs that were left out, by reason.
    pub skipped: BTreeMap<Reason, u64>,
    /// System files that were found beside the inputs and are not counted as inputs.
    pub system_files: u64,
}

impl Counts {
    /// Counts an input that was left out.
    pub fn skip(&mut self, reason: Reason) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// Inputs that were left out for this reason.
    pub fn skipped_for(&self, reason: Reason) -> u64 {
        self.skipped.get(&reason).copied().unwrap_or(0)
    }

    /// Inputs that were counted so far.
    pub fn inputs(&self) -> u64 {
        self.done + self.unchanged + self.skipped.values().sum::<u64>()
    }

    /// Inputs about which nothing is known, because the machine failed.
    pub fn temporary_failures(&self) -> u64 {
        self.skipped_for(Reason::TemporaryFailure)
    }

    /// Photos that are known under other names.
    pub fn other_names(&self) -> u64 {
        self.skipped_for(Reason::OtherName)
    }

    /// Whether any input has templates now.
    pub fn is_of_use(&self) -> bool {
        self.done + self.unchanged + self.skipped_for(Reason::Duplicate) + self.other_names() > 0
    }
}

/// The end of an enrolment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnrollSummary {
    /// [`VERSION`].
    pub version: u32,
    /// Inputs that were processed: the sum of `enrolled`, `unchanged` and `skipped`.
    pub inputs: u64,
    /// Photos whose templates were added.
    pub enrolled: u64,
    /// Photos that were in the gallery.
    pub unchanged: u64,
    /// Inputs that were left out, by reason.
    pub skipped: BTreeMap<Reason, u64>,
    /// Templates that were added.
    pub templates: u64,
    /// Faces that were left out of photos with others.
    pub faces_skipped: u64,
    /// Files of systems and programs, which are no inputs.
    pub system_files: u64,
    /// Photos of several faces, of which the largest was taken.
    pub several_faces: u64,
    /// Inputs that were not processed, because the work was stopped.
    pub not_looked_at: u64,
    /// How long it took.
    pub seconds: f64,
    /// Whether it was stopped.
    pub interrupted: bool,
}

impl EnrollSummary {
    /// The counts of an enrolment that took so many seconds; `left` inputs were not processed because it was stopped.
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

/// An import's reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ImportEvent {
    /// A row that was left out.
    Skipped {
        /// The row, from 0.
        row: u64,
        /// Why.
        reason: Reason,
        /// The reason in words.
        detail: String,
    },
    /// Rows that are durable now.
    Imported {
        /// How many of the file's rows are in the gallery.
        rows_done: u64,
        /// How many rows the file has.
        rows: u64,
    },
    /// The end.
    Summary(ImportSummary),
}

/// The end of an import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportSummary {
    /// [`VERSION`].
    pub version: u32,
    /// Rows of the file.
    pub rows: u64,
    /// Rows that were imported.
    pub imported: u64,
    /// Rows that were in the gallery already.
    pub imported_before: u64,
    /// Rows that were in the gallery under other names, and have those of the file now.
    pub renamed: u64,
    /// Rows of a face that an earlier row is of, left out.
    pub repeated: u64,
    /// Rows that are no templates, left out.
    pub skipped: u64,
    /// How long it took.
    pub seconds: f64,
    /// Whether it was stopped.
    pub interrupted: bool,
}

/// Work that was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "interrupted")]
pub struct Interrupted {
    /// [`VERSION`].
    pub version: u32,
    /// What is counted.
    pub unit: String,
    /// All of it.
    pub total: u64,
    /// What was processed.
    pub looked_at: u64,
    /// What was not.
    pub not_looked_at: u64,
}

/// The templates closest to a vector, or all that reach a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    /// The row of the vector, from 0.
    pub probe: u64,
    /// Templates, best first.
    pub matches: Vec<Candidate>,
    /// Whether no template was missed.
    pub complete: bool,
    /// Templates that were scored or ruled out.
    pub searched: u64,
    /// The best score of any template; `None` in an empty gallery.
    pub max_similarity: Option<f32>,
    /// Milliseconds of the search.
    pub processing_time_ms: f64,
}

/// A template of a lookup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its id.
    pub face_id: u64,
    /// The id of its subject.
    pub subject_id: u64,
    /// The name of its subject.
    pub subject: String,
    /// Cosine, -1 to 1.
    pub similarity: f32,
    /// `1 - similarity`.
    pub distance: f32,
}
