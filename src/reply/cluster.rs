//! The replies of `cluster`: which faces of a gallery show one person, and how well that agrees with its subjects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evaluation::{Clustering, ClusteringPoint};
use crate::ingest::PathText;

/// A way to cluster faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClusterMethod {
    /// Strict seeds, then linkage.
    TwoStage,
    /// Connected components.
    Components,
    /// Average linkage.
    Average,
    /// Chinese whispers.
    Whispers,
    /// DBSCAN with three faces in the neighbourhood of a core.
    Density,
    /// HDBSCAN with at least two faces in a cluster.
    Hdbscan,
}

impl ClusterMethod {
    /// All methods, the default first.
    pub const ALL: [Self; 6] =
        [Self::TwoStage, Self::Components, Self::Average, Self::Whispers, Self::Density, Self::Hdbscan];
}

/// The source of a threshold of a clustering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClusterThresholdFrom {
    /// The request.
    Given,
    /// The scores of random pairs of faces of the collection, nearly all of them of strangers, and the number of faces.
    Strangers,
    /// The threshold of the gallery or its model: there are too few faces to measure one.
    Gallery,
    /// The threshold of the gallery or its model, which limits that from strangers: the faces are few, or many show one person.
    Limit,
}

/// The faces of a gallery, clustered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FacesClustered {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The method.
    pub method: ClusterMethod,
    /// The threshold of the method, a cosine; `None` for a single face.
    pub threshold: Option<f32>,
    /// Where the threshold came from; `None` for a single face.
    pub threshold_from: Option<ClusterThresholdFrom>,
    /// Whether faces of one subject were kept together and those of two subjects apart.
    pub names_obeyed: bool,
    /// Faces that were clustered.
    pub faces: u64,
    /// Of these, faces without a subject.
    pub unknown: u64,
    /// Clusters, those of single faces included.
    pub clusters: u64,
    /// Clusters of single faces.
    pub singletons: u64,
    /// Unknown faces in a cluster with a subject: its name is proposed for them. `None` if no labels were asked for.
    pub labelled: Option<u64>,
    /// The largest clusters of at least two faces, as many as were asked for.
    pub largest: Vec<ClusterOverview>,
    /// Clusters that are not shown; `None` if no list was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<ClustersLeftOut>,
}

/// Clusters that are not shown, because they have faces of subjects on the given lists only. The other numbers of the reply include them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClustersLeftOut {
    /// Their number, those of single faces included.
    pub clusters: u64,
    /// Of these, clusters of single faces.
    pub singletons: u64,
    /// Their faces.
    pub faces: u64,
}

/// A cluster of faces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterOverview {
    /// Its number, from 1: the largest first, of equal ones the one with the lowest id of a template.
    pub cluster: u64,
    /// Its faces.
    pub faces: u64,
    /// Of these, faces without a subject.
    pub unknown: u64,
    /// Names of its subjects, that with the most faces first.
    pub subjects: Vec<String>,
    /// The photo or the file of vectors of its face with the lowest id.
    pub path: Option<String>,
}

/// Unknown faces got the subjects of their clusters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "assigned")]
pub struct FacesAssigned {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Faces that got a subject.
    pub faces: u64,
    /// Of these, faces that joined a subject that the gallery had.
    pub joined: u64,
    /// Subjects that were made.
    pub new_subjects: u64,
    /// Faces that have no subject now.
    pub unknown: u64,
    /// Numbers of the first and the last entry in the journal, by which it can be undone; `None` if nothing was assigned.
    pub journal_ids: Option<[i64; 2]>,
}

/// Names and corrections of another gallery were taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "names_transferred")]
pub struct NamesTransferred {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Faces that got a name.
    pub faces: u64,
    /// Subjects that they got.
    pub subjects: u64,
    /// Faces that got no name, because their generated name belongs to somebody else here.
    pub other_person: u64,
    /// Faces that are known not to show a subject.
    pub rejections: u64,
    /// Pairs of subjects that are known to be different people.
    pub distinct: u64,
    /// Numbers of the entries in the journal.
    pub journal_ids: Vec<i64>,
}

/// A face with its cluster: a line of the file of clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusteredFace {
    /// Id of the template.
    pub face_id: u64,
    /// The photo or the file of vectors that it was made from: a string, or `{"hex": ...}` with the bytes of a path that is not Unicode.
    pub path: Option<PathText>,
    /// Row in the file of vectors, from 0.
    pub row: Option<u64>,
    /// Left, top, right, bottom of the face in photo pixels; `None` if the photo is not known.
    pub bounds: Option<[f32; 4]>,
    /// Name of its subject; `None` for an unknown face.
    pub subject: Option<String>,
    /// The number of its cluster, from 1.
    pub cluster: u64,
    /// Cosine of the face and the mean of its cluster, -1 to 1. The lowest ones are the first to look at.
    #[serde(default)]
    pub centrality: f32,
    /// The subject with the most faces in the cluster, if labels were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Clusterings of a gallery without its names, measured against its subjects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusteringsMeasured {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Faces that were clustered.
    pub faces: u64,
    /// Of these, faces without a subject: they count as strangers.
    pub unknown: u64,
    /// Subjects of the others.
    pub subjects: u64,
    /// Each method, in the order of the request.
    pub methods: Vec<ClusteringMeasured>,
    /// The first method with a part of the faces without a subject: none, a sixteenth, a quarter, all. Each part at the threshold that it
    /// gives itself, or at the given one. Empty if all faces have a subject, or if no curves were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_strangers: Vec<ClusteringPoint>,
    /// The first method at thresholds around its own, ascending. Empty if no curves were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_threshold: Vec<ClusteringPoint>,
}

/// A clustering, measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusteringMeasured {
    /// The method.
    pub method: ClusterMethod,
    /// The threshold of the method, as in [`FacesClustered::threshold`].
    pub threshold: Option<f32>,
    /// Where the threshold came from.
    pub threshold_from: Option<ClusterThresholdFrom>,
    /// Clusters, those of single faces and of unknown faces included.
    pub clusters: u64,
    /// Clusters of single faces.
    pub singletons: u64,
    /// The measures against the subjects.
    pub measures: Clustering,
}
