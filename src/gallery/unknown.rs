//! Unknown faces: templates of faces in photos that have no subject yet.
//!
//! They are stored to be grouped or named later. Searches, audits and calibrations do not use them: [`Gallery::view`] does not contain
//! them. They are counted separately.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::catalog::journal::Kind;
use super::catalog::template::{Original, group_of, is_without_subject};
use super::catalog::{PhotoRecord, UnknownFace, path, photo, unknown};
use super::error::{GalleryError, Result};
use super::import::overlap;
use super::relocation::{Destination, Relocated};
use super::vectors::{Row, View};
use super::{Gallery, Name};
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

/// A cluster of unknown faces that got a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFaces {
    /// Name of the subject.
    pub subject: String,
    /// The new ids of the templates, in the order of the old ones.
    pub ids: Vec<u64>,
    /// The number of the journal entry; `None` if there was no face.
    pub entry: Option<i64>,
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

    /// Up to `limit` unknown faces with ids above `after`, in order of id, without those of missing photos.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn unknown_faces_after(&self, after: u64, limit: usize) -> Result<Vec<UnknownFace>> {
        self.catalog().unknown_after(after, limit, false)
    }

    /// The unknown faces of the photo with these bytes.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn unknown_faces_of(&self, photo: &PhotoHash) -> Result<Vec<UnknownFace>> {
        self.catalog().unknown_of_photo(photo)
    }

    /// Number of unknown faces, without those of missing photos.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn unknown_count(&self) -> Result<u64> {
        self.catalog().unknown_count()
    }

    /// Gives clusters of unknown faces their subjects, each a list of ids and the name of a subject, which is made if it does not exist. All
    /// or none. Each face gets a new id. The journal has an entry for each cluster.
    ///
    /// # Errors
    /// [`GalleryError::UnknownTemplate`] with the first id that is not an unknown face, or is in two clusters, and nothing is moved; the disk is
    /// failing.
    pub fn assign_unknown_faces(&self, clusters: &[(Vec<u64>, Name)]) -> Result<Vec<NamedFaces>> {
        let _alone = self.correct();
        let mut seen = HashSet::new();
        if let Some(&id) = clusters.iter().flat_map(|(ids, _)| ids).find(|id| !seen.insert(**id)) {
            return Err(GalleryError::UnknownTemplate { id });
        }
        self.catalog().verify_names(clusters.iter().map(|(_, name)| name.as_str()))?;
        let parts = clusters
            .iter()
            .map(|(ids, name)| Ok((self.require_unknown(ids)?, Destination::Named(name.clone()))));
        let moved = self.relocate_all(Kind::Assign, &parts.collect::<Result<Vec<_>>>()?)?;
        let named = moved.into_iter().map(|Relocated { into, ids, entries }| NamedFaces {
            subject: into.unwrap_or_default(),
            ids,
            entry: entries.first().copied(),
        });
        Ok(named.collect())
    }

    /// Makes templates unknown faces, except those that are. Each gets a new id. The journal records the ids.
    ///
    /// # Errors
    /// [`GalleryError::UnknownTemplate`] with the first id that no template has, and nothing is changed; the disk is full or failing.
    pub(super) fn forget_subjects_of(&self, ids: &[u64]) -> Result<()> {
        let _alone = self.correct();
        let mut originals = self.require_originals(ids)?;
        originals.retain(|one| one.subject.is_some());
        self.relocate(Kind::Reject, &originals, Destination::Nobody).map(drop)
    }

    fn require_unknown(&self, ids: &[u64]) -> Result<Vec<Original>> {
        let faces = self.require_originals(ids)?;
        match faces.iter().find(|face| face.subject.is_some()) {
            Some(face) => Err(GalleryError::UnknownTemplate { id: face.id }),
            None => Ok(faces),
        }
    }

    /// The live templates with these ids, with or without a subject, in order of id.
    ///
    /// # Errors
    /// [`GalleryError::UnknownTemplate`] with the first id that no template has.
    pub(super) fn require_originals(&self, ids: &[u64]) -> Result<Vec<Original>> {
        let catalog = self.catalog();
        let unsettled: HashSet<u64> = catalog.unsettled()?.into_iter().collect();
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let face = |&id: &u64| match catalog.original(id)? {
            Some(face) if !unsettled.contains(&id) => Ok(face),
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
    if let Some(photo) = photo_id {
        photo::set_settings(tx, photo, &found.settings)?;
    }
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
