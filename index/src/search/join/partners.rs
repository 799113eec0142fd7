//! The best partners of each row among the pairs of a join.

use super::Pair;
use crate::search::view::View;

/// The `k` best partners of each row, in memory that does not grow with the number of pairs: for algorithms on graphs, such
/// as clustering. Give it the pairs of a [`Join`](super::Join) in any order; the result is the same.
///
/// Of partners with equal scores, those with lower ids are kept.
#[derive(Debug)]
pub struct Partners {
    k: usize,
    /// Of all live rows, ascending.
    ids: Vec<u64>,
    /// For each row, score and place of its partners. Up to twice `k`, of which the best are kept.
    best: Vec<Vec<(f32, u32)>>,
}

impl Partners {
    /// No pairs yet, for the rows of a view of fewer than 2^32 rows. At most `k` partners of each row are kept.
    pub fn new(view: &View, k: usize) -> Self {
        let mut ids: Vec<u64> = view.entries().map(|(id, _)| id).collect();
        ids.sort_unstable();
        let best = vec![Vec::new(); ids.len()];
        Self { k, ids, best }
    }

    /// Adds pairs. Those with a row that is not in the view are left out.
    pub fn add(&mut self, pairs: &[Pair]) {
        for pair in pairs {
            let [one, other] = pair.ids.map(|id| self.ids.binary_search(&id));
            if let (Ok(one), Ok(other)) = (one, other) {
                self.offer(one, (pair.score, other as u32));
                self.offer(other, (pair.score, one as u32));
            }
        }
    }

    fn offer(&mut self, row: usize, partner: (f32, u32)) {
        let best = &mut self.best[row];
        best.push(partner);
        if best.len() > 2 * self.k {
            best.select_nth_unstable_by(self.k, better);
            best.truncate(self.k);
        }
    }

    /// Each row that has partners, in ascending order of ids, with the ids and scores of its partners, best first. Of
    /// a pair, either row may have better partners than the other.
    pub fn finish(self) -> impl Iterator<Item = (u64, Vec<(u64, f32)>)> {
        let Self { k, ids, best } = self;
        best.into_iter().enumerate().filter(|(_, best)| !best.is_empty()).map(move |(row, mut best)| {
            best.sort_unstable_by(better);
            best.truncate(k);
            (ids[row], best.into_iter().map(|(score, at)| (ids[at as usize], score)).collect())
        })
    }
}

/// Highest score first, then lowest id.
fn better(one: &(f32, u32), other: &(f32, u32)) -> std::cmp::Ordering {
    other.0.total_cmp(&one.0).then(one.1.cmp(&other.1))
}
