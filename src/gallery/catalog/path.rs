//! The paths of a photo. The first path is in the row of the photo, the others are in the table `paths`.
//!
//! A path may contain the name of a person, so it is kept only as long as the photo. If a photo is enrolled again under another name, the
//! gallery keeps the old name, and the new path is not stored. Otherwise the path could name a removed subject.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};

use super::photo::path_from;
use super::{Catalog, Result, missing, photo};
use crate::gallery::name::Person;
use crate::image::PhotoHash;

/// A photo of the gallery that was found at a path.
#[derive(Debug, Clone, Copy)]
pub(in crate::gallery) struct Seen {
    /// Id of the photo's row.
    pub photo: i64,
    /// Whether the path is new, or the photo was marked as missing.
    pub is_new: bool,
}

/// Stores the path of a photo, which is not missing any more, that was given as these subjects, unless the photo has other subjects in the gallery. `None`: the photo is
/// not in the gallery.
pub(in crate::gallery) fn note<'a>(
    tx: &Transaction<'_>,
    hash: &PhotoHash,
    path: &Path,
    people: impl IntoIterator<Item = &'a Person>,
) -> rusqlite::Result<Option<Seen>> {
    let Some((photo, first)) = photo::enrolled(tx, hash)? else { return Ok(None) };
    let known = Seen { photo, is_new: missing::unmark(tx, photo)? };
    if path == first || path.as_os_str().is_empty() {
        return Ok(Some(known));
    }
    for person in people {
        if let Person::Named(name) = person
            && !is_of(tx, photo, name.as_str())?
        {
            return Ok(Some(known));
        }
    }
    let added = tx
        .prepare_cached("INSERT INTO paths(hash, path) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![hash.as_slice(), path.as_os_str().as_bytes()])?;
    Ok(Some(Seen { photo, is_new: known.is_new || added > 0 }))
}

fn is_of(tx: &Transaction<'_>, photo: i64, name: &str) -> rusqlite::Result<bool> {
    tx.prepare_cached(
        "SELECT 1 FROM templates t JOIN subjects s ON s.id = t.subject_id WHERE t.photo_id = ?1 AND s.name = ?2",
    )?
    .exists(params![photo, name])
}

impl Catalog {
    /// The paths of the photo with these bytes, without the first one.
    pub(in crate::gallery) fn other_paths(&self, hash: &PhotoHash) -> Result<Vec<PathBuf>> {
        if self.ledger.rows("paths") == 0 {
            return Ok(Vec::new());
        }
        self.compare_bucket("paths", hash[0], |db| sums_of_paths(db, hash[0]))?;
        self.read("looking up the paths of a photo", |db| {
            db.prepare_cached("SELECT path FROM paths WHERE hash = ?1 AND intact('paths', sum, hash, path)")?
                .query_map([hash.as_slice()], |row| Ok(path_from(&row.get::<_, Vec<u8>>(0)?)))?
                .collect()
        })
    }
}

/// The hashes of the rows in a bucket. Verifies each row.
fn sums_of_paths(db: &Connection, bucket: u8) -> rusqlite::Result<Vec<i64>> {
    let end = bucket.checked_add(1).map(|next| vec![next]);
    db.prepare_cached(
        "SELECT sum FROM paths WHERE hash >= ?1 AND (?2 IS NULL OR hash < ?2) AND intact('paths', sum, hash, path)",
    )?
    .query_map(params![[bucket].as_slice(), end], |row| row.get(0))?
    .collect()
}
