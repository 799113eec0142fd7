//! Plans over random folders, and pictures that are and are not copies.

mod collections;
mod joins;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::alignment::Alignment;
use super::application::{ApplyRequest, Refused, apply, undo};
use super::cache::Cache;
use super::comparison::{Likeness, Refuted, compare};
use super::decisions::Decisions;
use super::disposal::Disposal;
use super::keep::Keep;
use super::level::Pyramid;
use super::orientation::Orientation;
use super::plan::Action;
use super::planning::{PlanRequest, plan};
use super::signature::WINDOWS;
use super::thumbnail::{SIDE, Thumbnail};
use crate::control::Control;
use crate::image::{Limits, decode};

/// A picture of smooth spots: `value` of the place in shares of its sides.
pub(super) fn thumbnail(value: impl Fn(f32, f32) -> f32) -> Thumbnail {
    let share = |at: usize| (at as f32 + 0.5) / SIDE as f32;
    let pixels: Vec<u8> = (0..SIDE * SIDE)
        .map(|at| value(share(at % SIDE), share(at / SIDE)).round().clamp(0.0, 255.0) as u8)
        .collect();
    Thumbnail::from_bytes(pixels).unwrap()
}

/// A scene; another seed gives another one.
pub(super) fn scene(seed: u32) -> impl Fn(f32, f32) -> f32 {
    let phase = move |term: u32| ((seed * 64 + term).wrapping_mul(0x9e37_79b9) >> 16) as f32 / 10_430.0;
    move |x, y| {
        let wave = |term: u32, across: f32, down: f32| 18.0 * (across * x + down * y + phase(term)).sin();
        128.0
            + wave(1, 9.0, 3.0)
            + wave(2, -6.0, 17.0)
            + wave(3, 31.0, 12.0)
            + wave(4, 23.0, -37.0)
            + wave(5, 5.0, 41.0)
    }
}

fn compared(one: &Thumbnail, other: &Thumbnail) -> Option<Likeness> {
    let (start, mut refuted) = ((WINDOWS[0], Alignment::IDENTITY), Refuted::default());
    compare(&Pyramid::of(one), &Pyramid::of(other), Orientation::default(), start, &mut refuted)
}

#[test]
fn crops_and_changes_of_contrast_are_found_with_their_size() {
    let scene = scene(1);
    let original = thumbnail(&scene);
    let cropped = thumbnail(|x, y| 0.7 * scene(0.05 + 0.9 * x, 0.03 + 0.95 * y) + 50.0);
    let likeness = compared(&cropped, &original).unwrap();
    let [across, down] = likeness.alignment.scale;
    assert!((across - 0.9).abs() < 0.01 && (down - 0.95).abs() < 0.01, "{likeness:?}");
    assert!(!likeness.is_captioned() && !likeness.is_plain());
    assert!(compared(&original, &original).unwrap().is_plain());
}

#[test]
fn a_change_at_one_side_is_a_caption_and_in_the_middle_another_picture() {
    let scene = scene(2);
    let original = thumbnail(&scene);
    let with_patch = |left: f32, top: f32, right: f32, bottom: f32| {
        thumbnail(|x, y| {
            let is_inside = (left..right).contains(&x) && (top..bottom).contains(&y);
            if is_inside { 255.0 * f32::from(u8::from((x * 90.0).sin() > 0.0)) } else { scene(x, y) }
        })
    };
    for (left, top, right, bottom) in
        [(0.0, 0.88, 1.0, 1.0), (0.0, 0.0, 1.0, 0.12), (0.88, 0.0, 1.0, 1.0), (0.0, 0.0, 0.12, 1.0)]
    {
        assert!(compared(&with_patch(left, top, right, bottom), &original).is_some(), "{left} {top}");
    }
    assert_eq!(compared(&with_patch(0.35, 0.35, 0.7, 0.7), &original), None);
    assert_eq!(compared(&thumbnail(self::scene(3)), &original), None);
}

#[test]
fn pictures_without_structure_are_copies_only_if_they_are_equal() {
    let plain = |grey: f32| thumbnail(move |_, y| grey + 10.0 * y);
    assert!(compared(&plain(200.0), &plain(201.0)).is_some());
    assert_eq!(compared(&plain(200.0), &thumbnail(|x, _| 200.0 + 14.0 * x)), None);
}

#[test]
fn one_changed_word_is_another_picture_and_a_mark_in_a_corner_is_not() {
    // Lines of a text; `changed` has another word.
    let page = |changed: Option<(f32, f32)>| {
        thumbnail(move |x, y| {
            let line = (y * 32.0) as u32;
            let is_ink = (y * 128.0) as u32 % 4 < 2 && ((x * 61.0 + line as f32 * 7.3).sin() > 0.2);
            let is_changed = changed.is_some_and(|(left, top)| {
                (left..left + 0.09).contains(&x) && (top..top + 0.03).contains(&y)
            });
            if is_ink != is_changed { 60.0 } else { 250.0 }
        })
    };
    let original = page(None);
    assert!(compared(&page(None), &original).is_some());
    for place in [(0.3, 0.5), (0.6, 0.3), (0.45, 0.7)] {
        assert_eq!(compared(&page(Some(place)), &original), None, "{place:?}");
    }
    assert!(compared(&page(Some((0.8, 0.94))), &original).is_some());
}

#[test]
fn a_change_of_tones_is_a_copy() {
    let scene = scene(6);
    let original = thumbnail(&scene);
    let gamma = thumbnail(|x, y| 255.0 * (scene(x, y) / 255.0).powf(1.5));
    assert!(compared(&gamma, &original).is_some() && compared(&original, &gamma).is_some());
    let clipped = thumbnail(|x, y| 1.5 * scene(x, y));
    assert!(compared(&clipped, &original).is_some() && compared(&original, &clipped).is_some());
}

#[test]
fn two_parts_of_a_larger_scene_are_no_copies_and_a_part_of_a_picture_is_one() {
    let scene = scene(7);
    let original = thumbnail(&scene);
    for (x_from, y_from) in [(0.06, 0.0), (0.0, -0.07), (0.05, 0.05)] {
        assert_eq!(compared(&thumbnail(|x, y| scene(x + x_from, y + y_from)), &original), None);
    }
    assert!(compared(&thumbnail(|x, y| scene(0.06 + 0.94 * x, y)), &original).is_some());
}

#[test]
fn empty_pictures_are_no_copies_of_each_other() {
    let empty = |grey: f32| thumbnail(move |x, _| grey + (x * 60.0).sin());
    for (one, other) in [(120.0, 120.0), (0.0, 0.0), (255.0, 255.0), (87.0, 88.0)] {
        assert_eq!(compared(&empty(one), &empty(other)), None, "{one}, {other}");
    }
}

/// The thumbnail of a photo of a person, and of a copy of it that `edit` made, as JPEG of a low quality.
fn person(name: &str, edit: impl Fn(image::RgbImage) -> image::RgbImage) -> [Thumbnail; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/faces/{name}.jpg"));
    let bytes = fs::read(path).unwrap();
    let edited = edit(image::load_from_memory(&bytes).unwrap().into_rgb8());
    let mut copy = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut copy, 50).encode_image(&edited).unwrap();
    [bytes, copy].map(|bytes| Thumbnail::of(&decode(&bytes, &Limits::default()).unwrap()))
}

#[test]
fn a_face_that_moved_a_little_is_another_photo_and_a_compressed_copy_is_not() {
    use image::imageops::{FilterType, crop_imm, replace, resize};
    for name in ["001/neutral", "041/neutral", "113/smiling"] {
        let [original, copy] = person(name, |photo| resize(&photo, 300, 300, FilterType::Triangle));
        assert!(compared(&copy, &original).is_some(), "{name}");
        let [original, moved] = person(name, |mut photo| {
            let (width, height) = photo.dimensions();
            let face = crop_imm(&photo, width / 3, height / 3, width / 3, height / 3).to_image();
            replace(&mut photo, &face, i64::from(width / 3) + 4, i64::from(height / 3) + 2);
            photo
        });
        assert_eq!(compared(&moved, &original), None, "{name}");
    }
    let thumbnails = |name: &str| person(name, |photo| photo)[0].clone();
    for person in ["001", "041", "062", "099", "113", "129"] {
        let [neutral, smiling] = ["neutral", "smiling"].map(|kind| thumbnails(&format!("{person}/{kind}")));
        assert_eq!(compared(&smiling, &neutral), None, "{person}");
    }
}

#[test]
fn animations_with_the_same_first_picture_are_copies_only_if_their_bytes_are_equal() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("photos");
    fs::create_dir(&root).unwrap();
    let scene = scene(8);
    let frame = |shift: f32| {
        let grey = |x: u32, y: u32| scene(x as f32 / 160.0 + shift, y as f32 / 120.0) as u8;
        let pixels = image::RgbaImage::from_fn(160, 120, |x, y| {
            image::Rgba([[grey(x, y); 3].as_slice(), &[255]].concat().try_into().unwrap())
        });
        image::Frame::new(pixels)
    };
    for (name, second) in
        [("1.gif", Some(0.3)), ("2.gif", Some(0.6)), ("3.gif", Some(0.6)), ("4.gif", None), ("5.gif", None)]
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(fs::File::create(root.join(name)).unwrap());
        if name == "5.gif" {
            encoder.set_repeat(image::codecs::gif::Repeat::Infinite).unwrap();
        }
        encoder.encode_frames([Some(0.0), second].into_iter().flatten().map(frame)).unwrap();
    }
    let cache = Cache::open(&folder.path().join("cache")).unwrap();
    let decisions = Decisions::open(&folder.path().join("decisions")).unwrap();
    let request = PlanRequest {
        roots: vec![root],
        references: Vec::new(),
        keep: Vec::new(),
        exact_only: false,
        limits: Limits::default(),
    };
    let planned = plan(&request, &cache, &decisions, &Control::none()).unwrap().unwrap().plan;
    let names = |group: &super::plan::Group| -> BTreeSet<String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        group.members.iter().map(|member| name(member.photo.path().unwrap())).collect()
    };
    let groups: Vec<BTreeSet<String>> = planned.groups.iter().map(names).collect();
    assert_eq!(
        groups,
        [["2.gif", "3.gif"].map(str::to_owned).into(), ["4.gif", "5.gif"].map(str::to_owned).into()]
    );
}

/// Grey of a place in shares of the sides.
type Grey<'a> = &'a dyn Fn(f32, f32) -> f32;

/// The plan over these grey pictures of 512 x 512 pixels: for each group, the members with their actions.
fn planned(pictures: &[(&str, Grey<'_>)]) -> Vec<Vec<(String, Action, String)>> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("photos");
    fs::create_dir(&root).unwrap();
    for (name, value) in pictures {
        let grey = |x: u32, y: u32| value(x as f32 / 512.0, y as f32 / 512.0).round().clamp(0.0, 255.0) as u8;
        image::GrayImage::from_fn(512, 512, |x, y| image::Luma([grey(x, y)])).save(root.join(name)).unwrap();
    }
    let cache = Cache::open(&folder.path().join("cache")).unwrap();
    let decisions = Decisions::open(&folder.path().join("decisions")).unwrap();
    let request = PlanRequest {
        roots: vec![root],
        references: Vec::new(),
        keep: Vec::new(),
        exact_only: false,
        limits: Limits::default(),
    };
    let first = plan(&request, &cache, &decisions, &Control::none()).unwrap().unwrap().plan;
    let again = plan(&request, &cache, &decisions, &Control::none()).unwrap().unwrap().plan;
    assert_eq!(first, again, "what the cache knows changes nothing");
    let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let members = |group: &super::plan::Group| {
        let members = group.members.iter();
        members.map(|one| (name(one.photo.path().unwrap()), one.action, one.why.clone())).collect()
    };
    first.groups.iter().map(members).collect()
}

#[test]
fn captioned_copies_are_in_the_group_and_stay() {
    let scene = scene(11);
    let captioned = |phase: f32| {
        let scene = &scene;
        move |x: f32, y: f32| {
            if y > 0.88 { 255.0 * f32::from(u8::from((x * 90.0 + phase).sin() > 0.0)) } else { scene(x, y) }
        }
    };
    let (one, other) = (captioned(0.0), captioned(1.5));
    let groups = planned(&[("1.png", &one), ("2.png", &other), ("plain.png", &scene)]);
    assert_eq!((groups.len(), groups[0].len()), (1, 3), "{groups:?}");
    assert!(groups[0].iter().all(|(_, action, _)| *action == Action::Keep), "{groups:?}");
    assert!(groups[0].iter().skip(1).all(|(.., why)| why.contains("caption")), "{groups:?}");
}

#[test]
fn photos_that_differ_in_a_detail_are_no_copies() {
    let scene = scene(12);
    let with_stripes = |phase: f32| {
        let scene = &scene;
        move |x: f32, y: f32| {
            let is_striped = (0.4..0.6).contains(&x) && (0.4..0.6).contains(&y);
            scene(x, y) + if is_striped { 40.0 * (x * 1600.0 + phase).sin() } else { 0.0 }
        }
    };
    let (one, other, same) = (with_stripes(0.0), with_stripes(3.1), with_stripes(0.02));
    let groups = planned(&[("1.png", &one), ("2.png", &other), ("3.png", &same)]);
    let names: Vec<Vec<&str>> =
        groups.iter().map(|group| group.iter().map(|(name, ..)| name.as_str()).collect()).collect();
    assert_eq!(names, [["1.png", "3.png"]]);
}

/// A file of a random tree: folder, stem, content, whether it is a second name of the file before it, whether it has a sidecar.
type Planted = (u8, u8, u8, bool, bool);

fn plant(root: &Path, planted: &[Planted]) {
    let mut last: Option<PathBuf> = None;
    for (number, &(folder, stem, content, is_link, has_sidecar)) in planted.iter().enumerate() {
        let folder = root.join(format!("f{}", folder % 3));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{}-{number}.png", stem % 2));
        match last.as_ref().filter(|_| is_link) {
            Some(last) => fs::hard_link(last, &path).unwrap(),
            None => {
                image::GrayImage::from_pixel(3, 2, image::Luma([content % 4])).save(&path).unwrap();
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + u64::from(stem));
                let file = fs::File::options().write(true).open(&path).unwrap();
                file.set_times(fs::FileTimes::new().set_modified(time)).unwrap();
            }
        }
        if has_sidecar {
            fs::write(path.with_extension("xmp"), [content]).unwrap();
        }
        last = Some(path);
    }
}

/// Path, content and time of everything below the root.
fn tree(root: &Path) -> BTreeMap<PathBuf, (Option<Vec<u8>>, SystemTime)> {
    let entries = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    let state = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        (metadata.is_file().then(|| fs::read(path).unwrap()), metadata.modified().unwrap())
    };
    entries.map(|entry| (entry.path().to_owned(), state(entry.path()))).collect()
}

/// The groups of paths that are names of one file.
fn linked(root: &Path) -> BTreeSet<BTreeSet<PathBuf>> {
    let mut names: BTreeMap<u64, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in tree(root).into_keys().filter(|path| path.is_file()) {
        names.entry(fs::metadata(&path).unwrap().ino()).or_default().insert(path);
    }
    names.into_values().collect()
}

/// The contents of the photos that are not in a quarantine.
fn photos(tree: &BTreeMap<PathBuf, (Option<Vec<u8>>, SystemTime)>) -> BTreeSet<Vec<u8>> {
    let outside = tree.iter().filter(|(path, _)| !path.to_string_lossy().contains(".gallerist-quarantine"));
    let photos = outside.filter(|(path, _)| path.extension() == Some("png".as_ref()));
    photos.filter_map(|(_, (content, _))| content.clone()).collect()
}

/// Applies a plan over planted files, checks what is left, and undoes it.
fn applied_and_undone(
    planted: &[Planted],
    rule: usize,
    has_reference: bool,
    disposal: Disposal,
) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap().join("photos");
    plant(&root, planted);
    let (before, names) = (tree(&root), linked(&root));
    let cache = Cache::open(&folder.path().join("cache")).unwrap();
    let decisions = Decisions::open(&folder.path().join("decisions")).unwrap();
    let rules = [Keep::Largest, Keep::BestQuality, Keep::Oldest, Keep::Newest, Keep::Folder(root.join("f1"))];
    let is_usable = |rule: &Keep| !matches!(rule, Keep::Folder(folder) if !folder.exists());
    let reference = Some(root.join("f0")).filter(|folder| has_reference && folder.exists());
    let request = PlanRequest {
        roots: vec![root.clone()],
        references: reference.iter().cloned().collect(),
        keep: rules.into_iter().skip(rule).filter(is_usable).collect(),
        exact_only: false,
        limits: Limits::default(),
    };
    let control = Control::none();
    let planned = plan(&request, &cache, &decisions, &control).unwrap().unwrap().plan;
    let members = planned.groups.iter().flat_map(|group| &group.members);
    let moved: BTreeSet<PathBuf> = members
        .filter(|member| member.action == Action::Move)
        .flat_map(|member| &member.files)
        .flat_map(|file| file.paths.iter().map(|path| path.path().unwrap()))
        .collect();
    prop_assert!(reference.is_none_or(|reference| moved.iter().all(|path| !path.starts_with(&reference))));
    let home_trash = Some(folder.path().join("data/Trash"));
    let mut request_to_apply = ApplyRequest { disposal, home_trash, ..ApplyRequest::default() };
    request_to_apply.dry_run = true;
    let announced = apply(&planned, &request_to_apply, &decisions, &control).unwrap();
    prop_assert!(tree(&root) == before && !folder.path().join("data").exists());
    request_to_apply.dry_run = false;
    let applied = apply(&planned, &request_to_apply, &decisions, &control).unwrap();
    // A file of a reference folder gets no other name.
    let is_left =
        |refused: &Refused| has_reference && !disposal.moves() && refused.reason.contains("reference folder");
    prop_assert!(applied.refused.iter().all(is_left), "{:?}", applied.refused);
    prop_assert_eq!((announced.moved, announced.replaced), (applied.moved, applied.replaced));
    let after = tree(&root);
    prop_assert_eq!(photos(&after), photos(&before));
    if disposal.moves() {
        prop_assert_eq!(applied.moved as usize, moved.len());
        prop_assert!(before.keys().all(|path| after.contains_key(path) != moved.contains(path)));
        // A second plan finds nothing more to move.
        let again = plan(&request, &cache, &decisions, &control).unwrap().unwrap().plan;
        prop_assert_eq!(again.counts.moved_files, 0);
    } else {
        let content =
            |tree: &BTreeMap<PathBuf, (Option<Vec<u8>>, SystemTime)>, path: &Path| tree[path].0.clone();
        prop_assert!(before.keys().all(|path| content(&before, path) == content(&after, path)));
        let journal = usize::from(applied.replaced > 0);
        let fewer = if disposal == Disposal::Hardlink { applied.replaced as usize } else { 0 };
        prop_assert_eq!(linked(&root).len(), names.len() + journal - fewer);
        // Files of equal bytes are all that is replaced, and a second time none is.
        let again = apply(&planned, &request_to_apply, &decisions, &control).unwrap();
        prop_assert_eq!((again.replaced, again.already), (0, applied.replaced));
    }
    if applied.moved + applied.replaced > 0 {
        let undone = undo(&planned, None, &control).unwrap();
        prop_assert!(undone.refused.is_empty(), "{:?}", undone.refused);
    }
    prop_assert!(tree(&root) == before);
    prop_assert_eq!(linked(&root), names);
    let once_more = plan(&request, &cache, &decisions, &control).unwrap().unwrap().plan;
    prop_assert_eq!(once_more.to_json(), planned.to_json());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_content_stays_and_undoing_restores_the_tree(
        planted in prop::collection::vec(any::<Planted>(), 1..14),
        rule in 0_usize..5,
        reference in any::<bool>(),
        disposal in prop::sample::select(vec![Disposal::Quarantine, Disposal::Trash, Disposal::Hardlink]),
    ) {
        applied_and_undone(&planted, rule, reference, disposal)?;
    }
}

/// Runs a test of this file where files can be cloned, and returns `true` in the run that is there.
fn where_files_can_be_cloned(test: &str) -> bool {
    const INSIDE: &str = "GALLERIST_TEST_CLONES";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clone_disk");
    let mut command = std::process::Command::new(script);
    command.arg(std::env::current_exe().unwrap()).args(["--exact", &format!("dedup::tests::{test}")]);
    let run = command.env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("1 passed"), "{said}{errors}");
    false
}

#[test]
#[cfg_attr(not(clone_disk), ignore = "needs a file system that can clone files, or root and mkfs.xfs")]
fn every_content_stays_when_copies_become_clones() {
    if where_files_can_be_cloned("every_content_stays_when_copies_become_clones") {
        let cases = (prop::collection::vec(any::<Planted>(), 1..14), 0_usize..5, any::<bool>());
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(32));
        let case = |(planted, rule, reference): (Vec<Planted>, usize, bool)| {
            applied_and_undone(&planted, rule, reference, Disposal::Reflink)
        };
        runner.run(&cases, case).unwrap();
    }
}
