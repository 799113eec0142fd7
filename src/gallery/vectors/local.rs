//! The store in local files, on the index. No other module uses the index.

mod conversion;
mod snapshot;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use gallerist_index::{Durability, Index, OpenOptions, Options};

pub use gallerist_index::{Products, Side, Tile, dot};

use self::snapshot::LocalSnapshot;
use super::error::Result;
use super::{
    Access, CheckReport, Compaction, GraphWhen, Identity, PurgeReceipt, Receipt, Row, Statistics,
    VectorStore, View,
};

/// A store in a folder.
pub(in crate::gallery) struct LocalStore(Index);

/// The deleted rows of a store, for copies that were made before.
pub(in crate::gallery) struct Erasures(gallerist_index::Erasures);

/// Makes an empty store at `path`, where nothing may exist. `graph` selects the segments that get a graph.
pub(in crate::gallery) fn create(
    path: &Path,
    dimension: usize,
    label: &str,
    graph: GraphWhen,
) -> Result<LocalStore> {
    let mut options = Options::new(dimension).label(label);
    options.graph.when = graph.into();
    Ok(LocalStore(Index::create(path, options)?))
}

/// Opens the store at `path`. Waits up to `wait` for other owners to close it.
pub(in crate::gallery) fn open(path: &Path, access: Access, wait: Duration) -> Result<LocalStore> {
    Ok(LocalStore(Index::open_with(path, &OpenOptions { access: access.into(), wait })?))
}

/// Verifies every byte of a store that is not open. It may be too damaged to be opened.
pub(in crate::gallery) fn check_at(path: &Path) -> Result<CheckReport> {
    Ok(Index::check_at(path)?.into())
}

/// As [`VectorStore::copy_to`], for a store that another process may have open. It must not be written during the copy.
pub(in crate::gallery) fn copy_at(path: &Path, to: &Path) -> Result<()> {
    Index::snapshot_at(path, to)?;
    Ok(())
}

/// Makes a store at `to` from the copy at `copy`, without the rows that were deleted since the copy.
pub(in crate::gallery) fn restore(copy: &Path, to: &Path, erasures: Option<&Erasures>) -> Result<()> {
    Index::restore(copy, to, erasures.map(|erasures| &erasures.0))?;
    Ok(())
}

impl LocalStore {
    /// All recorded deletions.
    pub fn erasures(&self) -> Result<Erasures> {
        Ok(Erasures(self.0.erasures()?))
    }

    /// The rows of this copy that were deleted from its original after the copy.
    pub fn erased_since(&self, erasures: &Erasures) -> Result<Vec<u64>> {
        Ok(self.0.erased_since(&erasures.0)?)
    }
}

impl Erasures {
    /// Removes rows, given by id and subject, from the recorded deletions, so that a restored copy keeps them.
    pub fn keep(&mut self, rows: &[(u64, u64)]) {
        self.0.spare(rows);
    }
}

impl VectorStore for LocalStore {
    fn identity(&self) -> Identity {
        let Options { dimension, label, graph, .. } = self.0.options();
        Identity { id: self.0.id(), dimension: *dimension, label: label.clone(), graph: graph.when.into() }
    }

    fn insert(&self, rows: &[Row<'_>], watermark: u64) -> Result<Receipt> {
        let rows: Vec<_> = rows.iter().copied().map(gallerist_index::Row::from).collect();
        Ok(self.0.insert_marked(&rows, Durability::Group, watermark)?.into())
    }

    fn delete(&self, ids: &[u64], watermark: u64) -> Result<Receipt> {
        Ok(self.0.delete_marked(ids, watermark)?.into())
    }

    fn set_watermark(&self, watermark: u64) -> Result<()> {
        self.0.set_watermark(watermark)?;
        Ok(())
    }

    fn watermarks(&self) -> Result<Vec<u64>> {
        Ok(self.0.watermarks())
    }

    fn snapshot(&self) -> Result<View> {
        Ok(View::new(LocalSnapshot(self.0.view())))
    }

    fn statistics(&self) -> Result<Statistics> {
        Ok(self.0.stats().into())
    }

    fn check(&self, deep: bool) -> Result<CheckReport> {
        Ok(if deep { self.0.check_deep() } else { self.0.check() }?.into())
    }

    fn compact(&self) -> Result<Compaction> {
        self.0.seal()?;
        Ok(self.0.compact()?.into())
    }

    fn purge_room(&self) -> Result<u64> {
        Ok(self.0.purge_room())
    }

    fn purge(&self) -> Result<PurgeReceipt> {
        Ok(self.0.purge()?.into())
    }

    fn copy_to(&self, to: &Path) -> Result<()> {
        self.0.snapshot(to)?;
        Ok(())
    }
}
