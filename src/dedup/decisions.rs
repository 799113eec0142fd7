//! What the user decided: groups that are kept whole and not shown again.
//!
//! A decision is about contents, not about names or the number of files, so it survives moves and further copies. It holds for every group
//! whose contents are among those that were decided on together.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::cache::ContentHash;
use super::database::{self, Layout, Opened};
use super::error::{DedupError, Result};

const VERSION: i64 = 1;
const TABLES: &str = "
    CREATE TABLE different (one BLOB, other BLOB, PRIMARY KEY (one, other)) WITHOUT ROWID;
    CREATE TABLE kept (content BLOB, path BLOB, PRIMARY KEY (content, path)) WITHOUT ROWID;
";

const LAYOUT: Layout = Layout {
    name: "a file of decisions about photos",
    application: 0x474c_5044,
    version: VERSION,
    tables: TABLES,
};

/// The decisions of a user, in an SQLite file.
pub struct Decisions(Mutex<Connection>);

impl Decisions {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// It cannot be written, is damaged, of another version, or something else.
    pub fn open(path: &Path) -> Result<Self> {
        match database::open(path, &LAYOUT)? {
            Opened::Current(connection) => Ok(Self(Mutex::new(connection))),
            Opened::Other(version) => {
                let reason = format!("decisions of version {version}; this program reads version {VERSION}");
                Err(DedupError::Database { path: path.into(), reason })
            }
        }
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pairs of contents, the smaller first, that the user keeps beside each other.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn different(&self) -> Result<BTreeSet<(ContentHash, ContentHash)>> {
        let connection = self.connection();
        let mut query = connection.prepare_cached("SELECT one, other FROM different")?;
        let pairs = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(pairs.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether the user keeps all files of a group with these contents, each of which occurs once.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn keeps_all(&self, contents: &[ContentHash]) -> Result<bool> {
        let connection = self.connection();
        if let [content] = contents {
            let mut query = connection.prepare_cached("SELECT 1 FROM kept WHERE content = ?1 LIMIT 1")?;
            return Ok(query.query_row(params![content], |_| Ok(())).optional()?.is_some());
        }
        let mut query = connection.prepare_cached("SELECT 1 FROM different WHERE one = ?1 AND other = ?2")?;
        for (at, one) in contents.iter().enumerate() {
            for other in &contents[at + 1..] {
                let pair = params![one.min(other), one.max(other)];
                if query.query_row(pair, |_| Ok(())).optional()?.is_none() {
                    return Ok(false);
                }
            }
        }
        Ok(!contents.is_empty())
    }

    /// Remembers that all of these are kept: each content with its paths.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_all(&self, contents: &[(ContentHash, Vec<PathBuf>)]) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        {
            let mut pair = transaction.prepare_cached("INSERT OR IGNORE INTO different VALUES (?1, ?2)")?;
            let mut kept = transaction.prepare_cached("INSERT OR IGNORE INTO kept VALUES (?1, ?2)")?;
            for (at, (content, paths)) in contents.iter().enumerate() {
                for (other, _) in contents[at + 1..].iter().filter(|(other, _)| other != content) {
                    pair.execute(params![content.min(other), content.max(other)])?;
                }
                for path in paths {
                    kept.execute(params![content, path.as_os_str().as_bytes()])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Forgets all decisions. Returns their number.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget(&self) -> Result<usize> {
        let connection = self.connection();
        Ok(connection.execute("DELETE FROM different", [])? + connection.execute("DELETE FROM kept", [])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_holds_for_every_part_of_the_contents_that_it_was_made_for() {
        let folder = tempfile::tempdir().unwrap();
        let decisions = Decisions::open(&folder.path().join("decisions")).unwrap();
        let [a, b, c, d] = [1, 2, 3, 4].map(|byte| [byte; 32]);
        let keep = |contents: &[ContentHash]| {
            let files: Vec<_> =
                contents.iter().map(|content| (*content, vec![PathBuf::from("/1")])).collect();
            decisions.keep_all(&files).unwrap();
        };
        keep(&[a, b, c]);
        for part in [&[a, b, c][..], &[c, a], &[b, c], &[b]] {
            assert!(decisions.keeps_all(part).unwrap(), "{part:?}");
        }
        for other in [&[a, b, c, d][..], &[a, d], &[d], &[]] {
            assert!(!decisions.keeps_all(other).unwrap(), "{other:?}");
        }
        // Two decisions with one content in common are none about the others.
        keep(&[c, d]);
        assert!(!decisions.keeps_all(&[c, a, d]).unwrap() && decisions.keeps_all(&[d, c]).unwrap());
    }
}
