//! Statistics of a graph: its shape, and the recall and cost of searches.

use rayon::prelude::*;

use super::search::Scored;
use super::{Graph, NONE, Searchable};
use crate::report::{GraphStats, ProbeStats};

/// Widths of the beam that are tried.
pub(crate) const WIDTHS: [usize; 3] = [64, 256, 1024];
/// Points that are searched for before they are inserted, as long as there are many times more.
pub(crate) const PROBES: usize = 64;
/// Nodes nearest to them that should be found.
const NEAREST: usize = 10;

impl Graph<'_> {
    /// What follows from the bytes of a graph alone: everything but what repairs and searches said.
    pub(crate) fn shape(&self) -> GraphStats {
        let mut in_degrees = vec![0u64; self.len()];
        self.lowest.iter().filter(|&&node| node != NONE).for_each(|&node| in_degrees[node as usize] += 1);
        let mut reached = vec![false; self.len()];
        let mut open = vec![0];
        reached[0] = true;
        while let Some(node) = open.pop() {
            open.extend(
                self.neighbours(0, node)
                    .filter(|&next| !std::mem::replace(&mut reached[next as usize], true)),
            );
        }
        GraphStats {
            nodes: self.len() as u64,
            layers: self.counts.len() as u64,
            repaired: 0,
            unfound: 0,
            orphans: reached.iter().filter(|&&reached| !reached).count() as u64,
            least_in_degree: in_degrees.iter().copied().min().unwrap_or(0),
            most_in_degree: in_degrees.iter().copied().max().unwrap_or(0),
            mean_in_degree: in_degrees.iter().sum::<u64>() as f64 / in_degrees.len() as f64,
            probes: [ProbeStats::NONE; WIDTHS.len()],
        }
    }
}

impl Searchable<'_> {
    /// What searches find and cost for rows that are not in it.
    pub(crate) fn probe(&self, rows: &[usize]) -> [ProbeStats; WIDTHS.len()] {
        let found: Vec<[(usize, u64); WIDTHS.len()]> =
            rows.par_iter().map(|&row| self.probe_one(row)).collect();
        std::array::from_fn(|at| {
            let right: usize = found.iter().map(|probe| probe[at].0).sum();
            let evaluations: u64 = found.iter().map(|probe| probe[at].1).sum();
            ProbeStats {
                width: WIDTHS[at] as u64,
                recall: right as f64 / (NEAREST.min(self.graph.len()) * rows.len()) as f64,
                evaluations: evaluations as f64 / rows.len() as f64,
            }
        })
    }

    /// For each width, how many of the nearest nodes are found, and how many are compared.
    fn probe_one(&self, row: usize) -> [(usize, u64); WIDTHS.len()] {
        let &Self { graph, codes, .. } = self;
        let query = codes.query(row);
        let score = |node| Scored::new(codes.score(&query, graph.row(node)), node);
        let mut scores: Vec<Scored> = (0..graph.len() as u32).map(score).collect();
        let nearest = NEAREST.min(scores.len());
        if nearest < scores.len() {
            scores.select_nth_unstable_by(nearest, |one, other| other.cmp(one));
        }
        WIDTHS.map(|width| {
            let (found, evaluations) = self.nearest(&query, width, &|_| true);
            (scores[..nearest].iter().filter(|&scored| found.contains(scored)).count(), evaluations)
        })
    }
}
