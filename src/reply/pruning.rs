//! The replies of `prune`: photos of a gallery whose files are gone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a photo of the gallery is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhotoGone {
    /// There is no file at its paths.
    Deleted,
    /// A file at one of its paths has another content.
    Changed,
}

/// A photo of the gallery whose content is nowhere in the folders, and whose faces were removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "photo_missing")]
pub struct PhotoMissing {
    /// The first path of the photo.
    pub path: String,
    /// Why it is missing.
    pub reason: PhotoGone,
    /// Its faces in the gallery.
    pub faces: u64,
    /// Their subjects, each once.
    pub subjects: Vec<String>,
    /// Whether its faces stay, because one of them was enrolled with a name.
    pub kept: bool,
}

/// The photos of a gallery were compared with folders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "pruned")]
pub struct PhotosPruned {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Photos of the gallery whose content is in the folders.
    pub present: u64,
    /// Photos, in the folders or with another path elsewhere, whose paths were changed because files were moved or copies deleted.
    pub moved: u64,
    /// Missing photos without a file.
    pub deleted: u64,
    /// Missing photos whose file has another content.
    pub changed: u64,
    /// Faces of the missing photos that were removed.
    pub faces: u64,
    /// Subjects that lost their last face.
    pub subjects_gone: Vec<String>,
    /// Further missing photos, whose faces stay, because one of them was enrolled with a name.
    pub kept: u64,
    /// Photos whose file has another content that was not read since, so it is not known whether it shows the same faces. Their faces stay.
    #[serde(default)]
    pub unread: u64,
    /// Photos that cannot be looked up, because a folder is empty, a link leads nowhere, or a file cannot be read. Their faces stay.
    pub unreachable: u64,
    /// The folders, links and files of these photos, each once.
    pub unreachable_paths: Vec<String>,
    /// Numbers of the first and the last entry in the journal, by which it can be undone; `None` if no face was removed.
    pub journal_ids: Option<[i64; 2]>,
    /// Whether nothing was changed, because only a dry run was requested.
    pub dry_run: bool,
}

/// Some photos of a gallery seem to be gone from folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename = "photos_missing")]
pub struct PhotosMissing {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Photos without a file at any of their paths.
    pub deleted: u64,
    /// Photos whose paths another photo of the gallery has, too: the file was changed.
    pub changed: u64,
}
