//! Statistics and reports.

use std::fmt;
use std::path::PathBuf;

/// Counts and sizes of an index at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Rows that a view shows.
    pub live_rows: u64,
    /// Deleted rows whose bytes are still in a segment or a log.
    pub deleted_rows: u64,
    /// Sealed segments.
    pub segments: usize,
    /// Live rows in buffers, not in a segment yet.
    pub buffered_rows: u64,
    /// Bytes of all files of the index.
    pub bytes: u64,
}

/// Statistics of a segment, measured when it was written. Rows that were deleted since then are included.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SegmentStats {
    /// Rows.
    pub rows: u64,
    /// Groups of its rows.
    pub groups: u64,
    /// The largest distance between a vector and what its SQ8 code stands for. An approximate score is off
    /// by at most this, plus the error of the query's own code.
    pub largest_code_error: f64,
    /// The mean of these distances.
    pub mean_code_error: f64,
    /// Mean score of pairs of rows of different groups, in a sample; 0 if there is one group only.
    pub mean_score: f64,
    /// Standard deviation of these scores.
    pub score_deviation: f64,
    /// Its graph, if it has one.
    pub graph: Option<GraphStats>,
}

/// Statistics of a graph, measured when it was built.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GraphStats {
    /// Nodes. Rows with identical codes share one.
    pub nodes: u64,
    /// Layers.
    pub layers: u64,
    /// Nodes that were linked again because they were unreachable or searches missed them.
    pub repaired: u64,
    /// Nodes that a search for their own code with a beam of 64 does not find.
    pub unfound: u64,
    /// Nodes of the lowest layer that are unreachable from the entry point. Always 0.
    pub orphans: u64,
    /// Lowest in-degree of a node of the lowest layer.
    pub least_in_degree: u64,
    /// Highest in-degree.
    pub most_in_degree: u64,
    /// Mean in-degree.
    pub mean_in_degree: f64,
    /// Recall and cost of searches for a few rows before they were inserted, for three beam widths. All
    /// zero in graphs of fewer than 16 nodes.
    pub probes: [ProbeStats; 3],
}

/// Recall and cost of searches with one beam width.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ProbeStats {
    /// The beam width.
    pub width: u64,
    /// Share of the ten nearest nodes that were found.
    pub recall: f64,
    /// Mean number of nodes compared with the query.
    pub evaluations: f64,
}

impl ProbeStats {
    pub(crate) const NONE: Self = Self { width: 0, recall: 0.0, evaluations: 0.0 };
}

/// What [`Index::compact`](crate::Index::compact) did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compaction {
    /// Segments that were rewritten.
    pub rewritten: usize,
    /// Segments there are now.
    pub segments: usize,
    /// Deleted rows whose bytes went with the old files.
    pub erased: u64,
}

/// What [`Index::purge`](crate::Index::purge) did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurgeReceipt {
    /// Deleted rows whose bytes were in segments or logs and are in no file of the index any more. Together
    /// with `waiting` it counts at least the rows that were deleted when the purge began.
    pub erased: u64,
    /// Upper bound of the deleted rows whose bytes are in files that views still hold, whether this purge
    /// or an earlier compaction replaced them. 0 means that the bytes of all rows that were deleted when
    /// the purge began are gone.
    pub waiting: u64,
    /// Segments that were rewritten without them.
    pub rewritten: usize,
    /// Old files that are removed only when views that were taken earlier are dropped.
    pub held_by_views: usize,
}

/// What [`Index::snapshot`](crate::Index::snapshot) made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotReport {
    /// Files that were verified.
    pub files: usize,
    /// Those that share their bytes with the index, as hard links; the others are copies.
    pub linked: usize,
}

/// What [`Index::restore`](crate::Index::restore) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// Live rows in the restored index.
    pub rows: u64,
    /// Rows of the snapshot that were deleted since, and erased again.
    pub erased: u64,
}

/// What [`Index::check`](crate::Index::check) found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CheckReport {
    /// Files whose every byte was verified.
    pub files: usize,
    /// The same files, one by one.
    pub listed: Vec<CheckedFile>,
    /// Live rows.
    pub rows: u64,
    /// What is damaged; empty for a sound index.
    pub problems: Vec<Problem>,
    /// Files in the directory that do not belong to the index. They are left alone.
    pub unknown: Vec<PathBuf>,
    /// Unfinished directories beside the index, left by a killed creation, snapshot or restore. They may
    /// hold rows. The next opening for writing removes them, and so does any call that creates another
    /// directory there.
    pub abandoned: Vec<PathBuf>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One verified file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Rows it holds, dead ones included; 0 where it holds none.
    pub rows: u64,
}

/// One damage of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Byte offset in it.
    pub offset: u64,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub got: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, offset, expected, got } = self;
        write!(f, "{} at byte {offset}: expected {expected}, got {got}", path.display())
    }
}
