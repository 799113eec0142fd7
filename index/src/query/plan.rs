//! A search before its vectors are known.

use rayon::prelude::*;

use super::filter::Filter;
use super::rank::Keep;
use super::{Answer, Mode, scan, walk};
use crate::error::Error;
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
            Mode::Auto | Mode::Exact => Ok(self.scan(&[vector], &new)?.remove(0)),
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
            Mode::Auto | Mode::Exact => {
                let mut answers = Vec::with_capacity(vectors.len());
                for some in vectors.chunks(TOGETHER) {
                    let some: Vec<&[f32]> = some.iter().map(Vec::as_slice).collect();
                    answers.extend(self.scan(&some, &new)?);
                }
                Ok(answers)
            }
        }
    }

    fn scan<K: Keep>(&self, vectors: &[&[f32]], new: &(impl Fn() -> K + Sync)) -> Result<Vec<Answer>, Error> {
        let found = scan::scan(self.view, vectors, self.filter, |_| true, new)?;
        let answer = |found: scan::Found<K>| Answer {
            hits: found.keep.finish(),
            complete: self.view.whole,
            mode: Mode::Exact,
            scanned: found.scanned,
            max_score: found.max_score,
        };
        Ok(found.into_iter().map(answer).collect())
    }
}
