//! The store of an open index: its directory, its visible state and its manifest.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwap;

use crate::error::Error;
use crate::options::Options;
use crate::storage::erasure::{self, Erasure};
use crate::storage::file::header::{Header, Kind};
use crate::storage::file::lock::Lock;
use crate::storage::file::{self, PublishError, name};
use crate::storage::manifest::{Body, ErasureEntry, Manifest, TombstoneEntry};
use crate::storage::segment::Segment;
use crate::storage::state::{Sealed, State};
use crate::storage::tombstone::Tombstones;
use crate::storage::wal::writer::LogWriter;

/// The directory, what is visible, and the manifest.
pub(crate) struct Store {
    pub(crate) directory: PathBuf,
    /// The random number in all its files.
    pub(crate) index: [u8; 16],
    pub(crate) options: Options,
    pub(crate) state: ArcSwap<State>,
    /// Replaced segments, with their dead rows, as long as views hold them.
    retired: Mutex<Vec<Retired>>,
    next_file: AtomicU64,
    committer: Mutex<Committer>,
    /// `None`: open for reading, and there was no lock file.
    lock: Option<Lock>,
}

/// A segment that the manifest does not name any more.
struct Retired {
    segment: Weak<Segment>,
    /// Deleted rows that it holds.
    dead: u64,
}

/// Changes the manifest, one change at a time.
pub(crate) struct Committer {
    pub(crate) manifest: Manifest,
    /// Why the manifest on disk may be another than the one in memory.
    in_doubt: Option<String>,
}

impl Store {
    pub(crate) fn new(
        directory: PathBuf,
        manifest: Manifest,
        next_file: u64,
        state: State,
        lock: Option<Lock>,
    ) -> Self {
        Self {
            directory,
            index: manifest.index,
            options: manifest.body.options.clone(),
            state: ArcSwap::from_pointee(state),
            retired: Mutex::default(),
            next_file: AtomicU64::new(next_file),
            committer: Mutex::new(Committer { manifest, in_doubt: None }),
            lock,
        }
    }

    /// An error unless the directory's path still leads to the directory that was opened. Asked before
    /// anything is written, made or removed there: another index may have taken its place.
    pub(crate) fn expect_there(&self) -> Result<(), Error> {
        self.lock.as_ref().map_or(Ok(()), Lock::expect_there)
    }

    /// Removes a file that nothing refers to any more, unless the directory is another one by now.
    pub(crate) fn discard(&self, path: &Path) {
        match self.expect_there() {
            Ok(()) => file::discard(path),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "what is not needed any more was left")
            }
        }
    }

    /// File numbers from here on were not used yet.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_file.load(Ordering::Relaxed)
    }

    /// A file number that was never used.
    pub(crate) fn new_number(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    /// A new log file for a shard. It takes no rows before a manifest lists it.
    pub(crate) fn new_log(&self, shard: u16) -> Result<LogWriter, Error> {
        self.expect_there()?;
        let epoch = self.committer().manifest.epoch;
        LogWriter::create(&name::shard(&self.directory, shard), self.index, self.new_number(), epoch)
    }

    /// Holds the manifest still.
    pub(crate) fn committer(&self) -> MutexGuard<'_, Committer> {
        self.committer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the manifest: durable when this returns. `files` are new files that the change refers to; they
    /// are removed if it certainly did not happen.
    pub(crate) fn commit(
        &self,
        committer: &mut Committer,
        shard: u16,
        files: &[PathBuf],
        change: impl FnOnce(&mut Body),
    ) -> Result<(), Error> {
        self.expect_there()?;
        if let Some(reason) = &committer.in_doubt {
            files.iter().for_each(|path| self.discard(path));
            return Err(Error::ReadOnly { shard, reason: reason.clone() });
        }
        let mut next = committer.manifest.clone();
        change(&mut next.body);
        next.epoch += 1;
        next.body.next_file = self.next_file.load(Ordering::Relaxed);
        match next.publish(&self.directory) {
            Ok(()) => {
                committer.manifest = next;
                Ok(())
            }
            Err(PublishError::Unchanged(error)) => {
                files.iter().for_each(|path| self.discard(path));
                Err(error)
            }
            Err(PublishError::InDoubt(error)) => {
                tracing::error!(%error, "the manifest may not have reached the disk; no more segments are sealed");
                committer.in_doubt = Some(error.to_string());
                Err(error)
            }
        }
    }

    /// Writes which rows of a segment are dead. Pushes the file to `files`, also when this fails.
    pub(crate) fn publish_tombstones(
        &self,
        committer: &Committer,
        segment: &Segment,
        dead: &Tombstones,
        files: &mut Vec<PathBuf>,
    ) -> Result<TombstoneEntry, Error> {
        self.expect_there()?;
        let file = self.new_number();
        let sequence = committer.manifest.epoch;
        let header = Header { kind: Kind::Tombstones, index: self.index, file, sequence, salt: 0 };
        let bytes = dead.encode(&header, segment.number(), segment.rows());
        let name = name::tombstones(file);
        files.push(self.directory.join(&name));
        file::publish(&self.directory, &name, &bytes)?;
        Ok(TombstoneEntry { file, segment: segment.number(), dead: dead.len() as u64 })
    }

    /// Writes deletions that leave the logs as a new erasure file; with many files already there, one for all
    /// of them. Returns what the manifest names from now on. Pushes the file to `files`, also when this
    /// fails.
    pub(crate) fn publish_erasures(
        &self,
        committer: &Committer,
        new: &[Erasure],
        files: &mut Vec<PathBuf>,
    ) -> Result<Vec<ErasureEntry>, Error> {
        let Manifest { index, epoch, body } = &committer.manifest;
        let mut entries = body.erasures.clone();
        if new.is_empty() {
            return Ok(entries);
        }
        let mut list = new.to_vec();
        if entries.len() >= erasure::FILES {
            match erasure::read_all(&self.directory, &committer.manifest) {
                Ok(old) => {
                    list = erasure::latest(old.into_iter().chain(list));
                    entries.clear();
                }
                // Nothing is lost by keeping the old files; a check names the damaged one.
                Err(error) => tracing::warn!(%error, "erasure files could not be merged"),
            }
        }
        self.expect_there()?;
        let number = self.new_number();
        let header = Header { kind: Kind::Erasures, index: *index, file: number, sequence: *epoch, salt: 0 };
        let name = name::erasures(number);
        files.push(self.directory.join(&name));
        file::publish(&self.directory, &name, &erasure::encode(&header, &list))?;
        entries.push(ErasureEntry { file: number, records: list.len() as u64 });
        Ok(entries)
    }

    /// Notes in the manifest up to which sequence each of some shards' logs is on disk.
    pub(crate) fn mark_ends(&self, ends: &[(usize, u64)]) -> Result<(), Error> {
        let mut committer = self.committer();
        let shards = &committer.manifest.body.shards;
        if ends.iter().all(|&(shard, last)| shards[shard].durable >= last) {
            return Ok(());
        }
        self.commit(&mut committer, 0, &[], |body| {
            ends.iter().for_each(|&(shard, last)| body.shards[shard].durable = last);
        })
    }

    /// Has the files of replaced segments removed once no view holds them.
    pub(crate) fn retire(&self, replaced: &[Sealed]) {
        let mut retired = self.retired();
        retired.retain(|retired| retired.segment.strong_count() > 0);
        for sealed in replaced {
            sealed.segment.retire();
            retired.push(Retired { segment: Arc::downgrade(&sealed.segment), dead: sealed.dead() as u64 });
        }
    }

    /// Replaced segments that views hold, and how many deleted rows are in them.
    pub(crate) fn held(&self) -> (Vec<u64>, u64) {
        let mut retired = self.retired();
        retired.retain(|retired| retired.segment.strong_count() > 0);
        let numbers = retired.iter().filter_map(|retired| Some(retired.segment.upgrade()?.number()));
        (numbers.collect(), retired.iter().map(|retired| retired.dead).sum())
    }

    fn retired(&self) -> MutexGuard<'_, Vec<Retired>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
