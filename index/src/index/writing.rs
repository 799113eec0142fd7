//! Writes: inserts, upserts, deletions and watermarks.

use crate::error::Error;
use crate::index::Index;
use crate::row::{Durability, Receipt, Row};

impl Index {
    /// Inserts rows with [`Durability::Group`].
    ///
    /// # Errors
    /// As [`insert_with`](Self::insert_with).
    pub fn insert(&self, rows: &[Row<'_>]) -> Result<Receipt, Error> {
        self.insert_with(rows, Durability::Group)
    }

    /// Inserts rows. All rows are validated before any is written.
    ///
    /// The rows of one group in one call are written all or not at all. On an error other than those of
    /// validation, some groups may have been inserted and others not. A view tells which.
    ///
    /// The call may wait while a full buffer is sealed.
    ///
    /// # Errors
    /// Nothing was written: [`Error::WrongDimension`], [`Error::NotFinite`], [`Error::NotUnit`],
    /// [`Error::NoDirection`], [`Error::DuplicateId`], each naming the row, and [`Error::OpenForReading`].
    /// Otherwise [`Error::Full`], [`Error::ReadOnly`], [`Error::Io`]. After a failed write or sync the ids
    /// in doubt stay reserved until the index is opened again.
    pub fn insert_with(&self, rows: &[Row<'_>], durability: Durability) -> Result<Receipt, Error> {
        self.writable()?.insert(rows, durability, None)
    }

    /// As [`insert_with`](Self::insert_with), and keeps the caller's `watermark` in the log of each shard
    /// that the rows go to (of shard 0 if there are no rows), behind the last of them: a shard that has it
    /// has all the rows that went there. See [`watermarks`](Self::watermarks).
    ///
    /// # Errors
    /// As [`insert_with`](Self::insert_with).
    pub fn insert_marked(
        &self,
        rows: &[Row<'_>],
        durability: Durability,
        watermark: u64,
    ) -> Result<Receipt, Error> {
        self.writable()?.insert(rows, durability, Some(watermark))
    }

    /// Inserts rows, and replaces those whose ids are live, with [`Durability::Group`].
    ///
    /// # Errors
    /// As [`upsert_with`](Self::upsert_with).
    pub fn upsert(&self, rows: &[Row<'_>]) -> Result<Receipt, Error> {
        self.upsert_with(rows, Durability::Group)
    }

    /// Inserts rows, and replaces those whose ids are live. A view shows the old row or the new one, never
    /// both and never neither, and so does the index after a crash. The rows of one group in one call are all
    /// written or none, as with [`insert_with`](Self::insert_with).
    ///
    /// A call that replaces a row waits for a sync, whatever `durability` says, as a deletion does: see
    /// [`Receipt::durable`].
    ///
    /// A row keeps its group: an id that is live in another group is refused. Delete it first to move it.
    ///
    /// # Errors
    /// Nothing was written: [`Error::OtherGroup`], and [`Error::DuplicateId`] for an id that is twice in the
    /// batch or is being inserted by another call. Otherwise as [`insert_with`](Self::insert_with).
    pub fn upsert_with(&self, rows: &[Row<'_>], durability: Durability) -> Result<Receipt, Error> {
        self.writable()?.upsert(rows, durability)
    }

    /// Waits until what a receipt acknowledges is on disk: for writes with [`Durability::Interval`] and
    /// [`Durability::Bulk`]. The others are when they are acknowledged.
    ///
    /// # Errors
    /// [`Error::OpenForReading`]; [`Error::ReadOnly`] or [`Error::Io`] if the write may not be on disk.
    pub fn wait_durable(&self, receipt: &Receipt) -> Result<(), Error> {
        self.writable()?.wait_durable(&receipt.sequences)
    }

    /// Deletes rows by id, with [`Durability::Group`]. Unknown ids are skipped, and the receipt counts the
    /// rows that were live. A deleted row is in no later view. Its bytes are removed when its segment is
    /// rewritten; [`purge`](Self::purge) does that now.
    ///
    /// # Errors
    /// [`Error::OpenForReading`]: nothing was written. [`Error::Full`], [`Error::ReadOnly`], [`Error::Io`]:
    /// rows of other shards may have been deleted.
    pub fn delete(&self, ids: &[u64]) -> Result<Receipt, Error> {
        self.writable()?.delete(ids, None)
    }

    /// As [`delete`](Self::delete), and keeps the caller's `watermark` in the log of each shard that rows are
    /// deleted from (of shard 0 if no row is). See [`watermarks`](Self::watermarks).
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_marked(&self, ids: &[u64], watermark: u64) -> Result<Receipt, Error> {
        self.writable()?.delete(ids, Some(watermark))
    }

    /// Deletes the rows of a group that are live now.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_group(&self, group: u64) -> Result<Receipt, Error> {
        let ids = self.store.state.load().group_ids(group);
        self.delete(&ids)
    }

    /// Deletes the rows that are live now and whose id and group pass. Tests every row once and reads no
    /// vectors.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_where(&self, mut passes: impl FnMut(u64, u64) -> bool) -> Result<Receipt, Error> {
        let view = self.view();
        let ids: Vec<u64> =
            view.entries().filter(|&(id, group)| passes(id, group)).map(|(id, _)| id).collect();
        self.delete(&ids)
    }

    /// Keeps the caller's `watermark` in the log of shard 0, without rows; it is on disk when this returns. See
    /// [`watermarks`](Self::watermarks).
    ///
    /// # Errors
    /// [`Error::OpenForReading`], [`Error::Full`]: nothing was written. [`Error::ReadOnly`], [`Error::Io`].
    pub fn set_watermark(&self, watermark: u64) -> Result<Receipt, Error> {
        self.writable()?.mark(watermark, Durability::Group)
    }

    /// The highest watermark of each shard, 0 where there is none: what
    /// [`insert_marked`](Self::insert_marked), [`delete_marked`](Self::delete_marked) and
    /// [`set_watermark`](Self::set_watermark) have written and a view shows.
    ///
    /// A watermark is a number of the caller's own that grows with its writes. It is as durable as the write
    /// that carries it, and stays when the log it was written to is sealed; snapshots and what is restored
    /// from them have it too. A caller that notes elsewhere, after a write, which watermark each shard of
    /// [`Receipt::sequences`] has got, can tell after the next opening whether the index still has all that
    /// it acknowledged: the very end of a log may be lost without a trace in the index itself, by a damaged
    /// or cut file, and then the watermark is lower than what was noted.
    pub fn watermarks(&self) -> Vec<u64> {
        self.logs.watermarks()
    }
}
