//! The replies of `dedup subjects`: one person under two names, and two people under one name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Duplicates of people in a gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectDuplicates {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Subjects in the gallery.
    pub subjects: u64,
    /// Templates in the gallery.
    pub templates: u64,
    /// The score at or above which two subjects may be one person.
    pub threshold: f32,
    /// Where the threshold came from.
    pub threshold_from: ThresholdFrom,
    /// About how many pairs of templates of different people reach the threshold in the whole gallery; `None` if it is not known.
    pub expected_false_pairs: Option<f64>,
    /// Pairs of subjects that may be one person, best first, as many as were asked for.
    pub doubles: Vec<DoubleSubject>,
    /// The number of all of these pairs.
    pub doubles_count: u64,
    /// Pairs that reach the threshold and are left out, because a user has said that they are different people.
    pub kept_apart: u64,
    /// The score below which the parts of a subject are taken for two people; `None` if the gallery has no two subjects to measure it.
    pub mixed_below: Option<f32>,
    /// The share of pairs of templates of different people that reach that score.
    pub mixed_rate: Option<f64>,
    /// Subjects whose templates may show two people, the least alike parts first, as many as were asked for.
    pub mixed: Vec<MixedSubject>,
    /// The number of all of these subjects.
    pub mixed_count: u64,
    /// What is not listed; `None` if no list was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<DuplicatesLeftOut>,
}

/// Duplicates that are not listed, because of subjects on the given lists. The counts of duplicates do not include them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DuplicatesLeftOut {
    /// Pairs of subjects with one on a list that may be one person.
    pub doubles: u64,
    /// Subjects on a list whose templates may show two people.
    pub mixed: u64,
}

/// The source of a threshold for duplicates of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdFrom {
    /// The request.
    Given,
    /// The calibration of the gallery.
    Calibration,
    /// The scores of the gallery's own subjects against each other.
    OwnScores,
    /// The threshold of the gallery or its model: there are too few subjects to measure another one.
    Gallery,
}

/// Two subjects that may be one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DoubleSubject {
    /// The score of their closest templates.
    pub score: f32,
    /// Pairs of their templates that reach the threshold.
    pub pairs: u64,
    /// The two, the one with the lower id first.
    pub sides: [SubjectSide; 2],
}

/// A subject whose templates may show two people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MixedSubject {
    /// Id of the subject.
    pub subject_id: u64,
    /// Its name.
    pub subject: String,
    /// Number of its templates.
    pub templates: u64,
    /// Number of those that were compared: an even choice where there are very many.
    pub compared: u64,
    /// The mean score of a template of one part with one of the other.
    pub between: f32,
    /// The best score of a template of one part with one of the other.
    pub closest: f32,
    /// Ids of the templates of the smaller part.
    pub apart_ids: Vec<u64>,
    /// The templates with the best score: of the smaller part, of the other.
    pub sides: [SubjectSide; 2],
}

/// A template of a duplicate, with its subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectSide {
    /// Id of the subject.
    pub subject_id: u64,
    /// Its name.
    pub subject: String,
    /// Number of its templates.
    pub templates: u64,
    /// Id of the template.
    pub face_id: u64,
    /// The photo or the file of vectors that it was made from.
    pub path: Option<String>,
    /// Row in the file of vectors, from 0.
    pub row: Option<u64>,
}

/// Two subjects are different people, or may be one person again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectsKeptApart {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Ids of the subjects.
    pub subject_ids: [u64; 2],
    /// Their names.
    pub subjects: [String; 2],
    /// Whether they are different people.
    pub distinct: bool,
    /// The number of the journal entry; `None` if nothing changed.
    pub journal_id: Option<i64>,
}
