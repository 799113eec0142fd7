//! Photos of several faces: used, refused and unused faces, and their effect on decisions.

use std::path::{Path, PathBuf};

use image::{GenericImage, RgbImage};
use serde_json::{Value, json};

use crate::program::{House, Said, encode, gallerist, photo};

/// The faces with these seeds side by side. Those in `blurred` are out of focus.
pub fn row_of(seeds: &[u64], blurred: &[u64]) -> Vec<u8> {
    let mut canvas = RgbImage::new(128 * seeds.len() as u32, 128);
    for (place, seed) in (0..).zip(seeds) {
        let face = image::load_from_memory(&photo(*seed)).unwrap();
        let face = if blurred.contains(seed) { face.blur(12.0) } else { face };
        canvas.copy_from(&face.to_rgb8(), 128 * place, 0).unwrap();
    }
    encode(&canvas.into(), image::ImageFormat::Png)
}

/// Ada, seed 1, is enrolled.
fn house() -> House {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    house
}

fn identify(house: &House, probe: &Path, more: &[&str]) -> Said {
    let words = ["--threshold", "0.95"].iter().chain(more);
    house.run("identify", std::iter::once(probe.as_os_str()).chain(words.map(AsRef::as_ref)))
}

fn probes(said: &Said) -> Vec<Value> {
    said.json().into_iter().map(|reply| reply["probe"].clone()).collect()
}

#[test]
fn a_refused_face_is_reported_and_prevents_no_match() {
    let house = house();
    // The face of Ada is blurred.
    let probe = house.write("probe.png", &row_of(&[7, 1], &[1]));
    let words = ["--faces", "all", "--min-quality", "60"];
    let said = identify(&house, &probe, &words).ends(12);
    assert!(said.out.contains("NO MATCH") && said.out.contains("probe.png face 1 of 2"), "{}", said.out);
    let refused = said.out.lines().find(|line| line.starts_with("INCONCLUSIVE")).unwrap();
    assert!(refused.contains("face 2 of 2: low_quality"), "{refused}");

    let said = identify(&house, &probe, &[&words[..], &["--format", "json"]].concat()).ends(12);
    let replies = said.json();
    assert_eq!(replies.len(), 2, "{}", said.out);
    let refused = replies.iter().find(|reply| reply["decision"] == "inconclusive").unwrap();
    assert_eq!(refused["probe"]["reasons"], json!(["low_quality"]));
    assert_eq!((&refused["probe"]["face"], &refused["probe"]["faces"]), (&json!(1), &json!(2)));
    assert!(
        refused["probe"]["bounds"][0].as_f64().unwrap() >= 128.0 && refused["probe"]["detail"].is_string()
    );
    let other = replies.iter().find(|reply| reply["decision"] == "no_match").unwrap();
    assert_eq!((&other["probe"]["face"], &other["probe"]["faces"]), (&json!(0), &json!(2)));

    // A match remains a match.
    let probe = house.write("with-ada.png", &row_of(&[1, 7], &[7]));
    let said = identify(&house, &probe, &[&words[..], &["--format", "json"]].concat()).ends(10);
    let decisions: Vec<Value> = said.json().iter().map(|reply| reply["decision"].clone()).collect();
    assert_eq!(decisions, ["match", "inconclusive"]);
    // Both of two refused faces are reported.
    let probe = house.write("blurred.png", &row_of(&[1, 7], &[1, 7]));
    let said = identify(&house, &probe, &[&words[..], &["--format", "json"]].concat()).ends(12);
    assert_eq!(probes(&said).iter().map(|probe| probe["face"].clone()).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn an_unused_face_prevents_no_match() {
    let house = house();
    let probe = house.write("probe.png", &row_of(&[7, 8, 1], &[]));
    let said = identify(&house, &probe, &[]).ends(12);
    assert!(said.out.starts_with("INCONCLUSIVE"), "{}", said.out);
    assert!(said.out.contains("3 faces, the largest was taken"), "{}", said.out);
    let said = identify(&house, &probe, &["--format", "json"]).ends(12);
    let reply = &said.json()[0];
    assert_eq!(
        (&reply["decision"], &reply["doubt"]),
        (&json!("inconclusive"), &json!("faces_not_looked_at"))
    );
    assert_eq!((&reply["probe"]["faces"], &reply["probe"]["not_looked_at"]), (&json!(3), &json!(2)));
    // If all of them are used, there is a decision.
    identify(&house, &probe, &["--faces", "all"]).ends(10);
    let strangers = house.write("strangers.png", &row_of(&[7, 8, 9], &[]));
    let said = identify(&house, &strangers, &["--faces", "all", "--format", "json"]).ends(11);
    assert!(probes(&said).iter().all(|probe| probe["faces"] == 3 && probe["not_looked_at"] == 0));
    // A match of the used face is a match, with a note.
    let middle = house.write("middle.png", &row_of(&[7, 1, 8], &[]));
    assert!(identify(&house, &middle, &[]).ends(10).out.contains("3 faces, the largest was taken"));
}

#[test]
fn photos_of_several_faces_are_enrolled_with_a_note_or_refused() {
    let house = House::new();
    let group = house.write("group.png", &row_of(&[3, 4], &[]));
    let enroll = |more: &[&str]| {
        let words = ["--subject", "Ada"].iter().chain(more);
        house.run("enroll", std::iter::once(group.as_os_str()).chain(words.map(AsRef::as_ref)))
    };
    let said = enroll(&["--single-face", "--format", "json"]).ends(3);
    let skipped = said.json().into_iter().find(|line| line["event"] == "skipped").unwrap();
    assert_eq!(skipped["reason"], "several_faces");
    assert!(skipped["detail"].as_str().unwrap().contains("2 faces"), "{skipped}");
    house.holds(0);
    let said = enroll(&[]).ends(0);
    assert!(said.out.contains("group.png  (2 faces, the largest was taken)"), "{}", said.out);
    assert!(said.out.contains("1 photo with several faces"), "{}", said.out);

    house.renew(&["--model", "stand-in"]);
    let said = enroll(&["--format", "json"]).ends(0);
    let enrolled = said.json().into_iter().find(|line| line["event"] == "enrolled").unwrap();
    assert_eq!((&enrolled["faces"], &enrolled["not_looked_at"]), (&json!(2), &json!(1)));
    assert_eq!(enrolled["note"], "2 faces, the largest was taken");
    assert_eq!(said.summary()["several_faces"], 1);
    // The same for probes.
    let said = identify(&house, &group, &["--single-face", "--format", "json"]).ends(12);
    assert_eq!(probes(&said)[0]["reasons"], json!(["several_faces"]));
}

fn verify(a: &Path, b: &Path, more: &[&str]) -> Said {
    let words = ["--model", "stand-in"].iter().chain(more).map(AsRef::as_ref);
    gallerist(["verify".as_ref(), a.as_os_str(), b.as_os_str()].into_iter().chain(words))
}

#[test]
fn verify_reports_unused_faces() {
    let house = House::empty();
    let ada = house.photo("ada.png", 1);
    let group = house.write("group.png", &row_of(&[7, 8, 1], &[]));
    let said = verify(&group, &ada, &["--threshold", "0.95"]).ends(12);
    assert!(said.out.contains("group.png: 3 faces, the largest was taken"), "{}", said.out);
    let reply = &verify(&group, &ada, &["--threshold", "0.95", "--format", "json"]).ends(12).json()[0];
    assert_eq!(
        (&reply["a"]["faces"], &reply["a"]["not_looked_at"], &reply["b"]["faces"]),
        (&json!(3), &json!(2), &json!(1))
    );
    let other = house.photo("other.png", 2);
    verify(&ada, &other, &["--threshold", "0.95"]).ends(11);
    let said = verify(&group, &ada, &["--single-face", "--format", "json"]).ends(12);
    assert_eq!(probes(&said)[0]["reasons"], json!(["several_faces"]));
}

#[test]
fn measuring_verbs_count_photos_with_several_faces() {
    let house = House::new();
    for seed in 100..130 {
        house.photo(format!("strangers/{seed}/1.png"), seed);
    }
    house.write("strangers/group/1.png", &row_of(&[200, 201], &[]));
    for seed in 0..4 {
        house.photo(format!("people/{seed}/1.png"), seed);
    }
    house.enroll("people").ends(0);
    let strangers = house.path("strangers");
    let words = ["--target-fpir", "0.2", "--dry-run"];
    let said = house.run(
        "calibrate",
        ["--nonmated".as_ref(), strangers.as_os_str()].into_iter().chain(words.map(AsRef::as_ref)),
    );
    let said = said.ends(0);
    assert!(said.out.contains("1 photo with more than one face, the largest was used"), "{}", said.out);

    let list = "strangers/group/1.png\tstrangers/100/1.png\t0\nstrangers/101/1.png\tstrangers/101/1.png\t1\n";
    let list = house.write("pairs.tsv", list.as_bytes());
    let root: PathBuf = house.path(".");
    let words = ["--model", "stand-in", "--format", "json"];
    let said = gallerist(
        ["verify".as_ref(), "--pairs".as_ref(), list.as_os_str(), "--root".as_ref(), root.as_os_str()]
            .into_iter()
            .chain(words.map(AsRef::as_ref)),
    );
    assert_eq!(said.ends(0).json()[0]["photos_with_several_faces"], 1);
}

#[test]
fn faces_that_were_left_out_are_added_when_more_are_asked_for() {
    let house = House::new();
    let photo = house.write("group/five.png", &row_of(&[1, 2, 3, 4, 5], &[5]));
    let alone = house.photo("group/alone.png", 9);
    let folder = house.path("group");
    let enroll = |more: &[&str]| {
        let words = ["--subject-from", "photo", "--format", "json"].iter().chain(more);
        house.run("enroll", std::iter::once(folder.as_os_str()).chain(words.map(AsRef::as_ref))).ends(0)
    };
    assert_eq!(enroll(&[]).summary()["templates"], 2);
    let said = enroll(&["--faces", "all", "--min-quality", "60"]);
    assert_eq!((&said.summary()["enrolled"], &said.summary()["templates"]), (&json!(1), &json!(3)));
    assert_eq!(said.summary()["unchanged"], 1, "all faces of {} are in the gallery", alone.display());
    let said = enroll(&["--faces", "all"]);
    assert_eq!((&said.summary()["enrolled"], &said.summary()["templates"]), (&json!(1), &json!(1)));
    // Nothing is left to add, and fewer faces than before change nothing.
    for more in [&["--faces", "all"][..], &["--faces", "all", "--min-quality", "60"], &[]] {
        assert_eq!(enroll(more).summary()["unchanged"], 2, "{more:?}");
    }
    house.holds(6);
    let said = identify(&house, &photo, &["--faces", "all", "--format", "json"]).ends(10);
    assert!(said.json().iter().all(|reply| reply["decision"] == "match"), "{}", said.out);
}
