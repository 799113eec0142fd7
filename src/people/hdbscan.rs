//! HDBSCAN (Campello, Moulavi, Sander 2013; McInnes, Healy 2017) on the graph of similar faces.
//!
//! The crates `hdbscan` and `petal-clustering` are not used: they take all vectors or the matrix of all distances, not a sparse graph.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::constraints::Constraints;
use super::graph::Graph;
use super::partition::Partition;

/// The least distance of two faces, as a part of that at the threshold: what is closer is a copy. Without it, a few copies of a photo would
/// be denser than any person.
const COPIES: f64 = 0.5;
/// The least distance at a threshold: rounding makes that of equal vectors more than 0.
const LEAST: f64 = 1e-3;

/// HDBSCAN with the edges of at least `threshold`. The core score of a face is that of its closest neighbour number `neighbours`, from 1;
/// a face with fewer neighbours is noise. A cluster has at least `fewest` faces. The clusters with the greatest excess of mass are selected,
/// a whole connected component among them; faces in none of them stay alone.
///
/// Faces of a selected cluster are united along its edges, best first, so exclusions cut a cluster at its weakest edges. Components of the
/// graph are not connected to each other: each is born at `threshold`. Faces that separate at one score do so at the same time, so the
/// order of equal edges does not matter. It ends early once `stop` is set.
pub fn hdbscan(
    graph: &Graph,
    constraints: &Constraints,
    threshold: f32,
    (neighbours, fewest): (usize, usize),
    stop: &AtomicBool,
) -> Partition {
    let mut hierarchy = Hierarchy::new(graph.faces(), (threshold, fewest));
    for level in mutual_edges(graph, threshold, neighbours).chunk_by(|x, y| x.0 == y.0) {
        if stop.load(Relaxed) {
            return Partition::new(graph.faces(), constraints);
        }
        hierarchy.unite(level);
    }
    let selected = hierarchy.selected(threshold);
    let mut partition = Partition::new(graph.faces(), constraints);
    for (_, a, b) in graph.ranked(threshold) {
        if stop.load(Relaxed) {
            break;
        }
        let of = selected[a as usize];
        if of.is_some() && of == selected[b as usize] {
            partition.unite_if_allowed(a, b);
        }
    }
    partition
}

/// The edges between faces that have a core score, each with the score of mutual reachability: the lowest of its own and the core scores of
/// both faces. Highest first.
fn mutual_edges(graph: &Graph, threshold: f32, neighbours: usize) -> Vec<(f32, u32, u32)> {
    let core = |face| {
        let of = graph.close(face, threshold).get(neighbours.saturating_sub(1));
        of.map_or(f32::NEG_INFINITY, |&(_, score)| score)
    };
    let cores: Vec<f32> = (0..graph.faces() as u32).map(core).collect();
    let mut edges: Vec<_> = graph
        .edges(threshold)
        .map(|(score, a, b)| (score.min(cores[a as usize]).min(cores[b as usize]), a, b))
        .filter(|(score, ..)| *score >= threshold)
        .collect();
    edges.sort_unstable_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    edges
}

/// The distance of two unit vectors with this score, 0 to 2.
fn distance(score: f32) -> f64 {
    (2.0 - 2.0 * f64::from(score)).max(0.0).sqrt()
}

/// A cluster of the condensed tree: it loses single faces as the density rises, until it splits into others or vanishes.
struct Cluster {
    /// Its faces where it is largest.
    faces: u32,
    /// The sum of the densities at which they leave it.
    mass: f64,
    /// The stability of the best selection of the clusters that it splits into; 0 if there are none.
    below: f64,
    /// The cluster that splits into this one.
    parent: Option<usize>,
    /// Whether it is more stable than the selection below it.
    is_stable: bool,
}

/// The hierarchy of components, built from the highest score to the lowest, and its condensed tree.
struct Hierarchy {
    fewest: u32,
    /// The least distance that is told from none.
    copies: f64,
    components: Partition,
    /// Of each component, the next of its faces, in a circle.
    next: Vec<u32>,
    /// The smallest cluster of each face; of a component that is a cluster, all have one.
    homes: Vec<Option<usize>>,
    /// Of each component with enough faces, at the face that names it, the cluster that it is.
    present: Vec<Option<usize>>,
    /// A cluster comes after those that it splits into.
    clusters: Vec<Cluster>,
}

impl Hierarchy {
    fn new(faces: usize, (threshold, fewest): (f32, usize)) -> Self {
        Self {
            copies: COPIES * distance(threshold).max(LEAST),
            fewest: u32::try_from(fewest).unwrap_or(u32::MAX).max(2),
            components: Partition::new(faces, &Constraints::new()),
            next: (0..faces as u32).collect(),
            homes: vec![None; faces],
            present: vec![None; faces],
            clusters: Vec::new(),
        }
    }

    /// The density at a score: the inverse of the distance.
    fn density(&self, score: f32) -> f64 {
        distance(score).max(self.copies).recip()
    }

    /// Adds the edges of one score, which is lower than all before.
    fn unite(&mut self, level: &[(f32, u32, u32)]) {
        let Some(&(score, ..)) = level.first() else { return };
        let mut parts: Vec<(u32, u32)> = Vec::new();
        for &(_, a, b) in level {
            let (a, b) = (self.components.find(a), self.components.find(b));
            if a != b {
                parts.extend([a, b].map(|part| (part, self.components.size(part))));
            }
        }
        parts.sort_unstable();
        parts.dedup();
        for &(_, a, b) in level {
            self.components.unite(a, b);
        }
        let mut parts: Vec<_> =
            parts.into_iter().map(|(part, faces)| (self.components.find(part), part, faces)).collect();
        parts.sort_unstable();
        for parts in parts.chunk_by(|x, y| x.0 == y.0) {
            self.join(self.density(score), parts);
        }
    }

    /// These parts, each (the new component, the old one, its faces), are one component below a density.
    fn join(&mut self, density: f64, parts: &[(u32, u32, u32)]) {
        let Some(&(whole, first, _)) = parts.first() else { return };
        let faces: u32 = parts.iter().map(|(_, _, faces)| faces).sum();
        if faces >= self.fewest {
            let large: Vec<usize> =
                parts.iter().filter_map(|&(_, part, _)| self.present[part as usize]).collect();
            let cluster = match large[..] {
                [cluster] => cluster,
                _ => self.split(density, &large),
            };
            let grown = &mut self.clusters[cluster];
            grown.mass += f64::from(faces - grown.faces) * density;
            grown.faces = faces;
            for &(_, part, _) in parts.iter().filter(|(_, part, _)| self.present[*part as usize].is_none()) {
                let mut face = part;
                loop {
                    self.homes[face as usize] = Some(cluster);
                    face = self.next[face as usize];
                    if face == part {
                        break;
                    }
                }
            }
            self.present[whole as usize] = Some(cluster);
        }
        for &(_, part, _) in &parts[1..] {
            self.next.swap(first as usize, part as usize);
        }
    }

    /// A new cluster that splits into these at a density, or vanishes there if there are none.
    fn split(&mut self, density: f64, into: &[usize]) -> usize {
        let number = self.clusters.len();
        let mut below = 0.0;
        for &child in into {
            below += self.end(child, density);
            self.clusters[child].parent = Some(number);
        }
        self.clusters.push(Cluster { faces: 0, mass: 0.0, below, parent: None, is_stable: false });
        number
    }

    /// Ends the growth of a cluster at the density at which it is born. Returns the stability of the best selection in it.
    fn end(&mut self, cluster: usize, density: f64) -> f64 {
        let cluster = &mut self.clusters[cluster];
        let stability = (cluster.mass - f64::from(cluster.faces) * density).max(0.0);
        cluster.is_stable = stability >= cluster.below;
        stability.max(cluster.below)
    }

    /// The selected cluster of each face: the largest stable one. The components are born at `threshold`.
    fn selected(mut self, threshold: f32) -> Vec<Option<usize>> {
        let born = self.density(threshold);
        let mut selected = vec![None; self.clusters.len()];
        for number in (0..self.clusters.len()).rev() {
            let parent = self.clusters[number].parent;
            if parent.is_none() {
                self.end(number, born);
            }
            let stable = self.clusters[number].is_stable.then_some(number);
            selected[number] = parent.and_then(|parent| selected[parent]).or(stable);
        }
        self.homes.iter().map(|home| home.and_then(|home| selected[home])).collect()
    }
}
