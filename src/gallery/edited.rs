//! Photos whose files were edited without a change of their faces, such as by a rating or a comment: the faces stay, with all that users
//! have said about them, and belong to the new content.

use std::path::Path;

use super::Gallery;
use super::error::Result;
use crate::image::PhotoHash;

/// A face of a photo, with its template.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedFace {
    /// Left, top, right, bottom in pixels of the photo; `None` if they are not known.
    pub bounds: Option<[f32; 4]>,
    /// The unit vector of its template; `None` if the index does not have it.
    pub vector: Option<Vec<f32>>,
}

impl Gallery {
    /// The faces of the photo with these bytes, with and without a subject, in order of id.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn placed_faces(&self, photo: &PhotoHash) -> Result<Vec<PlacedFace>> {
        self.settle()?;
        let templates = self.catalog().templates_of_photo(photo)?;
        let ids: Vec<u64> = templates.iter().map(|(known, _)| known.template).collect();
        let view = self.view_with_unknown()?;
        let mut faces = Vec::with_capacity(ids.len());
        for (row, (_, face)) in view.vectors(&ids).zip(templates) {
            faces.push(PlacedFace {
                bounds: face.map(|face| face.bounds),
                vector: row?.map(|row| row.vector),
            });
        }
        Ok(faces)
    }

    /// Gives a photo another content, which the file at `path` has now: its faces keep their ids, subjects and corrections, and its kept
    /// picture stays. The former content and the former paths are forgotten. Returns whether it was done: not if the photo has no faces in
    /// the gallery, or if the gallery has faces of the new content already. It is durable when it returns.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn replace_content(&self, photo: &PhotoHash, now: &PhotoHash, path: &Path) -> Result<bool> {
        let picture = self.picture(photo)?;
        {
            let _alone = self.correct();
            self.settle()?;
            let mut catalog = self.catalog();
            if !catalog.is_live_photo(photo)? || catalog.has_photo(now)? {
                return Ok(false);
            }
            // A picture without a photo would be an error, and a photo without a picture is none.
            self.erase_pictures(&catalog, &[*photo])?;
            catalog.replace_content(photo, now, path)?;
            self.record_in_index(&catalog)?;
        }
        if let Some(jpeg) = picture {
            self.keep_picture(now, &jpeg)?;
        }
        Ok(true)
    }
}
