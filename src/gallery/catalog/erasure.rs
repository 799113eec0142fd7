//! The traces of removed subjects in the database file, and the rewrite that erases them.
//!
//! SQLite keeps the bytes of a deleted row until they are overwritten. `meta` contains the number of templates that were removed since the
//! last rewrite of the file, so that they are not reported as erased.

use rusqlite::{ErrorCode, OptionalExtension, Transaction, params};

use super::checksum::mismatch;
use super::journal::forget_names;
use super::{Catalog, Result, source};

const UNERASED: &str = "unerased";

/// Counts removed templates in the transaction that removes them.
pub(super) fn count_removed(tx: &Transaction<'_>, removed: u64) -> rusqlite::Result<()> {
    let unerased = unerased(tx)?.saturating_add(removed);
    set_unerased(tx, unerased)
}

fn unerased(db: &rusqlite::Connection) -> rusqlite::Result<u64> {
    let stored: Option<String> = db
        .prepare_cached("SELECT value FROM meta WHERE key = ?1 AND intact('meta', sum, key, value)")?
        .query_row([UNERASED], |row| row.get(0))
        .optional()?;
    let Some(stored) = stored else { return Ok(0) };
    stored.parse().map_err(|_| mismatch(format!("{stored:?} removed templates: expected a number")))
}

fn set_unerased(tx: &Transaction<'_>, number: u64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
    )?
    .execute(params![UNERASED, number.to_string()])?;
    Ok(())
}

impl Catalog {
    /// Templates that were removed since the last rewrite of the file.
    pub(in crate::gallery) fn unerased(&self) -> Result<u64> {
        self.read("counting templates that are not erased", unerased)
    }

    /// Removes traces of removed subjects: their names in the journal, paths of skipped photos (earlier versions stored them), and import
    /// sources without templates. Records that at least `removed` templates are not erased.
    pub(in crate::gallery) fn forget_removed(&mut self, removed: u64) -> Result<()> {
        self.transaction("removing the names of removed subjects", |tx| {
            forget_names(tx, false)?;
            tx.execute("UPDATE photos SET path = x'' WHERE outcome <> 'enrolled' AND path <> x''", [])?;
            let sources: Vec<i64> = tx
                .prepare("SELECT id FROM sources")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            sources.into_iter().try_for_each(|source| source::forget_empty(tx, source))?;
            let removed = unerased(tx)?.max(removed);
            set_unerased(tx, removed)
        })
    }

    /// Bytes that [`rewrite`](Self::rewrite) needs on the disk. The new pages are in the WAL before they are in the file.
    pub(in crate::gallery) fn rewrite_room(&self) -> Result<u64> {
        let pragma = |name| {
            self.read("reading its size", |db| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)))
        };
        let bytes = pragma("page_count")?.saturating_mul(pragma("page_size")?).cast_unsigned();
        Ok(bytes + bytes / 64 + (1 << 16))
    }

    /// Rewrites the database, so that no page contains deleted rows. Returns `false` if another program has the file open: then the old
    /// pages and the old WAL still exist.
    pub(in crate::gallery) fn rewrite(&self) -> Result<bool> {
        let _writing = self.barrier.lock_shared()?;
        let rewritten = self.read("rewriting it", |db| {
            let busy = |error: &rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
            match db.execute_batch("VACUUM") {
                Err(error) if busy(&error) => return Ok(false),
                vacuumed => vacuumed?,
            }
            match db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)) {
                Err(error) if busy(&error) => Ok(false),
                held => Ok(held? == 0),
            }
        })?;
        Ok(rewritten)
    }

    /// Records that all removed templates are erased.
    pub(in crate::gallery) fn forget_unerased(&mut self) -> Result<()> {
        self.transaction("recording an erasure", |tx| {
            tx.execute("DELETE FROM meta WHERE key = ?1", [UNERASED])?;
            Ok(())
        })
    }
}
