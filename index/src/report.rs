//! Counts, and the result of a full check.

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

/// What was measured when a segment was written, its rows deleted since then included.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SegmentStats {
    /// Rows.
    pub rows: u64,
    /// Groups of which it holds rows.
    pub groups: u64,
    /// How far a vector is from what its code of one byte a component stands for, at most. By so much an approximate
    /// score can be off, beside what the query's own code adds.
    pub largest_code_error: f64,
    /// The same on the average.
    pub mean_code_error: f64,
    /// Mean score of rows of different groups, in a sample; 0 if there is but one group.
    pub mean_score: f64,
    /// Standard deviation of these scores.
    pub score_deviation: f64,
    /// Its graph, if it has one.
    pub graph: Option<GraphStats>,
}

/// What was measured of a graph when it was built.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GraphStats {
    /// Nodes: rows whose codes are identical share one.
    pub nodes: u64,
    /// Layers.
    pub layers: u64,
    /// Nodes that had to be linked again, as nothing led to them or searches missed them.
    pub repaired: u64,
    /// Nodes that a search of their own code with a beam of 64 does not find.
    pub unfound: u64,
    /// Nodes of the lowest layer that cannot be reached from where searches enter. Always 0.
    pub orphans: u64,
    /// Nodes that lead to a node of the lowest layer, at least.
    pub least_in_degree: u64,
    /// The same at most.
    pub most_in_degree: u64,
    /// The same on the average.
    pub mean_in_degree: f64,
    /// What searches for a few rows found before they were put into the graph, as strangers to it, for three widths of
    /// the beam. All zero in graphs of fewer than 16 nodes.
    pub probes: [ProbeStats; 3],
}

/// What searches with one width of the beam cost and found.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ProbeStats {
    /// The width of the beam.
    pub width: u64,
    /// Share of the ten nearest nodes that they found.
    pub recall: f64,
    /// Nodes compared with the probe, on the average.
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
    /// Dead rows whose bytes went with the old files.
    pub erased: u64,
}

/// What [`Index::purge`](crate::Index::purge) did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurgeReceipt {
    /// Deleted rows whose bytes were in segments or logs and are in no file of the index any more; with `waiting`, at least
    /// those that were deleted when the purge began.
    pub erased: u64,
    /// Deleted rows whose bytes are in files that views still hold, at most, whether this purge replaced them or an earlier
    /// compaction. 0: the bytes of all rows that were deleted when the purge began are gone.
    pub waiting: u64,
    /// Segments that were rewritten without them.
    pub rewritten: usize,
    /// Old files that cannot be removed before the views that were taken earlier are dropped.
    pub held_by_views: usize,
}

/// What [`Index::snapshot`](crate::Index::snapshot) made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotReport {
    /// Files in the snapshot.
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
    /// What is wrong; empty for a sound index.
    pub problems: Vec<Problem>,
    /// Files in the directory that the index does not know. They are left alone.
    pub unknown: Vec<PathBuf>,
    /// Directories beside the index's that a killed creation, snapshot or restore left unfinished. They may hold rows; the next
    /// opening for writing removes them, as does whatever makes another directory there.
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

/// One thing that is wrong with a file.
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
