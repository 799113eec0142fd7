//! Properties of every method, and average linkage against its definition.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::reference::dot;
use super::*;

const DIMENSION: usize = 8;
static GO: AtomicBool = AtomicBool::new(false);

/// Every pair with a score of at least `least` of which one face is among the `most` closest of the other, by comparing all.
fn pairs(vectors: &[f32], dimension: usize, least: f32, most: usize) -> Vec<Edge> {
    let rows: Vec<&[f32]> = vectors.chunks(dimension).collect();
    let mut edges = Vec::new();
    for (face, row) in (0..).zip(&rows) {
        let scored = (0..).zip(&rows).map(|(other, vector)| (other, dot(row, vector)));
        let mut close: Vec<(u32, f32)> =
            scored.filter(|(other, score)| *other != face && *score >= least).collect();
        close.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
        close.truncate(most);
        let edge = |(other, score): (u32, f32)| Edge { a: face.min(other), b: face.max(other), score };
        edges.extend(close.into_iter().map(edge));
    }
    edges.sort_by_key(|edge| (edge.a, edge.b));
    edges.dedup_by_key(|edge| (edge.a, edge.b));
    edges
}

/// Vectors in groups: each is near one of a few directions.
fn vectors(faces: usize) -> impl Strategy<Value = Vec<f32>> {
    let face = (0..DIMENSION, prop::collection::vec(-1.0_f32..1.0, DIMENSION));
    prop::collection::vec(face, 2..faces).prop_map(|faces| {
        let unit = |(axis, mut noise): (usize, Vec<f32>)| {
            noise[axis] += 2.5;
            let length = noise.iter().map(|x| x * x).sum::<f32>().sqrt();
            noise.into_iter().map(move |x| x / length)
        };
        faces.into_iter().flat_map(unit).collect()
    })
}

fn methods() -> [Method; 6] {
    [
        Method::TwoStage(TwoStage { seed: 0.05, linkage: 2.0, ..TwoStage::default() }),
        Method::Components(0.7),
        Method::Average(0.6),
        Method::Whispers { threshold: 0.6, rounds: 20, seed: 3 },
        Method::Density { threshold: 0.7, fewest: 3 },
        Method::Hdbscan { threshold: 0.5, neighbours: 2, fewest: 3 },
    ]
}

fn run(vectors: &[f32], keys: &[u128], constraints: &Constraints, method: &Method) -> Vec<u32> {
    let edges = pairs(vectors, DIMENSION, 0.2, 1000);
    let (least, most) = (0.2, 1000);
    let stop = &GO;
    Collection { keys, vectors, dimension: DIMENSION, edges: &edges, least, most, constraints, stop }
        .cluster(method)
        .unwrap()
        .unwrap()
}

fn keys(faces: usize) -> Vec<u128> {
    (0..faces as u128).map(|face| face.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_003).collect()
}

fn some_constraints(faces: u32, picks: &[(u32, u32)]) -> Constraints {
    let mut constraints = Constraints::new();
    for (number, &(a, b)) in picks.iter().enumerate() {
        let (a, b) = (a % faces, b % faces);
        match number % 3 {
            0 => constraints.must_link(a, b),
            1 => constraints.cannot_link(a, b),
            _ => constraints.exclude(&[a, b, (a + b) % faces]),
        }
    }
    constraints
}

/// The clusters that must-links alone give.
fn must_be_together(faces: usize, constraints: &Constraints) -> Vec<u32> {
    let mut only = Constraints::new();
    constraints.must_links().iter().for_each(|&(a, b)| only.must_link(a, b));
    Partition::new(faces, &only).numbered()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_the_faces_does_not_matter(vectors in vectors(40), picks in prop::collection::vec((0..40_u32, 0..40_u32), 0..9), shift in 1..39_usize) {
        let faces = vectors.len() / DIMENSION;
        let (keys, constraints) = (keys(faces), some_constraints(faces as u32, &picks));
        let order: Vec<usize> = (0..faces).map(|at| faces - 1 - (at + shift) % faces).collect();
        let moved: Vec<f32> = order.iter().flat_map(|&face| vectors[face * DIMENSION..][..DIMENSION].to_vec()).collect();
        let moved_keys: Vec<u128> = order.iter().map(|&face| keys[face]).collect();
        let at = |face: u32| order.iter().position(|&old| old == face as usize).unwrap() as u32;
        let mut same = Constraints::new();
        constraints.must_links().iter().for_each(|&(a, b)| same.must_link(at(a), at(b)));
        constraints.exclusions().iter().rev().for_each(|set| same.exclude(&set.iter().map(|&face| at(face)).collect::<Vec<_>>()));
        for method in methods() {
            let one = run(&vectors, &keys, &constraints, &method);
            let other = run(&moved, &moved_keys, &same, &method);
            let expected: Vec<u32> = order.iter().map(|&face| one[face]).collect();
            prop_assert_eq!(other, expected, "{:?}", method);
        }
    }

    #[test]
    fn constraints_are_never_violated(vectors in vectors(40), picks in prop::collection::vec((0..40_u32, 0..40_u32), 0..12)) {
        let faces = vectors.len() / DIMENSION;
        let constraints = some_constraints(faces as u32, &picks);
        let forced = must_be_together(faces, &constraints);
        for method in methods() {
            let clusters = run(&vectors, &keys(faces), &constraints, &method);
            for &(a, b) in constraints.must_links() {
                prop_assert_eq!(clusters[a as usize], clusters[b as usize]);
            }
            for set in constraints.exclusions() {
                for (&a, &b) in set.iter().flat_map(|a| set.iter().map(move |b| (a, b))) {
                    // Only must-links may bring two faces of an exclusion together.
                    let chained = forced[a as usize] == forced[b as usize];
                    prop_assert!(clusters[a as usize] != clusters[b as usize] || chained, "{:?} {:?}", method, (a, b));
                }
            }
        }
    }

    #[test]
    fn average_linkage_follows_its_definition(vectors in vectors(14), threshold in 0.0_f32..0.9) {
        let faces = vectors.len() / DIMENSION;
        let edges = pairs(&vectors, DIMENSION, -1.0, 1000);
        let graph = Graph::new(faces, &edges).unwrap();
        let ours = average(&graph, &vectors, &Constraints::new(), threshold, &GO).numbered();
        prop_assert_eq!(ours, by_definition(&vectors, threshold));
    }

    #[test]
    fn earlier_clusters_stay_as_they_are(vectors in vectors(40), old in 1..30_usize) {
        let faces = vectors.len() / DIMENSION;
        let old = old.min(faces);
        let earlier: Vec<Option<u32>> = (0..faces).map(|face| (face < old).then_some(face as u32 / 3)).collect();
        let mut constraints = Constraints::new();
        constraints.keep(&earlier);
        for method in methods() {
            let clusters = run(&vectors, &keys(faces), &constraints, &method);
            for (a, b) in (0..old).flat_map(|a| (0..old).map(move |b| (a, b))) {
                prop_assert_eq!(earlier[a] == earlier[b], clusters[a] == clusters[b]);
            }
        }
    }
}

fn by_definition(vectors: &[f32], threshold: f32) -> Vec<u32> {
    let row = |face: usize| &vectors[face * DIMENSION..][..DIMENSION];
    let score =
        |a: usize, b: usize| -> f64 { row(a).iter().zip(row(b)).map(|(x, y)| f64::from(x * y)).sum() };
    let mut clusters: Vec<Vec<usize>> = (0..vectors.len() / DIMENSION).map(|face| vec![face]).collect();
    loop {
        let mut best = (f64::from(threshold), None);
        for (a, one) in clusters.iter().enumerate() {
            for (b, other) in clusters.iter().enumerate().skip(a + 1) {
                let sum: f64 = one.iter().flat_map(|&x| other.iter().map(move |&y| score(x, y))).sum();
                let mean = sum / (one.len() * other.len()) as f64;
                if mean > best.0 {
                    best = (mean, Some((a, b)));
                }
            }
        }
        let Some((a, b)) = best.1 else { break };
        let gone = clusters.remove(b);
        clusters[a].extend(gone);
    }
    let mut numbers = vec![0; vectors.len() / DIMENSION];
    clusters.sort_by_key(|cluster| cluster.iter().min().copied());
    clusters
        .iter()
        .zip(0..)
        .for_each(|(cluster, number)| cluster.iter().for_each(|&face| numbers[face] = number));
    numbers
}

#[test]
fn pairs_in_any_order_give_the_edges_of_all_pairs() {
    let numbers: Vec<f32> =
        (0..60 * DIMENSION).map(|at| ((at * 7919 + at * at * 31) % 1009) as f32 - 504.0).collect();
    let vectors: Vec<f32> = numbers
        .chunks(DIMENSION)
        .flat_map(|row| {
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter().map(move |x| x / length)
        })
        .collect();
    let mut all = pairs(&vectors, DIMENSION, -1.0, 1000);
    assert_eq!(all.len(), 60 * 59 / 2);
    for most in [1, 4, 1000] {
        let expected = pairs(&vectors, DIMENSION, -1.0, most);
        for _ in 0..2 {
            let mut nearest = Nearest::new(60, most);
            all.iter().for_each(|&edge| nearest.add(edge));
            nearest.add(Edge { a: 3, b: 60, score: 1.0 });
            assert_eq!(nearest.edges(), expected, "{most}");
            all.reverse();
        }
    }
}

#[test]
fn a_given_threshold_is_that_of_the_linkage_and_no_stage_is_below_it() {
    let strangers = Strangers { centre: 0.01, deviation: 0.1, faces: 5_000 };
    let of = |threshold| TwoStage { threshold, ..TwoStage::default() }.thresholds(&strangers);
    let [copies, seed, _] = of(None);
    assert_eq!(of(Some(0.25)), [copies, seed, 0.25]);
    assert_eq!(of(Some(0.875)), [copies.max(0.875), 0.875, 0.875]);
}

#[test]
fn the_threshold_rises_with_the_number_of_faces() {
    let thresholds = [1_000, 10_000, 100_000, 1_000_000]
        .map(|faces| Strangers { centre: 0.01, deviation: 0.1, faces }.threshold(0.01));
    assert!(thresholds.windows(2).all(|pair| pair[0] + 0.03 < pair[1]), "{thresholds:?}");
}

#[test]
fn the_threshold_is_that_of_random_directions() {
    let of = |deviation, faces, expected| Strangers { centre: 0.0, deviation, faces }.threshold(expected);
    // In three dimensions, cosines are uniform from -1 to 1.
    let three = 1.0 / 3.0_f64.sqrt();
    for (faces, expected) in [(1_000, 1.0), (1_000_000, 0.5), (1_000, 400.0)] {
        let share = expected / faces as f64;
        assert!((of(three, faces, expected) - (1.0 - 2.0 * share).min(0.9999)).abs() < 1e-6, "{share}");
    }
    // In very many they are normal: 1 % of 1,000 is the 99.999 % point, 4.2649.
    assert!((of(0.004, 1_000, 0.01) / 0.004 - 4.2649).abs() < 1e-3);
    // With a common part, the rest of the way to 1 is left.
    let moved = Strangers { centre: 0.8, deviation: 0.2 * three, faces: 1_000 }.threshold(1.0);
    assert!((moved - (0.8 + 0.2 * 0.998)).abs() < 1e-6, "{moved}");
}

/// `photos[person]` photos of each person: unit vectors of 64 numbers. Two photos of one person have a cosine near `mates`.
fn photos(photos: &[usize], mates: f32) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut unit = || -> Vec<f32> {
        let sum = |random: &mut ChaCha8Rng| (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
        let row: Vec<f32> = (0..64).map(|_| sum(&mut random)).collect();
        let length = dot(&row, &row).sqrt();
        row.into_iter().map(|x| x / length).collect()
    };
    let mut rows = Vec::new();
    for &several in photos {
        let person = unit();
        for _ in 0..several {
            let row: Vec<f32> =
                person.iter().zip(unit()).map(|(x, n)| mates.sqrt() * x + (1.0 - mates).sqrt() * n).collect();
            let length = dot(&row, &row).sqrt();
            rows.extend(row.into_iter().map(|x| x / length));
        }
    }
    rows
}

/// The sizes of the clusters of the two-stage linkage, largest first. `threshold`: instead of that from strangers.
fn sizes(vectors: &[f32], threshold: Option<f32>) -> Vec<usize> {
    let strangers = Strangers::of(vectors, 64).unwrap();
    let method = TwoStage { threshold, ..TwoStage::default() };
    let least = threshold.map_or(1.0, f64::from).min(strangers.threshold(64.0)) as f32;
    let edges = pairs(vectors, 64, least, 64);
    let keys = keys(vectors.len() / 64);
    let (constraints, stop) = (Constraints::new(), &GO);
    let collection = Collection {
        keys: &keys,
        vectors,
        dimension: 64,
        edges: &edges,
        least,
        most: 64,
        constraints: &constraints,
        stop,
    };
    let clusters = collection.cluster(&Method::TwoStage(method)).unwrap().unwrap();
    let mut sizes = vec![0; clusters.len()];
    clusters.iter().for_each(|&cluster| sizes[cluster as usize] += 1);
    sizes.sort_unstable_by_key(|&size| std::cmp::Reverse(size));
    sizes.retain(|&size| size > 0);
    sizes
}

#[test]
fn the_scores_of_strangers_are_found_beside_those_of_many_mates() {
    let mixed = [vec![3; 400], vec![200; 2], [vec![300], vec![1; 200]].concat(), vec![40; 12]];
    let all: Vec<Strangers> =
        mixed.iter().map(|several| Strangers::of(&photos(several, 0.7), 64).unwrap()).collect();
    for strangers in &all {
        // Two people are one pair of strangers, so their centre says little.
        assert!(strangers.centre.abs() < 0.25, "{all:?}");
        assert!(strangers.deviation > 0.03 && strangers.deviation < 0.16, "{all:?}");
    }
}

#[test]
fn a_few_people_with_many_photos_are_found_without_a_threshold() {
    assert_eq!(sizes(&photos(&[200, 200], 0.7), None), [200, 200]);
    assert_eq!(sizes(&photos(&[40; 12], 0.7), None), [40; 12]);
    let mostly = sizes(&photos(&[vec![300], vec![1; 200]].concat(), 0.7), None);
    assert_eq!(mostly, [vec![300], vec![1; 200]].concat());
}

#[test]
fn equal_faces_are_one_cluster() {
    let rows = photos(&[1], 0.7).repeat(50);
    assert!(Strangers::of(&rows, 64).unwrap().threshold(1e-9) < 1.0 - 1e-5);
    assert_eq!(sizes(&rows, None), [50]);
}

#[test]
fn a_single_person_is_one_cluster_at_the_threshold_of_a_model() {
    // All pairs are mates: nothing in the collection says so.
    let rows = photos(&[200], 0.7);
    assert!(Strangers::of(&rows, 64).unwrap().threshold(0.01) > 0.75);
    assert!(sizes(&rows, None).len() > 1);
    assert_eq!(sizes(&rows, Some(0.574)), [200]);
    assert_eq!(sizes(&photos(&[3], 0.7), Some(0.468)), [3]);
}

#[test]
fn a_stopped_clustering_gives_no_clusters_and_unites_nothing_more() {
    let rows = photos(&[4; 10], 0.7);
    let (edges, constraints, stop) = (pairs(&rows, 64, 0.3, 64), Constraints::new(), AtomicBool::new(true));
    let keys = keys(40);
    let collection = Collection {
        keys: &keys,
        vectors: &rows,
        dimension: 64,
        edges: &edges,
        least: 0.3,
        most: 64,
        constraints: &constraints,
        stop: &stop,
    };
    for method in methods() {
        assert_eq!(collection.cluster(&method).unwrap(), None, "{method:?}");
        assert!(Collection { stop: &GO, ..collection }.cluster(&method).unwrap().is_some());
    }
    let graph = Graph::new(40, &edges).unwrap();
    let each = |stop| {
        [
            average(&graph, &rows, &constraints, 0.5, stop),
            components(&graph, &constraints, 0.5, stop),
            density(&graph, &constraints, 0.5, 2, stop),
            hdbscan(&graph, &constraints, 0.5, (1, 3), stop),
        ]
        .map(Partition::numbered)
    };
    for clusters in each(&stop) {
        assert_eq!(clusters, (0..40).collect::<Vec<_>>());
    }
    for clusters in each(&GO) {
        assert_eq!(clusters, (0..40).map(|face| face / 4).collect::<Vec<_>>());
    }
}

#[test]
fn the_three_thresholds_are_ordered_and_rise_with_the_collection() {
    let thresholds =
        |faces| TwoStage::default().thresholds(&Strangers { centre: 0.01, deviation: 0.1, faces });
    let [copies, seed, linkage] = thresholds(5_000);
    assert!(copies > seed && seed > linkage, "{copies} {seed} {linkage}");
    for (small, large) in [(100, 5_000), (5_000, 100_000), (100_000, 1_000_000)] {
        let (small, large) = (thresholds(small), thresholds(large));
        assert!(small.iter().zip(&large).all(|(low, high)| low < high), "{small:?} {large:?}");
    }
}

#[test]
fn a_face_that_does_not_exist_is_refused() {
    let edges = [Edge { a: 0, b: 2, score: 0.9 }];
    let none = Constraints::new();
    let collection = Collection {
        keys: &[1, 2],
        vectors: &[1.0, 0.0, 0.0, 1.0],
        dimension: 2,
        edges: &edges,
        least: 0.2,
        most: 10,
        constraints: &none,
        stop: &GO,
    };
    let refused = |result: Result<Option<Vec<u32>>>| result.unwrap_err();
    assert_eq!(
        refused(collection.cluster(&Method::Components(0.5))),
        PeopleError::Face { face: 2, faces: 2 }
    );
    let edges = [Edge { a: 0, b: 1, score: f32::NAN }];
    let error = refused(Collection { edges: &edges, ..collection }.cluster(&Method::Components(0.5)));
    assert!(matches!(error, PeopleError::Score { a: 0, b: 1, .. }));
    let error =
        refused(Collection { vectors: &[1.0], edges: &[], ..collection }.cluster(&Method::Average(0.5)));
    assert_eq!(error, PeopleError::Vectors { numbers: 1, faces: 2, dimension: 2 });
}

#[test]
fn a_few_mates_and_a_skewed_sample_are_no_second_mode() {
    // Whatever faces are drawn, the threshold of a collection of many people is nearly the same.
    let rows = photos(&[4; 200], 0.7);
    let whole = Strangers::of(&rows, 64).unwrap().threshold(0.01);
    for part in [100, 200, 400, 700] {
        let faces = Strangers::of(&rows[..part * 64], 64).unwrap();
        let threshold = Strangers { faces: 800, ..faces }.threshold(0.01);
        assert!((threshold - whole).abs() < 0.05, "{part}: {threshold} {whole}");
    }
}
