//! Candidate pruning and refinement: every row is bounded by its code, and the candidates that are left are
//! scored.
//!
//! A row passes up to four tests, each tighter and more expensive than the one before: the upper bound of
//! its L0 code, the bound with its second bits where it has them, the bound of its SQ8 code where that is
//! tighter, and its score.
//!
//! The threshold of a search is the score of the last of its hits so far, or the best score so far where
//! that is lower. A row whose estimate reaches the threshold is scored at once, so that the threshold rises
//! early. A row of which only the bound reaches it becomes a candidate. At the end, candidates whose bounds
//! still reach the threshold are scored.

mod candidates;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::Hit;
use super::filter::Filter;
use super::found::Found;
use super::plan::Plan;
use super::rank::Keep;
use super::view::View;
use crate::codes::kernels::{self, Bounds};
use crate::codes::l0::{L0Query, ROWS};
use crate::codes::ordered::{ordered, score};
use crate::codes::sq8::{self, Codes};
use crate::error::Error;
use crate::storage::part::Part;
use crate::storage::segment::l0::Coded;
use crate::storage::state::Sealed;
use candidates::{Candidate, Candidates};

/// Blocks that one task bounds, for one query of a batch after the other.
const TASK: usize = 128;
/// Candidates that all threads refine together at the end.
const TOGETHER: usize = 4096;
/// Candidates that one thread refines at a time.
const ALONE: usize = 512;
/// SQ8 codes, eight lines and more, are fetched so many candidates before they are needed.
const AHEAD: usize = 8;

/// A segment with codes.
pub(super) struct CodedSegment<'a> {
    /// Among the parts of the state.
    number: usize,
    sealed: &'a Sealed,
    part: Part<'a>,
    coded: Coded<'a>,
    /// Each vector against this segment's codes; segments of one rotation share them.
    queries: Arc<Vec<L0Query>>,
    /// The codes of one byte a component, where they know more of a score than L0 codes do, with the largest
    /// error of any.
    finer: Option<(Codes<'a>, f32)>,
}

/// What is asked of all sources.
struct Question<'a> {
    plan: &'a Plan<'a>,
    view: &'a View,
    vectors: &'a [&'a [f32]],
    sources: &'a [CodedSegment<'a>],
    /// The vectors in one byte a component.
    codes: Vec<sq8::Sq8Query>,
    filter: Filter<'a>,
    /// For each vector the threshold of what was found elsewhere, and of the thread with the highest one.
    cuts: Vec<AtomicU32>,
}

/// What one query has seen so far.
struct Partial<K> {
    found: Found<K>,
    candidates: Candidates,
}

/// Adds the rows of some segments to what each of some vectors has found elsewhere.
pub(super) fn prune<K: Keep>(
    plan: &Plan<'_>,
    vectors: &[&[f32]],
    sources: &[CodedSegment<'_>],
    new: &(impl Fn() -> K + Sync),
    found: &mut [Found<K>],
) -> Result<(), Error> {
    let &Plan { view, filter, .. } = plan;
    let tasks: Vec<(u32, Range<usize>)> = (0..)
        .zip(sources)
        .flat_map(|(number, source)| {
            let blocks = source.coded.len();
            (0..blocks).step_by(TASK).map(move |first| (number, first..(first + TASK).min(blocks)))
        })
        .collect();
    let cuts = found.iter().map(|found| AtomicU32::new(ordered(found.cut()))).collect();
    let codes = vectors.iter().map(|vector| sq8::Sq8Query::new(vector)).collect();
    let question = Question { plan, view, vectors, sources, codes, filter, cuts };
    let start = || vectors.iter().map(|_| Partial::new(new())).collect::<Vec<_>>();
    let step = |mut partials: Vec<Partial<K>>, (number, blocks): &(u32, Range<usize>)| {
        let source = &sources[*number as usize];
        source.prune(*number, blocks.clone(), &question, &mut partials).map(|()| partials)
    };
    let merge = |one: Vec<Partial<K>>, other: Vec<Partial<K>>| {
        Ok(one.into_iter().zip(other).map(|(one, other)| one.merge(other)).collect())
    };
    let partials = tasks.par_iter().with_min_len(plan.least_pieces(tasks.len()));
    let partials = partials.try_fold(start, step).try_reduce(start, merge)?;
    for ((at, partial), found) in partials.into_iter().enumerate().zip(found) {
        partial.finish(&question.probe(at), new, found)?;
    }
    Ok(())
}

/// The segments that `which` takes and whose codes `use_codes` does.
pub(super) fn sources<'a>(
    view: &'a View,
    vectors: &[&[f32]],
    miss: f64,
    which: impl Fn(&Sealed) -> bool,
    use_codes: impl Fn(&Coded<'_>) -> bool,
) -> Result<Vec<CodedSegment<'a>>, Error> {
    let mut sources: Vec<CodedSegment<'a>> = Vec::new();
    for (number, sealed) in view.state.segments.iter().enumerate().filter(|(_, sealed)| which(sealed)) {
        let coded = match sealed.segment.coded() {
            Ok(Some(coded)) if use_codes(&coded) => coded,
            Err(error) if view.whole => return Err(error),
            _ => continue,
        };
        let same = sources.iter().find(|source| source.coded.key == coded.key);
        let queries = same.map(|source| Arc::clone(&source.queries)).unwrap_or_else(|| {
            let rotation = &coded.learned.rotation;
            vectors.iter().map(|vector| L0Query::new(rotation, vector, miss)).collect::<Vec<_>>().into()
        });
        let (error, reach) = (sealed.segment.stats().largest_code_error as f32, coded.learned.reach);
        let finer = (error < reach).then(|| (sealed.segment.codes(), error));
        sources.push(CodedSegment { number, sealed, part: sealed.segment.part(), coded, queries, finer });
    }
    Ok(sources)
}

impl CodedSegment<'_> {
    pub(super) fn is(&self, sealed: &Sealed) -> bool {
        std::ptr::eq(&*self.sealed.segment, &*sealed.segment)
    }

    /// Whether its bounds hold for every row, and not only for nearly all.
    pub(super) fn is_certain(&self) -> bool {
        self.coded.is_certain()
    }

    /// Bounds the rows of some blocks.
    fn prune<K: Keep>(
        &self,
        source: u32,
        blocks: Range<usize>,
        question: &Question<'_>,
        partials: &mut [Partial<K>],
    ) -> Result<(), Error> {
        let &Question { view, filter, ref cuts, .. } = question;
        let rows = blocks.start * ROWS..(blocks.end * ROWS).min(self.part.len());
        let chosen = filter.count(self.number, Some(self.sealed), rows.clone());
        if chosen == 0 {
            return Ok(());
        }
        let bytes = match self.coded.blocks(blocks.clone()) {
            Ok(bytes) => bytes,
            Err(error) => return view.tolerate(error),
        };
        let mut bounds = Bounds::NONE;
        let queries = self.queries.iter().zip(cuts).enumerate();
        for (partial, (at, (query, shared))) in partials.iter_mut().zip(queries) {
            let probe = question.probe(at);
            let mut cut = partial.found.cut().max(score(shared.load(Ordering::Relaxed)));
            for (block, codes) in blocks.clone().zip(bytes.chunks_exact(self.coded.block())) {
                let mut reached = kernels::bound(query, codes, cut, &mut bounds);
                if reached != 0 {
                    reached &= self.admitted(filter, block);
                }
                while reached != 0 {
                    let at = reached.trailing_zeros() as usize;
                    reached &= reached - 1;
                    let row = block * ROWS + at;
                    if filter
                        .predicate
                        .is_some_and(|passes| !passes(self.part.ids[row], self.part.groups[row]))
                    {
                        continue;
                    }
                    let (estimate, reach) = (bounds.estimates[at], bounds.reaches[at]);
                    if estimate >= cut {
                        self.score(&probe, row, self.near(&probe, row)?, &mut partial.found)?;
                        cut = cut.max(partial.found.cut());
                    } else {
                        let (upper, row, sum) = (estimate + reach, row as u32, bounds.sums[at]);
                        partial.candidates.push(Candidate { upper, source, row, sum });
                    }
                }
            }
            partial.found.scanned += chosen;
            shared.fetch_max(ordered(cut), Ordering::Relaxed);
            partial.candidates.drop_below(cut, &probe)?;
        }
        Ok(())
    }

    /// The rows of a block that are there, alive and selected, a bit for each.
    fn admitted(&self, filter: Filter<'_>, block: usize) -> u32 {
        let there = u32::MAX >> (ROWS - (self.part.len() - block * ROWS).min(ROWS));
        there & (filter.word(self.number, Some(self.sealed), block / 2) >> (block % 2 * ROWS)) as u32
    }

    /// What a row scores at most by its finer code; a damaged one says nothing.
    fn near(&self, probe: &Probe<'_>, row: usize) -> Result<f32, Error> {
        let Some((codes, error)) = &self.finer else { return Ok(f32::INFINITY) };
        match self.sealed.segment.verify_codes(row..row + 1) {
            Ok(()) => Ok(codes.score(probe.code, row) + probe.code.slack(*error)),
            Err(error) => probe.view.tolerate(error).map(|()| f32::INFINITY),
        }
    }

    /// Scores a row whose upper bound is known, if that bound reaches the threshold.
    fn score<K: Keep>(
        &self,
        probe: &Probe<'_>,
        row: usize,
        at_most: f32,
        found: &mut Found<K>,
    ) -> Result<(), Error> {
        if at_most < found.cut() {
            return Ok(());
        }
        if let Err(error) = self.sealed.segment.verify(row..row + 1) {
            return probe.view.tolerate(error);
        }
        let Some(stored) = self.part.vector(row) else { return Ok(()) };
        found.rescored += 1;
        let (id, group) = (self.part.ids[row], self.part.groups[row]);
        found.offer(Hit { id, group, score: kernels::dot(probe.vector, stored) });
        Ok(())
    }
}

/// One of the vectors that are asked for.
struct Probe<'a> {
    plan: &'a Plan<'a>,
    /// Among them.
    number: usize,
    view: &'a View,
    vector: &'a [f32],
    sources: &'a [CodedSegment<'a>],
    code: &'a sq8::Sq8Query,
}

impl<'a> Probe<'a> {
    /// Some candidates in pieces for threads.
    fn pieces<'c>(
        &self,
        candidates: &'c [Candidate],
    ) -> impl IndexedParallelIterator<Item = &'c [Candidate]> {
        let least = self.plan.least_pieces(candidates.len().div_ceil(ALONE));
        candidates.par_chunks(ALONE).with_min_len(least)
    }
}

impl Question<'_> {
    fn probe(&self, at: usize) -> Probe<'_> {
        let &Self { plan, view, vectors, sources, ref codes, .. } = self;
        Probe { plan, number: at, view, vector: vectors[at], sources, code: &codes[at] }
    }
}

impl<K: Keep> Partial<K> {
    fn new(keep: K) -> Self {
        Self { found: Found::new(keep), candidates: Candidates::new() }
    }

    fn merge(self, other: Self) -> Self {
        Self { found: self.found.merge(other.found), candidates: self.candidates.merge(other.candidates) }
    }

    /// Adds what was found to what was found elsewhere, and scores the candidates that still reach the
    /// threshold.
    fn finish(
        self,
        probe: &Probe<'_>,
        new: &(impl Fn() -> K + Sync),
        found: &mut Found<K>,
    ) -> Result<(), Error> {
        let elsewhere = std::mem::replace(found, Found::new(new()));
        *found = elsewhere.merge(self.found);
        let candidates = self.candidates.rest(found.cut(), probe)?;
        // In the order of rows, so that those that share a page of memory are read together: sorted by their
        // bounds, a twentieth fewer would be looked at, which saves less than it takes.
        for some in candidates.chunks(TOGETHER) {
            let cut = found.cut();
            let some: Vec<Candidate> =
                some.iter().filter(|candidate| candidate.upper >= cut).copied().collect();
            let near: Vec<Vec<f32>> =
                probe.pieces(&some).map(|some| near(probe, some)).collect::<Result<_, _>>()?;
            for (candidate, near) in some.iter().zip(near.into_iter().flatten()) {
                let source = &probe.sources[candidate.source as usize];
                source.score(probe, candidate.row as usize, near.min(candidate.upper), found)?;
            }
        }
        Ok(())
    }
}

/// What some candidates score at most by their finer codes.
fn near(probe: &Probe<'_>, candidates: &[Candidate]) -> Result<Vec<f32>, Error> {
    let source = |candidate: &Candidate| &probe.sources[candidate.source as usize];
    let fetch = |candidate: &Candidate| {
        if let Some((codes, _)) = &source(candidate).finer {
            codes.prefetch(candidate.row as usize);
        }
    };
    candidates.iter().take(AHEAD).for_each(fetch);
    let near = candidates.iter().enumerate().map(|(at, candidate)| {
        candidates.get(at + AHEAD).into_iter().for_each(fetch);
        source(candidate).near(probe, candidate.row as usize)
    });
    near.collect()
}
