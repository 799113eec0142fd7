//! The pairs of a unit's probes with the rows that come after them.

use std::ops::Range;

use super::panels::{Panel, Unit};
use super::{Pair, PairGroups, Surroundings, TOGETHER};
use crate::codes::kernels;
use crate::codes::l0::query::MISS;
use crate::codes::l0::{L0Query, ROWS};
use crate::codes::sq8::Sq8Query;
use crate::error::Error;

/// Blocks after which it is looked whether the join goes on.
const RUN: usize = 1024;
/// Bytes of vectors that are scored against one probe after the other, from the nearest cache.
const NEAR_BYTES: usize = 16 << 10;

/// Sums of what was done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) pairs: u64,
    pub(super) compared: u64,
    pub(super) rescored: u64,
    /// Whether rows were left out because they are damaged.
    pub(super) damaged: bool,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.compared += other.compared;
        self.rescored += other.rescored;
        self.damaged |= other.damaged;
    }
}

/// A row of the unit.
pub(super) struct Probe<'p> {
    pub(super) row: usize,
    pub(super) id: u64,
    pub(super) group: u64,
    pub(super) vector: &'p [f32],
    /// In one byte a component, where panels have such codes.
    pub(super) code: Option<Sq8Query>,
}

/// Pairs of one unit so far.
pub(super) struct Found<'f, S> {
    pub(super) around: &'f S,
    pub(super) pairs: &'f mut Vec<Pair>,
    pub(super) tally: &'f mut Tally,
}

/// Joins a unit's rows with all that come after them.
pub(super) fn join<'a, S: Surroundings<'a>>(
    around: &S,
    unit: &Unit,
    pairs: &mut Vec<Pair>,
    tally: &mut Tally,
) -> Result<(), Error> {
    let panels = around.panels();
    let mut found = Found { around, pairs, tally };
    let finer = panels.panels.iter().any(|panel| panel.finer.is_some());
    let Some(probes) = found.probes(unit, finer)? else { return Ok(()) };
    // Panels of one rotation share the queries; those of another need new ones.
    let mut queries: Vec<Vec<L0Query>> = panels.rotations.iter().map(|_| Vec::new()).collect();
    for (number, panel) in panels.panels.iter().enumerate().skip(unit.panel) {
        let own = number == unit.panel;
        match panel.codes.shape() {
            None => found.score_panel(&probes, panel, own)?,
            Some((rotation, block)) => {
                if queries[rotation].is_empty() {
                    let with = &panels.rotations[rotation];
                    queries[rotation] =
                        probes.iter().map(|probe| L0Query::new(with, probe.vector, MISS)).collect();
                }
                let blocks = if own { unit.rows.start / ROWS } else { 0 }..panel.ids.len().div_ceil(ROWS);
                for start in blocks.clone().step_by(RUN) {
                    let run = start..(start + RUN).min(blocks.end);
                    found.bound_run(&probes, &queries[rotation], panel, own, run, block)?;
                }
            }
        }
    }
    Ok(())
}

/// Joins a unit's rows with those of the same group that come after them.
pub(super) fn join_groups<'a, S: Surroundings<'a>>(
    around: &S,
    unit: &Unit,
    pairs: &mut Vec<Pair>,
    tally: &mut Tally,
) -> Result<(), Error> {
    let mut found = Found { around, pairs, tally };
    let Some(probes) = found.probes(unit, false)? else { return Ok(()) };
    found.tally.compared += around.panels().pairs_of(unit);
    for probe in &probes {
        for (number, panel) in around.panels().panels.iter().enumerate().skip(unit.panel) {
            let mut rows = panel.rows_of(probe.group);
            if number == unit.panel {
                rows.start = probe.row + 1;
            }
            for row in rows {
                if !panel.is_dead(row) {
                    found.score(probe, panel, row)?;
                }
            }
        }
    }
    Ok(())
}

impl<'f, 'a: 'f, S: Surroundings<'a>> Found<'f, S> {
    /// The live rows of a unit, verified; `None` if there are none, or if they are damaged and that is tolerated.
    fn probes(&mut self, unit: &Unit, finer: bool) -> Result<Option<Vec<Probe<'f>>>, Error> {
        let around = self.around;
        let (panels, dimension) = (around.panels(), around.join().view.dimension);
        let panel = &panels.panels[unit.panel];
        if self.is_damaged(panel.verify(unit.rows.clone()))? {
            self.tally.compared += panels.pairs_of(unit);
            return Ok(None);
        }
        let probe = |row: usize| {
            let vector = panel.vector(row, dimension);
            let code = finer.then(|| Sq8Query::new(vector));
            Probe { row, id: panel.ids[row], group: panel.groups[row], vector, code }
        };
        let live = unit.rows.clone().filter(|&row| !panel.is_dead(row));
        let probes: Vec<Probe<'f>> = live.map(probe).collect();
        Ok((!probes.is_empty()).then_some(probes))
    }

    /// Whether something is damaged, which is an error unless the view tolerates it.
    pub(super) fn is_damaged(&mut self, result: Result<(), Error>) -> Result<bool, Error> {
        let Err(error) = result else { return Ok(false) };
        self.tally.damaged = true;
        self.around.join().view.tolerate(error).map(|()| true)
    }

    /// Bounds the rows of some blocks against each probe and scores those whose bound reaches the threshold.
    fn bound_run(
        &mut self,
        probes: &[Probe<'_>],
        queries: &[L0Query],
        panel: &Panel<'_>,
        own: bool,
        run: Range<usize>,
        block_bytes: usize,
    ) -> Result<(), Error> {
        let cut = self.around.join().min_score;
        let bytes = match panel.codes.blocks(run.clone()) {
            Ok(bytes) => bytes,
            Err(error) => return self.is_damaged(Err(error)).map(drop),
        };
        let mut masks = vec![0; queries.len()];
        for (block, codes) in run.clone().zip(bytes.chunks_exact(block_bytes)) {
            let first = block * ROWS;
            kernels::reached(queries, codes, cut, &mut masks);
            for (probe, &mask) in probes.iter().zip(&masks) {
                let mut reached = mask;
                if own {
                    reached &= rows_after(probe.row, first);
                }
                if reached == 0 {
                    continue;
                }
                reached &= panel.admitted(block);
                while reached != 0 {
                    let row = first + reached.trailing_zeros() as usize;
                    reached &= reached - 1;
                    self.refine(probe, panel, row)?;
                }
            }
        }
        let rows = run.start * ROWS..(run.end * ROWS).min(panel.ids.len());
        self.count(probes, own, rows);
        self.around.give(self.pairs, self.tally)
    }

    /// Scores a row whose bound reaches the threshold, unless its finer code rules it out.
    pub(super) fn refine(&mut self, probe: &Probe<'_>, panel: &Panel<'_>, row: usize) -> Result<(), Error> {
        if self.around.join().groups == PairGroups::Different && panel.groups[row] == probe.group {
            return Ok(());
        }
        if let (Some((codes, error)), Some(code), Some(sealed)) = (&panel.finer, &probe.code, panel.sealed) {
            let damaged = self.is_damaged(sealed.segment.verify_codes(row..row + 1))?;
            if !damaged && codes.score(code, row) + code.slack(*error) < self.around.join().min_score {
                return Ok(());
            }
        }
        self.score(probe, panel, row)
    }

    /// Scores a row by its vector.
    fn score(&mut self, probe: &Probe<'_>, panel: &Panel<'_>, row: usize) -> Result<(), Error> {
        if self.is_damaged(panel.verify(row..row + 1))? {
            return Ok(());
        }
        self.tally.rescored += 1;
        let vector = panel.vector(row, self.around.join().view.dimension);
        self.offer(probe, panel, row, kernels::dot(probe.vector, vector))
    }

    fn offer(&mut self, probe: &Probe<'_>, panel: &Panel<'_>, row: usize, score: f32) -> Result<(), Error> {
        if score < self.around.join().min_score {
            return Ok(());
        }
        let (mut one, mut other) = ((probe.id, probe.group), (panel.ids[row], panel.groups[row]));
        if other.0 < one.0 {
            std::mem::swap(&mut one, &mut other);
        }
        self.pairs.push(Pair { ids: [one.0, other.0], groups: [one.1, other.1], score });
        if self.pairs.len() < TOGETHER {
            return Ok(());
        }
        self.around.give(self.pairs, self.tally)
    }

    /// Scores all rows of a panel without codes.
    fn score_panel(&mut self, probes: &[Probe<'_>], panel: &Panel<'_>, own: bool) -> Result<(), Error> {
        let join = self.around.join();
        let dimension = join.view.dimension;
        let step = (NEAR_BYTES / (4 * dimension)).clamp(1, 512);
        let first = if own { probes.first().map_or(panel.ids.len(), |probe| probe.row) } else { 0 };
        let mut scores = vec![0.0; step];
        for start in (first..panel.ids.len()).step_by(step) {
            let rows = start..(start + step).min(panel.ids.len());
            self.count(probes, own, rows.clone());
            if self.is_damaged(panel.verify(rows.clone()))? {
                continue;
            }
            let vectors = &panel.vectors[rows.start * dimension..rows.end * dimension];
            for probe in probes {
                let scores = &mut scores[..rows.len()];
                kernels::scores(probe.vector, vectors, scores);
                self.tally.rescored += rows.len() as u64;
                for (row, &score) in rows.clone().zip(&*scores) {
                    let other = join.groups != PairGroups::Different || panel.groups[row] != probe.group;
                    if score >= join.min_score && other && (!own || row > probe.row) && !panel.is_dead(row) {
                        self.offer(probe, panel, row, score)?;
                    }
                }
            }
            if (start / step).is_multiple_of(RUN) {
                self.around.give(self.pairs, self.tally)?;
            }
        }
        Ok(())
    }

    /// Adds the pairs of the probes with some rows to the sum of those that were compared.
    fn count(&mut self, probes: &[Probe<'_>], own: bool, rows: Range<usize>) {
        let after = |probe: &Probe<'_>| if own { rows.start.max(probe.row + 1) } else { rows.start };
        self.tally.compared +=
            probes.iter().map(|probe| rows.end.saturating_sub(after(probe)) as u64).sum::<u64>();
    }
}

/// The rows of a block from `first` on that come after a row, a bit for each.
fn rows_after(row: usize, first: usize) -> u32 {
    match (row + 1).saturating_sub(first) {
        before if before >= ROWS => 0,
        before => u32::MAX << before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_later_rows_of_a_block_are_left() {
        assert_eq!(rows_after(5, 32), u32::MAX);
        assert_eq!(rows_after(31, 32), u32::MAX);
        assert_eq!(rows_after(32, 32), u32::MAX << 1);
        assert_eq!(rows_after(62, 32), 1 << 31);
        assert_eq!(rows_after(63, 32), 0);
        assert_eq!(rows_after(500, 32), 0);
    }
}
