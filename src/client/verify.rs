//! Verification of two photo files.

use std::path::PathBuf;

use super::Client;
use super::batch::Item;
use super::error::Result;
use super::identify::refusal;
use crate::ingest::Input;
use crate::reply::{FaceOptions, GalleryShown, Model, Refusal, VerifiedFaces};
use crate::decision::Decision;

impl Client<'_> {
    /// Compares the largest faces of two photos, as [`verify_photos`](crate::session::verify_photos).
    ///
    /// # Errors
    /// The server cannot be reached, or refused the request.
    pub fn verify_photos(
        &self,
        gallery: &GalleryShown,
        paths: [PathBuf; 2],
        threshold: Option<f32>,
        photos: &FaceOptions,
    ) -> Result<VerifiedFaces> {
        let items = paths.map(|path| Item::read(Input { root: path.clone(), path, problem: None }));
        let names = items.each_ref().map(Item::path);
        let [Ok(a), Ok(b)] = items.each_ref().map(|item| item.content.as_deref()) else {
            return self.refused(gallery, &items, photos);
        };
        let mut verified = self.verify(&gallery.gallery, [a, b], threshold, photos)?;
        match &mut verified {
            VerifiedFaces::Compared(compared) => {
                [compared.a.path, compared.b.path] = names;
            }
            VerifiedFaces::Refused { refused, .. } => {
                for Refusal { probe, .. } in refused {
                    let side = probe.row.take().and_then(|row| usize::try_from(row).ok());
                    probe.path = side.and_then(|side| names.get(side)).cloned().unwrap_or_default();
                }
            }
        }
        Ok(verified)
    }

    /// The reply if one of the photos cannot be read. The other one is processed too, so that both refusals are known.
    fn refused(&self, gallery: &GalleryShown, items: &[Item; 2], photos: &FaceOptions) -> Result<VerifiedFaces> {
        let mut refused = Vec::new();
        for item in items {
            match &item.content {
                Err(skip) => {
                    let mut refusal = refusal(skip, &Model::from(&gallery.model));
                    refusal.probe.path = item.path();
                    refused.push(refusal);
                }
                Ok(bytes) => {
                    let one = self.verify(&gallery.gallery, [bytes, bytes], None, photos)?;
                    let VerifiedFaces::Refused { refused: both, .. } = one else { continue };
                    refused.extend(both.into_iter().filter(|refusal| refusal.probe.row == Some(0)).map(|mut refusal| {
                        refusal.probe.row = None;
                        refusal.probe.path = item.path();
                        refusal
                    }));
                }
            }
        }
        Ok(VerifiedFaces::Refused { decision: Decision::Inconclusive, refused })
    }
}
