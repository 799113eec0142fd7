//! Pictures of faces, for pages.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::error::Result;
use super::{Control, Session};
use crate::gallery::FaceOfPhoto;
use crate::image::{self, Limits, PhotoHash, picture};

/// Photos that are read between two looks at the stop flag.
const BATCH: usize = 64;

/// The path of a photo, and the id and the bounds of each face.
type PathAndFaces = (Option<PathBuf>, Vec<(u64, [f32; 4])>);
/// A photo with its faces.
type Photo = (PhotoHash, PathAndFaces);

impl Session {
    /// The face of a template as a square JPEG of 192 pixels: from the kept picture of its photo, or from the photo itself, if a file with
    /// the same content is still at its path. `None` if there is neither.
    ///
    /// # Errors
    /// The catalog failed, or the kept picture cannot be read.
    pub fn face_picture(&self, template: u64) -> Result<Option<Vec<u8>>> {
        let pictures = self.face_pictures(&[template], &Control::none())?;
        Ok(pictures.and_then(|mut pictures| pictures.remove(&template)))
    }

    /// [`face_picture`](Self::face_picture) of several templates, by id. Each photo is decoded once. The outer `None`: it was stopped.
    ///
    /// # Errors
    /// As [`face_picture`](Self::face_picture).
    pub fn face_pictures(
        &self,
        templates: &[u64],
        control: &Control<'_>,
    ) -> Result<Option<HashMap<u64, Vec<u8>>>> {
        let mut photos: BTreeMap<PhotoHash, PathAndFaces> = BTreeMap::new();
        for &id in templates {
            if let Some(FaceOfPhoto { photo, face, path }) = self.gallery().face_of(id)? {
                photos.entry(photo).or_insert((path, Vec::new())).1.push((id, face.bounds));
            }
        }
        let photos: Vec<Photo> = photos.into_iter().collect();
        let mut pictures = HashMap::with_capacity(templates.len());
        for (batch, part) in photos.chunks(BATCH).enumerate() {
            if control.is_stopped() {
                return Ok(None);
            }
            control.report("photos read", (batch * BATCH) as u64, Some(photos.len() as u64));
            let made: Vec<Vec<(u64, Vec<u8>)>> =
                part.par_iter().map(|photo| self.faces_of_photo(photo)).collect::<Result<_>>()?;
            pictures.extend(made.into_iter().flatten());
        }
        Ok(Some(pictures))
    }

    fn faces_of_photo(&self, (hash, (path, faces)): &Photo) -> Result<Vec<(u64, Vec<u8>)>> {
        let kept = self.gallery().picture(hash)?;
        let Some(small) = kept.or_else(|| smaller(path.as_ref()?, hash)) else { return Ok(Vec::new()) };
        Ok(faces.iter().filter_map(|(id, bounds)| Some((*id, picture::face(&small, *bounds)?))).collect())
    }
}

/// A smaller copy of a photo, if the file still has its content.
fn smaller(path: &PathBuf, hash: &PhotoHash) -> Option<Vec<u8>> {
    let bytes = fs::read(path).ok()?;
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    let photo = image::decode(&bytes, &Limits::default()).ok().filter(|_| digest == *hash)?;
    picture::picture(&photo)
}
