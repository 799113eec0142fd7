//! Names of subjects: every name is checked before it is used, and no name merges two people.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{House, Said, vectors};

const JSON: [&str; 2] = ["--format", "json"];

#[track_caller]
fn names(house: &House) -> Vec<String> {
    let said = house.run("subject list", JSON).ends(0);
    said.json().iter().map(|line| line["subject"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn skipped(said: &Said) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = said.json();
    let skips = lines.iter().filter(|line| line["event"] == "skipped");
    skips
        .map(|line| {
            assert_eq!(line["reason"], "no_subject", "{line}");
            (text(&line["path"]), text(&line["detail"]))
        })
        .collect()
}

/// A folder below `people` with an invalid name, and the expected message.
const NO_NAMES: [(&[u8], &str); 12] = [
    (b" lead", "begins or ends with a space"),
    (b"trail ", "begins or ends with a space"),
    (b"a\tb", "U+0009"),
    (b"a\nb", "U+000A"),
    (b"\x1b[31mred", "U+001B"),
    (b"\xffnot-text", "not UTF-8"),
    ("a\u{200b}b".as_bytes(), "U+200B"),
    ("\u{feff}marked".as_bytes(), "U+FEFF"),
    ("a\u{202e}b".as_bytes(), "U+202E"),
    ("a\u{a0}b".as_bytes(), "U+00A0"),
    ("\u{e000}".as_bytes(), "U+E000"),
    ("\u{378}".as_bytes(), "U+0378"),
];

#[test]
fn a_folder_with_an_invalid_name_is_skipped_and_others_are_enrolled() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.photo("people/zoe/1.png", 2);
    for (seed, (folder, _)) in (10..).zip(NO_NAMES) {
        house.photo(Path::new("people").join(OsStr::from_bytes(folder)).join("1.png"), seed);
    }
    for enrolled in [2, 0] {
        let said = house.enroll("people").ends(0);
        assert_eq!(said.summary()["enrolled"], enrolled);
        assert_eq!(said.summary()["skipped"], json!({ "no_subject": NO_NAMES.len() }));
        let skipped = skipped(&said);
        for (folder, reason) in NO_NAMES {
            let below = format!("people/{}/1.png", String::from_utf8_lossy(folder));
            let (_, detail) = skipped.iter().find(|(path, _)| path.ends_with(&below)).expect("it is listed");
            assert!(detail.contains(reason), "{below:?}: {detail}");
        }
    }
    assert_eq!(names(&house), ["Ada", "zoe"]);
    // Only the name was missing.
    let photo = house.path("people").join("a\u{200b}b").join("1.png");
    let said = house.run("enroll", [photo.as_os_str(), "--subject".as_ref(), "Bea".as_ref()]).ends(0);
    assert!(said.out.contains("1 template added"), "{}", said.out);
    house.holds(3);
}

#[test]
fn a_photo_skipped_without_a_name_is_enrolled_with_one() {
    let house = House::new();
    let photo = house.photo("people/nobody.png", 1);
    assert_eq!(house.enroll("people").ends(3).summary()["skipped"], json!({ "no_subject": 1 }));
    let more = [photo.as_os_str(), "--subject".as_ref(), "Ada".as_ref()];
    house.run("enroll", more).ends(0);
    assert_eq!(names(&house), ["Ada"]);
}

#[test]
fn a_file_with_an_invalid_name_is_skipped_and_others_are_enrolled() {
    let house = House::new();
    house.photo("photos/good.png", 1);
    for (seed, (name, _)) in (10..).zip(NO_NAMES) {
        house.photo(Path::new("photos").join(OsStr::from_bytes(name)), seed);
    }
    let long = ["a".repeat(250), "b".repeat(250), "1.png".into()].join("/");
    house.photo(Path::new("photos").join(long), 50);
    let folder = house.path("photos");
    let more = [
        folder.as_os_str(),
        "--subject-from".as_ref(),
        "photo".as_ref(),
        "--format".as_ref(),
        "json".as_ref(),
    ];
    let said = house.run("enroll", more).ends(0);
    assert_eq!(said.summary()["skipped"], json!({ "no_subject": NO_NAMES.len() + 1 }));
    assert!(skipped(&said).iter().any(|(_, detail)| detail.contains("longer than")));
    assert_eq!(names(&house), ["good.png"]);
}

#[test]
fn a_given_name_is_checked_before_any_work() {
    let house = House::new();
    let photo = house.photo("a.png", 1);
    house.run("enroll", [photo.as_os_str(), "--subject".as_ref(), "Ada".as_ref()]).ends(0);
    for name in ["", " Ada", "A\u{200b}da", "\u{202e}adA", "A\nda", "A\u{a0}da"] {
        let other = house.photo("b.png", 2);
        for said in [
            house.run("enroll", [other.as_os_str(), "--subject".as_ref(), name.as_ref()]),
            house.run("subject rename", ["Ada", name]),
            house.run("subject rename", ["Ada", name, "--dry-run"]),
        ] {
            let said = said.ends(1);
            assert!(said.err.contains("subject name"), "{name:?}: {}", said.err);
        }
    }
    assert_eq!(names(&house), ["Ada"]);
    house.holds(1);
}

#[test]
fn a_name_that_differs_only_in_case_is_reported_and_a_subject_cannot_be_renamed_to_it() {
    let house = House::new();
    for (seed, folder) in [(1, "first/Tony"), (2, "first/Ada"), (3, "second/tony")] {
        house.photo(format!("{folder}/1.png"), seed);
    }
    let said =
        house.run("enroll", [house.path("first").as_os_str(), "--subject-from".as_ref(), "dir".as_ref()]);
    assert!(!said.ends(0).out.contains("warning"));
    let said =
        house.run("enroll", [house.path("second").as_os_str(), "--subject-from".as_ref(), "dir".as_ref()]);
    let said = said.ends(0);
    assert!(
        said.out.contains("warning: the new subject tony and the subject Tony differ only in case"),
        "{}",
        said.out
    );
    for more in [&["Ada", "TONY"][..], &["Ada", "TONY", "--dry-run"]] {
        let said = house.run("subject rename", more).ends(1);
        assert!(said.err.contains("subject merge"), "{}", said.err);
    }
    assert_eq!(names(&house), ["Ada", "Tony", "tony"]);
}

#[test]
fn equal_file_names_in_two_folders_are_two_subjects() {
    let house = House::new();
    let cameras = ["cam1", "cam2", "cam3"];
    for (seed, camera) in (1..).zip(cameras) {
        house.photo(format!("{camera}/0001.png"), seed);
    }
    let folders = cameras.map(|camera| house.path(camera));
    let options = ["--subject-from", "photo", "--format", "json"].map(OsStr::new);
    // Two at once, the third later.
    let both: Vec<&OsStr> = folders[..2].iter().map(|path| path.as_os_str()).chain(options).collect();
    house.run("enroll", &both).ends(0);
    let said = house.run("enroll", folders[2..].iter().map(|path| path.as_os_str()).chain(options)).ends(0);
    assert_eq!(said.json()[0]["subjects"], json!(["0001.png (3)"]));
    assert_eq!(names(&house), ["0001.png", "0001.png (2)", "0001.png (3)"]);
    for (seed, name) in (1..).zip(["0001.png", "0001.png (2)", "0001.png (3)"]) {
        let probe = house.photo("probe.png", seed);
        let reply = house.run("identify", [probe.as_os_str(), "--format".as_ref(), "json".as_ref()]).json();
        assert_eq!(reply[0]["matches"][0]["subject"], name);
    }
    let again = house.run("enroll", &both).ends(0).summary();
    assert_eq!((&again["enrolled"], &again["unchanged"]), (&json!(0), &json!(2)));
    house.holds(3);
}

#[test]
fn a_generated_name_never_equals_a_given_name() {
    let house = House::new();
    let photos = [house.photo("photos/Ada", 1), house.photo("Ada.png", 2)];
    house.run("enroll", [photos[1].as_os_str(), "--subject".as_ref(), "Ada".as_ref()]).ends(0);
    let folder = house.path("photos");
    let said = house.run("enroll", [folder.as_os_str(), "--subject-from".as_ref(), "photo".as_ref()]).ends(0);
    assert!(said.out.contains("is enrolled as Ada (2), because Ada is another subject"), "{}", said.out);
    assert_eq!(names(&house), ["Ada", "Ada (2)"]);
}

#[test]
fn folders_with_one_name_are_one_subject() {
    let house = House::new();
    house.photo("monday/Ada/1.png", 1);
    house.photo("tuesday/Ada/2.png", 2);
    let folders = [house.path("monday"), house.path("tuesday")];
    let options = ["--subject-from".as_ref(), "dir".as_ref()];
    house.run("enroll", folders.iter().map(|path| path.as_os_str()).chain(options)).ends(0);
    assert_eq!(names(&house), ["Ada"]);
    house.holds(2);
}

#[test]
fn imports_of_files_with_one_name_are_different_subjects() {
    let house = House::empty();
    house.renew(&["--dimension", "8"]);
    let files = [
        house.write("a/embeddings.npy", &vectors(3, 8, 1)),
        house.write("b/embeddings.npy", &vectors(2, 8, 2)),
    ];
    for _ in 0..2 {
        for file in &files {
            house.run("import", [file]).ends(0);
        }
    }
    let expected = ["embeddings-0", "embeddings-0 (2)", "embeddings-1", "embeddings-1 (2)", "embeddings-2"];
    assert_eq!(names(&house), expected);
    house.holds(5);
}

#[test]
fn a_file_name_that_gives_invalid_names_is_refused() {
    let house = House::empty();
    house.renew(&["--dimension", "8"]);
    let file = house.write("a\u{200b}b.npy", &vectors(3, 8, 1));
    let said = house.run("import", [&file]).ends(1);
    assert!(said.err.contains("U+200B"), "{}", said.err);
    house.holds(0);
}

#[test]
fn names_that_look_the_same_are_one_subject() {
    let house = House::new();
    let (composed, decomposed) = ("Jos\u{e9}", "Jose\u{301}");
    house.photo(format!("people/{composed}/1.png"), 1);
    house.photo(format!("people/{decomposed}/2.png"), 2);
    assert_eq!(house.enroll("people").ends(0).summary()["enrolled"], 2);
    assert_eq!(names(&house), [composed]);
    assert_eq!(house.enroll("people").ends(0).summary()["unchanged"], 2);
    for name in [composed, decomposed] {
        let shown = house.run("subject show", [name, "--format", "json"]).ends(0).json();
        assert_eq!(shown[0]["templates"].as_array().unwrap().len(), 2);
    }
    house.run("subject rename", [decomposed, "Zoe\u{308}"]).ends(0);
    house.run("subject rename", ["Zo\u{eb}", decomposed]).ends(0);
    assert_eq!(names(&house), [composed]);
    let photo = house.photo("a.png", 3);
    house.run("enroll", [photo.as_os_str(), "--subject".as_ref(), "Zo\u{eb}".as_ref()]).ends(0);
    for more in [&[][..], &["--dry-run"]] {
        let said = house.run("subject rename", ["Zo\u{eb}", decomposed].iter().chain(more)).ends(1);
        assert!(said.err.contains("another subject has this name"), "{}", said.err);
    }
    house.run("subject merge", ["Zoe\u{308}", decomposed]).ends(0);
    house.run("subject remove", [decomposed, "--yes"]).ends(0);
    house.holds(0);
}

#[test]
fn a_byte_order_mark_is_not_part_of_a_name() {
    let house = House::empty();
    house.renew(&["--dimension", "8"]);
    let file = house.write("t.npy", &vectors(2, 8, 1));
    let list = house.write("names.txt", "\u{feff}Ada\r\nZoe\u{308}\r\n".as_bytes());
    house.run("import", [file.as_os_str(), "--subjects".as_ref(), list.as_os_str()]).ends(0);
    assert_eq!(names(&house), ["Ada", "Zo\u{eb}"]);
    let list = house.write("names.txt", "Ada\n\u{feff}Zoe\n".as_bytes());
    house.renew(&["--dimension", "8"]);
    let said = house.run("import", [file.as_os_str(), "--subjects".as_ref(), list.as_os_str()]).ends(1);
    assert!(said.err.contains("line 2") && said.err.contains("U+FEFF"), "{}", said.err);
    house.holds(0);
}
