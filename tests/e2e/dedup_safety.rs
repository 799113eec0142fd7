//! What `dedup apply` and `dedup undo` refuse, so that no photo and no journal is lost.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::dedup::{Photos, face};
use crate::program::{Said, command};

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

/// Runs `dedup undo` with these words.
fn undo(photos: &Photos, words: &[&Path]) -> Said {
    let mut command = command(["dedup", "undo"]);
    Said::of(command.args(words).env("XDG_DATA_HOME", photos.house.path("data")).output().unwrap())
}

#[test]
fn a_run_is_undone_by_a_folder_of_its_plan_a_quarantine_or_its_own_folder() {
    let photos = copies(2);
    let before = photos.tree();
    let quarantine = photos.root().join(".gallerist-quarantine");
    for action in ["quarantine", "trash", "hardlink"] {
        for way in 0..3 {
            photos.run("apply", &["--yes", "--action", action]).ends(0);
            let run = fs::read_dir(&quarantine).unwrap().next().unwrap().unwrap().path();
            undo(&photos, &[&[photos.root(), quarantine.clone(), run][way]]).ends(0);
            assert!(photos.tree() == before, "{action} {way}");
        }
    }
    let said = undo(&photos, &[&photos.root()]).ends(1);
    assert!(said.err.contains("there is no run that can be undone"), "{}", said.err);
}

#[test]
fn a_run_is_undone_after_its_folder_was_renamed() {
    for more in [&[][..], &["--action", "trash"], &["--action", "hardlink"], &["--quarantine", "inside"]] {
        let photos = copies(2);
        let before = photos.tree();
        let inside = photos.root().join("inside");
        let more: Vec<&str> =
            more.iter().map(|&word| if word == "inside" { inside.to_str().unwrap() } else { word }).collect();
        let is_inside = more.contains(&"--quarantine");
        photos.run("apply", &[&more[..], &["--yes"]].concat()).ends(0);
        let renamed = photos.house.path("renamed");
        fs::rename(photos.root(), &renamed).unwrap();
        let said = photos.run("undo", &[]).ends(1);
        assert!(said.err.contains("is not there: if it was renamed, name the new folder"), "{}", said.err);
        undo(&photos, &[&renamed]).ends(0);
        fs::rename(&renamed, photos.root()).unwrap();
        if is_inside {
            fs::remove_dir(&inside).unwrap();
            assert!(photos.tree().keys().eq(before.keys()));
        } else {
            assert!(photos.tree() == before, "{more:?}");
        }
        let info = photos.house.path("data/Trash/info");
        assert!(fs::read_dir(info).map_or(0, Iterator::count) == 0, "no description is left in the trash");
    }
}

#[test]
fn undo_finds_a_quarantine_that_was_named() {
    let photos = copies(2);
    let before = photos.tree();
    let dups = photos.root().join("dups");
    let outside = photos.house.path("outside");
    for folder in [&dups, &outside] {
        for by_plan in [true, false] {
            photos.run("apply", &["--yes", "--quarantine", folder.to_str().unwrap()]).ends(0);
            // A second application elsewhere would divide the run.
            let other = photos.house.path("other");
            let said = photos.run("apply", &["--yes", "--quarantine", other.to_str().unwrap()]).ends(1);
            assert!(said.err.contains("applied with this quarantine"), "{}", said.err);
            // The next plan does not search it.
            let mut words = photos.words("plan", &["--format", "json"]);
            let out = words.iter().position(|word| word.ends_with("plan.json")).unwrap();
            words[out] = photos.house.path("next.json").to_str().unwrap().to_owned();
            let said = Said::of(command(words).output().unwrap()).ends(0);
            assert_eq!(said.json()[0]["counts"]["photos"], 2);
            match by_plan {
                true => photos.run("undo", &[]),
                false => undo(&photos, &[&photos.root()]),
            }
            .ends(0);
            let _ = fs::remove_dir(&dups);
            assert!(photos.tree().keys().eq(before.keys()));
        }
    }
}

#[test]
fn several_runs_are_listed_and_each_can_be_undone() {
    let photos = copies(2);
    let before = photos.tree();
    photos.run("apply", &["--yes"]).ends(0);
    for name in ["kept/new.jpg", "more/new.jpg"] {
        photos.write(name, &face("003", "smiling.jpg"));
    }
    // A plan that was applied is not replaced.
    let said = photos.run("plan", &[]).ends(1);
    assert!(said.err.contains("is a plan that was applied"), "{}", said.err);
    fs::rename(photos.house.path("plan.json"), photos.house.path("first.json")).unwrap();
    photos.plan(&[]);
    let said = photos.run("undo", &[]).ends(1);
    assert!(said.err.contains("this plan was not applied"), "{}", said.err);
    assert!(said.err.contains("gallerist dedup undo /"), "the run of the other plan is named: {}", said.err);
    photos.run("apply", &["--yes"]).ends(0);
    let said = undo(&photos, &[&photos.root()]).ends(1);
    assert!(said.err.contains("there are several runs"), "{}", said.err);
    let quarantine = photos.root().join(".gallerist-quarantine");
    let runs: Vec<PathBuf> = fs::read_dir(&quarantine).unwrap().map(|run| run.unwrap().path()).collect();
    for run in &runs {
        assert!(said.err.contains(run.file_name().unwrap().to_str().unwrap()), "{}", said.err);
        undo(&photos, &[run]).ends(0);
    }
    fs::remove_file(photos.root().join("kept/new.jpg")).unwrap();
    fs::remove_dir_all(photos.root().join("more")).unwrap();
    assert!(photos.tree().keys().eq(before.keys()));
}

#[test]
fn undo_lists_what_was_deleted_and_what_was_altered_in_the_quarantine() {
    let photos = copies(3);
    photos.run("apply", &["--yes"]).ends(0);
    let quarantine = photos.root().join(".gallerist-quarantine");
    let files = fs::read_dir(&quarantine).unwrap().next().unwrap().unwrap().path().join("files/copies");
    fs::remove_file(files.join("001.jpg")).unwrap();
    fs::write(files.join("003.jpg"), b"altered").unwrap();
    let said = photos.run("undo", &[]).ends(1);
    let lines: Vec<&str> = said.out.lines().collect();
    let has = |beginning: &str, name: &str| {
        lines.iter().any(|line| line.starts_with(beginning) && line.contains(name))
    };
    assert!(has("left alone", "copies/001.jpg") && has("altered", "copies/003.jpg"), "{}", said.out);
    assert!(said.out.contains("2 files moved back"), "{}", said.out);
    assert_eq!(fs::read(photos.root().join("copies/003.jpg")).unwrap(), b"altered");
}

#[test]
fn a_file_as_quarantine_is_refused() {
    let photos = copies(1);
    let file = photos.house.write("x.jpg", b"photo");
    for verb in ["apply", "undo"] {
        let said = photos.run(verb, &["--quarantine", file.to_str().unwrap()]).ends(1);
        assert!(said.err.contains("a folder is expected as quarantine"), "{}", said.err);
    }
}

#[test]
fn a_reference_shares_its_inode_with_no_copy() {
    let photos = Photos::new();
    for name in ["archive/1.jpg", "a.jpg", "b.jpg"] {
        photos.write(name, &face("001", "neutral.jpg"));
    }
    let archive = photos.root().join("archive");
    photos.plan(&["--reference", archive.to_str().unwrap()]);
    let before = photos.tree();
    let said = photos.run("apply", &["--yes", "--action", "hardlink"]).ends(1);
    assert!(said.out.contains("only in a reference folder"), "{}", said.out);
    assert!(photos.tree() == before);
    photos.run("apply", &["--yes"]).ends(0);
    assert!(archive.join("1.jpg").exists() && !photos.root().join("a.jpg").exists());
}

#[test]
fn a_plan_without_photos_says_why_and_names_no_next_step() {
    let photos = Photos::new();
    let said = photos.run("plan", &[]).ends(3);
    assert!(said.out.contains("no photo was compared") && !said.out.contains("next:"), "{}", said.out);
    photos.write("a.jpg", &face("001", "neutral.jpg"));
    let said = photos.run("plan", &[]).ends(0);
    assert!(!said.out.contains("next:"), "{}", said.out);
}

#[test]
fn files_that_were_not_compared_are_named() {
    let photos = Photos::new();
    let photo = face("001", "neutral.jpg");
    photos.write("a.jpg", &photo);
    for number in 0..12 {
        photos.write(&format!("cut{number:02}.jpg"), &photo[..3000 + number]);
    }
    let said = photos.run("plan", &["--max-file", "1000"]).ends(3);
    assert!(said.out.contains("cut00.jpg") && said.out.contains("too_large"), "{}", said.out);
    let said = photos.run("plan", &["--max-pixels", "1K"]).ends(0);
    assert!(said.out.contains("max_pixels") && said.out.contains("a.jpg"), "{}", said.out);
    let said = photos.run("plan", &[]).ends(0);
    assert!(
        said.out.contains("cut09.jpg") && !said.out.contains("cut10.jpg") && !said.out.contains("a.jpg"),
        "{}",
        said.out
    );
    assert!(said.out.contains("and 2 more; "), "{}", said.out);
}

#[test]
fn a_named_quarantine_that_is_gone_is_reported() {
    let photos = copies(1);
    let outside = photos.house.path("outside");
    photos.run("apply", &["--yes", "--quarantine", outside.to_str().unwrap()]).ends(0);
    let moved = photos.house.path("moved");
    fs::rename(&outside, &moved).unwrap();
    let said = photos.run("undo", &[]).ends(1);
    assert!(said.out.contains("the quarantine is not there"), "{}", said.out);
    undo(&photos, &[&moved]).ends(0);
    assert!(photos.root().join("copies/001.jpg").exists());
    assert!(!photos.root().join(".gallerist-quarantine").exists());
}

#[test]
fn a_journal_of_an_earlier_version_is_undone_after_its_folder_was_renamed() {
    let photos = copies(2);
    photos.run("apply", &["--yes"]).ends(0);
    let quarantine = photos.root().join(".gallerist-quarantine");
    let run = fs::read_dir(&quarantine).unwrap().next().unwrap().unwrap().path();
    let path = run.join("journal.json");
    let mut journal: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let fields = journal.as_object_mut().unwrap();
    assert!(fields.remove("root").is_some() && fields.remove("run").is_some());
    fields.insert("version".into(), 2.into());
    fs::write(&path, journal.to_string()).unwrap();
    let renamed = photos.house.path("renamed");
    fs::rename(photos.root(), &renamed).unwrap();
    undo(&photos, &[&renamed]).ends(0);
    assert!(renamed.join("copies/003.jpg").exists() && !renamed.join(".gallerist-quarantine").exists());
}

#[test]
fn a_changed_journal_moves_nothing_from_or_to_other_places() {
    let photos = copies(1);
    photos.run("apply", &["--yes"]).ends(0);
    let run = fs::read_dir(photos.root().join(".gallerist-quarantine")).unwrap().next().unwrap().unwrap();
    let path = run.path().join("journal.json");
    let journal = fs::read_to_string(&path).unwrap();
    let from = photos.root().join("copies/001.jpg");
    let changed =
        journal.replacen(from.to_str().unwrap(), photos.root().join("../escaped.jpg").to_str().unwrap(), 1);
    assert!(changed != journal);
    fs::write(&path, changed).unwrap();
    let said = photos.run("undo", &[]).ends(1);
    assert!(said.out.contains("which is no place of this run"), "{}", said.out);
    assert!(!photos.house.path("escaped.jpg").exists());
}
