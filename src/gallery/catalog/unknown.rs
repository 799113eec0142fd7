//! Templates without a subject: unknown faces.

use std::path::PathBuf;

use rusqlite::{OptionalExtension, Transaction, params};

use super::ledger::Entry;
use super::missing::PRESENT;
use super::template::{INTACT, Original, TEMPLATES, UNSETTLED, unknown_from};
use super::{Catalog, Result};
use crate::face::Provenance;
use crate::image::PhotoHash;

/// A template without a subject, such as an unknown face of a photo, and its source.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownFace {
    /// Its id in the index.
    pub id: u64,
    /// The photo or `.npy` file.
    pub path: Option<PathBuf>,
    /// Row in the `.npy` file; `None` if the photo is known.
    pub row: Option<u64>,
    /// The face in the photo.
    pub face: Option<Provenance>,
    /// Hash of the photo's bytes.
    pub photo: Option<PhotoHash>,
}

impl Catalog {
    /// Number of live templates without a subject, from the ledger, without those of missing photos.
    pub(in crate::gallery) fn unknown_count(&self) -> Result<u64> {
        let hidden: i64 = self.read("counting", |db| {
            db.prepare_cached(&format!(
                "SELECT count(*) FROM templates t WHERE t.id IN ({UNSETTLED}) AND subject_id IS NULL"
            ))?
            .query_row([], |row| row.get(0))
        })?;
        let live = self.ledger.unknown().saturating_sub(hidden.cast_unsigned());
        // Without any, the photos need not be read.
        Ok(if live == 0 { 0 } else { live.saturating_sub(self.hidden_count()?) })
    }

    /// The ids of all templates without a subject, live or not.
    pub(in crate::gallery) fn unknown_ids(&self) -> Result<Vec<u64>> {
        if self.ledger.unknown() == 0 {
            return Ok(Vec::new());
        }
        self.read("listing unknown faces", |db| {
            let (mut ids, mut found) = (Vec::new(), Entry::default());
            let mut statement = db.prepare(&format!(
                "SELECT id, sum FROM templates WHERE subject_id IS NULL AND {INTACT} ORDER BY id"
            ))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                ids.push(row.get::<_, i64>(0)?.cast_unsigned());
                found.add(row.get(1)?);
            }
            // A wrong id in the list would be hidden from searches, and a missing one would be found by them.
            self.ledger.compare(("templates", 1), found)?;
            Ok(ids)
        })
    }

    /// Up to `limit` live templates without a subject with ids above `after`, in order of id. Those of missing photos are left out unless
    /// `all`.
    pub(in crate::gallery) fn unknown_after(
        &self,
        after: u64,
        limit: usize,
        all: bool,
    ) -> Result<Vec<UnknownFace>> {
        let present = if all { "TRUE" } else { PRESENT };
        self.read("listing unknown faces", |db| {
            db.prepare_cached(&format!(
                "{TEMPLATES} AND t.subject_id IS NULL AND t.id > ?1 AND t.id NOT IN ({UNSETTLED}) AND {present}
                 ORDER BY t.id LIMIT ?2"
            ))?
            .query_map(params![after.cast_signed(), limit as i64], unknown_from)?
            .collect()
        })
    }

    /// The live templates without a subject of the photo with these bytes, unless it is missing.
    pub(in crate::gallery) fn unknown_of_photo(&self, hash: &PhotoHash) -> Result<Vec<UnknownFace>> {
        self.verify_photos([hash])?;
        self.read("listing unknown faces", |db| {
            db.prepare_cached(&format!(
                "{TEMPLATES} AND t.subject_id IS NULL AND t.id NOT IN ({UNSETTLED}) AND p.hash = ?1 AND {PRESENT}
                 ORDER BY t.id"
            ))?
            .query_map([hash.as_slice()], unknown_from)?
            .collect()
        })
    }

    /// A template with or without a subject, before it is moved.
    pub(in crate::gallery) fn original(&self, id: u64) -> Result<Option<Original>> {
        if let Some(template) = self.template(id)? {
            return Ok(Some(Original::from(&template)));
        }
        self.read("looking up a template", |db| {
            db.prepare_cached(&format!("{TEMPLATES} AND t.subject_id IS NULL AND t.id = ?1"))?
                .query_row([id.cast_signed()], |row| {
                    Ok(Original { id: unknown_from(row)?.id, subject: None })
                })
                .optional()
        })
    }
}

/// Adds the unknown faces of photos to `removing` that lose their last template of a subject. Otherwise the photo would stay because of
/// them, and its paths may name the removed subject.
pub(super) fn remove_unknown_of_removed_photos(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO removing(template_id) SELECT id FROM templates u
         WHERE u.subject_id IS NULL AND u.id NOT IN (SELECT template_id FROM removing)
           AND u.photo_id IN (SELECT photo_id FROM templates WHERE id IN (SELECT template_id FROM removing)
                AND subject_id IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM templates t WHERE t.photo_id = u.photo_id
                AND t.subject_id IS NOT NULL AND t.id NOT IN (SELECT template_id FROM removing))",
        [],
    )?;
    Ok(())
}

/// Adds an unknown face of a photo. Returns its id.
pub(in crate::gallery) fn insert(tx: &Transaction<'_>, photo: i64, face: &str) -> rusqlite::Result<u64> {
    tx.prepare_cached("INSERT INTO templates(photo_id, face) VALUES (?1, ?2)")?
        .execute(params![photo, face])?;
    Ok(tx.last_insert_rowid().cast_unsigned())
}
