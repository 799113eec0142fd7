//! What is measured when a segment is written: what a planner has to know before it searches there.

use zerocopy::IntoBytes;

use super::layout::STATISTICS;
use super::writer::Writer;
use crate::error::Error;
use crate::graph::Graph;
use crate::sq8::{self, Codes};

/// Pairs of rows whose scores are measured.
const PAIRS: usize = 4096;
/// Numbers of the section without a graph, and with one.
const PLAIN: usize = 6;
const WITH_GRAPH: usize = PLAIN + 8 + 3 * WIDTHS.len();
/// Widths of the beam that are tried.
pub(crate) const WIDTHS: [usize; 3] = [64, 256, 1024];

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
    pub least_leads: u64,
    /// The same at most.
    pub most_leads: u64,
    /// The same on the average.
    pub mean_leads: f64,
    /// What searches for some of the rows found of the ten others nearest to them, for three widths of the beam.
    pub probes: [ProbeStats; 3],
}

/// What searches with one width of the beam cost and found. Probes from outside are harder than rows of the segment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ProbeStats {
    /// The width of the beam.
    pub width: u64,
    /// Share found of the ten nearest others.
    pub recall: f64,
    /// Nodes compared with the probe, on the average.
    pub evaluations: f64,
}

/// Collects the errors of codes, row by row.
#[derive(Default)]
pub(super) struct CodeErrors {
    largest: f32,
    sum: f64,
}

impl CodeErrors {
    pub(super) fn add(&mut self, vector: &[f32], code: &[i8], scale: f32) {
        let error = sq8::error(vector, code, scale);
        self.largest = self.largest.max(error);
        self.sum += f64::from(error);
    }

    /// Statistics of rows in their order, but for the graph.
    pub(super) fn finish(&self, groups: &[u64], scores: Scores) -> SegmentStats {
        let rows = groups.len();
        SegmentStats {
            rows: rows as u64,
            groups: groups.chunk_by(|a, b| a == b).count() as u64,
            largest_code_error: f64::from(self.largest),
            mean_code_error: self.sum / rows.max(1) as f64,
            mean_score: scores.mean,
            score_deviation: scores.deviation,
            graph: None,
        }
    }
}
