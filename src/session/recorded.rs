//! The faces of a gallery and the photos that show them, as its catalog records them.

mod reading;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::error::Result;
use crate::face::DetectOptions;
use crate::gallery::{Gallery, SubjectTemplate, UnknownFace};
use crate::image::PhotoHash;
use crate::ingest::Options;
use crate::reply::{FaceMissing, MissingCount, MissingReason};
pub(super) use reading::{FoundFaces, Reading, Unread};

/// Faces that are read at a time.
const BLOCK: usize = 4096;
/// The smallest faces, in pixels, that a photo of unknown options is searched for: the largest of these that is smaller than its faces.
const SMALLEST: [f32; 3] = [40.0, 20.0, 12.0];

/// A template, its subject, and the place of its face: left, top, right, bottom in pixels of the photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Recorded {
    pub id: u64,
    pub subject: Option<u64>,
    pub bounds: [f32; 4],
}

/// A photo and its faces.
#[derive(Debug)]
pub(super) struct RecordedPhoto {
    pub hash: PhotoHash,
    /// Its paths, the first one first. May be empty.
    pub paths: Vec<PathBuf>,
    pub detect: DetectOptions,
    pub faces: Vec<Recorded>,
}

/// All faces of a gallery.
pub(super) struct Faces {
    /// In the order of their first templates.
    pub photos: Vec<RecordedPhoto>,
    /// Faces that no photo can show again.
    pub lost: Vec<FaceMissing>,
}

/// Number of faces that are missing, by reason.
pub(super) fn counted(reasons: impl Iterator<Item = MissingReason>) -> Vec<MissingCount> {
    let mut counts: BTreeMap<MissingReason, u64> = BTreeMap::new();
    reasons.for_each(|reason| *counts.entry(reason).or_default() += 1);
    counts.into_iter().map(|(reason, faces)| MissingCount { reason, faces }).collect()
}

/// The numbers of missing faces in words: `2 (the photo is not at its path any more), 1 (...)`.
pub(super) fn kinds(counts: &[MissingCount]) -> String {
    let of_kind = |MissingCount { reason, faces }: &MissingCount| format!("{faces} ({})", reason.text());
    counts.iter().map(of_kind).collect::<Vec<_>>().join(", ")
}

impl Faces {
    /// Reads the faces of a gallery.
    pub fn read(gallery: &Gallery) -> Result<Self> {
        let mut faces = Self { photos: Vec::new(), lost: Vec::new() };
        let mut at: HashMap<PhotoHash, usize> = HashMap::new();
        let mut last = 0;
        loop {
            let block = gallery.templates_after(last, BLOCK)?;
            let Some(end) = block.last() else { break };
            last = end.id;
            for SubjectTemplate { id, subject_id, subject, path, row, face, photo } in block {
                let owner = Some((subject_id, subject));
                faces.add(owner, UnknownFace { id, path, row, face, photo }, &mut at);
            }
        }
        last = 0;
        loop {
            let block = gallery.unknown_faces_after(last, BLOCK)?;
            let Some(end) = block.last() else { break };
            last = end.id;
            block.into_iter().for_each(|face| faces.add(None, face, &mut at));
        }
        for photo in &mut faces.photos {
            photo.complete(gallery)?;
        }
        Ok(faces)
    }

    fn add(&mut self, subject: Option<(u64, String)>, face: UnknownFace, at: &mut HashMap<PhotoHash, usize>) {
        let UnknownFace { id, path, photo, face, .. } = face;
        let (hash, bounds) = match (photo, face) {
            (Some(hash), Some(face)) => (hash, face.bounds),
            (photo, _) => {
                let reason = if photo.is_some() { MissingReason::NoPlace } else { MissingReason::NoPhoto };
                let path = path.map(|path| path.to_string_lossy().into_owned());
                let subject = subject.map(|(_, name)| name);
                self.lost.push(FaceMissing { template_id: id, subject, path, reason });
                return;
            }
        };
        let place = *at.entry(hash).or_insert_with(|| {
            let paths = path.into_iter().filter(|path| !path.as_os_str().is_empty()).collect();
            let detect = DetectOptions::default();
            self.photos.push(RecordedPhoto { hash, paths, detect, faces: Vec::new() });
            self.photos.len() - 1
        });
        let subject = subject.map(|(id, _)| id);
        self.photos[place].faces.push(Recorded { id, subject, bounds });
    }
}

impl RecordedPhoto {
    /// Adds the further paths and the detection options.
    fn complete(&mut self, gallery: &Gallery) -> Result<()> {
        self.paths.extend(gallery.other_paths(&self.hash)?);
        let settings = gallery.photo(&self.hash)?.map(|photo| photo.settings).unwrap_or_default();
        self.detect = Options::detect_of(&settings).unwrap_or_else(|| self.detect_all());
        Ok(())
    }

    /// Options that find faces of the recorded sizes.
    fn detect_all(&self) -> DetectOptions {
        let side = |face: &Recorded| {
            let [left, top, right, bottom] = face.bounds;
            (right - left).min(bottom - top)
        };
        let smallest = self.faces.iter().map(side).fold(f32::INFINITY, f32::min);
        let fits = SMALLEST.into_iter().find(|least| *least < 0.9 * smallest);
        DetectOptions { min_face: fits.unwrap_or(12.0), min_share: 0.0 }
    }

    /// The report that a face of this photo is missing.
    pub fn missing(&self, gallery: &Gallery, face: &Recorded, reason: MissingReason) -> Result<FaceMissing> {
        let subject = face.subject.map(|id| gallery.subject_name(id)).transpose()?.flatten();
        let path = self.paths.first().map(|path| path.to_string_lossy().into_owned());
        Ok(FaceMissing { template_id: face.id, subject, path, reason })
    }
}
