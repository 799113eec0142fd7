//! One application or undo at a time below a folder.
//!
//! The lock is an advisory one on the folder itself, so nothing is left of it, and the kernel releases it when the process ends in any way.
//! A folder is locked exclusively and the folders above it shared: runs in two folders exclude each other if one folder contains the other.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::dedup::error::{DedupError, Result};

/// Locks that last until this is dropped.
#[derive(Debug)]
pub(super) struct Locks(#[expect(dead_code, reason = "an open file is the lock")] Vec<File>);

impl Locks {
    /// Locks these folders.
    ///
    /// # Errors
    /// Another run works in, above or below one of them.
    pub fn of<'a>(folders: impl Iterator<Item = &'a Path>) -> Result<Self> {
        let mut files = Vec::new();
        let mut locked = Vec::new();
        // The outer ones first: a lock on a folder is never weakened by that on one below it.
        let mut folders: Vec<PathBuf> =
            folders.map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.to_owned())).collect();
        folders.sort();
        for folder in &folders {
            for (above, path) in folder.ancestors().enumerate() {
                // A folder that cannot be opened cannot be locked by this user's other runs either.
                let Ok(file) = File::open(path) else { continue };
                let Ok(metadata) = file.metadata() else { continue };
                let identity = (metadata.dev(), metadata.ino());
                if locked.contains(&identity) {
                    continue;
                }
                let is_own = above == 0 || folders.iter().any(|folder| folder == path);
                let result = if is_own { file.try_lock() } else { file.try_lock_shared() };
                match result {
                    Ok(()) => {
                        locked.push(identity);
                        files.push(file);
                    }
                    Err(TryLockError::WouldBlock) => {
                        return Err(DedupError::Busy { path: folder.clone() });
                    }
                    // Some network file systems lock no folders. Only the folder itself must be locked.
                    Err(TryLockError::Error(_)) if is_own => files.push(lock_file(path)?),
                    Err(TryLockError::Error(_)) => {}
                }
            }
        }
        Ok(Self(files))
    }
}

/// Locks a file in the folder. It stays: a lock on a file that somebody removes protects nothing.
fn lock_file(folder: &Path) -> Result<File> {
    let path = folder.join(".gallerist-lock");
    let failed = |error| DedupError::io("lock", &path, error);
    let file =
        File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DedupError::Busy { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_exclude_each_other_if_one_contains_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let [outer, inner, other] = ["a", "a/b", "c"].map(|name| folder.path().join(name));
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir(&other).unwrap();
        let lock = |folders: &[&PathBuf]| Locks::of(folders.iter().map(|folder| folder.as_path()));
        for (held, asked) in [(&outer, &outer), (&outer, &inner), (&inner, &outer)] {
            let held = lock(&[held]).unwrap();
            assert!(matches!(lock(&[asked]), Err(DedupError::Busy { .. })));
            let beside = lock(&[&other]).unwrap();
            drop((held, beside));
            lock(&[asked]).unwrap();
        }
        // Folders of one run do not exclude each other.
        let held = lock(&[&inner, &outer, &other]).unwrap();
        assert!(lock(&[&inner]).is_err() && lock(&[&other]).is_err());
        drop(held);
    }
}
