//! Perceptual hashes: 63 signs of the low frequencies of a thumbnail.
//!
//! The hash is that of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1, with one
//! change: a frequency is compared with 0 and not with the median. So the hashes of all eight orientations of a picture follow from one
//! of them by exclusive or (mirrored frequencies change their sign where they are odd) and a transposition.

use super::orientation::Orientation;
use super::thumbnail::{SIDE, Thumbnail};

/// Samples per axis for the cosine transform.
const SAMPLES: usize = 32;
/// Frequencies per axis.
const FREQUENCIES: usize = 8;
/// Bits of the frequencies that are odd in x, and in y.
const ODD_X: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const ODD_Y: u64 = 0xff00_ff00_ff00_ff00;

/// A perceptual hash: bit `8 * y + x` tells whether the frequency (x, y) is positive. Bit 0, of the mean, is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerceptualHash(pub u64);

impl PerceptualHash {
    /// Bits that differ, 0 to 63.
    #[inline(always)]
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }

    /// The hash of the picture in this orientation.
    pub fn oriented(self, orientation: Orientation) -> Self {
        let mut bits = self.0;
        if orientation.transposed {
            bits = transposed(bits);
        }
        if orientation.mirrored {
            bits ^= ODD_X;
        }
        if orientation.flipped {
            bits ^= ODD_Y;
        }
        Self(bits & !1)
    }
}

/// Exchanges the rows and columns of an 8 x 8 matrix of bits (Warren, Hacker's Delight, section 7-3).
fn transposed(bits: u64) -> u64 {
    let exchange = |bits: u64, mask: u64, shift: u32| {
        let both = (bits ^ (bits >> shift)) & mask;
        bits ^ both ^ (both << shift)
    };
    let bits = exchange(bits, 0x00aa_00aa_00aa_00aa, 7);
    let bits = exchange(bits, 0x0000_cccc_0000_cccc, 14);
    exchange(bits, 0x0000_0000_f0f0_f0f0, 28)
}

/// A part of a picture: left, top, right and bottom as shares of its sides.
pub type Window = [f32; 4];

/// Computes hashes.
pub struct Hasher {
    /// For each sample, the cosine of each frequency there.
    cosines: [[f32; FREQUENCIES]; SAMPLES],
}

impl Default for Hasher {
    fn default() -> Self {
        let cosine = |frequency: usize, at: usize| {
            (std::f32::consts::PI * frequency as f32 * (at as f32 + 0.5) / SAMPLES as f32).cos()
        };
        let cosines = std::array::from_fn(|at| std::array::from_fn(|frequency| cosine(frequency, at)));
        Self { cosines }
    }
}

impl Hasher {
    /// The hash of a part of a thumbnail.
    pub fn hash(&self, thumbnail: &Thumbnail, window: Window) -> PerceptualHash {
        let samples = sampled(thumbnail, window);
        let mut rows = [[0_f32; FREQUENCIES]; SAMPLES];
        for (row, samples) in rows.iter_mut().zip(&samples) {
            for (sample, cosines) in samples.iter().zip(&self.cosines) {
                row.iter_mut().zip(cosines).for_each(|(value, cosine)| *value += sample * cosine);
            }
        }
        let mut bits = 0;
        for y in 0..FREQUENCIES {
            let mut sums = [0_f32; FREQUENCIES];
            for (row, cosines) in rows.iter().zip(&self.cosines) {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += cosines[y] * value);
            }
            for (x, sum) in sums.iter().enumerate() {
                bits |= u64::from(*sum > 0.0) << (FREQUENCIES * y + x);
            }
        }
        PerceptualHash(bits & !1)
    }
}

/// `SAMPLES` x `SAMPLES` means of small areas.
fn sampled(thumbnail: &Thumbnail, [left, top, right, bottom]: Window) -> [[f32; SAMPLES]; SAMPLES] {
    let lines = |from: f32, to: f32| -> [[usize; 2]; SAMPLES] {
        let at = |share: f32| ((from + (to - from) * share) * SIDE as f32 + 0.5) as usize;
        std::array::from_fn(|line| {
            let start = at(line as f32 / SAMPLES as f32).min(SIDE - 1);
            [start, at((line + 1) as f32 / SAMPLES as f32).clamp(start + 1, SIDE)]
        })
    };
    let (columns, rows) = (lines(left, right), lines(top, bottom));
    let pixels = thumbnail.as_bytes();
    rows.map(|[above, below]| {
        let mut sums = [0_u32; SIDE];
        for row in pixels[above * SIDE..below * SIDE].chunks_exact(SIDE) {
            sums.iter_mut().zip(row).for_each(|(sum, grey)| *sum += u32::from(*grey));
        }
        let mut before = [0_u32; SIDE + 1];
        for (at, sum) in sums.into_iter().enumerate() {
            before[at + 1] = before[at] + sum;
        }
        columns.map(|[from, to]| (before[to] - before[from]) as f32 / ((to - from) * (below - above)) as f32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Window = [0.0, 0.0, 1.0, 1.0];

    fn noise(seed: u64) -> Thumbnail {
        let mut state = seed;
        let mut coarse = [0_u8; 256];
        for grey in &mut coarse {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *grey = (state >> 56) as u8;
        }
        let pixels: Vec<u8> = (0..SIDE * SIDE).map(|at| coarse[at / SIDE / 8 * 16 + at % SIDE / 8]).collect();
        Thumbnail::from_bytes(pixels).unwrap()
    }

    #[test]
    fn hashes_of_all_orientations_follow_from_one() {
        let hasher = Hasher::default();
        for seed in 1..20 {
            let thumbnail = noise(seed);
            let hash = hasher.hash(&thumbnail, WHOLE);
            for orientation in Orientation::ALL {
                let turned = hasher.hash(&orientation.apply(&thumbnail), WHOLE);
                assert_eq!(turned, hash.oriented(orientation), "{orientation:?}");
            }
        }
    }

    #[test]
    fn different_pictures_have_distant_hashes() {
        let hasher = Hasher::default();
        let hashes: Vec<_> = (1..40).map(|seed| hasher.hash(&noise(seed), WHOLE)).collect();
        for (at, one) in hashes.iter().enumerate() {
            assert_eq!(one.distance(*one), 0);
            assert!(hashes[at + 1..].iter().all(|other| one.distance(*other) > 12));
        }
    }

    #[test]
    fn a_window_is_the_hash_of_that_part() {
        let (hasher, thumbnail) = (Hasher::default(), noise(3));
        let part: Vec<u8> =
            (0..SIDE * SIDE).map(|at| thumbnail.as_bytes()[at / SIDE / 2 * SIDE + at % SIDE / 2]).collect();
        let part = hasher.hash(&Thumbnail::from_bytes(part).unwrap(), WHOLE);
        assert!(hasher.hash(&thumbnail, [0.0, 0.0, 0.5, 0.5]).distance(part) <= 2);
    }
}
