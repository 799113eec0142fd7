//! Searches being put together: for one vector, or for many at once.

use std::sync::Arc;

use super::costs::Costs;
use super::plan::{self, Plan};
use super::planner::Cost;
use super::selection::Selection;
use super::stream::RangeStream;
use super::view::View;
use super::{Answer, Mode, rank};
use crate::error::Error;
use crate::row::validate;

impl View {
    /// Begins a search for what is close to a vector.
    ///
    /// # Errors
    /// The vector has the wrong dimension, is not finite or not of length 1 (within 0.001).
    pub fn query(&self, vector: &[f32]) -> Result<Query<'_>, Error> {
        validate(0, vector, self.dimension)?;
        Ok(Query::new(self, vector))
    }

    /// Begins the same search for many vectors.
    ///
    /// # Errors
    /// As [`query`](Self::query), naming the position of the vector.
    pub fn batch(&self, vectors: &[&[f32]]) -> Result<Batch<'_>, Error> {
        vectors
            .iter()
            .enumerate()
            .try_for_each(|(position, vector)| validate(position, vector, self.dimension))?;
        Ok(Batch::new(self, vectors))
    }
}

/// A search being put together; made by [`View::query`], done by [`top_k`](Self::top_k),
/// [`top_groups`](Self::top_groups), [`range`](Self::range) or [`stream`](Self::stream).
#[must_use = "a query does nothing until one of its searches is called"]
pub struct Query<'a> {
    plan: Plan<'a>,
    vector: Vec<f32>,
}

/// The same search for many vectors at once; made by [`View::batch`]. Each gets the answer that it would get alone, in the
/// order of the vectors; but the rows are read from memory once for all of them, which is what an exact search of a
/// large index mostly waits for.
#[must_use = "a batch does nothing until one of its searches is called"]
pub struct Batch<'a> {
    plan: Plan<'a>,
    vectors: Vec<Vec<f32>>,
}

/// What a query and a batch can be limited to.
macro_rules! limits {
    () => {
        /// How to search; [`Mode::Auto`] if not said.
        pub fn mode(mut self, mode: Mode) -> Self {
            self.plan.mode = mode;
            self
        }

        /// Accepts that rows whose score is the lowest among the hits, or the threshold itself, are missing with this probability (taken
        /// as at least 1e-15 and at most 0.1), for an index of vectors without any structure: see [`Certificate::Bounded`]. Where bounds are
        /// certain, nothing is missing all the same. Not said: no miss with [`Mode::Auto`], 1e-5 with [`Mode::Scan`].
        pub fn miss(mut self, probability: f64) -> Self {
            // What is not a number gets the least.
            let least = if probability > 1e-15 { probability } else { 1e-15 };
            self.plan.miss = Some(least.min(0.1));
            self
        }

        /// Accepts approximate answers that hold this part (0 to 1) of the hits of an exact one, on the average, where a graph gives them
        /// more quickly: for [`Mode::Auto`], and not for range searches, which are complete. What graphs find was measured when they were
        /// built, with rows that were strangers to them.
        pub fn recall(mut self, share: f64) -> Self {
            self.plan.recall = Some(share);
            self
        }

        /// A range search does not look for the best score of all where that is below the threshold. By codes, whose bounds have to rule out
        /// every row that might have it, it takes less time then.
        pub fn hits_only(mut self) -> Self {
            self.plan.best = false;
            self
        }

        /// What [`Mode::Auto`] compares and chooses. What this processor takes for the steps of a search is measured when the first index
        /// of a process is opened, beside what else is done then; what is asked before it is known, a tenth of a second later, waits.
        pub fn explain(&self) -> Vec<Cost> {
            Plan { mode: Mode::Auto, ..self.plan }.costs(self.step_costs())
        }

        /// Only rows whose id and group pass. It is asked from several threads at once, and only for rows whose score
        /// would matter; a filtered search is as complete as any other.
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
    };
}

impl<'a> Query<'a> {
    pub(crate) fn new(view: &'a View, vector: &[f32]) -> Self {
        Self { plan: Plan::new(view), vector: vector.to_vec() }
    }

    limits!();

    fn step_costs(&self) -> Costs {
        Costs::here()
    }

    /// The `k` best rows.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn top_k(self, k: usize) -> Result<Answer, Error> {
        self.plan.one(&self.vector, k, || rank::Top::new(k))
    }

    /// The best row of each of the `k` best groups (of those found, in [`Mode::Graph`]): exactly `min(k, groups that pass the filter)` hits, each of
    /// another group.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn top_groups(self, k: usize) -> Result<Answer, Error> {
        self.plan.one(&self.vector, k, || rank::TopGroups::new(k))
    }

    /// Every live row whose score is at least `min_score`, without a cap.
    ///
    /// # Errors
    /// [`Error::InvalidOption`]: `min_score` is not a number. A segment is damaged.
    pub fn range(self, min_score: f32) -> Result<Answer, Error> {
        plan::expect_number(min_score)?;
        let Self { mut plan, vector } = self;
        (plan.mode, plan.recall) = (plan.mode.complete(), None);
        plan.one(&vector, 0, || rank::Range::new(min_score, plan.best))
    }

    /// As [`range`](Self::range), but hits come one by one, in the order in which the rows lie, and are not collected: for thresholds that
    /// much of the index reaches. The first item is an error if `min_score` is not a number.
    pub fn stream(self, min_score: f32) -> RangeStream<'a> {
        RangeStream::new(self.plan.view, self.vector, self.plan.filter, min_score)
    }
}

impl<'a> Batch<'a> {
    pub(crate) fn new(view: &'a View, vectors: &[&[f32]]) -> Self {
        Self { plan: Plan::new(view), vectors: vectors.iter().map(|vector| vector.to_vec()).collect() }
    }

    limits!();

    fn step_costs(&self) -> Costs {
        Plan::batch_costs(self.vectors.len())
    }

    /// As [`Query::top_k`], for each vector.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn top_k(self, k: usize) -> Result<Vec<Answer>, Error> {
        self.plan.many(&self.vectors, k, || rank::Top::new(k))
    }

    /// As [`Query::top_groups`], for each vector.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn top_groups(self, k: usize) -> Result<Vec<Answer>, Error> {
        self.plan.many(&self.vectors, k, || rank::TopGroups::new(k))
    }

    /// As [`Query::range`], for each vector.
    ///
    /// # Errors
    /// As for [`Query::range`].
    pub fn range(self, min_score: f32) -> Result<Vec<Answer>, Error> {
        plan::expect_number(min_score)?;
        let Self { mut plan, vectors } = self;
        (plan.mode, plan.recall) = (plan.mode.complete(), None);
        plan.many(&vectors, 0, || rank::Range::new(min_score, plan.best))
    }
}
