//! What `backup` and `restore` refuse, with the correct reason, and which archives of other programs they accept.

use std::fs;
use std::path::Path;
use std::process::Command;

use gallerist::gallery::{Gallery, GraphWhen};
use gallerist::template::Binding;

use crate::catalog::add;
use crate::decision::D;
use crate::program::{House, Said, command, gallerist};

/// A gallery of ten people with a backup in a folder and in a file.
fn backed_up() -> House {
    let house = House::empty();
    let binding = Binding::external(D, Some(0.6));
    let gallery = Gallery::create(&house.gallery(), &binding, GraphWhen::Never).unwrap();
    add(&gallery, 0, 10);
    drop(gallery);
    for to in ["folder", "file.tar"] {
        house.run("backup", [house.path(to)]).ends(0);
    }
    house
}

fn restore(from: &Path, to: &Path) -> Said {
    gallerist([Path::new("restore"), from, to])
}

#[track_caller]
fn says(said: Said, words: &str) {
    let said = said.ends(1);
    assert!(said.err.contains(words) && !said.err.contains("/.gallerist-"), "{}", said.err);
}

/// Runs `tar` in a folder.
fn tar(at: &Path, words: &[&str]) {
    assert!(Command::new("tar").current_dir(at).args(words).status().unwrap().success());
}

#[test]
fn no_gallery_or_backup_is_made_inside_another() {
    let house = backed_up();
    let gallery = house.gallery();
    for place in ["gallery/x.tar", "gallery/new/x", "gallery/index/y", "folder/x.tar"] {
        says(house.run("backup", [house.path(place)]), "must not contain other files");
    }
    fs::create_dir(house.path("away")).unwrap();
    house.link(&gallery, "away/link");
    says(house.run("backup", [house.path("away/link/x.tar")]), "must not contain other files");
    says(restore(&house.path("file.tar"), &house.path("folder/r")), "must not contain other files");
    for out in ["gallery", "gallery/out", "folder/out"] {
        says(
            house.run("export", ["--out".as_ref(), house.path(out).as_os_str()]),
            "must not contain other files",
        );
    }
    let photo = house.photo("p.png", 1);
    let mut encode = command(["encode", "--model", "stand-in"]);
    encode.arg(photo).arg("--out").arg(house.path("gallery/out"));
    says(Said::of(encode.output().unwrap()), "must not contain other files");
    fs::remove_file(gallery.join("catalog.sqlite")).unwrap();
    says(restore(&house.path("file.tar"), &gallery.join("r")), "must not contain other files");
    assert!(!gallery.join("new").exists() && !gallery.join("out").exists());
}

#[test]
fn the_list_of_a_backup_is_compared_with_its_content() {
    let house = backed_up();
    let path = house.path("folder/backup.json");
    let text = fs::read_to_string(&path).unwrap();
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    let attempt = |change: &dyn Fn(&mut serde_json::Value), words: &str| {
        let mut list = list.clone();
        change(&mut list);
        fs::remove_file(&path).unwrap();
        fs::write(&path, list.to_string()).unwrap();
        says(restore(&house.path("folder"), &house.path("new")), words);
        let gallery = house.gallery();
        let more = ["--erased".as_ref(), gallery.as_os_str()];
        let mut erased = command(["restore".as_ref(), house.path("folder").as_os_str()]);
        says(Said::of(erased.arg(house.path("new")).args(more).output().unwrap()), words);
        assert!(!house.path("new").exists());
    };
    attempt(&|list| list["templates"] = 5.into(), "5 templates of 10 subjects, found 10 of 10");
    attempt(&|list| list["subjects"] = 11.into(), "10 templates of 11 subjects");
    attempt(&|list| list["files"] = serde_json::json!([]), "does not list catalog.sqlite");
    let dropped = |list: &mut serde_json::Value| {
        list["files"].as_array_mut().unwrap().pop().unwrap();
    };
    attempt(&dropped, "does not list index/");
    fs::write(&path, &text).unwrap();
    restore(&house.path("folder"), &house.path("new")).ends(0);
}

#[test]
fn a_dry_run_and_a_failed_restore_leave_no_folder() {
    let house = backed_up();
    let (file, deep) = (house.path("file.tar"), house.path("no/folder/deep"));
    gallerist(["restore".as_ref(), file.as_os_str(), deep.as_os_str(), "--dry-run".as_ref()]).ends(0);
    let bad = house.write("bad.tar", b"no archive");
    restore(&bad, &deep).ends(1);
    assert!(!house.path("no").exists());
    restore(&file, &deep).ends(0);
    gallerist(["check".as_ref(), deep.as_os_str()]).ends(0);
}

#[test]
fn archives_of_other_programs_are_restored_and_compressed_ones_refused() {
    let house = backed_up();
    let folder = house.path("folder");
    tar(&folder, &["cf", "../dots.tar", "."]);
    tar(&folder, &["cf", "../folders.tar", "backup.json", "catalog.sqlite", "index"]);
    for archive in ["dots", "folders"] {
        restore(&house.path(format!("{archive}.tar")), &house.path(archive)).ends(0);
    }
    tar(&folder, &["cf", "../twice.tar", "backup.json"]);
    tar(&folder, &["rf", "../twice.tar", "backup.json"]);
    says(restore(&house.path("twice.tar"), &house.path("new")), "it contains backup.json twice");
    let gzip = house.write("b.tar.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    says(restore(&gzip, &house.path("new")), "compressed with gzip");
    fs::write(&gzip, [7; 2000]).unwrap();
    says(restore(&gzip, &house.path("new")), "not a .tar file");
    tar(&folder, &["cf", "../part.tar", "backup.json", "index"]);
    let said = restore(&house.path("part.tar"), &house.path("new")).ends(1);
    assert!(
        said.err.contains("part.tar: catalog.sqlite") && !said.err.contains("/.gallerist-"),
        "{}",
        said.err
    );
}

#[test]
fn backups_are_refused_for_the_right_reason() {
    let house = backed_up();
    let said = house.run("backup", [house.path("b.tar.gz")]).ends(0);
    assert!(said.out.starts_with("folder ") && said.out.contains("b.tar.gz"), "{}", said.out);
    let said = house.run("backup", [house.path("b.TAR")]).ends(0);
    assert!(said.out.starts_with("file ") && house.path("b.TAR").is_file(), "{}", said.out);
    says(house.run("backup", ["-"]), "standard output");
    says(restore(Path::new("-"), &house.path("new")), "standard input");
    says(house.run("backup", [house.write("empty", b"")]), "not an empty folder");
    says(house.run("backup", ["/dev/null"]), "not an empty folder");
    house.link(Path::new("nothing"), "dangling");
    says(house.run("backup", [house.path("dangling")]), "is a symbolic link");
    says(restore(&house.path("nofile"), &house.path("new")), "no such file or folder");
    let missing = ["restore".into(), house.path("folder").into_os_string()];
    let mut erased = command(missing);
    erased.arg(house.path("new")).arg("--erased").arg(house.path("nogallery"));
    says(Said::of(erased.output().unwrap()), "nogallery: no such file or folder");
}
