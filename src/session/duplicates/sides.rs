//! The templates that stand for a duplicate, with their photos.

use std::fs;

use sha2::{Digest, Sha256};

use super::super::Session;
use super::super::error::Result;
use crate::image::{self, Limits, picture};
use crate::reply::SubjectSide;

impl Session {
    /// A template with its subject; `None` if it was removed meanwhile.
    pub(super) fn side(&self, id: u64) -> Result<Option<SubjectSide>> {
        let Some(template) = self.gallery().template(id)? else { return Ok(None) };
        Ok(Some(SubjectSide {
            subject_id: template.subject_id,
            templates: self.gallery().subject_of_id(template.subject_id)?.templates,
            subject: template.subject,
            face_id: id,
            path: template.path.map(|path| path.to_string_lossy().into_owned()),
            row: template.row,
        }))
    }

    /// The face of a template as a square JPEG of 192 pixels: from the kept picture of its photo, or from the photo itself, if a file with
    /// the same content is still at its path. `None` if there is neither.
    ///
    /// # Errors
    /// The catalog failed, or the kept picture cannot be read.
    pub fn face_picture(&self, template: u64) -> Result<Option<Vec<u8>>> {
        let Some((hash, face)) = self.gallery().face_of(template)? else { return Ok(None) };
        if let Some(picture) = self.gallery().picture(&hash)? {
            return Ok(picture::face(&picture, face.bounds));
        }
        let path = self.gallery().template(template)?.and_then(|template| template.path);
        let Some(bytes) = path.and_then(|path| fs::read(path).ok()) else { return Ok(None) };
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if digest != hash {
            return Ok(None);
        }
        let photo = image::decode(&bytes, &Limits::default()).ok();
        let small = photo.and_then(|photo| picture::picture(&photo));
        Ok(small.and_then(|small| picture::face(&small, face.bounds)))
    }
}
