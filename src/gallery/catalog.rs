//! The catalog: subjects and photos, in one SQLite database beside the index.
//!
//! The catalog is authoritative for subjects, photos, and the subject of each template. The index is authoritative for vectors. Tables:
//!
//! | table | a row is |
//! |---|---|
//! | `meta` | a property of the gallery, such as its model |
//! | `subjects` | a subject; `id` is its group in the index |
//! | `photos` | a processed photo, by the hash of its bytes, with its first path and the result |
//! | `paths` | a further path of a photo: see [`path`] |
//! | `templates` | a vector in the index (`id` is its id there), its subject if it has one, and its source |
//! | `sources` | an imported file of vectors |
//! | `pending` | a range of template ids that may not be in the index yet |
//! | `removing` | a template that may still be in the index |
//! | `journal` | a correction by a user |
//! | `calibrations` | a calibration, as JSON |
//! | `audits` | the result of an audit of a search mode, as JSON |
//! | `lists` | a named set of subjects: see [`list`] |
//! | `list_members` | a subject on a list |
//! | `progress` | the generation of the catalog, and the watermarks of the index |
//! | `ledger` | the number of rows of a table, and the sum of their hashes |
//!
//! Every row ends in its own hash, which is verified whenever the row is read: see [`schema`]. A template is live if it is in no `pending`
//! range and not in `removing`. Both tables are empty except during a write, and after a crash until the gallery is opened again.
//!
//! A photo whose file is gone has a mark, and its faces are unknown faces that no list contains: see [`missing`].
//!
//! An unknown face of a photo is a template without a subject: `subject_id` is NULL, and the photo and the face are known. In the index it
//! has a group of its own: bit 63 and its id ([`template::group_of`]). The views for searches do not contain it. It gets a subject like a
//! moved template: a copy with a new id is written, then the original is removed. A photo that loses its last template of a subject by a
//! removal is removed with its unknown faces and its paths.

mod checksum;
mod connection;
mod erasure;
mod inspection;
pub(super) mod journal;
mod ledger;
mod list;
pub(super) mod measurements;
mod migration;
mod missing;
pub(super) mod path;
pub(super) mod pending;
pub(super) mod photo;
pub(super) mod progress;
mod published;
mod rebinding;
mod renaming;
mod schema;
pub(super) mod source;
pub(super) mod subject;
pub(super) mod template;
pub(super) mod unknown;

use std::cell::RefCell;
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};

use serde_json::json;

use super::Binding;
use super::barrier::{Barrier, BarrierGuard};
use super::error::{GalleryError, Result};
use ledger::{Changes, Entry, Ledger};
use schema::{APPLICATION_ID, TABLES, VERSION};

pub use journal::{JournalEntry, Present};
pub(super) use pending::{PendingKind, PendingWrite};
pub use photo::PhotoRecord;
pub(super) use published::{NamesInMemory, Published};
pub use source::{ExistingTemplate, Source};
pub use subject::Subject;
pub use template::{FaceOfPhoto, SubjectTemplate};
pub use unknown::UnknownFace;

const MIGRATING: &str = "upgrading it";

/// An open catalog. There is one per gallery, and the gallery serialises access to it.
pub(super) struct Catalog {
    connection: Connection,
    path: PathBuf,
    /// Device and inode of the file at the time of opening.
    file: (u64, u64),
    barrier: Barrier,
    ledger: Ledger,
    /// Number of transactions that changed this catalog.
    generation: Arc<AtomicU64>,
    /// Changes of the running transaction.
    changes: Changes,
    /// What is readable without the lock of the catalog.
    published: Arc<Published>,
    /// A commit failed, so the ledger in memory may differ from the one on disk.
    stale: bool,
    /// Buckets that were compared with the ledger: see [`Catalog::compare_bucket`].
    compared: RefCell<HashSet<(&'static str, u8)>>,
    /// Held while the connection closes.
    closing: Option<BarrierGuard>,
}

impl Catalog {
    /// Makes a catalog for the index with the id `index`.
    pub(super) fn create(path: &Path, binding: &Binding, index: [u8; 16]) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = connection::to_write(path, flags).map_err(|e| failed(path, "creating it", e))?;
        let mut catalog = Self::new(connection, path)?;
        catalog.define("writing its tables", schema::create)?;
        catalog.transaction("writing its model", |tx| {
            for (key, value) in binding.to_pairs() {
                write_meta(tx, key, &value)?;
            }
            write_meta(tx, "index", &progress::hex(&index))
        })?;
        Ok(catalog)
    }

    /// Opens a catalog for reading and writing. `index` is the id of the index.
    pub(super) fn open(path: &Path, index: [u8; 16]) -> Result<Self> {
        let connection = connection::to_write(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(|e| failed(path, "opening it", e))?;
        let mut catalog = Self::new(connection, path)?;
        let version = catalog.version()?;
        if version < migration::HASHED {
            catalog.define(MIGRATING, |tx| {
                migration::rewrite(tx, version)?;
                write_meta(tx, "index", &progress::hex(&index))
            })?;
        } else {
            if version < VERSION {
                catalog.extend(version)?;
            }
            catalog.read("preparing to write", schema::watch)?;
        }
        catalog.load()?;
        Ok(catalog)
    }

    /// Opens a catalog for reading. Changes no file. No process may write to the catalog.
    pub(super) fn open_to_read(path: &Path) -> Result<Self> {
        let connection = connection::to_read(path).map_err(|e| failed(path, "opening it", e))?;
        let mut catalog = Self::new(connection, path)?;
        let version = catalog.version()?;
        if version < VERSION {
            return Err(GalleryError::OlderCatalog {
                path: path.to_owned(),
                expected: VERSION,
                got: version,
            });
        }
        catalog.load()?;
        Ok(catalog)
    }

    /// Moves the content of a copy's WAL into the database and removes the WAL.
    pub(super) fn merge_log(path: &Path) -> Result<()> {
        let merge = || {
            let db = connection::to_write(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection::keep_log_on_close(&db, false)?;
            db.close().map_err(|(_, error)| error)
        };
        merge().map_err(|error| failed(path, "closing its log", error))
    }

    fn new(connection: Connection, path: &Path) -> Result<Self> {
        let catalog = Self {
            connection,
            path: path.to_owned(),
            file: identity(path)?,
            barrier: Barrier::of(path.parent().unwrap_or(path)),
            ledger: Ledger::default(),
            generation: Arc::default(),
            changes: Changes::default(),
            published: Arc::default(),
            stale: false,
            compared: RefCell::default(),
            closing: None,
        };
        catalog.read("preparing it", |db| {
            db.set_prepared_statement_cache_capacity(64);
            checksum::define(db)?;
            catalog.published.define(db)?;
            catalog.changes.define(db)
        })?;
        Ok(catalog)
    }

    /// The version of the tables. Their definitions must be those of the version.
    fn version(&self) -> Result<i64> {
        let pragma = |name: &str| {
            self.read("reading its version", |db| {
                db.pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            })
        };
        if pragma("application_id")? != APPLICATION_ID {
            return Err(self.damaged("its header is not the header of a catalog".into()));
        }
        let version = pragma("user_version")?;
        if !(1..=VERSION).contains(&version) {
            let (path, expected) = (self.path.clone(), VERSION);
            return Err(GalleryError::NewerCatalog { path, expected, got: version });
        }
        if !self.read("reading its tables", |db| schema::is_as_defined(db, version))? {
            return Err(self.damaged(format!("its tables do not have the definitions of version {version}")));
        }
        Ok(version)
    }

    /// Reads the state that is kept in memory, and verifies the tables that every operation depends on.
    fn load(&mut self) -> Result<()> {
        self.ledger = self.read("reading its ledger", Ledger::load)?;
        self.verify(&["meta", "progress", "pending", "removing"])?;
        self.read("reading the last numbers", |db| self.ledger.verify_sequences(db))?;
        self.generation.store(self.read_generation()?, Ordering::Release);
        Ok(())
    }

    pub(super) fn binding(&self) -> Result<Binding> {
        Binding::from_pairs(|key| self.meta(key))
            .and_then(|binding| binding.map_err(|what| self.damaged(what)))
    }

    /// Sets the threshold. The journal keeps the old value.
    pub(super) fn set_threshold(&mut self, threshold: f32) -> Result<()> {
        let before = self.binding()?.threshold;
        self.transaction("changing the threshold", |tx| {
            let changed = "INSERT INTO meta(key, value) VALUES ('threshold', ?1)
                 ON CONFLICT(key) DO UPDATE SET value = excluded.value";
            tx.execute(changed, [threshold.to_string()])?;
            journal::record(tx, "threshold", &json!({ "from": before, "to": threshold })).map(drop)
        })
    }

    /// A property of the gallery.
    fn meta(&self, key: &str) -> Result<Option<String>> {
        self.read("reading its model", |db| {
            db.prepare_cached("SELECT value FROM meta WHERE key = ?1 AND intact('meta', sum, key, value)")?
                .query_row([key], |row| row.get(0))
                .optional()
        })
    }

    /// Makes or rewrites the tables. Foreign keys are not checked during this.
    fn define(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        self.check_references(doing, false)?;
        self.transaction(doing, work)?;
        self.check_references(doing, true)
    }

    /// Upgrades a catalog whose rows have hashes to the present version. The rows do not change, so the ledger in memory and the generation
    /// stay valid.
    fn extend(&mut self, version: i64) -> Result<()> {
        self.check_references(MIGRATING, false)?;
        {
            let _writing = self.barrier.lock_shared()?;
            let extended =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|tx| {
                    migration::extend(&tx, version)?;
                    tx.commit()
                });
            extended.map_err(|e| failed(&self.path, MIGRATING, e))?;
        }
        self.check_references(MIGRATING, true)
    }

    fn check_references(&self, doing: &'static str, on: bool) -> Result<()> {
        self.read(doing, |db| db.pragma_update(None, "foreign_keys", if on { "ON" } else { "OFF" }))
    }

    /// Runs one transaction, and updates the ledger, the generation and the published values with its changes.
    pub(super) fn transaction<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.run(doing, work, published::changes_counts)
    }

    /// `changes_counts` decides whether the transaction changed the published counts.
    fn run<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
        changes_counts: impl FnOnce(&Changes) -> bool,
    ) -> Result<T> {
        self.require_in_place()?;
        let writing = self.barrier.lock_shared()?;
        let done = self.commit(work);
        drop(writing);
        if done.is_ok() {
            self.publish(changes_counts(&self.changes));
        }
        self.published.forget_changes();
        self.changes.forget();
        done.map_err(|e| failed(&self.path, doing, e))
    }

    /// Requires that the file at the path is the open one.
    pub(super) fn require_in_place(&self) -> Result<()> {
        match identity(&self.path).ok() == Some(self.file) {
            true => Ok(()),
            false => Err(GalleryError::Moved { path: self.path.clone() }),
        }
    }

    fn commit<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if self.stale {
            self.ledger = Ledger::load(&self.connection)?;
            self.generation.store(progress::generation(&self.connection)?, Ordering::Release);
            self.stale = false;
            self.publish_names_again();
        }
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&tx)?;
        if self.changes.any() {
            tx.execute("UPDATE progress SET value = value + 1 WHERE what = 'generation'", [])?;
            let written = self.ledger.flush(&tx, &self.changes)?;
            self.stale = true;
            tx.commit().inspect_err(|_| self.published.forget())?;
            self.stale = false;
            self.ledger.apply(written);
            self.generation.fetch_add(1, Ordering::Release);
        } else {
            tx.commit()?;
        }
        Ok(value)
    }

    pub(super) fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        work(&self.connection).map_err(|e| failed(&self.path, doing, e))
    }

    /// Reads these tables completely and compares them with the ledger.
    pub(super) fn verify(&self, tables: &[&str]) -> Result<()> {
        self.read("verifying its tables", |db| {
            TABLES
                .iter()
                .filter(|table| tables.contains(&table.name))
                .try_for_each(|table| self.ledger.verify(db, table))
        })
    }

    /// Compares the rows of a bucket, as found through a SQLite index, with the ledger. Each bucket is compared once per opening.
    /// Afterwards a row that `sums` does not return does not exist.
    fn compare_bucket(
        &self,
        table: &'static str,
        bucket: u8,
        sums: impl FnOnce(&Connection) -> rusqlite::Result<Vec<i64>>,
    ) -> Result<()> {
        if self.compared.borrow().contains(&(table, bucket)) {
            return Ok(());
        }
        self.read("verifying an index of its rows", |db| {
            let mut found = Entry::default();
            sums(db)?.into_iter().for_each(|sum| found.add(sum));
            self.ledger.compare((table, bucket), found)
        })?;
        self.compared.borrow_mut().insert((table, bucket));
        Ok(())
    }

    /// Whether all buckets of a table were compared with the ledger.
    fn has_compared_all(&self, table: &'static str) -> bool {
        let compared = self.compared.borrow();
        (0..=u8::MAX).all(|bucket| compared.contains(&(table, bucket)))
    }

    pub(super) fn damaged(&self, what: String) -> GalleryError {
        GalleryError::DamagedCatalog { path: self.path.clone(), what }
    }
}

impl Drop for Catalog {
    /// Moves the content of the WAL into the database and removes the WAL. Does nothing if another gallery is at the path now, because
    /// SQLite would remove the WAL of that gallery.
    fn drop(&mut self) {
        if !self.connection.is_readonly(rusqlite::MAIN_DB).unwrap_or(true)
            && identity(&self.path).ok() == Some(self.file)
        {
            // The connection closes after this function. It must not change files while they are copied.
            self.closing = self.barrier.lock_shared().ok();
            let _ = connection::keep_log_on_close(&self.connection, false);
        }
    }
}

fn write_meta(tx: &Transaction<'_>, key: &str, value: &str) -> rusqlite::Result<()> {
    tx.execute("INSERT INTO meta(key, value) VALUES (?1, ?2)", params![key, value]).map(|_| ())
}

/// Device and inode of a file.
fn identity(path: &Path) -> Result<(u64, u64)> {
    let found = std::fs::metadata(path);
    let found =
        found.map_err(|source| GalleryError::Io { path: path.to_owned(), doing: "looking it up", source })?;
    Ok((found.dev(), found.ino()))
}

/// Distinguishes SQLite errors: full disk, damage, and others.
fn failed(path: &Path, doing: &'static str, source: rusqlite::Error) -> GalleryError {
    use rusqlite::Error as E;
    let damaged = |what: String| GalleryError::DamagedCatalog { path: path.to_owned(), what };
    match &source {
        E::SqliteFailure(_, Some(message)) if message.starts_with(checksum::MISMATCH) => {
            damaged(format!("{doing}: {message}"))
        }
        // A value of a wrong type was not written by this program.
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::Utf8Error(..) => damaged(format!("{doing}: {source}")),
        E::SqliteFailure(error, _) if error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ => {
            damaged(format!("{doing}: it is truncated"))
        }
        _ => match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => GalleryError::Full { path: path.to_owned(), doing },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                damaged(format!("{doing}: {source}"))
            }
            _ => GalleryError::Catalog { path: path.to_owned(), doing, source },
        },
    }
}
