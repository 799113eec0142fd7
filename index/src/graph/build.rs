//! Building a graph.
//!
//! A small graph is built by hnsw_rs and a large one in batches. Afterwards every node is searched for:
//! first by reachability, then by a beam search as readers do it. A node that is not found is linked from
//! the place where the search ended, even if a neighbour list grows: a vector that cannot be found is worse
//! than a longer list.
//!
//! Graphs are built over SQ8 codes, as they are searched. There is one node for each distinct code.

mod batches;
#[cfg(feature = "graph")]
mod insertion;

use std::collections::HashMap;

use super::measure;
use super::repair::{Repair, Repaired};
use super::{Graph, NONE, Pool, Searchable};
use crate::background::{self, Tick};
use crate::codes::sq8::Codes;
use crate::error::Error;
use crate::options::{GraphOptions, GraphWhen};
use crate::report::{GraphStats, ProbeStats};

/// How a graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// Neighbours in layers above the lowest ("M"); twice as many in the lowest.
    pub(crate) degree: usize,
    /// Width of the beam that looks for neighbours ("efConstruction").
    pub(crate) width: usize,
}

impl Parameters {
    /// How the graph of a segment with so many rows is built, if it gets one.
    pub(crate) fn wanted(options: &GraphOptions, rows: usize) -> Option<Self> {
        let wanted = match options.when {
            GraphWhen::Never => false,
            GraphWhen::Auto => rows >= 50_000,
            GraphWhen::Always => rows > 0,
        };
        wanted.then_some(Self { degree: options.degree.into(), width: options.build_width.into() })
    }
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

/// Who builds a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builder {
    /// hnsw_rs.
    #[cfg(feature = "graph")]
    Insertion,
    /// This crate.
    Batches,
}

/// Points that hnsw_rs is asked to build a graph of, at most. 4,096 face-like rows take it a second, and
/// searches find as many with as many comparisons; 30,000 take three times as long as in batches, and 100,000
/// five times.
#[cfg(feature = "graph")]
const SMALL: usize = 4096;

#[cfg(feature = "graph")]
fn builder(points: usize) -> Builder {
    if points <= SMALL { Builder::Insertion } else { Builder::Batches }
}

#[cfg(not(feature = "graph"))]
fn builder(_: usize) -> Builder {
    Builder::Batches
}

/// Builds the graph of some codes of unit vectors, and measures it. There must be at least one.
///
/// # Errors
/// Only that of `tick`, which is called every now and then and may so put an end to it.
pub(crate) fn build(
    codes: Codes<'_>,
    parameters: Parameters,
    tick: Tick<'_>,
) -> Result<(Built, GraphStats), Error> {
    background::run(|| {
        let points = Points::new(codes);
        build_by(builder(points.order.len()), codes, points, parameters, tick)
    })
}

pub(super) fn build_by(
    builder: Builder,
    codes: Codes<'_>,
    points: Points,
    parameters: Parameters,
    tick: Tick<'_>,
) -> Result<(Built, GraphStats), Error> {
    let probes = &points.order[points.order.len() - points.last..];
    let probes: Vec<usize> = probes.iter().map(|&row| row as usize).collect();
    let probe = |built: &Built| match probes.is_empty() {
        true => [ProbeStats::NONE; 3],
        false => Searchable { graph: built.graph(), codes, pool: &Pool::default() }.probe(&probes),
    };
    let (mut built, searches) = match builder {
        #[cfg(feature = "graph")]
        Builder::Insertion => insertion::build(codes, points, parameters, probe),
        Builder::Batches => batches::build(codes, points, parameters, probe, tick)?,
    };
    let Repaired { repaired, unfound } = Repair::new(&built).run(&mut built, codes, tick)?;
    let stats = GraphStats { repaired, unfound, probes: searches, ..built.graph().shape() };
    Ok((built, stats))
}

/// Rows by their codes.
pub(super) struct Points {
    /// The first row of each code, in the order in which they are inserted.
    order: Vec<u32>,
    /// For each row, the next one with the same code.
    next: Vec<u32>,
    /// How many of them are to be searched for before they are inserted.
    last: usize,
}

impl Points {
    pub(super) fn new(codes: Codes<'_>) -> Self {
        let rows = codes.scales.len();
        let mut last: HashMap<&[i8], u32> = HashMap::with_capacity(rows);
        let (mut order, mut next) = (Vec::new(), vec![NONE; rows]);
        for row in 0..rows as u32 {
            match last.insert(codes.code(row as usize), row) {
                Some(before) => next[before as usize] = row,
                None => order.push(row),
            }
        }
        // Rows of a group lie together and look alike; in no order, each finds the others' surroundings
        // already there.
        order.sort_unstable_by_key(|&row| u64::from(row).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let last = measure::PROBES.min(order.len() / 16);
        Self { order, next, last }
    }
}

impl Built {
    /// The graph as it is searched.
    pub(crate) fn graph(&self) -> Graph<'_> {
        let Self { degree, counts, first, next, lowest, upper } = self;
        Graph { degree: *degree, counts, first, next, lowest, upper }
    }
}
