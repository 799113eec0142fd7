//! Search modes, and the results of searches.

/// A search mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// The fastest mode for the required certificate. Without [`Query::miss`](super::Query::miss) and
    /// [`Query::recall`](super::Query::recall) the answer is complete.
    #[default]
    Auto,
    /// Scores every row.
    Exact,
    /// Bounds the score of every row by a short code, and scores only the rows whose upper bound reaches the threshold. For vectors without
    /// any structure the bounds hold only with high probability: see [`Proof::Bounded`].
    Scan,
    /// Searches a graph with a beam of this width, and scores the found rows. Rows can be missed. A range search is complete in this mode
    /// too.
    Graph {
        /// Beam width: number of nodes in the beam.
        width: usize,
    },
}

/// One row of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The template's id.
    pub id: u64,
    /// Its subject, or its own key.
    pub subject: u64,
    /// The dot product of the probe and the stored vector, in f32: cosine, higher is closer. Every mode gives the same bits.
    pub score: f32,
}

/// What is certain about the rows that are not in an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Proof {
    /// No row that belongs among the hits is missing.
    Exact,
    /// No row that belongs among the hits is missing, except with a small probability. A row with exactly the lowest score of the hits, or
    /// exactly the threshold, is missing with this probability; a row with a higher score with a lower one.
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
    /// The hits, best first, equal scores by ascending id.
    pub hits: Vec<Hit>,
    /// Whether the certificate is [`Proof::Exact`].
    pub complete: bool,
    /// What is certain about the rows that are not among the hits.
    pub certificate: Proof,
    /// The mode of the search; never [`Mode::Auto`].
    pub mode: Mode,
    /// Rows that were scored or bounded, and graph nodes that were scored.
    pub scanned: u64,
    /// Best score of all searched rows, including rows that are not hits; `None` if there was no row. For a range search with
    /// [`Query::hits_only`](super::Query::hits_only), the best score of the hits.
    pub max_score: Option<f32>,
}
