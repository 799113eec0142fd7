//! Compaction: merging segments, and rewriting those with deleted rows, while reads and writes go on.
//!
//! A compaction reads immutable segments and writes a new one, so it blocks nobody. Only its commit is
//! exclusive: the manifest names the new segment in the place of the old ones, then the state does. Rows
//! that were deleted meanwhile are deleted in the new segment from the start. A crash leaves either the old
//! segments or the new one.

pub(crate) mod policy;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::control::Control;
use crate::error::Error;
use crate::graph::build::Parameters;
use crate::storage::file::name;
use crate::storage::manifest::{SegmentEntry, TombstoneEntry};
use crate::storage::mmap::ReadPattern;
use crate::storage::segment::Segment;
use crate::storage::segment::writer::{self, Extras, Source};
use crate::storage::state::{Sealed, State};
use crate::storage::store::Store;
use crate::write::requests::CompactRequest;
use policy::SegmentSize;

/// How much of the machine a compaction may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// All it can get.
    Foreground,
    /// As much rest as work, so that searches and writes go before it; ends early when the index is closed.
    Background,
}

/// What compactions did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) segments: usize,
    pub(crate) erased: u64,
}

/// Compacts the segments of an index: one compaction at a time.
pub(crate) struct Compactor {
    store: Arc<Store>,
    alone: Mutex<()>,
    closing: AtomicBool,
}

impl Compactor {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, alone: Mutex::default(), closing: AtomicBool::new(false) }
    }

    /// Ends a compaction in the background that is under way.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Compacts what is due whenever that is requested, until told to stop.
    pub(crate) fn run(&self, requests: &Receiver<CompactRequest>) {
        let mut unreadable = HashSet::new();
        while let Ok(CompactRequest::NewSegment) = requests.recv() {
            while !self.closing.load(Ordering::Relaxed) {
                let due = |state: &[Sealed]| choose(&self.store, state, &unreadable);
                match self.compact(due, Priority::Background, &Control::new()) {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(Failed { error, segments }) => {
                        if !self.closing.load(Ordering::Relaxed) {
                            tracing::warn!(%error, "segments could not be compacted; they stay as they are");
                        }
                        unreadable.extend(segments);
                        break;
                    }
                }
            }
        }
    }

    /// Compacts until nothing is due among the segments that are there now and those made of them. What
    /// others write meanwhile is left to the next compaction, so that this one comes to an end.
    pub(crate) fn compact_all(&self, control: &Control<'_>) -> Result<Done, Error> {
        let known = self.known(|_| true);
        self.repeat(known, |segments, later| choose(&self.store, segments, later), true, control)
    }

    /// Rewrites every segment that holds deleted rows now. Rows deleted meanwhile are left to the next purge.
    pub(crate) fn purge(&self, control: &Control<'_>) -> Result<Done, Error> {
        let known = self.known(|sealed| sealed.dead() > 0);
        let next = |segments: &[Sealed], later: &HashSet<u64>| {
            let dead = |sealed: &Sealed| sealed.dead() > 0 && !later.contains(&sealed.segment.number());
            segments.iter().position(dead).map(|at| vec![at])
        };
        self.repeat(known, next, false, control)
    }

    /// The numbers of the segments wanted, once no compaction is under way: one that read its sources earlier
    /// makes a segment that holds rows deleted since, under a number that is not known yet.
    fn known(&self, wanted: impl Fn(&Sealed) -> bool) -> HashSet<u64> {
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        numbers(&self.store.state.load().segments, wanted)
    }

    /// Compacts what is chosen among the `known` segments, and those made of them if `again`, until nothing is.
    fn repeat(
        &self,
        mut known: HashSet<u64>,
        choose: impl Fn(&[Sealed], &HashSet<u64>) -> Option<Vec<usize>>,
        again: bool,
        control: &Control<'_>,
    ) -> Result<Done, Error> {
        // Where results are compacted again, the total is not known.
        let all = (!again).then_some(known.len() as u64);
        let mut total = Done::default();
        loop {
            let next = |segments: &[Sealed]| {
                choose(segments, &numbers(segments, |sealed| !known.contains(&sealed.segment.number())))
            };
            let Some((done, made)) =
                self.compact(next, Priority::Foreground, control).map_err(|failed| failed.error)?
            else {
                return Ok(total);
            };
            total.segments += done.segments;
            total.erased += done.erased;
            control.report(total.segments as u64, all);
            known.extend(made.filter(|_| again));
        }
    }

    /// Does one compaction of the segments chosen; `None` if none were. Also returns the number of the
    /// segment that it made, if any.
    fn compact(
        &self,
        choose: impl Fn(&[Sealed]) -> Option<Vec<usize>>,
        priority: Priority,
        control: &Control<'_>,
    ) -> Result<Option<(Done, Option<u64>)>, Failed> {
        let store = &*self.store;
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        let state = store.state.load_full();
        let Some(chosen) = choose(&state.segments) else { return Ok(None) };
        let sources: Vec<Sealed> = chosen.iter().map(|&at| state.segments[at].clone()).collect();
        drop(state);
        let mut files = Vec::new();
        let rest = Rest { closing: &self.closing, priority, control, since: Mutex::new(Instant::now()) };
        let done = merge(store, &sources, &rest, &mut files).and_then(|merged| {
            let erased = sources.iter().map(|sealed| sealed.dead() as u64).sum();
            let made = merged.as_ref().map(|(segment, _)| segment.number());
            replace(store, &sources, merged, &mut files)?;
            Ok((Done { segments: sources.len(), erased }, made))
        });
        match done {
            Ok(done) => {
                store.retire(&sources);
                Ok(Some(done))
            }
            Err(error) => {
                files.iter().for_each(|path| store.discard(path));
                // They stay, and are searched again.
                sources.iter().for_each(|sealed| sealed.segment.expect(ReadPattern::Random));
                Err(Failed {
                    error,
                    segments: sources.iter().map(|sealed| sealed.segment.number()).collect(),
                })
            }
        }
    }
}

/// Bytes that sealing the buffers and a purge after it take on the disk before they give others back:
/// segments are rewritten one after the other.
pub(crate) fn room(state: &State, dimension: usize) -> u64 {
    // Vectors in two forms, a share of the rotation, ids, codes and a graph: see `segment::layout`.
    let row = 7 * dimension + 320;
    // The rest: entries of an erasure file, headers, tables, the manifest.
    let rest = 64 * state.dead() + (1 << 18);
    let rewritten = state.segments.iter().filter(|sealed| sealed.dead() > 0);
    let length = |sealed: &Sealed| sealed.segment.path().metadata().map_or(0, |file| file.len());
    (state.buffered() * row + rest) as u64 + rewritten.map(length).max().unwrap_or(0)
}

fn numbers(segments: &[Sealed], wanted: impl Fn(&Sealed) -> bool) -> HashSet<u64> {
    segments.iter().filter(|sealed| wanted(sealed)).map(|sealed| sealed.segment.number()).collect()
}

/// What is due, but for some segments.
fn choose(store: &Store, segments: &[Sealed], but: &HashSet<u64>) -> Option<Vec<usize>> {
    let readable: Vec<usize> =
        (0..segments.len()).filter(|&at| !but.contains(&segments[at].segment.number())).collect();
    let candidates: Vec<SegmentSize> = readable
        .iter()
        .map(|&at| SegmentSize { live: segments[at].live(), dead: segments[at].dead() })
        .collect();
    let due = policy::due(&candidates, store.options.dimension)?;
    Some(due.into_iter().map(|at| readable[at]).collect())
}

/// A compaction that did not happen.
struct Failed {
    error: Error,
    /// The segments that it was to read.
    segments: Vec<u64>,
}

/// Writes the live rows of some segments as one; `None` if there are none.
fn merge(
    store: &Store,
    sources: &[Sealed],
    rest: &Rest<'_>,
    files: &mut Vec<PathBuf>,
) -> Result<Option<(Arc<Segment>, SegmentEntry)>, Error> {
    for Sealed { segment, .. } in sources {
        segment.expect(ReadPattern::Sequential);
        segment.verify_whole(0..segment.rows())?;
    }
    let rows: Vec<Source<'_>> = sources
        .iter()
        .map(|sealed| Source { part: sealed.segment.part(), dead: sealed.dead.as_deref() })
        .collect();
    store.expect_there()?;
    let number = store.new_number();
    let epoch = store.committer().manifest.epoch;
    let target = writer::Target { directory: &store.directory, index: store.index, number, epoch };
    let dimension = store.options.dimension;
    let graph = Parameters::wanted(&store.options.graph, sources.iter().map(Sealed::live).sum());
    // A copy: a state keeps its buffers in memory and its files on disk, and this may take an hour.
    let known = store.state.load().rotation().cloned();
    let extras = Extras { graph, rotation: known.as_ref() };
    let Some(finished) = writer::write(&target, dimension, &rows, extras, &|| rest.take())? else {
        return Ok(None);
    };
    files.push(store.directory.join(name::segment(number)));
    let entry = finished.entry(number);
    let segment = Segment::open(&store.directory, store.index, dimension, &entry)?;
    Ok(Some((Arc::new(segment), entry)))
}

/// Commits: the merged segment takes the place of its sources. On an error `files` are not needed any more,
/// unless the manifest is in doubt, and then they were forgotten.
fn replace(
    store: &Store,
    sources: &[Sealed],
    merged: Option<(Arc<Segment>, SegmentEntry)>,
    files: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let (segment, entry) = merged.unzip();
    // Held until the state has changed too: tombstones must not be written by a state that the manifest does
    // not match.
    let mut committer = store.committer();
    let next = store.state.load().compacted(sources, segment.as_ref());
    let dead = segment.as_ref().and_then(|segment| {
        let number = segment.number();
        next.segments.iter().find(|sealed| sealed.segment.number() == number)?.dead.clone()
    });
    let mut tombstones: Vec<TombstoneEntry> = Vec::new();
    if let (Some(segment), Some(dead)) = (&segment, dead) {
        tombstones.push(store.publish_tombstones(&committer, segment, &dead, files)?);
    }
    let replaced: HashSet<u64> = sources.iter().map(|sealed| sealed.segment.number()).collect();
    let is_replaced = |segment: u64| replaced.contains(&segment);
    let old = committer.manifest.body.tombstones.clone();
    store.commit(&mut committer, 0, &std::mem::take(files), |body| {
        body.segments.retain(|entry| !is_replaced(entry.file));
        body.segments.extend(entry);
        body.tombstones.retain(|entry| !is_replaced(entry.segment));
        body.tombstones.extend(tombstones);
    })?;
    store.state.rcu(|state| state.compacted(sources, segment.as_ref()));
    for entry in old.iter().filter(|entry| is_replaced(entry.segment)) {
        store.discard(&store.directory.join(name::tombstones(entry.file)));
    }
    Ok(())
}

/// Breaks of a compaction.
struct Rest<'a> {
    closing: &'a AtomicBool,
    priority: Priority,
    control: &'a Control<'a>,
    since: Mutex<Instant>,
}

impl Rest<'_> {
    /// After each piece of work: as long a break as the piece took.
    fn take(&self) -> Result<(), Error> {
        self.control.expect_going("compacting")?;
        if self.priority == Priority::Foreground {
            return Ok(());
        }
        if self.closing.load(Ordering::Relaxed) {
            let source = io::Error::new(io::ErrorKind::Interrupted, "the index is being closed");
            return Err(Error::Io { path: PathBuf::new(), action: "compacting", source });
        }
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        thread::sleep(since.elapsed().min(Duration::from_millis(50)));
        *since = Instant::now();
        Ok(())
    }
}
