//! One shard: its log and the order in which its writes become durable and visible.
//!
//! A write is appended to the log under the shard's lock, then waits for a sync. Whoever finds no sync under way
//! does one, for everybody who appended before it began; the others wait for it. Only then do the rows appear in
//! the state, in the order of the log. So a view never shows what a power cut could take back (bulk writes aside),
//! and shows a prefix of each shard's log.
//!
//! A failed write or sync ends the shard's writing until the index is reopened.

mod group_commit;

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::erasure::Erasure;
use crate::error::Error;
use crate::file;
use crate::locks::MutexGuard;
use crate::options::MAX_BUFFER_BYTES;
use crate::row::Durability;
use crate::sealing::{Failure, Job};
use crate::segment::Segment;
use crate::store::Store;
use crate::wal::frame::{Encoder, Record};
use crate::wal::writer::{AppendError, Writer};
use group_commit::{GroupCommit, Progress};

/// The write side of a shard.
pub(crate) struct Shard {
    number: u16,
    store: Arc<Store>,
    commits: GroupCommit<Inner>,
}

type Guard<'a> = MutexGuard<'a, Inner>;

struct Inner {
    number: u16,
    store: Arc<Store>,
    progress: Progress,
    log: Writer,
    /// Numbers of the files that hold the active buffer's rows; the last is `log`.
    logs: Vec<u64>,
    /// An empty file, listed in the manifest, to go on with.
    spare: Option<Writer>,
    /// The file before `log`, while bytes of it may not be on disk.
    earlier: Option<(Arc<File>, Arc<Path>)>,
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
    sealing: Sealing,
    frames: Vec<u8>,
}

struct Pending {
    records: Vec<Record>,
    last: u64,
    needs_sync: bool,
    deleted: Arc<AtomicUsize>,
}

/// The buffer that was set aside.
enum Sealing {
    Idle,
    Running(Aside),
    Failed(Aside, Failure),
}

/// What a seal replaces.
#[derive(Debug, Clone)]
pub(crate) struct Aside {
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
    pub(crate) log: Writer,
    pub(crate) logs: Vec<u64>,
    pub(crate) spare: Option<Writer>,
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
    pub(crate) fn new(number: u16, store: Arc<Store>, recovered: Recovered) -> Self {
        let Recovered { log, logs, spare, last, rows, bytes, closed, erasures, watermark } = recovered;
        let inner = Inner {
            number,
            store: Arc::clone(&store),
            progress: Progress::new(number, last),
            log,
            logs,
            spare,
            earlier: None,
            pending: VecDeque::new(),
            erasures,
            watermark,
            rows,
            bytes,
            closed,
            sealing: Sealing::Idle,
            frames: Vec::new(),
        };
        Self { number, store, commits: GroupCommit::new(inner) }
    }

    /// Appends a transaction to the log. It is neither durable nor visible before [`Shard::commit`].
    pub(crate) fn append(&self, records: Vec<Record>, durability: Durability) -> Result<Written, WriteError> {
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
            self.store.syncer.request();
        }
        Ok(written)
    }

    /// Returns when everything up to a sequence is visible, and durable as asked for.
    pub(crate) fn commit(&self, sequence: u64, durability: Durability) -> Result<(), WriteError> {
        self.commits.commit(sequence, durability == Durability::Each).map_err(WriteError::in_doubt)
    }

    /// Makes everything durable that was appended before.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.commits.sync()
    }

    /// Sets the active buffer aside for sealing, if it holds anything. Waits for one that is being sealed.
    pub(crate) fn start_sealing(&self) -> Result<(), Error> {
        let mut inner = self.commits.lock();
        let mut tried = false;
        loop {
            inner = match inner.sealing {
                Sealing::Idle if inner.bytes == 0 => return Ok(()),
                Sealing::Idle if inner.is_settled() => {
                    inner.progress.writable()?;
                    return self.set_aside(&mut inner);
                }
                Sealing::Idle => {
                    inner.progress.writable()?;
                    self.commits.sync_round(inner)?
                }
                _ => self.sealing_round(inner, &mut tried)?,
            };
        }
    }

    /// Returns when no buffer is being sealed.
    pub(crate) fn finish_sealing(&self) -> Result<(), Error> {
        let mut inner = self.commits.lock();
        loop {
            inner = match &inner.sealing {
                Sealing::Idle => return Ok(()),
                Sealing::Running(_) => self.commits.wait(inner),
                Sealing::Failed(_, failure) => return Err(failure.error(self.number)),
            };
        }
    }

    /// What is to be sealed.
    pub(crate) fn aside(&self) -> Option<Aside> {
        match &self.commits.lock().sealing {
            Sealing::Running(aside) => Some(aside.clone()),
            _ => None,
        }
    }

    /// The manifest holds the buffer's segment now: shows it in the buffer's place.
    pub(crate) fn sealed(&self, segment: Option<Arc<Segment>>, spare: Writer) {
        let mut inner = self.commits.lock();
        let number = usize::from(self.number);
        self.store.state.rcu(|state| state.sealed(number, segment.clone()));
        if let Sealing::Running(aside) = std::mem::replace(&mut inner.sealing, Sealing::Idle) {
            inner.progress.durable = inner.progress.durable.max(aside.last);
        }
        inner.earlier = None;
        inner.spare = Some(spare);
        self.commits.notify();
    }

    /// The buffer could not be sealed; its rows stay where they are, and a later write or seal tries again.
    pub(crate) fn sealing_failed(&self, failure: Failure) {
        let mut inner = self.commits.lock();
        if let Sealing::Running(aside) = std::mem::replace(&mut inner.sealing, Sealing::Idle) {
            inner.sealing = Sealing::Failed(aside, failure);
        }
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
        let aside = match &inner.sealing {
            Sealing::Running(aside) | Sealing::Failed(aside, _) => &aside.erasures[..],
            Sealing::Idle => &[],
        };
        [aside, &inner.erasures].concat()
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

    /// The lock, once the active buffer has room for a write. Sets a full buffer aside; waits while the one before is
    /// still being sealed, so that memory stays bounded.
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
            inner = match inner.sealing {
                Sealing::Idle if inner.is_settled() => {
                    self.set_aside(&mut inner)?;
                    inner
                }
                Sealing::Idle => self.commits.sync_round(inner)?,
                _ => self.sealing_round(inner, &mut tried)?,
            };
        }
    }

    /// Waits for a seal under way; tries a failed one again, once.
    fn sealing_round<'a>(&'a self, mut inner: Guard<'a>, tried: &mut bool) -> Result<Guard<'a>, Error> {
        inner.sealing = match std::mem::replace(&mut inner.sealing, Sealing::Idle) {
            Sealing::Failed(aside, failure) if *tried => {
                let error = failure.error(self.number);
                inner.sealing = Sealing::Failed(aside, failure);
                return Err(error);
            }
            Sealing::Failed(aside, _) => {
                *tried = true;
                self.request_sealing();
                Sealing::Running(aside)
            }
            other => other,
        };
        Ok(self.commits.wait(inner))
    }

    fn set_aside(&self, inner: &mut Inner) -> Result<(), Error> {
        let next = match inner.spare.take() {
            Some(spare) => spare,
            None => self.listed_log()?,
        };
        let full = std::mem::replace(&mut inner.log, next);
        if inner.progress.durable < inner.progress.last {
            inner.earlier = Some((full.file, full.path));
        }
        let logs = std::mem::replace(&mut inner.logs, vec![inner.log.number]);
        let erasures = std::mem::take(&mut inner.erasures);
        inner.sealing =
            Sealing::Running(Aside { logs, last: inner.progress.last, erasures, watermark: inner.watermark });
        (inner.rows, inner.bytes, inner.closed) = (0, 0, true);
        self.store.state.rcu(|state| state.set_aside(usize::from(self.number)));
        self.request_sealing();
        Ok(())
    }

    /// A new log file that the manifest lists.
    fn listed_log(&self) -> Result<Writer, Error> {
        let log = self.store.new_log(self.number)?;
        let mut committer = self.store.committer();
        self.store.commit(&mut committer, self.number, &[log.path.to_path_buf()], |body| {
            body.shards[usize::from(self.number)].logs.push(log.number);
        })?;
        Ok(log)
    }

    fn request_sealing(&self) {
        // The sealer lives until the index is closed, and nobody writes after that.
        let _ = self.store.jobs.send(Job::Seal(self.number));
    }
}

impl group_commit::Log for Inner {
    /// The file before the one in use, and that.
    type Files = [Option<(Arc<File>, Arc<Path>)>; 2];

    fn progress(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn files(&self) -> Self::Files {
        [self.earlier.clone(), Some((Arc::clone(&self.log.file), Arc::clone(&self.log.path)))]
    }

    fn sync(files: Self::Files) -> Result<(), Error> {
        files.iter().flatten().try_for_each(|(file, path)| file::sync(file, path))
    }

    fn synced(&mut self) {
        self.earlier = None;
        self.reveal();
    }
}

impl Inner {
    /// Moves what may be seen from the log's end into the state, in order.
    fn reveal(&mut self) {
        while let Some(pending) = self.pending.pop_front() {
            if pending.needs_sync && pending.last > self.progress.durable {
                self.pending.push_front(pending);
                return;
            }
            self.store.state.rcu(|state| {
                let (next, deleted) = state.applied(usize::from(self.number), &pending.records);
                pending.deleted.store(deleted, Ordering::Relaxed);
                next
            });
            self.progress.visible = pending.last;
            let marks = pending.records.iter().map(Record::watermark);
            self.watermark = marks.fold(self.watermark, u64::max);
            self.erasures.extend(Erasure::of(self.store.index, &pending.records, pending.last));
        }
    }

    /// Whether all that is in the log is in the state.
    fn is_settled(&self) -> bool {
        self.pending.is_empty() && !self.progress.is_syncing()
    }

    fn write(&mut self, records: &[Record]) -> Result<(), WriteError> {
        let mut frames = std::mem::take(&mut self.frames);
        frames.clear();
        let (sequence, durable) = (self.progress.last, self.progress.durable);
        let mut encoder =
            Encoder { out: &mut frames, seed: self.log.seed, chain: self.log.chain, sequence, durable };
        encoder.transaction(records);
        let (chain, last) = (encoder.chain, encoder.sequence);
        let appended = self.log.append(&frames, chain);
        if frames.capacity() <= MAX_BUFFER_BYTES / 8 {
            self.frames = frames;
        }
        match appended {
            Ok(()) => {
                self.progress.last = last;
                Ok(())
            }
            Err(AppendError::Clean(error)) => Err(WriteError { error, in_doubt: false }),
            Err(AppendError::InDoubt(error)) => {
                self.progress.fail(&error);
                Err(WriteError::in_doubt(error))
            }
        }
    }
}

impl WriteError {
    fn in_doubt(error: Error) -> Self {
        Self { error, in_doubt: true }
    }
}
