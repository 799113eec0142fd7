//! Every touch of the file system goes through here: owner-only permissions, no following of symbolic links, errors
//! that name the file, and one place where tests can make the disk fail.

#[cfg(test)]
pub(crate) mod fault;
pub(crate) mod header;
pub(crate) mod lock;
pub(crate) mod name;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use crate::error::{Context, Error};

/// What a test can make fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Write,
    Sync,
    Truncate,
    Rename,
}

#[cfg(not(test))]
fn permit(_operation: Operation, _path: &Path) -> io::Result<()> {
    Ok(())
}
#[cfg(test)]
use fault::permit;

/// Makes a directory that only its owner can enter.
pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new().mode(0o700).create(path).context(path, "creating the directory")
}

/// Makes a file that must not exist, readable and writable by its owner only.
pub(crate) fn create(path: &Path) -> Result<File, Error> {
    permit(Operation::Create, path)
        .and_then(|()| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(path)
        })
        .context(path, "creating the file")
}

/// Gives a file that never changes a second name, or copies it where that cannot be. Says whether it was linked.
pub(crate) fn link_or_copy(from: &Path, to: &Path) -> Result<bool, Error> {
    permit(Operation::Create, to).context(to, "linking the file")?;
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error).context(from, "linking the file"),
        Err(_) => copy(from, to, u64::MAX).map(|()| false),
    }
}

/// Copies a file, at most its first `length` bytes, durably. `to` must not exist.
pub(crate) fn copy(from: &Path, to: &Path, length: u64) -> Result<(), Error> {
    let source = open_listed(from)?;
    let target = create(to)?;
    let mut piece = vec![0; 1 << 20];
    let mut offset = 0;
    while offset < length {
        let wanted = usize::try_from(length - offset).unwrap_or(usize::MAX).min(piece.len());
        let read = read_at(&source, from, &mut piece[..wanted], offset)?;
        if read == 0 {
            break;
        }
        write_at(&target, to, &piece[..read], offset)?;
        offset += read as u64;
    }
    sync(&target, to)
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path).context(path, "opening the file")
}

/// Opens a file that the manifest names, for reading: its absence is damage.
pub(crate) fn open_listed(path: &Path) -> Result<File, Error> {
    listed(path, open(path))
}

/// Opens a file that the manifest names, for reading and writing.
pub(crate) fn open_listed_for_writing(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(path);
    listed(path, file.context(path, "opening the file"))
}

fn listed(path: &Path, file: Result<File, Error>) -> Result<File, Error> {
    match file {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Err(damaged(path, 0, "the file that the manifest names", "no file"))
        }
        other => other,
    }
}

/// The length of an open file.
pub(crate) fn length(file: &File, path: &Path) -> Result<u64, Error> {
    Ok(file.metadata().context(path, "reading the length")?.len())
}

/// Writes all bytes at an offset.
pub(crate) fn write_at(file: &File, path: &Path, bytes: &[u8], offset: u64) -> Result<(), Error> {
    let allowed = permit(Operation::Write, path);
    if allowed.is_err() {
        // What a full disk does: some of the bytes arrive.
        let _ = file.write_all_at(&bytes[..bytes.len() / 2], offset);
    }
    allowed.and_then(|()| file.write_all_at(bytes, offset)).context(path, "writing")
}

/// Reads as many bytes as the file has from an offset, at most `buffer.len()`.
pub(crate) fn read_at(file: &File, path: &Path, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context(path, "reading"),
        }
    }
    Ok(done)
}

/// Reads a whole small file; refuses more than `limit` bytes.
pub(crate) fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file = open_listed(path)?;
    let length = length(&file, path)?;
    if length > limit {
        return Err(damaged(path, 0, format!("at most {limit} bytes"), format!("{length} bytes")));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let read = read_at(&file, path, &mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Cuts a file to a length.
pub(crate) fn truncate(file: &File, path: &Path, length: u64) -> Result<(), Error> {
    permit(Operation::Truncate, path).and_then(|()| file.set_len(length)).context(path, "truncating")
}

/// Makes the content of a file durable.
pub(crate) fn sync(file: &File, path: &Path) -> Result<(), Error> {
    permit(Operation::Sync, path).and_then(|()| file.sync_data()).context(path, "syncing to disk")
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    permit(Operation::Sync, path)
        .and_then(|()| File::open(path)?.sync_all())
        .context(path, "syncing the directory to disk")
}

/// Gives a synced file its final name.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    permit(Operation::Rename, to).and_then(|()| fs::rename(from, to)).context(to, "putting the file in place")
}

/// Removes a file that nothing refers to any more. Failing only costs space, so it is logged.
pub(crate) fn discard(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a file that is not needed any more could not be removed");
    }
}

/// Makes `bytes` the durable content of `directory/name`, replacing what was there in one step.
pub(crate) fn publish(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
    let temporary = directory.join(name::temporary(name));
    let target = directory.join(name);
    let written = create(&temporary).and_then(|file| {
        write_at(&file, &temporary, bytes, 0)?;
        sync(&file, &temporary)
    });
    if let Err(error) = written {
        discard(&temporary);
        return Err(PublishError::Unchanged(error));
    }
    rename(&temporary, &target).and_then(|()| sync_directory(directory)).map_err(PublishError::InDoubt)
}

/// How a publication failed.
#[derive(Debug)]
pub(crate) enum PublishError {
    /// The old content is certainly still there.
    Unchanged(Error),
    /// The disk holds the old or the new content; only reading it again tells.
    InDoubt(Error),
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Unchanged(error) | PublishError::InDoubt(error) => error,
        }
    }
}

/// A file does not hold what was written to it.
pub(crate) fn damaged(
    path: &Path,
    offset: impl TryInto<u64>,
    expected: impl ToString,
    got: impl ToString,
) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        offset: offset.try_into().unwrap_or(u64::MAX),
        expected: expected.to_string(),
        got: got.to_string(),
        hint: "restore the index from a copy; a check lists everything that is damaged",
    }
}
