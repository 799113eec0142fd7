//! Items: photos with the files that belong to them, which move together or not at all.
//!
//! - A raw file and the JPEG of the same shot: the same name with another ending, in the same folder. Two encodings of one picture
//!   without a raw file (`1.HEIC` and `1.JPG`) are two items, which may be copies of each other.
//! - A Live Photo: a photo and a video of the same name.
//! - Sidecars: `NAME.xmp`, `NAME.JPG.xmp`, `NAME.aae`, `NAME.JPG.json` and `NAME.JPG.supplemental-metadata.json` (Google Takeout, which
//!   cuts long names, and puts the number of `NAME(1).JPG` at the end: `NAME.JPG(1).json`).
//! - A burst with a cover, by the names that phones give (`..._BURST001_COVER.jpg`): all its frames.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::File;

const SIDECARS: &[&str] = &["xmp", "aae", "json", "thm", "pp3", "dop"];
const RAWS: &[&str] = &[
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mrw", "nef", "nrw", "orf", "pef",
    "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
];
const VIDEOS: &[&str] = &["mov", "mp4", "m4v"];
/// Shortest beginning of a name that Google Takeout keeps when it cuts a name.
const TAKEOUT_CUT: usize = 46;

/// A photo, or several that belong together, and their companions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// Numbers of the files that are photos, in order; at least one.
    pub photos: Vec<usize>,
    /// Numbers of the other files.
    pub companions: Vec<usize>,
}

/// Divides files into items. `is_photo` tells which files are photos; other files that belong to no photo are left out.
pub fn items(files: &[File], is_photo: impl Fn(usize) -> bool) -> Vec<Item> {
    let mut folders: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (number, file) in files.iter().enumerate() {
        folders.entry(file.path().parent().unwrap_or(Path::new(""))).or_default().push(number);
    }
    let mut items = Vec::new();
    for numbers in folders.into_values() {
        let mut of_key: BTreeMap<String, Item> = BTreeMap::new();
        let (photos, others): (Vec<usize>, Vec<usize>) =
            numbers.into_iter().partition(|number| is_photo(*number));
        let raws: BTreeSet<String> = photos
            .iter()
            .map(|number| parts(files[*number].path()))
            .filter_map(|(stem, ending)| RAWS.contains(&ending.as_str()).then_some(stem))
            .collect();
        // Two photos of one stem and one ending (`a.jpg` and `A.JPG`) are different photos.
        let mut endings: BTreeMap<(String, String), usize> = BTreeMap::new();
        for number in photos {
            let (stem, ending) = parts(files[number].path());
            let has_raw = raws.contains(&stem);
            let stem = burst(&stem).map_or(stem.clone(), |burst| format!("{burst}/"));
            let is_burst = stem.ends_with('/');
            // The first photo of a stem has the companions that name no ending.
            let stem = match !has_raw && !is_burst && of_key.contains_key(&stem) {
                true => format!("{stem}/{ending}"),
                false => stem,
            };
            let copy = endings.entry((stem.clone(), ending)).or_default();
            *copy += 1;
            let key = if *copy > 1 && !is_burst { format!("{stem}/{copy}") } else { stem };
            of_key.entry(key).or_default().photos.push(number);
        }
        for number in others {
            if let Some(key) = owner(files[number].path(), &of_key) {
                of_key.entry(key).or_default().companions.push(number);
            }
        }
        items.extend(of_key.into_values());
    }
    items.sort_by(|one, other| one.photos.cmp(&other.photos));
    items
}

/// The stem and the ending of a name, in small letters.
fn parts(path: &Path) -> (String, String) {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().to_lowercase();
    (part(path.file_stem()), part(path.extension()))
}

/// The name of the burst, if this is the name of one of its frames.
fn burst(stem: &str) -> Option<&str> {
    let at = stem.find("_burst").or_else(|| stem.find("-burst"))?;
    let digits = stem[at + 6..].bytes().take_while(u8::is_ascii_digit).count();
    let rest = &stem[at + 6 + digits..];
    // `NAME_BURST001.jpg` and `NAME_BURST001_COVER.jpg`; and `00001_NAME_BURST20200101.jpg`, where the frame comes first.
    if digits >= 8 {
        let (frame, name) = stem.split_once('_')?;
        return (!frame.is_empty() && frame.bytes().all(|byte| byte.is_ascii_digit()))
            .then_some(name.trim_end_matches("_cover"));
    }
    (digits > 0 && (rest.is_empty() || rest == "_cover")).then(|| &stem[..at])
}

/// Whether the name of a file is that of a video.
pub fn is_video(path: &Path) -> bool {
    VIDEOS.contains(&parts(path).1.as_str())
}

/// Whether the name of a file is that of a sidecar.
pub fn is_sidecar(path: &Path) -> bool {
    SIDECARS.contains(&parts(path).1.as_str())
}

/// The key of the item to which a companion belongs.
fn owner(path: &Path, items: &BTreeMap<String, Item>) -> Option<String> {
    let (stem, ending) = parts(path);
    let is_sidecar = SIDECARS.contains(&ending.as_str());
    if !is_sidecar && !is_video(path) {
        return None;
    }
    let known = |stem: &str| items.contains_key(stem).then(|| stem.to_owned());
    let stem = if ending == "json" { renumbered(&stem).unwrap_or(stem) } else { stem };
    if let Some(key) = known(&stem) {
        return Some(key);
    }
    if !is_sidecar {
        return None;
    }
    // `NAME.JPG.xmp` and `NAME.JPG.supplemental-metadata.json`: the name of the photo is before a dot. An item of that ending is first.
    let names = || stem.match_indices('.').map(|(at, _)| &stem[..at]).chain([stem.as_str()]);
    let of_ending = |name: &str| {
        let (inner, ending) = parts(Path::new(name));
        known(&format!("{inner}/{ending}"))
    };
    let of_name = |name: &str| known(name).or_else(|| known(&parts(Path::new(name)).0));
    if let Some(key) = names().find_map(of_ending).or_else(|| names().find_map(of_name)) {
        return Some(key);
    }
    // Takeout cuts the name of a long one.
    let cut = (ending == "json" && stem.chars().count() >= TAKEOUT_CUT).then_some(stem.as_str())?;
    let mut long = items.keys().filter(|key| key.starts_with(cut) || cut.starts_with(key.as_str()));
    long.next().filter(|_| long.next().is_none()).cloned()
}

/// The stem of a sidecar whose number Takeout has put at its end, with the number where the photo has it: `a(1).jpg` of `a.jpg(1)`.
fn renumbered(stem: &str) -> Option<String> {
    let (name, number) = stem.strip_suffix(')')?.rsplit_once('(')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let (before, after) = name.split_once('.').filter(|_| is_number)?;
    Some(format!("{before}({number}).{after}"))
}

/// The paths of all files of an item.
pub fn paths<'a>(item: &'a Item, files: &'a [File]) -> impl Iterator<Item = &'a PathBuf> {
    item.photos.iter().chain(&item.companions).flat_map(|number| &files[*number].paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::files::Stamp;

    fn divided(names: &[&str]) -> Vec<Vec<String>> {
        let mut names: Vec<&str> = names.to_vec();
        names.sort_unstable();
        let stamp = Stamp { inode: 0, bytes: 0, modified: 0, changed: 0 };
        let files: Vec<File> = names.iter().map(|name| File { paths: vec![name.into()], stamp }).collect();
        let is_photo = |number: usize| {
            let ending = parts(files[number].path()).1;
            ["jpg", "heic", "cr2", "dng", "png"].contains(&ending.as_str())
        };
        let name = |number: &usize| files[*number].path().to_string_lossy().into_owned();
        items(&files, is_photo)
            .iter()
            .map(|item| item.photos.iter().chain(&item.companions).map(name).collect())
            .collect()
    }

    #[test]
    fn raw_files_videos_and_sidecars_belong_to_their_photo() {
        let names = [
            "a/1.CR2",
            "a/1.JPG",
            "a/1.xmp",
            "a/2.HEIC",
            "a/2.MOV",
            "a/2.AAE",
            "b/1.jpg",
            "a/film.mp4",
            "a/notes.txt",
        ];
        assert_eq!(
            divided(&names),
            [vec!["a/1.CR2", "a/1.JPG", "a/1.xmp"], vec!["a/2.HEIC", "a/2.AAE", "a/2.MOV"], vec!["b/1.jpg"]]
        );
    }

    #[test]
    fn two_encodings_of_one_picture_are_two_items_and_a_sidecar_belongs_to_the_one_it_names() {
        let names = ["5.heic", "5.jpg", "5.jpg.xmp", "5.mov", "a.jpg", "a.png"];
        assert_eq!(
            divided(&names),
            [vec!["5.heic", "5.mov"], vec!["5.jpg", "5.jpg.xmp"], vec!["a.jpg"], vec!["a.png"]]
        );
        assert_eq!(divided(&["1.dng", "1.heic", "1.jpg"]).len(), 1);
    }

    #[test]
    fn sidecars_may_repeat_the_ending_of_the_photo() {
        let names = [
            "1.jpg",
            "1.jpg.xmp",
            "2.jpg",
            "2.jpg.json",
            "3.jpg",
            "3.jpg.supplemental-metadata.json",
            "x.json",
        ];
        assert_eq!(
            divided(&names),
            [
                vec!["1.jpg", "1.jpg.xmp"],
                vec!["2.jpg", "2.jpg.json"],
                vec!["3.jpg", "3.jpg.supplemental-metadata.json"]
            ]
        );
    }

    #[test]
    fn the_number_of_a_name_may_be_at_the_end_of_its_sidecar() {
        let names = [
            "1.jpg",
            "1.jpg.json",
            "1(1).jpg",
            "1.jpg(1).json",
            "1(2).jpg",
            "1.jpg.supplemental-metadata(2).json",
        ];
        assert_eq!(
            divided(&names),
            [
                vec!["1(1).jpg", "1.jpg(1).json"],
                vec!["1(2).jpg", "1.jpg.supplemental-metadata(2).json"],
                vec!["1.jpg", "1.jpg.json"]
            ]
        );
        assert_eq!(divided(&["b(1).jpg", "b(1).jpg.json"]), [["b(1).jpg", "b(1).jpg.json"]]);
    }

    #[test]
    fn a_cut_name_of_takeout_belongs_to_the_only_photo_that_begins_so() {
        let long = "a_very_long_name_of_a_photo_that_somebody_once_took_in_spring";
        let (photo, sidecar) = (format!("{long}.jpg"), format!("{}.json", &long[..46]));
        assert_eq!(divided(&[&photo, &sidecar]), [vec![photo.clone(), sidecar.clone()]]);
        let other = format!("{}xx.jpg", &long[..46]);
        assert_eq!(divided(&[&photo, &sidecar, &other]).concat().len(), 2);
    }

    #[test]
    fn the_frames_of_a_burst_are_one_item() {
        let names = ["IMG_BURST001.jpg", "IMG_BURST002_COVER.jpg", "IMG_BURST003.jpg", "IMG_2.jpg"];
        assert_eq!(
            divided(&names),
            [vec!["IMG_2.jpg"], vec!["IMG_BURST001.jpg", "IMG_BURST002_COVER.jpg", "IMG_BURST003.jpg"]]
        );
        let names = ["00000_IMG_BURST20200101123456.jpg", "00001_IMG_BURST20200101123456_COVER.jpg"];
        assert_eq!(divided(&names).len(), 1);
    }

    #[test]
    fn names_that_differ_in_case_are_different_photos() {
        assert_eq!(divided(&["A.JPG", "a.jpg"]).len(), 2);
    }
}
