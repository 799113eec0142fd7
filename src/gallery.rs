//! A gallery on disk: the catalog of people and photos, and the index of their vectors.
//!
//! ```text
//! GALLERY/
//!     catalog.sqlite    subjects, photos, templates, journal
//!     index/            vectors, by template id; the group is the subject, or one of its own
//!     BARRIER           held by each write while it is under way, and by a backup
//! ```
//!
//! Order of a write: catalog rows in a *pending* range, durable; vectors in the index, durable; range
//! finished. [`Gallery::open`] finishes or takes back what a crash left between the two.

mod agreement;
mod backup;
mod barrier;
mod catalog;
mod correction;
mod documents;
mod enrollment;
mod erasure;
mod error;
mod import;
mod inspection;
mod lookup;
mod name;
mod opening;
mod private;
mod ranking;
#[cfg(test)]
mod tests;
mod unknown;
mod vectors;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use backup::{Backup, Progress, Restored};
use barrier::Barrier;
use catalog::{Catalog, PendingWrite, progress};
pub use catalog::{Held, JournalEntry, PhotoRecord, Source, Subject, SubjectTemplate, UnknownFace};
pub use correction::{Chosen, Moved};
pub use documents::{Document, DocumentCheck, DocumentKind};
pub use enrollment::{EnrolledFace, EnrolledTemplate, Enrollment, PhotoOutcome, Sighting};
pub use erasure::{Erasure, Room};
pub use error::{GalleryError, Result};
pub use import::{ImportedPhoto, ImportedRow};
pub use inspection::{Inspection, Summary};
pub use lookup::{Candidate, Candidates, Search, mode_name, mode_named};
pub use name::{Name, Person};
pub use opening::{abandon, refuse_inside};
pub use ranking::{Ranking, TOGETHER};
use unknown::Hidden;
pub use unknown::{NamedFaces, UnknownFaces};
use vectors::VectorStore;
pub use vectors::local::dot;
pub use vectors::{
    Access, Answer, Compaction, GraphWhen, Hit, Lookups, Mode, Proof, Query, Rows, Selection, Snapshot,
    Stored, VectorError, VectorErrorKind, View,
};

use crate::template::Binding;

const CATALOG: &str = "catalog.sqlite";
const INDEX: &str = "index";

/// An open gallery. Shared by reference between threads; one process at a time has a gallery open for writing, or any number
/// for reading.
pub struct Gallery {
    directory: PathBuf,
    binding: Binding,
    catalog: Mutex<Catalog>,
    vectors: Box<dyn VectorStore>,
    barrier: Barrier,
    /// Open for reading, with what a failure left unfinished: the rows of the index without it.
    settled: Option<View>,
    /// Rows of the index that have no subject.
    hidden: Hidden,
    /// How many transactions changed the catalog.
    clock: Arc<AtomicU64>,
    /// Writes that failed, and could not be taken back at once because that needs room on the disk as well.
    unsettled: Mutex<Vec<PendingWrite>>,
    /// Held through a whole correction: two of them would see each other's half-done removals.
    correcting: Mutex<()>,
}

impl Gallery {
    /// Where the gallery is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The model the gallery is bound to.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Changes the threshold that decides where no calibration does: a cosine.
    ///
    /// # Errors
    /// It is not from -1 to 1; the disk is full or failing.
    pub fn set_threshold(&mut self, threshold: f32) -> Result<()> {
        if !(-1.0..=1.0).contains(&threshold) {
            return Err(GalleryError::Threshold(threshold));
        }
        let mut catalog = self.catalog();
        catalog.set_threshold(threshold)?;
        self.witness(&catalog)?;
        drop(catalog);
        self.binding.threshold = Some(threshold);
        Ok(())
    }

    /// Writes the buffered rows into mapped segments, so that the next opening has nothing to replay, and merges
    /// segments until there are few.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn compact(&self) -> Result<Compaction> {
        self.hidden.release();
        Ok(self.vectors.compact()?)
    }

    /// The error of a catalog that holds what it should not.
    pub(crate) fn damaged(&self, what: String) -> GalleryError {
        GalleryError::DamagedCatalog { path: self.directory.join(CATALOG), what }
    }

    /// A panic elsewhere leaves no half-done state behind this lock: transactions roll back.
    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsettled(&self) -> MutexGuard<'_, Vec<PendingWrite>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finishes or takes back the writes that failed earlier. Every write begins with this.
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
                // From the index first: the catalog must remember it until then.
                self.delete_from_index(&mut catalog, &rows)?;
                catalog.transaction("taking a write back", |tx| write.undo(tx))?;
            }
            unsettled.pop();
        }
        Ok(())
    }

    /// Deletes templates, given with their groups, from the index, which must not hold them under another group: they would be those
    /// of another write.
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
            let _writing = self.barrier.share()?;
            self.vectors.delete(&ids, generation)?
        };
        self.hidden.remove(rows);
        catalog.transaction("noting how far the index is", |tx| {
            progress::reached(tx, &receipt.shards, generation)
        })
    }

    /// Makes a change of the catalog alone one that the index knows of: a catalog that is without it later on has lost it.
    fn witness(&self, catalog: &Catalog) -> Result<()> {
        let _writing = self.barrier.share()?;
        self.vectors.set_watermark(catalog.generation())?;
        Ok(())
    }

    /// A write failed: settles it now if that is possible.
    fn give_up(&self, write: PendingWrite) {
        self.unsettled().push(write);
        if let Err(later) = self.settle() {
            tracing::warn!(%later, "a failed write is settled later");
        }
    }
}
