//! Traces of an earlier compression. JPEG stores blocks of 8 x 8 pixels in multiples of the steps of its table. A photo that was stored,
//! opened and stored again keeps the multiples of the first table on the grid of the photo; a face that was put in between has lost them.
//! After Farid, Exposing digital forgeries from JPEG ghosts, IEEE Transactions on Information Forensics and Security 4 (2009), with the
//! comparison of a face and its surroundings, and of the grid with a shifted one, in place of the search for a region.

use std::f64::consts::PI;
use std::ops::Range;

use super::region::luma_of;
use crate::image::Photo;

/// The table for luma in annex K of the JPEG standard (ITU-R T.81), by rows: the steps of quality 50.
const STANDARD: [[u8; 8]; 8] = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
];
/// Qualities of the tables that are tried: 50, 52 and so on.
const QUALITIES: usize = 24;
/// The highest frequency, as the sum of both directions, of a block that is used. Above it nearly all multiples are 0.
const HIGHEST: usize = 6;
/// Distance from the centre of the face, relative to its outline, up to which a block is of the face.
const WITHIN: f64 = 0.85;
/// Distances at which its surroundings begin and end, in the same way.
const AROUND: [f64; 2] = [1.15, 1.7];
/// Fewest blocks of the face and of its surroundings.
const FEWEST: usize = 8;
/// Blocks of each grid beyond which some are left out.
const MOST: usize = 4096;
/// What the largest value of a face that was not put in reaches by chance, with 24 tables and few blocks: nearly 9 in 10 photos of LFW are
/// below it. Without it, a gate for prints uses the chance, which is larger in prints (NUAA: medians 0.15 and 0.05).
const CHANCE: f64 = 0.25;
/// What is added to a mean square before its logarithm is taken.
const LEAST: f64 = 1e-4;

/// Mean squared distances of the coefficients of blocks from the nearest multiple, in steps, for each quality.
type Distances = [f64; QUALITIES];

/// The outline of a face: the ellipse from the forehead to the chin and from temple to temple.
struct Outline {
    centre: [f64; 2],
    half_axes: [f64; 2],
}

impl Outline {
    /// The outline in the box of a detector (left, top, right, bottom), which has a margin to the sides and above.
    fn of(bounds: [f32; 4]) -> Self {
        let [left, top, right, bottom] = bounds.map(f64::from);
        let (width, height) = (right - left, bottom - top);
        Self { centre: [(left + right) / 2.0, top + 0.56 * height], half_axes: [0.44 * width, 0.36 * height] }
    }

    /// Distance of a point from the centre, relative to that of the outline in its direction.
    fn distance(&self, x: f64, y: f64) -> f64 {
        ((x - self.centre[0]) / self.half_axes[0]).hypot((y - self.centre[1]) / self.half_axes[1])
    }

    /// The blocks along one axis, of a grid with an offset in a photo of this length, that are of the face or of its surroundings.
    fn blocks(&self, axis: usize, length: u32, offset: usize) -> Range<usize> {
        let (centre, reach) = (self.centre[axis], AROUND[1] * self.half_axes[axis]);
        let pixel = |at: f64| (at.clamp(0.0, f64::from(length)) as usize).saturating_sub(offset);
        pixel(centre - reach).div_ceil(8)..pixel(centre + reach) / 8
    }
}

/// How much further the coefficients of the face in this box (left, top, right, bottom in pixels) are from the multiples of a table than
/// those around it, in logarithms: for the table of quality 50 to 96 with the largest value, and relative to the same on a grid that is
/// shifted by half a block, so that the content of both does not matter. What a face has by chance is subtracted. 0 for nearly all photos
/// without a face put in, and for those that were scaled or turned since; 0 if the face or its surroundings have less than 8 blocks in
/// the photo.
pub(super) fn contrast(photo: &Photo, bounds: [f32; 4]) -> f64 {
    let outline = Outline::of(bounds);
    let (Some(grid), Some(shifted)) = (compared(photo, &outline, 0), compared(photo, &outline, 4)) else {
        return 0.0;
    };
    grid.iter().zip(shifted).map(|(grid, shifted)| grid - shifted - CHANCE).fold(0.0, f64::max)
}

/// The logarithm of the distances of the face over those of its surroundings, on the grid with an offset in both directions.
fn compared(photo: &Photo, outline: &Outline, offset: usize) -> Option<Distances> {
    let (columns, rows) = (outline.blocks(0, photo.width, offset), outline.blocks(1, photo.height, offset));
    // The same share of the rows and of the columns is left out.
    let step = ((columns.len() * rows.len()) as f64 / MOST as f64).sqrt().ceil().max(1.0) as usize;
    let (waves, tables) = (waves(), tables());
    let (mut sums, mut counts) = ([[0.0; QUALITIES]; 2], [0; 2]);
    for row in rows.step_by(step) {
        for column in columns.clone().step_by(step) {
            let corner = [8 * column + offset, 8 * row + offset];
            let part = match outline.distance(corner[0] as f64 + 3.5, corner[1] as f64 + 3.5) {
                distance if distance < WITHIN => 0,
                distance if (AROUND[0]..AROUND[1]).contains(&distance) => 1,
                _ => continue,
            };
            counts[part] += 1;
            add(&mut sums[part], &coefficients(&luma_of(photo, corner, [8, 8]).values, &waves), &tables);
        }
    }
    let [face, around] = sums;
    let mean = |sum: f64, count: usize| (sum / count as f64 + LEAST).ln();
    let enough = counts.iter().all(|count| *count >= FEWEST);
    enough.then(|| std::array::from_fn(|at| mean(face[at], counts[0]) - mean(around[at], counts[1])))
}

/// Adds the mean squared distances of the coefficients of a block.
fn add(sums: &mut Distances, coefficients: &[[f64; 8]; 8], tables: &[[[f64; 8]; 8]; QUALITIES]) {
    let used =
        (0..8).flat_map(|v| (0..8).map(move |u| (u, v))).filter(|(u, v)| (1..=HIGHEST).contains(&(u + v)));
    for (u, v) in used {
        for (sum, table) in sums.iter_mut().zip(tables) {
            let multiple = coefficients[v][u] / table[v][u];
            *sum += (multiple - multiple.round()).powi(2) / 27.0;
        }
    }
}

/// The steps of each quality, as the library of the Independent JPEG Group derives them from the standard table.
pub(super) fn tables() -> [[[f64; 8]; 8]; QUALITIES] {
    std::array::from_fn(|at| {
        let scale = 100 - 4 * at as u32;
        STANDARD.map(|row| row.map(|step| f64::from(((u32::from(step) * scale + 50) / 100).clamp(1, 255))))
    })
}

/// The cosines of the transform of 8 values.
pub(super) fn waves() -> [[f64; 8]; 8] {
    let wave = |u: usize, x: usize| {
        let factor = if u == 0 { 0.125_f64.sqrt() } else { 0.5 };
        factor * (PI * (2 * x + 1) as f64 * u as f64 / 16.0).cos()
    };
    std::array::from_fn(|u| std::array::from_fn(|x| wave(u, x)))
}

/// The discrete cosine transform of a block of 64 grey levels, rows of vertical and columns of horizontal frequency. The levels are not
/// shifted by 128: the mean is not used.
pub(super) fn coefficients(block: &[f64], waves: &[[f64; 8]; 8]) -> [[f64; 8]; 8] {
    let sum = |of: &dyn Fn(usize) -> f64| (0..8).map(of).sum::<f64>();
    let rows: [[f64; 8]; 8] =
        std::array::from_fn(|y| std::array::from_fn(|u| sum(&|x| waves[u][x] * block[8 * y + x])));
    std::array::from_fn(|v| std::array::from_fn(|u| sum(&|y| waves[v][y] * rows[y][u])))
}
