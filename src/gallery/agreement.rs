//! Agreement of catalog and index.

use std::collections::HashSet;

use super::Gallery;
use super::catalog::Catalog;
use super::error::Result;

impl Gallery {
    /// Compares the templates of a subject in the catalog with those in the index. If one of the lists is damaged, a listing or removal
    /// would miss templates. Templates of running writes and removals may be in either.
    ///
    /// # Errors
    /// The lists differ: the catalog or the index is damaged.
    pub(super) fn require_agreement(&self, catalog: &Catalog, subject: u64) -> Result<()> {
        let unsettled: HashSet<u64> = catalog.unsettled()?.into_iter().collect();
        let settled = |ids: Vec<u64>| -> HashSet<u64> {
            ids.into_iter().filter(|id| !unsettled.contains(id)).collect()
        };
        let known = settled(catalog.ids_of(subject)?);
        let held = settled(self.view()?.ids_of(subject)?);
        match known.symmetric_difference(&held).next() {
            None => Ok(()),
            Some(id) => {
                let (one, other) =
                    if known.contains(id) { ("catalog", "index") } else { ("index", "catalog") };
                Err(self.damaged(format!(
                    "template {id} of subject {subject} is in the {one} and not in the {other}"
                )))
            }
        }
    }
}
