//! Options of an index. They are chosen at creation and stored in the manifest.

use std::time::Duration;

use crate::error::Error;

/// Highest dimension of an index.
pub const MAX_DIMENSION: usize = 4096;
/// Most bytes of [`Options::label`].
pub const MAX_LABEL: usize = 256;
/// Most shards of an index.
pub const MAX_SHARDS: u16 = 256;
/// Most bytes of the buffer of one shard. A buffer of this size is sealed, whatever [`Options::seal_rows`]
/// is.
pub const MAX_BUFFER_BYTES: usize = 64 << 20;

/// The shape of an index, fixed at creation.
///
/// ```
/// use gallerist_index::Options;
/// let options = Options::new(192).shards(8).label("encoder 3f2a");
/// assert_eq!(options.seal_rows, 32_768);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Components of a vector, 1 to [`MAX_DIMENSION`].
    pub dimension: usize,
    /// Shards, 1 to [`MAX_SHARDS`]: parts that are written in parallel. The group of a row picks its shard.
    /// Reads do not depend on it.
    pub shards: u16,
    /// A label of the caller's, at most [`MAX_LABEL`] bytes: for example the fingerprint of the model that
    /// made the vectors. It is stored and returned, and never interpreted.
    pub label: String,
    /// Rows of a shard's buffer at which it is sealed into a segment, at least 1. A buffer is also sealed
    /// at [`MAX_BUFFER_BYTES`]. The rows of one group in one call may exceed both, as they stay together.
    pub seal_rows: usize,
    /// Whether segments are merged in the background after each seal. Otherwise only
    /// [`Index::compact`](crate::Index::compact) and [`Index::purge`](crate::Index::purge) rewrite
    /// segments.
    pub background_compaction: bool,
    /// Graphs for approximate search.
    pub graph: GraphOptions,
    /// Which lengths vectors may have.
    pub lengths: Lengths,
}

/// Which lengths the vectors of an index may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Lengths {
    /// 1 (within 0.001). Others are refused, so that a missing normalisation is noticed.
    #[default]
    Unit,
    /// Any but 0. A vector is divided by its length, which is stored beside it and returned as
    /// [`Stored::length`](crate::Stored::length). Vectors that are searched for are normalised too, and
    /// scores are cosine similarities. Programs that know format version 2 only cannot read such an index.
    Any,
}

/// Which segments get a graph (hierarchical navigable small world; Malkov, Yashunin 2018), and its shape.
/// Building a graph takes far longer than writing the rows. Only [`Mode::Graph`](crate::Mode::Graph) and
/// searches with a [recall target](crate::Query::recall) read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphOptions {
    /// Which segments.
    pub when: GraphWhen,
    /// Neighbours of a node in the upper layers ("M"), 4 to 64. The lowest layer has twice as many.
    pub degree: u16,
    /// Beam width when neighbours are searched for ("efConstruction"), from 2 `degree` to 2000.
    pub build_width: u16,
}

/// Which segments get a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphWhen {
    /// None.
    Never,
    /// Segments of 50,000 rows and more. A scan of smaller ones is as fast. Such segments are made by
    /// compaction.
    Auto,
    /// All.
    Always,
}

impl GraphOptions {
    /// No graphs. The other fields are a degree of 16 and a beam width of 200.
    pub const NEVER: Self = Self { when: GraphWhen::Never, degree: 16, build_width: 200 };
}

impl Options {
    /// Four shards, an empty label, buffers of 32,768 rows, compaction in the background, no graphs, and
    /// vectors of length 1.
    pub fn new(dimension: usize) -> Self {
        Self {
            dimension,
            shards: 4,
            label: String::new(),
            seal_rows: 32_768,
            background_compaction: true,
            graph: GraphOptions::NEVER,
            lengths: Lengths::Unit,
        }
    }

    /// Sets [`shards`](Self::shards).
    #[must_use]
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = shards;
        self
    }

    /// Sets [`label`](Self::label).
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets [`seal_rows`](Self::seal_rows).
    #[must_use]
    pub fn seal_rows(mut self, rows: usize) -> Self {
        self.seal_rows = rows;
        self
    }

    /// Sets [`background_compaction`](Self::background_compaction).
    #[must_use]
    pub fn background_compaction(mut self, compacts: bool) -> Self {
        self.background_compaction = compacts;
        self
    }

    /// Sets [`graph`](Self::graph).
    #[must_use]
    pub fn graph(mut self, graph: GraphOptions) -> Self {
        self.graph = graph;
        self
    }

    /// Sets [`lengths`](Self::lengths).
    #[must_use]
    pub fn lengths(mut self, lengths: Lengths) -> Self {
        self.lengths = lengths;
        self
    }

    /// Whether every field is in its range.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let refuse =
            |field, expected: String, got: String| Err(Error::InvalidOption { field, expected, got });
        if !(1..=MAX_DIMENSION).contains(&self.dimension) {
            return refuse("dimension", format!("1 to {MAX_DIMENSION}"), self.dimension.to_string());
        }
        if !(1..=MAX_SHARDS).contains(&self.shards) {
            return refuse("shards", format!("1 to {MAX_SHARDS}"), self.shards.to_string());
        }
        if self.label.len() > MAX_LABEL {
            return refuse(
                "label",
                format!("at most {MAX_LABEL} bytes"),
                format!("{} bytes", self.label.len()),
            );
        }
        let GraphOptions { degree, build_width, .. } = self.graph;
        if !(4..=64).contains(&degree) {
            return refuse("graph.degree", "4 to 64".into(), degree.to_string());
        }
        if !(2 * degree..=2000).contains(&build_width) {
            return refuse("graph.build_width", format!("{} to 2000", 2 * degree), build_width.to_string());
        }
        if self.seal_rows == 0 {
            return refuse("seal_rows", "at least 1".into(), "0".into());
        }
        Ok(())
    }
}

/// What an index is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Reading and writing, by one owner at a time.
    #[default]
    ReadWrite,
    /// Reading only, by any number of owners at a time. Nothing is written, not even to the lock file, so
    /// read-only media will do. Recovery after a crash is done in memory. The view shows what is in the
    /// page cache, synced or not.
    ReadOnly,
}

/// How [`Index::open_with`](crate::Index::open_with) opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenOptions {
    /// What for.
    pub access: Access,
    /// How long to wait for other owners to close the index before the call fails with [`Error::Locked`].
    pub wait: Duration,
}
