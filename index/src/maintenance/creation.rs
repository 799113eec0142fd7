//! Creating an index, and filling any new directory under a temporary name.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::maintenance::recovery;
use crate::options::Options;
use crate::storage::file::{self, name};
use crate::storage::manifest::{Body, Manifest, ShardEntry};
use crate::storage::wal::writer::{self, LogWriter};

/// Between the name that a directory will have and a random number, while it is filled.
const BUILDING: &str = ".new-";

/// For how long an empty directory is not taken for abandoned.
const FRESH: Duration = Duration::from_secs(3600);

/// Puts an empty index together beside `path`, then renames it there.
pub(crate) fn create(path: &Path, options: &Options) -> Result<(), Error> {
    beside(path, |building| build(building, options))
}

/// Lets `build` fill a new directory beside `path`, then gives it that name: nothing is there before it is
/// whole.
pub(crate) fn beside<T>(path: &Path, build: impl FnOnce(&Path) -> Result<T, Error>) -> Result<T, Error> {
    if is_taken(path) {
        return Err(Error::AlreadyExists { path: path.to_owned() });
    }
    remove_abandoned(file::parent(path));
    let parent = file::open_directory(file::parent(path))?;
    let (building, _claim) = begin(path)?;
    let built = build(&building).and_then(|built| match file::rename(&building, path) {
        Err(Error::Io { source, .. })
            if source.kind() == io::ErrorKind::DirectoryNotEmpty
                || source.kind() == io::ErrorKind::NotADirectory =>
        {
            Err(Error::AlreadyExists { path: path.to_owned() })
        }
        result => result.map(|()| built),
    });
    if built.is_err() {
        file::discard_directory(&building);
    }
    let built = built?;
    parent.sync()?;
    Ok(built)
}

/// A new directory beside `path`, and the claim on it that its builder holds while it lives.
fn begin(path: &Path) -> Result<(PathBuf, Option<Claim>), Error> {
    loop {
        let building = free_name(path)?;
        file::create_directory(&building)?;
        match Claim::take(&building) {
            Ok(Some(claim)) => return Ok((building, Some(claim))),
            // It looked abandoned between being made and being claimed.
            Ok(None) => file::discard_directory(&building),
            // Where directories cannot be locked, it is not taken for abandoned either.
            Err(_) => return Ok((building, None)),
        }
    }
}

/// Removes the directories that killed creations, snapshots and restores left in a folder.
pub(crate) fn remove_abandoned(folder: &Path) {
    for (path, _claim) in abandoned(folder) {
        tracing::info!(path = %path.display(), "removing what a killed creation, snapshot or restore left");
        file::discard_directory(&path);
    }
}

/// The directories that killed creations, snapshots and restores left in a folder: named as theirs, not
/// locked, and with nothing in them but what is in an index. They are locked meanwhile. One that is empty and
/// new may have been made just now, to be claimed next.
pub(crate) fn abandoned(folder: &Path) -> Vec<(PathBuf, Claim)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| is_building(&entry.file_name().to_string_lossy()));
    named
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| Some((entry.path(), Claim::take(&entry.path()).ok()??)))
        .filter(|(path, claim)| holds_only_an_index(path, claim))
        .collect()
}

fn is_building(name: &str) -> bool {
    let random = name.strip_prefix('.').and_then(|name| name.rsplit_once(BUILDING)).map(|parts| parts.1);
    random.is_some_and(|random| random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn holds_only_an_index(path: &Path, claim: &Claim) -> bool {
    let Ok(files) = recovery::files(path) else { return false };
    if files.is_empty() {
        let made = claim.0.metadata().and_then(|found| found.modified()).ok();
        return made.and_then(|made| made.elapsed().ok()).is_some_and(|age| age > FRESH);
    }
    files.iter().all(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        [name::MANIFEST, name::LOCK].contains(&&*name)
            || name::is_temporary(&name)
            || name::number(&name).is_some()
    })
}

/// A lock on a directory that is being filled.
pub(crate) struct Claim(File);

impl Claim {
    /// `None`: another process has it, or it is gone.
    fn take(directory: &Path) -> io::Result<Option<Self>> {
        let file = File::open(directory)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let (locked, found) = (file.metadata()?, fs::symlink_metadata(directory));
        let there = found.is_ok_and(|found| (found.dev(), found.ino()) == (locked.dev(), locked.ino()));
        Ok(there.then_some(Self(file)))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // As for the lock of an index: a process that is just being started shares it.
        let _ = self.0.unlock();
    }
}

/// Whether something other than an empty directory is there.
fn is_taken(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// A name that nothing has, in the same directory.
fn free_name(path: &Path) -> Result<PathBuf, Error> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!("{BUILDING}{:016x}", writer::random()?));
    Ok(file::parent(path).join(name))
}

fn build(directory: &Path, options: &Options) -> Result<(), Error> {
    let mut index = [0; 16];
    index[..8].copy_from_slice(&writer::random()?.to_le_bytes());
    index[8..].copy_from_slice(&writer::random()?.to_le_bytes());
    let mut shards = Vec::new();
    for shard in 0..options.shards {
        let folder = name::shard(directory, shard);
        file::create_directory(&folder)?;
        let number = u64::from(shard) + 1;
        LogWriter::create(&folder, index, number, 0)?;
        shards.push(ShardEntry { logs: vec![number], ..ShardEntry::default() });
    }
    let body = Body {
        options: options.clone(),
        next_file: u64::from(options.shards) + 1,
        segments: Vec::new(),
        tombstones: Vec::new(),
        erasures: Vec::new(),
        shards,
    };
    let lock = directory.join(name::LOCK);
    file::create(&lock)?;
    Manifest { index, epoch: 1, body }.publish(directory)?;
    Ok(())
}
