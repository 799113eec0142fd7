//! Errors of de-duplication.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Result with a [`DedupError`].
pub type Result<T, E = DedupError> = std::result::Result<T, E>;

/// Why a plan was not made, applied or undone.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DedupError {
    /// The system refused an operation on a file.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The answer of the system.
        error: io::Error,
    },
    /// The cache or the file of decisions cannot be used.
    #[error("{}: {reason}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// SQLite failed.
    #[error("the cache or the decisions failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The system or a file system cannot do what was asked. Nothing was changed.
    #[error("{}: {reason}", path.display())]
    Unsupported {
        /// The file or folder.
        path: PathBuf,
        /// What it cannot do.
        reason: String,
    },
    /// Another run applies or undoes a plan there. Nothing was changed.
    #[error(
        "{}: another process applies or undoes a plan here; nothing was changed, try again when it has ended",
        path.display()
    )]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// There is no run to undo, or there are several.
    #[error("{}: {reason}{}", path.display(), listed(runs))]
    Run {
        /// The plan or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// The folders of the runs that can be undone.
        runs: Vec<PathBuf>,
    },
    /// A plan is damaged, of another version, or would lose something.
    #[error("{}: {reason}", path.display())]
    Plan {
        /// The plan.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn listed(runs: &[PathBuf]) -> String {
    let runs: Vec<String> = runs.iter().map(|run| run.display().to_string()).collect();
    if runs.is_empty() { String::new() } else { format!("; runs that can be undone: {}", runs.join(", ")) }
}

impl DedupError {
    pub(super) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { action, path: path.into(), error }
    }
}
