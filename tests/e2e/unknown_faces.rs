//! Unknown faces without a name: stored, counted separately, named later, and in no answer before that.

use std::path::Path;
use std::time::Duration;

use gallerist::face::Provenance;
use gallerist::gallery::{Access, Gallery, GalleryError, UnknownFaces};

use crate::catalog::{add, copy, create, template};
use crate::catalog_damage::provenance;
use crate::program::{House, gallerist};

fn at(left: f32) -> Provenance {
    Provenance { bounds: [left, 0.0, left + 10.0, 10.0], ..provenance(60) }
}

/// A photo with several faces, whose templates have these numbers.
pub fn unknown(photo: u8, path: &str, numbers: &[u64]) -> UnknownFaces {
    UnknownFaces {
        path: path.into(),
        hash: [photo; 32],
        settings: "none".into(),
        faces: numbers.iter().map(|&number| (template(number), at(number as f32 * 20.0))).collect(),
    }
}

fn best(gallery: &Gallery, number: u64) -> (String, f32) {
    let found = gallery.identify(&template(number), 3, &Default::default()).unwrap();
    assert!(
        found.max_score.unwrap() <= found.candidates[0].score + 1e-6,
        "the best score is that of a subject"
    );
    (found.candidates[0].subject.clone(), found.candidates[0].score)
}

fn sound(gallery: &Gallery) {
    let found = gallery.check(true).unwrap();
    assert!(found.is_sound(), "{:?}", found.problems);
    assert_eq!(
        (found.templates, found.unknown),
        (gallery.counts().unwrap().1, gallery.unknown_count().unwrap())
    );
}

#[test]
fn unknown_faces_are_stored_and_in_no_answer() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 10);
    let ids =
        gallery.add_unknown_faces(&[unknown(1, "a.jpg", &[20, 21]), unknown(2, "b.jpg", &[22])]).unwrap();
    assert_eq!(ids.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((gallery.counts().unwrap(), gallery.unknown_count().unwrap()), ((10, 10), 3));
    assert!(best(&gallery, 20).1 < 0.99);
    assert!(gallery.search(&template(20), 1).unwrap().hits[0].score < 0.99);
    assert_eq!(best(&gallery, 3).0, "p-3");
    assert_eq!((gallery.view().unwrap().len(), gallery.view_with_unknown().unwrap().len()), (10, 13));
    // The same face again, and one more face of a known photo.
    let more =
        gallery.add_unknown_faces(&[unknown(1, "copy.jpg", &[21, 24]), unknown(1, "a.jpg", &[24])]).unwrap();
    assert_eq!(more.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(gallery.other_paths(&[1; 32]).unwrap(), [Path::new("copy.jpg")]);
    let listed = gallery.unknown_faces_after(0, 100).unwrap();
    assert_eq!(listed.len(), 4);
    assert_eq!(listed[0].photo, Some([1; 32]));
    assert_eq!(listed[0].face.as_ref().unwrap().bounds, at(400.0).bounds);
    assert_eq!(gallery.unknown_faces_of(&[2; 32]).unwrap()[0].path.as_deref(), Some(Path::new("b.jpg")));
    assert!(gallery.template(listed[0].id).unwrap().is_none());
    sound(&gallery);
    drop(gallery);
    let stats = house.run("stats", ["--format", "json"]).ends(0).json();
    assert_eq!((&stats[0]["sizes"]["templates"], &stats[0]["sizes"]["unknown"]), (&10.into(), &4.into()));
    let reader = Gallery::open_with(&house.gallery(), Access::ReadOnly, Duration::ZERO).unwrap();
    assert!(best(&reader, 20).1 < 0.99);
    sound(&reader);
}

#[test]
fn a_named_unknown_face_is_found() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 10);
    let ids = gallery.add_unknown_faces(&[unknown(1, "a.jpg", &[20, 21, 22])]).unwrap().concat();
    let moved = gallery.move_templates(&ids[..2], "Ada").unwrap();
    assert_eq!((moved.into.as_str(), moved.ids.len()), ("Ada", 2));
    gallery.move_templates(&ids[2..], "p-3").unwrap();
    assert_eq!(best(&gallery, 20).0, "Ada");
    assert_eq!(best(&gallery, 22).0, "p-3");
    assert_eq!((gallery.counts().unwrap(), gallery.unknown_count().unwrap()), ((11, 13), 0));
    assert_eq!(gallery.photo(&[1; 32]).unwrap().unwrap().path, Path::new("a.jpg"));
    let error = gallery.move_templates(&ids[..1], "Ada").unwrap_err();
    assert!(matches!(error, GalleryError::UnknownTemplate { .. }), "{error}");
    sound(&gallery);
    drop(gallery);
    let history = house.run("subject history", [] as [&str; 0]).ends(0).out;
    assert!(history.contains("unknown faces to Ada"), "{history}");
}

/// A photo whose path contains the name of a removed subject is not kept for its other faces.
#[test]
fn removing_a_subject_removes_unknown_faces_of_its_photos() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 5);
    let ids = gallery.add_unknown_faces(&[unknown(1, "people/Ada/1.jpg", &[20, 21])]).unwrap().concat();
    gallery.add_unknown_faces(&[unknown(2, "people/Ada/2.jpg", &[22])]).unwrap();
    gallery.move_templates(&ids[..1], "Ada").unwrap();
    gallery.remove_subject("Ada").unwrap();
    assert_eq!(gallery.unknown_count().unwrap(), 1);
    assert!(gallery.photo(&[1; 32]).unwrap().is_none());
    let id = gallery.unknown_faces_after(0, 10).unwrap()[0].id;
    gallery.remove_templates(&[id]).unwrap();
    assert!(gallery.photo(&[2; 32]).unwrap().is_none());
    assert!(gallery.purge().unwrap().is_whole());
    sound(&gallery);
    drop(gallery);
    for file in walkdir::WalkDir::new(house.gallery()).into_iter().map(Result::unwrap) {
        let found = file.file_type().is_file()
            && std::fs::read(file.path()).unwrap().windows(10).any(|window| window == b"people/Ada");
        assert!(!found, "{}", file.path().display());
    }
}

#[test]
fn unknown_faces_survive_export_and_import_and_backup() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 5);
    gallery.add_unknown_faces(&[unknown(1, "a.jpg", &[20, 21])]).unwrap();
    drop(gallery);
    let out = house.path("out");
    house.run("export", ["--out".as_ref(), out.as_os_str()]).ends(0);
    let other = House::empty();
    drop(create(&other));
    for _ in 0..2 {
        other.run("import", [&out]).ends(0);
        let gallery = Gallery::open(&other.gallery()).unwrap();
        assert_eq!((gallery.counts().unwrap(), gallery.unknown_count().unwrap()), ((5, 5), 2));
        assert_eq!(gallery.unknown_faces_of(&[1; 32]).unwrap()[0].path.as_deref(), Some(Path::new("a.jpg")));
        sound(&gallery);
    }

    let backup = house.path("backup.tar");
    house.run("backup", [&backup]).ends(0);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let ids: Vec<u64> = gallery.unknown_faces_after(0, 10).unwrap().iter().map(|face| face.id).collect();
    gallery.move_templates(&ids[..1], "Ada").unwrap();
    gallery.remove_templates(&ids[1..]).unwrap();
    drop(gallery);
    for (to, erased, expected) in [("plain", false, ((5, 5), 2)), ("since", true, ((6, 6), 0))] {
        let place = house.path(to);
        let gallery = house.gallery();
        let mut arguments = vec!["restore".as_ref(), backup.as_os_str(), place.as_os_str()];
        if erased {
            arguments.extend(["--erased".as_ref(), gallery.as_os_str()]);
        }
        gallerist(arguments).ends(0);
        let gallery = Gallery::open(&place).unwrap();
        assert_eq!((gallery.counts().unwrap(), gallery.unknown_count().unwrap()), expected, "{to}");
        sound(&gallery);
    }
    assert_eq!(best(&Gallery::open(&house.path("since")).unwrap(), 20).0, "Ada");
}

#[test]
fn an_unknown_face_does_not_bring_back_a_name_that_was_removed() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 5);
    drop(gallery);
    let backup = house.path("backup.tar");
    house.run("backup", [&backup]).ends(0);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    gallery.remove_subject("p-2").unwrap();
    gallery.add_unknown_faces(&[unknown(1, "a.jpg", &[2])]).unwrap();
    drop(gallery);
    let (place, gallery) = (house.path("restored"), house.gallery());
    let arguments =
        ["restore".as_ref(), backup.as_os_str(), place.as_os_str(), "--erased".as_ref(), gallery.as_os_str()];
    gallerist(arguments).ends(0);
    let gallery = Gallery::open(&place).unwrap();
    assert!(matches!(gallery.subject("p-2"), Err(GalleryError::UnknownSubject { .. })));
    sound(&gallery);
}

#[test]
fn after_a_kill_unknown_faces_are_complete_or_absent() {
    let house = House::empty();
    let gallery = create(&house);
    add(&gallery, 0, 5);
    gallery.add_unknown_faces(&[unknown(1, "a.jpg", &[20])]).unwrap();
    copy(&house.gallery(), &house.path("killed"));
    drop(gallery);
    for access in [Access::ReadOnly, Access::ReadWrite] {
        let gallery = Gallery::open_with(&house.path("killed"), access, Duration::ZERO).unwrap();
        assert_eq!(gallery.unknown_count().unwrap(), 1);
        assert!(best(&gallery, 20).1 < 0.99);
        sound(&gallery);
    }
}
