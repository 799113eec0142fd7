//! Creation and opening of galleries.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tempfile::TempDir;

use super::catalog::Catalog;
use super::error::{GalleryError, Result};
use super::unknown::Hidden;
use super::vectors::{Access, GraphWhen, VectorStore, View, local};
use super::{Barrier, Binding, CATALOG, Gallery, INDEX, private};

impl Gallery {
    /// Makes an empty gallery at `directory` and opens it. The folder must not exist, or be empty. The gallery is made beside its place and
    /// renamed, so it appears completely or not at all. `graph` selects the segments that get a graph for approximate search.
    ///
    /// # Errors
    /// Something is already there; the folder cannot be written.
    pub fn create(directory: &Path, binding: &Binding, graph: GraphWhen) -> Result<Self> {
        if let Some(threshold) = binding.threshold.filter(|threshold| !(-1.0..=1.0).contains(threshold)) {
            return Err(GalleryError::Threshold(threshold));
        }
        refuse_occupied(directory)?;
        let temporary = temporary_folder_beside(directory)?;
        let made = temporary.path().join("gallery");
        let io = |doing| move |source| GalleryError::Io { path: directory.to_owned(), doing, source };
        std::fs::create_dir(&made).map_err(io("making a folder beside it"))?;

        let vectors = local::create(&made.join(INDEX), binding.dimension, &binding.fingerprint, graph)?;
        drop(Catalog::create(&made.join(CATALOG), binding, vectors.identity().id)?);
        drop(vectors);
        private::keep_private(&made);
        put_in_place(&made, directory)?;
        Self::open(directory)
    }

    /// Whether the folder looks like a gallery: it contains a catalog.
    pub fn is_at(directory: &Path) -> bool {
        directory.join(CATALOG).is_file()
    }

    /// Opens a gallery for reading and writing, without waiting: see [`open_with`](Self::open_with).
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open(directory: &Path) -> Result<Self> {
        Self::open_with(directory, Access::ReadWrite, Duration::ZERO)
    }

    /// Opens a gallery. Waits up to `wait` for other processes to close it. The time depends on the number of unsealed rows and of
    /// pictures, not on the size of the gallery.
    ///
    /// For writing: unfinished writes of a crash are settled, and pictures without a photo are erased. A gallery on a full disk can be
    /// opened and searched; the first write with enough space settles the rest. For reading: nothing is written, the medium may be
    /// read-only, other processes may read at the same time, and unfinished writes are not visible.
    ///
    /// # Errors
    /// There is no gallery; another process has it open; a file is damaged (the error names it); catalog and index are not of the same
    /// moment.
    pub fn open_with(directory: &Path, access: Access, wait: Duration) -> Result<Self> {
        let (path, index) = (directory.join(CATALOG), directory.join(INDEX));
        match std::fs::metadata(&path) {
            Ok(file) if file.is_file() && file.len() > 0 => {}
            found if index.is_dir() => {
                let what = if found.is_ok() { "it is empty" } else { "it is missing" };
                return Err(GalleryError::DamagedCatalog { path, what: what.into() });
            }
            _ => return Err(GalleryError::NotAGallery(directory.to_owned())),
        }
        let vectors = local::open(&index, access, wait)?; // first, because its lock also protects the catalog
        Self::with_vectors(directory, access, Box::new(vectors))
    }

    /// Opens the gallery at `directory` with its vectors in this store. The store must ensure that no other process has the gallery open.
    pub(super) fn with_vectors(
        directory: &Path,
        access: Access,
        vectors: Box<dyn VectorStore>,
    ) -> Result<Self> {
        let (path, identity) = (directory.join(CATALOG), vectors.identity());
        if access == Access::ReadWrite {
            private::keep_private(directory); // before SQLite makes files beside the catalog with the same rights
        }
        let mut catalog = match access {
            Access::ReadWrite => Catalog::open(&path, identity.id)?,
            Access::ReadOnly => Catalog::open_to_read(&path)?,
        };
        let binding = catalog.binding()?;
        if identity.dimension != binding.dimension || identity.label != binding.fingerprint {
            return Err(catalog.damaged(format!(
                "it belongs to {} with {} dimensions, but its index to {:?} with {}",
                binding.describe(),
                binding.dimension,
                identity.label,
                identity.dimension
            )));
        }
        catalog.require_same_moment(identity.id, &vectors.watermarks()?)?;
        let (hidden, generation_counter) =
            (Hidden::new(catalog.unknown_ids()?), catalog.generation_counter());
        let settled = match access {
            Access::ReadWrite => None,
            Access::ReadOnly => hide_unfinished(&mut catalog, &*vectors)?,
        };
        catalog.publish_counts();
        let gallery = Self {
            directory: directory.to_owned(),
            binding,
            access,
            published: catalog.published(),
            documents_kept: AtomicU64::new(0),
            catalog: Mutex::new(catalog),
            vectors,
            barrier: Barrier::of(directory),
            settled,
            hidden,
            generation_counter,
            unsettled: Mutex::default(),
            correcting: Mutex::new(()),
            adding: RwLock::new(()),
        };
        if access == Access::ReadWrite {
            gallery.reconcile()?;
        }
        Ok(gallery)
    }

    /// Settles what a crash left, and erases pictures without a photo.
    fn reconcile(&self) -> Result<()> {
        *self.unsettled() = self.catalog().pending()?;
        let settled = self.settle().and_then(|()| self.finish_removals());
        if let Err(error) = self.erase_lost_pictures() {
            tracing::warn!(%error, "pictures without a photo are erased by a purge, or by the next opening");
        }
        match settled.and_then(|()| self.catalog().normalise_names()) {
            Err(error) if error.is_full() => {
                tracing::warn!(%error, "the writes of an earlier failure are settled when there is space");
                Ok(())
            }
            settled => settled,
        }
    }
}

/// Hides the rows that settling would revert, in the catalog and in the returned view.
fn hide_unfinished(catalog: &mut Catalog, vectors: &dyn VectorStore) -> Result<Option<View>> {
    let view = vectors.snapshot()?;
    let mut hidden = catalog.removing()?;
    for write in catalog.pending()? {
        let rows = catalog.template_rows(write.first, write.last)?;
        if !write.is_whole(&rows, &view)? {
            hidden.extend(rows);
        }
    }
    let ids: Vec<u64> = hidden.into_iter().map(|(id, _)| id).collect();
    catalog.hide(&ids)?;
    Ok(if ids.is_empty() { None } else { Some(view.without(&ids)?) })
}

/// A locked temporary folder beside a place. Dropping it removes the folder.
pub(super) struct TemporaryFolder {
    folder: Option<TempDir>,
    path: PathBuf,
    _lock: File,
}

/// The temporary folders of this process. While this is locked, none is put in its place or removed.
static TEMPORARY_FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn temporary_folders() -> MutexGuard<'static, Vec<PathBuf>> {
    TEMPORARY_FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary folders of this process. None of them can be put in its place as long as the result is held, which is until the
/// process ends. Returns the removed folders.
pub fn remove_temporary_folders() -> MutexGuard<'static, Vec<PathBuf>> {
    let folders = temporary_folders();
    for folder in &*folders {
        // Another thread may still be adding files.
        for _ in 0..100 {
            match std::fs::remove_dir_all(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => break,
            }
        }
    }
    folders
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let mut folders = temporary_folders();
        drop(self.folder.take());
        folders.retain(|folder| *folder != self.path);
    }
}

impl TemporaryFolder {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Prefix of the names of temporary folders.
const TEMPORARY: &str = ".gallerist-";

/// Makes a temporary folder beside `place`, and removes those of killed processes.
pub(super) fn temporary_folder_beside(place: &Path) -> Result<TemporaryFolder> {
    let make = || {
        // Parent folders are made when the folder is put in its place, so a failure leaves nothing.
        let parent = existing(&parent_of(place)?).to_owned();
        // Other processes must not look for unlocked folders before this one is locked.
        let looking = File::open(&parent)?;
        looking.lock()?;
        leftovers_in(&parent).iter().for_each(|folder| drop(std::fs::remove_dir_all(folder)));
        let mut folders = temporary_folders();
        let folder = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(Permissions::from_mode(private::FOLDER))
            .tempdir_in(&parent)?;
        let lock = File::open(folder.path())?;
        lock.lock()?;
        looking.unlock()?;
        let path = folder.path().to_owned();
        folders.push(path.clone());
        Ok(TemporaryFolder { folder: Some(folder), path, _lock: lock })
    };
    make().map_err(|source| GalleryError::Io {
        path: place.to_owned(),
        doing: "making a folder beside it",
        source,
    })
}

/// Temporary folders of killed processes beside `place`.
pub(super) fn leftovers_beside(place: &Path) -> Vec<PathBuf> {
    parent_of(place).map_or(Vec::new(), |parent| leftovers_in(&parent))
}

fn leftovers_in(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(TEMPORARY))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| File::open(path).is_ok_and(|folder| folder.try_lock().is_ok()))
        .collect()
}

/// Renames a temporary folder or file to its place, durably.
pub(super) fn put_in_place(made: &Path, place: &Path) -> Result<()> {
    let put = || {
        if made.is_dir() {
            File::open(made)?.sync_all()?;
        }
        let parent = parent_of(place)?;
        let _not_abandoned = temporary_folders();
        std::fs::create_dir_all(&parent)?;
        std::fs::rename(made, place)?;
        File::open(parent)?.sync_all()
    };
    put().map_err(|source| GalleryError::Io { path: place.to_owned(), doing: "putting it in place", source })
}

/// Requires that nothing is at a place, or an empty folder.
///
/// # Errors
/// [`GalleryError::AlreadyExists`], or [`GalleryError::Linked`]; the folder cannot be read.
pub fn refuse_occupied(place: &Path) -> Result<()> {
    let io = |source| GalleryError::Io { path: place.to_owned(), doing: "examining it", source };
    if place.is_symlink() {
        return Err(GalleryError::Linked(place.to_owned()));
    }
    let occupied = match std::fs::read_dir(place) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(_) if std::fs::metadata(place).is_ok_and(|found| !found.is_dir()) => true,
        Err(error) => return Err(io(error)),
    };
    if occupied { Err(GalleryError::AlreadyExists(place.to_owned())) } else { Ok(()) }
}

/// Refuses a place inside a gallery or a backup, or the place of one.
///
/// # Errors
/// [`GalleryError::Inside`]; the path cannot be resolved.
pub fn refuse_inside(place: &Path) -> Result<()> {
    let io = |source| GalleryError::Io { path: place.to_owned(), doing: "resolving it", source };
    let absolute = std::path::absolute(place).map_err(io)?;
    let real = existing(&absolute).canonicalize().map_err(io)?;
    let is_gallery =
        |folder: &&Path| folder.join(CATALOG).is_file() || folder.join(INDEX).join("MANIFEST").is_file();
    match real.ancestors().find(is_gallery) {
        Some(gallery) => Err(GalleryError::Inside { place: place.to_owned(), gallery: gallery.to_owned() }),
        None => Ok(()),
    }
}

/// The path itself, or its closest existing parent.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|path| path.exists()).unwrap_or(path)
}

fn parent_of(place: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(place)?;
    Ok(absolute.parent().unwrap_or(&absolute).to_owned())
}
