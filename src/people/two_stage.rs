//! The default: strict seeds, then linkage at a threshold that follows from the strangers of the collection.
//!
//! A pair of clusters is as close as their average score, corrected twice. Averages of many faces are divided by the lengths of the
//! mean vectors, because the mean of different photos of one person is shorter than a single vector. And a pair is less close
//! by the amount by which the neighbourhoods of its faces are closer than usual: among look-alikes a score says less.

use std::sync::atomic::AtomicBool;

use super::constraints::Constraints;
use super::graph::Graph;
use super::linkage::{Closeness, Summary, link};
use super::partition::Partition;
use super::reference::{Neighbourhoods, Strangers, dot};
use super::{average::Average, components};

/// How strict the two stages are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoStage {
    /// Strangers that a face is expected to meet at the score above which two faces are united at once. Only near copies reach it: a chain
    /// of such faces stays with one person.
    pub copies: f64,
    /// Strangers that a face is expected to meet at the average score of a seed.
    pub seed: f64,
    /// Strangers that a face is expected to meet at the threshold of the linkage, in a collection of [`USUAL`] faces.
    pub linkage: f64,
    /// The power of the number of faces with which that rises. At 0 the expected false merges of a face are the same in every collection;
    /// at 1 the threshold is. Between them the false merges of strangers and the missed merges of mates stay in balance.
    pub growth: f64,
    /// The power of the lengths of the mean vectors: 0 gives average linkage, 1 the cosine of the centroids.
    pub power: f32,
    /// The weight of the neighbourhoods.
    pub neighbourhoods: f32,
    /// The lowest cosine of the centroids of two clusters that both have at least four faces. Two halves of one person are much closer
    /// than two of the person's faces.
    pub large: f32,
    /// The threshold of the linkage, a cosine, instead of the one that follows from [`linkage`](Self::linkage). Copies and seeds are united
    /// at no less.
    pub threshold: Option<f32>,
}

/// The number of faces that [`TwoStage::linkage`] is about.
pub const USUAL: f64 = 5_000.0;

/// Faces of a cluster whose centroid is reliable.
const LARGE: u32 = 4;

impl Default for TwoStage {
    fn default() -> Self {
        Self {
            copies: 1e-14,
            seed: 1e-4,
            linkage: 0.015,
            growth: 0.5,
            power: 0.7,
            neighbourhoods: 1.0,
            large: 0.65,
            threshold: None,
        }
    }
}

impl TwoStage {
    /// The thresholds of copies, seeds and linkage in a collection, as cosines.
    pub fn thresholds(&self, strangers: &Strangers) -> [f64; 3] {
        let linkage = self.linkage * (strangers.faces as f64 / USUAL).powf(self.growth);
        let thresholds = [self.copies, self.seed, linkage].map(|expected| strangers.threshold(expected));
        match self.threshold.map(f64::from) {
            Some(given) => [thresholds[0].max(given), thresholds[1].max(given), given],
            None => thresholds,
        }
    }

    /// Clusters faces. `vectors` are their unit vectors, row by row. The graph has the neighbours of each face with at least the score
    /// `limits.0`, or the `limits.1` closest of them. It ends early once `stop` is set.
    pub fn run(
        &self,
        graph: &Graph,
        limits: (f32, usize),
        vectors: &[f32],
        constraints: &Constraints,
        stop: &AtomicBool,
    ) -> Partition {
        let dimension = vectors.len().checked_div(graph.faces()).unwrap_or_default();
        let Some(strangers) = Strangers::of(vectors, dimension) else {
            return Partition::new(graph.faces(), constraints);
        };
        let [copies, seed, threshold] = self.thresholds(&strangers);
        let mut partition = components(graph, constraints, copies as f32, stop);
        link(graph, (vectors, vec![0.0; graph.faces()]), &mut partition, &Average(seed as f32), stop);
        let neighbourhoods = Neighbourhoods::of(graph, &mut partition, limits);
        let values = (0..graph.faces() as u32).map(|face| neighbourhoods.excess(face)).collect();
        let closeness = Corrected { stages: self, threshold: threshold as f32 };
        link(graph, (vectors, values), &mut partition, &closeness, stop);
        partition
    }
}

/// The corrected average score.
struct Corrected<'a> {
    stages: &'a TwoStage,
    threshold: f32,
}

impl Closeness for Corrected<'_> {
    fn closeness(&self, a: Summary<'_>, b: Summary<'_>) -> f32 {
        let (in_a, in_b) = (a.faces as f32, b.faces as f32);
        let average = dot(a.sum, b.sum) / (in_a * in_b);
        let crowd = (a.value / in_a + b.value / in_b) / 2.0;
        let lengths = ((a.length / in_a) * (b.length / in_b)).max(1e-6);
        let TwoStage { power, neighbourhoods, large, .. } = *self.stages;
        if a.faces.min(b.faces) >= LARGE && average < large * lengths {
            return -1.0;
        }
        (average - neighbourhoods * crowd) / lengths.powf(power) - self.threshold
    }
}
