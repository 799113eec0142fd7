//! Photos whose files have other bytes than when their faces were stored, and show the same faces, such as after a change of their metadata.

use std::collections::HashMap;
use std::path::PathBuf;

use super::error::Result;
use super::place::matched;
use super::prune::{Places, State, content};
use crate::gallery::{Gallery, UnknownFaces};
use crate::image::PhotoHash;
use crate::template::product::dot;

/// Lowest score of a face and the same face after an edit of its photo that leaves the picture as it is. Encoded again, most of LFW's photos
/// reach it too.
const SAME: f32 = 0.98;

/// The contents that were recorded at each path.
pub(super) struct Recorded {
    places: Places,
    /// The photos of a path through its real folder, and all paths of each photo.
    at: HashMap<PathBuf, Vec<PhotoHash>>,
    paths: HashMap<PhotoHash, Vec<PathBuf>>,
}

impl Recorded {
    /// Reads the paths of the gallery.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn read(gallery: &Gallery) -> Result<Self> {
        let (mut places, mut at) = (Places::new(), HashMap::<PathBuf, Vec<PhotoHash>>::new());
        let paths: HashMap<PhotoHash, Vec<PathBuf>> = gallery.photo_paths()?.into_iter().collect();
        for (photo, paths) in &paths {
            for path in paths.iter().filter(|path| !path.as_os_str().is_empty()) {
                at.entry(places.identity(path)).or_default().push(*photo);
            }
        }
        Ok(Self { places, at, paths })
    }

    /// Gives the photo that was recorded at the path of `found` the content of it, if no other path has the former content any more and each
    /// of its faces is found again at its place. Returns whether there was such a photo.
    ///
    /// # Errors
    /// The gallery failed, or the disk is full.
    pub fn take_over(&mut self, gallery: &Gallery, found: &UnknownFaces) -> Result<bool> {
        let former = self.at.get(&self.places.identity(&found.path)).cloned().unwrap_or_default();
        let bounds: Vec<[f32; 4]> = found.faces.iter().map(|(_, face)| face.bounds).collect();
        for photo in former.into_iter().filter(|photo| *photo != found.hash) {
            let faces = gallery.placed_faces(&photo)?;
            let places: Option<Vec<_>> = faces.iter().map(|face| face.bounds).collect();
            let Some(places) = places.filter(|places| !places.is_empty()) else { continue };
            let is_same = faces.iter().zip(matched(&places, &bounds)).all(|(face, at)| {
                let template = at.and_then(|at| found.faces.get(at)).map(|(template, _)| template.as_slice());
                template.zip(face.vector.as_deref()).is_some_and(|(now, then)| dot(now, then) >= SAME)
            });
            if is_same && self.is_gone(&photo) && gallery.replace_content(&photo, &found.hash, &found.path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether no path of a photo can have its content any more. It stays where it cannot be looked up.
    fn is_gone(&mut self, photo: &PhotoHash) -> bool {
        self.paths.get(photo).into_iter().flatten().all(|path| match self.places.state(path) {
            State::Gone => true,
            State::Unreachable => false,
            State::File => content(path).is_ok_and(|now| now != *photo),
        })
    }
}
