//! Where tests come in: they see every change of the file system, in order, and can make it fail.

use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(test)]
use super::{fault, trace};

/// A change of the file system, at a path.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "only tests look inside"))]
pub(super) enum Change<'a> {
    Create,
    CreateDirectory,
    Write {
        file: &'a File,
        bytes: &'a [u8],
        offset: u64,
    },
    Truncate {
        file: &'a File,
        length: u64,
    },
    Sync {
        file: &'a File,
    },
    SyncDirectory,
    /// To the path, from here.
    Rename {
        from: &'a Path,
    },
    /// Another name, for what is here.
    Link {
        from: &'a Path,
    },
    Remove,
    /// A directory with all that is in it.
    RemoveAll,
}

/// Makes a change: one system call, or what counts as one.
#[cfg(not(test))]
pub(super) fn perform<T>(
    _change: Change<'_>,
    _path: &Path,
    act: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    act()
}

/// Asked before something is read.
#[cfg(not(test))]
pub(super) fn permit_open(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// How many of some bytes one call may read.
#[cfg(not(test))]
pub(super) fn readable(_path: &Path, length: usize) -> io::Result<usize> {
    Ok(length)
}

/// How many of some bytes one call may write.
#[cfg(not(test))]
pub(super) fn writable(_path: &Path, length: usize) -> usize {
    length
}

#[cfg(test)]
pub(super) use fault::{permit_open, readable, writable};

/// As without tests, unless a [`fault::Fault`] forbids it; a [`trace::Recorder`] takes it down.
#[cfg(test)]
pub(super) fn perform<T>(
    change: Change<'_>,
    path: &Path,
    act: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let recording = trace::recording(path);
    // Held until the change is made, so that what is recorded is the order in which things happened.
    let mut trace = recording.as_ref().map(|recording| recording.lock());
    let result = fault::permit(&change, path).and_then(|()| act());
    if let Some(trace) = &mut trace {
        match (&result, change) {
            (Ok(_), change) => trace.record(change, path),
            (Err(error), _) if error.kind() == io::ErrorKind::Interrupted => {}
            (Err(_), Change::Sync { file }) => trace.record_failed_sync(file),
            (Err(_), Change::Write { file, bytes, offset }) => {
                trace.record(Change::Write { file, bytes: &bytes[..bytes.len() / 2], offset }, path);
            }
            _ => {}
        }
    }
    result
}
