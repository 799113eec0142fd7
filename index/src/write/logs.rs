//! The logs of an open index: written by its shards, or read only.

use std::path::Path;

use crate::error::Error;
use crate::storage::erasure::Erasure;
use crate::write::shard::{LogEnd, Shard};
use crate::write::writers::Writers;

/// One log for each shard.
pub(crate) enum Logs {
    Written(Box<Writers>),
    Read(Vec<Ended>),
}

/// A log that is not written: its state when it was read.
pub(crate) struct Ended {
    /// Behind the last whole transaction.
    pub(crate) end: LogEnd,
    /// What it deletes.
    pub(crate) erasures: Vec<Erasure>,
    /// The caller's highest watermark; 0 if there is none.
    pub(crate) watermark: u64,
}

impl Logs {
    /// The writers, for a write.
    pub(crate) fn writable(&self, path: &Path) -> Result<&Writers, Error> {
        match self {
            Self::Written(writers) => Ok(writers),
            Self::Read(_) => Err(Error::OpenForReading { path: path.to_owned() }),
        }
    }

    /// Where each log ends now.
    pub(crate) fn ends(&self) -> Vec<LogEnd> {
        match self {
            Self::Written(writers) => writers.shards().iter().map(Shard::log_end).collect(),
            Self::Read(logs) => logs.iter().map(|log| log.end.clone()).collect(),
        }
    }

    /// What was deleted by records that are in no erasure file.
    pub(crate) fn erasures(&self) -> Vec<Erasure> {
        match self {
            Self::Written(writers) => writers.shards().iter().flat_map(Shard::erasures).collect(),
            Self::Read(logs) => logs.iter().flat_map(|log| log.erasures.iter().copied()).collect(),
        }
    }

    /// The caller's highest watermark in each.
    pub(crate) fn watermarks(&self) -> Vec<u64> {
        match self {
            Self::Written(writers) => writers.shards().iter().map(Shard::watermark).collect(),
            Self::Read(logs) => logs.iter().map(|log| log.watermark).collect(),
        }
    }
}
