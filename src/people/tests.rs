//! Properties of every method, and average linkage against its definition.

use proptest::prelude::*;

use super::*;

const DIMENSION: usize = 8;

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

fn methods() -> [Method; 5] {
    [
        Method::TwoStage(TwoStage { seed: 0.05, linkage: 2.0, ..TwoStage::default() }),
        Method::Components(0.7),
        Method::Average(0.6),
        Method::Whispers { threshold: 0.6, rounds: 20, seed: 3 },
        Method::Density { threshold: 0.7, fewest: 3 },
    ]
}

fn run(vectors: &[f32], keys: &[u128], constraints: &Constraints, method: &Method) -> Vec<u32> {
    let edges = pairs(vectors, DIMENSION, 0.2, 1000);
    let (least, most) = (0.2, 1000);
    Collection { keys, vectors, dimension: DIMENSION, edges: &edges, least, most, constraints }
        .cluster(method)
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
        let ours = average(&graph, &vectors, &Constraints::new(), threshold).numbered();
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
    // 1 % of 1,000 is the 99.999 % point of the normal distribution: 4.2649.
    assert!((thresholds[0] - 0.436_49).abs() < 1e-4, "{thresholds:?}");
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
    };
    let refused = |result: Result<Vec<u32>>| result.unwrap_err();
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
