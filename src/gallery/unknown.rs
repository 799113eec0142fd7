//! Unknown faces: templates of faces in photos that have no subject yet.
//!
//! They are stored to be grouped or named later. Searches, audits and calibrations do not use them: [`Gallery::view`] does not contain
//! them. They are counted separately.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Gallery;
use super::catalog::journal::Kind;
use super::catalog::template::{Original, group_of, is_without_subject};
use super::catalog::{PhotoRecord, UnknownFace, path, photo, unknown};
use super::correction::Relocated;
use super::error::{GalleryError, Result};
use super::import::overlap;
use super::vectors::{Row, View};
use crate::face::Provenance;
use crate::image::PhotoHash;
use crate::template::Template;

/// Unknown faces of a photo.
#[derive(Debug, Clone)]
pub struct UnknownFaces {
    /// Path of the photo.
    pub path: PathBuf,
    /// Hash of its bytes.
    pub hash: PhotoHash,
    /// The options of the processing.
    pub settings: String,
    /// The faces.
    pub faces: Vec<(Template, Provenance)>,
}

/// Unknown faces that got a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFaces {
    /// Name of the subject.
    pub subject: String,
    /// The new ids of the templates, in the order of the old ones.
    pub ids: Vec<u64>,
}

impl Gallery {
    /// Stores unknown faces, all or none. A face that is already in the gallery, with or without a subject, is not added again. Afterwards
    /// the photo counts as enrolled. Returns the ids of the new templates, by photo.
    ///
    /// # Errors
    /// A template of another dimension (nothing is written); a full or failing disk.
    pub fn add_unknown_faces<'a>(&self, photos: &'a [UnknownFaces]) -> Result<Vec<Vec<u64>>> {
        let _alone = self.correct();
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
        let (written, ids) = self.write("storing unknown faces", |tx, rows| {
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

    /// Number of unknown faces.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn unknown_count(&self) -> Result<u64> {
        self.catalog().unknown_count()
    }

    /// Moves unknown faces to a subject, which is made if it does not exist. Each gets a new id. The journal records the ids.
    ///
    /// # Errors
    /// [`GalleryError::UnknownTemplate`] with the first id that is not an unknown face, and nothing is moved; `to` is not a valid name; the
    /// disk is failing.
    pub fn name_unknown_faces(&self, ids: &[u64], to: &str) -> Result<NamedFaces> {
        let _alone = self.correct();
        let originals = self.require_unknown(ids)?;
        let destination = self.destination(to)?;
        let Relocated { into, ids, .. } = self.relocate(Kind::Move, &originals, destination)?;
        Ok(NamedFaces { subject: into, ids })
    }

    /// Removes unknown faces. The removal is durable when it returns. A photo without templates is removed too.
    ///
    /// # Errors
    /// As [`name_unknown_faces`](Self::name_unknown_faces), and nothing is removed.
    pub fn remove_unknown_faces(&self, ids: &[u64]) -> Result<()> {
        let _alone = self.correct();
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

/// The rows of the index that are hidden from searches, and the view without them.
#[derive(Default)]
pub(super) struct Hidden(Mutex<State>);

#[derive(Default)]
struct State {
    /// Ascending. The index may not contain all of them any more.
    ids: Vec<u64>,
    /// The view without them, and the generation of the catalog at that time.
    view: Option<(u64, View)>,
}

impl Hidden {
    pub fn new(ids: Vec<u64>) -> Self {
        Self(Mutex::new(State { ids, view: None }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hides the rows without a subject. Call it before the index gets the rows.
    pub fn add(&self, rows: &[Row<'_>]) {
        if rows.iter().any(|row| is_without_subject(row.subject)) {
            let ids = rows.iter().filter(|row| is_without_subject(row.subject)).map(|row| row.id);
            self.lock().ids.extend(ids);
        }
    }

    /// Removes rows, given by ids and groups, from the list. The index must not contain them any more.
    pub fn remove(&self, rows: &[(u64, u64)]) {
        let mut gone: Vec<u64> =
            rows.iter().filter(|(_, group)| is_without_subject(*group)).map(|(id, _)| *id).collect();
        if !gone.is_empty() {
            gone.sort_unstable();
            self.lock().ids.retain(|id| gone.binary_search(id).is_err());
        }
    }

    /// Drops the stored view, which holds files of the index open.
    pub fn release(&self) {
        self.lock().view = None;
    }

    /// The view `whole` without the hidden rows. It is made again only if the generation of the catalog has changed. Every write to the
    /// index is followed by a transaction of the catalog before it is acknowledged.
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
