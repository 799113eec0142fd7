//! Photos whose files are gone: their faces leave the gallery, and come back when the photo is seen again or the correction is undone.
//!
//! Until a purge the faces are kept as unknown faces of a photo that is marked as missing. No search and no list contains them.

use std::collections::HashMap;
use std::path::PathBuf;

use super::catalog::journal::Kind;
use super::catalog::template::Original;
use super::error::Result;
use super::relocation::Destination;
use super::{Gallery, JournalEntry, Subject};
use crate::image::PhotoHash;

/// A face of a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedFace {
    /// Id of its template.
    pub id: u64,
    /// Id and name of its subject; `None` for an unknown face.
    pub subject: Option<(u64, String)>,
}

/// Which templates were stored without a name: a name that they have now came from a clustering or a correction.
#[derive(Debug, Clone, Default)]
pub struct StoredUnnamed(HashMap<u64, (u64, bool)>);

impl StoredUnnamed {
    fn of(journal: &[JournalEntry]) -> Self {
        let mut before = HashMap::new();
        for entry in journal {
            let is_unknown = entry.id_of("from").is_none();
            before.extend(entry.moved().into_iter().map(|(old, new)| (new, (old, is_unknown))));
        }
        Self(before)
    }

    /// Whether the template of this face was stored without a name.
    pub fn contains(&self, face: &OwnedFace) -> bool {
        let (mut id, mut is_unknown) = (face.id, face.subject.is_none());
        // An earlier id is always smaller, because ids are not reused.
        while let Some(&(old, was_unknown)) = self.0.get(&id).filter(|(old, _)| *old < id) {
            (id, is_unknown) = (old, was_unknown);
        }
        is_unknown
    }
}

impl Gallery {
    /// The hash and the paths of every photo with faces in the gallery, the first path first. A path may be empty.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn photo_paths(&self) -> Result<Vec<(PhotoHash, Vec<PathBuf>)>> {
        self.settle()?;
        self.catalog().photo_paths()
    }

    /// Replaces the paths of photos by these, the first of each first. A photo for which no path is given keeps those that it has.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn set_paths(&self, photos: &[(PhotoHash, Vec<PathBuf>)]) -> Result<()> {
        if photos.is_empty() {
            return Ok(());
        }
        self.settle()?;
        let mut catalog = self.catalog();
        catalog.set_paths(photos)?;
        self.record_in_index(&catalog)
    }

    /// The faces of the photo with these bytes, with and without a subject, in order of id.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn faces_of_photo(&self, photo: &PhotoHash) -> Result<Vec<OwnedFace>> {
        let faces = self.catalog().originals_of_photo(photo)?;
        Ok(faces.into_iter().map(|Original { id, subject }| OwnedFace { id, subject }).collect())
    }

    /// Which templates were stored without a name.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn stored_unnamed(&self) -> Result<StoredUnnamed> {
        Ok(StoredUnnamed::of(&self.journal()?))
    }

    /// Takes the faces of photos out of the gallery, all or none: no search, no list and no clustering contains them when it returns. They
    /// stay in its files until a purge. [`undo`](Self::undo) brings them back with their subjects, and a photo that is
    /// enrolled again has them as unknown faces. Returns the numbers of the journal entries, one for each former subject.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn prune_photos(&self, photos: &[PhotoHash]) -> Result<Vec<i64>> {
        let _alone = self.correct();
        let mut faces = Vec::new();
        for photo in photos {
            faces.extend(self.catalog().originals_of_photo(photo)?);
        }
        faces.sort_unstable_by_key(|face| face.id);
        faces.dedup_by_key(|face| face.id);
        if faces.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.relocate(Kind::Prune, &faces, Destination::Nobody)?.entries)
    }

    /// The subjects that have no other faces than these, in the order of names.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn emptied_by<'a>(&self, faces: impl IntoIterator<Item = &'a OwnedFace>) -> Result<Vec<Subject>> {
        let mut counts: HashMap<u64, u64> = HashMap::new();
        for (subject, _) in faces.into_iter().filter_map(|face| face.subject.as_ref()) {
            *counts.entry(*subject).or_default() += 1;
        }
        let mut emptied = Vec::new();
        if !counts.is_empty() {
            self.each_subject(|subject| {
                let is_emptied = counts.get(&subject.id).is_some_and(|count| *count >= subject.templates);
                emptied.extend(Some(subject).filter(|_| is_emptied));
            })?;
        }
        Ok(emptied)
    }
}
