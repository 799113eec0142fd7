//! A range search that returns its hits one by one.

use rayon::prelude::*;

use super::Hit;
use super::filter::Filter;
use super::found::Found;
use super::rank::Range;
use super::scan::{self, Task};
use super::view::View;
use crate::error::Error;

/// Every live row whose score reaches a threshold, as an iterator; made by
/// [`Query::stream`](super::Query::stream).
///
/// Rows come in storage order, which is the same for the same view, whatever the number of threads. A few
/// mebibytes of vectors are scored at a time, on all threads, and no more hits than theirs are held. An
/// error ends the stream.
pub struct RangeStream<'a> {
    view: &'a View,
    vector: Vec<f32>,
    filter: Filter<'a>,
    least: f32,
    tasks: std::vec::IntoIter<Task<'a>>,
    hits: std::vec::IntoIter<Hit>,
    scanned: u64,
    max_score: Option<f32>,
    failed: bool,
    /// Why it is not done at all.
    refused: Option<Error>,
}

impl<'a> RangeStream<'a> {
    pub(super) fn new(
        view: &'a View,
        vector: Vec<f32>,
        filter: Filter<'a>,
        least: f32,
        refused: Option<Error>,
    ) -> Self {
        let tasks = scan::tasks(&view.state, view.dimension, |_| true).into_iter();
        let hits = Vec::new().into_iter();
        Self { view, vector, filter, least, tasks, hits, scanned: 0, max_score: None, failed: false, refused }
    }

    /// Whether every hit was returned and none can have been missed. `false` until the end is reached.
    pub fn complete(&self) -> bool {
        self.view.whole
            && !self.failed
            && self.refused.is_none()
            && self.tasks.len() == 0
            && self.hits.len() == 0
    }

    /// Live rows that were scored so far.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// The best score so far among the rows that pass the filter, also below the threshold.
    pub fn max_score(&self) -> Option<f32> {
        self.max_score
    }

    /// Scores as many tasks as there are threads, a few times over.
    fn advance(&mut self) -> Result<(), Error> {
        let tasks: Vec<Task<'a>> = self.tasks.by_ref().take(4 * rayon::current_num_threads()).collect();
        let scan = |task: &Task<'_>| {
            let mut found = [Found::new(Range::new(self.least, true))];
            task.scan(self.view, &[&self.vector], self.filter, &mut found).map(|()| found)
        };
        let found: Vec<[Found<Range>; 1]> = tasks.par_iter().map(scan).collect::<Result<_, _>>()?;
        let mut hits = Vec::new();
        for [Found { keep, scanned, max_score, .. }] in found {
            self.scanned += scanned;
            self.max_score = self.max_score.into_iter().chain(max_score).reduce(f32::max);
            hits.extend(keep.unordered());
        }
        self.hits = hits.into_iter();
        Ok(())
    }
}

impl Iterator for RangeStream<'_> {
    type Item = Result<Hit, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.refused.take() {
            self.failed = true;
            return Some(Err(error));
        }
        loop {
            if let Some(hit) = self.hits.next() {
                return Some(Ok(hit));
            }
            if self.failed || self.tasks.len() == 0 {
                return None;
            }
            if let Err(error) = self.advance() {
                self.failed = true;
                return Some(Err(error));
            }
        }
    }
}

impl std::iter::FusedIterator for RangeStream<'_> {}
