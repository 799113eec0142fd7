//! The SQLite files of this module. An application id tells them from other files, which are never changed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::error::{DedupError, Result};

/// Bytes of a page of a new file. A thumbnail is larger than a usual page.
const PAGE: u32 = 16_384;

/// What a file contains.
pub(super) struct Layout {
    /// For messages: `a cache of photos`.
    pub name: &'static str,
    /// The application id in its header.
    pub application: i64,
    /// Version of the tables.
    pub version: i64,
    /// The statements that make them.
    pub tables: &'static str,
}

/// An open file, or the version of one with other tables.
pub(super) enum Opened {
    Current(Connection),
    Other(i64),
}

/// Opens the file, and makes it and its folder if they do not exist.
///
/// # Errors
/// It cannot be read or written, is damaged, or contains something else.
pub(super) fn open(path: &Path, layout: &Layout) -> Result<Opened> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| DedupError::io("make the folder", folder, error))?;
    }
    let refused = |reason: String| DedupError::Database { path: path.into(), reason };
    opened(path, layout)
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => {
                refused(format!("this is not {}; name another file", layout.name))
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                refused(format!("{} is damaged ({error}); remove the file, or name another one", layout.name))
            }
            _ => refused(error.to_string()),
        })?
        .ok_or_else(|| refused(format!("this database is not {}; name another file", layout.name)))
}

/// A further connection to a file that is open.
pub(super) fn another(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    Ok(connection)
}

/// `None` if the file contains something else.
fn opened(path: &Path, layout: &Layout) -> rusqlite::Result<Option<Opened>> {
    let mut connection = another(path)?;
    let number =
        |connection: &Connection, statement: &str| connection.query_row(statement, [], |row| row.get(0));
    let application: i64 = number(&connection, "PRAGMA application_id")?;
    let version: i64 = number(&connection, "PRAGMA user_version")?;
    let tables: i64 = number(&connection, "SELECT count(*) FROM sqlite_schema")?;
    if (application, version, tables) == (0, 0, 0) {
        connection.pragma_update(None, "page_size", PAGE)?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(layout.tables)?;
        transaction.pragma_update(None, "application_id", layout.application)?;
        transaction.pragma_update(None, "user_version", layout.version)?;
        transaction.commit()?;
    } else if application != layout.application {
        return Ok(None);
    } else if version != layout.version {
        return Ok(Some(Opened::Other(version)));
    }
    Ok(Some(Opened::Current(connection)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        name: "a cache",
        application: 0x474c_5243,
        version: 3,
        tables: "CREATE TABLE one (a INTEGER);",
    };

    fn refusal(path: &Path) -> String {
        open(path, &LAYOUT).err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn other_files_are_refused_and_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("text");
        fs::write(&text, "not a database, but long enough to have a header of a hundred bytes ".repeat(4))
            .unwrap();
        let other = folder.path().join("other");
        Connection::open(&other)
            .unwrap()
            .execute_batch("CREATE TABLE mine (a); INSERT INTO mine VALUES (1);")
            .unwrap();
        for path in [&text, &other] {
            let before = fs::read(path).unwrap();
            assert!(refusal(path).contains("not a cache"), "{}", refusal(path));
            assert_eq!(fs::read(path).unwrap(), before);
        }
    }

    #[test]
    fn a_file_is_made_once_and_other_versions_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/file");
        for _ in 0..2 {
            assert!(matches!(open(&path, &LAYOUT), Ok(Opened::Current(_))));
        }
        let later = Layout { version: 4, ..LAYOUT };
        assert!(matches!(open(&path, &later), Ok(Opened::Other(3))));
    }
}
