//! Decides whether two thumbnails show the same picture.
//!
//! After alignment, both are divided into blocks. A block agrees if what one picture leaves unexplained of the other there, after a common
//! curve of tones, is not much more than in most blocks. Most blocks leave what compression and scaling cost, so a picture of low
//! quality may differ more than one of high quality. Blocks may disagree in a strip that covers one side (a caption), in a frame, in a corner (a
//! mark), and almost nowhere else: two photos of a series agree in the background and disagree where something moved, and two pages
//! of text disagree where their texts differ. Pictures without structure must be nearly equal in every pixel, and empty ones are never copies.

use super::alignment::{Alignment, align, realign};
use super::blocks::Blocks;
use super::hash::Window;
use super::level::{Level, Pyramid};
use super::orientation::Orientation;
use super::vectors::{total, vectorized};

/// Share of agreeing blocks below which there is a caption.
const CAPTIONED: f32 = 0.93;
/// Changes of scale, contrast and brightness (in levels of grey) from which a picture is no plain copy.
const RETOUCHED_SCALE: f32 = 0.02;
const RETOUCHED_GAIN: f32 = 0.08;
const RETOUCHED_BIAS: f32 = 10.0;

/// Move of a border, as a share of the side, below which a better alignment is not compared. The copies that need one are moved by twice as much.
const LEAST_MOVE: f32 = 0.004;
/// Mean squared difference of two pictures that are not aligned, in squared levels of grey. Most copies that are encoded again or reduced have less.
const NEARLY_EQUAL: f32 = 20.0;
/// How much sharper a picture is that is smoothed before it is compared, and the most steps of it.
const SHARPER: f32 = 1.2;
const MOST_SMOOTHING: usize = 4;

/// Differences of scales and translations, of gains and of biases of two alignments that converged to one.
const SAME: f32 = 0.001;
const SAME_GAIN: f32 = 0.005;
const SAME_BIAS: f32 = 1.0;

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
    /// That of a picture to itself.
    pub fn identity() -> Self {
        Self { orientation: Orientation::default(), alignment: Alignment::IDENTITY, agreement: 1.0 }
    }

    /// Whether the first picture has a caption or a mark that the second does not have, or the other way round.
    pub fn is_captioned(&self) -> bool {
        self.agreement < CAPTIONED
    }

    /// Whether the whole pictures are equal in all but their compression and size.
    pub fn is_plain(&self) -> bool {
        let Alignment { scale, gain, bias, .. } = self.alignment;
        let is_whole = scale.iter().all(|scale| (scale - 1.0).abs() < RETOUCHED_SCALE);
        let is_retouched = (gain - 1.0).abs() > RETOUCHED_GAIN || bias.abs() > RETOUCHED_BIAS;
        self.orientation == Orientation::default() && is_whole && !is_retouched && !self.is_captioned()
    }
}

/// Alignments of two pictures in one orientation that do not make them equal.
#[derive(Debug, Default)]
pub struct Refuted(Vec<Alignment>);

impl Refuted {
    /// Whether an alignment is one of these, apart from what is left when an alignment converges.
    fn contains(&self, alignment: &Alignment) -> bool {
        let are_near = |one: [f32; 2], other: [f32; 2]| (0..2).all(|at| (one[at] - other[at]).abs() < SAME);
        self.0.iter().any(|known| {
            are_near(known.scale, alignment.scale)
                && are_near(known.shift, alignment.shift)
                && (known.gain - alignment.gain).abs() < SAME_GAIN
                && (known.bias - alignment.bias).abs() < SAME_BIAS
        })
    }
}

/// Compares `one`, which is already turned by `orientation`, with `other`. Only `part` of it is aligned. `None` if they are different pictures.
/// Several starts often lead to one alignment; one in `refuted` is not compared again.
pub fn compare(
    one: &Pyramid,
    other: &Pyramid,
    orientation: Orientation,
    (part, start): (Window, Alignment),
    refuted: &mut Refuted,
) -> Option<Likeness> {
    if start == Alignment::IDENTITY && are_nearly_equal(&one.levels[0], &other.levels[0]) {
        let agreement = Blocks::of(&one.levels[0], &other.levels[0], &start).agreement();
        if let Some(agreement) = agreement {
            return Some(Likeness { orientation, alignment: start, agreement });
        }
    }
    let alignment = align(one, other, part, start)?;
    if refuted.contains(&alignment) {
        return None;
    }
    let likeness = explained(one, other, orientation, alignment);
    if likeness.is_none() {
        refuted.0.push(alignment);
    }
    likeness
}

/// Whether two pictures are so equal that they need no alignment.
fn are_nearly_equal(one: &Level, other: &Level) -> bool {
    vectorized(
        #[inline(always)]
        || total(&one.grey, &other.grey, |a, b| (a - b) * (a - b)) <= NEARLY_EQUAL * one.grey.len() as f32,
    )
}

/// Whether an alignment, or a better one near it, makes the pictures equal.
fn explained(
    one: &Pyramid,
    other: &Pyramid,
    orientation: Orientation,
    alignment: Alignment,
) -> Option<Likeness> {
    let likeness = |alignment: Alignment, blocks: &Blocks| {
        blocks.agreement().map(|agreement| Likeness { orientation, alignment, agreement })
    };
    let blocks = Blocks::of(&one.levels[0], &other.levels[0], &alignment);
    let found = likeness(alignment, &blocks);
    if found.is_some() || !blocks.are_promising() {
        return found;
    }
    let least = if are_equally_sharp(&one.levels[0], &other.levels[0]) { LEAST_MOVE } else { 0.0 };
    let alignment = realign(one, other, alignment, least)?;
    let (one, other) = (&one.levels[0], &other.levels[0]);
    likeness(alignment, &Blocks::of(one, other, &alignment)).or_else(|| {
        let (one, other) = equally_sharp(one, other)?;
        likeness(alignment, &Blocks::of(&one, &other, &alignment))
    })
}

/// Whether neither picture is smoothed before they are compared.
fn are_equally_sharp(one: &Level, other: &Level) -> bool {
    let (one, other) = (one.sharpness(), other.sharpness());
    one.max(other) <= SHARPER * one.min(other)
}

/// Two pictures, the sharper one smoothed until it is as sharp as the other. `None` if they are equally sharp. A copy of few pixels or one
/// that was sharpened differs from its original in this.
fn equally_sharp(one: &Level, other: &Level) -> Option<(Level, Level)> {
    let smoothed = |level: &Level, least: f32| {
        let mut level = level.smoothed();
        let mut steps = 1;
        while level.sharpness() > least && steps < MOST_SMOOTHING {
            level = level.smoothed();
            steps += 1;
        }
        level
    };
    let (sharpness, other_sharpness) = (one.sharpness(), other.sharpness());
    if sharpness > SHARPER * other_sharpness {
        Some((smoothed(one, other_sharpness), other.clone()))
    } else if other_sharpness > SHARPER * sharpness {
        Some((one.clone(), smoothed(other, sharpness)))
    } else {
        None
    }
}
