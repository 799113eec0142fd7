//! Corrections of subjects: rename, merge, remove.

use serde_json::json;

use crate::program::House;

fn house() -> House {
    let house = House::new();
    for (person, seeds) in [("Ada", [1, 2]), ("Ada L", [3, 4]), ("Grace", [5, 6])] {
        for seed in seeds {
            house.photo(format!("people/{person}/{seed}.png"), seed);
        }
    }
    house.enroll("people").ends(0);
    house
}

fn best(house: &House, seed: u64) -> String {
    let probe = house.photo("probe.png", seed);
    let said = house.run("identify", [probe.as_os_str(), "--format".as_ref(), "json".as_ref()]);
    said.json()[0]["matches"][0]["subject"].as_str().unwrap().to_owned()
}

#[test]
fn a_renamed_subject_is_found_under_the_new_name() {
    let house = house();
    let said = house.run("subject rename", ["Ada", "Ada Lovelace", "--format", "json"]).ends(0);
    let told = &said.json()[0];
    assert_eq!((&told["from"], &told["to"]), (&"Ada".into(), &"Ada Lovelace".into()));
    assert_eq!(best(&house, 1), "Ada Lovelace");
    let said = house.run("subject rename", ["Grace", "Ada Lovelace"]).ends(1);
    assert!(said.err.contains("merge the two subjects"), "{}", said.err);
    let said = house.run("subject show", ["ada"]).ends(1);
    assert!(said.err.contains("there is Ada L, Ada Lovelace"), "{}", said.err);
}

#[test]
fn merged_subjects_are_one_subject() {
    let house = house();
    let said = house.run("subject merge", ["Ada L", "Ada", "--dry-run"]).ends(0);
    assert!(said.out.contains("would have merged"), "{}", said.out);
    assert_eq!(best(&house, 3), "Ada L");
    for more in [&[][..], &["--dry-run"]] {
        let said = house.run("subject merge", [&["Ada", "Ada"], more].concat()).ends(1);
        assert!(said.err.contains("cannot be merged with itself"), "{}", said.err);
    }
    house.run("subject merge", ["Ada L", "Ada"]).ends(0);
    for seed in [1, 2, 3, 4] {
        assert_eq!(best(&house, seed), "Ada");
    }
    house.holds(6);
    let shown = house.run("subject show", ["Ada", "--format", "json"]).ends(0).json();
    assert_eq!(shown[0]["templates"].as_array().unwrap().len(), 4);
    house.run("subject show", ["Ada L"]).ends(1);
    // The photos are still known. No photo is enrolled under the old name, and that is reported.
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!((&summary["enrolled"], &summary["skipped"]["other_name"]), (&0.into(), &2.into()));
}

/// Whether a file below a folder contains these bytes.
fn holds(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| match path.is_dir() {
        true => holds(&path, bytes),
        false => std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes),
    })
}

#[test]
fn a_purge_leaves_no_byte_of_removed_templates() {
    let house = house();
    let out = house.path("out");
    house.run("export", ["--out".as_ref(), out.as_os_str()]).ends(0);
    let rows = std::fs::read(out.join("embeddings.npy")).unwrap();
    let rows = &rows[rows.len() - 6 * 64 * 4..];
    let row = |number: usize| &rows[number * 256..(number + 1) * 256];
    house.run("subject remove", ["Grace", "--yes"]).ends(0);
    let dry = house.run("purge", ["--dry-run"]).ends(0);
    assert!(dry.out.starts_with("would erase 2 removed templates"), "{}", dry.out);
    assert!(holds(&house.gallery(), row(4)) && holds(&house.gallery(), b"Grace"), "removed is not erased");
    house.run("purge", [] as [&str; 0]).ends(0);
    for number in 0..6 {
        assert_eq!(holds(&house.gallery(), row(number)), number < 4, "template {number}");
    }
    assert!(!holds(&house.gallery(), b"Grace") && holds(&house.gallery(), b"Ada"));
    house.holds(4);
}

#[test]
fn a_removed_subject_is_gone_and_can_be_enrolled_again() {
    let house = house();
    house.run("subject remove", ["Grace"]).ends(1);
    house.run("subject remove", ["Grace", "--yes"]).ends(0);
    house.holds(4);
    assert_ne!(best(&house, 5), "Grace");
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!((&summary["enrolled"], &summary["unchanged"]), (&json!(2), &json!(4)));
    assert_eq!(best(&house, 5), "Grace");
}
