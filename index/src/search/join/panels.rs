//! The rows of a view in the order in which they are joined.

use std::borrow::Cow;
use std::ops::Range;

use crate::codes::l0::encode::encode;
use crate::codes::l0::{Bits, ROWS, Rotation};
use crate::codes::sq8::Codes;
use crate::error::Error;
use crate::search::view::View;
use crate::storage::segment::l0::{self, Coded};
use crate::storage::state::Sealed;

/// Probes of a unit, at most: as many as leave their queries in the nearest cache beside a block.
const PROBES: usize = 64;
/// Buffers of fewer rows are scored without codes, which takes no longer than encoding them.
const LEAST_ENCODED: usize = 512;

/// All rows, in panels. A pair is found from the row that comes first.
pub(super) struct Panels<'a> {
    pub(super) panels: Vec<Panel<'a>>,
    /// What codes are made with.
    pub(super) rotations: Vec<Cow<'a, Rotation>>,
}

/// The rows of a segment, or those of all buffers.
pub(super) struct Panel<'a> {
    pub(super) ids: Cow<'a, [u64]>,
    pub(super) groups: Cow<'a, [u64]>,
    pub(super) vectors: Cow<'a, [f32]>,
    /// `None` for the buffers.
    pub(super) sealed: Option<&'a Sealed>,
    pub(super) codes: PanelCodes<'a>,
    /// Codes of one byte a component with the largest error of any, where they know more than L0 codes do.
    pub(super) finer: Option<(Codes<'a>, f32)>,
}

/// L0 codes whose bounds hold for every row.
pub(super) enum PanelCodes<'a> {
    None,
    Mapped { coded: Coded<'a>, rotation: usize },
    Own { blocks: Vec<u8>, block: usize, rotation: usize },
}

/// Rows of a panel that are joined with all that come after them.
pub(super) struct Unit {
    pub(super) panel: usize,
    pub(super) rows: Range<usize>,
}

impl<'a> Panels<'a> {
    /// Panels without codes come first: their rows are few, and as probes of the others they profit from the
    /// codes of those. `plain`: no codes will be used.
    pub(super) fn new(view: &'a View, plain: bool) -> Result<Self, Error> {
        let mut rotations: Vec<Cow<'a, Rotation>> = Vec::new();
        let mut keys: Vec<u64> = Vec::new();
        let (mut coded_panels, mut panels) = (Vec::new(), Vec::new());
        for sealed in view.state.segments.iter() {
            let (part, mut codes, mut finer) = (sealed.segment.part(), PanelCodes::None, None);
            let coded = match sealed.segment.coded() {
                _ if plain => None,
                Ok(coded) => coded.filter(Coded::is_certain),
                Err(error) => view.tolerate(error).map(|()| None)?,
            };
            if let Some(coded) = coded {
                let known = keys.iter().position(|key| *key == coded.key);
                let rotation = known.unwrap_or(rotations.len());
                if known.is_none() {
                    keys.push(coded.key);
                    rotations.push(Cow::Borrowed(&coded.learned.rotation));
                }
                let error = sealed.segment.stats().largest_code_error as f32;
                finer = (error < coded.learned.reach).then(|| (sealed.segment.codes(), error));
                codes = PanelCodes::Mapped { coded, rotation };
            }
            let to = if matches!(codes, PanelCodes::None) { &mut panels } else { &mut coded_panels };
            to.push(Panel {
                ids: Cow::Borrowed(part.ids),
                groups: Cow::Borrowed(part.groups),
                vectors: Cow::Borrowed(part.vectors),
                sealed: Some(sealed),
                codes,
                finer,
            });
        }
        if let Some(mut buffered) = Panel::buffered(view) {
            let rows = buffered.ids.len();
            if !plain && rotations.is_empty() && l0::is_learned_from(rows, view.dimension) {
                let sample = l0::sample(&buffered.vectors, view.dimension);
                let rotation = Rotation::learn(view.dimension, &sample);
                rotations.extend((rotation.bits != Bits::One).then_some(Cow::Owned(rotation)));
            }
            if let Some(rotation) = rotations.first().filter(|_| rows >= LEAST_ENCODED) {
                let blocks = encode(rotation, &buffered.vectors);
                buffered.codes = PanelCodes::Own { blocks, block: rotation.block(), rotation: 0 };
            }
            panels.push(buffered);
        }
        panels.append(&mut coded_panels);
        Ok(Self { panels, rotations })
    }

    /// All units, in order.
    pub(super) fn units(&self) -> Vec<Unit> {
        let of = |(panel, rows): (usize, usize)| {
            let starts = (0..rows).step_by(PROBES);
            starts.map(move |start| Unit { panel, rows: start..(start + PROBES).min(rows) })
        };
        self.panels.iter().map(|panel| panel.ids.len()).enumerate().flat_map(of).collect()
    }

    /// Pairs of a row of a unit and one that comes after it.
    pub(super) fn pairs_of(&self, unit: &Unit) -> u64 {
        let rows: usize = self.panels[unit.panel..].iter().map(|panel| panel.ids.len()).sum();
        unit.rows.clone().map(|row| (rows - row - 1) as u64).sum()
    }
}

impl<'a> Panel<'a> {
    /// The rows of all buffers, sorted by group and id as those of segments are. `None`: there are none.
    fn buffered(view: &'a View) -> Option<Self> {
        let mut rows: Vec<(u64, u64, &[f32])> = Vec::new();
        for chunk in view.state.chunks() {
            let part = chunk.part();
            let vectors = part.vectors.chunks_exact(view.dimension);
            rows.extend(
                part.groups.iter().zip(part.ids).zip(vectors).map(|((&g, &id), vector)| (g, id, vector)),
            );
        }
        rows.sort_unstable_by_key(|&(group, id, _)| (group, id));
        let mut vectors = Vec::with_capacity(rows.len() * view.dimension);
        rows.iter().for_each(|(_, _, vector)| vectors.extend_from_slice(vector));
        (!rows.is_empty()).then(|| Self {
            ids: rows.iter().map(|row| row.1).collect(),
            groups: rows.iter().map(|row| row.0).collect(),
            vectors: Cow::Owned(vectors),
            sealed: None,
            codes: PanelCodes::None,
            finer: None,
        })
    }

    pub(super) fn vector(&self, row: usize, dimension: usize) -> &[f32] {
        &self.vectors[row * dimension..(row + 1) * dimension]
    }

    pub(super) fn is_dead(&self, row: usize) -> bool {
        self.sealed.is_some_and(|sealed| sealed.is_dead(row))
    }

    /// Makes sure that the vectors of some rows are what was written.
    pub(super) fn verify(&self, rows: Range<usize>) -> Result<(), Error> {
        self.sealed.map_or(Ok(()), |sealed| sealed.segment.verify(rows))
    }

    /// The rows of a block that are there and alive, a bit for each.
    pub(super) fn admitted(&self, block: usize) -> u32 {
        let there = u32::MAX >> (ROWS - (self.ids.len() - block * ROWS).min(ROWS));
        let dead = self.sealed.and_then(|sealed| sealed.dead.as_ref());
        there & !dead.map_or(0, |dead| (dead.word(block / 2) >> (block % 2 * ROWS)) as u32)
    }

    /// The rows of a group.
    pub(super) fn rows_of(&self, group: u64) -> Range<usize> {
        let first = self.groups.partition_point(|&other| other < group);
        let count = self.groups[first..].partition_point(|&other| other == group);
        first..first + count
    }
}

impl PanelCodes<'_> {
    /// The number of the rotation, and bytes of a block; `None`: there are no codes.
    pub(super) fn shape(&self) -> Option<(usize, usize)> {
        match self {
            Self::None => None,
            Self::Mapped { coded, rotation } => Some((*rotation, coded.block())),
            Self::Own { block, rotation, .. } => Some((*rotation, *block)),
        }
    }

    /// Some blocks, verified.
    pub(super) fn blocks(&self, range: Range<usize>) -> Result<&[u8], Error> {
        match self {
            Self::None => Ok(&[]),
            Self::Mapped { coded, .. } => coded.blocks(range),
            Self::Own { blocks, block, .. } => Ok(&blocks[range.start * block..range.end * block]),
        }
    }
}
