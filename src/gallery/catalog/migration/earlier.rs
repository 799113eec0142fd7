//! Table definitions of earlier versions, in SQLite's form. They must not change, because catalogs with them exist.

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

/// The additions of version 2 to version 1.
const V2: &[&str] = &[
    "CREATE TABLE calibrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, fusion TEXT NOT NULL, document TEXT NOT NULL) STRICT",
    "CREATE TABLE audits (id INTEGER PRIMARY KEY AUTOINCREMENT, search TEXT NOT NULL, document TEXT NOT NULL) STRICT",
];

/// All of version 3.
const V3: &[&str] = &[
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
    "CREATE TABLE sources (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, path BLOB NOT NULL,
    rows_total INTEGER NOT NULL, rows_done INTEGER NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('sources', id, hash, path, rows_total, rows_done)) STORED) STRICT",
    "CREATE TABLE templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subject_id INTEGER NOT NULL REFERENCES subjects(id),
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
    "CREATE TABLE ledger (
    name TEXT NOT NULL, bucket INTEGER NOT NULL, rows INTEGER NOT NULL, digest INTEGER NOT NULL, last INTEGER NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('ledger', name, bucket, rows, digest, last)) STORED,
    PRIMARY KEY (name, bucket)) STRICT, WITHOUT ROWID",
];

/// The tables of version 4 that version 3 does not have, or has with another definition.
const V4: &[&str] = &[
    "CREATE TABLE paths (
    hash BLOB NOT NULL REFERENCES photos(hash), path BLOB NOT NULL,
    sum INTEGER GENERATED ALWAYS AS (row_sum('paths', hash, path)) STORED,
    PRIMARY KEY (hash, path)) STRICT, WITHOUT ROWID",
    "CREATE TABLE templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subject_id INTEGER REFERENCES subjects(id),
    photo_id INTEGER REFERENCES photos(id), face TEXT,
    source_id INTEGER REFERENCES sources(id), source_row INTEGER,
    sum INTEGER GENERATED ALWAYS AS (row_sum('templates', id, subject_id, photo_id, face, source_id, source_row)) STORED) STRICT",
];

/// The definitions of an earlier version.
pub(in super::super) fn statements(version: i64) -> Vec<&'static str> {
    match version {
        1 => V1.to_vec(),
        2 => [V1, V2].concat(),
        3 => V3.to_vec(),
        _ => {
            let kept = V3.iter().filter(|sql| !sql.starts_with("CREATE TABLE templates "));
            kept.chain(V4).copied().collect()
        }
    }
}
