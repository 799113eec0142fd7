//! Syncs that nobody waits for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::row::SYNC_INTERVAL;
use crate::shard::Shard;

/// Whether a sync is due.
#[derive(Default)]
pub(crate) struct Syncer {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requested: bool,
    closing: bool,
}

impl Syncer {
    /// Asks for a sync within [`SYNC_INTERVAL`].
    pub(crate) fn request(&self) {
        let mut state = self.lock();
        if !state.requested {
            state.requested = true;
            self.changed.notify_one();
        }
    }

    /// Ends the thread that syncs.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a request, then for the interval, so that one sync serves all who ask meanwhile. `false`: closing.
    fn wait(&self) -> bool {
        let asked = self.changed.wait_while(self.lock(), |state| !state.requested && !state.closing);
        let asked = asked.unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(asked, SYNC_INTERVAL / 2, |state| !state.closing);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.requested = false;
        !state.closing
    }
}

/// Syncs the shards when asked to, until told to stop. What closing leaves is synced by closing.
pub(crate) fn run(syncer: &Syncer, shards: &[Shard]) {
    while syncer.wait() {
        for shard in shards {
            if let Err(error) = shard.sync() {
                tracing::error!(%error, "writes that were acknowledged before their sync may be lost");
            }
        }
    }
}
