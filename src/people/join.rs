//! All pairs of similar faces, by exact products in blocks.

use rayon::prelude::*;

use super::Edge;
use super::reference::dot;

/// Rows of a block: two blocks fit into the second-level cache.
const BLOCK: usize = 256;

/// Every pair of rows with a score of at least `least`, except that each row keeps its `most` best: a pair is listed if one of the two keeps
/// it. `vectors` are unit vectors of `dimension` numbers. Memory is that of the result.
pub fn pairs(vectors: &[f32], dimension: usize, least: f32, most: usize) -> Vec<Edge> {
    let faces = vectors.len().checked_div(dimension).unwrap_or_default();
    let rows = |block: usize| block * BLOCK..((block + 1) * BLOCK).min(faces);
    let row = |face: usize| &vectors[face * dimension..][..dimension];
    let mut edges: Vec<Edge> = (0..faces.div_ceil(BLOCK))
        .into_par_iter()
        .flat_map_iter(|block| {
            let mut best: Vec<Vec<(f32, u32)>> = vec![Vec::new(); rows(block).len()];
            for other in 0..faces.div_ceil(BLOCK) {
                for (face, best) in rows(block).zip(&mut best) {
                    for candidate in rows(other).filter(|&candidate| candidate != face) {
                        let score = dot(row(face), row(candidate));
                        if score >= least {
                            best.push((score, candidate as u32));
                        }
                    }
                    if best.len() > 4 * most {
                        keep(best, most);
                    }
                }
            }
            rows(block).zip(best).flat_map(move |(face, best)| edges_of(face as u32, best, most))
        })
        .collect();
    edges.par_sort_unstable_by_key(|edge| (edge.a, edge.b));
    edges.dedup_by_key(|edge| (edge.a, edge.b));
    edges
}

/// The edges of a face to the `most` best of these.
pub(super) fn edges_of(face: u32, mut best: Vec<(f32, u32)>, most: usize) -> impl Iterator<Item = Edge> {
    keep(&mut best, most);
    best.into_iter().map(move |(score, other)| Edge { a: face.min(other), b: face.max(other), score })
}

/// Keeps the `most` best; equal scores by the position.
pub(super) fn keep(best: &mut Vec<(f32, u32)>, most: usize) {
    if best.len() > most {
        best.select_nth_unstable_by(most, |x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
        best.truncate(most);
    }
}
