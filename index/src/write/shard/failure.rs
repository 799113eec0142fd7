//! The reason why a buffer could not be sealed.

use std::path::PathBuf;

use crate::error::Error;

/// Why a seal failed, kept for everybody who asks.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Full(PathBuf),
    TooManyFiles(PathBuf),
    OutOfMemory(PathBuf),
    Moved(PathBuf),
    Other(String),
}

impl Failure {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Full { path, .. } => Self::Full(path.clone()),
            Error::TooManyFiles { path, .. } => Self::TooManyFiles(path.clone()),
            Error::OutOfMemory { path, .. } => Self::OutOfMemory(path.clone()),
            Error::Moved { path } => Self::Moved(path.clone()),
            other => Self::Other(other.to_string()),
        }
    }

    /// The failure as the error of a write that could not go on because of it.
    pub(crate) fn error(&self, shard: u16) -> Error {
        match self {
            Self::Full(path) => Error::Full { path: path.clone(), action: "sealing a buffer" },
            Self::TooManyFiles(path) => {
                Error::TooManyFiles { path: path.clone(), action: "sealing a buffer" }
            }
            Self::OutOfMemory(path) => Error::OutOfMemory { path: path.clone(), action: "sealing a buffer" },
            Self::Moved(path) => Error::Moved { path: path.clone() },
            Self::Other(reason) => {
                Error::ReadOnly { shard, reason: format!("sealing a buffer failed: {reason}") }
            }
        }
    }
}
