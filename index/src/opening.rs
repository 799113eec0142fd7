//! Opening an index: for writing by one owner, or for reading by many.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::background;
use crate::compaction;
use crate::creation;
use crate::error::{Context, Error};
use crate::file::lock::Lock;
use crate::file::name;
use crate::index::Index;
use crate::logs::Logs;
use crate::query::costs;
use crate::recovery;
use crate::reservation::Reservations;
use crate::sealing;
use crate::shard::Shard;
use crate::store::Store;
use crate::syncing;

/// What an index is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Reading and writing, by one owner at a time.
    #[default]
    ReadWrite,
    /// Reading only, by any number of owners at a time. Nothing is written, not even to the lock file, so media that
    /// cannot be written will do. What a crash left unsettled is settled in memory; the view shows what the
    /// system's cache shows, synced or not.
    ReadOnly,
}

/// How [`Index::open_with`] opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenOptions {
    /// What for.
    pub access: Access,
    /// How long to wait for others to close the index before it is [`Error::Locked`].
    pub wait: Duration,
}

impl Index {
    /// Opens an index for reading and writing, without waiting. Takes the time of reading ids and what is not sealed
    /// yet, not of reading vectors: those are mapped, and verified when first searched.
    ///
    /// # Errors
    /// [`Error::NotAnIndex`], [`Error::Locked`], [`Error::Damaged`] (naming file and byte),
    /// [`Error::NewerVersion`], [`Error::Io`], and [`Error::Full`] where an unclean end left something to settle.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// As [`open`](Self::open), for reading only or after a wait. An index that is open for reading refuses every write
    /// with [`Error::OpenForReading`].
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        background::expect_threads(path)?;
        let index = match options.access {
            Access::ReadWrite => Self::open_to_write(path, options.wait)?,
            Access::ReadOnly => Self::open_to_read(path, options.wait)?,
        };
        costs::prepare();
        Ok(index)
    }

    fn open_to_read(path: &Path, wait: Duration) -> Result<Self, Error> {
        let read = |path: &Path| recovery::read(path);
        let (path, lock, (manifest, state, logs)) = with_shared_lock(path, wait, read)?;
        // Nobody listens: no shard asks for anything.
        let (jobs, wakes) = (mpsc::channel().0, mpsc::channel().0);
        let next_file = manifest.body.next_file;
        let store = Arc::new(Store::new(path.clone(), manifest, next_file, state, jobs, wakes, lock));
        let (reservations, threads) = (Reservations::default(), Vec::new());
        Ok(Self { store, logs: Logs::Read(logs), reservations, threads, path })
    }

    fn open_to_write(path: &Path, wait: Duration) -> Result<Self, Error> {
        expect_index(path)?;
        let path = &path.canonicalize().context(path, "resolving the path")?;
        let lock = Lock::take(path, Access::ReadWrite, wait)?;
        creation::remove_abandoned(creation::parent(path));
        let opened = recovery::open(path)?;
        let ((jobs, job), (wakes, wake)) = (mpsc::channel(), mpsc::channel());
        let recovery::Opened { manifest, next_file, state, shards } = opened;
        let store = Arc::new(Store::new(path.to_owned(), manifest, next_file, state, jobs, wakes, lock));
        let shards: Vec<Shard> = (0..)
            .zip(shards)
            .map(|(number, recovered)| Shard::new(number, Arc::clone(&store), recovered))
            .collect();
        let shards = Arc::new(shards);
        let mut index = Self {
            store: Arc::clone(&store),
            logs: Logs::Written(Arc::clone(&shards)),
            reservations: Reservations::default(),
            threads: Vec::new(),
            path: path.to_owned(),
        };
        let sealing = {
            let (store, shards) = (Arc::clone(&store), Arc::clone(&shards));
            move || sealing::run(&store, &shards, &job)
        };
        index.start("gallerist-seal", sealing)?;
        let syncing = {
            let store = Arc::clone(&store);
            move || syncing::run(&store.syncer, &shards)
        };
        index.start("gallerist-sync", syncing)?;
        index.start("gallerist-compact", move || compaction::run(&store, &wake))?;
        Ok(index)
    }

    fn start(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(work);
        let failed = |source| Error::Io { path: self.path.clone(), action: "starting a thread", source };
        self.threads.push(thread.map_err(failed)?);
        Ok(())
    }
}

/// Only what looks like an index is locked; nothing in any other directory is touched.
pub(crate) fn expect_index(path: &Path) -> Result<(), Error> {
    match path.join(name::MANIFEST).is_file() {
        true => Ok(()),
        false => Err(Error::NotAnIndex { path: path.to_owned() }),
    }
}

/// Reads an index while nobody writes to it. Returns its absolute path, the lock, and what was read.
pub(crate) fn with_shared_lock<T>(
    path: &Path,
    wait: Duration,
    read: impl Fn(&Path) -> Result<T, Error>,
) -> Result<(std::path::PathBuf, Option<Lock>, T), Error> {
    background::expect_threads(path)?;
    expect_index(path)?;
    let absolute = path.canonicalize().context(path, "resolving the path")?;
    loop {
        let lock = Lock::take(&absolute, Access::ReadOnly, wait)?;
        let result = read(&absolute);
        // Without a lock file there was no lock to take. If there is one now, an owner came meanwhile.
        if lock.is_some() || !path.join(name::LOCK).exists() {
            return Ok((absolute, lock, result?));
        }
    }
}
