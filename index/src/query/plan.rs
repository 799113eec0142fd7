//! A search before its vectors are known.

use rayon::prelude::*;

use super::costs::Costs;
use super::filter::Filter;
use super::rank::Keep;
use super::{Answer, Certificate, Mode, scan, sift, walk};
use crate::error::Error;
use crate::l0::query::MISS;
use crate::segment::l0::Coded;
use crate::state::Sealed;
use crate::view::View;

/// Queries of a batch that are scored in one pass over the rows: their vectors and scores stay in the fast caches.
const TOGETHER: usize = 16;

/// What is searched, and how.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) view: &'a View,
    pub(super) mode: Mode,
    /// The probability of missing a row at the cut that the caller accepts.
    pub(super) miss: Option<f64>,
    /// The part of the hits that must be found, on the average, if not all.
    pub(super) recall: Option<f64>,
    /// Whether a range search looks for the best score of all.
    pub(super) best: bool,
    pub(super) filter: Filter<'a>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(view: &'a View) -> Self {
        Self { view, mode: Mode::Auto, miss: None, recall: None, best: true, filter: Filter::default() }
    }

    /// The answer for one vector; `k` is how many hits are wanted.
    pub(super) fn one<K: Keep>(
        &self,
        vector: &[f32],
        k: usize,
        new: impl Fn() -> K + Sync,
    ) -> Result<Answer, Error> {
        let plan = self.decided(Costs::here);
        match plan.mode {
            Mode::Graph { width } if self.has_graphs() => walk::search(&plan, vector, width, k, &new),
            _ => Ok(plan.scan(&[vector], &new)?.remove(0)),
        }
    }

    /// The same for many.
    pub(super) fn many<K: Keep>(
        &self,
        vectors: &[Vec<f32>],
        k: usize,
        new: impl Fn() -> K + Sync,
    ) -> Result<Vec<Answer>, Error> {
        let plan = self.decided(|| Self::batch_costs(vectors.len()));
        match plan.mode {
            Mode::Graph { .. } if self.has_graphs() => {
                vectors.par_iter().map(|vector| plan.one(vector, k, &new)).collect()
            }
            _ => {
                let mut answers = Vec::with_capacity(vectors.len());
                for some in vectors.chunks(TOGETHER) {
                    let some: Vec<&[f32]> = some.iter().map(Vec::as_slice).collect();
                    answers.extend(plan.scan(&some, &new)?);
                }
                Ok(answers)
            }
        }
    }

    /// What one of a batch of so many costs here.
    pub(super) fn batch_costs(vectors: usize) -> Costs {
        Costs::here().together(vectors.min(TOGETHER))
    }

    /// Whether rows are bounded by these codes.
    pub(super) fn takes(&self, coded: &Coded<'_>) -> bool {
        match self.mode {
            Mode::Exact => false,
            Mode::Scan => true,
            Mode::Auto | Mode::Graph { .. } => coded.is_certain() || self.miss.is_some(),
        }
    }

    fn has_graphs(&self) -> bool {
        self.view.state.segments.iter().any(|sealed| sealed.segment.has_graph())
    }

    fn scan<K: Keep>(&self, vectors: &[&[f32]], new: &(impl Fn() -> K + Sync)) -> Result<Vec<Answer>, Error> {
        let Complete { found, by_codes, certain } = self.look_at_all(vectors, |_| true, new)?;
        let mode = if by_codes { Mode::Scan } else { Mode::Exact };
        let certificate = self.certificate(true, certain);
        Ok(found.into_iter().map(|found| found.answer(mode, certificate)).collect())
    }

    /// What is certain of an answer for which every row was seen or not, by bounds that all are certain or not.
    pub(super) fn certificate(&self, all_seen: bool, certain: bool) -> Certificate {
        match self.view.whole && all_seen {
            false => Certificate::None,
            true if certain => Certificate::Exact,
            true => Certificate::Bounded { miss: self.miss.unwrap_or(MISS) },
        }
    }

    /// Looks at every row of the buffers and of the segments that `which` takes: by its code where it has one and the mode takes
    /// it, by its vector otherwise.
    pub(super) fn look_at_all<K: Keep>(
        &self,
        vectors: &[&[f32]],
        which: impl Fn(&Sealed) -> bool,
        new: &(impl Fn() -> K + Sync),
    ) -> Result<Complete<K>, Error> {
        let miss = self.miss.unwrap_or(MISS);
        let sources = sift::sources(self.view, vectors, miss, &which, |coded| self.takes(coded))?;
        let others = |sealed: &_| which(sealed) && !sources.iter().any(|source| source.is(sealed));
        let mut found = scan::scan(self.view, vectors, self.filter, others, new)?;
        if !sources.is_empty() {
            sift::sift(self.view, vectors, self.filter, &sources, new, &mut found)?;
        }
        let certain = sources.iter().all(sift::Source::is_certain);
        Ok(Complete { found, by_codes: !sources.is_empty(), certain })
    }
}

/// What was found by looking at every row.
pub(super) struct Complete<K> {
    /// By each vector.
    pub(super) found: Vec<scan::Found<K>>,
    by_codes: bool,
    /// Whether bounds held for certain, not only nearly so.
    pub(super) certain: bool,
}

impl<K: Keep> scan::Found<K> {
    pub(super) fn answer(self, mode: Mode, certificate: Certificate) -> Answer {
        let best = if self.keep.wants_best() { self.max_score } else { None };
        let hits = self.keep.finish();
        Answer {
            max_score: best.or(hits.first().map(|hit| hit.score)),
            hits,
            complete: certificate == Certificate::Exact,
            certificate,
            mode,
            scanned: self.scanned,
            rescored: self.rescored,
        }
    }
}
