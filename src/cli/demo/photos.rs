//! The photos of the demo: photos to enroll, other photos of the same people, photos of other people, cut photos and turned photos.

use std::fs;
use std::path::{Path, PathBuf};

use ::image::imageops::{crop_imm, rotate90, rotate180, rotate270};
use ::image::{ImageFormat, RgbImage};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::image::{Limits, decode};

/// Marks a folder of the demo. The demo may delete such a folder.
const MARK: &str = "made-by-gallerist-demo";

/// Makes `dir`, or empties it, and writes the mark.
///
/// # Errors
/// `dir` is not empty and has no mark.
pub fn reset(dir: &Path) -> Result<()> {
    if dir.join(MARK).exists() {
        fs::remove_dir_all(dir).with_context(|| format!("{}: removing the last demo", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("{}: making it", dir.display()))?;
    ensure!(
        entries(dir)?.is_empty(),
        "{}: is not empty and was not made by the demo; give a new folder with --dir",
        dir.display()
    );
    let mark = dir.join(MARK);
    fs::write(&mark, "The demo makes this folder anew each time.\n")
        .with_context(|| format!("{}: making it", mark.display()))
}

/// The folder of photos, with one folder for each part of the demo.
pub struct Photos {
    root: PathBuf,
    /// Number of people who are enrolled.
    pub people: usize,
    /// Number of people who are not enrolled.
    pub strangers: usize,
}

impl Photos {
    /// Copies the first two photos of each person in `source` (`NAME/*`) to `root`. For the first three quarters of the people, the first
    /// photo goes to `people/NAME/` and the second to `others/`. For the remaining people, the second photo goes to `strangers/`.
    ///
    /// # Errors
    /// `source` cannot be read, or contains fewer than four people with two photos each.
    pub fn copy(source: &Path, root: PathBuf) -> Result<Self> {
        let folders: Vec<PathBuf> = entries(source)?.into_iter().filter(|path| path.is_dir()).collect();
        ensure!(
            folders.len() >= 4,
            "{}: holds {} folders, expected one for each of four people or more",
            source.display(),
            folders.len()
        );
        let known = folders.len() * 3 / 4;
        for (at, folder) in folders.iter().enumerate() {
            let name = name_of(folder);
            let found = entries(folder)?;
            let [first, second, ..] = found.as_slice() else {
                anyhow::bail!("{}: holds {} photos, expected two", folder.display(), found.len());
            };
            if at < known {
                copy(first, &root.join("people").join(&name), "1")?;
            }
            copy(second, &root.join(if at < known { "others" } else { "strangers" }), &name)?;
        }
        Ok(Self { root, people: known, strangers: folders.len() - known })
    }

    /// The folder of one part of the demo.
    pub fn folder(&self, part: &str) -> PathBuf {
        self.root.join(part)
    }

    /// The first photo of a part.
    pub fn first(&self, part: &str) -> Result<PathBuf> {
        let folder = self.folder(part);
        let first = entries(&folder)?.into_iter().next();
        first.with_context(|| format!("{}: is empty", folder.display()))
    }

    /// Writes changed copies of the photos in `others/`. `cut/` gets the content of the face bounds in the replies, `turned/` the whole
    /// photo, rotated by one, two or three quarter turns.
    pub fn write_variants(&self, replies: &[Value]) -> Result<()> {
        for (at, reply) in replies.iter().enumerate() {
            let probe = &reply["probe"];
            let path = Path::new(probe["path"].as_str().context("a reply names no photo")?);
            let photo = open(path)?;
            let bounds: Option<[f32; 4]> = serde_json::from_value(probe["bounds"].clone()).ok();
            if let Some([left, top, right, bottom]) = bounds {
                let [x, y] = [left, top].map(|edge| edge.max(0.0) as u32);
                let cut = crop_imm(&photo, x, y, right as u32 - x, bottom as u32 - y).to_image();
                write(&cut, &self.folder("cut"), path)?;
            }
            let turn = [rotate90, rotate180, rotate270][at % 3];
            write(&turn(&photo), &self.folder("turned"), path)?;
        }
        Ok(())
    }
}

/// The name of a person: the name of the folder. The folders of the London set have numbers, which get a prefix.
fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    if name.bytes().all(|byte| byte.is_ascii_digit()) { format!("London {name}") } else { name.into_owned() }
}

fn copy(photo: &Path, folder: &Path, name: &str) -> Result<()> {
    let extension = photo.extension().unwrap_or_default().to_string_lossy();
    let copy = folder.join(format!("{name}.{extension}"));
    fs::create_dir_all(folder)
        .and_then(|()| fs::copy(photo, &copy))
        .with_context(|| format!("{}: copying it to {}", photo.display(), copy.display()))?;
    Ok(())
}

fn open(path: &Path) -> Result<RgbImage> {
    let bytes = fs::read(path).with_context(|| format!("{}: reading it", path.display()))?;
    let photo =
        decode(&bytes, &Limits::default()).with_context(|| format!("{}: decoding it", path.display()))?;
    RgbImage::from_raw(photo.width, photo.height, photo.pixels).context("a photo has the wrong size")
}

fn write(photo: &RgbImage, folder: &Path, named_as: &Path) -> Result<()> {
    let path = folder.join(format!("{}.png", named_as.file_stem().unwrap_or_default().to_string_lossy()));
    fs::create_dir_all(folder).with_context(|| format!("{}: making it", folder.display()))?;
    photo.save_with_format(&path, ImageFormat::Png).with_context(|| format!("{}: writing it", path.display()))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}: reading it", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
