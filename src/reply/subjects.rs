//! The replies of `subject`: the subjects of a gallery, their templates, and corrections of both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::face::Provenance;

/// A subject in the list of all subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectListed {
    /// Id of the subject.
    pub subject_id: u64,
    /// Name of the subject.
    pub subject: String,
    /// Number of its templates.
    pub templates: u64,
}

/// A subject with its templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectShown {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Id of the subject.
    pub subject_id: u64,
    /// Name of the subject.
    pub subject: String,
    /// Its templates, in ascending order of id.
    pub templates: Vec<TemplateListed>,
}

/// A template of a subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateListed {
    /// Id of the template.
    pub face_id: u64,
    /// The photo or the file of vectors that it was made from.
    pub path: Option<String>,
    /// Row in the file of vectors, from 0.
    pub row: Option<u64>,
    /// The face in the photo.
    pub face: Option<Provenance>,
}

/// A correction of a whole subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// The subject has another name.
    Renamed,
    /// All templates of the subject were moved to another subject.
    Merged,
    /// The subject was removed with all its templates.
    Removed,
}

/// A subject was corrected, or a dry run found that it can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectCorrected {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The correction.
    pub event: Correction,
    /// The names of the subjects: `A`, `A to B` or `A into B`.
    pub what: String,
    /// The subject's name before.
    pub from: String,
    /// Its name now, or that of the subject that it was merged into; `None` if it was removed.
    pub to: Option<String>,
    /// Templates that were moved or removed.
    pub templates: u64,
    /// Whether nothing was changed, because only a dry run was requested.
    pub dry_run: bool,
    /// Number of the correction in the journal, if it can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_id: Option<i64>,
    /// Whether two subjects became one although a user has said that they are different people.
    #[serde(default)]
    pub kept_apart: bool,
    /// Lists that the subject is on now because the merged one was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
}

/// Single templates were removed, or a dry run found that they can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "removed")]
pub struct TemplatesRemoved {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Ids of the templates.
    pub template_ids: Vec<u64>,
    /// Number of the templates.
    pub templates: u64,
    /// Subjects that lost their last template and were removed too.
    pub subjects_gone: Vec<String>,
    /// Whether nothing was changed, because only a dry run was requested.
    pub dry_run: bool,
}

/// Templates do not show a subject, as a user has said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "rejected")]
pub struct TemplatesRejected {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Name of the subject.
    pub subject: String,
    /// Ids of the templates that belonged to it.
    pub template_ids: Vec<u64>,
    /// Their present ids, in the same order. They have no subject.
    pub new_template_ids: Vec<u64>,
    /// Ids of the other templates.
    pub others: Vec<u64>,
    /// Subjects that lost their last template and are gone.
    #[serde(default)]
    pub subjects_gone: Vec<String>,
    /// Numbers of the entries in the journal.
    pub journal_ids: Vec<i64>,
}

/// Single templates were moved to another subject, or a dry run found that they can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "moved")]
pub struct TemplatesMoved {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Name of the subject that they were moved to.
    pub to: String,
    /// Whether that subject was not in the gallery before.
    pub to_is_new: bool,
    /// Ids of the templates before the move.
    pub template_ids: Vec<u64>,
    /// Ids of the templates after the move, in the same order; empty in a dry run.
    pub new_template_ids: Vec<u64>,
    /// Number of the templates.
    pub templates: u64,
    /// Subjects that lost their last template and were removed.
    pub subjects_gone: Vec<String>,
    /// Whether nothing was changed, because only a dry run was requested.
    pub dry_run: bool,
    /// Numbers of the correction in the journal, one for each former subject, by which it can be undone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journal_ids: Vec<i64>,
    /// If `to` is new: `to` and a name in the gallery that differs from it only in case or form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar_names: Vec<[String; 2]>,
}
