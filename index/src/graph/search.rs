//! Walking the graph: greedily down to the lowest layer, then a beam.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::visited::Visited;
use super::{Graph, Pool};
use crate::sq8::{Codes, Query};

/// Nodes are evaluated in groups of this many, so that their codes arrive while others are computed.
const AHEAD: usize = 8;

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// Approximate scores with admitted rows, best first, equal ones by row.
    pub(crate) rows: Vec<(f32, u32)>,
    /// Nodes that were compared with the query.
    pub(crate) evaluations: u64,
}

/// A node with its approximate score. Higher scores are greater; of equal ones, the lower node.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scored {
    score: f32,
    node: u32,
}

impl Eq for Scored {}
impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.node.cmp(&self.node))
    }
}
impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Graph<'_> {
    /// The best rows that a beam of `width` nodes finds. Rows that are not admitted are walked through and not
    /// returned; the beam counts only nodes with an admitted row, so a strict filter makes the walk longer, not the
    /// answer shorter. All rows of a node are returned. The same graph, query and filter give the same answer.
    pub(crate) fn search(
        &self,
        codes: Codes<'_>,
        query: &Query,
        width: usize,
        admit: &dyn Fn(u32) -> bool,
        pool: &Pool,
    ) -> Found {
        let width = width.clamp(1, self.len()); // callers ask for any number, and memory is set aside for it
        let mut walk = Walk { graph: *self, codes, query, evaluations: 0 };
        let entry = walk.descend();
        let beam = pool.with(self.len(), |visited| walk.beam(entry, width, admit, visited));
        let mut rows: Vec<(f32, u32)> = Vec::with_capacity(beam.len());
        for Reverse(Scored { score, node }) in beam {
            rows.extend(self.rows(node).iter().filter(|&&row| admit(row)).map(|&row| (score, row)));
        }
        rows.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        Found { rows, evaluations: walk.evaluations }
    }
}

struct Walk<'a> {
    graph: Graph<'a>,
    codes: Codes<'a>,
    query: &'a Query,
    evaluations: u64,
}

impl Walk<'_> {
    fn score(&mut self, node: u32) -> Scored {
        self.evaluations += 1;
        Scored { score: self.codes.score(self.query, self.graph.row(node)), node }
    }

    /// From node 0 to the best node that greedy steps reach in the layers above the lowest.
    fn descend(&mut self) -> Scored {
        let mut best = self.score(0);
        for layer in (1..self.graph.counts.len()).rev() {
            loop {
                let here = best.node;
                for neighbour in self.graph.neighbours(layer, here) {
                    best = best.max(self.score(neighbour));
                }
                if best.node == here {
                    break;
                }
            }
        }
        best
    }

    fn beam(
        &mut self,
        entry: Scored,
        width: usize,
        admit: &dyn Fn(u32) -> bool,
        visited: &mut Visited,
    ) -> BinaryHeap<Reverse<Scored>> {
        let admitted = |node: u32| self.graph.rows(node).iter().any(|&row| admit(row));
        let graph = self.graph;
        let mut open = BinaryHeap::from([entry]);
        let mut kept = BinaryHeap::with_capacity(width + 1);
        visited.insert(entry.node);
        if admitted(entry.node) {
            kept.push(Reverse(entry));
        }
        let mut fresh = Vec::with_capacity(2 * graph.degree);
        while let Some(nearest) = open.pop() {
            if kept.len() == width && kept.peek().is_some_and(|worst: &Reverse<Scored>| nearest < worst.0) {
                break;
            }
            fresh.clear();
            fresh.extend(graph.neighbours(0, nearest.node).filter(|&node| visited.insert(node)));
            fresh.iter().take(AHEAD).for_each(|&node| self.codes.prefetch(graph.row(node)));
            for at in 0..fresh.len() {
                if let Some(&later) = fresh.get(at + AHEAD) {
                    self.codes.prefetch(graph.row(later));
                }
                self.evaluations += 1;
                let node = fresh[at];
                let scored = Scored { score: self.codes.score(self.query, graph.row(node)), node };
                if kept.len() == width && kept.peek().is_some_and(|worst| scored < worst.0) {
                    continue;
                }
                open.push(scored);
                if graph.rows(node).iter().any(|&row| admit(row)) {
                    kept.push(Reverse(scored));
                    if kept.len() > width {
                        kept.pop();
                    }
                }
            }
        }
        kept
    }
}
