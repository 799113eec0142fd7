//! A shard: its log, and the order in which its writes become durable and visible.
//!
//! A write is appended to the log under the shard's lock and then waits for a sync. A writer that finds no
//! sync under way does one for all who appended before it; the others wait for it (group commit). Only then
//! do the rows appear in the state, in the order of the log. A view therefore shows a prefix of each
//! shard's log, and nothing that a power cut could take back, except for writes that do not wait for a
//! sync.
//!
//! A full buffer is frozen and sealed in the background. A few frozen buffers may wait. While they do, each
//! writer is slowed down a little, so that none has to wait long.
//!
//! A failed write or sync ends the writing of the shard until the index is opened again.

mod failure;
mod group_commit;
mod locked;
mod pace;

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;

use crate::error::Error;
use crate::options::MAX_BUFFER_BYTES;
use crate::row::Durability;
use crate::storage::erasure::Erasure;
use crate::storage::segment::Segment;
use crate::storage::store::Store;
use crate::storage::wal::frame::Record;
use crate::storage::wal::writer::LogWriter;
use crate::write::locks::MutexGuard;
use crate::write::requests::Requests;
pub(crate) use failure::Failure;
use group_commit::{GroupCommit, Progress};
use pace::Pace;

/// Full buffers of a shard that wait for their segments, at most.
const MAX_FROZEN: usize = 2;

/// The write side of a shard.
pub(crate) struct Shard {
    number: u16,
    store: Arc<Store>,
    requests: Arc<Requests>,
    commits: GroupCommit<Inner>,
}

type Guard<'a> = MutexGuard<'a, Inner>;

struct Inner {
    number: u16,
    store: Arc<Store>,
    progress: Progress,
    log: LogWriter,
    /// Numbers of the files that hold the active buffer's rows; the last is `log`.
    logs: Vec<u64>,
    /// An empty file, listed in the manifest, to go on with.
    spare: Spare,
    /// Files before `log`, with their numbers, while bytes of them may not be on disk.
    earlier: Vec<(u64, Arc<File>, Arc<Path>)>,
    /// In the log and not in the state.
    pending: VecDeque<Pending>,
    /// What the records in `logs` delete.
    erasures: Vec<Erasure>,
    /// The caller's highest watermark that is in the state.
    watermark: u64,
    /// Rows and bytes in `logs`.
    rows: usize,
    bytes: usize,
    /// Nothing was written since the log was closed, or ever.
    closed: bool,
    /// Frozen buffers, the oldest first: it is being sealed, unless that failed.
    frozen: VecDeque<SealTask>,
    /// Why the oldest could not be sealed.
    failure: Option<Failure>,
    pace: Pace,
    frames: Vec<u8>,
}

struct Pending {
    records: Vec<Record>,
    last: u64,
    needs_sync: bool,
    deleted: Arc<AtomicUsize>,
}

/// The file that a log goes on with.
enum Spare {
    None,
    /// A writer is creating one.
    Coming,
    Ready(LogWriter),
    /// None could be made; not tried again for the buffer that is being filled.
    Failed,
}

/// What a seal replaces.
#[derive(Debug, Clone)]
pub(crate) struct SealTask {
    pub(crate) logs: Vec<u64>,
    /// Sequence of the last frame in them.
    pub(crate) last: u64,
    /// What they delete.
    pub(crate) erasures: Vec<Erasure>,
    /// The caller's highest watermark up to there.
    pub(crate) watermark: u64,
}

/// The end of a log.
#[derive(Debug, Clone)]
pub(crate) struct LogEnd {
    /// The file in use.
    pub(crate) number: u64,
    /// Its bytes.
    pub(crate) length: u64,
    /// Sequence of the last frame.
    pub(crate) last: u64,
}

/// A log read back at opening.
pub(crate) struct Recovered {
    pub(crate) log: LogWriter,
    pub(crate) logs: Vec<u64>,
    pub(crate) spare: Option<LogWriter>,
    pub(crate) last: u64,
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) closed: bool,
    pub(crate) erasures: Vec<Erasure>,
    pub(crate) watermark: u64,
}

/// A write that was refused or failed.
#[derive(Debug)]
pub(crate) struct WriteError {
    pub(crate) error: Error,
    /// Whether it may be in the log all the same.
    pub(crate) in_doubt: bool,
}

/// A write in the log.
pub(crate) struct Written {
    pub(crate) sequence: u64,
    /// Live rows that it deleted; final once committed.
    pub(crate) deleted: Arc<AtomicUsize>,
}

impl Shard {
    pub(crate) fn new(number: u16, store: Arc<Store>, requests: Arc<Requests>, recovered: Recovered) -> Self {
        let Recovered { log, logs, spare, last, rows, bytes, closed, erasures, watermark } = recovered;
        let inner = Inner {
            number,
            store: Arc::clone(&store),
            progress: Progress::new(number, last),
            log,
            logs,
            spare: spare.map_or(Spare::None, Spare::Ready),
            earlier: Vec::new(),
            pending: VecDeque::new(),
            erasures,
            watermark,
            rows,
            bytes,
            closed,
            frozen: VecDeque::new(),
            failure: None,
            pace: Pace::default(),
            frames: Vec::new(),
        };
        Self { number, store, requests, commits: GroupCommit::new(inner) }
    }

    /// Appends a transaction to the log. It is neither durable nor visible before [`Shard::commit`].
    pub(crate) fn append(&self, records: Vec<Record>, durability: Durability) -> Result<Written, WriteError> {
        debug_assert!(
            durability.waits() || !records.iter().any(|record| matches!(record, Record::Delete(_))),
            "a deletion is seen before it is on disk"
        );
        let rows = records.iter().map(Record::rows).sum();
        let bytes = records.iter().map(Record::frame_length).sum();
        let mut inner = self.room(rows, bytes).map_err(|error| WriteError { error, in_doubt: false })?;
        inner.write(&records).inspect_err(|_| self.commits.notify())?;
        inner.rows += rows;
        inner.bytes += bytes;
        inner.closed = false;
        let written = Written { sequence: inner.progress.last, deleted: Arc::default() };
        let pending = Pending {
            records,
            last: written.sequence,
            needs_sync: durability.waits(),
            deleted: Arc::clone(&written.deleted),
        };
        inner.pending.push_back(pending);
        inner.reveal();
        if durability == Durability::Interval {
            self.requests.sync();
        }
        let (wait, makes_spare) = (inner.pressure(rows, &self.store), inner.wants_spare(&self.store));
        drop(inner);
        if makes_spare {
            self.make_spare();
        }
        thread::sleep(wait);
        Ok(written)
    }

    /// Returns when everything up to a sequence is visible, and durable as asked for.
    pub(crate) fn commit(&self, sequence: u64, durability: Durability) -> Result<(), WriteError> {
        self.commits.commit(sequence, durability == Durability::Each).map_err(WriteError::in_doubt)
    }

    /// Returns when everything up to a sequence is on disk.
    pub(crate) fn wait_durable(&self, sequence: u64) -> Result<(), Error> {
        self.commits.wait_durable(sequence)
    }

    /// Makes everything durable that was appended before.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.commits.sync()
    }

    /// Waits until the frozen buffers are sealed, then freezes the active one, if it holds anything. Returns
    /// the sequence up to which everything will be in segments then.
    pub(crate) fn start_sealing(&self) -> Result<u64, Error> {
        let mut inner = self.commits.lock();
        let mut tried = inner.failure.is_some();
        if tried {
            self.retry(&mut inner);
        }
        if let Some(last) = inner.frozen.back().map(|task| task.last) {
            drop(inner);
            self.finish_sealing(last)?;
            inner = self.commits.lock();
        }
        loop {
            if inner.bytes == 0 {
                return Ok(inner.frozen.back().map_or(0, |task| task.last));
            }
            inner.progress.writable()?;
            inner = self.freeze_round(inner, &mut tried)?;
        }
    }

    /// Returns when everything up to a sequence is in segments, whatever was frozen since.
    pub(crate) fn finish_sealing(&self, target: u64) -> Result<(), Error> {
        let mut inner = self.commits.lock();
        loop {
            if inner.frozen.front().is_none_or(|task| task.last > target) {
                return Ok(());
            }
            if let Some(failure) = &inner.failure {
                return Err(failure.error(self.number));
            }
            inner = self.commits.wait(inner);
        }
    }

    /// What is to be sealed next.
    pub(crate) fn seal_task(&self) -> Option<SealTask> {
        let inner = self.commits.lock();
        if inner.failure.is_some() { None } else { inner.frozen.front().cloned() }
    }

    /// The manifest holds the oldest buffer's segment now: shows it in the buffer's place.
    pub(crate) fn sealed(&self, segment: Option<Arc<Segment>>) {
        let mut inner = self.commits.lock();
        let number = usize::from(self.number);
        self.store.state.rcu(|state| state.sealed(number, segment.clone()));
        if let Some(task) = inner.frozen.pop_front() {
            inner.progress.durable = inner.progress.durable.max(task.last);
            inner.earlier.retain(|(number, ..)| !task.logs.contains(number));
        }
        let more = !inner.frozen.is_empty();
        inner.pace.sealed(more);
        self.commits.notify();
    }

    /// The buffer could not be sealed; its rows stay where they are, and a later write or seal tries again.
    pub(crate) fn sealing_failed(&self, failure: Failure) {
        self.commits.lock().failure = Some(failure);
        self.commits.notify();
    }

    /// Makes everything durable and marks the end of the log, so that the next opening need not doubt it.
    pub(crate) fn close(&self) -> Result<(), Error> {
        self.sync()?;
        let mut inner = self.commits.lock();
        if inner.closed {
            return Ok(());
        }
        inner.write(&[Record::Close]).map_err(|error| error.error)?;
        inner.closed = true;
        drop(self.commits.sync_round(inner)?);
        Ok(())
    }

    /// What was deleted by records that are still in the log.
    pub(crate) fn erasures(&self) -> Vec<Erasure> {
        let inner = self.commits.lock();
        let task = inner.frozen.iter().flat_map(|task| &task.erasures);
        task.chain(&inner.erasures).copied().collect()
    }

    /// The caller's highest watermark among the writes that are visible; 0 if there is none.
    pub(crate) fn watermark(&self) -> u64 {
        self.commits.lock().watermark
    }

    /// Where the log ends now.
    pub(crate) fn log_end(&self) -> LogEnd {
        let inner = self.commits.lock();
        LogEnd { number: inner.log.number, length: inner.log.length, last: inner.progress.last }
    }

    /// The lock, once the active buffer has room for a write. Sets a full buffer aside; waits while too many
    /// are, so that memory stays bounded.
    fn room(&self, rows: usize, bytes: usize) -> Result<Guard<'_>, Error> {
        let mut inner = self.commits.lock();
        let mut tried = false;
        loop {
            inner.progress.writable()?;
            let fits =
                inner.rows + rows <= self.store.options.seal_rows && inner.bytes + bytes <= MAX_BUFFER_BYTES;
            if fits || inner.bytes == 0 {
                return Ok(inner);
            }
            inner = self.freeze_round(inner, &mut tried)?;
        }
    }

    /// Sets the active buffer aside, or waits for what that needs. A seal that failed is tried again, once.
    fn freeze_round<'a>(&'a self, mut inner: Guard<'a>, tried: &mut bool) -> Result<Guard<'a>, Error> {
        if let Some(failure) = &inner.failure {
            if *tried {
                return Err(failure.error(self.number));
            }
            *tried = true;
            self.retry(&mut inner);
            return Ok(self.commits.wait(inner));
        }
        if inner.frozen.len() >= MAX_FROZEN || matches!(inner.spare, Spare::Coming) {
            return Ok(self.commits.wait(inner));
        }
        if !inner.is_all_visible() {
            return self.commits.sync_round(inner);
        }
        self.freeze(&mut inner)?;
        Ok(inner)
    }

    /// Has what failed tried again. Its jobs were taken.
    fn retry(&self, inner: &mut Inner) {
        inner.failure = None;
        inner.frozen.iter().for_each(|_| self.request_sealing());
    }

    fn freeze(&self, inner: &mut Inner) -> Result<(), Error> {
        let next = match std::mem::replace(&mut inner.spare, Spare::None) {
            Spare::Ready(spare) => spare,
            _ => self.listed_log()?,
        };
        let full = std::mem::replace(&mut inner.log, next);
        if inner.progress.durable < inner.progress.last {
            inner.earlier.push((full.number, full.file, full.path));
        }
        let logs = std::mem::replace(&mut inner.logs, vec![inner.log.number]);
        let erasures = std::mem::take(&mut inner.erasures);
        let (last, watermark) = (inner.progress.last, inner.watermark);
        inner.frozen.push_back(SealTask { logs, last, erasures, watermark });
        inner.pace.freeze();
        (inner.rows, inner.bytes, inner.closed) = (0, 0, true);
        self.store.state.rcu(|state| state.freeze(usize::from(self.number)));
        self.request_sealing();
        Ok(())
    }

    /// Makes the file that the log will go on with, without the lock, so that no writer waits for it when the
    /// buffer is full.
    fn make_spare(&self) {
        let made = self.listed_log();
        let mut inner = self.commits.lock();
        inner.spare = match made {
            Ok(spare) => Spare::Ready(spare),
            Err(error) => {
                tracing::debug!(shard = self.number, %error, "no log to go on with could be made yet");
                Spare::Failed
            }
        };
        self.commits.notify();
    }

    /// A new log file that the manifest lists.
    fn listed_log(&self) -> Result<LogWriter, Error> {
        let log = self.store.new_log(self.number)?;
        let mut committer = self.store.committer();
        self.store.commit(&mut committer, self.number, &[log.path.to_path_buf()], |body| {
            body.shards[usize::from(self.number)].logs.push(log.number);
        })?;
        Ok(log)
    }

    fn request_sealing(&self) {
        self.requests.seal(self.number);
    }
}

impl WriteError {
    fn in_doubt(error: Error) -> Self {
        Self { error, in_doubt: true }
    }
}
