//! Kept photos: a picture for each photo that a caller stored one for, as a JPEG file beside the catalog.
//!
//! ```text
//! GALLERY/pictures/ab/ab01...ef.jpg    the picture of the photo whose bytes have the SHA-256 ab01...ef
//! ```
//!
//! A picture lives at most as long as its photo. It is erased before the catalog removes the photo, in the same call. If a crash comes
//! between the two, the templates of the photo are still in `removing`, and opening the gallery erases the picture again. The bytes of a
//! picture are those of the caller. They may differ from those of the photo, so they have no checksum here.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::catalog::Catalog;
use super::error::{GalleryError, Result};
use super::vectors::{Access, VectorError, VectorErrorKind};
use super::{FaceOfPhoto, Gallery, private};
use crate::image::PhotoHash;

/// The folder of the pictures in a gallery or a backup.
pub(super) const PICTURES: &str = "pictures";
/// Prefix of files that are being written. They are in the folder of the pictures itself.
const UNFINISHED: &str = "unfinished-";

impl Gallery {
    /// Stores the picture of a photo, for example a smaller copy of it. It replaces an earlier one. It is durable when this returns.
    /// Pictures are part of backups, and are erased with their photo.
    ///
    /// # Errors
    /// [`GalleryError::UnknownPhoto`]: no live template is of this photo, so enroll it first. The gallery is open for reading; the disk is
    /// full or failing.
    pub fn keep_picture(&self, photo: &PhotoHash, jpeg: &[u8]) -> Result<()> {
        if self.access == Access::ReadOnly {
            let text = "the gallery is open for reading, so no picture is kept";
            return Err(VectorError::new(VectorErrorKind::ReadOnly, text).into());
        }
        let _no_correction = self.add();
        {
            let catalog = self.catalog();
            catalog.require_in_place()?;
            if !catalog.is_live_photo(photo)? {
                return Err(GalleryError::UnknownPhoto { hash: name(photo) });
            }
        }
        let _writing = self.barrier.lock_shared()?;
        let path = self.picture_path(photo);
        write(&self.directory.join(PICTURES), &path, jpeg).map_err(failed(&path, "storing a picture"))
    }

    /// The picture of a photo, as it was stored; `None` if there is none. Does not wait for a running write.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn picture(&self, photo: &PhotoHash) -> Result<Option<Vec<u8>>> {
        let path = self.picture_path(photo);
        match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => Ok(Some(read.map_err(failed(&path, "reading a picture"))?)),
        }
    }

    /// The photo and the face that a live template was made of, with or without a subject; `None` if there is no such template, or if its
    /// photo or its face is not known.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn face_of(&self, template: u64) -> Result<Option<FaceOfPhoto>> {
        self.catalog().face_of(template)
    }

    /// Erases the pictures of these photos. When it returns, no name leads to them any more, durably.
    pub(super) fn erase_pictures(&self, catalog: &Catalog, photos: &[PhotoHash]) -> Result<()> {
        let paths: Vec<PathBuf> = photos.iter().map(|photo| self.picture_path(photo)).collect();
        self.erase(catalog, &paths)
    }

    /// Erases pictures without a photo and unfinished ones. There is none, unless files of the gallery were replaced.
    pub(super) fn erase_lost_pictures(&self) -> Result<()> {
        let Stored { pictures, unfinished, .. } = stored(&self.directory)?;
        let (catalog, mut lost) = (self.catalog(), unfinished);
        lost.extend(without_photo(&catalog, pictures)?);
        if !lost.is_empty() {
            tracing::info!(number = lost.len(), "erasing pictures without a photo");
        }
        self.erase(&catalog, &lost)
    }

    fn erase(&self, catalog: &Catalog, paths: &[PathBuf]) -> Result<()> {
        if paths.is_empty() || !self.directory.join(PICTURES).exists() {
            return Ok(());
        }
        catalog.require_in_place()?;
        let _writing = self.barrier.lock_shared()?;
        remove(paths)
    }

    /// The problems of the files of pictures, in words.
    pub(super) fn picture_problems(&self) -> Result<Vec<String>> {
        let Stored { pictures, foreign, .. } = stored(&self.directory)?;
        let lost = without_photo(&self.catalog(), pictures)?;
        let lost = lost.iter().map(|path| format!("{}: its photo is not in the catalog", path.display()));
        let foreign = foreign.iter().map(|path| format!("{} is not a picture", path.display()));
        Ok(lost.chain(foreign).collect())
    }

    fn picture_path(&self, photo: &PhotoHash) -> PathBuf {
        let name = name(photo);
        self.directory.join(PICTURES).join(&name[..2]).join(format!("{name}.jpg"))
    }
}

/// Gives the finished pictures of a gallery or a backup to a copy of it, which has none yet, with a function for a single file.
pub(super) fn copy(from: &Path, to: &Path, copy_one: impl Fn(&Path, &Path) -> io::Result<()>) -> Result<()> {
    let pictures = stored(from)?.pictures;
    if pictures.is_empty() {
        return Ok(());
    }
    let target = to.join(PICTURES);
    let mut folders = BTreeSet::from([to.to_owned(), target.clone()]);
    make_folder(&target).map_err(failed(&target, "making it"))?;
    for (path, photo) in pictures {
        let name = name(&photo);
        let folder = target.join(&name[..2]);
        let copy = folder.join(format!("{name}.jpg"));
        let result = make_folder(&folder).and_then(|()| copy_one(&path, &copy));
        result.map_err(failed(&path, "copying it"))?;
        folders.insert(folder);
    }
    folders.iter().try_for_each(|folder| sync(folder).map_err(failed(folder, "syncing it")))
}

/// Removes the pictures from a copy whose photo is not in its catalog. The copy may have been made during a removal.
pub(super) fn remove_lost(copy: &Path) -> Result<()> {
    let pictures = stored(copy)?.pictures;
    if pictures.is_empty() {
        return Ok(());
    }
    let gallery = Gallery::open_with(copy, Access::ReadOnly, Duration::ZERO)?;
    remove(&without_photo(&gallery.catalog(), pictures)?)
}

/// The files in the folder of the pictures.
#[derive(Default)]
struct Stored {
    pictures: Vec<(PathBuf, PhotoHash)>,
    unfinished: Vec<PathBuf>,
    /// Files that this program did not write.
    foreign: Vec<PathBuf>,
}

fn stored(gallery: &Path) -> Result<Stored> {
    let folder = gallery.join(PICTURES);
    let mut found = Stored::default();
    if !folder.exists() {
        return Ok(found);
    }
    for entry in walkdir::WalkDir::new(&folder).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|error| failed(&folder, "listing it")(error.into()))?;
        if entry.file_type().is_dir() {
            continue;
        }
        let (path, name) = (entry.path().to_owned(), entry.file_name().to_string_lossy());
        let parent = path.parent().and_then(Path::file_name).map(|parent| parent.to_string_lossy());
        match photo_of(&name).filter(|_| entry.depth() == 2 && parent.as_deref() == name.get(..2)) {
            Some(photo) => found.pictures.push((path, photo)),
            None if entry.depth() == 1 && name.starts_with(UNFINISHED) => found.unfinished.push(path),
            None => found.foreign.push(path),
        }
    }
    Ok(found)
}

fn without_photo(catalog: &Catalog, pictures: Vec<(PathBuf, PhotoHash)>) -> Result<Vec<PathBuf>> {
    let mut lost = Vec::new();
    for (path, photo) in pictures {
        if !catalog.has_photo(&photo)? {
            lost.push(path);
        }
    }
    Ok(lost)
}

/// The name of a picture's file, without its extension.
fn name(photo: &PhotoHash) -> String {
    photo.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The photo of a file with this name.
fn photo_of(file: &str) -> Option<PhotoHash> {
    let digits = file.strip_suffix(".jpg")?;
    let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != 64 || !digits.bytes().all(is_digit) {
        return None;
    }
    let mut photo = PhotoHash::default();
    for (byte, at) in photo.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
    }
    Some(photo)
}

/// Writes a file at `path` below `folder`, completely or not at all.
fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(folder);
    for new in [folder, parent] {
        if !new.is_dir() {
            make_folder(new)?;
            sync(new.parent().unwrap_or(new))?;
        }
    }
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?; // only its owner can read it
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync(parent)
}

/// Makes a private folder, unless there is one.
fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(private::FOLDER).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn remove(paths: &[PathBuf]) -> Result<()> {
    let mut folders = BTreeSet::new();
    for path in paths {
        match fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            removed => removed.map_err(failed(path, "erasing it"))?,
        }
        folders.extend(path.parent());
    }
    folders.into_iter().try_for_each(|folder| sync(folder).map_err(failed(folder, "syncing it")))
}

/// Gives a picture a second name, or copies it where that is not possible. The file of a picture never changes.
pub(super) fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_ok() { Ok(()) } else { copy_one(from, to) }
}

/// Copies a picture, durably.
pub(super) fn copy_one(from: &Path, to: &Path) -> io::Result<()> {
    let (mut source, mut target) = (File::open(from)?, super::backup::new_file(to)?);
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> GalleryError {
    let path = path.to_owned();
    move |source| GalleryError::Io { path, doing, source }
}
