//! Import: templates into the gallery.

use rusqlite::params;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::catalog::journal::Kind;
use super::catalog::template::{Original, group_of};
use super::catalog::{ExistingTemplate, PhotoRecord, Source, path, photo, subject};
use super::error::{GalleryError, Result};
use super::relocation::Destination;
use super::vectors::Row;
use super::{Gallery, Name, Person};
use crate::face::Provenance;
use crate::image::PhotoHash;
use crate::template::Template;

/// A row of a file to import.
#[derive(Debug)]
pub struct ImportedRow {
    /// The row in the file, from 0.
    pub row: u64,
    /// Its subject; `None` for an unknown face.
    pub person: Option<Person>,
    /// The template.
    pub template: Template,
    /// Its photo, if it is known.
    pub photo: Option<ImportedPhoto>,
}

/// A template that an import has added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportedTemplate {
    /// Its id.
    pub id: u64,
    /// Id of its subject; `None` for an unknown face.
    pub subject: Option<u64>,
}

/// The photo of an imported template.
#[derive(Debug, Clone)]
pub struct ImportedPhoto {
    /// Hash of its bytes.
    pub hash: PhotoHash,
    /// Path of the photo.
    pub path: PathBuf,
    /// The face in the photo.
    pub face: Option<Provenance>,
    /// Further paths of the photo.
    pub other_paths: Vec<PathBuf>,
}

impl Gallery {
    /// The import source with this hash. It is added if it is new.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn source(&self, hash: &[u8; 32], path: &Path, rows_total: u64) -> Result<Source> {
        self.settle()?;
        self.catalog().source(hash, path, rows_total)
    }

    /// Calls `visit` with every row of `source` that is in the gallery.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn each_imported(&self, source: &Source, visit: impl FnMut(u64, ExistingTemplate)) -> Result<()> {
        if source.is_new { Ok(()) } else { self.catalog().each_imported(source, visit) }
    }

    /// The template in the gallery of a face in a photo. Two faces are the same if their bounds have an intersection over union above one
    /// half, because the bounds differ slightly between machines.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn existing_template(&self, photo: &ImportedPhoto) -> Result<Option<ExistingTemplate>> {
        let bounds = photo.face.as_ref().map(|face| face.bounds);
        let held = self.catalog().templates_of_photo(&photo.hash)?;
        Ok(held.into_iter().find_map(|(held, face)| {
            let same = match (bounds, face.map(|face| face.bounds)) {
                (Some(one), Some(other)) => overlap(one, other) > 0.5,
                (one, other) => one == other,
            };
            same.then_some(held)
        }))
    }

    /// The templates in the gallery of the photo with these bytes.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn templates_of_photo(&self, photo: &PhotoHash) -> Result<Vec<ExistingTemplate>> {
        let held = self.catalog().templates_of_photo(photo)?;
        Ok(held.into_iter().map(|(template, _)| template).collect())
    }

    /// The digest of the names in the last import of `source`. `Some(None)`: it was imported without names.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn source_names(&self, source: &Source) -> Result<Option<Option<String>>> {
        self.catalog().source_names(source)
    }

    /// Stores the digest of the names in an import of `source`.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn note_source_names(&self, source: &Source, digest: Option<&str>) -> Result<()> {
        let mut catalog = self.catalog();
        catalog.note_source_names(source, digest)?;
        self.record_in_index(&catalog)
    }

    /// Moves templates, given by their ids, to the subjects of these names, which are made if they do not exist. Subjects without templates
    /// are removed. Each block of templates is moved completely or not at all, and recorded in the journal.
    ///
    /// # Errors
    /// A template is not in the gallery; the disk is full or failing.
    pub fn rename_templates(&self, renamed: &[(u64, Name)]) -> Result<()> {
        let _alone = self.correct();
        for block in renamed.chunks(RENAMED) {
            self.catalog().verify_names(block.iter().map(|(_, name)| name.as_str()))?;
            let mut parts: BTreeMap<&str, (Vec<Original>, Destination)> = BTreeMap::new();
            for (id, name) in block {
                let original = self.catalog().original(*id)?;
                let original = original.ok_or(GalleryError::UnknownTemplate { id: *id })?;
                let to = || (Vec::new(), Destination::Named(name.clone()));
                parts.entry(name.as_str()).or_insert_with(to).0.push(original);
            }
            self.relocate_all(Kind::Move, &parts.into_values().collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Imports rows of `source`, all or none. When it returns, they survive a power failure.
    ///
    /// # Errors
    /// A template of another dimension (nothing is written); a full or failing disk.
    pub fn import(&self, source: &Source, imported: &[ImportedRow]) -> Result<()> {
        self.import_all(&[(*source, imported)]).map(|_| ())
    }

    /// Imports rows of several sources, all or none, with the syncs of one import. Returns the new templates of each source, in the order
    /// of its rows.
    ///
    /// # Errors
    /// As [`import`](Self::import).
    pub fn import_all(&self, sources: &[(Source, &[ImportedRow])]) -> Result<Vec<Vec<ImportedTemplate>>> {
        let all = || sources.iter().flat_map(|(_, rows)| *rows);
        all().try_for_each(|row| self.check_dimension(&row.template))?;
        let _no_correction = self.add();
        {
            let catalog = self.catalog();
            catalog.verify_people(all().filter_map(|row| row.person.as_ref()))?;
            catalog.verify_photos(all().filter_map(|row| Some(&row.photo.as_ref()?.hash)))?;
        }
        let (written, templates) = self.write("importing templates", |tx, rows| {
            // Consecutive rows often have the same subject, so each name is looked up once.
            let mut named = HashMap::new();
            let mut templates = Vec::with_capacity(sources.len());
            for (source, imported) in sources {
                let mut inserted = Vec::with_capacity(imported.len());
                for row in *imported {
                    inserted.push(insert_row(tx, source, row, &mut named)?);
                }
                templates.push(inserted);
            }
            let all_inserted = templates.iter().flatten().zip(all());
            rows.extend(all_inserted.map(
                |(ImportedTemplate { id, subject }, row): (&ImportedTemplate, _)| {
                    let subject = group_of(*id, *subject);
                    Row { id: *id, subject, vector: row.template.as_slice() }
                },
            ));
            Ok(templates)
        })?;
        self.finish(written, |_| Ok(()))?;
        Ok(templates)
    }
}

/// Inserts the row of an import into the catalog.
fn insert_row<'a>(
    tx: &rusqlite::Transaction<'_>,
    source: &Source,
    imported: &'a ImportedRow,
    named: &mut HashMap<&'a Name, i64>,
) -> rusqlite::Result<ImportedTemplate> {
    let ImportedRow { row, person, photo, .. } = imported;
    let known = match person {
        Some(Person::Named(name)) => named.get(name).copied(),
        _ => None,
    };
    let subject_id = match (known, person) {
        (None, Some(person)) => {
            let (id, _) = subject::ensure(tx, person)?;
            if let Person::Named(name) = person {
                named.insert(name, id);
            }
            Some(id)
        }
        (known, _) => known,
    };
    let (photo_id, face) = match photo {
        Some(photo) => (Some(insert_photo(tx, photo, person.as_ref())?), photo.face.as_ref()),
        None => (None, None),
    };
    let face = face.map(serde_json::to_string).transpose();
    let face = face.map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    tx.prepare_cached(
        "INSERT INTO templates(subject_id, photo_id, face, source_id, source_row)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![subject_id, photo_id, face, source.id, row.cast_signed()])?;
    let id = tx.last_insert_rowid().cast_unsigned();
    Ok(ImportedTemplate { id, subject: subject_id.map(i64::cast_unsigned) })
}

/// Templates per move.
const RENAMED: usize = 8192;

/// The row of a photo. It is made if the photo is new or was skipped.
fn insert_photo(
    tx: &rusqlite::Transaction<'_>,
    imported: &ImportedPhoto,
    person: Option<&Person>,
) -> rusqlite::Result<i64> {
    let id = match path::note(tx, &imported.hash, &imported.path, person)? {
        Some(known) => known.photo,
        None => insert_new(tx, imported)?,
    };
    for other in &imported.other_paths {
        path::note(tx, &imported.hash, other, [])?;
    }
    Ok(id)
}

fn insert_new(tx: &rusqlite::Transaction<'_>, imported: &ImportedPhoto) -> rusqlite::Result<i64> {
    let record = PhotoRecord {
        path: imported.path.clone(),
        outcome: "enrolled".into(),
        detail: String::new(),
        settings: "imported".into(),
        subject: None,
    };
    photo::upsert(tx, &imported.hash, &record)
}

/// Intersection over union of two rectangles, 0 to 1.
pub(crate) fn overlap(one: [f32; 4], other: [f32; 4]) -> f32 {
    let area = |[left, top, right, bottom]: [f32; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let common =
        area([one[0].max(other[0]), one[1].max(other[1]), one[2].min(other[2]), one[3].min(other[3])]);
    common / (area(one) + area(other) - common).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn boxes_overlap_by_the_share_of_their_union() {
        assert_eq!(overlap([0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]), 1.0);
        assert_eq!(overlap([0.0, 0.0, 2.0, 2.0], [0.0, 1.0, 2.0, 3.0]), 1.0 / 3.0);
        assert_eq!(overlap([0.0, 0.0, 1.0, 1.0], [5.0, 5.0, 6.0, 6.0]), 0.0);
        assert_eq!(overlap([0.0; 4], [0.0; 4]), 0.0);
    }
}
