//! Assignments that are repeated: the same gallery again gives nothing new.

use gallerist::gallery::Gallery;
use serde_json::Value;

use crate::cluster::{face, open, photo};
use crate::decision::run;
use crate::people::{assign, photos, subjects};
use crate::program::{House, people};

/// A gallery with the rows of a file, without names.
fn imported(dimension: usize, (file, _): (Vec<u8>, String)) -> House {
    let house = House::empty();
    house.run("init", ["--dimension", &dimension.to_string()]).ends(0);
    import(&house, "rows.npy", &file);
    house
}

fn import(house: &House, name: &str, file: &[u8]) {
    let rows = house.write(name, file);
    house.run("import", [rows.as_os_str(), "--unnamed".as_ref()]).ends(0);
}

/// The templates of each subject.
fn templates(house: &House) -> Vec<(String, Vec<u64>)> {
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let mut found = Vec::new();
    gallery.each_subject(|subject| found.push(subject)).unwrap();
    let ids = |subject| gallery.templates_of(subject).unwrap().iter().map(|one| one.id).collect();
    found.iter().map(|subject| (subject.name.clone(), ids(subject))).collect()
}

/// Assigns twice more, which must change nothing.
#[track_caller]
fn is_settled(house: &House, words: &str) {
    let before = templates(house);
    for _ in 0..2 {
        let done = assign(house, words);
        assert_eq!((&done["faces"], &done["journal_ids"]), (&0.into(), &Value::Null), "{words}: {done}");
        assert_eq!(templates(house), before, "{words}");
    }
}

#[test]
fn the_same_assignment_again_changes_nothing() {
    // So few components that people are hard to tell apart, and named faces would draw further ones.
    for (dimension, seed) in [(16, 2), (24, 1)] {
        let house = imported(dimension, people(60, 6, dimension, seed, 0));
        let done = assign(&house, "");
        assert!(done["new_subjects"].as_u64() > Some(20) && done["unknown"].as_u64() > Some(20), "{done}");
        is_settled(&house, "");
        // New faces join, and earlier ones may follow; then it is settled again.
        import(&house, "more.npy", &people(60, 2, dimension, seed, 5).0);
        assert!(assign(&house, "")["joined"].as_u64() > Some(10));
        is_settled(&house, "");
        // A face that was taken out stays away.
        let (name, ids) = templates(&house).remove(0);
        house.run("subject reject", [name.as_str(), "--template", &ids[0].to_string()]).ends(0);
        assign(&house, "");
        is_settled(&house, "");
        let gallery = Gallery::open(&house.gallery()).unwrap();
        let rejected: Vec<(u64, u64)> = gallery.rejections().unwrap().iter().collect();
        let left = gallery.templates_of(&gallery.subject(&name).unwrap()).unwrap();
        assert!(rejected.len() == 1 && left.iter().all(|one| one.id != rejected[0].0), "{rejected:?}");
    }
}

#[test]
fn every_method_settles() {
    for method in ["two-stage", "components", "average", "whispers", "density", "hdbscan"] {
        let house = imported(24, people(60, 6, 24, 1, 0));
        let words = format!("--method {method} --min-faces 2");
        assert!(assign(&house, &words)["new_subjects"].as_u64() > Some(10), "{method}");
        is_settled(&house, &words);
    }
}

#[test]
fn names_do_not_change_the_threshold_of_the_gallery() {
    // So many faces that the scores of strangers are those of some pairs.
    let house = imported(32, people(250, 4, 32, 1, 0));
    let threshold = || {
        let said = run(&house, "cluster", "--format json").ends(0).json().remove(0);
        assert_eq!(said["threshold_from"], "strangers");
        said["threshold"].as_f64().unwrap()
    };
    let before = threshold();
    assert!(assign(&house, "")["faces"].as_u64() > Some(500));
    assert_eq!(threshold(), before);
}

#[test]
fn faces_of_a_rejected_cluster_do_not_join_a_generated_subject_of_new_photos() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(6, 0..4)).unwrap();
    drop(gallery);
    assign(&house, "");
    let owner =
        subjects(&house).into_iter().find(|(_, paths)| paths.contains(&"photo-0.jpg".into())).unwrap().0;
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let refused = gallery.templates_of(&gallery.subject(&owner).unwrap()).unwrap();
    let ids: Vec<String> = refused.iter().map(|template| template.id.to_string()).collect();
    drop(gallery);
    house.run("subject reject", [owner.as_str(), "--template", &ids.join(",")]).ends(0);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let new: Vec<_> = (0..3).map(|image| photo(200 + image, &[face(0, 40 + u64::from(image))])).collect();
    gallery.add_unknown_faces(&new).unwrap();
    drop(gallery);
    let done = assign(&house, "");
    assert_eq!((&done["new_subjects"], &done["faces"]), (&1.into(), &3.into()), "{done}");
    is_settled(&house, "");
    // A name that a user gave is another matter.
    let made = subjects(&house).into_iter().find(|(_, paths)| paths[0] == "photo-200.jpg").unwrap().0;
    house.run("subject rename", [made.as_str(), "Statue"]).ends(0);
    assert_eq!(assign(&house, "")["joined"], 4);
    is_settled(&house, "");
}
