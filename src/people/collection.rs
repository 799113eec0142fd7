//! A collection of faces, and the ways to cluster it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::constraints::Constraints;
use super::graph::Graph;
use super::partition::Partition;
use super::two_stage::TwoStage;
use super::{Edge, PeopleError, Result, average, components, density, hdbscan, whispers};

/// Faces to cluster. All slices are about the same faces in the same order.
#[derive(Debug, Clone, Copy)]
pub struct Collection<'a> {
    /// A key of each face that follows from its content, such as a hash of its photo and its place in it. Faces with equal keys keep the
    /// order of the input.
    pub keys: &'a [u128],
    /// The unit vectors, row by row.
    pub vectors: &'a [f32],
    /// Numbers of a vector.
    pub dimension: usize,
    /// Similar faces: for each face those with at least the score [`least`](Self::least), or the [`most`](Self::most) closest of them.
    pub edges: &'a [Edge],
    /// The lowest score of an edge.
    pub least: f32,
    /// Edges that each face has at least if so many are close enough.
    pub most: usize,
    /// What must and what cannot be together.
    pub constraints: &'a Constraints,
    /// Ends the clustering early once it is set.
    pub stop: &'a AtomicBool,
}

/// A way to cluster. Thresholds are cosines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Seeds, then linkage at a threshold that the collection gives.
    TwoStage(TwoStage),
    /// Connected components above a threshold.
    Components(f32),
    /// Average linkage down to a threshold.
    Average(f32),
    /// Chinese whispers.
    Whispers {
        /// Lowest score of an edge.
        threshold: f32,
        /// Rounds at most.
        rounds: u32,
        /// Seed of the order.
        seed: u64,
    },
    /// DBSCAN.
    Density {
        /// Lowest score of a neighbour.
        threshold: f32,
        /// Faces in the neighbourhood of a core, itself included.
        fewest: usize,
    },
    /// HDBSCAN.
    Hdbscan {
        /// Lowest score of an edge.
        threshold: f32,
        /// The number of the neighbour whose score is the core score of a face, from 1.
        neighbours: usize,
        /// Fewest faces of a cluster, at least 2.
        fewest: usize,
    },
}

impl Collection<'_> {
    /// The cluster of each face, numbered from 0. Clusters are numbered by their lowest keys. The result follows the faces, in whatever
    /// order they come. `None` if it was stopped.
    ///
    /// # Errors
    /// Slices of different length; an edge or a constraint names a face that does not exist; a score is not finite.
    pub fn cluster(&self, method: &Method) -> Result<Option<Vec<u32>>> {
        let faces = self.keys.len();
        if self.vectors.len() != faces * self.dimension {
            return Err(PeopleError::Vectors {
                numbers: self.vectors.len(),
                faces,
                dimension: self.dimension,
            });
        }
        if let Some(face) = self.constraints.last().filter(|&face| face as usize >= faces) {
            return Err(PeopleError::Face { face, faces });
        }
        let mut order: Vec<u32> = (0..faces as u32).collect();
        order.sort_by_key(|&face| self.keys[face as usize]);
        let mut positions = vec![0; faces];
        for (position, &face) in (0..).zip(&order) {
            positions[face as usize] = position;
        }
        let graph = self.graph(&positions)?;
        let vectors = self.ordered_vectors(&order);
        let constraints = self.constraints.renumbered(&positions);
        let clusters = self.run(method, &graph, &vectors, &constraints).numbered();
        if self.stop.load(Relaxed) {
            return Ok(None);
        }
        Ok(Some(positions.iter().map(|&position| clusters[position as usize]).collect()))
    }

    fn run(&self, method: &Method, graph: &Graph, vectors: &[f32], constraints: &Constraints) -> Partition {
        match *method {
            Method::TwoStage(stages) => {
                stages.run(graph, (self.least, self.most), vectors, constraints, self.stop)
            }
            Method::Components(threshold) => components(graph, constraints, threshold, self.stop),
            Method::Average(threshold) => average(graph, vectors, constraints, threshold, self.stop),
            Method::Whispers { threshold, rounds, seed } => {
                whispers(graph, constraints, threshold, (rounds, seed), self.stop)
            }
            Method::Density { threshold, fewest } => {
                density(graph, constraints, threshold, fewest, self.stop)
            }
            Method::Hdbscan { threshold, neighbours, fewest } => {
                hdbscan(graph, constraints, threshold, (neighbours, fewest), self.stop)
            }
        }
    }

    fn graph(&self, positions: &[u32]) -> Result<Graph> {
        let faces = positions.len();
        let at = |face: u32| positions.get(face as usize).copied().ok_or(PeopleError::Face { face, faces });
        if positions.is_sorted() {
            return Graph::new(faces, self.edges);
        }
        let edge = |edge: &Edge| Ok(Edge { a: at(edge.a)?, b: at(edge.b)?, score: edge.score });
        Graph::new(faces, &self.edges.iter().map(edge).collect::<Result<Vec<_>>>()?)
    }

    fn ordered_vectors(&self, order: &[u32]) -> Cow<'_, [f32]> {
        if order.is_sorted() {
            return Cow::Borrowed(self.vectors);
        }
        let row = |&face: &u32| &self.vectors[face as usize * self.dimension..][..self.dimension];
        Cow::Owned(order.iter().flat_map(row).copied().collect())
    }
}
