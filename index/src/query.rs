//! Searching a view.

use crate::error::Error;
use crate::view::View;

/// How a search is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// Whatever is quickest and complete. Exact, today.
    #[default]
    Auto,
    /// Every live row is scored.
    Exact,
}

/// One row of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The row's id.
    pub id: u64,
    /// The row's group.
    pub group: u64,
    /// [`dot`] of the probe and the stored vector: the same number on every path.
    pub score: f32,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// Best first, equal scores by ascending id.
    pub hits: Vec<Hit>,
    /// Whether no better hit can have been missed.
    pub complete: bool,
    /// How it was found; never [`Mode::Auto`].
    pub mode: Mode,
    /// Rows that were scored.
    pub scanned: u64,
    /// The best score among all rows that were looked at, also below a range's threshold.
    pub max_score: Option<f32>,
}

/// A search being put together; made by [`View::query`].
pub struct Query<'a> {
    view: &'a View,
    vector: Vec<f32>,
    filter: Option<&'a (dyn Fn(u64, u64) -> bool + Sync)>,
}

impl<'a> Query<'a> {
    pub(crate) fn new(view: &'a View, vector: &[f32]) -> Self {
        Self { view, vector: vector.to_vec(), filter: None }
    }

    /// How to search.
    #[must_use]
    pub fn mode(self, _mode: Mode) -> Self {
        self
    }

    /// Only rows whose id and group pass.
    #[must_use]
    pub fn filter(mut self, filter: &'a (dyn Fn(u64, u64) -> bool + Sync)) -> Self {
        self.filter = Some(filter);
        self
    }

    fn all(&self) -> Vec<Hit> {
        let mut hits: Vec<Hit> = self
            .view
            .rows()
            .filter(|row| self.filter.is_none_or(|pass| pass(row.id, row.group)))
            .map(|row| Hit { id: row.id, group: row.group, score: dot(&self.vector, &row.vector) })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        hits
    }

    fn answer(all: &[Hit], hits: Vec<Hit>) -> Answer {
        Answer {
            hits,
            complete: true,
            mode: Mode::Exact,
            scanned: all.len() as u64,
            max_score: all.first().map(|hit| hit.score),
        }
    }

    /// The `k` best rows.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn top_k(self, k: usize) -> Result<Answer, Error> {
        let all = self.all();
        let hits = all.iter().take(k).copied().collect();
        Ok(Self::answer(&all, hits))
    }

    /// The best row of each of the `k` best groups: exactly `min(k, groups)` hits.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn top_groups(self, k: usize) -> Result<Answer, Error> {
        let all = self.all();
        let mut seen = std::collections::HashSet::new();
        let hits = all.iter().filter(|hit| seen.insert(hit.group)).take(k).copied().collect();
        Ok(Self::answer(&all, hits))
    }

    /// Every live row whose score is at least `min_score`, without a cap.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn range(self, min_score: f32) -> Result<Answer, Error> {
        let all = self.all();
        let hits = all.iter().take_while(|hit| hit.score >= min_score).copied().collect();
        Ok(Self::answer(&all, hits))
    }
}

/// The score: the scalar product of two vectors. The one score function of the whole crate.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
