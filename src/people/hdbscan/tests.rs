//! HDBSCAN against its definition on a few faces, and on clusters that no single threshold separates.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::{Edge, components};
use super::*;

static GO: AtomicBool = AtomicBool::new(false);

/// Every pair of these faces with the score.
fn pairs(faces: std::ops::Range<u32>, score: f32) -> Vec<Edge> {
    faces.clone().flat_map(|a| (faces.start..a).map(move |b| Edge { a, b, score })).collect()
}

fn clusters(faces: usize, edges: &[Edge], threshold: f32, sizes: (usize, usize)) -> Vec<u32> {
    hdbscan(&Graph::new(faces, edges).unwrap(), &Constraints::new(), threshold, sizes, &GO).numbered()
}

/// Two people of five faces who look alike, one of five different photos, and two faces that are less close to all than these are.
fn of_different_density() -> Vec<Edge> {
    let edges = [pairs(0..5, 0.9), pairs(5..10, 0.9), pairs(10..15, 0.5)].concat();
    let weak = [(0, 5, 0.6), (1, 6, 0.6), (4, 10, 0.3), (9, 15, 0.3), (14, 16, 0.3)];
    edges.into_iter().chain(weak.map(|(a, b, score)| Edge { a, b, score })).collect()
}

#[test]
fn people_of_different_density_are_found_where_no_threshold_separates_them() {
    let expected = [[0; 5], [1; 5], [2; 5]].concat().into_iter().chain([3, 4]).collect::<Vec<_>>();
    let edges = of_different_density();
    for sizes in [(1, 2), (1, 3), (2, 2), (2, 3), (4, 5)] {
        assert_eq!(clusters(17, &edges, 0.2, sizes), expected, "{sizes:?}");
    }
    let graph = Graph::new(17, &edges).unwrap();
    for threshold in 0..20 {
        let threshold = threshold as f32 * 0.05;
        assert_ne!(
            components(&graph, &Constraints::new(), threshold, &GO).numbered(),
            expected,
            "{threshold}"
        );
    }
}

#[test]
fn a_face_with_too_few_neighbours_and_a_cluster_with_too_few_faces_are_noise() {
    let edges = [pairs(0..4, 0.8), pairs(4..6, 0.8)].concat();
    assert_eq!(clusters(6, &edges, 0.5, (1, 2)), [0, 0, 0, 0, 1, 1]);
    assert_eq!(clusters(6, &edges, 0.5, (2, 2)), [0, 0, 0, 0, 1, 2]);
    assert_eq!(clusters(6, &edges, 0.5, (1, 3)), [0, 0, 0, 0, 1, 2]);
    assert_eq!(clusters(6, &edges, 0.5, (4, 2)), [0, 1, 2, 3, 4, 5]);
    assert_eq!(clusters(6, &edges, 0.9, (1, 2)), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn all_faces_of_one_person_are_a_cluster_and_copies_do_not_split_it() {
    assert_eq!(clusters(5, &pairs(0..5, 0.8), 0.5, (1, 2)), [0; 5]);
    assert_eq!(clusters(5, &pairs(0..5, 1.0), 1.0, (1, 2)), [0; 5]);
    // Two pairs of copies, one of which scores more than 1 by rounding.
    let mut edges = pairs(0..6, 0.8);
    for edge in &mut edges {
        match (edge.a, edge.b) {
            (1, 0) => edge.score = 1.000_000_1,
            (3, 2) => edge.score = 0.999_99,
            _ => {}
        }
    }
    assert_eq!(clusters(6, &edges, 0.5, (1, 2)), [0; 6]);
}

#[test]
fn an_exclusion_cuts_a_cluster_at_its_weakest_edges() {
    let mut edges = [pairs(0..3, 0.9), pairs(3..6, 0.9)].concat();
    edges.extend([(0, 3), (1, 4), (2, 5)].map(|(a, b)| Edge { a, b, score: 0.85 }));
    let graph = Graph::new(7, &edges).unwrap();
    let of = |constraints: &Constraints| hdbscan(&graph, constraints, 0.5, (1, 2), &GO).numbered();
    assert_eq!(of(&Constraints::new()), [0, 0, 0, 0, 0, 0, 1]);
    let mut constraints = Constraints::new();
    constraints.cannot_link(1, 5);
    assert_eq!(of(&constraints), [0, 0, 0, 1, 1, 1, 2]);
    constraints.must_link(6, 3);
    assert_eq!(of(&constraints), [0, 0, 0, 1, 1, 1, 1]);
}

/// A set of faces, the faces at whose separation it ends, by the definitions. Scores are of mutual reachability.
struct Definition<'a> {
    scores: &'a [Vec<f32>],
    threshold: f32,
    fewest: usize,
}

type Faces = BTreeSet<usize>;

impl Definition<'_> {
    /// The density at a score, as the documentation has it.
    fn density(&self, score: f32) -> f64 {
        let distance = |score: f32| (2.0 - 2.0 * f64::from(score)).sqrt();
        1.0 / distance(score).max(distance(self.threshold) / 2.0)
    }

    /// The connected parts of faces whose edges are better than a score, or as good.
    fn parts(&self, faces: &Faces, is_edge: impl Fn(f32) -> bool) -> Vec<Faces> {
        let (mut left, mut parts) = (faces.clone(), Vec::new());
        while let Some(first) = left.pop_first() {
            let (mut part, mut open) = (Faces::from([first]), vec![first]);
            while let Some(face) = open.pop() {
                let close: Vec<usize> =
                    left.iter().copied().filter(|&other| is_edge(self.scores[face][other])).collect();
                for other in close {
                    left.remove(&other);
                    part.insert(other);
                    open.push(other);
                }
            }
            parts.push(part);
        }
        parts
    }

    /// The stability of the best selection in a cluster that is born at a density, and the selection. `None` if rounding could decide.
    fn best(&self, cluster: &Faces, born: f64) -> Option<(f64, Vec<Faces>)> {
        let (mut rest, mut mass) = (cluster.clone(), 0.0);
        loop {
            let scores = rest.iter().flat_map(|&a| rest.iter().map(move |&b| self.scores[a][b]));
            let mut levels: Vec<f32> = scores.filter(|score| *score >= self.threshold).collect();
            levels.sort_by(f32::total_cmp);
            // The score at which it falls apart: without edges of that score it is not connected.
            let level =
                levels.into_iter().find(|&level| self.parts(&rest, |score| score > level).len() > 1)?;
            let mut large = self.parts(&rest, |score| score > level);
            large.retain(|part| part.len() >= self.fewest);
            let density = self.density(level);
            let lost = match &large[..] {
                [part] => rest.len() - part.len(),
                _ => rest.len(),
            };
            mass += lost as f64 * (density - born);
            match large.len() {
                0 => return Some((mass, vec![cluster.clone()])),
                1 => rest = large.remove(0),
                _ => {
                    let (mut below, mut selection) = (0.0, Vec::new());
                    for part in &large {
                        let (stability, of_part) = self.best(part, density)?;
                        below += stability;
                        selection.extend(of_part);
                    }
                    return match (mass, below) {
                        _ if (mass - below).abs() < 1e-9 * (1.0 + below) => None,
                        _ if mass > below => Some((mass, vec![cluster.clone()])),
                        _ => Some((below, selection)),
                    };
                }
            }
        }
    }

    /// The number of the cluster of each face.
    fn clusters(&self) -> Option<Vec<u32>> {
        let all: Faces = (0..self.scores.len()).collect();
        let mut partition = Partition::new(self.scores.len(), &Constraints::new());
        for part in self.parts(&all, |score| score >= self.threshold) {
            if part.len() >= self.fewest {
                for faces in self.best(&part, self.density(self.threshold))?.1 {
                    let first = *faces.first()?;
                    faces.iter().for_each(|&face| {
                        partition.unite(first as u32, face as u32);
                    });
                }
            }
        }
        Some(partition.numbered())
    }
}

/// The score of mutual reachability of each pair; negative infinity if there is no edge.
fn mutual(faces: usize, edges: &[Edge], threshold: f32, neighbours: usize) -> Vec<Vec<f32>> {
    let mut scores = vec![vec![f32::NEG_INFINITY; faces]; faces];
    for edge in edges.iter().filter(|edge| edge.score >= threshold) {
        scores[edge.a as usize][edge.b as usize] = edge.score;
        scores[edge.b as usize][edge.a as usize] = edge.score;
    }
    let core = |row: &Vec<f32>| {
        let mut row = row.clone();
        row.sort_by(|x, y| y.total_cmp(x));
        row.get(neighbours - 1).copied().unwrap_or(f32::NEG_INFINITY)
    };
    let cores: Vec<f32> = scores.iter().map(core).collect();
    for (a, row) in scores.iter_mut().enumerate() {
        row.iter_mut().enumerate().for_each(|(b, score)| *score = score.min(cores[a]).min(cores[b]));
    }
    scores
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_clusters_are_those_of_the_definition(
        faces in 2..13_usize,
        // Steps of 0.01 make many equal scores, steps of 0.0001 few.
        scores in prop_oneof![prop::collection::vec(0..100_u32, 66), prop::collection::vec(0..10_000_u32, 66)],
        (threshold, neighbours, fewest) in (0..60_u32, 1..4_usize, 2..4_usize),
    ) {
        let steps = if scores.iter().any(|score| *score >= 100) { 10_000.0 } else { 100.0 };
        let every = (0..faces as u32).flat_map(|a| (0..a).map(move |b| (a, b)));
        let edges: Vec<Edge> =
            every.zip(&scores).map(|((a, b), score)| Edge { a, b, score: *score as f32 / steps }).collect();
        let threshold = threshold as f32 / 100.0;
        let scores = mutual(faces, &edges, threshold, neighbours);
        let expected = Definition { scores: &scores, threshold, fewest }.clusters();
        prop_assume!(expected.is_some());
        prop_assert_eq!(Some(clusters(faces, &edges, threshold, (neighbours, fewest))), expected);
    }
}
