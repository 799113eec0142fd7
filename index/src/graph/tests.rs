use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::ThreadPoolBuilder;

use super::build::{Builder, Built, Parameters, Points, build_by};
use super::{Graph, NONE, Pool, Searchable};
use crate::codes::kernels::dot;
use crate::codes::sq8::{self, Codes, Sq8Query};
use crate::error::Error;
use crate::random::Random;
use crate::report::GraphStats;

const SMALL: Parameters = Parameters { degree: 8, width: 64 };

/// Rows with their codes and graph.
struct Sample {
    dimension: usize,
    vectors: Vec<f32>,
    codes: Vec<i8>,
    scales: Vec<f32>,
    built: Built,
    stats: GraphStats,
}

impl Sample {
    /// From both builders.
    fn each(vectors: &[Vec<f32>], parameters: Parameters) -> [Self; 2] {
        [Builder::Insertion, Builder::Batches].map(|builder| Self::new(builder, vectors, parameters))
    }

    fn new(builder: Builder, vectors: &[Vec<f32>], parameters: Parameters) -> Self {
        let dimension = vectors[0].len();
        let vectors: Vec<f32> = vectors.iter().flat_map(|vector| unit(vector.clone())).collect();
        let mut codes = Vec::new();
        let scales: Vec<f32> =
            vectors.chunks_exact(dimension).map(|vector| sq8::encode(vector, &mut codes)).collect();
        let rows = Codes { dimension, codes: &codes, scales: &scales };
        let (built, stats) =
            build_by(builder, rows, Points::new(rows), parameters, &|| Ok(())).expect("a graph");
        Self { dimension, vectors, codes, scales, built, stats }
    }

    fn rows(&self) -> usize {
        self.scales.len()
    }

    fn vector(&self, row: usize) -> &[f32] {
        &self.vectors[row * self.dimension..(row + 1) * self.dimension]
    }

    fn search(&self, probe: &[f32], width: usize, admit: impl Fn(u32) -> bool) -> Vec<u32> {
        let codes = Codes { dimension: self.dimension, codes: &self.codes, scales: &self.scales };
        let searchable = Searchable { graph: self.built.graph(), codes, pool: &Pool::default() };
        let found = searchable.search(&Sq8Query::new(probe), width, &admit);
        found.rows.into_iter().map(|(_, row)| row).collect()
    }

    /// The best rows, by looking at all.
    fn best(&self, probe: &[f32], k: usize) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.rows() as u32).collect();
        let score = |row: u32| dot(probe, self.vector(row as usize));
        rows.sort_by(|&a, &b| score(b).total_cmp(&score(a)).then(a.cmp(&b)));
        rows.truncate(k);
        rows
    }

    /// Share of the ten best rows that a search finds.
    fn recall(&self, probes: &[Vec<f32>], width: usize) -> f64 {
        let found = probes.iter().map(|probe| {
            let found = self.search(probe, width, |_| true);
            self.best(probe, 10).iter().filter(|row| found.contains(row)).count()
        });
        found.sum::<usize>() as f64 / (probes.len() * 10) as f64
    }

    fn assert_every_row_finds_itself(&self, width: usize) {
        for row in 0..self.rows() {
            let found = self.search(self.vector(row), width, |_| true);
            assert!(found.contains(&(row as u32)), "row {row} of {}", self.rows());
        }
    }
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / norm).collect()
}

struct Vectors(Random);

impl Vectors {
    fn new(seed: u64) -> Self {
        Self(Random(seed))
    }

    fn next(&mut self) -> f32 {
        self.0.uniform() as f32
    }

    fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.next() + self.next() + self.next()).collect()
    }

    /// Vectors in clusters of `members`.
    fn clusters(&mut self, rows: usize, members: usize, dimension: usize) -> Vec<Vec<f32>> {
        let mut centre = Vec::new();
        let member = |at: usize| {
            if at.is_multiple_of(members) {
                centre = self.vector(dimension);
            }
            centre.iter().zip(self.vector(dimension)).map(|(c, x)| c + 0.4 * x).collect()
        };
        (0..rows).map(member).collect()
    }
}

#[test]
fn a_beam_finds_nearly_all_of_the_best() {
    let mut random = Vectors::new(1);
    for vectors in [random.clusters(1200, 5, 24), (0..1200).map(|_| random.vector(24)).collect()] {
        let probes: Vec<Vec<f32>> = (0..60).map(|_| unit(random.vector(24))).collect();
        for sample in Sample::each(&vectors, Parameters { degree: 16, width: 100 }) {
            let recall = sample.recall(&probes, 128);
            assert!(recall > 0.97, "{recall}");
            sample.assert_every_row_finds_itself(64);
        }
    }
}

#[test]
fn every_row_can_be_found_whatever_the_rows_are() {
    let mut random = Vectors::new(2);
    let one = random.vector(6);
    let curve: Vec<Vec<f32>> =
        (0..600).map(|at| (0..6).map(|i| (at as f32 / 90.0 + i as f32).sin()).collect()).collect();
    let mut outlier = vec![one.clone(); 300];
    outlier.push(random.vector(6));
    let copies: Vec<Vec<f32>> = (0..40).flat_map(|_| vec![random.vector(6); 40]).collect();
    let line = (0..200).map(|at| vec![if at % 2 == 0 { 1.0 } else { -1.0 }]).collect();
    for vectors in
        [curve, outlier, copies, line, vec![one.clone()], vec![one; 2], random.clusters(900, 90, 3)]
    {
        for sample in Sample::each(&vectors, SMALL) {
            assert_eq!(sample.stats.unfound, 0);
            sample.assert_every_row_finds_itself(64);
        }
    }
}

#[test]
fn every_node_is_reachable_and_low_in_degrees_are_raised() {
    let mut random = Vectors::new(3);
    // Lists so short that nodes are lost.
    for sample in Sample::each(&random.clusters(2000, 40, 8), Parameters { degree: 4, width: 12 }) {
        let graph = sample.built.graph();
        let mut reached = vec![false; graph.len()];
        let mut open = vec![0];
        reached[0] = true;
        while let Some(node) = open.pop() {
            for next in graph.neighbours(0, node) {
                if !std::mem::replace(&mut reached[next as usize], true) {
                    open.push(next);
                }
            }
        }
        assert!(reached.iter().all(|&reached| reached), "{} repaired", sample.stats.repaired);
        assert_eq!(graph.prove(), Ok(()));
    }
}

#[test]
fn batches_give_the_same_graph_on_any_number_of_threads() {
    let mut random = Vectors::new(8);
    let vectors = random.clusters(3000, 5, 16);
    let [one, three] = [1, 3].map(|threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Sample::new(Builder::Batches, &vectors, SMALL))
    });
    assert_eq!(one.built, three.built);
    assert!(one.built.counts.len() > 2 && one.stats.least_in_degree > 1, "{:?}", one.stats);
}

#[test]
fn a_build_ends_when_it_is_told_to() {
    let sample = Sample::new(Builder::Insertion, &Vectors::new(9).clusters(2000, 5, 8), SMALL);
    let codes = Codes { dimension: 8, codes: &sample.codes, scales: &sample.scales };
    let ticks = AtomicUsize::new(0);
    let tick = || match ticks.fetch_add(1, Ordering::Relaxed) {
        20 => Err(Error::NotAnIndex { path: "enough".into() }),
        _ => Ok(()),
    };
    let ended = build_by(Builder::Batches, codes, Points::new(codes), SMALL, &tick);
    assert!(matches!(ended, Err(Error::NotAnIndex { .. })), "told by the caller");
    assert_eq!(ticks.into_inner(), 21);
}

#[test]
fn copies_share_a_node_and_are_all_found() {
    let mut random = Vectors::new(4);
    let mut vectors: Vec<Vec<f32>> = (0..100).map(|_| random.vector(5)).collect();
    vectors.extend(vec![vectors[7].clone(); 30]);
    let sample = Sample::new(Builder::Batches, &vectors, SMALL);
    assert_eq!(sample.built.counts[0], 100);
    let found = sample.search(sample.vector(7), 4, |_| true);
    let copies = |row: &&u32| **row == 7 || **row >= 100;
    assert_eq!(found.iter().filter(copies).count(), 31);
}

#[test]
fn a_filter_lengthens_the_walk_and_not_the_gaps() {
    let mut random = Vectors::new(5);
    let sample =
        Sample::new(Builder::Batches, &random.clusters(1500, 5, 16), Parameters { degree: 16, width: 100 });
    let probe = unit(random.vector(16));
    let found = sample.search(&probe, 40, |row| row % 50 == 3);
    assert!(found.len() == 30 && found.iter().all(|row| row % 50 == 3), "all that there are");
    assert_eq!(sample.search(&probe, 40, |_| false), [0u32; 0]);
    assert_eq!(sample.search(&probe, 40, |row| row == 1499), [1499]);
}

#[test]
fn the_same_search_gives_the_same_answer() {
    let mut random = Vectors::new(6);
    let sample = Sample::new(Builder::Insertion, &random.clusters(800, 5, 16), SMALL);
    let probe = unit(random.vector(16));
    let once = sample.search(&probe, 50, |_| true);
    assert!((0..5).all(|_| sample.search(&probe, 50, |_| true) == once));
}

#[test]
fn damaged_numbers_are_refused_or_lead_nowhere() {
    let mut random = Vectors::new(7);
    let sample =
        Sample::new(Builder::Insertion, &random.clusters(60, 5, 4), Parameters { degree: 3, width: 20 });
    let probe = unit(random.vector(4));
    let mut refused = 0;
    for field in 0..5 {
        let length = [
            &sample.built.counts,
            &sample.built.first,
            &sample.built.next,
            &sample.built.lowest,
            &sample.built.upper,
        ][field]
            .len();
        for at in 0..length {
            for value in [0, 1, 59, 60, 1 << 20, NONE - 1, NONE] {
                let mut built = sample.built.clone();
                [&mut built.counts, &mut built.first, &mut built.next, &mut built.lowest, &mut built.upper]
                    [field][at] = value;
                match built.graph().prove() {
                    Err(_) => refused += 1,
                    Ok(()) => {
                        let changed = Sample {
                            built,
                            vectors: sample.vectors.clone(),
                            codes: sample.codes.clone(),
                            scales: sample.scales.clone(),
                            ..sample
                        };
                        assert!(changed.search(&probe, 100, |_| true).len() <= 60);
                    }
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
    let sound = sample.built.graph();
    assert!(Graph { degree: 0, ..sound }.prove().is_err());
    assert!(Graph { counts: &[], ..sound }.prove().is_err());
    assert!(Graph { first: &[], ..sound }.prove().is_err());
    assert!(Graph { lowest: &sound.lowest[1..], ..sound }.prove().is_err());
}
