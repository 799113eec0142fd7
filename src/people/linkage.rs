//! Agglomeration: the two closest clusters are united until none are close enough.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::graph::Graph;
use super::partition::Partition;
use super::reference::dot;

/// What is known of a cluster without looking at its faces.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    /// The sum of its vectors.
    pub sum: &'a [f32],
    /// The length of that sum.
    pub length: f32,
    /// The sum of the values of its faces.
    pub value: f32,
    /// Number of its vectors.
    pub faces: u32,
}

/// How close two clusters are; higher is closer, and 0 is the limit: what is below is not united. Symmetric.
pub trait Closeness: Sync {
    /// The closeness of two clusters.
    fn closeness(&self, a: Summary<'_>, b: Summary<'_>) -> f32;
}

/// A pair of clusters that may be united.
struct Candidate {
    closeness: f32,
    pair: (u32, u32),
    /// The versions of both at the time: a cluster that has grown since has other candidates.
    versions: (u32, u32),
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.closeness.total_cmp(&other.closeness).then_with(|| other.pair.cmp(&self.pair))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// The clusters, their sums, and who is near whom.
struct State<'a, C> {
    partition: &'a mut Partition,
    closeness: &'a C,
    dimension: usize,
    sums: Vec<f32>,
    lengths: Vec<f32>,
    values: Vec<f32>,
    versions: Vec<u32>,
    /// Of each cluster, clusters with an edge to it. Some are gone; [`Partition::find`] gives what they became.
    near: Vec<Vec<u32>>,
    queue: BinaryHeap<Candidate>,
}

/// Unites clusters, the closest first, while their closeness is not negative and no exclusion keeps them apart. Only clusters with an edge
/// of `graph` between them are compared. `vectors` are the unit vectors of the faces, row by row; `values` a number for each face. It ends
/// early once `stop` is set.
pub fn link(
    graph: &Graph,
    (vectors, values): (&[f32], Vec<f32>),
    partition: &mut Partition,
    closeness: &impl Closeness,
    stop: &AtomicBool,
) {
    let faces = graph.faces();
    let dimension = vectors.len().checked_div(faces).unwrap_or_default();
    let mut state = State {
        partition,
        closeness,
        dimension,
        sums: vectors.to_vec(),
        lengths: vec![0.0; faces],
        values,
        versions: vec![0; faces],
        near: vec![Vec::new(); faces],
        queue: BinaryHeap::new(),
    };
    state.begin(graph, stop);
    while let Some(Candidate { pair: (a, b), versions, .. }) = state.queue.pop() {
        if stop.load(Relaxed) {
            return;
        }
        if versions == (state.versions[a as usize], state.versions[b as usize]) {
            state.unite(a, b);
        }
    }
}

impl<C: Closeness> State<'_, C> {
    fn begin(&mut self, graph: &Graph, stop: &AtomicBool) {
        for face in 0..graph.faces() as u32 {
            let cluster = self.partition.find(face);
            if cluster != face {
                self.gather(cluster, face);
            }
            for &(other, _) in graph.neighbours(face) {
                let other = self.partition.find(other);
                if other != cluster {
                    self.near[cluster as usize].push(other);
                }
            }
        }
        for cluster in 0..graph.faces() as u32 {
            self.measure(cluster);
        }
        for cluster in 0..graph.faces() as u32 {
            let mut near = std::mem::take(&mut self.near[cluster as usize]);
            near.sort_unstable();
            near.dedup();
            near.shrink_to_fit();
            if stop.load(Relaxed) {
                return;
            }
            for &other in near.iter().filter(|&&other| other > cluster) {
                self.consider(cluster, other);
            }
            self.near[cluster as usize] = near;
        }
    }

    fn unite(&mut self, a: u32, b: u32) {
        let Some((left, gone)) = self.partition.unite_if_allowed(a, b) else { return };
        self.gather(left, gone);
        self.measure(left);
        self.versions[left as usize] += 1;
        self.versions[gone as usize] = u32::MAX;
        let mut near = std::mem::take(&mut self.near[left as usize]);
        near.extend(std::mem::take(&mut self.near[gone as usize]));
        near.iter_mut().for_each(|other| *other = self.partition.find(*other));
        near.sort_unstable();
        near.dedup();
        near.retain(|&other| other != left);
        for &other in &near {
            self.consider(left.min(other), left.max(other));
        }
        self.near[left as usize] = near;
    }

    /// Puts a pair into the queue if it may be united.
    fn consider(&mut self, a: u32, b: u32) {
        if self.partition.is_forbidden(a, b) {
            return;
        }
        let closeness = self.closeness.closeness(self.summary(a), self.summary(b));
        if closeness >= 0.0 {
            let versions = (self.versions[a as usize], self.versions[b as usize]);
            self.queue.push(Candidate { closeness, pair: (a, b), versions });
        }
    }

    fn summary(&self, cluster: u32) -> Summary<'_> {
        let at = cluster as usize;
        Summary {
            sum: &self.sums[at * self.dimension..][..self.dimension],
            length: self.lengths[at],
            value: self.values[at],
            faces: self.partition.size(cluster),
        }
    }

    /// Adds the sums of a cluster that is gone to those of the one that is left.
    fn gather(&mut self, left: u32, gone: u32) {
        let (low, high) = (left.min(gone) as usize, left.max(gone) as usize);
        let (below, above) = self.sums.split_at_mut(high * self.dimension);
        let (one, other) =
            (&mut below[low * self.dimension..][..self.dimension], &mut above[..self.dimension]);
        let (sum, vector) = if left < gone { (one, other) } else { (other, one) };
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += *value);
        self.values[left as usize] += self.values[gone as usize];
    }

    fn measure(&mut self, cluster: u32) {
        let sum = &self.sums[cluster as usize * self.dimension..][..self.dimension];
        self.lengths[cluster as usize] = dot(sum, sum).sqrt();
    }
}
