//! The paths of photos with the same bytes.

use std::path::PathBuf;

use gallerist::gallery::Gallery;
use gallerist::image::PhotoHash;
use sha2::{Digest, Sha256};

use crate::program::{House, photo};

fn hash(seed: u64) -> PhotoHash {
    Sha256::digest(photo(seed)).into()
}

/// All paths except the first of the photo with this seed, relative to the folder of the test.
fn others(house: &House, seed: u64) -> Vec<PathBuf> {
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let others = gallery.other_paths(&hash(seed)).unwrap();
    others.into_iter().map(|path| path.strip_prefix(house.path("")).unwrap().to_owned()).collect()
}

/// All paths of that photo. Which one is the first depends on the threads of the first run.
fn all(house: &House, seed: u64) -> Vec<PathBuf> {
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let first = gallery.photo(&hash(seed)).unwrap().unwrap().path;
    drop(gallery);
    let mut all = others(house, seed);
    all.push(first.strip_prefix(house.path("")).unwrap().to_owned());
    all.sort();
    all
}

/// Files of the gallery that contain these bytes.
fn holding(house: &House, bytes: &[u8]) -> usize {
    let files = walkdir::WalkDir::new(house.gallery()).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .filter(|file| std::fs::read(file.path()).unwrap().windows(bytes.len()).any(|at| at == bytes))
        .count()
}

#[test]
fn a_photo_has_all_its_paths() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.photo("people/Ada/same-run.png", 1);
    house.enroll("people").ends(0);
    assert_eq!(all(&house, 1), ["people/Ada/1.png", "people/Ada/same-run.png"].map(PathBuf::from));
    house.photo("more/Ada/later.png", 1);
    for _ in 0..2 {
        let said = house.enroll("more").ends(0);
        assert_eq!(said.summary()["skipped"], serde_json::json!({ "duplicate": 1 }));
        let paths = ["more/Ada/later.png", "people/Ada/1.png", "people/Ada/same-run.png"];
        assert_eq!(all(&house, 1), paths.map(PathBuf::from));
    }
    assert_eq!(house.enroll("people").ends(0).summary()["unchanged"], 1);
    house.holds(1);
}

/// A path may contain the name of a removed subject, while the photo stays.
#[test]
fn the_path_of_a_photo_under_another_name_is_not_stored() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    house.photo("people/Bob/1.png", 1);
    house.photo("people/Bob/2.png", 2);
    house.enroll("people").ends(0);
    assert_eq!(others(&house, 1), [] as [PathBuf; 0]);
    house.run("subject remove", ["Bob", "--yes"]).ends(0);
    house.run("purge", [] as [&str; 0]).ends(0);
    assert_eq!(holding(&house, b"people/Bob"), 0);
    assert!(holding(&house, b"people/Ada") > 0);
}

#[test]
fn no_path_of_a_removed_subject_is_in_a_file_after_a_purge() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.photo("people/Grace/2.png", 2);
    house.enroll("people").ends(0);
    house.photo("elsewhere/Ada/copy.png", 1);
    house.photo("elsewhere/Grace/copy.png", 2);
    house.enroll("elsewhere").ends(0);
    assert!(holding(&house, b"elsewhere/Ada") > 0);
    house.run("subject remove", ["Ada", "--yes"]).ends(0);
    house.run("purge", [] as [&str; 0]).ends(0);
    assert_eq!((holding(&house, b"elsewhere/Ada"), holding(&house, b"people/Ada")), (0, 0));
    assert_eq!(others(&house, 2), [PathBuf::from("elsewhere/Grace/copy.png")]);
    house.holds(1);
}

#[test]
fn paths_survive_export_and_import_and_backup() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    house.photo("people/Ada/copy.png", 1);
    house.enroll("people").ends(0);
    let (out, backup) = (house.path("out"), house.path("backup"));
    house.run("export", ["--out".as_ref(), out.as_os_str()]).ends(0);
    house.run("backup", [&backup]).ends(0);
    let again = House::new();
    for _ in 0..2 {
        again.run("import", [&out]).ends(0);
        let gallery = Gallery::open(&again.gallery()).unwrap();
        assert_eq!(gallery.other_paths(&hash(1)).unwrap(), [house.path("people/Ada/copy.png")]);
    }
    let restored = house.path("restored");
    crate::program::gallerist(["restore".as_ref(), backup.as_os_str(), restored.as_os_str()]).ends(0);
    let gallery = Gallery::open(&restored).unwrap();
    assert_eq!(gallery.other_paths(&hash(1)).unwrap(), [house.path("people/Ada/copy.png")]);
    assert!(gallery.check(true).unwrap().is_sound());
}
