//! Requests and replies: the JSON that programs exchange with a gallery.
//!
//! Every request and reply is a type that serde reads and writes. The command line prints these types, and `check-certificate` reads them.
//! A server, or a binding for another language, can use the same types. The text for people is made from the reply alone. This module does
//! not search or compute.
//!
//! Every reply and every summary contains [`VERSION`]. It is raised when a field changes its meaning or is removed. New fields do not raise
//! it.

mod authenticity;
mod cluster;
mod duplicates;
mod encoding;
mod event;
mod gallery;
mod identification;
mod job;
mod maintenance;
mod measurement;
mod model;
mod problem;
mod pruning;
mod reembedding;
mod request;
mod review;
mod service;
mod subjects;
#[cfg(test)]
mod tests;
mod verdict;
mod verification;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use authenticity::{
    Authenticity, AuthenticityPolicy, AuthenticityScored, GateEvaluated, GateFitted, GateMeasure,
};
pub use cluster::{
    ClusterMethod, ClusterOverview, ClusterThresholdFrom, ClusteredFace, ClusteringMeasured,
    ClusteringsMeasured, ClustersLeftOut, FacesAssigned, FacesClustered, NamesTransferred,
};
pub use duplicates::{
    DoubleSubject, DuplicatesLeftOut, MixedSubject, SubjectDuplicates, SubjectSide, SubjectsKeptApart,
    ThresholdFrom,
};
pub use encoding::{EncodeEvent, EncodeSummary};
pub use event::{
    Candidate, Counts, EnrollEvent, EnrollSummary, FaceSkipped, ImportEvent, ImportSummary, Interrupted,
    Lookup, Renamed, RowSkipped, Skipped,
};
pub use gallery::{
    AuditGallery, Calibrate, ChangeList, CorrectionUndone, CreateGallery, Evaluate, GalleriesListed,
    GalleryDropped, GalleryLoad, GalleryShown, Health, JournalPage, JournalShown, ListOverview, ListShown,
    ListsShown, LookUp, LookUpRange, LookedUp, MatedProbe, MergeSubject, MoveFaces, RangeLine, RenameSubject,
    ReplyCounts, Sender, ServerStatus, SetList, StageLatency, SubjectErased, SubjectOnPage, SubjectsPage,
};
pub use identification::{Basis, Identification, Match, OperatingPoint, Probe, Refusal, Reply, Searched};
pub use job::{
    ErasedSubject, JobFailure, JobKind, JobProgress, JobResult, JobShown, JobState, JobsListed, PurgeReceipt,
};
pub use maintenance::{
    BackupMade, CalibrationOverview, Compacted, Created, ExportInterrupted, Purged, RestoreMade, Stats,
    StatsCalibration, ThresholdSet,
};
pub use measurement::{Calibrated, Evaluated, PairsMeasured};
pub use model::{
    ImportedModel, Model, ModelFile, ModelFused, ModelInfo, ModelListed, ModelMember, ModelPath,
    ModelTrained, TriedSetting,
};
pub use problem::{InvalidField, ProblemBody};
pub use pruning::{PhotoGone, PhotoMissing, PhotosMissing, PhotosPruned};
pub use reembedding::{
    Carried, FaceMissing, MissingCount, MissingReason, ParityOfGallery, Recalibrated, ReembedEvent,
    ReembedParity, Reembedded,
};
pub use request::{
    Among, DecisionRequest, EngineRequest, IdentifyRequest, PhotoRequest, Proof, SearchRequest, Way,
};
pub use review::{
    ClusterReview, MovedFaces, REVIEW_VERSION, Review, ReviewApplied, ReviewChange, ReviewLeftAlone,
    ReviewObstacle,
};
pub use service::{
    AnalyzePhotos, AnalyzedFace, AnalyzedPhoto, AnalyzedPhotos, EnrollFaces, EnrolledFaces, FaceEnrolled,
    FaceOptions, FaceToEnroll, GivenFace, IdentifiedFaces, IdentifyFaces, Names, PhotoBytes, Timings,
    UnusedFace, VerifiedFaces, VerifyFaces, all_faces,
};
pub use subjects::{
    Correction, SubjectCorrected, SubjectListed, SubjectShown, TemplateListed, TemplatesMoved,
    TemplatesRejected, TemplatesRemoved,
};
pub use verdict::Verdict;
pub use verification::Verification;

/// Version of the requests and replies.
pub const VERSION: u32 = 1;

/// A reply of another module, with [`VERSION`] beside its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Versioned<T> {
    /// [`VERSION`].
    pub version: u32,
    /// The reply. In JSON its fields are beside `version`.
    #[serde(flatten)]
    pub reply: T,
}

impl<T> Versioned<T> {
    /// The reply with the present version.
    pub fn new(reply: T) -> Self {
        Self { version: VERSION, reply }
    }
}
