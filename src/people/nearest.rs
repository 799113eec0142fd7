//! The closest faces of each face, from pairs that come in any order.

use super::Edge;

/// The `most` closest faces of each face, in memory that does not grow with the number of pairs. The order of the pairs does not matter; of
/// equal scores, lower positions are kept.
#[derive(Debug, Clone)]
pub struct Nearest {
    most: usize,
    /// Of each face, up to twice `most` faces, with their scores.
    best: Vec<Vec<(f32, u32)>>,
}

impl Nearest {
    /// No pairs yet, for `faces` faces.
    pub fn new(faces: usize, most: usize) -> Self {
        Self { most, best: vec![Vec::new(); faces] }
    }

    /// Adds a pair of different faces. Each pair is given once. A pair with a face that does not exist is left out.
    pub fn add(&mut self, Edge { a, b, score }: Edge) {
        if a as usize >= self.best.len() || b as usize >= self.best.len() {
            return;
        }
        for (face, other) in [(a, b), (b, a)] {
            let best = &mut self.best[face as usize];
            best.push((score, other));
            if best.len() > 2 * self.most {
                keep(best, self.most);
            }
        }
    }

    /// The pairs of which one face is among the closest of the other, in order of position, each once.
    pub fn edges(self) -> Vec<Edge> {
        let most = self.most;
        let mut edges: Vec<Edge> = self
            .best
            .into_iter()
            .enumerate()
            .flat_map(|(face, best)| edges_of(face as u32, best, most))
            .collect();
        edges.sort_unstable_by_key(|edge| (edge.a, edge.b));
        edges.dedup_by_key(|edge| (edge.a, edge.b));
        edges
    }
}

/// The edges of a face to the `most` best of these.
fn edges_of(face: u32, mut best: Vec<(f32, u32)>, most: usize) -> impl Iterator<Item = Edge> {
    keep(&mut best, most);
    best.into_iter().map(move |(score, other)| Edge { a: face.min(other), b: face.max(other), score })
}

/// Keeps the `most` best; equal scores by the position.
fn keep(best: &mut Vec<(f32, u32)>, most: usize) {
    if best.len() > most {
        best.select_nth_unstable_by(most, |x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
        best.truncate(most);
    }
}
