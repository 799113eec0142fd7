//! Imported `.npy` files, and their rows in the gallery.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{OptionalExtension, Transaction, params};

use super::checksum::mismatch;
use super::{Catalog, Result};

/// An imported file. It is identified by the hash of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Id of its row in the catalog.
    pub id: i64,
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
    /// Whether it was just added, so that none of its rows is in the gallery.
    pub is_new: bool,
}

/// A template in the gallery for a row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingTemplate {
    /// Id of the template.
    pub template: u64,
    /// Name of its subject, if it has one.
    pub subject: Option<String>,
}

impl ExistingTemplate {
    /// Reads the id of a template, and the id and name of its subject, from column `first` on.
    pub(super) fn from_row(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let (id, subject_id): (i64, Option<i64>) = (row.get(first)?, row.get(first + 1)?);
        let subject: Option<String> = row.get(first + 2)?;
        match subject_id {
            Some(gone) if subject.is_none() => {
                Err(mismatch(format!("template {id} has a missing subject {gone}")))
            }
            _ => Ok(Self { template: id.cast_unsigned(), subject }),
        }
    }
}

impl Catalog {
    /// Finds the source with this hash, or adds it. Its imported rows are known from the templates, so removed rows can be imported again.
    pub(in crate::gallery) fn source(
        &mut self,
        hash: &[u8; 32],
        path: &Path,
        rows_total: u64,
    ) -> Result<Source> {
        self.verify(&["sources"])?;
        self.transaction("recording an import", |tx| {
            let known = tx
                .query_row("SELECT id FROM sources WHERE hash = ?1", [hash.as_slice()], |row| row.get(0))
                .optional()?;
            if let Some(id) = known {
                return Ok(Source { id, hash: *hash, is_new: false });
            }
            tx.execute(
                "INSERT INTO sources(hash, path, rows_total, rows_done) VALUES (?1, ?2, ?3, 0)",
                params![hash.as_slice(), path.as_os_str().as_bytes(), rows_total.cast_signed()],
            )?;
            Ok(Source { id: tx.last_insert_rowid(), hash: *hash, is_new: true })
        })
    }

    /// Calls `visit` with every row of `source` that has a template.
    pub(in crate::gallery) fn each_imported(
        &self,
        source: &Source,
        mut visit: impl FnMut(u64, ExistingTemplate),
    ) -> Result<()> {
        self.verify(&["templates"])?; // a row that is not found is imported again
        self.read("listing imported rows", |db| {
            let mut statement = db.prepare_cached(
                "SELECT t.source_row, t.id, t.subject_id, s.name FROM templates t LEFT JOIN subjects s ON s.id = t.subject_id
                 WHERE t.source_id = ?1 AND t.id NOT IN (SELECT template_id FROM removing)
                   AND (s.id IS NULL OR intact('subjects', s.sum, s.id, s.name, s.created))",
            )?;
            let mut rows = statement.query([source.id])?;
            while let Some(row) = rows.next()? {
                visit(row.get::<_, i64>(0)?.cast_unsigned(), ExistingTemplate::from_row(row, 1)?);
            }
            Ok(())
        })
    }

    /// The digest of the names in the last import of `source`, if it was stored.
    pub(in crate::gallery) fn source_names(&self, source: &Source) -> Result<Option<Option<String>>> {
        self.read("reading the digest of imported names", |db| {
            db.query_row(
                "SELECT value FROM meta WHERE key = ?1 AND intact('meta', sum, key, value)",
                [names_key(&source.hash)],
                |row| row.get::<_, String>(0).map(|digest| Some(digest).filter(|digest| !digest.is_empty())),
            )
            .optional()
        })
    }

    /// Stores the digest of the names in an import of `source`.
    pub(in crate::gallery) fn note_source_names(
        &mut self,
        source: &Source,
        digest: Option<&str>,
    ) -> Result<()> {
        self.transaction("recording the digest of imported names", |tx| {
            tx.execute(
                "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                params![names_key(&source.hash), digest.unwrap_or_default()],
            )?;
            Ok(())
        })
    }
}

/// The key of a source's digest in `meta`.
fn names_key(hash: &[u8; 32]) -> String {
    use std::fmt::Write;
    hash.iter().fold("names of source ".to_owned(), |mut key, byte| {
        let _ = write!(key, "{byte:02X}");
        key
    })
}

/// Deletes a source without templates.
pub(in crate::gallery) fn forget_empty(tx: &Transaction<'_>, source: i64) -> rusqlite::Result<()> {
    let hash: Option<[u8; 32]> = tx
        .prepare_cached(
            "SELECT hash FROM sources WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM templates WHERE source_id = sources.id)",
        )?
        .query_row([source], |row| row.get(0))
        .optional()?;
    if let Some(hash) = hash {
        tx.execute("DELETE FROM meta WHERE key = ?1", [names_key(&hash)])?;
        tx.execute("DELETE FROM sources WHERE id = ?1", [source])?;
    }
    Ok(())
}
