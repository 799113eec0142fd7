//! A join whose scores are bounded by a device: tiles of products, then the score of each pair that may reach the threshold.

use std::ops::Range;

use rayon::prelude::*;

use super::panels::Panel;
use super::tile::{Found, Probe, Tally};
use super::{Surroundings, TOGETHER};
use crate::error::Error;

/// Bytes of rows that are loaded at a time. Loading a block takes the time of a tenth of its products, or less, with 512 components.
const BLOCK_BYTES: usize = 256 << 20;
/// Rows of each side of a tile. Its products take 256 MiB of the device in f32.
const TILE: usize = 8192;
/// Pairs of a tile that are held in memory, at most.
const MOST: usize = 1 << 20;
/// The square of the largest length that counts as 1.
const LONGEST: f64 = 1.001 * 1.001;

/// Scalar products of rows with rows, computed by a device with memory of its own: see [`Join::run_on`](super::Join::run_on).
///
/// The products may be rounded, because every pair that may reach the threshold is scored again. The reason of an error is one line.
pub trait Products: Send {
    /// The largest difference between a computed product and the exact one, for two vectors of `dimension` components and length 1.
    fn error(&self, dimension: usize) -> f32;

    /// Copies rows of `dimension` components to the device, in place of those of this side.
    ///
    /// # Errors
    /// The device failed, or has no memory for them.
    fn load(&mut self, side: Side, rows: &[f32], dimension: usize) -> Result<(), String>;

    /// Appends to `found` the pairs of a probe and a row of the tile whose product is at least `cut`, as positions among the loaded ones, in any
    /// order. `false`: there are more than `most`, and none was appended.
    ///
    /// # Errors
    /// The device failed, or has no memory for the products.
    fn reached(
        &mut self,
        tile: &Tile,
        cut: f32,
        most: usize,
        found: &mut Vec<[u32; 2]>,
    ) -> Result<bool, String>;
}

/// A side of the products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The rows that come first.
    Probes,
    /// The rows that they are multiplied with.
    Rows,
}

/// Some of the loaded probes with some of the loaded rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Positions of the probes.
    pub probes: Range<usize>,
    /// Positions of the rows.
    pub rows: Range<usize>,
}

impl Tile {
    /// Both halves of the longer side.
    fn halves(&self) -> [Self; 2] {
        let Self { probes, rows } = self;
        let half = |range: &Range<usize>| range.start + range.len() / 2;
        if probes.len() > rows.len() {
            let half = half(probes);
            [probes.start..half, half..probes.end].map(|probes| Self { probes, rows: rows.clone() })
        } else {
            let half = half(rows);
            [rows.start..half, half..rows.end].map(|rows| Self { probes: probes.clone(), rows })
        }
    }

    /// Pairs of a probe and a row; if `own`, of which the row comes later.
    fn pairs(&self, own: bool) -> u64 {
        let after = |probe: usize| if own { self.rows.start.max(probe + 1) } else { self.rows.start };
        self.probes.clone().map(|probe| self.rows.end.saturating_sub(after(probe)) as u64).sum()
    }
}

/// Rows of a panel that are loaded together.
#[derive(Clone, Copy)]
struct Block<'p, 'a> {
    panel: &'p Panel<'a>,
    first: usize,
    rows: usize,
}

/// Joins all rows with those that come after them.
pub(super) fn join<'a, S: Surroundings<'a> + Sync>(
    around: &S,
    device: &mut dyn Products,
) -> Result<(), Error> {
    let dimension = around.join().view.dimension;
    let cut = lowest(around.join().min_score, device.error(dimension), dimension);
    let length = (BLOCK_BYTES / (4 * dimension)).max(TILE);
    let panels = &around.panels().panels;
    let blocks: Vec<Block<'_, '_>> = panels.iter().flat_map(|panel| blocks(panel, length)).collect();
    let mut on = OnDevice { around, device, cut, found: Vec::new() };
    for (at, probes) in blocks.iter().enumerate() {
        on.load(Side::Probes, probes)?;
        for (number, rows) in blocks[at..].iter().enumerate() {
            on.load(Side::Rows, rows)?;
            on.multiply(probes, rows, number == 0)?;
        }
    }
    Ok(())
}

fn blocks<'p, 'a>(panel: &'p Panel<'a>, length: usize) -> impl Iterator<Item = Block<'p, 'a>> {
    let all = panel.ids.len();
    (0..all).step_by(length).map(move |first| Block { panel, first, rows: length.min(all - first) })
}

/// The least computed product of a pair whose score reaches `min_score`: `error` and that of the score are for vectors of length 1.
fn lowest(min_score: f32, error: f32, dimension: usize) -> f32 {
    let rounded = (dimension as f64 / 32.0 + 6.0) / f64::from(1 << 24); // see `kernels`
    let slack = (f64::from(error) + rounded) * LONGEST;
    ((f64::from(min_score) - slack) as f32).next_down()
}

struct OnDevice<'d, S> {
    around: &'d S,
    device: &'d mut dyn Products,
    cut: f32,
    found: Vec<[u32; 2]>,
}

impl<'a, S: Surroundings<'a> + Sync> OnDevice<'_, S> {
    /// Loads a block. Rows that are damaged, where that is tolerated, are loaded as they are; no pair of theirs is given.
    fn load(&mut self, side: Side, block: &Block<'_, 'a>) -> Result<(), Error> {
        let dimension = self.around.join().view.dimension;
        let rows = block.first..block.first + block.rows;
        let mut tally = Tally::default();
        Found { around: self.around, pairs: &mut Vec::new(), tally: &mut tally }
            .is_damaged(block.panel.verify(rows.clone()))?;
        self.around.give(&mut Vec::new(), &mut tally)?;
        let vectors = &block.panel.vectors[rows.start * dimension..rows.end * dimension];
        self.device.load(side, vectors, dimension).map_err(failed)
    }

    /// Multiplies the loaded blocks; `own`: they are one block.
    fn multiply(&mut self, probes: &Block<'_, 'a>, rows: &Block<'_, 'a>, own: bool) -> Result<(), Error> {
        let parts = |rows: usize| (0..rows).step_by(TILE).map(move |at| at..(at + TILE).min(rows));
        for some in parts(probes.rows) {
            for others in parts(rows.rows).filter(|others| !own || others.end > some.start) {
                let mut tiles = vec![Tile { probes: some.clone(), rows: others }];
                while let Some(tile) = tiles.pop() {
                    self.found.clear();
                    match self.device.reached(&tile, self.cut, MOST, &mut self.found).map_err(failed)? {
                        true => self.score(&tile, probes, rows, own)?,
                        false => tiles.extend(tile.halves()),
                    }
                }
            }
        }
        Ok(())
    }

    /// Scores the pairs that were found in a tile.
    fn score(
        &self,
        tile: &Tile,
        probes: &Block<'_, 'a>,
        rows: &Block<'_, 'a>,
        own: bool,
    ) -> Result<(), Error> {
        let mut compared = Tally { compared: tile.pairs(own), ..Tally::default() };
        self.around.give(&mut Vec::new(), &mut compared)?;
        self.found.par_chunks(TOGETHER).try_for_each(|some| {
            let (mut pairs, mut tally) = (Vec::new(), Tally::default());
            let mut found = Found { around: self.around, pairs: &mut pairs, tally: &mut tally };
            for &[probe, row] in some.iter().filter(|[probe, row]| !own || row > probe) {
                found.score_again((probes, probe as usize), (rows, row as usize))?;
            }
            self.around.give(&mut pairs, &mut tally)
        })
    }
}

impl<'f, 'a: 'f, S: Surroundings<'a>> Found<'f, S> {
    /// Scores two live rows.
    fn score_again(
        &mut self,
        (probes, probe): (&Block<'_, 'a>, usize),
        (rows, row): (&Block<'_, 'a>, usize),
    ) -> Result<(), Error> {
        let (panel, at, row) = (probes.panel, probes.first + probe, rows.first + row);
        if panel.is_dead(at) || rows.panel.is_dead(row) || self.is_damaged(panel.verify(at..at + 1))? {
            return Ok(());
        }
        let vector = panel.vector(at, self.around.join().view.dimension);
        let probe = Probe { row: at, id: panel.ids[at], group: panel.groups[at], vector, code: None };
        self.refine(&probe, rows.panel, row)
    }
}

fn failed(reason: String) -> Error {
    Error::Device { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_cover_a_tile() {
        let tile = Tile { probes: 3..10, rows: 20..22 };
        assert_eq!(tile.halves(), [3..6, 6..10].map(|probes| Tile { probes, rows: 20..22 }));
        let tile = Tile { probes: 3..4, rows: 20..22 };
        assert_eq!(tile.halves(), [20..21, 21..22].map(|rows| Tile { probes: 3..4, rows }));
    }

    #[test]
    fn pairs_of_one_block_are_counted_once() {
        let tile = |probes, rows| Tile { probes, rows };
        assert_eq!(tile(0..4, 0..4).pairs(true), 6);
        assert_eq!(tile(0..4, 4..8).pairs(true), 16);
        assert_eq!(tile(2..4, 0..4).pairs(true), 1);
        assert_eq!(tile(0..4, 0..4).pairs(false), 16);
    }

    #[test]
    fn the_cut_leaves_room_for_both_errors() {
        assert!(lowest(0.5, 0.0, 32) < 0.5 && lowest(0.5, 0.0, 32) > 0.499_99);
        let cut = lowest(0.5, 0.01, 32);
        assert!(cut < 0.49 && cut > 0.4899, "{cut}");
    }
}
