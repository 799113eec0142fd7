//! Sealing: turning full buffers into segments, in the background.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use crate::error::Error;
use crate::graph::build::Parameters;
use crate::storage::file::name;
use crate::storage::manifest::{SegmentEntry, TombstoneEntry};
use crate::storage::segment::Segment;
use crate::storage::segment::writer::{self, Extras, Source};
use crate::storage::state::Sealed;
use crate::storage::store::{Committer, Store};
use crate::write::requests::{Requests, SealRequest};
use crate::write::shard::{Failure, SealTask, Shard};

/// Seals what is requested, until told to stop.
pub(crate) fn run(store: &Store, shards: &[Shard], requests: &Requests, seals: &Receiver<SealRequest>) {
    while let Ok(SealRequest::Shard(number)) = seals.recv() {
        let Some(shard) = shards.get(usize::from(number)) else { continue };
        let Some(task) = shard.seal_task() else { continue };
        match catch_unwind(AssertUnwindSafe(|| seal(store, shard, number, &task))) {
            Ok(Ok(())) => {
                if store.options.background_compaction {
                    requests.compact();
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(shard = number, %error, "a buffer could not be sealed; its rows stay in the log");
                shard.sealing_failed(Failure::of(&error));
            }
            Err(_) => {
                shard.sealing_failed(Failure::Other("a panic, which is a defect of this program".into()))
            }
        }
    }
}

fn seal(store: &Store, shard: &Shard, number: u16, task: &SealTask) -> Result<(), Error> {
    let mut files = Vec::new();
    let prepared = prepare(store, number, &mut files);
    let prepared = prepared.inspect_err(|_| files.iter().for_each(|path| store.discard(path)))?;
    let (segment, entry) = prepared.unzip();

    let mut committer = store.committer();
    let published = write_tombstones(store, &committer, &mut files).and_then(|tombstones| {
        let erasures = store.publish_erasures(&committer, &task.erasures, &mut files)?;
        Ok((tombstones, erasures))
    });
    let (tombstones, erasures) =
        published.inspect_err(|_| files.iter().for_each(|path| store.discard(path)))?;
    let before = committer.manifest.body.clone();
    store.commit(&mut committer, number, &files, |body| {
        body.segments.extend(entry);
        body.tombstones.retain(|old| tombstones.iter().all(|new| new.segment != old.segment));
        body.tombstones.extend(tombstones);
        body.erasures = erasures;
        let shard = &mut body.shards[usize::from(number)];
        shard.sealed = task.last;
        shard.watermark = shard.watermark.max(task.watermark);
        shard.durable = shard.durable.max(task.last);
        shard.logs.retain(|log| !task.logs.contains(log));
    })?;
    let replaced = before.files(&store.directory);
    let current = committer.manifest.body.files(&store.directory);
    drop(committer);
    shard.sealed(segment);
    replaced.difference(&current).for_each(|path| store.discard(path));
    Ok(())
}

/// Writes the segment of the oldest frozen buffer, without a lock; `None` if its rows were all
/// deleted meanwhile. Pushes the file it makes to `files`, also when it fails.
fn prepare(
    store: &Store,
    shard: u16,
    files: &mut Vec<PathBuf>,
) -> Result<Option<(Arc<Segment>, SegmentEntry)>, Error> {
    store.expect_there()?;
    let state = store.state.load_full();
    let sealing = state.shards[usize::from(shard)].frozen.first().map_or(&[][..], |full| &full.chunks);
    let rows: Vec<Source<'_>> = sealing.iter().map(|chunk| chunk.part().into()).collect();
    let (directory, dimension) = (&store.directory, store.options.dimension);
    let file = store.new_number();
    let epoch = store.committer().manifest.epoch;
    let graph = Parameters::wanted(&store.options.graph, sealing.iter().map(|chunk| chunk.len()).sum());
    let target = writer::Target { directory, index: store.index, number: file, epoch };
    let extras = Extras { graph, rotation: state.rotation() };
    let Some(finished) = writer::write(&target, dimension, &rows, extras, &|| Ok(()))? else {
        return Ok(None);
    };
    files.push(directory.join(name::segment(file)));
    let entry = finished.entry(file);
    let segment = Segment::open(directory, store.index, dimension, &entry)?;
    Ok(Some((Arc::new(segment), entry)))
}

/// Writes new tombstone files for the segments that have more dead rows than the manifest knows. Rows are
/// deleted in the state only once their deletion is on disk in a log, so it is never too early to write them
/// here; and a log is only dropped after this, so it is never too late.
fn write_tombstones(
    store: &Store,
    committer: &Committer,
    files: &mut Vec<PathBuf>,
) -> Result<Vec<TombstoneEntry>, Error> {
    let state = store.state.load_full();
    let known = &committer.manifest.body.tombstones;
    let mut written = Vec::new();
    for Sealed { segment, dead } in state.segments.iter() {
        let Some(dead) = dead else { continue };
        let number = segment.number();
        if known.iter().any(|old| old.segment == number && old.dead == dead.len() as u64) {
            continue;
        }
        written.push(store.publish_tombstones(committer, segment, dead, files)?);
    }
    Ok(written)
}
