//! What `dedup apply` and `dedup undo` refuse, so that no photo and no journal is lost.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use crate::dedup::{Photos, face};

/// Photos with copies: `kept/N.jpg` and `copies/N.jpg`.
fn copies(count: usize) -> Photos {
    let photos = Photos::new();
    let people = ["001", "003", "004", "005", "006", "008"];
    for person in people.iter().take(count) {
        for folder in ["kept", "copies"] {
            photos.write(&format!("{folder}/{person}.jpg"), &face(person, "neutral.jpg"));
        }
    }
    let kept = format!("folder:{}", photos.root().join("kept").display());
    photos.plan(&["--keep", &kept]);
    photos
}

#[test]
fn a_second_run_in_the_same_folder_is_refused_before_anything_changes() {
    let photos = copies(2);
    let before = photos.tree();
    let folder = fs::File::open(photos.root()).unwrap();
    folder.lock().unwrap();
    let said = photos.run("apply", &["--yes"]).ends(1);
    assert!(said.err.contains("another process applies or undoes a plan here"), "{}", said.err);
    assert!(photos.tree() == before);
    // A dry run changes nothing, so it does not wait.
    photos.run("apply", &[]).ends(0);
    folder.unlock().unwrap();
    photos.run("apply", &["--yes"]).ends(0);
    let applied = photos.tree();
    folder.lock().unwrap();
    photos.run("undo", &[]).ends(1);
    assert!(photos.tree() == applied);
    folder.unlock().unwrap();
    photos.run("undo", &[]).ends(0);
    assert!(photos.tree() == before);
}

#[test]
fn two_runs_at_once_leave_a_journal_that_can_be_undone() {
    for _ in 0..5 {
        let photos = copies(6);
        let before = photos.tree();
        let start = || {
            let mut command = photos.command("apply", &["--yes"]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let runs = [start(), start(), start()];
        for mut run in runs {
            run.wait().unwrap();
        }
        assert!(!photos.root().join("copies/001.jpg").exists());
        photos.run("undo", &[]).ends(0);
        assert!(photos.tree() == before);
    }
}

#[test]
fn a_run_that_is_repeated_without_success_keeps_the_journal() {
    let photos = copies(1);
    photos.run("apply", &["--yes"]).ends(0);
    let kept = photos.root().join("kept/001.jpg");
    let aside = photos.house.path("aside.jpg");
    fs::rename(&kept, &aside).unwrap();
    photos.run("apply", &["--yes"]).ends(1);
    fs::rename(&aside, &kept).unwrap();
    photos.run("undo", &[]).ends(0);
    assert!(photos.root().join("copies/001.jpg").exists());
}

#[test]
fn a_kept_photo_that_became_a_link_to_its_copy_keeps_the_copy() {
    let photos = copies(1);
    let [kept, copy] = ["kept/001.jpg", "copies/001.jpg"].map(|name| photos.root().join(name));
    fs::remove_file(&kept).unwrap();
    symlink("../copies/001.jpg", &kept).unwrap();
    for action in ["quarantine", "trash", "hardlink"] {
        let said = photos.run("apply", &["--yes", "--action", action]).ends(1);
        assert!(said.out.contains("it is a link to") && said.out.contains("copies stay"), "{}", said.out);
        assert!(copy.is_file() && kept.is_symlink());
    }
    // The same for the folder of the kept photo, and for that of the copy.
    for (real, link) in [("copies", "kept"), ("kept", "copies")] {
        let photos = copies(1);
        fs::remove_dir_all(photos.root().join(link)).unwrap();
        symlink(real, photos.root().join(link)).unwrap();
        let said = photos.run("apply", &["--yes"]).ends(1);
        assert!(said.out.contains("it is a link to"), "{}", said.out);
        assert!(photos.root().join(real).join("001.jpg").is_file());
    }
}

#[test]
fn a_kept_photo_that_became_a_hard_link_of_its_copy_stays() {
    let photos = copies(1);
    let [kept, copy] = ["kept/001.jpg", "copies/001.jpg"].map(|name| photos.root().join(name));
    fs::remove_file(&kept).unwrap();
    fs::hard_link(&copy, &kept).unwrap();
    photos.run("apply", &["--yes"]).ends(0);
    assert!(!copy.exists());
    assert_eq!(fs::read(&kept).unwrap(), face("001", "neutral.jpg"));
}

#[test]
fn a_plan_with_a_path_that_leads_upwards_is_refused() {
    let photos = copies(1);
    let path = photos.house.path("plan.json");
    let plan = fs::read_to_string(&path).unwrap();
    let changed = plan.replace("/kept/001.jpg", "/kept/../copies/001.jpg");
    assert!(changed != plan);
    fs::write(&path, changed).unwrap();
    let said = photos.run("apply", &["--yes"]).ends(1);
    assert!(said.err.contains("contains `..`"), "{}", said.err);
    assert!(photos.root().join("copies/001.jpg").exists());
}
