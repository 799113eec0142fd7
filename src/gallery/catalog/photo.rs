//! Processed photos, and the sources of templates.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::checksum::mismatch;
use super::template::UNSETTLED;
use super::{Catalog, ExistingTemplate, Result, missing};
use crate::face::Provenance;
use crate::image::PhotoHash;

/// The stored result for a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoRecord {
    /// Path of the photo when it was enrolled; empty for a skipped photo. [`Gallery::other_paths`](crate::gallery::Gallery::other_paths)
    /// returns further paths.
    pub path: PathBuf,
    /// `enrolled`, or the reason code of a skip.
    pub outcome: String,
    /// Details of a skip, in words and without names. For an enrolled photo: empty, or the mark of a missing one.
    pub detail: String,
    /// The options of the skip. With other options the photo is processed again.
    pub settings: String,
    /// A subject with a template of this photo, if there is one.
    pub subject: Option<String>,
}

impl PhotoRecord {
    /// Whether the photo was enrolled and its file was found to be gone later.
    pub fn is_missing(&self) -> bool {
        self.outcome == "enrolled" && missing::is_mark(&self.detail)
    }

    /// Whether the photo was skipped because of its content, under these options. A skip for a missing name does not count, because another
    /// command may give a name.
    pub fn is_skipped(&self, settings: &str) -> bool {
        !matches!(self.outcome.as_str(), "enrolled" | "no_subject") && self.settings == settings
    }
}

impl Catalog {
    /// Verifies the parts of the index of photos for these hashes. Afterwards a photo that is not found is not in the catalog.
    pub(in crate::gallery) fn verify_photos<'a>(
        &self,
        hashes: impl IntoIterator<Item = &'a PhotoHash>,
    ) -> Result<()> {
        for &[bucket, ..] in hashes {
            self.compare_bucket("photos", bucket, |db| sums_of_photos(db, bucket))?;
        }
        Ok(())
    }

    /// The stored result for the photo with these bytes. A missing photo is verified with the ledger.
    pub(in crate::gallery) fn photo(&self, hash: &PhotoHash) -> Result<Option<PhotoRecord>> {
        self.verify_photos([hash])?;
        self.read("looking up a photo", |db| {
            db.prepare_cached(
                "SELECT path, outcome, detail, settings,
                   (SELECT name FROM subjects WHERE intact('subjects', sum, id, name, created) AND id =
                       (SELECT subject_id FROM templates WHERE photo_id = photos.id AND subject_id IS NOT NULL LIMIT 1))
                 FROM photos WHERE hash = ?1
                   AND intact('photos', sum, id, hash, path, outcome, detail, settings)",
            )?
            .query_row([hash.as_slice()], |row| {
                Ok(PhotoRecord {
                    path: path_from(&row.get::<_, Vec<u8>>(0)?),
                    outcome: row.get(1)?,
                    detail: row.get(2)?,
                    settings: row.get(3)?,
                    subject: row.get(4)?,
                })
            })
            .optional()
        })
    }

    /// Whether the photo with these bytes was enrolled. An absence is verified with the ledger.
    pub(in crate::gallery) fn has_photo(&self, hash: &PhotoHash) -> Result<bool> {
        let found = || {
            self.read("looking up a photo", |db| {
                db.prepare_cached(
                    "SELECT 1 FROM photos WHERE hash = ?1 AND outcome = 'enrolled'
                       AND intact('photos', sum, id, hash, path, outcome, detail, settings)",
                )?
                .exists([hash.as_slice()])
            })
        };
        if found()? {
            return Ok(true);
        }
        self.verify_photos([hash])?;
        found()
    }

    /// Whether the photo with these bytes has a live template, with or without a subject.
    pub(in crate::gallery) fn is_live_photo(&self, hash: &PhotoHash) -> Result<bool> {
        self.verify_photos([hash])?;
        self.read("looking up the templates of a photo", |db| {
            db.prepare_cached(&format!(
                "SELECT 1 FROM photos p JOIN templates t ON t.photo_id = p.id
                 WHERE p.hash = ?1 AND t.id NOT IN ({UNSETTLED})"
            ))?
            .exists([hash.as_slice()])
        })
    }

    /// Gives an enrolled photo another hash and path, in place of all that it has. A skip of the other content is forgotten.
    pub(in crate::gallery) fn replace_content(
        &mut self,
        photo: &PhotoHash,
        now: &PhotoHash,
        path: &Path,
    ) -> Result<()> {
        self.verify_photos([photo, now])?;
        self.transaction("storing the new content of a photo", |tx| {
            tx.prepare_cached("DELETE FROM paths WHERE hash = ?1")?.execute([photo.as_slice()])?;
            tx.prepare_cached("DELETE FROM photos WHERE hash = ?1 AND outcome <> 'enrolled'")?
                .execute([now.as_slice()])?;
            tx.prepare_cached(
                "UPDATE photos SET hash = ?2, path = ?3 WHERE hash = ?1 AND outcome = 'enrolled'",
            )?
            .execute(params![photo.as_slice(), now.as_slice(), path.as_os_str().as_bytes()])?;
            Ok(())
        })
    }

    /// The photos whose last templates are in `removing`.
    pub(in crate::gallery) fn photos_without_others(&self) -> Result<Vec<PhotoHash>> {
        self.read("listing removed photos", |db| {
            db.prepare_cached(
                "SELECT hash FROM photos p WHERE id IN
                   (SELECT photo_id FROM templates WHERE id IN (SELECT template_id FROM removing))
                 AND NOT EXISTS (SELECT 1 FROM templates WHERE photo_id = p.id
                   AND id NOT IN (SELECT template_id FROM removing))
                 AND intact('photos', sum, id, hash, path, outcome, detail, settings)",
            )?
            .query_map([], |row| row.get(0))?
            .collect()
        })
    }

    /// The live templates of the photo with these bytes: for each the name of its subject, if it has one, and its face.
    pub(in crate::gallery) fn templates_of_photo(
        &self,
        hash: &PhotoHash,
    ) -> Result<Vec<(ExistingTemplate, Option<Provenance>)>> {
        self.verify_photos([hash])?;
        self.read("looking up the templates of a photo", |db| {
            db.prepare_cached(
                "SELECT t.id, t.subject_id, s.name, t.face FROM photos p JOIN templates t ON t.photo_id = p.id
                 LEFT JOIN subjects s ON s.id = t.subject_id
                 WHERE p.hash = ?1 AND t.id NOT IN (SELECT template_id FROM removing)
                   AND intact('templates', t.sum, t.id, t.subject_id, t.photo_id, t.face, t.source_id, t.source_row)
                   AND (s.id IS NULL OR intact('subjects', s.sum, s.id, s.name, s.created))
                 ORDER BY t.id",
            )?
            .query_map([hash.as_slice()], |row| {
                let face: Option<String> = row.get(3)?;
                let face = face.map(|json| provenance_from(&json)).transpose()?;
                Ok((ExistingTemplate::from_row(row, 0)?, face))
            })?
            .collect()
        })
    }
}

/// Parses a stored face.
pub(super) fn provenance_from(json: &str) -> rusqlite::Result<Provenance> {
    serde_json::from_str(json)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

/// Writes the result of a photo. Replaces an earlier skip of the same bytes. Returns the id of its row.
pub(in crate::gallery) fn upsert(
    tx: &Transaction<'_>,
    hash: &PhotoHash,
    record: &PhotoRecord,
) -> rusqlite::Result<i64> {
    tx.prepare_cached(
        "INSERT INTO photos(hash, path, outcome, detail, settings) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT(hash) DO UPDATE SET path = excluded.path, outcome = excluded.outcome,
            detail = excluded.detail, settings = excluded.settings
         RETURNING id",
    )?
    .query_row(
        params![
            hash.as_slice(),
            record.path.as_os_str().as_bytes(),
            record.outcome,
            record.detail,
            record.settings
        ],
        |row| row.get(0),
    )
}

/// Replaces the options with which a photo was processed.
pub(in crate::gallery) fn set_settings(
    tx: &Transaction<'_>,
    id: i64,
    settings: &str,
) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE photos SET settings = ?2 WHERE id = ?1")?.execute(params![id, settings])?;
    Ok(())
}

/// The id and the first path of the photo with these bytes, if it was enrolled.
pub(in crate::gallery) fn enrolled(
    tx: &Transaction<'_>,
    hash: &PhotoHash,
) -> rusqlite::Result<Option<(i64, PathBuf)>> {
    tx.prepare_cached("SELECT id, path FROM photos WHERE hash = ?1 AND outcome = 'enrolled'")?
        .query_row([hash.as_slice()], |row| Ok((row.get(0)?, path_from(&row.get::<_, Vec<u8>>(1)?))))
        .optional()
}

/// Paths are stored as bytes, because they may not be UTF-8.
pub(super) fn path_from(bytes: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(bytes)).to_owned()
}

/// The hashes of the rows that the index of photos returns for a bucket. Verifies each row.
fn sums_of_photos(db: &Connection, bucket: u8) -> rusqlite::Result<Vec<i64>> {
    let mut statement = db.prepare_cached(
        "SELECT hash, id FROM photos INDEXED BY sqlite_autoindex_photos_1
         WHERE hash >= ?1 AND (?2 IS NULL OR hash < ?2) ORDER BY hash",
    )?;
    let end = bucket.checked_add(1).map(|next| vec![next]);
    let mut rows = statement.query(params![[bucket].as_slice(), end])?;
    let mut found = Vec::<(Vec<u8>, i64)>::new();
    while let Some(row) = rows.next()? {
        let hash: Vec<u8> = row.get(0)?;
        if found.last().is_some_and(|(before, _)| *before >= hash) {
            return Err(mismatch("the index of photos is not in order".into()));
        }
        found.push((hash, row.get(1)?));
    }
    let mut row = db.prepare_cached(
        "SELECT sum FROM photos WHERE id = ?1 AND hash = ?2
         AND intact('photos', sum, id, hash, path, outcome, detail, settings)",
    )?;
    found
        .into_iter()
        .map(|(hash, id)| {
            row.query_row(params![id, hash], |row| row.get(0))
                .optional()?
                .ok_or_else(|| mismatch(format!("the index of photos leads to another photo, {id}")))
        })
        .collect()
}
