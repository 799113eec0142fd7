//! What can go wrong with a gallery, told to the person who meets it.

use std::path::PathBuf;

use thiserror::Error;

use super::vectors::{VectorError, VectorErrorKind};
use crate::number::bytes;
use crate::template::{BindingError, TemplateError};

/// Result with [`GalleryError`].
pub type Result<T, E = GalleryError> = std::result::Result<T, E>;

/// Why a gallery refused or failed. Nothing acknowledged is lost by any of these.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// There is no gallery at this path.
    #[error("{} is not a gallery", .0.display())]
    NotAGallery(PathBuf),
    /// Something is there already.
    #[error("{} exists already and is not an empty folder; choose another path", .0.display())]
    AlreadyExists(PathBuf),
    /// A symbolic link is where something is to be made.
    #[error("{} is a symbolic link; give a path where nothing is", .0.display())]
    Linked(PathBuf),
    /// Something is to be made inside a gallery or a backup.
    #[error(
        "{}: {} is a gallery or a backup, and nothing else is kept in it, as a purge would not erase it and a check not verify it; choose a path outside",
        place.display(), gallery.display()
    )]
    Inside {
        /// Where it was to be made.
        place: PathBuf,
        /// The gallery, or the backup.
        gallery: PathBuf,
    },
    /// Nothing is at this path.
    #[error("{}: no such file or folder", .0.display())]
    Missing(PathBuf),
    /// The catalog database failed.
    #[error("catalog {}: {doing}: {source}", path.display())]
    Catalog {
        /// The database file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// SQLite's word.
        source: rusqlite::Error,
    },
    /// The disk is full; what was acknowledged is safe, free some space and run the same command again.
    #[error("{}: the disk is full while {doing}; nothing enrolled so far is lost, free some space and run the same command again", path.display())]
    Full {
        /// The file that could not grow.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// The catalog was written by a newer program.
    #[error("catalog {} has version {got}, this program reads version {expected}; use a newer gallerist", path.display())]
    NewerCatalog {
        /// The database file.
        path: PathBuf,
        /// Version this program knows.
        expected: i64,
        /// Version found.
        got: i64,
    },
    /// The catalog was written by an older program, and is open for reading only.
    #[error(
        "catalog {} has version {got}, this program reads version {expected}; open it for writing once to convert it", path.display()
    )]
    OlderCatalog {
        /// The database file.
        path: PathBuf,
        /// Version this program reads.
        expected: i64,
        /// Version found.
        got: i64,
    },
    /// The index has seen writes that the catalog does not know: it is an old copy, or lost the end of its log.
    #[error(
        "catalog {}: it lost writes that were acknowledged: the index beside it has seen its change {expected}, the catalog knows {got}; put back the catalog that belongs to this index, or restore a backup of both", path.display()
    )]
    CatalogBehind {
        /// The database file.
        path: PathBuf,
        /// The last change that the index has seen.
        expected: u64,
        /// The last change that the catalog knows.
        got: u64,
    },
    /// The catalog has finished writes that the index does not have: it is an old copy, or lost the end of a log.
    #[error(
        "index {}: shard {shard} lost writes that were acknowledged: the catalog beside it finished change {expected} there, the shard has {got}; put back the index that belongs to this catalog, or restore a backup of both", path.display()
    )]
    IndexBehind {
        /// The index.
        path: PathBuf,
        /// The shard.
        shard: usize,
        /// The last change that was finished there.
        expected: u64,
        /// The last change that it has.
        got: u64,
    },
    /// The gallery was moved or replaced while it was open.
    #[error(
        "{}: it was moved away or replaced while the gallery was open; nothing more is written, and what was acknowledged is where it went", path.display()
    )]
    Moved {
        /// Where the catalog was.
        path: PathBuf,
    },
    /// The catalog is not what its format says.
    #[error("catalog {}: {what}", path.display())]
    DamagedCatalog {
        /// The database file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The index, or another store of vectors, failed.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// Templates of another model.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// A template of the wrong length.
    #[error("a template of {got} dimensions was given, this gallery holds {expected}")]
    WrongDimension {
        /// The gallery's dimension.
        expected: usize,
        /// The dimension given.
        got: usize,
    },
    /// A file or folder could not be used.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The system's word.
        source: std::io::Error,
    },
    /// No such person.
    #[error("no subject is called {name:?}{hint}")]
    UnknownSubject {
        /// The name asked for.
        name: String,
        /// Similar names, or empty.
        hint: String,
    },
    /// No such template.
    #[error(
        "no template has the number {id}, and nothing was changed; a template that is moved gets a new number"
    )]
    UnknownTemplate {
        /// The number asked for.
        id: u64,
    },
    /// A template is to be moved to where it is.
    #[error("template {id} is one of {subject:?} already; nothing was moved")]
    TemplateThere {
        /// The template.
        id: u64,
        /// Whose it is.
        subject: String,
    },
    /// The disk has less room than a purge takes meanwhile.
    #[error(
        "{}: a purge takes {} of free space for a while, and there are {}; nothing was erased, free some space and run the same command again",
        path.display(), bytes(*needed), bytes(*available)
    )]
    NoRoom {
        /// The gallery.
        path: PathBuf,
        /// Bytes that are needed at most.
        needed: u64,
        /// Bytes that are free.
        available: u64,
    },
    /// A name that is taken, or that is none.
    #[error("subject name {name:?}: {reason}")]
    SubjectName {
        /// The name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// What should be a backup is not one, or is damaged.
    #[error("backup {}: {what}", path.display())]
    BadBackup {
        /// The backup, or the file in it.
        path: PathBuf,
        /// What was expected and got.
        what: String,
    },
    /// A threshold that no score can be compared with.
    #[error("a threshold of {0} was given, a cosine from -1 to 1 is expected")]
    Threshold(f32),
    /// A `.npy` file, or the names beside it, that cannot be imported.
    #[error("{}: {what}", path.display())]
    BadSource {
        /// The file.
        path: PathBuf,
        /// What was expected and got.
        what: String,
    },
    /// One row of a `.npy` file is not a template.
    #[error("{}: row {row}: {source} (rows and components are counted from 0)", path.display())]
    BadRow {
        /// The file.
        path: PathBuf,
        /// Row number, counted from 0.
        row: u64,
        /// Why it is not a template.
        source: TemplateError,
    },
}

impl GalleryError {
    /// Whether files of the gallery are not what they were when they were written, or not of one moment.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::DamagedCatalog { .. } | Self::CatalogBehind { .. } | Self::IndexBehind { .. } => true,
            Self::Vectors(error) => error.kind() == VectorErrorKind::Damaged,
            _ => false,
        }
    }

    /// Whether the disk was full, wherever it was noticed.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } | Self::NoRoom { .. } => true,
            Self::Vectors(error) => error.kind() == VectorErrorKind::Full,
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}
