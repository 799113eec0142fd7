//! Galleries that verbs open: for reading wherever a verb changes nothing, so that any number of them run at once.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use crate::gallery::{Access, Gallery, Result};

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

/// Opens a gallery and changes nothing.
pub fn to_read(gallery: &Path) -> Result<Gallery> {
    Gallery::open_with(gallery, Access::ReadOnly, wait())
}

/// Opens a gallery that nobody else has open.
pub fn to_write(gallery: &Path) -> Result<Gallery> {
    Gallery::open_with(gallery, Access::ReadWrite, wait())
}

/// The value of `--wait`.
pub fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds".into())
}
