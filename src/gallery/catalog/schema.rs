//! The tables of a catalog, their versions, and their integrity.
//!
//! SQLite has no checksums. So every row of every table ends in `sum`, a hash of the table's name and the columns, which SQLite computes
//! when the row is written ([`checksum`](super::checksum)). Every read of a row verifies it with `intact(...)`. The table `ledger`
//! ([`ledger`](super::ledger)) reveals missing rows, and rows that a SQLite index does not lead to. It contains the number of rows of each
//! table and the wrapping sum of their hashes. Each transaction updates it.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Transaction};

use super::{ledger, migration, published};

/// Version of the tables.
pub(super) const VERSION: i64 = 5;
/// "GLRY": identifies the database, also for the tool `file`.
pub(super) const APPLICATION_ID: i64 = 0x474c_5259;

/// A table whose rows have a hash and are counted in the ledger.
pub(super) struct Table {
    pub name: &'static str,
    /// The columns that `sum` covers, in order; the first is the key.
    pub columns: &'static str,
    /// How its rows are divided into buckets.
    pub buckets: Buckets,
}

/// The buckets of a table in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buckets {
    /// One bucket.
    One,
    /// 256 buckets, by the first byte of a column.
    FirstByte(&'static str),
    /// Two buckets: 0 if a column has a value, 1 if it is NULL.
    IsNull(&'static str),
}

impl Buckets {
    /// The column that selects the bucket.
    pub fn column(self) -> Option<&'static str> {
        match self {
            Self::One => None,
            Self::FirstByte(column) | Self::IsNull(column) => Some(column),
        }
    }

    /// Number of the last bucket. The first one is 0.
    pub fn last(self) -> u8 {
        match self {
            Self::One => 0,
            Self::FirstByte(_) => u8::MAX,
            Self::IsNull(_) => 1,
        }
    }

    /// The bucket of a row with this value in the column.
    pub fn of(self, value: ValueRef<'_>) -> u8 {
        match (self, value) {
            (Self::FirstByte(_), ValueRef::Integer(key)) => key.to_be_bytes()[0],
            (Self::FirstByte(_), ValueRef::Blob(hash)) => hash.first().copied().unwrap_or(0),
            (Self::IsNull(_), ValueRef::Null) => 1,
            _ => 0,
        }
    }
}

const fn table(name: &'static str, columns: &'static str, buckets: Buckets) -> Table {
    Table { name, columns, buckets }
}

/// All tables except the ledger.
pub(super) const TABLES: [Table; 14] = [
    table("meta", "key, value", Buckets::One),
    table("progress", "what, value", Buckets::One),
    table("subjects", "id, name, created", Buckets::FirstByte("key")),
    table("photos", "id, hash, path, outcome, detail, settings", Buckets::FirstByte("hash")),
    table("paths", "hash, path", Buckets::FirstByte("hash")),
    table("sources", "id, hash, path, rows_total, rows_done", Buckets::One),
    table(
        "templates",
        "id, subject_id, photo_id, face, source_id, source_row",
        Buckets::IsNull("subject_id"),
    ),
    table("pending", "id, kind, first_template, last_template", Buckets::One),
    table("removing", "template_id", Buckets::One),
    table("journal", "id, at, verb, detail", Buckets::One),
    table("calibrations", "id, fusion, document", Buckets::One),
    table("audits", "id, search, document", Buckets::One),
    table("lists", "id, name", Buckets::One),
    table("list_members", "list_id, subject_id", Buckets::One),
];

/// The statements in SQLite's form. Opening compares them byte by byte.
pub(super) const STATEMENTS: &[&str] = &[
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('meta', key, value)) STORED) STRICT, WITHOUT ROWID",
    "CREATE TABLE progress (what TEXT PRIMARY KEY, value INTEGER NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('progress', what, value)) STORED) STRICT, WITHOUT ROWID",
    "CREATE TABLE subjects (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, created INTEGER NOT NULL,
    key INTEGER GENERATED ALWAYS AS (name_key(name)) STORED,
    sum INTEGER GENERATED ALWAYS AS (row_sum('subjects', id, name, created)) STORED) STRICT",
    "CREATE UNIQUE INDEX subjects_by_name ON subjects(key, name)",
    "CREATE TABLE photos (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, path BLOB NOT NULL,
    outcome TEXT NOT NULL, detail TEXT NOT NULL, settings TEXT NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('photos', id, hash, path, outcome, detail, settings)) STORED) STRICT",
    "CREATE TABLE paths (
    hash BLOB NOT NULL REFERENCES photos(hash), path BLOB NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('paths', hash, path)) STORED,
    PRIMARY KEY (hash, path)) STRICT, WITHOUT ROWID",
    "CREATE TABLE sources (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, path BLOB NOT NULL,
    rows_total INTEGER NOT NULL, rows_done INTEGER NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('sources', id, hash, path, rows_total, rows_done)) STORED) STRICT",
    "CREATE TABLE templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subject_id INTEGER REFERENCES subjects(id),
    photo_id INTEGER REFERENCES photos(id), face TEXT,
    source_id INTEGER REFERENCES sources(id), source_row INTEGER,
    sum INTEGER GENERATED ALWAYS AS (row_sum('templates', id, subject_id, photo_id, face, source_id, source_row)) STORED) STRICT",
    "CREATE INDEX templates_by_subject ON templates(subject_id)",
    "CREATE INDEX templates_by_photo ON templates(photo_id) WHERE photo_id IS NOT NULL",
    "CREATE TABLE pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,
    first_template INTEGER NOT NULL, last_template INTEGER NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('pending', id, kind, first_template, last_template)) STORED) STRICT",
    "CREATE TABLE removing (template_id INTEGER PRIMARY KEY,
    sum INTEGER GENERATED ALWAYS AS (row_sum('removing', template_id)) STORED) STRICT",
    "CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, verb TEXT NOT NULL, detail TEXT NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('journal', id, at, verb, detail)) STORED) STRICT",
    "CREATE TABLE calibrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, fusion TEXT NOT NULL, document TEXT NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('calibrations', id, fusion, document)) STORED) STRICT",
    "CREATE TABLE audits (
    id INTEGER PRIMARY KEY AUTOINCREMENT, search TEXT NOT NULL, document TEXT NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('audits', id, search, document)) STORED) STRICT",
    "CREATE TABLE lists (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
    sum INTEGER GENERATED ALWAYS AS (row_sum('lists', id, name)) STORED) STRICT",
    "CREATE TABLE list_members (
    list_id INTEGER NOT NULL REFERENCES lists(id), subject_id INTEGER NOT NULL REFERENCES subjects(id),
    sum INTEGER GENERATED ALWAYS AS (row_sum('list_members', list_id, subject_id)) STORED,
    PRIMARY KEY (list_id, subject_id)) STRICT, WITHOUT ROWID",
    "CREATE INDEX list_members_by_subject ON list_members(subject_id)",
    "CREATE TABLE ledger (
    name TEXT NOT NULL, bucket INTEGER NOT NULL, rows INTEGER NOT NULL, digest INTEGER NOT NULL, last INTEGER NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('ledger', name, bucket, rows, digest, last)) STORED,
    PRIMARY KEY (name, bucket)) STRICT, WITHOUT ROWID",
];

/// Makes the tables. They are empty except for the ledger and the generation.
pub(super) fn create(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    for statement in STATEMENTS {
        tx.execute_batch(statement)?;
    }
    ledger::create(tx)?;
    watch(tx)?;
    tx.execute("INSERT INTO progress(what, value) VALUES ('generation', 0)", [])?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", VERSION)
}

/// Creates the triggers of a connection for writing.
pub(super) fn watch(db: &Connection) -> rusqlite::Result<()> {
    ledger::watch(db)?;
    published::watch(db)
}

/// Whether the tables have the definitions of `version`. Other definitions would change the meaning of every statement.
pub(super) fn is_as_defined(db: &Connection, version: i64) -> rusqlite::Result<bool> {
    let mut expected: Vec<&str> = match version {
        VERSION => STATEMENTS.to_vec(),
        older => migration::statements(older),
    };
    let mut found: Vec<String> = db
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'sqlite_sequence'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    expected.sort_unstable();
    found.sort_unstable();
    let indexes: i64 = db.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE sql IS NULL AND type = 'index' AND name LIKE 'sqlite_autoindex_%'",
        [],
        |row| row.get(0),
    )?;
    let unique = expected.iter().filter(|sql| sql.starts_with("CREATE TABLE"));
    let unique: usize = unique.map(|sql| sql.matches(" UNIQUE").count()).sum();
    Ok(expected == found && indexes == unique as i64)
}
