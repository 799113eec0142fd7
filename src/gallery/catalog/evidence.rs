//! What was measured on a gallery: calibrations and audits, as JSON documents.

use rusqlite::{OptionalExtension, params};

use super::{Catalog, Result};

/// Measurements kept of a kind; older ones go.
const KEPT: i64 = 8;

impl Catalog {
    /// Keeps a calibration.
    pub(in crate::gallery) fn keep_calibration(&mut self, fusion: &str, document: &str) -> Result<i64> {
        self.transaction("keeping a calibration", |tx| {
            tx.execute(
                "INSERT INTO calibrations(fusion, document) VALUES (?1, ?2)",
                params![fusion, document],
            )?;
            let id = tx.last_insert_rowid();
            tx.execute(
                "DELETE FROM calibrations WHERE fusion = ?1 AND id NOT IN
                 (SELECT id FROM calibrations WHERE fusion = ?1 ORDER BY id DESC LIMIT ?2)",
                params![fusion, KEPT],
            )?;
            Ok(id)
        })
    }

    /// The newest calibration, or the newest for one fusion: its number and its document.
    pub(in crate::gallery) fn calibration(&self, fusion: Option<&str>) -> Result<Option<(i64, String)>> {
        self.read("reading a calibration", |db| {
            db.query_row(
                "SELECT id, document FROM calibrations WHERE ?1 IS NULL OR fusion = ?1
                 ORDER BY id DESC LIMIT 1",
                [fusion],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
        })
    }

    /// Keeps what an audit of a way to search found, in the place of an earlier one.
    pub(in crate::gallery) fn keep_audit(&mut self, search: &str, document: &str) -> Result<()> {
        self.transaction("keeping an audit", |tx| {
            tx.execute("DELETE FROM audits WHERE search = ?1", [search])?;
            tx.execute("INSERT INTO audits(search, document) VALUES (?1, ?2)", params![search, document])?;
            Ok(())
        })
    }

    /// What the last audit of a way to search found.
    pub(in crate::gallery) fn audit(&self, search: &str) -> Result<Option<String>> {
        self.read("reading an audit", |db| {
            db.query_row("SELECT document FROM audits WHERE search = ?1", [search], |row| row.get(0))
                .optional()
        })
    }
}
