//! Files that an interrupted write left in the directory.

use std::fs::{self, DirEntry};
use std::path::Path;

use crate::error::{Context, Error};
use crate::storage::file::header::{self, Header, Kind};
use crate::storage::file::{self, name};
use crate::storage::manifest::{COUNTERS, Manifest};
use crate::storage::store::Store;

fn entries(directory: &Path) -> Result<Vec<DirEntry>, Error> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).context(directory, "listing the directory")? {
        entries.push(entry.context(directory, "listing the directory")?);
    }
    Ok(entries)
}

/// Every file in the directory and in the shards' folders.
pub(crate) fn files(directory: &Path) -> Result<Vec<DirEntry>, Error> {
    let mut files = Vec::new();
    for entry in entries(directory)? {
        let kind = entry.file_type().context(&entry.path(), "reading the file's type")?;
        if kind.is_dir() && entry.file_name().to_string_lossy().starts_with("shard-") {
            files.extend(entries(&entry.path())?);
        } else {
            files.push(entry);
        }
    }
    Ok(files)
}

pub(super) fn remove_temporary(directory: &Path) -> Result<(), Error> {
    for entry in files(directory)? {
        if name::is_temporary(&entry.file_name().to_string_lossy()) {
            file::discard(&entry.path());
        }
    }
    Ok(())
}

/// The highest number in the name of a file of any origin. One near the end of the range is not ours, and
/// counting on from it would make a manifest that is refused.
pub(super) fn highest_number(directory: &Path) -> Result<u64, Error> {
    let numbers =
        files(directory)?.into_iter().filter_map(|entry| name::number(&entry.file_name().to_string_lossy()));
    Ok(numbers.filter(|&number| number < COUNTERS / 2).max().unwrap_or(0))
}

/// Removes files of this index that its manifest does not name: an interrupted publication left them. Files of
/// others, and whatever is no file of ours, stay.
pub(super) fn remove_leftovers(directory: &Path, manifest: &Manifest) -> Result<(), Error> {
    let listed = manifest.body.files(directory);
    for entry in files(directory)? {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if listed.contains(&path) || name::number(&name).is_none() {
            continue;
        }
        let kind = match name.split_once('-') {
            Some(("seg", _)) => Kind::Segment,
            Some(("tomb", _)) => Kind::Tombstones,
            Some(("erased", _)) => Kind::Erasures,
            _ => Kind::Log,
        };
        if belongs(&path, kind, manifest.index) {
            tracing::info!(path = %path.display(), "removing what an interrupted write left");
            file::discard(&path);
        }
    }
    Ok(())
}

/// Removes the files with rows, of those made before a number was given out, that neither the manifest names
/// nor views hold. None is left, unless removing it failed before.
///
/// # Errors
/// One could not be removed.
pub(crate) fn remove_unlisted(store: &Store, before: u64, held: &[u64]) -> Result<(), Error> {
    store.expect_there()?;
    let committer = store.committer();
    let listed = committer.manifest.body.files(&store.directory);
    for entry in files(&store.directory)? {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let kind = match name.split_once('-') {
            Some(("seg", _)) => Kind::Segment,
            Some(("wal", _)) => Kind::Log,
            _ => continue,
        };
        let ours = name::number(&name).is_some_and(|number| number < before && !held.contains(&number));
        // A log without rows may be on its way into the manifest.
        let empty =
            kind == Kind::Log && entry.metadata().is_ok_and(|file| file.len() <= header::LENGTH as u64);
        if ours && !empty && !listed.contains(&path) && belongs(&path, kind, store.index) {
            file::remove(&path)?;
        }
    }
    Ok(())
}

fn belongs(path: &Path, kind: Kind, index: [u8; 16]) -> bool {
    let mut bytes = [0; header::LENGTH + 1];
    let read = file::open(path).and_then(|file| file::read_at(&file, path, &mut bytes, 0));
    let Some(bytes) = read.ok().and_then(|read| bytes.get(..read)) else { return false };
    // A log has its name before its header: one without was only just made.
    let unborn = kind == Kind::Log && bytes.len() <= header::LENGTH && bytes.iter().all(|&byte| byte == 0);
    unborn || Header::parse(bytes, path, kind).is_ok_and(|header| header.index == index)
}
