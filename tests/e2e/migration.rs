//! Catalogs of earlier versions, from committed files: readers refuse them, and writers migrate them in place.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gallerist::gallery::{Access, Gallery, GalleryError, Name};
use gallerist::template::Template;
use gallerist_index::{Index, Options, Row};

use crate::catalog::{add, copy, create, name_of, template};
use crate::decision::{D, run};
use crate::program::{House, gallerist};

/// The present version.
const VERSION: i64 = 5;

/// The templates of `gallery_v3.tar` and `gallery_v4.tar`, by the numbers in their names. Those of photos have numbers above 100.
fn template_of_v3(number: u32) -> Template {
    let component = |i: u32| ((number * 37 + i * i * 11 + number * i * 5) % 97) as f32 - 48.0;
    Template::from_raw(&(0..8).map(component).collect::<Vec<f32>>()).unwrap()
}

/// A gallery with a catalog of version 1 or 2, and an index without watermarks.
fn older(tables: &str, templates: &[(u64, u64)]) -> House {
    let house = House::empty();
    drop(create(&house));
    fs::remove_dir_all(house.gallery().join("index")).unwrap();
    let index = Index::create(&house.gallery().join("index"), Options::new(D)).unwrap();
    for &(id, group) in templates {
        index.insert(&[Row { id, group, vector: template(id - 1).as_slice() }]).unwrap();
    }
    drop(index);
    fs::remove_file(house.gallery().join("catalog.sqlite")).unwrap();
    let catalog = rusqlite::Connection::open(house.gallery().join("catalog.sqlite")).unwrap();
    catalog.execute_batch(&tables.replace("DIMENSION", &D.to_string())).unwrap();
    house
}

/// A gallery of version 3: p-0 to p-7 are imported, each of the first four also has a template of a photo, p-3 is renamed to Ada, p-4 is
/// merged into p-5, and p-6 is removed.
fn version_3() -> House {
    unpacked(include_bytes!("../golden/gallery_v3.tar"))
}

/// A gallery of version 4: as that of version 3, but a template of p-1 is moved to Bob, the photo of p-0 has two paths, and there is an unknown
/// face.
fn version_4() -> House {
    unpacked(include_bytes!("../golden/gallery_v4.tar"))
}

/// The gallery of a backup.
fn unpacked(backup: &[u8]) -> House {
    let house = House::empty();
    let mut archive = tar::Archive::new(backup);
    archive.unpack(house.gallery()).unwrap();
    fs::remove_file(house.gallery().join("backup.json")).unwrap();
    house
}

fn version(gallery: &Path) -> i64 {
    let catalog = rusqlite::Connection::open(gallery.join("catalog.sqlite")).unwrap();
    catalog.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// Readers refuse the gallery and do not change it. A writer migrates it.
fn migrate(house: &House, from: i64) {
    for verb in ["stats", "check", "subject list"] {
        let said = house.run(verb, [] as [&str; 0]).ends(1);
        assert!(
            said.err.contains("gallerist compact") && said.err.contains(&format!("version {from}")),
            "{}",
            said.err
        );
    }
    assert_eq!(version(&house.gallery()), from);
    run(house, "compact", "").ends(0);
    assert_eq!(version(&house.gallery()), VERSION);
}

#[test]
fn a_gallery_of_version_1_is_migrated() {
    let house = older(include_str!("catalog_v1.sql"), &[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
    migrate(&house, 1);
    house.holds(5);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    assert_eq!(name_of(&gallery, 2).unwrap(), "person 3");
    add(&gallery, 100, 1);
    assert!(gallery.subject("p-100").unwrap().id > 9, "a number of a removed subject is not given again");
}

#[test]
fn a_gallery_of_version_2_is_migrated() {
    let house = older(include_str!("catalog_v2.sql"), &[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 1)]);
    migrate(&house, 2);
    house.holds(6);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    assert_eq!(name_of(&gallery, 5).unwrap(), "person 1");
    let photo = gallery.photo(&[1; 32]).unwrap().unwrap();
    assert_eq!(
        (photo.path.as_path(), photo.subject.as_deref()),
        (Path::new("people/person 1/1.jpg"), Some("person 1"))
    );
    assert_eq!(gallery.photo(&[2; 32]).unwrap().unwrap().outcome, "no_face");
    assert_eq!(gallery.journal().unwrap().len(), 1);
}

#[test]
fn a_gallery_of_version_3_is_migrated() {
    let house = version_3();
    migrate(&house, 3);
    house.holds(11);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    assert_eq!((gallery.counts().unwrap(), gallery.unknown_count().unwrap()), ((6, 11), 0));
    for (number, name) in [(0, "p-0"), (1, "p-1"), (7, "p-7"), (103, "Ada")] {
        let found = gallery.identify(&template_of_v3(number), 1, &Default::default()).unwrap();
        assert_eq!(found.candidates[0].subject, name, "{number}");
    }
    assert_eq!(gallery.subject("p-5").unwrap().templates, 2);
    assert_eq!(gallery.photo(&[200; 32]).unwrap().unwrap().subject.as_deref(), Some("p-0"));
    assert_eq!(gallery.other_paths(&[200; 32]).unwrap(), [] as [&Path; 0]);
    let last = gallery.templates_after(0, 100).unwrap().last().unwrap().id;
    gallery.merge_subjects("p-1", "p-2").unwrap();
    assert!(gallery.templates_after(0, 100).unwrap().last().unwrap().id > last);
    assert!(gallery.check(true).unwrap().is_sound());
}

#[test]
fn a_gallery_of_version_4_is_migrated() {
    let house = version_4();
    migrate(&house, 4);
    house.holds(11);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    assert_eq!((gallery.counts().unwrap(), gallery.unknown_count().unwrap()), ((7, 11), 1));
    for (number, name) in [(0, "p-0"), (1, "Bob"), (7, "p-7"), (103, "Ada")] {
        let found = gallery.identify(&template_of_v3(number), 1, &Default::default()).unwrap();
        assert_eq!(found.candidates[0].subject, name, "{number}");
    }
    assert_eq!(gallery.other_paths(&[200; 32]).unwrap(), [Path::new("people/p-0/copy.jpg")]);
    assert_eq!(gallery.subject("p-5").unwrap().templates, 2);
    // Its corrections can be undone, and it has lists.
    let journal = gallery.journal().unwrap();
    let verbs: Vec<&str> = journal.iter().map(|entry| entry.verb.as_str()).collect();
    assert_eq!(verbs, ["rename", "merge", "move", "remove"]);
    let bob = gallery.subject("Bob").unwrap().id;
    gallery.set_list(&Name::new("watch").unwrap(), &[bob]).unwrap();
    for entry in &journal[..3] {
        gallery.undo(entry.id).unwrap();
    }
    for (number, name) in [(1, "p-1"), (103, "p-3")] {
        let found = gallery.identify(&template_of_v3(number), 1, &Default::default()).unwrap();
        assert_eq!(found.candidates[0].subject, name, "{number}");
    }
    let templates = ["p-4", "p-5"].map(|name| gallery.subject(name).unwrap().templates);
    assert_eq!(templates, [1, 1]);
    let first = gallery.subject("p-1").unwrap().id;
    assert_eq!(
        gallery.list("watch").unwrap(),
        [first],
        "the destination of the last template takes its place"
    );
    assert!(gallery.check(true).unwrap().is_sound());
}

#[test]
fn backups_of_versions_3_and_4_are_restored() {
    for bytes in [&include_bytes!("../golden/gallery_v3.tar")[..], include_bytes!("../golden/gallery_v4.tar")]
    {
        let house = House::empty();
        let backup = house.write("backup.tar", bytes);
        let place = house.gallery();
        gallerist(["restore".as_ref(), backup.as_os_str(), place.as_os_str()]).ends(0);
        house.holds(11);
        assert_eq!(version(&house.gallery()), VERSION);
    }
}

/// After a crash the log of a migration gives the version before it or the version after it, complete.
#[test]
fn the_next_writer_completes_an_interrupted_migration() {
    interrupt(&version_3(), 3, (6, 11));
    interrupt(&version_4(), 4, (7, 11));
}

fn interrupt(house: &House, from: i64, counts: (u64, u64)) {
    let gallery = Gallery::open(&house.gallery()).unwrap();
    copy(&house.gallery(), &house.path("killed"));
    drop(gallery);
    let log = fs::read(house.path("killed/catalog.sqlite-wal")).unwrap();
    assert!(!log.is_empty());
    let (mut before, mut after) = (0, 0);
    for cut in (0..=log.len()).step_by(log.len() / 12).chain([log.len()]) {
        copy(&house.path("killed"), &house.path("cut"));
        fs::write(house.path("cut/catalog.sqlite-wal"), &log[..cut]).unwrap();
        match Gallery::open_with(&house.path("cut"), Access::ReadOnly, Duration::ZERO) {
            Ok(_) => after += 1,
            Err(GalleryError::OlderCatalog { got, .. }) if got == from => before += 1,
            Err(error) => panic!("{error}"),
        }
        let gallery = Gallery::open(&house.path("cut")).unwrap();
        assert_eq!(gallery.counts().unwrap(), counts);
        assert!(gallery.check(false).unwrap().is_sound());
    }
    assert!(before > 0 && after > 0, "{before} {after}");
}

/// A damaged row must not get a hash that makes it look valid.
#[test]
fn damage_is_not_migrated() {
    let house = version_3();
    let path = house.gallery().join("catalog.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let face = b"\"score\":0.9";
    let at = bytes.windows(face.len()).position(|window| window == face).unwrap();
    bytes[at + face.len() - 1] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = Gallery::open(&house.gallery()).err().unwrap();
    assert!(error.is_damage() && error.to_string().contains("templates"), "{error}");
    assert_eq!(version(&house.gallery()), 3);
}
