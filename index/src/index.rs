//! The index: writes go in here, views come out.

mod opening;
#[cfg(test)]
mod tests;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::control::Control;
use crate::error::Error;
use crate::maintenance::check::{self, Depth};
use crate::maintenance::{creation, recovery, snapshot};
use crate::options::Options;
use crate::report::{
    CheckReport, Compaction, PurgeReceipt, RestoreReport, SegmentStats, SnapshotReport, Stats,
};
use crate::search::{Salvage, View};
use crate::storage::erasure::{self, Erasures};
use crate::storage::file::lock;
use crate::storage::store::Store;
use crate::write::compaction;
use crate::write::logs::Logs;
use crate::write::writers::Writers;

/// A durable index of unit vectors: one directory, one owner, many threads through `&self`.
///
/// Writers whose rows go to different shards do not wait for each other; readers wait for nobody and hold up nobody.
/// What is acknowledged survives a `kill -9` at any moment and a power cut, but for what
/// [`Durability::Interval`](crate::Durability::Interval) and [`Durability::Bulk`](crate::Durability::Bulk) leave open.
///
/// The index must lie on a local file system, and no other program may touch its files while it is open: segments are
/// mapped into memory, and cutting one short would end the process. If its directory is moved or replaced meanwhile, every write is
/// [`Error::Moved`], and nothing is written to or removed from what lies there then.
///
/// Dropping an index closes it; [`close`](Self::close) also tells whether that went well.
pub struct Index {
    // First: closed before the lock in the store is given back.
    logs: Logs,
    store: Arc<Store>,
    path: PathBuf,
}

impl Index {
    /// Makes a new index at `path`, which must not exist or be an empty directory; its parent must exist. The index
    /// is put together beside it and renamed, so that a crash leaves no half of one.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], [`Error::AlreadyExists`], [`Error::Full`], [`Error::Io`].
    pub fn create(path: &Path, options: Options) -> Result<Self, Error> {
        options.validate()?;
        creation::create(path, &options)?;
        Self::open(path)
    }

    /// What the index was created with.
    pub fn options(&self) -> &Options {
        &self.store.options
    }

    /// What the index is known by: drawn at random when it was created, and kept by snapshots and what is restored from
    /// them.
    pub fn id(&self) -> [u8; 16] {
        self.store.index
    }

    /// Where the index is, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn writable(&self) -> Result<&Writers, Error> {
        self.logs.writable(&self.path)
    }

    /// Makes durable what [`Durability::Bulk`](crate::Durability::Bulk) left to the system.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Io`].
    pub fn sync(&self) -> Result<(), Error> {
        self.writable()?.sync()
    }

    /// Turns every buffer into a segment and waits until that is done. It also happens by itself, in the background,
    /// when a buffer is full. What is written meanwhile is left to the next seal.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::ReadOnly`], [`Error::Io`]; the rows stay in their buffers and logs.
    pub fn seal(&self) -> Result<(), Error> {
        self.writable()?.seal()
    }

    /// Merges small segments into large ones, and rewrites those of which much is dead, until nothing is left to do. It
    /// also happens by itself, in the background and at half speed, whenever a buffer was sealed. Reads and writes
    /// go on meanwhile; what they add is left to the next compaction, so that this one comes to an end.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Damaged`], [`Error::ReadOnly`], [`Error::Io`]; what was not compacted stays as it was.
    pub fn compact(&self) -> Result<Compaction, Error> {
        self.compact_with(&Control::new())
    }

    /// As [`compact`](Self::compact), with reports of progress and an early end.
    ///
    /// # Errors
    /// As for [`compact`](Self::compact), and [`Error::Stopped`].
    pub fn compact_with(&self, control: &Control<'_>) -> Result<Compaction, Error> {
        let done = self.writable()?.compactor().compact_all(control)?;
        let segments = self.store.state.load().segments.len();
        Ok(Compaction { rewritten: done.segments, segments, erased: done.erased })
    }

    /// Bytes on the disk that [`purge`](Self::purge) takes at most before it gives others back: those of the segments that buffers become, and
    /// of the largest segment that it rewrites.
    pub fn purge_room(&self) -> u64 {
        compaction::room(&self.store.state.load(), self.store.options.dimension)
    }

    /// Removes the bytes of every row that is deleted when it is called from the index's files: seals what is buffered and
    /// rewrites each segment that holds such rows. Rows that others delete meanwhile are left to the next purge, so that this
    /// one comes to an end. Files that views hold go with the last of them; the receipt counts their rows apart. What the medium
    /// itself keeps of removed files, and copies made elsewhere (snapshots among them), are beyond its reach.
    ///
    /// # Errors
    /// As [`seal`](Self::seal) and [`compact`](Self::compact); [`Error::Io`] where a file could not be removed. What was not
    /// erased is erased by the next purge.
    pub fn purge(&self) -> Result<PurgeReceipt, Error> {
        self.purge_with(&Control::new())
    }

    /// As [`purge`](Self::purge), with reports of progress and an early end.
    ///
    /// # Errors
    /// As for [`purge`](Self::purge), and [`Error::Stopped`].
    pub fn purge_with(&self, control: &Control<'_>) -> Result<PurgeReceipt, Error> {
        let dead = self.store.state.load().dead() as u64;
        let before = self.store.next_number();
        let writers = self.writable()?;
        writers.seal()?;
        let done = writers.compactor().purge(control)?;
        let (held, waiting) = self.held();
        recovery::remove_unlisted(&self.store, before, &held)?;
        let erased = done.erased.max(dead).saturating_sub(waiting);
        let held_by_views = held.len();
        Ok(PurgeReceipt { erased, waiting, rewritten: done.segments, held_by_views })
    }

    /// Replaced segments that views hold, and how many deleted rows are in them. Whoever only looks something up holds
    /// them for a moment, which is waited for.
    fn held(&self) -> (Vec<u64>, u64) {
        for _ in 0..20 {
            if self.store.held().0.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.store.held()
    }

    /// Copies the index to `to`, which must not exist or be an empty directory: everything acknowledged when it is
    /// called, and perhaps a little more. Writes and reads go on. Segments are hard links where the file system allows, so
    /// a snapshot beside the index costs little more than the logs; it also keeps the bytes of rows that are
    /// purged from the index later, for as long as it is kept. The snapshot is an index of its own and can be opened,
    /// but then it goes its own way: [`restore`](Self::restore) it instead.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Full`], [`Error::Io`]; nothing is left at `to`.
    pub fn snapshot(&self, to: &Path) -> Result<SnapshotReport, Error> {
        snapshot::take(&self.store, &self.logs, to)
    }

    /// As [`snapshot`](Self::snapshot), of an index that another process may have open for writing. The caller must see to it that it writes no
    /// rows, deletions or watermarks meanwhile; sealing and compaction may go on.
    ///
    /// # Errors
    /// As for [`snapshot`](Self::snapshot), and [`Error::NotAnIndex`], [`Error::Damaged`].
    pub fn snapshot_at(path: &Path, to: &Path) -> Result<SnapshotReport, Error> {
        snapshot::take_beside(path, to)
    }

    /// Copies a snapshot to `to`, which must not exist or be an empty directory, and leaves the snapshot as it is. Rows
    /// that were deleted from the index after the snapshot was taken, as told by [`erasures`](Self::erasures), are
    /// erased from the copy before it appears: nothing deleted comes back.
    ///
    /// # Errors
    /// [`Error::NotAnIndex`], [`Error::Locked`] if the snapshot is open for writing, [`Error::OtherIndex`], [`Error::Damaged`],
    /// [`Error::AlreadyExists`], [`Error::Full`], [`Error::Io`]; nothing is left at `to`, unless the process is killed: then a hidden
    /// directory beside it, which the next opening, snapshot or restore there removes.
    pub fn restore(snapshot: &Path, to: &Path, erasures: Option<&Erasures>) -> Result<RestoreReport, Error> {
        let of = erasures.map(|erasures| erasures.index);
        snapshot::copy_back(snapshot, to, of, |copy| {
            let index = Self::open(copy)?;
            let erased = erasures.map_or(Ok(0), |erasures| index.erase_again(erasures))?;
            let rows = index.view().len() as u64;
            index.close()?;
            Ok(RestoreReport { rows, erased })
        })
    }

    /// Deletes the rows that were deleted after this copy was made, and removes their bytes. Returns how many.
    fn erase_again(&self, erasures: &Erasures) -> Result<u64, Error> {
        let ids = erasures.among(&self.store.state.load(), &self.log_ends());
        let deleted = self.delete(&ids)?.rows as u64;
        self.purge()?;
        Ok(deleted)
    }

    /// Everything that was ever deleted from this index.
    ///
    /// # Errors
    /// An erasure file is damaged or cannot be read.
    pub fn erasures(&self) -> Result<Erasures, Error> {
        // The logs first: what is sealed meanwhile is then in both, not in neither.
        let mut list = self.logs.erasures();
        let committer = self.store.committer();
        list.extend(erasure::read_all(&self.path, &committer.manifest)?);
        Ok(Erasures::new(self.store.index, list))
    }

    /// The ids of live rows of this copy of an index that were deleted from the index after the copy was made: what
    /// [`restore`](Self::restore) leaves out.
    ///
    /// # Errors
    /// [`Error::OtherIndex`]: these are the deletions of another index.
    pub fn erased_since(&self, erasures: &Erasures) -> Result<Vec<u64>, Error> {
        if erasures.index != self.store.index {
            return Err(Error::OtherIndex { path: self.path.clone() });
        }
        Ok(erasures.among(&self.view().state, &self.log_ends()))
    }

    /// The last sequence in the log of each shard.
    fn log_ends(&self) -> Vec<u64> {
        self.logs.ends().into_iter().map(|end| end.last).collect()
    }

    /// A snapshot of everything acknowledged. Cheap; never blocks and is never blocked.
    pub fn view(&self) -> View {
        let Options { dimension, lengths, .. } = self.store.options;
        View { state: self.store.state.load_full(), dimension, lengths, whole: true }
    }

    /// Counts and sizes.
    pub fn stats(&self) -> Stats {
        let state = self.store.state.load();
        let files = recovery::files(&self.path).unwrap_or_default();
        Stats {
            live_rows: state.live() as u64,
            deleted_rows: state.dead() as u64,
            segments: state.segments.len(),
            buffered_rows: state.buffered() as u64,
            bytes: files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum(),
        }
    }

    /// Full buffers that have no segment yet. While two of a shard wait, those who write to it are slowed down to the pace of sealing.
    pub fn waiting_buffers(&self) -> usize {
        self.store.state.load().shards.iter().map(|buffers| buffers.frozen.len()).sum()
    }

    /// What was measured of each segment when it was written, in no particular order.
    pub fn segments(&self) -> Vec<SegmentStats> {
        self.store.state.load().segments.iter().map(|sealed| *sealed.segment.stats()).collect()
    }

    /// Verifies every byte of every file, that the rows are in order, of length 1 and live under one id each, and that codes and
    /// statistics are those of the vectors. Reads and writes go on meanwhile.
    ///
    /// # Errors
    /// The process lacks what it needs to look ([`Error::OutOfMemory`], [`Error::TooManyFiles`]), the directory could not be listed
    /// ([`Error::Io`]), or it was moved ([`Error::Moved`]). Damage, and a file that cannot be read, is a problem in the report.
    pub fn check(&self) -> Result<CheckReport, Error> {
        self.check_with(&Control::new())
    }

    /// As [`check`](Self::check), with reports of progress and an early end.
    ///
    /// # Errors
    /// As for [`check`](Self::check), and [`Error::Stopped`].
    pub fn check_with(&self, control: &Control<'_>) -> Result<CheckReport, Error> {
        check::check(&self.store, &self.logs, Depth::Ordinary, control)
    }

    /// As [`check`](Self::check), and searches every graph for each of its rows, a search with a narrow beam each. Without
    /// graphs there is no difference.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn check_deep(&self) -> Result<CheckReport, Error> {
        check::check(&self.store, &self.logs, Depth::Deep, &Control::new())
    }

    /// As [`check`](Self::check), of an index that is not open, and may be too damaged to be.
    ///
    /// # Errors
    /// [`Error::NotAnIndex`], [`Error::Locked`] if it is open for writing, and as for [`check`](Self::check).
    pub fn check_at(path: &Path) -> Result<CheckReport, Error> {
        lock::with_shared_lock(path, Duration::ZERO, check::check_files).map(|(_, _, report)| report)
    }

    /// Reads what is sound of an index that cannot be opened because files of it are damaged or gone, and says which. Nothing
    /// on disk is changed. Where a log is damaged, rows may be in the view that the lost part deleted.
    ///
    /// # Errors
    /// [`Error::NotAnIndex`], [`Error::Locked`]; the manifest is damaged: without it nothing can be known.
    pub fn salvage(path: &Path) -> Result<Salvage, Error> {
        let salvaged = lock::with_shared_lock(path, Duration::ZERO, recovery::salvage)?;
        let (_, _, (manifest, state, problems)) = salvaged;
        let Options { dimension, lengths, .. } = manifest.body.options;
        let view = View { state: Arc::new(state), dimension, lengths, whole: problems.is_empty() };
        Ok(Salvage { view, problems })
    }

    /// Closes the index: everything is durable when this returns.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Full`], [`Error::Io`]. Everything acknowledged as durable is durable all
    /// the same; the next opening takes a little longer.
    pub fn close(mut self) -> Result<(), Error> {
        match &mut self.logs {
            Logs::Written(writers) => writers.close(),
            Logs::Read(_) => Ok(()),
        }
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("path", &self.path)
            .field("options", self.options())
            .finish_non_exhaustive()
    }
}
