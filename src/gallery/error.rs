//! Errors of galleries.

use std::path::PathBuf;

use thiserror::Error;

use super::vectors::{VectorError, VectorErrorKind};
use crate::number::bytes;
use crate::template::{BindingError, TemplateError};

/// Result with [`GalleryError`].
pub type Result<T, E = GalleryError> = std::result::Result<T, E>;

/// An error of a gallery. Acknowledged writes are never lost.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// There is no gallery at this path.
    #[error("{} is not a gallery", .0.display())]
    NotAGallery(PathBuf),
    /// A new name of a subject differs from that of another subject only in case or in the form of its characters.
    #[error(
        "{name}: the subject {other} has this name, except for case or the form of its characters; merge the two subjects instead"
    )]
    SimilarName {
        /// The new name.
        name: String,
        /// The other subject.
        other: String,
    },
    /// Something already exists at this path.
    #[error("{} exists already and is not an empty folder; choose another path", .0.display())]
    AlreadyExists(PathBuf),
    /// A symbolic link is at a path where something is to be made.
    #[error("{} is a symbolic link; give a path that does not exist", .0.display())]
    Linked(PathBuf),
    /// Something is to be made inside a gallery or a backup.
    #[error(
        "{}: {} is a gallery or a backup, and must not contain other files, because a purge would not erase them and a check \
         would not verify them; choose a path outside",
        place.display(), gallery.display()
    )]
    Inside {
        /// Path of the new file or folder.
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
        /// The failed operation.
        doing: &'static str,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The disk is full. Acknowledged writes are safe. Free some space and run the same command again.
    #[error(
        "{}: the disk is full while {doing}; no acknowledged write is lost; free some space and run the same command \
         again", path.display()
    )]
    Full {
        /// The file that was written.
        path: PathBuf,
        /// The failed operation.
        doing: &'static str,
    },
    /// A newer program has written the catalog.
    #[error("catalog {} has version {got}, this program reads version {expected}; use a newer gallerist", path.display())]
    NewerCatalog {
        /// The database file.
        path: PathBuf,
        /// Supported version.
        expected: i64,
        /// Version of the catalog.
        got: i64,
    },
    /// An older program has written the catalog, and it is open for reading only.
    #[error(
        "catalog {} has version {got}, this program reads version {expected}; open it for writing once to convert it", path.display()
    )]
    OlderCatalog {
        /// The database file.
        path: PathBuf,
        /// Version that this program reads.
        expected: i64,
        /// Version of the catalog.
        got: i64,
    },
    /// The catalog is older than the index: it is an old copy, or lost the end of its WAL.
    #[error(
        "catalog {}: it lost acknowledged writes: its index contains change {expected}, the catalog only {got}; put back the \
         catalog of this index, or restore a backup of both", path.display()
    )]
    CatalogBehind {
        /// The database file.
        path: PathBuf,
        /// Generation of the last write in the index.
        expected: u64,
        /// Generation of the catalog.
        got: u64,
    },
    /// The index is older than the catalog: it is an old copy, or lost the end of a WAL.
    #[error(
        "index {}: shard {shard} lost acknowledged writes: its catalog contains change {expected}, the shard only {got}; put back \
         the index of this catalog, or restore a backup of both", path.display()
    )]
    IndexBehind {
        /// The index.
        path: PathBuf,
        /// Number of the shard.
        shard: usize,
        /// Generation of the shard's last finished write according to the catalog.
        expected: u64,
        /// Watermark of the shard.
        got: u64,
    },
    /// The gallery was moved or replaced while it was open.
    #[error(
        "{}: it was moved or replaced while the gallery was open; nothing more is written, and acknowledged writes are in the \
         moved gallery", path.display()
    )]
    Moved {
        /// Path of the catalog when it was opened.
        path: PathBuf,
    },
    /// The catalog is damaged.
    #[error("catalog {}: {what}", path.display())]
    DamagedCatalog {
        /// The database file.
        path: PathBuf,
        /// The damage, in words.
        what: String,
    },
    /// The index, or another store of vectors, failed.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// Templates of another model.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// A template of another dimension.
    #[error("a template with {got} components was given, this gallery has {expected}")]
    WrongDimension {
        /// Dimension of the gallery.
        expected: usize,
        /// Dimension of the template.
        got: usize,
    },
    /// A file or folder cannot be used.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The failed operation.
        doing: &'static str,
        /// The error of the system.
        source: std::io::Error,
    },
    /// No subject has this name.
    #[error("there is no subject {name:?}{hint}")]
    UnknownSubject {
        /// The name.
        name: String,
        /// Similar names; may be empty.
        hint: String,
    },
    /// No template has this id.
    #[error("no template has the id {id}; nothing was changed. A moved template has a new id")]
    UnknownTemplate {
        /// The id.
        id: u64,
    },
    /// A template already belongs to the subject that it is to be moved to.
    #[error("template {id} already belongs to {subject:?}; nothing was moved")]
    TemplateThere {
        /// Id of the template.
        id: u64,
        /// Name of the subject.
        subject: String,
    },
    /// No subject has this id.
    #[error("there is no subject with the id {id}; nothing was changed")]
    UnknownSubjectId {
        /// The id.
        id: u64,
    },
    /// No list has this name.
    #[error("there is no list {name:?}")]
    UnknownList {
        /// The name.
        name: String,
    },
    /// No live template is of this photo.
    #[error("the photo with the SHA-256 {hash} has no template in the gallery; its picture was not kept")]
    UnknownPhoto {
        /// The SHA-256 of its bytes, in hexadecimal digits.
        hash: String,
    },
    /// The journal has no entry with this number.
    #[error("the journal has no entry {id}; nothing was changed")]
    UnknownEntry {
        /// The number.
        id: i64,
    },
    /// A correction that cannot be undone.
    #[error("entry {id} of the journal cannot be undone: {reason}; nothing was changed")]
    CannotUndo {
        /// The number of the entry.
        id: i64,
        /// The reason.
        reason: String,
    },
    /// The disk has less free space than a purge needs.
    #[error(
        "{}: a purge needs {} of free space, {} are available; nothing was erased. Free some space and run the same command again",
        path.display(), bytes(*needed), bytes(*available)
    )]
    NoRoom {
        /// The gallery.
        path: PathBuf,
        /// Largest space that it needs, in bytes.
        needed: u64,
        /// Free space, in bytes.
        available: u64,
    },
    /// A name that is not valid, or that another subject has.
    #[error("subject name {name:?}: {reason}")]
    SubjectName {
        /// The name.
        name: String,
        /// The reason.
        reason: String,
    },
    /// Not a backup, or a damaged one.
    #[error("backup {}: {what}", path.display())]
    BadBackup {
        /// The backup, or the file in it.
        path: PathBuf,
        /// The expected and the found content.
        what: String,
    },
    /// A threshold outside -1 to 1.
    #[error("the threshold is {0}, expected a cosine from -1 to 1")]
    Threshold(f32),
    /// A `.npy` file, or a file of names, that cannot be imported.
    #[error("{}: {what}", path.display())]
    BadSource {
        /// The file.
        path: PathBuf,
        /// The expected and the found content.
        what: String,
    },
    /// A row of a `.npy` file is not a template.
    #[error("{}: row {row}: {source} (rows and components are counted from 0)", path.display())]
    BadRow {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: u64,
        /// The reason.
        source: TemplateError,
    },
}

impl GalleryError {
    /// Whether the error is damage: changed files of the gallery, or files of different moments.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::DamagedCatalog { .. } | Self::CatalogBehind { .. } | Self::IndexBehind { .. } => true,
            Self::Vectors(error) => error.kind() == VectorErrorKind::Damaged,
            _ => false,
        }
    }

    /// Whether the error is a full disk.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } | Self::NoRoom { .. } => true,
            Self::Vectors(error) => error.kind() == VectorErrorKind::Full,
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}
