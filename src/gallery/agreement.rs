//! Whether catalog and index say the same.

use std::collections::HashSet;

use super::Gallery;
use super::catalog::Catalog;
use super::error::Result;

impl Gallery {
    /// Compares the templates that the catalog lists for a subject with those that the index holds: a removal or a list that misses one is not
    /// to be believed. What is being written or removed just now may be in either.
    ///
    /// # Errors
    /// They differ: one of the two is damaged.
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
