//! What earlier runs found out: the hash of each file's content, and the signature and thumbnail of each content.
//!
//! A file whose path, inode, size and times are unchanged is not read again, nor is one that was moved with its inode, size and time of
//! change. A content that is known is not decoded again, wherever it is. The cache is an SQLite file; one of another version is made
//! anew, because everything in it can be computed again. It contains small copies of the photos. The decisions of the user are
//! elsewhere ([`decisions`](super::decisions)).

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::colours::Colours;
use super::database::{self, Layout, Opened};
use super::error::{DedupError, Result};
use super::files::{File, Stamp};
use super::signature::Signature;
use super::thumbnail::Thumbnail;

/// BLAKE3 of a file's content.
pub type ContentHash = [u8; 32];

/// Raised when the tables, the thumbnails, the signatures, the facts or the accepted formats change.
const VERSION: i64 = 6;
const TABLES: &str = "
    CREATE TABLE file (path BLOB PRIMARY KEY, inode INTEGER, bytes INTEGER, modified BLOB, changed BLOB, content BLOB) WITHOUT ROWID;
    CREATE INDEX file_moved ON file (inode, bytes);
    CREATE TABLE picture (content BLOB PRIMARY KEY, facts TEXT NOT NULL, signature BLOB, detail TEXT, settings TEXT) WITHOUT ROWID;
    CREATE TABLE thumbnail (content BLOB PRIMARY KEY, grey BLOB NOT NULL, colours BLOB NOT NULL);
    CREATE TABLE equality (one BLOB, other BLOB, are_equal INTEGER NOT NULL, PRIMARY KEY (one, other)) WITHOUT ROWID;
    CREATE TABLE derivation (one BLOB, other BLOB, measure REAL NOT NULL, PRIMARY KEY (one, other)) WITHOUT ROWID;
";

const LAYOUT: Layout =
    Layout { name: "a cache of photos", application: 0x474c_5043, version: VERSION, tables: TABLES };

/// A picture, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Examined {
    /// It was decoded.
    Picture(Facts, Signature),
    /// It was not.
    Refused(Refusal),
}

/// Why a photo was not decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The stable code of the reason.
    pub code: String,
    /// An explanation.
    pub detail: String,
    /// The settings with which it was refused. With others it is decoded again.
    pub settings: String,
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
    /// The exposure time and the exposure bias, in tenths of a factor of 2: programs round them.
    pub exposure: [Option<i16>; 2],
    /// Whether a program for editing photos wrote it.
    pub is_exported: bool,
    /// Number of entries in its metadata.
    pub fields: usize,
    /// Sum of the quantisation steps of a JPEG's luma, 64 for the finest. A usual one for GIF and for WebP with loss; `None` for other
    /// formats.
    pub coarseness: Option<u32>,
    /// Mean difference of the channels, 0 for a grey picture.
    pub colour: u8,
    /// The same in 255ths of the mean of the brightest channel. It is the same for a dark and a bright copy.
    pub saturation: u8,
    /// Whether it is a drawing: nearly all of its pixels have one of few shades.
    pub is_drawn: bool,
    /// Bits of a channel that hold information: 8, or 16.
    pub bits: u8,
    /// Thousandths of the pixels that are black, and that are white.
    pub clipped: [u16; 2],
    /// Thousandths of the pixels that are near the darkest grey of the picture, and near the brightest.
    pub near_ends: [u16; 2],
    /// Bytes of the encoded picture, without metadata and what follows it. `None` if the format does not tell them apart.
    pub data: Option<u64>,
    /// Whether only a part of what the file shows is compared: an animation, pages, a camera raw file.
    pub has_more: bool,
    /// Whether the file holds something beside its picture that a copy of the picture lacks: a video, or a second view.
    pub holds_more: bool,
    /// Whether the file holds a gain map, for a high dynamic range.
    pub has_gain_map: bool,
    /// A hash of the encoded picture without metadata, of JPEG and PNG.
    pub encoded: Option<u64>,
}

/// A content that was examined, with what is kept of a picture.
pub(super) type NewPicture = (ContentHash, Examined, Option<(Thumbnail, Colours)>);

/// The cache. What is stored about pairs of contents can be read again a moment later.
pub struct Cache {
    /// One for each thread, so that they do not wait for each other, or for the writer.
    readers: Vec<Mutex<Connection>>,
    writer: Mutex<Writer>,
}

/// Most connections that read.
const MOST_READERS: usize = 16;
/// Pairs that are stored at once, and the time after which fewer are.
const PAIRS: usize = 256;
const LONGEST: Duration = Duration::from_secs(1);

struct Writer {
    connection: Connection,
    /// Pairs of contents that are not stored yet.
    pairs: Vec<(ContentHash, ContentHash, Relation)>,
    stored: Instant,
}

/// What was found out about a pair of contents.
enum Relation {
    Equality(bool),
    Derivation(f32),
}

impl Writer {
    fn add(&mut self, one: &ContentHash, other: &ContentHash, relation: Relation) -> Result<()> {
        self.pairs.push((*one, *other, relation));
        match self.pairs.len() < PAIRS && self.stored.elapsed() < LONGEST {
            true => Ok(()),
            false => self.store_pairs(),
        }
    }

    fn store_pairs(&mut self) -> Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut equality =
                transaction.prepare_cached("INSERT OR REPLACE INTO equality VALUES (?1, ?2, ?3)")?;
            let mut derivation =
                transaction.prepare_cached("INSERT OR REPLACE INTO derivation VALUES (?1, ?2, ?3)")?;
            for (one, other, relation) in &self.pairs {
                match relation {
                    Relation::Equality(are_equal) => equality.execute(params![one, other, are_equal])?,
                    Relation::Derivation(measure) => derivation.execute(params![one, other, measure])?,
                };
            }
        }
        transaction.commit()?;
        self.pairs.clear();
        self.stored = Instant::now();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After a failure or a stop; what is lost is computed again.
        let _ = self.store_pairs();
    }
}

impl Cache {
    /// Opens the cache at `path`, or makes it. One with other tables is made anew.
    ///
    /// # Errors
    /// The file cannot be written, is damaged, or is not a cache of photos.
    pub fn open(path: &Path) -> Result<Self> {
        if let Opened::Current(connection) = database::open(path, &LAYOUT)? {
            return Self::of(connection, path);
        }
        for ending in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            let _ = fs::remove_file(name);
        }
        match database::open(path, &LAYOUT)? {
            Opened::Current(connection) => Self::of(connection, path),
            Opened::Other(version) => {
                let reason =
                    format!("a cache of version {version} cannot be removed; this program uses {VERSION}");
                Err(DedupError::Database { path: path.into(), reason })
            }
        }
    }

    fn of(writer: Connection, path: &Path) -> Result<Self> {
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "NORMAL")?;
        let count = rayon::current_num_threads().min(MOST_READERS);
        let readers: rusqlite::Result<_> =
            (0..count).map(|_| database::another(path).map(Mutex::new)).collect();
        let writer = Writer { connection: writer, pairs: Vec::new(), stored: Instant::now() };
        Ok(Self { readers: readers?, writer: Mutex::new(writer) })
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        locked(&self.readers[rayon::current_thread_index().unwrap_or(0) % self.readers.len()])
    }

    /// Stores what is known of pairs of contents.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn finish(&self) -> Result<()> {
        locked(&self.writer).store_pairs()
    }

    /// The content hash of an unchanged file.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn content(&self, file: &File) -> Result<Option<ContentHash>> {
        let connection = self.reader();
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
        // A file that is still at the known path was edited there, and kept its inode, size and time.
        let mut moved = connection.prepare_cached(
            "SELECT path, content FROM file WHERE inode = ?1 AND bytes = ?2 AND modified = ?3",
        )?;
        let mut rows = moved.query(params![inode, bytes, modified])?;
        while let Some(row) = rows.next()? {
            let known = PathBuf::from(OsString::from_vec(row.get(0)?));
            if !known.exists() {
                return Ok(Some(row.get(1)?));
            }
        }
        Ok(None)
    }

    /// What is known of a content.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn examined(&self, content: &ContentHash) -> Result<Option<Examined>> {
        let connection = self.reader();
        let mut query = connection
            .prepare_cached("SELECT facts, signature, detail, settings FROM picture WHERE content = ?1")?;
        type Row = (String, Option<Vec<u8>>, Option<String>, Option<String>);
        let row: Option<Row> = query
            .query_row([content], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        Ok(row.and_then(|(facts, signature, detail, settings)| match (signature, detail, settings) {
            (Some(signature), None, None) => {
                let facts = serde_json::from_str(&facts).ok()?;
                Some(Examined::Picture(facts, Signature::from_bytes(&signature)?))
            }
            (None, Some(detail), Some(settings)) => {
                Some(Examined::Refused(Refusal { code: facts, detail, settings }))
            }
            _ => None,
        }))
    }

    /// The thumbnail of a content.
    ///
    /// # Errors
    /// There is none, or the cache cannot be read.
    pub fn thumbnail(&self, content: &ContentHash) -> Result<Thumbnail> {
        let connection = self.reader();
        let mut query = connection.prepare_cached("SELECT grey FROM thumbnail WHERE content = ?1")?;
        let grey: Vec<u8> = query.query_row([content], |row| row.get(0))?;
        Thumbnail::from_bytes(grey).ok_or_else(|| rusqlite::Error::InvalidQuery.into())
    }

    /// The colours of a content.
    ///
    /// # Errors
    /// There are none, or the cache cannot be read.
    pub fn colours(&self, content: &ContentHash) -> Result<Colours> {
        let connection = self.reader();
        let mut query = connection.prepare_cached("SELECT colours FROM thumbnail WHERE content = ?1")?;
        let colours: Vec<u8> = query.query_row([content], |row| row.get(0))?;
        Colours::from_bytes(&colours).ok_or_else(|| rusqlite::Error::InvalidQuery.into())
    }

    /// Whether two contents are equal in detail. `None` if they were not compared.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn equality(&self, one: &ContentHash, other: &ContentHash) -> Result<Option<bool>> {
        let connection = self.reader();
        let mut query =
            connection.prepare_cached("SELECT are_equal FROM equality WHERE one = ?1 AND other = ?2")?;
        Ok(query.query_row([one.min(other), one.max(other)], |row| row.get(0)).optional()?)
    }

    /// Stores whether two contents are equal in detail.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn store_equality(&self, one: &ContentHash, other: &ContentHash, are_equal: bool) -> Result<()> {
        locked(&self.writer).add(one.min(other), one.max(other), Relation::Equality(are_equal))
    }

    /// What was measured of `one` as made from `other`; `None` if they were not compared.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn derivation(&self, one: &ContentHash, other: &ContentHash) -> Result<Option<f32>> {
        let connection = self.reader();
        let mut query =
            connection.prepare_cached("SELECT measure FROM derivation WHERE one = ?1 AND other = ?2")?;
        Ok(query.query_row([one, other], |row| row.get(0)).optional()?)
    }

    /// Stores what was measured of `one` as made from `other`.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn store_derivation(&self, one: &ContentHash, other: &ContentHash, measure: f32) -> Result<()> {
        locked(&self.writer).add(one, other, Relation::Derivation(measure))
    }

    /// Stores what was found out about some files, in one transaction.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn store(&self, files: &[(&File, ContentHash)], pictures: &[NewPicture]) -> Result<()> {
        let mut writer = locked(&self.writer);
        let transaction = writer.connection.transaction()?;
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
                transaction.prepare_cached("INSERT OR REPLACE INTO picture VALUES (?1, ?2, ?3, ?4, ?5)")?;
            let mut insert_grey =
                transaction.prepare_cached("INSERT OR REPLACE INTO thumbnail VALUES (?1, ?2, ?3)")?;
            for (content, examined, thumbnail) in pictures {
                match examined {
                    Examined::Picture(facts, signature) => {
                        let facts = serde_json::to_string(facts).unwrap_or_default();
                        insert.execute(params![
                            content,
                            facts,
                            signature.to_bytes(),
                            None::<String>,
                            None::<String>
                        ])?
                    }
                    Examined::Refused(Refusal { code, detail, settings }) => {
                        insert.execute(params![content, code, None::<Vec<u8>>, detail, settings])?
                    }
                };
                if let Some((thumbnail, colours)) = thumbnail {
                    insert_grey.execute(params![content, thumbnail.as_bytes(), colours.as_bytes()])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

fn locked<T>(connection: &Mutex<T>) -> MutexGuard<'_, T> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}
