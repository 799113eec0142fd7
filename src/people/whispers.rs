//! Chinese whispers (Biemann 2006): every face takes the label that its neighbours have most weight in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::constraints::Constraints;
use super::graph::Graph;
use super::partition::Partition;

/// Runs `rounds` of Chinese whispers on the edges with at least `threshold`, each weighted by its score. The faces are visited in an order
/// drawn from `seed`. Exclusions are applied when the labels become clusters: edges inside a label, best first, then what has no such edge. It ends early once `stop` is set.
pub fn whispers(
    graph: &Graph,
    constraints: &Constraints,
    threshold: f32,
    (rounds, seed): (u32, u64),
    stop: &AtomicBool,
) -> Partition {
    let faces = graph.faces();
    let mut labels: Vec<u32> = (0..faces as u32).collect();
    let mut order = labels.clone();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut weights: HashMap<u32, f64> = HashMap::new();
    for _ in 0..rounds {
        if stop.load(Relaxed) {
            break;
        }
        order.shuffle(&mut random);
        let mut changed = false;
        for &face in &order {
            weights.clear();
            for &(other, score) in graph.close(face, threshold) {
                *weights.entry(labels[other as usize]).or_default() += f64::from(score.max(0.0));
            }
            let best = weights.iter().max_by(|x, y| x.1.total_cmp(y.1).then(y.0.cmp(x.0)));
            if let Some((&label, _)) = best
                && label != labels[face as usize]
            {
                labels[face as usize] = label;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let mut partition = Partition::new(faces, constraints);
    for (_, a, b) in graph.ranked(threshold) {
        if labels[a as usize] == labels[b as usize] {
            partition.unite_if_allowed(a, b);
        }
    }
    let mut firsts: HashMap<u32, u32> = HashMap::new();
    for (face, label) in (0..).zip(labels) {
        let first = *firsts.entry(label).or_insert(face);
        partition.unite_if_allowed(first, face);
    }
    partition
}
