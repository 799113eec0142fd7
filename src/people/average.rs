//! Average linkage (UPGMA).

use std::sync::atomic::AtomicBool;

use super::constraints::Constraints;
use super::graph::Graph;
use super::linkage::{Closeness, Summary, link};
use super::partition::Partition;
use super::reference::dot;

/// Unites the two clusters with the highest average score of their pairs of faces until none reaches `threshold`. Averages are over all
/// pairs, also those without an edge; two clusters are compared if there is an edge between them. `vectors` are the unit vectors of the
/// faces, row by row. It ends early once `stop` is set.
pub fn average(
    graph: &Graph,
    vectors: &[f32],
    constraints: &Constraints,
    threshold: f32,
    stop: &AtomicBool,
) -> Partition {
    let mut partition = Partition::new(graph.faces(), constraints);
    link(graph, (vectors, vec![0.0; graph.faces()]), &mut partition, &Average(threshold), stop);
    partition
}

/// The average score of the pairs of two clusters, less a threshold.
pub(super) struct Average(pub f32);

impl Closeness for Average {
    fn closeness(&self, a: Summary<'_>, b: Summary<'_>) -> f32 {
        dot(a.sum, b.sum) / (a.faces as f32 * b.faces as f32) - self.0
    }
}
