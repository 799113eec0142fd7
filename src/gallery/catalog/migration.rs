//! Catalogs of earlier versions, brought to the present one in one transaction.
//!
//! | version | differs from the next one |
//! |---|---|
//! | 1 | has no calibrations and no audits |
//! | 2 | rows have no hashes, and there is no ledger |
//! | 3 | every template has a subject, and a photo has one path |
//!
//! A catalog of version 3 is verified where its rows are written anew: damage is not given a hash that makes it look sound.

mod earlier;

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

pub(super) use self::earlier::statements;
use super::checksum::mismatch;
use super::ledger::{self, Entry};
use super::schema::{self, STATEMENTS, TABLES, Table, VERSION};

/// The first version whose rows have hashes.
pub(super) const HASHED: i64 = 3;

/// Brings a catalog without hashes to the present version: every table is written anew. Foreign keys must be off: tables take the
/// place of others.
pub(super) fn rewrite(tx: &Transaction<'_>, version: i64) -> rusqlite::Result<()> {
    let sequences = sequences(tx)?;
    tx.execute_batch("DROP INDEX templates_by_subject; DROP INDEX templates_by_photo;")?;
    let old: Vec<&Table> = TABLES
        .iter()
        .filter(|table| {
            statements(version).iter().any(|sql| sql.starts_with(&format!("CREATE TABLE {} ", table.name)))
        })
        .collect();
    for table in &old {
        tx.execute_batch(&format!("ALTER TABLE {0} RENAME TO old_{0}", table.name))?;
    }
    schema::create(tx)?;
    for Table { name, columns, .. } in &old {
        tx.execute_batch(&format!(
            "INSERT INTO {name}({columns}) SELECT {columns} FROM old_{name}; DROP TABLE old_{name};"
        ))?;
    }
    sequences.iter().try_for_each(|(name, last)| restore_sequence(tx, name, *last))
}

/// Brings a catalog of version 3 to the present version: the table of templates is written anew, with the hashes that its rows had.
/// Foreign keys must be off, and changes not watched.
pub(super) fn extend(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let last = sequences(tx)?.get("templates").copied().unwrap_or(0);
    let expected = tx
        .query_row(
            "SELECT rows, digest FROM ledger WHERE name = 'templates' AND bucket = 0
             AND intact('ledger', sum, name, bucket, rows, digest, last)",
            [],
            |row| Ok(Entry { rows: row.get(0)?, digest: row.get(1)? }),
        )
        .optional()?
        .ok_or_else(|| mismatch("the row of the table ledger for templates 0 is gone".into()))?;
    tx.execute_batch(
        "DROP INDEX templates_by_subject; DROP INDEX templates_by_photo;
         ALTER TABLE templates RENAME TO old_templates;",
    )?;
    for name in ["paths", "templates"] {
        let made = STATEMENTS.iter().filter(|sql| sql.starts_with(&format!("CREATE TABLE {name} ")));
        made.into_iter().try_for_each(|sql| tx.execute_batch(sql))?;
    }
    let columns = "id, subject_id, photo_id, face, source_id, source_row";
    tx.execute_batch(&format!(
        "INSERT INTO templates({columns}) SELECT {columns} FROM old_templates NOT INDEXED
             WHERE intact('templates', sum, {columns});
         DROP TABLE old_templates;"
    ))?;
    let indexes = STATEMENTS.iter().filter(|sql| sql.contains(" ON templates("));
    indexes.into_iter().try_for_each(|sql| tx.execute_batch(sql))?;
    require(expected, entry_of_templates(tx)?)?;
    restore_sequence(tx, "templates", last)?;
    ledger::extend(tx)?;
    tx.pragma_update(None, "user_version", VERSION)
}

fn sequences(db: &Connection) -> rusqlite::Result<HashMap<String, i64>> {
    db.prepare("SELECT name, seq FROM sqlite_sequence")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The next row of a table gets a number above `last`.
fn restore_sequence(tx: &Transaction<'_>, name: &str, last: i64) -> rusqlite::Result<()> {
    // An empty table has no row there yet.
    if tx.execute("UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1", params![name, last])? == 0 {
        tx.execute("INSERT INTO sqlite_sequence(name, seq) VALUES (?1, ?2)", params![name, last])?;
    }
    Ok(())
}

fn entry_of_templates(db: &Connection) -> rusqlite::Result<Entry> {
    let mut found = Entry::default();
    let mut statement = db.prepare("SELECT sum FROM templates NOT INDEXED")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.add(row.get(0)?);
    }
    Ok(found)
}

fn require(expected: Entry, found: Entry) -> rusqlite::Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(mismatch(format!(
        "the table templates should have {} rows of version 3, and {} are found, or others than were written",
        expected.rows, found.rows
    )))
}
