//! Making a new index.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::file::{self, name};
use crate::manifest::{Body, Manifest, ShardEntry};
use crate::options::Options;
use crate::wal::writer::{self, Writer};

/// Puts an empty index together beside `path`, then renames it there.
pub(crate) fn create(path: &Path, options: &Options) -> Result<(), Error> {
    beside(path, |building| build(building, options))
}

/// Lets `build` fill a new directory beside `path`, then gives it that name: nothing is there before it is whole.
pub(crate) fn beside<T>(path: &Path, build: impl FnOnce(&Path) -> Result<T, Error>) -> Result<T, Error> {
    if is_taken(path) {
        return Err(Error::AlreadyExists { path: path.to_owned() });
    }
    let parent = file::open_directory(parent(path))?;
    let building = free_name(path)?;
    file::create_directory(&building)?;
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

/// Whether something other than an empty directory is there.
fn is_taken(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    }
}

/// A name that nothing has, in the same directory.
fn free_name(path: &Path) -> Result<PathBuf, Error> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".new-{:016x}", writer::random()?));
    Ok(parent(path).join(name))
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
        Writer::create(&folder, index, number, 0)?;
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
