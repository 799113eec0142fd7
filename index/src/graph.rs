//! Approximate search: a hierarchical navigable small world graph (Malkov, Yashunin 2018) over the rows of a
//! segment.
//!
//! A graph is built when a segment is written, a small one by hnsw_rs and a large one in batches: see
//! [`build`]. Flat arrays of neighbours are what lies on disk and what is searched.
//!
//! Rows whose codes are identical share one node, as no search could tell them apart. Nodes are numbered by
//! descending top layer, so layer `l` is the nodes `0..counts[l]`, and node 0 is where every search enters.

pub(crate) mod build;
pub(crate) mod measure;
mod repair;
pub(crate) mod search;
mod visited;

#[cfg(all(test, feature = "graph"))]
mod tests;

use std::ops::Range;

pub(crate) use search::Searchable;
pub(crate) use visited::Pool;

/// What a missing neighbour is stored as.
const NONE: u32 = u32::MAX;
/// Layers a graph has, at most.
pub(crate) const MAX_LAYERS: usize = 16;

/// A graph where it lies: in a mapped segment, or just built. Only one that was [proven](Self::prove) may be
/// searched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Graph<'a> {
    /// Neighbours of a node in layers above the lowest; twice as many in the lowest.
    pub(crate) degree: usize,
    /// Nodes of each layer, the lowest first.
    pub(crate) counts: &'a [u32],
    /// The first row of each node.
    pub(crate) first: &'a [u32],
    /// For each row, the next one of its node.
    pub(crate) next: &'a [u32],
    /// `2 * degree` neighbours for each node.
    pub(crate) lowest: &'a [u32],
    /// `degree` neighbours for each node of layer 1, then of layer 2, and so on.
    pub(crate) upper: &'a [u32],
}

impl<'a> Graph<'a> {
    /// Proves that every number is in range, so that a search needs no further checks. The error says what
    /// was expected.
    pub(crate) fn prove(&self) -> Result<(), &'static str> {
        let &Self { degree, counts, first, next, lowest, upper } = self;
        let expect = |holds: bool, what: &'static str| if holds { Ok(()) } else { Err(what) };
        let nodes = counts.first().copied().unwrap_or(0) as usize;
        expect((1..=MAX_LAYERS).contains(&counts.len()), "1 to 16 layers")?;
        expect(counts.is_sorted_by(|a, b| a >= b) && !counts.contains(&0), "layers that shrink upwards")?;
        expect((1..=1024).contains(&degree), "a degree of 1 to 1024")?;
        expect(first.len() == nodes, "a row for each node")?;
        let mut seen = vec![false; next.len()];
        for &row in first.iter().chain(next).filter(|&&row| row != NONE) {
            let seen = seen.get_mut(row as usize).ok_or("rows of the segment")?;
            expect(!std::mem::replace(seen, true), "each row once")?;
        }
        expect(!seen.contains(&false) && !first.contains(&NONE), "a node for each row")?;
        // No chain is a circle, so each begins at a node.
        expect((0..).zip(next).all(|(row, &next)| next > row), "ascending rows in a node")?;
        let above: usize = counts[1..].iter().map(|&count| count as usize).sum();
        expect(lowest.len() == nodes * 2 * degree, "neighbours for each node of the lowest layer")?;
        expect(upper.len() == above * degree, "neighbours for each node of the upper layers")?;
        for (layer, &count) in counts.iter().enumerate() {
            for node in 0..count {
                let neighbours = self.list(layer, node);
                let end = neighbours.iter().position(|&n| n == NONE).unwrap_or(neighbours.len());
                expect(neighbours[..end].iter().all(|&n| n < count && n != node), "neighbours in the layer")?;
                expect(neighbours[end..].iter().all(|&n| n == NONE), "nothing behind the last neighbour")?;
            }
        }
        Ok(())
    }

    /// Nodes.
    pub(crate) fn len(&self) -> usize {
        self.counts[0] as usize
    }

    fn list(&self, layer: usize, node: u32) -> &'a [u32] {
        &(if layer == 0 { self.lowest } else { self.upper })[self.place(layer, node)]
    }

    /// Where in `lowest`, or for other layers in `upper`, the neighbours of a node lie.
    fn place(&self, layer: usize, node: u32) -> Range<usize> {
        let node = node as usize;
        if layer == 0 {
            return node * 2 * self.degree..(node + 1) * 2 * self.degree;
        }
        let below: usize = self.counts[1..layer].iter().map(|&count| count as usize).sum();
        (below + node) * self.degree..(below + node + 1) * self.degree
    }

    fn neighbours(&self, layer: usize, node: u32) -> impl Iterator<Item = u32> + 'a {
        self.list(layer, node).iter().copied().take_while(|&neighbour| neighbour != NONE)
    }

    /// The rows of a node, ascending.
    fn rows(&self, node: u32) -> impl Iterator<Item = u32> + 'a {
        let next = self.next;
        std::iter::successors(Some(self.first[node as usize]), move |&row| {
            Some(next[row as usize]).filter(|&row| row != NONE)
        })
    }

    /// The row whose code stands for a node.
    fn row(&self, node: u32) -> usize {
        self.first[node as usize] as usize
    }
}
