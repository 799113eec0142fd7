//! Modes, hits, certificates and answers.

/// How a search is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// The cheapest way that gives what was asked for. Without [`Query::miss`](crate::Query::miss) and
    /// [`Query::recall`](crate::Query::recall) the answer is complete.
    #[default]
    Auto,
    /// Scores every live row.
    Exact,
    /// Bounds the score of every live row by a code of at most 64 bytes, and scores only the rows whose
    /// upper bound reaches the threshold (candidate pruning). For vectors without any structure the bounds
    /// hold with high probability only: see [`Certificate::Bounded`] and
    /// [`Query::miss`](crate::Query::miss). Small segments have no codes; all their rows are scored.
    Scan,
    /// Searches the graph of each segment that has one, with a beam of this width ("ef", at least the
    /// number of hits asked for), and scores the rows found. Other segments are searched as with
    /// [`Mode::Auto`]. It is faster in large segments, and rows can be missed: the answer says `complete:
    /// false`. A range search is complete all the same.
    Graph {
        /// Nodes that the beam keeps.
        width: usize,
    },
}

impl Mode {
    /// The same mode, or for graphs one that gives complete answers.
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
    /// [`dot`](crate::dot) of the query and the stored vector. Every way of searching gives the same bits.
    /// Higher is closer.
    pub score: f32,
}

/// What an answer guarantees.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Certificate {
    /// No row that belongs among the hits is missing.
    Exact,
    /// No row that belongs among the hits is missing, except with a small probability. A row whose score is
    /// the lowest among the hits, or the threshold itself, is missing with this probability over the random
    /// choice of a rotation; a row with a higher score with a lower one.
    Bounded {
        /// The probability.
        miss: f64,
    },
    /// Any row may be missing.
    None,
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The hits, the best first, equal scores by ascending id. The same view, vector and parameters give
    /// the same hits.
    pub hits: Vec<Hit>,
    /// Whether the certificate is [`Certificate::Exact`]: no row that belongs among the hits can be
    /// missing.
    pub complete: bool,
    /// What the answer guarantees.
    pub certificate: Certificate,
    /// How the search was done; never [`Mode::Auto`].
    pub mode: Mode,
    /// Live rows that were scored or bounded, and graph nodes that were compared with the query.
    pub scanned: u64,
    /// How many of them were scored. It can differ from one run to the next, as threads reach a threshold
    /// in different orders.
    pub rescored: u64,
    /// The best score of all rows that were scored and pass the filter, also below the threshold of a range
    /// search and for `k = 0`; `None` if there was no such row. With
    /// [`Query::hits_only`](crate::Query::hits_only) it is that of the best hit.
    pub max_score: Option<f32>,
}
