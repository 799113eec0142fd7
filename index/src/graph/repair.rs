//! Repair of a built graph: every node becomes reachable, and searches find it.

use rayon::prelude::*;

use super::build::Built;
use super::search::Scored;
use super::{NONE, Pool, Searchable};
use crate::background::{self, Tick};
use crate::codes::sq8::Codes;
use crate::error::Error;

/// Lowest in-degree of a node, where its neighbours have room for it.
const LEADING: u32 = 4;
/// Width of the beam by which every node must be found.
const AUDIT_WIDTH: usize = 64;
/// Nodes at the end of a failed search that are linked to the node that it missed.
const AUDIT_LINKS: usize = 4;
/// Searches that are tried again after links were added.
const AUDIT_ROUNDS: usize = 4;

/// Nodes that are searched for in one go.
const AUDIT_CHUNK: usize = 4096;

/// What was done to a graph.
pub(super) struct Repaired {
    /// Nodes that had to be linked again.
    pub(super) repaired: u64,
    /// Nodes that a search of their own code did not find even then.
    pub(super) unfound: u64,
}

/// What is reached, and by which edges first: these are never given up, so no repair loses what another one
/// gained.
pub(super) struct Repair {
    stride: usize,
    reached: Vec<bool>,
    /// One for each place of the lowest layer's lists.
    kept: Vec<bool>,
}

impl Repair {
    pub(super) fn new(built: &Built) -> Self {
        Self {
            stride: 2 * built.degree,
            reached: vec![false; built.counts[0] as usize],
            kept: vec![false; built.lowest.len()],
        }
    }

    /// Links unreachable nodes, then nodes of low in-degree, then nodes that searches miss.
    pub(super) fn run(
        mut self,
        built: &mut Built,
        codes: Codes<'_>,
        tick: Tick<'_>,
    ) -> Result<Repaired, Error> {
        let mut repaired = self.reach_all(built, codes);
        self.raise_in_degrees(built);
        let pool = Pool::default();
        let mut looked_for: Vec<u32> = (0..built.counts[0]).collect();
        for _ in 0..AUDIT_ROUNDS {
            let missed = searchable(built, codes, &pool).missed(&looked_for, tick)?;
            for (node, ends) in &missed {
                let linked = ends.iter().filter(|&&end| self.link(built, end, *node)).count();
                repaired += u64::from(linked > 0);
            }
            looked_for = missed.into_iter().map(|(node, _)| node).collect();
            if looked_for.is_empty() {
                return Ok(Repaired { repaired, unfound: 0 });
            }
        }
        let unfound = searchable(built, codes, &pool).missed(&looked_for, tick)?.len() as u64;
        Ok(Repaired { repaired, unfound })
    }

    /// Links every node that the lowest layer does not reach from the entry from the nearest one that it does
    /// reach.
    fn reach_all(&mut self, built: &mut Built, codes: Codes<'_>) -> u64 {
        let nodes = built.counts[0];
        let row = |node: u32| built.first[node as usize] as usize;
        let mut lowest = std::mem::take(&mut built.lowest);
        self.spread(&lowest, vec![0]);
        let mut repaired = 0;
        for node in 0..nodes {
            if self.reached[node as usize] {
                continue;
            }
            repaired += 1;
            // Fewer edges are kept than there are nodes, so somewhere there is room.
            let near = |other: u32| Scored::new(codes.pair(row(node), row(other)), other);
            let known = (0..nodes).into_par_iter().filter(|&other| self.reached[other as usize]);
            let roomy = known.filter(|&other| self.place(&lowest, other, |_| true).is_some());
            let place = roomy.map(near).max().and_then(|from| self.place(&lowest, from.node(), |_| true));
            if let Some(place) = place {
                lowest[place] = node;
                self.kept[place] = true;
            }
            self.spread(&lowest, vec![node]);
        }
        built.lowest = lowest;
        repaired
    }

    /// Marks what is reached from some nodes, and by which edges.
    fn spread(&mut self, lowest: &[u32], mut open: Vec<u32>) {
        open.iter().for_each(|&node| self.reached[node as usize] = true);
        while let Some(node) = open.pop() {
            for at in self.list(node) {
                let next = lowest[at];
                if next != NONE && !std::mem::replace(&mut self.reached[next as usize], true) {
                    self.kept[at] = true;
                    open.push(next);
                }
            }
        }
    }

    fn list(&self, node: u32) -> std::ops::Range<usize> {
        node as usize * self.stride..(node as usize + 1) * self.stride
    }

    /// Where a node can take another neighbour: a free place, else the farthest that may be given up.
    fn place(&self, lowest: &[u32], from: u32, may_go: impl Fn(u32) -> bool) -> Option<usize> {
        let free = self.list(from).find(|&at| lowest[at] == NONE);
        free.or_else(|| self.list(from).rev().find(|&at| !self.kept[at] && may_go(lowest[at])))
    }

    /// Adds a permanent edge from one node to another, and one back if there is room. Returns whether the
    /// first is new.
    fn link(&mut self, built: &mut Built, from: u32, to: u32) -> bool {
        if from == to || built.lowest[self.list(from)].contains(&to) {
            return false;
        }
        let Some(place) = self.place(&built.lowest, from, |_| true) else { return false };
        built.lowest[place] = to;
        self.kept[place] = true;
        if !built.lowest[self.list(to)].contains(&from)
            && let Some(place) = self.place(&built.lowest, to, |_| false)
        {
            built.lowest[place] = from;
        }
        true
    }

    /// Adds edges back to nodes of low in-degree, in the place of edges to nodes of high in-degree.
    fn raise_in_degrees(&self, built: &mut Built) {
        let mut degrees = vec![0u32; built.counts[0] as usize];
        built.lowest.iter().filter(|&&node| node != NONE).for_each(|&node| degrees[node as usize] += 1);
        for node in 0..built.counts[0] {
            for at in self.list(node) {
                let neighbour = built.lowest[at];
                if degrees[node as usize] >= LEADING || neighbour == NONE {
                    break;
                }
                if built.lowest[self.list(neighbour)].contains(&node) {
                    continue;
                }
                let often = |other: u32| degrees[other as usize] > 4 * LEADING;
                if let Some(place) = self.place(&built.lowest, neighbour, often) {
                    let gone = std::mem::replace(&mut built.lowest[place], node);
                    if gone != NONE {
                        degrees[gone as usize] -= 1;
                    }
                    degrees[node as usize] += 1;
                }
            }
        }
    }
}

fn searchable<'a>(built: &'a Built, codes: Codes<'a>, pool: &'a Pool) -> Searchable<'a> {
    Searchable { graph: built.graph(), codes, pool }
}

impl Searchable<'_> {
    /// How many nodes a search of their own code does not find.
    pub(crate) fn unfound(&self) -> Result<u64, Error> {
        let all: Vec<u32> = (0..self.graph.len() as u32).collect();
        background::run(|| Ok(self.missed(&all, &|| Ok(()))?.len() as u64))
    }

    /// Those of some nodes that a search of their own code does not find, each with the nodes where it ended.
    fn missed(&self, of: &[u32], tick: Tick<'_>) -> Result<Vec<(u32, Vec<u32>)>, Error> {
        let miss = |node: u32| {
            let query = self.codes.query(self.graph.row(node));
            let (found, _) = self.nearest(&query, AUDIT_WIDTH, &|_| true);
            let mut found: Vec<u32> = found.into_iter().map(Scored::node).collect();
            let missed = !found.contains(&node);
            found.truncate(AUDIT_LINKS);
            missed.then_some((node, found))
        };
        let mut all = Vec::new();
        for some in of.chunks(AUDIT_CHUNK) {
            all.par_extend(some.par_iter().filter_map(|&node| miss(node)));
            tick()?;
        }
        Ok(all)
    }
}
