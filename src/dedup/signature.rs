//! What is kept of a photo in memory to find its copies: hashes, a miniature, and the amount of structure.

use super::hash::{Hasher, PerceptualHash, Window};
use super::moments::Moments;
use super::orientation::Orientation;
use super::thumbnail::{SIDE, Thumbnail};

/// The parts of a picture that are hashed. The first is the whole; a crop or a frame makes another one fit.
pub const WINDOWS: [Window; 7] = [
    [0.0, 0.0, 1.0, 1.0],
    [0.05, 0.05, 0.95, 0.95],
    [0.1, 0.1, 0.9, 0.9],
    [0.0, 0.0, 1.0, 0.88],
    [0.0, 0.12, 1.0, 1.0],
    [0.0, 0.0, 0.88, 1.0],
    [0.12, 0.0, 1.0, 1.0],
];
/// Windows from this one on leave out one side.
pub const STRIPS: usize = 3;
/// Side of a miniature.
const MINIATURE: usize = 8;
/// Variance of a block of 8 x 8 pixels, in squared levels of grey, above which it has structure.
pub(super) const STRUCTURE: f32 = 36.0;
/// Photos with fewer blocks of structure than this are compared pixel by pixel only.
pub(super) const FEW: usize = 16;
/// Largest sum of squared differences of the miniatures of two copies without structure: a root mean square of 8 levels of grey.
const MOST_DIFFERENCE: u32 = 64 * (MINIATURE * MINIATURE) as u32;
/// Smallest correlation of the middles of two miniatures.
const LEAST_CORRELATION: f32 = 0.7;
/// Variance, in squared levels of grey, of a middle without structure.
const FLAT: f32 = 4.0;
/// Bytes of a stored signature.
const BYTES: usize = WINDOWS.len() * 8 + MINIATURE * MINIATURE + 2;

/// The signature of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The hash of each of [`WINDOWS`].
    pub hashes: [PerceptualHash; WINDOWS.len()],
    miniature: [u8; MINIATURE * MINIATURE],
    structured: u16,
}

impl Signature {
    /// The signature of a thumbnail.
    pub fn of(thumbnail: &Thumbnail, hasher: &Hasher) -> Self {
        let hashes = WINDOWS.map(|window| hasher.hash(thumbnail, window));
        let mut structured = 0;
        const BLOCK: usize = 8;
        for top in (0..SIDE).step_by(BLOCK) {
            for left in (0..SIDE).step_by(BLOCK) {
                let rows = (top..top + BLOCK).map(|y| &thumbnail.as_bytes()[y * SIDE + left..][..BLOCK]);
                let (mut sum, mut squares) = (0_u32, 0_u32);
                rows.flatten().for_each(|&grey| {
                    sum += u32::from(grey);
                    squares += u32::from(grey) * u32::from(grey);
                });
                let mean = sum as f32 / (BLOCK * BLOCK) as f32;
                structured += u16::from(squares as f32 / (BLOCK * BLOCK) as f32 - mean * mean >= STRUCTURE);
            }
        }
        Self { hashes, miniature: miniature(thumbnail), structured }
    }

    /// Whether the picture has enough structure to be recognised after a crop or a change of colours.
    pub fn has_structure(&self) -> bool {
        usize::from(self.structured) >= FEW
    }

    /// Whether this picture, turned by `orientation`, may be a copy of the other one. Pictures without structure have similar hashes, and
    /// must be similar in brightness. If the whole pictures correspond (`is_whole`), their middles must correlate.
    pub fn may_equal(&self, orientation: Orientation, other: &Self, is_whole: bool) -> bool {
        if !self.has_structure() || !other.has_structure() {
            return self.difference(orientation, other) <= MOST_DIFFERENCE;
        }
        if !is_whole {
            return true;
        }
        let mut moments = Moments::default();
        for y in 1..MINIATURE - 1 {
            for at in y * MINIATURE + 1..(y + 1) * MINIATURE - 1 {
                moments.add(self.turned(orientation, at).into(), other.miniature[at].into());
            }
        }
        moments.correlate(LEAST_CORRELATION, FLAT)
    }

    /// The sum of the squared differences of the miniatures, this one turned by `orientation`.
    pub fn difference(&self, orientation: Orientation, other: &Self) -> u32 {
        let pairs = (0..MINIATURE * MINIATURE).map(|at| (self.turned(orientation, at), other.miniature[at]));
        pairs.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    }

    /// A pixel of the miniature after it is turned.
    fn turned(&self, orientation: Orientation, at: usize) -> u8 {
        let last = MINIATURE - 1;
        let (x, y) = (at % MINIATURE, at / MINIATURE);
        let y = if orientation.flipped { last - y } else { y };
        let x = if orientation.mirrored { last - x } else { x };
        self.miniature[if orientation.transposed { x * MINIATURE + y } else { y * MINIATURE + x }]
    }

    /// The stored form.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.hashes.iter().flat_map(|hash| hash.0.to_le_bytes()).collect();
        bytes.extend(self.miniature);
        bytes.extend(self.structured.to_le_bytes());
        bytes
    }

    /// The signature in a stored form. `None` if its length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        let (hashes, rest) = bytes.split_at(WINDOWS.len() * 8);
        let (miniature, structured) = rest.split_at(MINIATURE * MINIATURE);
        let mut words =
            hashes.as_chunks::<8>().0.iter().map(|word| PerceptualHash(u64::from_le_bytes(*word)));
        let mut read = [PerceptualHash(0); WINDOWS.len()];
        for hash in &mut read {
            *hash = words.next()?;
        }
        let structured = u16::from_le_bytes(structured.try_into().ok()?);
        Some(Self { hashes: read, miniature: miniature.try_into().ok()?, structured })
    }
}

fn miniature(thumbnail: &Thumbnail) -> [u8; MINIATURE * MINIATURE] {
    const CELL: usize = SIDE / MINIATURE;
    std::array::from_fn(|at| {
        let (left, top) = (at % MINIATURE * CELL, at / MINIATURE * CELL);
        let rows = (top..top + CELL).map(|y| &thumbnail.as_bytes()[y * SIDE + left..][..CELL]);
        (rows.flatten().map(|&grey| u32::from(grey)).sum::<u32>() / (CELL * CELL) as u32) as u8
    })
}
