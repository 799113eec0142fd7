//! The interface between a gallery and the store of its vectors.
//!
//! A [`VectorStore`] contains one vector per template, with its subject. A [`Snapshot`] of the store is read and searched. The gallery uses
//! stores only through these traits and the types of this module. [`local`] implements them with files in the gallery's folder.
//! `conformance` contains the checks that every store must pass.
//!
//! The traits contain the operations of any store, and [`copy_to`](VectorStore::copy_to), which a store without files refuses. Functions of
//! [`local`] are possible with files only: make, open and check a store by its path, copy a store that another process has open, and
//! restore a copy without the rows that were deleted since.
//!
//! A template without a subject has a key of its own, which is not the id of a subject. Stores do not distinguish the two.

mod answer;
#[cfg(test)]
mod conformance;
mod error;
mod join;
pub(super) mod local;
#[cfg(test)]
pub(super) mod memory;
mod snapshot;

use std::path::Path;

pub use answer::{Answer, Hit, Mode, Proof};
use error::Result;
pub use error::{VectorError, VectorErrorKind};
pub use join::{Join, JoinDevice, Pair, PairSink, PairSubjects};
pub use snapshot::{Lookups, Query, Rows, Selection, Snapshot, Stored, View};

/// Vectors of one dimension and length 1, by the ids of their templates. A store is shared between threads. It has one writing owner at a
/// time.
///
/// Acknowledged writes survive a power failure and are visible in every later snapshot. A store has one or more shards, numbered from 0.
/// The rows of a subject are in one shard.
pub trait VectorStore: Send + Sync {
    /// The properties that the store was made with.
    fn identity(&self) -> Identity;

    /// Inserts rows. Then stores `watermark` in each shard that got rows; in shard 0 if there are no rows.
    ///
    /// # Errors
    /// Nothing was written: [`WrongDimension`](VectorErrorKind::WrongDimension), [`InvalidVector`](VectorErrorKind::InvalidVector),
    /// [`DuplicateId`](VectorErrorKind::DuplicateId) for an id that is in the store or twice among the rows,
    /// [`ReadOnly`](VectorErrorKind::ReadOnly). For a full or failing store: for each subject either all rows or no rows were written. A
    /// snapshot shows for which subjects.
    fn insert(&self, rows: &[Row<'_>], watermark: u64) -> Result<Receipt>;

    /// Deletes rows. Then stores `watermark` in each shard that lost rows; in shard 0 if there are none. Ignores ids that no row has. The
    /// bytes of the rows stay until [`purge`](Self::purge).
    ///
    /// # Errors
    /// Nothing was deleted: [`ReadOnly`](VectorErrorKind::ReadOnly). For a full or failing store: the rows of some shards may be deleted.
    fn delete(&self, ids: &[u64], watermark: u64) -> Result<Receipt>;

    /// Stores `watermark` in shard 0, durably.
    ///
    /// # Errors
    /// The store is read-only, full or failing.
    fn set_watermark(&self, watermark: u64) -> Result<()>;

    /// The highest watermark of each shard, by shard number; 0 if there is none. A shard with the watermark of a write contains all rows of
    /// the write that belong to the shard.
    ///
    /// # Errors
    /// The store is failing.
    fn watermarks(&self) -> Result<Vec<u64>>;

    /// A snapshot of all acknowledged writes. It does not block writes.
    ///
    /// # Errors
    /// The store is failing.
    fn snapshot(&self) -> Result<View>;

    /// Counts and sizes.
    ///
    /// # Errors
    /// The store is failing.
    fn statistics(&self) -> Result<Statistics>;

    /// Verifies every byte. If `deep`, also searches each graph for each of its rows.
    ///
    /// # Errors
    /// Something cannot be read at all. Damage is a problem in the report.
    fn check(&self, deep: bool) -> Result<CheckReport>;

    /// Writes buffered rows into segments and merges segments until there are few, so that the next opening is fast.
    ///
    /// # Errors
    /// The store is read-only, full, damaged or failing.
    fn compact(&self) -> Result<Compaction>;

    /// Largest temporary disk space that [`purge`](Self::purge) needs, in bytes.
    ///
    /// # Errors
    /// The store is failing.
    fn purge_room(&self) -> Result<u64>;

    /// Erases the bytes of every row that is deleted at the time of the call.
    ///
    /// # Errors
    /// The store is read-only, full, damaged or failing. The next purge erases the rest.
    fn purge(&self) -> Result<PurgeReceipt>;

    /// Copies the store into files at `to`, where nothing may exist, with its identity and watermarks. [`local`] can open and restore the
    /// copy. Only a store with files supports this.
    ///
    /// # Errors
    /// [`Unsupported`](VectorErrorKind::Unsupported) by default; something is at `to`; the store or the disk is failing. After an error
    /// nothing is at `to`.
    fn copy_to(&self, to: &Path) -> Result<()> {
        let what = format!("{}: only a gallery with vectors in files can be copied", to.display());
        Err(VectorError::new(VectorErrorKind::Unsupported, what))
    }
}

/// The properties of a store. They never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Random id. Copies of the store have the same id.
    pub id: [u8; 16],
    /// Components of a vector.
    pub dimension: usize,
    /// The fingerprint of the model that the gallery is bound to.
    pub label: String,
    /// The segments that get a graph.
    pub graph: GraphWhen,
}

/// The access to a gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Reading and writing, by one owner at a time.
    #[default]
    ReadWrite,
    /// Reading only, by any number of owners at a time. Nothing is written, so the medium may be read-only.
    ReadOnly,
}

/// The segments that get a graph for approximate search. Building a graph takes much longer than writing the rows.
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
    /// Id of its subject, or a key of its own.
    pub subject: u64,
    /// Finite components, as many as the store has dimensions, with length 1 within 0.001. Stored bit by bit.
    pub vector: &'a [f32],
}

/// The acknowledgement of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The shards that contain the write and its watermark.
    pub shards: Vec<u16>,
}

/// Counts and sizes of a store at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Deleted rows whose bytes are not erased.
    pub deleted: u64,
    /// Segments; 0 in a store that has none.
    pub segments: u64,
    /// Rows that are not in a segment yet.
    pub buffered: u64,
    /// Size of all data of the store, in bytes.
    pub bytes: u64,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Completely verified files.
    pub files: u64,
    /// The damage, in words; empty for a sound store.
    pub problems: Vec<String>,
}

/// The result of a compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Segments that were rewritten.
    pub rewritten: usize,
    /// Segments after the compaction.
    pub segments: usize,
    /// Deleted rows whose bytes were erased with the old segments.
    pub erased: u64,
}

/// The result of a purge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeReceipt {
    /// Segments that were rewritten without deleted rows.
    pub rewritten: usize,
    /// Replaced files that earlier snapshots still use. Their bytes stay until the snapshots are dropped.
    pub held_by_views: usize,
}
