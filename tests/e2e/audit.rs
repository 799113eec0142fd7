//! Audits: misses of searches, duplicate subjects, and photos of the wrong subject.

use std::collections::HashSet;

use crate::decision::{D, gallery, import, put, run};
use crate::program::{npy, people};

#[test]
fn an_audit_finds_duplicate_subjects_and_wrong_photos() {
    let house = gallery(60, 3);
    let said = run(&house, "audit", "--threshold 0.5").ends(0);
    assert!(said.out.contains("templates that find themselves      180 of 180"), "{}", said.out);
    assert!(said.out.contains("possible duplicate subjects         0"), "{}", said.out);
    // Person 1-7 again under another name, and a photo of 1-9 under the name 1-8.
    let (file, _) = people(60, 3, D, 1, 5);
    let data = &file[file.len() - 180 * D * 4..];
    let rows = |from: usize, count: usize| {
        npy("<f4", false, &format!("({count}, {D})"), &data[from * D * 4..(from + count) * D * 4])
    };
    import(&house, "double", (rows(21, 2), "somebody else\nsomebody else\n".into()));
    import(&house, "stray", (rows(27, 1), "person 1-8\n".into()));
    let said = run(&house, "audit", "--threshold 0.5 --format json").ends(0).json();
    let doubles = said[0]["doubles"].as_array().unwrap();
    let names: HashSet<&str> = doubles
        .iter()
        .flat_map(|double| [0, 1].map(|side| double["subjects"][side].as_str().unwrap()))
        .collect();
    assert_eq!(names, HashSet::from(["person 1-7", "somebody else", "person 1-8", "person 1-9"]));
    let outliers = said[0]["outliers"].as_array().unwrap();
    assert_eq!(outliers.len(), 1, "{outliers:?}");
    assert_eq!(
        (&outliers[0]["subject"], &outliers[0]["closer_to"]),
        (&"person 1-8".into(), &"person 1-9".into())
    );
}

#[test]
fn an_audit_searches_for_given_or_synthetic_mates() {
    let house = gallery(60, 1);
    let mates = |words: &str| {
        let audit = run(&house, "audit", &format!("--threshold 0.5 --format json {words}")).ends(0).json();
        audit[0]["mates"].clone()
    };
    let made_up = mates("");
    assert_eq!((&made_up["from"], &made_up["probes"]), (&"made_up".into(), &60.into()));
    assert_eq!(
        (&made_up["reachable"], &made_up["missed"]),
        (&60.into(), &0.into()),
        "all lie above the threshold"
    );
    put(&house, "mated", people(60, 2, D, 1, 4));
    let given = mates("--mated @mated.npy --subjects @mated.txt --sample 100");
    assert_eq!((&given["from"], &given["probes"]), (&"given".into(), &100.into()));
    assert_eq!(given["fnir"], given["fnir_exact"]);
    let said = run(&house, "audit", "--threshold 0.5 --mated @mated.npy").ends(1);
    assert!(said.err.contains("the name of its person is not known; give --subjects"), "{}", said.err);
    put(&house, "others", people(1, 1, D, 9, 0));
    let said = run(&house, "audit", "--threshold 0.5 --mated @others.npy --subjects @others.txt").ends(1);
    assert!(said.err.contains("there is no subject \"person 9-0\""), "{}", said.err);
}

/// A template that is left out is missing from the fused score of its subject too.
#[test]
fn an_audit_of_left_out_templates_scores_mates_by_its_fusion() {
    let house = gallery(60, 3);
    let (file, _) = people(60, 3, D, 1, 0);
    let numbers: Vec<f32> = file[file.len() - 180 * D * 4..]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let rows: Vec<&[f32]> = numbers.chunks_exact(D).collect();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = |a: &[f32], b: &[f32]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let scores = |fuse: fn(f32, f32) -> f32| -> Vec<f32> {
        let of = |row: usize| {
            let [one, other] = [1, 2].map(|step| row / 3 * 3 + (row + step) % 3);
            fuse(cosine(rows[row], rows[one]), cosine(rows[row], rows[other]))
        };
        let mut scores: Vec<f32> = (0..180).map(of).collect();
        scores.sort_by(f32::total_cmp);
        scores
    };
    let (means, bests) = (scores(|one, other| (one + other) / 2.0), scores(f32::max));
    // The middle between two of the means, so that rounding does not decide.
    let threshold = (means[89] + means[90]) / 2.0;
    for (fusion, scores) in [("mean", means.clone()), ("top2", means), ("max", bests)] {
        let words = format!("--threshold {threshold} --fusion {fusion} --format json");
        let mates = run(&house, "audit", &words).ends(0).json()[0]["mates"].clone();
        let reachable = scores.iter().filter(|score| **score >= threshold).count();
        assert_eq!((&mates["from"], &mates["probes"]), (&"left_out".into(), &180.into()));
        assert_eq!((&mates["reachable"], &mates["missed"]), (&reachable.into(), &0.into()), "{fusion}");
    }
}

#[test]
fn an_audit_and_a_search_for_doubles_find_everybody_under_two_names() {
    let house = gallery(60, 3);
    let (file, names) = people(60, 3, D, 1, 5);
    import(&house, "again", (file, names.replace("person 1-", "again 1-")));
    let is_one = |one: &str, other: &str| one.rsplit('-').next() == other.rsplit('-').next();
    let said = run(&house, "audit", "--threshold 0.5 --format json").ends(0).json();
    let doubles = said[0]["doubles"].as_array().unwrap();
    let right = doubles
        .iter()
        .filter(|one| is_one(one["subjects"][0].as_str().unwrap(), one["subjects"][1].as_str().unwrap()));
    assert!(right.count() == doubles.len() && doubles.len() >= 10, "{doubles:?}");
    let said = run(&house, "dedup subjects", "--target-false-pairs 0.1 --format json").ends(0).json();
    let doubles = said[0]["doubles"].as_array().unwrap();
    let right = doubles.iter().filter(|one| {
        let [one, other] = [0, 1].map(|side| one["sides"][side]["subject"].as_str().unwrap());
        is_one(one, other)
    });
    assert!(right.count() >= 57 && doubles.len() <= 62, "{doubles:?}");
    assert!(said[0]["mixed_count"].as_u64() < Some(4), "{}", said[0]["mixed_count"]);
}
