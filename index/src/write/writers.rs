//! The write side of an open index: its shards and their background threads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use crate::error::Error;
use crate::row::{Durability, Receipt, Row};
use crate::storage::state::shard_of;
use crate::storage::store::Store;
use crate::storage::wal::frame::{MAX_DELETIONS, Record};
use crate::write::compaction::Compactor;
use crate::write::insertion::{Appended, Insertion, WriteBatch};
use crate::write::requests::Requests;
use crate::write::reservation::{Claim, Reservations};
use crate::write::shard::{Recovered, Shard, WriteError};
use crate::write::{sealing, syncing};

/// All that writes to an index. Dropping it closes the logs.
pub(crate) struct Writers {
    store: Arc<Store>,
    shards: Arc<Vec<Shard>>,
    reservations: Reservations,
    compactor: Arc<Compactor>,
    requests: Arc<Requests>,
    /// Seal, sync and compact; none once closed.
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    /// Goes on with the logs that were read back, and starts the threads.
    pub(crate) fn start(store: Arc<Store>, recovered: Vec<Recovered>) -> Result<Self, Error> {
        let (requests, seals, compactions) = Requests::new();
        let requests = Arc::new(requests);
        let shards = (0..).zip(recovered).map(|(number, recovered)| {
            Shard::new(number, Arc::clone(&store), Arc::clone(&requests), recovered)
        });
        let mut writers = Self {
            shards: Arc::new(shards.collect()),
            reservations: Reservations::default(),
            compactor: Arc::new(Compactor::new(Arc::clone(&store))),
            requests: Arc::clone(&requests),
            threads: Vec::new(),
            store: Arc::clone(&store),
        };
        let (shards, compactor) = (Arc::clone(&writers.shards), Arc::clone(&writers.compactor));
        let sealing = {
            let (requests, shards) = (Arc::clone(&requests), Arc::clone(&shards));
            move || sealing::run(&store, &shards, &requests, &seals)
        };
        writers.spawn("gallerist-seal", sealing)?;
        writers.spawn("gallerist-sync", move || syncing::run(&requests, &shards))?;
        writers.spawn("gallerist-compact", move || compactor.run(&compactions))?;
        Ok(writers)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(work);
        let path = &self.store.directory;
        let failed = |source| Error::Io { path: path.clone(), action: "starting a thread", source };
        self.threads.push(thread.map_err(failed)?);
        Ok(())
    }

    pub(crate) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    pub(crate) fn compactor(&self) -> &Compactor {
        &self.compactor
    }

    /// Makes durable everything that was appended.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.shards.iter().try_for_each(Shard::sync)
    }

    /// Turns every buffer into a segment and waits for it.
    pub(crate) fn seal(&self) -> Result<(), Error> {
        let started: Vec<_> = self.shards.iter().map(Shard::start_sealing).collect();
        // All of them, whatever becomes of the first: nothing goes on once this returns.
        let finish = |(shard, started): (&Shard, Result<u64, Error>)| {
            started.and_then(|last| shard.finish_sealing(last))
        };
        let finished: Vec<_> = self.shards.iter().zip(started).map(finish).collect();
        finished.into_iter().collect()
    }

    /// Ends the threads and closes the logs: everything is durable afterwards. Does nothing the second time.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        if self.threads.is_empty() {
            return Ok(());
        }
        self.compactor.close();
        self.requests.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a background thread panicked");
            }
        }
        let mut result = Ok(());
        let mut ends = Vec::new();
        for (number, shard) in self.shards.iter().enumerate() {
            match shard.close() {
                Ok(()) => ends.push((number, shard.log_end().last)),
                Err(error) => result = result.and(Err(error)),
            }
        }
        result.and(self.store.mark_ends(&ends))
    }

    /// Inserts rows, the last ones of each shard with a watermark.
    pub(crate) fn insert(
        &self,
        rows: &[Row<'_>],
        durability: Durability,
        watermark: Option<u64>,
    ) -> Result<Receipt, Error> {
        if let (true, Some(watermark)) = (rows.is_empty(), watermark) {
            return self.mark(watermark, durability);
        }
        let insertion = Insertion::new(rows, &self.store.options)?;
        let claim =
            self.reservations.claim(insertion.ids()).map_err(|position| insertion.duplicate(position))?;
        insertion.refuse_live(&self.store.state.load())?;
        self.write(WriteBatch { insertion: &insertion, replaced: &[], durability, watermark }, claim)
    }

    /// Inserts rows; those whose ids are live replace what is there.
    pub(crate) fn upsert(&self, rows: &[Row<'_>], durability: Durability) -> Result<Receipt, Error> {
        let insertion = Insertion::new(rows, &self.store.options)?;
        let claim =
            self.reservations.claim(insertion.ids()).map_err(|position| insertion.duplicate(position))?;
        let replaced = insertion.live(&self.store.state.load())?;
        // A seal or a compaction writes down which rows are dead, perhaps before the log is on disk: a power cut
        // would then take the old row and the new one.
        let durability = match replaced.contains(&true) && !durability.waits() {
            true => Durability::Group,
            false => durability,
        };
        self.write(
            WriteBatch { insertion: &insertion, replaced: &replaced, durability, watermark: None },
            claim,
        )
    }

    fn write(&self, batch: WriteBatch<'_>, claim: Claim<'_>) -> Result<Receipt, Error> {
        match batch.write(&self.shards) {
            Ok(written) => Ok(Receipt {
                rows: batch.insertion.ids().len(),
                replaced: written.iter().map(Appended::deleted).sum(),
                durable: batch.durability.waits(),
                sequences: written.iter().map(|written| (written.shard, written.last)).collect(),
            }),
            Err(WriteError { error, in_doubt }) => {
                if in_doubt {
                    claim.keep();
                }
                Err(error)
            }
        }
    }

    /// Returns when everything up to some sequences, each of a shard, is on disk.
    pub(crate) fn wait_durable(&self, sequences: &[(u16, u64)]) -> Result<(), Error> {
        let shard = |number: u16| self.shards.get(usize::from(number));
        let mut pairs = sequences.iter().filter_map(|&(number, sequence)| Some((shard(number)?, sequence)));
        pairs.try_for_each(|(shard, sequence)| shard.wait_durable(sequence))
    }

    /// Deletes rows by id, with a watermark in each shard.
    pub(crate) fn delete(&self, ids: &[u64], watermark: Option<u64>) -> Result<Receipt, Error> {
        let mut receipt = Receipt { rows: 0, replaced: 0, durable: true, sequences: Vec::new() };
        let mut written = Vec::new();
        let mut failed = None;
        for (number, targets) in self.targets(ids) {
            let mut records: Vec<Record> =
                targets.chunks(MAX_DELETIONS).map(|targets| Record::Delete(targets.to_vec())).collect();
            records.extend(watermark.map(Record::Mark));
            match self.shards[number].append(records, Durability::Group) {
                Ok(append) => written.push((number, append)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let (true, None, Some(watermark)) = (written.is_empty(), &failed, watermark) {
            return self.mark(watermark, Durability::Group);
        }
        for (number, append) in written {
            match self.shards[number].commit(append.sequence, Durability::Group) {
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
    fn targets(&self, ids: &[u64]) -> impl Iterator<Item = (usize, Vec<(u64, u64)>)> {
        let shards = self.shards.len();
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

    /// Writes a watermark to the log of the first shard.
    pub(crate) fn mark(&self, watermark: u64, durability: Durability) -> Result<Receipt, Error> {
        let written = self.shards[0].append(vec![Record::Mark(watermark)], durability);
        let sequence = written.map_err(|failed| failed.error)?.sequence;
        self.shards[0].commit(sequence, durability).map_err(|failed| failed.error)?;
        Ok(Receipt { rows: 0, replaced: 0, durable: durability.waits(), sequences: vec![(0, sequence)] })
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(path = %self.store.directory.display(), %error, "the index was not closed cleanly");
        }
    }
}
