//! What `dedup apply` and `dedup undo` refuse, so that no photo and no journal is lost.

use std::fs;
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
