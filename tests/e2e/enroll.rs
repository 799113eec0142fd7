//! Enrolment and decisions with the stand-in model.

use std::collections::BTreeMap;

use serde_json::json;

use crate::program::{House, gallerist, photo};

fn people(house: &House) {
    house.photo("people/Ada/1.png", 1);
    house.photo("people/Ada/2.png", 2);
    house.photo("people/Grace/1.png", 3);
}

#[test]
fn enrolled_subjects_match_and_non_mated_probes_do_not() {
    let house = House::new();
    people(&house);
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!(
        (&summary["inputs"], &summary["enrolled"], &summary["templates"]),
        (&json!(3), &json!(3), &json!(3))
    );

    let probe = house.photo("probe.png", 3);
    let said = house.run(
        "identify",
        [probe.as_os_str(), "--format".as_ref(), "json".as_ref(), "--threshold".as_ref(), "0.95".as_ref()],
    );
    let reply = &said.ends(10).json()[0];
    assert_eq!(reply["decision"], "match");
    assert_eq!(reply["matches"][0]["subject"], "Grace");
    assert!(reply["matches"][0]["similarity"].as_f64().unwrap() > 0.999);
    assert_eq!(reply["matches"].as_array().unwrap().len(), 2, "every subject once");
    assert_eq!(reply["certificate"]["kind"], "exact");
    assert_eq!(reply["certificate"]["searched"], 3);
    assert_eq!(reply["calibration"]["origin"], "user");

    let stranger = house.photo("stranger.png", 99);
    let said = house.run(
        "identify",
        [stranger.as_os_str(), "--format".as_ref(), "json".as_ref(), "--threshold".as_ref(), "0.95".as_ref()],
    );
    let reply = &said.ends(11).json()[0];
    assert_eq!(reply["decision"], "no_match");
    assert_eq!(reply["matches"][0]["match"], false);
    let best = reply["matches"][0]["similarity"].as_f64().unwrap();
    assert_eq!(reply["certificate"]["max_similarity"].as_f64().unwrap(), best);
}

#[test]
fn every_reply_states_that_the_default_threshold_is_uncalibrated() {
    let house = House::new();
    people(&house);
    house.enroll("people").ends(0);
    let probe = house.photo("probe.png", 1);
    let reply =
        &house.run("identify", [probe.as_os_str(), "--format".as_ref(), "json".as_ref()]).ends(10).json()[0];
    assert_eq!(reply["calibration"]["origin"], "uncalibrated");
    let text = house.run("identify", [&probe]).ends(10).out;
    assert!(text.starts_with("MATCH") && text.contains("Ada") && text.contains("uncalibrated"), "{text}");
}

#[test]
fn verify_and_identify_give_the_same_score() {
    let house = House::new();
    people(&house);
    house.enroll("people").ends(0);
    let (a, b) = (house.photo("a.png", 7), house.path("people/Grace/1.png"));
    let said = gallerist([
        "verify".as_ref(),
        a.as_os_str(),
        b.as_os_str(),
        "--model".as_ref(),
        "stand-in".as_ref(),
        "--format".as_ref(),
        "json".as_ref(),
    ]);
    let verified = said.json()[0]["similarity"].as_f64().unwrap();
    let reply = &house.run("identify", [a.as_os_str(), "--format".as_ref(), "json".as_ref()]).json()[0];
    let matches = reply["matches"].as_array().unwrap();
    let grace = matches.iter().find(|candidate| candidate["subject"] == "Grace").unwrap();
    assert!((grace["similarity"].as_f64().unwrap() - verified).abs() < 1e-5);
}

#[test]
fn a_second_run_encodes_nothing_and_adds_nothing() {
    let house = House::new();
    people(&house);
    house.enroll("people").ends(0);
    house.photo("people/Grace/2.png", 4);
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!((&summary["unchanged"], &summary["enrolled"]), (&json!(3), &json!(1)));
    house.holds(4);
}

#[test]
fn skipped_photos_are_stored_until_the_settings_change() {
    let house = House::new();
    people(&house);
    let one_colour = image::RgbImage::from_pixel(64, 64, image::Rgb([9, 9, 9]));
    house.write("people/Ada/wall.png", &crate::program::encode(&one_colour.into(), image::ImageFormat::Png));
    for _ in 0..2 {
        let said = house.enroll("people").ends(0);
        let skipped = said.json().into_iter().find(|line| line["event"] == "skipped").unwrap();
        assert_eq!(skipped["reason"], "no_face");
        assert!(skipped["path"].as_str().unwrap().ends_with("wall.png"));
    }
}

#[test]
fn the_counts_add_up_for_any_content_of_a_folder() {
    let house = House::new();
    people(&house);
    house.photo("people/Ada/again.png", 1);
    house.write("people/Ada/notes.txt", b"not a photo");
    house.write("people/Ada/empty.jpg", b"");
    house.write("people/nobody.png", &photo(50));
    let said = house.enroll("people").ends(0);
    let summary = said.summary();
    let skipped: BTreeMap<String, u64> = serde_json::from_value(summary["skipped"].clone()).unwrap();
    let expected = [("duplicate", 1), ("empty", 1), ("no_subject", 1), ("not_a_photo", 1)];
    assert_eq!(skipped, expected.map(|(code, n)| (code.to_owned(), n)).into());
    let total = skipped.values().sum::<u64>() + summary["enrolled"].as_u64().unwrap();
    assert_eq!(summary["inputs"], total);
    assert_eq!(total, 7);
    house.holds(3);
}

#[test]
fn low_quality_is_refused_with_its_reason() {
    let house = House::new();
    people(&house);
    let folder = house.path("people");
    let more = [
        folder.as_os_str(),
        "--subject-from".as_ref(),
        "dir".as_ref(),
        "--min-quality".as_ref(),
        "100".as_ref(),
        "--format".as_ref(),
        "json".as_ref(),
    ];
    let summary = house.run("enroll", more).ends(3).summary();
    assert_eq!(summary["skipped"], json!({ "low_quality": 3 }));
    // The refusal is valid for that quality only.
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!(summary["enrolled"], 3);
}

#[test]
fn the_same_photos_make_the_same_gallery() {
    let exports: Vec<_> = (0..2)
        .map(|_| {
            let house = House::new();
            for seed in 0..40 {
                house.photo(format!("people/{:02}/photo.png", seed), seed);
            }
            let said = house.enroll("people").ends(0);
            assert_eq!(said.summary()["enrolled"], 40);
            let out = house.path("out");
            house.run("export", ["--out".as_ref(), out.as_os_str()]).ends(0);
            std::fs::read(out.join("embeddings.npy")).unwrap()
        })
        .collect();
    assert!(exports[0] == exports[1], "exports of two runs differ");
}
