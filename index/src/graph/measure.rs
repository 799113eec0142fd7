//! What is worth knowing of a graph before it is searched.

use rayon::prelude::*;

use super::search::Scored;
use super::{Graph, NONE, Pool};
use crate::report::{GraphStats, ProbeStats};
use crate::sq8::Codes;

/// Widths of the beam that are tried.
pub(crate) const WIDTHS: [usize; 3] = [64, 256, 1024];
/// Nodes that are searched for.
const PROBES: usize = 64;
/// Their nearest others that should be found.
const NEAREST: usize = 10;

impl Graph<'_> {
    /// What follows from the bytes of a graph alone: everything but what repairs and searches said.
    pub(crate) fn shape(&self) -> GraphStats {
        let mut leads = vec![0u64; self.len()];
        self.lowest.iter().filter(|&&node| node != NONE).for_each(|&node| leads[node as usize] += 1);
        let mut reached = vec![false; self.len()];
        let mut open = vec![0];
        reached[0] = true;
        while let Some(node) = open.pop() {
            open.extend(
                self.neighbours(0, node)
                    .filter(|&next| !std::mem::replace(&mut reached[next as usize], true)),
            );
        }
        let none = ProbeStats { width: 0, recall: 0.0, evaluations: 0.0 };
        GraphStats {
            nodes: self.len() as u64,
            layers: self.counts.len() as u64,
            repaired: 0,
            unfound: 0,
            orphans: reached.iter().filter(|&&reached| !reached).count() as u64,
            least_leads: leads.iter().copied().min().unwrap_or(0),
            most_leads: leads.iter().copied().max().unwrap_or(0),
            mean_leads: leads.iter().sum::<u64>() as f64 / leads.len() as f64,
            probes: [none; WIDTHS.len()],
        }
    }

    /// What searches for the surroundings of some nodes find and cost.
    pub(crate) fn probe(&self, codes: Codes<'_>) -> [ProbeStats; WIDTHS.len()] {
        let step = self.len().div_ceil(PROBES);
        let nodes: Vec<u32> = (0..self.len() as u32).step_by(step).collect();
        let pool = Pool::default();
        let found: Vec<[(usize, u64); WIDTHS.len()]> =
            nodes.par_iter().map(|&node| self.probe_one(codes, node, &pool)).collect();
        let nearest = NEAREST.min(self.len() - 1) * nodes.len();
        std::array::from_fn(|at| {
            let right: usize = found.iter().map(|probe| probe[at].0).sum();
            let evaluations: u64 = found.iter().map(|probe| probe[at].1).sum();
            ProbeStats {
                width: WIDTHS[at] as u64,
                recall: if nearest == 0 { 1.0 } else { right as f64 / nearest as f64 },
                evaluations: evaluations as f64 / nodes.len() as f64,
            }
        })
    }

    /// For each width, how many of the nearest other nodes are found, and how many nodes are compared.
    fn probe_one(&self, codes: Codes<'_>, node: u32, pool: &Pool) -> [(usize, u64); WIDTHS.len()] {
        let query = codes.query(self.row(node));
        let others = (0..self.len() as u32).filter(|&other| other != node);
        let score = |other| Scored::new(codes.score(&query, self.row(other)), other);
        let mut scores: Vec<Scored> = others.map(score).collect();
        let nearest = NEAREST.min(scores.len());
        if nearest < scores.len() {
            scores.select_nth_unstable_by(nearest, |one, other| other.cmp(one));
        }
        WIDTHS.map(|width| {
            let (found, evaluations) = self.nearest(codes, &query, width, &|_| true, pool);
            (scores[..nearest].iter().filter(|&scored| found.contains(scored)).count(), evaluations)
        })
    }
}
