//! Connected components above a threshold.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::constraints::Constraints;
use super::graph::Graph;
use super::partition::Partition;

/// Unites the faces of every edge with at least `threshold`, best first. An edge between two clusters that an exclusion keeps apart is
/// skipped: without exclusions the result is the connected components. It ends early once `stop` is set.
pub fn components(graph: &Graph, constraints: &Constraints, threshold: f32, stop: &AtomicBool) -> Partition {
    let mut partition = Partition::new(graph.faces(), constraints);
    for (_, a, b) in graph.ranked(threshold) {
        if stop.load(Relaxed) {
            break;
        }
        partition.unite_if_allowed(a, b);
    }
    partition
}
