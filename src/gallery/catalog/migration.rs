//! Migration: upgrades catalogs of earlier versions in one transaction.
//!
//! | version | difference to the next version |
//! |---|---|
//! | 1 | no calibrations and no audits |
//! | 2 | no hashes of rows, and no ledger |
//! | 3 | every template has a subject, and a photo has one path |
//! | 4 | no lists |
//!
//! A catalog of version 3 is verified where its rows are rewritten, so that damaged rows do not get a valid hash.

mod earlier;

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

pub(super) use self::earlier::statements;
use super::checksum::mismatch;
use super::ledger::{self, Entry};
use super::schema::{self, STATEMENTS, TABLES, Table, VERSION};

/// First version with hashes of rows.
pub(super) const HASHED: i64 = 3;

/// Upgrades a catalog without hashes. Rewrites every table. Foreign keys must be off, because tables are replaced.
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

/// Upgrades a catalog of version 3 or 4. Foreign keys must be off, and changes must not be watched.
pub(super) fn extend(tx: &Transaction<'_>, version: i64) -> rusqlite::Result<()> {
    if version == HASHED {
        allow_unknown_faces(tx)?;
    }
    let made = STATEMENTS.iter().filter(|sql| {
        ["CREATE TABLE lists ", "CREATE TABLE list_members ", "CREATE INDEX list_members_"]
            .iter()
            .any(|start| sql.starts_with(start))
    });
    made.into_iter().try_for_each(|sql| tx.execute_batch(sql))?;
    ledger::extend(tx)?;
    tx.pragma_update(None, "user_version", VERSION)
}

/// Upgrades a catalog of version 3 to version 4, without its ledger. Rewrites the table of templates and keeps the hashes of its rows.
fn allow_unknown_faces(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let last = sequences(tx)?.get("templates").copied().unwrap_or(0);
    let expected = tx
        .query_row(
            "SELECT rows, digest FROM ledger WHERE name = 'templates' AND bucket = 0
             AND intact('ledger', sum, name, bucket, rows, digest, last)",
            [],
            |row| Ok(Entry { rows: row.get(0)?, digest: row.get(1)? }),
        )
        .optional()?
        .ok_or_else(|| mismatch("the row of the table ledger for templates 0 is missing".into()))?;
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
    restore_sequence(tx, "templates", last)
}

fn sequences(db: &Connection) -> rusqlite::Result<HashMap<String, i64>> {
    db.prepare("SELECT name, seq FROM sqlite_sequence")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Sets the sequence of a table, so that its next row gets a number above `last`.
fn restore_sequence(tx: &Transaction<'_>, name: &str, last: i64) -> rusqlite::Result<()> {
    // An empty table has no sequence yet.
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
        "the table templates has {} rows of version 3, expected {}, or rows were changed",
        expected.rows, found.rows
    )))
}
