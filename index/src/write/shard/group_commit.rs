//! Group commit: one waiting writer syncs the log for all that was appended before the sync began.
//!
//! A write is acknowledged only after a sync that began after it has succeeded. After a failed sync or a
//! failed write every later write is an error. The system may drop the data and report success to the next
//! sync, so there is no next sync.

use crate::error::Error;
use crate::write::locks::{Condvar, Mutex, MutexGuard};

/// How far a log has come.
#[derive(Debug)]
pub(super) struct Progress {
    shard: u16,
    /// Sequence of the last frame.
    pub(super) last: u64,
    /// Sequence up to which everything is on disk.
    pub(super) durable: u64,
    /// Sequence up to which everything is in the state.
    pub(super) visible: u64,
    syncing: bool,
    /// What ended the shard's writing.
    failure: Option<String>,
}

/// What a group shares: a log, or in tests the model of one.
pub(super) trait SyncedLog {
    /// What has to be synced for all that was appended so far to be on disk.
    type Files;

    fn progress(&mut self) -> &mut Progress;
    fn files(&self) -> Self::Files;
    /// Done without the lock, so that others append meanwhile.
    fn sync(files: Self::Files) -> Result<(), Error>;
    /// More is durable: shows what may be seen now.
    fn synced(&mut self);
}

/// A log under a lock.
pub(super) struct GroupCommit<L> {
    log: Mutex<L>,
    /// Signals the end of a sync, and any other change that is waited for.
    changed: Condvar,
}

impl Progress {
    /// Of a log that is on disk and in the state up to its end.
    pub(super) fn new(shard: u16, last: u64) -> Self {
        Self { shard, last, durable: last, visible: last, syncing: false, failure: None }
    }

    pub(super) fn is_syncing(&self) -> bool {
        self.syncing
    }

    pub(super) fn writable(&self) -> Result<(), Error> {
        match &self.failure {
            Some(reason) => Err(Error::ReadOnly { shard: self.shard, reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Ends the shard's writing.
    pub(super) fn fail(&mut self, error: &Error) {
        tracing::error!(%error, "a shard takes no more writes until the index is reopened");
        self.failure.get_or_insert_with(|| error.to_string());
    }
}

impl<L: SyncedLog> GroupCommit<L> {
    pub(super) fn new(log: L) -> Self {
        Self { log: Mutex::new(log), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, L> {
        self.log.lock().unwrap_or_else(|poisoned| after_panic(poisoned.into_inner()))
    }

    /// Waits for a change.
    pub(super) fn wait<'a>(&'a self, log: MutexGuard<'a, L>) -> MutexGuard<'a, L> {
        self.changed.wait(log).unwrap_or_else(|poisoned| after_panic(poisoned.into_inner()))
    }

    /// Wakes all who wait.
    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Returns when everything up to a sequence is visible; with `own`, also after a sync of its own.
    pub(super) fn commit(&self, sequence: u64, own: bool) -> Result<(), Error> {
        let mut log = self.lock();
        if own {
            while log.progress().syncing {
                log = self.wait(log);
            }
            log.progress().writable()?;
            log = self.sync_round(log)?;
        }
        while log.progress().visible < sequence {
            log.progress().writable()?;
            log = self.sync_round(log)?;
        }
        Ok(())
    }

    /// Makes everything durable that was appended before.
    pub(super) fn sync(&self) -> Result<(), Error> {
        let log = self.lock();
        let mut log = self.sync_to(u64::MAX, log)?;
        log.progress().writable()
    }

    /// Returns when everything up to a sequence is on disk. What is beyond the end of the log is not waited
    /// for.
    pub(super) fn wait_durable(&self, sequence: u64) -> Result<(), Error> {
        let log = self.lock();
        self.sync_to(sequence, log).map(drop)
    }

    fn sync_to<'a>(&'a self, sequence: u64, mut log: MutexGuard<'a, L>) -> Result<MutexGuard<'a, L>, Error> {
        let target = log.progress().last.min(sequence);
        while log.progress().durable < target {
            log.progress().writable()?;
            log = self.sync_round(log)?;
        }
        Ok(log)
    }

    /// Does one sync for all that was appended so far, or waits for the one under way.
    pub(super) fn sync_round<'a>(&'a self, mut log: MutexGuard<'a, L>) -> Result<MutexGuard<'a, L>, Error> {
        if log.progress().syncing {
            return Ok(self.wait(log));
        }
        log.progress().syncing = true;
        let target = log.progress().last;
        let files = log.files();
        drop(log);
        let synced = L::sync(files);
        let mut log = self.lock();
        let progress = log.progress();
        progress.syncing = false;
        match &synced {
            Err(error) => progress.fail(error),
            Ok(()) => {
                progress.durable = progress.durable.max(target);
                log.synced();
            }
        }
        self.notify();
        synced.map(|()| log)
    }
}

fn after_panic<L: SyncedLog>(mut log: MutexGuard<'_, L>) -> MutexGuard<'_, L> {
    log.progress().failure.get_or_insert_with(|| "a panic while writing".into());
    log
}

#[cfg(all(loom, test))]
mod loom_tests;
