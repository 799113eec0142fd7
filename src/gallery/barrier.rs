//! Keeps writes still while a gallery is copied, across processes.
//!
//! Each write to the catalog or the index holds the barrier shared while it is under way, and whoever copies the gallery holds it alone. A copy
//! made then is what a crash would have left at that moment. The folder's own lock is a turnstile before it: who waits to
//! have the barrier alone keeps further writes from beginning.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::{GalleryError, Result};

const NAME: &str = "BARRIER";

/// The barrier of the gallery in a folder.
#[derive(Debug, Clone)]
pub(super) struct Barrier(PathBuf);

/// The barrier is held until this is dropped.
#[must_use]
pub(super) struct Passage {
    _turnstile: Option<File>,
    _barrier: File,
}

impl Barrier {
    pub fn of(gallery: &Path) -> Self {
        Self(gallery.to_owned())
    }

    /// For one write. A thread that holds it must not ask for it again.
    pub fn share(&self) -> Result<Passage> {
        self.hold(|| {
            let turnstile = File::open(&self.0)?;
            turnstile.lock_shared()?;
            let barrier = self.file()?;
            barrier.lock_shared()?;
            turnstile.unlock()?;
            Ok(Passage { _turnstile: None, _barrier: barrier })
        })
    }

    /// For a copy: waits for the writes under way, and lets no other begin.
    pub fn close(&self) -> Result<Passage> {
        self.hold(|| {
            let turnstile = File::open(&self.0)?;
            turnstile.lock()?;
            let barrier = self.file()?;
            barrier.lock()?;
            Ok(Passage { _turnstile: Some(turnstile), _barrier: barrier })
        })
    }

    fn file(&self) -> std::io::Result<File> {
        let path = self.0.join(NAME);
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
    }

    fn hold(&self, take: impl FnOnce() -> std::io::Result<Passage>) -> Result<Passage> {
        take().map_err(|source| GalleryError::Io { path: self.0.join(NAME), doing: "locking it", source })
    }
}
