//! A temporary folder for the gallery of one run. It contains templates, which must not stay on the disk. So a later run removes the
//! folders of killed runs.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::session::replacement::is_at;

const PREFIX: &str = "gallerist-eval-";
const LOCK: &str = "in-use";

/// A temporary folder with a lock. Dropping it removes the folder.
pub struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes a folder in the temporary folder of the system. First removes the folders of this user's killed runs.
    pub fn new() -> Result<Self> {
        Self::within(&std::env::temp_dir())
    }

    fn within(parent: &Path) -> Result<Self> {
        let doing = |doing: &'static str| move || format!("{}: {doing}", parent.display());
        sweep(parent).with_context(doing("looking for files of killed runs"))?;
        loop {
            let making = doing("making a temporary folder");
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).with_context(making)?;
            let path = folder.path().join(LOCK);
            let lock = File::create_new(&path).with_context(making)?;
            // Another run may have removed the folder before it was locked.
            if lock.try_lock().is_ok() && is_at(&lock, &path) {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn sweep(parent: &Path) -> io::Result<()> {
    let own = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(parent)? {
        let path: PathBuf = entry?.path();
        let is_ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
            && path.symlink_metadata().is_ok_and(|found| found.is_dir() && found.uid() == own);
        let is_abandoned = || File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_ours && is_abandoned() && std::fs::remove_dir_all(&path).is_ok() {
            let path = path.display();
            tracing::warn!("{path}: removed; a killed run left its temporary gallery");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_killed_runs_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let live = Scratch::within(parent.path()).unwrap();
        let left = parent.path().join(format!("{PREFIX}abc"));
        std::fs::create_dir_all(left.join("gallery")).unwrap();
        std::fs::write(left.join(LOCK), "").unwrap();
        let other = parent.path().join(format!("{PREFIX}without-a-lock"));
        std::fs::create_dir(&other).unwrap();
        let next = Scratch::within(parent.path()).unwrap();
        assert!(!left.exists() && live.path().exists() && other.exists());
        drop((live, next));
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
