//! Bounding the score of every live row by its code, and scoring those that may be among the hits.
//!
//! A search cuts at the least score that the last of its hits can have. The cut rises as rows are seen: the best lower bounds so far are
//! kept as if they were scores, and what those would be cut at, no final hit can be below. Rows whose upper bound reaches the
//! cut are set aside; in the end those that reach the final cut are scored.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::Hit;
use super::filter::Filter;
use super::rank::Keep;
use super::scan::Found;
use crate::error::Error;
use crate::kernels::{self, Bounds};
use crate::l0::{BLOCK, Query, ROWS};
use crate::ordered::{ordered, score};
use crate::part::Part;
use crate::segment::l0::Coded;
use crate::state::Sealed;
use crate::view::View;

/// Blocks that one task bounds, for one query of a batch after the other.
const TASK: usize = 128;
/// Candidates that are set aside before those that a higher cut has ruled out are dropped.
const ASIDE: usize = 4096;
/// Candidates that one thread scores before others help.
const ALONE: usize = 2048;

/// A segment with codes.
pub(super) struct Source<'a> {
    /// Among the parts of the state.
    number: usize,
    sealed: &'a Sealed,
    part: Part<'a>,
    coded: Coded<'a>,
    /// Each vector against this segment's codes; segments of one rotation share them.
    queries: Arc<Vec<Query>>,
}

/// A row whose score may reach the cut.
#[derive(Clone, Copy)]
struct Candidate {
    upper: f32,
    source: u32,
    row: u32,
}

/// What one query has seen so far.
struct Sieve<K> {
    /// Of lower bounds.
    keep: K,
    /// The highest lower bound.
    best: f32,
    candidates: Vec<Candidate>,
    limit: usize,
    scanned: u64,
}

/// Adds the rows of some segments to what each of some vectors has found elsewhere.
pub(super) fn sift<K: Keep>(
    view: &View,
    vectors: &[&[f32]],
    filter: Filter<'_>,
    sources: &[Source<'_>],
    new: &(impl Fn() -> K + Sync),
    found: &mut [Found<K>],
) -> Result<(), Error> {
    let tasks: Vec<(u32, Range<usize>)> = (0..)
        .zip(sources)
        .flat_map(|(number, source)| {
            let blocks = source.coded.len();
            (0..blocks).step_by(TASK).map(move |first| (number, first..(first + TASK).min(blocks)))
        })
        .collect();
    // The last hits so far: from other segments, and from whichever thread has got farthest.
    let cuts: Vec<AtomicU32> = found
        .iter()
        .map(|found| {
            AtomicU32::new(ordered(found.keep.cut().min(found.max_score.unwrap_or(f32::NEG_INFINITY))))
        })
        .collect();
    let start = || vectors.iter().map(|_| Sieve::new(new())).collect::<Vec<_>>();
    let step = |mut sieves: Vec<Sieve<K>>, (number, blocks): &(u32, Range<usize>)| {
        let source = &sources[*number as usize];
        match source.sift(*number, blocks.clone(), filter, &cuts, &mut sieves) {
            // What was salvaged is known to be incomplete, and its answers say so.
            Err(error) if view.whole => Err(error),
            _ => Ok(sieves),
        }
    };
    let merge = |one: Vec<Sieve<K>>, other: Vec<Sieve<K>>| {
        Ok(one.into_iter().zip(other).map(|(one, other)| one.merge(other)).collect())
    };
    let sieves = tasks.par_iter().try_fold(start, step).try_reduce(start, merge)?;
    for (((sieve, vector), found), cut) in sieves.into_iter().zip(vectors).zip(found).zip(&cuts) {
        let cut = sieve.cut().max(score(cut.load(Ordering::Relaxed)));
        sieve.score(view, sources, vector, cut, new, found)?;
    }
    Ok(())
}

/// The segments that `which` takes and whose codes `use_codes` does.
pub(super) fn sources<'a>(
    view: &'a View,
    vectors: &[&[f32]],
    which: impl Fn(&Sealed) -> bool,
    use_codes: impl Fn(&Coded<'_>) -> bool,
) -> Result<Vec<Source<'a>>, Error> {
    let mut sources: Vec<Source<'a>> = Vec::new();
    for (number, sealed) in view.state.segments.iter().enumerate().filter(|(_, sealed)| which(sealed)) {
        let coded = match sealed.segment.coded() {
            Ok(Some(coded)) if use_codes(&coded) => coded,
            Err(error) if view.whole => return Err(error),
            _ => continue,
        };
        let same = sources.iter().find(|source| source.coded.key == coded.key);
        let queries = same.map(|source| Arc::clone(&source.queries)).unwrap_or_else(|| {
            let rotation = &coded.learned.rotation;
            vectors.iter().map(|vector| Query::new(rotation, vector)).collect::<Vec<_>>().into()
        });
        sources.push(Source { number, sealed, part: sealed.segment.part(), coded, queries });
    }
    Ok(sources)
}

impl Source<'_> {
    pub(super) fn is(&self, sealed: &Sealed) -> bool {
        std::ptr::eq(&*self.sealed.segment, &*sealed.segment)
    }

    /// Whether its bounds hold for every row, and not only for nearly all.
    pub(super) fn is_certain(&self) -> bool {
        self.coded.is_certain()
    }

    /// Bounds the rows of some blocks.
    fn sift<K: Keep>(
        &self,
        source: u32,
        blocks: Range<usize>,
        filter: Filter<'_>,
        cuts: &[AtomicU32],
        sieves: &mut [Sieve<K>],
    ) -> Result<(), Error> {
        let rows = blocks.start * ROWS..(blocks.end * ROWS).min(self.part.len());
        let chosen: u64 =
            filter.runs(self.number, Some(self.sealed), rows.clone()).map(|run| run.len() as u64).sum();
        if chosen == 0 {
            return Ok(());
        }
        let bytes = self.coded.blocks(blocks.clone())?;
        let mut bounds = Bounds::NONE;
        for ((sieve, query), shared) in sieves.iter_mut().zip(&*self.queries).zip(cuts) {
            let mut cut = sieve.cut().max(score(shared.load(Ordering::Relaxed)));
            for (block, codes) in blocks.clone().zip(bytes.chunks_exact(BLOCK)) {
                let mut reached = kernels::bound(query, codes, cut, &mut bounds);
                while reached != 0 {
                    let at = reached.trailing_zeros() as usize;
                    reached &= reached - 1;
                    let row = block * ROWS + at;
                    if row >= rows.end || self.sealed.is_dead(row) || !filter.selects(self.number, row) {
                        continue;
                    }
                    let (id, group) = (self.part.ids[row], self.part.groups[row]);
                    if !filter.passes(id, group) {
                        continue;
                    }
                    let (estimate, reach) = (bounds.estimates[at], bounds.reaches[at]);
                    let candidate = Candidate { upper: estimate + reach, source, row: row as u32 };
                    sieve.offer(candidate, Hit { id, group, score: estimate - reach });
                    cut = cut.max(sieve.cut());
                }
            }
            sieve.scanned += chosen;
            shared.fetch_max(ordered(cut), Ordering::Relaxed);
            sieve.drop_below(cut);
        }
        Ok(())
    }
}

impl<K: Keep> Sieve<K> {
    fn new(keep: K) -> Self {
        Self { keep, best: f32::NEG_INFINITY, candidates: Vec::new(), limit: ASIDE, scanned: 0 }
    }

    /// No hit scores less, nor does the best row of all.
    fn cut(&self) -> f32 {
        self.keep.cut().min(self.best)
    }

    fn offer(&mut self, candidate: Candidate, lower: Hit) {
        self.candidates.push(candidate);
        self.best = self.best.max(lower.score);
        if lower.score >= self.keep.cut() {
            self.keep.offer(lower);
        }
    }

    fn drop_below(&mut self, cut: f32) {
        if self.candidates.len() >= self.limit {
            self.candidates.retain(|candidate| candidate.upper >= cut);
            self.limit = (2 * self.candidates.len()).max(ASIDE);
        }
    }

    fn merge(mut self, mut other: Self) -> Self {
        self.candidates.append(&mut other.candidates);
        Self {
            keep: self.keep.merge(other.keep),
            best: self.best.max(other.best),
            candidates: self.candidates,
            limit: self.limit.max(other.limit),
            scanned: self.scanned + other.scanned,
        }
    }

    /// Scores the candidates that reach the final cut.
    fn score(
        mut self,
        view: &View,
        sources: &[Source<'_>],
        vector: &[f32],
        cut: f32,
        new: &(impl Fn() -> K + Sync),
        found: &mut Found<K>,
    ) -> Result<(), Error> {
        self.candidates.retain(|candidate| candidate.upper >= cut);
        self.candidates.sort_unstable_by_key(|candidate| (candidate.source, candidate.row));
        let add = |mut found: Found<K>, candidate: &Candidate| {
            let Source { sealed, part, .. } = &sources[candidate.source as usize];
            let row = candidate.row as usize;
            match sealed.segment.verify(row..row + 1) {
                Err(error) if view.whole => return Err(error),
                Err(_) => return Ok(found),
                Ok(()) => {}
            }
            let score = part.vector(row).map_or(f32::NEG_INFINITY, |stored| kernels::dot(vector, stored));
            found.rescored += 1;
            found.max_score = Some(found.max_score.map_or(score, |highest| highest.max(score)));
            if score >= found.keep.cut() {
                found.keep.offer(Hit { id: part.ids[row], group: part.groups[row], score });
            }
            Ok(found)
        };
        let start = || Found::new(new());
        let mut scored = if self.candidates.len() < ALONE {
            self.candidates.iter().try_fold(start(), add)?
        } else {
            let parts = self.candidates.par_iter().try_fold(start, add);
            parts.try_reduce(start, |one, other| Ok(one.merge(other)))?
        };
        scored.scanned = self.scanned;
        let before = std::mem::replace(found, start());
        *found = before.merge(scored);
        Ok(())
    }
}
