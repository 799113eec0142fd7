//! A search before its vectors are known.

use rayon::prelude::*;

use super::filter::Filter;
use super::rank::Keep;
use super::{Answer, Certificate, Mode, scan, sift, walk};
use crate::error::Error;
use crate::l0::query::MISS;
use crate::view::View;

/// Queries of a batch that are scored in one pass over the rows: their vectors and scores stay in the fast caches.
const TOGETHER: usize = 16;

/// What is searched, and how.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) view: &'a View,
    pub(super) mode: Mode,
    pub(super) filter: Filter<'a>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(view: &'a View) -> Self {
        Self { view, mode: Mode::Auto, filter: Filter::default() }
    }

    /// The answer for one vector; `k` is how many hits are wanted.
    pub(super) fn one<K: Keep>(
        &self,
        vector: &[f32],
        k: usize,
        new: impl Fn() -> K + Sync,
    ) -> Result<Answer, Error> {
        match self.mode {
            Mode::Graph { width } => walk::search(self.view, vector, self.filter, width, k, &new),
            Mode::Auto | Mode::Exact | Mode::Scan => Ok(self.scan(&[vector], &new)?.remove(0)),
        }
    }

    /// The same for many.
    pub(super) fn many<K: Keep>(
        &self,
        vectors: &[Vec<f32>],
        k: usize,
        new: impl Fn() -> K + Sync,
    ) -> Result<Vec<Answer>, Error> {
        match self.mode {
            Mode::Graph { .. } => vectors.par_iter().map(|vector| self.one(vector, k, &new)).collect(),
            Mode::Auto | Mode::Exact | Mode::Scan => {
                let mut answers = Vec::with_capacity(vectors.len());
                for some in vectors.chunks(TOGETHER) {
                    let some: Vec<&[f32]> = some.iter().map(Vec::as_slice).collect();
                    answers.extend(self.scan(&some, &new)?);
                }
                Ok(answers)
            }
        }
    }

    /// Looks at every row: by its code where it has one and the mode takes it, by its vector otherwise.
    fn scan<K: Keep>(&self, vectors: &[&[f32]], new: &(impl Fn() -> K + Sync)) -> Result<Vec<Answer>, Error> {
        let sources = sift::sources(self.view, vectors, |coded| match self.mode {
            Mode::Scan => true,
            Mode::Auto => coded.is_certain(),
            Mode::Exact | Mode::Graph { .. } => false,
        })?;
        let others = |sealed: &_| !sources.iter().any(|source| source.is(sealed));
        let mut found = scan::scan(self.view, vectors, self.filter, others, new)?;
        let mode = if sources.is_empty() { Mode::Exact } else { Mode::Scan };
        if !sources.is_empty() {
            sift::sift(self.view, vectors, self.filter, &sources, new, &mut found)?;
        }
        let certificate = match self.view.whole {
            false => Certificate::None,
            true if sources.iter().all(sift::Source::is_certain) => Certificate::Exact,
            true => Certificate::Bounded { miss: MISS },
        };
        Ok(found.into_iter().map(|found| found.answer(mode, certificate)).collect())
    }
}

impl<K: Keep> scan::Found<K> {
    pub(super) fn answer(self, mode: Mode, certificate: Certificate) -> Answer {
        Answer {
            hits: self.keep.finish(),
            complete: certificate == Certificate::Exact,
            certificate,
            mode,
            scanned: self.scanned,
            rescored: self.rescored,
            max_score: self.max_score,
        }
    }
}
