//! Reading an image file from disk without trusting what lies there.

use std::fs::OpenOptions;
use std::io::Read;
use std::path::Path;

use super::{DecodeError, Limits, within};

/// Reads a whole image file. Only regular files are read: opening a pipe or a device neither blocks nor
/// succeeds. The size is checked before reading and again while reading, so a growing file cannot exceed it.
///
/// # Errors
/// `Unreadable` (missing, not permitted, no regular file), `Empty`, or `TooLarge`.
pub fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, DecodeError> {
    let unreadable = |error: std::io::Error| DecodeError::Unreadable(format!("cannot be read: {error}"));
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(DecodeError::Unreadable("not a regular file".into()));
    }
    within("the file in bytes", metadata.len(), limits.file_bytes)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(limits.file_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    within("the file in bytes", bytes.len() as u64, limits.file_bytes)?;
    if bytes.is_empty() { Err(DecodeError::Empty) } else { Ok(bytes) }
}
