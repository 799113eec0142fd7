//! Whether a photo was made by decoding a JPEG of the same size and encoding it again, more finely.
//!
//! The first encoding leaves the coefficients of its blocks at multiples of its quantisation steps. A finer encoding, or a format without
//! loss, hardly moves them (Lukáš and Fridrich, "Estimation of Primary Quantization Matrix in Double Compressed JPEG Images", 2003).

use super::luma::Luma;

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
pub fn luma_steps(bytes: &[u8]) -> Option<[u16; SIDE * SIDE]> {
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

/// Whether the coefficients of `photo` are at multiples of the steps `first` of another file. `own` are those of its own file, if it is a
/// JPEG: only frequencies that it keeps more finely count. A photo may have been turned upright before it was encoded again.
pub fn shows(photo: &Luma, own: Option<&[u16; SIDE * SIDE]>, first: &[u16; SIDE * SIDE]) -> bool {
    let transposed: [u16; SIDE * SIDE] = std::array::from_fn(|at| first[at % SIDE * SIDE + at / SIDE]);
    let cosines = cosines();
    let offsets = |length: usize| if length.is_multiple_of(SIDE) { vec![0] } else { vec![0, length % SIDE] };
    for top in offsets(photo.height) {
        for left in offsets(photo.width) {
            let coefficients = coefficients(photo, (left, top), &cosines);
            if [first, &transposed].into_iter().any(|steps| are_close(&coefficients, own, steps)) {
                return true;
            }
        }
    }
    false
}

fn are_close(
    blocks: &[[f32; SIDE * SIDE]],
    own: Option<&[u16; SIDE * SIDE]>,
    steps: &[u16; SIDE * SIDE],
) -> bool {
    let (mut count, mut sum) = (0, 0.0);
    for at in 1..SIDE * SIDE {
        let step = steps[at];
        if step < LEAST_STEP || own.is_some_and(|own| 2 * own[at] > step) {
            continue;
        }
        for block in blocks {
            let multiple = block[at] / f32::from(step);
            if multiple.abs() >= 0.5 {
                count += 1;
                sum += (multiple - multiple.round()).abs();
            }
        }
    }
    count >= FEWEST && sum <= CLOSE * count as f32
}

/// The cosine transforms of blocks that are spread over a photo.
fn coefficients(
    photo: &Luma,
    (left, top): (usize, usize),
    cosines: &[[f32; SIDE]; SIDE],
) -> Vec<[f32; SIDE * SIDE]> {
    let (columns, rows) = ((photo.width - left) / SIDE, (photo.height - top) / SIDE);
    let all = columns * rows;
    // Odd, so that it rarely divides the columns, and the blocks are spread.
    let every = all.div_ceil(BLOCKS) | 1;
    let block = |number: usize| {
        let (x, y) = (left + number % columns * SIDE, top + number / columns * SIDE);
        let mut rows = [[0.0; SIDE]; SIDE];
        for (line, row) in rows.iter_mut().enumerate() {
            let pixels = &photo.grey[(y + line) * photo.width + x..][..SIDE];
            for (value, cosines) in row.iter_mut().zip(cosines) {
                *value = pixels
                    .iter()
                    .zip(cosines)
                    .map(|(grey, cosine)| (f32::from(*grey) - 128.0) * cosine)
                    .sum();
            }
        }
        std::array::from_fn(|at| {
            let (v, u) = (at / SIDE, at % SIDE);
            rows.iter().zip(&cosines[v]).map(|(row, cosine)| row[u] * cosine).sum()
        })
    };
    (0..all).step_by(every).map(block).collect()
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
