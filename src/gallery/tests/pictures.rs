//! Kept photos: their files, and their erasure with the photo.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

/// Enrolls a photo with faces of these subjects.
fn enroll(gallery: &Gallery, photo: u8, names: &[&str]) -> Vec<u64> {
    let face = |(at, name): (usize, &&str)| {
        let (template, mut provenance) = unknown(photo, u64::from(photo) * 10 + at as u64).faces.remove(0);
        provenance.bounds = [40.0 * at as f32, 0.0, 40.0 * at as f32 + 20.0, 20.0];
        EnrolledFace { person: Person::Named(Name::new(name).unwrap()), template, provenance }
    };
    let enrollment = Enrollment {
        path: format!("{photo}.jpg").into(),
        hash: [photo; 32],
        settings: String::new(),
        faces: Ok(names.iter().enumerate().map(face).collect()),
    };
    match gallery.enroll(&[enrollment]).unwrap().remove(0) {
        PhotoOutcome::Enrolled(templates) => templates.into_iter().map(|template| template.id).collect(),
        other => panic!("{other:?}"),
    }
}

fn jpeg(photo: u8) -> Vec<u8> {
    [b"\xff\xd8\xff".to_vec(), vec![photo; 1000]].concat()
}

fn file(gallery: &Path, photo: u8) -> PathBuf {
    let digits = format!("{photo:02x}");
    gallery.join("pictures").join(&digits).join(format!("{}.jpg", digits.repeat(32)))
}

/// The photos from 1 to 9 that have a picture.
fn kept(gallery: &Gallery) -> Vec<u8> {
    let kept: Vec<u8> = (1..10).filter(|&photo| gallery.picture(&[photo; 32]).unwrap().is_some()).collect();
    let files: Vec<u8> = (1..10).filter(|&photo| file(gallery.directory(), photo).exists()).collect();
    assert_eq!(kept, files);
    kept
}

/// Photo 1 of Ada, 2 of Ada and Bob, 3 of Bob, 4 of an unknown face; each with a picture.
fn gallery() -> (Kind, Gallery) {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    for (photo, names) in [(1, &["Ada"][..]), (2, &["Ada", "Bob"]), (3, &["Bob"])] {
        enroll(&gallery, photo, names);
    }
    gallery.add_unknown_faces(&[unknown(4, 40)]).unwrap();
    for photo in 1..5 {
        gallery.keep_picture(&[photo; 32], &jpeg(photo)).unwrap();
    }
    (kind, gallery)
}

fn require_sound(gallery: &Gallery) {
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}

#[test]
fn a_picture_is_kept_privately_and_found_by_its_photo() {
    let (kind, gallery) = gallery();
    gallery.keep_picture(&[2; 32], b"another").unwrap();
    drop(gallery);
    let gallery = kind.open(Access::ReadOnly);
    assert_eq!(kept(&gallery), [1, 2, 3, 4]);
    assert_eq!(gallery.picture(&[1; 32]).unwrap().unwrap(), jpeg(1));
    assert_eq!(gallery.picture(&[2; 32]).unwrap().unwrap(), b"another");
    let pictures = gallery.directory().join("pictures");
    for entry in walkdir::WalkDir::new(&pictures) {
        let entry = entry.unwrap();
        let expected = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, expected, "{entry:?}");
    }
    assert_eq!(fs::read_dir(&pictures).unwrap().count(), 4, "no unfinished file is left");
    require_sound(&gallery);
}

#[test]
fn a_picture_without_a_live_template_or_a_writer_is_refused() {
    let (kind, gallery) = gallery();
    gallery.remove_subject("Bob").unwrap();
    for photo in [3, 9] {
        let error = gallery.keep_picture(&[photo; 32], &jpeg(photo)).unwrap_err();
        assert!(matches!(error, GalleryError::UnknownPhoto { .. }), "{error}");
    }
    drop(gallery);
    let gallery = kind.open(Access::ReadOnly);
    assert!(gallery.keep_picture(&[1; 32], &jpeg(1)).is_err());
    assert_eq!(kept(&gallery), [1, 2, 4]);
}

#[test]
fn a_picture_goes_with_the_last_template_of_its_photo() {
    let (_kind, gallery) = gallery();
    let template = |name: &str| gallery.templates_of(&gallery.subject(name).unwrap()).unwrap();
    gallery.remove_templates(&[template("Ada")[1].id]).unwrap();
    assert_eq!(kept(&gallery), [1, 2, 3, 4]);
    gallery.merge_subjects("Bob", "Ada").unwrap();
    assert_eq!(kept(&gallery), [1, 2, 3, 4]);
    gallery.remove_templates(&[template("Ada")[0].id]).unwrap();
    assert_eq!(kept(&gallery), [2, 3, 4]);
    gallery.remove_subject("Ada").unwrap();
    assert_eq!(kept(&gallery), [4]);
    let unknown = gallery.unknown_faces_after(0, 10).unwrap();
    gallery.remove_templates(&[unknown[0].id]).unwrap();
    assert_eq!(kept(&gallery), [0_u8; 0]);
    require_sound(&gallery);
}

#[test]
fn a_removal_that_a_crash_interrupts_erases_the_pictures_at_the_next_opening() {
    let (kind, gallery) = gallery();
    let ada = gallery.subject("Ada").unwrap();
    gallery.catalog().mark_removed(&ada).unwrap();
    drop(gallery);
    assert_eq!(kind.open(Access::ReadOnly).check(false).unwrap().problems, [""; 0]);
    assert_eq!(kept(&kind.open(Access::ReadWrite)), [2, 3, 4]);
}

#[test]
fn pictures_without_a_photo_are_reported_to_readers_and_erased_by_writers() {
    let (kind, gallery) = gallery();
    let folder = gallery.directory().to_owned();
    drop(gallery);
    fs::create_dir(folder.join("pictures/09")).unwrap();
    fs::write(file(&folder, 9), jpeg(9)).unwrap();
    fs::write(folder.join("pictures/unfinished-1"), jpeg(1)).unwrap();
    fs::write(folder.join("pictures/notes.txt"), "foreign").unwrap();
    let problems = kind.open(Access::ReadOnly).check(false).unwrap().problems;
    assert!(
        problems.len() == 2 && problems[0].contains("0909") && problems[1].contains("notes.txt"),
        "{problems:?}"
    );
    let gallery = kind.open(Access::ReadWrite);
    assert_eq!(kept(&gallery), [1, 2, 3, 4]);
    assert!(!folder.join("pictures/unfinished-1").exists());
    fs::write(file(&folder, 9), jpeg(9)).unwrap();
    assert!(gallery.purge().unwrap().is_whole());
    assert_eq!(kept(&gallery), [1, 2, 3, 4]);
}

#[test]
fn a_purge_fails_while_a_picture_cannot_be_erased() {
    let (kind, gallery) = gallery();
    let path = file(gallery.directory(), 1);
    fs::remove_file(&path).unwrap();
    fs::create_dir_all(path.join("not a file")).unwrap();
    for error in [gallery.remove_subject("Ada").map(drop), gallery.purge().map(drop)] {
        assert!(matches!(&error, Err(GalleryError::Io { path: at, .. }) if *at == path), "{error:?}");
    }
    assert!(gallery.subject("Ada").is_err(), "the removal itself is done");
    fs::remove_dir_all(&path).unwrap();
    assert!(gallery.purge().unwrap().is_whole());
    drop(gallery);
    require_sound(&kind.open(Access::ReadOnly));
}

#[test]
fn backups_contain_pictures_and_restores_leave_out_those_erased_since() {
    for backup in ["backup.tar", "backup"] {
        let (kind, gallery) = gallery();
        let place = |name: &str| kind.folder.path().join(name);
        Gallery::backup(&place("gallery"), &place(backup), &|_, _| {}).unwrap();
        gallery.remove_subject("Ada").unwrap();
        gallery.keep_picture(&[3; 32], b"newer").unwrap();
        drop(gallery);
        for (erased, expected) in [(None, &[1, 2, 3, 4][..]), (Some(place("gallery")), &[2, 3, 4])] {
            let to = place(&format!("restored {}", expected.len()));
            Gallery::restore(&place(backup), &to, erased.as_deref(), false, &|_, _| {}).unwrap();
            let restored = Gallery::open_with(&to, Access::ReadOnly, Duration::ZERO).unwrap();
            assert_eq!(kept(&restored), expected);
            assert_eq!(restored.picture(&[3; 32]).unwrap().unwrap(), jpeg(3));
            require_sound(&restored);
        }
        if backup == "backup" {
            fs::write(file(&place(backup), 3), "changed").unwrap();
            let error = Gallery::restore(&place(backup), &place("bad"), None, false, &|_, _| {}).unwrap_err();
            assert!(matches!(error, GalleryError::BadBackup { .. }), "{error}");
        }
    }
}

#[test]
fn the_photo_and_the_face_of_a_template_are_known() {
    let (_kind, gallery) = gallery();
    let bob = gallery.templates_of(&gallery.subject("Bob").unwrap()).unwrap();
    let FaceOfPhoto { photo, face, .. } = gallery.face_of(bob[0].id).unwrap().unwrap();
    assert_eq!((photo, face.bounds), ([2; 32], [40.0, 0.0, 60.0, 20.0]));
    let unknown = gallery.unknown_faces_after(0, 10).unwrap();
    assert_eq!(gallery.face_of(unknown[0].id).unwrap().unwrap().photo, [4; 32]);
    import(&gallery, 1);
    let imported = gallery.templates_of(&gallery.subject("p-0").unwrap()).unwrap();
    assert_eq!(gallery.face_of(imported[0].id).unwrap(), None);
    gallery.remove_subject("Bob").unwrap();
    assert_eq!(gallery.face_of(bob[0].id).unwrap(), None);
}
