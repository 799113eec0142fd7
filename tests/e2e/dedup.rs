//! Copies of photos: plan, application, undo.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use image::{DynamicImage, ImageFormat, imageops};
use serde_json::Value;

use crate::program::{House, Said, command, encode, faces};

/// A folder of photos, with a cache and decisions of its own.
pub struct Photos {
    pub house: House,
}

impl Photos {
    pub fn new() -> Self {
        let house = House::empty();
        fs::create_dir(house.path("photos")).unwrap();
        Self { house }
    }

    pub fn root(&self) -> PathBuf {
        self.house.path("photos")
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        self.house.write(Path::new("photos").join(name), bytes)
    }

    pub fn words(&self, verb: &str, more: &[&str]) -> Vec<String> {
        let path = |name: &str| self.house.path(name).to_str().unwrap().to_owned();
        let mut words = vec!["dedup".to_owned(), verb.into()];
        match verb {
            "plan" => {
                let cache = path("cache.sqlite");
                words.extend([path("photos"), "--out".into(), path("plan.json"), "--cache".into(), cache]);
            }
            _ => words.push(path("plan.json")),
        }
        if verb != "undo" {
            words.extend(["--decisions".into(), path("decisions.sqlite")]);
        }
        words.extend(more.iter().map(|&word| word.to_owned()));
        words
    }

    /// The program with a trash of its own.
    pub fn command(&self, verb: &str, more: &[&str]) -> Command {
        let mut command = command(self.words(verb, more));
        command.env("XDG_DATA_HOME", self.house.path("data"));
        command
    }

    #[track_caller]
    pub fn run(&self, verb: &str, more: &[&str]) -> Said {
        Said::of(self.command(verb, more).output().unwrap())
    }

    /// Makes a plan. Returns the groups as (kind, [(action, name)]).
    #[track_caller]
    pub fn plan(&self, more: &[&str]) -> Vec<(String, Vec<(String, String)>)> {
        self.run("plan", more).ends(0);
        let plan: Value = serde_json::from_slice(&fs::read(self.house.path("plan.json")).unwrap()).unwrap();
        let root = fs::canonicalize(self.root()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let member = |member: &Value| {
            let photo = text(&member["photo"]);
            let name =
                photo.strip_prefix(root.to_str().unwrap()).map_or(photo.clone(), |name| name[1..].into());
            (text(&member["action"]), name)
        };
        let group = |group: &Value| {
            (text(&group["kind"]), group["members"].as_array().unwrap().iter().map(member).collect())
        };
        plan["groups"].as_array().unwrap().iter().map(group).collect()
    }

    /// Every file and folder below the root: content, mode and time of change.
    pub fn tree(&self) -> BTreeMap<PathBuf, (Vec<u8>, u32, SystemTime)> {
        let mut tree = BTreeMap::new();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            let metadata = fs::metadata(&folder).unwrap();
            tree.insert(folder.clone(), (Vec::new(), metadata.mode(), metadata.modified().unwrap()));
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                if metadata.is_dir() {
                    folders.push(path);
                } else if metadata.is_file() {
                    let content = fs::read(&path).unwrap();
                    tree.insert(path, (content, metadata.mode(), metadata.modified().unwrap()));
                }
            }
        }
        tree
    }
}

pub fn face(person: &str, name: &str) -> Vec<u8> {
    fs::read(faces().join(person).join(name)).unwrap()
}

pub fn jpeg(picture: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
    picture.to_rgb8().write_with_encoder(encoder).unwrap();
    bytes
}

fn acted(groups: &[(String, Vec<(String, String)>)], action: &str) -> Vec<String> {
    let members = groups.iter().flat_map(|(_, members)| members);
    let mut names: Vec<String> =
        members.filter(|(one, _)| one == action).map(|(_, name)| name.clone()).collect();
    names.sort();
    names
}

#[test]
fn processed_copies_are_found_and_other_photos_are_not() {
    let photos = Photos::new();
    let original = image::load_from_memory(&face("001", "neutral.jpg")).unwrap();
    photos.write("original.jpg", &face("001", "neutral.jpg"));
    photos.write("copy/original.jpg", &face("001", "neutral.jpg"));
    photos.write("edited/quality.jpg", &jpeg(&original, 40));
    photos.write("edited/png.png", &encode(&original, ImageFormat::Png));
    let small = original.resize(original.width() / 3, original.height() / 3, imageops::FilterType::Triangle);
    photos.write("edited/small.jpg", &jpeg(&small, 85));
    let (width, height) = (original.width(), original.height());
    photos.write(
        "edited/cropped.jpg",
        &jpeg(&original.crop_imm(width / 40, height / 40, width * 19 / 20, height * 19 / 20), 85),
    );
    photos.write("edited/turned.jpg", &jpeg(&original.rotate90(), 85));
    photos.write("edited/upside down.jpg", &jpeg(&original.rotate180(), 85));
    photos.write("edited/mirrored.jpg", &jpeg(&original.fliph(), 85));
    photos.write("edited/brighter.jpg", &jpeg(&original.brighten(25).adjust_contrast(10.0), 85));
    photos.write("edited/grey.jpg", &jpeg(&DynamicImage::from(original.to_luma8()), 85));
    let mut framed = DynamicImage::from(image::RgbImage::from_pixel(
        width * 11 / 10,
        height * 11 / 10,
        image::Rgb([255; 3]),
    ));
    imageops::overlay(&mut framed, &original, i64::from(width / 20), i64::from(height / 20));
    photos.write("edited/framed.jpg", &jpeg(&framed, 85));
    // The same person, and other people.
    photos.write("others/smiling.jpg", &face("001", "smiling.jpg"));
    for person in ["003", "004", "005", "006", "008"] {
        photos.write(&format!("others/{person}.jpg"), &face(person, "neutral.jpg"));
    }
    let groups = photos.plan(&[]);
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(groups[0].0, "similar");
    let kept = acted(&groups, "keep");
    assert!(kept == ["original.jpg"] || kept == ["edited/png.png"], "{kept:?}");
    assert_eq!(acted(&groups, "move").len(), 11, "{groups:?}");
}

#[test]
fn applying_moves_and_undoing_restores_the_tree_exactly() {
    let photos = Photos::new();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (name, person) in [("a/1.jpg", "001"), ("b/1.jpg", "001"), ("b/c/one.jpg", "001"), ("b/2.jpg", "003")]
    {
        let path = photos.write(name, &face(person, "neutral.jpg"));
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_times(fs::FileTimes::new().set_modified(old)).unwrap();
    }
    fs::set_permissions(photos.root().join("b/c/one.jpg"), fs::Permissions::from_mode(0o600)).unwrap();
    let before = photos.tree();
    let groups = photos.plan(&[]);
    assert_eq!((acted(&groups, "keep"), acted(&groups, "move").len()), (vec!["a/1.jpg".to_owned()], 2));
    photos.run("apply", &[]).ends(0);
    assert!(photos.tree() == before, "without --yes nothing changes");
    let said = photos.run("apply", &["--yes", "--format", "json"]).ends(0).json();
    assert_eq!(said[0]["moved"], 2);
    let names = |tree: &BTreeMap<PathBuf, _>| tree.keys().filter(|path| path.is_file()).count();
    assert!(!photos.root().join("b/c/one.jpg").exists() && photos.root().join("a/1.jpg").exists());
    assert_eq!(names(&photos.tree()), 5, "the four photos and a journal");
    // The quarantine is not searched.
    fs::remove_file(photos.house.path("plan.json")).unwrap();
    assert!(photos.plan(&[]).is_empty());
}

#[test]
fn undo_gives_files_and_folders_their_times() {
    let photos = Photos::new();
    for name in ["a/1.jpg", "b/1.jpg", "b/c/1.jpg"] {
        photos.write(name, &face("001", "neutral.jpg"));
    }
    let before = photos.tree();
    photos.plan(&[]);
    photos.run("apply", &["--yes"]).ends(0);
    assert!(photos.tree() != before);
    photos.run("undo", &[]).ends(0);
    assert!(photos.tree() == before);
    let said = photos.run("undo", &[]).ends(1);
    assert!(said.err.contains("not applied"), "{}", said.err);
}

#[test]
fn a_file_with_several_names_is_one_file() {
    let photos = Photos::new();
    let path = photos.write("1.jpg", &face("001", "neutral.jpg"));
    fs::hard_link(&path, photos.root().join("hard.jpg")).unwrap();
    std::os::unix::fs::symlink(&path, photos.root().join("soft.jpg")).unwrap();
    std::os::unix::fs::symlink(photos.root(), photos.house.path("again")).unwrap();
    let again = photos.house.path("again");
    let said = photos.run("plan", &[again.to_str().unwrap(), "--format", "json"]).ends(0).json();
    assert_eq!((&said[0]["counts"]["photos"], &said[0]["groups"]), (&1.into(), &serde_json::json!([])));
}

#[test]
fn hard_links_move_together() {
    let photos = Photos::new();
    photos.write("a.jpg", &face("001", "neutral.jpg"));
    let copy = photos.write("z/copy.jpg", &face("001", "neutral.jpg"));
    fs::hard_link(&copy, photos.root().join("z/linked.jpg")).unwrap();
    photos.plan(&[]);
    let said = photos.run("apply", &["--yes", "--format", "json"]).ends(0).json();
    assert_eq!(said[0]["moved"], 2);
    photos.run("undo", &[]).ends(0);
    assert_eq!(fs::metadata(&copy).unwrap().nlink(), 2);
}

#[test]
fn a_photo_outside_the_folders_is_not_moved() {
    let photos = Photos::new();
    let outside = photos.house.write("elsewhere/1.jpg", &face("001", "neutral.jpg"));
    photos.write("z/1.jpg", &face("001", "neutral.jpg"));
    std::os::unix::fs::symlink(&outside, photos.root().join("linked.jpg")).unwrap();
    let groups = photos.plan(&["--keep", "newest"]);
    assert_eq!(acted(&groups, "keep").len() + acted(&groups, "move").len(), 2);
    photos.run("apply", &["--yes"]).ends(0);
    assert!(outside.exists() && fs::symlink_metadata(photos.root().join("linked.jpg")).is_ok());
}

#[test]
fn what_changed_since_the_plan_stays() {
    let photos = Photos::new();
    photos.write("a.jpg", &face("001", "neutral.jpg"));
    let copy = photos.write("b/copy.jpg", &face("001", "neutral.jpg"));
    photos.plan(&[]);
    fs::write(&copy, face("003", "neutral.jpg")).unwrap();
    let before = photos.tree();
    let said = photos.run("apply", &["--yes"]).ends(1);
    assert!(said.out.contains("it changed since the plan was made") && copy.exists(), "{}", said.out);
    assert!(photos.tree() == before, "nothing is left of a run that moved nothing");
    // If the kept photo changed, its copies stay.
    fs::write(&copy, face("001", "neutral.jpg")).unwrap();
    fs::remove_file(photos.root().join("a.jpg")).unwrap();
    let said = photos.run("apply", &["--yes"]).ends(1);
    assert!(said.out.contains("so its copies stay") && copy.exists(), "{}", said.out);
}

#[test]
fn files_that_belong_to_a_photo_move_with_it_or_it_stays() {
    let photos = Photos::new();
    let (photo, other) = (face("001", "neutral.jpg"), face("003", "neutral.jpg"));
    photos.write("a/1.jpg", &photo);
    photos.write("b/1.jpg", &photo);
    photos.write("b/1.xmp", b"sidecar");
    photos.write("a/2.jpg", &other);
    photos.write("b/2.jpg", &other);
    photos.write("b/2.mov", b"a video that is only here");
    let groups = photos.plan(&["--keep", &format!("folder:{}", photos.root().join("a").display())]);
    assert_eq!(acted(&groups, "move"), ["b/1.jpg"], "{groups:?}");
    assert_eq!(acted(&groups, "keep"), ["a/1.jpg", "a/2.jpg", "b/2.jpg"]);
    photos.run("apply", &["--yes"]).ends(0);
    assert!(!photos.root().join("b/1.xmp").exists() && photos.root().join("b/2.mov").exists());
    photos.run("undo", &[]).ends(0);
    assert_eq!(fs::read(photos.root().join("b/1.xmp")).unwrap(), b"sidecar");
}

#[test]
fn reference_folders_are_never_touched() {
    let photos = Photos::new();
    photos.write("archive/deep/1.jpg", &face("001", "neutral.jpg"));
    photos.write("archive/deep/2.jpg", &face("001", "neutral.jpg"));
    photos.write("1.jpg", &face("001", "neutral.jpg"));
    let archive = photos.root().join("archive");
    let groups = photos.plan(&["--reference", archive.to_str().unwrap()]);
    assert_eq!(acted(&groups, "move"), ["1.jpg"]);
}

#[test]
fn the_same_run_twice_gives_the_same_bytes_and_decodes_nothing() {
    let photos = Photos::new();
    for (name, person) in [("a.jpg", "001"), ("b.jpg", "001"), ("c.jpg", "003"), ("d.jpg", "004")] {
        photos.write(name, &face(person, "neutral.jpg"));
    }
    let first = photos.run("plan", &[]).ends(0).out;
    assert!(first.contains("4 photos, 3 of them decoded now"), "{first}");
    let plan = fs::read(photos.house.path("plan.json")).unwrap();
    let second = photos.run("plan", &[]).ends(0).out;
    assert!(second.contains("4 photos, 0 of them decoded now"), "{second}");
    assert_eq!(fs::read(photos.house.path("plan.json")).unwrap(), plan);
    // A moved photo is known.
    fs::rename(photos.root().join("d.jpg"), photos.root().join("e.jpg")).unwrap();
    let third = photos.run("plan", &[]).ends(0).out;
    assert!(third.contains("4 photos, 0 of them decoded now"), "{third}");
}

#[test]
fn a_group_that_is_kept_whole_is_not_shown_again() {
    let photos = Photos::new();
    for (name, person) in [("a.jpg", "001"), ("b.jpg", "001"), ("c.jpg", "003"), ("d.jpg", "003")] {
        photos.write(name, &face(person, "neutral.jpg"));
    }
    assert_eq!(photos.plan(&[]).len(), 2);
    let path = photos.house.path("plan.json");
    let mut plan: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    plan["groups"][0]["keep_all"] = true.into();
    // A page may say so of a group whose members were all marked before.
    plan["groups"][0]["members"][0]["action"] = "move".into();
    fs::write(&path, plan.to_string()).unwrap();
    let said = photos.run("apply", &["--yes", "--format", "json"]).ends(0).json();
    assert_eq!((&said[0]["kept_whole"], &said[0]["moved"]), (&1.into(), &1.into()));
    fs::remove_file(path).unwrap();
    assert!(photos.plan(&[]).is_empty());
    // A third file with these bytes is no new question, and a copy of another photo is one.
    photos.write("y.jpg", &face("001", "neutral.jpg"));
    assert!(photos.plan(&[]).is_empty());
    photos.write("z.jpg", &face("003", "neutral.jpg"));
    assert_eq!(photos.plan(&[]).len(), 1);
}

#[test]
fn a_page_shows_the_pictures_and_contains_the_plan() {
    let photos = Photos::new();
    for name in ["a.jpg", "<b>.jpg"] {
        photos.write(name, &face("001", "neutral.jpg"));
    }
    let path = photos.house.path("page.html");
    photos.plan(&["--page", path.to_str().unwrap()]);
    let page = fs::read_to_string(path).unwrap();
    // Equal bytes share one picture.
    assert_eq!(page.matches("src=\"data:image/jpeg;base64,").count(), 1);
    assert_eq!(page.matches("data-same=\"0\"").count(), 1);
    assert!(page.contains("&lt;b&gt;.jpg") && !page.contains("<b>.jpg"));
    let json = page
        .split("<script id=\"plan\" type=\"application/json\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    let plan: Value = serde_json::from_slice(&fs::read(photos.house.path("plan.json")).unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(json).unwrap(), plan);
}

#[test]
fn plans_that_would_lose_something_are_refused() {
    let photos = Photos::new();
    for name in ["a.jpg", "b.jpg"] {
        photos.write(name, &face("001", "neutral.jpg"));
    }
    photos.plan(&[]);
    let path = photos.house.path("plan.json");
    let plan: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let refused = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut plan = plan.clone();
        change(&mut plan);
        fs::write(&path, plan.to_string()).unwrap();
        let said = photos.run("apply", &["--yes"]).ends(1);
        assert!(said.err.contains(expected), "{}", said.err);
    };
    refused(&|plan| plan["groups"][0]["members"][0]["action"] = "move".into(), "keeps nothing");
    refused(&|plan| plan["version"] = 9.into(), "version 9");
    refused(
        &|plan| {
            let group = plan["groups"][0].clone();
            plan["groups"].as_array_mut().unwrap().push(group);
        },
        "moved by two groups",
    );
    assert!(photos.root().join("a.jpg").exists() && photos.root().join("b.jpg").exists());
}
