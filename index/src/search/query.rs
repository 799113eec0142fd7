//! The builder of a search, for one vector or for many.

use std::sync::Arc;

use super::costs::Costs;
use super::plan::{self, Plan};
use super::planner::Cost;
use super::selection::Selection;
use super::stream::RangeStream;
use super::view::View;
use super::{Answer, Mode, rank};
use crate::error::Error;

impl View {
    /// Begins a search for what is close to a vector.
    ///
    /// # Errors
    /// The vector has the wrong dimension, is not finite, or has a length that the index does not take.
    pub fn query(&self, vector: &[f32]) -> Result<Query<'_>, Error> {
        Ok(Query { plan: Plan::new(self), vectors: self.probe(0, vector)? })
    }

    /// Begins the same search for many vectors.
    ///
    /// # Errors
    /// As [`query`](Self::query), naming the position of the vector.
    pub fn batch(&self, vectors: &[&[f32]]) -> Result<Batch<'_>, Error> {
        let probes = vectors.iter().enumerate().map(|(position, vector)| self.probe(position, vector));
        Ok(Query { plan: Plan::new(self), vectors: probes.collect::<Result<_, _>>()? })
    }
}

/// A search being put together. [`View::query`] makes one for one vector, [`View::batch`] for many; one of
/// [`top_k`](Self::top_k), [`top_groups`](Self::top_groups), [`range`](Self::range) and
/// [`stream`](Self::stream) runs it.
///
/// An argument that is out of its range makes the search fail with [`Error::InvalidOption`].
#[must_use = "a query does nothing until one of its searches is called"]
pub struct Query<'a, V = Vec<f32>> {
    pub(super) plan: Plan<'a>,
    vectors: V,
}

/// The same search for many vectors at once; made by [`View::batch`]. Each vector gets the answer that it
/// would get alone, in the order of the vectors. The rows are read from memory once for several vectors,
/// which is what an exact search of a large index mostly waits for.
pub type Batch<'a> = Query<'a, Vec<Vec<f32>>>;

impl<'a, V> Query<'a, V> {
    /// How to search. The default is [`Mode::Auto`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.plan.mode = mode;
        self
    }

    /// Accepts that each row whose score is the lowest among the hits, or the threshold itself, is missing
    /// with this probability (1e-15 to 0.1). It matters for vectors without any structure only, whose bounds
    /// hold nearly always: see [`Certificate::Bounded`](crate::Certificate::Bounded). Where bounds are
    /// certain, nothing is missing all the same. The default is no miss with [`Mode::Auto`] and 1e-5 with
    /// [`Mode::Scan`].
    pub fn miss(mut self, probability: f64) -> Self {
        self.plan.expect_in(1e-15..=0.1, "miss", "1e-15 to 0.1", probability);
        self.plan.miss = Some(probability);
        self
    }

    /// The recall target (0 to 1): accepts approximate answers that hold on average this share of the exact
    /// hits, where a graph gives them more quickly. It applies to [`Mode::Auto`], and not to range searches,
    /// which are complete. The recall of a graph was measured when it was built, with rows that were not in
    /// it yet.
    pub fn recall(mut self, share: f64) -> Self {
        self.plan.expect_in(0.0..=1.0, "recall", "0 to 1", share);
        self.plan.recall = Some(share);
        self
    }

    /// Makes a range search skip the best score of all where that is below the threshold. With codes it is
    /// faster then, as fewer rows have to be ruled out.
    pub fn hits_only(mut self) -> Self {
        self.plan.best = false;
        self
    }

    /// Uses at most this many threads of the pool (at least 1). The default is all of them. A search runs on
    /// the rayon pool of the thread that calls it, so a pool of one's own limits searches as well.
    pub fn threads(mut self, threads: usize) -> Self {
        self.plan.threads = threads.max(1);
        self
    }

    /// Only rows whose id and group pass. The function is called from several threads at once, and only for
    /// rows whose score would matter. A filtered search is as complete as any other.
    pub fn filter(mut self, passes: &'a (dyn Fn(u64, u64) -> bool + Sync)) -> Self {
        self.plan.filter.predicate = Some(passes);
        self
    }

    /// Only rows of a selection, which must have been made from the same view. Other rows are not scored.
    ///
    /// # Errors
    /// [`Error::OtherView`].
    pub fn among(mut self, selection: &'a Selection) -> Result<Self, Error> {
        if !Arc::ptr_eq(&selection.state, &self.plan.view.state) {
            return Err(Error::OtherView);
        }
        self.plan.filter.selection = Some(selection);
        Ok(self)
    }

    fn explained(&self, costs: Costs) -> Vec<Cost> {
        Plan { mode: Mode::Auto, ..self.plan }.costs(costs)
    }

    /// The plan of a range search, which is complete in every mode.
    fn range_plan(&self, min_score: f32) -> Result<Plan<'a>, Error> {
        plan::expect_number(min_score)?;
        Ok(Plan { mode: self.plan.mode.complete(), recall: None, ..self.plan })
    }
}

impl<'a> Query<'a> {
    /// The ways of searching that [`Mode::Auto`] compares, and the one that it takes. The speed of this
    /// processor is measured when it is first needed: see [`measure_costs`](crate::measure_costs).
    pub fn explain(&self) -> Vec<Cost> {
        self.explained(Costs::here())
    }

    /// The `k` best rows.
    ///
    /// # Errors
    /// A segment is damaged; [`Error::InvalidOption`].
    pub fn top_k(self, k: usize) -> Result<Answer, Error> {
        self.plan.one(&self.vectors, k, || rank::Top::new(k))
    }

    /// The best row of each of the `k` best groups (of those found, in [`Mode::Graph`]): exactly
    /// `min(k, groups that pass the filter)` hits, each of another group.
    ///
    /// # Errors
    /// As for [`top_k`](Self::top_k).
    pub fn top_groups(self, k: usize) -> Result<Answer, Error> {
        self.plan.one(&self.vectors, k, || rank::TopGroups::new(k))
    }

    /// Every live row whose score is at least `min_score`, without a cap.
    ///
    /// # Errors
    /// As for [`top_k`](Self::top_k); `min_score` is not a number.
    pub fn range(self, min_score: f32) -> Result<Answer, Error> {
        let plan = self.range_plan(min_score)?;
        plan.one(&self.vectors, 0, || rank::Range::new(min_score, plan.best))
    }

    /// As [`range`](Self::range), but hits come one by one, in the order in which the rows lie, and are not
    /// collected: for thresholds that much of the index reaches. The first item is an error if an argument is
    /// out of its range.
    pub fn stream(self, min_score: f32) -> RangeStream<'a> {
        let valid = plan::expect_number(min_score).and_then(|()| self.plan.expect_valid());
        RangeStream::new(self.plan.view, self.vectors, self.plan.filter, min_score, valid.err())
    }
}

impl<'a> Batch<'a> {
    /// As [`Query::explain`], for one vector of the batch.
    pub fn explain(&self) -> Vec<Cost> {
        self.explained(Plan::batch_costs(self.vectors.len()))
    }

    /// As [`Query::top_k`], for each vector.
    ///
    /// # Errors
    /// As for [`Query::top_k`].
    pub fn top_k(self, k: usize) -> Result<Vec<Answer>, Error> {
        self.plan.many(&self.vectors, k, || rank::Top::new(k))
    }

    /// As [`Query::top_groups`], for each vector.
    ///
    /// # Errors
    /// As for [`Query::top_k`].
    pub fn top_groups(self, k: usize) -> Result<Vec<Answer>, Error> {
        self.plan.many(&self.vectors, k, || rank::TopGroups::new(k))
    }

    /// As [`Query::range`], for each vector.
    ///
    /// # Errors
    /// As for [`Query::range`].
    pub fn range(self, min_score: f32) -> Result<Vec<Answer>, Error> {
        let plan = self.range_plan(min_score)?;
        plan.many(&self.vectors, 0, || rank::Range::new(min_score, plan.best))
    }
}
