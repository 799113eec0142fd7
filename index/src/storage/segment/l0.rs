//! The L0 codes of a segment, where it has them.
//!
//! ```text
//! section 14, rotation
//!  0  bits of a component                4
//!  4  directions                         4
//!  8  reach: mean bound minus estimate   f32, over pairs of the rows it was learned from
//! 12  components of a code               4
//! 16  directions                         f32[directions * dimension]
//! section 7, codes
//!     blocks of 32 rows, see `l0`
//! section 16, second bits, with codes of one bit; older files have none
//!     rows, see `l0::second`
//! ```
//! They are verified when they are first used, not when the segment is opened.

use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use zerocopy::{FromBytes, IntoBytes};

use super::layout::{L0_BLOCKS, L0_ROTATION, L0_SECOND, Section};
use super::reader::Segment;
use super::writer::SegmentWriter;
use crate::background;
use crate::codes::kernels;
use crate::codes::l0::encode::encode;
use crate::codes::l0::rotation::SKEW;
use crate::codes::l0::train::{JUDGES, SAMPLE};
use crate::codes::l0::{Bits, ROWS, Rotation, second};
use crate::error::Error;
use crate::storage::file::damaged;
use crate::storage::file::header::u32_at;

/// From segments with fewer rows than this, or than eight for each component, nothing is learned.
const LEAST: usize = 4096;
/// Segments with fewer rows than this, or than two for each direction, have no codes: their rotation would be
/// as long as their vectors, and scoring all of those takes no time.
const FEW: usize = 512;
/// Vectors of more components have none either: finding their directions would take minutes.
const WIDEST: usize = 1024;
/// Rows that are encoded at once.
const AT_ONCE: usize = 128 * ROWS;
/// Bytes before the directions.
const HEAD: usize = 16;
/// A known rotation goes on being used where its bounds are no wider than this many times what they were.
const FITS: f64 = 1.1;

/// A rotation with how well it served the rows it was learned from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Learned {
    pub(crate) rotation: Rotation,
    pub(crate) reach: f32,
}

/// Where the sections lie.
pub(super) struct L0Sections {
    rotation: Range<usize>,
    blocks: Range<usize>,
    second: Option<Range<usize>>,
    /// The rotation's checksum: equal ones are equal.
    key: u64,
    learned: OnceLock<Learned>,
}

/// Codes ready to be scanned.
pub(crate) struct Coded<'a> {
    pub(crate) learned: &'a Learned,
    pub(crate) key: u64,
    blocks: Range<usize>,
    /// Where second bits begin, and bytes of a row's.
    second: Option<(usize, usize)>,
    segment: &'a Segment,
}

/// Whether a rotation is learned from so many rows where none is known.
pub(crate) fn is_learned_from(rows: usize, dimension: usize) -> bool {
    rows >= LEAST.max(8 * dimension) && dimension <= WIDEST
}

/// The vectors that a rotation is learned from: every n-th of some.
pub(crate) fn sample(vectors: &[f32], dimension: usize) -> Vec<f32> {
    let step = (vectors.len() / dimension).div_ceil(SAMPLE).max(1);
    vectors.chunks_exact(dimension).step_by(step).flatten().copied().collect()
}

/// Encodes some rows, given by a function that appends the vectors of a range of them, and writes the codes.
pub(super) fn write(
    writer: &mut SegmentWriter<'_>,
    dimension: usize,
    rows: usize,
    known: Option<&Learned>,
    gather: impl Fn(&mut dyn Iterator<Item = usize>, &mut Vec<f32>),
) -> Result<(), Error> {
    let least = known.map_or(LEAST.max(8 * dimension), |known| FEW.max(2 * known.rotation.width()));
    if rows < least || dimension > WIDEST {
        return Ok(());
    }
    let sample = |count: usize| {
        let mut vectors = Vec::new();
        gather(&mut (0..rows).step_by(rows.div_ceil(count)), &mut vectors);
        vectors
    };
    let judges = sample(JUDGES);
    let fits = |known: &&Learned| known.rotation.reach(&judges) <= f64::from(known.reach) * FITS;
    let learned = match known.filter(fits) {
        Some(known) => known.clone(),
        None if !is_learned_from(rows, dimension) => return Ok(()),
        None => {
            let sample = sample(SAMPLE);
            let rotation = background::run(|| Rotation::learn(dimension, &sample));
            let reach = rotation.reach(&judges) as f32;
            Learned { rotation, reach }
        }
    };
    let Learned { rotation, reach } = &learned;
    writer.section(L0_ROTATION, |writer| {
        let head =
            [rotation.bits.number(), rotation.width() as u32, reach.to_bits(), rotation.components as u32];
        writer.push(head.as_bytes())?;
        writer.push(rotation.directions.as_bytes())
    })?;
    let write_rows = |writer: &mut SegmentWriter<'_>, kind, encode: fn(&Rotation, &[f32]) -> Vec<u8>| {
        let mut vectors = Vec::new();
        writer.section(kind, |writer| {
            (0..rows).step_by(AT_ONCE).try_for_each(|first| {
                vectors.clear();
                gather(&mut (first..(first + AT_ONCE).min(rows)), &mut vectors);
                writer.push(&background::run(|| encode(rotation, &vectors)))
            })
        })
    };
    write_rows(writer, L0_BLOCKS, encode)?;
    // Heads are computed again: keeping the second bits of all rows would take more memory than writing a
    // segment should.
    second::stride(rotation).map_or(Ok(()), |_| write_rows(writer, L0_SECOND, second::encode))
}

impl L0Sections {
    /// Finds the sections; `None` if there are no codes.
    pub(super) fn find(
        sections: &[Section],
        rows: usize,
        dimension: usize,
        path: &Path,
    ) -> Result<Option<Self>, Error> {
        let find = |kind| sections.iter().find(|section| section.kind == kind);
        let (rotation, blocks) = match (find(L0_ROTATION), find(L0_BLOCKS)) {
            (None, None) => return Ok(None),
            (Some(rotation), Some(blocks)) => (rotation, blocks),
            (rotation, blocks) => {
                let offset = rotation.or(blocks).map_or(0, |section| section.offset);
                return Err(damaged(path, offset, "L0 codes and their rotation", "only one of them"));
            }
        };
        // The table was proven to lie inside the file, so its numbers fit.
        let range = |section: &Section| section.offset as usize..(section.offset + section.length) as usize;
        if !range(blocks).len().is_multiple_of(rows.div_ceil(ROWS).max(1)) {
            return Err(damaged(path, blocks.offset, format!("L0 codes of {rows} rows"), "another length"));
        }
        let directions = range(rotation).len().checked_sub(HEAD).filter(|bytes| bytes % (4 * dimension) == 0);
        if directions.is_none_or(|bytes| bytes == 0) {
            return Err(damaged(path, rotation.offset, "a rotation", "another length"));
        }
        let (key, learned) = (rotation.checksum, OnceLock::new());
        let second = find(L0_SECOND).map(range);
        Ok(Some(Self { rotation: range(rotation), blocks: range(blocks), second, key, learned }))
    }
}

impl Segment {
    /// The L0 codes with their rotation, which is verified; `None` if there are none.
    pub(crate) fn coded(&self) -> Result<Option<Coded<'_>>, Error> {
        let Some(sections) = &self.l0 else { return Ok(None) };
        if sections.learned.get().is_none() {
            let learned = self.rotation(sections)?;
            // Every search reads all of them.
            self.map.read_ahead(sections.blocks.clone());
            let _ = sections.learned.set(learned); // or another thread has
        }
        let L0Sections { blocks, key, .. } = sections;
        let Some(learned) = sections.learned.get() else { return Ok(None) };
        let start = sections.second.as_ref().map(|range| range.start);
        let second = start.zip(second::stride(&learned.rotation));
        Ok(Some(Coded { learned, key: *key, blocks: blocks.clone(), second, segment: self }))
    }

    fn rotation(&self, sections: &L0Sections) -> Result<Learned, Error> {
        let L0Sections { rotation: range, blocks, second, .. } = sections;
        self.verify_bytes(range.clone())?;
        let Some((head, directions)) = self.map[range.clone()].split_first_chunk::<HEAD>() else {
            return Err(damaged(self.path(), range.start, "a rotation", "another length"));
        };
        let wrong = |what: &str| damaged(self.path(), range.start, what, format!("{head:02x?}"));
        let bits = Bits::from_number(u32_at(head, 0)).ok_or_else(|| wrong("8, 4 or 1 bits"))?;
        let directions = <[f32]>::ref_from_bytes(directions)
            .expect("proven at opening: inside the file, aligned to 16, a whole number of elements");
        // The first codes had 64 bytes, and said nothing.
        let components = Some(u32_at(head, 12) as usize).filter(|&said| said > 0).unwrap_or(bits.most());
        if components > bits.most() || !components.is_multiple_of(bits.together()) {
            return Err(wrong("a code of at most 64 bytes"));
        }
        let directions = directions.to_vec();
        let rotation = Rotation { dimension: self.dimension, bits, components, directions };
        let width = rotation.width();
        if width != u32_at(head, 4) as usize || width > components.min(self.dimension) {
            return Err(wrong("no more directions than a code has components"));
        }
        if blocks.len() != self.rows().div_ceil(ROWS) * rotation.block() {
            return Err(wrong("codes as long as they are"));
        }
        let length = second::stride(&rotation).map(|stride| self.rows() * stride);
        if second.as_ref().is_some_and(|second| Some(second.len()) != length) {
            return Err(wrong("second bits as long as they are"));
        }
        Ok(Learned { rotation, reach: f32::from_bits(u32_at(head, 8)) })
    }

    /// Verifies what bounds rest on: that directions are orthonormal, and that each row has the code that its
    /// vector makes.
    pub(super) fn check_l0(&self) -> Result<(), Error> {
        let Some(coded) = self.coded()? else { return Ok(()) };
        let skew = coded.learned.rotation.skew();
        if skew.is_nan() || skew > SKEW {
            let start = self.l0.as_ref().map_or(0, |sections| sections.rotation.start);
            return Err(damaged(self.path(), start, "orthonormal directions", format!("off by {skew}")));
        }
        let rotation = &coded.learned.rotation;
        let chunks = || self.part().vectors.chunks(AT_ONCE * self.dimension);
        chunks()
            .zip((coded.blocks.start..).step_by(AT_ONCE / ROWS * coded.block()))
            .try_for_each(|(vectors, start)| self.check_bytes(start, &encode(rotation, vectors)))?;
        let Some((start, stride)) = coded.second else { return Ok(()) };
        chunks()
            .zip((start..).step_by(AT_ONCE * stride))
            .try_for_each(|(vectors, start)| self.check_bytes(start, &second::encode(rotation, vectors)))
    }

    /// Whether the codes from `start` on are those that the vectors make.
    fn check_bytes(&self, start: usize, expected: &[u8]) -> Result<(), Error> {
        let stored = &self.map[start..start + expected.len()];
        let Some(at) = (0..expected.len()).find(|&at| expected[at] != stored[at]) else { return Ok(()) };
        let expected = format!("{:02x}, as the vectors say", expected[at]);
        Err(damaged(self.path(), start + at, expected, format!("{:02x}", stored[at])))
    }
}

impl Coded<'_> {
    /// Whether bounds hold for every row, and not only for nearly all.
    pub(crate) fn is_certain(&self) -> bool {
        self.learned.rotation.bits != Bits::One
    }

    /// Bytes of a block.
    pub(crate) fn block(&self) -> usize {
        self.learned.rotation.block()
    }

    /// Blocks.
    pub(crate) fn len(&self) -> usize {
        self.blocks.len() / self.block()
    }

    /// Some blocks, verified.
    pub(crate) fn blocks(&self, blocks: Range<usize>) -> Result<&[u8], Error> {
        let start = self.blocks.start;
        let bytes = start + blocks.start * self.block()..start + blocks.end * self.block();
        self.segment.verify_bytes(bytes.clone())?;
        Ok(&self.segment.map[bytes])
    }

    /// Whether rows have second bits.
    pub(crate) fn has_second(&self) -> bool {
        self.second.is_some()
    }

    /// The second bits of a row, verified, where it has them.
    pub(crate) fn second(&self, row: usize) -> Result<Option<&[u8]>, Error> {
        let Some((start, stride)) = self.second else { return Ok(None) };
        let bytes = start + row * stride..start + (row + 1) * stride;
        self.segment.verify_bytes(bytes.clone())?;
        Ok(Some(&self.segment.map[bytes]))
    }

    /// Brings the second bits of a row nearer to the processor.
    pub(crate) fn prefetch_second(&self, row: usize) {
        if let Some((start, stride)) = self.second {
            // Its first and its last byte: a row may begin in one line and end in the next.
            let start = start + row * stride;
            kernels::prefetch(&self.segment.map[start..start + 1]);
            kernels::prefetch(&self.segment.map[start + stride - 1..start + stride]);
        }
    }
}
