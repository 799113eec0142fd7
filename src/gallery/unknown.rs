//! Unknown faces: templates of faces in photos that have no subject yet.
//!
//! They are kept to be grouped or named later. No search, audit or calibration sees them: [`Gallery::view`] is without them. They are counted
//! apart from the templates of subjects.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Gallery;
use super::catalog::template::{Original, group_of, is_without_subject};
use super::catalog::{PhotoRecord, UnknownFace, path, photo, unknown};
use super::error::{GalleryError, Result};
use super::import::overlap;
use super::vectors::{Row, View};
use crate::face::Provenance;
use crate::image::PhotoHash;
use crate::template::Template;

/// Faces found in a photo, of whom nothing is known.
#[derive(Debug, Clone)]
pub struct UnknownFaces {
    /// Where the photo is.
    pub path: PathBuf,
    /// Hash of its bytes.
    pub hash: PhotoHash,
    /// The settings that it was looked at with.
    pub settings: String,
    /// The faces.
    pub faces: Vec<(Template, Provenance)>,
}

/// Unknown faces that were given to a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFaces {
    /// Its name.
    pub subject: String,
    /// The new ids of the templates, in the order of the old ones.
    pub ids: Vec<u64>,
}

impl Gallery {
    /// Keeps unknown faces, all or nothing. A face that the gallery holds already, of a subject or not, is not added again. The photo
    /// counts as enrolled from here on. Returns the ids of the new templates, by photo.
    ///
    /// # Errors
    /// A template that does not fit (nothing is written); a full or failing disk.
    pub fn add_unknown_faces<'a>(&self, photos: &'a [UnknownFaces]) -> Result<Vec<Vec<u64>>> {
        let _alone = self.correcting.lock().unwrap_or_else(PoisonError::into_inner);
        for (template, _) in photos.iter().flat_map(|photo| &photo.faces) {
            self.check_dimension(template)?;
        }
        let mut held: HashMap<PhotoHash, Vec<[f32; 4]>> = HashMap::new();
        for photo in photos {
            let templates = self.catalog().templates_of_photo(&photo.hash)?;
            held.insert(
                photo.hash,
                templates.into_iter().filter_map(|(_, face)| Some(face?.bounds)).collect(),
            );
        }
        let (written, ids) = self.write("keeping unknown faces", |tx, rows| {
            let add = |photo: &'a UnknownFaces| insert(tx, photo, held.entry(photo.hash).or_default(), rows);
            photos.iter().map(add).collect()
        })?;
        self.finish(written, |_| Ok(()))?;
        Ok(ids)
    }

    /// Up to `limit` unknown faces with ids above `after`, in order of id.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn unknown_faces_after(&self, after: u64, limit: usize) -> Result<Vec<UnknownFace>> {
        self.catalog().unknown_after(after, limit)
    }

    /// The unknown faces of the photo with these bytes.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn unknown_faces_of(&self, photo: &PhotoHash) -> Result<Vec<UnknownFace>> {
        self.catalog().unknown_of_photo(photo)
    }

    /// How many unknown faces are kept.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn unknown_count(&self) -> Result<u64> {
        self.catalog().unknown_count()
    }

    /// Gives unknown faces to a subject, made if there is none of this name. Each gets a new id, and the journal keeps which.
    ///
    /// # Errors
    /// [`GalleryError::UnknownTemplate`]: the first id that no unknown face has, and nothing is moved; `to` is no name; the disk is
    /// failing.
    pub fn name_unknown_faces(&self, ids: &[u64], to: &str) -> Result<NamedFaces> {
        let _alone = self.correcting.lock().unwrap_or_else(PoisonError::into_inner);
        let originals = self.require_unknown(ids)?;
        let destination = self.destination(to)?;
        let (subject, ids) = self.relocate("move", &originals, destination)?;
        Ok(NamedFaces { subject, ids })
    }

    /// Removes unknown faces: durable when it returns. A photo of which nothing is left is not known any more.
    ///
    /// # Errors
    /// As [`name_unknown_faces`](Self::name_unknown_faces), and nothing is removed.
    pub fn remove_unknown_faces(&self, ids: &[u64]) -> Result<()> {
        let _alone = self.correcting.lock().unwrap_or_else(PoisonError::into_inner);
        let ids: Vec<u64> = self.require_unknown(ids)?.iter().map(|face| face.id).collect();
        self.catalog().mark_unknown_removed(&ids)?;
        self.finish_removals()
    }

    fn require_unknown(&self, ids: &[u64]) -> Result<Vec<Original>> {
        let catalog = self.catalog();
        let unsettled = catalog.unsettled()?;
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let face = |&id: &u64| match catalog.original(id)? {
            Some(face) if face.subject.is_none() && !unsettled.contains(&id) => Ok(face),
            _ => Err(GalleryError::UnknownTemplate { id }),
        };
        ids.iter().map(face).collect()
    }
}

fn insert<'a>(
    tx: &rusqlite::Transaction<'_>,
    found: &'a UnknownFaces,
    held: &mut Vec<[f32; 4]>,
    rows: &mut Vec<Row<'a>>,
) -> rusqlite::Result<Vec<u64>> {
    let seen = path::note(tx, &found.hash, &found.path, [])?;
    let mut photo_id = seen.map(|seen| seen.photo);
    let mut ids = Vec::new();
    for (template, face) in &found.faces {
        if held.iter().any(|bounds| overlap(*bounds, face.bounds) > 0.5) {
            continue;
        }
        let id = match photo_id {
            Some(id) => id,
            None => photo::upsert(tx, &found.hash, &record(found))?,
        };
        photo_id = Some(id);
        let json =
            serde_json::to_string(face).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        let id = unknown::insert(tx, id, &json)?;
        rows.push(Row { id, subject: group_of(id, None), vector: template.as_slice() });
        held.push(face.bounds);
        ids.push(id);
    }
    Ok(ids)
}

fn record(found: &UnknownFaces) -> PhotoRecord {
    PhotoRecord {
        path: found.path.clone(),
        outcome: "enrolled".into(),
        detail: String::new(),
        settings: found.settings.clone(),
        subject: None,
    }
}

/// The rows of the index that searches do not see, and the view without them.
#[derive(Default)]
pub(super) struct Hidden(Mutex<State>);

#[derive(Default)]
struct State {
    /// Ascending. Some may be in the index no more.
    ids: Vec<u64>,
    /// The view without them, and the generation of the catalog when it was made.
    view: Option<(u64, View)>,
}

impl Hidden {
    pub fn new(ids: Vec<u64>) -> Self {
        Self(Mutex::new(State { ids, view: None }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hides those of these rows that have no subject, before the index has them.
    pub fn add(&self, rows: &[Row<'_>]) {
        if rows.iter().any(|row| is_without_subject(row.subject)) {
            let ids = rows.iter().filter(|row| is_without_subject(row.subject)).map(|row| row.id);
            self.lock().ids.extend(ids);
        }
    }

    /// Rows, told by ids and groups, that the index holds no more.
    pub fn remove(&self, rows: &[(u64, u64)]) {
        let mut gone: Vec<u64> =
            rows.iter().filter(|(_, group)| is_without_subject(*group)).map(|(id, _)| *id).collect();
        if !gone.is_empty() {
            gone.sort_unstable();
            self.lock().ids.retain(|id| gone.binary_search(id).is_err());
        }
    }

    /// Lets go of the view that is kept, and so of files of the index.
    pub fn release(&self) {
        self.lock().view = None;
    }

    /// The view `whole` without the hidden rows. It is made anew only where the catalog has another generation: every write of the index
    /// is followed by one of the catalog before it is acknowledged.
    pub fn view(&self, generation: u64, whole: impl FnOnce() -> Result<View>) -> Result<View> {
        let mut state = self.lock();
        if state.ids.is_empty() {
            return whole();
        }
        match &state.view {
            Some((made, view)) if *made == generation => Ok(view.clone()),
            _ => {
                let view = whole()?.without(&state.ids)?;
                state.view = Some((generation, view.clone()));
                Ok(view)
            }
        }
    }
}
