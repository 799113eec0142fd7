//! A gallery on disk: the catalog of people and photos, and the index of their vectors.
//!
//! ```text
//! GALLERY/
//!     catalog.sqlite    subjects, photos, templates, journal
//!     index/            vectors, by template id; the group is the subject
//! ```
//!
//! Order of a write: catalog rows in a *pending* range, durable; vectors in the index, durable; range
//! finished. [`Gallery::open`] finishes or takes back what a crash left between the two.

mod binding;
mod catalog;
mod correction;
mod enrollment;
mod erasure;
mod error;
mod evidence;
mod import;
mod inspection;
mod lookup;
mod name;
mod private;
mod ranking;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gallerist_index::{GraphWhen, Index, Options};

pub use binding::Binding;
use catalog::{Catalog, PendingKind, PendingWrite};
pub use catalog::{Held, JournalEntry, PhotoHash, PhotoRecord, Provenance, Source, Subject, SubjectTemplate};
pub use correction::{Chosen, Moved};
pub use enrollment::{EnrolledFace, EnrolledTemplate, Enrollment, PhotoOutcome};
pub use erasure::{Erasure, Room};
pub use error::{GalleryError, Result};
pub use import::{ImportedPhoto, ImportedRow};
pub use inspection::{Inspection, Summary};
pub use lookup::{Candidate, Candidates, Search};
pub use name::{Name, Person};
pub use ranking::{Ranking, TOGETHER};

const CATALOG: &str = "catalog.sqlite";
const INDEX: &str = "index";

/// An open gallery. Shared by reference between threads; one process at a time has a gallery open.
pub struct Gallery {
    directory: PathBuf,
    binding: Binding,
    catalog: Mutex<Catalog>,
    index: Index,
    /// Writes that failed, and could not be taken back at once because that needs room on the disk as well.
    unsettled: Mutex<Vec<PendingWrite>>,
    /// Held through a whole correction: two of them would see each other's half-done removals.
    correcting: Mutex<()>,
}

impl Gallery {
    /// Makes an empty gallery at `directory`, which must not exist or be empty, and opens it. It appears whole or not
    /// at all: it is built beside its place and renamed. Nobody but its owner may read it. `graph`: which of its segments get graphs, for approximate search.
    ///
    /// # Errors
    /// Something is there already; the folder cannot be written.
    pub fn create(directory: &Path, binding: &Binding, graph: GraphWhen) -> Result<Self> {
        let occupied = match std::fs::read_dir(directory) {
            Ok(mut entries) => entries.next().is_some(),
            Err(e) => e.kind() != std::io::ErrorKind::NotFound,
        };
        if occupied {
            return Err(GalleryError::AlreadyExists(directory.to_owned()));
        }
        let io = |doing| move |source| GalleryError::Io { path: directory.to_owned(), doing, source };
        let absolute = std::path::absolute(directory).map_err(io("finding its folder"))?;
        let parent = absolute.parent().unwrap_or(&absolute);
        std::fs::create_dir_all(parent).map_err(io("making its folder"))?;
        let building = tempfile::Builder::new()
            .prefix(".gallerist-")
            .permissions(Permissions::from_mode(private::FOLDER))
            .tempdir_in(parent)
            .map_err(io("making a folder beside it"))?;

        let mut options = Options::new(binding.dimension);
        options.label = binding.fingerprint.clone();
        options.graph.when = graph;
        drop(Index::create(&building.path().join(INDEX), options)?);
        drop(Catalog::create(&building.path().join(CATALOG), binding)?);
        private::keep_private(building.path());
        sync_directory(building.path()).map_err(io("syncing it"))?;
        std::fs::rename(building.path(), &absolute).map_err(io("putting it in place"))?;
        sync_directory(parent).map_err(io("syncing its folder"))?;
        Self::open(directory)
    }

    /// Opens a gallery and settles what a crash left unfinished. Takes the time of reading the unsealed
    /// rows, not of the whole gallery. Others lose the rights that they may have to its files. On a full disk a gallery can be opened and searched; what is not settled
    /// yet is settled by the first write for which there is room.
    ///
    /// # Errors
    /// No gallery there; another process has it open; a file is damaged (it is named).
    pub fn open(directory: &Path) -> Result<Self> {
        let catalog_path = directory.join(CATALOG);
        if !catalog_path.is_file() {
            return Err(GalleryError::NotAGallery(directory.to_owned()));
        }
        let index = Index::open(&directory.join(INDEX))?; // first: its lock guards the catalog too
        private::keep_private(directory); // before SQLite makes files beside the catalog with the same rights
        let catalog = Catalog::open(&catalog_path)?;
        let binding = catalog.binding()?;
        let options = index.options();
        if options.dimension != binding.dimension || options.label != binding.fingerprint {
            return Err(catalog.damaged(format!(
                "it belongs to {} with {} dimensions, the index beside it to {:?} with {}",
                binding.describe(),
                binding.dimension,
                options.label,
                options.dimension
            )));
        }
        let gallery = Self {
            directory: directory.to_owned(),
            binding,
            catalog: Mutex::new(catalog),
            index,
            unsettled: Mutex::default(),
            correcting: Mutex::new(()),
        };
        gallery.reconcile()?;
        Ok(gallery)
    }

    /// Where the gallery is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The model the gallery is bound to.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Writes the buffered rows into mapped segments, so that the next opening has nothing to replay, and merges
    /// segments until there are few.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn compact(&self) -> Result<gallerist_index::Compaction> {
        self.index.seal()?;
        Ok(self.index.compact()?)
    }

    /// A panic elsewhere leaves no half-done state behind this lock: transactions roll back.
    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reconcile(&self) -> Result<()> {
        *self.unsettled() = self.catalog().pending()?;
        let settled = self.settle().and_then(|()| self.finish_removals());
        match settled.and_then(|()| self.catalog().normalise_names()) {
            Err(error) if error.is_full() => {
                tracing::warn!(%error, "what an earlier failure left is settled when there is room");
                Ok(())
            }
            settled => settled,
        }
    }

    fn unsettled(&self) -> MutexGuard<'_, Vec<PendingWrite>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finishes or takes back the writes that failed earlier. Every write begins with this.
    fn settle(&self) -> Result<()> {
        let mut unsettled = self.unsettled();
        while let Some(&write) = unsettled.last() {
            let mut catalog = self.catalog();
            let view = self.index.view();
            let ids = catalog.template_ids(write.first, write.last)?;
            let whole = write.kind == PendingKind::Insert && ids.iter().all(|&id| view.contains(id));
            tracing::info!(write.first, write.last, kept = whole, "settling an unfinished write");
            if whole {
                catalog.transaction("finishing a write", |tx| write.finish(tx))?;
            } else {
                // From the index first: the catalog must remember it until then.
                self.index.delete(&ids)?;
                catalog.transaction("taking a write back", |tx| write.undo(tx))?;
            }
            unsettled.pop();
        }
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

fn sync_directory(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}
