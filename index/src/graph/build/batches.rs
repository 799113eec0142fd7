//! Building a large graph in batches.
//!
//! All points of a batch look for their neighbours in the graph as it is before the batch, then what they
//! lead to is made to lead back to them, a point at a time (Manohar et al. 2024, ParlayANN, arXiv 2305.04359,
//! section 3). No thread waits for another, and the same codes give the same graph, however many threads
//! there are.
//!
//! Neighbours are chosen as in Malkov, Yashunin 2018, algorithm 4: the nearest first, and none that is nearer
//! to one already chosen. A list that was full is so made shorter than it may be, and has room for a while.

use std::ops::Range;

use rayon::prelude::*;

use super::{Built, Parameters, Points};
use crate::background::Tick;
use crate::codes::sq8::Codes;
use crate::error::Error;
use crate::graph::search::Scored;
use crate::graph::{MAX_LAYERS, NONE, Pool, Searchable};

/// Points of a batch, at most. Those of one batch learn of each other only through others, so they are few
/// among all.
const BATCH: u32 = 1024;
/// A batch is at most this part of what is there before.
const GROWTH: u32 = 16;

/// Builds the graph of some points, and asks something of it before the last ones are in.
pub(super) fn build<T>(
    codes: Codes<'_>,
    points: Points,
    parameters: Parameters,
    ask: impl Fn(&Built) -> T,
    tick: Tick<'_>,
) -> Result<(Built, T), Error> {
    let Points { order, next, last } = points;
    let nodes = order.len() as u32;
    let mut growing = Growing::new(codes, order, next, parameters, tick)?;
    growing.extend_to(nodes - last as u32)?;
    let said = ask(&growing.built);
    growing.extend_to(nodes)?;
    Ok((growing.built, said))
}

/// A graph that grows.
struct Growing<'a> {
    codes: Codes<'a>,
    width: usize,
    pool: Pool,
    /// Called after each batch.
    tick: Tick<'a>,
    built: Built,
}

impl<'a> Growing<'a> {
    /// A graph without any of the points `first`, in the order of which they will be added. The earlier, the
    /// more layers a point is in: layer `l` has `1 / degree^l` of them.
    fn new(
        codes: Codes<'a>,
        first: Vec<u32>,
        next: Vec<u32>,
        parameters: Parameters,
        tick: Tick<'a>,
    ) -> Result<Self, Error> {
        let Parameters { degree, width } = parameters;
        let mut counts = vec![first.len() as u32];
        while counts[counts.len() - 1] > degree as u32 && counts.len() < MAX_LAYERS {
            counts.push(counts[counts.len() - 1].div_ceil(degree as u32));
        }
        let above: u32 = counts[1..].iter().sum();
        let upper = vec![NONE; above as usize * degree];
        let built = Built { degree, counts, first, next, lowest: Vec::new(), upper };
        let mut growing = Self { codes, width, pool: Pool::default(), tick, built };
        for layer in (1..growing.built.counts.len()).rev() {
            growing.grow(layer, 1..growing.built.counts[layer])?;
        }
        growing.built.counts[0] = 0;
        Ok(growing)
    }

    /// Adds points to the lowest layer until it has so many.
    fn extend_to(&mut self, nodes: u32) -> Result<(), Error> {
        let before = self.built.counts[0];
        self.built.counts[0] = nodes;
        self.built.lowest.resize(nodes as usize * 2 * self.built.degree, NONE);
        self.grow(0, before.max(1)..nodes)
    }

    fn grow(&mut self, layer: usize, nodes: Range<u32>) -> Result<(), Error> {
        let mut there = nodes.start;
        while there < nodes.end {
            let batch = (there / GROWTH).clamp(1, BATCH).min(nodes.end - there);
            self.insert(layer, there..there + batch);
            there += batch;
            (self.tick)()?;
        }
        Ok(())
    }

    fn insert(&mut self, layer: usize, nodes: Range<u32>) {
        let chosen: Vec<Vec<u32>> =
            nodes.clone().into_par_iter().map(|node| self.look_for_neighbours(layer, node)).collect();
        let mut back: Vec<(u32, u32)> = Vec::new();
        for (node, chosen) in nodes.zip(chosen) {
            back.extend(chosen.iter().map(|&neighbour| (neighbour, node)));
            self.write(layer, node, &chosen);
        }
        back.sort_unstable();
        let longer: Vec<(u32, Vec<u32>)> = back
            .par_chunk_by(|one, other| one.0 == other.0)
            .map(|links| (links[0].0, self.lengthen(layer, links)))
            .collect();
        longer.iter().for_each(|(node, list)| self.write(layer, *node, list));
    }

    fn searchable(&self) -> Searchable<'_> {
        Searchable { graph: self.built.graph(), codes: self.codes, pool: &self.pool }
    }

    fn row(&self, node: u32) -> usize {
        self.built.first[node as usize] as usize
    }

    fn look_for_neighbours(&self, layer: usize, node: u32) -> Vec<u32> {
        let query = self.codes.query(self.row(node));
        // A point of the layer above would be led to itself, where nothing leads on yet.
        let above = self.built.counts.get(layer + 1).is_some_and(|&above| node >= above);
        let near = self.searchable().near(layer, &query, self.width, above);
        // As many as the list has place for: half of that, as in the paper, takes a third less time, but
        // searches then need more comparisons for the same recall.
        self.choose(&near, self.built.graph().place(layer, node).len())
    }

    /// The list of a point with what is to be added.
    fn lengthen(&self, layer: usize, links: &[(u32, u32)]) -> Vec<u32> {
        let node = links[0].0;
        let graph = self.built.graph();
        let most = graph.list(layer, node).len();
        let list = graph.neighbours(layer, node).chain(links.iter().map(|link| link.1));
        let near = |other: u32| Scored::new(self.codes.pair(self.row(node), self.row(other)), other);
        let mut near: Vec<Scored> = list.map(near).collect();
        near.sort_unstable_by(|one, other| other.cmp(one));
        match near.len() > most {
            true => self.choose(&near, most),
            false => near.into_iter().map(Scored::node).collect(),
        }
    }

    /// The nearest of some points, best first, that are not nearer to one chosen before.
    fn choose(&self, near: &[Scored], most: usize) -> Vec<u32> {
        let mut chosen: Vec<u32> = Vec::with_capacity(most);
        for candidate in near {
            let row = self.row(candidate.node());
            let nearer = |&other: &u32| self.codes.pair(row, self.row(other)) > candidate.score();
            if !chosen.iter().any(nearer) {
                chosen.push(candidate.node());
                if chosen.len() == most {
                    break;
                }
            }
        }
        chosen
    }

    fn write(&mut self, layer: usize, node: u32, neighbours: &[u32]) {
        let place = self.built.graph().place(layer, node);
        let into = if layer == 0 { &mut self.built.lowest } else { &mut self.built.upper };
        let (list, rest) = into[place].split_at_mut(neighbours.len());
        list.copy_from_slice(neighbours);
        rest.fill(NONE);
    }
}
