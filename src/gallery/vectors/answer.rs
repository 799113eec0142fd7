//! How a store is searched, and what a search finds.

/// How a search is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// The cheapest way that gives what was asked for. Where neither [`Query::miss`](super::Query::miss) nor
    /// [`Query::recall`](super::Query::recall) is given, the answer is complete.
    #[default]
    Auto,
    /// Scores every row.
    Exact,
    /// Bounds the score of every row by a short code, and scores only the rows whose upper bound reaches the threshold. For vectors without
    /// any structure the bounds hold with high probability only: see [`Proof::Bounded`].
    Scan,
    /// Searches a graph with a beam of this width, and scores the rows found. Rows can be missed. A range search is complete all the same.
    Graph {
        /// Nodes that the beam keeps.
        width: usize,
    },
}

/// One row of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The template's id.
    pub id: u64,
    /// Its subject, or its own key if it has none.
    pub subject: u64,
    /// The dot product of the probe and the stored vector, in f32: cosine similarity, higher is closer. Every way of searching gives the
    /// same bits.
    pub score: f32,
}

/// What is certain about the rows that are not in an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Proof {
    /// No row that belongs among the hits is missing.
    Exact,
    /// No row that belongs among the hits is missing, except with a small probability. A row whose score is the lowest among the hits, or the
    /// threshold itself, is missing with this probability; a row with a higher score with a lower one.
    Bounded {
        /// The probability.
        miss: f64,
    },
    /// Any row may be missing.
    None,
}

/// The result of a search for one probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The hits, the best first, equal scores by ascending id.
    pub hits: Vec<Hit>,
    /// Whether the certificate is [`Proof::Exact`].
    pub complete: bool,
    /// What is certain about the rows that are not among the hits.
    pub certificate: Proof,
    /// How the search was done; never [`Mode::Auto`].
    pub mode: Mode,
    /// Rows that were scored or bounded, and graph nodes that were compared with the probe.
    pub scanned: u64,
    /// The best score of all rows that were searched, hit or not; `None` if there was none. Of a range search with
    /// [`Query::hits_only`](super::Query::hits_only) that of the best hit.
    pub max_score: Option<f32>,
}
