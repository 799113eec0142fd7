//! The sparse graph of similar faces.

use super::{Edge, PeopleError, Result};

/// The neighbours of every face, closest first. Both faces of an edge list each other.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Where the neighbours of each face begin, and the end.
    starts: Vec<usize>,
    neighbours: Vec<(u32, f32)>,
}

impl Graph {
    /// The graph of `faces` faces with these edges. An edge may be given in either direction or in both; the higher score counts.
    ///
    /// # Errors
    /// An edge names a face that does not exist, or its score is not finite.
    pub fn new(faces: usize, edges: &[Edge]) -> Result<Self> {
        let mut starts = vec![0_usize; faces + 1];
        for edge in edges {
            for face in [edge.a, edge.b] {
                if face as usize >= faces {
                    return Err(PeopleError::Face { face, faces });
                }
            }
            if !edge.score.is_finite() {
                return Err(PeopleError::Score { a: edge.a, b: edge.b, score: edge.score });
            }
            if edge.a != edge.b {
                starts[edge.a as usize + 1] += 1;
                starts[edge.b as usize + 1] += 1;
            }
        }
        for face in 0..faces {
            starts[face + 1] += starts[face];
        }
        let mut neighbours = vec![(0, 0.0); starts[faces]];
        let mut ends = starts.clone();
        for &Edge { a, b, score } in edges.iter().filter(|edge| edge.a != edge.b) {
            for (face, other) in [(a, b), (b, a)] {
                neighbours[ends[face as usize]] = (other, score);
                ends[face as usize] += 1;
            }
        }
        drop(ends);
        let mut graph = Self { starts, neighbours };
        graph.order();
        Ok(graph)
    }

    /// Sorts the neighbours of each face and removes repeated ones.
    fn order(&mut self) {
        let (mut kept, mut start) = (0, 0);
        for face in 0..self.faces() {
            let end = self.starts[face + 1];
            let list = &mut self.neighbours[start..end];
            list.sort_unstable_by(|x, y| x.0.cmp(&y.0).then(y.1.total_cmp(&x.1)));
            let first = kept;
            for at in start..end {
                let neighbour = self.neighbours[at];
                if kept == first || self.neighbours[kept - 1].0 != neighbour.0 {
                    self.neighbours[kept] = neighbour;
                    kept += 1;
                }
            }
            self.neighbours[first..kept].sort_unstable_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
            start = end;
            self.starts[face + 1] = kept;
        }
        self.neighbours.truncate(kept);
    }

    /// Number of faces.
    pub fn faces(&self) -> usize {
        self.starts.len() - 1
    }

    /// The neighbours of a face with their scores, closest first.
    pub fn neighbours(&self, face: u32) -> &[(u32, f32)] {
        &self.neighbours[self.starts[face as usize]..self.starts[face as usize + 1]]
    }

    /// The neighbours with at least this score.
    pub fn close(&self, face: u32, least: f32) -> &[(u32, f32)] {
        let all = self.neighbours(face);
        &all[..all.partition_point(|neighbour| neighbour.1 >= least)]
    }

    /// Every edge once with at least this score, as (score, lower face, higher face).
    pub fn edges(&self, least: f32) -> impl Iterator<Item = (f32, u32, u32)> + '_ {
        (0..self.faces() as u32).flat_map(move |face| {
            let close = self.close(face, least).iter();
            close.filter(move |(other, _)| *other > face).map(move |&(other, score)| (score, face, other))
        })
    }

    /// The edges with at least this score, best first; equal scores in the order of the faces.
    pub fn ranked(&self, least: f32) -> Vec<(f32, u32, u32)> {
        let mut edges: Vec<_> = self.edges(least).collect();
        edges.sort_unstable_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
        edges
    }
}
