//! The hits and counters of one search so far.

use super::rank::Keep;
use super::{Answer, Certificate, Hit, Mode};

/// What one query has found so far.
pub(super) struct Found<K> {
    pub(super) keep: K,
    pub(super) scanned: u64,
    pub(super) rescored: u64,
    pub(super) max_score: Option<f32>,
}

impl<K: Keep> Found<K> {
    pub(super) fn new(keep: K) -> Self {
        Self { keep, scanned: 0, rescored: 0, max_score: None }
    }

    /// What a row has to score to be a hit, or to be the best of all where that is asked for.
    pub(super) fn cut(&self) -> f32 {
        let best =
            if self.keep.wants_best() { self.max_score.unwrap_or(f32::NEG_INFINITY) } else { f32::INFINITY };
        self.keep.cut().min(best)
    }

    /// Considers a live row that passed the filter.
    pub(super) fn offer(&mut self, hit: Hit) {
        self.max_score = Some(self.max_score.map_or(hit.score, |highest| highest.max(hit.score)));
        if hit.score >= self.keep.cut() {
            self.keep.offer(hit);
        }
    }

    pub(super) fn merge(self, other: Self) -> Self {
        let max_score = match (self.max_score, other.max_score) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        Self {
            keep: self.keep.merge(other.keep),
            scanned: self.scanned + other.scanned,
            rescored: self.rescored + other.rescored,
            max_score,
        }
    }

    /// The answer, once all rows were looked at.
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
