//! Selections of rows of a view, and runs of selected rows.

use std::ops::Range;
use std::sync::Arc;

use super::view::View;
use crate::storage::state::State;

/// Selected live rows of one view, one bit a row. [`View::select`](crate::View::select) and
/// [`View::select_ids`](crate::View::select_ids) make one, and any number of searches of that view may use
/// it. Rows that are not selected are not scored, so that a search among few rows costs little.
#[derive(Clone)]
pub struct Selection {
    pub(crate) state: Arc<State>,
    /// For each part of the view, a word for 64 rows.
    words: Vec<Vec<u64>>,
    count: usize,
}

impl View {
    /// Selects the live rows whose id and group pass. Every row is tested once.
    pub fn select(&self, passes: impl FnMut(u64, u64) -> bool) -> Selection {
        Selection::filtered(&self.state, passes)
    }

    /// Selects the live rows with these ids. Unknown ids are skipped.
    pub fn select_ids(&self, ids: &[u64]) -> Selection {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        Selection::of_ids(&self.state, &ids)
    }
}

impl Selection {
    /// Every live row whose id and group pass.
    pub(crate) fn filtered(state: &Arc<State>, mut passes: impl FnMut(u64, u64) -> bool) -> Self {
        let mut selection = Self::none(state);
        for (number, (part, sealed)) in state.parts().enumerate() {
            for (row, (&id, &group)) in part.ids.iter().zip(part.groups).enumerate() {
                if !sealed.is_some_and(|sealed| sealed.is_dead(row)) && passes(id, group) {
                    selection.insert(number, row);
                }
            }
        }
        selection
    }

    /// The live rows with these ids, which ascend.
    pub(crate) fn of_ids(state: &Arc<State>, ids: &[u64]) -> Self {
        let mut selection = Self::none(state);
        for (number, (part, sealed)) in state.parts().enumerate() {
            part.find_each(ids, |_, row| {
                if !sealed.is_some_and(|sealed| sealed.is_dead(row)) {
                    selection.insert(number, row);
                }
            });
        }
        selection
    }

    fn none(state: &Arc<State>) -> Self {
        let words = state.parts().map(|(part, _)| vec![0; part.len().div_ceil(64)]).collect();
        Self { state: Arc::clone(state), words, count: 0 }
    }

    fn insert(&mut self, part: usize, row: usize) {
        self.words[part][row / 64] |= 1 << (row % 64);
        self.count += 1;
    }

    /// Rows in it.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no row is in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn contains(&self, part: usize, row: usize) -> bool {
        self.word(part, row / 64) & (1 << (row % 64)) != 0
    }

    pub(crate) fn word(&self, part: usize, at: usize) -> u64 {
        self.words.get(part).and_then(|words| words.get(at)).copied().unwrap_or(0)
    }
}

impl std::fmt::Debug for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Selection").field("rows", &self.count).finish_non_exhaustive()
    }
}

/// The longest runs of rows in `rows` whose bits are set; `word(i)` holds those of rows `64 * i` and up.
pub(crate) fn runs(rows: Range<usize>, word: impl Fn(usize) -> u64) -> impl Iterator<Item = Range<usize>> {
    let mut next = rows.start;
    std::iter::from_fn(move || {
        // The first row at or after `from` whose bit is `set`.
        let seek = |from: usize, set: bool| {
            let mut row = from;
            while row < rows.end {
                let bits = if set { word(row / 64) } else { !word(row / 64) };
                let ahead = (bits >> (row % 64)).trailing_zeros() as usize;
                let left = 64 - row % 64;
                if ahead < left {
                    return (row + ahead).min(rows.end);
                }
                row += left;
            }
            rows.end
        };
        let start = seek(next, true);
        next = seek(start, false);
        (start < rows.end).then_some(start..next)
    })
}

/// How many rows in `rows` have their bits set. Counting them by their [`runs`] took four times as long as
/// bounding them by their codes, where every second row was selected.
pub(crate) fn count(rows: Range<usize>, word: impl Fn(usize) -> u64) -> u64 {
    let bits = |at: usize| {
        let from = rows.start.saturating_sub(64 * at);
        let beyond = (64 * (at + 1)).saturating_sub(rows.end);
        word(at) >> from << from << beyond
    };
    (rows.start / 64..rows.end.div_ceil(64)).map(|at| u64::from(bits(at).count_ones())).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_the_set_bits(
            words in prop::collection::vec(prop_oneof![Just(0), Just(u64::MAX), any::<u64>()], 1..6),
            cut in (0usize..400, 0usize..400),
        ) {
            let bits = words.len() * 64;
            let range = cut.0.min(bits)..cut.1.min(bits);
            let set = |row: &usize| words[row / 64] & (1 << (row % 64)) != 0;
            let found: Vec<Range<usize>> = runs(range.clone(), |at| words[at]).collect();
            let rows: Vec<usize> = found.iter().cloned().flatten().collect();
            prop_assert_eq!(count(range.clone(), |at| words[at]), rows.len() as u64);
            prop_assert_eq!(rows, range.filter(set).collect::<Vec<_>>());
            prop_assert!(found.windows(2).all(|pair| pair[0].end < pair[1].start), "runs are as long as they can be");
        }
    }
}
