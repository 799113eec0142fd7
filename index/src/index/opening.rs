//! Opening an index: for writing by one owner, or for reading by many.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::background;
use crate::error::{Context, Error};
use crate::index::Index;
use crate::maintenance::{creation, recovery};
use crate::options::{Access, OpenOptions, Options};
use crate::storage::file;
use crate::storage::file::lock::{self, Lock};
use crate::storage::store::Store;
use crate::write::logs::Logs;
use crate::write::writers::Writers;

impl Index {
    /// Opens an index for reading and writing, without waiting. It reads ids and what is not sealed yet.
    /// Vectors are mapped, and verified when they are first read.
    ///
    /// # Errors
    /// [`Error::NotAnIndex`], [`Error::Locked`], [`Error::Damaged`] (naming file and byte),
    /// [`Error::NewerVersion`], [`Error::Io`], and [`Error::Full`] where recovery needs space.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// As [`open`](Self::open), for reading only, or waiting for other owners. An index that is open for
    /// reading refuses every write with [`Error::OpenForReading`].
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        background::expect_threads(path)?;
        match options.access {
            Access::ReadWrite => Self::open_to_write(path, options.wait),
            Access::ReadOnly => Self::open_to_read(path, options.wait),
        }
    }

    /// Opens an index for reading only, without waiting. Any number of processes may have it open for reading
    /// at a time, as long as none has it open for writing.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_read_only(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, &OpenOptions { access: Access::ReadOnly, ..OpenOptions::default() })
    }

    /// Opens the index at `path` for reading and writing, or creates it if there is none. An index that is
    /// there keeps the options that it was created with; its dimension, its label and the lengths that it
    /// takes must be those given.
    ///
    /// # Errors
    /// As for [`open`](Self::open) and [`create`](Self::create); [`Error::InvalidOption`] if the index that
    /// is there has another dimension, label, or other lengths.
    pub fn open_or_create(path: &Path, options: Options) -> Result<Self, Error> {
        options.validate()?;
        let index = match Self::open(path) {
            Err(Error::NotAnIndex { .. }) => match Self::create(path, options.clone()) {
                // Another process has just created it.
                Err(Error::AlreadyExists { .. }) if lock::expect_index(path).is_ok() => Self::open(path)?,
                created => return created,
            },
            opened => opened?,
        };
        let (found, given) = (index.options(), &options);
        let differ =
            |field, expected: String, got: String| Err(Error::InvalidOption { field, expected, got });
        if found.dimension != given.dimension {
            return differ("dimension", found.dimension.to_string(), given.dimension.to_string());
        }
        if found.label != given.label {
            return differ("label", format!("{:?}", found.label), format!("{:?}", given.label));
        }
        if found.lengths != given.lengths {
            return differ("lengths", format!("{:?}", found.lengths), format!("{:?}", given.lengths));
        }
        Ok(index)
    }

    fn open_to_read(path: &Path, wait: Duration) -> Result<Self, Error> {
        let read = |path: &Path| recovery::read(path);
        let (path, lock, (manifest, state, logs)) = lock::with_shared_lock(path, wait, read)?;
        let next_file = manifest.body.next_file;
        let store = Arc::new(Store::new(path.clone(), manifest, next_file, state, lock));
        Ok(Self { logs: Logs::Read(logs), store, path })
    }

    fn open_to_write(path: &Path, wait: Duration) -> Result<Self, Error> {
        lock::expect_index(path)?;
        let path = path.canonicalize().context(path, "resolving the path")?;
        let lock = Lock::take(&path, Access::ReadWrite, wait)?;
        creation::remove_abandoned(file::parent(&path));
        let recovery::Opened { manifest, next_file, state, shards } = recovery::open(&path)?;
        let store = Arc::new(Store::new(path.clone(), manifest, next_file, state, lock));
        let writers = Writers::start(Arc::clone(&store), shards)?;
        Ok(Self { logs: Logs::Written(Box::new(writers)), store, path })
    }
}
