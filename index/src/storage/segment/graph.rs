//! The graph sections of a segment.
//!
//! They are verified when the graph is first searched, not when the segment is opened.

use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use zerocopy::IntoBytes;

use super::layout::{GRAPH, GRAPH_FIRST, GRAPH_LOWEST, GRAPH_NEXT, GRAPH_UPPER, Section};
use super::reader::Segment;
use super::writer::SegmentWriter;
use crate::codes::sq8::Codes;
use crate::error::Error;
use crate::graph::build::{Built, Parameters, build};
use crate::graph::{Graph, MAX_LAYERS, Pool, Searchable};
use crate::report::GraphStats;
use crate::storage::file::damaged;

/// Where the sections of a graph lie.
pub(super) struct GraphSections {
    shape: Range<usize>,
    first: Range<usize>,
    next: Range<usize>,
    lowest: Range<usize>,
    upper: Range<usize>,
    proven: OnceLock<Result<(), &'static str>>,
    pool: Pool,
}

/// Degree, then the nodes of each layer.
const SHAPE: usize = 1;

/// Builds the graph of some rows and writes it. Returns what is worth knowing of it.
pub(super) fn write(
    writer: &mut SegmentWriter<'_>,
    codes: Codes<'_>,
    parameters: Parameters,
) -> Result<GraphStats, Error> {
    let started = Instant::now();
    let (built, stats) = build(codes, parameters, writer.tick())?;
    tracing::debug!(?stats, seconds = started.elapsed().as_secs_f64(), "a graph was built");
    let Built { degree, counts, first, next, lowest, upper } = &built;
    let shape: Vec<u32> = [*degree as u32].iter().chain(counts).copied().collect();
    let mut section = |kind, bytes: &[u8]| writer.section(kind, |writer| writer.push(bytes));
    section(GRAPH, shape.as_bytes())?;
    section(GRAPH_FIRST, first.as_bytes())?;
    section(GRAPH_NEXT, next.as_bytes())?;
    section(GRAPH_LOWEST, lowest.as_bytes())?;
    section(GRAPH_UPPER, upper.as_bytes())?;
    Ok(stats)
}

impl GraphSections {
    /// Finds the sections; `None` if there is no graph.
    pub(super) fn find(sections: &[Section], rows: usize, path: &Path) -> Result<Option<Self>, Error> {
        if !sections.iter().any(|section| section.kind == GRAPH) {
            return Ok(None);
        }
        let range = |kind: u32, width: usize, elements: Option<usize>| {
            let found = sections.iter().find(|section| section.kind == kind);
            let range = found.map(Section::range);
            let fits = |range: &Range<usize>| {
                range.len().is_multiple_of(width)
                    && elements.is_none_or(|elements| elements.checked_mul(width) == Some(range.len()))
            };
            range.filter(fits).ok_or_else(|| {
                let offset = found.map_or(0, |section| section.offset);
                damaged(path, offset, format!("section {kind} of a graph of {rows} rows"), "another length")
            })
        };
        Ok(Some(Self {
            shape: range(GRAPH, 4, None)?,
            first: range(GRAPH_FIRST, 4, None)?,
            next: range(GRAPH_NEXT, 4, Some(rows))?,
            lowest: range(GRAPH_LOWEST, 4, None)?,
            upper: range(GRAPH_UPPER, 4, None)?,
            proven: OnceLock::new(),
            pool: Pool::default(),
        }))
    }

    pub(super) fn ranges(&self) -> [&Range<usize>; 5] {
        [&self.shape, &self.first, &self.next, &self.lowest, &self.upper]
    }
}

impl Segment {
    /// Whether it has a graph.
    pub(crate) fn has_graph(&self) -> bool {
        self.graph.is_some()
    }

    /// The graph, verified; `None` if there is none.
    pub(crate) fn searchable(&self) -> Result<Option<Searchable<'_>>, Error> {
        let Some(sections) = &self.graph else { return Ok(None) };
        let GraphSections { shape, first, next, lowest, upper, .. } = sections;
        if sections.proven.get().is_none() {
            for bytes in [&self.codes, &self.scales].into_iter().chain(sections.ranges()) {
                self.verify_bytes(bytes.clone())?;
            }
        }
        let shape_of = self.elements::<u32>(shape);
        let unsound =
            |what: &str| damaged(self.path(), shape.start, format!("a graph with {what}"), "another");
        if !(SHAPE + 1..=SHAPE + MAX_LAYERS).contains(&shape_of.len()) {
            return Err(unsound("1 to 16 layers"));
        }
        let graph = Graph {
            degree: shape_of[0] as usize,
            counts: &shape_of[SHAPE..],
            first: self.elements(first),
            next: self.elements(next),
            lowest: self.elements(lowest),
            upper: self.elements(upper),
        };
        sections.proven.get_or_init(|| graph.prove()).map_err(unsound)?;
        // Answers are called complete because of this.
        if self.stats().graph.is_none_or(|stats| stats.orphans > 0) {
            return Err(unsound("every node in reach"));
        }
        Ok(Some(Searchable { graph, codes: self.codes(), pool: &sections.pool }))
    }
}
