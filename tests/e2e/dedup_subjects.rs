//! Duplicates of people: one person under two names, and two people under one name.

use std::collections::HashSet;

use serde_json::Value;

use crate::decision::{D, gallery, import};
use crate::program::{House, Said, faces, gallerist, npy, people};

fn dedup(house: &House, words: &str) -> Said {
    let place = house.gallery();
    let mut all = vec!["dedup", "subjects", place.to_str().unwrap()];
    all.extend(words.split_whitespace());
    gallerist(all)
}

/// The duplicates where no false pair is expected.
#[track_caller]
fn strict(house: &House) -> Value {
    found(house, "--target-false-pairs 0.02")
}

#[track_caller]
fn found(house: &House, words: &str) -> Value {
    dedup(house, &format!("{words} --format json")).ends(0).json().remove(0)
}

/// Rows of other images of the people of the gallery.
fn other_images(from: usize, count: usize) -> Vec<u8> {
    let (file, _) = people(60, 3, D, 1, 5);
    let data = &file[file.len() - 180 * D * 4..];
    npy("<f4", false, &format!("({count}, {D})"), &data[from * D * 4..(from + count) * D * 4])
}

/// 60 people. Person 7 has a second name, and a photo of person 9 is under the name of person 8.
fn planted() -> House {
    let house = gallery(60, 3);
    import(&house, "double", (other_images(21, 2), "<b>somebody</b> else\n<b>somebody</b> else\n".into()));
    import(&house, "stray", (other_images(27, 1), "person 1-8\n".into()));
    house
}

fn names(double: &Value) -> [&str; 2] {
    [0, 1].map(|side| double["sides"][side]["subject"].as_str().unwrap())
}

#[test]
fn a_gallery_without_duplicates_has_none() {
    let house = gallery(60, 3);
    let all = strict(&house);
    assert_eq!((&all["subjects"], &all["templates"]), (&60.into(), &180.into()));
    assert_eq!((&all["doubles_count"], &all["mixed_count"]), (&0.into(), &0.into()), "{all}");
    assert_eq!(all["threshold_from"], "own_scores");
    assert!((all["expected_false_pairs"].as_f64().unwrap() - 0.02).abs() < 0.001, "{all}");
    let all = found(&house, "");
    assert!((all["expected_false_pairs"].as_f64().unwrap() - 1.0).abs() < 0.05, "{all}");
    assert!(all["doubles_count"].as_u64() < Some(5), "about one is expected: {all}");
    let said = dedup(&house, "").ends(0);
    assert!(said.out.contains("from the scores of the gallery's own subjects"), "{}", said.out);
}

#[test]
fn planted_duplicates_are_found_and_no_others() {
    let house = planted();
    let all = strict(&house);
    let doubles = all["doubles"].as_array().unwrap();
    let pairs: HashSet<[&str; 2]> = doubles.iter().map(names).collect();
    let expected = [["person 1-7", "<b>somebody</b> else"], ["person 1-8", "person 1-9"]];
    assert_eq!(pairs, HashSet::from(expected), "{all}");
    let scores: Vec<f64> = doubles.iter().map(|double| double["score"].as_f64().unwrap()).collect();
    assert!(scores[0] >= scores[1] && scores[1] >= all["threshold"].as_f64().unwrap());
    let side = &doubles.iter().find(|double| names(double)[0] == "person 1-8").unwrap()["sides"][1];
    assert_eq!((&side["templates"], &side["path"].is_string()), (&3.into(), &true), "{side}");
    let mixed = all["mixed"].as_array().unwrap();
    assert_eq!(mixed.len(), 1, "{all}");
    assert_eq!((&mixed[0]["subject"], &mixed[0]["templates"]), (&"person 1-8".into(), &4.into()));
    assert_eq!(mixed[0]["apart_ids"].as_array().unwrap().len(), 1);
    assert_eq!(mixed[0]["apart_ids"][0], mixed[0]["sides"][0]["face_id"]);
    assert!(mixed[0]["between"].as_f64() < all["mixed_below"].as_f64());
    // All of it is in the text too, and as short as wanted.
    let said = dedup(&house, "--target-false-pairs 0.02 --limit 1").ends(0);
    assert!(
        said.out.contains("one person under two names: 2 pairs") && said.out.contains("and 1 more"),
        "{}",
        said.out
    );
    // Merging ends it.
    let place = house.gallery();
    gallerist(["subject", "merge", place.to_str().unwrap(), "<b>somebody</b> else", "person 1-7"]).ends(0);
    assert_eq!(strict(&house)["doubles_count"], 1);
}

#[test]
fn a_threshold_can_be_given_and_a_target_chosen() {
    let house = planted();
    let all = found(&house, "--threshold 1");
    assert_eq!((&all["doubles_count"], &all["threshold_from"]), (&0.into(), &"given".into()));
    let all = found(&house, "--threshold -1 --limit 3");
    assert_eq!((&all["doubles_count"], all["doubles"].as_array().unwrap().len()), (&(61 * 60 / 2).into(), 3));
    let threshold = |target: &str| {
        found(&house, &format!("--target-false-pairs {target}"))["threshold"].as_f64().unwrap()
    };
    assert!(threshold("0.01") > threshold("1") && threshold("1") > threshold("20"));
    for wrong in [
        "--target-false-pairs 0",
        "--threshold 2",
        "--mixed-rate 1",
        "--distinct 1",
        "--distinct 1,2 --out x",
    ] {
        dedup(&house, wrong).ends(2);
    }
    let few = gallery(3, 1);
    let said = dedup(&few, "").ends(1);
    assert!(said.err.contains("no threshold"), "too few subjects to measure one: {}", said.err);
    assert_eq!(found(&few, "--threshold 0.9")["expected_false_pairs"], Value::Null);
}

#[test]
fn people_who_are_kept_apart_are_not_listed_again() {
    let house = planted();
    let all = strict(&house);
    let double =
        all["doubles"].as_array().unwrap().iter().find(|double| names(double)[0] == "person 1-8").unwrap();
    let ids: Vec<String> =
        [1, 0].iter().map(|&side| double["sides"][side as usize]["subject_id"].to_string()).collect();
    let ids = ids.join(",");
    let said = dedup(&house, &format!("--distinct {ids} --format json")).ends(0).json().remove(0);
    assert_eq!((&said["distinct"], said["journal_id"].is_number()), (&true.into(), true), "{said}");
    let said = dedup(&house, &format!("--distinct {ids}")).ends(0);
    assert!(said.out.contains("are different people; this was so already"), "{}", said.out);
    let all = strict(&house);
    assert_eq!((&all["doubles_count"], &all["kept_apart"]), (&1.into(), &1.into()), "{all}");
    let place = house.gallery();
    let place = place.to_str().unwrap();
    let history = gallerist(["subject", "history", place]).ends(0);
    assert!(
        history.out.contains("kept apart") && history.out.contains("person 1-8 and person 1-9"),
        "{}",
        history.out
    );
    gallerist(["check", place]).ends(0);
    // It holds for whom they are merged into, and survives a backup.
    gallerist(["subject", "merge", place, "person 1-9", "person 1-30"]).ends(0);
    let (copy, restored) = (house.path("copy"), house.path("restored"));
    gallerist(["backup", place, copy.to_str().unwrap()]).ends(0);
    gallerist(["restore", copy.to_str().unwrap(), restored.to_str().unwrap()]).ends(0);
    let again = gallerist([
        "dedup",
        "subjects",
        restored.to_str().unwrap(),
        "--target-false-pairs",
        "0.02",
        "--format",
        "json",
    ]);
    let again = again.ends(0).json();
    assert_eq!((&again[0]["doubles_count"], &again[0]["kept_apart"]), (&1.into(), &1.into()), "{}", again[0]);
    // And it can be taken back.
    let id = |name: &str| {
        let listed = gallerist(["subject", "list", place, "--format", "json"]).ends(0).json();
        listed.iter().find(|one| one["subject"] == name).unwrap()["subject_id"].to_string()
    };
    dedup(&house, &format!("--not-distinct {},{}", id("person 1-8"), id("person 1-30"))).ends(0);
    assert_eq!(strict(&house)["kept_apart"], 0);
    dedup(&house, "--distinct 1,1").ends(2);
    let said = dedup(&house, "--distinct 1,999").ends(1);
    assert!(said.err.contains("999"), "{}", said.err);
}

#[test]
fn the_page_needs_nothing_else_and_escapes_names() {
    let house = planted();
    let page = house.path("page.html");
    let place = house.gallery();
    gallerist(["dedup", "subjects", place.to_str().unwrap(), "--out", page.to_str().unwrap()]).ends(0);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("&lt;b&gt;somebody&lt;/b&gt; else") && !page.contains("<b>somebody"), "{page}");
    assert!(page.contains("One person under two names?") && page.contains("Two people under one name?"));
    assert!(page.contains("no picture") && !page.contains("http") && !page.contains("<script"));
}

#[test]
fn the_page_shows_a_photo_while_its_file_is_as_it_was() {
    let house = House::new();
    let photos = house.path("photos");
    for (copy, original) in [("Ada/1.jpg", "001/neutral.jpg"), ("Bob/2.jpg", "001/smiling.jpg")] {
        let to = photos.join(copy);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(faces().join(original), to).unwrap();
    }
    house.run("enroll", [photos.to_str().unwrap(), "--subject-from", "dir"]).ends(0);
    let pictures = || {
        let (page, place) = (house.path("page.html"), house.gallery());
        let out = ["--threshold", "-1", "--out", page.to_str().unwrap()];
        gallerist(["dedup", "subjects", place.to_str().unwrap()].into_iter().chain(out)).ends(0);
        std::fs::read_to_string(page).unwrap().matches("src=\"data:image/jpeg;base64,").count()
    };
    assert_eq!(pictures(), 2);
    std::fs::copy(faces().join("003/neutral.jpg"), photos.join("Ada/1.jpg")).unwrap();
    assert_eq!(pictures(), 1, "another photo lies at the path");
    std::fs::remove_file(photos.join("Bob/2.jpg")).unwrap();
    assert_eq!(pictures(), 0);
}

#[test]
#[cfg_attr(not(feature = "torch"), ignore = "needs the program with networks")]
fn pairs_are_the_same_on_a_device_and_a_missing_one_is_named() {
    let house = planted();
    let expected = strict(&house);
    assert_eq!(found(&house, "--target-false-pairs 0.02 --device cpu"), expected);
    let said = dedup(&house, "--target-false-pairs 0.02 --device cuda --format json");
    if said.code == Some(0) {
        assert_eq!(said.json().remove(0), expected);
        return;
    }
    // `gallerist` has become `gallerist-networks`, which looked for the device.
    let said = said.ends(1);
    assert!(said.err.contains("cuda") && said.err.contains("no CUDA"), "{}", said.err);
    let place = house.gallery();
    let said = gallerist(["cluster", place.to_str().unwrap(), "--device", "cuda"]).ends(1);
    assert!(said.err.contains("no CUDA"), "{}", said.err);
}
