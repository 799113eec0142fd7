//! Decides whether two thumbnails show the same picture.
//!
//! After alignment, both are divided into blocks. A block with structure agrees if the structure of one explains that of the other up to
//! brightness and contrast; a flat block agrees if both are flat. Blocks may disagree at one side (a caption) or in a frame, and almost nowhere
//! else: two photos of a series agree in the background and disagree where something moved, and two pages of text disagree where
//! their texts differ. Pictures without structure must be nearly equal in every pixel.

use std::ops::Range;

use super::alignment::{Alignment, Level, Pyramid, align, axis, interpolated};
use super::hash::Window;
use super::orientation::Orientation;
use super::signature::{FEW, STRUCTURE};
use super::thumbnail::SIDE;

/// Side of a block in pixels of the thumbnail, and blocks per axis.
const BLOCK: usize = 8;
const BLOCKS: usize = SIDE / BLOCK;
/// Variance, in squared levels of grey, below which differences are noise of compression.
const NOISE: f32 = 20.0;
/// Share of a block's variance that the other picture may leave unexplained.
const UNEXPLAINED: f32 = 0.3;
/// Largest difference of the means of two blocks, in levels of grey after alignment.
const BRIGHTNESS: f32 = 44.0;
/// Share of the blocks outside a disagreeing border that may disagree.
const ELSEWHERE: f32 = 0.04;
/// Largest width of a disagreeing border, in blocks.
const BORDER: usize = 3;
/// Change of the area that is a crop or a frame, and share of agreeing blocks below which there is a caption.
const CHANGED: f32 = 0.04;
const CAPTIONED: f32 = 0.93;
/// Smallest share of each picture that the other one contains.
const OVERLAP: f32 = 0.75;

/// How one picture was found to be a copy of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// The orientation of the first picture in which it equals the second.
    pub orientation: Orientation,
    /// From the first picture in that orientation to the second.
    pub alignment: Alignment,
    /// Share of the blocks with structure that agree, 0 to 1.
    pub agreement: f32,
}

impl Likeness {
    /// The share of the first picture's pixels that show the second one, and whether it is cropped, framed or captioned.
    pub fn share(&self) -> (f32, bool) {
        let area = self.area();
        let is_whole = (1.0 - CHANGED..=1.0 + CHANGED).contains(&area) && self.agreement >= CAPTIONED;
        if is_whole { (1.0, false) } else { ((1.0 / area).min(1.0), true) }
    }

    /// In what the first picture differs, in words.
    pub fn words(&self) -> Vec<String> {
        let area = self.area();
        let mut words: Vec<String> = self.orientation.words().map(str::to_owned).into_iter().collect();
        if area < 1.0 - CHANGED {
            words.push(format!("cropped to {:.0} %", area * 100.0));
        } else if area > 1.0 + CHANGED {
            words.push("with a frame".into());
        }
        if self.agreement < CAPTIONED {
            words.push("with a caption or a mark".into());
        }
        if (self.alignment.gain - 1.0).abs() > 0.12 || self.alignment.bias.abs() > 16.0 {
            words.push("with other brightness".into());
        }
        words
    }

    /// Area of the first picture in the second, where the second has area 1.
    fn area(&self) -> f32 {
        self.alignment.scale[0] * self.alignment.scale[1]
    }
}

/// Compares `one`, which is already turned by `orientation`, with `other`. Only `part` of it is aligned. `None` if they are different pictures.
pub fn compare(
    one: &Pyramid,
    other: &Pyramid,
    orientation: Orientation,
    part: Window,
    start: Alignment,
) -> Option<Likeness> {
    let alignment = align(one, other, part, start)?;
    let blocks = Blocks::of(&one.levels[0], &other.levels[0], &alignment);
    let agreement = blocks.agreement()?;
    Some(Likeness { orientation, alignment, agreement })
}

/// The comparison of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Not in the other picture.
    Outside,
    /// Flat in both.
    Flat,
    /// Both have the same structure.
    Agrees,
    Disagrees,
}

struct Blocks {
    blocks: [[Block; BLOCKS]; BLOCKS],
    alignment: Alignment,
    /// Mean of the squared differences of all pixels.
    difference: f32,
}

impl Blocks {
    fn of(one: &Level, other: &Level, alignment: &Alignment) -> Self {
        let mut blocks = [[Block::Outside; BLOCKS]; BLOCKS];
        let (mut squares, mut pixels) = (0.0, 0_usize);
        let sampled = Sampled::of(other, alignment);
        for (row, blocks) in blocks.iter_mut().enumerate() {
            for (column, block) in blocks.iter_mut().enumerate() {
                let sums = Sums::of(one, &sampled, [column * BLOCK, row * BLOCK]);
                *block = sums.block();
                squares += sums.squares;
                pixels += sums.pixels;
            }
        }
        Self { blocks, alignment: *alignment, difference: squares / pixels.max(1) as f32 }
    }

    /// The share of agreeing blocks if this is the same picture.
    fn agreement(&self) -> Option<f32> {
        let count = |wanted: Block| self.blocks.iter().flatten().filter(|block| **block == wanted).count();
        let (agree, disagree, outside) =
            (count(Block::Agrees), count(Block::Disagrees), count(Block::Outside));
        let inside = BLOCKS * BLOCKS - outside;
        let covered = inside as f32 / (BLOCKS * BLOCKS) as f32;
        let area = covered * self.alignment.scale[0] * self.alignment.scale[1];
        if covered < OVERLAP || area < OVERLAP {
            return None;
        }
        if agree < FEW {
            return (disagree == 0 && self.difference < NOISE && self.alignment.is_near_identity())
                .then_some(1.0);
        }
        let most = (ELSEWHERE * (agree + disagree) as f32) as usize;
        (self.disagreeing_elsewhere(disagree) <= most).then(|| agree as f32 / (agree + disagree) as f32)
    }

    /// The smallest number of disagreeing blocks outside a strip at one side, or outside a frame.
    fn disagreeing_elsewhere(&self, all: usize) -> usize {
        let count = |rows: Range<usize>, columns: Range<usize>| -> usize {
            let blocks = self.blocks[rows].iter().flat_map(|row| &row[columns.clone()]);
            blocks.filter(|block| **block == Block::Disagrees).count()
        };
        let frame = count(1..BLOCKS - 1, 1..BLOCKS - 1);
        let strips = (1..=BORDER).flat_map(|width| {
            let (before, after) = (0..BLOCKS - width, width..BLOCKS);
            [(before.clone(), 0..BLOCKS), (after.clone(), 0..BLOCKS), (0..BLOCKS, before), (0..BLOCKS, after)]
        });
        strips.map(|(rows, columns)| count(rows, columns)).chain([all, frame]).min().unwrap_or(all)
    }
}

impl Alignment {
    fn is_near_identity(&self) -> bool {
        self.scale.iter().all(|scale| (scale - 1.0).abs() < 0.02)
            && self.shift.iter().all(|shift| shift.abs() < 0.01)
            && (self.gain - 1.0).abs() < 0.1
    }
}

/// A picture in the frame of another one, with its contrast and brightness. Pixels outside are NaN.
struct Sampled {
    grey: Vec<f32>,
}

impl Sampled {
    fn of(other: &Level, alignment: &Alignment) -> Self {
        let Alignment { scale, shift, gain, bias } = *alignment;
        let (columns, rows) = (axis(SIDE, scale[0], shift[0]), axis(SIDE, scale[1], shift[1]));
        let mut grey = vec![f32::NAN; SIDE * SIDE];
        for (line, place) in grey.chunks_exact_mut(SIDE).zip(rows) {
            let Some((top, down)) = place else { continue };
            let (above, below) = (&other.grey[top * SIDE..][..SIDE], &other.grey[(top + 1) * SIDE..][..SIDE]);
            for (grey, place) in line.iter_mut().zip(&columns) {
                let Some((left, across)) = *place else { continue };
                let pixels = [above[left], above[left + 1], below[left], below[left + 1]];
                *grey = gain * interpolated(pixels, across, down)[0] + bias;
            }
        }
        Self { grey }
    }
}

/// The moments of the pixels of a block.
#[derive(Default)]
struct Sums {
    pixels: usize,
    one: f32,
    other: f32,
    one_squared: f32,
    other_squared: f32,
    product: f32,
    squares: f32,
}

impl Sums {
    fn of(one: &Level, other: &Sampled, [left, top]: [usize; 2]) -> Self {
        let mut sums = Self::default();
        for y in top..top + BLOCK {
            for x in left..left + BLOCK {
                let (a, b) = (one.grey[y * SIDE + x], other.grey[y * SIDE + x]);
                if b.is_nan() {
                    continue;
                }
                sums.pixels += 1;
                sums.one += a;
                sums.other += b;
                sums.one_squared += a * a;
                sums.other_squared += b * b;
                sums.product += a * b;
                sums.squares += (a - b) * (a - b);
            }
        }
        sums
    }

    fn block(&self) -> Block {
        if self.pixels * 2 < BLOCK * BLOCK {
            return Block::Outside;
        }
        let count = self.pixels as f32;
        let (one, other) = (self.one / count, self.other / count);
        let (spread, other_spread) =
            (self.one_squared / count - one * one, self.other_squared / count - other * other);
        let common = self.product / count - one * other;
        let is_flat = spread.max(other_spread) < STRUCTURE;
        if (one - other).abs() > BRIGHTNESS {
            return Block::Disagrees;
        }
        if is_flat {
            return Block::Flat;
        }
        // The larger of the two variances, so that structure of either picture must be in the other.
        let unexplained = |spread: f32, by: f32| spread - common.max(0.0) * common.max(0.0) / by.max(1.0);
        let explains = |spread: f32, by: f32| unexplained(spread, by) <= UNEXPLAINED * spread + NOISE;
        match explains(spread, other_spread) && explains(other_spread, spread) {
            true => Block::Agrees,
            false => Block::Disagrees,
        }
    }
}
