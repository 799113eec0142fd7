//! Lists: named sets of subjects, such as watch-lists.

use super::catalog::Catalog;
use super::error::{GalleryError, Result};
use super::{Gallery, Name};

/// The rules of lists under corrections:
///
/// - A removed subject leaves all lists in the same transaction. So does one that loses its last template by a removal.
/// - If a subject is merged into another one, that one takes its place on all lists, in the same transaction. The same holds if all its
///   templates are moved away, one by one or at once: the destination of the last one takes its place.
/// - [`undo`](Gallery::undo) of such a merge or move puts the former subject back on those of its lists that still exist. The other subject
///   leaves those on which it was not before, unless another merge or move has put it there too. After corrections of older galleries it
///   stays on them.
/// - A rename changes no list.
///
/// Lists are part of backups. A restored gallery has the lists of the backup, without the subjects that were removed since. The name of a
/// removed list is erased from the files by the next [`purge`](Gallery::purge).
impl Gallery {
    /// All lists in the order of names, each with the number of its subjects.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn lists(&self) -> Result<Vec<(String, u64)>> {
        let lists = self.catalog().lists()?;
        Ok(lists.into_iter().map(|(_, name, subjects)| (name, subjects)).collect())
    }

    /// The ids of the subjects on a list, in ascending order.
    ///
    /// # Errors
    /// [`GalleryError::UnknownList`]; the catalog failed, or is damaged.
    pub fn list(&self, name: &str) -> Result<Vec<u64>> {
        let catalog = self.catalog();
        let list = require(&catalog, name)?;
        catalog.members(list)
    }

    /// The names of the lists on which the subject `into`, by id, would take the place of `from` in a merge, and is not yet.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn lists_to_join(&self, from: u64, into: u64) -> Result<Vec<String>> {
        self.catalog().lists_without(from, into)
    }

    /// Makes a list with these subjects, which may be none. A list with this name is replaced. It is durable when this returns.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubjectId`] with the first id that no subject has, and nothing is changed; the disk is full or failing.
    pub fn set_list(&self, name: &Name, subjects: &[u64]) -> Result<()> {
        let mut catalog = self.catalog();
        catalog.set_list(name, subjects)?;
        self.record_in_index(&catalog)
    }

    /// Removes subjects from a list and adds others, in one transaction. A subject of both is on the list afterwards. Removing a subject
    /// that is not on the list, or adding one that is, changes nothing.
    ///
    /// # Errors
    /// [`GalleryError::UnknownList`]; [`GalleryError::UnknownSubjectId`] with the first added id that no subject has, and nothing is
    /// changed; the disk is full or failing.
    pub fn change_list(&self, name: &str, add: &[u64], remove: &[u64]) -> Result<()> {
        let mut catalog = self.catalog();
        let list = require(&catalog, name)?;
        catalog.change_list(list, add, remove)?;
        self.record_in_index(&catalog)
    }

    /// Removes a list. Its subjects stay in the gallery.
    ///
    /// # Errors
    /// [`GalleryError::UnknownList`]; the disk is full or failing.
    pub fn remove_list(&self, name: &str) -> Result<()> {
        let mut catalog = self.catalog();
        let list = require(&catalog, name)?;
        catalog.remove_list(list)?;
        self.record_in_index(&catalog)
    }
}

fn require(catalog: &Catalog, name: &str) -> Result<i64> {
    catalog.list_called(name)?.ok_or_else(|| GalleryError::UnknownList { name: name.to_owned() })
}
