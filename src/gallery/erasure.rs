//! Erasure of removed templates from every file of a gallery.

use super::Gallery;
use super::error::{GalleryError, Result};

/// The temporary disk space of an erasure, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeSpace {
    /// Largest space that it needs.
    pub needed: u64,
    /// Free space.
    pub available: u64,
}

/// The result of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Removed templates that were to be erased.
    pub removed: u64,
    /// Segments of the index that were rewritten without them.
    pub rewritten: usize,
    /// Replaced files of the index that open views still use. Their bytes stay on the disk until the views are dropped.
    pub held_by_views: usize,
    /// Whether another program has the catalog open, so that names and paths of removed subjects are still in its files.
    pub catalog_held: bool,
}

impl Erasure {
    /// Whether all files of the gallery are free of removed templates.
    pub fn is_whole(&self) -> bool {
        self.held_by_views == 0 && !self.catalog_held
    }
}

impl Gallery {
    /// Number of removed templates that are not erased, those of missing photos among them: some of their data is still in a file.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn unerased(&self) -> Result<u64> {
        let catalog = self.catalog();
        let counted = catalog.unerased()?.max(catalog.hidden_count()?);
        Ok(counted.max(self.vectors.statistics()?.deleted))
    }

    /// The temporary disk space that [`purge`](Self::purge) needs, and the free space.
    ///
    /// # Errors
    /// The catalog or the file system failed.
    pub fn purge_room(&self) -> Result<PurgeSpace> {
        let io = |source: rustix::io::Errno| GalleryError::Io {
            path: self.directory.clone(),
            doing: "reading its free space",
            source: source.into(),
        };
        let disk = rustix::fs::statvfs(&self.directory).map_err(io)?;
        // Index and catalog are purged one after the other. The first one frees its space before the second one begins.
        let needed = self.vectors.purge_room()?.max(self.catalog().rewrite_room()?);
        Ok(PurgeSpace { needed, available: disk.f_bavail.saturating_mul(disk.f_frsize) })
    }

    /// Erases removed templates from every file of the gallery: their bytes in the index, unused pages of the catalog, names in the
    /// journal, and pictures of their photos. It cannot erase copies made elsewhere, or what the disk keeps of deleted files. Call it again
    /// after a failure. Until a purge is complete, [`unerased`](Self::unerased) counts the templates.
    ///
    /// # Errors
    /// [`GalleryError::NoRoom`], before anything is changed; the disk is full or failing; a segment is damaged; a
    /// picture cannot be erased.
    pub fn purge(&self) -> Result<Erasure> {
        let _alone = self.correct_only();
        let PurgeSpace { needed, available } = self.purge_room()?;
        if available < needed {
            return Err(GalleryError::NoRoom { path: self.directory.clone(), needed, available });
        }
        self.settle()?;
        self.finish_removals()?;
        {
            let _no_addition = self.pause_additions(); // an unfinished picture may be one that is being written
            self.erase_lost_pictures()?;
        }
        // Before the faces of missing photos are removed: their former templates are counted already.
        let removed = self.unerased()?;
        self.catalog().mark_hidden_removed()?;
        self.finish_removals()?;
        self.catalog().forget_removed(removed)?;
        self.hidden.release(); // the stored view would keep files in use
        let receipt = self.vectors.purge()?;
        let catalog_held = !self.catalog().rewrite()?;
        let erasure = Erasure {
            removed,
            rewritten: receipt.rewritten,
            held_by_views: receipt.held_by_views,
            catalog_held,
        };
        if erasure.is_whole() {
            self.catalog().forget_unerased()?;
        }
        Ok(erasure)
    }
}
