//! Photos that were deleted, moved or edited after their faces were stored.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use gallerist::gallery::{Gallery, Name};
use serde_json::Value;

use crate::decision::run;
use crate::people::subjects;
use crate::program::{House, faces};

/// Faces of equal pictures only are clustered, so every photo is a person.
const ASSIGN: &str = "--photos @photos --assign --min-faces 1 --threshold 0.9999";

/// A gallery of the first photos of the set, `photos/001.jpg` and so on, in which the subject of each is named after its file.
fn library(photos: usize) -> House {
    let house = House::new();
    let mut people: Vec<_> = fs::read_dir(faces()).unwrap().map(|entry| entry.unwrap().path()).collect();
    people.sort();
    for person in people.into_iter().filter(|path| path.is_dir()).take(photos) {
        let name = person.file_name().unwrap().to_str().unwrap();
        let photo = fs::read(person.join("neutral.jpg")).unwrap();
        house.write(format!("photos/{name}.jpg"), &photo);
    }
    run(&house, "cluster", ASSIGN).ends(0);
    for (name, paths) in subjects(&house) {
        assert_eq!(paths.len(), 1, "{name}: {paths:?}");
        let file = Path::new(&paths[0]).file_stem().unwrap().to_str().unwrap();
        house.run("subject rename", [name.as_str(), &format!("Person of {file}")]).ends(0);
    }
    assert_eq!(subjects(&house).len(), photos);
    house
}

/// The files of each subject, below the folder of the test.
fn named(house: &House) -> BTreeMap<String, Vec<String>> {
    let below = |path: String| {
        let path = Path::new(&path).strip_prefix(house.path("")).unwrap();
        path.to_string_lossy().into_owned()
    };
    let of = subjects(house).into_iter();
    of.map(|(name, paths)| (name, paths.into_iter().map(below).collect())).collect()
}

/// The summary of a run, and the photos that it lists.
#[track_caller]
fn prune(house: &House, words: &str) -> (Value, Vec<Value>) {
    let mut lines = run(house, "prune", &format!("--photos @photos --format json {words}")).ends(0).json();
    let summary = lines.pop().unwrap();
    assert_eq!(summary["event"], "pruned");
    (summary, lines)
}

fn counts(summary: &Value) -> [u64; 7] {
    ["present", "moved", "deleted", "changed", "faces", "kept", "unreachable"]
        .map(|name| summary[name].as_u64().unwrap())
}

fn move_photo(house: &House, from: &str, to: &str) {
    let (from, to) = (house.path(from), house.path(to));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(from, to).unwrap();
}

/// Changes the bytes of a photo, and not its picture: a comment in the JPEG file.
fn comment(house: &House, path: &str) {
    let bytes = fs::read(house.path(path)).unwrap();
    let (start, rest) = bytes.split_at(2);
    house.write(path, &[start, b"\xff\xfe\x00\x08rating", rest].concat());
}

/// Puts the photo of somebody else in the place of one.
fn edit(house: &House, path: &str) {
    house.write(path, &fs::read(faces().join("020/neutral.jpg")).unwrap());
}

/// Takes the range from the entry that `prune` gave back.
fn undo(house: &House, summary: &Value) {
    let [first, last] = [0, 1].map(|at| summary["journal_ids"][at].as_i64().unwrap());
    run(house, "undo", &format!("--entry {first}-{last}")).ends(0);
}

fn removed(house: &House) -> u64 {
    run(house, "stats", "--format json").ends(0).json()[0]["sizes"]["removed"].as_u64().unwrap()
}

#[test]
fn a_moved_photo_keeps_its_name_and_the_faces_of_deleted_and_edited_ones_go() {
    let house = library(6);
    let before = named(&house);
    // `dedup apply` moves copies there.
    move_photo(&house, "photos/001.jpg", "photos/.gallerist-quarantine/001.jpg");
    move_photo(&house, "photos/003.jpg", "photos/album/renamed.jpg");
    edit(&house, "photos/004.jpg");
    let said = run(&house, "cluster", ASSIGN).ends(0);
    let told = "1 photo of the gallery not there any more, 1 changed; `gallerist prune`";
    assert!(said.out.contains(told), "{}", said.out);
    let now = named(&house);
    assert_eq!((now["Person of 004"].len(), now.len()), (1, 7), "{now:?}");

    let (preview, listed) = prune(&house, "");
    assert_eq!(counts(&preview), [5, 1, 1, 1, 2, 0, 0], "{preview}");
    assert_eq!((&preview["dry_run"], &preview["journal_ids"]), (&true.into(), &Value::Null));
    assert_eq!(preview["subjects_gone"], serde_json::json!(["Person of 001", "Person of 004"]));
    let reasons: Vec<_> =
        listed.iter().map(|one| (one["reason"].as_str(), one["subjects"].clone())).collect();
    assert!(reasons.contains(&(Some("deleted"), serde_json::json!(["Person of 001"]))), "{listed:?}");
    assert!(reasons.contains(&(Some("changed"), serde_json::json!(["Person of 004"]))), "{listed:?}");
    assert_eq!((named(&house), listed.len()), (now.clone(), 2), "a dry run changes nothing");
    let said = run(&house, "prune", "--photos @photos").ends(0);
    for expected in
        ["gone ", "changed ", "1 photo gone and 1 changed: 2 faces would be removed", "--yes does it"]
    {
        assert!(said.out.contains(expected), "{expected}: {}", said.out);
    }

    let removed_before = removed(&house);
    let (done, _) = prune(&house, "--yes");
    assert_eq!(counts(&done), counts(&preview));
    let after = named(&house);
    assert_eq!(after["Person of 003"], ["photos/album/renamed.jpg"]);
    assert!(after.values().any(|paths| *paths == ["photos/004.jpg"]), "{after:?}");
    assert!(!after.contains_key("Person of 001") && after.len() == 5, "{after:?}");
    assert_eq!(removed(&house), removed_before + 2);
    house.holds(5);
    // Nothing is left to do, for either command.
    let history = run(&house, "subject history", "").ends(0).out;
    let said = run(&house, "cluster", ASSIGN).ends(0);
    assert!(!said.out.contains("any more") && said.out.contains("5 faces in 5 clusters"), "{}", said.out);
    assert_eq!(counts(&prune(&house, "--yes").0), [5, 0, 0, 0, 0, 0, 0]);
    assert_eq!((named(&house), run(&house, "subject history", "").ends(0).out), (after.clone(), history));

    undo(&house, &done);
    let back = named(&house);
    assert_eq!(back["Person of 001"], before["Person of 001"]);
    assert_eq!((back["Person of 004"].len(), back.len()), (1, 7));
    house.holds(7);
    let (done, _) = prune(&house, "--yes");
    assert_eq!(named(&house), after);

    let said = run(&house, "purge", "").ends(0);
    assert!(said.out.contains("erased "), "{}", said.out);
    assert_eq!(removed(&house), 0);
    house.holds(5);
    let first = done["journal_ids"][0].to_string();
    let said = run(&house, "undo", &format!("--entry {first}")).ends(1);
    assert!(said.err.contains("was removed"), "{}", said.err);
    for file in walkdir::WalkDir::new(house.gallery()).into_iter().map(Result::unwrap) {
        if file.file_type().is_file() {
            let bytes = fs::read(file.path()).unwrap();
            for gone in ["Person of 001", "photos/001.jpg"] {
                let is_there = bytes.windows(gone.len()).any(|at| at == gone.as_bytes());
                assert!(!is_there, "{gone} in {}", file.path().display());
            }
        }
    }
}

/// A gallery of two people, of whom a user has corrected a face each: a rejected one, which is unknown now, and one that was moved by hand.
fn corrected() -> House {
    let house = library(5);
    let id = |name: &str| {
        let gallery = Gallery::open(&house.gallery()).unwrap();
        let subject = gallery.subject(name).unwrap();
        gallery.templates_of(&subject).unwrap()[0].id.to_string()
    };
    house.run("subject move", ["--template", &id("Person of 004"), "--to", "Person of 003"]).ends(0);
    house.run("subject merge", ["Person of 005", "Person of 006"]).ends(0);
    house.run("subject reject", ["Person of 006", "--template", &id("Person of 006")]).ends(0);
    house
}

/// The paths of the rejected faces, and those of each subject.
fn said(house: &House) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let rejected = gallery.rejections().unwrap();
    let mut paths: Vec<String> = rejected
        .iter()
        .filter_map(|(template, _)| gallery.face_of(template).unwrap()?.path)
        .map(|path| path.strip_prefix(house.path("")).unwrap().display().to_string())
        .collect();
    paths.sort();
    drop(gallery);
    (paths, named(house))
}

#[test]
fn a_change_of_the_metadata_keeps_names_and_corrections() {
    let house = corrected();
    let before = said(&house);
    assert!(before.0.len() == 2 && before.1["Person of 003"].len() == 2, "{before:?}");
    let photos = ["001", "003", "004", "005", "006"].map(|name| format!("photos/{name}.jpg"));
    photos.iter().for_each(|photo| comment(&house, photo));
    for _ in 0..2 {
        let text = run(&house, "cluster", "--photos @photos --assign --threshold 0.9999").ends(0).out;
        assert!(!text.contains("any more"), "{text}");
        assert_eq!(said(&house), before);
        assert_eq!(counts(&prune(&house, "--yes").0), [5, 0, 0, 0, 0, 0, 0]);
        assert_eq!(said(&house), before);
    }
    house.holds(4);
    // Undoing what was said before still works.
    run(&house, "undo", "").ends(0);
    assert_eq!(said(&house).0.len(), 1);
}

#[test]
fn prune_leaves_edited_photos_until_they_are_read() {
    let house = corrected();
    let before = said(&house);
    comment(&house, "photos/001.jpg");
    comment(&house, "photos/004.jpg");
    edit(&house, "photos/003.jpg");
    let (summary, _) = prune(&house, "--yes");
    assert_eq!((counts(&summary), &summary["unread"]), ([2, 0, 0, 0, 0, 0, 0], &3.into()));
    let text = run(&house, "prune", "--photos @photos").ends(0).out;
    assert!(text.contains("3 photos changed and not read since"), "{text}");
    assert_eq!(said(&house), before);
    run(&house, "cluster", "--photos @photos").ends(0);
    assert_eq!(said(&house), before, "the edited photo has a new face without a name");
    let (summary, listed) = prune(&house, "--yes");
    assert_eq!((counts(&summary), listed.len()), ([5, 0, 0, 1, 1, 0, 0], 1));
    assert_eq!(said(&house).1["Person of 003"], ["photos/004.jpg"]);
    house.holds(3);
}

#[test]
fn a_photo_with_an_unchanged_copy_keeps_its_content() {
    let house = library(2);
    house.write("photos/copy.jpg", &fs::read(house.path("photos/001.jpg")).unwrap());
    run(&house, "cluster", ASSIGN).ends(0);
    comment(&house, "photos/001.jpg");
    run(&house, "cluster", "--photos @photos").ends(0);
    assert_eq!(counts(&prune(&house, "--yes").0), [3, 1, 0, 0, 0, 0, 0]);
    assert_eq!(named(&house)["Person of 001"], ["photos/copy.jpg"]);
    house.holds(2);
}

#[test]
fn photos_of_a_folder_that_is_empty_now_get_their_new_path_too() {
    let house = library(3);
    move_photo(&house, "photos/001.jpg", "photos/album/1.jpg");
    assert_eq!(counts(&prune(&house, "--yes").0), [3, 1, 0, 0, 0, 0, 0]);
    // The empty folder may be one in which a disk was mounted, so its path stays.
    move_photo(&house, "photos/album/1.jpg", "photos/new/1.jpg");
    assert_eq!(counts(&prune(&house, "--yes").0), [3, 1, 0, 0, 0, 0, 0]);
    assert_eq!(named(&house)["Person of 001"], ["photos/new/1.jpg"]);
    assert_eq!(counts(&prune(&house, "--yes").0), [3, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn an_unplugged_disk_removes_nothing() {
    let house = library(4);
    for name in ["001", "003"] {
        move_photo(&house, &format!("photos/{name}.jpg"), &format!("photos/disk/{name}.jpg"));
    }
    run(&house, "cluster", ASSIGN).ends(0);
    assert_eq!(counts(&prune(&house, "--yes").0), [4, 2, 0, 0, 0, 0, 0]);
    let (before, history) = (named(&house), run(&house, "subject history", "").ends(0).out);
    let unchanged = || {
        assert_eq!(named(&house), before);
        assert_eq!(run(&house, "subject history", "").ends(0).out, history);
    };

    // A disk below the folder, of which the empty folder remains, or the link to it.
    fs::rename(house.path("photos/disk"), house.path("elsewhere")).unwrap();
    fs::create_dir(house.path("photos/disk")).unwrap();
    let (summary, listed) = prune(&house, "--yes");
    assert_eq!((counts(&summary), listed.len()), ([2, 0, 0, 0, 0, 0, 2], 0));
    assert_eq!(summary["unreachable_paths"][0], house.path("photos/disk").to_str().unwrap());
    assert!(!run(&house, "cluster", ASSIGN).ends(0).out.contains("any more"));
    fs::remove_dir(house.path("photos/disk")).unwrap();
    house.link(Path::new("/nowhere/at/all"), "photos/disk");
    assert_eq!(counts(&prune(&house, "--yes").0), [2, 0, 0, 0, 0, 0, 2]);
    unchanged();

    // The whole folder.
    fs::remove_file(house.path("photos/disk")).unwrap();
    fs::rename(house.path("photos"), house.path("more")).unwrap();
    for words in ["--photos @photos --yes", "--photos @photos"] {
        let said = run(&house, "prune", words).ends(1);
        assert!(said.err.contains("expected a folder of photos that can be read"), "{}", said.err);
    }
    fs::create_dir(house.path("photos")).unwrap();
    assert_eq!(counts(&prune(&house, "--yes").0), [0, 0, 0, 0, 0, 0, 4]);
    // Another disk in its place.
    house.photo("photos/other.png", 1);
    let said = run(&house, "prune", "--photos @photos --yes").ends(1);
    assert!(said.err.contains("none of the photos of the gallery is there"), "{}", said.err);
    unchanged();
    house.holds(4);
}

#[test]
fn links_and_spellings_of_the_folder_are_the_same_folder() {
    let house = library(4);
    house.link(&house.path("photos"), "link");
    fs::remove_file(house.path("photos/001.jpg")).unwrap();
    let before = named(&house);
    for folder in ["@link", "@photos/../link/", "@photos/."] {
        let said = run(&house, "prune", &format!("--photos {folder} --format json")).ends(0).json();
        assert_eq!(counts(said.last().unwrap()), [3, 0, 1, 0, 1, 0, 0], "{folder}");
    }
    // Photos of other folders are not concerned.
    house.photo("others/1.png", 1);
    run(&house, "cluster", "--photos @others").ends(0);
    fs::remove_file(house.path("others/1.png")).unwrap();
    assert_eq!(counts(&prune(&house, "").0), [3, 0, 1, 0, 1, 0, 0]);
    // A copy elsewhere keeps the faces of a photo.
    house.write("copy/002.jpg", &fs::read(house.path("photos/003.jpg")).unwrap());
    run(&house, "cluster", "--photos @copy").ends(0);
    fs::remove_file(house.path("photos/003.jpg")).unwrap();
    let (summary, _) = prune(&house, "--yes");
    assert_eq!(counts(&summary), [2, 1, 1, 0, 1, 0, 0], "{summary}");
    let after = named(&house);
    assert_eq!(after["Person of 003"], ["copy/002.jpg"]);
    assert_eq!(after.len(), before.len() - 1);
}

#[test]
fn faces_that_were_enrolled_with_a_name_stay_unless_asked() {
    let house = library(3);
    let photo = house.photo("photos/ada.png", 1);
    house.run("enroll", ["--subject".as_ref(), "Ada".as_ref(), photo.as_os_str()]).ends(0);
    fs::remove_file(photo).unwrap();
    fs::remove_file(house.path("photos/001.jpg")).unwrap();
    let (summary, listed) = prune(&house, "--yes");
    assert_eq!(counts(&summary), [2, 0, 1, 0, 1, 1, 0]);
    assert_eq!(listed.iter().filter(|one| one["kept"] == true).count(), 1);
    assert!(named(&house).contains_key("Ada"));
    let said = run(&house, "prune", "--photos @photos").ends(0);
    assert!(said.out.contains("--enrolled removes them"), "{}", said.out);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    gallery.set_list(&Name::new("vip").unwrap(), &[gallery.subject("Ada").unwrap().id]).unwrap();
    drop(gallery);
    let listed = || Gallery::open(&house.gallery()).unwrap().list("vip").unwrap().len();
    let (summary, _) = prune(&house, "--enrolled --yes");
    assert_eq!(
        (counts(&summary), &summary["subjects_gone"]),
        ([2, 0, 1, 0, 1, 0, 0], &serde_json::json!(["Ada"]))
    );
    assert!(!named(&house).contains_key("Ada") && listed() == 0);
    undo(&house, &summary);
    assert!(named(&house).contains_key("Ada") && listed() == 1, "also on its lists");
}

#[test]
fn a_photo_that_is_there_again_has_its_faces_again() {
    let house = library(4);
    let before = named(&house);
    let photo = fs::read(house.path("photos/001.jpg")).unwrap();
    fs::remove_file(house.path("photos/001.jpg")).unwrap();
    let (done, _) = prune(&house, "--yes");
    let unknown = || Gallery::open(&house.gallery()).unwrap().unknown_faces_after(0, 10).unwrap().len();
    assert_eq!((named(&house).len(), unknown()), (3, 0));
    house.write("photos/001.jpg", &photo);
    let said = run(&house, "cluster", "--photos @photos --format json").ends(0);
    assert_eq!(
        (said.summary()["unchanged"].as_u64(), said.summary()["templates"].as_u64()),
        (Some(4), Some(0))
    );
    assert_eq!(unknown(), 1);
    undo(&house, &done);
    assert_eq!((named(&house), unknown()), (before, 0));
    // A generated name that comes back is not given to somebody else.
    house.run("subject rename", ["Person of 001", "Person 7"]).ends(0);
    fs::remove_file(house.path("photos/001.jpg")).unwrap();
    let (done, _) = prune(&house, "--yes");
    house.photo("photos/new.png", 1);
    run(&house, "cluster", ASSIGN).ends(0);
    assert_eq!(named(&house)["Person 8"], ["photos/new.png"]);
    undo(&house, &done);
    assert_eq!(named(&house)["Person 7"], ["photos/001.jpg"]);
    house.holds(5);
}

#[test]
fn a_killed_run_leaves_a_sound_gallery_and_is_completed_by_the_next_one() {
    let house = library(8);
    let whole = house.path("whole");
    for name in ["001", "003", "004", "005"] {
        fs::remove_file(house.path(format!("photos/{name}.jpg"))).unwrap();
    }
    crate::catalog::copy(&house.gallery(), &whole);
    for delay in 0..12 {
        fs::remove_dir_all(house.gallery()).unwrap();
        crate::catalog::copy(&whole, &house.gallery());
        let photos = house.path("photos");
        let mut child = house
            .command("prune", ["--photos".as_ref(), photos.as_os_str(), "--yes".as_ref()])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay * 6));
        child.kill().ok();
        child.wait().unwrap();
        let left = named(&house).len() as u64;
        assert!((4..=8).contains(&left), "{left}");
        house.holds(left);
        prune(&house, "--yes");
        assert_eq!(named(&house).len(), 4);
        house.holds(4);
    }
}

#[test]
fn photos_that_all_changed_are_not_taken_for_a_disk_that_is_not_mounted() {
    let house = library(3);
    for name in ["001", "003", "004"] {
        comment(&house, &format!("photos/{name}.jpg"));
    }
    let before = named(&house);
    for words in ["--photos @photos --yes", "--photos @photos"] {
        let said = run(&house, "prune", words).ends(0);
        assert!(said.out.contains("3 photos changed and not read since"), "{}", said.out);
    }
    assert_eq!(named(&house), before);
    run(&house, "cluster", ASSIGN).ends(0);
    assert_eq!(counts(&prune(&house, "--yes").0), [3, 0, 0, 0, 0, 0, 0]);
    assert_eq!(named(&house), before);
}
