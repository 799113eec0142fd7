//! Measurements on a gallery, as JSON documents: calibrations and audits.

use rusqlite::{OptionalExtension, params};

use super::ledger::Entry;
use super::{Catalog, Result};

/// Stored measurements of a kind. Older ones are deleted.
const KEPT: i64 = 8;

impl Catalog {
    /// Stores a calibration.
    pub(in crate::gallery) fn keep_calibration(&mut self, fusion: &str, document: &str) -> Result<i64> {
        self.discard_if_damaged("calibrations")?;
        self.transaction("storing a calibration", |tx| {
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

    /// The newest calibration, or the newest for a fusion: its number and its document.
    pub(in crate::gallery) fn calibration(&self, fusion: Option<&str>) -> Result<Option<(i64, String)>> {
        self.verify(&["calibrations"])?; // completely, because a missing row would make an older one the newest
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

    /// Stores an audit of a search mode. It replaces an earlier one.
    pub(in crate::gallery) fn keep_audit(&mut self, search: &str, document: &str) -> Result<i64> {
        self.discard_if_damaged("audits")?;
        self.transaction("storing an audit", |tx| {
            tx.execute("DELETE FROM audits WHERE search = ?1", [search])?;
            tx.execute("INSERT INTO audits(search, document) VALUES (?1, ?2)", params![search, document])?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// The newest audit, or the newest of a search mode: its number and its document.
    pub(in crate::gallery) fn audit(&self, search: Option<&str>) -> Result<Option<(i64, String)>> {
        self.verify(&["audits"])?;
        self.read("reading an audit", |db| {
            db.query_row(
                "SELECT id, document FROM audits WHERE ?1 IS NULL OR search = ?1 ORDER BY id DESC LIMIT 1",
                [search],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
        })
    }

    /// All documents of `calibrations` or `audits`: number, key (fusion or search mode), text.
    pub(in crate::gallery) fn documents(&self, table: &str) -> Result<Vec<(i64, String, String)>> {
        let of = if table == "audits" { "search" } else { "fusion" };
        self.read("reading documents", |db| {
            db.prepare(&format!("SELECT id, {of}, document FROM {table} ORDER BY id"))?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })
    }

    /// Empties a damaged table of measurements before a new one is stored. Measurements can be repeated.
    fn discard_if_damaged(&mut self, table: &'static str) -> Result<()> {
        let Err(error) = self.verify(&[table]) else { return Ok(()) };
        tracing::warn!(%error, "earlier measurements are discarded");
        let found = self.read("reading the remaining rows", |db| {
            let mut found = Entry::default();
            let mut statement = db.prepare(&format!("SELECT sum FROM {table} NOT INDEXED"))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                found.add(row.get(0)?);
            }
            Ok(found)
        })?;
        self.ledger.accept(table, found);
        self.transaction("discarding it", |tx| tx.execute(&format!("DELETE FROM {table}"), []))?;
        Ok(())
    }
}
