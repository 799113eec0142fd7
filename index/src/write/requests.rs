//! Requests to the background threads. This module knows neither who makes them nor who serves them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::row::SYNC_INTERVAL;

/// A request to the thread that seals buffers.
#[derive(Debug)]
pub(crate) enum SealRequest {
    /// Seal the oldest full buffer of this shard.
    Shard(u16),
    /// End.
    Stop,
}

/// A request to the thread that compacts segments.
#[derive(Debug)]
pub(crate) enum CompactRequest {
    /// There is a new segment: compact what is due.
    NewSegment,
    /// End.
    Stop,
}

/// The sending ends of all requests.
pub(crate) struct Requests {
    seal: Sender<SealRequest>,
    compact: Sender<CompactRequest>,
    sync: SyncRequest,
}

/// Whether a sync is due. Many requests within one interval are served by one sync.
#[derive(Default)]
struct SyncRequest {
    state: Mutex<SyncState>,
    changed: Condvar,
}

#[derive(Default)]
struct SyncState {
    requested: bool,
    closing: bool,
}

impl Requests {
    /// New requests, and the receiving ends for the two threads that are sent single requests.
    pub(crate) fn new() -> (Self, Receiver<SealRequest>, Receiver<CompactRequest>) {
        let ((seal, seals), (compact, compactions)) = (channel(), channel());
        (Self { seal, compact, sync: SyncRequest::default() }, seals, compactions)
    }

    // The threads live until `stop`, and nothing is requested after it: a failed send needs no handling.

    /// Asks for the oldest full buffer of a shard to be sealed.
    pub(crate) fn seal(&self, shard: u16) {
        let _ = self.seal.send(SealRequest::Shard(shard));
    }

    /// Asks for compaction, as there is a new segment.
    pub(crate) fn compact(&self) {
        let _ = self.compact.send(CompactRequest::NewSegment);
    }

    /// Asks for a sync within [`SYNC_INTERVAL`].
    pub(crate) fn sync(&self) {
        let mut state = self.sync.lock();
        if !state.requested {
            state.requested = true;
            self.sync.changed.notify_one();
        }
    }

    /// Waits for a sync request, then for half the interval, so that one sync serves all requests made
    /// meanwhile. Returns `false` once the index is being closed.
    pub(crate) fn wait_for_sync(&self) -> bool {
        let SyncRequest { changed, .. } = &self.sync;
        let asked = changed.wait_while(self.sync.lock(), |state| !state.requested && !state.closing);
        let asked = asked.unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(asked, SYNC_INTERVAL / 2, |state| !state.closing);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.requested = false;
        !state.closing
    }

    /// Asks all threads to end.
    pub(crate) fn stop(&self) {
        let _ = self.seal.send(SealRequest::Stop);
        let _ = self.compact.send(CompactRequest::Stop);
        self.sync.lock().closing = true;
        self.sync.changed.notify_one();
    }
}

impl SyncRequest {
    fn lock(&self) -> MutexGuard<'_, SyncState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
