//! The seam between a gallery and the store of its vectors.
//!
//! A [`VectorStore`] keeps one vector for each template, with the subject that it belongs to. A [`Snapshot`] of the store is read and
//! searched. The gallery sees stores through these traits and the types beside them alone. [`local`] implements them with files in the
//! gallery's folder. `conformance` has the checks that every store must pass.
//!
//! The traits hold what any store can do, and [`copy_to`](VectorStore::copy_to), which one that is not kept in files refuses. Functions of
//! [`local`] are what only files allow: to make, open and check a store by its path, to copy one that another process has open, and to
//! restore a copy without what was deleted since.
//!
//! A template without a subject is kept under a key of its own that is no subject's id. Stores do not tell the two apart.

mod answer;
#[cfg(test)]
mod conformance;
mod error;
pub(super) mod local;
#[cfg(test)]
pub(super) mod memory;
mod snapshot;

use std::path::Path;

pub use answer::{Answer, Hit, Mode, Proof};
use error::Result;
pub use error::{VectorError, VectorErrorKind};
pub use snapshot::{Lookups, Query, Rows, Selection, Snapshot, Stored, View};

/// Vectors of one dimension and length 1, by the ids of their templates. Shared between threads; one owner at a time writes.
///
/// What a write acknowledges survives a power cut, and every later snapshot shows it. A store has one or more shards, numbered from 0. The rows
/// of one subject lie in one shard.
pub trait VectorStore: Send + Sync {
    /// What the store was made with.
    fn identity(&self) -> Identity;

    /// Inserts rows, and keeps `watermark` in each shard that rows go to, behind the last of them; in shard 0 if there are none.
    ///
    /// # Errors
    /// Nothing was written: [`WrongDimension`](VectorErrorKind::WrongDimension), [`InvalidVector`](VectorErrorKind::InvalidVector),
    /// [`DuplicateId`](VectorErrorKind::DuplicateId) for an id that is in the store or twice among the rows,
    /// [`ReadOnly`](VectorErrorKind::ReadOnly). Otherwise a full or failing store: of each subject all rows were written or none, and a
    /// snapshot shows of which.
    fn insert(&self, rows: &[Row<'_>], watermark: u64) -> Result<Receipt>;

    /// Deletes rows, and keeps `watermark` in each shard that rows are deleted from; in shard 0 if there are none. Ids that no row has are
    /// skipped. The bytes of the rows stay until [`purge`](Self::purge).
    ///
    /// # Errors
    /// Nothing was deleted: [`ReadOnly`](VectorErrorKind::ReadOnly). Otherwise a full or failing store: the rows of some shards may be
    /// deleted.
    fn delete(&self, ids: &[u64], watermark: u64) -> Result<Receipt>;

    /// Keeps `watermark` in shard 0, durably.
    ///
    /// # Errors
    /// The store is read-only, full or failing.
    fn set_watermark(&self, watermark: u64) -> Result<()>;

    /// The highest watermark of each shard, by its number; 0 where there is none. A shard that has the watermark of a write has all rows
    /// of that write which belong there.
    ///
    /// # Errors
    /// The store is failing.
    fn watermarks(&self) -> Result<Vec<u64>>;

    /// Everything that is acknowledged, as it is now. It blocks no write.
    ///
    /// # Errors
    /// The store is failing.
    fn snapshot(&self) -> Result<View>;

    /// Counts and sizes.
    ///
    /// # Errors
    /// The store is failing.
    fn statistics(&self) -> Result<Statistics>;

    /// Verifies every byte; if `deep`, also that every row is found by searches of the graph it is in.
    ///
    /// # Errors
    /// Something could not be read at all; damage is a problem in the report.
    fn check(&self, deep: bool) -> Result<CheckReport>;

    /// Writes buffered rows into segments and merges segments until there are few, so that the next opening is fast.
    ///
    /// # Errors
    /// The store is read-only, full, damaged or failing.
    fn compact(&self) -> Result<Compaction>;

    /// Bytes of free space that [`purge`](Self::purge) takes for a while, at most.
    ///
    /// # Errors
    /// The store is failing.
    fn purge_room(&self) -> Result<u64>;

    /// Removes the bytes of every row that is deleted when it is called.
    ///
    /// # Errors
    /// The store is read-only, full, damaged or failing. The next purge erases what this one did not.
    fn purge(&self) -> Result<PurgeReceipt>;

    /// Copies the store into files at `to`, where nothing may be yet, with its identity and watermarks: a copy that [`local`] opens and
    /// restores. Only a store that is kept in files can.
    ///
    /// # Errors
    /// [`Unsupported`](VectorErrorKind::Unsupported), if it is not overridden; something is at `to`; the store or the disk is failing.
    /// Nothing is left at `to`.
    fn copy_to(&self, to: &Path) -> Result<()> {
        let what = format!("{}: only a gallery whose vectors are in files can be copied there", to.display());
        Err(VectorError::new(VectorErrorKind::Unsupported, what))
    }
}

/// What a store was made with; it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Drawn at random. Copies of the store have the same.
    pub id: [u8; 16],
    /// Components of a vector.
    pub dimension: usize,
    /// The fingerprint of the model that the gallery is bound to.
    pub label: String,
}

/// What a gallery is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Reading and writing, by one owner at a time.
    #[default]
    ReadWrite,
    /// Reading only, by any number of owners at a time. Nothing is written; read-only media will do.
    ReadOnly,
}

/// Which segments get a graph for approximate search. To build one takes far longer than to write the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphWhen {
    /// None.
    Never,
    /// Segments of 50,000 rows and more. A scan of smaller ones is as fast.
    Auto,
    /// All.
    Always,
}

/// One row to insert.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The template's id, unique in the store.
    pub id: u64,
    /// The id of its subject, or a key of its own.
    pub subject: u64,
    /// As many finite components as the store has dimensions, of length 1 within 0.001. Kept bit by bit.
    pub vector: &'a [f32],
}

/// The acknowledgement of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The numbers of the shards that have the write and its watermark.
    pub shards: Vec<u16>,
}

/// Counts and sizes of a store at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Deleted rows whose bytes are still there.
    pub deleted: u64,
    /// Segments; 0 in a store that has none.
    pub segments: u64,
    /// Rows in no segment yet.
    pub buffered: u64,
    /// Bytes of everything that the store keeps.
    pub bytes: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Files whose every byte was verified.
    pub files: u64,
    /// What is damaged, in words for people; empty for a sound store.
    pub problems: Vec<String>,
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Segments that were rewritten.
    pub rewritten: usize,
    /// Segments there are now.
    pub segments: usize,
    /// Deleted rows whose bytes are gone with the old segments.
    pub erased: u64,
}

/// What a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeReceipt {
    /// Segments that were rewritten without deleted rows.
    pub rewritten: usize,
    /// Old files that earlier snapshots hold: their bytes are there until these are dropped.
    pub held_by_views: usize,
}
