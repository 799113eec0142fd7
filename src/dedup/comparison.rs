//! Decides whether two thumbnails show the same picture.
//!
//! After alignment, both are divided into blocks. A block with structure agrees if the structure of one explains that of the other up to
//! brightness and contrast; a flat block agrees if both are flat. Blocks may disagree at one side (a caption) or in a frame, and almost nowhere
//! else: two photos of a series agree in the background and disagree where something moved, and two pages of text disagree where
//! their texts differ. Pictures without structure must be nearly equal in every pixel.

use std::ops::Range;

use super::alignment::{Alignment, Level, Pyramid, align};
use super::hash::Window;
use super::moments::Moments;
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
        let other = other.seen_through(alignment);
        let mut all = Moments::default();
        let mut block = |row: usize, column: usize| {
            let mut moments = Moments::default();
            for y in row * BLOCK..(row + 1) * BLOCK {
                let pixels = y * SIDE + column * BLOCK..y * SIDE + (column + 1) * BLOCK;
                let pairs = one.grey[pixels.clone()].iter().zip(&other[pixels]);
                pairs.filter(|(_, b)| !b.is_nan()).for_each(|(a, b)| moments.add(*a, *b));
            }
            all += moments;
            Block::of(&moments)
        };
        let blocks = std::array::from_fn(|row| std::array::from_fn(|column| block(row, column)));
        Self { blocks, alignment: *alignment, difference: all.squared_difference() }
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

impl Block {
    fn of(moments: &Moments) -> Self {
        if moments.count * 2.0 < (BLOCK * BLOCK) as f32 {
            return Self::Outside;
        }
        let ([one, other], [spread, other_spread]) = (moments.means(), moments.variances());
        if (one - other).abs() > BRIGHTNESS {
            return Self::Disagrees;
        }
        if spread.max(other_spread) < STRUCTURE {
            return Self::Flat;
        }
        // The structure of either picture must be in the other.
        let common = moments.covariance().max(0.0);
        let explains =
            |spread: f32, by: f32| spread - common * common / by.max(1.0) <= UNEXPLAINED * spread + NOISE;
        match explains(spread, other_spread) && explains(other_spread, spread) {
            true => Self::Agrees,
            false => Self::Disagrees,
        }
    }
}
