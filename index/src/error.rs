//! The error type.

use std::io;
use std::path::{Path, PathBuf};

/// Every error of an index.
///
/// A call that is refused changes nothing. A write that fails ([`Full`](Self::Full),
/// [`ReadOnly`](Self::ReadOnly), [`Io`](Self::Io) and the like) may have been done in part: of each group
/// in one call either all rows are written or none, but some groups may be written and others not. A view
/// tells which. No error leaves an index that cannot be opened and read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {action} failed: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The disk is full. Nothing acknowledged is lost, and reading goes on. Some groups of the failed call
    /// may have been written. Free space, and write again what a view does not show.
    #[error("{}: {action} failed: no space left; reading goes on, free some space and write again what is missing", path.display())]
    Full {
        /// The file that could not grow.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
    },
    /// The process may not open more files. Nothing acknowledged is lost and reading goes on.
    #[error(
        "{}: {action} failed: too many open files; close some or raise the limit (`ulimit -n`); \
         an index takes about two for each shard",
        path.display()
    )]
    TooManyFiles {
        /// The file or directory that was to be opened.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
    },
    /// Another owner, in this or another process, has the index open: for writing, or for reading where it
    /// was to be opened for writing.
    #[error("{}: the index is in use by {holder}; close it there first, or wait for that", path.display())]
    Locked {
        /// The index.
        path: PathBuf,
        /// Who: `this very process`, or another, with its process id where that is known.
        holder: String,
    },
    /// The index is open for reading only. Nothing was written.
    #[error("{}: the index is open for reading only; open it with `Access::ReadWrite` to change it", path.display())]
    OpenForReading {
        /// The index.
        path: PathBuf,
    },
    /// The index was moved, replaced or removed while it was open. Nothing was written to what lies at its
    /// path now.
    #[error(
        "{}: the index that was opened here was moved, replaced or removed meanwhile; \
         nothing was written to what is here now; open the index where it is",
        path.display()
    )]
    Moved {
        /// Where the index was opened.
        path: PathBuf,
    },
    /// The process has no memory, address space or threads left. Nothing acknowledged is lost.
    #[error(
        "{}: {action} failed: not enough memory, address space or threads; free some or raise the limit (`ulimit -a`)",
        path.display()
    )]
    OutOfMemory {
        /// The file or directory that was being worked on.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
    },
    /// There is no index at this path.
    #[error("{}: not an index (it has no MANIFEST)", path.display())]
    NotAnIndex {
        /// The path that was opened.
        path: PathBuf,
    },
    /// Something other than an empty directory is at the path that was to be created.
    #[error("{}: already exists and is not an empty directory", path.display())]
    AlreadyExists {
        /// The path that was to be created.
        path: PathBuf,
    },
    /// A field of [`Options`](crate::Options), or an argument, is out of its range.
    #[error("option {field}: expected {expected}, got {got}")]
    InvalidOption {
        /// The field.
        field: &'static str,
        /// Its range.
        expected: String,
        /// What it was.
        got: String,
    },
    /// A vector has the wrong number of components. Nothing was written.
    #[error("row {row}: expected a vector of dimension {expected}, got {got}")]
    WrongDimension {
        /// Position in the batch; 0 for a query.
        row: usize,
        /// The index's dimension.
        expected: usize,
        /// The vector's.
        got: usize,
    },
    /// A vector holds a NaN or an infinity. Nothing was written.
    #[error("row {row}: component {position} is not a finite number")]
    NotFinite {
        /// Position in the batch; 0 for a query.
        row: usize,
        /// Position in the vector.
        position: usize,
    },
    /// A vector is not of length 1 (within 0.001). Nothing was written.
    #[error("row {row}: expected a vector of length 1 (within 0.001), got length {norm}; normalise it first")]
    NotUnit {
        /// Position in the batch; 0 for a query.
        row: usize,
        /// Euclidean length found.
        norm: f32,
    },
    /// A vector of an index that takes any length ([`Lengths::Any`](crate::Lengths::Any)) has a length of 0,
    /// or one beyond the numbers of an `f32`, and cannot be normalised. Nothing was written.
    #[error("row {row}: a vector of length {norm} has no direction and cannot be normalised")]
    NoDirection {
        /// Position in the batch; 0 for a query.
        row: usize,
        /// Euclidean length found.
        norm: f32,
    },
    /// The id is live, is twice in the batch, or is being inserted by another call. Nothing was written.
    #[error("row {row}: id {id} is already taken; upsert replaces a row")]
    DuplicateId {
        /// Position in the batch.
        row: usize,
        /// The id.
        id: u64,
    },
    /// The id is live in another group than the one given. Nothing was written.
    #[error(
        "row {row}: id {id} is live in group {group}; an upsert keeps a row in its group: delete it first to move it"
    )]
    OtherGroup {
        /// Position in the batch.
        row: usize,
        /// The id.
        id: u64,
        /// The group that it is live in.
        group: u64,
    },
    /// The work was ended early, by a stop flag or a deadline of [`Control`](crate::Control). What was done
    /// stays done.
    #[error("{action} was stopped before it was done")]
    Stopped {
        /// What was being done.
        action: &'static str,
    },
    /// A device that computes products for a [`Join`](crate::Join) failed.
    #[error("join: the device failed: {reason}; run it without the device")]
    Device {
        /// Its reason, in one line.
        reason: String,
    },
    /// A file does not hold what was written to it.
    #[error("{} is damaged at byte {offset}: expected {expected}, got {got}; {hint}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        got: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The file was written by a newer version of this crate.
    #[error("{}: written in format version {got}, this program reads up to {supported}; use a newer program", path.display())]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        got: u16,
        /// The newest version known here.
        supported: u16,
    },
    /// Rows were selected from one view and searched in another.
    #[error("the selection was made from another view; select again from the view that is searched")]
    OtherView,
    /// Erasures of one index were to be applied to a snapshot of another.
    #[error("{}: a snapshot of another index than the one whose deletions are to be applied", path.display())]
    OtherIndex {
        /// The snapshot.
        path: PathBuf,
    },
    /// An earlier write or sync failed. This shard takes no more writes until the index is opened again, as
    /// only reading the disk again shows what it holds. Reading goes on.
    #[error(
        "shard {shard} is read-only since an earlier failure ({reason}); reopen the index to go on writing"
    )]
    ReadOnly {
        /// The shard.
        shard: u16,
        /// The first failure.
        reason: String,
    },
}

/// Gives an [`io::Error`] its file and the thing that was being done.
pub(crate) trait Context<T> {
    fn context(self, path: &Path, action: &'static str) -> Result<T, Error>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, path: &Path, action: &'static str) -> Result<T, Error> {
        let path = path.to_owned();
        self.map_err(|source| match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => Error::Full { path, action },
            (_, Some(libc::EMFILE | libc::ENFILE)) => Error::TooManyFiles { path, action },
            (io::ErrorKind::OutOfMemory, _) | (_, Some(libc::ENOMEM | libc::EAGAIN)) => {
                Error::OutOfMemory { path, action }
            }
            _ => Error::Io { path, action, source },
        })
    }
}

/// Makes room in a buffer whose size comes from a file, before it is filled: an error where the process would
/// end otherwise.
pub(crate) fn reserve<T>(
    buffer: &mut Vec<T>,
    more: usize,
    path: &Path,
    action: &'static str,
) -> Result<(), Error> {
    buffer.try_reserve_exact(more).map_err(|_| Error::OutOfMemory { path: path.to_owned(), action })
}
