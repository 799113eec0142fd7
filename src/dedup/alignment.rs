//! Alignment of two thumbnails of one picture: the scale and translation of each axis, and the change of contrast and brightness.
//!
//! The parameters minimise the squared differences of pixels by Gauss-Newton steps on a pyramid, from coarse to fine (Baker and Matthews,
//! "Lucas-Kanade 20 Years On", 2004, section 2, with the linear change of appearance of section 4 of its part 3). Large differences have
//! a smaller weight (Huber), so a caption does not move the picture.

use nalgebra::{SMatrix, SVector};

use super::hash::Window;
use super::thumbnail::{SIDE, Thumbnail};

/// Sides of the levels on which the alignment is refined, and the steps on each.
const LEVELS: [(usize, usize); 3] = [(16, 6), (32, 4), (64, 3)];
/// Differences in grey above this get a smaller weight.
const HUBER: f32 = 10.0;

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

    /// The point of the other thumbnail.
    pub fn map(&self, x: f32, y: f32) -> [f32; 2] {
        [self.scale[0] * x + self.shift[0], self.scale[1] * y + self.shift[1]]
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
        let mean = |at: usize| {
            let corner = at / side * 2 * self.side + at % side * 2;
            let rows = [&self.grey[corner..corner + 2], &self.grey[corner + self.side..][..2]];
            rows.iter().flat_map(|row| row.iter()).sum::<f32>() / 4.0
        };
        Self { side, grey: (0..side * side).map(mean).collect() }
    }

    /// The value at a point in shares of the sides, by bilinear interpolation, and its derivatives. `None` outside.
    pub fn sample(&self, [x, y]: [f32; 2]) -> Option<[f32; 3]> {
        let side = self.side as f32;
        let (x, y) = (x * side - 0.5, y * side - 0.5);
        if !(x >= -0.5 && y >= -0.5 && x <= side - 0.5 && y <= side - 0.5) {
            return None;
        }
        let last = self.side - 2;
        let (left, top) = ((x.max(0.0) as usize).min(last), (y.max(0.0) as usize).min(last));
        let (across, down) = ((x - left as f32).clamp(0.0, 1.0), (y - top as f32).clamp(0.0, 1.0));
        let [a, b] = [self.grey[top * self.side + left], self.grey[top * self.side + left + 1]];
        let [c, d] = [self.grey[(top + 1) * self.side + left], self.grey[(top + 1) * self.side + left + 1]];
        let (above, below) = (a + (b - a) * across, c + (d - c) * across);
        let slope = (b - a) * (1.0 - down) + (d - c) * down;
        Some([above + (below - above) * down, slope * side, (below - above) * side])
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

/// The alignment from `one` to `other`, starting at `start`. `None` if it does not converge.
pub fn align(one: &Pyramid, other: &Pyramid, start: Alignment) -> Option<Alignment> {
    let mut alignment = start;
    for (side, steps) in LEVELS {
        for _ in 0..steps {
            alignment = refined(one.level(side), other.level(side), alignment)?;
        }
    }
    Some(alignment)
}

fn refined(one: &Level, other: &Level, alignment: Alignment) -> Option<Alignment> {
    let mut matrix = SMatrix::<f32, 6, 6>::zeros();
    let mut vector = SVector::<f32, 6>::zeros();
    let Alignment { scale, shift, gain, bias } = alignment;
    let side = one.side;
    let step = 1.0 / side as f32;
    for row in 0..side {
        let y = (row as f32 + 0.5) * step;
        for column in 0..side {
            let x = (column as f32 + 0.5) * step;
            let Some([value, across, down]) = other.sample(alignment.map(x, y)) else { continue };
            let difference = one.grey[row * side + column] - (gain * value + bias);
            let weight = HUBER / difference.abs().max(HUBER);
            let (across, down) = (gain * across, gain * down);
            let slopes = SVector::<f32, 6>::from([across * x, across, down * y, down, value, 1.0]);
            matrix.ger(weight, &slopes, &slopes, 1.0);
            vector.axpy(weight * difference, &slopes, 1.0);
        }
    }
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
    is_near.then_some(next)
}
