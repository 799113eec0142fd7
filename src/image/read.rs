//! Reading of image files from disk without assumptions about them.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek};
use std::path::Path;

use super::format::{self, Format};
use super::limits::{Bound, Limits};
use super::{DecodeError, room_for};

/// An open image file. Its type, its first bytes and its size are checked.
#[derive(Debug)]
pub struct Source {
    file: File,
    length: u64,
    limits: Limits,
}

impl Source {
    /// Opens an image file. Only regular files are opened: a pipe or a device does not block and is not read. `found` means
    /// that the file was found in a folder and not named by the user. Such a file may be `NotAPhoto`.
    ///
    /// # Errors
    /// `Unreadable` (missing, not permitted, not a regular file), `NotAPhoto`, `Empty`, `TooLarge`, or `Temporary`.
    pub fn open(path: &Path, found: bool, limits: &Limits) -> Result<Self, DecodeError> {
        let unreadable = |error: io::Error| DecodeError::unreadable(&error);
        let regular = |metadata: Metadata| match metadata.is_file() {
            true => Ok(metadata.len()),
            false if found => Err(DecodeError::NotAPhoto("not a regular file".into())),
            false => Err(DecodeError::Unreadable("not a regular file".into())),
        };
        regular(std::fs::metadata(path).map_err(unreadable)?)?;
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
        let mut file = options.open(path).map_err(unreadable)?;
        let length = regular(file.metadata().map_err(unreadable)?)?;
        if found && !format::is_named_like_a_photo(path) {
            let mut start = Vec::with_capacity(format::ENOUGH);
            file.by_ref().take(format::ENOUGH as u64).read_to_end(&mut start).map_err(unreadable)?;
            if Format::of(&start).is_none() {
                return Err(DecodeError::NotAPhoto(
                    "neither its name nor its bytes are those of a photo".into(),
                ));
            }
            file.rewind().map_err(unreadable)?;
        }
        limits.check([(Bound::File, length), (Bound::Memory, length)])?;
        Ok(Self { file, length, limits: *limits })
    }

    /// Length of the file in bytes when it was opened.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the file was empty when it was opened.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The content of the file, up to the length it had when it was opened.
    ///
    /// # Errors
    /// `Empty`, `Unreadable`, or `Temporary`.
    pub fn read(self) -> Result<Vec<u8>, DecodeError> {
        let mut bytes = room_for(self.length)?;
        let most = self.length.min(self.limits.file_bytes);
        self.file.take(most).read_to_end(&mut bytes).map_err(|error| DecodeError::unreadable(&error))?;
        if bytes.is_empty() { Err(DecodeError::Empty) } else { Ok(bytes) }
    }
}

/// Whether an error of the system depends on the moment and not on the file: memory or descriptors ran out, a disk or
/// a server failed. Errors that are certainly permanent are listed here; all others count as temporary.
pub(super) fn is_temporary(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let about_the_file = matches!(
        error.kind(),
        Kind::NotFound
            | Kind::PermissionDenied
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::InvalidInput
            | Kind::InvalidFilename
            | Kind::Unsupported
    );
    #[cfg(unix)]
    let about_the_file = about_the_file
        || matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENXIO | libc::ENODEV | libc::EOVERFLOW));
    !about_the_file
}
