//! The index: writes go in here, views come out.
//!
//! First cut: rows live in memory only, so that callers can be built against the interface.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::options::Options;
use crate::report::{CheckReport, Stats};
use crate::row::{Durability, Receipt, Row};
use crate::view::{Rows, View};

/// A durable index of unit vectors. Shared by many threads through `&self`.
pub struct Index {
    path: PathBuf,
    options: Options,
    rows: Mutex<Arc<Rows>>,
}

impl Index {
    /// Makes a new index at `path`, which must not exist or be an empty directory.
    ///
    /// # Errors
    /// Options out of range; something is there; the disk is full or failing.
    pub fn create(path: &Path, options: Options) -> Result<Self, Error> {
        options.validate()?;
        Ok(Self { path: path.to_owned(), options, rows: Mutex::new(Arc::new(BTreeMap::new())) })
    }

    /// Opens an index.
    ///
    /// # Errors
    /// Not an index; in use; damaged; of a newer format.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Err(Error::NotAnIndex { path: path.to_owned() })
    }

    /// What the index was created with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Where the index is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Rows>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Inserts rows with [`Durability::Group`].
    ///
    /// # Errors
    /// As [`Index::insert_with`].
    pub fn insert(&self, rows: &[Row<'_>]) -> Result<Receipt, Error> {
        self.insert_with(rows, Durability::Group)
    }

    /// Inserts rows.
    ///
    /// # Errors
    /// A row is invalid or its id taken; the disk is full or failing.
    pub fn insert_with(&self, rows: &[Row<'_>], durability: Durability) -> Result<Receipt, Error> {
        let mut guard = self.lock();
        for (row, given) in rows.iter().enumerate() {
            if given.vector.len() != self.options.dimension {
                let (expected, got) = (self.options.dimension, given.vector.len());
                return Err(Error::WrongDimension { row, expected, got });
            }
            if guard.contains_key(&given.id) {
                return Err(Error::DuplicateId { row, id: given.id });
            }
        }
        let live = Arc::make_mut(&mut guard);
        live.extend(rows.iter().map(|row| (row.id, (row.group, row.vector.to_vec()))));
        Ok(Receipt { rows: rows.len(), durable: durability != Durability::Bulk, sequences: Vec::new() })
    }

    /// Deletes rows by id; unknown ids are skipped.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn delete(&self, ids: &[u64]) -> Result<Receipt, Error> {
        let mut guard = self.lock();
        let live = Arc::make_mut(&mut guard);
        let rows = ids.iter().filter(|id| live.remove(id).is_some()).count();
        Ok(Receipt { rows, durable: true, sequences: Vec::new() })
    }

    /// Deletes every row of a group.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn delete_group(&self, group: u64) -> Result<Receipt, Error> {
        self.delete(&self.view().group_ids(group))
    }

    /// Makes durable what [`Durability::Bulk`] left to the system.
    ///
    /// # Errors
    /// The disk is failing.
    pub fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Turns every buffer into a segment.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn seal(&self) -> Result<(), Error> {
        Ok(())
    }

    /// A snapshot of everything acknowledged.
    pub fn view(&self) -> View {
        View { rows: Arc::clone(&self.lock()), dimension: self.options.dimension }
    }

    /// Counts and sizes.
    pub fn stats(&self) -> Stats {
        let live_rows = self.lock().len() as u64;
        Stats { live_rows, deleted_rows: 0, segments: 0, buffered_rows: live_rows, bytes: 0 }
    }

    /// Verifies every byte of every file.
    ///
    /// # Errors
    /// A file could not be read; damage is a problem in the report.
    pub fn check(&self) -> Result<CheckReport, Error> {
        Ok(CheckReport { rows: self.lock().len() as u64, ..CheckReport::default() })
    }
}
