//! A gallery gives the same results with every store of vectors. The local store is compared with the one in memory.

mod concurrency;
mod distinct;
mod lists;
mod pictures;
mod reads;
mod rejections;
mod similar_names;
mod undo;

use std::path::Path;
use std::time::Duration;

use super::catalog::{Catalog, PendingKind, subject};
use super::vectors::memory::Memory;
use super::vectors::{Access, VectorErrorKind, VectorStore};
use super::*;
use crate::face::{Provenance, Quality};
use crate::fusion::Fusion;
use crate::template::Template;

const D: usize = 24;

fn template(number: u64) -> Template {
    let component = |i: u64| ((number * 37 + i * i * 11 + number * i * 5) % 97) as f32 - 48.0;
    Template::from_raw(&(0..D as u64).map(component).collect::<Vec<f32>>()).unwrap()
}

/// A gallery and a way to open it again.
struct Kind {
    folder: tempfile::TempDir,
    memory: Option<Memory>,
}

impl Kind {
    fn local() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        drop(Gallery::create(&path, &Binding::external(D, Some(0.6)), GraphWhen::Never).unwrap());
        Self { folder, memory: None }
    }

    fn in_memory() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        std::fs::create_dir(&path).unwrap();
        let (binding, memory) = (Binding::external(D, Some(0.6)), Memory::new(D, ""));
        let id = memory.open(Access::ReadWrite).identity().id;
        drop(Catalog::create(&path.join(CATALOG), &binding, id).unwrap());
        Self { folder, memory: Some(memory) }
    }

    fn open(&self, access: Access) -> Gallery {
        let path = self.folder.path().join("gallery");
        match &self.memory {
            Some(memory) => Gallery::with_vectors(&path, access, Box::new(memory.open(access))),
            None => Gallery::open_with(&path, access, Duration::ZERO),
        }
        .unwrap()
    }
}

fn import(gallery: &Gallery, people: u64) {
    let row = |row: u64| ImportedRow {
        row,
        person: Some(Person::Named(Name::new(&format!("p-{}", row / 3)).unwrap())),
        template: template(row),
        photo: None,
    };
    let source = gallery.source(&[1; 32], Path::new("rows.npy"), 3 * people).unwrap();
    gallery.import(&source, &(0..3 * people).map(row).collect::<Vec<_>>()).unwrap();
}

fn unknown(photo: u8, number: u64) -> UnknownFaces {
    let quality = Quality {
        size_px: 80.0,
        detector_score: 0.9,
        sharpness: 1.0,
        yaw: 0.0,
        pitch: 0.0,
        roll: 0.0,
        overall: 50,
    };
    let (bounds, landmarks) = ([0.0, 0.0, 10.0, 10.0], [[1.0; 2]; 5]);
    let face = Provenance { bounds, score: 0.9, landmarks, turned: 0, quality };
    UnknownFaces {
        path: format!("{photo}.jpg").into(),
        hash: [photo; 32],
        settings: String::new(),
        faces: vec![(template(number), face)],
    }
}

/// The results of a gallery, without the parts that depend on the store.
fn answers(gallery: &Gallery) -> Vec<String> {
    let mut answers = vec![format!("{:?} {:?}", gallery.counts().unwrap(), gallery.unknown_count().unwrap())];
    for number in [0, 4, 7, 31, 100, 101] {
        let probe = template(number);
        for fusion in [Fusion::Max, Fusion::Mean, Fusion::Top2] {
            let search = Search { fusion, ..Search::default() };
            let found = gallery.identify(&probe, 4, &search).unwrap();
            answers.push(format!("{:?} {:?} {:?}", found.candidates, found.max_score, found.certificate));
        }
        for answer in [gallery.search(&probe, 5).unwrap(), gallery.range(&probe, 0.2).unwrap()] {
            answers.push(format!("{:?} {:?} {}", answer.hits, answer.max_score, answer.complete));
        }
        let view = gallery.view().unwrap();
        let search = Search { fusion: Fusion::Mean, ..Search::default() };
        answers.push(format!(
            "{:?}",
            gallery.rank_left_out(&view, &probe, Some(5), 3, &search).unwrap().subjects
        ));
    }
    answers
}

#[test]
fn a_gallery_answers_alike_over_any_store() {
    let kinds = [Kind::local(), Kind::in_memory()];
    let stories = kinds.each_ref().map(|kind| {
        let gallery = kind.open(Access::ReadWrite);
        import(&gallery, 20);
        let mut story = answers(&gallery);
        let ids = gallery.add_unknown_faces(&[unknown(1, 100), unknown(2, 101)]).unwrap();
        story.extend(answers(&gallery));
        gallery.move_templates(&ids[0], "Ada").unwrap();
        gallery.merge_subjects("p-2", "p-1").unwrap();
        gallery.remove_subject("p-10").unwrap();
        let moved = gallery.move_templates(&[1, 2], "Bob").unwrap().ids;
        gallery.remove_templates(&moved[..1]).unwrap();
        story.extend(answers(&gallery));
        story.push(format!("{} {moved:?}", gallery.unerased().unwrap()));
        gallery.compact().unwrap();
        assert!(gallery.purge().unwrap().is_whole());
        assert_eq!(gallery.unerased().unwrap(), 0);
        story.extend(answers(&gallery));
        drop(gallery);
        let gallery = kind.open(Access::ReadOnly);
        assert_eq!(gallery.check(true).unwrap().problems, [""; 0]);
        assert_eq!(gallery.view_with_unknown().unwrap().len() as u64, gallery.counts().unwrap().1 + 1);
        story.extend(answers(&gallery));
        story
    });
    assert_eq!(stories[0], stories[1]);
}

#[test]
fn a_store_without_files_is_not_copied() {
    let kind = Kind::in_memory();
    let to = kind.folder.path().join("copy");
    let error = kind.open(Access::ReadOnly).vectors.copy_to(&to).unwrap_err();
    assert_eq!(error.kind(), VectorErrorKind::Unsupported);
    assert!(!to.exists());
}

#[test]
fn a_catalog_beside_another_store_is_refused() {
    let kind = Kind::in_memory();
    let path = kind.folder.path().join("gallery");
    import(&kind.open(Access::ReadWrite), 2);
    let open = |memory: &Memory| {
        let vectors = Box::new(memory.open(Access::ReadOnly));
        Gallery::with_vectors(&path, Access::ReadOnly, vectors).err()
    };
    assert!(open(kind.memory.as_ref().unwrap()).is_none());
    // An earlier state of the same store has lost acknowledged writes, and another dimension belongs to another gallery.
    assert!(matches!(open(&Memory::new(D, "")), Some(GalleryError::IndexBehind { .. })));
    assert!(open(&Memory::new(D + 1, "")).unwrap().is_damage());
}
