//! The public type [`Index`].

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

/// A durable vector index: one directory, one owner, any number of threads through `&self`.
///
/// Writers whose rows go to different shards do not wait for each other. Readers never wait, and never
/// block writers. What is acknowledged survives a `kill -9` at any moment and a power cut, within the
/// limits of [`Durability::Interval`](crate::Durability::Interval) and
/// [`Durability::Bulk`](crate::Durability::Bulk).
///
/// The index must lie on a local file system, and no other program may change its files while it is open:
/// segments are mapped, and truncating one would end the process. If the directory is moved or replaced,
/// every write fails with [`Error::Moved`], and nothing is written to or removed from what lies there then.
///
/// Dropping an index closes it. [`close`](Self::close) also returns errors.
pub struct Index {
    // First: closed before the lock in the store is given back.
    logs: Logs,
    store: Arc<Store>,
    path: PathBuf,
}

impl Index {
    /// Creates an index at `path`, which must not exist or be an empty directory. Its parent must exist.
    /// The index is built under a temporary name and renamed, so that a crash leaves no partial index.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], [`Error::AlreadyExists`], [`Error::Full`], [`Error::Io`].
    pub fn create(path: &Path, options: Options) -> Result<Self, Error> {
        options.validate()?;
        creation::create(path, &options)?;
        Self::open(path)
    }

    /// The options that the index was created with.
    pub fn options(&self) -> &Options {
        &self.store.options
    }

    /// A random identifier, drawn at creation. Snapshots, and indexes restored from them, have the same.
    pub fn id(&self) -> [u8; 16] {
        self.store.index
    }

    /// The absolute path of the index.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn writable(&self) -> Result<&Writers, Error> {
        self.logs.writable(&self.path)
    }

    /// Makes all acknowledged writes durable.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Io`].
    pub fn sync(&self) -> Result<(), Error> {
        self.writable()?.sync()
    }

    /// Turns every buffer into a segment and waits until that is done. Full buffers are also sealed in the
    /// background. Rows written meanwhile are left to the next seal.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::ReadOnly`], [`Error::Io`]; the rows stay in their buffers and logs.
    pub fn seal(&self) -> Result<(), Error> {
        self.writable()?.seal()
    }

    /// Merges small segments into large ones and rewrites those with many deleted rows, until nothing is
    /// due. This also happens in the background, at half speed, after each seal. Reads and writes go on.
    /// What they add is left to the next compaction, so that this one ends.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Damaged`], [`Error::ReadOnly`], [`Error::Io`]; what was not compacted
    /// stays as it was.
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

    /// Upper bound of the free bytes that [`purge`](Self::purge) needs: for the segments that buffers
    /// become, and for the largest segment that it rewrites.
    pub fn purge_room(&self) -> u64 {
        compaction::room(&self.store.state.load(), self.store.options.dimension)
    }

    /// Removes the bytes of every row that is deleted when it is called: it seals the buffers and rewrites
    /// each segment that holds such rows. Rows deleted meanwhile are left to the next purge, so that this
    /// one ends. Files that views hold are removed with the last of them, and the receipt counts their rows
    /// separately. It does not reach what the medium itself keeps of removed files, nor copies made
    /// elsewhere, such as snapshots.
    ///
    /// # Errors
    /// As for [`seal`](Self::seal) and [`compact`](Self::compact); [`Error::Io`] where a file could not be
    /// removed. The next purge erases what this one did not.
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

    /// Replaced segments that views hold, and the number of deleted rows in them. Short lookups hold them
    /// for a moment, which is waited for.
    fn held(&self) -> (Vec<u64>, u64) {
        for _ in 0..20 {
            if self.store.held().0.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.store.held()
    }

    /// Copies the index to `to`, which must not exist or be an empty directory. The copy has everything
    /// that was acknowledged when it was called, and may have a little more. Writes and reads go on.
    /// Segments are hard links where the file system allows, so a snapshot costs little more than the logs.
    /// It keeps the bytes of rows that are purged from the index later. A snapshot can be opened, but it
    /// should be [restored](Self::restore) instead: an opened snapshot changes.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Full`], [`Error::Io`]; nothing is left at `to`.
    pub fn snapshot(&self, to: &Path) -> Result<SnapshotReport, Error> {
        snapshot::take(&self.store, &self.logs, to)
    }

    /// As [`snapshot`](Self::snapshot), of an index that another process may have open for writing. The
    /// caller makes sure that no rows, deletions or watermarks are written meanwhile. Sealing and
    /// compaction may go on.
    ///
    /// # Errors
    /// As for [`snapshot`](Self::snapshot), and [`Error::NotAnIndex`], [`Error::Damaged`].
    pub fn snapshot_at(path: &Path, to: &Path) -> Result<SnapshotReport, Error> {
        snapshot::take_beside(path, to)
    }

    /// Copies a snapshot to `to`, which must not exist or be an empty directory, and leaves the snapshot as
    /// it is. Rows that were deleted from the index after the snapshot was taken, by its
    /// [`erasures`](Self::erasures), are erased from the copy before it appears.
    ///
    /// # Errors
    /// [`Error::NotAnIndex`], [`Error::Locked`] if the snapshot is open for writing, [`Error::OtherIndex`],
    /// [`Error::Damaged`], [`Error::AlreadyExists`], [`Error::Full`], [`Error::Io`]. Nothing is left at
    /// `to`. If the process is killed, a hidden directory beside `to` is left, which the next opening,
    /// snapshot or restore there removes.
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

    /// All recorded deletions of this index.
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

    /// The ids of live rows of this copy of an index that were deleted from the index after the copy was
    /// made: those that [`restore`](Self::restore) leaves out.
    ///
    /// # Errors
    /// [`Error::OtherIndex`]: these are the erasures of another index.
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

    /// A view of everything acknowledged. It is cheap, never blocks and is never blocked.
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

    /// Full buffers that are not sealed yet. While two of a shard wait, its writers are throttled to the
    /// rate of sealing.
    pub fn waiting_buffers(&self) -> usize {
        self.store.state.load().shards.iter().map(|buffers| buffers.frozen.len()).sum()
    }

    /// Statistics of each segment, in no particular order.
    pub fn segments(&self) -> Vec<SegmentStats> {
        self.store.state.load().segments.iter().map(|sealed| *sealed.segment.stats()).collect()
    }

    /// Verifies every byte of every file; that rows are in order, of length 1 and live under one id each;
    /// and that codes and statistics match the vectors. Reads and writes go on.
    ///
    /// # Errors
    /// The process lacks resources ([`Error::OutOfMemory`], [`Error::TooManyFiles`]), the directory could
    /// not be listed ([`Error::Io`]), or it was moved ([`Error::Moved`]). Damage, and a file that cannot be
    /// read, is a problem in the report, not an error.
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

    /// As [`check`](Self::check), and searches every graph for each of its rows. Without graphs there is no
    /// difference.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn check_deep(&self) -> Result<CheckReport, Error> {
        check::check(&self.store, &self.logs, Depth::Deep, &Control::new())
    }

    /// As [`check`](Self::check), of an index that is not open, and may be too damaged to be opened.
    ///
    /// # Errors
    /// [`Error::NotAnIndex`], [`Error::Locked`] if it is open for writing, and as for
    /// [`check`](Self::check).
    pub fn check_at(path: &Path) -> Result<CheckReport, Error> {
        lock::with_shared_lock(path, Duration::ZERO, check::check_files).map(|(_, _, report)| report)
    }

    /// Reads what is sound of an index that cannot be opened because files are damaged or missing, and
    /// reports which. Nothing on disk is changed. Where a log is damaged, the view may show rows that its
    /// lost part deleted.
    ///
    /// # Errors
    /// [`Error::NotAnIndex`], [`Error::Locked`]; the manifest is damaged: nothing can be read without it.
    pub fn salvage(path: &Path) -> Result<Salvage, Error> {
        let salvaged = lock::with_shared_lock(path, Duration::ZERO, recovery::salvage)?;
        let (_, _, (manifest, state, problems)) = salvaged;
        let Options { dimension, lengths, .. } = manifest.body.options;
        let view = View { state: Arc::new(state), dimension, lengths, whole: problems.is_empty() };
        Ok(Salvage { view, problems })
    }

    /// Closes the index. Everything is durable when this returns.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Full`], [`Error::Io`]. What was acknowledged as durable is durable all
    /// the same. The next opening takes a little longer.
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
