//! Photos that were looked at, and where a template came from.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{Catalog, Held, Result};
use crate::face::Quality;

/// SHA-256 of a photo file's bytes: its identity in the catalog, whatever it is called.
pub type PhotoHash = [u8; 32];

/// What the catalog remembers of a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoRecord {
    /// Where the photo was when it was enrolled; empty if it was skipped.
    pub path: PathBuf,
    /// `enrolled`, or the reason code for which it was skipped.
    pub outcome: String,
    /// More about a skip, for people, without names; empty when enrolled.
    pub detail: String,
    /// The settings under which it was skipped: others may judge otherwise.
    pub settings: String,
    /// A subject that has a template from it, if any.
    pub subject: Option<String>,
}

impl PhotoRecord {
    /// Whether the photo was skipped for what it is, under these settings: not for want of a name, which another command gives.
    pub fn is_skipped(&self, settings: &str) -> bool {
        !matches!(self.outcome.as_str(), "enrolled" | "no_subject") && self.settings == settings
    }
}

/// Which face of a photo a template was made from. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Left, top, right, bottom in pixels of the upright photo.
    pub bounds: [f32; 4],
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// Eyes, nose tip, corners of the mouth, in pixels of the upright photo.
    pub landmarks: [[f32; 2]; 5],
    /// What the face looks like to an encoder.
    pub quality: Quality,
}

impl Catalog {
    /// What is known of the photo with these bytes.
    pub(in crate::gallery) fn photo(&self, hash: &PhotoHash) -> Result<Option<PhotoRecord>> {
        self.read("looking up a photo", |db| {
            db.prepare_cached(
                "SELECT path, outcome, detail, settings,
                   (SELECT name FROM subjects WHERE id =
                       (SELECT subject_id FROM templates WHERE photo_id = photos.id LIMIT 1))
                 FROM photos WHERE hash = ?1",
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

    /// The live templates of the photo with these bytes: each with its subject's name and its face.
    pub(in crate::gallery) fn templates_of_photo(
        &self,
        hash: &PhotoHash,
    ) -> Result<Vec<(Held, Option<Provenance>)>> {
        self.read("looking up the templates of a photo", |db| {
            db.prepare_cached(
                "SELECT t.id, s.name, t.face FROM photos p JOIN templates t ON t.photo_id = p.id
                 JOIN subjects s ON s.id = t.subject_id
                 WHERE p.hash = ?1 AND t.id NOT IN (SELECT template_id FROM removing) ORDER BY t.id",
            )?
            .query_map([hash.as_slice()], |row| {
                let template = row.get::<_, i64>(0)?.cast_unsigned();
                let face: Option<String> = row.get(2)?;
                let face = face.and_then(|json| serde_json::from_str(&json).ok());
                Ok((Held { template, subject: row.get(1)? }, face))
            })?
            .collect()
        })
    }
}

/// Writes a photo's outcome, replacing an earlier skip of the same bytes. Returns its row.
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

/// The row of the photo with these bytes, if templates were already made from it.
pub(in crate::gallery) fn enrolled_id(
    tx: &Transaction<'_>,
    hash: &PhotoHash,
) -> rusqlite::Result<Option<i64>> {
    tx.prepare_cached("SELECT id FROM photos WHERE hash = ?1 AND outcome = 'enrolled'")?
        .query_row([hash.as_slice()], |row| row.get(0))
        .optional()
}

/// Paths are bytes on disk: a name that is not UTF-8 survives.
pub(super) fn path_from(bytes: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(bytes)).to_owned()
}
