//! What becomes of copies: quarantine, trash, links, clones; each with undo, and killed at several moments.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::dedup::{Photos, face};
use crate::program::gallerist;

/// The groups of paths that are names of one file.
fn linked(photos: &Photos) -> BTreeSet<BTreeSet<PathBuf>> {
    let mut names: BTreeMap<u64, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in photos.tree().into_keys().filter(|path| path.is_file()) {
        names.entry(fs::metadata(&path).unwrap().ino()).or_default().insert(path);
    }
    names.into_values().collect()
}

fn inode(photos: &Photos, name: &str) -> u64 {
    fs::metadata(photos.root().join(name)).unwrap().ino()
}

/// A photo with an old time.
fn write(photos: &Photos, name: &str, person: &str, seconds: u64) -> PathBuf {
    let path = photos.write(name, &face(person, "neutral.jpg"));
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(time).set_accessed(time)).unwrap();
    path
}

/// Runs a test of this file where files can be cloned. Returns `true` in the run that is there.
fn where_files_can_be_cloned(test: &str) -> bool {
    const INSIDE: &str = "GALLERIST_TEST_CLONES";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clone_disk");
    let run = Command::new(script)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("dedup_disposal::{test}")])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    false
}

#[test]
fn the_trash_takes_copies_with_a_description_and_gives_them_back() {
    let photos = Photos::new();
    write(&photos, "a/1.jpg", "001", 1_000_000_000);
    write(&photos, "b \u{e9}/1.jpg", "001", 1_100_000_000);
    write(&photos, "c/1.jpg", "001", 1_200_000_000);
    photos.write("c/1.xmp", b"sidecar");
    let before = photos.tree();
    photos.plan(&["--keep", "oldest"]);
    let said = photos.run("apply", &["--action", "trash"]).ends(0);
    assert!(said.out.contains("would move 3 files") && said.out.contains("to the trash"), "{}", said.out);
    assert!(photos.tree() == before && !photos.house.path("data").exists());
    let said = photos.run("apply", &["--action", "trash", "--yes"]).ends(0);
    let trash = photos.house.path("data/Trash");
    assert!(said.out.contains(trash.to_str().unwrap()), "{}", said.out);
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(trash.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let files = ["1.jpg", "1.2.jpg", "1.xmp"].map(str::to_owned);
    assert_eq!(names("files"), BTreeSet::from(files.clone()));
    assert_eq!(names("info"), files.iter().map(|name| format!("{name}.trashinfo")).collect());
    let described: String = ["1.jpg", "1.2.jpg"]
        .iter()
        .map(|name| fs::read_to_string(trash.join("info").join(format!("{name}.trashinfo"))).unwrap())
        .collect();
    assert!(described.contains("/b%20%C3%A9/1.jpg\nDeletionDate=20"), "{described}");
    photos.run("apply", &["--yes"]).ends(1);
    photos.run("apply", &["--action", "trash", "--yes"]).ends(0);
    photos.run("undo", &[]).ends(0);
    assert!(photos.tree() == before);
    assert!(!trash.exists(), "a trash that was made for the run is removed");
}

#[test]
fn a_photo_that_the_trash_lost_is_reported_and_the_others_come_back() {
    let photos = Photos::new();
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        write(&photos, name, "001", 1_000_000_000);
    }
    photos.plan(&[]);
    photos.run("apply", &["--action", "trash", "--yes"]).ends(0);
    fs::remove_file(photos.house.path("data/Trash/files/b.jpg")).unwrap();
    let said = photos.run("undo", &[]).ends(1);
    assert!(said.out.contains("deleted since") && said.out.contains("1 file moved back"), "{}", said.out);
    assert!(photos.root().join("c.jpg").exists() && !photos.root().join("b.jpg").exists());
    photos.run("undo", &[]).ends(1);
}

#[test]
fn hard_links_replace_equal_files_and_undo_makes_them_independent() {
    let photos = Photos::new();
    write(&photos, "a/1.jpg", "001", 1_000_000_000);
    let copy = write(&photos, "b/1.jpg", "001", 1_100_000_000);
    photos.write("b/1.xmp", b"sidecar");
    fs::hard_link(&copy, photos.root().join("c.jpg")).unwrap();
    // The same picture in other bytes is not linked.
    let picture = image::load_from_memory(&face("001", "neutral.jpg")).unwrap();
    photos.write("d.png", &crate::program::encode(&picture, image::ImageFormat::Png));
    let (before, names) = (photos.tree(), linked(&photos));
    photos.plan(&["--keep", &format!("folder:{}", photos.root().join("a").display())]);
    let said = photos.run("apply", &["--action", "hardlink"]).ends(0);
    assert!(said.out.contains("would replace 1 file") && said.out.contains("1 file skipped"), "{}", said.out);
    assert!(photos.tree() == before && linked(&photos) == names);
    photos.run("apply", &["--action", "hardlink", "--yes"]).ends(0);
    assert_eq!([inode(&photos, "b/1.jpg"), inode(&photos, "c.jpg")], [inode(&photos, "a/1.jpg"); 2]);
    assert!(photos.root().join("b/1.xmp").exists() && photos.root().join("d.png").exists());
    let said = photos.run("apply", &["--action", "hardlink", "--yes"]).ends(0);
    assert!(said.out.contains("1 file had been replaced before"), "{}", said.out);
    let said = photos.run("undo", &[]).ends(0);
    assert!(said.out.contains("1 file independent again"), "{}", said.out);
    assert!(photos.tree() == before && linked(&photos) == names);
}

#[test]
fn undo_leaves_a_file_that_was_a_link_before_the_run() {
    let photos = Photos::new();
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        write(&photos, name, "001", 1_000_000_000);
    }
    photos.plan(&[]);
    fs::remove_file(photos.root().join("b.jpg")).unwrap();
    fs::hard_link(photos.root().join("a.jpg"), photos.root().join("b.jpg")).unwrap();
    let names = linked(&photos);
    let said = photos.run("apply", &["--action", "hardlink", "--yes"]).ends(0);
    assert!(said.out.contains("replaced 1 file"), "{}", said.out);
    let said = photos.run("undo", &[]).ends(0);
    assert!(said.out.contains("1 file independent again"), "{}", said.out);
    assert_eq!(linked(&photos), names);
}

#[test]
fn files_that_a_link_would_change_are_left_alone() {
    let photos = Photos::new();
    write(&photos, "a.jpg", "001", 1_000_000_000);
    let other_mode = write(&photos, "b.jpg", "001", 1_000_000_000);
    fs::set_permissions(&other_mode, fs::Permissions::from_mode(0o600)).unwrap();
    let named_outside = write(&photos, "c.jpg", "001", 1_000_000_000);
    fs::hard_link(&named_outside, photos.house.path("outside.jpg")).unwrap();
    let before = photos.tree();
    photos.plan(&["--keep", "largest"]);
    let said = photos.run("apply", &["--action", "hardlink", "--yes"]).ends(1);
    assert!(
        said.out.contains("another mode") && said.out.contains("a name outside the folders"),
        "{}",
        said.out
    );
    assert!(photos.tree() == before, "nothing is left of a run that replaced nothing");
    // What changed since the plan stays, too.
    fs::set_permissions(&other_mode, fs::metadata(photos.root().join("a.jpg")).unwrap().permissions())
        .unwrap();
    fs::write(&other_mode, face("003", "neutral.jpg")).unwrap();
    let said = photos.run("apply", &["--action", "hardlink", "--yes"]).ends(1);
    assert!(said.out.contains("it changed since the plan was made"), "{}", said.out);
}

#[test]
fn a_linked_file_that_was_edited_is_not_undone_silently() {
    let photos = Photos::new();
    write(&photos, "a.jpg", "001", 1_000_000_000);
    let copy = write(&photos, "b.jpg", "001", 1_000_000_000);
    photos.plan(&[]);
    photos.run("apply", &["--action", "hardlink", "--yes"]).ends(0);
    fs::write(&copy, b"edited").unwrap();
    let said = photos.run("undo", &[]).ends(1);
    assert!(said.out.contains("it changed since the plan was made, so it stays as it is"), "{}", said.out);
    assert_eq!(fs::read(photos.root().join("a.jpg")).unwrap(), b"edited");
    fs::write(&copy, face("001", "neutral.jpg")).unwrap();
    photos.run("undo", &[]).ends(0);
    assert_eq!(linked(&photos).len(), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn clones_are_refused_before_anything_changes_where_the_file_system_has_none() {
    let photos = Photos::new();
    // A file system in memory cannot share blocks.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    for name in ["1.jpg", "2.jpg"] {
        fs::write(folder.path().join(name), face("001", "neutral.jpg")).unwrap();
    }
    let names = || fs::read_dir(folder.path()).unwrap().count();
    let modified = || fs::metadata(folder.path()).unwrap().modified().unwrap();
    photos.run("plan", &[folder.path().to_str().unwrap()]).ends(0);
    let before = modified();
    for more in [&["--action", "reflink"][..], &["--action", "reflink", "--yes"]] {
        let said = photos.run("apply", more).ends(1);
        assert!(said.err.contains("cannot share blocks between files"), "{}", said.err);
        assert!(names() == 2 && modified() == before);
    }
}

#[test]
#[cfg_attr(not(clone_disk), ignore = "needs a file system that can clone files, or root and mkfs.xfs")]
fn clones_share_blocks_and_keep_their_own_attributes() {
    if !where_files_can_be_cloned("clones_share_blocks_and_keep_their_own_attributes") {
        return;
    }
    let photos = Photos::new();
    write(&photos, "a/1.jpg", "001", 1_000_000_000);
    let copy = write(&photos, "b/1.jpg", "001", 1_100_000_000);
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(&copy, photos.root().join("c.jpg")).unwrap();
    let (before, names, old) = (photos.tree(), linked(&photos), inode(&photos, "b/1.jpg"));
    photos.plan(&[]);
    photos.run("apply", &["--action", "reflink", "--yes"]).ends(0);
    let files = |tree: BTreeMap<PathBuf, (Vec<u8>, u32, SystemTime)>| -> Vec<_> {
        tree.into_iter().filter(|(path, _)| path.extension() == Some("jpg".as_ref())).collect()
    };
    assert!(files(photos.tree()) == files(before.clone()), "content, mode and time are those of the copy");
    assert!(inode(&photos, "b/1.jpg") != old && inode(&photos, "c.jpg") == inode(&photos, "b/1.jpg"));
    let said = photos.run("undo", &[]).ends(0);
    assert!(said.out.contains("1 clone: content, times and attributes were as before"), "{}", said.out);
    assert!(photos.tree() == before && linked(&photos) == names);
}

/// Kills `verb` at several moments. `check` holds after each.
fn killed(photos: &Photos, verb: &str, more: &[&str], check: &dyn Fn()) {
    for moment in 0..6 {
        let mut child =
            photos.command(verb, more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(3 * moment));
        let _ = child.kill();
        child.wait().unwrap();
        check();
    }
}

/// Kills an application and an undo, completes both, and compares the tree.
fn kills(action: &str) {
    let photos = Photos::new();
    let people = ["001", "003", "004", "005", "006", "008"];
    for person in people {
        for copy in 0..8 {
            let path = write(&photos, &format!("{copy}/{person}.jpg"), person, 1_000_000_000 + copy);
            if copy == 3 {
                fs::hard_link(path, photos.root().join(format!("3/{person} again.jpg"))).unwrap();
            }
        }
    }
    let (before, names) = (photos.tree(), linked(&photos));
    photos.plan(&[]);
    let is_photo = |content: &Vec<u8>| content.starts_with(&[0xff, 0xd8]);
    let moves = matches!(action, "quarantine" | "trash");
    let check = || {
        let mut found: Vec<Vec<u8>> = photos.tree().into_values().map(|(content, ..)| content).collect();
        for entry in fs::read_dir(photos.house.path("data/Trash/files")).into_iter().flatten() {
            found.push(fs::read(entry.unwrap().path()).unwrap());
        }
        found.retain(is_photo);
        if moves {
            assert_eq!(found.len(), 54, "no file is lost or doubled");
        } else {
            let tree = photos.tree();
            let stays = |(path, (content, ..)): (&PathBuf, &(Vec<u8>, u32, SystemTime))| {
                path.is_dir() || tree.get(path).is_some_and(|(now, ..)| now == content)
            };
            assert!(before.iter().all(stays), "every path has its content at every moment");
        }
    };
    killed(&photos, "apply", &["--action", action, "--yes"], &check);
    photos.run("apply", &["--action", action, "--yes"]).ends(0);
    let files = photos.tree().into_keys().filter(|path| path.extension() == Some("jpg".as_ref()));
    let outside = files.filter(|path| !path.to_str().unwrap().contains(".gallerist")).count();
    assert_eq!(outside, if moves { people.len() } else { 54 });
    match action {
        "hardlink" => {
            assert_eq!(linked(&photos).len(), people.len() + 1, "a file for each person, and the journal")
        }
        "reflink" => assert_eq!(linked(&photos).len(), names.len() + 1),
        _ => {}
    }
    killed(&photos, "undo", &[], &check);
    photos.run("undo", &[]);
    let after = photos.tree();
    let differs = |path: &&PathBuf| after.get(*path) != before.get(*path);
    let different: BTreeSet<&PathBuf> = after.keys().chain(before.keys()).filter(differs).collect();
    assert!(different.is_empty(), "{different:?}");
    assert_eq!(linked(&photos), names);
    assert!(!photos.house.path("data/Trash").exists(), "nothing is left in the trash");
}

#[test]
fn an_undoing_that_was_killed_in_its_last_steps_is_completed() {
    let photos = Photos::new();
    for copy in ["a.jpg", "b.jpg"] {
        write(&photos, copy, "001", 1_000_000_000);
    }
    let before = photos.tree();
    photos.plan(&[]);
    photos.run("apply", &["--yes"]).ends(0);
    photos.run("undo", &[]).ends(0);
    assert!(photos.tree() == before);
    let root = photos.root();
    let time = fs::metadata(&root).unwrap().modified().unwrap();
    let nanoseconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let kept = |bytes: &[u8]| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(&root, "user.gallerist.modified", bytes, flags).is_ok()
    };
    // The folder of the run is gone; the one above it is not, or is gone and the folder of the photos has another time.
    for leaves_folder in [true, false] {
        let can_keep = kept(&nanoseconds.to_le_bytes());
        fs::create_dir(root.join(".gallerist-quarantine")).unwrap();
        if !leaves_folder {
            fs::remove_dir(root.join(".gallerist-quarantine")).unwrap();
        }
        if can_keep {
            if leaves_folder {
                photos.run("undo", &[]).ends(0);
            } else {
                gallerist(["dedup".as_ref(), "undo".as_ref(), root.as_os_str()]).ends(0);
            }
            assert!(photos.tree() == before, "{leaves_folder}");
        }
    }
    photos.run("undo", &[]).ends(1);
}

#[test]
fn a_killed_quarantine_can_be_completed_and_undone() {
    kills("quarantine");
}

#[test]
fn a_killed_move_to_the_trash_can_be_completed_and_undone() {
    kills("trash");
}

#[test]
fn killed_links_can_be_completed_and_undone() {
    kills("hardlink");
}

#[test]
#[cfg_attr(not(clone_disk), ignore = "needs a file system that can clone files, or root and mkfs.xfs")]
fn killed_clones_can_be_completed_and_undone() {
    if where_files_can_be_cloned("killed_clones_can_be_completed_and_undone") {
        kills("reflink");
    }
}
