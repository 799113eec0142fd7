//! Stops the writes to a gallery while it is copied, across processes.
//!
//! Each write to the catalog or the index holds the barrier shared. A copy holds it exclusively, so the copied files have the state that a
//! crash would leave at this moment. The lock on the gallery's folder makes new writes wait for a waiting copy.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::{GalleryError, Result};

const NAME: &str = "BARRIER";

/// The barrier of a gallery.
#[derive(Debug, Clone)]
pub(super) struct Barrier(PathBuf);

/// Holds the barrier until it is dropped.
#[must_use]
pub(super) struct BarrierGuard {
    _turnstile: Option<File>,
    _barrier: File,
}

impl Barrier {
    pub fn of(gallery: &Path) -> Self {
        Self(gallery.to_owned())
    }

    /// For a write. A thread that holds the barrier must not call this again.
    pub fn lock_shared(&self) -> Result<BarrierGuard> {
        self.hold(|| {
            let turnstile = File::open(&self.0)?;
            turnstile.lock_shared()?;
            let barrier = self.file()?;
            barrier.lock_shared()?;
            turnstile.unlock()?;
            Ok(BarrierGuard { _turnstile: None, _barrier: barrier })
        })
    }

    /// For a copy. Waits for running writes, and makes new writes wait.
    pub fn lock_exclusive(&self) -> Result<BarrierGuard> {
        self.hold(|| {
            let turnstile = File::open(&self.0)?;
            turnstile.lock()?;
            let barrier = self.file()?;
            barrier.lock()?;
            Ok(BarrierGuard { _turnstile: Some(turnstile), _barrier: barrier })
        })
    }

    fn file(&self) -> std::io::Result<File> {
        let path = self.0.join(NAME);
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
    }

    fn hold(&self, take: impl FnOnce() -> std::io::Result<BarrierGuard>) -> Result<BarrierGuard> {
        take().map_err(|source| GalleryError::Io { path: self.0.join(NAME), doing: "locking it", source })
    }
}
