//! Writes that are not finished in the catalog and the index.

use rusqlite::{Transaction, params};

use super::checksum::mismatch;
use super::erasure::count_removed;
use super::journal::forget_names;
use super::template::{INTACT, group_of};
use super::{Catalog, Result, source};
use crate::gallery::View;

/// The purpose of a pending range. It decides what happens after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gallery) enum PendingKind {
    /// New templates. They are kept if the index has all of them, otherwise removed.
    Insert,
    /// Copies of templates for another subject. They are removed, because the originals still exist.
    Move,
}

/// The template ids `first..=last`, written by one transaction.
#[derive(Debug, Clone, Copy)]
pub(in crate::gallery) struct PendingWrite {
    pub id: i64,
    pub kind: PendingKind,
    pub first: i64,
    pub last: i64,
}

impl PendingWrite {
    /// Records in `tx` that the templates `first..=last`, which it inserts, are not in the index yet.
    pub fn note(tx: &Transaction<'_>, kind: PendingKind, first: i64, last: i64) -> rusqlite::Result<Self> {
        let word = match kind {
            PendingKind::Insert => "insert",
            PendingKind::Move => "move",
        };
        tx.prepare_cached("INSERT INTO pending(kind, first_template, last_template) VALUES (?1, ?2, ?3)")?
            .execute(params![word, first, last])?;
        Ok(Self { id: tx.last_insert_rowid(), kind, first, last })
    }

    /// Makes the templates of the range live. The index must contain all of them, durably.
    pub fn finish(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        self.forget(tx)
    }

    /// Whether the index has every row of the write, so that the write is kept.
    pub fn is_whole(self, rows: &[(u64, u64)], view: &View) -> Result<bool> {
        let ids: Vec<u64> = rows.iter().map(|(id, _)| *id).collect();
        Ok(self.kind == PendingKind::Insert && view.absent(&ids)?.is_empty())
    }

    fn forget(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.prepare_cached("DELETE FROM pending WHERE id = ?1")?.execute([self.id])?;
        Ok(())
    }

    /// Reverts the range. Removes the photos and subjects without other templates.
    pub fn undo(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.execute_batch("CREATE TEMP TABLE IF NOT EXISTS undone(template_id INTEGER PRIMARY KEY)")?;
        tx.execute(
            "INSERT INTO undone SELECT id FROM templates WHERE id BETWEEN ?1 AND ?2",
            params![self.first, self.last],
        )?;
        forget(tx, "undone")?;
        tx.execute("DELETE FROM undone", [])?;
        self.finish(tx)
    }
}

/// Deletes the templates in the table `list`, and then the photos (with their paths) and subjects (with their places on lists)
/// without templates.
fn forget(tx: &Transaction<'_>, list: &str) -> rusqlite::Result<()> {
    tx.execute_batch(&format!(
        "CREATE TEMP TABLE IF NOT EXISTS orphans(photo_id INTEGER, subject_id INTEGER);
         DELETE FROM orphans;
         INSERT INTO orphans SELECT photo_id, subject_id FROM templates WHERE id IN (SELECT template_id FROM {list});
         DELETE FROM templates WHERE id IN (SELECT template_id FROM {list});
         DELETE FROM paths WHERE hash IN (SELECT hash FROM photos WHERE id IN (SELECT photo_id FROM orphans)
            AND NOT EXISTS (SELECT 1 FROM templates WHERE photo_id = photos.id));
         DELETE FROM photos WHERE id IN (SELECT photo_id FROM orphans)
            AND NOT EXISTS (SELECT 1 FROM templates WHERE photo_id = photos.id);
         DELETE FROM list_members WHERE subject_id IN (SELECT subject_id FROM orphans)
            AND NOT EXISTS (SELECT 1 FROM templates WHERE subject_id = list_members.subject_id);
         DELETE FROM subjects WHERE id IN (SELECT subject_id FROM orphans)
            AND NOT EXISTS (SELECT 1 FROM templates WHERE subject_id = subjects.id);
         DELETE FROM orphans;"
    ))
}

impl Catalog {
    /// Writes that a crash has left unfinished.
    pub(in crate::gallery) fn pending(&self) -> Result<Vec<PendingWrite>> {
        self.read("reading unfinished writes", |db| {
            db.prepare("SELECT id, kind, first_template, last_template FROM pending ORDER BY id")?
                .query_map([], |row| {
                    let kind = match row.get::<_, String>(1)?.as_str() {
                        "insert" => PendingKind::Insert,
                        "move" => PendingKind::Move,
                        other => return Err(mismatch(format!("a pending write has the kind {other:?}"))),
                    };
                    Ok(PendingWrite { id: row.get(0)?, kind, first: row.get(2)?, last: row.get(3)? })
                })?
                .collect()
        })
    }

    /// Templates of the catalog with ids from `first` to `last`, with their groups.
    pub(in crate::gallery) fn template_rows(&self, first: i64, last: i64) -> Result<Vec<(u64, u64)>> {
        self.read("reading template ids", |db| {
            db.prepare_cached(&format!(
                "SELECT id, subject_id FROM templates WHERE id BETWEEN ?1 AND ?2 AND {INTACT}"
            ))?
            .query_map([first, last], id_and_group)?
            .collect()
        })
    }

    /// Templates in `removing`, which may still be in the index, with their groups.
    pub(in crate::gallery) fn removing(&self) -> Result<Vec<(u64, u64)>> {
        self.read("reading unfinished removals", |db| {
            db.prepare_cached(&format!(
                "SELECT id, subject_id FROM templates WHERE id IN (SELECT template_id FROM removing) AND {INTACT}"
            ))?
            .query_map([], id_and_group)?
            .collect()
        })
    }

    /// Deletes the templates in `removing` from the catalog. The index must not contain them any more.
    pub(in crate::gallery) fn finish_removing(&mut self) -> Result<()> {
        self.transaction("finishing a removal", |tx| {
            let sources: Vec<i64> = tx
                .prepare(
                    "SELECT DISTINCT source_id FROM templates
                     WHERE source_id IS NOT NULL AND id IN (SELECT template_id FROM removing)",
                )?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            forget(tx, "removing")?;
            // An import source without templates is deleted.
            sources.into_iter().try_for_each(|source| source::forget_empty(tx, source))?;
            let removed = tx.execute("DELETE FROM removing", [])?;
            forget_names(tx, true)?;
            count_removed(tx, removed as u64)
        })
    }
}

fn id_and_group(row: &rusqlite::Row<'_>) -> rusqlite::Result<(u64, u64)> {
    let (id, subject) = (row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Option<i64>>(1)?);
    Ok((id, group_of(id, subject.map(i64::cast_unsigned))))
}
