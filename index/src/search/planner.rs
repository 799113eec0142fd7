//! The planner: it compares the expected costs of the ways to search.
//!
//! Searches are bound by memory. A cost is therefore the number of bytes read times the time that this
//! processor takes for one ([`Costs`]). Vectors and codes are read in order. Graph nodes and candidates are
//! read in random order.

use super::Mode;
use super::costs::Costs;
use super::plan::Plan;
use crate::codes::l0::ROWS;
use crate::codes::l0::train::DEVIATIONS;
use crate::report::ProbeStats;
use crate::storage::segment::l0::Coded;
use crate::storage::state::Sealed;

/// How scores deviate in a segment of one group, where it is not measured.
const DEVIATION: f64 = 0.08;
/// How many times as long as fetching rows that are known beforehand a node of a graph takes: where to go
/// next is known late. As measured, 1.2 in a graph of 200,000 x 192, much of which a cache holds, and 2.5 in
/// one of a million.
const WALK: f64 = 1.8;
/// The warm-up of a search by codes: the time until its threshold is nearly final, in rows fetched: 0.05 ms,
/// where 0.03 to 0.07 were measured.
const WARM_UP: f64 = 2000.0;
/// The fixed cost of a search.
const BEGIN: f64 = 10_000.0;

/// The expected cost of one way of searching; from [`Query::explain`](super::Query::explain).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Cost {
    /// The way.
    pub mode: Mode,
    /// Milliseconds for one vector on one thread.
    pub milliseconds: f64,
    /// Whether [`Mode::Auto`] takes it.
    pub chosen: bool,
}

impl Plan<'_> {
    /// What the ways cost that give an answer as certain as asked for; the one that [`Mode::Auto`] takes is
    /// marked.
    pub(super) fn costs(&self, costs: Costs) -> Vec<Cost> {
        let mut found = vec![(Mode::Exact, self.exact(costs))];
        found.extend(self.by_codes(costs).map(|cost| (Mode::Scan, cost)));
        found.extend(self.by_graph(costs));
        let quickest = || (0..found.len()).min_by(|&one, &other| found[one].1.total_cmp(&found[other].1));
        let chosen = if self.is_obvious() { Some(found.len() - 1) } else { quickest() };
        let cost = |(at, (mode, cost)): (usize, (Mode, f64))| Cost {
            mode,
            milliseconds: (cost + BEGIN) / 1e6,
            chosen: Some(at) == chosen,
        };
        found.iter().copied().enumerate().map(cost).collect()
    }

    /// Whether there is nothing to compare: without a selection, and where no graph will do, codes are
    /// quicker than vectors.
    fn is_obvious(&self) -> bool {
        self.recall.is_none() && self.filter.selection.is_none()
    }

    /// The same search, with a way of its own where [`Mode::Auto`] leaves a choice.
    pub(super) fn decided(&self, costs: impl FnOnce() -> Costs) -> Self {
        if self.mode != Mode::Auto || self.is_obvious() {
            return *self;
        }
        let mode = match self.costs(costs()).into_iter().find(|cost| cost.chosen) {
            Some(Cost { mode: mode @ (Mode::Exact | Mode::Graph { .. }), .. }) => mode,
            _ => Mode::Auto,
        };
        Self { mode, ..*self }
    }

    /// The part of the rows that are selected.
    fn share(&self) -> f64 {
        let live = self.view.state.live().max(1) as f64;
        self.filter.selection.map_or(1.0, |selection| selection.len() as f64 / live)
    }

    fn exact(&self, costs: Costs) -> f64 {
        self.rows(costs, self.view.state.parts().map(|(part, _)| part.len()).sum())
    }

    /// The vectors of what is selected of some rows: each fetched, or all of them read in order.
    fn rows(&self, costs: Costs, rows: usize) -> f64 {
        let read = (self.view.dimension * size_of::<f32>()) as f64 * costs.vectors;
        rows as f64 * read.min(self.share() * (read + costs.fetch))
    }

    fn by_codes(&self, costs: Costs) -> Option<f64> {
        let segments = &self.view.state.segments;
        segments.iter().any(|sealed| self.coded(sealed).is_some()).then(|| {
            let all: f64 = segments.iter().map(|sealed| self.scan_segment(costs, sealed)).sum();
            self.rows(costs, self.view.state.buffered()) + all + WARM_UP * costs.refine
        })
    }

    fn coded<'a>(&self, sealed: &'a Sealed) -> Option<Coded<'a>> {
        sealed.segment.coded().ok().flatten().filter(|coded| self.takes(coded))
    }

    /// Every row of a segment, by its code where there is one.
    fn scan_segment(&self, costs: Costs, sealed: &Sealed) -> f64 {
        let rows = sealed.segment.rows();
        let Some(coded) = self.coded(sealed) else { return self.rows(costs, rows) };
        let read = coded.block() as f64 / ROWS as f64 * costs.codes[coded.learned.rotation.bits as usize];
        // The part of the rows whose bound reaches what hits score, if scores are normal.
        let measured = Some(sealed.segment.stats().score_deviation).filter(|&measured| measured > 0.0);
        let reach = f64::from(coded.learned.reach) / measured.unwrap_or(DEVIATION);
        let left = libm::erfc((f64::from(DEVIATIONS) - reach) / std::f64::consts::SQRT_2) / 2.0;
        rows as f64 * (read + left * self.share() * costs.refine)
    }

    /// The narrowest beam that finds as much as asked for.
    fn by_graph(&self, costs: Costs) -> Option<(Mode, f64)> {
        let recall = self.recall.filter(|_| self.filter.predicate.is_none())?;
        let (mut width, mut cost, mut any) = (0.0f64, self.rows(costs, self.view.state.buffered()), false);
        for sealed in &*self.view.state.segments {
            match sealed.segment.stats().graph {
                Some(graph) => {
                    let least = beam(&graph.probes, recall)?;
                    width = width.max(least);
                    // Nodes that are not selected don't count, so the beam is as much wider. Beyond all nodes
                    // there is nothing.
                    let compared = compared(&graph.probes, least / self.share().max(1e-9));
                    cost += compared.min(graph.nodes as f64) * WALK * costs.refine;
                    any = true;
                }
                None => cost += self.scan_segment(costs, sealed),
            }
        }
        any.then_some((Mode::Graph { width: width.ceil() as usize }, cost))
    }
}

/// The width that finds a share: on the lines through the logarithms of what was measured. `None` if no width
/// measured finds so much.
fn beam(probes: &[ProbeStats], recall: f64) -> Option<f64> {
    // What was found of some tens of probes is not known better than this.
    let missed = |probe: &ProbeStats| (1.0 - probe.recall).max(1e-3);
    let wanted = (1.0 - recall).max(1e-9);
    let first = probes.first().filter(|first| first.width > 0)?;
    if missed(first) <= wanted {
        return Some(first.width as f64);
    }
    let (one, other) = probes.iter().zip(&probes[1..]).find(|(_, other)| missed(other) <= wanted)?;
    let part = (missed(one) / wanted).ln() / (missed(one) / missed(other)).ln();
    Some(one.width as f64 * (other.width as f64 / one.width as f64).powf(part))
}

/// The nodes that a beam compares: on the lines through the logarithms of what was measured, and beyond.
fn compared(probes: &[ProbeStats], width: f64) -> f64 {
    let later = probes.iter().skip(1).position(|probe| probe.width as f64 >= width);
    let at = later.unwrap_or(probes.len().saturating_sub(2));
    let [one, other] = [&probes[at], &probes[at + 1]];
    let growth = (other.evaluations / one.evaluations).ln() / (other.width as f64 / one.width as f64).ln();
    one.evaluations * (width / one.width as f64).powf(growth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Certificate, Index, Options, Row};

    #[test]
    fn few_selected_rows_are_scored_and_many_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::new(64).shards(1).background_compaction(false);
        let index = Index::create(&directory.path().join("index"), options).unwrap();
        let vector = |id: u64| -> Vec<f32> {
            let angle = (id + 1) as f32 * 0.7;
            let numbers: Vec<f32> = (0..64).map(|at| (angle * (at + 1) as f32 * 0.37).sin()).collect();
            let length = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
            numbers.iter().map(|x| x / length).collect()
        };
        let vectors: Vec<Vec<f32>> = (0..5000).map(vector).collect();
        let rows = (0..).zip(&vectors).map(|(id, vector)| Row { id, group: id, vector });
        index.insert(&rows.collect::<Vec<_>>()).unwrap();
        index.seal().unwrap();
        let view = index.view();
        let (all, few) = (view.select(|_, _| true), view.select(|id, _| id < 20));
        let memory = Costs {
            vectors: 0.3,
            codes: [0.03; 3],
            vectors_again: 0.01,
            codes_again: [0.02; 3],
            fetch: 40.0,
            refine: 40.0,
        };
        let slow_codes = Costs { codes: [2.0; 3], ..memory };
        let query = || view.query(&vectors[0]).unwrap();
        let among = |selection| query().among(selection).unwrap();
        for (query, costs, expected) in [
            (among(&all), memory, Mode::Scan),
            (among(&few), memory, Mode::Exact),
            (among(&all), slow_codes, Mode::Exact),
            (query(), slow_codes, Mode::Scan), // as there is nothing that would be compared
        ] {
            let found = query.plan.costs(costs);
            let chosen: Vec<Mode> = found.iter().filter(|cost| cost.chosen).map(|cost| cost.mode).collect();
            assert_eq!(chosen, [expected], "{found:?}");
        }
    }

    #[test]
    fn bounds_that_may_fail_are_never_called_exact() {
        let directory = tempfile::tempdir().unwrap();
        let index = Index::create(&directory.path().join("index"), Options::new(4)).unwrap();
        let (view, miss) = (index.view(), 1e-3);
        let plan = Plan { miss: Some(miss), ..Plan::new(&view) };
        assert_eq!(plan.certificate(true, true), Certificate::Exact);
        assert_eq!(plan.certificate(true, false), Certificate::Bounded { miss });
        assert_eq!(plan.certificate(false, true), Certificate::None);
        assert_eq!(plan.certificate(false, false), Certificate::None);
    }

    fn probe(width: u64, recall: f64, evaluations: f64) -> ProbeStats {
        ProbeStats { width, recall, evaluations }
    }

    #[test]
    fn beams_are_read_off_between_what_was_measured() {
        let probes = [probe(64, 0.8, 2000.0), probe(256, 0.98, 6000.0), probe(1024, 1.0, 18_000.0)];
        assert_eq!(beam(&probes, 0.5), Some(64.0));
        assert!((beam(&probes, 0.98).unwrap() - 256.0).abs() < 1e-6);
        let width = beam(&probes, 0.9).unwrap();
        assert!((80.0..160.0).contains(&width), "{width}");
        assert_eq!(beam(&probes, 1.0), None, "nobody knows");
        assert_eq!(beam(&[ProbeStats::NONE; 3], 0.5), None);
    }

    #[test]
    fn nodes_compared_are_read_off_between_and_beyond_what_was_measured() {
        let probes = [probe(64, 0.8, 2000.0), probe(256, 0.98, 6000.0), probe(1024, 1.0, 18_000.0)];
        for (width, expected) in
            [(64.0, 2000.0), (128.0, 3464.1), (256.0, 6000.0), (1024.0, 18_000.0), (4096.0, 54_000.0)]
        {
            let found = compared(&probes, width);
            assert!((found - expected).abs() < 0.1, "{width}: {found}");
        }
    }
}
