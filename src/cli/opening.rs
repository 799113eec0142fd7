//! Opens galleries for commands. Commands that change nothing open for reading, so any number of them can run at once.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use super::engine::EngineArguments;
use crate::gallery::{Access, Gallery};
use crate::session::{Result, Session};

/// The value of `--wait`: how long to wait for other processes to close a gallery.
static WAIT: OnceLock<Duration> = OnceLock::new();

/// Sets the value of `--wait` for this process.
pub fn set_wait(wait: Duration) {
    let _ = WAIT.set(wait);
}

/// The value of `--wait`.
pub fn wait() -> Duration {
    WAIT.get().copied().unwrap_or_default()
}

/// Opens a gallery for reading, for a command that may process photos.
pub fn session_to_read(gallery: &Path, engine: &EngineArguments) -> Result<Session> {
    Session::open(gallery, Access::ReadOnly, wait(), engine.request())
}

/// Opens a gallery for writing, for a command that may process photos. No other process may have it open.
pub fn session_to_write(gallery: &Path, engine: &EngineArguments) -> Result<Session> {
    Session::open(gallery, Access::ReadWrite, wait(), engine.request())
}

/// Opens a gallery for reading, for a command that processes no photos.
pub fn to_read(gallery: &Path) -> Result<Gallery> {
    Ok(Gallery::open_with(gallery, Access::ReadOnly, wait())?)
}

/// Opens a gallery for writing, for a command that processes no photos.
pub fn to_write(gallery: &Path) -> Result<Gallery> {
    Ok(Gallery::open_with(gallery, Access::ReadWrite, wait())?)
}

/// Parses the value of `--wait`.
pub fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds".into())
}
