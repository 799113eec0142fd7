//! `encode --part`: every photo is in exactly one part, independently of the output folders and of other photos.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::program::{House, gallerist};

const PHOTOS: u64 = 20;

fn house() -> House {
    let house = House::new();
    for seed in 0..PHOTOS {
        house.photo(format!("photos/p{seed:02}.png"), seed);
    }
    house
}

/// Encodes one of three parts, and returns the summary.
fn encode(house: &House, part: u64, out: &str) -> Value {
    let (photos, out, part) = (house.path("photos"), house.path(out), format!("{part}/3"));
    let words = ["encode", photos.to_str().unwrap(), "--out", out.to_str().unwrap(), "--part", &part];
    let said = gallerist(words.into_iter().chain(["--model", "stand-in", "--format", "json"])).ends(0);
    said.summary()
}

/// The names of the photos with templates in a folder.
fn encoded(house: &House, out: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(house.path(out).join("templates.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let name = |line: Value| line["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    lines.map(name).collect()
}

#[test]
fn parts_written_below_the_photos_are_not_inputs() {
    let house = house();
    let mut all = BTreeSet::new();
    for part in 1..=3 {
        let out = format!("photos/a{part}");
        let summary = encode(&house, part, &out);
        let encoded = encoded(&house, &out);
        assert_eq!(summary["inputs"], encoded.len(), "{summary}");
        assert_eq!(summary["skipped"], serde_json::json!({}));
        for photo in encoded {
            assert!(all.insert(photo.clone()), "{photo} is in two parts");
        }
    }
    assert_eq!(all.len() as u64, PHOTOS);
    // When the same folder is enrolled, the files of the parts are counted separately too.
    let photos = house.path("photos");
    let words = [photos.to_str().unwrap(), "--subject-from", "photo", "--format", "json"];
    let summary = house.run("enroll", words).ends(0).summary();
    assert_eq!((&summary["inputs"], &summary["system_files"]), (&PHOTOS.into(), &9.into()), "{summary}");
}

#[test]
fn adding_or_removing_a_photo_does_not_move_others_between_parts() {
    let house = house();
    encode(&house, 1, "first");
    house.photo("photos/a0.png", 100);
    std::fs::remove_file(house.path("photos/p03.png")).unwrap();
    let mut all = encoded(&house, "first");
    for part in [2, 3] {
        encode(&house, part, &format!("part {part}"));
        let more = encoded(&house, &format!("part {part}"));
        assert!(all.is_disjoint(&more), "{all:?} {more:?}");
        all.extend(more);
    }
    for seed in (0..PHOTOS).filter(|seed| *seed != 3) {
        assert!(all.contains(&format!("p{seed:02}.png")), "{seed}");
    }
}
