//! Photos that are enrolled under another name already, and commands without inputs.

use crate::program::{House, gallerist, vectors};

#[test]
fn a_photo_enrolled_under_another_name_is_reported() {
    let house = House::new();
    let photo = house.photo("1.png", 1);
    let copy = house.photo("copy.png", 1);
    let enroll = |photo: &std::path::Path, name: &str| {
        house.run("enroll", [photo.to_str().unwrap(), "--subject", name, "--format", "json"])
    };
    enroll(&photo, "C").ends(0);
    assert_eq!(enroll(&photo, "C").ends(0).summary()["unchanged"], 1);
    for photo in [&photo, &copy] {
        let said = enroll(photo, "D").ends(0);
        assert_eq!(said.summary()["skipped"], serde_json::json!({ "other_name": 1 }));
        let skipped = said.json().into_iter().find(|line| line["event"] == "skipped").unwrap();
        let detail = skipped["detail"].as_str().unwrap();
        assert!(detail.contains("in the gallery as C"), "{detail}");
    }
    let said = house.run("enroll", [photo.to_str().unwrap(), "--subject", "D"]).ends(0);
    assert!(said.out.contains("1 photo in the gallery under other names"), "{}", said.out);
    assert!(said.out.contains("; `gallerist subject move` changes the name)"), "{}", said.out);
    assert_eq!(enroll(&copy, "C").ends(0).summary()["skipped"], serde_json::json!({ "duplicate": 1 }));
    // A generated name is not another name.
    house.run("enroll", [copy.to_str().unwrap(), "--subject-from", "photo"]).ends(0);
    house.holds(1);
}

#[test]
fn one_photo_under_two_names_in_one_run_is_reported() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.photo("people/Bob/1.png", 1);
    let said = house.enroll("people").ends(0);
    assert_eq!(said.summary()["skipped"], serde_json::json!({ "other_name": 1 }));
    let (people, out) = (house.path("people"), house.path("out"));
    let words = ["encode", people.to_str().unwrap(), "--out", out.to_str().unwrap(), "--model", "stand-in"];
    let said = gallerist(words.into_iter().chain(["--subject-from", "dir", "--format", "json"])).ends(0);
    assert_eq!(said.summary()["skipped"], serde_json::json!({ "other_name": 1 }));
}

#[test]
fn no_input_is_reported_and_creates_nothing() {
    let house = House::new();
    std::fs::create_dir_all(house.path("empty")).unwrap();
    let (empty, out) = (house.path("empty"), house.path("out"));
    let words = ["encode", empty.to_str().unwrap(), "--out", out.to_str().unwrap(), "--model", "stand-in"];
    let said = gallerist(words).ends(3);
    assert!(said.out.contains("no input was usable"), "{}", said.out);
    assert_eq!(gallerist(words.into_iter().chain(["--format", "json"])).ends(3).summary()["inputs"], 0);
    assert!(!out.exists());

    house.renew(&["--dimension", "4", "--threshold", "0.5"]);
    let rows = house.write("rows.npy", &vectors(0, 4, 1));
    let said = house.run("import", [&rows]).ends(3);
    assert!(said.out.contains("no input was usable"), "{}", said.out);
}

#[test]
fn a_rename_to_the_same_name_changes_nothing() {
    let house = House::new();
    let photo = house.photo("1.png", 1);
    house.run("enroll", [photo.to_str().unwrap(), "--subject", "Ada"]).ends(0);
    let said = house.run("subject rename", ["Ada", "Ada"]).ends(1);
    assert!(said.err.contains("is already the name"), "{}", said.err);
    house.run("subject remove", ["Ada", "--yes"]).ends(0);
    let said = house.run("subject history", [] as [&str; 0]).ends(0);
    assert!(said.out.contains(": 1 template") && !said.out.contains("1 templates"), "{}", said.out);
}
