//! Moments of pairs of pixels.

use std::ops::Range;

use super::level::Seen;

/// Sums over pairs of grey values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    /// Number of pairs.
    pub count: f32,
    sums: [f32; 2],
    squares: [f32; 2],
    product: f32,
}

impl Moments {
    /// Adds a pair.
    pub fn add(&mut self, a: f32, b: f32) {
        self.count += 1.0;
        self.sums = [self.sums[0] + a, self.sums[1] + b];
        self.squares = [self.squares[0] + a * a, self.squares[1] + b * b];
        self.product += a * b;
    }

    /// Adds the pairs of two lines of equal length.
    #[inline(always)]
    pub fn add_all(&mut self, one: &[f32], other: &[f32]) {
        let ((chunks, rest), (other_chunks, other_rest)) = (one.as_chunks(), other.as_chunks());
        *self += Self::of_lines::<8>(chunks.iter().zip(other_chunks));
        rest.iter().zip(other_rest).for_each(|(a, b)| self.add(*a, *b));
    }

    /// The moments of the pairs in pairs of short lines, added column by column.
    #[inline(always)]
    fn of_lines<'a, const LANES: usize>(
        lines: impl Iterator<Item = (&'a [f32; LANES], &'a [f32; LANES])>,
    ) -> Self {
        let mut sums = [[0_f32; LANES]; 5];
        let mut count = 0;
        for (one, other) in lines {
            count += LANES;
            for (at, (&a, &b)) in one.iter().zip(other).enumerate() {
                sums[0][at] += a;
                sums[1][at] += b;
                sums[2][at] += a * a;
                sums[3][at] += b * b;
                sums[4][at] += a * b;
            }
        }
        let [a, b, aa, bb, product] = sums.map(|lanes| lanes.iter().sum());
        Self { count: count as f32, sums: [a, b], squares: [aa, bb], product }
    }

    /// The moments of the pairs of bytes in pairs of lines. The sums are whole numbers, so they are exact.
    #[inline(always)]
    pub fn of_bytes<'a>(lines: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let (mut count, mut sums) = (0, [0_u32; 5]);
        for (one, other) in lines {
            count += one.len().min(other.len());
            for (a, b) in one.iter().zip(other) {
                let (a, b) = (u32::from(*a), u32::from(*b));
                sums = [sums[0] + a, sums[1] + b, sums[2] + a * a, sums[3] + b * b, sums[4] + a * b];
            }
        }
        let [a, b, aa, bb, product] = sums.map(|sum| sum as f32);
        Self { count: count as f32, sums: [a, b], squares: [aa, bb], product }
    }

    /// The moments of each block of `SIDE` x `SIDE` pixels, row by row, of one picture and of what another one has there.
    #[inline(always)]
    pub fn of_blocks<const SIDE: usize>(one: &[f32], other: &Seen) -> Vec<Self> {
        let side = other.side;
        let common = |inside: &Range<usize>, from: usize| {
            let start = inside.start.max(from);
            start..inside.end.min(from + SIDE).max(start)
        };
        let mut blocks = Vec::with_capacity((side / SIDE).pow(2));
        for top in (0..side).step_by(SIDE) {
            let rows = common(&other.rows, top);
            for left in (0..side).step_by(SIDE) {
                let columns = common(&other.columns, left);
                let lines = rows.clone().map(|row| row * side + columns.start..row * side + columns.end);
                blocks.push(if columns.len() == SIDE {
                    let line = |line: Range<usize>| {
                        Some((one[line.clone()].first_chunk()?, other.grey[line].first_chunk()?))
                    };
                    Self::of_lines::<SIDE>(lines.filter_map(line))
                } else {
                    let mut moments = Self::default();
                    lines.for_each(|line| moments.add_all(&one[line.clone()], &other.grey[line]));
                    moments
                });
            }
        }
        blocks
    }

    /// The two means.
    pub fn means(&self) -> [f32; 2] {
        self.sums.map(|sum| sum / self.count.max(1.0))
    }

    /// The two variances.
    pub fn variances(&self) -> [f32; 2] {
        let means = self.means();
        [0, 1].map(|at| (self.squares[at] / self.count.max(1.0) - means[at] * means[at]).max(0.0))
    }

    /// The covariance.
    pub fn covariance(&self) -> f32 {
        let means = self.means();
        self.product / self.count.max(1.0) - means[0] * means[1]
    }

    /// Whether the correlation is at least `least`, or one of the variances is below `flat`, so that there is none.
    pub fn correlate(&self, least: f32, flat: f32) -> bool {
        let variances = self.variances();
        let is_flat = variances[0].min(variances[1]) < flat;
        is_flat || self.covariance() >= least * (variances[0] * variances[1]).sqrt()
    }

    /// Mean of the squared differences.
    pub fn squared_difference(&self) -> f32 {
        (self.squares[0] + self.squares[1] - 2.0 * self.product).max(0.0) / self.count.max(1.0)
    }
}

impl std::ops::AddAssign for Moments {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        for at in [0, 1] {
            self.sums[at] += other.sums[at];
            self.squares[at] += other.squares[at];
        }
        self.product += other.product;
    }
}
