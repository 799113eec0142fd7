//! Connections to the database file: one that writes, or any number that read.
//!
//! The lock of the index beside it decides who has the gallery open, so that SQLite need not: there is one writer and no reader, or readers only.
//! No connection needs the shared-memory file that SQLite would make: a full disk or a read-only one keeps nobody from reading.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// A connection that writes. What the last owner left in the write-ahead log is read with the first statement.
pub(super) fn to_write(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    keep_log_on_close(&db, true)?;
    db.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA recursive_triggers = ON;",
    )?;
    match write_ahead(&db) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            // Another program looks at the database; with it we share the file as SQLite does.
            db.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA locking_mode = NORMAL;")?;
            write_ahead(&db)?;
        }
        done => done?,
    }
    db.execute_batch("PRAGMA busy_timeout = 5000;")?;
    Ok(db)
}

/// A sync at every commit: what a commit acknowledged survives a power cut.
fn write_ahead(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; SELECT count(*) FROM sqlite_schema;",
    )
}

/// A connection that only reads and changes no file.
pub(super) fn to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let log = path.with_extension("sqlite-wal");
    let db = if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        // SQLite keeps the table of what is in the log in memory, as no other connection is to share it.
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

/// Whether closing leaves the log as it is, or moves its contents into the database and removes it.
pub(super) fn keep_log_on_close(db: &Connection, keep: bool) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(|_| ())
}

/// A path as the URI of a file that nobody changes.
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
