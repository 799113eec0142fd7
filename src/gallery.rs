//! Galleries on disk: a catalog of subjects and photos, and an index of their vectors.
//!
//! ```text
//! GALLERY/
//!     catalog.sqlite    subjects, photos, templates, journal
//!     index/            vectors by template id; the group of a vector is its subject, or a group of its own
//!     pictures/         pictures of photos, by the SHA-256 of the photo: see [`Gallery::keep_picture`]
//!     BARRIER           lock file: shared by running writes, exclusive for a backup
//! ```
//!
//! A write has three steps. First the catalog rows are written in a *pending* range, durably. Then the vectors are written to the index,
//! durably. Then the range is finished in the catalog. After a crash between two steps, [`Gallery::open`] finishes the write or reverts it.

mod agreement;
mod backup;
mod barrier;
mod catalog;
mod correction;
mod distinct;
mod documents;
mod edited;
mod enrollment;
mod erasure;
mod error;
mod exchange;
mod import;
mod inspection;
mod lists;
mod lookup;
mod missing;
mod name;
mod opening;
mod pictures;
mod private;
mod ranking;
mod rejection;
mod relocation;
mod successor;
#[cfg(test)]
mod tests;
mod undo;
mod unknown;
mod vectors;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use backup::{Backup, Progress, Restored};
use barrier::Barrier;
use catalog::{Catalog, PendingWrite, Published, progress};
pub use catalog::{
    ExistingTemplate, FaceOfPhoto, JournalEntry, PhotoRecord, Present, Source, Subject, SubjectTemplate,
    UnknownFace,
};
pub use correction::{Chosen, Merged, Moved};
pub use distinct::DistinctSubjects;
pub use documents::{Document, DocumentCheck, DocumentKind};
pub use edited::PlacedFace;
pub use enrollment::{EnrolledFace, EnrolledTemplate, Enrollment, KnownPath, PhotoOutcome};
pub use erasure::{Erasure, PurgeSpace};
pub use error::{GalleryError, Result};
pub use exchange::{exchange, put_in_free_place};
pub(crate) use import::overlap;
pub use import::{ImportedPhoto, ImportedRow, ImportedTemplate};
pub use inspection::{Inspection, Summary};
pub use lookup::{Candidate, Candidates, Search, Selected, mode_name, mode_named};
pub use missing::{OwnedFace, StoredUnnamed};
pub use name::{Name, Person, is_in_place};
pub use opening::{refuse_inside, refuse_occupied, remove_temporary_folders};
pub use ranking::{Ranking, TOGETHER};
pub use rejection::{Rejected, Rejections};
pub use successor::RenewedTemplate;
pub use undo::{UndoDryRun, Undone};
use unknown::Hidden;
pub use unknown::{NamedFaces, UnknownFaces};
use vectors::VectorStore;
pub use vectors::local::{Products, Side, Tile, dot};
pub use vectors::{
    Access, Answer, Compaction, GraphWhen, Hit, Join, JoinDevice, Lookups, Mode, Pair, PairSink,
    PairSubjects, Proof, Query, Rows, Selection, Snapshot, Stored, VectorError, VectorErrorKind, View,
};

use crate::template::Binding;

const CATALOG: &str = "catalog.sqlite";
const INDEX: &str = "index";

/// An open gallery. It can be shared between threads. One process may have a gallery open for writing, or any number for reading.
pub struct Gallery {
    directory: PathBuf,
    binding: Binding,
    access: Access,
    catalog: Mutex<Catalog>,
    vectors: Box<dyn VectorStore>,
    barrier: Barrier,
    /// Only in a gallery that is open for reading, after a failed write: the rows of the index without the unfinished ones.
    settled: Option<View>,
    /// The rows of the index without a subject.
    hidden: Hidden,
    /// Number of transactions that changed the catalog.
    generation_counter: Arc<AtomicU64>,
    /// What is readable without a lock on the catalog.
    published: Arc<Published>,
    /// Number of stored documents since the gallery was opened.
    documents_kept: AtomicU64,
    /// Failed writes that could not be reverted at once, because that also needs space on the disk.
    unsettled: Mutex<Vec<PendingWrite>>,
    /// Held during a whole correction or purge. Two concurrent corrections would see each other's unfinished removals.
    correcting: Mutex<()>,
    /// Held shared while templates or pictures are added, and exclusively during a correction. Otherwise a correction could remove a template
    /// before it is in the index.
    adding: RwLock<()>,
}

/// Holds the locks of a correction.
struct Correcting<'a> {
    _correcting: MutexGuard<'a, ()>,
    _adding: RwLockWriteGuard<'a, ()>,
}

impl Gallery {
    /// The random id of the gallery's index. Backups have the id of their gallery.
    pub fn id(&self) -> [u8; 16] {
        self.vectors.identity().id
    }

    /// Folder of the gallery.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The model that the gallery is bound to.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Sets the threshold for a gallery without a calibration: cosine, -1 to 1.
    ///
    /// # Errors
    /// It is outside its range; the disk is full or failing.
    pub fn set_threshold(&mut self, threshold: f32) -> Result<()> {
        if !(-1.0..=1.0).contains(&threshold) {
            return Err(GalleryError::Threshold(threshold));
        }
        let mut catalog = self.catalog();
        catalog.set_threshold(threshold)?;
        self.record_in_index(&catalog)?;
        drop(catalog);
        self.binding.threshold = Some(threshold);
        Ok(())
    }

    /// Writes the buffered rows into segments, so that the next opening has no WAL to replay, and merges segments until there are few.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn compact(&self) -> Result<Compaction> {
        self.hidden.release();
        Ok(self.vectors.compact()?)
    }

    /// The error of a catalog with invalid content.
    pub(crate) fn damaged(&self, what: String) -> GalleryError {
        GalleryError::DamagedCatalog { path: self.directory.join(CATALOG), what }
    }

    /// A panic of another thread leaves no unfinished state behind this lock, because transactions are rolled back.
    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in another thread while the lock of the catalog is held, as a long transaction does. `None`: it waited for the lock.
    #[cfg(test)]
    pub(crate) fn during_a_write<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Option<T> {
        std::thread::scope(|scope| {
            let (send, receive) = std::sync::mpsc::channel();
            let writing = self.catalog();
            scope.spawn(move || send.send(work()));
            let done = receive.recv_timeout(std::time::Duration::from_secs(20)).ok();
            drop(writing);
            done
        })
    }

    /// Waits for other corrections and for additions, and makes them wait.
    fn correct(&self) -> Correcting<'_> {
        Correcting { _correcting: self.correct_only(), _adding: self.pause_additions() }
    }

    /// Waits for other corrections and makes them wait. Additions go on.
    fn correct_only(&self) -> MutexGuard<'_, ()> {
        self.correcting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pause_additions(&self) -> RwLockWriteGuard<'_, ()> {
        self.adding.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a correction and makes corrections wait. A thread that holds it must not call [`correct`](Self::correct).
    fn add(&self) -> RwLockReadGuard<'_, ()> {
        self.adding.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsettled(&self) -> MutexGuard<'_, Vec<PendingWrite>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finishes or reverts the writes that failed earlier. Every write calls this first.
    fn settle(&self) -> Result<()> {
        let mut unsettled = self.unsettled();
        while let Some(&write) = unsettled.last() {
            let mut catalog = self.catalog();
            let view = self.vectors.snapshot()?;
            let rows = catalog.template_rows(write.first, write.last)?;
            let whole = write.is_whole(&rows, &view)?;
            tracing::info!(write.first, write.last, kept = whole, "settling an unfinished write");
            if whole {
                catalog.transaction("finishing a write", |tx| write.finish(tx))?;
            } else {
                // The catalog must keep the rows until the index has deleted them.
                self.delete_from_index(&mut catalog, &rows)?;
                catalog.transaction("reverting a write", |tx| write.undo(tx))?;
            }
            unsettled.pop();
        }
        Ok(())
    }

    /// Deletes templates, given with their groups, from the index. It is an error if the index has one under another group, because it
    /// would belong to another write.
    fn delete_from_index(&self, catalog: &mut Catalog, rows: &[(u64, u64)]) -> Result<()> {
        let view = self.vectors.snapshot()?;
        let ids: Vec<u64> = rows.iter().map(|(id, _)| *id).collect();
        for (row, &(id, expected)) in view.vectors(&ids).zip(rows) {
            if let Some(group) = row?.map(|row| row.subject).filter(|group| *group != expected) {
                return Err(self.damaged(format!(
                    "template {id} is of group {expected} in the catalog and of group {group} in the index"
                )));
            }
        }
        let generation = catalog.generation();
        let receipt = {
            let _writing = self.barrier.lock_shared()?;
            self.vectors.delete(&ids, generation)?
        };
        self.hidden.remove(rows);
        catalog.transaction("recording the watermarks of the index", |tx| {
            progress::reached(tx, &receipt.shards, generation)
        })
    }

    /// Records a change of the catalog alone in the index. If the catalog is later replaced by an older copy, the index shows that.
    fn record_in_index(&self, catalog: &Catalog) -> Result<()> {
        let _writing = self.barrier.lock_shared()?;
        self.vectors.set_watermark(catalog.generation())?;
        Ok(())
    }

    /// Settles a failed write now, if that is possible.
    fn settle_failed_write(&self, write: PendingWrite) {
        self.unsettled().push(write);
        if let Err(later) = self.settle() {
            tracing::warn!(%later, "a failed write is settled later");
        }
    }
}
