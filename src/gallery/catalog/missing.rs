//! Photos whose files are gone. Their faces are unknown faces that no list contains, until the photo is seen again, the correction is
//! undone, or a purge erases them.
//!
//! The column `detail` of an enrolled photo is empty, or marks it as missing.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use rusqlite::{Transaction, params};

use super::template::{Original, TEMPLATES, UNSETTLED, retire, unknown_from};
use super::{Catalog, Result, photo};
use crate::image::PhotoHash;

/// The mark.
const MISSING: &str = "missing";
/// Ids of the unknown faces of missing photos.
const HIDDEN: &str = "SELECT h.id FROM photos m JOIN templates h ON h.photo_id = m.id
    WHERE m.outcome = 'enrolled' AND m.detail = 'missing' AND h.subject_id IS NULL";
/// The condition that a row of [`TEMPLATES`] has no photo, or one that is not missing.
pub(super) const PRESENT: &str = "(p.id IS NULL OR p.detail <> 'missing')";

/// Whether the detail of an enrolled photo marks it as missing.
pub(super) fn is_mark(detail: &str) -> bool {
    detail == MISSING
}

/// Marks the photos of templates as missing, or as present.
pub(super) fn mark_photos_of(
    tx: &Transaction<'_>,
    templates: &[u64],
    are_missing: bool,
) -> rusqlite::Result<()> {
    let mut update = tx.prepare_cached(
        "UPDATE photos SET detail = ?2 WHERE outcome = 'enrolled' AND detail <> ?2
         AND id = (SELECT photo_id FROM templates WHERE id = ?1)",
    )?;
    let mark = if are_missing { MISSING } else { "" };
    templates.iter().try_for_each(|id| update.execute(params![id.cast_signed(), mark]).map(drop))
}

/// Removes the mark of a photo. Returns whether it had one.
pub(super) fn unmark(tx: &Transaction<'_>, photo: i64) -> rusqlite::Result<bool> {
    let unmarked = tx
        .prepare_cached(
            "UPDATE photos SET detail = '' WHERE id = ?1 AND outcome = 'enrolled' AND detail <> ''",
        )?
        .execute([photo])?;
    Ok(unmarked > 0)
}

impl Catalog {
    /// Number of live unknown faces of missing photos.
    pub(in crate::gallery) fn hidden_count(&self) -> Result<u64> {
        self.read("counting the faces of missing photos", |db| {
            db.prepare_cached(&format!("SELECT count(*) FROM ({HIDDEN}) WHERE id NOT IN ({UNSETTLED})"))?
                .query_row([], |row| row.get::<_, i64>(0))
                .map(i64::cast_unsigned)
        })
    }

    /// Adds the unknown faces of missing photos to `removing`. The caller calls `finish_removing` after the index has deleted them.
    pub(in crate::gallery) fn mark_hidden_removed(&mut self) -> Result<()> {
        self.transaction("removing the faces of missing photos", |tx| {
            let hidden: Vec<i64> = tx
                .prepare(&format!("{HIDDEN} AND h.id NOT IN ({UNSETTLED})"))?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            retire(tx, &hidden.into_iter().map(i64::cast_unsigned).collect::<Vec<_>>())
        })
    }

    /// The hash and the paths of every enrolled photo that is not missing, the first path first. A path may be empty.
    pub(in crate::gallery) fn photo_paths(&self) -> Result<Vec<(PhotoHash, Vec<PathBuf>)>> {
        self.verify(&["photos", "paths"])?;
        self.read("listing the paths of photos", |db| {
            let mut others: HashMap<PhotoHash, Vec<PathBuf>> = HashMap::new();
            let mut statement = db.prepare(
                "SELECT hash, path FROM paths WHERE intact('paths', sum, hash, path) ORDER BY hash, path",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                others.entry(row.get(0)?).or_default().push(photo::path_from(&row.get::<_, Vec<u8>>(1)?));
            }
            let mut statement = db.prepare(
                "SELECT hash, path FROM photos WHERE outcome = 'enrolled' AND detail <> 'missing'
                   AND intact('photos', sum, id, hash, path, outcome, detail, settings) ORDER BY id",
            )?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let hash: PhotoHash = row.get(0)?;
                let first = photo::path_from(&row.get::<_, Vec<u8>>(1)?);
                let others = others.remove(&hash).unwrap_or_default();
                found.push((hash, std::iter::once(first).chain(others).collect()));
            }
            Ok(found)
        })
    }

    /// Replaces the paths of photos by these, the first of each first. A photo without a path keeps those that it has.
    pub(in crate::gallery) fn set_paths(&mut self, photos: &[(PhotoHash, Vec<PathBuf>)]) -> Result<()> {
        use std::os::unix::ffi::OsStrExt;
        self.verify_photos(photos.iter().map(|(hash, _)| hash))?;
        self.transaction("storing paths of photos", |tx| {
            for (hash, paths) in photos {
                let Some((first, others)) = paths.split_first() else { continue };
                let bytes = |path: &PathBuf| path.as_os_str().as_bytes().to_vec();
                tx.prepare_cached("DELETE FROM paths WHERE hash = ?1")?.execute([hash.as_slice()])?;
                tx.prepare_cached("UPDATE photos SET path = ?2 WHERE hash = ?1 AND outcome = 'enrolled'")?
                    .execute(params![hash.as_slice(), bytes(first)])?;
                let mut seen = HashSet::from([first]);
                for other in others.iter().filter(|path| !path.as_os_str().is_empty() && seen.insert(path)) {
                    tx.prepare_cached("INSERT INTO paths(hash, path) VALUES (?1, ?2)")?
                        .execute(params![hash.as_slice(), bytes(other)])?;
                }
            }
            Ok(())
        })
    }

    /// The live templates of the photo with these bytes, with and without a subject, in order of id.
    pub(in crate::gallery) fn originals_of_photo(&self, hash: &PhotoHash) -> Result<Vec<Original>> {
        self.verify_photos([hash])?;
        self.read("looking up the templates of a photo", |db| {
            db.prepare_cached(&format!(
                "{TEMPLATES} AND p.hash = ?1 AND t.id NOT IN ({UNSETTLED}) ORDER BY t.id"
            ))?
            .query_map([hash.as_slice()], |row| {
                let id = unknown_from(row)?.id;
                let subject: Option<i64> = row.get(1)?;
                let name: Option<String> = row.get(2)?;
                Ok(Original { id, subject: subject.map(i64::cast_unsigned).zip(name) })
            })?
            .collect()
        })
    }
}
