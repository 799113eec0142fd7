//! Catalog and index detect a version of the other from another time. Readers share both.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gallerist::gallery::{Access, Gallery, GalleryError, GraphWhen, ImportedRow, Name, Person};
use gallerist::template::Binding;
use gallerist::template::Template;

use crate::decision::{D, gallery, run};
use crate::program::{House, vectors};

/// A different unit vector for each number.
pub fn template(number: u64) -> Template {
    let file = vectors(1, D, number * 7919 + 1);
    let numbers: Vec<f32> =
        file[file.len() - 4 * D..].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Template::from_raw(&numbers).unwrap()
}

pub fn named(name: &str) -> Person {
    Person::Named(Name::new(name).unwrap())
}

/// Adds subjects with the names `p-FIRST` and so on, each with one template.
pub fn add(gallery: &Gallery, first: u64, count: u64) {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&first.to_le_bytes());
    let source = gallery.source(&hash, Path::new("made.npy"), count).unwrap();
    let rows: Vec<ImportedRow> = (0..count)
        .map(|row| ImportedRow {
            row,
            person: Some(named(&format!("p-{}", first + row))),
            template: template(first + row),
            photo: None,
        })
        .collect();
    gallery.import(&source, &rows).unwrap();
}

pub fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let place = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir(place).unwrap();
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

pub fn create(house: &House) -> Gallery {
    Gallery::create(&house.gallery(), &Binding::external(D, Some(0.6)), GraphWhen::Never).unwrap()
}

pub fn name_of(gallery: &Gallery, number: u64) -> Result<String, GalleryError> {
    let found = gallery.identify(&template(number), 1, &Default::default())?;
    Ok(found.candidates[0].subject.clone())
}

#[test]
fn an_old_catalog_with_a_newer_index_is_refused() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 20);
    drop(gallery);
    let old = fs::read(house.gallery().join("catalog.sqlite")).unwrap();
    add(&Gallery::open(&house.gallery()).unwrap(), 20, 20);
    fs::write(house.gallery().join("catalog.sqlite"), old).unwrap();
    for access in [Access::ReadOnly, Access::ReadWrite] {
        let error = Gallery::open_with(&house.gallery(), access, Duration::ZERO).err().unwrap();
        assert!(matches!(error, GalleryError::CatalogBehind { .. }), "{error}");
    }
    let said = house.run("check", [] as [&str; 0]).ends(1);
    assert!(said.out.contains("lost acknowledged writes"), "{}", said.out);
}

#[test]
fn an_old_index_with_a_newer_catalog_is_refused() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 20);
    drop(gallery);
    copy(&house.gallery().join("index"), &house.path("old"));
    add(&Gallery::open(&house.gallery()).unwrap(), 20, 20);
    copy(&house.path("old"), &house.gallery().join("index"));
    let error = Gallery::open(&house.gallery()).err().unwrap();
    assert!(matches!(error, GalleryError::IndexBehind { .. }), "{error}");
}

#[test]
fn the_index_of_another_gallery_is_refused() {
    let (house, other) = (House::empty(), House::empty());
    drop((create(&house), create(&other)));
    copy(&other.gallery().join("index"), &house.gallery().join("index"));
    let error = Gallery::open(&house.gallery()).err().unwrap();
    assert!(error.to_string().contains("belongs to the index"), "{error}");
}

/// Every bit of the log counts after a kill, because SQLite takes a damaged frame for the end of the log.
#[test]
fn damage_of_the_catalog_log_is_reported() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 10);
    drop(gallery);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    add(&gallery, 10, 10);
    gallery.rename_subject("p-3", &Name::new("Ada").unwrap()).unwrap();
    copy(&house.gallery(), &house.path("killed"));
    drop(gallery);
    let log = fs::read(house.path("killed/catalog.sqlite-wal")).unwrap();
    let mut noticed = 0;
    for at in (0..log.len()).step_by(log.len() / 150) {
        let mut damaged = log.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(house.path("killed/catalog.sqlite-wal"), damaged).unwrap();
        match Gallery::open_with(&house.path("killed"), Access::ReadOnly, Duration::ZERO) {
            Err(error) => {
                assert!(error.is_damage(), "{error}");
                noticed += 1;
            }
            Ok(gallery) => {
                assert_eq!(name_of(&gallery, 3).unwrap(), "Ada");
                assert_eq!(name_of(&gallery, 15).unwrap(), "p-15");
            }
        }
    }
    assert!(noticed > 50, "{noticed}");
}

#[test]
fn truncation_of_the_index_log_is_reported() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 10);
    gallery.merge_subjects("p-1", "p-2").unwrap();
    copy(&house.gallery(), &house.path("killed"));
    drop(gallery);
    let mut noticed = 0;
    for entry in walkdir::WalkDir::new(house.path("killed/index")) {
        let entry = entry.unwrap();
        let is_log = entry.path().extension().is_some_and(|extension| extension == "log");
        if !is_log || entry.metadata().unwrap().len() < 100 {
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        fs::write(entry.path(), &bytes[..bytes.len() - 40]).unwrap();
        let error = Gallery::open(&house.path("killed")).err();
        noticed += usize::from(error.is_some_and(|error| error.is_damage()));
        fs::write(entry.path(), bytes).unwrap();
    }
    assert!(noticed > 0);
}

#[test]
fn readers_share_a_gallery_and_a_writer_waits_for_them() {
    let house = gallery(20, 1);
    house.write("fresh.npy", &vectors(3, D, 5));
    let reader = Gallery::open_with(&house.gallery(), Access::ReadOnly, Duration::ZERO).unwrap();
    run(&house, "identify", "--vectors @fresh.npy --threshold 0.999").ends(11);
    run(&house, "stats", "").ends(0);
    run(&house, "check", "").ends(0);
    house.run("subject list", [] as [&str; 0]).ends(0);
    let said = run(&house, "purge", "").ends(1);
    assert!(said.err.contains("in use"), "{}", said.err);
    let waiting = house.command("purge", ["--wait", "60"]).spawn();
    std::thread::sleep(Duration::from_millis(200));
    drop(reader);
    assert!(waiting.unwrap().wait().unwrap().success());
}

#[test]
fn reading_changes_no_file_and_hides_pending_rows() {
    let house = House::empty();
    let writer = create(&house);
    add(&writer, 0, 10);
    copy(&house.gallery(), &house.path("killed")); // with a log of SQLite
    drop(writer);
    let files = || -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let all = walkdir::WalkDir::new(house.path("killed")).sort_by_file_name().into_iter();
        let files = all.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        files.map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap())).collect()
    };
    let before = files();
    let readers: Vec<Gallery> = (0..2)
        .map(|_| Gallery::open_with(&house.path("killed"), Access::ReadOnly, Duration::ZERO).unwrap())
        .collect();
    for reader in &readers {
        assert_eq!(name_of(reader, 4).unwrap(), "p-4");
        assert_eq!(reader.counts().unwrap(), (10, 10));
        assert!(reader.rename_subject("p-4", &Name::new("Ada").unwrap()).is_err());
    }
    drop(readers);
    assert!(before == files(), "reading has changed a file");
}

#[test]
fn a_moved_gallery_is_not_written_at_its_old_path() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 5);
    fs::rename(house.gallery(), house.path("moved")).unwrap();
    let other = create(&house);
    add(&other, 100, 3);
    let error = gallery.rename_subject("p-1", &Name::new("Ada").unwrap()).unwrap_err();
    assert!(matches!(error, GalleryError::Moved { .. }), "{error}");
    drop(gallery);
    assert_eq!(other.counts().unwrap(), (3, 3));
    drop(other);
    let other = Gallery::open(&house.gallery()).unwrap();
    assert_eq!(name_of(&other, 101).unwrap(), "p-101");
    assert!(other.check(true).unwrap().is_sound());
    let moved = Gallery::open(&house.path("moved")).unwrap();
    assert_eq!(name_of(&moved, 1).unwrap(), "p-1");
}

#[test]
fn the_threshold_of_a_gallery_can_be_changed_to_any_cosine() {
    let house = gallery(20, 1);
    house.write("fresh.npy", &vectors(3, D, 5));
    run(&house, "set-threshold", "0.999").ends(0);
    run(&house, "identify", "--vectors @fresh.npy").ends(11);
    run(&house, "set-threshold", "-1 --dry-run").ends(0);
    run(&house, "identify", "--vectors @fresh.npy").ends(11);
    run(&house, "set-threshold", "-1").ends(0);
    run(&house, "identify", "--vectors @fresh.npy").ends(10);
    for wrong in ["nan", "1.01", "-1.5", "inf", "x"] {
        run(&house, "set-threshold", wrong).ends(2);
        House::empty().run("init", ["--dimension", "16", "--threshold", wrong]).ends(2);
    }
    run(&house, "check", "").ends(0);
}

#[test]
fn an_unreadable_calibration_is_reported_and_can_be_replaced() {
    let house = gallery(50, 1);
    house.write("strangers.npy", &vectors(500, D, 11));
    run(&house, "calibrate", "--nonmated @strangers.npy --target-fpir 0.1").ends(0);
    let path = house.gallery().join("catalog.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let document = bytes.windows(9).position(|window| window == b"\"maxima\":").unwrap();
    bytes[document + 14] ^= 1;
    fs::write(&path, bytes).unwrap();
    let said = run(&house, "identify", "--vectors @strangers.npy").ends(1);
    assert!(said.err.contains("calibrations") && said.err.contains("calibrate again"), "{}", said.err);
    run(&house, "check", "").ends(1);
    run(&house, "identify", "--vectors @strangers.npy --threshold 0.99").ends(11);
    run(&house, "stats", "").ends(0);
    run(&house, "calibrate", "--nonmated @strangers.npy --target-fpir 0.1").ends(0);
    run(&house, "identify", "--vectors @strangers.npy").ends(10);
    run(&house, "check", "").ends(0);
}

/// Verbs that read need no free disk space and no writable disk.
#[test]
#[cfg_attr(not(small_disks), ignore = "this user may not mount a small disk")]
fn a_gallery_on_a_full_or_read_only_disk_is_read() {
    let house = House::empty();
    let (small, results) = (house.path("small"), house.path("results"));
    [&small, &results].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
    let file = house.write("t.npy", &vectors(200, D, 1));
    let script = r#"
        mount -t tmpfs -o size=4m gallerist-test "$1" || exit 77
        g="$1/gallery"
        "$0" init "$g" --dimension 32 --threshold 0.6 && "$0" import "$g" "$2" || exit 78
        read_all() {
            "$0" identify "$g" --vectors "$2" -k 1 > "$3/identify.out"
            [ $? = 10 ] || exit $4
            "$0" stats "$g" > /dev/null && "$0" subject list "$g" > /dev/null && "$0" check "$g" > /dev/null || exit $4
        }
        dd if=/dev/zero of="$1/fill" bs=1k 2>/dev/null
        rm "$1/gallery/BARRIER"
        dd if=/dev/zero of="$1/fill2" bs=1k 2>/dev/null
        read_all "$0" "$2" "$3" 80
        rm "$1/fill"
        mount -o remount,ro gallerist-test "$1" || exit 79
        read_all "$0" "$2" "$3" 81
        "$0" purge "$g" && exit 82
        exit 0
    "#;
    let run = std::process::Command::new("unshare")
        .args([crate::program::UNSHARE_FLAGS, "sh", "-c", script, env!("CARGO_BIN_EXE_gallerist")])
        .args([&small, &file, &results])
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
}
