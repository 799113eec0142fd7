//! Building a small graph with hnsw_rs.
//!
//! Of hnsw_rs only insertion and its neighbour lists are used. Its lists hold more than edges: those above a
//! point's own layer are traces of descents, and a list may name points that do not reach its layer; both are
//! left out. It drops the farthest neighbour of a full list without asking whether anything else leads there,
//! and points that threads insert at the same time may never hear of each other.

use hnsw_rs::hnsw::Hnsw;
use hnsw_rs::prelude::Distance;

use super::{Built, Parameters, Points};
use crate::codes::sq8::Codes;
use crate::graph::{MAX_LAYERS, NONE};

/// `1 - score` of two rows, given by number, which rounding must not make negative: hnsw_rs asserts that. It
/// copies what it inserts, so it gets numbers; and codes are a quarter of the vectors to read, for the same
/// graph.
struct CodeDistance<'a>(Codes<'a>);

impl Distance<u32> for CodeDistance<'_> {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        (1.0 - self.0.pair(a[0] as usize, b[0] as usize)).max(0.0)
    }
}

/// Points that are inserted one after the other before threads insert the rest: the surroundings of all others.
const ALONE: usize = 1000;

/// Builds the graph of some points, and asks something of it before the last ones are in.
pub(super) fn build<T>(
    codes: Codes<'_>,
    points: Points,
    parameters: Parameters,
    ask: impl Fn(&Built) -> T,
) -> (Built, T) {
    let Points { order, next, last } = points;
    // Layers must be 16 for hnsw_rs; more than that are never needed.
    let distance = CodeDistance(codes);
    let hnsw = Hnsw::<u32, _>::new(parameters.degree, order.len(), MAX_LAYERS, parameters.width, distance);
    let given: Vec<(&[u32], usize)> = order.chunks(1).zip(0..).collect();
    // Of several first points, each would think it is the only one; and of a few, each misses most others.
    let (most, last) = given.split_at(given.len() - last);
    let (alone, rest) = most.split_at(most.len().min(ALONE));
    alone.iter().for_each(|&point| hnsw.insert_slice(point));
    hnsw.parallel_insert_slice(&rest.to_vec());
    let whole = || Lists::read(&hnsw, order.len()).flatten(&order, &next, parameters.degree);
    let said = ask(&whole());
    last.iter().for_each(|&point| hnsw.insert_slice(point));
    (whole(), said)
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
