//! Beam search: greedy steps down to the lowest layer, then a beam in it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::visited::Visited;
use super::{Graph, Pool};
use crate::codes::kernels;
use crate::codes::ordered;
use crate::codes::sq8::{Codes, Sq8Query};

/// Nodes are evaluated in groups of this many, so that their codes arrive while others are computed.
const AHEAD: usize = 16;

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nearest {
    /// Approximate scores with admitted rows, best first, equal ones by row.
    pub(crate) rows: Vec<(f32, u32)>,
    /// Nodes that were compared with the query.
    pub(crate) evaluations: u64,
    /// Whether these are all admitted rows: the walk came to an end before the beam was full.
    pub(crate) exhausted: bool,
}

/// A node with its approximate score, as one number to compare. Higher scores are greater; of equal ones, the
/// lower node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scored(u64);

impl Scored {
    pub(super) fn new(score: f32, node: u32) -> Self {
        Self(u64::from(ordered::ordered(score)) << 32 | u64::from(!node))
    }

    pub(super) fn node(self) -> u32 {
        !(self.0 as u32)
    }

    pub(super) fn score(self) -> f32 {
        ordered::score((self.0 >> 32) as u32)
    }
}

/// A graph with what a search of it takes.
#[derive(Clone, Copy)]
pub(crate) struct Searchable<'a> {
    pub(crate) graph: Graph<'a>,
    pub(crate) codes: Codes<'a>,
    pub(crate) pool: &'a Pool,
}

impl Searchable<'_> {
    /// The best rows that a beam of `width` nodes finds. Rows that are not admitted are walked through and
    /// not returned; the beam counts only nodes with an admitted row, so a strict filter makes the walk
    /// longer, not the answer shorter. All rows of a node are returned. The same graph, query and filter give
    /// the same answer.
    pub(crate) fn search(&self, query: &Sq8Query, width: usize, admit: &dyn Fn(u32) -> bool) -> Nearest {
        let &Self { graph, codes, .. } = self;
        let width = width.clamp(1, graph.len()); // callers ask for any number, and memory is set aside for it
        let (nodes, evaluations) = self.nearest(query, width, admit);
        let exhausted = nodes.len() < width || width == graph.len();
        let mut rows: Vec<(f32, u32)> = Vec::with_capacity(nodes.len());
        for scored in nodes {
            // Rows of a node have the same code, but each a length of its own, within the tolerance of unit
            // vectors.
            let (first, score) = (graph.first[scored.node() as usize], scored.score());
            let own = |row| if row == first { score } else { codes.score(query, row as usize) };
            rows.extend(graph.rows(scored.node()).filter(|&row| admit(row)).map(|row| (own(row), row)));
        }
        rows.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        Nearest { rows, evaluations, exhausted }
    }

    /// The best nodes with an admitted row, at least one of them, best first, and how many were compared.
    pub(super) fn nearest(
        &self,
        query: &Sq8Query,
        width: usize,
        admit: &dyn Fn(u32) -> bool,
    ) -> (Vec<Scored>, u64) {
        let mut walk = self.walk(query);
        let root = walk.score(0);
        let entry = walk.descend(root, 0);
        (walk.sorted_beam(0, [root, entry], width, admit), walk.evaluations)
    }

    /// The best nodes that a beam in one layer finds, best first. Only nodes with an in-degree above 0 are
    /// found. The layers above say where to begin, or node 0 is the beginning.
    pub(super) fn near(&self, layer: usize, query: &Sq8Query, width: usize, from_above: bool) -> Vec<Scored> {
        let mut walk = self.walk(query);
        let root = walk.score(0);
        let entry = if from_above { walk.descend(root, layer) } else { root };
        walk.sorted_beam(layer, [root, entry], width, &|_| true)
    }

    fn walk<'a>(&'a self, query: &'a Sq8Query) -> Walk<'a> {
        Walk { searchable: self, query, evaluations: 0 }
    }
}

struct Walk<'a> {
    searchable: &'a Searchable<'a>,
    query: &'a Sq8Query,
    evaluations: u64,
}

impl Walk<'_> {
    fn score(&mut self, node: u32) -> Scored {
        self.evaluations += 1;
        let Searchable { graph, codes, .. } = self.searchable;
        Scored::new(codes.score(self.query, graph.row(node)), node)
    }

    /// From node 0 to the best node that greedy steps reach in the layers above one.
    fn descend(&mut self, root: Scored, to: usize) -> Scored {
        let graph = self.searchable.graph;
        let mut best = root;
        for layer in (to + 1..graph.counts.len()).rev() {
            loop {
                let here = best;
                for neighbour in graph.neighbours(layer, here.node()) {
                    best = best.max(self.score(neighbour));
                }
                if best == here {
                    break;
                }
            }
        }
        best
    }

    fn sorted_beam(
        &mut self,
        layer: usize,
        from: [Scored; 2],
        width: usize,
        admit: &dyn Fn(u32) -> bool,
    ) -> Vec<Scored> {
        let &Searchable { graph, pool, .. } = self.searchable;
        let beam = pool.with(graph.len(), |visited| self.beam(layer, from, width, admit, visited));
        beam.into_sorted_vec().into_iter().map(|scored| scored.0).collect()
    }

    /// The best nodes with an admitted row. In the lowest layer every node can be reached from node 0, which
    /// is among `from`: if fewer than `width` come back, there are no more.
    fn beam(
        &mut self,
        layer: usize,
        from: [Scored; 2],
        width: usize,
        admit: &dyn Fn(u32) -> bool,
        visited: &mut Visited,
    ) -> BinaryHeap<Reverse<Scored>> {
        let &Searchable { graph, codes, .. } = self.searchable;
        let admitted = |scored: Scored| graph.rows(scored.node()).any(admit);
        let mut beam = Beam { width, open: BinaryHeap::new(), kept: BinaryHeap::with_capacity(width + 1) };
        for scored in from {
            if visited.insert(scored.node()) {
                beam.offer(scored, admitted);
            }
        }
        let mut fresh: Vec<(u32, usize)> = Vec::with_capacity(2 * graph.degree);
        while let Some(nearest) = beam.next() {
            if let Some(next) = beam.open.peek() {
                kernels::prefetch(graph.list(layer, next.node()));
            }
            fresh.clear();
            for node in graph.neighbours(layer, nearest.node()) {
                if visited.insert(node) {
                    fresh.push((node, graph.row(node)));
                }
            }
            fresh.iter().take(AHEAD).for_each(|&(_, row)| codes.prefetch(row));
            for (at, &(node, row)) in fresh.iter().enumerate() {
                if let Some(&(_, later)) = fresh.get(at + AHEAD) {
                    codes.prefetch(later);
                }
                beam.offer(Scored::new(codes.score(self.query, row), node), admitted);
            }
            self.evaluations += fresh.len() as u64;
        }
        beam.kept
    }
}

/// Where a search may go on, and the best that it found.
struct Beam {
    width: usize,
    open: BinaryHeap<Scored>,
    kept: BinaryHeap<Reverse<Scored>>,
}

impl Beam {
    /// Whether as many are kept as asked for, and all are better.
    fn excludes(&self, scored: Scored) -> bool {
        self.kept.len() == self.width && self.kept.peek().is_some_and(|worst| scored < worst.0)
    }

    fn offer(&mut self, scored: Scored, admitted: impl Fn(Scored) -> bool) {
        if self.excludes(scored) {
            return;
        }
        self.open.push(scored);
        if !admitted(scored) {
            return;
        }
        if self.kept.len() == self.width {
            self.kept.pop();
        }
        self.kept.push(Reverse(scored));
    }

    /// The best node to expand next; `None` once it could not improve the beam.
    fn next(&mut self) -> Option<Scored> {
        self.open.pop().filter(|&nearest| !self.excludes(nearest))
    }
}
