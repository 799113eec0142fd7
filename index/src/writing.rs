//! Writes: rows go in and out, and the caller's watermarks with them.

use std::sync::atomic::Ordering;

use crate::error::Error;
use crate::index::Index;
use crate::insertion::{self, Insertion};
use crate::row::{Durability, Receipt, Row};
use crate::shard::{Shard, WriteError};
use crate::state::shard_of;
use crate::wal::frame::{MAX_DELETIONS, Record};

impl Index {
    /// Inserts rows with [`Durability::Group`].
    ///
    /// # Errors
    /// As [`insert_with`](Self::insert_with).
    pub fn insert(&self, rows: &[Row<'_>]) -> Result<Receipt, Error> {
        self.insert_with(rows, Durability::Group)
    }

    /// Inserts rows. Everything is validated before anything is written.
    ///
    /// The rows of one group in one call are all inserted or none, whatever happens. When this returns an error
    /// other than those of validation, some groups may have been inserted and others not; a view tells.
    ///
    /// May wait while a full buffer is being sealed.
    ///
    /// # Errors
    /// Nothing was written: [`Error::WrongDimension`], [`Error::NotFinite`], [`Error::NotUnit`],
    /// [`Error::DuplicateId`], each naming the row, and [`Error::OpenForReading`]. Otherwise [`Error::Full`],
    /// [`Error::ReadOnly`], [`Error::Io`]. After a failed write or sync the ids in doubt stay taken until the index is
    /// reopened.
    pub fn insert_with(&self, rows: &[Row<'_>], durability: Durability) -> Result<Receipt, Error> {
        self.insert_rows(rows, durability, None)
    }

    /// As [`insert_with`](Self::insert_with), and keeps the caller's `watermark` in the log of each shard that the rows
    /// go to (of shard 0 if there are no rows), behind the last of them: a shard that has it has all the rows that
    /// went there. See [`watermarks`](Self::watermarks).
    ///
    /// # Errors
    /// As [`insert_with`](Self::insert_with).
    pub fn insert_marked(
        &self,
        rows: &[Row<'_>],
        durability: Durability,
        watermark: u64,
    ) -> Result<Receipt, Error> {
        self.insert_rows(rows, durability, Some(watermark))
    }

    fn insert_rows(
        &self,
        rows: &[Row<'_>],
        durability: Durability,
        watermark: Option<u64>,
    ) -> Result<Receipt, Error> {
        let shards = self.writable()?;
        if let (true, Some(watermark)) = (rows.is_empty(), watermark) {
            return mark(shards, watermark, durability);
        }
        let insertion = Insertion::new(rows, &self.store.options)?;
        let claim =
            self.reservations.claim(insertion.ids()).map_err(|position| insertion.duplicate(position))?;
        insertion.refuse_live(&self.store.state.load())?;
        match insertion::write(&insertion, shards, durability, watermark) {
            Ok(sequences) => Ok(Receipt { rows: rows.len(), durable: durability.waits(), sequences }),
            Err(WriteError { error, in_doubt }) => {
                if in_doubt {
                    claim.keep();
                }
                Err(error)
            }
        }
    }

    /// Deletes rows by id, with [`Durability::Group`]. Unknown ids are skipped; the receipt counts the rows that
    /// were live. A deleted row is in no later view and does not come back; its bytes go when its segment is
    /// rewritten: [`purge`](Self::purge) does it now.
    ///
    /// # Errors
    /// [`Error::OpenForReading`]: nothing was written. [`Error::Full`], [`Error::ReadOnly`], [`Error::Io`]: rows of other
    /// shards may have been deleted.
    pub fn delete(&self, ids: &[u64]) -> Result<Receipt, Error> {
        self.delete_rows(ids, None)
    }

    /// As [`delete`](Self::delete), and keeps the caller's `watermark` in the log of each shard that rows are deleted from
    /// (of shard 0 if no row is). See [`watermarks`](Self::watermarks).
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_marked(&self, ids: &[u64], watermark: u64) -> Result<Receipt, Error> {
        self.delete_rows(ids, Some(watermark))
    }

    fn delete_rows(&self, ids: &[u64], watermark: Option<u64>) -> Result<Receipt, Error> {
        let shards = self.writable()?;
        let mut receipt = Receipt { rows: 0, durable: true, sequences: Vec::new() };
        let mut written = Vec::new();
        let mut failed = None;
        for (number, targets) in self.targets(ids, shards.len()) {
            let mut records: Vec<Record> =
                targets.chunks(MAX_DELETIONS).map(|targets| Record::Delete(targets.to_vec())).collect();
            records.extend(watermark.map(Record::Mark));
            match shards[number].append(records, Durability::Group) {
                Ok(append) => written.push((number, append)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let (true, None, Some(watermark)) = (written.is_empty(), &failed, watermark) {
            return mark(shards, watermark, Durability::Group);
        }
        for (number, append) in written {
            match shards[number].commit(append.sequence, Durability::Group) {
                Ok(()) => {
                    receipt.rows += append.deleted.load(Ordering::Relaxed);
                    receipt.sequences.push((number as u16, append.sequence));
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(receipt), |failed| Err(failed.error))
    }

    /// The live ones of some ids with their groups, ascending, for each shard that has any.
    fn targets(&self, ids: &[u64], shards: usize) -> impl Iterator<Item = (usize, Vec<(u64, u64)>)> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut targets: Vec<Vec<(u64, u64)>> = vec![Vec::new(); shards];
        self.store.state.load().find_each(&ids, |position, group| {
            targets[shard_of(group, shards)].push((ids[position], group));
        });
        targets.iter_mut().for_each(|targets| targets.sort_unstable());
        targets.into_iter().enumerate().filter(|(_, targets)| !targets.is_empty())
    }

    /// Deletes the rows of a group that are live now.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_group(&self, group: u64) -> Result<Receipt, Error> {
        let ids = self.store.state.load().group_ids(group);
        self.delete(&ids)
    }

    /// Keeps the caller's `watermark` in the log of shard 0, without rows; it is on disk when this returns. See
    /// [`watermarks`](Self::watermarks).
    ///
    /// # Errors
    /// [`Error::OpenForReading`], [`Error::Full`]: nothing was written. [`Error::ReadOnly`], [`Error::Io`].
    pub fn set_watermark(&self, watermark: u64) -> Result<Receipt, Error> {
        mark(self.writable()?, watermark, Durability::Group)
    }

    /// The highest watermark of each shard, 0 where there is none: what
    /// [`insert_marked`](Self::insert_marked), [`delete_marked`](Self::delete_marked) and
    /// [`set_watermark`](Self::set_watermark) have written and a view shows.
    ///
    /// A watermark is a number of the caller's own that grows with its writes. It is as durable as the write that carries
    /// it, and stays when the log it was written to is sealed; snapshots and what is restored from them have it too. A
    /// caller that notes elsewhere, after a write, which watermark each shard of [`Receipt::sequences`] has got, can tell after
    /// the next opening whether the index still has all that it acknowledged: the very end of a log may be lost without a
    /// trace in the index itself, by a damaged or cut file, and then the watermark is lower than what was noted.
    pub fn watermarks(&self) -> Vec<u64> {
        self.logs.watermarks()
    }
}

/// Writes a watermark to the log of the first shard.
fn mark(shards: &[Shard], watermark: u64, durability: Durability) -> Result<Receipt, Error> {
    let written = shards[0].append(vec![Record::Mark(watermark)], durability);
    let sequence = written.map_err(|failed| failed.error)?.sequence;
    shards[0].commit(sequence, durability).map_err(|failed| failed.error)?;
    Ok(Receipt { rows: 0, durable: durability.waits(), sequences: vec![(0, sequence)] })
}
