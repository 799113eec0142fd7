//! Catalogs of earlier versions.
//!
//! | version | differs from the next one |
//! |---|---|
//! | 1 | has no calibrations and no audits |
//! | 2 | rows have no hashes, and there is no ledger |

use rusqlite::{Transaction, params};

use super::schema;

const V1: &[&str] = &[
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE subjects (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT",
    "CREATE TABLE photos (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, path BLOB NOT NULL,
    outcome TEXT NOT NULL, detail TEXT NOT NULL, settings TEXT NOT NULL) STRICT",
    "CREATE TABLE sources (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, path BLOB NOT NULL,
    rows_total INTEGER NOT NULL, rows_done INTEGER NOT NULL) STRICT",
    "CREATE TABLE templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subject_id INTEGER NOT NULL REFERENCES subjects(id),
    photo_id INTEGER REFERENCES photos(id), face TEXT,
    source_id INTEGER REFERENCES sources(id), source_row INTEGER) STRICT",
    "CREATE INDEX templates_by_subject ON templates(subject_id)",
    "CREATE INDEX templates_by_photo ON templates(photo_id) WHERE photo_id IS NOT NULL",
    "CREATE TABLE pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,
    first_template INTEGER NOT NULL, last_template INTEGER NOT NULL) STRICT",
    "CREATE TABLE removing (template_id INTEGER PRIMARY KEY) STRICT",
    "CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, verb TEXT NOT NULL, detail TEXT NOT NULL) STRICT",
];

/// What version 2 has and version 1 has not.
const V2: &[&str] = &[
    "CREATE TABLE calibrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, fusion TEXT NOT NULL, document TEXT NOT NULL) STRICT",
    "CREATE TABLE audits (id INTEGER PRIMARY KEY AUTOINCREMENT, search TEXT NOT NULL, document TEXT NOT NULL) STRICT",
];

/// The definitions of an earlier version.
pub(super) fn statements(version: i64) -> Vec<&'static str> {
    let since = if version >= 2 { V2 } else { &[] };
    V1.iter().chain(since).copied().collect()
}

/// Brings a catalog of an earlier version to the present one. Foreign keys must be off: tables take the place of others.
pub(super) fn migrate(tx: &Transaction<'_>, version: i64) -> rusqlite::Result<()> {
    let sequences: Vec<(String, i64)> = tx
        .prepare("SELECT name, seq FROM sqlite_sequence")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    tx.execute_batch("DROP INDEX templates_by_subject; DROP INDEX templates_by_photo;")?;
    let old: Vec<&schema::Table> = schema::TABLES
        .iter()
        .filter(|table| {
            statements(version).iter().any(|sql| sql.starts_with(&format!("CREATE TABLE {} ", table.name)))
        })
        .collect();
    for table in &old {
        tx.execute_batch(&format!("ALTER TABLE {0} RENAME TO old_{0}", table.name))?;
    }
    schema::create(tx)?;
    for table in &old {
        let schema::Table { name, columns, .. } = table;
        tx.execute_batch(&format!(
            "INSERT INTO {name}({columns}) SELECT {columns} FROM old_{name}; DROP TABLE old_{name};"
        ))?;
    }
    for (name, last) in sequences {
        // An empty table has no row there yet.
        if tx.execute("UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1", params![name, last])? == 0 {
            tx.execute("INSERT INTO sqlite_sequence(name, seq) VALUES (?1, ?2)", params![name, last])?;
        }
    }
    Ok(())
}
