//! The candidates of a search: rows whose upper bound reaches the threshold and whose score is not known
//! yet.

use rayon::prelude::*;

use super::{ALONE, CodedSegment, Probe};
use crate::error::Error;

/// Candidates that are collected before those are dropped that a higher threshold or their second bits rule
/// out: as many as fit a cache.
const MANY: usize = 4096;
/// Second bits are fetched so many candidates before they are needed: as many as are on their way from memory
/// at a time.
const FAR_AHEAD: usize = 32;

/// A row whose score may reach the threshold.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    pub(super) upper: f32,
    pub(super) source: u32,
    pub(super) row: u32,
    /// Of its L0 code: what its second bits add to.
    pub(super) sum: i32,
}

/// The candidates of one query.
pub(super) struct Candidates {
    candidates: Vec<Candidate>,
    /// So many of them, the first, are bounded by their second bits already.
    narrowed: usize,
    /// How many there may be until it is looked which of them still are any.
    limit: usize,
}

impl Candidates {
    pub(super) fn new() -> Self {
        Self { candidates: Vec::new(), narrowed: 0, limit: MANY }
    }

    pub(super) fn push(&mut self, candidate: Candidate) {
        self.candidates.push(candidate);
    }

    /// Drops those that the threshold rules out, if there are many.
    pub(super) fn drop_below(&mut self, cut: f32, probe: &Probe<'_>) -> Result<(), Error> {
        if self.candidates.len() >= self.limit {
            self.narrow_all(cut, probe, |new| narrow(probe, new))?;
            self.limit = (2 * self.candidates.len()).max(MANY);
        }
        Ok(())
    }

    /// Those that are left at this threshold.
    pub(super) fn rest(mut self, cut: f32, probe: &Probe<'_>) -> Result<Vec<Candidate>, Error> {
        let by_all_threads = |new: &mut [Candidate]| {
            let least = probe.plan.least_pieces(new.len().div_ceil(ALONE));
            new.par_chunks_mut(ALONE).with_min_len(least).try_for_each(|some| narrow(probe, some))
        };
        self.narrow_all(cut, probe, by_all_threads)?;
        Ok(self.candidates)
    }

    /// Leaves those whose bounds, by all bits that there are, reach the threshold; `narrow_new` lowers the
    /// bounds of new ones.
    fn narrow_all(
        &mut self,
        cut: f32,
        probe: &Probe<'_>,
        narrow_new: impl FnOnce(&mut [Candidate]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let reaches = |candidate: &Candidate| candidate.upper >= cut;
        let old = self.candidates[..self.narrowed].iter().filter(|candidate| reaches(candidate)).count();
        self.candidates.retain(reaches);
        if probe.sources.iter().any(|source| source.coded.has_second()) {
            narrow_new(&mut self.candidates[old..])?;
            self.candidates.retain(reaches);
        }
        self.narrowed = self.candidates.len();
        Ok(())
    }

    pub(super) fn merge(mut self, mut other: Self) -> Self {
        let new = self.candidates.split_off(self.narrowed);
        let narrowed = self.narrowed + other.narrowed;
        self.candidates.append(&mut other.candidates);
        self.candidates.extend(new);
        Self { candidates: self.candidates, narrowed, limit: self.limit.max(other.limit) }
    }
}

/// Lowers what some candidates score at most to what their second bits leave of it.
fn narrow(probe: &Probe<'_>, candidates: &mut [Candidate]) -> Result<(), Error> {
    let sources = probe.sources;
    let fetch = |candidate: &Candidate| {
        sources[candidate.source as usize].coded.prefetch_second(candidate.row as usize);
    };
    candidates.iter().take(FAR_AHEAD).for_each(fetch);
    for now in 0..candidates.len() {
        candidates.get(now + FAR_AHEAD).into_iter().for_each(fetch);
        let Candidate { upper, source, row, sum } = &mut candidates[now];
        let CodedSegment { coded, queries, .. } = &sources[*source as usize];
        let query = &queries[probe.number];
        match (&query.second, coded.second(*row as usize)) {
            (Some(second), Ok(Some(bits))) => {
                let (estimate, reach) = query.by_both(second, *sum, bits);
                *upper = upper.min(estimate + reach);
            }
            (_, Err(error)) => probe.view.tolerate(error)?,
            _ => {}
        }
    }
    Ok(())
}
