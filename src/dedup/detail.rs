//! The detail of two photos of one size: whether they are one photo, or two that only look equal in a thumbnail.
//!
//! Two frames of a still camera agree in nearly every block of a thumbnail. At full size, an edge that moved by one pixel leaves most of a
//! block unexplained. What compression costs is small beside the structure of a block, even at a low quality.

use super::moments::Moments;
use super::vectors::vectorized;
use crate::image::Photo;

/// Longest side that is compared, in pixels. Larger photos are reduced by a whole number.
const LONGEST: usize = 2048;
/// Side of a block.
const BLOCK: usize = 16;
/// Variance that is added to that of a block, so that noise is no structure, and unexplained variance below which a block is equal, both in
/// squared levels of grey.
const NOISE: f32 = 60.0;
const LEAST: f32 = 90.0;
/// Share of a block's variance that may be unexplained; and so may this times the amount in most blocks.
const UNEXPLAINED: f32 = 0.3;
const BY_TYPICAL: f32 = 6.0;
/// Blocks from which two photos differ.
const DIFFERENT: usize = 2;

/// The luma of a photo, reduced to at most `LONGEST` pixels per side.
#[derive(Debug)]
pub struct Detail {
    width: usize,
    height: usize,
    grey: Vec<u8>,
}

impl Detail {
    /// The detail of a photo: each pixel is the mean of a square, or of what of it is in the photo. At most 4 MiB.
    pub fn of(photo: &Photo) -> Self {
        if photo.width.max(photo.height) as usize <= LONGEST {
            return vectorized(
                #[inline(always)]
                || Self::whole(photo),
            );
        }
        let (width, height) = (photo.width as usize, photo.height as usize);
        let factor = width.max(height).div_ceil(LONGEST).max(1);
        let (columns, rows) = (width.div_ceil(factor), height.div_ceil(factor));
        let mut grey = Vec::with_capacity(columns * rows);
        let mut sums = vec![0_u32; columns];
        for lines in photo.pixels.chunks(width * 3 * factor).take(rows) {
            sums.fill(0);
            for line in lines.chunks_exact(width * 3) {
                for (sum, pixels) in sums.iter_mut().zip(line.chunks(3 * factor)) {
                    let luma = |&[red, green, blue]: &[u8; 3]| {
                        (77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue)) >> 8
                    };
                    *sum += pixels.as_chunks::<3>().0.iter().map(luma).sum::<u32>();
                }
            }
            let high = lines.len() / (width * 3);
            let count = |column: usize| (high * factor.min(width - column * factor)) as u32;
            grey.extend(sums.iter().enumerate().map(|(column, sum)| (sum / count(column)) as u8));
        }
        Self { width: columns, height: rows, grey }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.grey.len()
    }

    /// Whether this is the same photo as the other one, of the same size, apart from its compression. Photos of different sizes are not.
    pub fn equals(&self, other: &Self) -> bool {
        if (self.width, self.height) != (other.width, other.height) {
            return false;
        }
        let mut blocks: Vec<(f32, f32)> = Vec::new();
        vectorized(
            #[inline(always)]
            || {
                for top in (0..self.height).step_by(BLOCK) {
                    for left in (0..self.width).step_by(BLOCK) {
                        blocks.push(self.unexplained(other, left, top));
                    }
                }
            },
        );
        // What compression costs in most blocks, it may cost several times in another one.
        let mut variances: Vec<f32> = blocks.iter().map(|(_, variance)| *variance).collect();
        let at = variances.len() * 3 / 4;
        let typical = if at == 0 { 0.0 } else { *variances.select_nth_unstable_by(at, f32::total_cmp).1 };
        let least = LEAST.max(BY_TYPICAL * typical);
        blocks.iter().filter(|(share, variance)| *share > UNEXPLAINED && *variance > least).count()
            < DIFFERENT
    }

    /// The detail of a photo that is not reduced.
    #[inline(always)]
    fn whole(photo: &Photo) -> Self {
        let (width, height) = (photo.width as usize, photo.height as usize);
        let (mut line, mut grey) = (vec![0; width], Vec::with_capacity(width * height));
        for pixels in photo.pixels.chunks_exact(width * 3) {
            luma(pixels, &mut line);
            grey.extend(line.iter().map(|luma| (luma >> 8) as u8));
        }
        Self { width, height, grey }
    }

    /// Variance of a block that the other photo leaves unexplained: the share, and the amount.
    #[inline(always)]
    fn unexplained(&self, other: &Self, left: usize, top: usize) -> (f32, f32) {
        let (right, bottom) = ((left + BLOCK).min(self.width), (top + BLOCK).min(self.height));
        let lines = (top..bottom).map(|y| y * self.width + left..y * self.width + right);
        let lines = lines.map(|line| (&self.grey[line.clone()], &other.grey[line]));
        let moments = Moments::of_bytes(lines);
        let [one, two] = moments.variances();
        let common = moments.covariance().max(0.0);
        let left = |spread: f32, by: f32| (spread - common * common / by.max(1.0)).max(0.0);
        let most = left(one, two).max(left(two, one));
        (most / (one.max(two) + NOISE), most)
    }
}

/// Writes the luma of a row of RGB pixels, in shares of 65,280 (255 x 256).
#[inline(always)]
fn luma(rgb: &[u8], row: &mut [u16]) {
    for (luma, pixel) in row.iter_mut().zip(rgb.as_chunks::<3>().0) {
        let [red, green, blue] = pixel.map(u16::from);
        *luma = 77 * red + 150 * green + 29 * blue;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A photo of stripes with noise; `moved` is the part of it that moved by two pixels.
    fn photo(noise: u32, moved: std::ops::Range<u32>) -> Photo {
        let (width, height) = (320, 240);
        let pixel = |x: u32, y: u32| {
            let x_moved = if moved.contains(&x) && (100..140).contains(&y) { x + 2 } else { x };
            let stripe = if x_moved / 5 % 2 == 0 { 90 } else { 170 };
            let noise = (x.wrapping_mul(2_654_435_761).wrapping_add(y * 40_503) >> 7) % (noise + 1);
            [(stripe + noise) as u8; 3]
        };
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
        Photo { width, height, pixels }
    }

    #[test]
    fn a_small_move_is_another_photo_and_noise_is_not() {
        let original = Detail::of(&photo(0, 0..0));
        assert!(original.equals(&Detail::of(&photo(12, 0..0))));
        assert!(!original.equals(&Detail::of(&photo(0, 100..140))));
        assert!(!original.equals(&Detail::of(&photo(12, 100..140))));
    }

    #[test]
    fn narrow_photos_are_compared_although_they_are_reduced() {
        for (width, height) in [(5000, 1), (1, 5000), (5000, 2), (9000, 4)] {
            let photo = |moved: u32| {
                let grey = |at: u32| {
                    let place = at % width + at / width;
                    let place = if (2000..2400).contains(&place) { place + moved } else { place };
                    (place / 20).wrapping_mul(2_654_435_761).to_be_bytes()[0]
                };
                let pixels = (0..width * height).flat_map(|at| [grey(at); 3]).collect();
                Detail::of(&Photo { width, height, pixels })
            };
            assert!(!photo(0).equals(&photo(800)), "{width} x {height}");
            assert!(photo(0).equals(&photo(0)), "{width} x {height}");
        }
    }

    #[test]
    fn photos_of_any_size_have_a_detail_and_are_equal_to_themselves() {
        for (width, height) in [(1, 1), (5000, 1), (1, 5000), (1030, 700), (2049, 33)] {
            let pixels = (0..width * height * 3).map(|at| (at * 31 % 251) as u8).collect();
            let detail = Detail::of(&Photo { width, height, pixels });
            assert!(detail.equals(&detail), "{width} x {height}");
        }
    }
}
