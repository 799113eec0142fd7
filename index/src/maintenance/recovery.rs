//! Recovery: from the files to the state that they stand for.
//!
//! Segments are mapped and logs are replayed. A log that its owner did not close is copied up to its last
//! whole transaction. The copy is on disk before the manifest names it. After a crash the page cache can
//! show more than the disk holds, and only what is on disk may be served.

mod leftovers;
mod log;

use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::options::Access;
use crate::storage::file::{self, PublishError, damaged, name};
use crate::storage::manifest::{Manifest, SegmentEntry};
use crate::storage::segment::Segment;
use crate::storage::state::{Sealed, State};
use crate::storage::tombstone::Tombstones;
use crate::write::logs::Ended;
use crate::write::shard::Recovered;

pub(crate) use leftovers::{files, remove_unlisted};
pub(crate) use log::Log;
use log::Replayed;

/// An index read back.
pub(crate) struct Opened {
    pub(crate) manifest: Manifest,
    /// File numbers from here on are free.
    pub(crate) next_file: u64,
    pub(crate) state: State,
    pub(crate) shards: Vec<Recovered>,
}

/// Reads an index back. The caller holds its lock.
pub(crate) fn open(directory: &Path) -> Result<Opened, Error> {
    let mut manifest = Manifest::load(directory)?;
    leftovers::remove_temporary(directory)?;
    let mut next_file = manifest.body.next_file.max(leftovers::highest_number(directory)? + 1);
    let mut state = State::empty(manifest.body.options.shards);
    state.segments = segments(directory, &manifest)?;
    let mut logs = Vec::new();
    for shard in 0..manifest.body.options.shards {
        let log = Log::new(directory, &manifest, shard, Access::ReadWrite)?;
        let (replayed, next) = log.replay(state)?;
        state = next;
        logs.push((log, replayed));
    }
    let rewritten = match rewrite(directory, &mut manifest, &mut next_file, &logs) {
        Ok(rewritten) => rewritten,
        Err(error @ Error::Full { .. }) => {
            tracing::warn!(%error, "the disk is full: logs are settled where they are instead of being copied");
            for (log, replayed) in logs.iter().filter(|(_, replayed)| !replayed.closed) {
                log.make_durable_in_place(replayed)?;
            }
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    if rewritten.iter().all(Option::is_none) {
        // No manifest was published here, and the one that was read may be in the system's cache only: its
        // owner may have ended between its rename and the sync. What follows relies on it.
        file::sync_directory(directory)?;
    }
    leftovers::remove_leftovers(directory, &manifest)?;
    let mut rewritten = rewritten.into_iter().chain(std::iter::repeat_with(|| None));
    let shards = logs.into_iter().map(|(log, replayed)| match rewritten.next().flatten() {
        Some(recovered) => Ok(recovered),
        None => log.reuse(replayed),
    });
    Ok(Opened { shards: shards.collect::<Result<_, Error>>()?, manifest, next_file, state })
}

/// Reads an index back and changes nothing: what a crash left unsettled is settled in memory only. The caller
/// keeps writers away.
pub(crate) fn read(directory: &Path) -> Result<(Manifest, State, Vec<Ended>), Error> {
    let manifest = Manifest::load(directory)?;
    let mut state = State::empty(manifest.body.options.shards);
    state.segments = segments(directory, &manifest)?;
    let mut logs = Vec::new();
    for shard in 0..manifest.body.options.shards {
        let log = Log::new(directory, &manifest, shard, Access::ReadOnly)?;
        let (replayed, next) = log.replay(state)?;
        state = next;
        let (end, watermark) = (log.end(&replayed), replayed.watermark());
        logs.push(Ended { end, watermark, erasures: replayed.into_erasures() });
    }
    Ok((manifest, state, logs))
}

fn segments(directory: &Path, manifest: &Manifest) -> Result<Arc<Vec<Sealed>>, Error> {
    let entries = manifest.body.segments.iter();
    Ok(Arc::new(entries.map(|entry| segment(directory, manifest, entry)).collect::<Result<_, _>>()?))
}

/// Reads what can be read and changes nothing; also says what cannot.
pub(crate) fn salvage(directory: &Path) -> Result<(Manifest, State, Vec<Error>), Error> {
    let manifest = Manifest::load(directory)?;
    let mut problems = Vec::new();
    let mut state = State::empty(manifest.body.options.shards);
    let mut segments = Vec::new();
    for entry in &manifest.body.segments {
        match segment(directory, &manifest, entry) {
            Ok(sealed) => {
                problems.extend(sealed.segment.check(&|| Ok(()))?);
                segments.push(sealed);
            }
            Err(error) => problems.push(error),
        }
    }
    state.segments = Arc::new(segments);
    for shard in 0..manifest.body.options.shards {
        let read = Log::new(directory, &manifest, shard, Access::ReadOnly).and_then(|log| {
            log.read(|transaction| {
                state = state.applied(usize::from(shard), &transaction.records).0;
                Ok(())
            })
        });
        problems.extend(read.err());
    }
    Ok((manifest, state, problems))
}

/// Copies every log that was not closed and publishes a manifest that names the copies. On an error
/// everything is as before.
fn rewrite(
    directory: &Path,
    manifest: &mut Manifest,
    next_file: &mut u64,
    logs: &[(Log, Replayed)],
) -> Result<Vec<Option<Recovered>>, Error> {
    let mut next = manifest.clone();
    let mut rewritten: Vec<Option<Recovered>> = Vec::new();
    let written = logs.iter().zip(&mut next.body.shards).try_for_each(|((log, replayed), entry)| {
        let copy = match replayed.closed {
            true => None,
            false => Some(log.rewrite(replayed, next_file, next.epoch)?),
        };
        if let Some(copy) = &copy {
            entry.logs.clone_from(&copy.logs);
            entry.durable = copy.last;
        }
        rewritten.push(copy);
        Ok(())
    });
    let copies = || rewritten.iter().flatten();
    let published = written.map_err(PublishError::Unchanged).and_then(|()| {
        if copies().next().is_none() {
            return Ok(());
        }
        next.epoch += 1;
        next.body.next_file = *next_file;
        next.publish(directory)
    });
    match published {
        Ok(()) => {
            *manifest = next;
            Ok(rewritten)
        }
        Err(PublishError::Unchanged(error)) => {
            copies().for_each(|copy| file::discard(&copy.log.path));
            Err(error)
        }
        Err(PublishError::InDoubt(error)) => Err(error),
    }
}

/// A segment with its tombstones.
pub(crate) fn segment(directory: &Path, manifest: &Manifest, entry: &SegmentEntry) -> Result<Sealed, Error> {
    let Manifest { index, body, .. } = manifest;
    let segment = Segment::open(directory, *index, body.options.dimension, entry)?;
    let Some(dead) = body.tombstones.iter().find(|dead| dead.segment == entry.file) else {
        return Ok(Sealed { segment: Arc::new(segment), dead: None });
    };
    let path = directory.join(name::tombstones(dead.file));
    let bytes = file::read_small(&path, Tombstones::file_length(segment.rows()) as u64)?;
    let read = Tombstones::parse(&bytes, &path, *index, dead.file, entry.file, segment.rows())?;
    if read.len() as u64 != dead.dead {
        return Err(damaged(&path, 80, format!("{} dead rows", dead.dead), read.len()));
    }
    Ok(Sealed { segment: Arc::new(segment), dead: Some(Arc::new(read)) })
}
