use proptest::prelude::*;

use super::{Agreement, clustering};

fn known(people: &[u64]) -> Vec<Option<u64>> {
    people.iter().copied().map(Some).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[test]
fn a_case_computed_by_hand() {
    // Person 1 has three faces in clusters {1, 1, 2} and person 2 has two in {2, 2}.
    let measured = clustering(&[1, 1, 2, 2, 2], &known(&[1, 1, 1, 2, 2]));
    // Precision of each face: 1, 1, 1/3, 2/3, 2/3. Recall: 2/3, 2/3, 1/3, 1, 1.
    assert!(close(measured.bcubed.precision, (1.0 + 1.0 + 1.0 / 3.0 + 4.0 / 3.0) / 5.0));
    assert!(close(measured.bcubed.recall, (5.0 / 3.0 + 2.0) / 5.0));
    // Pairs put together: 1 + 3; that belong together: 3 + 1; both: 1 + 1.
    assert_eq!(measured.pairs, Agreement { precision: 0.5, recall: 0.5, f: 0.5 });
    let entropy = -(0.6_f64 * 0.6_f64.ln() + 0.4 * 0.4_f64.ln());
    let left = -(0.2 * (1.0_f64 / 3.0).ln() + 0.4 * (2.0_f64 / 3.0).ln());
    assert!(close(measured.homogeneity, 1.0 - left / entropy));
    assert!(close(measured.completeness, 1.0 - left / entropy));
    assert!(close(measured.v_measure, 1.0 - left / entropy));
    assert_eq!((measured.people_split, measured.people_merged, measured.clusters_mixed), (1, 2, 1));
    assert!(close(measured.largest_cluster_recall, (2.0 / 3.0 + 1.0) / 2.0));
    assert_eq!((measured.faces, measured.people, measured.clusters), (5, 2, 2));
}

#[test]
fn strangers_lower_precision_and_are_not_averaged() {
    let measured = clustering(&[1, 1, 1, 2], &[Some(7), Some(7), None, None]);
    assert_eq!((measured.faces, measured.strangers, measured.clusters), (2, 2, 1));
    assert!(close(measured.bcubed.precision, 2.0 / 3.0) && close(measured.bcubed.recall, 1.0));
    assert!(close(measured.pairs.precision, 1.0 / 3.0) && close(measured.pairs.recall, 1.0));
    assert_eq!((measured.people_merged, measured.clusters_mixed), (1, 1));
    assert!(close(measured.largest_cluster_recall, 1.0));
}

#[test]
fn equal_partitions_agree_in_everything() {
    let measured = clustering(&[5, 5, 6, 7], &known(&[1, 1, 2, 3]));
    assert_eq!(measured.bcubed, Agreement { precision: 1.0, recall: 1.0, f: 1.0 });
    assert_eq!(measured.pairs, measured.bcubed);
    assert_eq!((measured.v_measure, measured.people_split, measured.people_merged), (1.0, 0, 0));
}

#[test]
fn single_faces_have_high_bcubed_f_and_a_low_recall_of_the_largest_cluster() {
    let people = known(&[1, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let measured = clustering(&(0..10).collect::<Vec<_>>(), &people);
    assert!(measured.bcubed.f > 0.94);
    assert_eq!((measured.largest_cluster_recall, measured.pairs.recall), (0.5, 0.0));
}

#[test]
fn no_faces_are_no_disagreement() {
    let measured = clustering(&[], &[]);
    assert_eq!((measured.faces, measured.bcubed.f, measured.v_measure), (0, 1.0, 1.0));
}

/// The definitions, pair by pair.
fn by_pairs(clusters: &[u64], people: &[Option<u64>]) -> (Agreement, Agreement) {
    let same = |a: usize, b: usize| people[a].is_some() && people[a] == people[b];
    let all = 0..clusters.len();
    let (mut precision, mut recall, mut faces) = (0.0, 0.0, 0.0);
    let (mut made, mut wanted, mut both) = (0.0, 0.0, 0.0);
    for a in all.clone().filter(|&a| people[a].is_some()) {
        let together = all.clone().filter(|&b| clusters[a] == clusters[b]);
        let (mut size, mut hits) = (0.0, 0.0);
        for b in together {
            size += 1.0;
            hits += f64::from(u8::from(same(a, b)));
        }
        precision += hits / size;
        recall += hits / all.clone().filter(|&b| same(a, b)).count() as f64;
        faces += 1.0;
        for b in all.clone().filter(|&b| b > a || people[b].is_none()) {
            made += f64::from(u8::from(clusters[a] == clusters[b]));
            wanted += f64::from(u8::from(same(a, b)));
            both += f64::from(u8::from(same(a, b) && clusters[a] == clusters[b]));
        }
    }
    let rate = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 1.0 };
    let triple = |precision, recall| super::agreement(precision, recall);
    (triple(rate(precision, faces), rate(recall, faces)), triple(rate(both, made), rate(both, wanted)))
}

proptest! {
    #[test]
    fn counts_give_what_pairs_give(faces in prop::collection::vec((0..5_u64, prop::option::weighted(0.8, 0..5_u64)), 0..40)) {
        let (clusters, people): (Vec<u64>, Vec<Option<u64>>) = faces.into_iter().unzip();
        let measured = clustering(&clusters, &people);
        let (bcubed, pairs) = by_pairs(&clusters, &people);
        for (ours, theirs) in [(measured.bcubed, bcubed), (measured.pairs, pairs)] {
            prop_assert!((ours.precision - theirs.precision).abs() < 1e-9, "{ours:?} {theirs:?}");
            prop_assert!((ours.recall - theirs.recall).abs() < 1e-9, "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn names_and_order_do_not_matter(faces in prop::collection::vec((0..5_u64, 0..5_u64), 1..40)) {
        let clusters: Vec<u64> = faces.iter().map(|face| face.0).collect();
        let people: Vec<Option<u64>> = faces.iter().map(|face| Some(face.1)).collect();
        let (renamed, mut reversed) = (clusters.iter().map(|c| 91 - c).rev().collect::<Vec<_>>(), people.clone());
        reversed.reverse();
        let (one, other) = (clustering(&clusters, &people), clustering(&renamed, &reversed));
        prop_assert!((one.bcubed.f - other.bcubed.f).abs() < 1e-12 && (one.v_measure - other.v_measure).abs() < 1e-12);
        prop_assert_eq!((one.people_split, one.people_merged), (other.people_split, other.people_merged));
    }
}
