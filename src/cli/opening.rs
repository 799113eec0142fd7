//! Galleries that verbs open: for reading wherever a verb changes nothing, so that any number of them run at once.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use super::engine::EngineArguments;
use crate::gallery::{Access, Gallery};
use crate::session::{Result, Session};

/// How long to wait for others to close a gallery: `--wait`.
static WAIT: OnceLock<Duration> = OnceLock::new();

/// Sets how long every verb of this process waits.
pub fn wait_for(wait: Duration) {
    let _ = WAIT.set(wait);
}

/// How long this process waits for others.
pub fn wait() -> Duration {
    WAIT.get().copied().unwrap_or_default()
}

/// Opens a gallery for a verb that may look at photos, and changes nothing.
pub fn session_to_read(gallery: &Path, engine: &EngineArguments) -> Result<Session> {
    Session::open(gallery, Access::ReadOnly, wait(), engine.request())
}

/// The same for a verb that writes: nobody else has the gallery open.
pub fn session_to_write(gallery: &Path, engine: &EngineArguments) -> Result<Session> {
    Session::open(gallery, Access::ReadWrite, wait(), engine.request())
}

/// Opens a gallery for a verb that looks at no photos, and changes nothing.
pub fn to_read(gallery: &Path) -> Result<Gallery> {
    Ok(Gallery::open_with(gallery, Access::ReadOnly, wait())?)
}

/// The same for a verb that writes.
pub fn to_write(gallery: &Path) -> Result<Gallery> {
    Ok(Gallery::open_with(gallery, Access::ReadWrite, wait())?)
}

/// The value of `--wait`.
pub fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds".into())
}
