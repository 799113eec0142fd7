//! Alignment of two thumbnails of one picture: the scale and translation of each axis, and the change of contrast and brightness.
//!
//! The parameters minimise the squared differences of pixels by Gauss-Newton steps on a pyramid, from coarse to fine (Baker and Matthews,
//! "Lucas-Kanade 20 Years On", 2004, section 2, with the linear change of appearance of section 4 of its part 3). Large differences have
//! a smaller weight (Huber), so a caption does not move the picture.

use nalgebra::{SMatrix, SVector};

use super::hash::Window;
use super::moments::Moments;
use super::thumbnail::{SIDE, Thumbnail};

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
}

/// A grey picture on a level of the pyramid.
#[derive(Debug, Clone)]
pub struct Level {
    /// Side in pixels.
    pub side: usize,
    /// `side * side` values.
    pub grey: Vec<f32>,
}

impl Level {
    /// The thumbnail itself.
    pub fn of(thumbnail: &Thumbnail) -> Self {
        Self { side: SIDE, grey: thumbnail.as_bytes().iter().map(|&grey| grey.into()).collect() }
    }

    /// Half of the side: means of four pixels.
    fn halved(&self) -> Self {
        let side = self.side / 2;
        let mut grey = Vec::with_capacity(side * side);
        for rows in self.grey.chunks_exact(2 * self.side) {
            let (above, below) = rows.split_at(self.side);
            let pairs = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
            grey.extend(pairs.map(|(above, below)| (above[0] + above[1] + below[0] + below[1]) / 4.0));
        }
        Self { side, grey }
    }
}

impl Level {
    /// Each pixel with its neighbours, in the weights 1, 2, 1.
    pub fn smoothed(&self) -> Self {
        let side = self.side;
        let mean = |before: f32, own: f32, after: f32| (before + 2.0 * own + after) / 4.0;
        let at = |x: usize, y: usize| self.grey[y * side + x];
        let rows: Vec<f32> = (0..side * side)
            .map(|place| (place % side, place / side))
            .map(|(x, y)| mean(at(x.saturating_sub(1), y), at(x, y), at((x + 1).min(side - 1), y)))
            .collect();
        let at = |x: usize, y: usize| rows[y * side + x];
        let grey = (0..side * side)
            .map(|place| (place % side, place / side))
            .map(|(x, y)| mean(at(x, y.saturating_sub(1)), at(x, y), at(x, (y + 1).min(side - 1))))
            .collect();
        Self { side, grey }
    }

    /// Mean squared difference of neighbours in a row, as a share of the variance.
    pub fn sharpness(&self) -> f32 {
        let count = self.grey.len() as f32;
        let mean = self.grey.iter().sum::<f32>() / count;
        let variance = self.grey.iter().map(|grey| (grey - mean).powi(2)).sum::<f32>() / count;
        let rows = self.grey.chunks_exact(self.side);
        let steps = rows.flat_map(|row| row.windows(2)).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f32>();
        steps / count / variance.max(1.0)
    }

    /// The picture in the frame of another one, with its contrast and brightness: `side * side` values, NaN outside of this picture.
    pub fn seen_through(&self, alignment: &Alignment) -> Vec<f32> {
        let (side, Alignment { scale, shift, gain, bias }) = (self.side, *alignment);
        let (columns, rows) = (axis(side, scale[0], shift[0]), axis(side, scale[1], shift[1]));
        let mut seen = vec![f32::NAN; side * side];
        for (line, place) in seen.chunks_exact_mut(side).zip(rows) {
            let Some((top, down)) = place else { continue };
            let (above, below) = (&self.grey[top * side..][..side], &self.grey[(top + 1) * side..][..side]);
            for (grey, place) in line.iter_mut().zip(&columns) {
                let Some((left, across)) = *place else { continue };
                let pixels = [above[left], above[left + 1], below[left], below[left + 1]];
                *grey = gain * interpolated(pixels, across, down)[0] + bias;
            }
        }
        seen
    }
}

/// A thumbnail at several sizes, the largest first.
#[derive(Debug, Clone)]
pub struct Pyramid {
    /// Levels of 128, 64, 32 and 16 pixels.
    pub levels: [Level; 4],
}

impl Pyramid {
    /// The pyramid of a thumbnail.
    pub fn of(thumbnail: &Thumbnail) -> Self {
        let whole = Level::of(thumbnail);
        let half = whole.halved();
        let quarter = half.halved();
        let eighth = quarter.halved();
        Self { levels: [whole, half, quarter, eighth] }
    }

    fn level(&self, side: usize) -> &Level {
        self.levels.iter().find(|level| level.side == side).unwrap_or(&self.levels[0])
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
            let (next, change) =
                refined(one.level(side), other.level(side), part, alignment, |difference| {
                    HUBER / difference.abs().max(HUBER)
                })?;
            alignment = next;
            if change < CONVERGED {
                break;
            }
        }
    }
    Some(alignment)
}

/// A better alignment of two pictures that are equal except for a part, on the finest level. Pixels that differ much hardly count (weights
/// of Geman and McClure), so a caption has no influence. `None` if it does not converge.
pub fn realign(one: &Pyramid, other: &Pyramid, start: Alignment) -> Option<Alignment> {
    let mut alignment = start;
    for (level, steps) in FINE {
        for _ in 0..steps {
            let weight = |difference: f32| (1.0 + (difference / OUTLYING).powi(2)).powi(-2);
            let (next, change) = refined(one.level(level), other.level(level), WHOLE, alignment, weight)?;
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
    let (columns, rows) = (axis(side, scale[0], shift[0]), axis(side, scale[1], shift[1]));
    let mut sums = [[0_f32; 7]; 6];
    let pixels =
        |from: f32, to: f32| (from * side as f32).round() as usize..(to * side as f32).round() as usize;
    let (across_part, down_part) = (pixels(part[0], part[2]), pixels(part[1], part[3]));
    for row in down_part {
        let Some((top, down)) = rows[row] else { continue };
        let y = (row as f32 + 0.5) / side as f32;
        let (above, below) = (&other.grey[top * side..][..side], &other.grey[(top + 1) * side..][..side]);
        for column in across_part.clone() {
            let Some((left, across)) = columns[column] else { continue };
            let x = (column as f32 + 0.5) / side as f32;
            let [value, slope, fall] =
                interpolated([above[left], above[left + 1], below[left], below[left + 1]], across, down);
            let difference = one.grey[row * side + column] - (gain * value + bias);
            let weight = weight(difference);
            let (slope, fall) = (gain * slope * side as f32, gain * fall * side as f32);
            let terms = [slope * x, slope, fall * y, fall, value, 1.0, difference];
            for (sums, term) in sums.iter_mut().zip(terms) {
                let weighted = weight * term;
                sums.iter_mut().zip(terms).for_each(|(sum, other)| *sum += weighted * other);
            }
        }
    }
    let mut matrix = SMatrix::<f32, 6, 6>::from_fn(|row, column| sums[row][column]);
    let vector = SVector::<f32, 6>::from_fn(|row, _| sums[row][6]);
    // A flat direction keeps its value.
    let trace = matrix.trace();
    for at in 0..6 {
        matrix[(at, at)] += 1e-7 * trace + 1e-6;
    }
    let step = matrix.cholesky()?.solve(&vector);
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
    let (side, other) = (one.side, other.seen_through(alignment));
    let margin = (side as f32 * MARGIN) as usize;
    let mut moments = Moments::default();
    for row in margin..side - margin {
        let pixels = row * side + margin..(row + 1) * side - margin;
        let pairs = one.grey[pixels.clone()].iter().zip(&other[pixels]);
        pairs.filter(|(_, b)| !b.is_nan()).for_each(|(a, b)| moments.add(*a, *b));
    }
    moments.correlate(LEAST_CORRELATION, FLAT) && has_common_blocks(one, &other)
}

/// Whether the structure of enough blocks of one picture is in the other. Different pictures of one kind (faces, pages) correlate as a
/// whole, and not in their blocks.
fn has_common_blocks(one: &Level, other: &[f32]) -> bool {
    let (side, per_row) = (one.side, one.side / BLOCK);
    let mut moments = vec![Moments::default(); per_row * per_row];
    for (place, (a, b)) in one.grey.iter().zip(other).enumerate().filter(|(_, (_, b))| !b.is_nan()) {
        moments[place / side / BLOCK * per_row + place % side / BLOCK].add(*a, *b);
    }
    let (mut common, mut all) = (0, 0);
    for block in &moments {
        let [spread, other_spread] = block.variances();
        if block.count * 2.0 < (BLOCK * BLOCK) as f32 || spread.max(other_spread) < STRUCTURED {
            continue;
        }
        all += 1;
        common += usize::from(block.covariance() >= COMMON * (spread * other_spread).sqrt());
    }
    common as f32 >= LEAST_COMMON * all as f32
}

/// For each pixel of a line, the place in the other line: a pixel and the share of the next one. `None` outside.
fn axis(side: usize, scale: f32, shift: f32) -> Vec<Option<(usize, f32)>> {
    let length = side as f32;
    let place = |at: usize| {
        let place = (scale * (at as f32 + 0.5) / length + shift) * length - 0.5;
        if !(-0.5..=length - 0.5).contains(&place) {
            return None;
        }
        let first = (place.max(0.0) as usize).min(side - 2);
        Some((first, (place - first as f32).clamp(0.0, 1.0)))
    };
    (0..side).map(place).collect()
}

/// The value between four pixels, and its derivatives for a step of one pixel.
fn interpolated([a, b, c, d]: [f32; 4], across: f32, down: f32) -> [f32; 3] {
    let (above, below) = (a + (b - a) * across, c + (d - c) * across);
    [above + (below - above) * down, (b - a) + ((d - c) - (b - a)) * down, below - above]
}
