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
    /// The id of the gallery that the page shows. `None` in reviews of earlier versions: they are not compared with the gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gallery: Option<String>,
    /// The clusters that were changed.
    pub clusters: Vec<ClusterReview>,
}

/// The choices about one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterReview {
    /// The subject of the cluster, if it has one.
    pub subject_id: Option<u64>,
    /// The name of the subject on the page. If it has another one now, or was merged, the cluster is left alone. `None` in reviews of earlier
    /// versions: the present name does not matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// The name of the person. Subjects that have the same name after the whole review become one. `None`: the name stays.
    pub name: Option<String>,
    /// Ids of the faces without a subject that get the name.
    pub face_ids: Vec<u64>,
    /// Ids of the faces that do not show the person.
    pub rejected_ids: Vec<u64>,
    /// Faces that show other people than the rest of the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<MovedFaces>,
}

/// Faces of a cluster that show somebody else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MovedFaces {
    /// The name of that person after the whole review. The subject is made if there is none.
    pub name: String,
    /// Ids of the faces.
    pub face_ids: Vec<u64>,
}

/// Why a part of a review is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum ReviewObstacle {
    /// The subject is not in the gallery any more.
    SubjectGone,
    /// Faces are not in the gallery any more.
    FacesGone {
        /// Ids of the faces, as the review has them.
        face_ids: Vec<u64>,
    },
    /// The subject has another name now than on the page.
    Renamed {
        /// Its name on the page.
        shown: String,
        /// Its present name.
        now: String,
    },
    /// The subject was merged into another one.
    Merged {
        /// Its name on the page.
        shown: String,
        /// The name of the other subject.
        now: String,
    },
    /// Another cluster of the review gives the same subject another name.
    OtherName {
        /// That name.
        name: String,
    },
    /// Faces that had no subject have one now.
    FacesNamed {
        /// Present ids of the faces.
        face_ids: Vec<u64>,
        /// The name of their subject.
        subject: String,
    },
    /// The cluster has no name, so there is nobody whom its faces could not show.
    NoName {
        /// Ids of the faces, as the review has them.
        face_ids: Vec<u64>,
    },
}

/// A part of a review that is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewLeftAlone {
    /// The number of the cluster in the review, from 1.
    pub cluster: u64,
    /// The name that the review gives the cluster.
    pub name: Option<String>,
    /// Why.
    #[serde(flatten)]
    pub obstacle: ReviewObstacle,
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
    /// Faces that went from one subject to another.
    #[serde(default)]
    pub moved: u64,
    /// Faces and subjects of the review that are not in the gallery any more.
    pub missing: u64,
    /// What is left alone, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_alone: Vec<ReviewLeftAlone>,
    /// Subjects that lost their last face and are gone, without those that were merged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects_gone: Vec<String>,
    /// Pairs of subjects that become one although a user has said that they are different people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_apart: Vec<[String; 2]>,
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
    /// Faces that show somebody else go to that person.
    Move {
        /// The name of the person.
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
