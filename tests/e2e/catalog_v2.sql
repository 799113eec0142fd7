PRAGMA journal_mode = WAL;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE subjects (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT;
CREATE TABLE photos (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, path BLOB NOT NULL,
    outcome TEXT NOT NULL, detail TEXT NOT NULL, settings TEXT NOT NULL) STRICT;
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, path BLOB NOT NULL,
    rows_total INTEGER NOT NULL, rows_done INTEGER NOT NULL) STRICT;
CREATE TABLE templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subject_id INTEGER NOT NULL REFERENCES subjects(id),
    photo_id INTEGER REFERENCES photos(id), face TEXT,
    source_id INTEGER REFERENCES sources(id), source_row INTEGER) STRICT;
CREATE INDEX templates_by_subject ON templates(subject_id);
CREATE INDEX templates_by_photo ON templates(photo_id) WHERE photo_id IS NOT NULL;
CREATE TABLE pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,
    first_template INTEGER NOT NULL, last_template INTEGER NOT NULL) STRICT;
CREATE TABLE removing (template_id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, verb TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE TABLE calibrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, fusion TEXT NOT NULL, document TEXT NOT NULL) STRICT;
CREATE TABLE audits (id INTEGER PRIMARY KEY AUTOINCREMENT, search TEXT NOT NULL, document TEXT NOT NULL) STRICT;
PRAGMA application_id = 0x474c5259;
PRAGMA user_version = 2;
INSERT INTO meta VALUES ('model', 'external'), ('fingerprint', ''), ('dimension', 'DIMENSION'), ('threshold', '0.6');
INSERT INTO sources VALUES (1, randomblob(32), CAST('old.npy' AS BLOB), 5, 5);
INSERT INTO subjects(id, name, created)
    VALUES (1, 'person 1', 1), (2, 'person 2', 1), (3, 'person 3', 1), (4, 'person 4', 1), (5, 'person 5', 1), (9, 'removed', 1);
INSERT INTO templates(id, subject_id, source_id, source_row) SELECT id, id, 1, id - 1 FROM subjects WHERE id <= 5;
DELETE FROM subjects WHERE id = 9;
INSERT INTO photos(id, hash, path, outcome, detail, settings) VALUES
    (1, x'0101010101010101010101010101010101010101010101010101010101010101', CAST('people/person 1/1.jpg' AS BLOB), 'enrolled', '', 'none'),
    (2, x'0202020202020202020202020202020202020202020202020202020202020202', x'', 'no_face', '', 'none');
INSERT INTO templates(id, subject_id, photo_id) VALUES (6, 1, 1);
INSERT INTO journal(at, verb, detail) VALUES (1, 'rename', '{"subject":1,"from":"somebody","to":"person 1"}');
INSERT INTO calibrations(id, fusion, document) VALUES (7, 'max', '{}');
DELETE FROM calibrations;
