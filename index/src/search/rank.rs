//! The hits that an answer keeps. All orders are total (score, then id, then group), so that a result does
//! not depend on how rows are split among threads.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::Hit;

/// Keeps the hits of one kind of search.
pub(super) trait Keep: Send + Sized {
    /// Rows that score less than this cannot be kept.
    fn cut(&self) -> f32;
    /// Whether the best score of all is asked for, also where it is below the threshold.
    fn wants_best(&self) -> bool {
        true
    }
    /// Considers a live row that passed the filter.
    fn offer(&mut self, hit: Hit);
    /// Takes over what another part of the same search kept.
    fn merge(self, other: Self) -> Self;
    /// The hits, best first.
    fn finish(self) -> Vec<Hit>;
}

/// Best first, equal scores by ascending id. What is salvaged may hold an id twice, in two groups.
fn by_rank(one: &Hit, other: &Hit) -> Ordering {
    other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)).then(one.group.cmp(&other.group))
}

/// A hit in a heap whose top is the worst.
#[derive(Debug, Clone, Copy)]
struct Ranked(Hit);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        by_rank(&self.0, &other.0)
    }
}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Ranked {}

/// The `k` best rows.
pub(super) struct Top {
    k: usize,
    heap: BinaryHeap<Ranked>,
}

impl Top {
    pub(super) fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }
}

impl Keep for Top {
    fn cut(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() >= self.k => worst.0.score,
            _ if self.k == 0 => f32::INFINITY,
            _ => f32::NEG_INFINITY,
        }
    }

    fn offer(&mut self, hit: Hit) {
        if self.heap.len() < self.k {
            self.heap.push(Ranked(hit));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && by_rank(&hit, &worst.0).is_lt()
        {
            *worst = Ranked(hit);
        }
    }

    fn merge(mut self, other: Self) -> Self {
        other.heap.into_iter().for_each(|hit| self.offer(hit.0));
        self
    }

    fn finish(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|hit| hit.0).collect()
    }
}

/// The best row of each of the `k` best groups. A group among the best overall is among the best of the part
/// that holds its best row, so each part may forget all others.
pub(super) struct TopGroups {
    k: usize,
    best: HashMap<u64, Hit>,
    cut: f32,
}

impl TopGroups {
    pub(super) fn new(k: usize) -> Self {
        Self { k, best: HashMap::new(), cut: if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY } }
    }

    /// Forgets all but the `k` best groups.
    fn prune(&mut self) {
        if self.k == 0 || self.best.len() <= self.k {
            return;
        }
        let mut hits: Vec<Hit> = self.best.values().copied().collect();
        let (_, last, _) = hits.select_nth_unstable_by(self.k - 1, by_rank);
        let last = *last;
        self.cut = last.score;
        self.best.retain(|_, hit| by_rank(hit, &last).is_le());
    }
}

impl Keep for TopGroups {
    fn cut(&self) -> f32 {
        self.cut
    }

    fn offer(&mut self, hit: Hit) {
        if self.k == 0 {
            return;
        }
        let best = self.best.entry(hit.group).or_insert(hit);
        if by_rank(&hit, best).is_lt() {
            *best = hit;
        }
        if self.best.len() >= self.k.saturating_mul(2).saturating_add(64) {
            self.prune();
        }
    }

    fn merge(mut self, other: Self) -> Self {
        other.best.into_values().for_each(|hit| self.offer(hit));
        self
    }

    fn finish(mut self) -> Vec<Hit> {
        self.prune();
        let mut hits: Vec<Hit> = self.best.into_values().collect();
        hits.sort_unstable_by(by_rank);
        hits
    }
}

/// Every row that reaches a score.
pub(super) struct Range {
    least: f32,
    best: bool,
    hits: Vec<Hit>,
}

impl Range {
    /// With the best score of all, if `best` says so.
    pub(super) fn new(least: f32, best: bool) -> Self {
        Self { least, best, hits: Vec::new() }
    }

    /// The hits in the order in which they were offered.
    pub(super) fn unordered(self) -> Vec<Hit> {
        self.hits
    }
}

impl Keep for Range {
    fn cut(&self) -> f32 {
        self.least
    }

    fn wants_best(&self) -> bool {
        self.best
    }

    fn offer(&mut self, hit: Hit) {
        if hit.score >= self.least {
            self.hits.push(hit);
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.hits.extend(other.hits);
        self
    }

    fn finish(mut self) -> Vec<Hit> {
        self.hits.sort_unstable_by(by_rank);
        self.hits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept<K: Keep>(parts: &[Vec<Hit>], new: impl Fn() -> K) -> Vec<Hit> {
        let keep = parts.iter().map(|part| {
            let mut keep = new();
            for hit in part {
                if hit.score >= keep.cut() {
                    keep.offer(*hit);
                }
            }
            keep
        });
        keep.reduce(K::merge).unwrap_or_else(new).finish()
    }

    #[test]
    fn an_id_in_two_groups_does_not_make_more_hits_than_were_asked_for() {
        let hit = |group| Hit { id: 7, group, score: 0.5 };
        let one_part = [vec![hit(3), hit(1), hit(2)]];
        let parts = one_part[0].iter().map(|&hit| vec![hit]).collect::<Vec<_>>();
        for parts in [&one_part[..], &parts] {
            assert_eq!(kept(parts, || TopGroups::new(1)), [hit(1)]);
            assert_eq!(kept(parts, || Top::new(2)), [hit(1), hit(2)]);
            assert_eq!(kept(parts, || Range::new(0.0, true)), [hit(1), hit(2), hit(3)]);
        }
    }

    proptest! {
        #[test]
        fn every_kind_agrees_with_sorting_everything(
            rows in prop::collection::vec((0u64..30, 0i8..12), 0..300),
            cuts in prop::collection::vec(0usize..300, 0..4),
            k in 0usize..40,
        ) {
            let hits: Vec<Hit> = rows
                .iter()
                .enumerate()
                .map(|(id, (group, score))| Hit { id: id as u64, group: *group, score: f32::from(*score) / 8.0 })
                .collect();
            let mut parts = vec![hits.clone()];
            for cut in cuts {
                let last = parts.pop().unwrap();
                let (one, other) = last.split_at(cut.min(last.len()));
                parts.extend([one.to_vec(), other.to_vec()]);
            }
            let mut all = hits;
            all.sort_by(by_rank);
            let mut seen = std::collections::HashSet::new();
            let groups: Vec<Hit> = all.iter().filter(|hit| seen.insert(hit.group)).take(k).copied().collect();
            let range: Vec<Hit> = all.iter().filter(|hit| hit.score >= 0.75).copied().collect();
            prop_assert_eq!(kept(&parts, || Top::new(k)), &all[..k.min(all.len())]);
            prop_assert_eq!(kept(&parts, || TopGroups::new(k)), groups);
            prop_assert_eq!(kept(&parts, || Range::new(0.75, false)), range);
        }
    }
}
