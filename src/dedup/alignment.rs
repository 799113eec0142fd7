//! Alignment of two thumbnails of one picture: the scale and translation of each axis, and the change of contrast and brightness.
//!
//! The parameters minimise the squared differences of pixels by Gauss-Newton steps on a pyramid, from coarse to fine (Baker and Matthews,
//! "Lucas-Kanade 20 Years On", 2004, section 2, with the linear change of appearance of section 4 of its part 3). Large differences have
//! a smaller weight (Huber), so a caption does not move the picture.

use std::ops::Range;

use super::equations::{Equations, Row};
use super::hash::Window;
use super::level::{Axis, Level, Lines, Pyramid, Seen};
use super::moments::Moments;
use super::vectors::vectorized;

/// Sides of the levels on which the alignment is refined, and the steps on each.
const LEVELS: [(usize, usize); 3] = [(16, 6), (32, 4), (64, 3)];
/// Correlation of the middles below which two pictures are different, and the share of each side that is not in the middle.
const LEAST_CORRELATION: f32 = 0.6;
const MARGIN: f32 = 0.2;
/// Variance of a middle without structure, in squared levels of grey.
const FLAT: f32 = 9.0;
/// Side of a block on that level, least variance of one with structure (in squared levels of grey), correlation of a common block, and
/// least share of common blocks.
const BLOCK: usize = 4;
const STRUCTURED: f32 = 36.0;
const COMMON: f32 = 0.7;
const LEAST_COMMON: f32 = 0.35;
/// Change of a scale or translation, in shares of a side, below which a level is left.
const CONVERGED: f32 = 0.001;
/// Differences in grey above this get a smaller weight.
const HUBER: f32 = 10.0;

/// Levels and steps of the last alignment, the change below which it is left, and differences in grey that count little in it.
const FINE: [(usize, usize); 2] = [(64, 4), (128, 3)];
const FINELY_CONVERGED: f32 = 0.0002;
const OUTLYING: f32 = 12.0;
const WHOLE: Window = [0.0, 0.0, 1.0, 1.0];

/// Maps a point (x, y) of one thumbnail to a point of another, in shares of their sides; and grey `b` of the other one to `gain * b + bias`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment {
    /// Scale of each axis.
    pub scale: [f32; 2],
    /// Translation of each axis.
    pub shift: [f32; 2],
    /// Change of contrast.
    pub gain: f32,
    /// Change of brightness, in levels of grey.
    pub bias: f32,
}

impl Alignment {
    /// The same picture.
    pub const IDENTITY: Self = Self { scale: [1.0; 2], shift: [0.0; 2], gain: 1.0, bias: 0.0 };

    /// The alignment that maps the part `from` of one thumbnail to the part `to` of another.
    pub fn between(from: Window, to: Window) -> Self {
        let scale = [(to[2] - to[0]) / (from[2] - from[0]), (to[3] - to[1]) / (from[3] - from[1])];
        Self { scale, shift: [to[0] - scale[0] * from[0], to[1] - scale[1] * from[1]], ..Self::IDENTITY }
    }

    /// The point of the other thumbnail that corresponds to a point.
    pub fn mapped(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [self.scale[0] * x + self.shift[0], self.scale[1] * y + self.shift[1]]
    }

    /// The places of this alignment and then those of the way back of `other`. It says nothing of the tones.
    pub fn then_back(&self, other: &Self) -> Self {
        let scale = std::array::from_fn(|at| self.scale[at] / other.scale[at]);
        let shift = std::array::from_fn(|at| (self.shift[at] - other.shift[at]) / other.scale[at]);
        Self { scale, shift, ..Self::IDENTITY }
    }

    /// How far a border of the picture is from where another alignment maps it, at most: a share of the side.
    fn moved_from(&self, other: &Self) -> f32 {
        let ends = |at: usize| {
            let start = self.shift[at] - other.shift[at];
            start.abs().max((start + self.scale[at] - other.scale[at]).abs())
        };
        ends(0).max(ends(1))
    }
}

/// The alignment from `part` of `one` to `other`, starting at `start`. `None` if it does not converge.
pub fn align(one: &Pyramid, other: &Pyramid, part: Window, start: Alignment) -> Option<Alignment> {
    let mut alignment = start;
    for (side, steps) in LEVELS {
        if side == LEVELS[2].0 && !is_plausible(one.level(LEVELS[1].0), other.level(LEVELS[1].0), &alignment)
        {
            return None;
        }
        for _ in 0..steps {
            let (next, change) = refined(
                one.level(side),
                other.level(side),
                part,
                alignment,
                #[inline(always)]
                |difference: f32| HUBER / difference.abs().max(HUBER),
            )?;
            alignment = next;
            if change < CONVERGED {
                break;
            }
        }
    }
    Some(alignment)
}

/// A better alignment of two pictures that are equal except for a part, on the finest level. Pixels that differ much hardly count (weights
/// of Geman and McClure), so a caption has no influence. `None` if it does not converge, or if the first level moves no border of the picture
/// by `least`, a share of its side: then it is nearly the alignment that was there before.
pub fn realign(one: &Pyramid, other: &Pyramid, start: Alignment, least: f32) -> Option<Alignment> {
    let mut alignment = start;
    for (level, steps) in FINE {
        if level != FINE[0].0 && alignment.moved_from(&start) < least {
            return None;
        }
        for _ in 0..steps {
            let (next, change) = refined(
                one.level(level),
                other.level(level),
                WHOLE,
                alignment,
                #[inline(always)]
                |difference: f32| {
                    let root = 1.0 + (difference / OUTLYING) * (difference / OUTLYING);
                    1.0 / (root * root)
                },
            )?;
            alignment = next;
            if change < FINELY_CONVERGED {
                break;
            }
        }
    }
    Some(alignment)
}

/// One Gauss-Newton step: the alignment after it, and the largest change of a scale or translation.
fn refined(
    one: &Level,
    other: &Level,
    part: Window,
    alignment: Alignment,
    weight: impl Fn(f32) -> f32,
) -> Option<(Alignment, f32)> {
    let Alignment { scale, shift, gain, bias } = alignment;
    let side = one.side;
    let (columns, rows) = (Axis::of(side, scale[0], shift[0]), Axis::of(side, scale[1], shift[1]));
    let within = |inside: &Range<usize>, from: f32, to: f32| {
        let pixel = |share: f32| (share * side as f32).round() as usize;
        pixel(from).max(inside.start)..pixel(to).min(inside.end)
    };
    let (across, down) = (within(&columns.inside, part[0], part[2]), within(&rows.inside, part[1], part[3]));
    let mut equations = Equations::of(side, &across);
    let mut lines = Lines::of(other, &columns);
    vectorized(
        #[inline(always)]
        || {
            for row in down {
                let (top, share) = rows.place(row);
                let y = (row as f32 + 0.5) / side as f32;
                let own = &one.grey[row * side..][..side];
                equations.add(&Row { y, own, lines: lines.between(top), share }, (gain, bias), &weight);
            }
        },
    );
    let step = equations.solved()?;
    let next = Alignment {
        scale: [scale[0] + step[0], scale[1] + step[2]],
        shift: [shift[0] + step[1], shift[1] + step[3]],
        gain: gain + step[4],
        bias: bias + step[5],
    };
    let is_near = next.scale.iter().all(|scale| (0.6..1.7).contains(scale))
        && next.shift.iter().all(|shift| shift.abs() < 0.5)
        && (0.2..5.0).contains(&next.gain);
    let change = (0..4).map(|at| step[at].abs()).fold(0.0, f32::max);
    is_near.then_some((next, change))
}

/// Whether the middles of two pictures correlate on a coarse level. Most different pictures with similar hashes end here, at a sixth of the
/// cost. Captions and frames are outside the middle.
fn is_plausible(one: &Level, other: &Level, alignment: &Alignment) -> bool {
    vectorized(
        #[inline(always)]
        || is_similar(one, other, alignment),
    )
}

#[inline(always)]
fn is_similar(one: &Level, other: &Level, alignment: &Alignment) -> bool {
    let side = one.side;
    let mut seen = other.seen_through(alignment.scale, alignment.shift);
    seen.grey.iter_mut().for_each(|grey| *grey = alignment.gain * *grey + alignment.bias);
    let margin = (side as f32 * MARGIN) as usize;
    let middle = |inside: &Range<usize>| inside.start.max(margin)..inside.end.min(side - margin);
    let columns = middle(&seen.columns);
    let mut moments = Moments::default();
    for row in middle(&seen.rows) {
        let start = row * side;
        let pixels = start + columns.start..start + columns.end.max(columns.start);
        moments.add_all(&one.grey[pixels.clone()], &seen.grey[pixels]);
    }
    moments.correlate(LEAST_CORRELATION, FLAT) && has_common_blocks(one, &seen)
}

/// Whether the structure of enough blocks of one picture is in the other. Different pictures of one kind (faces, pages) correlate as a
/// whole, and not in their blocks.
#[inline(always)]
fn has_common_blocks(one: &Level, other: &Seen) -> bool {
    let (mut common, mut all) = (0, 0);
    for block in Moments::of_blocks::<BLOCK>(&one.grey, other) {
        let [spread, other_spread] = block.variances();
        if block.count * 2.0 < (BLOCK * BLOCK) as f32 || spread.max(other_spread) < STRUCTURED {
            continue;
        }
        all += 1;
        common += usize::from(block.covariance() >= COMMON * (spread * other_spread).sqrt());
    }
    common as f32 >= LEAST_COMMON * all as f32
}
