//! The choices of a user about clusters, as the page of `cluster` saves them, and what became of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of [`Review`].
pub const REVIEW_VERSION: u32 = 1;

/// The choices of a user about clusters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// [`REVIEW_VERSION`].
    pub review_version: u32,
    /// The clusters that were changed.
    pub clusters: Vec<ClusterReview>,
}

/// The choices about one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterReview {
    /// The subject of the cluster, if it has one.
    pub subject_id: Option<u64>,
    /// The name of the person. Clusters with the same name become one subject. `None`: the name stays.
    pub name: Option<String>,
    /// Ids of the faces without a subject that get the name.
    pub face_ids: Vec<u64>,
    /// Ids of the faces that do not show the person.
    pub rejected_ids: Vec<u64>,
}

/// What became of a review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "reviewed")]
pub struct ReviewApplied {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Subjects that got another name.
    pub renamed: u64,
    /// Subjects that were merged into another one.
    pub merged: u64,
    /// Faces that got a name.
    pub named: u64,
    /// Faces that do not show their person.
    pub rejected: u64,
    /// Faces and subjects of the review that are not in the gallery any more.
    pub missing: u64,
    /// Numbers of the entries in the journal, by which it can be undone; empty in a dry run.
    pub journal_ids: Vec<i64>,
    /// Whether nothing was changed, because only a dry run was requested.
    #[serde(default)]
    pub dry_run: bool,
    /// Names of the review, each with a name in the gallery that differs from it only in case or form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar_names: Vec<[String; 2]>,
}

/// A change that a review makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ReviewChange {
    /// A subject gets another name.
    Rename {
        /// Its present name.
        from: String,
        /// The new name.
        to: String,
    },
    /// A subject is merged into another one.
    Merge {
        /// The subject that goes.
        from: String,
        /// The other one.
        into: String,
    },
    /// Faces without a name get one.
    Name {
        /// The name.
        subject: String,
        /// Whether no subject has the name yet.
        is_new: bool,
        /// Present ids of the faces.
        face_ids: Vec<u64>,
    },
    /// Faces do not show a person.
    Reject {
        /// The name of the person.
        subject: String,
        /// Present ids of the faces.
        face_ids: Vec<u64>,
        /// Whether the person has no other faces and goes.
        is_last: bool,
    },
}
