//! Jobs: long operations of a server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BackupMade, Calibrated, Compacted, Evaluated, Purged, Versioned};
use crate::audit::Audit;

/// The operation of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A calibration.
    Calibration,
    /// An evaluation.
    Evaluation,
    /// An audit.
    Audit,
    /// A backup.
    Backup,
    /// The erasure of removed templates.
    Purge,
    /// A compaction.
    Compact,
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for other jobs of the gallery.
    Queued,
    /// It is running.
    Running,
    /// It has a result.
    Done,
    /// It failed.
    Failed,
    /// It was cancelled before its end.
    Cancelled,
}

/// The progress of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobProgress {
    /// The counted unit, in the plural.
    pub unit: String,
    /// Completed units.
    pub done: u64,
    /// All units; `null` if it is not known.
    pub total: Option<u64>,
}

/// The result of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum JobResult {
    /// Of a calibration.
    Calibration(Box<Calibrated>),
    /// Of an evaluation.
    Evaluation(Box<Evaluated>),
    /// Of an audit.
    Audit(Box<Versioned<Audit>>),
    /// Of a backup. `to` is the name of the file in the folder for backups.
    Backup(BackupMade),
    /// Of a purge: the receipt.
    Purge(PurgeReceipt),
    /// Of a compaction.
    Compact(Compacted),
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobFailure {
    /// A stable code, as in error replies.
    pub code: String,
    /// The reason in words.
    pub detail: String,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobShown {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Its id.
    pub id: String,
    /// The operation.
    pub kind: JobKind,
    /// The gallery.
    pub gallery: String,
    /// Its state.
    pub state: JobState,
    /// Its progress, if it is known.
    pub progress: Option<JobProgress>,
    /// Time of its making, in seconds since 1970.
    pub created: i64,
    /// Time of its end, in seconds since 1970.
    pub finished: Option<i64>,
    /// The result of a job that is done.
    pub result: Option<JobResult>,
    /// Why it failed.
    pub problem: Option<JobFailure>,
}

/// A subject whose templates were erased. Its name is erased too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErasedSubject {
    /// Its id.
    pub subject_id: u64,
    /// Ids of its templates.
    pub face_ids: Vec<u64>,
}

/// The receipt of a purge: the result of its job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PurgeReceipt {
    /// What was erased. The counts include templates that were removed or moved before.
    #[serde(flatten)]
    pub purged: Purged,
    /// The subject whose erasure was the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<ErasedSubject>,
}

/// All jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobsListed {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The jobs, newest first.
    pub jobs: Vec<JobShown>,
}
