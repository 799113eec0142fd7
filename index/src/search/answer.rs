//! What a search is asked for and what it returns.

/// How a search is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// Whatever is quickest and as certain as asked for: to miss nothing, if not said otherwise ([`Query::miss`], [`Query::recall`]).
    #[default]
    Auto,
    /// Every live row is scored.
    Exact,
    /// Every live row is looked at by a code of at most 64 bytes that bounds its score, and only those that may be among the hits are
    /// scored. In indexes of vectors without any structure, bounds are such that they hold nearly always: see
    /// [`Certificate::Bounded`] and [`Query::miss`]. Segments of few rows have no codes; their rows are all scored.
    Scan,
    /// Where a segment has a graph, the rows near the query are found by walking it with a beam of this width ("ef"), at least
    /// as wide as the number of hits asked for, and scored exactly; other segments are searched as with [`Mode::Auto`]. Quicker in large
    /// segments, and rows can be missed: the answer says `complete: false`. A range search is exact all the same.
    Graph {
        /// Nodes that the walk keeps.
        width: usize,
    },
}

impl Mode {
    /// The same, or for graphs, which cannot tell when they have found all, one that can.
    pub(super) fn complete(self) -> Self {
        match self {
            Self::Graph { .. } => Self::Auto,
            complete => complete,
        }
    }
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

/// What a search is certain of.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Certificate {
    /// No row that belongs among the hits is missing.
    Exact,
    /// The same, but for rows whose score is the lowest among the hits or the threshold itself, each of which is missing with this
    /// probability over the random choice of a rotation; with less if its score is higher. None is missing if there is none.
    Bounded {
        /// The probability.
        miss: f64,
    },
    /// Any row may be missing.
    None,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// Best first, equal scores by ascending id. The same view, vector and parameters give the same hits.
    pub hits: Vec<Hit>,
    /// Whether no row that belongs among the hits can have been missed: whether the certificate is [`Certificate::Exact`].
    pub complete: bool,
    /// What is certain of it.
    pub certificate: Certificate,
    /// How it was found; never [`Mode::Auto`].
    pub mode: Mode,
    /// Live rows that were scored or whose scores were bounded, and nodes of graphs that were compared with the query.
    pub scanned: u64,
    /// Those of them of which the score itself was computed. It may differ from one search to the next, as threads find cuts in other orders.
    pub rescored: u64,
    /// The best score among all rows that were looked at and pass the filter, also below a range's threshold
    /// and for `k = 0`; `None` if there was no such row. With [`Query::hits_only`] that of the best hit.
    pub max_score: Option<f32>,
}
