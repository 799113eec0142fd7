//! Imported `.npy` files and how far each one is in.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{OptionalExtension, params};

use super::{Catalog, Result};

/// An imported file, known by the hash of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Row in the catalog.
    pub id: i64,
    /// Rows in the file.
    pub rows_total: u64,
    /// Leading rows that are in the gallery durably.
    pub rows_done: u64,
}

impl Catalog {
    /// Finds the source with these bytes, or notes a new one with nothing done.
    pub(in crate::gallery) fn source(
        &mut self,
        hash: &[u8; 32],
        path: &Path,
        rows_total: u64,
    ) -> Result<Source> {
        self.transaction("noting an import", |tx| {
            let known = tx
                .query_row(
                    "SELECT id, rows_total, rows_done FROM sources WHERE hash = ?1",
                    [hash.as_slice()],
                    |row| {
                        Ok(Source {
                            id: row.get(0)?,
                            rows_total: row.get::<_, i64>(1)?.cast_unsigned(),
                            rows_done: row.get::<_, i64>(2)?.cast_unsigned(),
                        })
                    },
                )
                .optional()?;
            if let Some(source) = known {
                return Ok(source);
            }
            tx.execute(
                "INSERT INTO sources(hash, path, rows_total, rows_done) VALUES (?1, ?2, ?3, 0)",
                params![hash.as_slice(), path.as_os_str().as_bytes(), rows_total.cast_signed()],
            )?;
            Ok(Source { id: tx.last_insert_rowid(), rows_total, rows_done: 0 })
        })
    }
}
