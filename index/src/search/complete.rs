//! A scan of every row: by its L0 code where it has one, by its vector otherwise.

use super::found::Found;
use super::plan::Plan;
use super::rank::Keep;
use super::{pruning, scan};
use crate::codes::l0::query::MISS;
use crate::error::Error;
use crate::storage::state::Sealed;

impl Plan<'_> {
    /// Scans every row of the buffers and of the segments that `which` takes: by its code where it has one
    /// and the mode takes it, by its vector otherwise.
    pub(super) fn scan_all<K: Keep>(
        &self,
        vectors: &[&[f32]],
        which: impl Fn(&Sealed) -> bool,
        new: &(impl Fn() -> K + Sync),
    ) -> Result<Complete<K>, Error> {
        let miss = self.miss.unwrap_or(MISS);
        let sources = pruning::sources(self.view, vectors, miss, &which, |coded| self.takes(coded))?;
        let others = |sealed: &_| which(sealed) && !sources.iter().any(|source| source.is(sealed));
        let mut found = scan::scan(self, vectors, others, new)?;
        if !sources.is_empty() {
            pruning::prune(self, vectors, &sources, new, &mut found)?;
        }
        let certain = sources.iter().all(pruning::CodedSegment::is_certain);
        Ok(Complete { found, by_codes: !sources.is_empty(), certain })
    }
}

/// What was found by looking at every row.
pub(super) struct Complete<K> {
    /// By each vector.
    pub(super) found: Vec<Found<K>>,
    pub(super) by_codes: bool,
    /// Whether bounds held for certain, not only nearly so.
    pub(super) certain: bool,
}
