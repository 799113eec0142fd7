//! Access to the file system: permissions for the owner only, no symbolic links, errors that name the file,
//! and one place where tests can inject failures.

pub(crate) mod checksum;
#[cfg(test)]
pub(crate) mod fault;
pub(crate) mod header;
mod hook;
pub(crate) mod lock;
pub(crate) mod name;
#[cfg(test)]
pub(crate) mod power;
#[cfg(test)]
pub(crate) mod trace;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::{Context, Error, reserve};
#[cfg(test)]
pub(crate) use fault::Operation;
use hook::{Change, perform};

/// The directory that a path lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    }
}

/// Makes a directory that only its owner can enter.
pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    perform(Change::CreateDirectory, path, || {
        DirBuilder::new().mode(0o700).create(path)?;
        // The mask of the process may have taken the owner's own rights.
        let mode = fs::symlink_metadata(path)?.permissions().mode() & 0o777;
        if mode == 0o700 { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(0o700)) }
    })
    .context(path, "creating the directory")
}

/// Makes a file that must not exist, readable and writable by its owner only.
pub(crate) fn create(path: &Path) -> Result<File, Error> {
    retry(|| {
        perform(Change::Create, path, || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(path)
        })
    })
    .context(path, "creating the file")
    .and_then(|file| restrict(&file, path, 0o600).map(|()| file))
}

/// Gives a file just these rights, whatever the mask of the process left of them.
fn restrict(file: &File, path: &Path, mode: u32) -> Result<(), Error> {
    let found = file.metadata().context(path, "reading the rights")?.permissions().mode() & 0o777;
    if found == mode {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode)).context(path, "setting the rights")
}

/// Gives a file that never changes a second name, or copies it where that cannot be. Says whether it was
/// linked.
pub(crate) fn link_or_copy(from: &Path, to: &Path) -> Result<bool, Error> {
    match perform(Change::Link { from }, to, || fs::hard_link(from, to)) {
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
    open_with(OpenOptions::new().read(true), path)
}

/// Opens a file that the manifest names, for reading: its absence is damage.
pub(crate) fn open_listed(path: &Path) -> Result<File, Error> {
    listed(path, open(path))
}

/// Opens a file that the manifest names, for reading and writing.
pub(crate) fn open_listed_for_writing(path: &Path) -> Result<File, Error> {
    listed(path, open_with(OpenOptions::new().read(true).write(true), path))
}

fn open_with(options: &mut OpenOptions, path: &Path) -> Result<File, Error> {
    retry(|| {
        hook::permit_open(path)?;
        options.custom_flags(libc::O_NOFOLLOW).open(path)
    })
    .context(path, "opening the file")
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
    let mut done = 0;
    while done < bytes.len() {
        let end = done + hook::writable(path, bytes.len() - done);
        let (bytes, offset) = (&bytes[done..end], offset + done as u64);
        let written = retry(|| {
            perform(Change::Write { file, bytes, offset }, path, || {
                // A part is as good as all here: the rest follows.
                file.write_at(bytes, offset)
            })
        });
        done += match written {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            written => written,
        }
        .context(path, "writing")?;
    }
    Ok(())
}

/// Reads as many bytes as the file has from an offset, at most `buffer.len()`.
pub(crate) fn read_at(file: &File, path: &Path, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
    let mut done = 0;
    while done < buffer.len() {
        let read = retry(|| {
            let end = done + hook::readable(path, buffer.len() - done)?;
            file.read_at(&mut buffer[done..end], offset + done as u64)
        });
        match read.context(path, "reading")? {
            0 => break,
            read => done += read,
        }
    }
    Ok(done)
}

/// Repeats a call while signals interrupt it.
fn retry<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Reads a whole small file; refuses more than `limit` bytes.
pub(crate) fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file = open_listed(path)?;
    let length = length(&file, path)?;
    if length > limit {
        return Err(damaged(path, 0, format!("at most {limit} bytes"), format!("{length} bytes")));
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    reserve(&mut bytes, length, path, "reading")?;
    bytes.resize(length, 0);
    let read = read_at(&file, path, &mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Cuts a file to a length.
pub(crate) fn truncate(file: &File, path: &Path, length: u64) -> Result<(), Error> {
    retry(|| perform(Change::Truncate { file, length }, path, || file.set_len(length)))
        .context(path, "truncating")
}

/// Makes the content of a file durable.
pub(crate) fn sync(file: &File, path: &Path) -> Result<(), Error> {
    retry(|| perform(Change::Sync { file }, path, || file.sync_data())).context(path, "syncing to disk")
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    open_directory(path)?.sync()
}

/// A directory whose entries will have to be made durable: opened before they change, as it may be impossible
/// after.
pub(crate) struct Directory<'a> {
    file: File,
    path: &'a Path,
}

pub(crate) fn open_directory(path: &Path) -> Result<Directory<'_>, Error> {
    let file = retry(|| hook::permit_open(path).and_then(|()| File::open(path)));
    Ok(Directory { file: file.context(path, "opening the directory")?, path })
}

impl Directory<'_> {
    /// Makes its entries durable.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        retry(|| perform(Change::SyncDirectory, self.path, || self.file.sync_all()))
            .context(self.path, "syncing the directory to disk")
    }
}

/// Gives a synced file, or a directory of such, its final name.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    perform(Change::Rename { from }, to, || fs::rename(from, to)).context(to, "putting the file in place")
}

/// Removes a file that nothing refers to any more. Failing only costs space, so it is logged.
pub(crate) fn discard(path: &Path) {
    log_removal(path, perform(Change::Remove, path, || fs::remove_file(path)));
}

/// Removes a file that must go.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match perform(Change::Remove, path, || fs::remove_file(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.context(path, "removing the file"),
    }
}

/// Device and inode of an open file.
pub(crate) fn identity(file: &File, path: &Path) -> Result<(u64, u64), Error> {
    let found = file.metadata().context(path, "reading the file's number")?;
    Ok((found.dev(), found.ino()))
}

/// As [`discard`], unless another file lies there by now.
pub(crate) fn discard_if(path: &Path, identity: (u64, u64)) {
    if fs::symlink_metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == identity) {
        discard(path);
    }
}

/// As [`discard`], of a directory with all that is in it.
pub(crate) fn discard_directory(path: &Path) {
    log_removal(path, perform(Change::RemoveAll, path, || fs::remove_dir_all(path)));
}

/// Removes all that is in a directory.
pub(crate) fn empty_directory(path: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(path).context(path, "listing the directory")? {
        let entry = entry.context(path, "listing the directory")?.path();
        if entry.is_dir() { discard_directory(&entry) } else { discard(&entry) }
    }
    Ok(())
}

fn log_removal(path: &Path, removed: io::Result<()>) {
    if let Err(error) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "what is not needed any more could not be removed");
    }
}

/// Makes `bytes` the durable content of `directory/name`, replacing what was there in one step.
pub(crate) fn publish(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
    let temporary = directory.join(name::temporary(name));
    let target = directory.join(name);
    let written = open_directory(directory).and_then(|directory| {
        let file = create(&temporary)?;
        write_at(&file, &temporary, bytes, 0)?;
        sync(&file, &temporary)?;
        Ok(directory)
    });
    let directory = written.map_err(|error| {
        discard(&temporary);
        PublishError::Unchanged(error)
    })?;
    rename(&temporary, &target).and_then(|()| directory.sync()).map_err(PublishError::InDoubt)
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
