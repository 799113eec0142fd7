//! Connections to the database file: one for writing, or any number for reading.
//!
//! The lock of the index decides which processes have the gallery open, so SQLite needs no locks: there is one writer and no reader, or
//! there are only readers. No connection uses the shared-memory file of SQLite. So a gallery on a full or read-only disk can be read.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// A connection for writing. The first statement reads the WAL of the last owner.
pub(super) fn to_write(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    keep_log_on_close(&db, true)?;
    db.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA recursive_triggers = ON;",
    )?;
    match write_ahead(&db) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            // Another program has the database open. Share the file with it by the locks of SQLite.
            db.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA locking_mode = NORMAL;")?;
            write_ahead(&db)?;
        }
        done => done?,
    }
    db.execute_batch("PRAGMA busy_timeout = 5000;")?;
    Ok(db)
}

/// Syncs at every commit, so that a committed transaction survives a power failure.
fn write_ahead(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; SELECT count(*) FROM sqlite_schema;",
    )
}

/// A connection for reading. Changes no file.
pub(super) fn to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let log = path.with_extension("sqlite-wal");
    let db = if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        // No other connection shares the WAL index of SQLite, so it is kept in memory.
        let db = Connection::open_with_flags_and_vfs(path, flags, "unix-none")?;
        keep_log_on_close(&db, true)?;
        db.execute_batch("PRAGMA locking_mode = EXCLUSIVE;")?;
        db
    } else {
        Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)?
    };
    db.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;")?;
    Ok(db)
}

/// Sets whether closing keeps the WAL, or moves its content into the database and removes it.
pub(super) fn keep_log_on_close(db: &Connection, keep: bool) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(|_| ())
}

/// The URI of a file that no process changes.
fn immutable(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri + "?immutable=1"
}
