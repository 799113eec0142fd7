//! DBSCAN (Ester et al. 1996), as photo managers use it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::constraints::Constraints;
use super::graph::Graph;
use super::partition::Partition;

/// DBSCAN with the neighbours of at least `threshold`. A face with at least `fewest` faces in its neighbourhood, itself included, is a core.
/// Cores that are neighbours are of one cluster. Another face joins the cluster of its closest core; without one it stays alone.
/// It ends early once `stop` is set.
pub fn density(
    graph: &Graph,
    constraints: &Constraints,
    threshold: f32,
    fewest: usize,
    stop: &AtomicBool,
) -> Partition {
    let is_core = |face: u32| graph.close(face, threshold).len() + 1 >= fewest;
    let mut partition = Partition::new(graph.faces(), constraints);
    for (_, a, b) in graph.ranked(threshold) {
        if stop.load(Relaxed) {
            return partition;
        }
        if is_core(a) && is_core(b) {
            partition.unite_if_allowed(a, b);
        }
    }
    for face in (0..graph.faces() as u32).filter(|&face| !is_core(face)) {
        let mut close = graph.close(face, threshold).iter();
        if let Some(&(core, _)) = close.find(|(other, _)| is_core(*other)) {
            partition.unite_if_allowed(face, core);
        }
    }
    partition
}
