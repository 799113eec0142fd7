//! Backups of a gallery that is closed, open for reading, or being written by another process, and their restore.

use std::fs;
use std::path::Path;

use gallerist::gallery::{Gallery, GalleryError, GraphWhen, Name};
use gallerist::template::Binding;

use crate::catalog::{add, template};
use crate::decision::D;
use crate::program::{House, command, gallerist, vectors};

fn create(house: &House) -> Gallery {
    Gallery::create(&house.gallery(), &Binding::external(D, Some(0.6)), GraphWhen::Never).unwrap()
}

fn best(gallery: &Path, number: u64) -> String {
    let gallery = Gallery::open(gallery).unwrap();
    gallery.identify(&template(number), 1, &Default::default()).unwrap().candidates[0].subject.clone()
}

#[test]
fn a_backup_is_restored_without_what_was_removed_since() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 30);
    gallery.rename_subject("p-3", &Name::new("Ada").unwrap()).unwrap();
    drop(gallery);
    for kind in ["folder", "file.tar"] {
        let backup = house.path(kind);
        house.run("backup", [&backup]).ends(0);
        let said = house.run("backup", [&backup]).ends(1);
        assert!(said.err.contains("exists already"), "{}", said.err);
    }
    let gallery = Gallery::open(&house.gallery()).unwrap();
    gallery.remove_subject("p-7").unwrap();
    gallery.merge_subjects("p-8", "p-9").unwrap();
    drop(gallery);
    for (kind, at) in [("folder", "one"), ("file.tar", "two")] {
        let restore = |to: &str, more: &[&str]| {
            let mut restore = command(["restore"]);
            restore.arg(house.path(kind)).arg(house.path(to)).args(more);
            crate::program::Said::of(restore.output().unwrap())
        };
        let old = house.gallery();
        let erased = ["--erased", old.to_str().unwrap()];
        restore(at, &["--dry-run"]).ends(0);
        assert!(!house.path(at).exists());
        restore(at, &erased).ends(0);
        restore(at, &erased).ends(1);
        let restored = Gallery::open(&house.path(at)).unwrap();
        assert!(restored.check(true).unwrap().is_sound());
        assert!(matches!(restored.subject("p-7"), Err(GalleryError::UnknownSubject { .. })));
        assert!(matches!(restored.subject("p-8"), Err(GalleryError::UnknownSubject { .. })));
        assert_eq!(restored.counts().unwrap(), (28, 29));
        drop(restored);
        assert_eq!(best(&house.path(at), 3), "Ada");
        assert_eq!(best(&house.path(at), 8), "p-9");
        // The restored gallery can be changed independently.
        add(&Gallery::open(&house.path(at)).unwrap(), 100, 5);
        gallerist([Path::new("check"), &house.path(at)]).ends(0);
        let whole = format!("{at}-whole");
        let said = restore(&whole, &[]).ends(0);
        assert!(said.out.contains("--erased"), "{}", said.out);
        assert_eq!(best(&house.path(&whole), 7), "p-7");
    }
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let house = House::empty();
    add(&create(&house), 0, 30);
    house.run("backup", [house.path("folder")]).ends(0);
    house.run("backup", [house.path("file.tar")]).ends(0);
    let files: Vec<_> = walkdir::WalkDir::new(house.path("folder"))
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file() && entry.metadata().unwrap().len() > 0)
        .map(|entry| entry.path().to_owned())
        .chain([house.path("file.tar")])
        .collect();
    for file in files {
        let whole = fs::read(&file).unwrap();
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::remove_file(&file).unwrap();
        fs::write(&file, &damaged).unwrap();
        let backup = if file.ends_with("file.tar") { file.clone() } else { house.path("folder") };
        let said = gallerist([Path::new("restore"), &backup, &house.path("new")]);
        let is_padding = file.ends_with("file.tar") && said.code == Some(0);
        if is_padding {
            fs::remove_dir_all(house.path("new")).unwrap();
        } else {
            let said = said.ends(1);
            assert!(!house.path("new").exists(), "{}", said.err);
        }
        fs::write(&file, &whole).unwrap();
    }
    gallerist([Path::new("restore"), &house.path("folder"), &house.path("new")]).ends(0);
}

#[test]
fn a_gallery_is_backed_up_while_another_process_writes() {
    let house = House::empty();
    house.run("init", ["--dimension", &D.to_string(), "--threshold", "0.6"]).ends(0);
    let file = house.write("many.npy", &vectors(40_000, D, 3));
    // A backup that starts first reads the gallery for a short time.
    let import = [file.as_os_str(), "--wait".as_ref(), "60".as_ref()];
    let mut writer = house.command("import", import).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut made = 0;
    while writer.try_wait().unwrap().is_none() {
        let backup = house.path(format!("backup-{made}"));
        house.run("backup", [&backup]).ends(0);
        let at = house.path(format!("restored-{made}"));
        gallerist([Path::new("restore"), &backup, &at]).ends(0);
        gallerist([Path::new("check"), &at]).ends(0);
        made += 1;
    }
    assert!(writer.wait().unwrap().success());
    assert!(made > 0);
    house.holds(40_000);
}

#[test]
fn incomplete_galleries_of_a_killed_init_are_reported_and_removed() {
    let house = House::empty();
    drop(create(&house));
    let left = house.path(".gallerist-abandoned");
    fs::create_dir_all(left.join("gallery")).unwrap();
    let used = house.path(".gallerist-used");
    fs::create_dir(&used).unwrap();
    let lock = fs::File::open(&used).unwrap();
    lock.lock().unwrap();
    let said = house.run("check", [] as [&str; 0]).ends(0);
    assert!(said.out.contains(".gallerist-abandoned") && !said.out.contains("used"), "{}", said.out);
    gallerist(["init".as_ref(), house.path("other").as_os_str(), "--dimension".as_ref(), "8".as_ref()])
        .ends(0);
    assert!(!left.exists() && used.exists());
}
