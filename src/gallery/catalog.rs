//! The catalog: people and photos, in one SQLite database beside the index.
//!
//! The catalog is the truth about subjects, photos and which template belongs to whom; the index is the
//! truth about vectors. Tables:
//!
//! | table | one row is |
//! |---|---|
//! | `meta` | a fact about the gallery, such as the model it is bound to |
//! | `subjects` | a person; `id` is the group in the index |
//! | `photos` | a photo that was looked at, keyed by the hash of its bytes, with what came of it |
//! | `templates` | one vector in the index (`id` is its id there), its subject and where it came from |
//! | `sources` | a file of vectors that was imported |
//! | `pending` | a range of template ids that the index may or may not hold yet |
//! | `removing` | a template that the index may still hold |
//! | `journal` | a correction made by a person |
//! | `calibrations` | how often strangers are named, measured, as JSON |
//! | `audits` | what a way to search was found to miss, as JSON |
//!
//! A template is live when it lies in no `pending` range and not in `removing`; both tables are empty
//! except while a write is under way or after a crash, until the gallery is next opened.

mod erasure;
pub(super) mod evidence;
pub(super) mod journal;
pub(super) mod pending;
pub(super) mod photo;
pub(super) mod source;
pub(super) mod subject;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

use super::Binding;
use super::error::{GalleryError, Result};

pub use journal::JournalEntry;
pub(super) use pending::{PendingKind, PendingWrite};
pub use photo::{PhotoHash, PhotoRecord, Provenance};
pub use source::{Held, Source};
pub use subject::{Subject, SubjectTemplate};

const VERSION: i64 = 2;
/// "GLRY": tells `file` and us whose database this is.
const APPLICATION_ID: i64 = 0x474c_5259;

const SCHEMA: &str = "
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
";

/// What version 2 has and version 1 has not.
const SINCE_1: &str = "
CREATE TABLE calibrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, fusion TEXT NOT NULL, document TEXT NOT NULL) STRICT;
CREATE TABLE audits (id INTEGER PRIMARY KEY AUTOINCREMENT, search TEXT NOT NULL, document TEXT NOT NULL) STRICT;
";

/// An open catalog. One per gallery; the gallery serialises access to it.
pub(super) struct Catalog {
    connection: Connection,
    path: PathBuf,
}

impl Catalog {
    pub(super) fn create(path: &Path, binding: &Binding) -> Result<Self> {
        let connection = Connection::open(path).map_err(|e| failed(path, "creating it", e))?;
        let mut catalog = Self { connection, path: path.to_owned() };
        catalog.configure()?;
        catalog.transaction("writing its tables", |tx| {
            tx.execute_batch(SCHEMA)?;
            tx.execute_batch(SINCE_1)?;
            tx.pragma_update(None, "application_id", APPLICATION_ID)?;
            tx.pragma_update(None, "user_version", VERSION)?;
            for (key, value) in binding.to_pairs() {
                tx.execute("INSERT INTO meta(key, value) VALUES (?1, ?2)", params![key, value])?;
            }
            Ok(())
        })?;
        Ok(catalog)
    }

    pub(super) fn open(path: &Path) -> Result<Self> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|e| failed(path, "opening it", e))?;
        let mut catalog = Self { connection, path: path.to_owned() };
        let pragma = |name: &str| {
            catalog
                .connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .map_err(|e| failed(path, "reading its version", e))
        };
        if pragma("application_id")? != APPLICATION_ID {
            return Err(catalog.damaged("it is an SQLite database, but not a gallery's catalog".into()));
        }
        let version = pragma("user_version")?;
        if !(1..=VERSION).contains(&version) {
            return Err(GalleryError::NewerCatalog {
                path: path.to_owned(),
                expected: VERSION,
                got: version,
            });
        }
        catalog.configure()?;
        if version == 1 {
            catalog.transaction("adding tables", |tx| {
                tx.execute_batch(SINCE_1)?;
                tx.pragma_update(None, "user_version", VERSION)
            })?;
        }
        Ok(catalog)
    }

    /// Write-ahead journal with a sync at every commit: what a commit acknowledged survives a power cut.
    fn configure(&self) -> Result<()> {
        self.connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                 PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA busy_timeout = 5000;",
            )
            .map_err(|e| failed(&self.path, "preparing it", e))?;
        self.connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    }

    pub(super) fn binding(&self) -> Result<Binding> {
        Binding::from_pairs(|key| {
            self.read("reading the model binding", |db| {
                db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
            })
        })?
        .ok_or_else(|| self.damaged("its model binding is incomplete".into()))
    }

    /// Runs `work` in one transaction, committed durably when it returns `Ok`, rolled back otherwise.
    pub(super) fn transaction<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let path = &self.path;
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| failed(path, doing, e))?;
        let value = work(&tx).map_err(|e| failed(path, doing, e))?;
        tx.commit().map_err(|e| failed(path, doing, e))?;
        Ok(value)
    }

    pub(super) fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        work(&self.connection).map_err(|e| failed(&self.path, doing, e))
    }

    /// SQLite's own word on the soundness of the file and its references: empty when sound.
    pub(super) fn integrity(&self) -> Result<Vec<String>> {
        self.read("checking it", |db| {
            let mut found: Vec<String> = db
                .prepare("PRAGMA integrity_check(20)")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            found.retain(|line| line != "ok");
            let dangling: i64 =
                db.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
            if dangling > 0 {
                found.push(format!("{dangling} rows refer to rows that are not there"));
            }
            Ok(found)
        })
    }

    pub(super) fn damaged(&self, what: String) -> GalleryError {
        GalleryError::DamagedCatalog { path: self.path.clone(), what }
    }
}

fn failed(path: &Path, doing: &'static str, source: rusqlite::Error) -> GalleryError {
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => GalleryError::Full { path: path.to_owned(), doing },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            GalleryError::DamagedCatalog { path: path.to_owned(), what: format!("{doing}: {source}") }
        }
        _ => GalleryError::Catalog { path: path.to_owned(), doing, source },
    }
}
