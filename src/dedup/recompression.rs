//! Whether a photo was made by decoding a JPEG of the same size and encoding it again, more finely.
//!
//! The first encoding leaves the coefficients of its blocks at multiples of its quantisation steps. A finer encoding, or a format without
//! loss, hardly moves them (Lukáš and Fridrich, "Estimation of Primary Quantization Matrix in Double Compressed JPEG Images", 2003).

use super::luma::Luma;
use super::vectors::vectorized;

/// Side of a block of JPEG.
const SIDE: usize = 8;
/// Blocks of which coefficients are looked at.
const BLOCKS: usize = 900;
/// Least step whose multiples are told from rounding.
const LEAST_STEP: u16 = 5;
/// Least number of coefficients.
const FEWEST: u32 = 150;
/// Mean distance to the nearest multiple, in steps: 0 for a decoded JPEG, 0.25 or more for another photo.
const CLOSE: f32 = 0.15;

/// The quantisation steps of the luma of a JPEG, row by row from the lowest frequency; `None` for other formats.
pub fn luma_steps(bytes: &[u8]) -> Option<Steps> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(4..2 + length)?;
        match marker {
            0xdb => {
                let (kind, steps) = body.split_first()?;
                let wide = kind >> 4 != 0;
                let step = |at: usize| match wide {
                    false => steps.get(at).map(|&step| u16::from(step)),
                    true => Some(u16::from_be_bytes([*steps.get(2 * at)?, *steps.get(2 * at + 1)?])),
                };
                let mut found = [0; SIDE * SIDE];
                for (at, place) in zigzag().enumerate() {
                    found[place] = step(at)?;
                }
                return Some(found);
            }
            0xda => return None,
            _ => rest = &rest[2 + length..],
        }
    }
}

/// The places of the coefficients in the order in which JPEG stores them.
fn zigzag() -> impl Iterator<Item = usize> {
    (0..2 * SIDE - 1).flat_map(|sum| {
        let from = sum.saturating_sub(SIDE - 1);
        let to = sum.min(SIDE - 1);
        (from..=to).map(move |at| {
            let row = if sum % 2 == 0 { from + to - at } else { at };
            row * SIDE + sum - row
        })
    })
}

/// Steps of the coefficients of a block, row by row from the lowest frequency.
pub type Steps = [u16; SIDE * SIDE];

/// The cosine transforms of blocks that are spread over a photo, for each place where the grid of blocks may begin: a photo may have been
/// turned upright before it was encoded again.
#[derive(Debug)]
pub struct Coefficients(Vec<Vec<[f32; SIDE * SIDE]>>);

impl Coefficients {
    /// The coefficients of a photo.
    pub fn of(photo: &Luma) -> Self {
        let cosines = cosines();
        let offsets =
            |length: usize| if length.is_multiple_of(SIDE) { vec![0] } else { vec![0, length % SIDE] };
        let mut grids = Vec::new();
        for top in offsets(photo.height) {
            for left in offsets(photo.width) {
                grids.push(vectorized(
                    #[inline(always)]
                    || transformed(photo, (left, top), &cosines),
                ));
            }
        }
        Self(grids)
    }

    /// Whether they are at multiples of the steps `first` of another file. `own` are those of their own file, if it is a JPEG: only
    /// frequencies that it keeps more finely count.
    pub fn show(&self, own: Option<&Steps>, first: &Steps) -> bool {
        let transposed: Steps = std::array::from_fn(|at| first[at % SIDE * SIDE + at / SIDE]);
        self.0
            .iter()
            .any(|blocks| [first, &transposed].into_iter().any(|steps| are_close(blocks, own, steps)))
    }
}

fn are_close(blocks: &[[f32; SIDE * SIDE]], own: Option<&Steps>, steps: &Steps) -> bool {
    let counts =
        |at: usize| at > 0 && steps[at] >= LEAST_STEP && own.is_none_or(|own| 2 * own[at] <= steps[at]);
    // A step of 0 stands for a frequency that does not count.
    let steps: [f32; SIDE * SIDE] =
        std::array::from_fn(|at| if counts(at) { f32::from(steps[at]) } else { 0.0 });
    let (count, sum) = vectorized(
        #[inline(always)]
        || distances(blocks, &steps),
    );
    count >= FEWEST && sum <= CLOSE * count as f32
}

/// The number of coefficients of at least half a step, and the sum of their distances to the nearest multiple, in steps.
#[inline(always)]
fn distances(blocks: &[[f32; SIDE * SIDE]], steps: &[f32; SIDE * SIDE]) -> (u32, f32) {
    let inverse = steps.map(|step| if step > 0.0 { 1.0 / step } else { 0.0 });
    let (mut counts, mut sums) = ([0_u32; SIDE * SIDE], [0_f32; SIDE * SIDE]);
    for block in blocks {
        for (at, coefficient) in block.iter().enumerate() {
            let multiple = coefficient * inverse[at];
            let counted = multiple.abs() >= 0.5;
            counts[at] += u32::from(counted);
            sums[at] += if counted { (multiple - multiple.round_ties_even()).abs() } else { 0.0 };
        }
    }
    (counts.iter().sum(), sums.iter().sum())
}

/// The cosine transforms of blocks of the grid that begins at `left` and `top`.
#[inline(always)]
fn transformed(
    photo: &Luma,
    (left, top): (usize, usize),
    cosines: &[[f32; SIDE]; SIDE],
) -> Vec<[f32; SIDE * SIDE]> {
    let (columns, rows) = ((photo.width - left) / SIDE, (photo.height - top) / SIDE);
    let all = columns * rows;
    // Odd, so that it rarely divides the columns, and the blocks are spread.
    let every = all.div_ceil(BLOCKS) | 1;
    // The weights of all waves at a place.
    let transposed: [[f32; SIDE]; SIDE] = std::array::from_fn(|at| cosines.map(|wave| wave[at]));
    let mut blocks = Vec::with_capacity(all.div_ceil(every));
    for number in (0..all).step_by(every) {
        let (x, y) = (left + number % columns * SIDE, top + number / columns * SIDE);
        // Along the columns first: every step then adds whole lines.
        let mut down = [[0_f32; SIDE]; SIDE];
        for (line, weights) in transposed.iter().enumerate() {
            let grey = &photo.grey[(y + line) * photo.width + x..][..SIDE];
            let pixels: [f32; SIDE] = std::array::from_fn(|at| f32::from(grey[at]) - 128.0);
            for (sums, weight) in down.iter_mut().zip(weights) {
                for at in 0..SIDE {
                    sums[at] += weight * pixels[at];
                }
            }
        }
        let mut block = [0_f32; SIDE * SIDE];
        for (row, down) in block.as_chunks_mut::<SIDE>().0.iter_mut().zip(&down) {
            for (waves, value) in transposed.iter().zip(down) {
                for at in 0..SIDE {
                    row[at] += waves[at] * value;
                }
            }
        }
        blocks.push(block);
    }
    blocks
}

/// The orthonormal cosine transform.
fn cosines() -> [[f32; SIDE]; SIDE] {
    std::array::from_fn(|frequency| {
        std::array::from_fn(|at| {
            let scale = if frequency == 0 { (1.0 / SIDE as f32).sqrt() } else { (2.0 / SIDE as f32).sqrt() };
            scale * (std::f32::consts::PI * frequency as f32 * (at as f32 + 0.5) / SIDE as f32).cos()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_coefficients_is_that_of_the_standard() {
        let order: Vec<usize> = zigzag().collect();
        assert_eq!(order[..10], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]);
        assert_eq!(order[60..], [47, 55, 62, 63].map(|at| at).to_vec()[..]);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..64).collect::<Vec<_>>());
    }
}
