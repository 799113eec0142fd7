//! The replies of commands that make, copy, restore, describe and clean a gallery.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::Operating;
use crate::fusion::Fusion;
use crate::gallery::{Backup, Summary};
use crate::template::Binding;

/// An empty gallery was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Folder of the gallery.
    pub gallery: String,
    /// The model that the gallery is bound to.
    pub model: Binding,
}

/// The content of a gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The model that the gallery is bound to.
    pub model: Binding,
    /// Counts and sizes.
    pub sizes: Summary,
    /// The latest calibration; `None` if there is none.
    pub calibration: Option<StatsCalibration>,
    /// Duration of opening the gallery, in milliseconds.
    pub open_ms: f64,
}

/// The latest calibration of a gallery, or the reason why it cannot be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum StatsCalibration {
    /// It cannot be read.
    Unreadable {
        /// The error, in words.
        error: String,
    },
    /// It can be read.
    Readable(Box<CalibrationOverview>),
}

/// A calibration in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalibrationOverview {
    /// The fusion that it was measured with.
    pub fusion: Fusion,
    /// Subjects in the gallery when it was measured.
    pub n_subjects: u64,
    /// Templates in the gallery when it was measured.
    pub n_templates: u64,
    /// Number of non-mated searches.
    pub nonmated_searches: usize,
    /// Time of the calibration, in seconds since 1970.
    pub made: i64,
    /// Threshold for its first target FPIR at the present size of the gallery; `None` if the calibration does not give one.
    pub operating: Option<Operating>,
    /// Why it is out of date, in words; empty if it is up to date.
    pub stale: Vec<String>,
}

/// The threshold of a gallery was changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "threshold")]
pub struct ThresholdSet {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The new threshold: cosine, -1 to 1.
    pub threshold: f32,
    /// The threshold before; `None` if there was none.
    pub before: Option<f32>,
    /// Whether nothing was changed, because only a dry run was requested.
    pub dry_run: bool,
}

/// The segments of a gallery were merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "compacted")]
pub struct Compacted {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Segments that were rewritten.
    pub rewritten: u64,
    /// Segments after the compaction.
    pub segments: u64,
    /// Removed templates whose vectors are not in any segment any more.
    pub erased: u64,
    /// Duration in seconds.
    pub seconds: f64,
}

/// The bytes of removed templates were erased, or a dry run counted them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "purged")]
pub struct Purged {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Removed templates that are in no file any more; 0 as long as an open file keeps something of them. In a dry run equal to `removed`.
    pub erased: u64,
    /// Removed templates that the files contained at the start.
    pub removed: u64,
    /// Segments that were rewritten; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewritten: Option<u64>,
    /// Replaced index files that open views still read; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by_views: Option<u64>,
    /// Whether another process reads the old content of the catalog; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_held: Option<bool>,
    /// Free disk space that a purge needs, in bytes.
    pub room_needed: u64,
    /// Free disk space, in bytes.
    pub room_available: u64,
    /// Whether nothing was changed, because only a dry run was requested.
    pub dry_run: bool,
}

impl Purged {
    /// Whether nothing of a removed template is left in the files.
    pub fn is_whole(&self) -> bool {
        self.held_by_views.unwrap_or(0) == 0 && self.catalog_held != Some(true)
    }
}

/// A backup was made and verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "backup")]
pub struct BackupMade {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Path of the backup.
    pub to: String,
    /// Content of the backup.
    pub backup: Backup,
    /// Duration in seconds.
    pub seconds: f64,
}

/// A gallery was restored from a backup, or a dry run verified the backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "restore")]
pub struct RestoreMade {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Folder of the restored gallery.
    pub gallery: String,
    /// Templates that were restored.
    pub restored: u64,
    /// Templates that were removed from the original gallery since the backup, and were not restored.
    pub erased: u64,
    /// Restored templates that were moved, merged or enrolled again in the original gallery since the backup.
    pub moved: u64,
    /// Why the moved templates have the names of the backup; `None` if they have the present names of the original gallery.
    pub names_unknown: Option<String>,
    /// Rows of the original gallery that cannot be read.
    pub unreadable: u64,
    /// Whether the original gallery was given, so that `erased` and `moved` are known.
    pub erasures_known: bool,
    /// Content of the backup.
    pub backup: Backup,
    /// Whether nothing was made, because only a dry run was requested.
    pub dry_run: bool,
}

/// An export was stopped. It left no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "interrupted")]
pub struct ExportInterrupted {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The counted unit, in the singular: `template`.
    pub unit: String,
    /// Templates in the gallery.
    pub total: u64,
    /// Templates that were exported: 0.
    pub exported: u64,
    /// Templates that were processed: 0, as nothing is left of them.
    pub looked_at: u64,
    /// Templates that were not.
    pub not_looked_at: u64,
}
