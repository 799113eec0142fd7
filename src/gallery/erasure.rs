//! Erasing what was removed from every file of a gallery.

use std::sync::PoisonError;

use super::Gallery;
use super::error::{GalleryError, Result};

/// The space on the disk that an erasure takes for a while, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// How much it takes at most.
    pub needed: u64,
    /// How much is free.
    pub available: u64,
}

/// What an erasure did, and what it could not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Removed templates that it was about.
    pub removed: u64,
    /// Segments of the index that were rewritten without them.
    pub rewritten: usize,
    /// Old files of the index that open views hold: their bytes are on the disk until these are dropped.
    pub held_by_views: usize,
    /// Whether another program reads the catalog, so that names and paths of the removed are still in its files.
    pub catalog_held: bool,
}

impl Erasure {
    /// Whether nothing of the removed is in any file of the gallery.
    pub fn is_whole(&self) -> bool {
        self.held_by_views == 0 && !self.catalog_held
    }
}

impl Gallery {
    /// Templates that were removed and are not erased: their bytes, or what the catalog had of them, are in a file.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn unerased(&self) -> Result<u64> {
        Ok(self.catalog().unerased()?.max(self.vectors.statistics()?.deleted))
    }

    /// The space that [`purge`](Self::purge) takes meanwhile, and what there is.
    ///
    /// # Errors
    /// The catalog or the file system failed.
    pub fn purge_room(&self) -> Result<Room> {
        let io = |source: rustix::io::Errno| GalleryError::Io {
            path: self.directory.clone(),
            doing: "asking for its free space",
            source: source.into(),
        };
        let disk = rustix::fs::statvfs(&self.directory).map_err(io)?;
        // The one after the other, and what the first took is free again.
        let needed = self.vectors.purge_room()?.max(self.catalog().rewrite_room()?);
        Ok(Room { needed, available: disk.f_bavail.saturating_mul(disk.f_frsize) })
    }

    /// Removes the bytes of removed templates from every file of the gallery, and what the catalog kept of them in unused pages and in its
    /// journal. Copies made elsewhere, and what the medium keeps of removed files, are beyond its reach. One that failed goes on when it
    /// is run again; until one was whole, [`unerased`](Self::unerased) counts what it was about.
    ///
    /// # Errors
    /// [`GalleryError::NoRoom`], before anything is done; the disk is full or failing; a segment is damaged.
    pub fn purge(&self) -> Result<Erasure> {
        let _alone = self.correcting.lock().unwrap_or_else(PoisonError::into_inner);
        let Room { needed, available } = self.purge_room()?;
        if available < needed {
            return Err(GalleryError::NoRoom { path: self.directory.clone(), needed, available });
        }
        self.settle()?;
        self.finish_removals()?;
        let removed = self.unerased()?;
        self.catalog().forget_removed(removed)?;
        self.hidden.release(); // the view that is kept would hold files
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
