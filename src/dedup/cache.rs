//! What earlier runs found out: the hash of each file's content, and the signature and thumbnail of each content.
//!
//! A file whose path, inode, size and times are unchanged is not read again, nor is one that was moved with its inode, size and time of
//! change. A content that is known is not decoded again, wherever it is. The cache is an SQLite file; a damaged one, or one of another version,
//! is made anew, because everything in it can be computed again. The decisions of the user are elsewhere ([`decisions`](super::decisions)).

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::{DedupError, Result};
use super::files::{File, Stamp};
use super::signature::Signature;
use super::thumbnail::Thumbnail;

/// BLAKE3 of a file's content.
pub type ContentHash = [u8; 32];

/// Raised when the tables, the thumbnails, the signatures or the accepted formats change.
const VERSION: i64 = 1;
const TABLES: &str = "
    CREATE TABLE file (path BLOB PRIMARY KEY, inode INTEGER, bytes INTEGER, modified BLOB, changed BLOB, content BLOB) WITHOUT ROWID;
    CREATE INDEX file_moved ON file (inode, bytes);
    CREATE TABLE picture (content BLOB PRIMARY KEY, facts TEXT NOT NULL, signature BLOB, refusal TEXT) WITHOUT ROWID;
    CREATE TABLE thumbnail (content BLOB PRIMARY KEY, grey BLOB NOT NULL);
";

/// A picture, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Examined {
    /// It was decoded.
    Picture(Facts, Signature),
    /// It was not: a stable code, and an explanation.
    Refused(String, String),
}

/// What is known of a picture besides its pixels.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Facts {
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// When it was taken, as the file states it.
    pub taken: Option<String>,
    /// The same in milliseconds since 1970.
    pub taken_ms: Option<i64>,
    /// Maker, model and serial number of the camera.
    pub camera: Option<String>,
    /// Number of entries in its metadata.
    pub fields: usize,
    /// Sum of the quantisation steps of a JPEG's luma, 64 for the finest. `None` for other formats.
    pub coarseness: Option<u32>,
    /// Mean difference of the channels, 0 for a grey picture.
    pub colour: u8,
    /// Whether a video follows the picture in the same file.
    pub has_motion: bool,
}

/// The cache.
pub struct Cache(Mutex<Connection>);

impl Cache {
    /// Opens or makes the cache at `path`.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| DedupError::io("make the folder", folder, error))?;
        }
        match Self::opened(path) {
            Ok(cache) => Ok(cache),
            Err(error) => {
                tracing::warn!(%error, "the cache of photos is damaged or of another version; it is made anew");
                for ending in ["", "-wal", "-shm"] {
                    let mut name = path.as_os_str().to_owned();
                    name.push(ending);
                    let _ = fs::remove_file(name);
                }
                Self::opened(path)
                    .map_err(|error| DedupError::Cache { path: path.into(), reason: error.to_string() })
            }
        }
    }

    fn opened(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            VERSION => {}
            0 => {
                let setup = format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;");
                connection.execute_batch(&setup)?;
            }
            _ => return Err(rusqlite::Error::InvalidQuery),
        }
        Ok(Self(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The content hash of an unchanged file.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn content(&self, file: &File) -> Result<Option<ContentHash>> {
        let connection = self.connection();
        let Stamp { inode, bytes, modified, changed } = file.stamp;
        let mut exact = connection.prepare_cached(
            "SELECT content FROM file WHERE path = ?1 AND inode = ?2 AND bytes = ?3 AND modified = ?4 AND changed = ?5",
        )?;
        let (inode, bytes) = (inode.cast_signed(), bytes.cast_signed());
        let (modified, changed) = (modified.to_be_bytes(), changed.to_be_bytes());
        for path in &file.paths {
            let path = path.as_os_str().as_bytes();
            let found = exact
                .query_row(params![path, inode, bytes, modified, changed], |row| row.get(0))
                .optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let mut moved = connection.prepare_cached(
            "SELECT content FROM file WHERE inode = ?1 AND bytes = ?2 AND modified = ?3 LIMIT 1",
        )?;
        Ok(moved.query_row(params![inode, bytes, modified], |row| row.get(0)).optional()?)
    }

    /// What is known of a content.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn examined(&self, content: &ContentHash) -> Result<Option<Examined>> {
        let connection = self.connection();
        let mut query =
            connection.prepare_cached("SELECT facts, signature, refusal FROM picture WHERE content = ?1")?;
        type Row = (String, Option<Vec<u8>>, Option<String>);
        let row: Option<Row> =
            query.query_row([content], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        Ok(row.and_then(|(facts, signature, refusal)| match (signature, refusal) {
            (Some(signature), None) => {
                let facts = serde_json::from_str(&facts).ok()?;
                Some(Examined::Picture(facts, Signature::from_bytes(&signature)?))
            }
            (None, Some(refusal)) => Some(Examined::Refused(facts, refusal)),
            _ => None,
        }))
    }

    /// The thumbnail of a content.
    ///
    /// # Errors
    /// There is none, or the cache cannot be read.
    pub fn thumbnail(&self, content: &ContentHash) -> Result<Thumbnail> {
        let connection = self.connection();
        let mut query = connection.prepare_cached("SELECT grey FROM thumbnail WHERE content = ?1")?;
        let grey: Vec<u8> = query.query_row([content], |row| row.get(0))?;
        Thumbnail::from_bytes(&grey).ok_or_else(|| rusqlite::Error::InvalidQuery.into())
    }

    /// Stores what was found out about some files, in one transaction.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn store(
        &self,
        files: &[(&File, ContentHash)],
        pictures: &[(ContentHash, Examined, Option<Thumbnail>)],
    ) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT OR REPLACE INTO file VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for (file, content) in files {
                let Stamp { inode, bytes, modified, changed } = file.stamp;
                for path in &file.paths {
                    let (inode, bytes) = (inode.cast_signed(), bytes.cast_signed());
                    let (modified, changed) = (modified.to_be_bytes(), changed.to_be_bytes());
                    insert.execute(params![
                        path.as_os_str().as_bytes(),
                        inode,
                        bytes,
                        modified,
                        changed,
                        content
                    ])?;
                }
            }
            let mut insert =
                transaction.prepare_cached("INSERT OR REPLACE INTO picture VALUES (?1, ?2, ?3, ?4)")?;
            let mut insert_grey =
                transaction.prepare_cached("INSERT OR REPLACE INTO thumbnail VALUES (?1, ?2)")?;
            for (content, examined, thumbnail) in pictures {
                match examined {
                    Examined::Picture(facts, signature) => {
                        let facts = serde_json::to_string(facts).unwrap_or_default();
                        insert.execute(params![content, facts, signature.to_bytes(), None::<String>])?
                    }
                    Examined::Refused(code, detail) => {
                        insert.execute(params![content, code, None::<Vec<u8>>, detail])?
                    }
                };
                if let Some(thumbnail) = thumbnail {
                    insert_grey.execute(params![content, thumbnail.as_bytes()])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }
}
