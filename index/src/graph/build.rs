//! Building a graph with hnsw_rs, and making it whole.
//!
//! Of hnsw_rs only insertion and its neighbour lists are used. Its lists hold more than edges: those above a point's own
//! layer are traces of descents, and a list may name points that do not reach its layer; both are left out. It
//! drops the farthest neighbour of a full list without asking whether anything else leads there, and points that threads
//! insert at the same time may never hear of each other. So afterwards every node is looked for, first by any path, then by
//! a search as readers do it, and linked from where the search ended if it was not found: a vector that cannot be
//! found is worse than a longer list.
//!
//! Only codes are looked at, as in a search: there is one node for each distinct code.

use std::collections::HashMap;

use hnsw_rs::hnsw::Hnsw;
use hnsw_rs::prelude::Distance;

use super::measure;
use super::repair::{Repair, Repaired};
use super::{Graph, MAX_LAYERS, NONE, Pool, Searchable};
use crate::background;
use crate::report::{GraphStats, ProbeStats};
use crate::sq8::Codes;

/// How a graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// Neighbours in layers above the lowest ("M"); twice as many in the lowest.
    pub(crate) degree: usize,
    /// Width of the beam that looks for neighbours ("efConstruction").
    pub(crate) width: usize,
}

/// A graph in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Built {
    pub(crate) degree: usize,
    pub(crate) counts: Vec<u32>,
    pub(crate) first: Vec<u32>,
    pub(crate) next: Vec<u32>,
    pub(crate) lowest: Vec<u32>,
    pub(crate) upper: Vec<u32>,
}

/// `1 - score` of two rows, given by number, which rounding must not make negative: hnsw_rs asserts that. It copies what it
/// inserts, so it gets numbers; and codes are a quarter of the vectors to read, for the same graph.
struct CodeDistance<'a>(Codes<'a>);

impl Distance<u32> for CodeDistance<'_> {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        (1.0 - self.0.pair(a[0] as usize, b[0] as usize)).max(0.0)
    }
}

/// Points that are inserted one after the other before threads insert the rest: the surroundings of all others.
const ALONE: usize = 1000;

/// Builds the graph of some codes of unit vectors, and measures it. There must be at least one.
pub(crate) fn build(codes: Codes<'_>, parameters: Parameters) -> (Built, GraphStats) {
    background::run(|| build_here(codes, parameters))
}

fn build_here(codes: Codes<'_>, parameters: Parameters) -> (Built, GraphStats) {
    let Distinct { first, next } = Distinct::new(codes);
    // Layers must be 16 for hnsw_rs; more than that are never needed.
    let distance = CodeDistance(codes);
    let hnsw = Hnsw::<u32, _>::new(parameters.degree, first.len(), MAX_LAYERS, parameters.width, distance);
    // Rows of a group lie together and look alike; in no order, each finds the others' surroundings already there.
    let mut order: Vec<usize> = (0..first.len()).collect();
    order.sort_unstable_by_key(|&at| (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let points: Vec<(&[u32], usize)> = order.iter().map(|&at| (&first[at..=at], at)).collect();
    // Of several first points, each would think it is the only one; and of a few, each misses most others.
    let (most, probes) = points.split_at(points.len() - measure::PROBES.min(points.len() / 16));
    let (alone, rest) = most.split_at(most.len().min(ALONE));
    alone.iter().for_each(|&point| hnsw.insert_slice(point));
    hnsw.parallel_insert_slice(&rest.to_vec());
    let whole = |hnsw: &_| Lists::read(hnsw, first.len()).flatten(&first, &next, parameters.degree);
    let rows: Vec<usize> = probes.iter().map(|(row, _)| row[0] as usize).collect();
    let searches = if rows.is_empty() { [ProbeStats::NONE; 3] } else { probe(&whole(&hnsw), codes, &rows) };
    probes.iter().for_each(|&point| hnsw.insert_slice(point));
    let mut built = whole(&hnsw);
    drop(hnsw);
    let Repaired { repaired, unfound } = Repair::new(&built).run(&mut built, codes);
    let stats = GraphStats { repaired, unfound, probes: searches, ..built.graph().shape() };
    (built, stats)
}

fn probe(built: &Built, codes: Codes<'_>, rows: &[usize]) -> [ProbeStats; 3] {
    Searchable { graph: built.graph(), codes, pool: &Pool::default() }.probe(rows)
}

/// Rows by their codes.
struct Distinct {
    /// The first row of each code, ascending.
    first: Vec<u32>,
    /// For each row, the next one with the same code.
    next: Vec<u32>,
}

impl Distinct {
    fn new(codes: Codes<'_>) -> Self {
        let rows = codes.scales.len();
        let mut last: HashMap<&[i8], u32> = HashMap::with_capacity(rows);
        let mut distinct = Self { first: Vec::new(), next: vec![NONE; rows] };
        for row in 0..rows as u32 {
            match last.insert(codes.code(row as usize), row) {
                Some(before) => distinct.next[before as usize] = row,
                None => distinct.first.push(row),
            }
        }
        distinct
    }
}

/// What hnsw_rs built: the points by descending top layer, and their neighbours.
struct Lists {
    /// Points by node number.
    order: Vec<u32>,
    /// Nodes of each layer.
    counts: Vec<u32>,
    /// For each node, neighbours in each of its layers, nearest first.
    neighbours: Vec<Vec<Vec<u32>>>,
}

impl Lists {
    fn read(hnsw: &Hnsw<'_, u32, CodeDistance<'_>>, points: usize) -> Self {
        let layers = hnsw.get_max_level_observed() as usize + 1;
        let index = hnsw.get_point_indexation();
        let mut order = Vec::with_capacity(points);
        let mut lists: Vec<Vec<Vec<u32>>> = Vec::with_capacity(points);
        let mut counts = vec![0; layers];
        for layer in (0..layers).rev() {
            let mut found: Vec<_> = index.get_layer_iterator(layer).collect();
            // Insertion is parallel: within a layer, the order of the rows is the one that can be repeated.
            found.sort_unstable_by_key(|point| point.get_origin_id());
            for point in found {
                order.push(point.get_origin_id() as u32);
                let of_layer = |list: Vec<hnsw_rs::prelude::Neighbour>, at: usize| {
                    let here = list.iter().filter(|neighbour| usize::from(neighbour.p_id.0) >= at);
                    here.map(|neighbour| neighbour.d_id as u32).collect()
                };
                let own = point.get_neighborhood_id().into_iter().take(layer + 1).enumerate();
                lists.push(own.map(|(at, list)| of_layer(list, at)).collect());
            }
            counts[layer] = order.len() as u32;
        }
        let mut node_of = vec![0; points];
        (0..).zip(&order).for_each(|(node, &point)| node_of[point as usize] = node);
        for list in lists.iter_mut().flatten().flatten() {
            *list = node_of[*list as usize];
        }
        Self { order, counts, neighbours: lists }
    }

    fn flatten(&self, first: &[u32], next: &[u32], degree: usize) -> Built {
        let first = self.order.iter().map(|&point| first[point as usize]).collect();
        let mut built =
            Built { degree, counts: self.counts.clone(), first, next: next.to_vec(), ..Built::default() };
        for (layer, &count) in self.counts.iter().enumerate() {
            let (stride, into) = match layer {
                0 => (2 * degree, &mut built.lowest),
                _ => (degree, &mut built.upper),
            };
            for node in 0..count {
                let mut list: Vec<u32> = Vec::with_capacity(stride);
                for &neighbour in self.neighbours[node as usize].get(layer).into_iter().flatten() {
                    if neighbour != node
                        && neighbour < count
                        && !list.contains(&neighbour)
                        && list.len() < stride
                    {
                        list.push(neighbour);
                    }
                }
                list.resize(stride, NONE);
                into.extend(list);
            }
        }
        built
    }
}

impl Built {
    /// The graph as it is searched.
    pub(crate) fn graph(&self) -> Graph<'_> {
        let Self { degree, counts, first, next, lowest, upper } = self;
        Graph { degree: *degree, counts, first, next, lowest, upper }
    }
}
