//! Running a plan for one vector or for many.

use rayon::prelude::*;

use super::complete::Complete;
use super::costs::Costs;
use super::plan::Plan;
use super::rank::Keep;
use super::{Answer, Mode, walk};
use crate::error::Error;

/// Queries of a batch that are scored in one pass over the rows: their vectors and scores stay in the fast
/// caches.
const TOGETHER: usize = 16;

impl Plan<'_> {
    /// The answer for one vector; `k` is how many hits are wanted.
    pub(super) fn one<K: Keep>(
        &self,
        vector: &[f32],
        k: usize,
        new: impl Fn() -> K + Sync,
    ) -> Result<Answer, Error> {
        self.expect_valid()?;
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
        self.expect_valid()?;
        let plan = self.decided(|| Self::batch_costs(vectors.len()));
        match plan.mode {
            Mode::Graph { .. } if self.has_graphs() => {
                let least = self.least_pieces(vectors.len());
                vectors.par_iter().with_min_len(least).map(|vector| plan.one(vector, k, &new)).collect()
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

    fn scan<K: Keep>(&self, vectors: &[&[f32]], new: &(impl Fn() -> K + Sync)) -> Result<Vec<Answer>, Error> {
        let Complete { found, by_codes, certain } = self.scan_all(vectors, |_| true, new)?;
        let mode = if by_codes { Mode::Scan } else { Mode::Exact };
        let certificate = self.certificate(true, certain);
        Ok(found.into_iter().map(|found| found.answer(mode, certificate)).collect())
    }
}
