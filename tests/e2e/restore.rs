//! Restored galleries: templates that were moved, merged or enrolled again after the backup are not lost.

use std::fs;
use std::path::Path;

use gallerist::gallery::{Gallery, GalleryError, GraphWhen, ImportedRow, Name};
use gallerist::template::Binding;
use serde_json::Value;

use crate::catalog::{add, named, template};
use crate::decision::D;
use crate::program::{House, gallerist};

fn create(house: &House) -> Gallery {
    Gallery::create(&house.gallery(), &Binding::external(D, Some(0.6)), GraphWhen::Never).unwrap()
}

/// The name of the subject of a template, which must be found with a cosine of 1.
fn owner(gallery: &Gallery, number: u64) -> String {
    let best = gallery.identify(&template(number), 1, &Default::default()).unwrap().candidates[0].clone();
    assert!(best.score > 0.999, "template {number} is not there");
    best.subject
}

/// Restores `backup.tar` without removed subjects, to a folder with this name.
fn restore(house: &House, to: &str, more: &[&str]) -> (Value, String) {
    let (backup, at, gallery) = (house.path("backup.tar"), house.path(to), house.gallery());
    let run = |format: &str, more: &[&str]| {
        let mut arguments =
            vec!["restore", backup.to_str().unwrap(), at.to_str().unwrap(), "--format", format];
        arguments.extend(["--erased", gallery.to_str().unwrap()]);
        arguments.extend(more);
        gallerist(arguments).ends(0)
    };
    let text = run("text", &["--dry-run"]).out;
    (run("json", more).json()[0].clone(), text)
}

/// A gallery of p-0 to p-9, its backup, and later changes.
fn changed() -> House {
    let house = House::empty();
    add(&create(&house), 0, 10);
    house.run("backup", [house.path("backup.tar")]).ends(0);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let moved = gallery.move_templates(&[1], "Ann").unwrap();
    gallery.move_templates(&moved.ids, "Ann Smith").unwrap();
    gallery.merge_subjects("p-1", "p-2").unwrap();
    gallery.remove_subject("p-3").unwrap();
    gallery.merge_subjects("p-4", "p-5").unwrap();
    gallery.remove_subject("p-5").unwrap();
    gallery.rename_subject("p-2", &Name::new("Zoe").unwrap()).unwrap();
    gallery.remove_subject("p-6").unwrap();
    add(&gallery, 6, 1);
    house
}

#[test]
fn moved_merged_and_reenrolled_templates_are_restored_under_their_present_names() {
    let house = changed();
    let old = Gallery::open(&house.gallery()).unwrap();
    let (names, counts) = ([0, 1, 2, 6, 9].map(|number| owner(&old, number)), old.counts().unwrap());
    assert_eq!(names, ["Ann Smith", "Zoe", "Zoe", "p-6", "p-9"]);
    drop(old);
    house.run("purge", [] as [&str; 0]).ends(0);
    let (said, text) = restore(&house, "new", &[]);
    assert_eq!(
        (&said["restored"], &said["erased"], &said["moved"]),
        (&7.into(), &3.into(), &3.into()),
        "{said}"
    );
    assert!(text.contains("3 of them moved, merged") && text.contains("3 templates removed since"), "{text}");
    let new = Gallery::open(&house.path("new")).unwrap();
    assert!(new.check(true).unwrap().is_sound());
    assert_eq!(new.counts().unwrap(), counts);
    assert_eq!([0, 1, 2, 6, 9].map(|number| owner(&new, number)), names);
    for gone in ["p-3", "p-4", "p-5"] {
        assert!(matches!(new.subject(gone), Err(GalleryError::UnknownSubject { .. })), "{gone}");
    }
}

#[test]
fn without_a_catalog_moved_templates_are_restored_under_their_old_names() {
    let house = changed();
    fs::remove_file(house.path("gallery/catalog.sqlite")).unwrap();
    let (said, text) = restore(&house, "new", &[]);
    assert_eq!(
        (&said["restored"], &said["erased"], &said["moved"]),
        (&7.into(), &3.into(), &3.into()),
        "{said}"
    );
    assert!(text.contains("they have their names in the backup") && text.contains("it is missing"), "{text}");
    let new = Gallery::open(&house.path("new")).unwrap();
    assert!(new.check(true).unwrap().is_sound());
    assert_eq!([0, 1, 2, 6].map(|number| owner(&new, number)), ["p-0", "p-1", "p-2", "p-6"]);
    assert!(matches!(new.subject("p-4"), Err(GalleryError::UnknownSubject { .. })));
}

#[test]
fn a_removed_subject_is_not_restored_for_an_equal_template() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 2);
    let twin = ImportedRow { row: 0, person: Some(named("twin")), template: template(0), photo: None };
    let source = gallery.source(&[9; 32], Path::new("twin.npy"), 1).unwrap();
    gallery.import(&source, &[twin]).unwrap();
    drop(gallery);
    house.run("backup", [house.path("backup.tar")]).ends(0);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    gallery.remove_subject("p-0").unwrap();
    drop(gallery);
    let (said, _) = restore(&house, "new", &[]);
    assert_eq!((&said["erased"], &said["moved"]), (&1.into(), &0.into()), "{said}");
    let new = Gallery::open(&house.path("new")).unwrap();
    assert!(matches!(new.subject("p-0"), Err(GalleryError::UnknownSubject { .. })));
}
