//! Exact scoring of every live row.

use std::ops::Range;

use rayon::prelude::*;

use super::Hit;
use super::filter::Filter;
use super::found::Found;
use super::plan::Plan;
use super::rank::Keep;
use super::view::View;
use crate::codes::kernels;
use crate::error::Error;
use crate::storage::part::Part;
use crate::storage::state::{Sealed, State};

/// Bytes of vectors that one task scores: for one query of a batch after the other, so that the next finds
/// them in the cache.
const TASK_BYTES: usize = 1 << 20;
/// Below this many bytes a scan is done before other threads have woken up.
const ALONE_BYTES: usize = 4 << 20;
/// The first row of a run is fetched so many runs before it is scored.
const AHEAD: usize = 4;
/// Up to so many bytes of rows that are not selected are read along with those that are: going on is quicker
/// than beginning again. With every second row of 200,000 selected, scoring those alone took 12 ms, and all
/// of them 4.6.
const GAP_BYTES: usize = 2 << 10;

/// A few rows of a segment or of a buffer.
pub(super) struct Task<'a> {
    part: Part<'a>,
    /// Among the parts of the state.
    number: usize,
    sealed: Option<&'a Sealed>,
    rows: Range<usize>,
}

/// Scores the live rows of the buffers, and of the segments that `which` takes, against each of some vectors.
pub(super) fn scan<K: Keep>(
    plan: &Plan<'_>,
    vectors: &[&[f32]],
    which: impl Fn(&Sealed) -> bool,
    new: &(impl Fn() -> K + Sync),
) -> Result<Vec<Found<K>>, Error> {
    let &Plan { view, filter, .. } = plan;
    let tasks = tasks(&view.state, view.dimension, which);
    let bytes: usize = tasks.iter().map(|task| task.rows.len() * view.dimension * 4).sum();
    let start = || vectors.iter().map(|_| Found::new(new())).collect::<Vec<_>>();
    let scan = |mut found: Vec<Found<K>>, task: &Task<'_>| {
        task.scan(view, vectors, filter, &mut found).map(|()| found)
    };
    if bytes.saturating_mul(vectors.len()) < ALONE_BYTES {
        return tasks.iter().try_fold(start(), scan);
    }
    let merge = |one: Vec<Found<K>>, other: Vec<Found<K>>| {
        Ok(one.into_iter().zip(other).map(|(one, other)| one.merge(other)).collect())
    };
    tasks
        .par_iter()
        .with_min_len(plan.least_pieces(tasks.len()))
        .try_fold(start, scan)
        .try_reduce(start, merge)
}

/// All rows of a state, in pieces of the same size.
pub(super) fn tasks(state: &State, dimension: usize, which: impl Fn(&Sealed) -> bool) -> Vec<Task<'_>> {
    let step = (TASK_BYTES / (dimension * 4)).max(64);
    let parts = state.parts().enumerate().filter(|(_, (_, sealed))| sealed.is_none_or(&which));
    parts
        .flat_map(|(number, (part, sealed))| {
            (0..part.len()).step_by(step).map(move |start| {
                let rows = start..(start + step).min(part.len());
                Task { part, number, sealed, rows }
            })
        })
        .collect()
}

impl Task<'_> {
    /// Adds to what each of the vectors has found.
    pub(super) fn scan<K: Keep>(
        &self,
        view: &View,
        vectors: &[&[f32]],
        filter: Filter<'_>,
        found: &mut [Found<K>],
    ) -> Result<(), Error> {
        let chosen = filter.count(self.number, self.sealed, self.rows.clone());
        if chosen == 0 {
            return Ok(());
        }
        if let Some(Sealed { segment, .. }) = self.sealed {
            if 4 * chosen >= self.rows.len() as u64 {
                segment.read_ahead(self.rows.clone());
            }
            if let Err(error) = segment.verify(self.rows.clone()) {
                return view.tolerate(error);
            }
        }
        for found in &mut *found {
            found.scanned += chosen;
            found.rescored += chosen;
        }
        let mut scores = vec![0.0; self.rows.len()];
        let runs = filter.runs(self.number, self.sealed, self.rows.clone());
        let spans: Vec<Range<usize>> = spans(runs, GAP_BYTES / (view.dimension * 4)).collect();
        for (at, span) in spans.iter().enumerate() {
            if let Some(vector) = spans.get(at + AHEAD).and_then(|later| self.part.vector(later.start)) {
                kernels::prefetch(vector);
            }
            for (vector, found) in vectors.iter().zip(&mut *found) {
                self.score(span.clone(), vector, filter, &mut scores[..span.len()], found);
            }
        }
        Ok(())
    }

    /// Scores rows, and considers those that are alive and selected.
    fn score<K: Keep>(
        &self,
        rows: Range<usize>,
        vector: &[f32],
        filter: Filter<'_>,
        scores: &mut [f32],
        found: &mut Found<K>,
    ) {
        let Part { dimension, ids, groups, vectors, .. } = self.part;
        kernels::scores(vector, &vectors[rows.start * dimension..rows.end * dimension], scores);
        let chosen =
            |row| filter.selects(self.number, row) && !self.sealed.is_some_and(|sealed| sealed.is_dead(row));
        let mut highest = found.max_score.unwrap_or(f32::NEG_INFINITY);
        for (row, &score) in rows.zip(&*scores) {
            if score <= highest && score < found.keep.cut() {
                continue;
            }
            let (id, group) = (ids[row], groups[row]);
            if chosen(row) && filter.passes(id, group) {
                highest = highest.max(score);
                found.max_score = Some(highest);
                if score >= found.keep.cut() {
                    found.keep.offer(Hit { id, group, score });
                }
            }
        }
    }
}

/// Runs of rows, joined where at most `gap` rows lie between them.
fn spans(runs: impl Iterator<Item = Range<usize>>, gap: usize) -> impl Iterator<Item = Range<usize>> {
    let mut runs = runs.peekable();
    std::iter::from_fn(move || {
        let mut span = runs.next()?;
        while let Some(next) = runs.next_if(|next| next.start - span.end <= gap) {
            span.end = next.end;
        }
        Some(span)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_joined_over_gaps_that_are_short_enough() {
        let joined = |gap| spans([0..2, 3..4, 6..7, 10..12].into_iter(), gap).collect::<Vec<_>>();
        assert_eq!(joined(0), [0..2, 3..4, 6..7, 10..12]);
        assert_eq!(joined(1), [0..4, 6..7, 10..12]);
        assert_eq!(joined(2), [0..7, 10..12]);
        assert_eq!(joined(3), [0..12; 1]);
    }
}
