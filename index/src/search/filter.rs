//! The rows that a search is limited to.

use std::ops::Range;

use super::selection::{Selection, count, runs};
use crate::storage::state::Sealed;

/// What a search is limited to.
#[derive(Clone, Copy, Default)]
pub(super) struct Filter<'a> {
    /// Of id and group.
    pub(super) predicate: Option<&'a (dyn Fn(u64, u64) -> bool + Sync)>,
    pub(super) selection: Option<&'a Selection>,
}

impl Filter<'_> {
    pub(super) fn passes(&self, id: u64, group: u64) -> bool {
        self.predicate.is_none_or(|passes| passes(id, group))
    }

    pub(super) fn selects(&self, part: usize, row: usize) -> bool {
        self.selection.is_none_or(|selection| selection.contains(part, row))
    }

    /// Those of 64 rows of a part that are alive and selected, a bit for each.
    pub(super) fn word(&self, part: usize, sealed: Option<&Sealed>, at: usize) -> u64 {
        let selected = self.selection.map_or(u64::MAX, |selection| selection.word(part, at));
        let dead = sealed.and_then(|sealed| sealed.dead.as_ref());
        selected & !dead.map_or(0, |dead| dead.word(at))
    }

    /// The runs of rows of a part that are alive and selected.
    pub(super) fn runs(
        &self,
        part: usize,
        sealed: Option<&Sealed>,
        rows: Range<usize>,
    ) -> impl Iterator<Item = Range<usize>> {
        let selection = self.selection;
        let dead = sealed.and_then(|sealed| sealed.dead.clone());
        runs(rows, move |at| {
            let selected = selection.map_or(u64::MAX, |selection| selection.word(part, at));
            selected & !dead.as_ref().map_or(0, |dead| dead.word(at))
        })
    }

    /// How many of some rows of a part are alive and selected.
    pub(super) fn count(&self, part: usize, sealed: Option<&Sealed>, rows: Range<usize>) -> u64 {
        count(rows, |at| self.word(part, sealed, at))
    }
}
