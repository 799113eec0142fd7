//! What is done under the lock of a shard: appending to the log, and showing what became durable.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::group_commit::{Progress, SyncedLog};
use super::{Inner, MAX_FROZEN, Spare, WriteError};
use crate::error::Error;
use crate::options::MAX_BUFFER_BYTES;
use crate::storage::buffer::row_bytes;
use crate::storage::erasure::Erasure;
use crate::storage::file;
use crate::storage::store::Store;
use crate::storage::wal::frame::{Encoder, Record};
use crate::storage::wal::writer::AppendError;

impl SyncedLog for Inner {
    /// Files before the one in use, and that.
    type Files = Vec<(Arc<File>, Arc<Path>)>;

    fn progress(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn files(&self) -> Self::Files {
        let earlier = self.earlier.iter().map(|(_, file, path)| (Arc::clone(file), Arc::clone(path)));
        earlier.chain([(Arc::clone(&self.log.file), Arc::clone(&self.log.path))]).collect()
    }

    fn sync(files: Self::Files) -> Result<(), Error> {
        files.iter().try_for_each(|(file, path)| file::sync(file, path))
    }

    fn synced(&mut self) {
        self.earlier.clear();
        self.reveal();
    }
}

impl Inner {
    /// Moves what may be seen from the log's end into the state, in order.
    pub(super) fn reveal(&mut self) {
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

    /// How long a writer of some rows waits, so that the buffer fills no faster than those before it are
    /// sealed.
    pub(super) fn pressure(&mut self, rows: usize, store: &Store) -> Duration {
        if self.frozen.len() < MAX_FROZEN {
            return Duration::ZERO;
        }
        let most = MAX_BUFFER_BYTES / row_bytes(store.options.dimension);
        self.pace.wait(rows, store.options.seal_rows.min(most))
    }

    /// Whether the caller is the one to make the file that the log goes on with: once the buffer is half full.
    pub(super) fn wants_spare(&mut self, store: &Store) -> bool {
        let half = self.rows >= store.options.seal_rows.div_ceil(2) || self.bytes >= MAX_BUFFER_BYTES / 2;
        let wanted = half && matches!(self.spare, Spare::None) && self.progress.writable().is_ok();
        if wanted {
            self.spare = Spare::Coming;
        }
        wanted
    }

    /// Whether all that is in the log is in the state.
    pub(super) fn is_all_visible(&self) -> bool {
        self.pending.is_empty() && !self.progress.is_syncing()
    }

    pub(super) fn write(&mut self, records: &[Record]) -> Result<(), WriteError> {
        self.store.expect_there().map_err(|error| WriteError { error, in_doubt: false })?;
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
