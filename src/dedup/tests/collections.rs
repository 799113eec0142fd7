//! Plans over collections: limits, libraries of other programs, decisions, and folders that lead elsewhere.

use std::fs;

use super::super::application::{ApplyRequest, apply, undo};
use super::super::cache::Cache;
use super::super::decisions::Decisions;
use super::super::files::find;
use super::super::plan::Plan;
use super::super::planning::{PlanRequest, plan};
use super::scene;
use crate::control::Control;
use crate::image::Limits;

/// A folder with these pictures of a scene, and its plan with these limits.
struct Collected {
    folder: tempfile::TempDir,
    cache: Cache,
    decisions: Decisions,
}

impl Collected {
    fn new(pictures: &[(&str, u32)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, seed) in pictures {
            let path = folder.path().join("photos").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let scene = scene(*seed);
            let grey = |x: u32, y: u32| image::Luma([scene(x as f32 / 256.0, y as f32 / 256.0) as u8]);
            image::GrayImage::from_fn(256, 256, grey).save(path).unwrap();
        }
        let cache = Cache::open(&folder.path().join("cache")).unwrap();
        let decisions = Decisions::open(&folder.path().join("decisions")).unwrap();
        Self { folder, cache, decisions }
    }

    fn plan(&self, limits: Limits) -> Plan {
        let request = PlanRequest {
            roots: vec![self.folder.path().join("photos")],
            references: Vec::new(),
            keep: Vec::new(),
            exact_only: false,
            limits,
        };
        plan(&request, &self.cache, &self.decisions, &Control::none()).unwrap().unwrap().plan
    }
}

#[test]
fn limits_hold_for_photos_that_the_cache_knows() {
    let photos = Collected::new(&[("1.png", 1), ("2.png", 1)]);
    assert_eq!(photos.plan(Limits::default()).counts.moved_items, 1);
    for limits in
        [Limits { pixels: 1000, ..Limits::default() }, Limits { file_bytes: 100, ..Limits::default() }]
    {
        let refused = photos.plan(limits);
        assert_eq!(refused.unread.iter().map(|unread| unread.paths.len()).sum::<usize>(), 2, "{refused:?}");
    }
    assert_eq!(photos.plan(Limits::default()).counts.moved_items, 1);
}

#[test]
fn the_library_of_another_program_is_left_alone_and_named() {
    let photos = Collected::new(&[("a/1.png", 1), ("Mine.photoslibrary/originals/1/x.png", 1)]);
    let found = photos.plan(Limits::default());
    assert_eq!((found.counts.photos, found.counts.moved_items), (1, 0));
    let [unread] = &found.unread[..] else { panic!("{found:?}") };
    assert!(unread.reason == "library" && unread.paths.len() == 1);
    assert!(unread.paths[0].path().unwrap().ends_with("Mine.photoslibrary"));
    // A user who names a folder in it means it.
    let inner = photos.folder.path().join("photos/Mine.photoslibrary/originals");
    let found = find(&[inner], &Control::none()).unwrap();
    assert!(found.files.len() == 1 && found.libraries.is_empty());
}

#[test]
fn groups_that_the_user_keeps_are_counted() {
    let photos = Collected::new(&[("1.png", 1), ("2.png", 1), ("3.png", 2), ("4.png", 2)]);
    let mut found = photos.plan(Limits::default());
    assert_eq!((found.groups.len(), found.counts.kept_groups), (2, 0));
    found.groups[0].keep_all = true;
    apply(&found, &ApplyRequest::default(), &photos.decisions, &Control::none()).unwrap();
    let found = photos.plan(Limits::default());
    assert_eq!((found.groups.len(), found.counts.kept_groups), (0, 1));
}

#[test]
fn nothing_is_moved_back_through_a_link_to_another_folder() {
    let photos = Collected::new(&[("a/1.png", 1), ("b/2.png", 1)]);
    let found = photos.plan(Limits::default());
    let moved = found.groups[0].members[1].photo.path().unwrap();
    let request = ApplyRequest { dry_run: false, ..ApplyRequest::default() };
    apply(&found, &request, &photos.decisions, &Control::none()).unwrap();
    assert!(!moved.exists());
    let (folder, other) = (moved.parent().unwrap(), photos.folder.path().join("other"));
    fs::remove_dir(folder).unwrap();
    fs::create_dir(&other).unwrap();
    std::os::unix::fs::symlink(&other, folder).unwrap();
    let undone = undo(&found, None, &Control::none()).unwrap();
    assert!(
        undone.restored == 0 && undone.refused[0].reason.contains("leads to another place"),
        "{undone:?}"
    );
    assert!(fs::read_dir(&other).unwrap().next().is_none());
    fs::remove_file(folder).unwrap();
    assert_eq!(undo(&found, None, &Control::none()).unwrap().restored, 1);
    assert!(moved.is_file());
}
