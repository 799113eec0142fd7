//! Requests and replies of the service for galleries, subjects and lists.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobShown, StatsCalibration, SubjectCorrected};
use crate::fusion::Fusion;
use crate::gallery::{JournalEntry, Summary};
use crate::template::Binding;

/// A served gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GalleryShown {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Its name.
    pub gallery: String,
    /// The model that it is bound to.
    pub model: Binding,
    /// Counts and sizes.
    pub sizes: Summary,
    /// The latest calibration; `null` if there is none.
    pub calibration: Option<StatsCalibration>,
    /// Whether photos that are enrolled are kept.
    pub keeps_photos: bool,
    /// Whether photos can be processed; otherwise templates only.
    pub encodes_photos: bool,
}

/// The served galleries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GalleriesListed {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The galleries, by name.
    pub galleries: Vec<GalleryShown>,
}

/// The request for a new gallery.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateGallery {
    /// A built-in or imported model. `null`: the best available one.
    pub model: Option<String>,
    /// Components of the templates of another program; instead of a model.
    #[schemars(range(min = 2, max = 4096))]
    pub dimension: Option<usize>,
}

/// A gallery was dropped with everything in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GalleryDropped {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Its name.
    pub gallery: String,
    /// Number of its subjects.
    pub subjects: u64,
    /// Number of their templates.
    pub templates: u64,
}

/// A subject on a page of subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectOnPage {
    /// Id of the subject.
    pub subject_id: u64,
    /// Its name.
    pub subject: String,
    /// Number of its templates.
    pub templates: u64,
    /// Id of its first template.
    pub face_id: Option<u64>,
}

/// A page of subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectsPage {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The subjects, in the order of their ids.
    pub subjects: Vec<SubjectOnPage>,
    /// The cursor of the next page; `null` at the end.
    pub next: Option<String>,
}

/// The new name of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameSubject {
    /// The name.
    pub name: String,
}

/// The subject that gets the templates of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeSubject {
    /// Id of the subject that stays.
    pub into: u64,
}

/// Templates that belong to another subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveFaces {
    /// Ids of the templates.
    #[schemars(length(min = 1, max = 10_000))]
    pub face_ids: Vec<u64>,
    /// Name of the subject, new or in the gallery.
    pub to: String,
}

/// A subject was removed. No search finds it any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectErased {
    /// The removal.
    #[serde(flatten)]
    pub removed: SubjectCorrected,
    /// The job that erases the bytes of its templates. Its result is the receipt.
    pub job: JobShown,
}

/// A correction in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JournalShown {
    /// The correction.
    #[serde(flatten)]
    pub entry: JournalEntry,
    /// Whether it can be undone, as far as the journal tells.
    pub undoable: bool,
}

/// A page of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JournalPage {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The corrections, newest first.
    pub entries: Vec<JournalShown>,
    /// The cursor of the next page; `null` at the end.
    pub next: Option<String>,
}

/// A correction was undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CorrectionUndone {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Always `undone`.
    pub event: String,
    /// Number of the undone correction in the journal.
    pub id: i64,
    /// Its kind.
    pub verb: String,
    /// Number of the undoing in the journal.
    pub journal_id: i64,
}

/// A list of subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListOverview {
    /// Its name.
    pub name: String,
    /// Number of its subjects.
    pub subjects: u64,
}

/// The lists of a gallery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListsShown {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The lists, by name.
    pub lists: Vec<ListOverview>,
}

/// A list with its subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListShown {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Ids of its subjects, ascending.
    pub subjects: Vec<u64>,
}

/// The subjects of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetList {
    /// Ids of subjects.
    pub subjects: Vec<u64>,
}

/// A change of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeList {
    /// Ids of subjects to add.
    pub add: Vec<u64>,
    /// Ids of subjects to remove from the list.
    pub remove: Vec<u64>,
}

/// The request for templates close to others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUp {
    /// The templates, of the gallery's model.
    #[schemars(length(min = 1, max = 1024))]
    pub embeddings: Vec<Vec<f32>>,
    /// Length of each list.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 10_000))]
    pub top_k: u32,
}

fn ten() -> u32 {
    10
}

/// The request for all templates with at least a given score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUpRange {
    /// The templates, of the gallery's model.
    #[schemars(length(min = 1, max = 1024))]
    pub embeddings: Vec<Vec<f32>>,
    /// The lowest score: cosine.
    #[schemars(range(min = -1, max = 1))]
    pub min_score: f32,
}

/// Templates close to others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LookedUp {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// A list for each template of the request.
    pub lookups: Vec<super::Lookup>,
}

/// A line of the reply to a range search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RangeLine {
    /// A template.
    Hit {
        /// Position of the probe in the request.
        probe: u64,
        /// The template.
        #[serde(flatten)]
        hit: super::Candidate,
    },
    /// The end of a probe.
    End {
        /// Position of the probe in the request.
        probe: u64,
        /// Number of its templates.
        hits: u64,
        /// Whether no template was missed.
        complete: bool,
        /// Templates that were scored or excluded by a bound.
        searched: u64,
        /// Best score of any template; `null` in an empty gallery.
        max_similarity: Option<f32>,
    },
    /// The search failed after some lines.
    Failed {
        /// A stable code, as in error replies.
        failed: String,
    },
}

/// The request for a calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Calibrate {
    /// Target FPIRs, above 0 and below 1. The first one is the default of the gallery.
    #[schemars(length(min = 1, max = 16))]
    pub target_fpir: Vec<f64>,
    /// How the scores of a subject's templates become one score.
    pub fusion: Fusion,
    /// Templates of people who are not in the gallery, each of another person. `null`: subjects of the gallery are searched for, each among
    /// the others.
    #[schemars(length(max = 100_000))]
    pub nonmated: Option<Vec<Vec<f32>>>,
    /// Without `nonmated`: the most subjects to search for.
    #[schemars(range(min = 20))]
    pub people: u32,
    /// Seed of the random choice of these subjects.
    pub seed: u64,
}

impl Default for Calibrate {
    fn default() -> Self {
        Self { target_fpir: vec![0.01], fusion: Fusion::Max, nonmated: None, people: 10_000, seed: 1 }
    }
}

/// A template with the name of its subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatedProbe {
    /// Name of the subject.
    pub subject: String,
    /// The template.
    pub embedding: Vec<f32>,
}

/// The request for an audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditGallery {
    /// Mated probes. `null`: the gallery's own templates, each without itself.
    #[schemars(length(max = 100_000))]
    pub mated: Option<Vec<MatedProbe>>,
    /// Most probes, and most stored templates to search for.
    #[schemars(range(min = 1))]
    pub sample: u32,
    /// Seed of the random choices.
    pub seed: u64,
    /// Largest share of searches in which an approximate search may miss the mate.
    #[schemars(range(min = 0, max = 1))]
    pub max_loss: f64,
    /// Length of the candidate list.
    #[schemars(range(min = 1, max = 1000))]
    pub top_k: u32,
    /// How the gallery is searched.
    pub search: super::SearchRequest,
    /// The threshold.
    pub decision: super::DecisionRequest,
}

impl Default for AuditGallery {
    fn default() -> Self {
        let (search, decision) = (super::SearchRequest::default(), super::DecisionRequest::default());
        Self { mated: None, sample: 10_000, seed: 1, max_loss: 0.001, top_k: 5, search, decision }
    }
}

/// The request for an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// Templates of subjects of the gallery, that are not in it themselves.
    #[schemars(length(min = 1, max = 100_000))]
    pub mated: Vec<MatedProbe>,
    /// Templates of people who are not in the gallery, each of another person.
    #[schemars(length(min = 1, max = 100_000))]
    pub nonmated: Vec<Vec<f32>>,
    /// Target FPIRs.
    #[serde(default = "usual_targets")]
    #[schemars(length(min = 1, max = 16))]
    pub target_fpir: Vec<f64>,
    /// Seed of the random choices.
    #[serde(default)]
    pub seed: u64,
    /// Bootstrap repetitions for the intervals.
    #[serde(default = "thousand")]
    #[schemars(range(max = 100_000))]
    pub repetitions: u32,
    /// How the gallery is searched.
    #[serde(default)]
    pub search: super::SearchRequest,
}

fn usual_targets() -> Vec<f64> {
    vec![0.1, 0.01, 0.001]
}

fn thousand() -> u32 {
    1000
}

/// The sender of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sender {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Name of the token.
    pub name: String,
    /// What the token allows: `identify`, `enroll`, `admin`.
    pub scopes: Vec<String>,
    /// Whether replies contain scores and candidates below the threshold.
    pub scores: bool,
}

/// The load of a gallery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GalleryLoad {
    /// Its name.
    pub gallery: String,
    /// Requests that wait for a search.
    pub searches_waiting: u64,
    /// Requests that wait for a write.
    pub writes_waiting: u64,
}

/// The duration of a step since the start of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageLatency {
    /// The step: `queue`, `decode`, `detect`, `encode`, `search`, `write` or `total`.
    pub stage: String,
    /// How often it was measured.
    pub count: u64,
    /// Half of the durations do not exceed this, in milliseconds.
    pub p50_ms: f64,
    /// 99 % of the durations do not exceed this, in milliseconds.
    pub p99_ms: f64,
}

/// Replies by status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplyCounts {
    /// 2xx and 3xx.
    pub ok: u64,
    /// 4xx.
    pub refused: u64,
    /// 5xx.
    pub failed: u64,
}

/// The state of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerStatus {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Seconds since the start.
    pub uptime_s: f64,
    /// Whether it is ready.
    pub ready: bool,
    /// The galleries.
    pub galleries: Vec<GalleryLoad>,
    /// Photos that wait or are processed.
    pub photos_waiting: u64,
    /// Durations.
    pub latency: Vec<StageLatency>,
    /// Replies.
    pub requests: ReplyCounts,
}

/// The answer of a health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// `ok`, or `starting`.
    pub status: String,
}
