//! Scoring every live row.

use std::ops::Range;

use rayon::prelude::*;

use super::rank::Keep;
use super::{Answer, Filter, Hit, Mode};
use crate::error::Error;
use crate::kernels;
use crate::part::Part;
use crate::state::{Sealed, State};
use crate::view::View;

/// Bytes of vectors that one task scores.
const TASK_BYTES: usize = 1 << 20;
/// Below this many bytes a scan is done before other threads have woken up.
const ALONE_BYTES: usize = 4 << 20;

/// A few rows of a segment or of a buffer.
struct Task<'a> {
    part: Part<'a>,
    sealed: Option<&'a Sealed>,
    rows: Range<usize>,
}

/// What was found so far.
pub(super) struct Found<K> {
    pub(super) keep: K,
    pub(super) scanned: u64,
    pub(super) max_score: Option<f32>,
}

/// Scores every live row of a view against a vector and keeps what `new` keeps.
pub(super) fn scan<K: Keep>(
    view: &View,
    vector: &[f32],
    filter: Option<Filter<'_>>,
    new: impl Fn() -> K + Sync,
) -> Result<Answer, Error> {
    let found = found(view, vector, filter, |_| true, new)?;
    Ok(Answer {
        hits: found.keep.finish(),
        complete: view.whole,
        mode: Mode::Exact,
        scanned: found.scanned,
        max_score: found.max_score,
    })
}

/// Scores every live row of the buffers and of the segments that `which` takes.
pub(super) fn found<K: Keep>(
    view: &View,
    vector: &[f32],
    filter: Option<Filter<'_>>,
    which: impl Fn(&Sealed) -> bool,
    new: impl Fn() -> K + Sync,
) -> Result<Found<K>, Error> {
    let tasks = tasks(&view.state, vector.len(), which);
    let bytes: usize = tasks.iter().map(|task| task.rows.len() * vector.len() * 4).sum();
    let start = || Found { keep: new(), scanned: 0, max_score: None };
    let scan = |found, task: &Task<'_>| match task.verify() {
        Ok(()) => Ok(task.scan(vector, filter, found)),
        // What was salvaged is known to be incomplete, and its answers say so.
        Err(_) if !view.whole => Ok(found),
        Err(error) => Err(error),
    };
    if bytes < ALONE_BYTES {
        return tasks.iter().try_fold(start(), scan);
    }
    tasks.par_iter().try_fold(start, scan).try_reduce(start, |one, other| Ok(one.merge(other)))
}

fn tasks(state: &State, dimension: usize, which: impl Fn(&Sealed) -> bool) -> Vec<Task<'_>> {
    let step = (TASK_BYTES / (dimension * 4)).max(64);
    let sealed = state
        .segments
        .iter()
        .filter(|sealed| which(sealed))
        .map(|sealed| (sealed.segment.part(), Some(sealed)));
    let buffered = state.chunks().map(|chunk| (chunk.part(), None));
    sealed
        .chain(buffered)
        .flat_map(|(part, sealed)| {
            (0..part.len()).step_by(step).map(move |start| {
                let rows = start..(start + step).min(part.len());
                Task { part, sealed, rows }
            })
        })
        .collect()
}

impl Task<'_> {
    fn verify(&self) -> Result<(), Error> {
        self.sealed.map_or(Ok(()), |sealed| sealed.segment.verify(self.rows.clone()))
    }

    fn scan<K: Keep>(&self, vector: &[f32], filter: Option<Filter<'_>>, mut found: Found<K>) -> Found<K> {
        let dimension = self.part.dimension;
        let rows = &self.part.vectors[self.rows.start * dimension..self.rows.end * dimension];
        let mut scores = vec![0.0; self.rows.len()];
        kernels::scores(vector, rows, &mut scores);
        let mut highest = found.max_score.unwrap_or(f32::NEG_INFINITY);
        for (row, score) in self.rows.clone().zip(scores) {
            let dead = self.sealed.is_some_and(|sealed| sealed.is_dead(row));
            found.scanned += u64::from(!dead);
            if dead || (score <= highest && score < found.keep.cut()) {
                continue;
            }
            let (id, group) = (self.part.ids[row], self.part.groups[row]);
            if filter.is_none_or(|passes| passes(id, group)) {
                highest = highest.max(score);
                found.max_score = Some(highest);
                if score >= found.keep.cut() {
                    found.keep.offer(Hit { id, group, score });
                }
            }
        }
        found
    }
}

impl<K: Keep> Found<K> {
    fn merge(self, other: Self) -> Self {
        let max_score = match (self.max_score, other.max_score) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        Self { keep: self.keep.merge(other.keep), scanned: self.scanned + other.scanned, max_score }
    }
}
