//! Enrollment: photos into the gallery.

use std::path::PathBuf;

use rusqlite::params;

use super::catalog::{PendingKind, PendingWrite, PhotoRecord, path, photo, progress, subject};
use super::error::{GalleryError, Result};
use super::import::overlap;
use super::vectors::Row;
use super::{Gallery, Name, Person};
use crate::face::Provenance;
use crate::image::PhotoHash;
use crate::reason::Reason;
use crate::template::Template;

/// A face to enroll.
#[derive(Debug, Clone)]
pub struct EnrolledFace {
    /// Its subject. A new name makes a new subject.
    pub person: Person,
    /// The face's template.
    pub template: Template,
    /// The face in the photo.
    pub provenance: Provenance,
}

/// A processed photo to store.
#[derive(Debug, Clone)]
pub struct Enrollment {
    /// Path of the photo.
    pub path: PathBuf,
    /// Hash of its bytes.
    pub hash: PhotoHash,
    /// The options of the processing. A stored skip is valid for these options only.
    pub settings: String,
    /// Faces to enroll, or the reason and detail of a skip.
    pub faces: Result<Vec<EnrolledFace>, (Reason, String)>,
}

/// A path of a photo that is already in the gallery.
#[derive(Debug, Clone)]
pub struct KnownPath {
    /// Hash of its bytes.
    pub hash: PhotoHash,
    /// The path.
    pub path: PathBuf,
    /// The subject that was given for the photo, if any.
    pub person: Option<Person>,
}

/// The result for a photo of a batch. It is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhotoOutcome {
    /// Templates were added.
    Enrolled(Vec<EnrolledTemplate>),
    /// The skip was stored.
    Skipped,
    /// The same bytes are already in the gallery.
    Duplicate,
}

/// An added template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolledTemplate {
    /// Its id.
    pub id: u64,
    /// Name of its subject: the given name, or a generated name, to which a number may be appended.
    pub subject: Name,
    /// Its place among the faces of the enrollment.
    pub face: usize,
}

/// A write that is durable in the index and pending in the catalog.
pub(super) struct Written {
    pending: PendingWrite,
    /// Generation of the catalog at the beginning of the write. It is the watermark of the write in the index.
    generation: u64,
    /// The shards of the index that contain the write.
    shards: Vec<u16>,
}

impl Gallery {
    /// Stores a batch of photos, all or none, including skipped ones. When it returns, the batch survives a power failure and later
    /// searches find its templates.
    ///
    /// # Errors
    /// A template of another dimension (nothing is written); a full or failing disk (this batch is reverted, earlier ones stay).
    pub fn enroll(&self, photos: &[Enrollment]) -> Result<Vec<PhotoOutcome>> {
        for face in photos.iter().filter_map(|photo| photo.faces.as_ref().ok()).flatten() {
            self.check_dimension(&face.template)?;
        }
        let _no_correction = self.add();
        {
            let catalog = self.catalog();
            catalog.verify_photos(photos.iter().map(|photo| &photo.hash))?;
            let faces = photos.iter().filter_map(|photo| photo.faces.as_ref().ok()).flatten();
            catalog.verify_people(faces.map(|face| &face.person))?;
        }
        let existing = photos.iter().map(|photo| self.existing(photo)).collect::<Result<Vec<_>>>()?;
        let (written, outcomes) = self.write("enrolling photos", |tx, rows| {
            let photos = photos.iter().zip(&existing);
            photos
                .map(|(photo, existing)| insert_photo(tx, photo, existing, rows))
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        self.finish(written, |_| Ok(()))?;
        Ok(outcomes)
    }

    /// Stores further paths of photos. A path is ignored if its photo is not in the gallery, or was given as a subject that the photo does
    /// not have in the gallery. Returns the number of new paths.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn add_paths(&self, seen: &[KnownPath]) -> Result<u64> {
        self.settle()?;
        let mut catalog = self.catalog();
        catalog.verify_photos(seen.iter().map(|photo| &photo.hash))?;
        let added = catalog.transaction("storing paths of photos", |tx| {
            let mut added = 0;
            for photo in seen {
                let noted = path::note(tx, &photo.hash, &photo.path, &photo.person)?;
                added += u64::from(noted.is_some_and(|noted| noted.is_new));
            }
            Ok(added)
        })?;
        if added > 0 {
            self.record_in_index(&catalog)?;
        }
        Ok(added)
    }

    /// The faces of a photo that are in the gallery. Failed writes are settled first, because their faces may be reverted.
    fn existing(&self, photo: &Enrollment) -> Result<Existing> {
        if self.photo(&photo.hash)?.is_none_or(|record| record.outcome != "enrolled") {
            return Ok(None);
        }
        let templates = self.catalog().templates_of_photo(&photo.hash)?;
        Ok(templates.into_iter().map(|(_, face)| Some(face?.bounds)).collect())
    }

    /// The stored result for the photo with these bytes.
    ///
    /// # Errors
    /// The catalog failed; the disk is too full to settle an earlier failure.
    pub fn photo(&self, hash: &PhotoHash) -> Result<Option<PhotoRecord>> {
        self.settle()?;
        self.catalog().photo(hash)
    }

    pub(super) fn check_dimension(&self, template: &Template) -> Result<()> {
        let (expected, got) = (self.binding.dimension, template.dimension());
        if expected == got { Ok(()) } else { Err(GalleryError::WrongDimension { expected, got }) }
    }

    /// Steps one and two of a write. `plan` inserts rows of templates and lists their vectors. Afterwards the rows are pending in the
    /// catalog and durable in the index. Step three is [`Gallery::finish`].
    pub(super) fn write<'a, T>(
        &self,
        doing: &'static str,
        plan: impl FnOnce(&rusqlite::Transaction<'_>, &mut Vec<Row<'a>>) -> rusqlite::Result<T>,
    ) -> Result<(Option<Written>, T)> {
        self.write_as(PendingKind::Insert, doing, plan)
    }

    pub(super) fn write_as<'a, T>(
        &self,
        kind: PendingKind,
        doing: &'static str,
        plan: impl FnOnce(&rusqlite::Transaction<'_>, &mut Vec<Row<'a>>) -> rusqlite::Result<T>,
    ) -> Result<(Option<Written>, T)> {
        self.settle()?;
        let mut rows = Vec::new();
        let (pending, value, generation) = {
            let mut catalog = self.catalog();
            let (pending, value) = catalog.begin_write(doing, |tx| {
                let value = plan(tx, &mut rows)?;
                let ends = rows.first().zip(rows.last());
                let pending = ends.map(|(first, last)| {
                    PendingWrite::note(tx, kind, first.id.cast_signed(), last.id.cast_signed())
                });
                Ok((pending.transpose()?, value))
            })?;
            (pending, value, catalog.generation())
        };
        let Some(pending) = pending else {
            self.record_in_index(&self.catalog())?;
            return Ok((None, value));
        };
        self.hidden.add(&rows);
        let inserted =
            self.barrier.lock_shared().and_then(|_writing| Ok(self.vectors.insert(&rows, generation)?));
        match inserted {
            Ok(receipt) => Ok((Some(Written { pending, generation, shards: receipt.shards }), value)),
            Err(error) => {
                self.settle_failed_write(pending);
                Err(error)
            }
        }
    }

    /// Step three of a write: makes its templates live. `work` may make further changes in the same transaction.
    pub(super) fn finish(
        &self,
        written: Option<Written>,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let Some(Written { pending, generation, shards }) = written else { return Ok(()) };
        let finished = self.catalog().transaction("finishing a write", |tx| {
            pending.finish(tx)?;
            progress::reached(tx, &shards, generation)?;
            work(tx)
        });
        finished.inspect_err(|_| self.settle_failed_write(pending))
    }
}

/// The bounds of the faces of a photo that are in the gallery. `None` if the photo is not, or if it has a template whose face is not known:
/// no further face can be told from that one.
type Existing = Option<Vec<[f32; 4]>>;

/// Inserts a photo, or further faces of a photo that is in the gallery.
fn insert_photo<'a>(
    tx: &rusqlite::Transaction<'_>,
    enrollment: &'a Enrollment,
    existing: &Existing,
    rows: &mut Vec<Row<'a>>,
) -> rusqlite::Result<PhotoOutcome> {
    let people = enrollment.faces.iter().flatten().map(|face| &face.person);
    if let Some(known) = path::note(tx, &enrollment.hash, &enrollment.path, people)? {
        let (Some(existing), Ok(faces)) = (existing, &enrollment.faces) else {
            return Ok(PhotoOutcome::Duplicate);
        };
        photo::set_settings(tx, known.photo, &enrollment.settings)?;
        let templates = insert_faces(tx, known.photo, faces, existing, rows)?;
        return Ok(match templates.is_empty() {
            true => PhotoOutcome::Duplicate,
            false => PhotoOutcome::Enrolled(templates),
        });
    }
    let (outcome, detail) = match &enrollment.faces {
        Ok(_) => ("enrolled", String::new()),
        Err((reason, detail)) => (reason.code(), detail.clone()),
    };
    // A skipped photo is stored without its path, because the path may name a subject that is removed later.
    let path = if enrollment.faces.is_ok() { enrollment.path.clone() } else { PathBuf::new() };
    let record = PhotoRecord {
        path,
        outcome: outcome.to_owned(),
        detail,
        settings: enrollment.settings.clone(),
        subject: None,
    };
    let photo_id = photo::upsert(tx, &enrollment.hash, &record)?;
    let Ok(faces) = &enrollment.faces else { return Ok(PhotoOutcome::Skipped) };
    Ok(PhotoOutcome::Enrolled(insert_faces(tx, photo_id, faces, &[], rows)?))
}

/// Inserts the faces of a photo whose bounds are not among the existing ones.
fn insert_faces<'a>(
    tx: &rusqlite::Transaction<'_>,
    photo_id: i64,
    faces: &'a [EnrolledFace],
    existing: &[[f32; 4]],
    rows: &mut Vec<Row<'a>>,
) -> rusqlite::Result<Vec<EnrolledTemplate>> {
    let mut templates = Vec::with_capacity(faces.len());
    for (index, face) in faces.iter().enumerate() {
        if existing.iter().any(|bounds| overlap(*bounds, face.provenance.bounds) > 0.5) {
            continue;
        }
        let (subject_id, subject) = subject::ensure(tx, &face.person)?;
        let provenance = serde_json::to_string(&face.provenance)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        tx.prepare_cached("INSERT INTO templates(subject_id, photo_id, face) VALUES (?1, ?2, ?3)")?
            .execute(params![subject_id, photo_id, provenance])?;
        let id = tx.last_insert_rowid().cast_unsigned();
        rows.push(Row { id, subject: subject_id.cast_unsigned(), vector: face.template.as_slice() });
        templates.push(EnrolledTemplate { id, subject, face: index });
    }
    Ok(templates)
}
