//! Searching a view.

mod rank;
mod scan;
mod walk;

use crate::error::Error;
use crate::view::View;

pub use crate::kernels::dot;

/// A predicate on (id, group).
type Filter<'a> = &'a (dyn Fn(u64, u64) -> bool + Sync);

/// How a search is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// Whatever is quickest here. Exact in this version.
    #[default]
    Auto,
    /// Every live row is scored.
    Exact,
    /// Where a segment has a graph, the rows near the query are found by walking it with a beam of this width ("ef"), at least
    /// as wide as the number of hits asked for, and scored exactly; all other rows are scored. Quicker in large
    /// segments, and rows can be missed: the answer says `complete: false`. A range search is exact all the same.
    Graph {
        /// Nodes that the walk keeps.
        width: usize,
    },
}

/// One row of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The row's id.
    pub id: u64,
    /// The row's group.
    pub group: u64,
    /// [`dot`] of the probe and the stored vector: the same number on every path, higher is closer.
    pub score: f32,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// Best first, equal scores by ascending id. The same view, vector and parameters give the same hits.
    pub hits: Vec<Hit>,
    /// Whether no row that belongs among the hits can have been missed.
    pub complete: bool,
    /// How it was found; never [`Mode::Auto`].
    pub mode: Mode,
    /// Live rows that were scored, and nodes of graphs that were compared with the query.
    pub scanned: u64,
    /// The best score among all rows that were looked at and pass the filter, also below a range's threshold
    /// and for `k = 0`; `None` if there was no such row.
    pub max_score: Option<f32>,
}

/// A search being put together; made by [`View::query`], done by [`top_k`](Self::top_k),
/// [`top_groups`](Self::top_groups) or [`range`](Self::range).
#[must_use = "a query does nothing until one of its searches is called"]
pub struct Query<'a> {
    view: &'a View,
    vector: Vec<f32>,
    mode: Mode,
    filter: Option<Filter<'a>>,
}

impl<'a> Query<'a> {
    pub(crate) fn new(view: &'a View, vector: &[f32]) -> Self {
        Self { view, vector: vector.to_vec(), mode: Mode::Auto, filter: None }
    }

    /// How to search; [`Mode::Auto`] if not said.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Only rows whose id and group pass. It is asked from several threads at once, and only for rows whose score
    /// would matter; a filtered search is as complete as any other.
    pub fn filter(mut self, filter: &'a (dyn Fn(u64, u64) -> bool + Sync)) -> Self {
        self.filter = Some(filter);
        self
    }

    /// The `k` best rows.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn top_k(self, k: usize) -> Result<Answer, Error> {
        self.search(k, || rank::Top::new(k))
    }

    /// The best row of each of the `k` best groups (of those found, in [`Mode::Graph`]): exactly `min(k, groups that pass the filter)` hits, each of
    /// another group.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn top_groups(self, k: usize) -> Result<Answer, Error> {
        self.search(k, || rank::TopGroups::new(k))
    }

    /// Every live row whose score is at least `min_score`, without a cap.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn range(self, min_score: f32) -> Result<Answer, Error> {
        let exact = Self { mode: Mode::Exact, ..self };
        exact.search(0, || rank::Range::new(min_score))
    }

    fn search<K: rank::Keep>(self, k: usize, keep: impl Fn() -> K + Sync) -> Result<Answer, Error> {
        match self.mode {
            Mode::Graph { width } => walk::search(self.view, &self.vector, self.filter, width, k, keep),
            Mode::Auto | Mode::Exact => scan::scan(self.view, &self.vector, self.filter, keep),
        }
    }
}
