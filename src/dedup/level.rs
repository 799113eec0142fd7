//! Grey pictures at several sizes, and how one is seen in the frame of another.
//!
//! An alignment scales and moves each axis by itself, so a picture is interpolated along its rows first and then between two rows. All
//! loops over pixels run over whole lines, in which the compiler finds vectors.

use std::ops::Range;

use super::thumbnail::{SIDE, Thumbnail};
use super::vectors::{total, vectorized};

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

    /// Each pixel with its neighbours, in the weights 1, 2, 1.
    pub fn smoothed(&self) -> Self {
        let side = self.side;
        let mean = |before: f32, own: f32, after: f32| (before + 2.0 * own + after) / 4.0;
        let mut rows = self.grey.clone();
        for (row, own) in rows.chunks_exact_mut(side).zip(self.grey.chunks_exact(side)) {
            row[0] = mean(own[0], own[0], own[1]);
            row[side - 1] = mean(own[side - 2], own[side - 1], own[side - 1]);
            for (pixel, own) in row[1..side - 1].iter_mut().zip(own.windows(3)) {
                *pixel = mean(own[0], own[1], own[2]);
            }
        }
        let mut grey = Vec::with_capacity(side * side);
        let line = |y: usize| &rows[y * side..][..side];
        for y in 0..side {
            let (before, after) = (line(y.saturating_sub(1)), line((y + 1).min(side - 1)));
            let lines = before.iter().zip(line(y)).zip(after);
            grey.extend(lines.map(|((before, own), after)| mean(*before, *own, *after)));
        }
        Self { side, grey }
    }

    /// Mean squared difference of neighbours in a row, as a share of the variance.
    pub fn sharpness(&self) -> f32 {
        vectorized(
            #[inline(always)]
            || {
                let count = self.grey.len() as f32;
                let mean = total(&self.grey, &self.grey, |grey, _| grey) / count;
                let variance = total(&self.grey, &self.grey, |grey, _| (grey - mean) * (grey - mean)) / count;
                let steps = |row: &[f32]| {
                    let last = row.len() - 1;
                    total(&row[..last], &row[1..], |own, next| (next - own) * (next - own))
                };
                let steps: f32 = self.grey.chunks_exact(self.side).map(steps).sum();
                steps / count / variance.max(1.0)
            },
        )
    }

    /// The picture in the frame of another one of the same size, whose point (x, y) is at `scale * (x, y) + shift` in this picture.
    #[inline(always)]
    pub fn seen_through(&self, scale: [f32; 2], shift: [f32; 2]) -> Seen {
        let side = self.side;
        let (columns, rows) = (Axis::of(side, scale[0], shift[0]), Axis::of(side, scale[1], shift[1]));
        let mut lines = Lines::of(self, &columns);
        let mut grey = vec![0.0; side * side];
        for row in rows.inside.clone() {
            let (top, down) = rows.place(row);
            let [above, below] = lines.between(top);
            let pixels = grey[row * side..][..side].iter_mut().zip(above.values.iter().zip(&below.values));
            pixels.for_each(|(grey, (above, below))| *grey = above + (below - above) * down);
        }
        Seen { side, grey, columns: columns.inside, rows: rows.inside }
    }
}

/// A picture in the frame of another one.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Side in pixels.
    pub side: usize,
    /// `side * side` values, 0 where the frame has nothing of the picture.
    pub grey: Vec<f32>,
    /// Columns and rows of the frame that have something of the picture.
    pub columns: Range<usize>,
    /// See `columns`.
    pub rows: Range<usize>,
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

    /// The level with this side, or else the largest.
    pub fn level(&self, side: usize) -> &Level {
        self.levels.iter().find(|level| level.side == side).unwrap_or(&self.levels[0])
    }
}

/// The places of the pixels of a line in the line of another picture.
pub(super) struct Axis {
    /// Pixels that are in the other line.
    pub inside: Range<usize>,
    /// For each pixel, the share of the next pixel of the other line.
    shares: Vec<f32>,
    /// Pixels whose places follow each other: the first, its place, and their number.
    runs: Vec<(usize, usize, usize)>,
}

impl Axis {
    /// The places `scale * x + shift`, in shares of the side; `scale` is positive.
    pub fn of(side: usize, scale: f32, shift: f32) -> Self {
        let length = side as f32;
        let mut axis = Self { inside: 0..0, shares: vec![0.0; side], runs: Vec::new() };
        for at in 0..side {
            let place = (scale * (at as f32 + 0.5) / length + shift) * length - 0.5;
            if !(-0.5..=length - 0.5).contains(&place) {
                continue;
            }
            let first = (place.max(0.0) as usize).min(side - 2);
            axis.shares[at] = (place - first as f32).clamp(0.0, 1.0);
            match axis.runs.last_mut() {
                Some((from, left, count)) if at == *from + *count && first == *left + *count => *count += 1,
                _ => axis.runs.push((at, first, 1)),
            }
            if axis.inside.is_empty() {
                axis.inside.start = at;
            }
            axis.inside.end = at + 1;
        }
        axis
    }

    /// The place of a pixel inside: a pixel of the other line, and the share of the next one.
    pub fn place(&self, at: usize) -> (usize, f32) {
        let before = self.runs.partition_point(|(from, ..)| *from <= at).saturating_sub(1);
        self.runs.get(before).map_or((0, 0.0), |(from, left, _)| (left + (at - from), self.shares[at]))
    }
}

/// A row of a picture at the columns of a frame: values, and their change for a step of one pixel. Both are 0 outside of the picture.
pub(super) struct Line {
    row: usize,
    pub values: Vec<f32>,
    pub slopes: Vec<f32>,
}

/// The rows of a picture at the columns of a frame, two at a time.
pub(super) struct Lines<'a> {
    level: &'a Level,
    columns: &'a Axis,
    pair: [Line; 2],
}

impl<'a> Lines<'a> {
    pub fn of(level: &'a Level, columns: &'a Axis) -> Self {
        let empty = || Line { row: usize::MAX, values: vec![0.0; level.side], slopes: vec![0.0; level.side] };
        Self { level, columns, pair: [empty(), empty()] }
    }

    /// The rows `top` and `top + 1`. Rows that the last call had are not interpolated again.
    #[inline(always)]
    pub fn between(&mut self, top: usize) -> &[Line; 2] {
        if self.pair[1].row == top {
            self.pair.swap(0, 1);
        }
        for (line, row) in self.pair.iter_mut().zip([top, top + 1]) {
            if line.row == row {
                continue;
            }
            line.row = row;
            let source = &self.level.grey[row * self.level.side..][..self.level.side];
            for &(from, left, count) in &self.columns.runs {
                let pixels = source[left..left + count].iter().zip(&source[left + 1..=left + count]);
                let shares = &self.columns.shares[from..from + count];
                let values = line.values[from..from + count].iter_mut();
                let places = values.zip(&mut line.slopes[from..from + count]).zip(shares);
                for (((value, slope), share), (own, next)) in places.zip(pixels) {
                    *slope = next - own;
                    *value = own + *slope * share;
                }
            }
        }
        &self.pair
    }
}
